import Testing

@testable import DaybookJetStream

@Suite("What follows in a lane")
struct LaneBufferTests {
    private func delivery(_ number: Int, of sequence: Int) throws -> ConsumerDelivery {
        let reply = "$JS.ACK.PAYMENTS.ledger-00.1.\(sequence).\(number).0.0"
        return try #require(ConsumerDelivery(reply))
    }

    @Test("is the next delivery, and nothing behind one that was lost")
    func gap() throws {
        let buffer = LaneBuffer(behind: 0, room: 10)
        #expect(try buffer.follow(delivery(1, of: 1)) != nil)
        #expect(try buffer.follow(delivery(3, of: 3)) == nil)
        #expect(buffer.isBroken)
        #expect(try buffer.follow(delivery(2, of: 2)) == nil)
        #expect(try buffer.follow(delivery(1, of: 1)) != nil)
        #expect(!buffer.isBroken)
        #expect(try buffer.follow(delivery(2, of: 2)) != nil)
    }

    @Test("is the first delivery once the consumer is moved, and none of a number that would have followed before")
    func moved() throws {
        let buffer = LaneBuffer(behind: 0, room: 10)
        let before = try #require(try buffer.follow(delivery(1, of: 1)))
        buffer.expectMove()
        // The first one since, of the message 2, was lost on the way.
        #expect(try buffer.follow(delivery(2, of: 3)) == nil)
        #expect(buffer.isBroken)
        buffer.expectMove()
        let since = try #require(try buffer.follow(delivery(1, of: 2)))
        #expect(since > before && since == buffer.epoch)
    }

    @Test("is not broken any more once the consumer is moved, although nothing came since")
    func idle() throws {
        let buffer = LaneBuffer(behind: 0, room: 10)
        buffer.breakOff()
        #expect(!buffer.isIdle)
        buffer.expectMove()
        #expect(buffer.isIdle)
    }
}
