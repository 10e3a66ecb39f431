import NIOCore
import Testing

@testable import DaybookServer

@Suite struct RPCMessageReaderTests {
    private static func framed(_ texts: [String]) -> ByteBuffer {
        var buffer = ByteBuffer()
        for text in texts { buffer.writeRPCMessage { $0.writeString(text) } }
        return buffer
    }

    @Test(arguments: 1...12) func messagesAreWholeHoweverTheBytesAreCut(_ size: Int) throws {
        let texts = ["", "a", String(repeating: "b", count: 40), "", "c"]
        var bytes = Self.framed(texts)
        var reader = RPCMessageReader(limit: 40)
        var read: [String] = []
        while bytes.readableBytes > 0 {
            reader.append(bytes.readSlice(length: min(size, bytes.readableBytes))!)
            while let message = try reader.next() { read.append(String(buffer: message)) }
        }
        #expect(read == texts)
        #expect(!reader.hasPartialMessage)
    }

    @Test func aMessageThatIsTooLongIsRefusedBeforeItHasCome() throws {
        var reader = RPCMessageReader(limit: 1_000)
        reader.append(ByteBuffer(bytes: [0, 0, 0, 3, 0xE9]))
        let status = #expect(throws: RPCStatus.self) { try reader.next() }
        #expect(status?.code == .resourceExhausted)
        #expect(status?.message.contains("1001") == true)
    }

    @Test func aMessageThatIsCompressedIsRefused() throws {
        var reader = RPCMessageReader(limit: 10)
        reader.append(ByteBuffer(bytes: [1, 0, 0, 0, 1, 0]))
        #expect(throws: RPCStatus.self) { try reader.next() }
    }

    @Test func whatIsMissingIsToldFromNothing() throws {
        var reader = RPCMessageReader(limit: 10)
        #expect(!reader.hasPartialMessage)
        reader.append(ByteBuffer(bytes: [0, 0]))
        #expect(try reader.next() == nil)
        #expect(reader.hasPartialMessage)
    }

    @Test func aStreamThatIsNeverCutBetweenMessagesIsNotKept() throws {
        let message = Self.framed([String(repeating: "a", count: 1_000)])
        var stream = ByteBuffer()
        for _ in 0..<100 { stream.writeImmutableBuffer(message) }
        var reader = RPCMessageReader(limit: 1_000)
        // Half of the first message, so that every piece ends within one.
        reader.append(stream.readSlice(length: 500)!)
        var most = 0
        for _ in 0..<99 {
            reader.append(stream.readSlice(length: message.readableBytes)!)
            let next = try reader.next()
            #expect(next?.readableBytes == 1_000)
            most = max(most, reader.bytesHeld)
        }
        #expect(reader.hasPartialMessage)
        #expect(most <= 8 << 10)
    }

    @Test func aFewBytesDoNotKeepWhatWasReceivedWithThem() {
        var received = ByteBuffer(repeating: 0, count: 64 << 10)
        var reader = RPCMessageReader(limit: 1_000)
        reader.append(received.readSlice(length: 3)!)
        #expect(reader.bytesHeld < 64)
    }
}
