import DaybookCore

/// A promise that every store keeps that tells its health.
///
/// ```swift
/// @Test("The SQLite store keeps every law of health", arguments: HealthLaw.all)
/// func law(_ law: HealthLaw) async throws {
///     try await law.check(SQLiteEventStore.temporary())
/// }
/// ```
public struct HealthLaw: Sendable, CustomStringConvertible {
    /// What a store can do in which consumers keep their positions.
    public typealias Store = CheckpointStore & HealthReporting & ReadModelStore

    /// The promise, as a sentence.
    public let name: String
    private let body: @Sendable (any Store) async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (any Store) async throws -> Void) {
        self.name = name
        self.body = body
    }

    /// Every law. Each runs on an empty store of its own.
    public static let all: [HealthLaw] = [consumers, names].flatMap { $0 }

    /// Checks the law on an empty store.
    ///
    /// - Throws: ``LawViolation``, or an error of the store.
    public func check(_ store: some Store) async throws { try await body(store) }

    public var description: String { name }
}
