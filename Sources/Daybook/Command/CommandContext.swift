import DaybookCore

/// Who asks for a command, why, and what caused it: goes into the metadata of every event that the command causes.
///
/// The context flows with the task, so that nothing between the edge of a program and its command handlers has to pass
/// it on:
///
/// ```swift
/// try await CommandContext.with(actor: "clerk-7", reason: "refund agreed by telephone") {
///     try await accounts.handle(.deposit(amount: 25), id: "42")
/// }
/// ```
public struct CommandContext: Sendable, Hashable {
    /// The same for all that follows from one request. The command's identifier, or a new one, when nil.
    public var correlationID: String?
    /// What directly caused the command's events. The command's identifier when nil.
    public var causationID: String?
    /// On whose behalf: a person or a program.
    public var actor: String?
    /// Why, in the actor's words.
    public var reason: String?
    /// W3C trace context, `traceparent`: https://www.w3.org/TR/trace-context/
    public var traceParent: String?
    /// When it happened in the world, where that differs from when it is recorded.
    public var occurredAt: Timestamp?
    /// Further keys of the metadata's JSON object.
    public var additional: [String: String]

    public init(
        correlationID: String? = nil, causationID: String? = nil, actor: String? = nil, reason: String? = nil,
        traceParent: String? = nil, occurredAt: Timestamp? = nil, additional: [String: String] = [:]
    ) {
        self.correlationID = correlationID
        self.causationID = causationID
        self.actor = actor
        self.reason = reason
        self.traceParent = traceParent
        self.occurredAt = occurredAt
        self.additional = additional
    }

    /// The context of what an event causes: what the event belongs to, on whose behalf, and the event as the cause.
    ///
    /// - Parameter actor: Who reacts to the event, a consumer or a process: stands in when the event names no actor.
    public init(following event: RecordedEvent, actor: String? = nil) {
        self.init(following: event.id, with: event.metadata, actor: actor)
    }

    init(following event: EventID, with metadata: ArraySlice<UInt8>, actor: String?) {
        // Metadata that is no JSON object does not say what the event belongs to.
        let cause = try? EventMetadata(decoding: metadata)
        self.init(
            correlationID: cause?.correlationID ?? event.description, causationID: event.description,
            actor: cause?.actor ?? actor, traceParent: cause?.traceParent)
    }

    /// The context of the current task; empty unless set by one of the `with` functions.
    @TaskLocal public static var current = CommandContext()

    /// Runs an operation in the current context with some changes.
    ///
    /// ```swift
    /// try await CommandContext.with({ $0.additional["channel"] = "branch" }) { … }
    /// ```
    @discardableResult
    public static func with<Value, Failure: Error>(
        _ changes: (inout CommandContext) -> Void, isolation: isolated (any Actor)? = #isolation,
        perform operation: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        var context = current
        changes(&context)
        let result: Result<Value, Failure> = await $current.withValue(
            context,
            operation: {
                do throws(Failure) {
                    return .success(try await operation())
                } catch {
                    return .failure(error)
                }
            }, isolation: isolation)
        return try result.get()
    }

    /// Runs an operation in the current context with those values replaced that are not nil.
    @discardableResult
    public static func with<Value, Failure: Error>(
        correlationID: String? = nil, causationID: String? = nil, actor: String? = nil, reason: String? = nil,
        traceParent: String? = nil, occurredAt: Timestamp? = nil, isolation: isolated (any Actor)? = #isolation,
        perform operation: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let changes = CommandContext(
            correlationID: correlationID, causationID: causationID, actor: actor, reason: reason,
            traceParent: traceParent, occurredAt: occurredAt)
        return try await with({ $0 = changes.completed(by: $0) }, isolation: isolation, perform: operation)
    }

    /// This context, with the other's values where it has none.
    public func completed(by other: CommandContext) -> CommandContext {
        CommandContext(
            correlationID: correlationID ?? other.correlationID, causationID: causationID ?? other.causationID,
            actor: actor ?? other.actor, reason: reason ?? other.reason,
            traceParent: traceParent ?? other.traceParent, occurredAt: occurredAt ?? other.occurredAt,
            additional: additional.isEmpty
                ? other.additional : additional.merging(other.additional) { own, _ in own })
    }

    /// The metadata of the events that a command causes in this context.
    ///
    /// - Parameter correlationID: Stands in when the context has none.
    @usableFromInline
    func metadata(commandID: CommandID?, correlationID fallback: String) -> EventMetadata {
        EventMetadata(
            correlationID: correlationID ?? fallback, causationID: causationID ?? commandID?.rawValue, actor: actor,
            reason: reason, traceParent: traceParent, occurredAt: occurredAt, additional: additional)
    }
}
