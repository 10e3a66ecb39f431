#if Server
import DaybookServer

/// What a server says once it takes calls: lines for people on standard error, or messages of its log where that is JSON.
struct ServerAnnouncement {
    let settings: ServerSettings
    let port: Int
    /// With which the first user is made; nil when there are users, or nobody is asked who calls.
    let token: String?

    func make(_ log: ServerLog) {
        let isEncrypted = settings.tlsCertificate != nil
        let address = "kurrentdb://localhost:\(port)\(isEncrypted ? "" : "?tls=false")"
        let documents = "\(isEncrypted ? "https" : "http")://localhost:\(port)/openapi.json"
        guard settings.logFormat == LogFormat.json.rawValue else {
            let host = settings.host.contains(":") ? "[\(settings.host)]" : settings.host
            StandardError.line("Serving on \(host):\(port). Connect by \(address), or see \(documents)")
            if let token {
                StandardError.line(
                    "There are no users yet. Make the first one, an admin, by POST /v1/users with the header\n"
                        + "  Authorization: Bearer \(token)\n"
                        + "and a body such as {\"login\":\"admin\",\"password\":\"…\"}, or by 'daybook users add --server "
                        + "daybook://HOST:\(port) LOGIN' with the token in DAYBOOK_TOKEN. The token ends with it, or with "
                        + "the server.")
            }
            return
        }
        log.announcer.notice(
            "Serving.",
            metadata: [
                "host": "\(settings.host)", "port": .stringConvertible(port), "address": "\(address)",
                "documents": "\(documents)",
            ])
        if let token {
            // The only way to tell it; it ends with the first user.
            log.announcer.notice(
                "There are no users yet: make the first one, an admin, by POST /v1/users with this token (Bearer).",
                metadata: ["token": "\(token)"])
        }
    }
}
#endif
