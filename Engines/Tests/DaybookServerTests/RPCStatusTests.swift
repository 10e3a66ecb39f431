import NIOCore
import Testing

@testable import DaybookServer

@Suite struct RPCStatusTests {
    @Test func aMessageIsPercentEncodedWhereItMustBe() {
        #expect(RPCStatus(.unknown, "plain text").encodedMessage == "plain text")
        #expect(RPCStatus(.unknown, "50 % é\n").encodedMessage == "50 %25 %C3%A9%0A")
    }

    @Test func aTrailerThatIsNotPrintableIsLeftOut() {
        let status = RPCStatus.streamDeleted("straße")
        #expect(status.trailers.map(\.name) == ["exception"])
        #expect(RPCStatus.streamDeleted("a").trailers.map(\.value) == ["stream-deleted", "a"])
    }

    @Test func timesAreReadInAllUnits() {
        let expected: [(String, TimeAmount?)] = [
            ("2H", .hours(2)), ("3M", .minutes(3)), ("10S", .seconds(10)), ("7m", .milliseconds(7)),
            ("8u", .microseconds(8)),
            ("99999999n", .nanoseconds(99_999_999)), ("", nil), ("S", nil), ("-1S", nil), ("1s", nil),
            ("1234567890S", nil),
            ("1.5S", nil),
        ]
        for (text, time) in expected { #expect(RPCTimeout.parse(text) == time, "\(text)") }
    }
}
