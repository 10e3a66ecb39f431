#if Server
import DaybookCore

extension KurrentLog {
    /// What became of an append.
    struct Appended: Sendable, Equatable {
        /// Of the stream's last event after the append; nil when it has none.
        let revision: Int64?
        /// Of the append's last event; nil when nothing was to be written.
        let position: Int64?
    }

    /// Appends events as KurrentDB does: a repeat of what is recorded succeeds with the first result, by the identifiers at the
    /// revision expected, for ever; without an expectation as long as they are among ``RecentEvents``.
    ///
    /// A task that may be asked again must not be cancelled: what was written meanwhile would not be among those.
    func append(
        _ events: [NewEvent], to name: String, expecting expected: KurrentExpectation
    ) async throws(KurrentFailure) -> Appended {
        if name == "$all" { throw .accessDenied }
        let stream = try stream(name)
        guard let first = events.first else { return try await checkOnly(stream, name: name, expected) }
        guard expected == .any || expected == .exists else {
            return try await write(events, to: stream, name: name, expecting: expected)
        }
        try await underWay.begin([first.id])
        defer { underWay.end([first.id]) }
        return try await write(events, to: stream, name: name, expecting: expected)
    }

    private func write(
        _ events: [NewEvent], to stream: StreamName, name: String, expecting expected: KurrentExpectation
    ) async throws(KurrentFailure) -> Appended {
        if let subject = KurrentNames.subject(of: stream) {
            return try await appendMetadata(events, to: stream, of: subject, expecting: expected)
        }
        if expected == .any || expected == .exists,
            let repeated = try await repeated(events, in: stream, name: name, expected)
        {
            return repeated
        }
        var request = AppendRequest()
        request.append(events, to: stream, expecting: expected.version)
        var revival: StreamWrite?
        if try await isDeleted(stream) {
            if expected == .exists { throw .streamDeleted(name) }
            if let repeated = try await recorded(request, name: name, expected) { return repeated }
            revival = try await self.revival(of: stream, name: name)
            if let revival { request.writes.append(revival) }
        }
        let before = recent.latest
        do {
            let result = try await commit(request)
            if result.isRepeat { try await checkNotTombstoned(stream, name: name) }
            deleted.remove(stream, at: result.position)
            guard let version = result.version else {
                return Appended(revision: nil, position: result.position.rawValue)
            }
            let position =
                revival == nil ? result.position : try await self.position(of: version, in: stream) ?? result.position
            recent.remember(events.lazy.map(\.id), in: stream, endingAt: version, position)
            return Appended(revision: version.rawValue, position: position.rawValue)
        } catch let error as AppendError {
            guard case .wrongExpectedVersion(let changed, _, _) = error else {
                if error.mayBeWritten { recent.doubt(events[0].id, after: before) }
                throw KurrentFailure(error, stream: name, expected: expected)
            }
            if changed == revival?.stream {  // Its metadata: with what it is now.
                return try await write(events, to: stream, name: name, expecting: expected)
            }
            return try await conflict(of: events, with: stream, name: name, expected)
        } catch let failure as KurrentFailure {
            throw failure
        } catch {
            throw .doubtful("\(error)")
        }
    }

    /// The result of the first time, when the first event is recorded already: all of them must be.
    private func repeated(
        _ events: [NewEvent], in stream: StreamName, name: String, _ expected: KurrentExpectation
    ) async throws(KurrentFailure) -> Appended? {
        guard var last = try await place(of: events[0].id, in: stream) else { return nil }
        try await checkNotTombstoned(stream, name: name)
        for event in events.dropFirst() {
            guard let place = recent.place(of: event.id, in: stream) else {
                throw .wrongExpectedVersion(
                    stream: name, expected: expected, current: try await state(of: stream).lastVersion?.rawValue ?? -1)
            }
            last = place
        }
        return Appended(revision: last.version.rawValue, position: last.position.rawValue)
    }

