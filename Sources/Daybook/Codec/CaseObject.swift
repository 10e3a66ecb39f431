import Foundation

/// The object that an enum with values encodes as, `{"name":{…}}`, taken apart and put together as bytes.
enum CaseObject {
    /// Where the name stands, without its quotes, and the object behind it, with its braces; nil for any other shape.
    ///
    /// - Parameter bytes: Valid JSON without white space between tokens.
    static func split(_ bytes: [UInt8]) -> (name: Range<Int>, value: Range<Int>)? {
        guard bytes.count >= 7, bytes[0] == UInt8(ascii: "{"), bytes[1] == UInt8(ascii: "\""),
            let nameEnd = endOfString(bytes, from: 2), nameEnd > 2
        else { return nil }
        let valueStart = nameEnd + 2
        guard valueStart < bytes.count, bytes[nameEnd + 1] == UInt8(ascii: ":"),
            bytes[valueStart] == UInt8(ascii: "{"), let valueEnd = endOfObject(bytes, from: valueStart),
            valueEnd + 2 == bytes.count
        else { return nil }
        return (2..<nameEnd, valueStart..<(valueEnd + 1))
    }

    static func join(name: some Collection<UInt8>, value: some Collection<UInt8>) -> Data {
        var data = Data()
        data.reserveCapacity(name.count + value.count + 5)
        data.append(contentsOf: #"{""#.utf8)
        data.append(contentsOf: name)
        data.append(contentsOf: #"":"#.utf8)
        data.append(contentsOf: value)
        data.append(UInt8(ascii: "}"))
        return data
    }

    /// The index of the quote that closes a string whose contents begin here.
    private static func endOfString(_ bytes: [UInt8], from start: Int) -> Int? {
        var index = start
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""): return index
            case UInt8(ascii: "\\"): index += 2
            default: index += 1
            }
        }
        return nil
    }

    /// The index of the brace that closes the object that begins here.
    private static func endOfObject(_ bytes: [UInt8], from start: Int) -> Int? {
        var index = start
        var depth = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                guard let end = endOfString(bytes, from: index + 1) else { return nil }
                index = end
            case UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "}"):
                depth -= 1
                if depth == 0 { return index }
            default: break
            }
            index += 1
        }
        return nil
    }
}
