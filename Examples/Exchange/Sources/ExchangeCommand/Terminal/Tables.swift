import DaybookCore
import Exchange
import ExchangeStatistics

/// A book, a story and accounts as a person reads them.
enum Tables {
    static func book(_ entry: BookHistory.Entry, of instrument: Instrument, levels: Int) -> String {
        let book = entry.book
        var text =
            "\(instrument)  session \(book.session?.rawValue ?? "none")  \(entry.marketTime)  version \(entry.version), "
            + "position \(entry.position)  \(book.orderCount.grouped) named orders"
            + (book.isHalted ? "  HALTED" : "") + "\n"
        text += depth(of: book, levels: levels)
        return text
    }

    static func depth(of book: OrderBook.State, levels: Int) -> String {
        var table = Table([">ORDERS", ">SHARES", ">BID", ">ASK", ">SHARES", ">ORDERS"])
        let bids = book.depth(.buy, levels: levels)
        let asks = book.depth(.sell, levels: levels)
        for index in 0..<max(bids.count, asks.count) {
            let bid = index < bids.count ? bids[index] : nil
            let ask = index < asks.count ? asks[index] : nil
            table.add([
                bid.map(orders) ?? "", bid?.quantity.grouped ?? "", bid?.price.description ?? "",
                ask?.price.description ?? "", ask?.quantity.grouped ?? "", ask.map(orders) ?? "",
            ])
        }
        return bids.isEmpty && asks.isEmpty ? "The book is empty.\n" : table.text
    }

    /// The orders of a level that have a name; `+` where others stand there since the opening.
    private static func orders(_ level: DepthLevel) -> String {
        level.opening > 0 ? "\(level.orders)+" : "\(level.orders)"
    }

    static func story(_ story: OrderStory) -> String {
        var text = ""
        // A cause is named by its place in rounds, and by its identifier where a process reacts to it.
        let numbers = Dictionary(
            story.steps.enumerated().flatMap { [($1.event, $0 + 1), ("\($1.id)", $0 + 1)] },
            uniquingKeysWith: { first, _ in first })
        for (index, step) in story.steps.enumerated() {
            text += "#\(index + 1)  \(step.time)  \(step.what)\n"
            text += "    who      \(step.actor ?? "not stated")\n"
            text += "    why      \(step.reason ?? "not stated")\n"
            if let cause = step.causationID {
                text += "    because  \(numbers[cause].map { "#\($0), " } ?? "")\(cause)\n"
            }
            if let correlation = step.correlationID { text += "    part of  \(correlation)\n" }
            text +=
                "    event    \(step.event) (\(step.type)), position \(step.position), recorded \(step.recordedAt)\n"
        }
        return text
    }

    static func closing(_ boards: [Quotes.Board]) -> String {
        var table = Table([
            "INSTRUMENT", ">SHARES", ">BID", ">ASK", ">SHARES", ">LAST", ">TRADES", ">VOLUME",
        ])
        for board in boards {
            table.add([
                board.instrument.rawValue, board.quote.bid?.quantity.grouped ?? "",
                board.quote.bid?.price.description ?? "", board.quote.ask?.price.description ?? "",
                board.quote.ask?.quantity.grouped ?? "", board.last?.description ?? "", board.trades.grouped,
                board.volume.grouped,
            ])
        }
        return table.text
    }

    static func confirmations(_ confirmations: [Confirmation]) -> String {
        var table = Table(["ACCOUNT", ">NO", "EXECUTION", ">ORDER", "SIDE", ">SHARES", ">PRICE", "EXECUTED"])
        for confirmation in confirmations {
            table.add([
                confirmation.account.rawValue, confirmation.number.grouped, confirmation.execution.rawValue,
                confirmation.order.description, confirmation.side.rawValue, confirmation.quantity.grouped,
                confirmation.price.description, confirmation.time.description,
            ])
        }
        return table.text
    }

    static func accounts(_ statements: [AccountStatement]) -> String {
        var table = Table(["ACCOUNT", ">WORTH", ">CASH", ">OF IT HELD", ">SHARES", ">OF THEM HELD"])
        for statement in statements {
            let positions = statement.holdings.positions.values
            table.add([
                statement.account.rawValue, statement.worth.description, statement.cash.total.description,
                statement.cash.held.description, positions.reduce(0) { $0 + $1.total }.grouped,
                positions.reduce(0) { $0 + $1.held }.grouped,
            ])
        }
        return table.text
    }

    static func statistics(_ lines: [TradeStatistics.Line]) -> String {
        var table = Table(["INSTRUMENT", "SESSION", ">TRADES", ">SHARES", ">TURNOVER", ">LOW", ">HIGH"])
        for line in lines {
            table.add([
                line.instrument.rawValue, line.session.rawValue, line.trades.grouped, line.shares.grouped,
                line.turnover.description, line.low.description, line.high.description,
            ])
        }
        return table.text
    }

    /// The shares of an account, of each instrument: `60 ALDER, 5 BIRCH`.
    static func shares(_ balance: HoldingsBalances.Balance) -> String {
        guard !balance.positions.isEmpty else { return "none" }
        return balance.positions.sorted { $0.key < $1.key }.map { instrument, position in
            "\(position.total.grouped) \(instrument)"
                + (position.held == 0 ? "" : ", of them \(position.held.grouped) held")
        }.joined(separator: ", ")
    }

    /// The events behind something, a line each.
    static func causes(_ events: [EventSummary]) -> String {
        events.map { "    by      \($0.what)  [\($0.event), position \($0.position)]\n" }.joined()
    }
}
