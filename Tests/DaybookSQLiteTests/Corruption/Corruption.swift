import CDaybookSQLite
import DaybookCore
import Foundation

/// One way of damaging the files of a sample.
struct Corruption: Sendable, CustomStringConvertible {
    enum Kind: String, CaseIterable, Sendable, Codable {
        case flippedBit, invertedByte, truncated, zeroedBlock, swappedBlocks, olderBlock, olderFile
        case walFlippedBit, walInvertedByte, walTruncated, walZeroedBlock, walZeroedFrame, walZeroedPage, walOlderPage,
            walSwappedBlocks, walSwappedFrames
        /// The bit of the log's header that tells the order of bytes of its checksums.
        case walByteOrder
        case walOlder, walOfEarlierGeneration, walMissing, olderFileWithNewWAL
        /// An event's data with a CRC that fits: no check can tell. The comparison of readings has to.
        case forged

        var isOfWAL: Bool { rawValue.hasPrefix("wal") || self == .olderFileWithNewWAL }
    }

    let kind: Kind
    var offset = 0
    var other = 0

    var description: String { "\(kind) \(offset)" + (other == 0 ? "" : " \(other)") }

    static let blockBytes = 4096

    /// Every case of a kind.
    static func all(_ kind: Kind, in sample: CorruptionSample) -> [Corruption] {
        let database = sample.closed.database.count
        let wal = sample.open.wal?.count ?? 0
        func blocks(_ bytes: Int) -> [Corruption] {
            stride(from: 0, to: bytes, by: blockBytes).map { Corruption(kind: kind, offset: $0) }
        }
        func pairs(_ bytes: Int, from first: Int = 0, by step: Int = blockBytes) -> [Corruption] {
            let offsets = Array(stride(from: first, through: bytes - step, by: step))
            return offsets.flatMap { left in
                offsets.filter { $0 > left }.map { Corruption(kind: kind, offset: left, other: $0) }
            }
        }
        func each(_ bytes: Int) -> [Corruption] { (0..<bytes).map { Corruption(kind: kind, offset: $0) } }
        switch kind {
        case .flippedBit, .invertedByte, .truncated: return each(database)
        case .zeroedBlock: return blocks(database)
        case .olderBlock: return blocks(min(database, sample.older.database.count))
        case .swappedBlocks: return pairs(database)
        case .walFlippedBit, .walInvertedByte, .walTruncated: return each(wal)
        case .walZeroedBlock: return blocks(wal)
        case .walZeroedFrame, .walZeroedPage:
            // Without the last one: zeros at the end of a log are no frames.
            let last = wal - CorruptionSample.frameBytes
            return stride(from: CorruptionSample.walHeaderBytes, to: last, by: CorruptionSample.frameBytes).map {
                Corruption(kind: kind, offset: $0)
            }
        case .walOlderPage:
            // Frames of pages that have earlier ones.
            var last: [ArraySlice<UInt8>: Int] = [:]
            let offsets = stride(from: CorruptionSample.walHeaderBytes, to: wal, by: CorruptionSample.frameBytes)
            return offsets.compactMap { offset in
                let page = (sample.open.wal ?? [])[offset..<offset + 4]
                defer { last[page] = offset }
                return last[page].map { Corruption(kind: kind, offset: offset, other: $0) }
            }
        case .walSwappedBlocks: return pairs(wal)
        case .walSwappedFrames:
            return pairs(wal, from: CorruptionSample.walHeaderBytes, by: CorruptionSample.frameBytes)
        case .walByteOrder: return [Corruption(kind: kind, offset: 3)]
        case .olderFile, .walOlder, .walOfEarlierGeneration, .walMissing, .olderFileWithNewWAL, .forged:
            return [Corruption(kind: kind)]
        }
    }

