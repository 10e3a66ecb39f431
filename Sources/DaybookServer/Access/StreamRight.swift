#if Server
/// What somebody may do with a stream: the rights of KurrentDB's access lists, each with its key there.
enum StreamRight: String, Sendable, Hashable, CaseIterable, Codable {
    case read = "$r"
    case write = "$w"
    case delete = "$d"
    case readMetadata = "$mr"
    case writeMetadata = "$mw"

    /// The right of a stream that somebody needs who does this with the stream of its metadata.
    var ofMetadata: StreamRight {
        switch self {
        case .read, .readMetadata: .readMetadata
        case .write, .delete, .writeMetadata: .writeMetadata
        }
    }

    var isReading: Bool { self == .read || self == .readMetadata }
}
#endif
