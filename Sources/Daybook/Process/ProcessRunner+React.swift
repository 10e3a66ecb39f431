import DaybookCore

extension ProcessRunner {
    /// How far the reactions have come.
    struct Place {
        var reached: Position
        /// What the stream of the progress says.
        var saved: Position
        var version: StreamVersion?
    }

    /// Where the runner records how far it has come.
    static var progressStream: StreamName { ConsumerPosition.progressStream(of: P.category) }

    /// Of the progress only the last event is needed.
    private static var progressRetention: Retention { Retention(maxCount: 1) }

    /// The positions without a reaction after which the progress is recorded all the same.
    private static var unsavedPositions: Int64 { 100_000 }
    /// The data after which a batch ends.
    private static var batchBytes: Int { 4 << 20 }

    func startingPlace() async throws(ProcessError) -> Place {
        guard P.Event.typePrefix != "process" else { throw .reservedPrefix }
        let page: StreamPage
        do {
            page = try await log.readPage(of: Self.progressStream, from: .end, direction: .backward, limit: 1)
        } catch {
            throw ProcessError(error)
        }
        var place = Place(reached: .start, saved: .start, version: page.state.lastVersion)
        if let last = page.events.first {
            do {
                for case .advanced(let through) in try codecs.progress.decode(last) {
                    place.reached = Position(through)
                    place.saved = place.reached
                }
            } catch {
                throw .undecodable(error)
            }
        } else if place.version == nil, page.state.retention != Self.progressRetention {
            do {
                try await log.setRetention(Self.progressRetention, of: Self.progressStream)
            } catch {
                throw ProcessError(error)
            }
        }
        progress.reach(place.reached)
        return place
    }

    func reactForEver() async throws(ProcessError) {
        var place = try await startingPlace()
        while true {
            guard try await step(&place) else { continue }
            do { _ = try await log.head(beyond: place.reached) } catch { throw ProcessError(error) }
        }
    }

    /// Reacts to the next page of inputs.
    ///
    /// - Returns: Whether the page reached the end of the log.
    func step(_ place: inout Place) async throws(ProcessError) -> Bool {
        guard !Task.isCancelled else { throw .cancelled }
        let page: LogPage
        do {
            page = try await log.readPage(
                from: .after(place.reached), direction: .forward, filter: P.filter, limit: batchSize)
        } catch {
            throw ProcessError(error)
        }
        let inputs = decode(page.events)
        try await load(inputs)
        var rest = inputs[...]
        while !rest.isEmpty { try await record(&rest, &place) }
        place.reached = max(place.reached, page.scannedThrough)
        if place.reached.rawValue - place.saved.rawValue >= Self.unsavedPositions {
            _ = try await commit(Batch(), through: place.reached, &place)
        }
        progress.reach(place.reached)
        return page.isAtEnd
    }

    /// An input, and the processes that it concerns.
    struct Input {
        var recorded: RecordedEvent
        /// What it is today, each part with the streams of its processes; or why that cannot be told.
        var parts: Result<[(input: P.Input, streams: [StreamName])], ProcessError>
    }

    private func decode(_ events: [RecordedEvent]) -> [Input] {
        events.map { recorded in
            Input(recorded: recorded, parts: Result { () throws(ProcessError) in try parts(of: recorded) })
        }
    }

    private func parts(
        of recorded: RecordedEvent
    ) throws(ProcessError) -> [(input: P.Input, streams: [StreamName])] {
        let inputs: [P.Input]
        do { inputs = try reader.decode(recorded) } catch { throw .undecodable(error) }
        var parts: [(input: P.Input, streams: [StreamName])] = []
        for input in inputs {
            let ids: [String]
            do { ids = try P.processIDs(for: input, recorded: recorded) } catch {
                throw .failed(at: ProjectionError.Place(recorded), reason: String(describing: error))
            }
            var streams: [StreamName] = []
            for id in ids { streams.append(try stream(of: id)) }
            parts.append((input, streams))
        }
        return parts
    }

    /// Reads the processes that are not in memory, several at a time; each read waits for a thread of the store.
    private func load(_ inputs: [Input]) async throws(ProcessError) {
        var missing: Set<StreamName> = []
        for case .success(let parts) in inputs.map(\.parts) {
            for stream in parts.lazy.flatMap(\.streams) where cache.value(for: stream) == nil { missing.insert(stream) }
        }
        guard missing.count > 1 else { return }
        var rest = missing.makeIterator()
        let failure = await withTaskGroup(of: ProcessError?.self) { group in
            func addNext() {
                guard let stream = rest.next() else { return }
                group.addTask {
                    do throws(ProcessError) { _ = try await self.fresh(stream) } catch { return error }
                    return nil
                }
            }
            for _ in 0..<Self.readsAtOnce { addNext() }
            var failure: ProcessError?
            while let result = await group.next() {
                failure = failure ?? result
                if failure == nil { addNext() }
            }
            return failure
        }
        // One that cannot be read stops the input that it concerns, after those before it.
        if let failure, case .undecodable = failure { return }
        if let failure { throw failure }
    }

    private static var readsAtOnce: Int { 8 }

