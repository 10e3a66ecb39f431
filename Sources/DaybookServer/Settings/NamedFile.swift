#if Server
import DaybookProtocol
import Foundation

/// A file, or a folder, that a setting names: what is wrong with it is told with its path and the setting, and with what to do.
struct NamedFile: Sendable, Hashable {
    /// What it is to the server, as a message begins: `The certificate`.
    let what: String
    /// Its flag: `--tls-certificate`.
    let setting: String
    let path: String

    /// - Parameter reason: What is wrong and what to do, as it goes on behind the name of the file.
    func unusable(_ reason: String) -> ServerError {
        .unusableFile(
            what: what, setting: setting, path: path, reason: reason.hasSuffix(".") ? String(reason.dropLast()) : reason
        )
    }

    /// Reads it, once.
    func bytes(atMost most: Int = 16 << 20) throws(ServerError) -> [UInt8] {
        do throws(FileTrouble) { return try FileTrouble.reading(path, atMost: most) } catch {
            throw unusable(error.description)
        }
    }

    /// The same of a file in PEM.
    func pem(with content: PEMFile.Content) throws(ServerError) -> PEMFile {
        do throws(FileTrouble) { return try PEMFile(path, with: content) } catch { throw unusable(error.description) }
    }

    /// Looks whether it is a folder in which the server can make files.
    func checkFolder() throws(ServerError) {
        var info = stat()
        guard stat(path, &info) == 0 else {
            let number = errno
            throw unusable(
                number == ENOENT
                    ? "does not exist: make the folder, or name one that is there"
                    : FileTrouble(system: number).description)
        }
        guard info.st_mode & S_IFMT == S_IFDIR else { throw unusable("is no folder: name one") }
        guard access(path, W_OK | X_OK) == 0 else {
            throw unusable(
                "cannot be written to by the server's user: change its owner or its mode, or name another folder")
        }
    }
}
#endif
