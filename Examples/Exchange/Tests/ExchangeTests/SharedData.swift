import Foundation

/// Real data beside the repository, which is not part of it; a test that needs it is skipped where it is absent.
enum SharedData {
    static let folder: String = {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<5 { root.deleteLastPathComponent() }  // This file, the target, Tests, the package, Examples.
        return root.deletingLastPathComponent().appendingPathComponent("shared/data").path
    }()

    static let messages = "\(folder)/lobster/AAPL_2012-06-21_messages_L50_part1.csv.gz"
    static let truth = "\(folder)/lobster/AAPL_2012-06-21_bbo_part1.csv.gz"
    static let levels = "\(folder)/lobster/AAPL_2012-06-21_book_50levels_first672.csv.gz"

    static var isPresent: Bool { FileManager.default.fileExists(atPath: messages) }
    static let absence = "The order flow of AAPL is not in \(folder)."
}
