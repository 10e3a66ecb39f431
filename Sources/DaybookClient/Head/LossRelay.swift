#if Client
import Synchronization

/// Tells the watch of the head that a connection has ended. It stands between the two because each is made with the other, and
/// keeps neither.
final class LossRelay: Sendable {
    private struct Reference {
        weak var watch: HeadWatch?
    }

    private let reference = Mutex(Reference())

    func tell(_ watch: HeadWatch) { reference.withLock { $0.watch = watch } }

    func connectionHasEnded() { reference.withLock(\.watch)?.forget() }
}
#endif
