import ArgumentParser
import DaybookCore
import DaybookSQLite

/// Where a store is: `file:shop.db`.
struct StoreAddress: Sendable, CustomStringConvertible {
    private enum Place {
        case file(path: String)
    }

    let description: String
    private let place: Place

    init(_ text: String) throws {
        description = text
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        switch parts.first {
        case "file" where parts.count == 2: place = .file(path: parts[1])
        default: throw ValidationError("'\(text)' names no store; write \(Self.help).")
        }
    }

    static let help = "file:PATH"

    /// Opens the store, does something with it, and closes it, whatever happened.
    ///
    /// - Parameter creates: Whether a store that is not there is made; otherwise that is an error.
    func withStore<Result>(
        creates: Bool, _ body: (any CopyableStore) async throws -> Result
    ) async throws -> Result {
        switch place {
        case .file(let path):
            let store = try await openStore(path, creates: creates)
            return try await closing(store.close) { try await body(store) }
        }
    }

    private func closing<Result>(
        _ close: () async -> Void, _ body: () async throws -> Result
    ) async throws -> Result {
        do {
            let result = try await body()
            await close()
            return result
        } catch {
            await close()
            throw error
        }
    }
}
