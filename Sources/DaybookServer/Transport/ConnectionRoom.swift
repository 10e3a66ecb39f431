#if Server
import Foundation

/// How many connections the system lets the process have.
enum ConnectionRoom {
    /// Raises the number of descriptors that the process may have to what the system allows.
    ///
    /// - Parameters:
    ///   - wanted: The connections that there may be.
    ///   - left: The descriptors that they leave to others.
    /// - Returns: How many connections there may be; `wanted` when the system says nothing.
    static func open(wanted: Int, left: Int) -> Int {
        var limit = rlimit()
        #if canImport(Darwin)
        let descriptors = RLIMIT_NOFILE
        #else
        let descriptors = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #endif
        guard getrlimit(descriptors, &limit) == 0 else { return wanted }
        let needed = rlim_t(wanted + left)
        if limit.rlim_cur < needed, limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = min(needed, limit.rlim_max)
            if setrlimit(descriptors, &raised) == 0 { limit = raised }
        }
        return Self.connections(wanted: wanted, left: left, descriptors: Int(clamping: limit.rlim_cur))
    }

    /// At least 16, so that somebody can be told what is wrong.
    static func connections(wanted: Int, left: Int, descriptors: Int) -> Int {
        min(wanted, max(descriptors - left, 16))
    }
}
#endif
