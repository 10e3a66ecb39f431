import DaybookCore
import Testing

@testable import DaybookServer

@Suite struct RPCListenerTests {
    /// Runs a listener while `use` does, which may stop it.
    private static func listening(
        _ routes: RPCRoutes, limits: RPCLimits = RPCLimits(),
        _ use: (_ port: Int, _ stop: @Sendable () async -> Void) async throws -> Void
    ) async throws {
        let log = try await KurrentLog.open(InMemoryEventStore())
        let http = HTTPConnections(api: HTTPAPI(log: log, configuration: ServerConfiguration()))
        let listener = RPCListener(routes: routes, http: http, limits: limits)
        let ports = AsyncStream<Int>.makeStream()
        let run = Task {
            defer { ports.continuation.finish() }
            try await listener.run(host: "127.0.0.1", port: 0) { ports.continuation.yield($0) }
        }
        let stop: @Sendable () async -> Void = {
            run.cancel()
            _ = await run.result
        }
        for await port in ports.stream {
            do { try await use(port, stop) } catch {
                await stop()
                throw error
            }
            await stop()
        }
        try await run.value
    }

    @Test(.timeLimit(.minutes(1))) func aConnectionWhoseClientIsSilentIsClosedInTheEnd() async throws {
        let begun = AsyncStream<Void>.makeStream()
        let routes: RPCRoutes = [
            "/watch": .streaming { requests, _, _ in
                begun.continuation.yield()
                while try await requests.next() != nil {}
            }
        ]
        var limits = RPCLimits()
        limits.graceTime = .milliseconds(50)
        try await Self.listening(routes, limits: limits) { port, stop in
            let client = try await BareConnection.open(port: port)
            try await client.call("/watch", on: 1)
            for await _ in begun.stream { break }
            await stop()
            try await client.waitForEnd()
        }
    }

    @Test func aMethodThatWritesIsFinishedThoughItsClientGoes() async throws {
        let begun = AsyncStream<Void>.makeStream()
        let gone = AsyncStream<Void>.makeStream()
        let finished = AsyncStream<Bool>.makeStream()
        let routes: RPCRoutes = [
            "/write": .finishing(
                .streaming { _, _, _ in
                    begun.continuation.yield()
                    for await _ in gone.stream { break }
                    finished.continuation.yield(!Task.isCancelled)
                }),
            "/watch": .streaming { requests, _, _ in
                begun.continuation.yield()
                defer { gone.continuation.yield() }
                while try await requests.next() != nil {}
            },
        ]
        try await Self.listening(routes) { port, _ in
            let client = try await BareConnection.open(port: port)
            try await client.call("/write", on: 1)
            try await client.call("/watch", on: 3)
            var calls = begun.stream.makeAsyncIterator()
            for _ in 0..<2 { _ = await calls.next() }
            try await client.close()
            var results = finished.stream.makeAsyncIterator()
            let isFinished = await results.next()
            #expect(isFinished == true)
        }
    }
}
