import Daybook
import DaybookCore

/// Brings a day of ``OrderFlow`` to the order desk, order by order, while the clearing settles it, here or elsewhere.
///
/// Everything is carried out under identifiers made of the flow's name and the orders' numbers: a day that was interrupted is
/// recorded to its end by bringing all of it once more.
public struct DeskDay: Sendable {
    private let desk: OrderDesk
    private let floor: TradingFloor

    public init(in log: any EventStore) {
        desk = OrderDesk(in: log)
        floor = TradingFloor(in: log)
    }

    /// Opens the books and the accounts.
    public func open(_ flow: OrderFlow) async throws {
        _ = try await floor.record(flow.openings, named: "\(flow.name):open")
    }

    /// Submits the orders of a round and carries out its deletions, each instrument's in order, and the instruments at once.
    ///
    /// - Throws: What the desk throws, also the rejection of an order.
    public func submit(_ round: Round) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (instrument, instructions) in round.books {
                group.addTask {
                    for instruction in instructions { try await submit(instruction, of: instrument) }
                }
            }
            while try await group.next() != nil {}
        }
    }

    private func submit(_ instruction: Instruction<OrderBook.Command>, of instrument: Instrument) async throws {
        let context = CommandContext(instruction.context)
        try await CommandContext.$current.withValue(context) {
            if case .submit(let order) = instruction.command, let account = order.account {
                try await desk.submit(order, on: account, of: instrument)
            } else if case .delete(let order) = instruction.command {
                try await desk.books.handle(
                    .delete(order), id: instrument.rawValue, commandID: CommandID("order-\(order):delete"))
            }
        }
    }
}