    /// Where an append's first event is recorded, if that is remembered. When the outcome of the append was not known, it is
    /// looked up.
    func place(of id: EventID, in stream: StreamName) async throws(KurrentFailure) -> RecentEvents.Place? {
        if let place = recent.place(of: id, in: stream) { return place }
        guard var position = recent.doubt(of: id) else { return nil }
        while true {
            let page: StreamPage
            do {
                page = try await store.readPage(
                    of: stream, from: .position(position.next), direction: .forward, limit: 1_000)
            } catch {
                throw KurrentFailure(error)
            }
            for event in page.events {
                recent.remember(CollectionOfOne(event.id), in: stream, endingAt: event.version, event.position)
            }
            guard !page.isAtEnd, let last = page.events.last else { break }
            position = last.position
        }
        return recent.place(of: id, in: stream)
    }

    /// The result of the first time of an append to a deleted stream; nil, and nothing written, when it is no repeat: the store
    /// looks for a repeat before it looks at the check, which cannot hold.
    private func recorded(
        _ request: AppendRequest, name: String, _ expected: KurrentExpectation
    ) async throws(KurrentFailure) -> Appended? {
        var request = request
        request.check(StreamName(unchecked: "$none-\(EventID())"), at: .streamExists)
        do {
            let result = try await commit(request)
            return Appended(revision: result.version?.rawValue, position: result.position.rawValue)
        } catch {
            if case .wrongExpectedVersion = error { return nil }
            throw KurrentFailure(error, stream: name, expected: expected)
        }
    }

    /// A stream that is deleted for good is so to whoever repeats an append, too.
    private func checkNotTombstoned(_ stream: StreamName, name: String) async throws(KurrentFailure) {
        if try await state(of: stream).status == .tombstoned { throw .streamDeleted(name) }
    }

    private func position(of version: StreamVersion, in stream: StreamName) async throws(KurrentFailure) -> Position? {
        do {
            return try await store.readPage(of: stream, from: .version(version), direction: .forward, limit: 1).events
                .first {
                    $0.version == version
                }?.position
        } catch {
            throw KurrentFailure(error)
        }
    }

    /// The stream is not as expected: which of KurrentDB's answers that is.
    private func conflict(
        of events: [NewEvent], with stream: StreamName, name: String, _ expected: KurrentExpectation
    ) async throws(KurrentFailure) -> Appended {
        let state = try await state(of: stream)
        if expected == .exists {
            if state.status == .deleted { throw .streamDeleted(name) }
            // One that has metadata counts as a stream.
            if state.status == .missing, try await hasMetadata(name) {
                return try await append(events, to: name, expecting: .noStream)
            }
        }
        throw .wrongExpectedVersion(stream: name, expected: expected, current: state.lastVersion?.rawValue ?? -1)
    }

    /// Whether metadata was ever written of a stream.
    private func hasMetadata(_ name: String) async throws(KurrentFailure) -> Bool {
        guard let metadata = KurrentNames.metadata(of: name) else { return false }
        return try await state(of: metadata).lastVersion != nil
    }

    /// An append without events checks what it expects, and writes nothing.
    private func checkOnly(
        _ stream: StreamName, name: String, _ expected: KurrentExpectation
    ) async throws(KurrentFailure) -> Appended {
        let state = try await state(of: stream)
        let current = state.lastVersion?.rawValue ?? -1
        if state.status == .tombstoned { throw .streamDeleted(name) }
        let holds: Bool
        switch expected {
        case .any: holds = true
        case .noStream: holds = state.status != .live
        case .exists:
            if state.status == .deleted { throw .streamDeleted(name) }
            holds = if state.status == .live { true } else { try await hasMetadata(name) }
        case .revision(let revision): holds = revision == current
        }
        guard holds else { throw .wrongExpectedVersion(stream: name, expected: expected, current: current) }
        return Appended(revision: state.lastVersion?.rawValue, position: nil)
    }

    /// Whether a stream is deleted. One of which that is noted is looked at: that it was written since may be noted later.
    func isDeleted(_ stream: StreamName) async throws(KurrentFailure) -> Bool {
        guard let deletion = deleted.deletion(of: stream) else { return false }
        if try await state(of: stream).status == .deleted { return true }
        deleted.remove(stream, at: deletion.next)
        return false
    }

