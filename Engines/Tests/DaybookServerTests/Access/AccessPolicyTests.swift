import DaybookCore
import Testing

@testable import DaybookServer

@Suite("Who may do what") struct AccessPolicyTests {
    private static let admin = Principal(login: "ada", groups: ["$admins"])
    private static let ops = Principal(login: "olga", groups: ["$ops"])
    private static let writer = Principal(login: "will", groups: ["$writers"])
    private static let reader = Principal(login: "rita", groups: ["$readers"])
    private static let clerk = Principal(login: "carl", groups: ["clerks"])
    private static let nobody = Principal(login: "nora", groups: [])

    private static let order = StreamResource(client: "order-1")

    /// Anonymous, nora, rita, will, olga, ada.
    private static let callers: [Principal] = [.anonymous, nobody, reader, writer, ops, admin]

    struct Row: Sendable, CustomTestStringConvertible {
        let action: AccessAction
        /// One letter for each caller: allowed, in part, denied, unauthenticated.
        let answers: String

        init(_ action: AccessAction, _ answers: String) {
            self.action = action
            self.answers = answers
        }

        var testDescription: String { "\(action)" }
    }

    private static func letter(_ decision: AccessDecision) -> Character {
        switch decision {
        case .allowed: "a"
        case .allowedInPart: "p"
        case .denied: "d"
        case .unauthenticated: "u"
        }
    }

    @Test(
        "follows from roles, where nothing else is said",
        arguments: [
            Row(.discover, "aaaaaa"),
            Row(.call, "uaaaaa"),
            Row(.operate, "udddaa"),
            Row(.administer, "udddda"),
            Row(.found, "udddda"),
            Row(.askLog, "udaada"),
            Row(.derive, "udddda"),
            Row(.stream(.read, StreamResource(client: "order-1")), "udaada"),
            Row(.stream(.write, StreamResource(client: "order-1")), "uddada"),
            Row(.stream(.delete, StreamResource(client: "order-1")), "uddada"),
            Row(.stream(.read, StreamResource(client: "$$order-1")), "udaada"),
            Row(.stream(.write, StreamResource(client: "$$order-1")), "uddada"),
            Row(.stream(.read, StreamResource(client: "$settings")), "udddda"),
            Row(.stream(.read, StreamResource(client: "$user-ada")), "udddda"),
            Row(.stream(.read, StreamResource(client: "$$$user-ada")), "udddda"),
            Row(.stream(.read, StreamResource(client: "$users")), "udddda"),
            Row(.stream(.read, .log), "udppda"),
            Row(.stream(.write, .log), "uddddd"),
            Row(.stream(.delete, .log), "uddddd"),
            Row(.stream(.read, StreamResource(client: "$ce-order")), "udppda"),
            Row(.stream(.read, StreamResource(client: "$et-OrderPlaced")), "udppda"),
            Row(.stream(.read, StreamResource(client: "$streams")), "udppda"),
            Row(.stream(.write, StreamResource(client: "$ce-order")), "uddddd"),
            Row(.consume(StreamResource(client: "order-1")), "udaada"),
            Row(.consume(.log), "udddda"),
            Row(.consume(StreamResource(client: "$ce-order")), "udddda"),
        ])
    func roles(_ row: Row) {
        let answers = Self.callers.map { Self.letter(AccessPolicy().decision(on: row.action, by: $0)) }
        #expect(String(answers) == row.answers)
    }

    @Test("lets projectors keep derived state, and see no event")
    func projectors() {
        let projector = Principal(login: "pia", groups: ["$projectors"])
        #expect(AccessPolicy().decision(on: .derive, by: projector) == .allowed)
        for action in [AccessAction.operate, .askLog, .stream(.read, Self.order), .stream(.read, .log)] {
            #expect(AccessPolicy().decision(on: action, by: projector) == .denied)
        }
    }

    @Test("lets the founder make the first user, and nothing else")
    func founder() {
        let policy = AccessPolicy()
        #expect(policy.decision(on: .found, by: .founder) == .allowed)
        for action in [AccessAction.call, .operate, .administer, .askLog, .derive, .stream(.read, Self.order)] {
            #expect(policy.decision(on: action, by: .founder) == .denied)
        }
    }

