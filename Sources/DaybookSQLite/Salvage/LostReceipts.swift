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
    /// The last receipt that any image has, by its transaction; -1 for what is certainly committed.
    private var lastReceipts: [Int: Int64] = [:]
    /// Pages in broken frames that had receipts, or something else.
    private var unknown: [DamagedFile.Image] = []
    /// Pages in broken frames that have receipts, all of them whole, and the last of each: an older page, perhaps.
    private var perhapsOlder: [(transaction: Int, last: Int64)] = []
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
        guard source.hasBrokenFrames else { return nil }
        let transaction = image.transactionBehindDamage ?? -1
        let receipts = Set(rows.filter(LogSalvage.isCommit).map(\.rowID))
        if let last = receipts.max() { lastReceipts[transaction] = max(lastReceipts[transaction] ?? 0, last) }
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
        guard count == receipts.count else { return last + Int64(count - receipts.count) }
        perhapsOlder.append((transaction, last))
        return nil
    }

    /// Whether receipts may be lost behind the last that is known, when all images were noted.
    func mayBeMore() throws -> Bool {
        // A page of receipts is written when it gets one that is new.
        for (transaction, last) in perhapsOlder where transaction >= lastWithReceipts {
            let before = lastReceipts.filter { $0.key < transaction }.values.max() ?? 0
            if last <= before { return true }
        }
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
