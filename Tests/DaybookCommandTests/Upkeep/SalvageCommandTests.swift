import Foundation
import Testing

@testable import DaybookCommand

@Suite("daybook salvage")
struct SalvageCommandTests {
    /// A store of ten events, of which the one with the data "event 4" has another byte.
    private func damagedFile(in folder: TemporaryFolder) async throws -> String {
        let file = folder.file("shop.db")
        for number in 0..<10 {
            let outcome = try await Daybook.run(
                "append", file, "--stream", "order-\(number % 2)", "--type", "Placed", "--data",
                "{\"n\":\"event \(number)\"}")
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        let place = try #require(bytes.range(of: Data("event 4".utf8)))
        bytes[place.lowerBound] = UInt8(ascii: "E")
        try bytes.write(to: URL(fileURLWithPath: file))
        return file
    }

    @Test("saves what is whole, lists what is lost with its stream, and ends with exit code 2")
    func salvages() async throws {
        let folder = try TemporaryFolder()
        let file = try await damagedFile(in: folder)
        let saved = folder.file("saved.db")
        let outcome = try await Daybook.run("salvage", file, saved)
        #expect(outcome.status == 2)
        #expect(outcome.output.contains("9 events"), "\(outcome.output)")
        #expect(outcome.output.contains(/5 +order-0/), "\(outcome.output)")
        #expect(outcome.errors.contains("1 events"), "\(outcome.errors)")
        let verified = try await Daybook.run("verify", saved, "--json")
        #expect(verified.status == 2)
        #expect(verified.lines.first?.contains("\"position\":5,\"stream\":\"order-0\"") == true, "\(verified.output)")
        #expect(try await Daybook.run("read", saved, "--stream", "order-1", "--json").lines.count == 5)
        #expect(try await Daybook.run("read", saved, "--stream", "order-0").status == 2)

        let again = try await Daybook.run("salvage", file, saved)
        #expect(again.status == 73)
        #expect(again.errors.contains("is there already"))
        let json = try await Daybook.run("salvage", file, folder.file("other.db"), "--json")
        #expect(json.lines.first == #"{"firstLost":5,"lastLost":5,"stream":"order-0"}"#)
        #expect(json.lines.last?.contains("\"savedEvents\":9,\"lostEvents\":1") == true)
    }

    @Test("of a whole file ends with exit code 0")
    func whole() async throws {
        let folder = try TemporaryFolder()
        let file = folder.file("shop.db")
        _ = try await Daybook.run("append", file, "--stream", "order-1", "--type", "Placed", "--data", "{}")
        let outcome = try await Daybook.run("salvage", file, folder.file("saved.db"))
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(try await Daybook.run("verify", folder.file("saved.db")).status == 0)
        #expect(try await Daybook.run("salvage", folder.file("none.db"), folder.file("new.db")).status == 66)
    }
}
