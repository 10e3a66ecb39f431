#if JetStream
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A TCP socket of this process that a library keeps to itself, found by the ports of its two ends.
///
/// libnats leaves a server when the socket to it ends, and has no call for it before its version 3.10.
enum ConnectedSocket {
    /// Ends the socket between two ports, so that its owner sees it closed by the other side.
    ///
    /// - Returns: Whether there was one.
    static func shutDown(localPort: Int, remotePort: Int) -> Bool {
        guard let folder = opendir("/dev/fd") else { return false }
        defer { closedir(folder) }
        var isFound = false
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: $0.pointee)) {
                    String(cString: $0)
                }
            }
            // A copy stays what it is, whatever its owner and other threads do with the number meanwhile.
            guard let number = CInt(name) else { continue }
            let copy = fcntl(number, F_DUPFD_CLOEXEC, 0)
            guard copy >= 0 else { continue }
            defer { close(copy) }
            guard port(of: copy, getsockname) == localPort, port(of: copy, getpeername) == remotePort else { continue }
            isFound = shutdown(copy, CInt(SHUT_RDWR)) == 0 || isFound
        }
        return isFound
    }

    private typealias AddressOf = (CInt, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> CInt

    /// - Returns: Nil for what is no socket of TCP over IP.
    private static func port(of descriptor: CInt, _ address: AddressOf) -> Int? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { storage in
            let status = storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address(descriptor, $0, &length) }
            guard status == 0 else { return nil }
            switch CInt(storage.pointee.ss_family) {
            case AF_INET:
                return storage.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                    Int(UInt16(bigEndian: $0.pointee.sin_port))
                }
            case AF_INET6:
                return storage.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                    Int(UInt16(bigEndian: $0.pointee.sin6_port))
                }
            default: return nil
            }
        }
    }
}
#endif
