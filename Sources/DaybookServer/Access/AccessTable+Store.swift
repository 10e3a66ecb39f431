#if Server
import DaybookProtocol

extension AccessTable {
    /// Of the store's own protocol; the calls on streams ask further, as those by HTTP do.
    static func action(of method: StoreMethod) -> AccessAction {
        switch method {
        case .append, .readStream, .readLog, .state, .streams, .head, .headBeyond, .health: .call
        case .receipt: .askLog
        case .getCheckpoint, .saveCheckpoint, .deleteCheckpoint, .getSnapshot, .saveSnapshot, .deleteSnapshot,
            .deleteSnapshots, .getModelCheckpoint, .commitDocuments, .getDocuments, .listDocuments, .deleteModel:
            .derive
        // They show, and bring, the users too.
        case .describeCopy, .importEvents, .importCommands, .listCommands: .administer
        }
    }

    /// Of the operators' part of it.
    static func action(of method: OperationsMethod) -> AccessAction {
        switch method {
        case .performUpkeep, .upkeepProgress, .createGroup, .updateGroup, .deleteGroup, .replayParked, .restartGroups:
            .operate
        case .listGroups, .getGroup: .call
        case .addUser: .found
        case .listUsers, .setPassword, .removeUser: .administer
        }
    }
}
#endif
