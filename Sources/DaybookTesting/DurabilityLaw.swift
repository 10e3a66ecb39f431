import DaybookCore

/// A promise that a store keeps across its closing and opening. A store in memory keeps none of them.
///
/// ```swift
/// @Test("The SQLite store keeps every law of durability", arguments: DurabilityLaw.all)
/// func law(_ law: DurabilityLaw) async throws {
///     let file = TemporaryFile()
///     try await law.check { try await file.reopened() }
/// }
/// ```
public struct DurabilityLaw: Sendable, CustomStringConvertible {
    /// Opens the store. Called again, it closes the store that it opened before and opens the same one again.
    public typealias Reopen = () async throws -> any EventStore

    /// The promise, as a sentence.
    public let name: String
    private let body: @Sendable (Reopen) async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (Reopen) async throws -> Void) {
        self.name = name
        self.body = body
    }

    /// Every law. Each runs on a store of its own that is empty when first opened.
    public static let all: [DurabilityLaw] = durability

    /// Checks the law on a store that is empty when first opened.
    ///
    /// - Throws: ``LawViolation``, or an error of the store.
    public func check(reopen: Reopen) async throws { try await body(reopen) }

    public var description: String { name }
}
