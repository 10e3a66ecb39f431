import ArgumentParser
import DaybookCore
import Foundation
import Synchronization

/// A folder for the files of one run, removed with this object unless they are to be looked at.
final class HistoryFolder: Sendable {
    let url: URL
    private let isKept = Mutex(false)

    init(in directory: String? = nil) throws {
        let parent = directory.map { URL(fileURLWithPath: $0) } ?? FileManager.default.temporaryDirectory
        url = parent.appendingPathComponent("daybook-histories-\(EventID())")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        if !isKept.withLock({ $0 }) { try? FileManager.default.removeItem(at: url) }
    }

    func path(_ name: String) -> String { url.appendingPathComponent(name).path }

    func keep() {
        isKept.withLock { $0 = true }
        FileHandle.standardError.write(Data("The files are in \(url.path)\n".utf8))
    }
}
