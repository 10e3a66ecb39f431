#if Client
import DaybookCore
import DaybookProtocol
import NIOCore

/// Asks the server's store: encodes, waits for a connection, sends, and tries again as far as that is safe.
final class StoreLink: Sendable {
    /// What the store answered.
    struct Answer<Success: WireMessage, Refusal: StoreRefusal>: Sendable {
        let result: Result<Success, Refusal>
        /// Whether an attempt before this one may have had its effect, its answer having been lost.
        let isRepeat: Bool
    }

    /// When a call may be made again whose answer was lost.
    enum Repetition: Sendable {
        /// Twice is as once.
        case always
        /// Only as long as the server cannot have it.
        case unsent
    }

    /// How many bytes stand in front of a message.
    private static let prefixBytes = 5

    /// A year, in seconds.
    private static let longestTimeout = 31_536_000

    private let connector: Connector
    private let timeout: TimeAmount
    /// The longest time between two attempts.
    private let longPause: TimeAmount
    private let backoff: Backoff

    init(
        address: ServerAddress, configuration: ClientConfiguration, onLoss: @escaping @Sendable () -> Void
    ) throws(ClientError) {
        connector = try Connector(address: address, configuration: configuration, onLoss: onLoss)
        timeout = TimeAmount(min(configuration.timeout, .seconds(Self.longestTimeout)))
        longPause = TimeAmount(configuration.longestBackoff)
        backoff = Backoff(first: configuration.firstBackoff, longest: configuration.longestBackoff)
    }

    /// - Parameters:
    ///   - isWait: Whether the answer may take as long as it likes; the time of an operation then counts while there is no
    ///     connection.
    ///   - refusal: The kind of refusal that the method has.
    func ask<Request: WireMessage, Success: WireMessage, Refusal: StoreRefusal>(
        _ method: StoreMethod, _ request: Request, for success: Success.Type, or refusal: Refusal.Type,
        repeating repetition: Repetition, isWait: Bool = false
    ) async throws(CallFailure) -> Answer<Success, Refusal> {
        try await ask(
            at: method.path, request, for: success, or: refusal, repeating: repetition, within: timeout, isWait: isWait)
    }

    /// The same of any method of the server.
    ///
    /// - Parameter time: How long it may take; nil for what the client's configuration says.
    func ask<Request: WireMessage, Success: WireMessage, Refusal: StoreRefusal>(
        at path: String, _ request: Request, for success: Success.Type, or refusal: Refusal.Type,
        repeating repetition: Repetition, within time: TimeAmount? = nil, isWait: Bool = false
    ) async throws(CallFailure) -> Answer<Success, Refusal> {
        let timeout = time ?? self.timeout
        let message = request.wireBytes
        guard message.count <= StoreMethod.requestBytes else {
            throw CallFailure(
                .refused(.tooLarge),
                "the request has \(message.count) bytes, and a server takes \(StoreMethod.requestBytes)",
                mayHaveEffect: false)
        }
        let body = Self.framed(message)
        let trace = TraceHeaders.current
        var deadline = NIODeadline.now() + timeout
        var mayHaveEffect = false
        var failures = 0
        while true {
            var failure: CallFailure
            var connectedAt: NIODeadline?
            do throws(CallFailure) {
                let connection = try await connector.connection(by: deadline)
                connectedAt = NIODeadline.now()
                let call = ClientCall(path: path, headers: trace, body: body, deadline: isWait ? nil : deadline)
                let bytes = try await connection.answer(to: call)
                let result = try Self.result(bytes, Success.self, Refusal.self)
                guard case .failure(let refusal) = result, refusal.saysClosed else {
                    return Answer(result: result, isRepeat: mayHaveEffect)
                }
                failure = CallFailure(
                    .interrupted, "the server's store is closed", mayHaveEffect: Refusal.mayHaveEffectWhenClosed)
            } catch {
                failure = error
            }
            mayHaveEffect = mayHaveEffect || failure.mayHaveEffect
            failure.mayHaveEffect = mayHaveEffect
            // Who had somebody to wait for has as much time as one who begins to wait.
            if isWait, failure.kind == .interrupted, let connectedAt, connectedAt + longPause < NIODeadline.now() {
                deadline = NIODeadline.now() + timeout
                failures = 0
            }
            failures += 1
            let pause = backoff.delay(after: failures)
            guard failure.kind == .interrupted, repetition == .always || !mayHaveEffect,
                NIODeadline.now() + TimeAmount(pause) < deadline
            else { throw failure }
            do { try await Task.sleep(for: pause) } catch {
                throw CallFailure(.cancelled, "the task was cancelled", mayHaveEffect: mayHaveEffect)
            }
        }
    }

    private static func result<Success: WireMessage, Refusal: StoreRefusal>(
        _ bytes: [UInt8], _ success: Success.Type, _ refusal: Refusal.Type
    ) throws(CallFailure) -> Result<Success, Refusal> {
        do { return try Result<Success, Refusal>(wireBytes: bytes) } catch {
            throw CallFailure(
                .unintelligible, "the answer is not one that this client knows: \(error)", mayHaveEffect: true)
        }
    }

    private static func framed(_ message: [UInt8]) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: message.count + prefixBytes)
        buffer.writeInteger(0 as UInt8)
        buffer.writeInteger(UInt32(message.count))
        buffer.writeBytes(message)
        return buffer
    }

    func close(within patience: Duration) async { await connector.close(within: TimeAmount(patience)) }

    func closeNow() { connector.closeNow() }
}
#endif