    /// A deleted stream that is written again keeps its metadata, but for the events below, which stay hidden. To be tried again
    /// when the metadata is another meanwhile: else an access list that was changed would be as before.
    func revival(of stream: StreamName, name: String) async throws(KurrentFailure) -> StreamWrite? {
        guard let metadata = KurrentNames.metadata(of: name) else { return nil }
        let last = try await state(of: stream).lastVersion?.rawValue ?? -1
        let expected = try await state(of: metadata).expectedVersion
        let present = try await lastEvent(of: metadata)
        let event = NewEvent(
            type: EventType(unchecked: KurrentNames.metadataType),
            data: KurrentMetadata.replacingTruncation(in: present?.data ?? [], with: last + 1))
        return StreamWrite(stream: metadata, expected: expected, action: .append([event]))
    }

    // MARK: - Metadata

    /// What follows for a stream from metadata that is written of it. Nothing does for one that is deleted for good, or
    /// whose name no stream can have.
    func change(of subject: String, by events: [NewEvent]) async throws(KurrentFailure) -> StreamWrite? {
        guard let stream = try? self.stream(subject), let last = events.last,
            try await state(of: stream).status != .tombstoned
        else { return nil }
        let metadata = KurrentMetadata(
            decoding: last.contentType == .json && last.type.rawValue == KurrentNames.metadataType ? last.data : [])
        return StreamWrite(
            stream: stream, action: metadata.isDeletion ? .delete : .setRetention(metadata.retention))
    }

    private func appendMetadata(
        _ events: [NewEvent], to stream: StreamName, of subject: String, expecting expected: KurrentExpectation
    ) async throws(KurrentFailure) -> Appended {
        let name = KurrentNames.client(stream)
        if expected == .any || expected == .exists,
            let repeated = try await repeated(events, in: stream, name: name, expected)
        {
            return repeated
        }
        var request = AppendRequest()
        if let change = try await change(of: subject, by: events) { request.writes.append(change) }
        request.append(events, to: stream, expecting: expected.version)
        let before = recent.latest
        do {
            let result = try await commit(request)
            if case .delete? = request.writes.first?.action, !result.isRepeat {
                deleted.insert(request.writes[0].stream, at: result.position)
            }
            let version = result.streams.last?.version
            if let version { recent.remember(events.lazy.map(\.id), in: stream, endingAt: version, result.position) }
            return Appended(revision: version?.rawValue, position: result.position.rawValue)
        } catch {
            guard case .wrongExpectedVersion = error else {
                if error.mayBeWritten { recent.doubt(events[0].id, after: before) }
                throw KurrentFailure(error, stream: name, expected: expected)
            }
            let last = try await state(of: stream).lastVersion?.rawValue ?? -1
            if let repeated = try await recorded(events, in: stream, expecting: expected) { return repeated }
            throw .wrongExpectedVersion(stream: name, expected: expected, current: last)
        }
    }

    /// The result of the first time, when these events stand where they would be put.
    func recorded(
        _ events: [NewEvent], in stream: StreamName, expecting expected: KurrentExpectation
    ) async throws(KurrentFailure) -> Appended? {
        let first: Int64
        switch expected {
        case .revision(.max): return nil  // No event is behind that one.
        case .revision(let revision): first = revision + 1
        case .noStream: first = 0
        case .any, .exists: return nil
        }
        let page: StreamPage
        do {
            page = try await store.readPage(
                of: stream, from: .version(StreamVersion(first)), direction: .forward,
                limit: min(events.count, Limits.eventsPerPage))
        } catch {
            throw KurrentFailure(error)
        }
        guard page.events.count == events.count, zip(page.events, events).allSatisfy({ $0.id == $1.id }),
            let last = page.events.last
        else { return nil }
        return Appended(revision: last.version.rawValue, position: last.position.rawValue)
    }

    // MARK: - Deletion

