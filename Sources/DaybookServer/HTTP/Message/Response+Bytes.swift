#if Server
import HTTPTypes
import Hummingbird
import NIOCore

extension Response {
    /// An answer that is in memory.
    init(bytes: [UInt8], type: String = "application/json", status: HTTPResponse.Status = .ok) {
        self.init(
            status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}

extension HTTPField.Name {
    static let link = HTTPField.Name("Link")!
    static let lastEventID = HTTPField.Name("Last-Event-ID")!
}
#endif
