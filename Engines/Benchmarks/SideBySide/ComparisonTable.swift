import Foundation

/// The same work by a bare client and by Daybook, in turn, so that both meet the same machine: a line for each kind of
/// work, with the median rates and their ratio.
public struct ComparisonTable: Sendable {
    /// How long either of them may take in one round.
    public let limit: Duration
    private let rounds: Int
    private let only: String

    /// - Parameter only: What has this in its name is measured; everything when it is empty.
    public init(rounds: Int, only: String, limit: Duration = .seconds(300)) {
        self.rounds = rounds
        self.only = only
        self.limit = limit
    }

    public func measures(_ what: String) -> Bool { only.isEmpty || what.contains(only) }

    /// - Parameter ours: What is measured beside the bare client.
    public func begin(_ ours: String = "Daybook") {
        show("| What | Bare client | \(ours) | Ratio |")
        show("| --- | ---: | ---: | ---: |")
    }

    /// - Parameters:
    ///   - bare: Gives a rate.
    ///   - ours: Gives a rate.
    /// - Throws: What they throw; ``TookTooLong``.
    public func row(
        _ what: String, bare: @escaping @Sendable () async throws -> Double,
        ours: @escaping @Sendable () async throws -> Double
    ) async throws {
        guard measures(what) else { return }
        var bareRates: [Double] = []
        var ourRates: [Double] = []
        for _ in 0..<rounds {
            bareRates.append(try await within(limit, "\(what), bare client", bare))
            ourRates.append(try await within(limit, "\(what), Daybook", ours))
        }
        let bareRate = bareRates.sorted()[rounds / 2]
        let ourRate = ourRates.sorted()[rounds / 2]
        show("| \(what) | \(Int(bareRate)) | \(Int(ourRate)) | \(String(format: "%.2f", ourRate / bareRate)) |")
    }

    /// At once, so that a run that is broken off has shown what it measured.
    public func show(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }
}

/// The rate at which so many events go through the body.
public func eventsPerSecond(_ events: Int, _ body: () async throws -> Void) async throws -> Double {
    let began = ContinuousClock.now
    try await body()
    return Double(events) / (began.duration(to: .now) / .seconds(1))
}

/// Runs what blocks on a thread of its own, off the cooperative ones.
public func onOwnThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
    }
}
