import Foundation

/// The makers of containers that a thread has used, up to some hundred.
enum JSONContainersTable {
    /// What a maker makes: a part of its name, the other is the address of the keys' type.
    enum Use: UInt { case decoding, encoding }

    fileprivate struct Entry {
        var name: UInt = 0
        var maker: Unmanaged<AnyObject>?
    }

    /// Where the maker of a name belongs.
    struct Place {
        fileprivate let entry: UnsafeMutablePointer<Entry>
        fileprivate let name: UInt

        /// Whether the maker of this name is there, and not none, or another.
        @inline(__always)
        var hasMaker: Bool { entry.pointee.name == name }
        /// The maker that is there.
        @inline(__always)
        var maker: AnyObject { entry.pointee.maker.unsafelyUnwrapped.takeUnretainedValue() }

        @inline(never)
        func take(_ maker: AnyObject) {
            entry.pointee.maker?.release()
            entry.pointee = Entry(name: name, maker: Unmanaged.passRetained(maker))
        }
    }

    /// A power of two: the upper bits of a product tell the place.
    private static let capacity = 128
    private static let shift = UInt(UInt.bitWidth - capacity.trailingZeroBitCount)

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let code = pthread_key_create(&key) { entries in
            let entries: UnsafeMutableRawPointer? = entries
            guard let entries = entries?.assumingMemoryBound(to: Entry.self) else { return }
            for index in 0..<JSONContainersTable.capacity { entries[index].maker?.release() }
            entries.deallocate()
        }
        precondition(code == 0, "No key for thread-local values is left in this process (error \(code)).")
        return key
    }()

    @inline(__always)
    static func place<Key>(of type: Key.Type, _ use: Use) -> Place {
        let entries = pthread_getspecific(key)?.assumingMemoryBound(to: Entry.self) ?? makeEntries()
        let name = UInt(bitPattern: ObjectIdentifier(type)) | use.rawValue
        let first = Int((name &* 0x9E37_79B9_7F4A_7C15) >> shift)
        if entries[first].name == name { return Place(entry: entries + first, name: name) }
        return place(of: name, in: entries, from: first)
    }

    /// The first place that has the name or is free, or else one of those that another name has to leave.
    @inline(never)
    private static func place(of name: UInt, in entries: UnsafeMutablePointer<Entry>, from first: Int) -> Place {
        var place = first
        for step in 0..<8 {
            place = (first + step) % capacity
            if entries[place].name == name || entries[place].name == 0 { break }
        }
        return Place(entry: entries + place, name: name)
    }

    @inline(never)
    private static func makeEntries() -> UnsafeMutablePointer<Entry> {
        let entries = UnsafeMutablePointer<Entry>.allocate(capacity: capacity)
        entries.initialize(repeating: Entry(), count: capacity)
        pthread_setspecific(key, entries)
        return entries
    }
}
