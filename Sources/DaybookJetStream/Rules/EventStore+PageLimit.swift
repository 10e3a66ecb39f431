#if JetStream
import DaybookCore

extension EventStore {
    func checkPageLimit(_ limit: Int) throws(ReadError) {
        guard (1...Limits.eventsPerPage).contains(limit) else { throw .invalidLimit(limit) }
    }
}
#endif
