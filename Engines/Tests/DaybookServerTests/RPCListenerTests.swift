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
        let users = UserDirectory(log: log, passwords: PasswordHasher(), founding: FoundingToken())
        let http = HTTPConnections(api: HTTPAPI(log: log, configuration: ServerConfiguration(), users: users))
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

    @Test(.timeLimit(.minutes(1))) func aConnectionWhoseClientAnswersNoPingIsClosed() async throws {
        var limits = RPCLimits()
        limits.silentTime = .milliseconds(20)
        limits.answerTime = .milliseconds(20)
        limits.graceTime = .milliseconds(20)
        try await Self.listening([:], limits: limits) { port, _ in
            let client = try await BareConnection.open(port: port)
            try await client.waitForEnd()
        }
    }

    @Test func whatWasAnsweredComesBeforeTheEndOfACall() async throws {
        let ended = AsyncStream<Void>.makeStream()
        let routes: RPCRoutes = [
            "/fail": .streaming { _, responses, _ in
                defer { ended.continuation.yield() }
                try await responses.send { $0.writeInteger(7) }
                throw RPCStatus(.aborted, "The group was deleted.")
            }
        ]
        try await Self.listening(routes) { port, _ in
            let client = try await BareConnection.open(port: port, window: 0)
            try await client.call("/fail", on: 1)
            for await _ in ended.stream { break }
            // That this one is answered tells that the first one has ended, and waits for room.
            try await client.call("/unknown", on: 3)
            var types: [UInt8] = []
            for await frame in client.frames {
                if frame.stream == 3, frame.type == 1 { try await client.giveRoom(100, on: 1) }
                // Frames of type 8 tell how much more the server takes.
                if frame.stream == 1, frame.type != 8 { types.append(frame.type) }
                if frame.stream == 1, frame.type == 3 { break }
            }
            #expect(types == [1, 0, 1, 3])
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

    @Test(.timeLimit(.minutes(1))) func aConnectionWhoseClientDoesNotKeepToTheProtocolIsClosed() async throws {
        try await Self.listening([:]) { port, _ in
            let client = try await BareConnection.open(port: port)
            try await client.sendFrame(0, on: 0, [1])  // Data of no call.
            try await client.waitForEnd()
        }
    }

    @Test(.timeLimit(.minutes(1))) func aConnectionThatGivesUpTooManyCallsIsClosed() async throws {
        var limits = RPCLimits()
        limits.resets = 10
        let routes: RPCRoutes = ["/watch": .streaming { requests, _, _ in while try await requests.next() != nil {} }]
        try await Self.listening(routes, limits: limits) { port, _ in
            let client = try await BareConnection.open(port: port)
            for number in 0..<100 as Range<UInt32> {
                do {
                    try await client.call("/watch", on: 2 * number + 1)
                    try await client.sendFrame(3, on: 2 * number + 1, [0, 0, 0, 8])
                } catch { break }  // It is closed.
            }
            try await client.waitForEnd()
        }
    }

    @Test(.timeLimit(.minutes(1))) func halfMessagesOfAConnectionAreBoundTogether() async throws {
        var limits = RPCLimits()
        limits.bytesPerConnection = 10_000
        let routes: RPCRoutes = ["/take": .unary { message, _ in message }]
        try await Self.listening(routes, limits: limits) { port, _ in
            let client = try await BareConnection.open(port: port)
            let half = [0, 0, 0, 0xFF, 0xFF] + [UInt8](repeating: 0, count: 3_000)
            for number in 0..<4 as Range<UInt32> {
                try await client.call("/take", on: 2 * number + 1)
                try await client.send(half, on: 2 * number + 1)
            }
            // The fourth has its answer though no message has come in whole; the others wait.
            for await frame in client.frames where frame.type == 1 {
                #expect(frame.stream == 7)
                break
            }
            try await client.close()
        }
    }

    @Test(.timeLimit(.minutes(1))) func aMessageThatDoesNotComeToItsEndIsRefused() async throws {
        var limits = RPCLimits()
        limits.messageTime = .milliseconds(20)
        let routes: RPCRoutes = ["/take": .unary { message, _ in message }]
        try await Self.listening(routes, limits: limits) { port, _ in
            let client = try await BareConnection.open(port: port)
            try await client.call("/take", on: 1)
            try await client.send([0, 0, 0, 0, 9, 1], on: 1)
            for await frame in client.frames where frame.type == 1 {
                #expect(frame.stream == 1)
                break
            }
            try await client.close()
        }
    }

    @Test(.timeLimit(.minutes(1))) func whatIsBeingWrittenIsAnsweredThoughTheNextMessageIsRefused() async throws {
        let begun = AsyncStream<Void>.makeStream()
        let written = AsyncStream<Void>.makeStream()
        let routes: RPCRoutes = [
            "/write": .finishing(
                .streaming { requests, responses, _ in
                    _ = try await requests.next()
                    begun.continuation.yield()
                    for await _ in written.stream { break }
                    try await responses.send { $0.writeInteger(7) }
                    // Nothing more is taken: this throws.
                    while try await requests.next() != nil {}
                })
        ]
        var limits = RPCLimits()
        limits.messageBytes = 100
        try await Self.listening(routes, limits: limits) { port, _ in
            let client = try await BareConnection.open(port: port)
            try await client.call("/write", on: 1)
            try await client.send([0, 0, 0, 0, 1, 1], on: 1)
            for await _ in begun.stream { break }
            try await client.send([0, 0, 0, 0, 101], on: 1)
            // That has come when what was sent behind it is answered.
            try await client.call("/missing", on: 3)
            var answer: [UInt8] = []
            for await frame in client.frames {
                if frame.stream == 3, frame.type == 1 {
                    #expect(answer.isEmpty)
                    written.continuation.yield()
                }
                if frame.stream == 1, frame.type != 8 { answer.append(frame.type) }
                if frame.stream == 1, frame.type == 3 { break }
            }
            #expect(answer == [1, 0, 1, 3])
            try await client.close()
        }
    }

    @Test(.timeLimit(.minutes(1))) func whatIsBeingWrittenIsAnsweredBeforeTheServerEnds() async throws {
        let begun = AsyncStream<Void>.makeStream()
        let written = AsyncStream<Void>.makeStream()
        let routes: RPCRoutes = [
            "/write": .finishing(
                .streaming { requests, responses, _ in
                    begun.continuation.yield()
                    for await _ in written.stream { break }
                    try await responses.send { $0.writeInteger(7) }
                    // Nothing more is taken: this throws.
                    while try await requests.next() != nil {}
                }),
            "/watch": .streaming { requests, _, _ in
                begun.continuation.yield()
                while try await requests.next() != nil {}
            },
        ]
        var limits = RPCLimits()
        // The client answers nothing, so that its connection is closed after this time.
        limits.graceTime = .seconds(2)
        try await Self.listening(routes, limits: limits) { port, stop in
            let client = try await BareConnection.open(port: port)
            try await client.call("/write", on: 1)
            try await client.call("/watch", on: 3)
            var calls = begun.stream.makeAsyncIterator()
            for _ in 0..<2 { _ = await calls.next() }
            async let stopped: Void = stop()
            var answer: [UInt8] = []
            for await frame in client.frames {
                // The one that only reads has ended, and the one that writes has not.
                if frame.stream == 3, frame.type == 1 {
                    #expect(answer.isEmpty)
                    written.continuation.yield()
                }
                if frame.stream == 1, frame.type != 8 { answer.append(frame.type) }
                if frame.stream == 1, frame.type == 3 { break }
            }
            #expect(answer == [1, 0, 1, 3])
            await stopped
        }
    }
}
