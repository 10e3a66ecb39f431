import CDaybookSQLite
import CSQLite
import Foundation

/// The pages of a damaged database and of the write-ahead log beside it, read without SQLite, and never written.
///
/// Formats: https://sqlite.org/fileformat2.html
final class DamagedFile {
    /// One image of a page.
    struct Image {
        /// Counted from 1; 0 when the frame that it stands in does not tell, or is one of an earlier log.
        let page: Int
        /// Which transaction of those from the log's first damaged frame on it was written by, counted from 0; nil when it is
        /// certainly committed.
        let transactionBehindDamage: Int?
        /// Whether the frame that it stands in is not what was written.
        let isBroken: Bool
        fileprivate let place: Place

        fileprivate init(page: Int, transactionBehindDamage: Int? = nil, isBroken: Bool = false, place: Place) {
            self.page = page
            self.transactionBehindDamage = transactionBehindDamage
            self.isBroken = isBroken
            self.place = place
        }
    }

    fileprivate enum Place {
        case database
        case log(frame: Int64)
    }

    let pageBytes: Int
    /// The images to look for rows in: of each page the newest one that is certainly committed, then those of transactions
    /// behind a damaged frame of the log, newest first. Pages that were given back are left out.
    private(set) var images: [Image] = []
    /// Whether the log has frames that are not what was written.
    private(set) var hasBrokenFrames = false
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
        var brokenFrames: Set<Int64> = []
        let (code, check) = withUnsafeMutablePointer(to: &brokenFrames) { frames in
            var check = DaybookWALCheck()
            check.context = UnsafeMutableRawPointer(frames)
            check.broken_frame = { frame, context in
                context?.assumingMemoryBound(to: Set<Int64>.self).pointee.insert(frame)
            }
            return (daybook_check_wal(nil, path, &check), check)
        }
        guard code == SQLITE_OK else {
            close(database)
            throw .storageFailed(path: path + "-wal", reason: String(cString: sqlite3_errstr(code)))
        }
        let log = open(path + "-wal", O_RDONLY | O_CLOEXEC)
        guard log >= 0 || check.frames == 0 else {
            let reason = String(cString: strerror(errno))
            close(database)
            throw .storageFailed(path: path + "-wal", reason: reason)
        }
        self.database = database
        self.log = log
        var header = [UInt8](repeating: 0, count: 18)
        _ = pread(database, &header, header.count, 0)
        var size = Int(header[16]) << 8 | Int(header[17])
        if size == 1 { size = 65536 }
        // A header that cannot be right says nothing: then pages have the size that a store makes.
        if size < 512 || size & (size - 1) != 0 { size = check.frames > 0 ? Int(check.page_bytes) : 4096 }
        pageBytes = size
        let bytes = lseek(database, 0, SEEK_END)
        databasePages = (max(0, Int(bytes)) + size - 1) / size
        listImages(check, brokenFrames)
    }

    deinit {
        if database >= 0 { close(database) }
        if log >= 0 { close(log) }
    }

    private func listImages(_ check: DaybookWALCheck, _ brokenFrames: Set<Int64>) {
        let isReadable = log >= 0 && Int(check.page_bytes) == pageBytes
        if isReadable {
            for frame in stride(from: Int64(1), through: check.committed_frames, by: 1) {
                let page = header(ofFrame: frame).page
                if page > 0 { committed[page] = frame }
            }
        }
        let free = freePages()
        for page in stride(from: 1, through: max(databasePages, committed.keys.max() ?? 0), by: 1)
        where !free.contains(page) {
            images.append(committedImage(ofPage: page))
        }
        guard isReadable, check.has_damage else { return }
        let salts = header(ofFrame: check.first_committed_frame).salts
        var transaction = 0
        var behind: [Image] = []
        for frame in stride(from: max(check.damaged_frame, 1), through: check.last_committed_frame, by: 1) {
            let header = header(ofFrame: frame)
            let isBroken = brokenFrames.contains(frame)
            let page = isBroken && header.salts != salts ? 0 : header.page
            if page > 0 { behindDamage[page] = frame }
            hasBrokenFrames = hasBrokenFrames || isBroken
            if page > 0 || isBroken {
                behind.append(
                    Image(
                        page: page, transactionBehindDamage: transaction, isBroken: isBroken,
                        place: .log(frame: frame)))
            }
            if header.endsTransaction, !isBroken { transaction += 1 }
        }
        images += behind.reversed()
    }

    /// The newest image of a page that is certainly committed.
    func committedImage(ofPage page: Int) -> Image {
        Image(page: page, place: committed[page].map { .log(frame: $0) } ?? .database)
    }

    /// What a frame says: the page that it is an image of, 0 for none, whether it is the last of its transaction, and which
    /// generation of the log it belongs to.
    private func header(ofFrame frame: Int64) -> (page: Int, endsTransaction: Bool, salts: UInt64) {
        var header = [UInt8](repeating: 0, count: 16)
        let offset = Self.logHeaderBytes + (frame - 1) * (Self.frameHeaderBytes + Int64(pageBytes))
        guard pread(log, &header, 16, off_t(offset)) == 16 else { return (0, false, 0) }
        return header.withUnsafeBytes {
            (
                Int($0.loadUnaligned(as: UInt32.self).bigEndian),
                $0.loadUnaligned(fromByteOffset: 4, as: UInt32.self) != 0,
                $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            )
        }
    }

    /// What a page holds; zeros where the file ends before, or cannot be read.
    func bytes(of image: Image) -> [UInt8] { bytes(of: image.page, image.place) }

    /// The page that another one, seen in an image, refers to.
    func bytes(ofPage page: Int, seenFrom image: Image) -> [UInt8] {
        if image.transactionBehindDamage != nil, let frame = behindDamage[page] {
            return bytes(of: page, .log(frame: frame))
        }
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
