#if JetStream
/// What the reply subject of a delivered message says.
struct ConsumerDelivery {
    /// In the stream.
    var sequence: Int64
    /// Of all that the consumer delivered, from 1.
    var delivery: Int64
    var nanoseconds: Int64
    /// What the consumer has still to deliver behind it.
    var pending: Int64

    /// `$JS.ACK.<stream>.<consumer>.<count>.<sequence>.<delivery>.<time>.<pending>`, or with a domain and an account
    /// before the stream and a token behind.
    init?(_ reply: UnsafePointer<CChar>) {
        let dot = CChar(bitPattern: UInt8(ascii: "."))
        var tokens = 1
        var byte = reply
        while byte.pointee != 0 {
            if byte.pointee == dot { tokens += 1 }
            byte += 1
        }
        var before: Int
        switch tokens {
        case 9: before = 5
        case 11, 12: before = 7
        default: return nil
        }
        byte = reply
        while before > 0 {
            if byte.pointee == dot { before -= 1 }
            byte += 1
        }
        func number() -> Int64? {
            var number: Int64 = 0
            while byte.pointee != 0, byte.pointee != dot {
                let digit = byte.pointee &- 48
                guard (0...9).contains(digit) else { return nil }
                number = number &* 10 &+ Int64(digit)
                byte += 1
            }
            if byte.pointee == dot { byte += 1 }
            return number
        }
        guard let sequence = number(), let delivery = number(), let nanoseconds = number(), let pending = number()
        else { return nil }
        (self.sequence, self.delivery, self.nanoseconds, self.pending) = (sequence, delivery, nanoseconds, pending)
    }
}
#endif
