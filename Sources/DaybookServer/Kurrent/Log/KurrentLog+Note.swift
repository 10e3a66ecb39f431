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
}
#endif
