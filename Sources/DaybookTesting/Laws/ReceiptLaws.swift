import DaybookCore

extension EventStoreLaw {
    static let receipts: [EventStoreLaw] = [
        EventStoreLaw("A command is answered by its first result, whatever came after") { store in
            try await store.append(facts(2), to: "account-1")
            let request = AppendRequest.events(
                facts(2), to: "account-1", expecting: .version(1), commandID: "deposit-1")
            let first = try await store.requireAccepted(request, "The first append of a command")
            try await store.requireRepeat(of: request, "The command again, at once", answers: first)
            try await store.append(facts(1), to: "account-1")
            try await store.requireRepeat(of: request, "The command again, after other events", answers: first)
            try await store.delete("account-1")
            try await store.requireRepeat(of: request, "The command again, after deletion", answers: first)
            try await store.tombstone("account-1")
            try await store.requireRepeat(of: request, "The command again, after the tombstone", answers: first)
            try requireEqual(try await store.receipt(for: "deposit-1"), first, "The receipt")
        },
        EventStoreLaw("A command that decides anew, with other identifiers, metadata or expectations, is the same") {
            store in
            try await store.append(facts(1), to: "limits-1")
            let events = facts(2, tags: ["owner:17"])
            let first = try await store.requireAccepted(
                .events(events, to: "account-1", expecting: .noStream, commandID: "deposit-1"), "The first append")
            let others = events.map { event in
                var other = event
                other.id = EventID()
                other.metadata = Array("{\"$reason\":\"retry\"}".utf8)
                return other
            }
            let doubled = others.map { event in
                var other = event
                other.tags += event.tags
                return other
            }
            let rows: [(String, AppendRequest)] = [
                ("tags named twice", .events(doubled, to: "account-1", expecting: .noStream, commandID: "deposit-1")),
                ("other identifiers", .events(others, to: "account-1", expecting: .noStream, commandID: "deposit-1")),
                (
                    "another expected version",
                    .events(others, to: "account-1", expecting: .version(1), commandID: "deposit-1")
                ),
                (
                    "an expected version that does not hold",
                    .events(others, to: "account-1", expecting: .version(9), commandID: "deposit-1")
                ),
                (
                    "a check that does not hold",
                    .events(
                        others, to: "account-1", checks: [.init(stream: "limits-1", expected: .noStream)],
                        commandID: "deposit-1")
                ),
                (
                    "a condition that does not hold",
                    .events(
                        others, to: "account-1",
                        condition: AppendCondition(failIfEventsMatch: EventQuery(tags: ["owner:17"])),
                        commandID: "deposit-1")
                ),
            ]
            for (name, request) in rows {
                try await store.requireRepeat(of: request, "The command with \(name)", answers: first)
            }
        },
        EventStoreLaw("A command identifier with another body is refused") { store in
            let event = fact(1, tags: ["owner:17"])
            try await store.append([event], to: "account-1", commandID: "deposit-1")
            func changed(_ change: (inout NewEvent) -> Void) -> AppendRequest {
                var other = event
                change(&other)
                return .events([other], to: "account-1", commandID: "deposit-1")
            }
            let control = AppendRequest(
                writes: [.init(stream: "account-1", action: .delete)], commandID: "deposit-1")
            var wider = AppendRequest.events([event], to: "account-1", commandID: "deposit-1")
            wider.append(facts(1), to: "account-2")
            let rows: [(String, AppendRequest)] = [
                ("other data", changed { $0.data.append(0) }),
                ("no data", changed { $0.data = [] }),
                ("another type", changed { $0.type = "uncounted" }),
                ("another schema version", changed { $0.schemaVersion = 2 }),
                ("another content type", changed { $0.contentType = .bytes }),
                ("another tag", changed { $0.tags = ["owner:18"] }),
                ("no tag", changed { $0.tags = [] }),
                ("another stream", .events([event], to: "account-2", commandID: "deposit-1")),
                ("one event more", .events([event, fact(2)], to: "account-1", commandID: "deposit-1")),
                ("one stream more", wider),
                ("a deletion", control),
                ("nothing to write", AppendRequest(commandID: "deposit-1")),
            ]
            for (name, request) in rows {
                try await store.requireRefusal(
                    of: request, "The command with \(name)", with: .commandReused(id: "deposit-1"))
            }
        },
        EventStoreLaw("A command whose events are recorded already gets a receipt of its own") { store in
            let one = facts(2)
            let two = facts(1)
            var write = AppendRequest.events(one, to: "account-1")
            write.append(two, to: "account-2")
            let first = try await store.requireAccepted(write, "The events without a command")
            var command = write
            command.commandID = "deposit-1"
            try requireEqual(try await store.receipt(for: "deposit-1"), nil, "The receipt of a command never seen")
            try await store.requireRepeat(of: command, "The events with a command", answers: first)
            try requireEqual(try await store.receipt(for: "deposit-1"), first, "Its receipt")
            try await store.append(facts(1), to: "account-1")
            try await store.append(facts(1), to: "account-2")
            let log = try await store.wholeLog()
            try await store.requireRepeat(of: command, "The command, after other events", answers: first)
            try await store.requireRefusal(
                of: .events(one, to: "account-1", commandID: "deposit-1"), "The command with fewer streams",
                with: .commandReused(id: "deposit-1"))
            try requireSame(try await store.wholeLog(), log, "The log after the command came again")
        },
        EventStoreLaw("A command without events has a receipt too") { store in
            try await store.append(facts(3), to: "account-1")
            let request = AppendRequest(commandID: "nothing-to-do")
            let first = try await store.requireAccepted(request, "A command without events")
            try requireEqual(first.eventCount, 0, "The number of its events")
            try requireEqual(first.streams, [], "The streams that it wrote")
            let log = try await store.wholeLog()
            try requireEqual(first.position, log.last?.position ?? .start, "Its position, the head at that moment")
            try requireEqual(log.count, 3, "The number of events of the log")
            try await store.append(facts(1), to: "account-1")
            try await store.requireRepeat(of: request, "The command again", answers: first)
            try requireEqual(try await store.receipt(for: "nothing-to-do"), first, "Its receipt")
            try await store.requireRefusal(
                of: .events(facts(1), to: "account-1", commandID: "nothing-to-do"), "The command with events",
                with: .commandReused(id: "nothing-to-do"))
        },
        EventStoreLaw("A command without events is told from another by the streams that it checks") { store in
            try await store.append(facts(2), to: "account-1")
            func request(_ checks: [StreamCheck]) -> AppendRequest {
                AppendRequest(checks: checks, commandID: "nothing-to-do")
            }
            let check = StreamCheck(stream: "account-1", expected: .version(1))
            let first = try await store.requireAccepted(request([check]), "A command without events")
            try requireEqual(first.streams, [], "The streams that it wrote")
            let control = StreamCheck(stream: check.stream.control, expected: .noStream)
            try await store.requireRepeat(of: request([check, control]), "It with a control stream", answers: first)
            let other = StreamCheck(stream: "account-1", expected: .version(0))
            try await store.requireRepeat(of: request([other]), "It at another version", answers: first)
            let rows: [(String, AppendRequest)] = [
                ("another stream", request([StreamCheck(stream: "account-2", expected: .any)])),
                ("no stream", request([])),
            ]
            for (name, request) in rows {
                try await store.requireRefusal(
                    of: request, "The command with \(name)", with: .commandReused(id: "nothing-to-do"))
            }
        },
        EventStoreLaw("A command that was refused has no receipt, and may succeed later") { store in
            try await store.append(facts(1), to: "account-1")
            let request = AppendRequest.events(
                facts(1), to: "account-1", expecting: .version(1), commandID: "deposit-1")
            try await store.requireRefusal(
                of: request, "A command at a wrong version",
                with: .wrongExpectedVersion(stream: "account-1", expected: .version(1), actual: 0))
            try requireEqual(try await store.receipt(for: "deposit-1"), nil, "Its receipt")
            try await store.append(facts(1), to: "account-1")
            let first = try await store.requireAccepted(request, "The command once the version holds")
            try requireEqual(try await store.receipt(for: "deposit-1"), first, "Its receipt then")
            try requireEqual(try await store.receipt(for: "deposit-2"), nil, "The receipt of a command never seen")
        },
        EventStoreLaw("Settings and deletions may be commands") { store in
            try await store.append(facts(3), to: "account-1")
            for (id, action) in [
                (CommandID(unchecked: "truncate"), StreamWrite.Action.setRetention(Retention(truncateBefore: 1))),
                ("delete", .delete),
            ] {
                let request = AppendRequest(writes: [.init(stream: "account-1", action: action)], commandID: id)
                let first = try await store.requireAccepted(request, "The command '\(id)'")
                try await store.requireRepeat(of: request, "The command '\(id)' again", answers: first)
            }
            try await store.requireRefusal(
                of: AppendRequest(
                    writes: [.init(stream: "account-1", action: .setRetention(Retention(truncateBefore: 2)))],
                    commandID: "truncate"),
                "The command 'truncate' with another version", with: .commandReused(id: "truncate"))
        },
        EventStoreLaw("One command sent many times at the same moment has one effect") { store in
            let results = try await withThrowingTaskGroup(of: AppendResult.self) { group in
                for _ in 0..<16 {  // Each attempt decides anew, so that the event identifiers differ.
                    group.addTask { try await store.append(facts(2), to: "account-1", commandID: "deposit-1") }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            try requireEqual(results.count { !$0.isRepeat }, 1, "The number of attempts that wrote")
            try requireEqual(Set(results.map(\.position)).count, 1, "The number of positions that they were told")
            try requireEqual(Set(results.map(\.recordedAt)).count, 1, "The number of times that they were told")
            try requireEqual(try await store.wholeLog().count, 2, "The number of events")
        },
    ]
}
