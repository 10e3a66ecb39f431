import Foundation
import Testing

@testable import Daybook

@Suite("The JSON corpus")
struct JSONCorpusTests {
    private static let environment = ProcessInfo.processInfo.environment
    /// How many values are compared: `DAYBOOK_CORPUS`.
    private static let values = environment["DAYBOOK_CORPUS"].flatMap { Int($0) } ?? 2_500
    /// The file that the counts are written to as one line of JSON: `DAYBOOK_CORPUS_REPORT`.
    private static let report = environment["DAYBOOK_CORPUS_REPORT"]

    @Test("is written and read as Foundation does, whole and damaged, but for the listed differences")
    func corpus() async throws {
        let (counts, failures) = await JSONCorpus.run(values: Self.values, damagesPerValue: 2) { done in
            guard Self.report != nil, done % 10_000 == 0 else { return }
            FileHandle.standardError.write(Data("\(done) of \(Self.values) values compared\n".utf8))
        }
        for failure in failures { Issue.record("\(failure)") }
        #expect(counts.failures == 0)
        #expect(counts.otherForms == counts.values)
        #expect(counts.unwritable > 0 && counts.bothRead > 0 && counts.bothRefuse > 0)
        for shape in JSONShape.allCases { #expect(counts.shapes[shape.rawValue, default: 0] > 0, "\(shape)") }
        for damage in JSONDamage.allCases { #expect(counts.damaged[damage.rawValue, default: 0] > 0, "\(damage)") }
        #expect(counts.damaged["everyByte", default: 0] > 0)
        if let report = Self.report {
            let line = try FoundationJSON.encode(counts) + [UInt8(ascii: "\n")]
            try Data(line).write(to: URL(fileURLWithPath: report))
        }
    }
}
