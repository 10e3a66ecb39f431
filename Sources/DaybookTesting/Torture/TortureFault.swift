/// Why there is nothing to observe after a run of a ``TortureTest``.
public struct TortureFault: Error, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }

    /// What a run observes, unless it takes too long.
    static func bounded<Observation: Sendable>(
        by limit: Duration, _ clock: any Clock<Duration>, _ body: @escaping @Sendable () async throws -> Observation
    ) async -> Result<Observation, TortureFault> {
        await withTaskGroup(of: Result<Observation, TortureFault>.self) { group in
            group.addTask {
                do { return .success(try await body()) } catch let fault as TortureFault {
                    return .failure(fault)
                } catch {
                    return .failure(TortureFault("It threw: \(error)"))
                }
            }
            group.addTask {
                try? await clock.sleep(for: limit)
                return .failure(
                    TortureFault(
                        "It was not done within \(limit): it waits for something that does not come, or has more to do "
                            + "than that."))
            }
            let first = await group.next() ?? .failure(TortureFault("It did not run."))
            group.cancelAll()
            return first
        }
    }
}
