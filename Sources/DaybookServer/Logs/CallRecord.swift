#if Server
import Logging
import Synchronization

/// One call, from its first header to its last byte, as the log of calls tells of it. There is none where calls are not logged.
///
/// Who calls, which method or path, how it ended, how long it took, how many bytes came and went: nothing of what is in them, and
/// no header and no query, where secrets may be.
final class CallRecord: Sendable {
    private struct State {
        var login = ""
        var received = 0
        var sent = 0
        var hasEnded = false
    }

    private let method: String
    private let address: String
    private let logger: Logger
    private let begun: ContinuousClock.Instant
    private let state = Mutex(State())

    /// The most bytes of a path that are logged.
    private static let mostBytes = 512

    /// - Parameter method: The path of a method, or a verb and a path.
    init(_ method: String, from address: String, logger: Logger, begun: ContinuousClock.Instant = .now) {
        self.method =
            method.utf8.count <= Self.mostBytes
            ? method : String(decoding: method.utf8.prefix(Self.mostBytes), as: UTF8.self) + "…"
        self.address = address
        self.logger = logger
        self.begun = begun
    }

    /// The call is somebody's, who is known now; nobody where it stays empty.
    func isBy(_ principal: Principal) { state.withLock { $0.login = principal.login } }

    func received(_ bytes: Int) { state.withLock { $0.received += bytes } }

    func sent(_ bytes: Int) { state.withLock { $0.sent += bytes } }

    /// Logs the call, once.
    ///
    /// - Parameter status: A status of HTTP, or the name of one of gRPC.
    func end(_ status: String, now: ContinuousClock.Instant = .now) {
        let ended = state.withLock { state -> State? in
            guard !state.hasEnded else { return nil }
            state.hasEnded = true
            return state
        }
        guard let ended else { return }
        let microseconds = Int((now - begun) / .microseconds(1))
        logger.info(
            "call",
            metadata: [
                "user": "\(ended.login.isEmpty ? "-" : ended.login)", "address": "\(address)", "method": "\(method)",
                "status": "\(status)", "microseconds": .stringConvertible(microseconds),
                "received": .stringConvertible(ended.received), "sent": .stringConvertible(ended.sent),
            ])
    }
}
#endif
