import DaybookCore
import Foundation

/// A name that stands for one of several versions of a read model, and is moved from one to the next in one step.
///
/// ```swift
/// let alias = ReadModelAlias("balances", in: store)
/// let name = try await alias.target() ?? "balances-1"
/// ```
public struct ReadModelAlias: Sendable {
    public let name: ReadModelName
    private let models: any ReadModelStore
    private static let key = "target"

    public init(_ name: ReadModelName, in models: any ReadModelStore) {
        self.name = name
        self.models = models
    }

    /// Where the target is kept: no projection runs under such a name.
    private var model: ReadModelName { ReadModelName(unchecked: "$alias/\(name)") }

    /// The read model that the name stands for; nil before it was first set.
    public func target() async throws(ReadModelError) -> ReadModelName? {
        do {
            guard let data = try await models.document(Self.key, of: model) else { return nil }
            let text = String(decoding: data, as: UTF8.self)
            guard let name = ReadModelName(rawValue: text) else {
                throw DerivedStateError.corrupted(key: Self.key, file: "read model '\(model)'")
            }
            return name
        } catch let error as DerivedStateError {
            throw ReadModelError(error)
        } catch {
            throw .store(.storageFailed(reason: "\(error)"))
        }
    }

    /// Lets the name stand for another read model: who asks from now on gets that.
    ///
    /// - Parameter expected: The target before.
    /// - Throws: ``ReadModelError`` with ``DerivedStateError/checkpointMoved(model:expected:actual:)`` when another has
    ///   set it meanwhile.
    public func move(from expected: ReadModelName?, to target: ReadModelName) async throws(ReadModelError) {
        do {
            // Read before the target, so that a move in between makes the commit fail.
            let revision = try await models.checkpoint(of: model)
            guard try await self.target() == expected else {
                throw DerivedStateError.checkpointMoved(model: model, expected: revision, actual: revision.next)
            }
            try await models.commit(
                DocumentBatch(
                    model: model, changes: [Self.key: Array(target.rawValue.utf8)], previous: revision,
                    checkpoint: revision.next))
        } catch let error as DerivedStateError {
            throw ReadModelError(error)
        } catch let error as ReadModelError {
            throw error
        } catch {
            throw .store(.storageFailed(reason: "\(error)"))
        }
    }
}
