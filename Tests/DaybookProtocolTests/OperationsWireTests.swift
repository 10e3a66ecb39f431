import DaybookCore
import Testing

@testable import DaybookProtocol

@Suite("A message of operators on the wire")
struct OperationsWireTests {
    /// The message after it was written and read.
    private func copy<M: WireMessage>(_ message: M) throws -> M { try M(wireBytes: message.wireBytes) }

    private static var scavenging: UpkeepTask.Scavenging {
        var scavenging = UpkeepTask.Scavenging()
        scavenging.through = Position(0)
        scavenging.ignoredConsumers = ["a", "b"]
        scavenging.ignoresConsumers = true
        scavenging.isDryRun = true
        return scavenging
    }

    @Test(
        "brings every task",
        arguments: [
            .statistics(includesTables: true), .statistics(includesTables: false), .verification, .reindexing,
            .scavenging(UpkeepTask.Scavenging()), .scavenging(scavenging),
            .archiving(UpkeepTask.Archiving(.through(17), compacts: true)),
            .archiving(UpkeepTask.Archiving(.before(Timestamp(microseconds: 0)), compacts: false)),
            .backup(UpkeepTask.Backup(to: "shop.db", replaces: true, verifies: false)),
        ] as [UpkeepTask])
    func tasks(_ task: UpkeepTask) throws {
        let id = EventID()
        let read = try copy(UpkeepRequest(task, id: id))
        #expect(read.task == task && read.id == id)
    }

    @Test("brings how far a task is, and that nobody knows")
    func progress() throws {
        let progress = UpkeepProgress(.verifying, done: 0, total: 9)
        #expect(try copy(MaybeProgress(progress)).progress == progress)
        #expect(try copy(MaybeProgress(nil)).progress == nil)
        #expect(throws: WireError.self) { try UpkeepTask(wireBytes: [0x08, 0x09]) }
        #expect(throws: WireError.self) { try UpkeepTask(wireBytes: [0x08, 0x05]) }
    }

    @Test("brings users, and what is wanted of them")
    func users() throws {
        let user = UserSummary(
            login: "ada", fullName: "Ada", groups: ["$admins", "x"], isDisabled: true, hasPassword: false)
        let page = try copy(UsersPage([user, user], isAtEnd: true))
        #expect(page.users == [user, user] && page.isAtEnd)
        let request = try copy(UserRequest(login: "ada", password: "", fullName: "A", groups: ["g"]))
        #expect(request.login == "ada" && request.password == "" && request.groups == ["g"])
        #expect(try copy(UserRequest(login: "ada")).password == nil)
    }

    @Test(
        "tells a setting of a group that is 0 from one that is not named",
        arguments: [nil, .start, .end, .at(7)] as [GroupChange.Start?])
    func settings(_ start: GroupChange.Start?) throws {
        var change = GroupChange()
        change.start = start
        #expect(try copy(change) == change)
        change.resolvesLinks = false
        change.maxRetryCount = 0
        change.strategy = "Pinned"
        let filter = GroupFilter(isOfTypes: true, pattern: "", prefixes: ["a", ""])
        let read = try copy(GroupChangeRequest(GroupReference(stream: "$all", group: "g"), change, filter: filter))
        #expect(read.change == change && read.filter == filter && read.group.stream == "$all")
    }

    @Test("brings what a group is like, with its consumers")
    func description() throws {
        var group = GroupDescription(GroupReference(stream: "order-1", group: "g"))
        group.status = "Live"
        group.settings.messageTimeout = 30_000
        (group.startsFrom, group.checkpoint, group.lastRead) = ("0", "3", "4")
        (group.waiting, group.inFlight, group.retrying, group.parked) = (1, 2, 3, 4)
        (group.delivered, group.perSecond, group.consumerCount) = (5, 6, 7)
        group.consumers = [.init(name: "c", user: "ada", delivered: 1, inFlight: 2, room: 3)]
        #expect(try copy(GroupDescriptions([group, group])).groups == [group, group])
    }

    @Test("brings a refusal, also one that this version does not know")
    func refusals() throws {
        let failure = OperationFailure(.cannotCreate, "It is there.")
        #expect(try copy(failure) == failure)
        #expect(try OperationFailure(wireBytes: [0x08, 0x63]).code == .failed)
        let answer = Result<UpkeepReport, OperationFailure>.failure(failure)
        #expect(throws: failure) { try Result<UpkeepReport, OperationFailure>(wireBytes: answer.wireBytes).get() }
    }
}
