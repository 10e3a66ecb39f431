#if Server
import DaybookCore

extension KurrentLog {
    /// Takes into account what was written by another protocol than KurrentDB's: which streams are deleted, and may be written
    /// again.
    func note(_ request: AppendRequest) {
        deleted.withLock { deleted in
            for write in request.writes {
                switch write.action {
                case .append, .tombstone:
                    if !deleted.isEmpty { deleted.remove(write.stream) }
                case .delete: deleted.insert(write.stream)
                case .setRetention: break
                }
            }
        }
    }
}
#endif
