#if Server
import DaybookCore
import Logging

/// Makes lines of what is logged, as text or as JSON.
struct LineLogHandler: LogHandler {
    let label: String
    let format: LogFormat
    let lines: LogLines
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(label: String, format: LogFormat, lines: LogLines, level: Logger.Level) {
        self.label = label
        self.format = format
        self.lines = lines
        logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var values = metadata
        if let provided = metadataProvider?.get() { values.merge(provided) { $1 } }
        if let given = event.metadata { values.merge(given) { $1 } }
        if let error = event.error { values["error"] = "\(error)" }
        lines.append(
            Self.line(
                TimeSource.system.now, event.level, label, "\(event.message)", values.sorted { $0.key < $1.key },
                format))
    }

    /// No value can end its line, or begin another: what clients send is in them.
    static func line(
        _ time: Timestamp, _ level: Logger.Level, _ label: String, _ message: String,
        _ values: [(key: String, value: Logger.Metadata.Value)], _ format: LogFormat
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        switch format {
        case .text:
            bytes += "\(time) \(level) \(label): ".utf8
            bytes.appendPrintable(message)
            for (key, value) in values {
                bytes += " \(key)=".utf8
                let text = "\(value)"
                if text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") }), !text.isEmpty {
                    bytes += text.utf8
                } else {
                    bytes.appendJSONString(text)
                }
            }
        case .json:
            bytes += #"{"time":"\#(time)","level":"\#(level)","label":"#.utf8
            bytes.appendJSONString(label)
            bytes += #","message":"#.utf8
            bytes.appendJSONString(message)
            for (key, value) in values {
                bytes.append(UInt8(ascii: ","))
                bytes.appendJSONString(reserved.contains(key) ? "\(key)_" : key)
                bytes.append(UInt8(ascii: ":"))
                bytes.appendJSON(value)
            }
            bytes.append(UInt8(ascii: "}"))
        }
        return bytes
    }

    /// The members that every line has: a value of one of these names has another.
    private static let reserved: Set<String> = ["time", "level", "label", "message"]
}

extension [UInt8] {
    /// Control characters become spaces.
    fileprivate mutating func appendPrintable(_ text: String) {
        for scalar in text.unicodeScalars {
            append(contentsOf: scalar.properties.generalCategory == .control ? " ".utf8 : String(scalar).utf8)
        }
    }

    fileprivate mutating func appendJSON(_ value: Logger.Metadata.Value) {
        switch value {
        case .string(let text): appendJSONString(text)
        case .stringConvertible(let value):
            switch value {
            case let number as Int: append(contentsOf: String(number).utf8)
            case let isTrue as Bool: append(contentsOf: (isTrue ? "true" : "false").utf8)
            default: appendJSONString("\(value)")
            }
        case .array(let values):
            append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { append(UInt8(ascii: ",")) }
                appendJSON(value)
            }
            append(UInt8(ascii: "]"))
        case .dictionary(let values):
            append(UInt8(ascii: "{"))
            for (index, member) in values.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { append(UInt8(ascii: ",")) }
                appendJSONString(member.key)
                append(UInt8(ascii: ":"))
                appendJSON(member.value)
            }
            append(UInt8(ascii: "}"))
        }
    }
}
#endif
