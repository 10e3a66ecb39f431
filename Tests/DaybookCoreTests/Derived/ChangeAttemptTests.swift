import DaybookCore
import Testing

@Suite("A change to a read model that is tried again")
struct ChangeAttemptTests {
    /// So many changes of others, newest first.
    private func others(_ count: Int) -> [Int] { Array((0..<count).reversed()) }

    private let kept = ChangeAttempt<Int>.tokensKept

    @Test("took effect when its token is there", arguments: [false, true])
    func named(isSent: Bool) {
        var change = ChangeAttempt(token: -1)
        if isSent { change.noteSent(after: []) }
        #expect(change.outcome(by: [7, -1, 6]) == .tookEffect)
    }

    @Test("has no effect before it is sent, whatever others do")
    func unsent() {
        #expect(ChangeAttempt(token: -1).outcome(by: others(kept)) == .withoutEffect)
    }

    @Test("has none when all changes that came later are there, and it is not among them")
    func refused() {
        var change = ChangeAttempt(token: -1)
        change.noteSent(after: [])
        #expect(change.outcome(by: []) == .withoutEffect)
        #expect(change.outcome(by: others(kept - 1)) == .withoutEffect)
        change.noteSent(after: [0])
        #expect(change.outcome(by: others(kept)) == .withoutEffect)
    }

    @Test("has an outcome that is not known when some that came later may be forgotten")
    func forgotten() {
        var change = ChangeAttempt(token: -1)
        change.noteSent(after: [])
        #expect(change.outcome(by: others(kept)) == .unknown)
        change.noteSent(after: [0])
        #expect(change.outcome(by: Array(others(kept + 1).prefix(kept))) == .unknown)
    }
}
