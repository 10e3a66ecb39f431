import ArgumentParser
import DaybookCore
import DaybookSQLite
import Foundation

/// `daybook stats`: figures about a store.
struct Stats: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show figures about a store: its size, its events, its indexes.",
        discussion: """
            EXAMPLES
              daybook stats shop.db
              daybook stats shop.db --json
            """)

    @OptionGroup var store: StoreArgument
    @Flag(help: "One JSON object.") var json = false

    func run() async throws {
        let statistics = try await store.withFile { try await $0.statistics() }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let bytes = Array(try encoder.encode(statistics))
        if json { return try await StandardOutput.shared.write(bytes + Array("\n".utf8)) }
        var table = Table([.init(title: "FIGURE"), .init(title: "VALUE")])
        let members = try JSONText(parsing: bytes[...]).members ?? []
        try await StandardOutput.shared.write(
            table.text(of: members.map { [Self.title($0.key), Self.shown($0.key, $0.value)] }))
    }

    /// `indexedThrough` is shown as `indexed through`.
    static func title(_ key: String) -> String {
        key.reduce(into: "") { text, character in
            if character.isUppercase, text.last?.isLowercase == true { text.append(" ") }
            text += character.isUppercase && key != key.uppercased() ? character.lowercased() : String(character)
        }
    }

    private static func shown(_ key: String, _ value: JSONText) -> String {
        guard let number = value.integer else {
            return value.string ?? String(decoding: value.bytes, as: UTF8.self)
        }
        return key.hasSuffix("Bytes") ? "\(number.byteSize) (\(number.grouped))" : number.grouped
    }
}
