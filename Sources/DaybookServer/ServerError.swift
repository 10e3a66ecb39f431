#if Server
import DaybookCore

/// Why a server does not start.
public enum ServerError: Error, Equatable, CustomStringConvertible {
    /// Others than this machine would reach the server, and it cannot tell them apart.
    case notLoopback(host: String)
    /// The system does not let it listen there.
    case cannotListen(host: String, port: Int, reason: String)
    /// The index of correlations is asked for, and the store has no place for it.
    case noReadModels
    /// A file that a setting names, such as the certificate, the rules or the keys of tokens, or the folder of backups, is not
    /// there, or not what it should be.
    case unusableFile(what: String, setting: String, path: String, reason: String)
    /// Reads are to be written down, and there is no file for that, or it cannot be written.
    case unwritableAuditLog(file: String?, reason: String)
    /// What the log has of the groups of consumers is not what this version reads.
    case unreadableGroups(position: Position, reason: String)

    public var description: String {
        switch self {
        case .notLoopback(let host):
            "The server would listen on '\(host)', where other machines reach it, without TLS: give it a certificate, or listen "
                + "on 127.0.0.1, ::1 or localhost."
        case .cannotListen(let host, let port, let reason):
            "The server cannot listen on '\(host)', port \(port) (\(reason)): end what listens there, or choose another by --port "
                + "and --host; port 0 is any that is free."
        case .noReadModels:
            "The store keeps no read models, so that there can be no streams by correlation: leave them out, or serve another "
                + "store."
        case .unusableFile(let what, let setting, let path, let reason):
            "\(what) cannot be used: '\(path)', which \(setting) names, \(reason)."
        case .unwritableAuditLog(let file?, let reason):
            "The audit log '\(file)' cannot be written (\(reason)): name a file in a folder that the server may write to."
        case .unwritableAuditLog(nil, let reason):
            "Reads are to be audited, and \(reason): set ServerConfiguration.auditLog."
        case .unreadableGroups(let position, let reason):
            "The event at position \(position), of stream '\(StoredGroups.stream)', does not tell the groups of consumers "
                + "(\(reason)): use the version that wrote it, or delete the stream, and the groups with it."
        }
    }
}
#endif
