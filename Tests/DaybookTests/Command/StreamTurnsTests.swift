import DaybookCore
import Testing

@testable import Daybook

@Suite("Turns on streams")
struct StreamTurnsTests {
    /// Something to leave behind.
    private final class Note: Sendable {
        let number: Int
        init(_ number: Int) { self.number = number }
    }

    private func number(_ kept: (any StreamTurns.Kept)?) -> Int? { (kept as? Note)?.number }

    private func stream(_ number: Int) -> StreamName { StreamName(unchecked: "s-\(number)") }

    @Test("never keep more than their limit, and keep what is used", arguments: [0, 1, 2, 3, 10, 101])
    func bounded(limit: Int) async throws {
        let turns = StreamTurns(limit: limit)
        for number in 0..<1000 {
            let turn = try #require(await turns.take(stream(number)))
            #expect(turn.kept == nil)
            turns.give(turn, leaving: Note(number))
            #expect(turns.count <= limit)
            if limit >= 10 {
                let used = try #require(await turns.take(stream(0)))
                #expect(self.number(used.kept) == 0)
                turns.give(used, leaving: used.kept)
            }
        }
        #expect(number(turns.kept(for: stream(999))) == (limit > 0 ? 999 : nil))
    }

    @Test("keep a stream whose turn is taken, whatever else is used meanwhile")
    func taken() async throws {
        let turns = StreamTurns(limit: 2)
        let turn = try #require(await turns.take(stream(0)))
        for number in 1..<100 {
            turns.give(try #require(await turns.take(stream(number))), leaving: Note(number))
        }
        #expect(turns.count == 2)
        turns.give(turn, leaving: Note(0))
        #expect(number(turns.kept(for: stream(0))) == 0)
        #expect(turns.count == 2)
    }

    @Test("forget what the one before left when the next leaves nothing")
    func nothing() async throws {
        let turns = StreamTurns(limit: 10)
        turns.give(try #require(await turns.take(stream(0))), leaving: Note(1))
        let turn = try #require(await turns.take(stream(0)))
        #expect(number(turn.kept) == 1)
        #expect(turns.kept(for: stream(0)) == nil)
        turns.give(turn, leaving: nil)
        #expect(turns.count == 0)
        #expect(try #require(await turns.take(stream(0))).kept == nil)
    }

    @Test("come in the order in which they were asked for, each with what the one before left", arguments: [0, 10])
    func order(limit: Int) async throws {
        let turns = StreamTurns(limit: limit)
        let first = try #require(await turns.take(stream(0)))
        var tasks: [Task<Bool, Never>] = []
        for number in 1...100 {
            tasks.append(
                Task {
                    guard let turn = await turns.take(stream(0)) else { return false }
                    let isNext = limit == 0 ? turn.kept == nil : self.number(turn.kept) == number - 1
                    turns.give(turn, leaving: Note(number))
                    return isNext
                })
            while turns.waiting(for: stream(0)) < number { await Task.yield() }
        }
        turns.give(first, leaving: Note(0))
        for task in tasks { #expect(await task.value) }
        #expect(turns.count == min(limit, 1))
    }

    @Test("that are no longer wanted are passed over")
    func cancelled() async throws {
        let turns = StreamTurns(limit: 10)
        let first = try #require(await turns.take(stream(0)))
        var tasks: [Task<Int?, Never>] = []
        for number in 1...40 {
            tasks.append(
                Task {
                    guard let turn = await turns.take(stream(0)) else { return nil }
                    let before = self.number(turn.kept)
                    turns.give(turn, leaving: Note(number))
                    return before
                })
            while turns.waiting(for: stream(0)) < number { await Task.yield() }
        }
        for index in tasks.indices where index % 2 == 0 { tasks[index].cancel() }
        for index in tasks.indices where index % 2 == 0 { #expect(await tasks[index].value == nil) }
        turns.give(first, leaving: Note(0))
        for index in tasks.indices where index % 2 == 1 { #expect(await tasks[index].value == max(index - 1, 0)) }
        #expect(number(turns.kept(for: stream(0))) == 40)
    }
}
