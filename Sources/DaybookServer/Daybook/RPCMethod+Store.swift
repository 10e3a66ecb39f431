#if Server
import DaybookProtocol
import NIOCore

extension ByteBuffer {
    /// The message of `daybook.proto` whose bytes these are.
    func storeMessage<Message: WireMessage>(_ type: Message.Type) throws(RPCStatus) -> Message {
        do {
            return try Message(wireBytes: Array(readableBytesView))
        } catch {
            throw RPCStatus(.invalidArgument, error.description)
        }
    }
}

extension RPCMethod {
    /// A call of `daybook.v1`. What the store refuses is answered like what it does: in the message, where it has room.
    ///
    /// - Parameters:
    ///   - asking: Asks whether the caller may do it, before it is done.
    ///   - showing: What the caller may see of what the store answers.
    static func store<Request: WireMessage, Success: WireMessage, Failure: WireMessage & Error>(
        _ answer: @escaping @Sendable (Request) async throws(Failure) -> Success,
        asking: @escaping @Sendable (Request) async throws(AccessDenial) -> Void = { _ in },
        showing: @escaping @Sendable (Success) async throws(AccessDenial) -> Success = { $0 }
    ) -> RPCMethod {
        .unary { (message: ByteBuffer, _: RPCContext) async throws -> ByteBuffer in
            let request = try message.storeMessage(Request.self)
            try await asking(request)
            var result: Result<Success, Failure>
            do throws(Failure) { result = .success(try await answer(request)) } catch { result = .failure(error) }
            if case .success(let success) = result { result = .success(try await showing(success)) }
            return ByteBuffer(bytes: result.wireBytes)
        }
    }

    /// The same of a call that may wait for long, so that a server that shuts down ends it, or the loss of the right
    /// to it.
    ///
    /// - Parameter changes: Whether what is asked for changes something.
    static func waitingStore<Request: WireMessage, Success: WireMessage, Failure: WireMessage & Error>(
        _ answer: @escaping @Sendable (Request) async throws(Failure) -> Success,
        changes: @escaping @Sendable (Request) -> Bool = { _ in false }
    ) -> RPCMethod {
        .streaming { (requests: RPCRequests, responses: RPCResponses, _: RPCContext) in
            guard let message = try await requests.next() else {
                throw RPCStatus(.internalError, "The method takes one message, and none came.")
            }
            let request = try message.storeMessage(Request.self)
            let result = try await CallAccess.whileAllowed(changes: changes(request)) {
                () async -> Result<Success, Failure> in
                do throws(Failure) { return .success(try await answer(request)) } catch { return .failure(error) }
            }
            let bytes = result.wireBytes
            try await responses.send { $0.writeBytes(bytes) }
        }
    }
}

extension RPCRoutes {
    mutating func add(_ method: StoreMethod, _ answer: RPCMethod) { self[method.path] = answer }
    mutating func add(_ method: OperationsMethod, _ answer: RPCMethod) { self[method.path] = answer }
}
#endif
