#if Postgres
import DaybookCore
import Synchronization

/// Reads the next pages of the log while its reader is busy with the last one, once it has asked for two in a row.
///
/// Only pages that do not reach the log's end are kept: what lies before the end never changes.
final class ReadAhead: Sendable {
    struct Key: Hashable {
        var position: Position
        let filter: EventFilter
        let limit: Int
        /// The filter's, byte by byte: two texts are equal as soon as Unicode calls them so.
        private let prefixes: [Set<[UInt8]>]

        init(position: Position, filter: EventFilter, limit: Int) {
            self.position = position
            self.filter = filter
            self.limit = limit
            prefixes = [filter.streamPrefixes, filter.typePrefixes].map { Set($0.map { Array($0.utf8) }) }
        }
    }

    fileprivate enum State {
        /// A page ended in front of it.
        case expected
        case reading([UnsafeContinuation<LogPage?, Never>])
        case ready(LogPage)
    }

    fileprivate struct Places {
        var states: [Key: State] = [:]
        /// The oldest first.
        var order: [Key] = []
    }

    private let places = Mutex(Places())
    private let readers: ReaderPool

    /// Pages that are kept at most, of ``Limits/pageBytes`` each.
    private static let capacity = 8

    init(_ readers: ReaderPool) { self.readers = readers }

    /// What there is of a page.
    enum Found {
        /// Nobody has read up to here.
        case unknown
        /// It was asked for; read it, and begin to read ahead.
        case inRow
        case page(LogPage)
    }

    /// Takes the page at a place, waiting for it when it is being read.
    func take(_ key: Key) async -> Found {
        let page: LogPage? = await withUnsafeContinuation { continuation in
            let found: (page: LogPage?, isOver: Bool) = places.withLock { places in
                switch places.states[key] {
                case .ready(let page):
                    places.remove(key)
                    return (page, true)
                case .reading(let waiting):
                    places.states[key] = .reading(waiting + [continuation])
                    return (nil, false)
                case .expected, nil: return (nil, true)
                }
            }
            if found.isOver { continuation.resume(returning: found.page) }
        }
        if let page { return .page(page) }
        return places.withLock { places in
            guard case .expected = places.states[key] else { return .unknown }
            places.remove(key)
            return .inRow
        }
    }

    /// Notes that a page ended in front of a place.
    func expect(_ key: Key) {
        places.withLock { places in
            guard places.states[key] == nil else { return }
            places.add(key, .expected, capacity: Self.capacity)
        }
    }

    /// Begins to read the page at a place.
    func read(_ key: Key) {
        let isNew = places.withLock { places in
            if case .reading = places.states[key] { return false }
            if case .ready = places.states[key] { return false }
            places.remove(key)
            places.add(key, .reading([]), capacity: Self.capacity)
            return true
        }
        guard isNew else { return }
        let isAdded = readers.run { [self] pooled in
            let page = try? pooled.run { connection in
                try LogRead(direction: .forward, filter: key.filter, limit: key.limit, connection: connection)
                    .page(from: .position(key.position))
            }
            end(key, page)
        }
        if !isAdded { end(key, nil) }
    }

    private func end(_ key: Key, _ page: LogPage?) {
        let kept = page.flatMap { $0.isAtEnd ? nil : $0 }
        let waiting = places.withLock { places -> [UnsafeContinuation<LogPage?, Never>] in
            guard case .reading(let waiting) = places.states[key] else { return [] }
            if let kept, waiting.isEmpty { places.states[key] = .ready(kept) } else { places.remove(key) }
            return waiting
        }
        for continuation in waiting { continuation.resume(returning: kept) }
    }
}

extension ReadAhead.Places {
    fileprivate mutating func add(_ key: ReadAhead.Key, _ state: ReadAhead.State, capacity: Int) {
        // One that is being read is left alone: somebody may wait for it.
        if order.count >= capacity,
            let oldest = order.first(where: { if case .reading = states[$0] { false } else { true } })
        {
            remove(oldest)
        }
        states[key] = state
        order.append(key)
    }

    fileprivate mutating func remove(_ key: ReadAhead.Key) {
        guard states.removeValue(forKey: key) != nil else { return }
        order.removeAll { $0 == key }
    }
}
#endif
