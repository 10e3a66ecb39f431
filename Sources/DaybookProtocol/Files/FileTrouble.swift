import Foundation

/// What is wrong with a file that somebody has named, and what to do, as it goes on behind the file's name.
package struct FileTrouble: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }

    /// Of an `errno`.
    package init(system number: Int32) {
        switch number {
        case ENOENT: self.init("does not exist: name a file that is there")
        case EISDIR: self.init("is a folder: name the file in it")
        case EACCES, EPERM: self.init("may not be read by the user of this program: change its owner or its mode")
        default:
            self.init("cannot be read (\(String(cString: strerror(number)))): see to its disk, or name another file")
        }
    }

    /// Reads a file that is not empty, once: what is given to the process as a pipe cannot be read again.
    package static func reading(_ path: String, atMost most: Int = 16 << 20) throws(FileTrouble) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileTrouble(system: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = piece.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { break }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw FileTrouble(system: errno)
            }
            bytes += piece[..<count]
            guard bytes.count <= most else {
                throw FileTrouble("has more than \(most) bytes: name the file that is meant")
            }
        }
        guard !bytes.isEmpty else { throw FileTrouble("is empty: write it anew, or name the file that is meant") }
        return bytes
    }
}
