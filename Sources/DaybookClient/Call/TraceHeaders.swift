#if Client
import Instrumentation

/// The headers by which the server learns in which trace a call stands: what the program's instrument makes of the task's context.
/// None where the program has no instrument.
enum TraceHeaders {
    /// To be asked for in the task that calls.
    static var current: [String: String] {
        guard let context = InstrumentationContext.current else { return [:] }
        var headers: [String: String] = [:]
        InstrumentationSystem.instrument.inject(context, into: &headers, using: TraceHeaderInjector())
        return headers
    }
}
#endif
