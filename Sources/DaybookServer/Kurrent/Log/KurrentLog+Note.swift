#if Server
import DaybookCore

extension KurrentLog {
    /// Takes into account what was written by another protocol than KurrentDB's: which streams are deleted, and may be written
    /// again.
    func note(_ request: AppendRequest, _ result: AppendResult) {
        guard !result.isRepeat else { return }
        for write in request.writes {
            switch write.action {
            case .append, .tombstone: deleted.remove(write.stream, at: result.position)
            case .delete: deleted.insert(write.stream, at: result.position)
            case .setRetention: break
            }
        }
    }

    /// The same of a request of which nobody knows whether it took effect: a stream that is noted as deleted is looked at before
    /// that is relied on.
    func noteDoubt(_ request: AppendRequest) {
        for write in request.writes where write.action == .delete { deleted.insert(write.stream, at: .start) }
    }

    /// The same of an event that was copied from another store.
    func note(_ event: RecordedEvent, at position: Position) {
        guard let stream = event.stream.controlled else { return deleted.remove(event.stream, at: position) }
        if event.type == StreamControl.streamDeleted { deleted.insert(stream, at: position) }
    }
}
#endif
