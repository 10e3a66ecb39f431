#if Server
import DaybookCore
import Foundation
import KurrentProtocol
import NIOCore

extension StreamsService {
    /// The events of one page, and so of one piece that is sent.
    private static let pageEvents = 500

    func read(_ options: ReadOptions, to responses: RPCResponses) async throws {
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

    // MARK: - One stream

    private func readStream(
        _ name: String, from start: ReadOptions.Start, count: Int, _ options: ReadOptions, to responses: RPCResponses
    ) async throws {
        let stream = try log.stream(name)
        var cursor: StreamCursor
        switch (start, options.direction) {
        case (.start, _): cursor = .start
        case (.end, _): cursor = .end
        case (.at(let revision), _): cursor = .version(StreamVersion(revision))
        }
        var remaining = start == .end && options.direction == .forward ? 0 : count
        var isFirst = true
        while true {
            let page = try await page(of: stream, name: name, from: cursor, options.direction, limit: remaining)
            if isFirst, page.state.status != .live {
                try await responses.send(.with { $0.streamNotFound.streamIdentifier = .init(name) })
                return
            }
            let events = page.events.prefix(remaining).compactMap(KurrentEvent.init)
            if isFirst, options.wantsBounds, options.direction == .forward, events.isEmpty, remaining > 0 {
                let first = max(page.state.firstVisibleVersion.rawValue, 0)
                if case .at(let asked) = start, first > asked {
                    try await responses.send(.with { $0.firstStreamPosition = UInt64(first) })
                } else if start == .start, first > 0 {
                    try await responses.send(.with { $0.firstStreamPosition = UInt64(first) })
                }
            }
            isFirst = false
            try await send(events, options, to: responses)
            remaining -= events.count
            guard remaining > 0, !page.isAtEnd, let last = page.events.last else {
                if options.wantsBounds, let last = page.state.lastVersion {
                    try await responses.send(.with { $0.lastStreamPosition = UInt64(last.rawValue) })
                }
                return
            }
            switch options.direction {
            case .forward: cursor = .version(last.version.next)
            case .backward: cursor = .version(last.version.advanced(by: -1))
            }
        }
    }

    /// A page of a stream as its readers see it. Of the metadata of a stream they see the last event alone.
    private func page(
        of stream: StreamName, name: String, from cursor: StreamCursor, _ direction: ReadDirection, limit: Int
    ) async throws -> StreamPage {
        if let subject = KurrentNames.subject(of: stream) {
            if let subjectStream = try? log.stream(subject),
                try await log.store.state(of: subjectStream).status == .tombstoned
            {
                throw KurrentFailure.streamDeleted(name)
            }
            var page = try await log.store.readPage(of: stream, from: .end, direction: .backward, limit: 1)
            page.isAtEnd = true
            if let last = page.events.last?.version {
                let isShown =
                    switch cursor {
                    case .version(let version): direction == .forward ? version <= last : version >= last
                    case .start: direction == .forward || last == .first
                    default: true
                    }
                if !isShown { page.events = [] }
            }
            return page
        }
        let page = try await log.store.readPage(
            of: stream, from: cursor, direction: direction, limit: max(1, min(limit, Self.pageEvents)))
        if page.state.status == .tombstoned { throw KurrentFailure.streamDeleted(name) }
        return page
    }

    private func subscribe(
        to name: String, after start: ReadOptions.Start, _ options: ReadOptions, to responses: RPCResponses
    ) async throws {
        let stream = try log.stream(name)
        let interest = signals.interest(in: stream)
        defer { signals.drop(interest) }
        let state = try await log.store.state(of: stream)
        if state.status == .tombstoned { throw KurrentFailure.streamDeleted(name) }
        var next: StreamVersion
        switch start {
        case .start: next = .first
        case .at(let revision): next = StreamVersion(revision == .max ? revision : revision + 1)
        case .end: next = state.lastVersion?.next ?? .first
        }
        if KurrentNames.subject(of: stream) != nil, let last = state.lastVersion, next < last { next = last }
        try await confirm(to: responses)
        var isLive = false
        while true {
            let seen = interest.count
            while true {
                let page = try await log.store.readPage(
                    of: stream, from: .version(next), direction: .forward, limit: Self.pageEvents)
                if page.state.status == .tombstoned {
                    if let event = try await log.lastEvent(of: stream.control).flatMap(KurrentEvent.init) {
                        try await send([event], options, to: responses)
                    }
                    throw KurrentFailure.streamDeleted(name)
                }
                try await send(page.events.compactMap(KurrentEvent.init), options, to: responses)
                if let last = page.events.last { next = last.version.next }
                if page.isAtEnd { break }
            }
            if !isLive {
                isLive = true
                try await responses.send(
                    .with {
                        $0.caughtUp.timestamp = .init(TimeSource.system.now)
                        if next > .first { $0.caughtUp.streamRevision = next.rawValue - 1 }
                    })
            }
            try await interest.wait(beyond: seen)
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
            let page = try await log.store.readPage(
                from: cursor, direction: options.direction, filter: .everything,
                limit: filter == nil ? min(remaining, Self.pageEvents) : Self.pageEvents)
            let events = page.events.lazy.compactMap(KurrentEvent.init)
                .filter { !$0.isHiddenFromAll && filter?.matches($0) ?? true }.prefix(remaining)
            let sent = Array(events)
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
        var progress = FilterProgress(interval: filter?.checkpointInterval)
        var isLive = false
        while true {
            let page = try await log.store.readPage(
                from: .after(position), direction: .forward, filter: .everything, limit: Self.pageEvents)
            var sent: [KurrentEvent] = []
            for event in page.events.lazy.compactMap(KurrentEvent.init) where !event.isHiddenFromAll {
                let isWanted = filter?.matches(event) ?? true
                if isWanted { sent.append(event) }
                if let checkpoint = progress.considered(event.position) {
                    try await send(sent, options, to: responses)
                    sent = []
                    try await sendCheckpoint(checkpoint, to: responses)
                }
            }
            try await send(sent, options, to: responses)
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

    /// Sends events in one piece, links with what they lead to.
    private func send(_ events: [KurrentEvent], _ options: ReadOptions, to responses: RPCResponses) async throws {
        guard !events.isEmpty else { return }
        let encoder = KurrentEventEncoder(uuidForm: options.uuidForm)
        var buffer = ByteBuffer()
        buffer.reserveCapacity(events.reduce(0) { $0 + 256 + $1.event.data.count + $1.event.metadata.count })
        for event in events {
            if options.resolvesLinks, let target = event.linkTarget {
                let resolved = try await log.resolve(target)
                buffer.writeRPCMessage { encoder.write(resolved, link: event, to: &$0) }
            } else {
                buffer.writeRPCMessage { encoder.write(event, link: nil, to: &$0) }
            }
        }
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
