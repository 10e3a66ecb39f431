import DaybookCore

extension DerivedStateLaw {
    static let checkpoints: [DerivedStateLaw] = [
        DerivedStateLaw("A checkpoint is the last one saved under its name, and nil before") { store in
            try requireEqual(try await store.checkpoint(for: "mailer"), nil, "A checkpoint never saved")
            for position in [Position(5), 9, 2, .start, Position(.max)] {
                try await store.save(Checkpoint(after: position), for: "mailer")
                try requireEqual(
                    try await store.checkpoint(for: "mailer"), Checkpoint(after: position), "The checkpoint just saved")
            }
            try await store.save(Checkpoint(after: 3), for: "printer")
            try requireEqual(
                try await store.checkpoint(for: "mailer")?.position, Position(.max), "The checkpoint of another name")
            let names = [
                String(repeating: "x", count: Limits.nameBytes), "\u{e9}", "e\u{301}", "日本", "'; --", "Mailer", " ",
            ]
            for (number, name) in names.enumerated() {
                try await store.save(Checkpoint(after: Position(Int64(number))), for: CheckpointName(unchecked: name))
            }
            for (number, name) in names.enumerated() {
                try requireEqual(
                    try await store.checkpoint(for: CheckpointName(unchecked: name))?.position, Position(Int64(number)),
                    "The checkpoint of '\(name.prefix(20))'")
            }
        },
        DerivedStateLaw("A deleted checkpoint is gone, alone and however often it is deleted, and may be saved again") {
            store in
            let names = ["mailer", "Mailer", "mailer-2", "\u{e9}", "e\u{301}", "*", ">", "%"]
            try await store.deleteCheckpoint(for: "mailer")
            for name in names { try await store.save(Checkpoint(after: 9), for: CheckpointName(unchecked: name)) }
            for (number, deleted) in names.enumerated() {
                let name = CheckpointName(unchecked: deleted)
                for _ in 0..<2 { try await store.deleteCheckpoint(for: name) }
                for (other, kept) in names.enumerated() {
                    try requireEqual(
                        try await store.checkpoint(for: CheckpointName(unchecked: kept))?.position,
                        other <= number ? nil : 9, "The checkpoint of '\(kept)' when '\(deleted)' was deleted")
                }
            }
            try await store.save(Checkpoint(after: 2), for: "mailer")
            try requireEqual(
                try await store.checkpoint(for: "mailer")?.position, 2, "The checkpoint saved after the deletion")
        },
    ]

