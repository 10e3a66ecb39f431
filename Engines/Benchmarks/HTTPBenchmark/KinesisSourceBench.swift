import AsyncHTTPClient
import Daybook
import DaybookCore
import DaybookKinesis
import Foundation
import NIOHTTP1
import SideBySide

extension HTTPBench {
    /// The source beside a loop that gets the same records. Neither waits between two readings of a shard, which a
    /// stand-in allows.
    static func kinesisSource(_ url: String, _ table: ComparisonTable) async throws {
        let what = "kinesis source, an event a record, events/s (bare: GetRecords)"
        guard table.measures(what) else { return }
        let stream = try await kinesisStream("-source", url)
        let (streams, each) = (500, 40)
        _ = try await within(table.limit, "filling \(stream.name)") {
            try await bareRecords(stream.name, url, streams: streams, each: each)
        }
        try await table.row(
            what, bare: { try await getRecords(of: stream.name, url, events: streams * each) },
            ours: {
                // A new store has no checkpoints. What it costs to sync them, here nothing, is the store's affair.
                let source = KinesisSource(
                    stream, checkpoints: "bench", in: InMemoryEventStore(),
                    policy: KinesisSourcePolicy(pollInterval: .zero),
                    report: { error in FileHandle.standardError.write(Data("\(error)\n".utf8)) })
                return try await Arrivals.rate(of: source, events: streams * each)
            })
    }

    /// All shards at once from their oldest records, 1,000 a request as by the source. The data of a record are bytes
    /// then, not read as an event.
    private static func getRecords(of name: String, _ url: String, events: Int) async throws -> Double {
        let client = HTTPClient()
        defer { client.shutdown { _ in } }
        let arrivals = Arrivals(of: events)
        let list: ShardList = try await ask("ListShards", #"{"StreamName":"\#(name)"}"#, url, client)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for shard in list.shards {
                group.addTask {
                    let start: ShardIterator = try await ask(
                        "GetShardIterator",
                        #"{"StreamName":"\#(name)","ShardId":"\#(shard.id)","ShardIteratorType":"TRIM_HORIZON"}"#, url,
                        client)
                    var iterator = start.text
                    while !arrivals.isComplete {
                        // An iterator may have line breaks.
                        let quoted = String(decoding: try JSONEncoder().encode(iterator), as: UTF8.self)
                        let page: RecordPage = try await ask(
                            "GetRecords", #"{"ShardIterator":\#(quoted),"Limit":1000}"#, url, client)
                        if !page.records.isEmpty { arrivals.add(page.records.count) }
                        guard let next = page.next else { return }
                        iterator = next
                    }
                }
            }
            try await group.waitForAll()
        }
        return try arrivals.rate()
    }

    private static func ask<Answer: Decodable>(
        _ action: String, _ body: String, _ url: String, _ client: HTTPClient
    ) async throws -> Answer {
        let answer = try await call(action, body, url, client)
        guard answer.status == .ok else {
            throw Refused(reason: "\(action): \(answer.status), \(answer.text.prefix(500))")
        }
        return try JSONDecoder().decode(Answer.self, from: Data(answer.text.utf8))
    }
}

private struct Refused: Error {
    let reason: String
}

private struct ShardList: Decodable {
    struct Shard: Decodable {
        let id: String

        enum CodingKeys: String, CodingKey { case id = "ShardId" }
    }

    let shards: [Shard]

    enum CodingKeys: String, CodingKey { case shards = "Shards" }
}

private struct ShardIterator: Decodable {
    let text: String

    enum CodingKeys: String, CodingKey { case text = "ShardIterator" }
}

private struct RecordPage: Decodable {
    struct Record: Decodable {
        let data: Data

        enum CodingKeys: String, CodingKey { case data = "Data" }
    }

    let records: [Record]
    let next: String?

    enum CodingKeys: String, CodingKey {
        case records = "Records"
        case next = "NextShardIterator"
    }
}
