#if Server
import Daybook
import DaybookCore
import Hummingbird

/// The states that subjects have, or had, where the server knows how they are folded.
struct StateRoutes: Sendable {
    private let states: [Category: ServedStates]

    init(_ states: [ServedStates]) {
        self.states = Dictionary(states.map { ($0.category, $0) }) { _, last in last }
    }

    var routes: [HTTPRoute] { [HTTPRoute(.get, "/v1/states/{stream}", answer: state)] }

    @Sendable private func state(_ call: HTTPCall) async throws -> Response {
        let stream = try call.name("stream", as: StreamName.self)
        var query = try call.query()
        let moment = try Self.moment(try query.one("asOf"))
        try query.finish()
        try await CallAccess.require(.read, of: stream)
        guard let id = stream.id, let states = states[stream.category] else {
            throw HTTPProblem(
                .notFound, "statesUnknown", title: "The server does not know how the stream is folded.",
                detail:
                    "Of the category of '\(stream)' the server has no states: the program that serves the store names them, "
                    + "ServerConfiguration.states.")
        }
        let answer: ServedStates.Answer
        do throws(StateError) {
            answer = try await states.state(String(id), moment)
        } catch {
            switch error {
            case .read(let error): throw HTTPProblem(error)
            case .invalidID(let error): throw HTTPProblem(error, in: "stream")
            case .undecodable(let error):
                throw HTTPProblem(
                    .internalServerError, "undecodable", title: "The stream has an event that is not understood.",
                    detail: error.description)
            }
        }
        guard let json = answer.json else {
            throw HTTPProblem(
                .internalServerError, "unwritableState", title: "The state has no form in JSON.",
                detail:
                    "The state of '\(stream)' cannot be written as JSON, as one with a number that is not finite: see how the "
                    + "program that serves the store encodes it.")
        }
        var bytes = Array(#"{"stream":"#.utf8)
        bytes.appendJSONString(stream.rawValue)
        bytes += #","version":\#(answer.version?.description ?? "null"),"state":"#.utf8
        bytes += json
        bytes.append(UInt8(ascii: "}"))
        return Response(bytes: bytes)
    }

    /// - Parameter text: Nil for now.
    private static func moment(_ text: String?) throws(HTTPProblem) -> Moment {
        guard let text else { return .latest }
        if let version = Int64(text), version >= 0 { return .version(StreamVersion(version)) }
        if text.first == "p", let position = Int64(text.dropFirst()), position >= 0 {
            return .position(Position(position))
        }
        if let time = Timestamp(text) { return .time(time) }
        throw .malformed(
            "asOf", "is '\(text.prefix(40))'; use a version from 0, a position as in p120, or a time of RFC 3339")
    }
}
#endif
