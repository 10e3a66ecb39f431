#if Server
import DaybookCore

/// What a read asks for, but for the stream.
struct HTTPReadOptions: Sendable {
    let direction: ReadDirection
    let start: HTTPReadStart
    /// The events that are wanted; nil when nothing is said.
    let limit: Int64?
    let filter: EventFilter
    /// Whether a read of the log asks for the store's own events, too; a read of a stream gets what it names.
    private let asksForControlEvents: Bool

    /// Takes what is left of a query from which the filter has been taken.
    init(_ query: inout HTTPQuery, filter: EventFilter) throws(HTTPProblem) {
        asksForControlEvents = try query.boolean("control")
        switch try query.one("direction") {
        case nil, "forward": direction = .forward
        case "backward": direction = .backward
        case let text?: throw .malformed("direction", "is '\(text.prefix(40))'; use forward or backward")
        }
        start = try HTTPReadStart(try query.one("from"), direction)
        limit = try query.integer("limit", in: 1...Int64.max)
        var filter = filter
        if asksForControlEvents { filter.includesControlEvents = true }
        self.filter = filter
        try query.finish()
    }

    /// The events of one page.
    func pageLimit() throws(HTTPProblem) -> Int {
        guard let limit else { return Self.defaultPage }
        guard limit <= Limits.eventsPerPage else { throw HTTPProblem(ReadError.invalidLimit(Int(clamping: limit))) }
        return Int(limit)
    }

    /// How many events a page has when nothing is said.
    static let defaultPage = 100

    /// The address of another page of the same read.
    func link(_ path: String, from place: Int64, _ direction: ReadDirection, limit: Int) -> String {
        var link = "\(path)?from=\(place)&direction=\(direction.rawValue)&limit=\(limit)"
        func add(_ name: String, _ values: some Sequence<String>) {
            for value in values.sorted() { link += "&\(name)=\(PercentEncoding.encoded(value))" }
        }
        add("category", filter.categories.map(\.rawValue))
        add("streamPrefix", filter.streamPrefixes)
        add("type", filter.types.map(\.rawValue))
        add("typePrefix", filter.typePrefixes)
        add("tag", filter.tags.map(\.rawValue))
        if asksForControlEvents { link += "&control=true" }
        return link
    }
}

extension HTTPQuery {
    /// The filter of a read of the log.
    mutating func logFilter() throws(HTTPProblem) -> EventFilter {
        EventFilter(
            categories: try names("category"), streamPrefixes: Set(all("streamPrefix")), types: try names("type"),
            typePrefixes: Set(all("typePrefix")), tags: try names("tag"))
    }

    /// The filter of a read of one stream.
    mutating func streamFilter() throws(HTTPProblem) -> EventFilter {
        EventFilter(
            types: try names("type"), typePrefixes: Set(all("typePrefix")), tags: try names("tag"),
            includesControlEvents: true)
    }
}
#endif
