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
    init?(_ reply: String) {
        let tokens = reply.utf8.split(separator: UInt8(ascii: "."))
        let start: Int
        switch tokens.count {
        case 9: start = 5
        case 11, 12: start = 7
        default: return nil
        }
        var numbers: [Int64] = []
        for token in tokens[start..<start + 4] {
            var number: Int64 = 0
            for digit in token {
                guard (48...57).contains(digit) else { return nil }
                number = number &* 10 &+ Int64(digit - 48)
            }
            numbers.append(number)
        }
        (sequence, delivery, nanoseconds, pending) = (numbers[0], numbers[1], numbers[2], numbers[3])
    }
}
#endif
