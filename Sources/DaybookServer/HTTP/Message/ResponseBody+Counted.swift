#if Server
import HummingbirdCore
import NIOCore

extension ResponseBody {
    /// The same, whose bytes a record counts as they are written.
    func counted(for record: CallRecord) -> ResponseBody {
        if let length = contentLength {
            record.sent(length)
            return self
        }
        return map { piece in
            record.sent(piece.readableBytes)
            return piece
        }
    }
}
#endif
