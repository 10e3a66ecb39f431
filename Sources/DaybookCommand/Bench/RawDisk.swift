import Foundation

/// What the disk alone can do, measured in the same folder and the same run: every figure of a store stands beside it.
struct RawDisk: Sendable {
    /// Appends of 512 B, each followed by a sync, to a file that has its blocks, and to one that grows, a second.
    var preallocated = 0.0
    var growing = 0.0
    /// Events of 400 B a second, 64 of them between syncs, in a file that has its blocks.
    var grouped = 0.0
    /// Appends of 512 B a second by 32 and by 128 threads that share syncs, in a file that has its blocks.
    var threads32 = 0.0
    var threads128 = 0.0
    /// Sequential writing, in bytes a second.
    var sequentialBytes = 0.0

    /// The longest that each part of the probe takes.
    static let partDuration = Duration.milliseconds(500)
    private static let fileBytes = 64 << 20

    /// Blocks its thread for about four seconds: call it off the cooperative pool.
    static func measure(in directory: String) throws -> RawDisk {
        var raw = RawDisk()
        raw.preallocated = try appends(in: directory, bytes: 512, isPreallocated: true)
        raw.growing = try appends(in: directory, bytes: 512, isPreallocated: false)
        raw.grouped = try appends(in: directory, bytes: 64 * 400, isPreallocated: true) * 64
        raw.threads32 = try shared(in: directory, threads: 32)
        raw.threads128 = try shared(in: directory, threads: 128)
        raw.sequentialBytes = try sequential(in: directory)
        return raw
    }

    private static func appends(in directory: String, bytes: Int, isPreallocated: Bool) throws -> Double {
        let file = try ProbeFile(in: directory)
        if isPreallocated { try file.allocate(fileBytes) }
        let block = [UInt8](repeating: 0x61, count: bytes)
        let start = ContinuousClock.now
        var count = 0
        while ContinuousClock.now - start < partDuration, (count + 1) * bytes <= fileBytes {
            try file.write(block, at: count * bytes)
            try file.sync()
            count += 1
        }
        return Double(count) / ((ContinuousClock.now - start) / .seconds(1))
    }

    private static func shared(in directory: String, threads: Int) throws -> Double {
        let file = try ProbeFile(in: directory)
        try file.allocate(fileBytes)
        let commit = ThreadGroupCommit(bytes: 512, fileBytes: fileBytes) { bytes, offset in
            try file.write(bytes, at: offset)
            try file.sync()
        }
        return try commit.appendsPerSecond(threads: threads, during: partDuration)
    }

    private static func sequential(in directory: String) throws -> Double {
        let file = try ProbeFile(in: directory)
        let block = [UInt8](repeating: 0x61, count: 1 << 20)
        let start = ContinuousClock.now
        var written = 0
        while ContinuousClock.now - start < partDuration, written < 4 * fileBytes {
            try file.write(block, at: written)
            written += block.count
        }
        try file.sync()
        return Double(written) / ((ContinuousClock.now - start) / .seconds(1))
    }
}

/// A file that is gone when the probe is.
private final class ProbeFile: Sendable {
    private let path: String
    private let descriptor: Int32

    init(in directory: String) throws {
        path = directory + "/daybook-probe-\(UUID().uuidString)"
        descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw CommandFailure(
                .cannotCreate,
                "The probe's file '\(path)' cannot be created (\(String(cString: strerror(errno)))): choose a "
                    + "--directory that can be written.")
        }
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        unlink(path)
    }

    /// Gives the file its blocks.
    func allocate(_ bytes: Int) throws {
        for place in stride(from: 0, to: bytes, by: 1 << 20) {
            try write([UInt8](repeating: 0, count: 1 << 20), at: place)
        }
        try sync()
    }

    func write(_ bytes: [UInt8], at offset: Int) throws {
        guard bytes.withUnsafeBytes({ pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset)) }) == bytes.count
        else {
            throw CommandFailure(.inputOutput, "The probe cannot write (\(String(cString: strerror(errno)))).")
        }
    }

    func sync() throws {
        #if canImport(Darwin)
        let result = fcntl(descriptor, F_FULLFSYNC)
        #else
        let result = fdatasync(descriptor)
        #endif
        guard result == 0 else {
            throw CommandFailure(.inputOutput, "The probe cannot sync (\(String(cString: strerror(errno)))).")
        }
    }
}
