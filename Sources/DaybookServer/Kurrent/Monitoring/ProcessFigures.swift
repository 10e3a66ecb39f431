#if Server
import DaybookCore
import Foundation

/// Figures of this process and its machine, under the keys that KurrentDB has for them. What the system does not tell by
/// `/proc` is left out.
struct ProcessFigures {
    private let started: Timestamp
    /// The processor time and the moment of the last figures.
    private var last: (used: Double, at: ContinuousClock.Instant)

    /// - Parameter started: When the server was.
    init(started: Timestamp) {
        self.started = started
        last = (Self.processorSeconds, ContinuousClock.now)
    }

    /// The figures now; the load of the processors is that since the last ones.
    mutating func next() -> [String: String] {
        let now = (used: Self.processorSeconds, at: ContinuousClock.now)
        let passed = last.at.duration(to: now.at) / Duration.seconds(1)
        let load = passed > 0 ? max(0, now.used - last.used) / passed * 100 : 0
        last = now
        var figures = [
            "proc-startTime": "\(started)",
            "proc-id": "\(ProcessInfo.processInfo.processIdentifier)",
            "proc-cpu": String(format: "%.2f", load),
        ]
        let status = Self.fields(of: "/proc/self/status")
        figures["proc-mem"] = Self.bytes(status["VmRSS"])
        figures["proc-threadsCount"] = status["Threads"]
        let io = Self.fields(of: "/proc/self/io")
        figures["proc-diskIo-readBytes"] = io["read_bytes"]
        figures["proc-diskIo-writtenBytes"] = io["write_bytes"]
        figures["proc-diskIo-readOps"] = io["syscr"]
        figures["proc-diskIo-writeOps"] = io["syscw"]
        figures["sys-freeMem"] = Self.bytes(Self.fields(of: "/proc/meminfo")["MemAvailable"])
        let loads = Self.text(of: "/proc/loadavg").split(separator: " ")
        for (key, load) in zip(["1m", "5m", "15m"], loads) { figures["sys-loadavg-\(key)"] = String(load) }
        return figures
    }

    /// What all threads have used together.
    private static var processorSeconds: Double {
        var time = timespec()
        guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return 0 }
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Read from memory by the system, so that nothing waits for a disk.
    private static func text(of path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

    /// Lines of a name, a colon, and a value.
    private static func fields(of path: String) -> [String: String] {
        var fields: [String: String] = [:]
        for line in text(of: path).split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[String(parts[0])] = parts[1].trimmingCharacters(in: .whitespaces) }
        }
        return fields
    }

    /// Of a number and `kB`.
    private static func bytes(_ text: String?) -> String? {
        text?.split(separator: " ").first.flatMap { Int64($0) }.map { String($0 * 1024) }
    }
}
#endif
