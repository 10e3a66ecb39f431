import DaybookCore

/// Writes events to standard output: as a table for people, or a line of JSON each.
struct EventPrinter {
    /// The events that are laid out together; also how many are held before they are written.
    static let rowsPerPiece = 200

    let isJSON: Bool
    private var table = Table([
        .init(title: "POSITION", alignment: .right), .init(title: "RECORDED AT"), .init(title: "STREAM@VERSION"),
        .init(title: "TYPE"), .init(title: "DATA"),
    ])
    private var held: [RecordedEvent] = []
    private let output: StandardOutput
    private(set) var count = 0

    init(isJSON: Bool, output: StandardOutput = .shared) {
        self.isJSON = isJSON
        self.output = output
    }

    mutating func print(_ event: RecordedEvent) async throws {
        held.append(event)
        if held.count == Self.rowsPerPiece { try await flush() }
    }

    /// Writes what is held.
    mutating func flush() async throws {
        guard !held.isEmpty else { return }
        count += held.count
        if isJSON {
            var bytes: [UInt8] = []
            for event in held { bytes += EventLine.encode(event) }
            held = []
            try await output.write(bytes)
        } else {
            let text = table.text(of: held.map(Self.row))
            held = []
            try await output.write(text)
        }
    }

    private static func row(_ event: RecordedEvent) -> [String] {
        [
            event.position.description, event.recordedAt.description, "\(event.stream)@\(event.version)",
            event.type.rawValue,
            String(validating: event.data, as: UTF8.self) ?? "\(event.data.count.byteSize) of \(event.contentType)",
        ]
    }
}
