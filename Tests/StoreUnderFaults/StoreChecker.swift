import DaybookCore
import DaybookSQLite
import Foundation

/// Opens one file after another with the recovery of every opening, and tells what it found.
///
/// Takes lines such as `{"path":"…","commands":["…"],"append":true}`. Answers with the log's contents, what
/// `SQLiteEventStore.verify(progress:)` found, the position of each command's first result or null, the position of an
/// event appended afterwards when that was asked for, and how many descriptors of files are open once the store is closed.
struct StoreChecker {
    func run() async {
        while let line = readLine() {
            var answer: [String: Any] = [:]
            do {
                guard let task = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
                    let path = task["path"] as? String
                else { exit(64) }
                answer = try await check(path, commands: task["commands"] as? [String] ?? [], task["append"] as? Bool)
            } catch {
                answer["error"] = "\(error)"
            }
            answer["descriptors"] = Self.openDescriptors()
            StoreUnderFaults.answer(answer)
        }
    }

    private func check(_ path: String, commands: [String], _ appends: Bool?) async throws -> [String: Any] {
        var configuration = SQLiteEventStore.Configuration()
        configuration.freeSpaceReserve = 0
        configuration.readerCount = 1
        let store = try await SQLiteEventStore.open(path, configuration: configuration)
        do {
            var answer = try await contents(of: store, commands)
            if appends == true {
                let event = NewEvent(type: "Checked", data: Array("{}".utf8))
                answer["appended"] = try await store.append([event], to: "check-1").position.rawValue
            }
            await store.close()
            return answer
        } catch {
            await store.close()
            throw error
        }
    }

    private func contents(of store: SQLiteEventStore, _ commands: [String]) async throws -> [String: Any] {
        let contents = try await LogContents(of: store)
        let report = try await store.verify()
        var receipts: [Any] = []
        for command in commands {
            receipts.append(try await store.receipt(for: CommandID(command))?.position.rawValue ?? NSNull())
        }
        return [
            "head": contents.head, "records": contents.records, "receipts": receipts,
            "findings": report.findings.map(\.description),
        ]
    }

    /// Those of files and folders. The runtime opens some of its own, when it first needs a timer, that lead to neither.
    private static func openDescriptors() -> Int {
        let folder = "/proc/self/fd"
        let numbers = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return numbers.count { number in
            // The folder itself is open only while it is listed.
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(number)"))?.hasPrefix("/") == true
        }
    }
}
