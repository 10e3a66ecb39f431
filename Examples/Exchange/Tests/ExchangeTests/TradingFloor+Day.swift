import Exchange

extension TradingFloor {
    /// Records a whole day, round by round.
    func record(_ flow: inout OrderFlow) async throws {
        _ = try await record(flow.openings, named: "open")
        var round = 0
        while let next = try flow.nextRound() {
            round += 1
            _ = try await record(next, named: "round-\(round)")
        }
    }
}
