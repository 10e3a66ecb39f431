import DaybookCore

extension EventStoreLaw {
    static let expectedVersions: [EventStoreLaw] = StreamHistory.all.flatMap { history in
        [
            EventStoreLaw("An append to a stream that \(history.name) obeys every expected version") { store in
                for (index, expected) in StreamHistory.expectations.enumerated() {
                    let stream = StreamName(unchecked: "subject\(index)-1")
                    try await history.make(stream, in: store)
                    let what = "An append expecting \(expected) to a stream that \(history.name)"
                    let request = AppendRequest.events([fact(7)], to: stream, expecting: expected)
                    if let error = history.error(of: expected, for: stream, isWrite: true) {
                        try await store.requireRefusal(of: request, what, with: error)
                        continue
                    }
                    let result = try await store.requireAccepted(request, what)
                    let version = history.lastVersion?.next ?? .first
                    try requireEqual(result.version, version, "\(what): the version")
                    let state = try await store.state(of: stream)
                    try requireEqual(state.status, .live, "\(what): the state after it")
                    try requireEqual(state.lastVersion, version, "\(what): the last version after it")
                    try requireEqual(
                        try await store.wholeStream(stream).map(\.version), history.visible + [version],
                        "\(what): the versions that a reader sees")
                }
            },
            EventStoreLaw("A check of a stream that \(history.name) obeys every expected version") { store in
                for (index, expected) in StreamHistory.expectations.enumerated() {
                    let stream = StreamName(unchecked: "subject\(index)-1")
                    try await history.make(stream, in: store)
                    let what = "An append with a check of \(expected) of a stream that \(history.name)"
                    let request = AppendRequest.events(
                        [fact(7)], to: "other-1", checks: [.init(stream: stream, expected: expected)])
                    if let error = history.error(of: expected, for: stream, isWrite: false) {
                        try await store.requireRefusal(of: request, what, with: error)
                    } else {
                        try await store.requireAccepted(request, what)
                        try requireEqual(
                            try await store.state(of: stream).lastVersion, history.lastVersion,
                            "\(what): the last version of the stream after it")
                    }
                }
            },
            EventStoreLaw("Settings and deletions of a stream that \(history.name) obey every expected version") {
                store in
                let actions: [StreamWrite.Action] = [.setRetention(Retention(maxCount: 5)), .delete, .tombstone]
                for (index, expected) in StreamHistory.expectations.enumerated() {
                    for (number, action) in actions.enumerated() {
                        let stream = StreamName(unchecked: "subject\(index)-\(number)")
                        try await history.make(stream, in: store)
                        let what = "\(action) expecting \(expected) of a stream that \(history.name)"
                        let request = AppendRequest(writes: [.init(stream: stream, expected: expected, action: action)])
                        if let error = history.error(of: expected, for: stream, isWrite: true) {
                            try await store.requireRefusal(of: request, what, with: error)
                        } else {
                            let result = try await store.requireAccepted(request, what)
                            try requireEqual(result.version, history.lastVersion, "\(what): the version of the result")
                            try requireEqual(result.eventCount, 1, "\(what): the number of events")
                        }
                    }
                }
            },
        ]
    }
}

/// How a stream came to be as it is, and what may be expected of it then.
private struct StreamHistory: Sendable {
    /// Finishes the sentence "a stream that …".
    var name: String
    var lastVersion: StreamVersion?
    /// The versions that a reader sees.
    var visible: [StreamVersion]
    /// The expectations that hold.
    var holds: [ExpectedVersion]
    var isTombstoned = false
    /// What a refusal tells as the version found.
    var actual: StreamVersion?
    var steps: @Sendable (StreamName, any EventStore) async throws -> Void

    func make(_ stream: StreamName, in store: any EventStore) async throws { try await steps(stream, store) }

