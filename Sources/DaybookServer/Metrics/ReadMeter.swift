#if Server
import DaybookCore
import NIOCore

/// Counts the pages that are read for one protocol: by a read, or for a subscription.
final class ReadMeter: Sendable {
    let outcomes = OutcomeCounts()
    let events = MetricCount()
    /// Of data and metadata.
    let bytes = MetricCount()
    let times = MetricHistogram()

    /// Reads a page of a stream.
    func page(
        of stream: StreamName, from cursor: StreamCursor, _ direction: ReadDirection, limit: Int,
        in store: any EventStore
    ) async throws(ReadError) -> StreamPage {
        let start = NIODeadline.now()
        do throws(ReadError) {
            let page = try await store.readPage(of: stream, from: cursor, direction: direction, limit: limit)
            succeed(page.events, since: start)
            return page
        } catch {
            fail(error)
            throw error
        }
    }

    /// Reads a page of the log.
    func page(
        from cursor: LogCursor, _ direction: ReadDirection, filter: EventFilter, limit: Int, in store: any EventStore
    ) async throws(ReadError) -> LogPage {
        let start = NIODeadline.now()
        do throws(ReadError) {
            let page = try await store.readPage(from: cursor, direction: direction, filter: filter, limit: limit)
            succeed(page.events, since: start)
            return page
        } catch {
            fail(error)
            throw error
        }
    }

    /// Reads a page of what a client of KurrentDB calls a stream.
    func page(
        _ read: () async throws -> KurrentPage
    ) async throws -> KurrentPage {
        let start = NIODeadline.now()
        do {
            let page = try await read()
            var size = 0
            for event in page.events { size += event.payloadBytes }
            succeed(page.events.count, bytes: size, since: start)
            return page
        } catch {
            fail(error)
            throw error
        }
    }

    private func succeed(_ page: [RecordedEvent], since start: NIODeadline) {
        var size = 0
        for event in page { size += event.data.count + event.metadata.count }
        succeed(page.count, bytes: size, since: start)
    }

    private func succeed(_ count: Int, bytes size: Int, since start: NIODeadline) {
        times.record(since: start)
        outcomes.add(.ok)
        events.add(count)
        bytes.add(size)
    }

    private func fail(_ error: any Error) { outcomes.add(CallOutcome(error)) }
}
#endif