    static let snapshots: [DerivedStateLaw] = [
        DerivedStateLaw("A snapshot comes back as it was saved, and a newer one replaces it") { store in
            let key: SnapshotKey = "account-1/balance"
            try requireEqual(try await store.snapshot(for: key), nil, "A snapshot never saved")
            let everyByte = (0...255).map { UInt8($0) }
            let rows: [Snapshot] = [
                Snapshot(key: key, version: 0, position: 1, schema: "", data: []),
                Snapshot(key: key, version: 4, position: 9, schema: "v1", data: everyByte),
                Snapshot(key: key, version: 4, position: 9, schema: "v1", data: [1]),
                Snapshot(key: key, version: 7, position: 30, schema: "v2 'é'", data: [2]),
            ]
            for snapshot in rows {
                try await store.save(snapshot)
                try requireEqual(try await store.snapshot(for: key), snapshot, "The snapshot just saved")
            }
            try requireEqual(try await store.snapshot(for: "account-2/balance"), nil, "A snapshot of another key")
        },
        DerivedStateLaw("A snapshot of a higher version stays, unless its schema is another") { store in
            let key: SnapshotKey = "account-1/balance"
            let high = Snapshot(key: key, version: 9, position: 20, schema: "v1", data: [9])
            try await store.save(high)
            try await store.save(Snapshot(key: key, version: 8, position: 18, schema: "v1", data: [8]))
            try requireEqual(try await store.snapshot(for: key), high, "The snapshot after one of a lower version")
            let other = Snapshot(key: key, version: 3, position: 5, schema: "v2", data: [3])
            try await store.save(other)
            try requireEqual(try await store.snapshot(for: key), other, "The snapshot after one of another schema")
        },
        DerivedStateLaw("A deleted snapshot is gone, and may be saved again") { store in
            let key: SnapshotKey = "account-1/balance"
            let snapshot = Snapshot(key: key, version: 9, position: 20, schema: "v1", data: [9])
            try await store.deleteSnapshot(for: key)
            try await store.save(snapshot)
            try await store.deleteSnapshot(for: key)
            try requireEqual(try await store.snapshot(for: key), nil, "A deleted snapshot")
            let lower = Snapshot(key: key, version: 1, position: 2, schema: "v1", data: [1])
            try await store.save(lower)
            try requireEqual(try await store.snapshot(for: key), lower, "The snapshot saved after the deletion")
        },
        DerivedStateLaw("Snapshots are deleted by the beginnings of their keys, but for those of a schema") { store in
            let keys = ["a x-1", "a x-2", "a x", "ab x-1", "A x-1", "a y-1", "\u{E9} x-1", "e\u{301} x-1", "%", "_"]
            func fill() async throws {
                for (number, key) in keys.enumerated() {
                    try await store.save(
                        Snapshot(
                            key: SnapshotKey(unchecked: key), version: 1, position: 2,
                            schema: number % 2 == 0 ? "v1" : "v2",
                            data: []))
                }
            }
            func left() async throws -> [String] {
                var left: [String] = []
                for key in keys where try await store.snapshot(for: SnapshotKey(unchecked: key)) != nil {
                    left.append(key)
                }
                return left
            }
            let rows: [(prefix: String, schema: String?, deleted: [String])] = [
                ("a x-", nil, ["a x-1", "a x-2"]), ("a x", "v1", ["a x-2"]), ("e", nil, ["e\u{301} x-1"]),
                ("\u{E9}", "v2", ["\u{E9} x-1"]), ("%", nil, ["%"]), ("none", nil, []), ("", "v3", keys),
                ("", nil, keys),
            ]
            for row in rows {
                try await fill()
                try requireEqual(
                    try await store.deleteSnapshots(keyPrefix: row.prefix, exceptSchema: row.schema), row.deleted.count,
                    "The number of snapshots deleted by '\(row.prefix)'")
                try requireEqual(
                    try await left(), keys.filter { key in !row.deleted.contains { $0.utf8.elementsEqual(key.utf8) } },
                    "The snapshots left by '\(row.prefix)'")
            }
        },
        DerivedStateLaw("A snapshot of the greatest size is saved, and one byte more refused") { store in
            let key: SnapshotKey = "account-1/balance"
            var snapshot = Snapshot(
                key: key, version: 1, position: 1, schema: "v1",
                data: [UInt8](repeating: 7, count: Limits.documentBytes))
            try await store.save(snapshot)
            snapshot.data.append(7)
            snapshot.version = 2
            try await Self.requireError(.tooLarge(key: key.rawValue, bytes: snapshot.data.count), "A larger snapshot") {
                try await store.save(snapshot)
            }
            let kept = try await store.snapshot(for: key)
            try requireEqual(kept?.version, 1, "The version of the snapshot kept")
            try requireEqual(kept?.data.count, Limits.documentBytes, "Its size")
        },
    ]

