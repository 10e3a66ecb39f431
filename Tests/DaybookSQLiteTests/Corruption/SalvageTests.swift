import CSQLite
import DaybookCore
import DaybookSQLite
import Foundation
import Testing

@Suite("Salvage of a damaged file")
struct SalvageTests {
    /// What a file that was salvaged gives, beside what was in the original.
    private struct Salvaged {
        let report: SalvageReport
        let reading: StoreReading
        let verification: VerificationReport
        let path: String
    }

    private func salvage(
        _ files: CorruptionSample.Files, of sample: CorruptionSample, in directory: TemporaryDirectory
    ) async throws -> Salvaged {
        let path = directory.path("damaged.daybook")
        let newPath = directory.path("saved.daybook")
        try files.write(to: path)
        let report = try await SQLiteEventStore.salvage(path, to: newPath)
        #expect(try CorruptionSample.Files(path).database == files.database, "The damaged file changed.")
        #expect(try CorruptionSample.Files(path).wal == files.wal, "Its write-ahead log changed.")
        let log = files.wal == nil ? [] : ["damaged.daybook-wal"]
        #expect(try Self.names(in: directory) == Set(["damaged.daybook", "saved.daybook"] + log))
        var configuration = SQLiteEventStore.Configuration.faulty(nil)
        configuration.createsFile = false
        let store = try await SQLiteEventStore.open(newPath, configuration: configuration)
        let reading = try await StoreReading(of: store, asking: sample.questions)
        let verification = try await store.verify()
        await store.close()
        return Salvaged(report: report, reading: reading, verification: verification, path: newPath)
    }

    private static func names(in directory: TemporaryDirectory) throws -> Set<String> {
        Set(try FileManager.default.contentsOfDirectory(atPath: directory.url.path))
    }

    @Test("of a whole file, and of one whose log was never copied, saves everything")
    func whole() async throws {
        let sample = try await CorruptionSample()
        let last = sample.openTruths[sample.openTruths.count - 1].reading
        for (files, truth) in [(sample.closed, sample.closedTruth), (sample.open, last)] {
            let directory = try TemporaryDirectory()
            let salvaged = try await salvage(files, of: sample, in: directory)
            #expect(salvaged.report.isComplete, "\(salvaged.report)")
            #expect(salvaged.report.savedEvents == truth.head.rawValue)
            #expect(salvaged.reading.differences(from: truth, derived: false).isEmpty)
            #expect(salvaged.reading.errors == 0)
            #expect(salvaged.verification.isSound, "\(salvaged.verification)")
            #expect(try await IndependentReaderTests.exitCode(salvaged.path) == 0)
        }
    }

