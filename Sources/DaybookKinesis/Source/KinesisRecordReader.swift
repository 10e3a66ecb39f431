#if Kinesis
import Daybook

/// What is in a record: one event in JSON, or an array of them, or something else.
enum KinesisRecordReader {
    static func messages(_ data: [UInt8], origin: String) -> [ReceivedMessage] {
        func failure(_ error: InvalidCloudEvent, _ origin: String, _ body: [UInt8]) -> ReceivedMessage {
            ReceivedMessage(origin: origin, content: .failure(error), body: body)
        }
        func message(_ json: [UInt8], _ origin: String) -> ReceivedMessage {
            do throws(InvalidCloudEvent) {
                return ReceivedMessage(origin: origin, content: .success(try CloudEvent(json: json)), body: json)
            } catch { return failure(error, origin, json) }
        }
        let first = data.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
        switch first {
        case UInt8(ascii: "{"): return [message(data, origin)]
        case UInt8(ascii: "["):
            let value: JSONValue
            do { value = try JSONValue(parsing: data) } catch {
                return [failure(InvalidCloudEvent(.notJSON("\(error)")), origin, data)]
            }
            guard case .array(let elements) = value else { return [] }
            return elements.enumerated().map { message($0.element.bytes, "\(origin)[\($0.offset)]") }
        default:
            return [
                failure(
                    InvalidCloudEvent(.unknownForm("The record is neither a JSON object nor an array.")), origin, data)
            ]
        }
    }
}
#endif
