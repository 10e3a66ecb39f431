import Testing

@testable import DaybookServer

@Suite("A right that is missing") struct MissingRightTests {
    private static let ada = Principal(login: "ada", groups: [])

    private static func words(_ action: AccessAction?, of principal: Principal = Self.ada) -> String {
        MissingRight(action, of: principal).description
    }

    @Test("is told with who lacks it, what for, and how it is come by")
    func words() {
        let order = StreamResource(client: "account-1")
        for (right, deed) in [
            (StreamRight.read, "read stream 'account-1'"), (.write, "append to stream 'account-1'"),
            (.delete, "delete stream 'account-1'"), (.readMetadata, "read the metadata of stream 'account-1'"),
            (.writeMetadata, "change the metadata of stream 'account-1'"),
        ] {
            #expect(Self.words(.stream(right, order)) == "user 'ada' has no right to \(deed): ask an admin for it")
        }
        for metadata in [StreamResource(client: "$$account-1"), StreamResource(recorded: "$metadata-account-1")] {
            #expect(
                Self.words(.stream(.write, metadata))
                    == "user 'ada' has no right to change the metadata of stream 'account-1': ask an admin for it")
        }
        #expect(Self.words(.stream(.read, .log)).hasPrefix("user 'ada' has no right to read the whole log ($all): "))
        #expect(Self.words(.consume(order)).contains("take events of stream 'account-1' from a group of consumers"))
        #expect(Self.words(.operate).hasSuffix("look after the server: members of $ops and $admins have it"))
        #expect(Self.words(.derive).hasSuffix("members of $projectors and $admins have it"))
        #expect(Self.words(.askLog).hasSuffix("members of $readers, $writers and $admins have it"))
        #expect(Self.words(.administer) == "user 'ada' has no right to do this: members of $admins have it")
        #expect(Self.words(.stream(.read, StreamResource(client: "$users"))).hasSuffix("members of $admins have it"))
    }

    @Test("is nobody's where something is only read")
    func readOnly() {
        for (name, what) in [("$all", "the whole log ($all)"), ("$ce-order", "stream '$ce-order'")] {
            #expect(
                Self.words(.stream(.write, StreamResource(client: name)))
                    == "nobody has the right to append to \(what), which is only read")
        }
    }

    @Test("tells who has the token of a server without users what that is for")
    func founder() {
        let words = Self.words(.stream(.read, .log), of: .founder)
        #expect(words.contains("there are no users yet") && words.contains("'daybook users add' or POST /v1/users"))
    }

    @Test("names nothing that was not named, and no more of a name than is good")
    func names() {
        #expect(
            MissingRight(.stream(.read, StreamResource(client: "secret-1")), of: Self.ada).unnamed.description
                == "user 'ada' has no right to do this: ask an admin for it")
        let long = Self.words(.stream(.read, StreamResource(client: String(repeating: "x", count: 5_000))))
        #expect(long.count < 400 && long.contains("x…'"))
        // One letter as people count them.
        let accents = Self.words(
            .stream(.read, StreamResource(client: "e" + String(repeating: "\u{301}", count: 5_000))))
        #expect(accents.utf8.count < 800 && accents.contains("…'"))
    }

    @Test("is told as it is, but for KurrentDB's clients, whose status stays as they know it")
    func statuses() {
        let denial = AccessDenial.denied(MissingRight(.stream(.write, StreamResource(client: "a-1")), of: Self.ada))
        let words = "user 'ada' has no right to append to stream 'a-1': ask an admin for it"
        #expect(RPCStatus(denial) == .accessDenied)
        #expect(RPCStatus(store: denial).message == words)
        #expect(HTTPProblem(denial).detail == "The user may not do this: \(words).")
        let second = RPCStatus.accessDeniedV2(
            MissingRight(.stream(.write, StreamResource(client: "a-1")), of: Self.ada))
        #expect(second.message == "Access Denied" && second.code == .permissionDenied)
    }
}
