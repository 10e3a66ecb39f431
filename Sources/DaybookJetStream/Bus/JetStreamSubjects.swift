#if JetStream
import DaybookCore

/// The subjects under which a target publishes, and by which a source shares them out: `<prefix>.<partition>.<category>.<id>`.
///
/// ```swift
/// let subjects = try JetStreamSubjects(prefix: "accounts", partitions: 8)
/// subjects.subject(of: "account-42")  // accounts.04.account.42
/// ```
///
/// All events of a stream have one subject. What NATS gives a meaning (`.`, `*`, `>`, blanks), `%`, `~`, quotes and everything
/// beyond ASCII is written as `%` and two hexadecimal digits a byte. The partition is a hash of the stream's name: members of a
/// group share the events by partition. Target and source must have the same number of partitions, and it must not change
/// while events are under way.
public struct JetStreamSubjects: Sendable, Hashable {
    /// One or several tokens, such as `accounts` or `shop.accounts`.
    public let prefix: String
    public let partitions: Int

    /// - Parameters:
    ///   - prefix: Tokens of printable ASCII, with dots between them and without wildcards.
    ///   - partitions: 1 to 100: how many members of a group work at once, at most. Each is a consumer on the servers.
    /// - Throws: ``JetStreamBusError/unusableSettings(reason:)``.
    public init(prefix: String, partitions: Int = 8) throws(JetStreamBusError) {
        let tokens = prefix.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard prefix.utf8.count <= 200, !prefix.hasPrefix("$"),
            tokens.allSatisfy({ !$0.isEmpty && $0.allSatisfy(LogSubjects.isPlain) })
        else {
            throw .unusableSettings(
                reason:
                    "The subject prefix '\(prefix)' is none: give tokens such as 'shop.accounts', without wildcards.")
        }
        guard (1...100).contains(partitions) else {
            throw .unusableSettings(reason: "\(partitions) partitions were asked for: use 1 to 100.")
        }
        self.prefix = prefix
        self.partitions = partitions
    }

    /// The subject of a stream's events.
    public func subject(of stream: String) -> String {
        filter(of: partition(of: stream)).dropLast() + LogSubjects.tokens(of: StreamName(unchecked: stream))
    }

    /// FNV-1a of the name's bytes, its halves joined, modulo the number of partitions.
    public func partition(of stream: String) -> Int { Int(LogSubjects.hash(stream) % UInt64(partitions)) }

    /// The subjects of a partition, from 0: `accounts.04.>`.
    public func filter(of partition: Int) -> String {
        "\(prefix).\(LogSubjects.token(partition: UInt64(partition))).>"
    }

    /// All of them: `accounts.>`.
    public var all: String { prefix + ".>" }
}
#endif
