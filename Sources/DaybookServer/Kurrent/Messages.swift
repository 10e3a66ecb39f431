#if Server
import DaybookCore
import Foundation
import KurrentProtocol
import NIOCore
import SwiftProtobuf

extension ByteBuffer {
    /// The message whose bytes these are.
    func message<M: SwiftProtobuf.Message>(_ type: M.Type) throws(RPCStatus) -> M {
        do {
            return try M(serializedBytes: Array(readableBytesView))
        } catch {
            throw RPCStatus(.invalidArgument, "The message is no \(M.protoMessageName).")
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
