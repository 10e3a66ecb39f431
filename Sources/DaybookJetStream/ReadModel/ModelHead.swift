#if JetStream
import DaybookCore

/// What a message says of a whole read model: how far it has come, and what is under way. Whoever changes documents of the model
/// changes this with them, in one atomic batch that expects it as it was: so changes have one order.
struct ModelHead: Sendable {
    enum Status: UInt8 {
        case live = 0
        /// Nothing is there any longer; its messages are being removed.
        case deleting = 1
        case gone = 2
    }

    /// Documents that were put down elsewhere, in parts, because they are too many for one batch. With the head that names them
    /// they count; whoever comes next brings them into their places first.
    struct Staged: Sendable {
        var generation: UInt64
        var parts: Int64
    }

    /// How many of the last changes are named.
    static let tokensKept = ChangeAttempt<UInt64>.tokensKept

    var status = Status.live
    /// Part of the subjects of its documents: those of a model that was deleted, and begun anew, are others.
    var epoch: UInt64
    var position: Position
    /// Whether a document of the model was ever cut into pieces.
    var hasPieces = false
    /// The last changes, newest first, as a ``ChangeAttempt`` looks for them.
    var tokens: [UInt64] = []
    var staged: Staged?

    /// A model that nobody has written.
    static func new() -> ModelHead { ModelHead(epoch: .random(in: .min ... .max), position: .start) }

    mutating func add(token: UInt64) { tokens = Array(([token] + tokens).prefix(Self.tokensKept)) }

    init(
        status: Status = .live, epoch: UInt64, position: Position, hasPieces: Bool = false, tokens: [UInt64] = [],
        staged: Staged? = nil
    ) {
        self.status = status
        self.epoch = epoch
        self.position = position
        self.hasPieces = hasPieces
        self.tokens = tokens
        self.staged = staged
    }

    init(_ body: [UInt8]) throws(RecordReader.Damage) {
        var reader = RecordReader(body)
        guard try reader.byte() == 1, let status = Status(rawValue: try reader.byte()) else {
            throw RecordReader.Damage()
        }
        self.status = status
        epoch = try reader.fixed()
        position = Position(try reader.number())
        hasPieces = try reader.byte() == 1
        let generation = try reader.fixed()
        let parts = try reader.count()
        staged = parts == 0 ? nil : Staged(generation: generation, parts: parts)
        let count = try reader.number()
        guard (0...64).contains(count) else { throw RecordReader.Damage() }
        for _ in 0..<count { tokens.append(try reader.fixed()) }
    }

    var bytes: [UInt8] {
        var writer = RecordWriter(reserving: 48 + tokens.count * 8)
        writer.add(1 as UInt8)
        writer.add(status.rawValue)
        writer.add(fixed: epoch)
        writer.add(position.rawValue)
        writer.add((hasPieces ? 1 : 0) as UInt8)
        writer.add(fixed: staged?.generation ?? 0)
        writer.add(staged?.parts ?? 0)
        writer.add(Int64(tokens.count))
        for token in tokens { writer.add(fixed: token) }
        return writer.bytes
    }
}
#endif
