import DaybookCore
import Testing

@testable import DaybookServer

@Suite struct HTTPMessageTests {
    @Test func percentEncodingIsReadAndWritten() {
        #expect(PercentEncoding.decoded("a%2Fb%C3%A9+c", plusIsSpace: false) == "a/bé+c")
        #expect(PercentEncoding.decoded("a+b%2B", plusIsSpace: true) == "a b+")
        #expect(PercentEncoding.decoded("%C3", plusIsSpace: false) == nil)
        #expect(PercentEncoding.decoded("%2", plusIsSpace: false) == nil)
        #expect(PercentEncoding.decoded("%zz", plusIsSpace: false) == nil)
        #expect(PercentEncoding.encoded("a/bé ~") == "a%2Fb%C3%A9%20~")
    }

    @Test func aQueryIsTakenByName() throws {
        var query = try HTTPQuery("type=A&type=B%26&limit=5&from=start")
        let types = query.all("type")
        let limit = try query.integer("limit", in: 1...10)
        let from = try query.one("from")
        #expect(types == ["A", "B&"])
        #expect(limit == 5)
        #expect(from == "start")
        try query.finish()
    }

    @Test func aQueryRefusesWhatNobodyTakes() throws {
        let query = try HTTPQuery("limt=5")
        let problem = #expect(throws: HTTPProblem.self) { try query.finish() }
        #expect(problem?.status.code == 400)
        #expect(problem?.fields.first?.value == .text("limt"))
    }

    @Test func aParameterThatStandsTwiceIsRefused() throws {
        var query = try HTTPQuery("limit=5&limit=6")
        do {
            _ = try query.integer("limit", in: 1...10)
            Issue.record("The first of two was taken.")
        } catch { #expect(error.code == "malformedParameter") }
    }

    @Test func theBestFormIsChosen() {
        let types = ["application/json", "application/x-ndjson"]
        #expect(HTTPAcceptance([]).best(of: types) == "application/json")
        #expect(HTTPAcceptance(["*/*"]).best(of: types) == "application/json")
        #expect(HTTPAcceptance(["application/x-ndjson, */*;q=0.1"]).best(of: types) == "application/x-ndjson")
        #expect(HTTPAcceptance(["application/json;q=0.2", "Application/X-NDJSON; q=0.5"]).best(of: types) == types[1])
        #expect(HTTPAcceptance(["application/*;q=0.5, application/json;q=0"]).best(of: types) == types[1])
        #expect(HTTPAcceptance(["text/html"]).best(of: types) == nil)
    }

    @Test func theTimeIsWrittenAsHeadersHaveIt() throws {
        let time = try #require(Timestamp("1994-11-06T08:49:37Z"))
        #expect(HTTPClock.text(of: time) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPClock.text(of: Timestamp(microseconds: 0)) == "Thu, 01 Jan 1970 00:00:00 GMT")
    }

    @Test func hostsAreReadWithoutTheirPort() {
        #expect(HTTPHosts.host(of: "LocalHost:2113") == "localhost")
        #expect(HTTPHosts.host(of: "[::1]:2113") == "::1")
        #expect(HTTPHosts.host(of: "127.0.0.1") == "127.0.0.1")
    }

    static let places: [(String, HTTPReadStart)] = [
        ("start", .start), ("end", .end), ("7", .number(7)), ("p120", .position(120)),
        ("1970-01-01T00:00:01Z", .time(Timestamp(microseconds: 1_000_000))),
    ]

    @Test(arguments: HTTPMessageTests.places)
    func placesAreRead(_ text: String, _ start: HTTPReadStart) throws {
        #expect(try HTTPReadStart(text, .forward) == start)
    }

    @Test(arguments: ["-1", "p", "p-1", "v7", "soon", "99999999999999999999"])
    func otherPlacesAreRefused(_ text: String) {
        #expect(throws: HTTPProblem.self) { try HTTPReadStart(text, .forward) }
    }

    @Test func aProblemIsADocument() {
        let problem = HTTPProblem(
            AppendError.wrongExpectedVersion(stream: "a\"b", expected: .version(1), actual: nil))
        #expect(
            String(decoding: problem.json, as: UTF8.self)
                == #"{"type":"urn:daybook:problem:wrongExpectedVersion","title":"The stream is not at the expected version.","status":409,"detail":"Stream 'a\"b' is at version none, not version 1: read and decide again.","code":"wrongExpectedVersion","stream":"a\"b","expected":1,"actual":null,"mayBeWritten":false}"#
        )
    }
}
