import DaybookCore
import Testing

@testable import DaybookServer

@Suite("The actor of an event") struct ActorStampTests {
    private static let ada = ActorStamp(Principal(login: "ada", groups: ["$admins"]))
    private static let gateway = ActorStamp(Principal(login: "gate", groups: ["$impersonators"]))

    private static func stamped(_ metadata: String, by stamp: ActorStamp) -> String {
        String(decoding: stamp.stamped(Array(metadata.utf8)), as: UTF8.self)
    }

    @Test(
        "is the server's word",
        arguments: [
            ("", #"{"$actor":"ada"}"#),
            ("{}", #"{"$actor":"ada"}"#),
            (#" {"a": 1.10} "#, #"{"$actor":"ada","a":1.10}"#),
            (#"{"$actor":"eve","a":[1, 2]}"#, #"{"$actor":"ada","a":[1, 2]}"#),
            (#"{"$actor":"eve","$actor":7}"#, #"{"$actor":"ada"}"#),
            (#"{"\u0024actor":"eve"}"#, #"{"$actor":"ada"}"#),
            (#"{"$via":"eve"}"#, #"{"$actor":"ada"}"#),
            (#"{"$actor":"eve","\ud800":1}"#, #"{"$actor":"ada","\ud800":1}"#),
            ("[1]", "[1]"), ("no JSON", "no JSON"), ("\u{0}\u{1}", "\u{0}\u{1}"),
        ])
    func replaced(_ metadata: String, _ expected: String) {
        #expect(Self.stamped(metadata, by: Self.ada) == expected)
    }

    @Test("is the client's word where it may impersonate, and it is told who that was")
    func impersonated() {
        #expect(Self.stamped(#"{"$actor":"carl"}"#, by: Self.gateway) == #"{"$via":"gate","$actor":"carl"}"#)
        #expect(Self.stamped("", by: Self.gateway) == #"{"$actor":"gate"}"#)
    }

    @Test("is recorded with changes of streams, too")
    func changes() {
        var request = AppendRequest(writes: [StreamWrite(stream: "a", action: .tombstone)])
        request.append([NewEvent(type: "T", data: [])], to: "b")
        let stamped = Self.ada.stamped(request)
        #expect(stamped.writes[0].metadata == Array(#"{"$actor":"ada"}"#.utf8))
        guard case .append(let events) = stamped.writes[1].action else {
            Issue.record("The append is another action.")
            return
        }
        #expect(events[0].metadata == Array(#"{"$actor":"ada"}"#.utf8))
        #expect(ActorStamp(.founder).stamped(request) == request)
    }
}
