/// The calls of `daybook.v1.Operations`.
package enum OperationsMethod: String, Sendable, CaseIterable {
    case performUpkeep = "PerformUpkeep"
    case upkeepProgress = "UpkeepProgress"
    case listUsers = "ListUsers"
    case addUser = "AddUser"
    case setPassword = "SetPassword"
    case removeUser = "RemoveUser"
    case listGroups = "ListGroups"
    case getGroup = "GetGroup"
    case createGroup = "CreateGroup"
    case updateGroup = "UpdateGroup"
    case deleteGroup = "DeleteGroup"
    case replayParked = "ReplayParked"
    case restartGroups = "RestartGroups"

    /// As it stands in a request.
    package var path: String { "/daybook.v1.Operations/\(rawValue)" }
}