    @Test("saves all but what is damaged, gives nothing else, and says at each lost position that it is lost")
    func damaged() async throws {
        let sample = try await CorruptionSample()
        var generator = SeededGenerator(seed: FaultSeed.value)
        var cases: [Corruption] = []
        let kinds: [Corruption.Kind] = [
            .flippedBit, .invertedByte, .truncated, .zeroedBlock, .swappedBlocks, .olderBlock, .walFlippedBit,
            .walZeroedBlock, .walZeroedFrame, .walSwappedFrames,
        ]
        for kind in kinds {
            let all = Corruption.all(kind, in: sample)
            cases +=
                CorruptionCampaignTests.isFull && kind != .flippedBit && kind != .invertedByte && kind != .truncated
                ? all : Array(all.shuffled(using: &generator).prefix(CorruptionCampaignTests.isFull ? 400 : 6))
        }
        var lost: Int64 = 0
        var complete = 0
        for corruption in cases {
            let place: Comment = "\(corruption), seed \(FaultSeed.value)"
            let directory = try TemporaryDirectory()
            let salvaged: Salvaged
            do {
                salvaged = try await salvage(
                    corruption.files(of: sample, seed: FaultSeed.value), of: sample, in: directory)
            } catch SalvageError.nothingFound {
                #expect(corruption.kind == .truncated, place)
                continue
            }
            let report = salvaged.report
            let reading = salvaged.reading
            let truth =
                corruption.kind.isOfWAL ? sample.openTruths[sample.openTruths.count - 1].reading : sample.closedTruth
            #expect(report.savedEvents + report.lostEvents == report.head.rawValue, place)
            // Without a part of the log that was never synced as far as can be told, or of a file that is cut off.
            #expect(report.head <= truth.head, place)
            if corruption.kind != .truncated && !corruption.kind.isOfWAL { #expect(report.head == truth.head, place) }
            #expect(reading.head == report.head, place)
            #expect(Int64(reading.events.count) == report.savedEvents - report.namelessEvents, place)
            for (position, event) in reading.events { #expect(truth.events[position] == event, place) }
            #expect(Int64(reading.damagedPositions.count) == report.lostEvents + report.namelessEvents, place)
            #expect(reading.vagueErrors.isEmpty, "\(place) \(reading.vagueErrors)")
            // Nothing is passed over in silence, where the log reaches as far as it did.
            if report.head == truth.head, report.lostEvents == 0 || corruption.kind != .truncated {
                let silent = reading.differences(from: truth, derived: false).filter {
                    !$0.question.hasPrefix("stream ")
                }
                #expect(silent.isEmpty, "\(place) \(silent)")
            }
            let listed = Set(salvaged.verification.findings.compactMap(\.position))
            #expect(reading.damagedPositions.isSubset(of: listed), place)
            #expect(salvaged.verification.isSound == report.isComplete, "\(place) \(salvaged.verification) \(report)")
            lost += report.lostEvents
            complete += report.isComplete ? 1 : 0
        }
        #expect(lost > 0 && complete > 0)
        print(
            "{\"campaign\":\"salvage\",\"seed\":\(FaultSeed.value),\"files\":\(cases.count),\"savedWhole\":\(complete),"
                + "\"lostEvents\":\(lost)}")
    }

    @Test("tells the stream of a lost event, lets others be appended to, and a reader know")
    func lostEvent() async throws {
        let sample = try await CorruptionSample()
        let victim = try #require(
            sample.closedTruth.events.values.first { $0.data.count > 100 && $0.data.count < 700 && $0.position < 20 })
        var files = sample.closed
        let place = try #require(Data(files.database).range(of: Data(victim.data)))
        files.database[place.lowerBound] ^= 1
        files.database[16] = 0xFF  // And the store does not open it.
        let directory = try TemporaryDirectory()
        let salvaged = try await salvage(files, of: sample, in: directory)
        #expect(
            salvaged.report.lostPositions == [
                .init(first: victim.position, last: victim.position, stream: victim.stream)
            ])
        #expect(salvaged.verification.findings.map(\.position) == [victim.position])
        #expect(salvaged.verification.findings.first?.stream == victim.stream)
        #expect(try await IndependentReaderTests.exitCode(salvaged.path) == 2)
        let store = try await SQLiteEventStore.open(salvaged.path)
        for filter in [EventFilter(tags: Set(victim.tags)), EventFilter(types: [victim.type])] {
            let error = await #expect(throws: ReadError.self) {
                for try await _ in store.events(filter: filter) {}
            }
            guard case .corrupted(victim.position, _, _, _) = error else {
                Issue.record("\(String(describing: error)) does not name \(victim.position)")
                continue
            }
        }
        try await store.append([NewEvent(type: "Placed", data: [])], to: victim.stream)
        await store.close()
    }

    @Test("of a file without its names keeps the events, and neither gives nor takes any")
    func lostNames() async throws {
        let sample = try await CorruptionSample()
        var files = sample.closed
        // The page of the names is the one with the first stream's.
        let place = try #require(Data(files.database).range(of: Data("account-0".utf8)))
        let page = place.lowerBound / 4096 * 4096
        for offset in page..<page + 4096 { files.database[offset] = 0 }
        let directory = try TemporaryDirectory()
        let salvaged = try await salvage(files, of: sample, in: directory)
        #expect(salvaged.report.lostNames > 0)
        #expect(salvaged.report.savedEvents == sample.closedTruth.head.rawValue)
        #expect(salvaged.report.namelessEvents > 0)
        let store = try await SQLiteEventStore.open(salvaged.path)
        await #expect(throws: ReadError.self) { _ = try await store.state(of: "account-0") }
        await #expect(throws: ReadError.self) { _ = try await store.streams(after: nil, limit: 10) }
        await #expect(throws: AppendError.self) {
            try await store.append([NewEvent(type: "Placed", data: [])], to: "account-0")
        }
        await store.close()
    }

    @Test("of a file without its commits does no command of them again")
    func lostCommits() async throws {
        let sample = try await CorruptionSample()
        var files = sample.closed
        let place = try #require(Data(files.database).range(of: Data("c-0".utf8)))
        let page = place.lowerBound / 4096 * 4096
        for offset in page..<page + 4096 { files.database[offset] = 0 }
        let directory = try TemporaryDirectory()
        let salvaged = try await salvage(files, of: sample, in: directory)
        #expect(salvaged.report.lostCommits > 0)
        #expect(salvaged.report.lostEvents == 0)
        let store = try await SQLiteEventStore.open(salvaged.path)
        await #expect(throws: ReadError.self) { _ = try await store.receipt(for: "c-0") }
        await #expect(throws: AppendError.self) {
            try await store.append([NewEvent(type: "Placed", data: [])], to: "order-1", commandID: "c-0")
        }
        await store.close()
    }

    @Test("of a write-ahead log that is damaged anywhere does no command of it again")
    func lostReceipts() async throws {
        let sample = try await CorruptionSample()
        let truth = sample.openTruths[sample.openTruths.count - 1].reading
        var generator = SeededGenerator(seed: FaultSeed.value)
        let step = CorruptionCampaignTests.isFull ? 16 : CorruptionSample.frameBytes / 6
        let flips = stride(from: 0, to: (sample.open.wal?.count ?? 0) - step, by: step).map {
            Corruption(kind: .walFlippedBit, offset: $0 + Int.random(in: 0..<step, using: &generator))
        }
        let pages: [Corruption.Kind] = [
            .walZeroedBlock, .walZeroedFrame, .walZeroedPage, .walOlderPage, .walByteOrder,
        ]
        let cases = flips + pages.flatMap { Corruption.all($0, in: sample) }
        var withLoss = 0
        var complete = 0
        for corruption in cases {
            let directory = try TemporaryDirectory()
            let files = corruption.files(of: sample, seed: FaultSeed.value)
            let salvaged = try await salvage(files, of: sample, in: directory)
            // Of a shorter log there may be nothing that tells of the commands.
            guard salvaged.report.head == truth.head else { continue }
            let silent = salvaged.reading.differences(from: truth, derived: false).filter {
                $0.question.hasPrefix("receipt ")
            }
            #expect(silent.isEmpty, "\(corruption), seed \(FaultSeed.value) \(silent)")
            withLoss += salvaged.report.lostCommits > 0 ? 1 : 0
            complete += salvaged.report.lostCommits == 0 ? 1 : 0
        }
        #expect(withLoss > 0 && complete > withLoss, "\(withLoss) and \(complete)")
        print(
            "{\"campaign\":\"receipts of a damaged log\",\"seed\":\(FaultSeed.value),\"files\":\(cases.count),"
                + "\"withLoss\":\(withLoss),\"complete\":\(complete)}")
    }

    @Test("does no command again whose receipt is long, and is followed by events that look like receipts")
    func lostLongReceipt() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        let store = try await SQLiteEventStore.open(path, configuration: .faulty(nil, indexEntriesInMemory: 5000))
        try await store.append((0..<78).map { _ in NewEvent(type: "Placed", data: [1]) }, to: "order-1")
        for number in 0..<3 {
            try await store.append(
                [NewEvent(type: "Placed", data: [])], to: "order-2",
                commandID: CommandID(unchecked: "before-\(number)"))
        }
        var request = AppendRequest(commandID: "long")
        for number in 0..<300 {
            request.append([NewEvent(type: "Placed", data: [])], to: StreamName(unchecked: "account-\(number)"))
        }
        let result = try await store.append(request)
        for number in 0..<4 {
            // The length of the record is what a receipt's would be whose command is as long as the version.
            let data = [UInt8](repeating: 7, count: 44 + number)
            try await store.append([NewEvent(type: "Placed", data: data)], to: "order-1")
        }
        let files = try CorruptionSample.Files(path)
        await store.close()
        var known = 0
        var refused = 0
        let bytes = files.wal ?? []
        let end = bytes.count - CorruptionSample.frameBytes
        for frame in stride(from: CorruptionSample.walHeaderBytes, to: end, by: CorruptionSample.frameBytes) {
            for (start, length) in [
                (0, CorruptionSample.frameBytes), (CorruptionSample.frameHeaderBytes, 4096), (8, 8),
            ] {
                var damaged = files
                // The third is the frame of an earlier log, by what it says.
                for offset in frame + start..<frame + start + length {
                    damaged.wal?[offset] = length == 8 ? ~bytes[offset] : 0
                }
                let directory = try TemporaryDirectory()
                let damagedPath = directory.path("damaged.daybook")
                try damaged.write(to: damagedPath)
                let report = try await SQLiteEventStore.salvage(damagedPath, to: directory.path("saved.daybook"))
                #expect(report.lostCommits <= 1, "\(frame) \(start)")
                guard report.head >= result.position else { continue }
                let saved = try await SQLiteEventStore.open(directory.path("saved.daybook"))
                do {
                    let receipt = try await saved.receipt(for: "long")
                    #expect(receipt?.position == result.position, "\(frame) \(start)")
                    known += 1
                } catch {
                    refused += 1
                }
                await saved.close()
            }
        }
        #expect(known > 0 && refused > 0, "\(known) and \(refused)")
    }

    @Test("refuses a new file that is there, one that is open, one that is missing, and one without a record")
    func refusals() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("log.daybook")
        let newPath = directory.path("saved.daybook")
        await #expect(throws: SalvageError.missing(path: path)) {
            try await SQLiteEventStore.salvage(path, to: newPath)
        }
        let store = try await SQLiteEventStore.open(path)
        try await store.append([NewEvent(type: "Placed", data: [])], to: "order-1")
        await #expect(throws: SalvageError.owned(path: path, processID: getpid())) {
            try await SQLiteEventStore.salvage(path, to: newPath)
        }
        await store.close()
        try Data("mine".utf8).write(to: URL(fileURLWithPath: newPath))
        await #expect(throws: SalvageError.exists(path: newPath)) {
            try await SQLiteEventStore.salvage(path, to: newPath)
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: newPath)) == Data("mine".utf8))
        let other = directory.path("other")
        try Data(repeating: 7, count: 20_000).write(to: URL(fileURLWithPath: other))
        await #expect(throws: SalvageError.nothingFound(path: other)) {
            try await SQLiteEventStore.salvage(other, to: directory.path("new"))
        }
        #expect(!(try Self.names(in: directory).contains { $0.hasPrefix("new") }))
    }
}
