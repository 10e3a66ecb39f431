#if Server
/// The forms in which events are answered, by their media types.
enum HTTPEventForm: String, CaseIterable, Sendable {
    /// A page as an object, with links to others.
    case page = "application/json"
    /// An event a line, to the end.
    case lines = "application/x-ndjson"
    /// A page as an array of events of CloudEvents 1.0; the links are in the header `Link`.
    case cloudEvents = "application/cloudevents-batch+json"

    /// The one that a client likes best.
    init(_ acceptance: HTTPAcceptance) throws(HTTPProblem) {
        let offered = Self.allCases.map(\.rawValue)
        guard let best = acceptance.best(of: offered), let form = Self(rawValue: best) else {
            throw .notAcceptable(offered)
        }
        self = form
    }
}
#endif
