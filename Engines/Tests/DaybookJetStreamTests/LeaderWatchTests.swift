import Testing

@testable import DaybookJetStream

@Suite("Whether a server reaches those that lead")
struct LeaderWatchTests {
    private let start = ContinuousClock.now
    private let patience = LeaderWatch.patience

    @Test(
        "is doubted when nothing else is heard for longer than an election takes, once",
        arguments: [
            ConnectionFailure.noResponders, .timedOut, .refused(code: 10008, description: ""),
            .refused(code: 503, description: ""),
        ])
    func silent(_ failure: ConnectionFailure) {
        var watch = LeaderWatch()
        watch.note(failure, at: start)
        watch.note(failure, at: start + patience / 2)
        watch.note(.cancelled, at: start + patience / 2)
        let isOver = [patience - .milliseconds(1), patience, patience * 3].map { watch.isOver(at: start + $0) }
        #expect(isOver == [false, true, false])
    }

    @Test(
        "is not doubted when one answered meanwhile, if only to refuse, or the connection broke",
        arguments: [nil, ConnectionFailure.refused(code: 10071, description: ""), .disconnected])
    func answered(_ end: ConnectionFailure?) {
        var watch = LeaderWatch()
        watch.note(.noResponders, at: start)
        watch.note(end, at: start + patience / 2)
        let isOver = watch.isOver(at: start + patience * 2)
        watch.note(.noResponders, at: start + patience * 2)
        let isOverAgain = watch.isOver(at: start + patience * 2)
        #expect(!isOver && !isOverAgain)
    }
}
