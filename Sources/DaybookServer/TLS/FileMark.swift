#if Server
import Foundation

/// What tells that a file is another one than before.
struct FileMark: Sendable, Hashable {
    private var seconds = 0
    private var nanoseconds = 0
    private var bytes: Int64 = 0
    private var number: UInt64 = 0

    /// How often the files that a server reads again are looked at.
    static let period = Duration.seconds(5)

    /// Of what a link leads to: volumes of secrets replace links. A file that is not there has a mark, too.
    init(_ path: String) {
        var info = stat()
        guard stat(path, &info) == 0 else { return }
        #if canImport(Darwin)
        let time = info.st_mtimespec
        #else
        let time = info.st_mtim
        #endif
        seconds = Int(time.tv_sec)
        nanoseconds = Int(time.tv_nsec)
        bytes = Int64(info.st_size)
        number = UInt64(info.st_ino)
    }
}
#endif