    /// Deletes a stream softly: it may be written again, and its revisions go on. Returns the position of the metadata that
    /// says so.
    func delete(_ name: String, expecting expected: KurrentExpectation) async throws(KurrentFailure) -> Int64 {
        if name == "$all" { throw .accessDenied }
        let stream = try stream(name)
        let state = try await state(of: stream)
        guard let metadata = KurrentNames.metadata(of: name) else {
            throw .invalid("The name '\(name.prefix(80))' is too long for a stream that is to be deleted.")
        }
        if state.status == .tombstoned { throw .streamDeleted(name) }
        if state.status == .deleted, expected == .exists { throw .streamDeleted(name) }
        if state.status == .missing {
            guard try await self.state(of: metadata).lastVersion != nil else {
                throw .wrongExpectedVersion(stream: name, expected: expected, current: -1)
            }
        }
        let expectsAny = state.status == .missing && expected == .exists
        for _ in 0..<Self.attempts {
            var request = AppendRequest(writes: [
                StreamWrite(stream: stream, expected: expectsAny ? .any : expected.version, action: .delete)
            ])
            let (data, present) = try await deletion(keepingListOf: metadata)
            let event = NewEvent(type: EventType(unchecked: KurrentNames.metadataType), data: data)
            request.append([event], to: metadata, expecting: present)
            do throws(AppendError) {
                let position = try await commit(request).position
                deleted.insert(stream, at: position)
                return position.rawValue
            } catch {
                if case .wrongExpectedVersion(let changed, _, _) = error, changed == metadata { continue }
                throw try await failure(error, name: name, stream, expecting: expected)
            }
        }
        throw .unavailable("The metadata of the stream has changed each time that it was to be deleted: try again.")
    }

    /// The metadata of a deleted stream: nothing else, as KurrentDB has it. But where it is asked who calls, the access list
    /// stays: the events are in the whole log yet, and those shall not see them who could not before.
    ///
    /// - Returns: Also what to expect of the metadata, so that the list that stays is the present one.
    private func deletion(
        keepingListOf metadata: StreamName
    ) async throws(KurrentFailure) -> (data: [UInt8], expected: ExpectedVersion) {
        var list: [UInt8] = []
        var expected = ExpectedVersion.any
        if CallAccess.current != nil {
            expected = try await state(of: metadata).expectedVersion
            if let present = try await lastEvent(of: metadata), let object = try? JSONText(parsing: present.data),
                let member = object.members?.last(where: { $0.key == "$acl" })
            {
                list = Array("\"$acl\":".utf8) + member.value.bytes + [UInt8(ascii: ",")]
            }
        }
        return (Array("{".utf8) + list + Array("\"$tb\":\(KurrentMetadata.deleted)}".utf8), expected)
    }

    /// Deletes a stream for good. Returns the position of what says so.
    func tombstone(_ name: String, expecting expected: KurrentExpectation) async throws(KurrentFailure) -> Int64 {
        if name == "$all" { throw .accessDenied }
        let stream = try stream(name)
        let request = AppendRequest(writes: [
            StreamWrite(stream: stream, expected: expected.version, action: .tombstone)
        ])
        do throws(AppendError) {
            let position = try await commit(request).position
            deleted.remove(stream, at: position)
            return position.rawValue
        } catch {
            throw try await failure(error, name: name, stream, expecting: expected)
        }
    }

    private func failure(
        _ error: AppendError, name: String, _ stream: StreamName, expecting expected: KurrentExpectation
    ) async throws(KurrentFailure) -> KurrentFailure {
        guard case .wrongExpectedVersion = error else {
            return KurrentFailure(error, stream: name, expected: expected)
        }
        return .wrongExpectedVersion(
            stream: name, expected: expected, current: try await state(of: stream).lastVersion?.rawValue ?? -1)
    }

    // MARK: -

    func state(of stream: StreamName) async throws(KurrentFailure) -> StreamState {
        do { return try await store.state(of: stream) } catch { throw KurrentFailure(error) }
    }

    func lastEvent(of stream: StreamName) async throws(KurrentFailure) -> RecordedEvent? {
        do {
            return try await store.readPage(of: stream, from: .end, direction: .backward, limit: 1).events.first
        } catch {
            throw KurrentFailure(error)
        }
    }
}
#endif
