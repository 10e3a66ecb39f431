/// The lines of an input with their numbers, without their line ends.
struct LineSource {
    struct Line: Sendable {
        /// From 1.
        var number: Int
        var bytes: ArraySlice<UInt8>
    }

    private let source: ByteSource
    private let maximumBytes: Int
    private var piece: ArraySlice<UInt8> = []
    /// The beginning of a line whose end is in a later piece.
    private var begun: [UInt8] = []
    private var number = 0
    private var isAtEnd = false
    /// The bytes of all lines handed out so far.
    private(set) var bytesRead: Int64 = 0

    init(_ source: ByteSource, maximumBytes: Int) {
        self.source = source
        self.maximumBytes = maximumBytes
    }

    /// The next line; nil at the end.
    mutating func next() async throws -> Line? {
        while true {
            if let end = piece.firstIndex(of: UInt8(ascii: "\n")) {
                let line = begun.isEmpty ? piece[..<end] : (begun + piece[..<end])[...]
                bytesRead += Int64(line.count + 1)
                begun = []
                piece = piece[(end + 1)...]
                return try numbered(line)
            }
            begun.append(contentsOf: piece)
            piece = []
            guard begun.count <= maximumBytes else {
                _ = try numbered(begun[...])
                continue
            }
            if isAtEnd {
                guard !begun.isEmpty else { return nil }
                defer { begun = [] }
                bytesRead += Int64(begun.count)
                return try numbered(begun[...])
            }
            if let next = try await source.next() { piece = next[...] } else { isAtEnd = true }
        }
    }

    private mutating func numbered(_ line: ArraySlice<UInt8>) throws -> Line {
        number += 1
        guard line.count <= maximumBytes else {
            throw CommandFailure(
                .malformedInput, "Line \(number) has more than \(maximumBytes) bytes: split it into several.")
        }
        return Line(number: number, bytes: line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
    }
}
