import DaybookCore
import DaybookProtocol

/// Messages of `daybook.v1`, as a server reads what clients send, and a client what a server answers. Any bytes are read or
/// refused; what was read is written, and read again.
///
/// The first byte says which message the rest is.
enum WireFuzzing {
    static func run(_ input: [UInt8]) {
        guard let first = input.first else { return }
        checks[Int(first) % checks.count](Array(input.dropFirst()))
    }

    private static let checks: [@Sendable ([UInt8]) -> Void] = [
        { check(AppendRequest.self, $0) }, { check(StreamPageRequest.self, $0) }, { check(LogPageRequest.self, $0) },
        { check(StreamsRequest.self, $0) }, { check(NamedRequest<StreamName>.self, $0) },
        { check(NamedRequest<CommandID>.self, $0) }, { check(PositionMessage.self, $0) },
        { check(GetDocumentsRequest.self, $0) }, { check(ListDocumentsRequest.self, $0) },
        { check(DocumentBatch.self, $0) }, { check(SaveCheckpointRequest.self, $0) }, { check(Snapshot.self, $0) },
        { check(DeleteSnapshotsRequest.self, $0) }, { check(HealthPolicy.self, $0) },
        { check(ImportedEvents.self, $0) }, { check(RecordedCommands.self, $0) },
        { check(ListCommandsRequest.self, $0) }, { check(StreamPage.self, $0) }, { check(LogPage.self, $0) },
        { check(AppendResult.self, $0) }, { check(AppendError.self, $0) }, { check(ReadError.self, $0) },
    ]

    private static func check<Message: WireMessage>(_ type: Message.Type, _ bytes: [UInt8]) {
        guard let message = try? Message(wireBytes: bytes) else { return }
        do { _ = try Message(wireBytes: message.wireBytes) } catch {
            fatalError("\(message) was read, but not written and read again: \(error).")
        }
    }
}
