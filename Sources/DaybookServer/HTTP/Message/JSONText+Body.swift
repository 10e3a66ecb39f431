#if Server
import DaybookCore

extension JSONText {
    /// The one value that a body is.
    init(body: [UInt8]) throws(HTTPProblem) {
        do { self = try JSONText(parsing: body[...]) } catch { throw HTTPProblem(error) }
    }
}
#endif
