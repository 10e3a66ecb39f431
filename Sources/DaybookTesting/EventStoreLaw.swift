import DaybookCore

/// A promise that every event store keeps.
///
/// ```swift
/// @Test("The SQLite store keeps every law", arguments: EventStoreLaw.all)
/// func law(_ law: EventStoreLaw) async throws {
///     try await law.check(SQLiteEventStore.temporary())
/// }
/// ```
public struct EventStoreLaw: Sendable, CustomStringConvertible {
    /// The promise, as a sentence.
    public let name: String
    private let body: @Sendable (any EventStore) async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (any EventStore) async throws -> Void) {
        self.name = name
        self.body = body
    }

    /// Every law. Each runs on an empty store of its own.
    public static let all: [EventStoreLaw] = [
        atomicity, expectedVersions, idempotency, conditions, receipts, order, content, reads, filters, retention,
        subscriptions, cancellation, limits,
    ].flatMap { $0 }

    /// Checks the law on an empty store.
    ///
    /// - Throws: ``LawViolation``, or an error of the store.
    public func check(_ store: any EventStore) async throws { try await body(store) }

    public var description: String { name }
}
