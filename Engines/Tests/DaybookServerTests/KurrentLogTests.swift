import DaybookCore
import Logging
import NIOPosix
import Testing

@testable import DaybookServer

@Suite struct KurrentLogTests {
    private static func event(_ text: String = "{}") -> NewEvent { NewEvent(type: "Placed", data: Array(text.utf8)) }

    @Test func anAppendThatExpectsNothingIsKnownAgainBehindOthers() async throws {
        let log = try await KurrentLog.open(InMemoryEventStore())
        let events = [Self.event(), Self.event()]
        let first = try await log.append(events, to: "a", expecting: .any)
        _ = try await log.append([Self.event()], to: "a", expecting: .any)
        #expect(try await log.append(events, to: "a", expecting: .any) == first)
        #expect(try await log.state(of: "a").lastVersion == StreamVersion(2))
        // Known at first, and then not: the append is another one.
        await #expect(throws: KurrentFailure.wrongExpectedVersion(stream: "a", expected: .any, current: 2)) {
            try await log.append([events[0], Self.event()], to: "a", expecting: .any)
        }
    }

    @Test func aRepeatWaitsForTheFirstTime() async throws {
        let store = WatchedStore(holdsFirstAppend: true)
        let log = try await KurrentLog.open(store)
        let events = [Self.event(), Self.event()]
        let first = Task { try await log.append(events, to: "a", expecting: .any) }
        await store.waitForWriter()
        // What is given to one event loop runs in that order: the repeats have come as far as they come by themselves.
        let loop = EventLoopExecutor(MultiThreadedEventLoopGroup.singleton.next())
        let second = Task(executorPreference: loop) { try await log.append(events, to: "a", expecting: .any) }
        let third = Task(executorPreference: loop) {
            try await log.append([KurrentLog.Write(name: "a", events: events)])
        }
        // The store knows a repeat that follows on the first time: something else stands between.
        let other = Task(executorPreference: loop) {
            _ = try await log.append([Self.event()], to: "a", expecting: .any)
            store.release()
        }
        try await other.value
        let written = try await first.value
        #expect(try await second.value == written)
        guard case .appended(let revisions, _) = try await third.value else {
            Issue.record("The repeat was refused.")
            return
        }
        #expect(revisions == [2])
        #expect(try await log.state(of: "a").lastVersion == StreamVersion(2))
    }

    @Test func anAppendOfWhichNobodyKnewTheOutcomeIsKnownAgainBehindOthers() async throws {
        let store = WatchedStore()
        let log = try await KurrentLog.open(store)
        let events = [Self.event(), Self.event()]
        store.loseNextAnswer()
        await #expect(throws: KurrentFailure.self) { try await log.append(events, to: "a", expecting: .any) }
        _ = try await log.append([Self.event()], to: "a", expecting: .any)
        let repeated = try await log.append(events, to: "a", expecting: .any)
        #expect(repeated == KurrentLog.Appended(revision: 1, position: 2))
        #expect(try await log.state(of: "a").lastVersion == StreamVersion(2))

        let writes = [KurrentLog.Write(name: "b", events: [Self.event(), Self.event()])]
        store.loseNextAnswer()
        await #expect(throws: KurrentFailure.self) { try await log.append(writes) }
        _ = try await log.append([Self.event()], to: "b", expecting: .any)
        guard case .appended(let revisions, _) = try await log.append(writes) else {
            Issue.record("The repeat was refused.")
            return
        }
        #expect(revisions == [1])
        #expect(try await log.state(of: "b").lastVersion == StreamVersion(2))
    }

    private static func metadata(_ text: String) -> NewEvent { NewEvent(type: "$metadata", data: Array(text.utf8)) }

    @Test func anAccessListThatIsChangedWhileItsStreamIsDeletedStays() async throws {
        let store = WatchedStore()
        let log = try await KurrentLog.open(store)
        _ = try await log.append([Self.event()], to: "a", expecting: .any)
        _ = try await log.append([Self.metadata(#"{"$acl":{"$r":"$all"}}"#)], to: "$$a", expecting: .any)
        let access = Self.access(to: log)
        store.holdNextAppend()
        let deletion = Task {
            try await CallAccess.$current.withValue(access) { try await log.delete("a", expecting: .any) }
        }
        await store.waitForWriter()
        _ = try await log.append([Self.metadata(#"{"$acl":{"$r":"clerks"}}"#)], to: "$$a", expecting: .any)
        store.release()
        _ = try await deletion.value
        #expect(try await log.state(of: "a").status == .deleted)
        let last = try #require(try await log.lastEvent(of: "$metadata-a"))
        #expect(AccessList(metadata: last.data) == AccessList([.read: ["clerks"]]))
        #expect(KurrentMetadata(decoding: last.data).isDeletion)
    }

    @Test func anAccessListThatIsChangedWhileItsStreamIsWrittenAgainStays() async throws {
        let store = WatchedStore()
        let log = try await KurrentLog.open(store)
        _ = try await log.append([Self.event()], to: "a", expecting: .any)
        _ = try await log.delete("a", expecting: .any)
        store.holdNextAppend()
        let revival = Task { try await log.append([Self.event()], to: "a", expecting: .any) }
        await store.waitForWriter()  // It asks whether it is a repeat.
        store.holdNextAppend()
        store.release()
        await store.waitForWriter()
        let list = Self.metadata(#"{"$acl":{"$r":"clerks"}}"#)
        _ = try await store.append(AppendRequest(writes: [StreamWrite(stream: "$metadata-a", action: .append([list]))]))
        store.release()
        #expect(try await revival.value.revision == 1)
        let last = try #require(try await log.lastEvent(of: "$metadata-a"))
        #expect(AccessList(metadata: last.data) == AccessList([.read: ["clerks"]]))
        #expect(KurrentMetadata(decoding: last.data).truncateBefore == 1)
    }

    /// A call of an admin.
    private static func access(to log: KurrentLog) -> CallAccess {
        let founding = FoundingToken()
        let passwords = PasswordHasher(cost: .least)
        let users = UserDirectory(log: log, passwords: passwords, founding: founding)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let control = AccessControl(
            log: log, users: users,
            authenticator: Authenticator(users: users, passwords: passwords, founding: founding), rules: [],
            records: AccessRecords(logger: logger))
        return CallAccess(
            Login(principal: Principal(login: "ada", groups: ["$admins"])), asOf: log.accessChanges.total,
            control: control, method: "test", address: "here")
    }

    @Test func whatALogHadBeforeTheServerStartedIsKnownAgain() async throws {
        let store = InMemoryEventStore()
        let event = Self.event()
        let before = try await KurrentLog.open(store)
        let first = try await before.append([event], to: "a", expecting: .any)
        _ = try await before.append([Self.event()], to: "a", expecting: .any)
        _ = try await before.delete("b", expecting: .any, afterAppending: [Self.event()])
        let after = try await KurrentLog.open(store)
        #expect(try await after.append([event], to: "a", expecting: .any) == first)
        await #expect(throws: KurrentFailure.streamDeleted("b")) {
            try await after.append([Self.event()], to: "b", expecting: .exists)
        }
    }

    @Test func aStreamThatIsBegunAnewKeepsItsMetadata() async throws {
        let log = try await KurrentLog.open(InMemoryEventStore())
        _ = try await log.append([Self.event(), Self.event()], to: "a", expecting: .noStream)
        _ = try await log.delete("a", expecting: .revision(1))
        let revived = try await log.append([Self.event()], to: "a", expecting: .noStream)
        #expect(revived.revision == 2)
        let metadata = try #require(try await log.lastEvent(of: "$metadata-a"))
        #expect(metadata.data.elementsEqual(#"{"$tb":2}"#.utf8))
        #expect(try await log.lastEvent(of: "a")?.position.rawValue == revived.position)
    }

    @Test func aRepeatByAnotherProtocolBeginsNoStreamAnew() async throws {
        let store = InMemoryEventStore()
        let log = try await KurrentLog.open(store)
        var request = AppendRequest()
        request.append([Self.event()], to: "a", expecting: .noStream)
        log.note(request, try await store.append(request))
        _ = try await log.delete("a", expecting: .any)
        let repeated = try await store.append(request)
        #expect(repeated.isRepeat)
        log.note(request, repeated)
        _ = try await log.append([Self.event()], to: "a", expecting: .any)
        let metadata = try #require(try await log.lastEvent(of: "$metadata-a"))
        #expect(metadata.data.elementsEqual(#"{"$tb":1}"#.utf8))
    }

    @Test func aStreamWhoseDeletionHadNoKnownOutcomeIsBegunAnew() async throws {
        let store = WatchedStore()
        let log = try await KurrentLog.open(store)
        _ = try await log.append([Self.event(), Self.event()], to: "a", expecting: .noStream)
        store.loseNextAnswer()
        await #expect(throws: KurrentFailure.self) { try await log.delete("a", expecting: .any) }
        _ = try await log.append([Self.event()], to: "a", expecting: .any)
        let metadata = try #require(try await log.lastEvent(of: "$metadata-a"))
        #expect(metadata.data.elementsEqual(#"{"$tb":2}"#.utf8))
    }

    @Test func changesAreNotedInAnyOrder() async throws {
        let store = InMemoryEventStore()
        let log = try await KurrentLog.open(store)
        let first = try await log.append([Self.event()], to: "a", expecting: .noStream)
        _ = try await log.delete("a", expecting: .any)
        log.deleted.remove("a", at: Position(try #require(first.position)))
        _ = try await log.append([Self.event()], to: "a", expecting: .any)
        let metadata = try #require(try await log.lastEvent(of: "$metadata-a"))
        #expect(metadata.data.elementsEqual(#"{"$tb":1}"#.utf8))
        // And a deletion that is noted when the stream was written again.
        log.deleted.insert("a", at: 2)
        #expect(try await log.append([Self.event()], to: "a", expecting: .exists).revision == 2)
        #expect(try await log.lastEvent(of: "$metadata-a")?.id == metadata.id)
    }

    @Test func metadataSetsTheRetention() async throws {
        let log = try await KurrentLog.open(InMemoryEventStore())
        for _ in 0..<5 { _ = try await log.append([Self.event()], to: "a", expecting: .any) }
        let metadata = NewEvent(type: "$metadata", data: Array(#"{"$maxCount":2}"#.utf8))
        let first = try await log.append([metadata], to: "$$a", expecting: .noStream)
        #expect(try await log.append([metadata], to: "$$a", expecting: .noStream) == first)
        #expect(try await log.append([metadata], to: "$$a", expecting: .any) == first)
        #expect(try await log.state(of: "a").firstVisibleVersion == StreamVersion(3))
        await #expect(throws: KurrentFailure.self) {
            try await log.append([Self.event()], to: "$metadata-a", expecting: .any)
        }
        await #expect(throws: KurrentFailure.accessDenied) {
            try await log.append([Self.event()], to: "$all", expecting: .any)
        }
    }

    @Test func aNameThatBeginsWithACombiningMarkHasMetadataOfItsOwn() async throws {
        let log = try await KurrentLog.open(InMemoryEventStore())
        let name = "\u{301}a"
        for name in ["a", name] {
            _ = try await log.append([Self.event(), Self.event()], to: name, expecting: .noStream)
        }
        let metadata = NewEvent(type: "$metadata", data: Array(#"{"$maxCount":1}"#.utf8))
        _ = try await log.append([metadata], to: "$$" + name, expecting: .noStream)
        #expect(try await log.state(of: "a").firstVisibleVersion == .first)
        #expect(try await log.state(of: StreamName(name)).firstVisibleVersion == StreamVersion(1))
        let recorded = try log.stream("$$" + name)
        #expect(KurrentNames.client(recorded).utf8.elementsEqual(("$$" + name).utf8))
    }

    @Test func metadataIsNeverAtTheHighestRevision() async throws {
        let log = try await KurrentLog.open(InMemoryEventStore())
        let metadata = NewEvent(type: "$metadata", data: Array("{}".utf8))
        let highest = KurrentExpectation.revision(.max)
        await #expect(throws: KurrentFailure.wrongExpectedVersion(stream: "$$a", expected: highest, current: -1)) {
            try await log.append([metadata], to: "$$a", expecting: highest)
        }
        let write = KurrentLog.Write(name: "$$a", condition: .expectation(highest), events: [metadata])
        guard case .refused(let violations) = try await log.append([write]) else {
            Issue.record("The append was taken.")
            return
        }
        #expect(violations.map(\.name) == ["$$a"])
    }
}

extension KurrentLog {
    /// Appends, and deletes what was appended to.
    fileprivate func delete(
        _ name: String, expecting expected: KurrentExpectation, afterAppending events: [NewEvent]
    ) async throws -> Int64 {
        _ = try await append(events, to: name, expecting: .any)
        return try await delete(name, expecting: expected)
    }
}
