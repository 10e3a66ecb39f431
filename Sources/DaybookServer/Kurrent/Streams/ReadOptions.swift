#if Server
import DaybookCore
import KurrentProtocol

/// What a Read asks for, once it is known to be one of the allowed combinations.
struct ReadOptions: Sendable {
    enum Source: Sendable {
        case stream(name: String, start: Start)
        case all(start: Start, filter: KurrentFilter?)
    }

    enum Start: Sendable, Equatable {
        case start
        case end
        /// A revision or a position.
        case at(Int64)
    }

    enum Extent: Sendable, Equatable {
        case count(Int)
        case subscription
    }

    var source: Source
    var direction: ReadDirection
    var extent: Extent
    var resolvesLinks: Bool
    var uuidForm: UUIDForm
    /// Whether the client understands where a stream begins and ends (`compatibility` of 1 or more).
    var wantsBounds: Bool

    init(_ request: EventStore_Client_Streams_ReadReq) throws(RPCStatus) {
        guard request.hasOptions else { throw .required("Options", "Options") }
        let options = request.options
        switch options.readDirection {
        case .forwards: direction = .forward
        case .backwards: direction = .backward
        case .UNRECOGNIZED(let value):
            throw RPCStatus(.invalidArgument, "'\(value)' is not a valid ReadDirection")
        }
        switch options.countOption {
        case .count(let count): extent = .count(Int(clamping: count))
        case .subscription: extent = .subscription
        case nil: throw .required("CountOption", "CountOptionOneofCase")
        }
        switch options.uuidOption.content {
        case .string: uuidForm = .string
        case .structured: uuidForm = .structured
        case nil: throw .required("UuidOption", "ContentOneofCase")
        }
        resolvesLinks = options.resolveLinks
        wantsBounds = options.controlOption.compatibility >= 1
        guard let filterOption = options.filterOption else { throw .required("FilterOption", "FilterOptionOneofCase") }
        switch options.streamOption {
        case .stream(let stream):
            guard case .noFilter = filterOption else { throw Self.combination("Stream, Filter") }
            source = .stream(name: stream.streamIdentifier.text, start: try Self.start(of: stream))
        case .all(let all):
            var filter: KurrentFilter?
            if case .filter(let options) = filterOption {
                filter = try KurrentFilter(options, isSubscription: extent == .subscription)
            }
            source = .all(start: try Self.start(of: all), filter: filter)
        case nil:
            throw .required("StreamOption", "StreamOptionOneofCase")
        }
        if extent == .subscription, direction == .backward { throw Self.combination("Subscription, Backwards") }
    }

    private static func combination(_ parts: String) -> RPCStatus {
        RPCStatus(.invalidArgument, "The combination of (\(parts)) is invalid.")
    }

    private static func start(of stream: EventStore_Client_Streams_ReadReq.Options.StreamOptions) throws(RPCStatus)
        -> Start
    {
        switch stream.revisionOption {
        case .revision(let revision): try Start(revision, "revision")
        case .start: .start
        case .end: .end
        case nil: throw .required("RevisionOption", "RevisionOptionOneofCase")
        }
    }

    private static func start(of all: EventStore_Client_Streams_ReadReq.Options.AllOptions) throws(RPCStatus) -> Start {
        switch all.allOption {
        case .position(let position): try Start(position.commitPosition, "position")
        case .start: .start
        case .end: .end
        case nil: throw .required("AllOption", "AllOptionOneofCase")
        }
    }
}

extension ReadOptions.Start {
    /// All ones are the end; what else does not fit into 63 bits is no place.
    init(_ value: UInt64, _ kind: String) throws(RPCStatus) {
        if value == .max {
            self = .end
        } else if let place = Int64(exactly: value) {
            self = .at(place)
        } else {
            throw RPCStatus(.invalidArgument, "'\(value)' is not a valid \(kind)")
        }
    }
}
#endif
