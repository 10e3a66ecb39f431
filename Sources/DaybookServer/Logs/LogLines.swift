#if Server
import Dispatch
import Foundation
import Synchronization

/// Lines that are written to a file in order, by a thread that may wait for it: whoever logs does not.
///
/// A bound holds for what waits. What comes while it is full is left out, and how much that was is said as soon as there is
/// room again, so that neither a slow disk nor a flood of calls fills the memory.
final class LogLines: Sendable {
    private struct State {
        var waiting: [UInt8] = []
        var isWriting = false
        var leftOut = 0
    }

    private let descriptor: Int32
    private let mostBytes: Int
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "daybook.log")
    /// Makes a line of the number of those that were left out.
    private let apology: @Sendable (Int) -> [UInt8]

    /// - Parameters:
    ///   - descriptor: Where lines go; 2 is standard error.
    ///   - mostBytes: Of lines that wait.
    ///   - apology: What is written in place of lines that were left out, without the end of the line.
    init(descriptor: Int32, mostBytes: Int, apology: @escaping @Sendable (Int) -> [UInt8]) {
        self.descriptor = descriptor
        self.mostBytes = mostBytes
        self.apology = apology
    }

    func append(_ line: [UInt8]) {
        let begins = state.withLock { state -> Bool in
            guard state.waiting.count + line.count < mostBytes else {
                state.leftOut += 1
                return false
            }
            state.waiting += line
            state.waiting.append(UInt8(ascii: "\n"))
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if begins { queue.async { self.write() } }
    }

    /// Returns when all that was appended before is written.
    func flush() { queue.sync { write() } }

    private func write() {
        while true {
            let (bytes, leftOut) = state.withLock { state -> ([UInt8], Int) in
                let taken = (state.waiting, state.leftOut)
                state.waiting = []
                state.leftOut = 0
                if taken.0.isEmpty, taken.1 == 0 { state.isWriting = false }
                return taken
            }
            guard !bytes.isEmpty || leftOut > 0 else { return }
            writeAll(leftOut == 0 ? bytes : bytes + apology(leftOut) + [UInt8(ascii: "\n")])
        }
    }

    private func writeAll(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // Another process that has the same pipe or terminal has set it not to wait.
                var place = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&place, 1, -1)
            } else if errno != EINTR {
                return  // Nobody is left to be told that the log itself cannot be written.
            }
        }
    }
}
#endif