    /// The damaged files.
    func files(of sample: CorruptionSample, seed: UInt64) -> CorruptionSample.Files {
        var files = kind.isOfWAL ? sample.open : sample.closed
        var bytes = kind.isOfWAL ? files.wal ?? [] : files.database
        switch kind {
        case .flippedBit, .walFlippedBit:
            var generator = SeededGenerator(seed: seed &+ UInt64(offset))
            bytes[offset] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case .walByteOrder: bytes[offset] ^= 1
        case .invertedByte, .walInvertedByte: bytes[offset] ^= 0xFF
        case .truncated, .walTruncated: bytes.removeSubrange(offset...)
        case .zeroedBlock, .walZeroedBlock: zero(&bytes, offset, Self.blockBytes)
        case .walZeroedFrame: zero(&bytes, offset, CorruptionSample.frameBytes)
        case .walZeroedPage: zero(&bytes, offset + CorruptionSample.frameHeaderBytes, Self.blockBytes)
        case .walOlderPage:
            let (page, older) = (
                offset + CorruptionSample.frameHeaderBytes, other + CorruptionSample.frameHeaderBytes
            )
            bytes.replaceSubrange(page..<page + Self.blockBytes, with: bytes[older..<older + Self.blockBytes])
        case .swappedBlocks, .walSwappedBlocks: swap(&bytes, Self.blockBytes)
        case .walSwappedFrames: swap(&bytes, CorruptionSample.frameBytes)
        case .olderBlock:
            bytes.replaceSubrange(
                offset..<offset + Self.blockBytes, with: sample.older.database[offset..<offset + Self.blockBytes])
        case .olderFile: bytes = sample.older.database
        case .walOlder: bytes = sample.openBefore.wal ?? []
        case .walOfEarlierGeneration: bytes = sample.olderOpen.wal ?? []
        case .walMissing: return CorruptionSample.Files(database: files.database, wal: nil)
        case .olderFileWithNewWAL: files.database = sample.older.database
        case .forged: forge(&bytes, sample)
        }
        if kind.isOfWAL { files.wal = bytes } else { files.database = bytes }
        return files
    }

    /// The frames of a write-ahead log that are damaged, from 1; 0 is its header.
    func damagedFrames(ofLogWith frames: Int) -> Set<Int> {
        func frame(_ byte: Int) -> Int {
            byte < CorruptionSample.walHeaderBytes
                ? 0 : min(1 + (byte - CorruptionSample.walHeaderBytes) / CorruptionSample.frameBytes, frames)
        }
        func touched(_ byte: Int, _ length: Int) -> ClosedRange<Int> { frame(byte)...frame(byte + length - 1) }
        switch kind {
        case .walZeroedBlock: return Set(touched(offset, Self.blockBytes))
        case .walSwappedBlocks: return Set(touched(offset, Self.blockBytes)).union(touched(other, Self.blockBytes))
        case .walSwappedFrames: return [frame(offset), frame(other)]
        default: return [frame(offset)]
        }
    }

    /// Changes a byte of an event's data, and makes the record's CRC fit.
    private func forge(_ bytes: inout [UInt8], _ sample: CorruptionSample) {
        let events = sample.closedTruth.events.values.sorted { $0.position < $1.position }
        guard let event = events.first(where: { $0.data.count > 100 && $0.data.count < 700 }),
            let place = Data(bytes).range(of: Data(event.data))
        else { return }
        let start = place.lowerBound - 76 - 8 * event.tags.count
        let end = place.upperBound + event.metadata.count
        bytes[place.lowerBound] ^= 1
        var position = event.position.rawValue
        let crc = daybook_crc32c(daybook_crc32c(0, &position, 8), Array(bytes[start + 4..<end]), end - start - 4)
        for byte in 0..<4 { bytes[start + byte] = UInt8(truncatingIfNeeded: crc >> UInt32(8 * byte)) }
    }

    private func zero(_ bytes: inout [UInt8], _ first: Int, _ length: Int) {
        for index in first..<min(first + length, bytes.count) { bytes[index] = 0 }
    }

    private func swap(_ bytes: inout [UInt8], _ length: Int) {
        let left = bytes[offset..<offset + length]
        bytes.replaceSubrange(offset..<offset + length, with: bytes[other..<other + length])
        bytes.replaceSubrange(other..<other + length, with: left)
    }
}