    func error(of expected: ExpectedVersion, for stream: StreamName, isWrite: Bool) -> AppendError? {
        if isTombstoned { return isWrite || expected != .any ? .streamTombstoned(stream: stream) : nil }
        return holds.contains(expected)
            ? nil : .wrongExpectedVersion(stream: stream, expected: expected, actual: actual)
    }

    static let expectations: [ExpectedVersion] = [
        .any, .noStream, .streamExists, .version(-1), .version(0), .version(1), .version(2), .version(3), .version(4),
        .version(StreamVersion(.max)), .version(StreamVersion(.min)),
    ]

    static let all: [StreamHistory] = [
        StreamHistory(name: "never existed", visible: [], holds: [.any, .noStream]) { _, _ in },
        StreamHistory(name: "only has settings", visible: [], holds: [.any, .noStream]) { stream, store in
            try await store.setRetention(Retention(maxCount: 10), of: stream)
        },
        StreamHistory(
            name: "exists", lastVersion: 2, visible: [0, 1, 2], holds: [.any, .streamExists, .version(2)], actual: 2
        ) { stream, store in
            try await store.append(facts(3), to: stream)
        },
        StreamHistory(
            name: "is truncated", lastVersion: 3, visible: [2, 3], holds: [.any, .streamExists, .version(3)], actual: 3
        ) { stream, store in
            try await store.append(facts(4), to: stream)
            try await store.setRetention(Retention(truncateBefore: 2), of: stream)
        },
        StreamHistory(
            name: "is truncated as a whole", lastVersion: 2, visible: [], holds: [.any, .streamExists, .version(2)],
            actual: 2
        ) { stream, store in
            try await store.append(facts(3), to: stream)
            try await store.setRetention(Retention(truncateBefore: 3), of: stream)
        },
        StreamHistory(
            name: "was deleted", lastVersion: 2, visible: [], holds: [.any, .noStream, .version(2)]
        ) { stream, store in
            try await store.append(facts(3), to: stream)
            try await store.delete(stream)
        },
        StreamHistory(
            name: "was deleted before its first event", visible: [], holds: [.any, .noStream]
        ) { stream, store in
            try await store.delete(stream, expecting: .any)
        },
        StreamHistory(
            name: "was deleted and written again", lastVersion: 3, visible: [3],
            holds: [.any, .streamExists, .version(3)], actual: 3
        ) { stream, store in
            try await store.append(facts(3), to: stream)
            try await store.delete(stream)
            try await store.append(facts(1), to: stream, expecting: .noStream)
        },
        StreamHistory(
            name: "was deleted, written again and truncated as a whole", lastVersion: 3, visible: [],
            holds: [.any, .streamExists, .version(3)], actual: 3
        ) { stream, store in
            try await store.append(facts(3), to: stream)
            try await store.delete(stream)
            try await store.append(facts(1), to: stream, expecting: .noStream)
            try await store.setRetention(Retention(truncateBefore: 4), of: stream)
        },
        StreamHistory(
            name: "was deleted, written again and deleted again", lastVersion: 3, visible: [],
            holds: [.any, .noStream, .version(3)]
        ) { stream, store in
            try await store.append(facts(3), to: stream)
            try await store.delete(stream)
            try await store.append(facts(1), to: stream, expecting: .noStream)
            try await store.delete(stream)
        },
        StreamHistory(name: "is tombstoned", lastVersion: 2, visible: [], holds: [], isTombstoned: true) {
            stream, store in
            try await store.append(facts(3), to: stream)
            try await store.tombstone(stream)
        },
        StreamHistory(
            name: "is tombstoned after a deletion", lastVersion: 2, visible: [], holds: [], isTombstoned: true
        ) { stream, store in
            try await store.append(facts(3), to: stream)
            try await store.delete(stream)
            try await store.tombstone(stream)
        },
        StreamHistory(
            name: "is tombstoned before its first event", visible: [], holds: [], isTombstoned: true
        ) { stream, store in
            try await store.tombstone(stream)
        },
    ]
}
