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
    /// The last transaction with a broken frame whose page had receipts, or something else.
    private var lastUnknown = -2
    /// The last receipt that any image has, by its transaction; -1 for what is certainly committed.
    private var lastReceipts: [Int: Int64] = [:]
    /// Pages in broken frames that have receipts, all of them whole, and the last of each: an older page, perhaps.
    private var perhapsOlder: [(transaction: Int, last: Int64)] = []

    /// The fewest bytes of a page that a receipt takes: two on the list, and three in front of the record's header.
    private static let leastRowBytes = 5 + CommitRecord.headerBytes

    init(_ source: DamagedFile, _ scanner: PageScanner) {
        self.source = source
        self.scanner = scanner
    }

    /// Notes what was found in one image of a page.
    ///
    /// - Parameter rows: All of its rows that are whole.
    /// - Returns: The number of the last commit that the page had, so far as it can be told, if not all of them are whole.
    mutating func note(_ image: DamagedFile.Image, _ rows: [DamagedRow]) -> Int64? {
        guard source.hasBrokenFrames else { return nil }
        let transaction = image.transactionBehindDamage ?? -1
        let last = rows.filter(LogSalvage.isSurelyReceipt).map(\.rowID).max()
        if let last { lastReceipts[transaction] = max(lastReceipts[transaction] ?? 0, last) }
        guard transaction >= 0 else { return nil }
        // A frame that does not tell its page may be of anything, whatever stands in it.
        guard let last, image.page > 0 else {
            if image.isBroken, image.page == 0 || !isOfAnotherTable(image) {
                lastUnknown = max(lastUnknown, transaction)
            }
            return nil
        }
        guard image.isBroken else {
            lastWithReceipts = max(lastWithReceipts, transaction)
            return nil
        }
        let whole = Set(rows.filter(LogSalvage.mayBeReceipt).map(\.rowID)).count
        guard case .rows(let count, _) = scanner.contents(of: image), count >= whole,
            count <= source.pageBytes / Self.leastRowBytes
        else { return last + 1 }
        guard count == whole else { return last + Int64(count - whole) }
        perhapsOlder.append((transaction, last))
        return nil
    }

    /// Whether receipts may be lost behind the last that is known, when all images were noted.
    var mayBeMore: Bool {
        if lastUnknown >= lastWithReceipts { return true }
        // A page of receipts is written when it gets one that is new.
        return perhapsOlder.contains { page in
            page.transaction >= lastWithReceipts
                && lastReceipts.contains { $0.key < page.transaction && $0.value >= page.last }
        }
    }

    /// Whether a page is certainly one of another table, or of none, by the rows on its list: others that stand in it may have been
    /// there before.
    private func isOfAnotherTable(_ image: DamagedFile.Image) -> Bool {
        switch scanner.contents(of: image) {
        case .unknown: return false
        case .other: return true
        case .rows(let count, let rows):
            let isOfLog = rows.contains { row in
                let (isWhole, isOfLog) = LogSalvage.look(at: row)
                return isWhole && isOfLog && !LogSalvage.mayBeReceipt(row)
            }
            return isOfLog || rows.count == count && !rows.contains(where: LogSalvage.hasShapeOfRecord)
        }
    }
}
