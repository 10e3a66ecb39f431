#if Kinesis
import Foundation

// What Kinesis is asked and answers, as far as it is needed
// (https://docs.aws.amazon.com/kinesis/latest/APIReference/API_Operations.html).

struct PutRecordsRequest: Encodable, Sendable {
    struct Entry: Encodable, Sendable {
        var data: Data
        var partitionKey: String

        enum CodingKeys: String, CodingKey {
            case data = "Data"
            case partitionKey = "PartitionKey"
        }
    }

    var records: [Entry]
    var streamName: String

    enum CodingKeys: String, CodingKey {
        case records = "Records"
        case streamName = "StreamName"
    }
}

struct PutRecordsAnswer: Decodable, Sendable {
    struct Entry: Decodable, Sendable {
        var sequenceNumber: String?
        var errorCode: String?
        var errorMessage: String?

        enum CodingKeys: String, CodingKey {
            case sequenceNumber = "SequenceNumber"
            case errorCode = "ErrorCode"
            case errorMessage = "ErrorMessage"
        }
    }

    var records: [Entry]

    enum CodingKeys: String, CodingKey { case records = "Records" }
}

struct ListShardsRequest: Encodable, Sendable {
    /// Not together with a token.
    var streamName: String?
    var nextToken: String?

    enum CodingKeys: String, CodingKey {
        case streamName = "StreamName"
        case nextToken = "NextToken"
    }
}

struct ListShardsAnswer: Decodable, Sendable {
    var shards: [KinesisShard]
    var nextToken: String?

    enum CodingKeys: String, CodingKey {
        case shards = "Shards"
        case nextToken = "NextToken"
    }
}

/// A shard, and those that it was split or merged from.
struct KinesisShard: Decodable, Sendable, Hashable {
    var id: String
    var parent: String?
    var adjacentParent: String?

    enum CodingKeys: String, CodingKey {
        case id = "ShardId"
        case parent = "ParentShardId"
        case adjacentParent = "AdjacentParentShardId"
    }
}

struct ShardIteratorRequest: Encodable, Sendable {
    var streamName: String
    var shardID: String
    var type: String
    var startingSequenceNumber: String?
    /// In seconds since 1970.
    var timestamp: Double?

    enum CodingKeys: String, CodingKey {
        case streamName = "StreamName"
        case shardID = "ShardId"
        case type = "ShardIteratorType"
        case startingSequenceNumber = "StartingSequenceNumber"
        case timestamp = "Timestamp"
    }
}

struct ShardIteratorAnswer: Decodable, Sendable {
    var iterator: String

    enum CodingKeys: String, CodingKey { case iterator = "ShardIterator" }
}

struct GetRecordsRequest: Encodable, Sendable {
    var iterator: String
    var limit: Int

    enum CodingKeys: String, CodingKey {
        case iterator = "ShardIterator"
        case limit = "Limit"
    }
}

struct GetRecordsAnswer: Decodable, Sendable {
    struct Entry: Decodable, Sendable {
        var sequenceNumber: String
        var data: Data
        var partitionKey: String

        enum CodingKeys: String, CodingKey {
            case sequenceNumber = "SequenceNumber"
            case data = "Data"
            case partitionKey = "PartitionKey"
        }
    }

    var records: [Entry]
    /// Nil when the shard is closed and read to its end.
    var nextIterator: String?
    /// How far behind the newest record this answer ends; 0 at the end.
    var millisecondsBehind: Int64?

    enum CodingKeys: String, CodingKey {
        case records = "Records"
        case nextIterator = "NextShardIterator"
        case millisecondsBehind = "MillisBehindLatest"
    }
}

struct StreamSummaryRequest: Encodable, Sendable {
    var streamName: String

    enum CodingKeys: String, CodingKey { case streamName = "StreamName" }
}

struct StreamSummaryAnswer: Decodable, Sendable {
    struct Summary: Decodable, Sendable {
        var status: String
        /// In seconds since 1970.
        var created: Double?
        var retentionHours: Int64?

        /// How long records are kept.
        var retention: Duration? { retentionHours.map { Duration.seconds($0) * 3600 } }

        enum CodingKeys: String, CodingKey {
            case status = "StreamStatus"
            case created = "StreamCreationTimestamp"
            case retentionHours = "RetentionPeriodHours"
        }
    }

    var summary: Summary

    enum CodingKeys: String, CodingKey { case summary = "StreamDescriptionSummary" }
}

struct ErrorAnswer: Decodable, Sendable {
    var type: String?
    var message: String?
    var capitalMessage: String?

    enum CodingKeys: String, CodingKey {
        case type = "__type"
        case message
        case capitalMessage = "Message"
    }
}
#endif
