import DaybookCore
import Testing

@testable import DaybookServer

@Suite struct KurrentFilterTests {
    private static func event(_ type: String) throws -> KurrentEvent {
        let type = try EventType(type)
        return try #require(
            KurrentEvent(
                RecordedEvent(
                    id: EventID(), type: type, schemaVersion: 1, contentType: .json, data: [], metadata: [], tags: [],
                    stream: "order-1", version: 0, position: 1, recordedAt: Timestamp(microseconds: 5))))
    }

    @Test func aPatternIsSearchedFor() throws {
        let filter = try KurrentFilter(KurrentFilter.Definition(subject: .type, regex: "(Placed|Paid)$"))
        for _ in 0..<2 {
            #expect(try filter.matches(Self.event("OrderPlaced")))
            #expect(try !filter.matches(Self.event("OrderPlacedTwice")))
        }
        let long = String(repeating: "a", count: 512)
        #expect(try !filter.matches(Self.event(long)))
        let any = try KurrentFilter(KurrentFilter.Definition(subject: .type, regex: "a.*b|.*a$"))
        #expect(try any.matches(Self.event(long)))
    }

    /// Else it would keep everybody waiting whom the same event loop serves.
    @Test(arguments: ["(a+)+b", "(a|a)*b", "(.*)*(.*)*(.*)*b"]) func aPatternThatTakesTooLongIsRefused(
        _ pattern: String
    ) throws {
        let filter = try KurrentFilter(KurrentFilter.Definition(subject: .type, regex: pattern))
        let event = try Self.event(String(repeating: "a", count: 200) + "!")
        let status = #expect(throws: RPCStatus.self) { try filter.matches(event) }
        #expect(status?.code == .invalidArgument)
    }

    @Test func prefixesAreBoundInNumber() throws {
        var definition = KurrentFilter.Definition(subject: .type)
        definition.prefixes = (0..<KurrentFilter.mostPrefixes).map { "\($0)x" }
        #expect(try KurrentFilter(definition).matches(Self.event("999xy")))
        definition.prefixes.append("x")
        let status = #expect(throws: RPCStatus.self) { try KurrentFilter(definition) }
        #expect(status?.code == .invalidArgument)
    }
}
