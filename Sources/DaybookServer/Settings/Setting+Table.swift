#if Server
import DaybookCore
import Logging

extension Setting {
    /// Every setting there is. Who adds one gives `daybook serve` its flag, and tells of it in `docs/operations.md`.
    static let all: [Setting] = general + limitTable

    private static let general: [Setting] = [
        Setting("file", .text(\.file)),
        Setting("host", .word(\.host)),
        Setting("port", .number(\.port, 0...65_535)),
        Setting("advertised-host", .text(\.advertisedHost)),
        Setting("insecure", .flag(\.insecure)),
        Setting("without-tls", .flag(\.withoutTLS)),
        Setting("tls-certificate", .text(\.tlsCertificate)),
        Setting("tls-key", .text(\.tlsKey)),
        Setting("tls-client-ca", .text(\.tlsClientCA)),
        Setting("token-keys", .text(\.tokenKeys)),
        Setting("token-issuer", .text(\.tokenIssuer)),
        Setting("token-audience", .text(\.tokenAudience)),
        Setting("token-roles-claim", .word(\.tokenRolesClaim)),
        Setting("access-rules", .text(\.accessRules)),
        Setting("backup-folder", .text(\.backupFolder)),
        Setting("correlation-streams", .flag(\.correlationStreams)),
        Setting("audit", .list(\.audit)),
        Setting("audit-streams", .list(\.auditStreams)),
        Setting("audit-log", .text(\.auditLog)),
        Setting("access-log", .flag(\.accessLog)),
        Setting("log-level", .choice(\.logLevel, Logger.Level.allCases.map(\.rawValue))),
        Setting("log-format", .choice(\.logFormat, LogFormat.allCases.map(\.rawValue))),
        Setting("event-source", .word(\.eventSource)),
        Setting("health-max-events-behind", .number(\.healthPolicy.eventsBehind, 0...1_000_000_000_000)),
        Setting("health-max-seconds-behind", .number(\.healthPolicy.secondsBehind, 0...1_000_000_000)),
        Setting("health-max-parked", .number(\.healthPolicy.maxParked, 0...1_000_000_000)),
        Setting("health-max-wal-bytes", .number(\.healthPolicy.walBytes, 0...1_000_000_000_000_000)),
        Setting("health-ignore", .list(\.healthPolicy.ignoredNames)),
    ]

    private static func limit(
        _ name: String, _ place: any WritableKeyPath<ServerSettings, Int> & Sendable, _ bounds: ClosedRange<Int>
    ) -> Setting {
        Setting(name, .number(place, bounds), isLimit: true)
    }

