import DaybookCore
import Foundation
import Testing

@testable import DaybookTesting

@Suite("A check of a history")
struct HistoryCheckTests {
    private static let stream: StreamName = "order-1"

    private static func event(_ number: UInt64) -> NewEvent {
        NewEvent(id: EventID(high: 0, low: number), type: "placed", data: Array("{}".utf8))
    }

    private static func recorded(_ number: UInt64, version: Int64, position: Int64) -> RecordedEvent {
        RecordedEvent(
            id: EventID(high: 0, low: number), type: "placed", schemaVersion: 1, contentType: .json,
            data: Array("{}".utf8)[...], metadata: [], tags: [], stream: stream, version: StreamVersion(version),
            position: Position(position), recordedAt: Timestamp(microseconds: position))
    }

    private static func appended(
        _ number: UInt64, _ started: Int64, _ ended: Int64, version: Int64, position: Int64
    ) -> HistoryOperation {
        var request = AppendRequest()
        request.append([event(number)], to: stream)
        return HistoryOperation(
            client: Int(number), started: started, ended: ended, call: .append(request),
            answer: .appended(
                AppendResult(
                    streams: [.init(stream: stream, version: StreamVersion(version))], position: Position(position),
                    eventCount: 1, recordedAt: Timestamp(microseconds: position))))
    }

    private static func head(_ position: Int64, _ started: Int64, _ ended: Int64, client: Int = 9) -> HistoryOperation {
        HistoryOperation(client: client, started: started, ended: ended, call: .head, answer: .head(Position(position)))
    }

    private static let log = [recorded(1, version: 0, position: 1), recorded(2, version: 1, position: 2)]

    private static func kinds(_ operations: [HistoryOperation], log: [RecordedEvent] = log) -> [HistoryViolation.Kind] {
        History(operations: operations, log: log).check().violations.map(\.kind)
    }

    @Test("allows every order of what happens at the same time, and no other")
    func order() {
        let first = Self.appended(1, 1, 10, version: 0, position: 1)
        let second = Self.appended(2, 2, 9, version: 1, position: 2)
        for head in 0...2 as ClosedRange<Int64> { #expect(Self.kinds([first, second, Self.head(head, 3, 4)]).isEmpty) }
        #expect(Self.kinds([first, second, Self.head(2, 11, 12)]).isEmpty)
        #expect(Self.kinds([first, second, Self.head(1, 11, 12)]) == [.staleAnswer])
        #expect(Self.kinds([first, second, Self.head(3, 11, 12)]) == [.impossibleAnswer])
        let late = Self.appended(2, 11, 12, version: 1, position: 2)
        #expect(Self.kinds([first, late, Self.head(2, 3, 4)]) == [.futureAnswer])
        #expect(Self.kinds([Self.appended(1, 11, 12, version: 0, position: 1), second]) == [.outOfOrder])
    }

    @Test("does not let readers go back, one after another, while an append is being written")
    func monotone() {
        let first = Self.appended(1, 1, 20, version: 0, position: 1)
        let second = Self.appended(2, 2, 20, version: 1, position: 2)
        #expect(Self.kinds([first, second, Self.head(1, 3, 4), Self.head(2, 5, 6), Self.head(2, 7, 8)]).isEmpty)
        #expect(Self.kinds([first, second, Self.head(2, 3, 4), Self.head(1, 5, 6)]) == [.staleAnswer])
        #expect(Self.kinds([first, second, Self.head(2, 3, 6), Self.head(1, 4, 5)]).isEmpty)
        // Through a third reader that saw neither of them alone.
        #expect(
            Self.kinds([first, second, Self.head(2, 3, 4), Self.head(2, 5, 9), Self.head(1, 10, 11)]) == [.staleAnswer])
    }

    @Test("takes that request for the writer, of several unanswered ones for the same events, which the rules allow")
    func unknownAgain() {
        let first = Self.appended(1, 1, 2, version: 0, position: 1)
        func asked(_ expected: ExpectedVersion, _ started: Int64) -> HistoryOperation {
            var request = AppendRequest()
            request.append([Self.event(2)], to: Self.stream, expecting: expected)
            return HistoryOperation(
                client: 2, started: started, ended: nil, call: .append(request), answer: .unknown)
        }
        let forbidden = asked(.version(7), 3)
        #expect(Self.kinds([first, forbidden, asked(.version(0), 4)]).isEmpty)
        #expect(Self.kinds([first, forbidden]) == [.forbiddenWrite])
    }

    @Test("takes an append of unknown outcome as written whole, at any time, or not at all")
    func unknown() {
        let first = Self.appended(1, 1, 2, version: 0, position: 1)
        var second = Self.appended(2, 3, 4, version: 1, position: 2)
        second.answer = .unknown
        #expect(Self.kinds([first, second, Self.head(1, 9, 10), Self.head(2, 11, 12)]).isEmpty)
        #expect(Self.kinds([first, second, Self.head(1, 9, 10)], log: Array(Self.log.prefix(1))).isEmpty)
        second.answer = .refused(.cancelled(mayBeWritten: false))
        #expect(Self.kinds([first, second]) == [.phantomEvent])
    }

