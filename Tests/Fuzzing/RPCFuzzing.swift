#if Server
import KurrentProtocol
import NIOCore

@testable import DaybookServer

/// What comes on a connection in front of any call: its first bytes, which tell the protocol, and messages with their length in
/// front. However they are cut into pieces, the same comes out.
enum RPCFuzzing {
    private static let limit = 1_000

    /// - Parameter input: The first byte says how long the pieces are in which the rest comes.
    static func run(_ input: [UInt8]) {
        guard let first = input.first else { return }
        let bytes = Array(input.dropFirst())
        let size = Int(first) + 1
        let pieces = stride(from: 0, to: bytes.count, by: size).map {
            Array(bytes[$0..<min($0 + size, bytes.count)])
        }
        let whole = read([bytes])
        let cut = read(pieces)
        promise(whole == cut, "In pieces of \(size) bytes \(cut) is read, not \(whole).")
        for message in whole.messages { _ = try? message.message(EventStore_Client_Streams_BatchAppendReq.self) }
        _ = try? ByteBuffer(bytes: bytes).message(EventStore_Client_Streams_ReadReq.self)
        checkChoice(bytes)
    }

    private struct Outcome: Equatable {
        var messages: [ByteBuffer] = []
        var refusal: RPCStatus?
        var isPartial = false
    }

    private static func read(_ pieces: [[UInt8]]) -> Outcome {
        var outcome = Outcome()
        var reader = RPCMessageReader(limit: limit)
        for piece in pieces {
            reader.append(ByteBuffer(bytes: piece))
            do throws(RPCStatus) {
                while let message = try reader.next() { outcome.messages.append(message) }
            } catch {
                outcome.refusal = error
                return outcome
            }
        }
        outcome.isPartial = reader.hasPartialMessage
        return outcome
    }

    /// What is decided stays so, whatever follows.
    private static func checkChoice(_ bytes: [UInt8]) {
        var decided: ProtocolSelector.Choice?
        for end in 0...min(bytes.count, 32) {
            let choice = ProtocolSelector.choice(for: bytes[..<end])
            promise(decided == nil || choice == decided, "\(end) bytes are \(String(describing: choice)).")
            decided = choice
        }
        promise(bytes.count < 24 || decided != nil, "24 bytes tell no protocol.")
    }
}
#endif
