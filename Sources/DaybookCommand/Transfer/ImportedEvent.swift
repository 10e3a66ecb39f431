import DaybookCore

/// An event from an input, before the importer gives it what it lacks.
struct ImportedEvent {
    /// The line of the input on which it begins, from 1.
    var line: Int
    var stream: StreamName
    /// Its place in the stream; nil when the input does not say: then it follows the stream's last event in the input.
    var version: StreamVersion?
    /// Nil when the input has none: then it follows from the event and its place, the same each time.
    var id: EventID?
    /// The event; its identifier is not looked at.
    var event: NewEvent
}

/// Where imported events come from.
protocol ImportSource {
    /// The next event; nil at the end.
    ///
    /// - Throws: ``MalformedInput``, after which the source goes on behind the bad part if it can.
    mutating func next() async throws -> ImportedEvent?
    /// How much of the input has been read, from 0 to 1; nil when nobody knows.
    var share: Double? { get }
}

/// A part of an input that cannot be understood.
struct MalformedInput: Error, Equatable, CustomStringConvertible {
    /// From 1.
    let line: Int
    let reason: String
    /// Whether what comes behind can still be read.
    var canContinue = true

    var description: String { "Line \(line): \(reason)" }
}
