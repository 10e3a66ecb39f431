#if Server
import DaybookCore
import Foundation
import KurrentProtocol
import NIOCore
import SwiftProtobuf

extension ByteBuffer {
    /// The message whose bytes these are.
    func message<M: SwiftProtobuf.Message>(_ type: M.Type) throws(RPCStatus) -> M {
        guard fieldsFit else {
            throw RPCStatus(
                .invalidArgument,
                "The message has more than \(RPCLimits.fieldsPerMessage) fields: send less at once.")
        }
        do {
            return try M(serializedBytes: Array(readableBytesView))
        } catch {
            throw RPCStatus(.invalidArgument, "The message is no \(M.protoMessageName).")
        }
    }

    /// Whether the message has no more fields than there may be. An event of which there is nothing has two bytes, and takes a
    /// hundred times that when it is decoded, so that this is looked at before.
    ///
    /// - Complexity: O(fields), and nothing for a message that is too short to have so many. What is no message has few.
    private var fieldsFit: Bool {
        guard readableBytes > 2 * RPCLimits.fieldsPerMessage else { return true }
        return withUnsafeReadableBytes { bytes in
            var index = 0
            func varint() -> UInt64? {
                var value: UInt64 = 0
                for shift in stride(from: UInt64(0), to: 64, by: 7) {
                    guard index < bytes.count else { return nil }
                    let byte = bytes[index]
                    index += 1
                    value |= UInt64(byte & 0x7F) << shift
                    if byte < 0x80 { return value }
                }
                return nil
            }
            var count = 0
            while index < bytes.count {
                guard let tag = varint() else { return true }
                switch tag & 7 {
                case 0: guard varint() != nil else { return true }
                case 1: index += 8
                case 2:
                    guard let length = varint(), length <= UInt64(bytes.count - index) else { return true }
                    index += Int(length)
                case 5: index += 4
                default: break  // The beginning or the end of a group; what is in it counts as well.
                }
                count += 1
                if count > RPCLimits.fieldsPerMessage { return false }
            }
            return true
        }
    }

    init(_ message: some SwiftProtobuf.Message) throws {
        self.init(bytes: try message.serializedBytes() as [UInt8])
    }
}

extension RPCMethod {
    /// A unary method by its messages.
    static func unary<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ answer: @escaping @Sendable (Request, RPCContext) async throws -> Response
    ) -> RPCMethod {
        .unary { message, context in try ByteBuffer(await answer(message.message(Request.self), context)) }
    }

    /// A method that takes one message, and answers with many.
    static func unaryRequest<Request: SwiftProtobuf.Message>(
        _ answer: @escaping @Sendable (Request, RPCResponses, RPCContext) async throws -> Void
    ) -> RPCMethod {
        .streaming { requests, responses, context in
            guard let message = try await requests.next() else {
                throw RPCStatus(.internalError, "The method takes one message, and none came.")
            }
            try await CallAccess.recheck()
            try await answer(message.message(Request.self), responses, context)
        }
    }
}

extension RPCResponses {
    func send(_ message: some SwiftProtobuf.Message) async throws {
        let bytes: [UInt8] = try message.serializedBytes()
        try await send { $0.writeBytes(bytes) }
    }
}

extension EventStore_Client_StreamIdentifier {
    init(_ name: String) {
        self.init()
        streamName = Data(name.utf8)
    }

    /// The name; empty when there is none, or its bytes are no text.
    var text: String { String(validating: streamName, as: UTF8.self) ?? "" }
}

extension EventStore_Client_UUID {
    /// Either form is taken. Nil for text that is no UUID, and when neither is set.
    var eventID: EventID? {
        switch value {
        case .structured(let halves):
            EventID(
                high: UInt64(bitPattern: halves.mostSignificantBits),
                low: UInt64(bitPattern: halves.leastSignificantBits))
        case .string(let text): EventID(text)
        case nil: nil
        }
    }
}

extension Google_Protobuf_Timestamp {
    init(_ time: Timestamp) {
        self.init()
        seconds = time.microseconds / 1_000_000
        nanos = Int32(time.microseconds % 1_000_000) * 1_000
    }
}
#endif