    private static let limitTable: [Setting] = [
        limit("connections", \.limits.rpc.connections, 1...1_000_000),
        limit("descriptors-left", \.limits.rpc.descriptorsLeft, 16...100_000),
        limit("first-bytes-seconds", \.limits.rpc.firstBytesTime.wholeSeconds, 1...3_600),
        limit("shutdown-seconds", \.limits.rpc.graceTime.wholeSeconds, 1...3_600),
        limit("calls-per-connection", \.limits.rpc.callsPerConnection, 1...100_000),
        limit("message-bytes", \.limits.rpc.messageBytes, 1_024...67_108_864),
        limit("call-header-bytes", \.limits.rpc.headerBytes, 1_024...1_048_576),
        limit("stream-window-bytes", \.limits.rpc.streamWindowBytes, 65_535...1_073_741_824),
        limit("connection-window-bytes", \.limits.rpc.connectionWindowBytes, 65_535...1_073_741_824),
        limit("connection-bytes-held", \.limits.rpc.bytesPerConnection, 65_536...1_099_511_627_776),
        limit("call-bytes-held", \.limits.rpc.bytesHeld, 65_536...1_099_511_627_776),
        limit("message-seconds", \.limits.rpc.messageTime.wholeSeconds, 1...86_400),
        limit("stray-frames", \.limits.rpc.strayFrames, 0...1_000_000),
        limit("control-frames", \.limits.rpc.controlFrames, 10...1_000_000),
        limit("resets", \.limits.rpc.resets, 10...1_000_000),
        limit("silent-seconds", \.limits.rpc.silentTime.wholeSeconds, 1...86_400),
        limit("answer-seconds", \.limits.rpc.answerTime.wholeSeconds, 1...3_600),
        limit("http-header-field-bytes", \.limits.http.headerFieldBytes, 1_024...1_048_576),
        limit("http-header-bytes", \.limits.http.headerBytes, 1_024...1_048_576),
        limit("http-header-fields", \.limits.http.headerFields, 10...10_000),
        limit("http-body-bytes", \.limits.http.bodyBytes, 1_024...1_073_741_824),
        limit("http-body-bytes-held", \.limits.http.bodyBytesHeld, 1_024...1_099_511_627_776),
        limit("http-body-seconds", \.limits.http.bodyTime.wholeSeconds, 1...86_400),
        limit("http-unread-seconds", \.limits.http.unreadTime.wholeSeconds, 1...86_400),
        limit("http-idle-seconds", \.limits.http.idleTime.wholeSeconds, 1...86_400),
        limit("http-heartbeat-seconds", \.limits.http.heartbeat.wholeSeconds, 1...3_600),
        limit("http-events-per-piece", \.limits.http.eventsPerPiece, 1...10_000),
        limit("password-hashes-at-once", \.limits.access.hashesAtOnce, 1...64),
        limit("password-hashes-waiting", \.limits.access.hashesWaiting, 0...10_000),
        limit("login-failures", \.limits.access.failuresPerPeer, 1...1_000),
        limit("login-forgiveness-seconds", \.limits.access.forgiveness.wholeSeconds, 1...3_600),
        limit("login-unseen", \.limits.access.guessesUnseen, 1...1_000),
        limit("login-unseen-forgiveness-seconds", \.limits.access.unseenForgiveness.wholeSeconds, 1...3_600),
        limit("login-addresses", \.limits.access.peersRemembered, 100...1_000_000),
        limit("logins-remembered", \.limits.access.verifiedPasswords, 1...1_000_000),
        limit("login-remembered-seconds", \.limits.access.verifiedTime.wholeSeconds, 1...86_400),
        limit("access-lists-remembered", \.limits.access.listsRemembered, 1...1_000_000),
        limit("access-recheck-seconds", \.limits.access.recheckTime.wholeSeconds, 1...60),
        limit("log-bytes-held", \.limits.logBytesHeld, 4_096...1_073_741_824),
        limit("audit-reads-waiting", \.limits.auditReadsWaiting, 1...1_000_000),
    ]

    private static let byPath = Dictionary(uniqueKeysWithValues: all.map { ($0.path, $0) })

    static func named(_ name: String) -> Setting? { byPath[name].flatMap { $0.isLimit ? nil : $0 } }

    static func limit(_ name: String) -> Setting? { byPath["\(limits).\(name)"] }

    /// The setting that somebody may have meant who wrote this: two letters are wrong at most.
    static func similar(to name: String, isLimit: Bool) -> String? {
        all.lazy.filter { $0.isLimit == isLimit }.map { (name: $0.name, distance: distance($0.name, name)) }
            .filter { $0.distance <= 2 }.min { $0.distance < $1.distance }?.name
    }

    /// How many letters are to be put in, left out or replaced to make one text of another. 3 stands for all from there.
    static func distance(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        guard abs(left.count - right.count) <= 2 else { return 3 }
        var row = Array(0...right.count)
        for (index, letter) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for (column, other) in right.enumerated() {
                let replaced = diagonal + (letter == other ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, row[column] + 1, row[column + 1] + 1)
            }
        }
        return min(row[right.count], 3)
    }
}

extension HealthPolicy {
    fileprivate var eventsBehind: Int {
        get { Int(maxEventsBehind) }
        set { maxEventsBehind = Int64(newValue) }
    }

    /// 0 for as old as they like.
    fileprivate var secondsBehind: Int {
        get { maxTimeBehind.map(\.wholeSeconds) ?? 0 }
        set { maxTimeBehind = newValue == 0 ? nil : .seconds(newValue) }
    }

    fileprivate var walBytes: Int {
        get { Int(maxWALBytes) }
        set { maxWALBytes = Int64(newValue) }
    }

    fileprivate var ignoredNames: [String] {
        get { ignoredConsumers.sorted() }
        set { ignoredConsumers = Set(newValue) }
    }
}
#endif