    static let readModels: [DerivedStateLaw] = [
        DerivedStateLaw("A batch changes documents and checkpoint together, from exactly where the model stands") {
            store in
            let model: ReadModelName = "balances"
            try requireEqual(try await store.checkpoint(of: model), .start, "The checkpoint of a model never written")
            try await store.commit(batch(model, .start, 5, ["a": [1], "b": []]))
            try await store.commit(batch(model, 5, 8, ["a": [2], "b": nil, "never": nil, "é": [3]]))
            try requireEqual(try await store.checkpoint(of: model), 8, "The checkpoint")
            try requireEqual(try await store.document("a", of: model), [2], "A document changed")
            try requireEqual(try await store.document("b", of: model), nil, "A document deleted")
            try requireEqual(try await store.document("never", of: model), nil, "A document deleted before it was")
            for previous in [Position.start, 5, 7, 9] {
                try await Self.requireError(
                    .checkpointMoved(model: model, expected: previous, actual: 8), "A batch from \(previous)"
                ) { try await store.commit(batch(model, previous, 12, ["a": [9], "x": [9]])) }
            }
            try requireEqual(try await store.document("a", of: model), [2], "A document after refused batches")
            try requireEqual(try await store.document("x", of: model), nil, "A document of refused batches")
            try await store.commit(batch(model, 8, 20, [:]))
            try requireEqual(try await store.checkpoint(of: model), 20, "The checkpoint after a batch of no change")
            try requireEqual(
                try await store.documents(["a", "b", "é", "x"], of: model), ["a": [2], "é": [3]], "Several documents")
            try requireEqual(try await store.documents([], of: model), [:], "No documents")
        },
        DerivedStateLaw("A batch that expects what documents hold is refused as a whole when one holds another content")
        {
            store in
            let model: ReadModelName = "balances"
            try await store.commit(batch(model, .start, 5, ["a": [1], "b": []], expecting: ["a": nil]))
            try await store.commit(batch(model, 5, 5, ["c": [3]], expecting: ["a": [1], "b": [], "never": nil]))
            let rows: [(key: String, data: [UInt8]?)] = [("a", [2]), ("a", nil), ("b", nil), ("never", []), ("c", [])]
            for (key, data) in rows {
                try await Self.requireError(
                    .documentChanged(model: model, key: key), "A batch that expects another '\(key)'"
                ) {
                    var expected: [String: [UInt8]?] = ["a": [1]]
                    expected.updateValue(data, forKey: key)
                    try await store.commit(batch(model, 5, 9, ["a": [9], "x": [9]], expecting: expected))
                }
            }
            try await Self.requireError(
                .checkpointMoved(model: model, expected: 4, actual: 5), "A batch from elsewhere that expects the truth"
            ) { try await store.commit(batch(model, 4, 9, ["x": [9]], expecting: ["a": [1]])) }
            try requireEqual(
                try await store.documents(["a", "b", "c", "x"], of: model), ["a": [1], "b": [], "c": [3]],
                "The documents after refused batches")
            try requireEqual(try await store.checkpoint(of: model), 5, "The checkpoint after refused batches")
        },
        DerivedStateLaw("Read models share nothing, and one is deleted alone") { store in
            try await store.commit(batch("balances", .start, 5, ["a": [1]]))
            try await store.commit(batch("tape", .start, 7, ["a": [2], "b": [3]]))
            try requireEqual(try await store.document("a", of: "balances"), [1], "A document of the first")
            try await store.deleteReadModel("balances")
            try requireEqual(try await store.checkpoint(of: "balances"), .start, "The checkpoint of the deleted one")
            try requireEqual(try await store.document("a", of: "balances"), nil, "A document of the deleted one")
            try requireEqual(try await store.document("a", of: "tape"), [2], "A document of the other one")
            try requireEqual(try await store.checkpoint(of: "tape"), 7, "The checkpoint of the other one")
            try await store.commit(batch("balances", .start, 2, ["c": [4]]))
            try requireEqual(try await store.document("c", of: "balances"), [4], "A document of the one begun anew")
            try await store.deleteReadModel("never")
        },
        DerivedStateLaw("Documents are listed in the order of their keys' bytes, page by page") { store in
            let keys = ["", "a", "a-1", "a-10", "a-2", "b", "B", "é", "z", "\u{FFFD}", "\u{1F600}", "日本"]
            try await store.commit(
                batch("tape", .start, 1, Dictionary(uniqueKeysWithValues: keys.map { ($0, Array($0.utf8)) })))
            let ordered = keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            for limit in [1, 2, 5, 12, 100] {
                var found: [String] = []
                var last: String?
                while true {
                    let page = try await store.documents(of: "tape", after: last, limit: limit)
                    try require(page.count <= limit, "A page of \(limit) documents has \(page.count)")
                    for (key, data) in page { try requireEqual(data, Array(key.utf8), "The document '\(key)'") }
                    guard let end = page.last?.key else { break }
                    found += page.map(\.key)
                    last = end
                    try require(found.count <= keys.count, "Pages of \(limit) documents give \(found), and go on")
                }
                try requireEqual(found, ordered, "The keys in pages of \(limit)")
            }
            let behind = try await store.documents(of: "tape", after: "a-11", limit: 2).map(\.key)
            try requireEqual(behind, ["a-2", "b"], "The keys behind one that is no document's")
            try requireEqual(
                try await store.documents(of: "never", after: nil, limit: 5).count, 0, "The documents of no model")
        },
        DerivedStateLaw("Of batches that race from one checkpoint, exactly one takes effect") { store in
            for round in 0..<10 {
                let previous = Position(Int64(round))
                let winners = try await withThrowingTaskGroup(of: Int?.self) { group in
                    for writer in 0..<8 {
                        group.addTask {
                            do {
                                try await store.commit(
                                    batch(
                                        "balances", previous, previous.next,
                                        ["a": [UInt8(writer)], "b": [UInt8(writer)]]))
                                return writer
                            } catch DerivedStateError.checkpointMoved {
                                return nil
                            }
                        }
                    }
                    return try await group.reduce(into: [Int]()) { if let winner = $1 { $0.append(winner) } }
                }
                try requireEqual(winners.count, 1, "The number of winners of round \(round)")
                for key in ["a", "b"] {
                    try requireEqual(
                        try await store.document(key, of: "balances"), winners.map { UInt8($0) }, "Document '\(key)'")
                }
            }
        },
        DerivedStateLaw("A batch of the greatest size is taken, and a larger one refused as a whole") { store in
            var changes: [String: [UInt8]?] = [:]
            for number in 0..<Limits.documentsPerBatch { changes["document-\(number)"] = [1] }
            var larger = changes
            larger["one more"] = [1]
            let tooMany = larger
            try await Self.requireError(.tooManyDocuments(larger.count), "A batch of one document more") {
                try await store.commit(batch("tape", .start, 1, tooMany))
            }
            try requireEqual(try await store.checkpoint(of: "tape"), .start, "The checkpoint after the refusal")
            try await store.commit(batch("tape", .start, 1, changes))
            try requireEqual(
                try await store.documents(["document-0", "document-9999"], of: "tape").count, 2,
                "Documents of the batch")
            let document = [UInt8](repeating: 7, count: Limits.documentBytes)
            try await Self.requireError(
                .tooLarge(key: "large", bytes: document.count + 1), "A document of one byte more"
            ) {
                try await store.commit(batch("tape", 1, 2, ["small": [1], "large": document + [7]]))
            }
            try requireEqual(try await store.document("small", of: "tape"), nil, "A document of the refused batch")
            try await store.commit(batch("tape", 1, 2, ["large": document]))
            try requireEqual(
                try await store.document("large", of: "tape")?.count, document.count, "The size of the largest document"
            )
        },
    ]

    private static func requireError(
        _ expected: DerivedStateError, _ what: String, of change: () async throws -> Void
    ) async throws {
        do { try await change() } catch let error as DerivedStateError {
            try requireEqual(error, expected, "\(what): the error")
            return
        }
        throw LawViolation("\(what) was accepted; expected: \(expected)")
    }
}

private func batch(
    _ model: ReadModelName, _ previous: Position, _ checkpoint: Position, _ changes: [String: [UInt8]?],
    expecting expected: [String: [UInt8]?] = [:]
) -> DocumentBatch {
    DocumentBatch(model: model, changes: changes, previous: previous, checkpoint: checkpoint, expected: expected)
}
