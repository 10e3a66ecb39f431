#if Server
import DaybookCore

extension CallAccess {
    /// Asks for all that an append of the store does, and for what its checks and its condition tell.
    static func requireAppend(_ request: AppendRequest) async throws(AccessDenial) {
        guard current != nil else { return }
        for write in request.writes {
            let right: StreamRight =
                switch write.action {
                case .append: .write
                case .setRetention: .writeMetadata
                case .delete, .tombstone: .delete
                }
            try await require(right, of: write.stream)
        }
        for check in request.checks { try await require(.read, of: check.stream) }
        if request.condition != nil { try await require(.askLog) }
    }
}
#endif
