#if Server
import DaybookCore

extension KurrentLog {
    /// What a link leads to; nil when it is gone.
    func resolve(_ target: (revision: Int64, stream: String)) async throws(ReadError) -> KurrentEvent? {
        guard let stream = try? stream(target.stream) else { return nil }
        let version = StreamVersion(target.revision)
        let page = try await store.readPage(of: stream, from: .version(version), direction: .forward, limit: 1)
        return page.events.first { $0.version == version }.flatMap { KurrentEvent($0) }
    }
}
#endif
