import DaybookCore

/// A command that is recorded, by a ``CommandRecord`` or a ``ProcessRecord``, and has changed since it was first.
///
/// ```swift
/// enum TransferCommand: VersionedCommand {
///     case transfer(amount: Int, currency: String)
///
///     static let schemaVersion: UInt32 = 2
///     static let upcasters: [CommandUpcaster] = [
///         CommandUpcaster(from: 1) { $0["transfer"]?["currency"] = "EUR" },
///     ]
/// }
/// ```
public protocol VersionedCommand: Codable, Sendable {
    /// The version of the shape in which commands are written, from 1.
    static var schemaVersion: UInt32 { get }

    /// One for each version before the current one.
    static var upcasters: [CommandUpcaster] { get }
}

/// The versions of a type of commands, which may have none.
enum CommandVersions {
    static func current<Command>(of type: Command.Type) -> UInt32 {
        (type as? any VersionedCommand.Type)?.schemaVersion ?? 1
    }

    /// Upcasters of the events that have a command in them.
    static func upcasters<Command>(of type: Command.Type, in types: [EventType]) -> [Upcaster] {
        guard let type = type as? any VersionedCommand.Type else { return [] }
        return types.flatMap { event in
            type.upcasters.map { upcaster in
                .change(event, from: upcaster.schemaVersion) { data in
                    guard var command = data["command"] else { return }
                    try upcaster.change(&command)
                    data["command"] = command
                }
            }
        }
    }
}
