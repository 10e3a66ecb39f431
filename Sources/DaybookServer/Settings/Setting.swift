#if Server
import Configuration

/// One thing that can be said of how a server runs, and where it is kept.
struct Setting: Sendable {
    /// What a setting takes, and what of ``ServerSettings`` it is.
    enum Place: Sendable {
        case text(any WritableKeyPath<ServerSettings, String?> & Sendable)
        /// One that always has a value.
        case word(any WritableKeyPath<ServerSettings, String> & Sendable)
        case choice(any WritableKeyPath<ServerSettings, String> & Sendable, [String])
        case flag(any WritableKeyPath<ServerSettings, Bool> & Sendable)
        case number(any WritableKeyPath<ServerSettings, Int> & Sendable, ClosedRange<Int>)
        case list(any WritableKeyPath<ServerSettings, [String]> & Sendable)

        var type: ConfigType {
            switch self {
            case .text, .word, .choice: .string
            case .flag: .bool
            case .number: .int
            case .list: .stringArray
            }
        }

        /// For messages: what is to be written.
        var wanted: String {
            switch self {
            case .text, .word: "a text that is not empty"
            case .choice(_, let choices): "one of \(choices.joined(separator: ", "))"
            case .flag: "true or false"
            case .number(_, let bounds): "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)"
            case .list: "texts that are not empty: an array in the file, with commas between in the environment"
            }
        }
    }

    let name: String
    let isLimit: Bool
    let place: Place

    init(_ name: String, _ place: Place, isLimit: Bool = false) {
        self.name = name
        self.place = place
        self.isLimit = isLimit
    }

    static let limits = "limits"

    /// As the file has it, with a point between an object and its member.
    var path: String { isLimit ? "\(Self.limits).\(name)" : name }

    var key: AbsoluteConfigKey { AbsoluteConfigKey(isLimit ? [Self.limits, name] : [name]) }

    /// As somebody writes it: `--port`, `--limit connections`; the store's file has no name there.
    var flag: String { name == "file" ? "FILE" : isLimit ? "--limit \(name)" : "--\(name)" }

    static let variablePrefix = "DAYBOOK_"

    var variable: String {
        Self.variablePrefix + path.uppercased().map { $0 == "-" || $0 == "." ? "_" : String($0) }.joined()
    }

    /// - Returns: False for a value that the setting does not take; nothing is changed then.
    func set(_ content: ConfigContent, in settings: inout ServerSettings) -> Bool {
        switch (place, content) {
        case (.text(let place), .string(let text)) where !text.isEmpty:
            let path: WritableKeyPath<ServerSettings, String?> = place
            settings[keyPath: path] = text
        case (.word(let place), .string(let text)) where !text.isEmpty:
            let path: WritableKeyPath<ServerSettings, String> = place
            settings[keyPath: path] = text
        case (.choice(let place, let choices), .string(let text)) where choices.contains(text):
            let path: WritableKeyPath<ServerSettings, String> = place
            settings[keyPath: path] = text
        case (.flag(let place), .bool(let isOn)):
            let path: WritableKeyPath<ServerSettings, Bool> = place
            settings[keyPath: path] = isOn
        case (.number(let place, let bounds), .int(let number)) where bounds.contains(number):
            let path: WritableKeyPath<ServerSettings, Int> = place
            settings[keyPath: path] = number
        case (.list(let place), .stringArray(let texts)) where !texts.contains(""):
            let path: WritableKeyPath<ServerSettings, [String]> = place
            settings[keyPath: path] = texts
        default:
            return false
        }
        return true
    }

    /// What holds, for people.
    func text(in settings: ServerSettings) -> String {
        switch place {
        case .text(let place):
            let path: WritableKeyPath<ServerSettings, String?> = place
            return settings[keyPath: path] ?? "-"
        case .word(let place), .choice(let place, _):
            let path: WritableKeyPath<ServerSettings, String> = place
            return settings[keyPath: path]
        case .flag(let place):
            let path: WritableKeyPath<ServerSettings, Bool> = place
            return settings[keyPath: path] ? "true" : "false"
        case .number(let place, _):
            let path: WritableKeyPath<ServerSettings, Int> = place
            return String(settings[keyPath: path])
        case .list(let place):
            let path: WritableKeyPath<ServerSettings, [String]> = place
            let texts = settings[keyPath: path]
            return texts.isEmpty ? "-" : texts.joined(separator: ",")
        }
    }
}
#endif
