#if Server
import Logging
import NIOPosix
import NIOSSL
import Synchronization

/// The certificate with which connections begin: connections that are open keep theirs when it is replaced.
final class TLSCredentials: Sendable {
    private struct State: Sendable {
        var context: NIOSSLContext
        var marks: [FileMark]
    }

    private let files: TLSFiles
    private let state: Mutex<State>

    /// - Throws: ``ServerError/unusableFile(what:setting:path:reason:)``.
    init(_ files: TLSFiles) throws(ServerError) {
        self.files = files
        let marks = Self.marks(files)  // Before they are read, as in ``reload()``.
        state = Mutex(State(context: try Self.context(files), marks: marks))
    }

    var context: NIOSSLContext { state.withLock(\.context) }

    /// Reads the files again. What was read before stays when they cannot be: half of them may have been replaced yet.
    func reload() throws(ServerError) {
        // Before they are read, so that what changes meanwhile is seen the next time.
        let marks = Self.marks(files)
        let context = try Self.context(files)
        state.withLock { $0 = State(context: context, marks: marks) }
    }

    /// Reads the files again whenever they have changed, until the task is cancelled.
    func run(_ logger: Logger) async {
        var refused: [FileMark]?
        while (try? await Task.sleep(for: FileMark.period)) != nil {
            let files = files
            guard let marks = try? await NIOThreadPool.singleton.runIfActive({ Self.marks(files) }),
                marks != state.withLock(\.marks), marks != refused
            else { continue }
            do {
                try await NIOThreadPool.singleton.runIfActive { [self] in try reload() }
                refused = nil
                logger.notice("The certificate was read again.", metadata: files.metadata)
            } catch {
                refused = marks
                logger.error(
                    "The certificate cannot be read; the one before is used.", metadata: ["error": "\(error)"])
            }
        }
    }

    private static func marks(_ files: TLSFiles) -> [FileMark] {
        [files.certificate, files.key, files.clientAuthority].compactMap { $0 }.map { FileMark($0) }
    }

    private static func context(_ files: TLSFiles) throws(ServerError) -> NIOSSLContext {
        try TLSMaterial(files).context()
    }
}
#endif
