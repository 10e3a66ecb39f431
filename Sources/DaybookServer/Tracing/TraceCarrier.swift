#if Server
import HTTPTypes

/// The headers of a call, in which instruments find what they passed on.
enum TraceCarrier: Sendable {
    case rpc(RPCContext)
    case http(HTTPFields)

    /// - Parameter name: Of a header, in lower case.
    subscript(name: String) -> String? {
        switch self {
        case .rpc(let context): context.header(name)
        case .http(let headers): HTTPField.Name(name).flatMap { headers[$0] }
        }
    }

    /// As the client said it.
    var trace: TraceContext? {
        guard let parent = self[TraceContext.parentHeader] else { return nil }
        return TraceContext(parent: parent, state: self[TraceContext.stateHeader])
    }
}
#endif