    @Test("lets nothing that a killed process had begun take effect when the store is open again")
    func openings() {
        let first = Self.appended(1, 1, 2, version: 0, position: 1)
        var second = Self.appended(2, 3, 4, version: 1, position: 2)
        second.answer = .unknown
        second.ended = nil
        func kinds(_ head: Int64) -> [HistoryViolation.Kind] {
            let opening = History.Opening(instant: 5, head: Position(head))
            return History(operations: [first, second, Self.head(2, 9, 10)], openings: [opening], log: Self.log)
                .check().violations.map(\.kind)
        }
        #expect(kinds(2).isEmpty)
        #expect(!kinds(1).isEmpty)
    }

    @Test("orders a receipt without events behind those who did not find it, and before those who did")
    func quietReceipts() {
        let request = AppendRequest(commandID: "c-1")
        var result = AppendResult(streams: [], position: 0, eventCount: 0, recordedAt: Timestamp(microseconds: 5))
        let asked = HistoryOperation(
            client: 1, started: 5, ended: 10, call: .append(request), answer: .appended(result))
        func receipt(_ result: AppendResult?, _ started: Int64, _ ended: Int64) -> HistoryOperation {
            HistoryOperation(
                client: 2, started: started, ended: ended, call: .receipt(for: "c-1"), answer: .receipt(result))
        }
        func kinds(_ operations: HistoryOperation...) -> [HistoryViolation.Kind] { Self.kinds(operations, log: []) }
        #expect(kinds(asked, receipt(nil, 1, 6), receipt(result, 7, 8), receipt(result, 11, 12)).isEmpty)
        #expect(kinds(asked, receipt(nil, 11, 12)) == [.staleAnswer])
        #expect(kinds(asked, receipt(result, 6, 7), receipt(nil, 8, 9)) == [.staleAnswer])
        #expect(kinds(asked, receipt(result, 1, 2)) == [.futureAnswer])
        let again = HistoryOperation(
            client: 3, started: 20, ended: 21, call: .append(request), answer: .appended(result))
        #expect(kinds(asked, again).first == .forbiddenWrite)
        result.eventCount = 1
        #expect(kinds(asked, receipt(result, 11, 12)) == [.impossibleAnswer])
    }

    @Test("orders what surrounds a receipt without events, too")
    func quietReceiptsAndStates() {
        // The command is recorded in state 0; whoever missed its receipt had seen position 1 before, though.
        let first = Self.appended(1, 1, 30, version: 0, position: 1)
        let second = Self.appended(2, 2, 30, version: 1, position: 2)
        let result = AppendResult(streams: [], position: 0, eventCount: 0, recordedAt: Timestamp(microseconds: 0))
        func asked(_ result: AppendResult) -> HistoryOperation {
            HistoryOperation(
                client: 3, started: 3, ended: 20, call: .append(AppendRequest(commandID: "c-1")),
                answer: .appended(result))
        }
        let missed = HistoryOperation(
            client: 4, started: 6, ended: 7, call: .receipt(for: "c-1"), answer: .receipt(nil))
        #expect(Self.kinds([first, second, asked(result), missed]).isEmpty)
        #expect(!Self.kinds([first, second, asked(result), Self.head(1, 4, 5), missed]).isEmpty)
        let later = AppendResult(streams: [], position: 1, eventCount: 0, recordedAt: Timestamp(microseconds: 1))
        #expect(Self.kinds([first, second, asked(later), Self.head(1, 4, 5), missed]).isEmpty)
    }

    @Test("names the operation, and what would have been allowed")
    func messages() throws {
        let first = Self.appended(1, 1, 2, version: 0, position: 1)
        let second = Self.appended(2, 3, 4, version: 1, position: 2)
        let check = History(operations: [first, second, Self.head(1, 5, 6)], log: Self.log).check()
        let text = try #require(check.violations.first).description
        #expect(text.contains("staleAnswer: client 9, 5 to 6: head -> head 1"))
        #expect(text.contains("So it was behind position 1."))
        #expect(text.contains("Behind position 2 the answer is: head 2"))
        #expect(text.contains("Over before it began: client 2"))
    }

    @Test("reads a history from its file as it was recorded, also one that was cut off")
    func file() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("daybook-test-\(EventID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("history.ndjson").path
        let store = InMemoryEventStore()
        let recorder = try HistoryRecorder(appendingTo: path)
        recorder.didOpen(head: .start)
        await HistoryWorkload(seed: 3, operations: 600).run(on: store, recorder: recorder)
        let (operations, openings) = try HistoryFile.contents(of: path)
        #expect(operations == recorder.operations)
        #expect(openings == [History.Opening(instant: 1, head: .start)])

        let text = try #require(FileManager.default.contents(atPath: path))
        try text.dropLast(40).write(to: URL(fileURLWithPath: path))
        let cut = try HistoryRecorder(appendingTo: path)
        #expect(cut.operations.count == operations.count)
        #expect(cut.operations != operations)
        cut.didOpen(head: try await store.head())
        #expect(try HistoryFile.contents(of: path).openings.count == 2)

        var lines = text.split(separator: UInt8(ascii: "\n"))
        lines[lines.count / 2] = lines[lines.count / 2].prefix(20)
        try Data(lines.joined(separator: [UInt8(ascii: "\n")])).write(to: URL(fileURLWithPath: path))
        #expect(throws: (any Error).self) { try HistoryFile.contents(of: path) }
    }
}
