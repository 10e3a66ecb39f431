#if Server
/// Why a change of the groups that might be made was not, or not to its end: the storage failed.
struct GroupStorageError: Error, Sendable, Hashable {
    let name: PersistentGroupName
    let reason: String

    init(_ name: PersistentGroupName, _ reason: String) {
        self.name = name
        self.reason = reason
    }
}

extension RPCStatus {
    /// KurrentDB's clients know one failure of a group, whatever its cause.
    init(_ error: GroupStorageError) { self = .groupFailed(error.name, error.reason) }
}
#endif
