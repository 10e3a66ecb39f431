import Foundation

/// Follows the symbolic link that a path may be. SQLite does so, and puts the write-ahead log beside the file itself:
/// the owner's lock and the archives belong there too.
enum FileLink {
    /// As many as SQLite follows.
    private static let mostLinks = 200

    /// The file that a link leads to, which need not be there yet; the path itself when it is no link. Links among its folders
    /// stay: what lies beside the file is the same by either name.
    static func target(of path: String) -> String {
        var path = path
        for _ in 0..<mostLinks {
            guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path) else { break }
            let slash = UInt8(ascii: "/")
            if target.utf8.first != slash, let end = path.utf8.lastIndex(of: slash) {
                path = String(decoding: path.utf8[...end], as: UTF8.self) + target
            } else {
                path = target
            }
        }
        return path
    }
}
