#if Server
import DaybookCore
import Synchronization

/// The streams that are deleted and may be written again, by the positions of their deletions.
///
/// The store's answers come in any order to those who take note of them: the positions tell which of two changes was the later one.
final class DeletedStreams: Sendable {
    private let deletions: Mutex<[StreamName: Position]>

    init(_ deletions: [StreamName: Position]) { self.deletions = Mutex(deletions) }

    /// Where a stream was deleted; nil when it was not, or is known to have been written since.
    func deletion(of stream: StreamName) -> Position? { deletions.withLock { $0[stream] } }

    /// A stream was deleted.
    func insert(_ stream: StreamName, at position: Position) {
        deletions.withLock { $0[stream] = max($0[stream] ?? position, position) }
    }

    /// A stream was written, or deleted for good. A deletion behind the position is not of before.
    func remove(_ stream: StreamName, at position: Position) {
        deletions.withLock { deletions in
            guard let deletion = deletions[stream], deletion < position else { return }
            deletions[stream] = nil
        }
    }
}
#endif
