/// The calls of `daybook.v1.Store`.
package enum StoreMethod: String, Sendable, CaseIterable {
    case append = "Append"
    case readStream = "ReadStream"
    case readLog = "ReadLog"
    case state = "State"
    case streams = "Streams"
    case receipt = "Receipt"
    case head = "Head"
    case headBeyond = "HeadBeyond"
    case health = "Health"
    case getCheckpoint = "GetCheckpoint"
    case saveCheckpoint = "SaveCheckpoint"
    case deleteCheckpoint = "DeleteCheckpoint"
    case getSnapshot = "GetSnapshot"
    case saveSnapshot = "SaveSnapshot"
    case deleteSnapshot = "DeleteSnapshot"
    case deleteSnapshots = "DeleteSnapshots"
    case getModelCheckpoint = "GetModelCheckpoint"
    case commitDocuments = "CommitDocuments"
    case getDocuments = "GetDocuments"
    case listDocuments = "ListDocuments"
    case deleteModel = "DeleteModel"
    case describeCopy = "DescribeCopy"
    case importEvents = "ImportEvents"
    case importCommands = "ImportCommands"
    case listCommands = "ListCommands"

    /// The longest request that a server takes, in bytes.
    package static let requestBytes = 17 << 20

    /// As it stands in a request.
    package var path: String { "/daybook.v1.Store/\(rawValue)" }
}
