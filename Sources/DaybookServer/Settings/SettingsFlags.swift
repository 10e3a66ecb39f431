#if Server
import Configuration

/// What stands on the command line, in words.
public struct SettingsFlags: Sendable {
    /// By the path of the setting.
    private(set) var texts: [String: [String]] = [:]

    public init() {}

    /// - Parameter text: Nil when the flag is not there.
    public mutating func set(_ name: String, _ text: String?) {
        if let text { texts[name] = [text] }
    }

    public mutating func set(_ name: String, _ isOn: Bool?) { set(name, isOn.map { $0 ? "true" : "false" }) }

    /// - Parameter list: Empty when the flag is not there.
    public mutating func set(_ name: String, _ list: [String]) {
        if !list.isEmpty { texts[name] = list }
    }

    /// - Parameter text: `connections=500`.
    public mutating func setLimit(_ text: String) throws(SettingsError) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else {
            throw .wrong(
                name: "limit", source: "--limit", value: "'\(text.prefix(80))'", wanted: "its name, = and a number")
        }
        guard let setting = Setting.limit(parts[0]) else {
            throw .unknown(
                name: String(parts[0].prefix(80)), source: "--limit",
                similar: Setting.similar(to: parts[0], isLimit: true))
        }
        guard texts[setting.path] == nil else { throw .twice(name: parts[0], source: "--limit") }
        texts[setting.path] = [parts[1]]
    }

    /// - Throws: ``SettingsError/wrong(name:source:value:wanted:)`` where a number is none.
    func provider() throws(SettingsError) -> InMemoryProvider {
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        for setting in Setting.all {
            guard let texts = texts[setting.path], let last = texts.last else { continue }
            let content: ConfigContent
            switch setting.place {
            case .text, .word, .choice: content = .string(last)
            case .flag: content = .bool(last == "true")
            case .list: content = .stringArray(texts)
            case .number:
                guard let number = Int(last) else {
                    throw .wrong(
                        name: setting.path, source: setting.flag, value: "'\(last.prefix(80))'",
                        wanted: setting.place.wanted)
                }
                content = .int(number)
            }
            values[setting.key] = ConfigValue(content, isSecret: false)
        }
        return InMemoryProvider(name: "flags", values: values)
    }
}
#endif
