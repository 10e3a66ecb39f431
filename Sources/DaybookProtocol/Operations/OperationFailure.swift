/// Why a server did not do what its operator asked for.
package struct OperationFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: Int64, Sendable {
        /// Any reason that is not among the others.
        case failed = 0
        case notFound = 1
        case exists = 2
        /// What was asked for breaks a rule.
        case invalid = 3
        /// Somebody else changes the same, or the server has too much to do: later it may be done.
        case busy = 4
        /// What has to be read for it is damaged.
        case damaged = 5
        /// The server, or its store, does nothing of the kind.
        case unsupported = 6
        /// A file that is to be made cannot be.
        case cannotCreate = 7
        case storageFailed = 8
        case cancelled = 9
        case closed = 10
        /// The caller is not known, or may not do this.
        case denied = 11
        // What the server does not say, but its client.
        /// The server cannot be reached, or does not answer.
        case unreachable = 12
    }

    package let code: Code
    /// What happened, with which value, what to do.
    package let description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}

extension OperationFailure: WireMessage {
    package func write(to writer: inout WireWriter) {
        writer.number(1, code.rawValue)
        writer.text(2, description)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var code = Code.failed
        var description = ""
        while let field = try reader.next() {
            switch field.number {
            case 1: code = Code(rawValue: try reader.number(field)) ?? .failed
            case 2: description = try reader.text(field)
            default: break
            }
        }
        self.init(code, description)
    }
}
