#if Server
import Foundation

/// A file, or a folder, that a setting names: what is wrong with it is told with its path and the setting, and with what to do.
struct NamedFile: Sendable, Hashable {
    /// What it is to the server, as a message begins: `The certificate`.
    let what: String
    /// Its flag: `--tls-certificate`.
    let setting: String
    let path: String

    /// The most bytes that such a file has.
    private static let mostBytes = 16 << 20

    /// - Parameter reason: What is wrong and what to do, as it goes on behind the name of the file.
    func unusable(_ reason: String) -> ServerError {
        .unusableFile(
            what: what, setting: setting, path: path, reason: reason.hasSuffix(".") ? String(reason.dropLast()) : reason
        )
    }

    /// Reads it, once: what is given to the process as a pipe cannot be read again.
    func bytes(atMost most: Int = NamedFile.mostBytes) throws(ServerError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unusable(Self.reason(errno)) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = piece.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { break }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw unusable(Self.reason(errno))
            }
            bytes += piece[..<count]
            guard bytes.count <= most else {
                throw unusable("has more than \(most) bytes: name the file that is meant")
            }
        }
        guard !bytes.isEmpty else { throw unusable("is empty: write it anew, or name the file that is meant") }
        return bytes
    }

    /// Looks whether it is a folder in which the server can make files.
    func checkFolder() throws(ServerError) {
        var info = stat()
        guard stat(path, &info) == 0 else {
            let number = errno
            throw unusable(
                number == ENOENT ? "does not exist: make the folder, or name one that is there" : Self.reason(number))
        }
        guard info.st_mode & S_IFMT == S_IFDIR else { throw unusable("is no folder: name one") }
        guard access(path, W_OK | X_OK) == 0 else {
            throw unusable(
                "cannot be written to by the server's user: change its owner or its mode, or name another folder")
        }
    }

    private static func reason(_ number: Int32) -> String {
        switch number {
        case ENOENT: "does not exist: name a file that is there"
        case EISDIR: "is a folder: name the file in it"
        case EACCES, EPERM: "may not be read by the server's user: change its owner or its mode"
        default: "cannot be read (\(String(cString: strerror(number)))): see to its disk, or name another file"
        }
    }
}
#endif