    @Test("is what a stream's access list says of a right, whatever the role")
    func list() throws {
        let list = try #require(AccessList(metadata: Array(#"{"$acl":{"$r":["clerks","rita"],"$w":"carl"}}"#.utf8)))
        let policy = AccessPolicy()
        #expect(policy.decision(on: .stream(.read, Self.order), by: Self.clerk, list: list) == .allowed)
        #expect(policy.decision(on: .stream(.write, Self.order), by: Self.clerk, list: list) == .allowed)
        #expect(policy.decision(on: .stream(.read, Self.order), by: Self.reader, list: list) == .allowed)
        #expect(policy.decision(on: .stream(.read, Self.order), by: Self.writer, list: list) == .denied)
        #expect(policy.decision(on: .stream(.write, Self.order), by: Self.writer, list: list) == .denied)
        #expect(policy.decision(on: .stream(.delete, Self.order), by: Self.writer, list: list) == .allowed)
        #expect(policy.decision(on: .stream(.read, Self.order), by: Self.admin, list: list) == .allowed)
        #expect(policy.decision(on: .stream(.read, Self.order), by: .anonymous, list: list) == .unauthenticated)
    }

    @Test("cannot be changed by who is kept out: a list without $mw is for admins to change")
    func listChange() throws {
        let list = try #require(AccessList(metadata: Array(#"{"$acl":{"$r":"carl"}}"#.utf8)))
        let metadata = StreamResource(client: "$$order-1")
        #expect(AccessPolicy().decision(on: .stream(.write, metadata), by: Self.writer, list: list) == .denied)
        #expect(AccessPolicy().decision(on: .stream(.write, metadata), by: Self.admin, list: list) == .allowed)
        let open = try #require(AccessList(metadata: Array(#"{"$acl":{"$mw":"$all"}}"#.utf8)))
        #expect(AccessPolicy().decision(on: .stream(.write, metadata), by: Self.nobody, list: open) == .allowed)
    }

    @Test("is no for a rule that denies, whatever allows")
    func denyWins() throws {
        let list = try #require(AccessList(metadata: Array(#"{"$acl":{"$r":"$all"}}"#.utf8)))
        let policy = AccessPolicy(
            rules: [
                AccessRule(.allow, ["$all"], [.read], of: "*"),
                AccessRule(.deny, ["rita"], [.read], of: "order-*"),
            ],
            defaults: DefaultAccessLists(ordinary: AccessList([.read: ["$all"]])))
        #expect(policy.decision(on: .stream(.read, Self.order), by: Self.reader, list: list) == .denied)
        #expect(policy.decision(on: .stream(.read, Self.order), by: Self.nobody, list: list) == .allowed)
        #expect(policy.decision(on: .stream(.read, StreamResource(client: "cash-1")), by: Self.reader) == .allowed)
        #expect(policy.decision(on: .consume(Self.order), by: Self.reader, list: list) == .denied)
    }

    @Test("is yes for a rule that allows, but for the users' streams, and of the system's only where it names them")
    func allow() {
        let policy = AccessPolicy(rules: [
            AccessRule(.allow, ["carl"], [.read], of: "*"), AccessRule(.allow, ["carl"], [.read], of: "$u*"),
            AccessRule(.allow, ["carl"], [.read], of: "$all"),
        ])
        #expect(policy.decision(on: .stream(.read, Self.order), by: Self.clerk) == .allowed)
        #expect(policy.decision(on: .stream(.write, Self.order), by: Self.clerk) == .denied)
        #expect(policy.decision(on: .stream(.read, StreamResource(client: "$settings")), by: Self.clerk) == .denied)
        #expect(policy.decision(on: .stream(.read, StreamResource(client: "$user-ada")), by: Self.clerk) == .denied)
        #expect(policy.decision(on: .stream(.read, .log), by: Self.clerk) == .allowedInPart)
        #expect(policy.decision(on: .stream(.read, .log), by: Self.nobody) == .denied)
    }

