import DaybookCore

/// What became of one request line, as one line of JSON.
///
/// ```json
/// {"line":1,"position":12,"count":3,"streams":[{"stream":"order-1","version":2}],"recordedAt":"…","repeat":false}
/// {"line":2,"error":{"code":"wrongExpectedVersion","message":"…","mayBeWritten":false}}
/// ```
struct Acknowledgement: Sendable {
    enum Outcome: Sendable {
        case appended(AppendResult)
        case refused(AppendError)
        case malformed(RequestLineError)
    }

    /// The request's line, from 1; nil when the request came from arguments.
    let line: Int?
    let outcome: Outcome

    var isFailure: Bool {
        if case .appended = outcome { false } else { true }
    }

    func encoded() -> [UInt8] {
        var object = JSONLine()
        if let line { object.add("line", line) }
        switch outcome {
        case .appended(let result):
            object.addMembers { result.appendMembers(to: &$0) }
        case .refused(let error):
            object.add("error", raw: Self.error(error.code, error.description, error.mayBeWritten))
        case .malformed(let error):
            object.add("error", raw: Self.error("malformedRequest", error.description, false))
        }
        return object.finished()
    }

    private static func error(_ code: String, _ message: String, _ mayBeWritten: Bool) -> [UInt8] {
        var error = JSONLine()
        error.add("code", code)
        error.add("message", message)
        error.add("mayBeWritten", mayBeWritten)
        return error.object
    }
}
