/// Finds rows in the pages of a damaged file, without the tree that leads to them.
///
/// A page that is a leaf of a table has a list of its rows. Where that list, or a row on it, is no good, every byte of the page
/// is tried as the beginning of a row: the caller knows a row of the log by its CRC. So it can be told to do with all pages,
/// since a list may have become shorter and look sound.
///
/// See https://sqlite.org/fileformat2.html#b_tree_pages
struct PageScanner {
    private let file: DamagedFile
    private let pageBytes: Int

    init(_ file: DamagedFile) {
        self.file = file
        pageBytes = file.pageBytes
    }

    private enum PageType: UInt8 {
        case indexInterior = 0x02
        case tableInterior = 0x05
        case indexLeaf = 0x0A
        case tableLeaf = 0x0D
    }

    /// Hands out what may be rows of one image of a page.
    ///
    /// - Parameter isWhole: Whether a row is what was written, as far as the caller can tell.
    func rows(of image: DamagedFile.Image, _ isWhole: (DamagedRow) throws -> Bool) throws {
        let page = file.bytes(of: image)
        let start = image.page == 1 ? 100 : 0
        guard let type = PageType(rawValue: page[start]), type != .tableInterior else {
            return try tryEveryByte(of: page, image, isWhole)
        }
        let isTable = type == .tableLeaf
        let count = Int(page[start + 3]) << 8 | Int(page[start + 4])
        let list = start + (type == .indexInterior ? 12 : 8)
        var isSound = list + 2 * count <= pageBytes
        if isSound {
            for index in 0..<count {
                let offset = Int(page[list + 2 * index]) << 8 | Int(page[list + 2 * index + 1])
                let cell = type == .indexInterior ? offset + 4 : offset
                if let row = row(at: cell, of: page, image, isTable: isTable), try isWhole(row) { continue }
                isSound = false
            }
        }
        if !isSound { try tryEveryByte(of: page, image, isWhole) }
    }

    /// Hands out whatever in one image of a page may be a row of the log.
    func everyRow(of image: DamagedFile.Image, _ isWhole: (DamagedRow) throws -> Bool) throws {
        try tryEveryByte(of: file.bytes(of: image), image, isWhole)
    }

    /// What the head of a page says that it has.
    enum Contents {
        /// So many rows of a table, of which those are given that can be read.
        case rows(count: Int, [DamagedRow])
        /// What leads to rows, or is sorted otherwise than by number.
        case other
        /// Nothing that can be right.
        case unknown
    }

    func contents(of image: DamagedFile.Image) -> Contents {
        let page = file.bytes(of: image)
        let start = image.page == 1 ? 100 : 0
        guard let type = PageType(rawValue: page[start]) else { return .unknown }
        guard type == .tableLeaf else { return .other }
        let count = Int(page[start + 3]) << 8 | Int(page[start + 4])
        let end = start + 8 + 2 * count
        guard count > 0, end <= pageBytes else { return .unknown }
        let rows = stride(from: start + 8, to: end, by: 2).compactMap { place in
            let cell = Int(page[place]) << 8 | Int(page[place + 1])
            return cell >= end ? row(at: cell, of: page, image, isTable: true) : nil
        }
        return .rows(count: count, rows)
    }

    private func tryEveryByte(
        of page: [UInt8], _ image: DamagedFile.Image, _ isWhole: (DamagedRow) throws -> Bool
    ) throws {
        for offset in 0..<pageBytes - 4 {
            // A row of the log begins with its length, its number, and a header of three bytes or more, of which the second
            // is zero: the column that is the number itself.
            var place = offset
            guard let length = page.sqliteVarint(&place), length >= 8, length <= Self.mostRowBytes,
                let number = page.sqliteVarint(&place), number > 0, number < UInt64(Int64.max),
                place + 1 < pageBytes, (3...10).contains(page[place]), page[place + 1] == 0,
                let row = row(at: offset, of: page, image, isTable: true)
            else { continue }
            _ = try isWhole(row)
        }
    }

    /// An event has at most 1 MiB of data, some metadata, and a header.
    private static let mostRowBytes: UInt64 = 16 << 20

    private func row(at offset: Int, of page: [UInt8], _ image: DamagedFile.Image, isTable: Bool) -> DamagedRow? {
        var place = offset
        guard let length = page.sqliteVarint(&place), length <= Self.mostRowBytes else { return nil }
        var number: UInt64 = 0
        if isTable {
            guard let found = page.sqliteVarint(&place) else { return nil }
            number = found
        }
        guard let payload = payload(of: Int(length), at: place, of: page, image, isTable: isTable) else { return nil }
        return DamagedRow(rowID: Int64(bitPattern: number), payload: payload)
    }

    /// The bytes of a row, of which a long one has only the first in its page.
    private func payload(
        of length: Int, at place: Int, of page: [UInt8], _ image: DamagedFile.Image, isTable: Bool
    ) -> [UInt8]? {
        let most = isTable ? pageBytes - 35 : (pageBytes - 12) * 64 / 255 - 23
        guard length > most else {
            return place + length <= pageBytes ? Array(page[place..<place + length]) : nil
        }
        let least = (pageBytes - 12) * 32 / 255 - 23
        let fitting = least + (length - least) % (pageBytes - 4)
        let local = fitting <= most ? fitting : least
        guard place + local + 4 <= pageBytes else { return nil }
        var payload = Array(page[place..<place + local])
        var next = Self.pageNumber(page, place + local)
        while payload.count < length {
            guard next > 0 else { return nil }
            let more = file.bytes(ofPage: next, seenFrom: image)
            payload += more[4..<4 + min(length - payload.count, pageBytes - 4)]
            next = Self.pageNumber(more, 0)
        }
        return payload
    }

    private static func pageNumber(_ bytes: [UInt8], _ offset: Int) -> Int {
        bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
    }
}
