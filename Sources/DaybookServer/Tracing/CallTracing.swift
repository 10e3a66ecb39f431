#if Server
import Tracing

/// Puts calls into the traces that they belong to: by the instrument that the program has, or, where it has none, by passing on
/// what the client said.
struct CallTracing: Sendable {
    /// Nil where the program has none, so that a call costs nothing.
    private let instrument: (any Instrument)?
    /// Nil where the instrument makes no spans.
    private let tracer: (any Tracer)?

    init(_ instrument: (any Instrument)? = nil, tracer: (any Tracer)? = nil) {
        self.instrument = instrument
        self.tracer = tracer
    }

    /// With what the program has bootstrapped, which it does before it makes a server.
    static var bootstrapped: CallTracing {
        let instrument = InstrumentationSystem.instrument
        guard !(instrument is NoOpInstrument) else { return CallTracing() }
        let tracer = InstrumentationSystem.tracer
        return CallTracing(instrument, tracer: tracer is NoOpTracer ? nil : tracer)
    }

    /// Answers a call with its ``CallOrigin``, in a span of its own where the instrument makes some.
    func answer<T: Sendable>(
        _ name: String, _ served: ServedProtocol, _ carrier: TraceCarrier, _ body: () async throws -> T
    ) async throws -> T {
        guard let instrument else {
            let origin = CallOrigin(served: served, trace: carrier.trace)
            return try await CallOrigin.$current.withValue(origin) { try await body() }
        }
        var context = InstrumentationContext.topLevel
        instrument.extract(carrier, into: &context, using: TraceExtractor())
        var span: (any Tracing.Span)?
        if let tracer { span = Self.start(name, context, by: tracer) }
        defer { span?.end() }
        let current = span?.context ?? context
        let origin = CallOrigin(served: served, trace: Self.trace(of: current, by: instrument) ?? carrier.trace)
        do {
            return try await InstrumentationContext.withValue(current) { () async throws -> T in
                try await CallOrigin.$current.withValue(origin) { try await body() }
            }
        } catch {
            if CallOutcome(error) == .failed, let span {
                span.recordError(error)
                span.setStatus(SpanStatus(code: .error))
            }
            throw error
        }
    }

    private static func start(
        _ name: String, _ context: InstrumentationContext, by tracer: some Tracer
    ) -> any Tracing.Span {
        tracer.startSpan(name, context: context, ofKind: .server)
    }

    private static func trace(of context: InstrumentationContext, by instrument: any Instrument) -> TraceContext? {
        var carrier: [String: String] = [:]
        instrument.inject(context, into: &carrier, using: TraceInjector())
        guard let parent = carrier[TraceContext.parentHeader] else { return nil }
        return TraceContext(parent: parent, state: carrier[TraceContext.stateHeader])
    }
}
#endif
