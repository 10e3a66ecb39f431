#if Server
import DaybookCore
import Foundation
import KurrentProtocol
import NIOCore

extension StreamsService {
    func read(_ options: ReadOptions, to responses: RPCResponses) async throws {
        switch options.source {
        case .stream(let name, _): try await CallAccess.require(.read, ofClient: name)
        case .all: try await CallAccess.require(.stream(.read, .log))
        }
        guard options.extent == .subscription else { return try await answer(options, to: responses) }
        try await CallAccess.whileAllowed { try await answer(options, to: responses) }
    }

    private func answer(_ options: ReadOptions, to responses: RPCResponses) async throws {
        try await Self.status {
            switch (options.source, options.extent) {
            case (.stream(let name, let start), .count(let count)):
                try await readStream(name, from: start, count: count, options, to: responses)
            case (.stream(let name, let start), .subscription):
                try await subscribe(to: name, after: start, options, to: responses)
            case (.all(let start, let filter), .count(let count)):
                try await readAll(from: start, count: count, filter: filter, options, to: responses)
            case (.all(let start, let filter), .subscription):
                try await subscribeToAll(after: start, filter: filter, options, to: responses)
            }
        }
    }

    private var reads: ReadMeter { log.metrics.reads[.kurrentdb] }
    private var follows: FollowMeter { log.metrics.follows[.kurrentdb] }

    // MARK: - One stream

    private func readStream(
        _ name: String, from start: ReadOptions.Start, count: Int, _ options: ReadOptions, to responses: RPCResponses
    ) async throws {
        let source = try log.source(of: name)
        var cursor = KurrentCursor(at: start)
        var remaining = start == .end && options.direction == .forward ? 0 : count
        var isFirst = true
        while true {
            let page = try await reads.page {
                try await source.page(
                    from: cursor, direction: options.direction, limit: remaining, resolvesLinks: options.resolvesLinks)
            }
            if isFirst, !page.isFound {
                try await responses.send(.with { $0.streamNotFound.streamIdentifier = .init(name) })
                return
            }
            if isFirst, options.wantsBounds, options.direction == .forward, page.events.isEmpty, remaining > 0 {
                let first = max(page.firstRevision, 0)
                if case .at(let asked) = start, first > asked {
                    try await responses.send(.with { $0.firstStreamPosition = UInt64(first) })
                } else if start == .start, first > 0 {
                    try await responses.send(.with { $0.firstStreamPosition = UInt64(first) })
                }
            }
            isFirst = false
            try await send(page.events, options, to: responses)
            remaining -= page.events.count
            cursor = page.next
            guard remaining > 0, !page.isAtEnd else {
                guard options.wantsBounds else { return }
                var last = page.lastRevision
                if last == nil { last = try await source.lastRevision() }
                if let last { try await responses.send(.with { $0.lastStreamPosition = UInt64(last) }) }
                return
            }
        }
    }

    private func subscribe(
        to name: String, after start: ReadOptions.Start, _ options: ReadOptions, to responses: RPCResponses
    ) async throws {
        let source = try log.source(of: name)
        let interest = signals.interest(in: source.subject)
        defer { signals.drop(interest) }
        var cursor = try await source.following(start)
        try await confirm(to: responses)
        follows.open.add()
        defer { follows.open.subtract() }
        var isLive = false
        do {
            while true {
                let seen = interest.count
                while true {
                    let page = try await reads.page {
                        try await source.nextPage(
                            at: cursor, limit: KurrentPage.limit, resolvesLinks: options.resolvesLinks)
                    }
                    try await send(page.events, options, to: responses)
                    follows.sent(
                        page.events.count, recordedAt: isLive ? page.events.first?.original.event.recordedAt : nil)
                    cursor = page.next
                    if page.isAtEnd { break }
                }
                if !isLive {
                    isLive = true
                    let reached = cursor.previousRevision
                    try await responses.send(
                        .with {
                            $0.caughtUp.timestamp = .init(TimeSource.system.now)
                            if let reached { $0.caughtUp.streamRevision = reached }
                        })
                }
                try await interest.wait(beyond: seen)
            }
        } catch let failure as KurrentFailure {
            if case .streamDeleted = failure, let event = try await source.farewell() {
                try await send([ResolvedEvent(event)], options, to: responses)
            }
            throw failure
        }
    }

    // MARK: - The whole log

    private func readAll(
        from start: ReadOptions.Start, count: Int, filter: KurrentFilter?, _ options: ReadOptions,
        to responses: RPCResponses
    ) async throws {
        var cursor: LogCursor
        switch (start, options.direction) {
        case (.start, .forward): cursor = .start
        case (.end, .backward): cursor = .end
        case (.at(let position), .forward): cursor = .position(Position(position))
        case (.at(let position), .backward):  // Without the event at the position.
            guard position > 1 else { return }
            cursor = .position(Position(position - 1))
        case (.start, .backward), (.end, .forward): return
        }
        var remaining = count
        while remaining > 0 {
            let page = try await reads.page(
                from: cursor, options.direction, filter: .everything,
                limit: filter == nil ? min(remaining, KurrentPage.limit) : KurrentPage.limit, in: log.store)
            var sent: [KurrentEvent] = []
            // What may not be seen is not compared with the filter either, whose failures name what they are about.
            for event in try await CallAccess.visible(page.events.compactMap(KurrentEvent.init))
            where !event.isHiddenFromAll {
                if sent.count == remaining { break }
                if try filter?.matches(event) ?? true { sent.append(event) }
            }
            try await send(sent, options, to: responses)
            remaining -= sent.count
            if page.isAtEnd { return }
            switch options.direction {
            case .forward: cursor = .after(page.scannedThrough)
            case .backward:
                guard page.scannedThrough.rawValue > 1 else { return }
                cursor = .position(page.scannedThrough.previous)
            }
        }
    }

