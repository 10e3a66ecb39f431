#if JetStream
import CNATS
import Foundation

/// Subjects met before, so that not every message makes a string of its own.
struct KnownSubjects {
    private var texts: [UInt64: String] = [:]
    private static let capacity = 4096

    mutating func text(_ subject: UnsafePointer<CChar>) -> String {
        // FNV-1a. http://www.isthe.com/chongo/tech/comp/fnv/
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        var count = 0
        while subject[count] != 0 {
            hash = (hash ^ UInt64(UInt8(bitPattern: subject[count]))) &* 0x100_0000_01B3
            count += 1
        }
        if let known = texts[hash], Self.equal(known, subject, count) { return known }
        let text = String(cString: subject)
        if texts.count >= Self.capacity { texts = [:] }
        texts[hash] = text
        return text
    }

    private static func equal(_ text: String, _ subject: UnsafePointer<CChar>, _ count: Int) -> Bool {
        text.utf8.withContiguousStorageIfAvailable { bytes in
            guard bytes.count == count, let start = bytes.baseAddress else { return false }
            return memcmp(start, subject, count) == 0
        } ?? false
    }
}
#endif
