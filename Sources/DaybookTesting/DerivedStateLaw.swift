import DaybookCore

/// A promise that every store of checkpoints, snapshots and read models keeps.
///
/// ```swift
/// @Test("The SQLite store keeps every law of derived state", arguments: DerivedStateLaw.all)
/// func law(_ law: DerivedStateLaw) async throws {
///     try await law.check(SQLiteEventStore.temporary())
/// }
/// ```
public struct DerivedStateLaw: Sendable, CustomStringConvertible {
    /// What a store of derived state can do.
    public typealias Store = CheckpointStore & ReadModelStore & SnapshotStore

    /// The promise, as a sentence.
    public let name: String
    private let body: @Sendable (any Store) async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (any Store) async throws -> Void) {
        self.name = name
        self.body = body
    }

    /// Every law. Each runs on an empty store of its own.
    public static let all: [DerivedStateLaw] = [checkpoints, snapshots, readModels].flatMap { $0 }

    /// Checks the law on an empty store.
    ///
    /// - Throws: ``LawViolation``, or an error of the store.
    public func check(_ store: some Store) async throws { try await body(store) }

    public var description: String { name }
}
