import DaybookCore
import Testing

@testable import DaybookServer

@Suite struct KurrentLogTests {
    private static func event(_ text: String = "{}") -> NewEvent { NewEvent(type: "Placed", data: Array(text.utf8)) }

    @Test func anAppendThatExpectsNothingIsKnownAgainBehindOthers() async throws {
        let log = try await KurrentLog.open(InMemoryEventStore())
        let events = [Self.event(), Self.event()]
        let first = try await log.append(events, to: "a", expecting: .any)
        _ = try await log.append([Self.event()], to: "a", expecting: .any)
        #expect(try await log.append(events, to: "a", expecting: .any) == first)
        #expect(try await log.state(of: "a").lastVersion == StreamVersion(2))
        // Known at first, and then not: the append is another one.
        await #expect(throws: KurrentFailure.wrongExpectedVersion(stream: "a", expected: .any, current: 2)) {
            try await log.append([events[0], Self.event()], to: "a", expecting: .any)
        }
    }

    @Test func whatALogHadBeforeTheServerStartedIsKnownAgain() async throws {
        let store = InMemoryEventStore()
        let event = Self.event()
        let before = try await KurrentLog.open(store)
        let first = try await before.append([event], to: "a", expecting: .any)
        _ = try await before.append([Self.event()], to: "a", expecting: .any)
        _ = try await before.delete("b", expecting: .any, afterAppending: [Self.event()])
        let after = try await KurrentLog.open(store)
        #expect(try await after.append([event], to: "a", expecting: .any) == first)
        await #expect(throws: KurrentFailure.streamDeleted("b")) {
            try await after.append([Self.event()], to: "b", expecting: .exists)
        }
    }

    @Test func aStreamThatIsBegunAnewKeepsItsMetadata() async throws {
        let log = try await KurrentLog.open(InMemoryEventStore())
        _ = try await log.append([Self.event(), Self.event()], to: "a", expecting: .noStream)
        _ = try await log.delete("a", expecting: .revision(1))
        let revived = try await log.append([Self.event()], to: "a", expecting: .noStream)
        #expect(revived.revision == 2)
        let metadata = try #require(try await log.lastEvent(of: "$metadata-a"))
        #expect(metadata.data.elementsEqual(#"{"$tb":2}"#.utf8))
        #expect(try await log.lastEvent(of: "a")?.position.rawValue == revived.position)
    }

    @Test func metadataSetsTheRetention() async throws {
        let log = try await KurrentLog.open(InMemoryEventStore())
        for _ in 0..<5 { _ = try await log.append([Self.event()], to: "a", expecting: .any) }
        let metadata = NewEvent(type: "$metadata", data: Array(#"{"$maxCount":2}"#.utf8))
        let first = try await log.append([metadata], to: "$$a", expecting: .noStream)
        #expect(try await log.append([metadata], to: "$$a", expecting: .noStream) == first)
        #expect(try await log.append([metadata], to: "$$a", expecting: .any) == first)
        #expect(try await log.state(of: "a").firstVisibleVersion == StreamVersion(3))
        await #expect(throws: KurrentFailure.self) {
            try await log.append([Self.event()], to: "$metadata-a", expecting: .any)
        }
        await #expect(throws: KurrentFailure.accessDenied) {
            try await log.append([Self.event()], to: "$all", expecting: .any)
        }
    }
}

extension KurrentLog {
    /// Appends, and deletes what was appended to.
    fileprivate func delete(
        _ name: String, expecting expected: KurrentExpectation, afterAppending events: [NewEvent]
    ) async throws -> Int64 {
        _ = try await append(events, to: name, expecting: .any)
        return try await delete(name, expecting: expected)
    }
}
