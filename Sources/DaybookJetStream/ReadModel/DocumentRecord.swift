#if JetStream
import DaybookCore

/// What a document's message holds.
struct DocumentRecord: Sendable {
    enum Content: Sendable {
        case data(ArraySlice<UInt8>)
        /// Too large for a message: it was cut into pieces, which have subjects of their own.
        case pieces(generation: UInt64, count: Int64)
        /// There is no document any longer. The server forgets the message after a while.
        case deleted
    }

    var key: String
    var content: Content

    init(key: String, content: Content) {
        self.key = key
        self.content = content
    }

    init(_ body: [UInt8]) throws(RecordReader.Damage) {
        var reader = RecordReader(body)
        guard try reader.byte() == 1 else { throw RecordReader.Damage() }
        let kind = try reader.byte()
        key = try reader.text()
        switch kind {
        case 0: content = .data(reader.rest())
        case 1:
            content = .pieces(
                generation: try reader.fixed(), count: try reader.count(below: Int64(Limits.documentBytes) + 1))
        case 2: content = .deleted
        default: throw RecordReader.Damage()
        }
    }

    var bytes: [UInt8] {
        switch content {
        case .data(let data):
            var writer = writer(0, reserving: data.count)
            writer.addRest(Array(data))
            return writer.bytes
        case .pieces(let generation, let count):
            var writer = writer(1, reserving: 20)
            writer.add(fixed: generation)
            writer.add(count)
            return writer.bytes
        case .deleted: return writer(2, reserving: 0).bytes
        }
    }

    private func writer(_ kind: UInt8, reserving count: Int) -> RecordWriter {
        var writer = RecordWriter(reserving: count + key.utf8.count + 8)
        writer.add(1 as UInt8)
        writer.add(kind)
        writer.add(key)
        return writer
    }
}
#endif
