/// The number of the field in which every response has the store's refusal.
private let errorField = 15

/// Writes and reads what a store answered: the fields of the success, or the refusal alone.
extension Result where Success: WireMessage, Failure: WireMessage {
    package var wireBytes: [UInt8] {
        switch self {
        case .success(let success): return success.wireBytes
        case .failure(let failure):
            var writer = WireWriter()
            writer.message(errorField, failure)
            return writer.bytes
        }
    }

    package init(wireBytes bytes: [UInt8]) throws(WireError) {
        var fields = WireReader(bytes)
        while let field = try fields.next() {
            if field.number == errorField {
                self = .failure(try fields.message(field, Failure.self))
                return
            }
        }
        self = .success(try Success(wireBytes: bytes))
    }
}
