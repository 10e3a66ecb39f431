extension InMemoryEventStore: HealthReporting {
    public func health(_ policy: HealthPolicy) async throws(ReadError) -> StoreHealth {
        let saved = state.withLock { state in
            SavedPositions(
                checkpoints: state.checkpoints.map {
                    SavedPositions.Entry(name: $0.key.rawValue, position: $0.value.position)
                },
                readModels: state.models.map {
                    SavedPositions.Entry(name: $0.key.rawValue, position: $0.value.checkpoint)
                })
        }
        return try await saved.health(of: self, policy, at: time.now)
    }
}
