// sample: first look
import DaybookCore
import Testing

// end of sample

/// The samples of the documentation, as `scripts/check-samples` compares them: change both together.
@Suite("The samples of the documentation run:")
struct ReadmeSamples {
    @Test("two streams in one append, and the log read back")
    func firstLook() async throws {
        // sample: first look
        let store = InMemoryEventStore()

        // Two streams in one append: both events are recorded, or neither.
        var transfer = AppendRequest(commandID: "transfer-17")
        transfer.append([NewEvent(type: "withdrawn", data: [5])], to: "account-1", expecting: .noStream)
        transfer.append([NewEvent(type: "deposited", data: [5])], to: "account-2", expecting: .noStream)
        let first = try await store.append(transfer)
        let again = try await store.append(transfer)  // The same command: the first result; nothing is written.

        for try await event in store.events() {
            print(event.position, event.stream, event.version, event.type)
        }
        // end of sample
        #expect(again.isRepeat && again.position == first.position)
    }
}
