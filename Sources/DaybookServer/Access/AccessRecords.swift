#if Server
import DaybookCore
import Logging

/// What is written down of who did what: calls in the access log, reads of marked categories in the audit log. Both are
/// messages of swift-log, whose metadata tells the values.
struct AccessRecords: Sendable {
    private let access: Logger
    private let audit: Logger
    /// The categories whose reads are written down.
    private let audited: Set<Category>

    init(access: Logger, audit: Logger, audited: Set<Category>) {
        self.access = access
        self.audit = audit
        self.audited = audited
    }

    /// A call that was let in, at the level `debug`: there are many.
    func admitted(_ method: String, _ principal: Principal, from address: String) {
        access.debug(
            "A call was let in.",
            metadata: ["method": "\(method)", "user": "\(principal.login)", "address": "\(address)"])
    }

    func refused(_ method: String, _ principal: Principal, from address: String, _ denial: AccessDenial) {
        access.notice(
            "A call was refused.",
            metadata: [
                "method": "\(method)", "user": "\(principal.login)", "address": "\(address)", "reason": "\(denial)",
            ])
    }

    /// Somebody reads, or goes on to read, a stream; or the log, in which there may be streams of every category.
    func read(_ resource: StreamResource, by principal: Principal, from address: String) {
        guard !audited.isEmpty else { return }
        switch resource.kind {
        case .ordinary, .system: guard audited.contains(resource.name.category) else { return }
        case .log, .index, .users: break
        }
        audit.notice(
            "A stream is read.",
            metadata: [
                "stream": "\(resource.name)", "metadata": "\(resource.isMetadata)", "user": "\(principal.login)",
                "address": "\(address)",
            ])
    }
}
#endif
