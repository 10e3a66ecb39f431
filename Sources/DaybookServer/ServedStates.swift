#if Server
import Daybook
import DaybookCore
import Foundation

/// The states of the subjects of a category, folded by the server for clients that cannot: `GET /v1/states/{stream}?asOf=…`.
///
/// ```swift
/// var configuration = ServerConfiguration()
/// configuration.states = [ServedStates(CashAccount.self, in: store, category: "account")]
/// ```
public struct ServedStates: Sendable {
    /// The streams whose states are told.
    public let category: Category
    let state: @Sendable (_ id: String, Moment) async throws(StateError) -> Answer

    struct Answer: Sendable {
        /// That of the last event that counts; nil when none does.
        let version: StreamVersion?
        /// Nil when the state cannot be written, as one with a number that is not finite.
        let json: [UInt8]?
    }

    /// States as a decider has them, from the same store that is served, so that they are kept in memory as its command handler's.
    ///
    /// - Parameters:
    ///   - decider: Its states are told as `JSONEncoder` writes them, with keys in order and dates in ISO 8601.
    ///   - category: The streams, `category-id`, that it has.
    public init<D: Decider & SendableMetatype>(
        _ decider: D.Type, in store: any EventStore, category: Category,
        codec: any EventCodec<D.Event> = JSONEventCodec<D.Event>()
    ) where D.State: Encodable {
        self.init(CommandHandler(decider, in: store, category: category, codec: codec), category: category)
    }

    /// The same by a command handler that there is, with its snapshots.
    ///
    /// - Parameter category: The handler's.
    public init<D: Decider & SendableMetatype>(_ handler: CommandHandler<D>, category: Category)
    where D.State: Encodable {
        self.category = category
        state = { (id: String, moment: Moment) async throws(StateError) -> Answer in
            let state = try await handler.state(of: id, asOf: moment)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            encoder.dateEncodingStrategy = .iso8601
            return Answer(version: state.version, json: (try? encoder.encode(state.state)).map { Array($0) })
        }
    }
}
#endif
