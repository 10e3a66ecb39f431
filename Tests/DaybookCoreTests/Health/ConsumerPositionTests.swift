import DaybookCore
import Testing

@Suite("What consumers have saved")
struct ConsumerPositionTests {
    private func health(_ position: ConsumerPosition, head: Position = 100) -> ConsumerHealth {
        position.health(HealthPolicy(maxParked: 100), head: head, nextRecordedAt: nil, at: Timestamp(microseconds: 0))
    }

    @Test(
        "tells a group's position by its first event that is not settled, or by how far it has looked",
        arguments: [
            (#"{"scanned":9,"window":[]}"#, 9), (#"{"window":[{"position":4},{"position":6}],"scanned":9}"#, 3),
        ] as [(String, Int64)])
    func groups(document: String, position: Int64) {
        let group = health(ConsumerPosition(group: "g", document: Array(document.utf8), held: 2))
        #expect(group.position == Position(position) && group.parked == 2 && group.problems.isEmpty, "\(group)")
        #expect(group.eventsBehind == 100 - position)
    }

    @Test(
        "says of a document that it cannot read that it cannot",
        arguments: [
            "", "{", "[]", #"{"scanned":9}"#, #"{"window":[]}"#, #"{"scanned":9,"window":[{}]}"#,
            #"{"scanned":"9","window":[]}"#,
        ])
    func unreadable(document: String) {
        let group = health(ConsumerPosition(group: "g", document: Array(document.utf8), held: 0))
        #expect(group.problems == ["Its document 'group' is not what this version reads."])
        let process = health(ConsumerPosition(process: "p", progress: Array(document.utf8)[...], at: 7))
        #expect(process.problems == ["The event at position 7 is not what this version reads."])
    }

    @Test("counts the events that are held, and a document of another form as one")
    func held() {
        let documents = [#"{"events":[{"position":1},{"position":2}]}"#, "{}", "nonsense"]
        #expect(documents.map { ConsumerPosition.heldEvents(in: Array($0.utf8)) } == [2, 1, 1])
        let keys: [String?] = [#"[{"key":"a"},{"key":"b"}]"#, "nonsense", nil]
        let models = keys.map { ConsumerPosition(readModel: "m", at: 1, parkedKeys: $0.map { Array($0.utf8) }) }
        #expect(models.map(\.parked) == [2, 1, 0])
    }

    @Test("may be any number, without trapping", arguments: [Position(.min), -1, Position(.max)])
    func extremes(position: Position) {
        let consumer = health(ConsumerPosition(checkpoint: "c", at: position))
        #expect((consumer.eventsBehind < 0) == (position > 100))
        let document = #"{"scanned":9,"window":[{"position":\#(position)}]}"#
        _ = health(ConsumerPosition(group: "g", document: Array(document.utf8), held: 0))
    }
}
