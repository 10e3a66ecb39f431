import Testing

@testable import DaybookJetStream

@Suite("What the reply subject of a delivery says")
struct ConsumerDeliveryTests {
    @Test(
        "is read with and without a domain and an account",
        arguments: [
            "$JS.ACK.ES_shop.lane-3.1.560.42.1732665566123456789.7",
            "$JS.ACK.hub.ACCOUNT.ES_shop.lane-3.1.560.42.1732665566123456789.7",
            "$JS.ACK.hub.ACCOUNT.ES_shop.lane-3.1.560.42.1732665566123456789.7.token",
        ])
    func numbers(reply: String) throws {
        let delivery = try #require(ConsumerDelivery(reply))
        #expect(delivery.sequence == 560 && delivery.delivery == 42 && delivery.pending == 7)
        #expect(delivery.nanoseconds == 1_732_665_566_123_456_789)
    }

    @Test(
        "is no delivery of any other form",
        arguments: [
            "", ".", "_INBOX.1", "$JS.ACK.ES_shop.lane-3.1.560.42.1732665566123456789",
            "$JS.ACK.ES_shop.lane-3.1.560.x.1732665566123456789.7", "$JS.ACK.ES_shop.lane-3.1.-560.42.1.7",
            "$JS.ACK.hub.ES_shop.lane-3.1.560.42.1.7",
        ])
    func others(reply: String) { #expect(ConsumerDelivery(reply) == nil) }

    @Test("has a subject that is the one met before, however many there are")
    func subjects() {
        var known = KnownSubjects()
        for _ in 0..<2 {
            for number in 0..<5000 {
                let subject = "es.shop.e.01.account.\(number)"
                #expect(known.text(subject) == subject)
            }
        }
    }
}
