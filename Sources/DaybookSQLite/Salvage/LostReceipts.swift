/// Finds out whether receipts of commands were lost with frames of the write-ahead log.
///
/// Lost events, names and receipts leave gaps below later ones. But receipts of the last transactions may have no later ones:
/// commands are rarer than events. Whatever cannot be excluded is taken for lost, since a command without its receipt would
/// be done again.
struct LostReceipts {
    private let source: DamagedFile
    private let scanner: PageScanner
    /// The last transaction behind the damage of which a whole frame has receipts: all before it are counted by those.
    private var lastWithReceipts = -1
    /// Pages in broken frames that had receipts, or something else.
    private var unknown: [DamagedFile.Image] = []
    /// Pages that continue rows of others.
    private var overflowPages: Set<Int> = []

    /// The fewest bytes of a page that a receipt takes: two on the list, and three in front of the record's header.
    private static let leastRowBytes = 5 + CommitRecord.headerBytes

    init(_ source: DamagedFile, _ scanner: PageScanner) {
        self.source = source
        self.scanner = scanner
    }

    /// Notes a row that may not be whole.
    mutating func note(_ row: DamagedRow) {
        if !row.overflowPages.isEmpty, source.hasBrokenFrames { overflowPages.formUnion(row.overflowPages) }
    }

    /// Notes what was found in one image of a page.
    ///
    /// - Parameter rows: All of its rows that are whole.
    /// - Returns: The number of the last commit that the page had, so far as it can be told, if not all of them are whole.
    mutating func note(_ image: DamagedFile.Image, _ rows: [DamagedRow]) -> Int64? {
        guard let transaction = image.transactionBehindDamage else { return nil }
        let receipts = Set(rows.filter(LogSalvage.isCommit).map(\.rowID))
        guard image.isBroken else {
            if !receipts.isEmpty { lastWithReceipts = max(lastWithReceipts, transaction) }
            return nil
        }
        guard let last = receipts.max() else {
            if rows.isEmpty, !isOfAnotherTable(image) { unknown.append(image) }
            return nil
        }
        guard case .rows(let count, _) = scanner.contents(of: image), count >= receipts.count,
            count <= source.pageBytes / Self.leastRowBytes
        else { return last + 1 }
        return count == receipts.count ? nil : last + Int64(count - receipts.count)
    }

    /// Whether receipts may be lost behind the last that is known, when all images were noted.
    func mayBeMore() throws -> Bool {
        for image in unknown where image.transactionBehindDamage ?? 0 >= lastWithReceipts {
            guard image.page > 0 else { return true }
            if overflowPages.contains(image.page) { continue }
            var isOfAnotherTable = false
            let before = source.committedImage(ofPage: image.page)
            try scanner.rows(of: before) { row in
                let (isWhole, isOfLog) = LogSalvage.look(at: row)
                if isWhole, isOfLog, !LogSalvage.isCommit(row) { isOfAnotherTable = true }
                return isWhole
            }
            if !isOfAnotherTable { return true }
        }
        return false
    }

    /// Whether a page without any whole row of the log is certainly one of another table, or of none.
    private func isOfAnotherTable(_ image: DamagedFile.Image) -> Bool {
        switch scanner.contents(of: image) {
        case .unknown: false
        case .other: true
        case .rows(_, let rows): !rows.isEmpty && !rows.contains(where: LogSalvage.hasShapeOfRecord)
        }
    }
}
