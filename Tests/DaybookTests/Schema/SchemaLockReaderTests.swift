import Daybook
import DaybookCore
import DaybookTesting
import Foundation
import Testing

@Suite("A log that is held against its schema lock")
struct SchemaLockReaderTests {
    enum Kind: String, Codable { case small, large }
    enum Payment: Codable, Equatable {
        case cash
        case card(number: String)
    }
    struct Line: Codable, Equatable {
        var sku: String
        var count: Int
        var note: String?
    }
    enum Order: DomainEvent, Equatable {
        case placed(id: UUID, at: Date, lines: [Line], kind: Kind, payment: Payment, totals: [String: Double], ok: Bool)
        case cancelled(reason: String?)
        static let typePrefix = "order"
    }

    private let good = """
        {"id":"00000000-0000-4000-8000-000000000000","at":"2026-01-01T00:00:00Z","kind":"small","ok":true,"extra":1,\
        "lines":[{"sku":"a","count":1},{"sku":"b","count":2,"note":null}],"payment":{"card":{"number":"1"}},\
        "totals":{"eur":1.5}}
        """

    private func lock() throws -> SchemaLock {
        var lock = SchemaLock()
        lock.accept([try SchemaSource(Order.self)])
        return lock
    }

    @Test("has events whose data has the locked shape, and others, each with its place")
    func shapes() async throws {
        let store = InMemoryEventStore()
        let changes: [(from: String, to: String, problem: String?)] = [
            ("", "", nil), (#""count":1"#, #""count":1.0"#, nil), (#""eur":1.5"#, #""eur":2"#, nil),
            (#","note":null"#, #","note":"x""#, nil),
            (#""count":1"#, #""count":1.5"#, "'lines[0].count' is not a whole number."),
            (#""count":2"#, #""count":"2""#, "'lines[1].count' is not a whole number."),
            (#","count":1"#, "", "'lines[0].count' is missing."),
            (#""ok":true"#, #""ok":1"#, "'ok' is not a boolean."), (#""small""#, #""tiny""#, "'kind' is not one of"),
            (#"2026-01-01T"#, #"2026-13-01T"#, "'at' is not a text (date-time)."),
            (#""card":{"#, #""coin":{"#, "'payment' is not an object of one key of"),
            (#""number":"1""#, #""number":1"#, "'payment.card.number' is not a text."),
            (#"{"eur":1.5}"#, "[]", "'totals' is not an object with any keys"),
            (#""eur":1.5"#, #""eur":"a""#, "'totals.eur' is not a number."),
            (good, "[1]", "the data is not an object."), (good, "{", "its data is no JSON"),
        ]
        for change in changes {
            let data = change.from.isEmpty ? good : good.replacingOccurrences(of: change.from, with: change.to)
            try await store.append([NewEvent(type: "order.placed", data: Array(data.utf8))], to: "order-1")
        }
        try await store.append(
            [
                NewEvent(type: "order.cancelled", data: Array("{}".utf8)), NewEvent(type: "order.lost", data: []),
                NewEvent(type: "order.cancelled", schemaVersion: 2, data: Array("{}".utf8)),
            ], to: "order-2")
        let report = try await DecodingReport(reading: store, by: SchemaLockReader(try lock()))
        let wrong = changes.indices.filter { changes[$0].problem != nil }
        #expect(report.failures.map(\.position) == wrong.map { Position(Int64($0 + 1)) } + [18, 19])
        for (failure, index) in zip(report.failures, wrong) {
            guard case .undecodableData(let reason) = failure.cause else {
                Issue.record("\(failure)")
                continue
            }
            #expect(reason.contains(changes[index].problem ?? ""), "\(reason)")
        }
        #expect(report.failures.suffix(2).map(\.cause) == [.unknownType, .newerSchema(known: 1)])
        #expect(report.failureCounts[.init(type: "order.placed", schemaVersion: 1)] == wrong.count)
        #expect(report.eventCounts[.init(type: "order.cancelled", schemaVersion: 1)] == 1)
    }
}
