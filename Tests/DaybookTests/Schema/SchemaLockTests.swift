import DaybookCore
import DaybookTesting
import Foundation
import Testing

@testable import Daybook

@Suite("Schemas of events")
struct SchemaLockTests {
    enum Side: String, Codable { case buy, sell }
    enum Shade: Codable {
        case plain
        case mixed(parts: [String: Double])
    }
    struct Node: Codable {
        var name: String
        var children: [Node]
        var next: Next?
    }
    struct Next: Codable { var ids: Set<Int> }
    struct Positive: Codable {
        var value: Int
        init(from decoder: any Decoder) throws {
            value = try decoder.singleValueContainer().decode(Int.self)
            guard value > 0 else { throw NotPositive() }
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(value)
        }
    }
    struct NotPositive: Error {}

    enum First: DomainEvent {
        case opened(owner: String, side: Side, at: Date)
        case deposited(amount: Positive, note: String?, shade: Shade?)
        case grown(Node)
        case closed
        static let typePrefix = "account"
        var tags: [DaybookCore.Tag] {
            if case .opened(let owner, _, _) = self { [TagKey<String>("owner")(owner)] } else { [] }
        }
    }

    @Test("are found from the enum alone")
    func shapes() throws {
        let schemas = try EventSchema.all(of: First.self)
        #expect(schemas.map(\.type) == ["account.opened", "account.deposited", "account.grown", "account.closed"])
        #expect(
            schemas[0].shape
                == .object([
                    "owner": .init(.string(format: nil)), "side": .init(.enumeration(["buy", "sell"])),
                    "at": .init(.string(format: "date-time")),
                ]))
        #expect(schemas[0].tagKeys == ["owner"])
        #expect(
            schemas[1].shape
                == .object([
                    "amount": .init(.integer), "note": .init(.string(format: nil), isOptional: true),
                    "shade": .init(
                        .variants([
                            "plain": .object([:]), "mixed": .object(["parts": .init(.map(.number))]),
                        ]), isOptional: true),
                ]))
        #expect(
            schemas[2].shape
                == .object([
                    "_0": .init(
                        .object([
                            "name": .init(.string(format: nil)), "children": .init(.list(.any)),
                            "next": .init(.object(["ids": .init(.list(.integer))]), isOptional: true),
                        ]))
                ]))
        #expect(schemas[3].shape == .object([:]))
        for schema in schemas { #expect(DataShape(jsonSchema: schema.shape.jsonSchema) == schema.shape) }
    }

    struct Even: Codable {
        var value: String
        init(_ value: String) { self.value = value }
        init(from decoder: any Decoder) throws {
            value = try decoder.singleValueContainer().decode(String.self)
            guard value.hasPrefix("even-") else { throw NotPositive() }
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(value)
        }
    }
    enum Checked: DomainEvent { case counted(Even, extra: Int?) }

    @Test("of types that take no stand-in are found from a sample, which is asked for")
    func samples() throws {
        let error = #expect(throws: EventSchemaError.self) { try EventSchema.all(of: Checked.self) }
        #expect(error?.description.contains("Checked.counted") == true)
        let schema = try #require(
            EventSchema.all(of: Checked.self, samples: [.counted(Even("even-2"), extra: nil)]).first)
        #expect(
            schema.shape
                == .object(["_0": .init(.string(format: nil)), "extra": .init(.integer, isOptional: true)]))
        #expect(schema.sample == ["_0": "even-2"])
    }

    private func findings<Old: DomainEvent, New: DomainEvent>(_ old: Old.Type, _ new: New.Type) throws
        -> [SchemaFinding]
    {
        var lock = SchemaLock()
        lock.accept([try SchemaSource(old)])
        let again = try SchemaLock(parsing: lock.text.utf8)
        #expect(again == lock)
        let source = try SchemaSource(old)
        #expect(again.findings(for: [source]).isEmpty)
        return again.findings(for: [try SchemaSource(new)])
    }

    enum Old: DomainEvent {
        case paid(amount: Int, note: String)
        case gone(why: String)
        static let typePrefix = "p"
        var tags: [DaybookCore.Tag] { ["payer:1"] }
    }
    enum Extended: DomainEvent {
        case paid(amount: Double, note: String?, currency: String?)
        case gone(why: String)
        case refunded
        static let typePrefix = "p"
        var tags: [DaybookCore.Tag] { ["payer:1", "owner:2"] }
    }
    enum Broken: DomainEvent {
        case paid(cents: Int, note: Int)
        static let typePrefix = "p"
    }
    enum Lifted: DomainEvent {
        case paid(cents: Int, note: String)
        static let typePrefix = "p"
        static func schemaVersion(of type: EventType) -> UInt32 { type == "p.paid" ? 2 : 1 }
        static let upcasters: [Upcaster] = [
            .change("p.paid", from: 1) { $0["cents"] = $0.removeValue(forKey: "amount") }, .drop("p.gone"),
        ]
        var tags: [DaybookCore.Tag] { ["payer:1"] }
    }

    @Test("that are extended are accepted")
    func extended() throws {
        let found = try findings(Old.self, Extended.self)
        #expect(!found.contains { !$0.isAcceptable }, "\(found)")
        #expect(found.contains(.added("p.refunded", version: 1)))
        #expect(found.contains(.tagsAdded("p.gone", ["owner"])))
        guard case .extended("p.paid", 1, _, let changes)? = found.first(where: { "\($0)".contains("extended") }) else {
            Issue.record("\(found)")
            return
        }
        #expect(Set(changes.map(\.path)) == ["amount", "note", "currency"])
    }

    @Test("that changed without an upcaster are refused, with what to write")
    func broken() throws {
        let found = try findings(Old.self, Broken.self).map(\.description).joined(separator: "\n")
        #expect(found.contains("'amount' was removed"))
        #expect(found.contains("'cents' was added, and old events do not have it"))
        #expect(found.contains("'note' was a text, and is a whole number"))
        #expect(found.contains(#".change("p.paid", from: 1) { data in"#))
        #expect(found.contains(#"data["cents"] = /* what old events mean */"#))
        #expect(found.contains(#".drop("p.gone", from: 1)"#))
    }

    @Test("that changed with upcasters are accepted, and old ones stay locked")
    func lifted() throws {
        #expect(try findings(Old.self, Lifted.self) == [.added("p.paid", version: 2)])
        var lock = SchemaLock()
        let sources = [try SchemaSource(Old.self), try SchemaSource(Lifted.self)]
        lock.accept([sources[0]])
        lock.accept([sources[1]])
        #expect(lock.entries.map(\.schemaVersion) == [1, 1, 2])
        #expect(lock.findings(for: [sources[1]]).isEmpty)
        #expect(lock.findings(for: []).count == 3)
    }

    enum Untagged: DomainEvent {
        case paid(amount: Int, note: String)
        case gone(why: String)
        static let typePrefix = "p"
    }

    @Test("that lose a tag are refused")
    func tags() throws {
        #expect(
            try findings(Old.self, Untagged.self) == [.tagsLost("p.gone", ["payer"]), .tagsLost("p.paid", ["payer"])])
    }

    /// Like a decider's commands, of which the records have the types of all others' records.
    struct Pay: Codable, Sendable { var amount: Int }
    struct Ship: Codable, Sendable { var address: String }
    struct Send: Codable, Sendable { var address: Int }
    struct Label: Codable, Sendable {
        var address: String
        var note: String
    }

    @Test("that have the types of others are told apart by the categories of their streams")
    func categories() throws {
        let pay = try SchemaSource(CommandRecord<Pay>.self, in: "cash_commands")
        let ship = try SchemaSource(CommandRecord<Ship>.self, in: "stock_commands")
        var lock = SchemaLock()
        lock.accept([pay, ship])
        lock = try SchemaLock(parsing: lock.text.utf8)
        #expect(lock.entries.map(\.category?.rawValue) == ["cash", "stock", "cash", "stock"].map { $0 + "_commands" })
        #expect(lock.findings(for: [pay, ship]).isEmpty)
        // One of them changes.
        let send = try SchemaSource(CommandRecord<Send>.self, in: "stock_commands")
        let found = lock.findings(for: [pay, send])
        #expect(found.count == 2)
        for finding in found {
            guard case .incompatible(_, 1, "stock_commands", _) = finding else {
                Issue.record("\(finding)")
                continue
            }
            #expect(finding.description.contains("in streams of 'stock_commands' changed"))
        }
        #expect(lock.findings(for: [pay]).count == 2)
        guard case .object(let root) = EventSchema.jsonSchema(of: lock.entries, title: "Commands"),
            case .object(let definitions)? = root["$defs"]
        else { throw NotPositive() }
        #expect(definitions.keys.contains("stock_commands/command.rejected/1") && definitions.count == 4)
    }

    @Test("of two enums under one type are refused")
    func ambiguous() throws {
        let sources = [try SchemaSource(CommandRecord<Pay>.self), try SchemaSource(CommandRecord<Ship>.self)]
        let wrong = SchemaLock().findings(for: sources).filter { !$0.isAcceptable }
        #expect(
            wrong == [.ambiguous("command.carriedOut", version: 1), .ambiguous("command.rejected", version: 1)])
        #expect(wrong.first?.description.contains("SchemaSource(…, in: …)") == true)
        // Of two versions, and one for all streams before one for some.
        let versions = SchemaLock().findings(for: [try SchemaSource(Old.self), try SchemaSource(Lifted.self)])
        #expect(versions.contains(.ambiguous("p.paid", version: 2)))
        let scoped = try SchemaSource(CommandRecord<Ship>.self, in: "stock_commands")
        let covered = SchemaLock().findings(for: [sources[0], scoped])
        #expect(covered.contains(.ambiguous("command.rejected", version: 1, in: "stock_commands")))
        #expect(!SchemaLock().findings(for: [scoped, sources[0]]).contains { !$0.isAcceptable })
    }

    @Test("that were locked before they had a category are still read")
    func uncategorised() throws {
        var lock = SchemaLock()
        lock.accept([try SchemaSource(CommandRecord<Pay>.self)])
        let pay = try SchemaSource(CommandRecord<Pay>.self, in: "cash_commands")
        #expect(
            lock.findings(for: [pay]) == [
                .added("command.carriedOut", version: 1, in: "cash_commands"),
                .added("command.rejected", version: 1, in: "cash_commands"),
            ])
        lock.accept([pay])
        #expect(lock.findings(for: [pay]).isEmpty)
        // What changes in the same step is noticed, and what another reads is no matter.
        var old = SchemaLock()
        old.accept([try SchemaSource(CommandRecord<Ship>.self)])
        let send = try SchemaSource(CommandRecord<Send>.self, in: "stock_commands")
        let changed = old.findings(for: [send]).filter { !$0.isAcceptable }
        #expect(changed.count == 2)
        let ship = try SchemaSource(CommandRecord<Ship>.self, in: "stock_commands")
        // Read without an error, and no longer the same.
        var labels = SchemaLock()
        labels.accept([try SchemaSource(CommandRecord<Label>.self)])
        let lost = labels.findings(for: [ship]).filter { !$0.isAcceptable }
        #expect(lost.count == 2)
        #expect(!old.findings(for: [pay, ship]).contains { !$0.isAcceptable })
    }

    enum Shop: Decider {
        typealias State = Int
        typealias Command = Int
        enum Rejection: Error {}
        static let initialState = 0
        static func decide(_ command: Int, in state: Int) -> [Untagged] { [] }
        static func evolve(_ state: inout Int, with event: Untagged) {}
        static func tags(ofSubject id: String) -> [DaybookCore.Tag] { [TagKey<String>("payer")(id)] }
    }

    @Test("of a decider have the tags of its subjects")
    func deciderTags() throws {
        var lock = SchemaLock()
        lock.accept([try SchemaSource(Old.self)])
        #expect(lock.findings(for: [try SchemaSource(Shop.self)]).isEmpty)
        lock.accept([try SchemaSource(Shop.self)])
        #expect(
            lock.findings(for: [try SchemaSource(Untagged.self)]) == [
                .tagsLost("p.gone", ["payer"]), .tagsLost("p.paid", ["payer"]),
            ])
    }

    @Test("are kept in a file that the test writes when it is told to")
    func file() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(EventID()).lock.json").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = SchemaLockFile(path)
        withKnownIssue { try file.check([SchemaSource(Old.self)], isWriting: false) }
        try file.check([SchemaSource(Old.self)], isWriting: true)
        try file.check([SchemaSource(Old.self)], isWriting: false)
        withKnownIssue { try file.check([SchemaSource(Broken.self)], isWriting: true) }
        try file.check([SchemaSource(Old.self)], isWriting: false)
    }

    @Test("are exported as JSON Schema")
    func export() throws {
        let schema = EventSchema.jsonSchema(of: try EventSchema.all(of: First.self), title: "Accounts")
        guard case .object(let root) = schema, case .object(let definitions)? = root["$defs"],
            case .object(let opened)? = definitions["account.opened/1"]
        else {
            Issue.record("\(schema)")
            return
        }
        #expect(opened["required"] == .array(["at", "owner", "side"]))
        #expect(definitions.count == 4)
    }
}
