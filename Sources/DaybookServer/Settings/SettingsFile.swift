#if Server
import Configuration
import DaybookCore
import Foundation

/// The file of a server's settings: an object of JSON, in which nothing is unknown, twice there or of another type.
struct SettingsFile: Sendable {
    let path: String
    let snapshot: JSONSnapshot
    /// The values as they stand there, by the path of the setting.
    let texts: [String: String]

    /// The most bytes that it has.
    private static let mostBytes = 1 << 20

    /// - Parameter source: Where the path is said, for messages.
    init(path: String, namedBy source: String) throws(SettingsError) {
        guard FileManager.default.fileExists(atPath: path) else { throw .missingFile(path: path, source: source) }
        let data: Data
        do { data = try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
            throw .unreadableFile(path: path, reason: error.localizedDescription)
        }
        try self.init(path: path, bytes: Array(data))
    }

    init(path: String, bytes: [UInt8]) throws(SettingsError) {
        guard bytes.count <= Self.mostBytes else {
            throw .unreadableFile(path: path, reason: "it has \(bytes.count) bytes, and \(Self.mostBytes) at most")
        }
        let json: JSONText
        do { json = try JSONText(parsing: bytes[...]) } catch {
            throw .unreadableFile(path: path, reason: "it is no JSON: \(error)")
        }
        guard let members = json.members else {
            throw .unreadableFile(path: path, reason: "it is \(json.kind.phrase)")
        }
        self.path = path
        texts = try Self.texts(of: members, source: Self.source(path))
        do {
            snapshot = try JSONSnapshot(data: bytes.span.bytes, providerName: path, parsingOptions: .default)
        } catch {
            throw .unreadableFile(path: path, reason: "\(error)")
        }
    }

    private static func texts(
        of members: [(key: String, value: JSONText)], source: String
    ) throws(SettingsError) -> [String: String] {
        var texts: [String: String] = [:]
        // Of two of them the snapshot has one.
        guard members.count(where: { $0.key == Setting.limits }) <= 1 else {
            throw .twice(name: Setting.limits, source: source)
        }
        for (key, value) in members {
            guard key == Setting.limits else {
                try add(Setting.named(key), key, value, isLimit: false, source, to: &texts)
                continue
            }
            guard let limits = value.members else {
                throw .wrong(
                    name: key, source: source, value: value.kind.phrase,
                    wanted: #"an object such as {"connections": 1000}"#)
            }
            for (name, value) in limits { try add(Setting.limit(name), name, value, isLimit: true, source, to: &texts) }
        }
        return texts
    }

    private static func add(
        _ setting: Setting?, _ name: String, _ value: JSONText, isLimit: Bool, _ source: String,
        to texts: inout [String: String]
    ) throws(SettingsError) {
        guard let setting else {
            throw .unknown(
                name: String(name.prefix(80)), source: source, similar: Setting.similar(to: name, isLimit: isLimit))
        }
        let text = String(decoding: value.bytes.prefix(80), as: UTF8.self)
        let fits =
            switch setting.place {
            case .text, .word, .choice: value.string != nil
            case .flag: value.boolean != nil
            case .number: value.integer != nil
            case .list: value.elements?.allSatisfy { $0.string != nil } ?? false
            }
        guard fits else {
            throw .wrong(name: setting.path, source: source, value: text, wanted: setting.place.wanted)
        }
        guard texts.updateValue(text, forKey: setting.path) == nil else {
            throw .twice(name: setting.path, source: source)
        }
    }

    private static func source(_ path: String) -> String { "file '\(path)'" }

    /// For messages.
    var source: String { Self.source(path) }
}
#endif
