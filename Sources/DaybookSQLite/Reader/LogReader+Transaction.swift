import DaybookCore

extension LogReader {
    /// How often a read is begun again because the index moved on twice while it ran.
    private static let attempts = 10

    /// Runs a read in one transaction, with the head that was published before it began.
    func inTransaction<Value>(
        headOf signal: HeadSignal, _ body: (LogReader, Int64) throws(StoreFailure) -> Value
    ) -> Result<Value, StoreFailure> {
        var attempt = 0
        while true {
            let result = Result { () throws(StoreFailure) in try once(headOf: signal, body) }
            if case .failure(.outdated) = result, attempt < Self.attempts {
                attempt += 1
                continue
            }
            return result
        }
    }

    private func once<Value>(
        headOf signal: HeadSignal, _ body: (LogReader, Int64) throws(StoreFailure) -> Value
    ) throws(StoreFailure) -> Value {
        let head = signal.head
        let epoch = index.tail.epoch
        do { try beginTransaction.run() } catch { throw .sqlite(error) }
        defer { if connection.isInTransaction { try? endTransaction.run() } }
        try index.begin(epoch: epoch)
        scavenged.begin()
        return try body(self, head)
    }

    /// Names of streams behind one that have events, in the order of their numbers, control streams not.
    func streams(after name: StreamName?, limit: Int, head: Int64) throws(StoreFailure) -> [StreamName] {
        var number: Int64 = 0
        // A name may be committed a moment before the head lets its first event, or its first settings, be seen.
        if let name, !name.isControl, let known = try names.number(.stream, name.rawValue) {
            let events = try index.last(under: IndexKey(kind: .stream, key: known), atOrBelow: head)
            let settings = try index.last(under: IndexKey(kind: .control, key: known), atOrBelow: head)
            if events != nil || settings != nil { number = known }
        }
        do {
            // All kinds, so that a name that is gone leaves a gap that shows.
            let statement = try connection.prepare("SELECT id, kind, text, crc FROM names WHERE id > ? ORDER BY id")
            statement.bind(1, number)
            defer { statement.reset() }
            var found: [StreamName] = []
            while found.count < limit, try statement.step() {
                let name = try NameReader.name(statement, expecting: number + 1)
                number += 1
                let stream = StreamName(unchecked: name.text)
                guard name.kind == .stream, !stream.isControl else { continue }
                let key = IndexKey(kind: .stream, key: number)
                guard try index.last(under: key, atOrBelow: head) != nil else { continue }
                found.append(stream)
            }
            return found
        } catch let failure as SQLiteFailure {
            throw StoreFailure(reading: failure, fromIndex: false)
        } catch let failure as StoreFailure {
            throw failure
        } catch {
            throw .indexDamaged("\(error)")
        }
    }
}
