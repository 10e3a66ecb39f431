/// A store that looks after itself on request, while it is open and used: for the command line, and for operators of a server.
package protocol StoreUpkeep: Sendable {
    /// Does a task, and ends early when its own task is cancelled, as far as that is safe.
    ///
    /// - Parameter progress: Told now and then how far it is; on a thread of the store.
    /// - Returns: The report on it, as JSON, which is the same that the method of the store returns that does it.
    func perform(
        _ task: UpkeepTask, progress: @escaping @Sendable (UpkeepProgress) -> Void
    ) async throws(UpkeepError) -> [UInt8]
}
