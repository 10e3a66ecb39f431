#if Client
import Synchronization

/// The place of an open call on its connection, which is freed once, however the call ends.
final class CallSlot: Sendable {
    private let isFree = Atomic(false)
    private let onFree: @Sendable () -> Void

    init(onFree: @escaping @Sendable () -> Void) { self.onFree = onFree }

    func free() {
        if !isFree.exchange(true, ordering: .acquiringAndReleasing) { onFree() }
    }
}
#endif
