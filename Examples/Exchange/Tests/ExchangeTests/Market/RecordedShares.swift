import DaybookCore
import Exchange
import Foundation
import Testing

/// A day of shares that was interrupted after three rounds, as the exchange recorded it before it knew bonds.
///
/// `Fixtures/shares-2026-01-05.ndjson` was written by `daybook export` from what commit 85532d3 recorded of
/// ``configuration``. It is never written again: it stands for every log that is out there.
struct RecordedShares {
    /// One recorded event. Data and metadata are cut out of the line, byte for byte.
    struct Line: Hashable {
        var stream: StreamName
        var version: StreamVersion
        var type: EventType
        var schemaVersion: UInt32
        var data: String
        var metadata: String
        var tags: [DaybookCore.Tag]

        var event: NewEvent {
            NewEvent(
                type: type, schemaVersion: schemaVersion, data: Array(data.utf8), metadata: Array(metadata.utf8),
                tags: tags)
        }
    }

    static let rounds = 3

    static var configuration: OrderFlow.Configuration {
        var configuration = OrderFlow.Configuration()
        configuration.seed = 3
        configuration.orders = 200
        configuration.traders = 4
        configuration.arrivalsPerRound = 20
        configuration.listings = Array(OrderFlow.Listing.examples.prefix(2))
        return configuration
    }

    let lines: [Line]

    init() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Fixtures/shares-2026-01-05.ndjson")
        lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { try Self.line(String($0)) }
    }

    private static func line(_ text: String) throws -> Line {
        struct Fields: Decodable {
            var stream: StreamName
            var version: StreamVersion
            var type: EventType
            var schemaVersion: UInt32
            var tags: [DaybookCore.Tag]?
        }
        let fields = try JSONDecoder().decode(Fields.self, from: Data(text.utf8))
        // The members stand in this order, and no text in them holds these keys.
        let data = try #require(text.range(of: #","data":"#))
        let metadata = try #require(text.range(of: #","metadata":"#))
        let end = text.range(of: #","tags":"#)?.lowerBound ?? text.index(before: text.endIndex)
        return Line(
            stream: fields.stream, version: fields.version, type: fields.type, schemaVersion: fields.schemaVersion,
            data: String(text[data.upperBound..<metadata.lowerBound]),
            metadata: String(text[metadata.upperBound..<end]), tags: fields.tags ?? [])
    }

    /// Appends all of it to a store, in the order of the log.
    func append(to store: any EventStore) async throws {
        for line in lines {
            let before = line.version.rawValue - 1
            try await store.append(
                [line.event], to: line.stream,
                expecting: before < 0 ? .noStream : .version(StreamVersion(before)))
        }
    }

    /// What a store holds, in the same form.
    static func lines(in store: any EventStore) async throws -> [Line] {
        var lines: [Line] = []
        for try await event in store.events(filter: .all) {
            lines.append(
                Line(
                    stream: event.stream, version: event.version, type: event.type,
                    schemaVersion: event.schemaVersion, data: String(decoding: event.data, as: UTF8.self),
                    metadata: String(decoding: event.metadata, as: UTF8.self), tags: event.tags))
        }
        return lines
    }
}
