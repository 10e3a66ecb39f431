import DaybookTesting
import Foundation

@testable import Daybook

/// Compares our coders with Foundation's over made-up values of every shape, and over texts that were damaged in every way.
struct JSONCorpus {
    /// What was compared, and what came of it.
    struct Counts: Codable {
        var values = 0
        var bytes = 0
        /// Values by their shape.
        var shapes: [String: Int] = [:]
        /// Texts of Foundation's in another form (indented, slashes escaped, in any order) that were read.
        var otherForms = 0
        /// Values that both refuse to write.
        var unwritable = 0
        /// Damaged texts, by what was wrong with them.
        var damaged: [String: Int] = [:]
        /// Damaged texts that both read, and that both refuse.
        var bothRead = 0
        var bothRefuse = 0
        /// Outcomes that differ on purpose.
        var differences: [String: Int] = [:]
        /// Outcomes that differ in any other way.
        var failures = 0

        mutating func add(_ other: Counts) {
            values += other.values
            bytes += other.bytes
            shapes.merge(other.shapes, uniquingKeysWith: +)
            otherForms += other.otherForms
            unwritable += other.unwritable
            damaged.merge(other.damaged, uniquingKeysWith: +)
            bothRead += other.bothRead
            bothRefuse += other.bothRefuse
            differences.merge(other.differences, uniquingKeysWith: +)
            failures += other.failures
        }
    }

    /// Values made from one seed.
    static let valuesPerSeed = 500
    /// One value in so many has its text cut at every byte, and every byte left out and replaced by each
    /// of ``replacements``.
    private static let valuesPerThorough = 100
    private static let thoroughBytes = 200
    private static let replacements = Array("\"\\{],0-e \n".utf8) + [0x00, 0x80, 0xC3, 0xFF]
    private static let anyReadBytes = 150
    private static let failuresShown = 5

    let seed: UInt64
    private(set) var counts = Counts()
    private(set) var failures: [String] = []
    private var generator: SplitMix64
    private let encoder = JSONBytesEncoder()
    private let decoder = JSONBytesDecoder()

    init(seed: UInt64) {
        self.seed = seed
        generator = SplitMix64(seed: seed)
    }

    /// Compares so many values, each with so many damaged texts.
    mutating func run(damagesPerValue: Int) {
        for number in 0..<Self.valuesPerSeed {
            let shape = JSONShape.allCases[number % JSONShape.allCases.count]
            counts.shapes[shape.rawValue, default: 0] += 1
            check(shape.value(&generator), number, damagesPerValue)
        }
    }

    private mutating func check<Value: Codable & Equatable>(_ value: Value, _ number: Int, _ damagesPerValue: Int) {
        counts.values += 1
        let text: [UInt8]
        do {
            text = try encoder.encode(value)
            counts.bytes += text.count
            let foundation = try FoundationJSON.encode(value)
            if text != foundation { fail("writes \(shown(text)), Foundation \(shown(foundation))") }
            if try FoundationJSON.decode(Value.self, from: text) != value {
                fail("Foundation reads another value", text)
            }
            try read(value, from: text, writtenAs: text)
            let other = try FoundationJSON.encode(value, formatting: generator.pick(Self.otherForms))
            counts.otherForms += 1
            try read(value, from: other, writtenAs: text)
        } catch {
            return fail("\(value): \(CodingReason.text(of: error))")
        }
        if generator.oneIn(20) { refuse() }
        for _ in 0..<damagesPerValue { damage(Value.self, text) }
        if generator.oneIn(Self.valuesPerThorough) { damageThroughout(Value.self, text) }
    }

    private static let otherForms: [JSONEncoder.OutputFormatting] = [
        [], [.prettyPrinted], [.prettyPrinted, .sortedKeys], [.sortedKeys], [.prettyPrinted, .withoutEscapingSlashes],
    ]

    /// Reads a value, and writes it again.
    private mutating func read<Value: Codable & Equatable>(
        _ value: Value, from text: [UInt8], writtenAs expected: [UInt8]
    ) throws {
        let read = try decoder.decode(Value.self, from: text)
        if read != value { fail("reads another value", text) }
        // A set, or a dictionary with keys that are no texts, has no order of its own.
        if Value.self == StandardShape.self || Value.self == DictionaryShape.self { return }
        let again = try encoder.encode(read)
        if again != expected { fail("writes \(shown(again)) again", text) }
    }

