import ArgumentParser
import DaybookCore
import Foundation

/// `daybook append`: one event from arguments, or a stream of requests.
struct Append: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Append events; make the file when it is missing.",
        discussion: """
            From arguments, one event goes to one stream, and the acknowledgement comes on standard output. The event is \
            durable when it does, unless --durability says otherwise. A server has its store already, and says how durable \
            appends are.

            With --requests, each line of the input is one request, and each line of the output acknowledges one as soon as \
            it is durable: \(RequestStream.maximumInFlight) may be on their way at once, and finish in any order. A request:

              {"commandID":"place-1",
               "writes":[{"stream":"order-1","expected":"noStream",
                          "events":[{"type":"OrderPlaced","data":{"size":10},"tags":["owner:17"]}]}],
               "checks":[{"stream":"limits-2026","expected":3}],
               "condition":{"after":12,"items":[{"types":["OrderPlaced"],"tags":["owner:17"]}]}}

            (on one line). An event may also have "id", "dataBase64", "contentType", "schemaVersion" and "metadata". \
            Instead of "events", a write may have "delete":true, "tombstone":true or \
            "retention":{"maxCount":…,"maxAgeSeconds":…,"truncateBefore":…}. "expected" is "any", "noStream", \
            "streamExists" or a version.

            EXAMPLES
              daybook append shop.db --stream order-1 --type OrderPlaced --data '{"size":10}' --expect noStream
              daybook append shop.db --stream order-1 --type OrderShipped --data-file note.json --actor mia
              daybook append shop.db --requests - < requests.ndjson > acknowledgements.ndjson
            """)

    @OptionGroup var store: StoreArgument
    @OptionGroup var sync: DurabilityOption
    @Option(help: "The stream, such as order-1.") var stream: String?
    @Option(help: "The event's type, such as OrderPlaced.") var type: String?
    @Option(help: "The event's data, as JSON; kept byte for byte.") var data: String?
    @Option(help: "A file with the event's data; '-' is standard input.", completion: .file()) var dataFile: String?
    @Option(help: "The media type of the data.") var contentType: String?
    @Option(help: "The version of the data's shape.") var schemaVersion: UInt32 = 1
    @Option(help: "The event's metadata, as a JSON object.") var metadata: String?
    @Option(help: "Who: written to the metadata.") var actor: String?
    @Option(help: "Why: written to the metadata.") var reason: String?
    @Option(name: .customLong("tag"), help: "A tag, such as owner:17; may be repeated.") var tags: [String] = []
    @Option(help: "What the stream must be at: any, noStream, streamExists or a version.") var expect = "any"
    @Option(name: .customLong("command-id"), help: "The same identifier always returns the first result.")
    var commandID: String?
    @Option(help: "The event's identifier, a UUID; a new one when left out.") var id: String?
    @Option(help: "Requests, one a line: a file, or '-' for standard input.", completion: .file())
    var requests: String?

    func validate() throws {
        if requests != nil {
            guard stream == nil, type == nil, data == nil, dataFile == nil, metadata == nil, tags.isEmpty, id == nil,
                actor == nil, reason == nil, commandID == nil, expect == "any", contentType == nil, schemaVersion == 1
            else {
                throw ValidationError(
                    "With --requests, everything is said in the requests: leave the other options out.")
            }
            return
        }
        guard stream != nil, type != nil else {
            throw ValidationError("Name the event's --stream and --type, or give --requests.")
        }
        guard data == nil || dataFile == nil else { throw ValidationError("Give --data or --data-file, not both.") }
        guard schemaVersion >= 1 else { throw ValidationError("--schema-version is 0: versions begin at 1.") }
        guard ExpectedVersion(argument: expect) != nil else {
            throw ValidationError("--expect is '\(expect)': use any, noStream, streamExists or a version from 0.")
        }
        if let id, EventID(id) == nil { throw ValidationError("--id is '\(id)': use a UUID.") }
        guard metadata == nil || (actor == nil && reason == nil) else {
            throw ValidationError("Write the actor and the reason into --metadata, or leave --metadata out.")
        }
    }

    func run() async throws {
        if let requests { return try await appendRequests(from: requests) }
        let request = try await singleRequest()
        let result = try await store.withStore(creates: true, durability: sync.durability) {
            (store) async throws -> AppendResult in
            do throws(AppendError) { return try await store.append(request) } catch {
                throw Self.failure(error, of: request)
            }
        }
        try await StandardOutput.shared.write(Acknowledgement(line: nil, outcome: .appended(result)).encoded())
    }

    private func appendRequests(from path: String) async throws {
        let source = try ByteSource.open(path)
        let totals = try await store.withStore(creates: true, durability: sync.durability) { store in
            do {
                return try await RequestStream(store: store) { try await StandardOutput.shared.write($0) }.run(source)
            } catch is StandardOutput.Closed {
                throw CommandFailure(
                    .inputOutput, "Nobody reads the acknowledgements any more: read on from where the log ends.")
            }
        }
        if let failure = totals.failure { throw failure }
    }

    /// Of an append that may be written it names the event, whose identifier may have been made here and be known to nobody else.
    private static func failure(_ error: AppendError, of request: AppendRequest) -> CommandFailure {
        let failure = CommandFailure(error)
        guard error.mayBeWritten, case .append(let events)? = request.writes.first?.action, let event = events.first
        else { return failure }
        return CommandFailure(
            failure.code,
            "\(failure.description) See whether the stream has the event, and if it has not, append it with --id \(event.id)"
        )
    }

    private func singleRequest() async throws -> AppendRequest {
        guard let expected = ExpectedVersion(argument: expect), let stream, let type else {
            throw CommandFailure(.usage, "Name the event's --stream and --type, and what it --expect-s.")
        }
        do {
            let event = NewEvent(
                id: id.flatMap { EventID($0) } ?? EventID(), type: try EventType(type), schemaVersion: schemaVersion,
                contentType: try contentType.map { try ContentType($0) } ?? .json, data: try await readData(),
                metadata: try readMetadata(), tags: try tags.map { try Tag($0) })
            return AppendRequest(
                writes: [StreamWrite(stream: try StreamName(stream), expected: expected, action: .append([event]))],
                commandID: try commandID.map { try CommandID($0) })
        } catch let error as InvalidName {
            throw CommandFailure(.usage, error.description)
        }
    }

    private func readData() async throws -> [UInt8] {
        var bytes = Array((data ?? "").utf8)
        if let dataFile {
            let source = try ByteSource.open(dataFile)
            while let piece = try await source.next() {
                bytes += piece
                guard bytes.count <= Limits.eventBytes else {
                    throw CommandFailure(
                        .refused,
                        "The data has more than \(Limits.eventBytes) bytes: store it elsewhere and record where.")
                }
            }
        }
        if contentType == nil || contentType == ContentType.json.rawValue, !bytes.isEmpty {
            do { _ = try JSONText(parsing: bytes[...]) } catch {
                throw CommandFailure(
                    .malformedInput, "The data is not JSON: \(error). For other data, name its --content-type.")
            }
        }
        return bytes
    }

    private func readMetadata() throws -> [UInt8] {
        guard let metadata else { return EventMetadata(actor: actor, reason: reason).encoded() }
        let value: JSONText
        do { value = try JSONText(parsing: metadata) } catch {
            throw CommandFailure(.malformedInput, "The metadata is not JSON: \(error).")
        }
        guard value.kind == .object else {
            throw CommandFailure(.malformedInput, "The metadata is \(value.kind.phrase): write a JSON object.")
        }
        return Array(metadata.utf8)
    }
}
