import CDaybookSQLite
import CSQLite
import Foundation

/// The pages of a damaged database and of the write-ahead log beside it, read without SQLite, and never written.
///
/// Formats: https://sqlite.org/fileformat2.html
final class DamagedFile {
    /// One image of a page.
    struct Image {
        let page: Int
        fileprivate let place: Place
        /// Whether it stands in the log behind a damaged frame.
        fileprivate let isBehindDamage: Bool
    }

    fileprivate enum Place {
        case database
        case log(frame: Int64)
    }

    let pageBytes: Int
    /// The images to look for rows in: of each page the newest one that is certainly committed, then those of transactions
    /// behind a damaged frame of the log, newest first. Pages that were given back are left out.
    private(set) var images: [Image] = []
    private let database: Int32
    private let log: Int32
    private let databasePages: Int
    /// The newest frame of each page.
    private var committed: [Int: Int64] = [:]
    private var behindDamage: [Int: Int64] = [:]

    private static let logHeaderBytes: Int64 = 32
    private static let frameHeaderBytes: Int64 = 24

    init(_ path: String) throws(SalvageError) {
        let database = open(path, O_RDONLY | O_CLOEXEC)
        guard database >= 0 else { throw .storageFailed(path: path, reason: String(cString: strerror(errno))) }
        var check = DaybookWALCheck()
        let code = daybook_check_wal(nil, path, &check)
        guard code == SQLITE_OK else {
            close(database)
            throw .storageFailed(path: path + "-wal", reason: String(cString: sqlite3_errstr(code)))
        }
        self.database = database
        log = open(path + "-wal", O_RDONLY | O_CLOEXEC)
        var header = [UInt8](repeating: 0, count: 18)
        _ = pread(database, &header, header.count, 0)
        var size = Int(header[16]) << 8 | Int(header[17])
        if size == 1 { size = 65536 }
        // A header that cannot be right says nothing: then pages have the size that a store makes.
        if size < 512 || size & (size - 1) != 0 { size = check.frames > 0 ? Int(check.page_bytes) : 4096 }
        pageBytes = size
        let bytes = lseek(database, 0, SEEK_END)
        databasePages = (max(0, Int(bytes)) + size - 1) / size
        listImages(check)
    }

    deinit {
        if database >= 0 { close(database) }
        if log >= 0 { close(log) }
    }

    private func listImages(_ check: DaybookWALCheck) {
        let isReadable = log >= 0 && Int(check.page_bytes) == pageBytes
        if isReadable {
            for frame in stride(from: Int64(1), through: check.committed_frames, by: 1) {
                if let page = page(ofFrame: frame) { committed[page] = frame }
            }
        }
        let free = freePages()
        for page in stride(from: 1, through: max(databasePages, committed.keys.max() ?? 0), by: 1)
        where !free.contains(page) {
            let place = committed[page].map { Place.log(frame: $0) } ?? .database
            images.append(Image(page: page, place: place, isBehindDamage: false))
        }
        guard isReadable, check.has_damage else { return }
        for frame in stride(from: max(check.damaged_frame, 1), through: check.last_committed_frame, by: 1) {
            if let page = page(ofFrame: frame) { behindDamage[page] = frame }
        }
        for frame in stride(from: check.last_committed_frame, through: max(check.damaged_frame, 1), by: -1) {
            guard let page = page(ofFrame: frame) else { continue }
            images.append(Image(page: page, place: .log(frame: frame), isBehindDamage: true))
        }
    }

    private func page(ofFrame frame: Int64) -> Int? {
        var number = [UInt8](repeating: 0, count: 4)
        let offset = Self.logHeaderBytes + (frame - 1) * (Self.frameHeaderBytes + Int64(pageBytes))
        guard pread(log, &number, 4, off_t(offset)) == 4 else { return nil }
        let page = number.withUnsafeBytes { Int($0.loadUnaligned(as: UInt32.self).bigEndian) }
        return page > 0 ? page : nil
    }

    /// What a page holds; zeros where the file ends before, or cannot be read.
    func bytes(of image: Image) -> [UInt8] { bytes(of: image.page, image.place) }

    /// The page that another one, seen in an image, refers to.
    func bytes(ofPage page: Int, seenFrom image: Image) -> [UInt8] {
        if image.isBehindDamage, let frame = behindDamage[page] { return bytes(of: page, .log(frame: frame)) }
        return bytes(of: page, committed[page].map { .log(frame: $0) } ?? .database)
    }

    private func bytes(of page: Int, _ place: Place) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: pageBytes)
        let descriptor: Int32
        let offset: Int64
        switch place {
        case .database:
            descriptor = database
            offset = Int64(page - 1) * Int64(pageBytes)
        case .log(let frame):
            descriptor = log
            offset =
                Self.logHeaderBytes + (frame - 1) * (Self.frameHeaderBytes + Int64(pageBytes))
                + Self.frameHeaderBytes
        }
        // Sector by sector where the whole page cannot be read: what the disk still gives is looked at.
        if pread(descriptor, &bytes, pageBytes, off_t(offset)) < 0 {
            for part in stride(from: 0, to: pageBytes, by: 512) {
                _ = bytes.withUnsafeMutableBytes {
                    pread(descriptor, $0.baseAddress! + part, min(512, pageBytes - part), off_t(offset) + off_t(part))
                }
            }
        }
        return bytes
    }

    /// Pages that hold nothing any more: what they held was removed on purpose.
    private func freePages() -> Set<Int> {
        func number(_ bytes: [UInt8], _ offset: Int) -> Int {
            bytes.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: offset, as: UInt32.self).bigEndian) }
        }
        func bytes(_ page: Int) -> [UInt8] {
            self.bytes(of: page, committed[page].map { .log(frame: $0) } ?? .database)
        }
        guard databasePages > 0 else { return [] }
        var free: Set<Int> = []
        let first = bytes(1)
        // A list that does not have the length that the header tells is damaged, and could name pages in use.
        let expected = number(first, 36)
        var trunk = number(first, 32)
        while trunk != 0, trunk <= databasePages, free.insert(trunk).inserted {
            let list = bytes(trunk)
            let leaves = number(list, 4)
            guard leaves <= pageBytes / 4 - 2 else { return [] }
            for index in 0..<leaves { free.insert(number(list, 8 + 4 * index)) }
            trunk = number(list, 0)
        }
        return free.count == expected ? free : []
    }
}
