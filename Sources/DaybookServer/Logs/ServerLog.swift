#if Server
import DaybookCore
import Logging

/// Where a server's loggers write: lines on standard error, as text or as JSON.
public struct ServerLog: Sendable {
    private let format: LogFormat
    private let level: Logger.Level
    private let lines: LogLines

    /// The label of the log of calls, by which a program that collects lines can tell them apart.
    public static let accessLabel = "daybook.access"
    private static let label = "daybook.server"

    public init(_ settings: ServerSettings) {
        self.init(
            format: LogFormat(rawValue: settings.logFormat) ?? .text,
            level: Logger.Level(rawValue: settings.logLevel) ?? .info, bytesHeld: settings.limits.logBytesHeld)
    }

    /// - Parameter bytesHeld: Of lines that wait to be written.
    init(format: LogFormat, level: Logger.Level, bytesHeld: Int, descriptor: Int32 = 2) {
        self.format = format
        self.level = level
        lines = LogLines(descriptor: descriptor, mostBytes: bytesHeld) { count in
            LineLogHandler.line(
                TimeSource.system.now, .warning, Self.label, "Lines of the log were left out: they came too fast.",
                [("count", .stringConvertible(count))], format)
        }
    }

    public var logger: Logger { logger(label: Self.label, level: level) }

    /// For what is said once when the server starts, such as the token of the first user: whatever the level is, as nothing else
    /// tells it.
    public var announcer: Logger { logger(label: Self.label, level: min(level, .notice)) }

    /// Of calls: what it has to say is of the level `info`, and is said whatever the level of the others is.
    public var accessLogger: Logger { logger(label: Self.accessLabel, level: .info) }

    private func logger(label: String, level: Logger.Level) -> Logger {
        Logger(label: label) { LineLogHandler(label: $0, format: format, lines: lines, level: level) }
    }

    /// Returns when all that was logged is written.
    public func flush() { lines.flush() }
}
#endif
