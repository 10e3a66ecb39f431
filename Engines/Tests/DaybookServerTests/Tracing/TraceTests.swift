import DaybookClient
import DaybookCore
import HTTPTypes
import NIOHTTP1
import Synchronization
import Testing
import Tracing

@testable import DaybookServer

@Suite("The trace of a call", .timeLimit(.minutes(1))) struct TraceTests {
    private static let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test(
        "is read by the rules of the standard",
        arguments: [
            (TraceTests.parent, true), ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false),
            ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
            ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", false), ("", false), ("-", false),
            ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-" + String(repeating: "a", count: 200), false),
        ])
    func form(_ text: String, _ isParent: Bool) {
        #expect((TraceContext(parent: text, state: nil) != nil) == isParent)
    }

    @Test("has a state of some length, without which it goes on")
    func state() {
        #expect(TraceContext(parent: Self.parent, state: "a=1,b=2")?.state == "a=1,b=2")
        for state in ["", "a=\u{e9}", String(repeating: "a", count: 513)] {
            let context = TraceContext(parent: Self.parent, state: state)
            #expect(context != nil && context?.state == nil)
        }
    }

    @Test(
        "stands in metadata where the application has not said it",
        arguments: [
            ("", #"{"traceparent":"P","tracestate":"a=1"}"#), ("{}", #"{"traceparent":"P","tracestate":"a=1"}"#),
            (#"{"a": 1.10}"#, #"{"a":1.10,"traceparent":"P","tracestate":"a=1"}"#),
            (#"{"traceparent":"mine"}"#, #"{"traceparent":"mine"}"#), ("[1]", "[1]"), ("no JSON", "no JSON"),
        ])
    func stamp(_ metadata: String, _ expected: String) throws {
        let trace = try #require(TraceContext(parent: Self.parent, state: "a=1"))
        let stamped = String(decoding: TraceStamp(trace).stamped(Array(metadata.utf8)), as: UTF8.self)
        #expect(stamped == expected.replacing("\"P\"", with: "\"\(Self.parent)\""))
    }

    @Test("is left out where an append would become too large for it")
    func largeAppend() throws {
        let trace = try #require(TraceContext(parent: Self.parent, state: nil))
        var request = AppendRequest()
        request.append([NewEvent(type: "T", data: Array(repeating: 1, count: Limits.eventBytes))], to: "a")
        #expect(TraceStamp(trace).stamped(request) == request)
    }

    @Test("is left out where there is room for it or for the actor, so that the append is taken")
    func noRoomBesideActor() async throws {
        try await SecureStore.serving { secure in
            try await secure.addUsers("$writers")
            // The trace takes 72 bytes, and the actor 19.
            let text = String(repeating: "x", count: Limits.eventBytes - 80 - #"{}{"a":""}"#.utf8.count)
            var headers = SecureStore.basic("writers")
            headers.add(name: TraceContext.parentHeader, value: Self.parent)
            let answer = try await secure.served.post(
                "/v1/append",
                #"{"writes":[{"stream":"a","events":[{"type":"T","data":{},"metadata":{"a":"\#(text)"}}]}]}"#,
                headers: headers)
            #expect(answer.status == 200, "\(answer.text)")
            let events = try await secure.store.readPage(of: "a", from: .start, direction: .forward, limit: 1).events
            let metadata = try EventMetadata(decoding: try #require(events.first).metadata)
            #expect(metadata.actor == "writers" && metadata.traceParent == nil)
        }
    }

    @Test("that a client names stands in what it appends by HTTP, and is no other's")
    func http() async throws {
        let store = InMemoryEventStore()
        try await ServedStore.serving(store) { served async throws in
            let body = #"{"writes":[{"stream":"a","events":[{"type":"T","data":{}}]}]}"#
            _ = try await served.post("/v1/append", body, headers: ["traceparent": Self.parent, "tracestate": "v=1"])
            _ = try await served.post("/v1/append", body, headers: ["traceparent": "nonsense"])
            let events = try await store.readPage(
                from: .start, direction: .forward, filter: .everything, limit: 10
            ).events
            let metadata = try events.map { try EventMetadata(decoding: $0.metadata) }
            #expect(metadata.map(\.traceParent) == [Self.parent, nil])
            #expect(metadata[0].additional["tracestate"] == "v=1")
            #expect(events[1].metadata.isEmpty)
        }
    }

    /// Makes spans whose numbers follow on each other, and passes them on as the standard says.
    private struct CountingTracer: Tracer {
        struct Span: Tracing.Span {
            let context: InstrumentationContext
            let name: String
            let ended: Ended
            var operationName: String {
                get { name }
                nonmutating set {}
            }
            var attributes: SpanAttributes {
                get { [:] }
                nonmutating set {}
            }
            var isRecording: Bool { true }

            func setStatus(_ status: SpanStatus) {}
            func addEvent(_ event: SpanEvent) {}
            func addLink(_ link: SpanLink) {}
            func recordError<Instant: TracerInstant>(
                _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
            ) {}
            func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
                ended.spans.withLock { $0.append(name) }
            }
        }

        final class Ended: Sendable { let spans = Mutex<[String]>([]) }

        enum Key: InstrumentationContextKey { typealias Value = String }

        let ended = Ended()

        func startSpan<Instant: TracerInstant>(
            _ operationName: String, context: @autoclosure () -> InstrumentationContext, ofKind kind: SpanKind,
            at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
        ) -> Span {
            var context = context()
            // The same trace, and another span.
            let trace = context[Key.self]?.split(separator: "-").dropFirst().first ?? "0000000000000000000000000000000a"
            context[Key.self] = "00-\(trace)-000000000000000b-01"
            return Span(context: context, name: operationName, ended: ended)
        }

        func forceFlush() {}

        func extract<Carrier, Extract: Extractor>(
            _ carrier: Carrier, into context: inout InstrumentationContext, using extractor: Extract
        ) where Extract.Carrier == Carrier {
            context[Key.self] = extractor.extract(key: "traceparent", from: carrier)
        }

        func inject<Carrier, Inject: Injector>(
            _ context: InstrumentationContext, into carrier: inout Carrier, using injector: Inject
        ) where Inject.Carrier == Carrier {
            if let trace = context[Key.self] { injector.inject(trace, forKey: "traceparent", into: &carrier) }
        }
    }

    @Test("goes on in a span of the server, where the program has an instrument")
    func spans() async throws {
        let tracer = CountingTracer()
        let log = try await KurrentLog.open(InMemoryEventStore())
        let tracing = CallTracing(tracer, tracer: tracer)
        let name = try #require(HTTPField.Name(TraceContext.parentHeader))
        for headers in [[name: Self.parent], [:]] as [HTTPFields] {
            let result = try await tracing.answer("Append", .http, .http(headers)) { () async throws -> AppendResult in
                var request = AppendRequest()
                request.append([NewEvent(type: "T", data: [])], to: "a")
                return try await log.commit(request)
            }
            #expect(result.eventCount == 1)
        }
        #expect(tracer.ended.spans.withLock { $0 } == ["Append", "Append"])
        let events = try await log.store.readPage(
            from: .start, direction: .forward, filter: .everything, limit: 10
        ).events
        #expect(
            try events.map { try EventMetadata(decoding: $0.metadata).traceParent } == [
                "00-4bf92f3577b34da6a3ce929d0e0e4736-000000000000000b-01",
                "00-0000000000000000000000000000000a-000000000000000b-01",
            ])
    }

    @Test("of a task of DaybookClient goes to the server")
    func client() async throws {
        let store = InMemoryEventStore()
        try await ServedStore.serving(store) { served async throws in
            let address = served.address.replacing("http://", with: "daybook://")
            let client = try DaybookClient.connect(to: "\(address)?tls=false")
            var context = InstrumentationContext.topLevel
            context[CountingTracer.Key.self] = Self.parent
            try await withTracer(CountingTracer()) {
                try await InstrumentationContext.withValue(context) {
                    _ = try await client.append([NewEvent(type: "T", data: [])], to: "a")
                }
            }
            _ = try await client.append([NewEvent(type: "T", data: [])], to: "a")
            await client.close()
        }
        let events = try await store.readPage(
            from: .start, direction: .forward, filter: .everything, limit: 10
        ).events
        #expect(try events.map { try EventMetadata(decoding: $0.metadata).traceParent } == [Self.parent, nil])
    }
}
