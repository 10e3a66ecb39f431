#if Server
import DaybookCore

/// How many events have one correlation identifier, and where the last of them are. Those before are in chunks, each of which is
/// written once.
///
/// A document of numbers of eight bytes, the lowest first: the count, then the positions behind the last whole chunk.
struct CorrelationEntry: Sendable, Equatable {
    /// How many positions a chunk has: few enough that an entry is small, which is written with each event.
    static let chunk: Int64 = 256

    private(set) var count: Int64 = 0
    private(set) var rest: [Position] = []

    /// A document is not what was written.
    struct Damage: Error, CustomStringConvertible {
        var description: String {
            "A document of the index of correlations is damaged: delete the read model '\(CorrelationIndex.model)', and it is "
                + "built anew."
        }
    }

    init() {}

    /// - Parameter document: Nil when there is none yet.
    init(_ document: [UInt8]?) throws(Damage) {
        guard let document else { return }
        let numbers = try Self.numbers(in: document)
        guard let first = numbers.first, first >= 0, Int64(numbers.count - 1) == first % Self.chunk else {
            throw Damage()
        }
        count = first
        rest = numbers.dropFirst().map { Position($0) }
    }

    var document: [UInt8] { Self.bytes(of: [count] + rest.map(\.rawValue)) }

    /// Takes the next event, whose position is above those before.
    ///
    /// - Returns: The chunk that is whole with it, with its number.
    mutating func append(_ position: Position) -> (number: Int64, document: [UInt8])? {
        count += 1
        rest.append(position)
        guard count % Self.chunk == 0 else { return nil }
        defer { rest = [] }
        return (number: count / Self.chunk - 1, document: Self.bytes(of: rest.map(\.rawValue)))
    }

    static func positions(ofChunk document: [UInt8]?) throws(Damage) -> [Position] {
        guard let document else { throw Damage() }
        let positions = try numbers(in: document).map { Position($0) }
        guard Int64(positions.count) == chunk else { throw Damage() }
        return positions
    }

    private static func bytes(of numbers: [Int64]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(numbers.count * 8)
        for number in numbers {
            for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
        }
        return bytes
    }

    private static func numbers(in bytes: [UInt8]) throws(Damage) -> [Int64] {
        guard bytes.count % 8 == 0 else { throw Damage() }
        var numbers: [Int64] = []
        for start in stride(from: 0, to: bytes.count, by: 8) {
            var number: UInt64 = 0
            for index in 0..<8 { number |= UInt64(bytes[start + index]) << UInt64(8 * index) }
            numbers.append(Int64(bitPattern: number))
        }
        return numbers
    }
}
#endif
