/// A store that tells figures of its own, of its files and of what it does: often, so that they cost little.
package protocol MetricReporting: EventStore {
    /// Adds them to others. Their names begin with `daybook_store_`.
    ///
    /// - Complexity: O(1), whatever the length of the log and the number of streams.
    func addMetrics(to text: inout MetricText) async throws(ReadError)
}
