#if Server
import Daybook
import DaybookCore
import Hummingbird

/// Reads of one stream, and of the whole log.
struct ReadRoutes: Sendable {
    let store: any EventStore
    let meter: ReadMeter
    /// The `source` of events that are answered as CloudEvents.
    let source: String
    let limits: HTTPLimits
    let shutdown: HTTPShutdown

    var routes: [HTTPRoute] {
        [
            HTTPRoute(.get, "/v1/streams/{stream}", answer: readStream),
            HTTPRoute(.get, "/v1/log", answer: readLog),
        ]
    }

    // MARK: - A stream

    @Sendable private func readStream(_ call: HTTPCall) async throws -> Response {
        let stream = try call.name("stream", as: StreamName.self)
        try await CallAccess.require(.read, of: stream)
        let access = CallAccess.current
        var query = try call.query()
        let filter = try query.streamFilter()
        let options = try HTTPReadOptions(&query, filter: filter)
        let form = try HTTPEventForm(call.accepts)
        let limit = form == .lines ? linesPerPage(options) : try options.pageLimit()
        let (page, state) = try await readPage(of: stream, from: options.start.streamCursor, options, limit: limit)
        guard state.status == .live else { throw HTTPProblem.noStream(stream, state.status) }
        let path = "/v1/streams/\(PercentEncoding.encoded(stream.rawValue))"
        let matching = page.matching(options.filter)
        switch form {
        case .lines:
            return matching.lines(limit: options.limit, shutdown: shutdown) { cursor in
                try await access?.recheck()
                return try await readPage(of: stream, from: cursor, options, limit: limit).page.matching(options.filter)
            }
        case .cloudEvents:
            return cloudEvents(matching.events, links: links(of: page, options, path: path, limit: limit))
        case .page:
            var bytes = Array(#"{"stream":"#.utf8)
            bytes.appendJSONString(stream.rawValue)
            bytes += #","status":"\#(state.status.rawValue)","version":"#.utf8
            bytes += (state.lastVersion?.description ?? "null").utf8
            bytes += #","events":"#.utf8
            matching.appendJSON(to: &bytes)
            bytes += #","isAtEnd":\#(page.next == nil)"#.utf8
            links(of: page, options, path: path, limit: limit).appendMembers(to: &bytes)
            bytes.append(UInt8(ascii: "}"))
            return Response(bytes: bytes)
        }
    }

    private func readPage(
        of stream: StreamName, from cursor: StreamCursor, _ options: HTTPReadOptions, limit: Int
    ) async throws(HTTPProblem) -> (page: HTTPEventPage<StreamCursor>, state: StreamState) {
        let read: StreamPage
        do {
            read = try await meter.page(of: stream, from: cursor, options.direction, limit: limit, in: store)
        } catch {
            throw HTTPProblem(error)
        }
        var next: StreamCursor?
        if !read.isAtEnd, let last = read.events.last?.version {
            switch options.direction {
            case .forward: next = .version(last.next)
            case .backward: next = last > .first ? .version(last.advanced(by: -1)) : nil
            }
        }
        return (HTTPEventPage(events: read.events, next: next), read.state)
    }

    private func links(
        of page: HTTPEventPage<StreamCursor>, _ options: HTTPReadOptions, path: String, limit: Int
    ) -> HTTPPageLinks {
        var links = HTTPPageLinks()
        if case .version(let next)? = page.next {
            links.next = options.link(path, from: next.rawValue, options.direction, limit: limit)
        }
        if let first = page.events.first?.version.rawValue {
            switch options.direction {
            case .forward where first > 0: links.previous = options.link(path, from: first - 1, .backward, limit: limit)
            case .forward: break
            case .backward: links.previous = options.link(path, from: first + 1, .forward, limit: limit)
            }
        }
        return links
    }

    // MARK: - The log

    @Sendable private func readLog(_ call: HTTPCall) async throws -> Response {
        try await CallAccess.require(.stream(.read, .log))
        let access = CallAccess.current
        var query = try call.query()
        let filter = try query.logFilter()
        let options = try HTTPReadOptions(&query, filter: filter)
        let form = try HTTPEventForm(call.accepts)
        let limit = form == .lines ? linesPerPage(options) : try options.pageLimit()
        let (page, through) = try await readPage(from: options.start.logCursor, options, limit: limit)
        switch form {
        case .lines:
            return page.lines(limit: options.limit, shutdown: shutdown) { cursor in
                // This is asked for when the route has answered already.
                try await CallAccess.$current.withValue(access) {
                    try await readPage(from: cursor, options, limit: limit).page
                }
            }
        case .cloudEvents:
            return cloudEvents(page.events, links: links(of: page, options, limit: limit))
        case .page:
            var bytes = Array(#"{"events":"#.utf8)
            page.appendJSON(to: &bytes)
            bytes += #","isAtEnd":\#(page.next == nil),"scannedThrough":\#(through.rawValue)"#.utf8
            links(of: page, options, limit: limit).appendMembers(to: &bytes)
            bytes.append(UInt8(ascii: "}"))
            return Response(bytes: bytes)
        }
    }

    private func readPage(
        from cursor: LogCursor, _ options: HTTPReadOptions, limit: Int
    ) async throws(HTTPProblem) -> (page: HTTPEventPage<LogCursor>, scannedThrough: Position) {
        let read: LogPage
        do {
            read = try await CallAccess.visiblePage(
                of: store, by: meter, from: cursor, direction: options.direction, filter: options.filter, limit: limit)
        } catch let error as ReadError {
            throw HTTPProblem(error)
        } catch let denial as AccessDenial {
            throw HTTPProblem(denial)
        } catch {
            throw HTTPProblem.unforeseen
        }
        let through = read.scannedThrough
        let next = options.direction == .forward ? through.next : through.previous
        let isAtEnd = read.isAtEnd || next <= .start
        return (HTTPEventPage(events: read.events, next: isAtEnd ? nil : .position(next)), through)
    }

    private func links(of page: HTTPEventPage<LogCursor>, _ options: HTTPReadOptions, limit: Int) -> HTTPPageLinks {
        var links = HTTPPageLinks()
        if case .position(let next)? = page.next {
            links.next = options.link("/v1/log", from: next.rawValue, options.direction, limit: limit)
        }
        if let first = page.events.first?.position.rawValue {
            switch options.direction {
            case .forward where first > 1:
                links.previous = options.link("/v1/log", from: first - 1, .backward, limit: limit)
            case .forward: break
            case .backward: links.previous = options.link("/v1/log", from: first + 1, .forward, limit: limit)
            }
        }
        return links
    }

    // MARK: -

    /// A short read asks for no more than it shows.
    private func linesPerPage(_ options: HTTPReadOptions) -> Int {
        Int(min(options.limit ?? .max, Int64(limits.eventsPerPiece)))
    }

    private func cloudEvents(_ events: [RecordedEvent], links: HTTPPageLinks) -> Response {
        var bytes = [UInt8(ascii: "[")]
        for (index, event) in events.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += CloudEvent(event, source: source).json
        }
        bytes.append(UInt8(ascii: "]"))
        var response = Response(bytes: bytes, type: HTTPEventForm.cloudEvents.rawValue)
        response.headers[.link] = links.header
        return response
    }
}

extension HTTPEventPage {
    /// The same without the events that a filter holds back.
    fileprivate func matching(_ filter: EventFilter) -> HTTPEventPage {
        HTTPEventPage(events: events.filter { filter.matches($0) }, next: next)
    }
}
#endif