    @Test("follows the default lists of $settings where a stream has none")
    func defaults() {
        let settings = #"{"$userStreamAcl":{"$r":"$all","$w":["clerks"]},"$systemStreamAcl":{"$r":"$ops"}}"#
        let policy = AccessPolicy(defaults: DefaultAccessLists(settings: Array(settings.utf8)))
        #expect(policy.decision(on: .stream(.read, Self.order), by: Self.nobody) == .allowed)
        #expect(policy.decision(on: .stream(.write, Self.order), by: Self.clerk) == .allowed)
        #expect(policy.decision(on: .stream(.write, Self.order), by: Self.writer) == .denied)
        #expect(policy.decision(on: .stream(.delete, Self.order), by: Self.writer) == .allowed)
        #expect(policy.decision(on: .stream(.read, StreamResource(client: "$stats")), by: Self.ops) == .allowed)
        #expect(policy.decision(on: .stream(.read, .log), by: Self.ops) == .allowedInPart)
        #expect(policy.decision(on: .stream(.read, .log), by: Self.reader) == .denied)
        #expect(policy.decision(on: .stream(.read, StreamResource(client: "$user-a")), by: Self.ops) == .denied)
    }

    @Test("is asked of one stream, by whatever name a protocol calls it")
    func resources() {
        #expect(StreamResource(client: "$$a") == StreamResource(recorded: "$metadata-a"))
        #expect(StreamResource(client: "$$a") == StreamResource(recorded: "$$a"))
        #expect(StreamResource(client: "$$a") == StreamResource(recorded: "$$$metadata-a"))
        #expect(StreamResource(client: "$$a") == StreamResource(recorded: "$metadata-$$a"))
        #expect(StreamResource(client: "$$$user-a").kind == .users)
        #expect(StreamResource(recorded: "$metadata-$user-a").kind == .users)
        #expect(StreamResource(recorded: "$$$user-a").kind == .users)
        #expect(StreamResource(client: "a") == StreamResource(recorded: "a"))
        #expect(StreamResource(client: "$all").kind == .log)
        #expect(StreamResource(client: "$ce-a").kind == .index)
        #expect(StreamResource(recorded: "$ce-a").kind == .system)
        #expect(StreamResource(recorded: "$all").kind == .system)
        #expect(StreamResource(client: "$").kind == .system)
        #expect(StreamResource(client: "").kind == .ordinary)
    }

    @Test(
        "patterns match names",
        arguments: [
            ("*", "a", true), ("*", "", true), ("*", "$a", false), ("$*", "$a", true), ("order-*", "order-1", true),
            ("order-*", "order", false), ("*-1", "order-1", true), ("a*b*c", "aXbYc", true), ("a*b*c", "aXbY", false),
            ("a*bc", "abcbc", true), ("a", "ab", false), ("ab", "a", false), ("a**", "a", true),
            ("\u{E9}", "e\u{301}", false),
        ])
    func patterns(_ pattern: String, _ name: String, _ matches: Bool) {
        #expect(StreamPattern(pattern).matches(name) == matches)
    }

    @Test("access lists that cannot be read open nothing")
    func malformedLists() throws {
        #expect(AccessList(metadata: Array("no JSON".utf8)) == nil)
        #expect(AccessList(metadata: Array(#"{"$maxCount":1}"#.utf8)) == nil)
        let wrong = try #require(AccessList(metadata: Array(#"{"$acl":7}"#.utf8)))
        #expect(StreamRight.allCases.allSatisfy { wrong[$0] == [] })
        let part = try #require(AccessList(metadata: Array(#"{"$acl":{"$r":7,"$w":["a",7]}}"#.utf8)))
        #expect(part[.read] == [])
        #expect(part[.write] == ["a"])
        #expect(part[.delete] == nil)
    }

    @Test("rules are read from JSON")
    func rules() throws {
        let rules = try AccessRule.list(
            in: Array(#"[{"effect":"deny","users":["$all"],"rights":["read","writeMetadata"],"streams":"pay-*"}]"#.utf8)
        )
        #expect(rules == [AccessRule(.deny, ["$all"], [.read, .writeMetadata], of: "pay-*")])
        #expect(throws: (any Error).self) {
            try AccessRule.list(in: Array(#"[{"effect":"perhaps","users":[],"rights":[],"streams":""}]"#.utf8))
        }
    }
}
