import Exchange
import Testing

@Suite("A LOBSTER message")
struct LobsterMessageTests {
    @Test(
        "is read from its line",
        arguments: [
            ("34200.004241176,1,16113575,18,5853300,1", .submitted(16_113_575, .buy, 5_853_300, 18)),
            ("34200.1,2,7,5,5853300,-1", .reduced(7, .sell, 5_853_300, 5)),
            ("34200,3,7,5,5853300,-1\r", .deleted(7, .sell, 5_853_300, 5)),
            ("34200,4,7,5,5853300,1\n", .executed(7, .buy, 5_853_300, 5)),
            ("34200,5,0,5,5853300,1", .hiddenExecuted(.buy, 5_853_300, 5)),
            ("34200,6,-1,5,5853300,1", .auctioned(5_853_300, 5)),
            ("34200,7,0,0,-1,-1", .halted),
            ("34200,7,0,0,0,-1", .quotingResumed),
            ("34200,7,0,0,1,-1", .resumed),
        ] as [(String, VenueReport)])
    func reads(line: String, report: VenueReport) throws {
        #expect(try LobsterMessage(line: Array(line.utf8)).report == report)
    }

    @Test(
        "has a time to the nanosecond",
        arguments: [
            ("0", 0), ("34200.004241176", 34_200_004_241_176), ("34200.5", 34_200_500_000_000),
            ("86399.999999999", 86_399_999_999_999), ("35821.088778456004", 35_821_088_778_456),
        ] as [(String, Int64)])
    func time(text: String, nanoseconds: Int64) throws {
        #expect(try LobsterMessage(line: Array("\(text),7,0,0,-1,-1".utf8)).time == nanoseconds)
    }

    @Test(
        "says what is wrong with its line",
        arguments: [
            ("", .fields(expected: 6, found: 0)),
            ("34200,1,7,5,5853300", .fields(expected: 6, found: 5)),
            ("34200,1,7,5,5853300,1,9", .fields(expected: 6, found: 7)),
            ("noon,1,7,5,5853300,1", .notANumber(field: "time", text: "noon")),
            (",1,7,5,5853300,1", .notANumber(field: "time", text: "")),
            (".5,1,7,5,5853300,1", .notANumber(field: "time", text: ".5")),
            ("1.2.3,1,7,5,5853300,1", .notANumber(field: "time", text: "1.2.3")),
            ("-1,1,7,5,5853300,1", .notANumber(field: "time", text: "-1")),
            ("86400,1,7,5,5853300,1", .timeOutOfBounds("86400")),
            ("34200,one,7,5,5853300,1", .notANumber(field: "type", text: "one")),
            ("34200,0,7,5,5853300,1", .unknownType(0)),
            ("34200,8,7,5,5853300,1", .unknownType(8)),
            ("34200,1,seven,5,5853300,1", .notANumber(field: "order_id", text: "seven")),
            ("34200,1,99999999999999999999,5,5853300,1", .notANumber(field: "order_id", text: "99999999999999999999")),
            ("34200,1,0,5,5853300,1", .orderOutOfBounds(0)),
            ("34200,4,-7,5,5853300,1", .orderOutOfBounds(-7)),
            ("34200,1,7,0,5853300,1", .sizeOutOfBounds(0)),
            ("34200,1,7,-5,5853300,1", .sizeOutOfBounds(-5)),
            ("34200,1,7,100000001,5853300,1", .sizeOutOfBounds(100_000_001)),
            ("34200,1,7,five,5853300,1", .notANumber(field: "size", text: "five")),
            ("34200,1,7,5,0,1", .priceOutOfBounds(0)),
            ("34200,1,7,5,9999999999,1", .priceOutOfBounds(9_999_999_999)),
            ("34200,1,7,5,585.33,1", .notANumber(field: "price", text: "585.33")),
            ("34200,1,7,5,5853300,0", .unknownDirection(0)),
            ("34200,1,7,5,5853300,up", .notANumber(field: "direction", text: "up")),
            ("34200,7,0,0,2,-1", .unknownHalt(2)),
        ] as [(String, InvalidLobsterLine)])
    func refuses(line: String, reason: InvalidLobsterLine) {
        #expect(throws: reason) { try LobsterMessage(line: Array(line.utf8)) }
    }

    @Test("never stops the program, whatever the bytes", arguments: seeds(20))
    func anyBytes(seed: UInt64) {
        var numbers = SeededNumbers(seed: seed)
        let alphabet = Array("0123456789.,-7e\r\u{0}é".utf8)
        for _ in 0..<2_000 {
            let line = (0..<Int.random(in: 0..<60, using: &numbers)).map { _ in
                alphabet.randomElement(using: &numbers)!
            }
            _ = try? LobsterMessage(line: line)
            _ = try? LobsterBook(line: line)
        }
    }
}
