import ArgumentParser
import DaybookCore
import DaybookSQLite
import Foundation

/// `daybook stats`: figures about a store.
struct Stats: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show figures about a store: its size, its events, its indexes, its caches.",
        discussion: """
            Works on a store that an application has open, too, without the figures that only the application knows: those \
            of its writer and its connections. A server tells those as well, to operators.

            EXAMPLES
              daybook stats shop.db
              daybook stats shop.db --tables --json
              daybook stats --server daybook://shop.example:2113
            """)

    @OptionGroup var store: StoreArgument
    @Flag(help: "Also the rows and bytes of each table: reads the whole file.") var tables = false
    @Flag(help: "One JSON object.") var json = false

    func run() async throws {
        let statistics = try await statistics()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let bytes = Array(try encoder.encode(statistics))
        if json { return try await StandardOutput.shared.write(bytes + Array("\n".utf8)) }
        try await StandardOutput.shared.write(Self.text(of: try JSONText(parsing: bytes[...])))
        if tables, statistics.tables == nil {
            StandardError.line(
                "daybook: SQLite \(statistics.sqliteVersion) was built without dbstat: no sizes of tables.")
        }
    }

    private func statistics() async throws -> StoreStatistics {
        guard !store.isOnServer else {
            return try await store.upkeep(.statistics(includesTables: tables), "Counting")
        }
        return try await store.withFileOrObserving {
            try await $0.statistics(includingTables: tables)
        } observing: {
            try await SQLiteEventStore.statistics(ofFile: $0, includingTables: tables)
        }
    }

    /// Figures as a table, then each list of objects as one of its own.
    private static func text(of object: JSONText) -> String {
        let members = object.members ?? []
        var rows: [[String]] = []
        var lists = ""
        for (key, value) in members {
            if let elements = value.elements {
                let objects = elements.compactMap(\.members)
                guard let first = objects.first else { continue }
                var table = Table(first.map { Table.Column(title: title($0.key).uppercased(), alignment: .right) })
                lists += "\n\(title(key).uppercased())\n"
                lists += table.text(of: objects.map { $0.map { shown($0.key, $0.value) } })
            } else if let inner = value.members {
                rows += inner.map { ["\(title(key)) \(title($0.key))", shown($0.key, $0.value)] }
            } else {
                rows.append([title(key), shown(key, value)])
            }
        }
        var table = Table([.init(title: "FIGURE"), .init(title: "VALUE")])
        return table.text(of: rows) + lists
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
