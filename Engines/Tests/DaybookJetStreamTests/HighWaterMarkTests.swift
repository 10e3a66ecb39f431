import Foundation
import Testing

@testable import DaybookJetStream

@Suite("The high-water mark")
struct HighWaterMarkTests {
    private func withFile(_ body: (String) throws -> Void) rethrows {
        let file = NSTemporaryDirectory() + "mark-\(UInt64.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: file) }
        try body(file)
    }

    @Test("is what was noted last, whoever opens it")
    func outlives() throws {
        try withFile { file in
            let mark = try HighWaterMark(file: file)
            #expect(mark.mark == .init())
            mark.raise(to: .init(sequence: 12, hash: .max))
            mark.raise(to: .init(sequence: 7, hash: 1))
            mark.close()
            #expect(try HighWaterMark(file: file).mark == .init(sequence: 12, hash: .max))
        }
    }

    @Test("is not taken for none when it cannot be read")
    func unreadable() {
        withFile { file in
            // It can be opened, and not be read at a place.
            #expect(mkfifo(file, 0o600) == 0)
            let error = #expect(throws: JetStreamStoreError.self) { try HighWaterMark(file: file) }
            guard case .highWaterMark(file, _)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }
}
