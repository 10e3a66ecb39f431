import DaybookCore
import Foundation

@testable import DaybookCommand

/// Imports. Any input is taken or refused with the line of what is wrong; however it is cut into pieces, the same comes out;
/// and what was imported is the same after an export and an import of that.
enum ImportFuzzing {
    /// - Parameter input: The first byte says how long the pieces are in which the rest is read.
    static func run(_ input: [UInt8], as format: InputFormat) {
        guard let first = input.first else { return }
        let bytes = Array(input.dropFirst())
        let pieceBytes = Int(first) + 1
        let pieces = stride(from: 0, to: bytes.count, by: pieceBytes).map {
            Array(bytes[$0..<min($0 + pieceBytes, bytes.count)])
        }
        wait {
            let whole = await Self.read(bytes.isEmpty ? [] : [bytes], format)
            let cut = await Self.read(pieces, format)
            promise(whole == cut, "In pieces of \(pieceBytes) bytes another input is read: \(cut), not \(whole).")
            await Self.exportAndImport(bytes, format)
        }
    }

    /// What an input says, one line for each event or problem.
    private static func read(_ pieces: [[UInt8]], _ format: InputFormat) async -> [String] {
        var told: [String] = []
        var source = source(pieces, format)
        while true {
            do {
                guard let event = try await source.next() else { return told }
                told.append("\(event)")
            } catch let error as MalformedInput {
                told.append("\(error)")
                if !error.canContinue { return told }
            } catch let error as CommandFailure {
                return told + ["\(error)"]
            } catch {
                fatalError("The error \(error) is not one of an import.")
            }
        }
    }

    private static func exportAndImport(_ bytes: [UInt8], _ format: InputFormat) async {
        guard let store = await filled(from: bytes, format) else { return }
        let exported = await export(store)
        guard let copy = await filled(from: exported, .ndjson) else {
            fatalError("An export is not imported: \(String(decoding: exported, as: UTF8.self))")
        }
        let again = await events(of: copy)
        let events = await events(of: store)
        promise(again == events, "After an export and an import there is \(again) instead of \(events).")
    }

    /// A store with all that an input has; nil when a part of it was refused.
    private static func filled(from bytes: [UInt8], _ format: InputFormat) async -> InMemoryEventStore? {
        let store = InMemoryEventStore()
        var importer = LogImport(store: store, skipsBadLines: true)
        do {
            let totals = try await importer.run(source([bytes], format))
            return totals.events > 0 ? store : nil
        } catch is MalformedInput {
            return nil
        } catch is CommandFailure {
            return nil
        } catch {
            fatalError("The error \(error) is not one of an import.")
        }
    }

    private static func export(_ store: InMemoryEventStore) async -> [UInt8] {
        var exported: [UInt8] = []
        do {
            _ = try await LogExport(store: store).run(progress: { _, _ in }, write: { exported += $0 })
        } catch {
            fatalError("A log is not exported: \(error)")
        }
        return exported
    }

    private struct Imported: Equatable {
        var stream: StreamName
        var version: StreamVersion
        var id: EventID?
        var type: EventType
        var schemaVersion: UInt32
        var contentType: ContentType
        var data: [UInt8]
        var metadata: [UInt8]
        var tags: [Tag]
    }

    private static func events(of store: InMemoryEventStore) async -> [Imported] {
        var events: [Imported] = []
        do {
            for try await event in store.events(filter: .everything) {
                // Retentions and deletions are applied anew, with identifiers of their own.
                events.append(
                    Imported(
                        stream: event.stream, version: event.version, id: event.stream.isControl ? nil : event.id,
                        type: event.type, schemaVersion: event.schemaVersion, contentType: event.contentType,
                        data: Array(event.data), metadata: Array(event.metadata), tags: event.tags))
            }
        } catch { fatalError("A log is not read: \(error)") }
        return events
    }

    private static func source(_ pieces: [[UInt8]], _ format: InputFormat) -> any ImportSource {
        let bytes = ByteSource.pieces(pieces)
        switch format {
        case .ndjson: return EventLineSource(bytes)
        case .xes: return XESSource(bytes, category: "case")
        case .csv:
            return CSVSource(
                bytes, category: "case", caseColumn: "case", activityColumn: "activity", timeColumn: "time")
        }
    }

    /// Waits for asynchronous work on the fuzzer's own thread, which is none of the pool's.
    private static func wait(for work: @escaping @Sendable () async -> Void) {
        let done = DispatchSemaphore(value: 0)
        Task {
            await work()
            done.signal()
        }
        done.wait()
    }
}
