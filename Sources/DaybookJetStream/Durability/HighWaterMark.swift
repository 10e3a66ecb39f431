#if JetStream
import DaybookCore
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The last message that the cluster acknowledged to this process: its sequence, and a hash of its bytes.
///
/// Kept in a file, it outlives the process, but not the power of its machine: it is written with each acknowledgement, and
/// not synced.
final class HighWaterMark: Sendable {
    struct Mark: Sendable, Equatable {
        var sequence: Int64 = 0
        var hash: UInt64 = 0
    }

    private struct State {
        var mark = Mark()
        var descriptor: Int32 = -1
    }

    private let state: Mutex<State>
    let file: String?

    /// Opens the file, and reads the mark that it has.
    init(file: String?) throws(JetStreamStoreError) {
        self.file = file
        var state = State()
        if let file {
            state.descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard state.descriptor >= 0 else {
                throw .highWaterMark(file: file, reason: String(cString: strerror(errno)))
            }
            var bytes = [UInt8](repeating: 0, count: 64)
            let count = pread(state.descriptor, &bytes, bytes.count, 0)
            guard count >= 0 else {
                let reason = String(cString: strerror(errno))
                Self.closeFile(state.descriptor)
                throw .highWaterMark(file: file, reason: reason)
            }
            if count > 0 {
                let words = String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: " ")
                guard words.count >= 2, let sequence = Int64(words[0]), let hash = UInt64(words[1], radix: 16) else {
                    Self.closeFile(state.descriptor)
                    throw .highWaterMark(file: file, reason: "it does not hold a position and a hash")
                }
                state.mark = Mark(sequence: sequence, hash: hash)
            }
        }
        self.state = Mutex(state)
    }

    var mark: Mark { state.withLock(\.mark) }

    func raise(to mark: Mark) {
        state.withLock { state in
            guard mark.sequence > state.mark.sequence else { return }
            state.mark = mark
            guard state.descriptor >= 0 else { return }
            var line = String(mark.sequence) + " " + String(mark.hash, radix: 16)
            line += String(repeating: " ", count: max(0, 47 - line.utf8.count)) + "\n"
            _ = line.withUTF8 { pwrite(state.descriptor, $0.baseAddress, $0.count, 0) }
        }
    }

    func close() {
        state.withLock { state in
            if state.descriptor >= 0 { Self.closeFile(state.descriptor) }
            state.descriptor = -1
        }
    }

    private static func closeFile(_ descriptor: Int32) {
        #if canImport(Glibc)
        _ = Glibc.close(descriptor)
        #elseif canImport(Musl)
        _ = Musl.close(descriptor)
        #else
        _ = Darwin.close(descriptor)
        #endif
    }

    deinit { close() }

    /// FNV-1a, 64 bits: tells another event from the one acknowledged, and is no protection against a forger.
    static func hash(_ bytes: [UInt8]) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return hash
    }
}
#endif
