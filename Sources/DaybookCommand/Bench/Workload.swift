/// What `daybook bench` measures. The names are those of the project's comparisons between stores.
enum Workload: Hashable {
    /// W1: writers that each append one event at a time to a stream of their own.
    /// W2-n: n of them.
    case single(writers: Int)
    /// W3-n: n writers that append batches of 100. W9: one writer with batches of 10,000.
    case batch(writers: Int, events: Int)
    /// W4: one reader of whole streams of 1,000 events.
    case readStreams
    /// W5: one reader of the whole log.
    case readLog
    /// W6: from the append's call to a live subscriber, at 1,000 events a second.
    case subscriber
    /// W7: 16 writers on one stream.
    case contended(writers: Int)
    /// W8-n: W1, W2-32, W2-32 into streams that are stored already, W10-1 and W4 with n events stored before; W8-nx10 in
    /// streams of ten events.
    case grown(events: Int, perStream: Int)
    /// W11-n: W2-32 while n subscribers follow the log.
    case followed(subscribers: Int)
    /// W10-n: n writers that append one event with two tags, on the condition that nobody else has used them.
    case conditional(writers: Int)

    /// Those that run when none is named; larger logs than `W8-100k` are made only when asked for.
    static let standard: [String] = [
        "W1", "W2-32", "W2-128", "W3-1", "W3-8", "W4", "W5", "W6", "W7", "W8-100k", "W9", "W10-1", "W10-128",
        "W11-1", "W11-8", "W11-50",
    ]
    static let onRequest = [
        "W8-1M", "W8-10M", "W8-100M", "W8-100kx10", "W8-1Mx10", "W8-10Mx10", "W8-100Mx10", "W8-1Mx1M",
    ]

    /// The workload of a name; nil for an unknown one.
    init?(name: String) {
        switch name {
        case "W1": self = .single(writers: 1)
        case "W2-32": self = .single(writers: 32)
        case "W2-128": self = .single(writers: 128)
        case "W3-1": self = .batch(writers: 1, events: 100)
        case "W3-8": self = .batch(writers: 8, events: 100)
        case "W4": self = .readStreams
        case "W5": self = .readLog
        case "W6": self = .subscriber
        case "W7": self = .contended(writers: 16)
        case "W8-100k": self = .grown(events: 100_000, perStream: 1_000)
        case "W8-1M": self = .grown(events: 1_000_000, perStream: 1_000)
        case "W8-10M": self = .grown(events: 10_000_000, perStream: 1_000)
        case "W8-100M": self = .grown(events: 100_000_000, perStream: 1_000)
        case "W8-100kx10": self = .grown(events: 100_000, perStream: 10)
        case "W8-1Mx10": self = .grown(events: 1_000_000, perStream: 10)
        case "W8-10Mx10": self = .grown(events: 10_000_000, perStream: 10)
        case "W8-100Mx10": self = .grown(events: 100_000_000, perStream: 10)
        case "W8-1Mx1M": self = .grown(events: 1_000_000, perStream: 1_000_000)
        case "W9": self = .batch(writers: 1, events: 10_000)
        case "W10-1": self = .conditional(writers: 1)
        case "W10-128": self = .conditional(writers: 128)
        case "W11-1": self = .followed(subscribers: 1)
        case "W11-8": self = .followed(subscribers: 8)
        case "W11-50": self = .followed(subscribers: 50)
        default: return nil
        }
    }

    /// The names that a selection such as `W1,W2` stands for: a name without its number stands for all of them.
    static func names(in selection: String) -> [String]? {
        var names: [String] = []
        for part in selection.split(separator: ",") {
            let name = part.trimmingPrefix { $0 == " " }
            let found = (standard + onRequest).filter {
                $0 == name || ($0.hasPrefix("\(name)-") && !$0.hasPrefix("W8-10M") && !$0.hasPrefix("W8-100M"))
            }
            guard !found.isEmpty else { return nil }
            names += found.filter { !names.contains($0) }
        }
        return names.isEmpty ? nil : names
    }
}
