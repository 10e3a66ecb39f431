import DaybookCore

/// A line of requests that cannot be understood; nothing of it was sent to the store.
enum RequestLineError: Error, Equatable, CustomStringConvertible {
    case syntax(JSONSyntaxError)
    case field(FieldError)

    var description: String {
        switch self {
        case .syntax(let error): "The line is not JSON: \(error)."
        case .field(let error): error.description
        }
    }
}

extension AppendRequest {
    /// Reads a request from a line of JSON.
    init(jsonLine bytes: ArraySlice<UInt8>) throws(RequestLineError) {
        let value: JSONText
        do { value = try JSONText(parsing: bytes) } catch { throw .syntax(error) }
        do { try self.init(json: value) } catch { throw .field(error) }
    }
}