    /// Reacts to as many inputs as one append takes; to those before one that fails, when it is not the first.
    private func record(_ rest: inout ArraySlice<Input>, _ place: inout Place) async throws(ProcessError) {
        var limit = Int.max
        /// Where control streams end, once one was not where it was expected.
        var controls: [StreamName: ExpectedVersion] = [:]
        while true {
            var batch = Batch()
            for input in rest.prefix(limit) {
                let instances: [ProcessInstance<P>]
                do throws(ProcessError) {
                    instances = try await react(to: input, after: batch, controls)
                } catch {
                    guard batch.inputs > 0 else { throw error }
                    break
                }
                guard batch.add(instances, upTo: Self.batchBytes) else { break }
            }
            guard let last = rest.prefix(batch.inputs).last?.recorded else { return }
            var change: StreamName?
            do throws(ProcessError) {
                if !batch.order.isEmpty { change = try await commit(batch, through: last.position, &place) }
            } catch {
                // The store takes less at once than the contract allows.
                guard case .append(.unsupported) = error, batch.inputs > 1 else { throw error }
                limit = batch.inputs / 2
                continue
            }
            guard let changed = change else {
                place.reached = last.position
                progress.reach(last.position)
                rest = rest.dropFirst(batch.inputs)
                return
            }
            // A deadline or a rejection changed one of the processes meanwhile, or it was deleted.
            for stream in batch.order { _ = cache.take(stream) }
            guard changed.isControl else { continue }
            for stream in batch.order { controls[stream] = try await endOfControl(of: stream) }
        }
    }

    private func endOfControl(of stream: StreamName) async throws(ProcessError) -> ExpectedVersion {
        let last: StreamVersion?
        do { last = try await log.state(of: stream.control).lastVersion } catch { throw ProcessError(error) }
        return last.map { .version($0) } ?? .noStream
    }

    /// The reactions that one append is to record.
    private struct Batch {
        private(set) var inputs = 0
        /// The processes that reacted, in the order in which they first did.
        private(set) var order: [StreamName] = []
        private(set) var instances: [StreamName: ProcessInstance<P>] = [:]
        private var streams = 0
        private var events = 0
        private var bytes = 0

        /// Takes in what an input led to, unless it is not the first and would make the append too large.
        mutating func add(_ changed: [ProcessInstance<P>], upTo limit: Int) -> Bool {
            var (events, bytes, streams) = (events, bytes, streams)
            for instance in changed {
                let old = instances[instance.stream]
                if old == nil { streams += instance.checksControl ? 2 : 1 }
                events += instance.pending.count - (old?.pending.count ?? 0)
                bytes += instance.pendingBytes - (old?.pendingBytes ?? 0)
            }
            let fits = streams < Limits.streamsPerAppend && events < Limits.eventsPerAppend && bytes <= limit
            guard inputs == 0 || fits else { return false }
            for instance in changed where instances.updateValue(instance, forKey: instance.stream) == nil {
                order.append(instance.stream)
            }
            (self.events, self.bytes, self.streams) = (events, bytes, streams)
            inputs += 1
            return true
        }
    }

    /// The processes that an input changes, as they are after it.
    ///
    /// - Parameter controls: Where control streams end.
    private func react(
        to input: Input, after batch: Batch, _ controls: [StreamName: ExpectedVersion]
    ) async throws(ProcessError) -> [ProcessInstance<P>] {
        let recorded = input.recorded
        let parts = try input.parts.get()
        let metadata = Self.metadata(following: recorded.id, with: recorded.metadata)
        // Where one append has no room to check the control streams of all, nothing that is remembered is used.
        let hasRoom = parts.reduce(0) { $0 + $1.streams.count } < Limits.streamsPerAppend / 2
        var changed: [ProcessInstance<P>] = []
        for (input, streams) in parts {
            for stream in streams {
                let index = changed.firstIndex { $0.stream == stream }
                var instance: ProcessInstance<P>
                if let known = index.map({ changed[$0] }) ?? batch.instances[stream] {
                    instance = known
                } else {
                    let remembered = controls[stream] == nil ? cache.value(for: stream) : nil
                    let control = controls[stream] ?? remembered?.control ?? .noStream
                    if hasRoom, control == .noStream, let remembered {
                        instance = remembered
                    } else {
                        // One with a control stream is read after it is known where that ends.
                        instance = try await fresh(stream)
                    }
                    instance.control = hasRoom ? control : nil
                }
                let actions: [ProcessAction<P.Event, P.Command>]
                do { actions = try P.react(to: input, in: instance.state) } catch {
                    throw .failed(at: ProjectionError.Place(recorded), reason: String(describing: error))
                }
                do { try instance.add(actions, at: recorded.recordedAt, metadata: metadata, codecs) } catch {
                    throw .unencodable(error)
                }
                if let index { changed[index] = instance } else { changed.append(instance) }
            }
        }
        return changed
    }

    /// Records reactions, and how far they go.
    ///
    /// - Returns: Nil when they were recorded; else the stream of a process, or the control stream of one, that has changed
    ///   meanwhile.
    private func commit(
        _ batch: Batch, through position: Position, _ place: inout Place
    ) async throws(ProcessError) -> StreamName? {
        var request = AppendRequest()
        for stream in batch.order { batch.instances[stream]?.addPending(to: &request) }
        let advanced: EncodedEvent
        do { advanced = try codecs.progress.encode(.advanced(through: position.rawValue)) } catch {
            throw .unencodable(error)
        }
        request.append(
            [NewEvent(type: advanced.type, data: advanced.data)], to: Self.progressStream,
            expecting: place.version.map { .version($0) } ?? .noStream)
        let result: AppendResult
        do { result = try await log.append(request) } catch {
            guard case .wrongExpectedVersion(let stream, _, _) = error else { throw ProcessError(error) }
            guard stream != Self.progressStream else { throw .moved(category: P.category) }
            return stream
        }
        place.version = place.version?.next ?? .first
        place.saved = position
        for (stream, instance) in batch.instances {
            var settled = instance
            settled.settle(result)
            cache.put(settled, for: stream)
        }
        return nil
    }

    /// The metadata of what follows from an event.
    static func metadata(following event: EventID, with metadata: ArraySlice<UInt8>) -> [UInt8] {
        CommandContext(following: event, with: metadata, actor: P.category.rawValue)
            .metadata(commandID: nil, correlationID: event.description).encoded()
    }
}
