#if Server
import Foundation

/// How a call ends that does not succeed: a gRPC status, and the trailers by which clients tell what happened.
///
/// See https://github.com/grpc/grpc/blob/master/doc/statuscodes.md
struct RPCStatus: Error, Sendable, Hashable {
    enum Code: Int, Sendable {
        case ok = 0
        case cancelled = 1
        case unknown = 2
        case invalidArgument = 3
        case deadlineExceeded = 4
        case notFound = 5
        case alreadyExists = 6
        case permissionDenied = 7
        case resourceExhausted = 8
        case failedPrecondition = 9
        case aborted = 10
        case outOfRange = 11
        case unimplemented = 12
        case internalError = 13
        case unavailable = 14
        case dataLoss = 15
        case unauthenticated = 16
    }

    /// As documentation of gRPC spells it.
    var name: String {
        switch code {
        case .ok: "OK"
        case .cancelled: "CANCELLED"
        case .unknown: "UNKNOWN"
        case .invalidArgument: "INVALID_ARGUMENT"
        case .deadlineExceeded: "DEADLINE_EXCEEDED"
        case .notFound: "NOT_FOUND"
        case .alreadyExists: "ALREADY_EXISTS"
        case .permissionDenied: "PERMISSION_DENIED"
        case .resourceExhausted: "RESOURCE_EXHAUSTED"
        case .failedPrecondition: "FAILED_PRECONDITION"
        case .aborted: "ABORTED"
        case .outOfRange: "OUT_OF_RANGE"
        case .unimplemented: "UNIMPLEMENTED"
        case .internalError: "INTERNAL"
        case .unavailable: "UNAVAILABLE"
        case .dataLoss: "DATA_LOSS"
        case .unauthenticated: "UNAUTHENTICATED"
        }
    }

    struct Trailer: Sendable, Hashable {
        let name: String
        let value: String
    }

    let code: Code
    let message: String
    private(set) var trailers: [Trailer] = []

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The same with a trailer more. A value that is not printable ASCII is left out: it would break the header block.
    func adding(_ name: String, _ value: some CustomStringConvertible) -> RPCStatus {
        let text = value.description
        guard text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else { return self }
        var status = self
        status.trailers.append(Trailer(name: name, value: text))
        return status
    }

    /// The same with a trailer of bytes, which travel as Base64 without padding; its name ends in `-bin`.
    ///
    /// Keep it to some kilobytes: clients refuse a header block of more than 8 or 16 KiB, and the status with it.
    func adding(_ name: String, bytes: some Sequence<UInt8>) -> RPCStatus {
        precondition(name.hasSuffix("-bin"), "The trailer '\(name)' has bytes, so that its name must end in '-bin'.")
        var text = Data(bytes).base64EncodedString()[...]
        while text.last == "=" { text.removeLast() }
        var status = self
        status.trailers.append(Trailer(name: name, value: String(text)))
        return status
    }

    /// What a client is told of an error that nobody foresaw: nothing of what is inside.
    static let unforeseen = RPCStatus(.unknown, "Exception was thrown by handler.")

    /// The message as it stands in `grpc-message`: percent-encoded where it is not printable ASCII, or a percent sign.
    ///
    /// See https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses
    var encodedMessage: String {
        guard message.utf8.contains(where: { !(0x20...0x7E).contains($0) || $0 == UInt8(ascii: "%") }) else {
            return message
        }
        let digits = Array("0123456789ABCDEF".utf8)
        var text: [UInt8] = []
        for byte in message.utf8 {
            if (0x20...0x7E).contains(byte), byte != UInt8(ascii: "%") {
                text.append(byte)
            } else {
                text += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0xF)]]
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
#endif
