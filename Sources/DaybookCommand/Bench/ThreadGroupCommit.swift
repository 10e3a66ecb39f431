import Foundation

/// What plain threads make of a disk when they share syncs, and do nothing else: each adds a record to a buffer, one of
/// them writes and syncs the buffer, the others wait until theirs is on the disk. The measure of every group commit.
final class ThreadGroupCommit: @unchecked Sendable {
    private let condition = NSCondition()
    private let record: [UInt8]
    private let fileBytes: Int
    private let write: @Sendable (_ bytes: [UInt8], _ offset: Int) throws -> Void

    // All behind the condition's lock.
    private var waiting: [UInt8] = []
    /// The group that takes records, and the last one that is on the disk.
    private var group = 1
    private var durable = 0
    private var isWriting = false
    private var end = 0
    private var appends = 0
    private var running = 0
    private var failure: (any Error)?

    /// - Parameter write: Writes at an offset of the file, and returns when the bytes are on the disk.
    init(
        bytes: Int, fileBytes: Int, write: @Sendable @escaping (_ bytes: [UInt8], _ offset: Int) throws -> Void
    ) {
        record = [UInt8](repeating: 0x61, count: bytes)
        self.fileBytes = fileBytes
        self.write = write
    }

    /// Blocks its thread.
    func appendsPerSecond(threads: Int, during duration: Duration) throws -> Double {
        let start = ContinuousClock.now
        condition.lock()
        running = threads
        condition.unlock()
        for _ in 0..<threads {
            let thread = Thread { [self] in
                while ContinuousClock.now - start < duration, append() {}
                condition.lock()
                running -= 1
                condition.broadcast()
                condition.unlock()
            }
            thread.stackSize = 256 << 10
            thread.start()
        }
        condition.lock()
        defer { condition.unlock() }
        while running > 0 { condition.wait() }
        if let failure { throw failure }
        return Double(appends) / ((ContinuousClock.now - start) / .seconds(1))
    }

    /// - Returns: False when writing has failed.
    private func append() -> Bool {
        condition.lock()
        defer { condition.unlock() }
        waiting += record
        let own = group
        while durable < own, failure == nil {
            if isWriting {
                condition.wait()
                continue
            }
            isWriting = true
            let bytes = waiting
            let written = group
            waiting.removeAll(keepingCapacity: true)
            group += 1
            if end + bytes.count > fileBytes { end = 0 }
            let offset = end
            end += bytes.count
            condition.unlock()
            let result = Result { try write(bytes, offset) }
            condition.lock()
            isWriting = false
            switch result {
            case .success: durable = written
            case .failure(let error): failure = error
            }
            condition.broadcast()
        }
        guard failure == nil else { return false }
        appends += 1
        return true
    }
}
