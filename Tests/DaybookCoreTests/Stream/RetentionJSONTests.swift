import DaybookCore
import Testing

@Suite("A retention in JSON")
struct RetentionJSONTests {
    @Test(
        "is read as it is written",
        arguments: [
            (Retention.unlimited, "{}"),
            (Retention(maxCount: 5), #"{"maxCount":5}"#),
            (
                Retention(maxAge: .microseconds(1_500_000), maxCount: 5, truncateBefore: 2),
                #"{"maxCount":5,"maxAgeSeconds":1.5,"truncateBefore":2}"#
            ),
            (Retention(maxAge: .microseconds(1)), #"{"maxAgeSeconds":0.000001}"#),
            (Retention(maxAge: .seconds(9_000_000_000_000)), #"{"maxAgeSeconds":9000000000000}"#),
        ])
    func roundTrip(retention: Retention, text: String) throws {
        var bytes: [UInt8] = []
        retention.appendJSON(to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == text)
        #expect(try Retention(json: JSONText(parsing: text), path: "") == retention)
    }
}
