#if Kinesis
import DaybookCore

/// Why a ``KinesisSource`` can give no more.
public enum KinesisSourceError: Error, Equatable, CustomStringConvertible {
    /// Kinesis refuses what waiting does not help.
    case kinesis(KinesisError)
    /// The checkpoints cannot be read or saved.
    case checkpoints(DerivedStateError)
    /// Another process moved a shard's checkpoint.
    case anotherRuns(shard: String)
    /// The checkpoints are of another stream, or of one that was deleted and made anew.
    case anotherStream(name: String)
    /// A shard was not taken to its end for longer than Kinesis keeps records: what came meanwhile is lost, if anything did.
    case recordsLost(shard: String)
    /// A checkpoint that cannot be read.
    case malformedCheckpoint(key: String)

    public var description: String {
        switch self {
        case .kinesis(let error): "\(error)"
        case .checkpoints(let error): "\(error)"
        case .anotherRuns(let shard):
            "The checkpoint of \(shard) was moved meanwhile: another process runs this source; stop one."
        case .anotherStream(let name):
            "The checkpoints are not those of stream '\(name)' as it is now: it was made anew, or the read model is that of "
                + "another source. Give the source another read model, or delete this one to begin anew."
        case .recordsLost(let shard):
            "\(shard) was not taken to its end for longer than Kinesis keeps records: what it has deleted of it is lost here. To "
                + "go on without that, delete the document 'shard/\(shard)' of the read model with the checkpoints."
        case .malformedCheckpoint(let key): "The checkpoint '\(key)' cannot be read: was it written by a newer version?"
        }
    }
}
#endif
