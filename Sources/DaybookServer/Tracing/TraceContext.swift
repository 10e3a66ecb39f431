#if Server
/// Where a call stands in a trace that goes through several programs.
///
/// See https://www.w3.org/TR/trace-context/
struct TraceContext: Sendable, Hashable {
    /// `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`.
    let parent: String
    /// What vendors of tracing add; nil for nothing.
    let state: String?

    static let parentHeader = "traceparent"
    static let stateHeader = "tracestate"

    /// The longest state that is passed on; a longer one is left out, as the standard allows.
    static let stateBytes = 512
    /// The longest parent: later versions may add to what there is today.
    private static let parentBytes = 55...128

    /// Nil when the parent is none: it comes from outside, and is to stand in the log for good.
    init?(parent: String, state: String?) {
        guard Self.isParent(parent.utf8) else { return nil }
        self.parent = parent
        if let state, (1...Self.stateBytes).contains(state.utf8.count),
            state.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
        {
            self.state = state
        } else {
            self.state = nil
        }
    }

    /// A version, a trace, a span and flags, in digits of lower case.
    private static func isParent(_ text: String.UTF8View) -> Bool {
        guard parentBytes.contains(text.count) else { return false }
        let fields = text.split(separator: UInt8(ascii: "-"), maxSplits: 4, omittingEmptySubsequences: false)
        guard fields.count >= 4, fields[0].count == 2, fields[1].count == 32, fields[2].count == 16,
            fields[3].count == 2, fields.prefix(4).allSatisfy({ $0.allSatisfy(isDigit) })
        else { return false }
        guard fields[1].contains(where: { $0 != UInt8(ascii: "0") }),
            fields[2].contains(where: { $0 != UInt8(ascii: "0") }), !fields[0].elementsEqual("ff".utf8)
        else { return false }
        // The first version has these four, and no more.
        guard fields.count > 4 else { return true }
        return !fields[0].elementsEqual("00".utf8) && fields[4].allSatisfy { (0x21...0x7E).contains($0) }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
#endif
