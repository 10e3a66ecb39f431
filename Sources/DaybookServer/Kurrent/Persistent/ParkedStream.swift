#if Server
import DaybookCore

/// Where a group's parked events are: links to them, which clients can read as any stream. What `$tb` of its metadata hides was
/// delivered again, or given up.
struct ParkedStream: Sendable {
    let log: KurrentLog
    let name: String

    init(log: KurrentLog, group: PersistentGroupName) {
        self.log = log
        name = group.parkedStream
    }

    /// The first revision that can be seen, and the one behind the last: the same when nothing is parked.
    func bounds() async throws(KurrentFailure) -> Range<Int64> {
        let state = try await log.state(of: try log.stream(name))
        guard state.status == .live, let last = state.lastVersion?.rawValue else { return 0..<0 }
        return min(max(state.firstVisibleVersion.rawValue, 0), last + 1)..<(last + 1)
    }

    /// A link to an event, as it is appended.
    static func link(to parking: PersistentGroup.Parking, at time: Timestamp) -> NewEvent {
        let resolved = parking.event.resolved
        let event = resolved.event ?? resolved.original
        var (revision, stream) = (event.revision, event.stream)
        // An event of a stream that is read from the index is a link itself, and nothing can lead to it.
        if IndexStream.isName(stream), let target = event.linkTarget { (revision, stream) = target }
        var metadata = Array("{\"added\":\"\(time)\",\"reason\":".utf8)
        metadata.appendJSONString(parking.reason)
        metadata += Array(",\"subscriptionEventNumber\":\(resolved.original.revision)}".utf8)
        return NewEvent(
            type: EventType(unchecked: KurrentNames.linkType), contentType: .bytes,
            data: Array("\(revision)@\(stream)".utf8), metadata: metadata)
    }

    /// - Parameter links: The same ones again, when it is not known what became of them.
    func append(_ links: [NewEvent]) async throws(KurrentFailure) {
        _ = try await log.append(links, to: name, expecting: .any)
    }

    /// Some parked events from a revision on, with what they lead to, and the revision to go on with; nil when there are no more.
    /// Those whose target is gone are left out.
    func read(from revision: Int64, limit: Int) async throws -> (links: [ResolvedEvent], next: Int64?) {
        let page = try await log.store.readPage(
            of: try log.stream(name), from: .version(StreamVersion(revision)), direction: .forward, limit: limit)
        var links: [ResolvedEvent] = []
        for event in page.events {
            guard let link = KurrentEvent(event) else { continue }
            let resolved = try await log.resolved(link)
            if resolved.link != nil, resolved.event != nil { links.append(resolved) }
        }
        guard !page.isAtEnd, let last = page.events.last?.version else { return (links, nil) }
        return (links, last.next.rawValue)
    }

    /// Hides the links below a revision. Does nothing when there are none.
    func truncate(before revision: Int64) async throws(KurrentFailure) {
        let bounds = try await bounds()
        guard revision > bounds.lowerBound, !bounds.isEmpty, let metadata = KurrentNames.metadata(of: name) else {
            return
        }
        let present = try await log.lastEvent(of: metadata)
        let event = NewEvent(
            type: EventType(unchecked: KurrentNames.metadataType),
            data: KurrentMetadata.replacingTruncation(
                in: present?.data ?? [], with: min(revision, bounds.upperBound)))
        _ = try await log.append([event], to: KurrentNames.client(metadata), expecting: .any)
    }

    /// Deletes the stream, if there is one; what a group of the same name parks later goes on behind.
    func delete() async throws(KurrentFailure) {
        do {
            _ = try await log.delete(name, expecting: .any)
        } catch {
            switch error {
            case .wrongExpectedVersion, .streamDeleted: return  // Nothing was ever parked, or all is deleted for good.
            default: throw error
            }
        }
    }
}
#endif
