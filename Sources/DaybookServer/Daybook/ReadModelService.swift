#if Server
import DaybookCore
import DaybookProtocol

/// The read models of a store that keeps them. Documents are looked up some at a time, so that neither the server nor its answer
/// holds much more than ``Limits/pageBytes`` of them.
struct ReadModelService: Sendable {
    let store: any ReadModelStore

    var routes: RPCRoutes {
        var routes = RPCRoutes()
        routes.add(.getModelCheckpoint, .store(checkpoint))
        routes.add(.commitDocuments, .store(commit))
        routes.add(.getDocuments, .store(documents))
        routes.add(.listDocuments, .store(page))
        routes.add(.deleteModel, .store(delete))
        return routes
    }

    @Sendable private func checkpoint(
        _ request: NamedRequest<ReadModelName>
    ) async throws(DerivedStateError) -> PositionMessage {
        PositionMessage(try await store.checkpoint(of: request.name))
    }

    @Sendable private func commit(_ batch: DocumentBatch) async throws(DerivedStateError) -> WireNothing {
        try await store.commit(batch)
        return WireNothing()
    }

    @Sendable private func documents(_ request: GetDocumentsRequest) async throws(DerivedStateError) -> DocumentsPage {
        var page = DocumentsPage()
        var portion = Portion()
        while page.examined < request.keys.count, !portion.isFull {
            let keys = Array(request.keys[page.examined...].prefix(portion.size))
            let found = try await store.documents(keys, of: request.model)
            var bytes = 0
            for key in keys where bytes < Limits.pageBytes {
                page.examined += 1
                guard let data = found[key] else { continue }
                page.documents.append(WireDocument(key: key, data: data))
                bytes += data.count
            }
            portion.note(bytes)
        }
        page.isAtEnd = page.examined == request.keys.count
        return page
    }

    @Sendable private func page(_ request: ListDocumentsRequest) async throws(DerivedStateError) -> DocumentsPage {
        var page = DocumentsPage()
        var portion = Portion()
        var after = request.after
        while page.documents.count < request.limit, !portion.isFull, !page.isAtEnd {
            let wanted = min(portion.size, request.limit - page.documents.count)
            let found = try await store.documents(of: request.model, after: after, limit: wanted)
            var (count, bytes) = (0, 0)
            for document in found where bytes < Limits.pageBytes {
                page.documents.append(WireDocument(key: document.key, data: document.data))
                bytes += document.data.count
                after = document.key
                count += 1
            }
            page.isAtEnd = found.count < wanted && count == found.count
            portion.note(bytes)
        }
        return page
    }

    @Sendable private func delete(
        _ request: NamedRequest<ReadModelName>
    ) async throws(DerivedStateError) -> WireNothing {
        try await store.deleteReadModel(request.name)
        return WireNothing()
    }

    /// How many documents are looked up at once: few while nobody knows how large they are, more while they are small. Of those
    /// that turn out to be large the rest is left to the next request.
    private struct Portion {
        private(set) var size = 16
        private var bytes = 0
        private var rounds = 0

        var isFull: Bool { bytes >= Limits.pageBytes || rounds >= 10 }

        mutating func note(_ some: Int) {
            bytes += some
            rounds += 1
            if some < Limits.pageBytes / 8 { size *= 2 }
        }
    }
}
#endif
