#if Server
/// Which way the call came that is being answered, and in which trace it stands.
///
/// What the server does by itself has none.
struct CallOrigin: Sendable {
    @TaskLocal static var current: CallOrigin?

    let served: ServedProtocol
    /// What the events are to say that the call appends; nil when it stands in no trace.
    let trace: TraceContext?
}
#endif
