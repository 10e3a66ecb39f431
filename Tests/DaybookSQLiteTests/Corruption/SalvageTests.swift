import CSQLite
import DaybookCore
import DaybookSQLite
import Foundation
import Testing

@Suite("Salvage of a damaged file")
struct SalvageTests {
    private func salvage(
        _ files: CorruptionSample.Files, of sample: CorruptionSample, in directory: TemporaryDirectory
    ) async throws -> SalvagedFile {
        let salvaged = try await SalvagedFile(salvaging: files, of: sample, in: directory)
        #expect(salvaged.folderViolations == [])
        return salvaged
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
            #expect(salvaged.violations(after: nil, of: truth) == [])
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
            let salvaged: SalvagedFile
            do {
                salvaged = try await salvage(
                    corruption.files(of: sample, seed: FaultSeed.value), of: sample, in: directory)
            } catch SalvageError.nothingFound {
                #expect(corruption.kind == .truncated, place)
                continue
            }
            let truth =
                corruption.kind.isOfWAL ? sample.openTruths[sample.openTruths.count - 1].reading : sample.closedTruth
            let violations = salvaged.violations(after: corruption.kind, of: truth)
            #expect(violations.isEmpty, "\(place) \(violations)")
            lost += salvaged.report.lostEvents
            complete += salvaged.report.isComplete ? 1 : 0
        }
        #expect(lost > 0 && complete > 0)
        print(
            "{\"campaign\":\"salvage\",\"seed\":\(FaultSeed.value),\"files\":\(cases.count),\"savedWhole\":\(complete),"
                + "\"lostEvents\":\(lost)}")
    }

    @Test("through a symbolic link saves as much as by the file's own name")
    func symbolicLink() async throws {
        let sample = try await CorruptionSample()
        let directory = try TemporaryDirectory()
        try sample.open.write(to: directory.path("damaged.daybook"))
        let link = directory.path("link.daybook")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "damaged.daybook")
        let report = try await SQLiteEventStore.salvage(link, to: directory.path("saved.daybook"))
        #expect(report.isComplete)
        #expect(report.savedEvents == sample.openTruths[sample.openTruths.count - 1].reading.head.rawValue)
    }

    /// The sample with one event whose data is another, in a file that the store does not open.
    private func lostEvent(
        of sample: CorruptionSample
    ) throws -> (victim: RecordedEvent, files: CorruptionSample.Files) {
        let victim = try #require(
            sample.closedTruth.events.values.first { $0.data.count > 100 && $0.data.count < 700 && $0.position < 20 })
        var files = sample.closed
        let place = try #require(Data(files.database).range(of: Data(victim.data)))
        files.database[place.lowerBound] ^= 1
        files.database[16] = 0xFF
        return (victim, files)
    }

    @Test("tells the stream of a lost event, lets others be appended to, and a reader know")
    func lostEvent() async throws {
        let sample = try await CorruptionSample()
        let (victim, files) = try lostEvent(of: sample)
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
            let violations = salvaged.receiptViolations(of: truth)
            #expect(violations.isEmpty, "\(corruption), seed \(FaultSeed.value) \(violations)")
            withLoss += salvaged.report.lostCommits > 0 ? 1 : 0
            complete += salvaged.report.lostCommits == 0 ? 1 : 0
        }
        #expect(withLoss > 0 && complete > withLoss, "\(withLoss) and \(complete)")
        print(
            "{\"campaign\":\"receipts of a damaged log\",\"seed\":\(FaultSeed.value),\"files\":\(cases.count),"
                + "\"withLoss\":\(withLoss),\"complete\":\(complete)}")
    }

    /// What is wrong in what a salvaged file says of a command whose receipt may be lost: it gives that as it was, or
    /// refuses to say.
    ///
    /// - Parameter answer: Nil when the log ends before the command.
    private static func violations(
        _ report: SalvageReport, _ answer: Result<AppendResult?, ReadError>?, of appended: AppendResult
    ) -> [String] {
        var violations: [String] = []
        if report.lostCommits > 1 { violations.append("\(report.lostCommits) commits are lost") }
        if case .success(let receipt)? = answer, receipt?.position != appended.position {
            violations.append("the receipt is \(String(describing: receipt))")
        }
        return violations
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
        // What is planted is found.
        var lossy = SalvageReport()
        lossy.lostCommits = 2
        var elsewhere = result
        elsewhere.position = result.position.next
        #expect(Self.violations(lossy, nil, of: result).count == 1)
        #expect(Self.violations(SalvageReport(), .success(nil), of: result).count == 1)
        #expect(Self.violations(SalvageReport(), .success(elsewhere), of: result).count == 1)
        #expect(Self.violations(SalvageReport(), .success(result), of: result) == [])
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
                var answer: Result<AppendResult?, ReadError>?
                if report.head >= result.position {
                    let saved = try await SQLiteEventStore.open(directory.path("saved.daybook"))
                    do throws(ReadError) {
                        answer = .success(try await saved.receipt(for: "long"))
                        known += 1
                    } catch {
                        answer = .failure(error)
                        refused += 1
                    }
                    await saved.close()
                }
                #expect(Self.violations(report, answer, of: result) == [], "\(frame) \(start)")
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
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.url.path)
        #expect(!names.contains { $0.hasPrefix("new") })
    }

    /// What a salvaged file may not have, and a salvage not do.
    private enum Defect: CaseIterable {
        case eventMissing, eventChanged
        /// What is lost is given, as something else.
        case eventMadeUp
        /// The lost position is passed over by readers, by verify, by the report, or by its numbers.
        case holeNotRead, holeNotNamed, holeNotListed, holeNotCounted
        case verifiedAsSound
        case reportEndsEarlier, fileEndsEarlier
        case vagueError
        case receiptMissing, receiptChanged
        case streamMissing
        case damagedFileChanged, logChanged, fileLeft

        /// A part of what the judge has to say.
        var finding: String {
            switch self {
            case .eventMissing: "events are read"
            case .eventChanged, .eventMadeUp: "is not what was appended"
            case .holeNotRead: "positions cannot be read"
            case .holeNotNamed: "verify does not name"
            case .holeNotListed: "the report lists"
            case .holeNotCounted: "events are read"
            case .verifiedAsSound: "verify and the report do not say the same"
            case .reportEndsEarlier: "the report ends at"
            case .fileEndsEarlier: "the new file ends at"
            case .vagueError: "an error does not tell enough"
            case .receiptMissing, .receiptChanged: "in silence, receipt"
            case .streamMissing: "in silence, streams"
            case .damagedFileChanged: "the damaged file changed"
            case .logChanged: "its write-ahead log changed"
            case .fileLeft: "the folder has"
            }
        }

        /// - Parameters:
        ///   - victim: The event that is lost.
        ///   - other: One that is not.
        ///   - receipt: The question for a receipt that is there.
        func plant(in file: inout SalvagedFile, victim: RecordedEvent, other: RecordedEvent, receipt: String) {
            switch self {
            case .eventMissing: file.reading.events[other.position] = nil
            case .eventChanged: file.reading.events[other.position] = other.forged
            case .eventMadeUp:
                file.reading.events[victim.position] = victim.forged
                file.reading.damagedPositions.remove(victim.position)
            case .holeNotRead: file.reading.damagedPositions.remove(victim.position)
            case .holeNotNamed: file.verification.findings.removeAll()
            case .holeNotListed: file.report.lostPositions.removeAll()
            case .holeNotCounted:
                file.report.lostEvents -= 1
                file.report.savedEvents += 1
            case .verifiedAsSound: file.verification.findingCount = 0
            case .reportEndsEarlier: file.report.head = file.report.head.previous
            case .fileEndsEarlier: file.reading.head = file.reading.head.previous
            case .vagueError: file.reading.vagueErrors.append("disk I/O error")
            case .receiptMissing: file.reading.answers[receipt] = .text("nil")
            case .receiptChanged: file.reading.answers[receipt] = .text("another")
            case .streamMissing: file.reading.answers["streams"] = .text("[]")
            case .damagedFileChanged: file.left.database[0] ^= 1
            case .logChanged: file.left.wal = [0]
            case .fileLeft: file.names.insert(SalvagedFile.savedName + ".partial")
            }
        }
    }

    @Test("is judged by what reports each planted defect")
    func planted() async throws {
        let sample = try await CorruptionSample()
        let truth = sample.closedTruth
        let (victim, files) = try lostEvent(of: sample)
        let directory = try TemporaryDirectory()
        let salvaged = try await salvage(files, of: sample, in: directory)
        #expect(salvaged.report.lostEvents == 1)
        #expect(salvaged.violations(after: .flippedBit, of: truth) == [])
        #expect(salvaged.receiptViolations(of: truth) == [])
        let other = try #require(truth.events.values.first { $0.position != victim.position })
        let known = salvaged.reading.answers.first { question, answer in
            guard question.hasPrefix("receipt "), case .text(let text) = answer else { return false }
            return text != "nil"
        }
        let receipt = try #require(known?.key)
        for defect in Defect.allCases {
            var planted = salvaged
            defect.plant(in: &planted, victim: victim, other: other, receipt: receipt)
            let violations = planted.folderViolations + planted.violations(after: .flippedBit, of: truth)
            #expect(violations.contains { $0.contains(defect.finding) }, "\(defect): \(violations)")
            if defect == .receiptMissing || defect == .receiptChanged {
                #expect(planted.receiptViolations(of: truth).count == 1, "\(defect)")
            }
        }
    }
}
