import DaybookCore

/// Brings the new version of a read model as far as it has to be, without ending whoever runs it.
///
/// A runner that is under way ends with an error when another one moves its checkpoint. So it is waited for as long as it moves,
/// and taken to be none when it has not for 0.3 s.
package struct RebuildTakeover {
    private let clock: any Clock<Duration>
    /// Whether nobody else was found to run the version: then it is not waited for.
    private var isUnattended = false

    /// How often the version is found where it was before it is taken to be run by nobody.
    private static var looks: Int { 5 }
    /// How often it is brought on, and somebody runs it after all.
    private static var takeovers: Int { 3 }

    package init(clock: any Clock<Duration>) { self.clock = clock }

    /// Returns when the version has come as far as a position, or cannot.
    ///
    /// - Parameters:
    ///   - current: How far it has come.
    ///   - build: Brings it to the end of the log by a runner for this alone; returns whether nobody else moved it meanwhile.
    ///   - cancelled: What is thrown when the task is cancelled.
    package mutating func reach<Failure: Error>(
        _ position: Position, cancelled: Failure, from current: () async throws(Failure) -> Position,
        build: () async throws(Failure) -> Bool
    ) async throws(Failure) {
        var (last, looks, takeovers) = (Position?.none, 0, 0)
        while takeovers < Self.takeovers {
            let reached = try await current()
            if reached >= position { return }
            looks = reached == last ? looks + 1 : 0
            last = reached
            if isUnattended || looks == Self.looks {
                takeovers += 1
                looks = 0
                isUnattended = try await build()
            } else {
                do { try await clock.sleep(for: .milliseconds(20 * (looks + 1))) } catch { throw cancelled }
            }
        }
    }
}
