#if Server
import DaybookCore
import Foundation
import KurrentProtocol
import Synchronization

/// Which events of `$all` a client wants, by their streams or their types; and how often it wants to be told how far it was
/// looked.
struct KurrentFilter: Sendable {
    /// A filter's words, as they come from a client, and as they are kept of a group of consumers.
    struct Definition: Sendable, Equatable, Codable {
        enum Subject: String, Sendable, Codable { case stream, type }

        var subject: Subject
        /// Searched for; when it is empty, the prefixes are looked at.
        var regex = ""
        var prefixes: [String] = []
    }

    private enum Test: Sendable {
        case prefixes([String])
        case pattern(Pattern)
    }

    let definition: Definition
    private let test: Test
    /// How many events are looked at until a subscription is told how far: at least 1.
    let checkpointInterval: Int

    /// All of them are compared with each event, while others wait for the event loop.
    static let mostPrefixes = 1_000

    /// - Throws: INVALID_ARGUMENT when the pattern is none, or there are too many prefixes.
    init(_ definition: Definition, checkpointInterval: Int = 1) throws(RPCStatus) {
        guard definition.prefixes.count <= Self.mostPrefixes else {
            throw RPCStatus(
                .invalidArgument,
                "The filter has \(definition.prefixes.count) prefixes; the limit is \(Self.mostPrefixes): use a regular expression, "
                    + "or several subscriptions.")
        }
        self.definition = definition
        test = definition.regex.isEmpty ? .prefixes(definition.prefixes) : .pattern(try Pattern(definition.regex))
        self.checkpointInterval = max(1, checkpointInterval)
    }

    init(_ options: EventStore_Client_Streams_ReadReq.Options.FilterOptions, isSubscription: Bool) throws(RPCStatus) {
        let definition: Definition
        switch options.filter {
        case .streamIdentifier(let value):
            definition = Definition(subject: .stream, regex: value.regex, prefixes: value.prefix)
        case .eventType(let value):
            definition = Definition(subject: .type, regex: value.regex, prefixes: value.prefix)
        case nil: throw .required("Filter", "FilterOneofCase")
        }
        let window: UInt32
        switch options.window {
        case .max(let count): window = count
        case .count: window = 32
        case nil: throw .required("Window", "WindowOneofCase")
        }
        if isSubscription, options.checkpointIntervalMultiplier == 0 {
            throw RPCStatus(.invalidArgument, "checkpointIntervalMultiplier is 0: use 1 or more.")
        }
        let (interval, isTooLong) = Int(window).multipliedReportingOverflow(
            by: Int(options.checkpointIntervalMultiplier))
        try self.init(definition, checkpointInterval: isTooLong ? .max : interval)
    }

    /// - Throws: INVALID_ARGUMENT when the pattern takes too long to tell.
    func matches(_ event: KurrentEvent) throws(RPCStatus) -> Bool {
        let text =
            switch definition.subject {
            case .stream: event.stream
            case .type: event.type
            }
        switch test {
        case .prefixes(let prefixes): return prefixes.contains { text.utf8.starts(with: $0.utf8) }
        case .pattern(let pattern): return try pattern.matches(text)
        }
    }

    /// A regular expression that is searched for. What it said of a text is remembered, since types and streams come again.
    private final class Pattern: Sendable {
        private let expression: NSRegularExpression
        private let known = Mutex<[StreamName: Bool]>([:])  // Names are compared byte by byte.

        private static let textsKnown = 4_096
        /// How often a search may report that it goes on: for each character, and after some thousand steps at one. Names have 512
        /// characters at most, so that only patterns reach it that try without end, while others wait for the event loop.
        private static let mostReports = 1_000

        init(_ text: String) throws(RPCStatus) {
            guard text.utf8.count <= 8_192, let expression = try? NSRegularExpression(pattern: text) else {
                throw RPCStatus(
                    .invalidArgument, "'\(text.prefix(80))' is no regular expression of at most 8,192 bytes.")
            }
            self.expression = expression
        }

        func matches(_ text: String) throws(RPCStatus) -> Bool {
            let name = StreamName(unchecked: text)
            if let answer = known.withLock({ $0[name] }) { return answer }
            guard let answer = found(in: text) else {
                throw RPCStatus(
                    .invalidArgument,
                    "The regular expression '\(expression.pattern.prefix(80))' takes too long on '\(text.prefix(80))': write it "
                        + "without repetitions within repetitions.")
            }
            known.withLock { known in
                if known.count >= Self.textsKnown { known.removeAll(keepingCapacity: true) }
                known[name] = answer
            }
            return answer
        }

        /// Nil when the search was given up: by its reports, or because it took more memory than the library lets it.
        private func found(in text: String) -> Bool? {
            var answer: Bool? = false
            var reports = 0
            expression.enumerateMatches(
                in: text, options: [.reportProgress, .reportCompletion], range: NSRange(text.startIndex..., in: text)
            ) { match, flags, stop in
                if match != nil {
                    answer = true
                    stop.pointee = true
                } else if flags.contains(.internalError) {
                    answer = nil
                } else if flags.contains(.progress) {
                    reports += 1
                    guard reports > Self.mostReports else { return }
                    answer = nil
                    stop.pointee = true
                }
            }
            return answer
        }
    }
}
#endif
