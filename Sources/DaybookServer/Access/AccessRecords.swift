#if Server
import DaybookCore
import Logging

/// What is written down of who did what: calls that were let in or refused, as messages of swift-log, and reads of marked
/// streams in the audit log.
struct AccessRecords: Sendable {
    private let logger: Logger
    /// The streams whose reads are written down; and where. Nil where none is marked.
    private let audit: (streams: AuditedStreams, log: AuditLog)?

    init(logger: Logger, audit: (streams: AuditedStreams, log: AuditLog)? = nil) {
        self.logger = logger
        self.audit = audit
    }

    /// A call that was let in, at the level `debug`: there are many.
    func admitted(_ method: String, _ principal: Principal, from address: String) {
        logger.debug(
            "A call was let in.",
            metadata: ["method": "\(method)", "user": "\(principal.login)", "address": "\(address)"])
    }

    func refused(_ method: String, _ principal: Principal, from address: String, _ denial: AccessDenial) {
        var metadata: Logger.Metadata = [
            "method": "\(method)", "user": "\(principal.login)", "address": "\(address)", "reason": "\(denial.word)",
        ]
        if let details = denial.details { metadata["details"] = "\(details)" }
        logger.notice("A call was refused.", metadata: metadata)
    }

    func isAudited(_ resource: StreamResource) -> Bool { audit?.streams.contains(resource) ?? false }

    /// Somebody reads, or goes on to read, a stream. Returns when it is written down, where that is to be.
    ///
    /// - Throws: ``AccessDenial`` when it cannot be: what nobody knows of shall not be read.
    func read(
        _ resource: StreamResource, by principal: Principal, calling method: String, from address: String
    ) async throws(AccessDenial) {
        guard let audit, audit.streams.contains(resource) else { return }
        do {
            try await audit.log.record(
                AuditLog.Read(user: principal.login, address: address, call: method, stream: resource))
        } catch {
            switch error {
            case .tooManyWait:
                throw .unavailable("Too many reads wait for the audit log: try again.")
            case .unwritable(let reason):
                logger.error("The audit log cannot be written; a read is refused.", metadata: ["error": "\(reason)"])
                throw .unavailable("The read cannot be written down in the audit log: tell who runs the server.")
            }
        }
    }
}
#endif