    private func subscribeToAll(
        after start: ReadOptions.Start, filter: KurrentFilter?, _ options: ReadOptions, to responses: RPCResponses
    ) async throws {
        var position: Position
        switch start {
        case .start: position = .start
        case .at(let asked): position = Position(asked)
        case .end: position = try await log.store.head()
        }
        try await confirm(to: responses)
        follows.open.add()
        defer { follows.open.subtract() }
        var progress = FilterProgress(interval: filter?.checkpointInterval)
        var isLive = false
        while true {
            let page = try await reads.page(
                from: .after(position), .forward, filter: .everything, limit: KurrentPage.limit, in: log.store)
            var sent: [KurrentEvent] = []
            var count = 0
            var first: KurrentEvent?
            for event in try await CallAccess.visible(page.events.compactMap(KurrentEvent.init))
            where !event.isHiddenFromAll {
                let isWanted = try filter?.matches(event) ?? true
                if isWanted {
                    sent.append(event)
                    count += 1
                    if first == nil { first = event }
                }
                if let checkpoint = progress.considered(event.position) {
                    try await send(sent, options, to: responses)
                    sent = []
                    try await sendCheckpoint(checkpoint, to: responses)
                }
            }
            try await send(sent, options, to: responses)
            follows.sent(count, recordedAt: isLive ? first?.event.recordedAt : nil)
            position = max(position, page.scannedThrough)
            guard page.isAtEnd else { continue }
            if !isLive {
                isLive = true
                if let checkpoint = progress.rest() { try await sendCheckpoint(checkpoint, to: responses) }
                let reached = position
                try await responses.send(
                    .with {
                        $0.caughtUp.timestamp = .init(TimeSource.system.now)
                        if reached > .start {
                            $0.caughtUp.position.commitPosition = UInt64(reached.rawValue)
                            $0.caughtUp.position.preparePosition = UInt64(reached.rawValue)
                        }
                    })
            }
            _ = try await log.store.head(beyond: position)
        }
    }

    /// How far a filtered subscription has looked, and when its client has to be told.
    private struct FilterProgress {
        let interval: Int?
        var count = 0
        var last: Int64?
        var told: Int64?

        init(interval: Int?) { self.interval = interval }

        /// The position to tell the client, when it is time again.
        mutating func considered(_ position: Int64) -> Int64? {
            guard let interval else { return nil }
            last = position
            count += 1
            return count >= interval ? rest() : nil
        }

        /// The position that the client has not been told.
        mutating func rest() -> Int64? {
            guard interval != nil, let last, last != told else { return nil }
            count = 0
            told = last
            return last
        }
    }

    // MARK: - What is sent

    private func confirm(to responses: RPCResponses) async throws {
        try await responses.send(.with { $0.confirmation.subscriptionID = EventID().description })
    }

    private func sendCheckpoint(_ position: Int64, to responses: RPCResponses) async throws {
        try await responses.send(
            .with {
                $0.checkpoint.commitPosition = UInt64(position)
                $0.checkpoint.preparePosition = UInt64(position)
                $0.checkpoint.timestamp = .init(TimeSource.system.now)
            })
    }

    /// Sends events, links with what they lead to when that is asked for.
    private func send(_ events: [KurrentEvent], _ options: ReadOptions, to responses: RPCResponses) async throws {
        guard options.resolvesLinks else {
            return try await send(events.map { ResolvedEvent($0) }, options, to: responses)
        }
        var rest = events[...]
        while !rest.isEmpty {
            let resolved = try await log.resolved(rest)
            try await send(resolved, options, to: responses)
            rest = rest.dropFirst(resolved.count)
        }
    }

    /// Sends events in one piece.
    private func send(_ events: [ResolvedEvent], _ options: ReadOptions, to responses: RPCResponses) async throws {
        let events = try await CallAccess.visibleLinks(events)
        guard !events.isEmpty else { return }
        let encoder = KurrentEventEncoder(uuidForm: options.uuidForm)
        var buffer = ByteBuffer()
        buffer.reserveCapacity(events.reduce(0) { $0 + ($1.link == nil ? 256 : 512) + $1.payloadBytes })
        for event in events { buffer.writeRPCMessage { encoder.write(event.event, link: event.link, to: &$0) } }
        try await responses.send(framed: buffer)
    }
}

extension RPCResponses {
    fileprivate func send(_ response: EventStore_Client_Streams_ReadResp) async throws {
        let bytes: [UInt8] = try response.serializedBytes()
        try await send { $0.writeBytes(bytes) }
    }
}
#endif
