#if Server
import DaybookCore
import HTTPTypes
import Hummingbird
import NIOCore

/// What went wrong with a request, as a problem document: words for people, and fields for programs.
///
/// ```json
/// {"type":"urn:daybook:problem:wrongExpectedVersion","title":"The stream is not at the expected version.","status":409,
///  "detail":"Stream 'order-1' is at version 2, not version 1: read and decide again.","code":"wrongExpectedVersion",
///  "stream":"order-1","expected":1,"actual":2,"mayBeWritten":false}
/// ```
///
/// See https://www.rfc-editor.org/rfc/rfc9457
struct HTTPProblem: Error, Sendable, Equatable {
    /// A value of a field.
    enum Value: Sendable, Equatable {
        case text(String)
        case number(Int64)
        case boolean(Bool)
        case null
    }

    struct Field: Sendable, Equatable {
        let name: String
        let value: Value
    }

    static let mediaType = "application/problem+json"

    let status: HTTPResponse.Status
    /// The kind of problem, for programs: the end of its `type`.
    let code: String
    /// The kind of problem in words; the same for all of the kind.
    let title: String
    let detail: String
    private(set) var fields: [Field] = []

    init(_ status: HTTPResponse.Status, _ code: String, title: String, detail: String) {
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
    }

    /// The same with a field more.
    func with(_ name: String, _ value: Value) -> HTTPProblem {
        var problem = self
        problem.fields.append(Field(name: name, value: value))
        return problem
    }

    func with(_ name: String, _ value: some CustomStringConvertible) -> HTTPProblem {
        with(name, Value.text(value.description))
    }

    func with(_ name: String, _ value: Position) -> HTTPProblem { with(name, Value.number(value.rawValue)) }

    func with(_ name: String, _ value: StreamVersion?) -> HTTPProblem {
        guard let value else { return with(name, Value.null) }
        return with(name, Value.number(value.rawValue))
    }

    func with(_ name: String, _ value: ExpectedVersion) -> HTTPProblem {
        guard case .version(let version) = value else { return with(name, Value.text(value.description)) }
        return with(name, Value.number(version.rawValue))
    }

    var json: [UInt8] {
        var bytes = Array(#"{"type":"#.utf8)
        bytes.appendJSONString("urn:daybook:problem:\(code)")
        bytes += #","title":"#.utf8
        bytes.appendJSONString(title)
        bytes += #","status":\#(status.code),"detail":"#.utf8
        bytes.appendJSONString(detail)
        bytes += #","code":"#.utf8
        bytes.appendJSONString(code)
        for field in fields {
            bytes.append(UInt8(ascii: ","))
            bytes.appendJSONString(field.name)
            bytes.append(UInt8(ascii: ":"))
            switch field.value {
            case .text(let text): bytes.appendJSONString(text)
            case .number(let number): bytes += String(number).utf8
            case .boolean(let truth): bytes += (truth ? "true" : "false").utf8
            case .null: bytes += "null".utf8
            }
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    var response: Response {
        var response = Response(bytes: json, type: Self.mediaType, status: status)
        if status == .serviceUnavailable { response.headers[.retryAfter] = "1" }
        addAccessHeaders(to: &response)
        return response
    }
}
#endif
