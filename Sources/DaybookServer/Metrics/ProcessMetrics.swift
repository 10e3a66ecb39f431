#if Server
import DaybookCore
import Foundation

/// What the system tells of this process, under the names that Prometheus' libraries have for it. What it does not tell by `/proc`
/// is left out.
///
/// See https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics
struct ProcessMetrics: Sendable {
    /// Fields of `/proc/self/stat` behind the name, which may have spaces: see proc(5), counted from the third one.
    private enum Field: Int {
        case userTime = 11
        case systemTime = 12
        case threads = 17
        case startTime = 19
        case virtualBytes = 20
        case residentPages = 21
    }

    /// In Prometheus' text format.
    var text: String {
        var text = MetricText()
        let stat = Self.text(of: "/proc/self/stat")
        if let end = stat.lastIndex(of: ")") {
            let fields = stat[stat.index(after: end)...].split(separator: " ")
            add({ field in fields.count > field.rawValue ? Int(fields[field.rawValue]) : nil }, to: &text)
        }
        if let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            // One of them is the folder itself.
            text.add("process_open_fds", .gauge, "File descriptors that are open.", max(0, open.count - 1))
        }
        if let limit = Self.openFilesLimit {
            text.add("process_max_fds", .gauge, "File descriptors that may be open.", limit)
        }
        return text.text
    }

    private func add(_ value: (Field) -> Int?, to text: inout MetricText) {
        let ticks = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
        if let user = value(.userTime), let system = value(.systemTime) {
            text.add(
                "process_cpu_seconds_total", .counter, "Processor time, of all threads.",
                (Double(user) + Double(system)) / ticks)
        }
        if let threads = value(.threads) { text.add("process_threads", .gauge, "Threads.", threads) }
        if let bytes = value(.virtualBytes) {
            text.add("process_virtual_memory_bytes", .gauge, "Address space.", bytes)
        }
        if let pages = value(.residentPages) {
            text.add(
                "process_resident_memory_bytes", .gauge, "Memory.", pages * max(1, sysconf(Int32(_SC_PAGESIZE))))
        }
        if let start = value(.startTime), let boot = Self.bootTime {
            text.add(
                "process_start_time_seconds", .gauge, "When the process was started.",
                Double(boot) + Double(start) / ticks)
        }
    }

    private static var openFilesLimit: Int? {
        let name = "Max open files"
        return text(of: "/proc/self/limits").split(separator: "\n").first { $0.hasPrefix(name) }
            .flatMap { $0.dropFirst(name.count).split(separator: " ").first }.flatMap { Int($0) }
    }

    /// In seconds since 1970.
    private static var bootTime: Int? {
        text(of: "/proc/stat").split(separator: "\n").first { $0.hasPrefix("btime ") }
            .flatMap { Int($0.dropFirst("btime ".count)) }
    }

    /// Read from memory by the system, so that nothing waits for a disk.
    private static func text(of path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
}
#endif
