#if Server
import NIOCore

/// What clients may take of a server's memory and attention: each limit has a name, a default and bounds, which
/// `daybook serve --print-configuration` lists, and what goes beyond one is refused.
///
/// ```swift
/// var limits = ServerLimits()
/// try limits.set("connections", to: 500)
/// ```
public struct ServerLimits: Sendable, Hashable {
    var rpc = RPCLimits()
    var http = HTTPLimits()
    var access = AccessLimits()
    /// The lines of the log that wait to be written, in bytes: what comes while they are full is left out, and counted.
    var logBytesHeld = 1 << 20
    /// The reads that may wait for their lines in the audit log.
    var auditReadsWaiting = 10_000

    public init() {}

    /// What calls that are open get when the server ends, until they are cut off.
    public var shutdownSeconds: Int { rpc.graceTime.wholeSeconds }

    /// - Throws: ``SettingsError`` for a name that is none, and for a number out of bounds.
    public mutating func set(_ name: String, to number: Int) throws(SettingsError) {
        guard let setting = Setting.limit(name) else {
            throw .unknown(name: name, source: "ServerLimits.set", similar: Setting.similar(to: name, isLimit: true))
        }
        var settings = ServerSettings()
        settings.limits = self
        guard setting.set(.int(number), in: &settings) else {
            throw .wrong(
                name: setting.path, source: "ServerLimits.set", value: "\(number)", wanted: setting.place.wanted)
        }
        self = settings.limits
    }
}

extension TimeAmount {
    /// Without what is left over.
    var wholeSeconds: Int {
        get { Int(nanoseconds / 1_000_000_000) }
        set { self = .seconds(Int64(newValue)) }
    }
}

extension Duration {
    /// Without what is left over.
    var wholeSeconds: Int {
        get { Int(components.seconds) }
        set { self = .seconds(newValue) }
    }
}
#endif
