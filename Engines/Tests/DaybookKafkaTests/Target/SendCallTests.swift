import BusTesting
import Daybook
import Testing

@testable import DaybookKafka

@Suite("A call of send")
struct SendCallTests {
    static let error = KafkaError.notDelivered(topic: "t", code: "X", reason: "x")
    static let failed = PublisherMessage.Answer.failed(reason: error.description)
    static let refused = PublisherMessage.Answer.refused(reason: error.description)

    @Test("acknowledges a message when each of its records was delivered")
    func pieces() {
        let sending = Sending()
        let call = SendCall([
            sending.message([Sending.event("1", stream: "a"), Sending.event("2", stream: "a")], stream: "a")
        ])
        for _ in 0..<2 { call.began(0) }
        call.ended(0, .delivered)
        #expect(sending.answers.isEmpty)
        call.ended(0, .delivered)
        #expect(sending.acknowledged == ["1"])
        #expect(call.isIdle)
    }

    @Test("acknowledges nothing behind a failure, of its stream alone")
    func behind() {
        let sending = Sending()
        let call = SendCall(sending.messages(0..<3, streams: ["a", "b"]))
        for message in 0..<6 { call.began(message) }
        call.ended(0, .failed(Self.error))
        for message in 1..<6 { call.ended(message, .delivered) }
        #expect(sending.acknowledged == ["b-0", "b-1", "b-2"])
        #expect(sending.answer("a-0") == Self.failed)
        #expect(sending.answer("a-1") == nil && sending.answer("a-2") == nil)
        #expect(!call.maySend(4) && call.maySend(5))
    }

    @Test("answers a refusal after what stands before it in its stream")
    func refusal() {
        let sending = Sending()
        let call = SendCall(sending.messages(0..<3, streams: ["a"]))
        call.began(0)
        call.fail(1, .refused(Self.error))
        #expect(sending.answers.isEmpty)
        #expect(!call.maySend(2))
        call.ended(0, .delivered)
        #expect(sending.answers.map(\.id) == ["a-0", "a-1"])
        #expect(sending.answers.map(\.answer) == [.acknowledged, Self.refused])
    }

    @Test("answers the first failure alone when one before a refusal fails too")
    func two() {
        let sending = Sending()
        let call = SendCall(sending.messages(0..<3, streams: ["a"]))
        call.began(0)
        call.fail(1, .refused(Self.error))
        call.ended(0, .failed(Self.error))
        #expect(sending.answers.map(\.id) == ["a-0"])
        #expect(sending.answers.map(\.answer) == [Self.failed])
    }

    @Test("answers a transaction at its commit")
    func commit() {
        let sending = Sending()
        let call = SendCall(sending.messages(0..<2, streams: ["a", "b"]), isTransaction: true)
        call.fail(2, .refused(Self.error))
        for message in [0, 1, 3] {
            call.began(message)
            call.ended(message, .delivered)
        }
        #expect(sending.answers.isEmpty)
        call.commit(nil)
        #expect(sending.acknowledged == ["a-0", "b-0", "b-1"])
        #expect(sending.answer("a-1") == Self.refused)
    }

    @Test("fails a transaction that was not committed, and keeps what it refused for good")
    func abort() {
        let sending = Sending()
        let call = SendCall(sending.messages(0..<2, streams: ["a", "b"]), isTransaction: true)
        for message in 0..<4 { call.began(message) }
        call.ended(0, .delivered)
        call.ended(1, .failed(Self.error))
        call.ended(2, .refused(Self.error))
        call.ended(3, .failed(Self.error))
        call.commit(.stopped)
        #expect(sending.acknowledged.isEmpty)
        #expect(sending.answer("a-0") == .failed(reason: KafkaError.stopped.description))
        #expect(sending.answer("a-1") == Self.refused)
        #expect(sending.answer("b-0") == Self.failed)
        #expect(sending.answer("b-1") == nil)
    }

    @Test("sends and answers nothing after it was given up")
    func abandoned() async {
        let sending = Sending()
        let call = SendCall(sending.messages(0..<2, streams: ["a"]))
        call.began(0)
        call.cancel()
        #expect(!call.maySend(1))
        call.abandon(afterWaiting: .zero)
        await call.wait()
        call.ended(0, .delivered)
        #expect(sending.answers.isEmpty)
    }
}