    /// Writes a value that has no text.
    private mutating func refuse() {
        counts.unwritable += 1
        let number: Double = generator.pick([.nan, .infinity, -.infinity, .signalingNaN])
        let place = Payload.place(latitude: generator.real(), longitude: number)
        let payload = generator.pick([.number(number), place, .list([.none, place]), .byName(["": .nested(place)])])
        if (try? FoundationJSON.encode(payload)) != nil { fail("Foundation writes \(payload)") }
        do { fail("writes \(payload) as \(shown(try encoder.encode(payload)))") } catch {
            if !(error is EncodingError) { fail("\(payload): \(error)") }
        }
    }

    private mutating func damage<Value: Codable & Equatable>(_ type: Value.Type, _ text: [UInt8]) {
        var damage = generator.pick(JSONDamage.allCases)
        var damaged = damage.applied(to: text, &generator)
        while damaged == nil {
            damage = generator.pick(JSONDamage.allCases)
            damaged = damage.applied(to: text, &generator)
        }
        guard let damaged else { return }
        counts.damaged[damage.rawValue, default: 0] += 1
        compare(type, damaged)
        // Asks for every value's place, which takes the square of their number.
        if text.count < Self.anyReadBytes { compare(AnyRead.self, damaged) }
    }

    private mutating func damageThroughout<Value: Codable & Equatable>(_ type: Value.Type, _ text: [UInt8]) {
        guard text.count <= Self.thoroughBytes else { return }
        for place in text.indices {
            compare(type, Array(text[..<place]))
            compare(type, Array(text[..<place] + text[(place + 1)...]))
            for byte in Self.replacements {
                var replaced = text
                replaced[place] = byte
                compare(type, replaced)
            }
        }
        counts.damaged["everyByte", default: 0] += text.count * (Self.replacements.count + 2)
    }

    private mutating func compare<Value: Decodable & Equatable>(_ type: Value.Type, _ text: [UInt8]) {
        let ours = Outcome { try decoder.decode(type, from: text) }
        let foundation = Outcome { try FoundationJSON.decode(type, from: text) }
        if ours.matches(foundation) {
            if case .value = ours { counts.bothRead += 1 } else { counts.bothRefuse += 1 }
        } else if let difference = JSONDifference.explaining(ours, foundation, of: text) {
            counts.differences[difference.rawValue, default: 0] += 1
        } else {
            fail("\(type): \(ours), Foundation \(foundation)", text)
        }
    }

    private mutating func fail(_ problem: String, _ text: [UInt8] = []) {
        counts.failures += 1
        guard failures.count < Self.failuresShown else { return }
        failures.append("seed \(seed): \(problem.prefix(2000))" + (text.isEmpty ? "" : ", of \(shown(text))"))
    }

    private func shown(_ text: [UInt8]) -> String { String(decoding: text.prefix(2000), as: UTF8.self) }

    // MARK: The whole corpus

    /// Compares at least so many values, on as many threads as there are cores.
    ///
    /// - Parameter progress: Is told how many were compared, after each seed's.
    static func run(
        values: Int, damagesPerValue: Int, progress: @Sendable (Int) -> Void = { _ in }
    ) async -> (counts: Counts, failures: [String]) {
        let seeds = TestSeeds.first((values + valuesPerSeed - 1) / valuesPerSeed)
        return await withTaskGroup(of: JSONCorpus.self) { group in
            var counts = Counts()
            var failures: [String] = []
            var waiting = seeds[...]
            for seed in waiting.prefix(ProcessInfo.processInfo.activeProcessorCount) {
                group.addTask { finished(seed, damagesPerValue) }
            }
            waiting = waiting.dropFirst(ProcessInfo.processInfo.activeProcessorCount)
            while let corpus = await group.next() {
                counts.add(corpus.counts)
                failures += corpus.failures.prefix(max(0, 20 - failures.count))
                progress(counts.values)
                if let seed = waiting.popFirst() { group.addTask { finished(seed, damagesPerValue) } }
            }
            return (counts, failures)
        }
    }

    private static func finished(_ seed: UInt64, _ damagesPerValue: Int) -> JSONCorpus {
        var corpus = JSONCorpus(seed: seed)
        corpus.run(damagesPerValue: damagesPerValue)
        return corpus
    }
}
