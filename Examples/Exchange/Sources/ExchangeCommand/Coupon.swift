import ArgumentParser
import Exchange

struct Coupon: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Pays a bond's coupon to all who hold it, once.",
        discussion: """
            Entitled is who held the bond before the first session on or after the coupon date; the issuer's cash pays. A \
            coupon that was paid is not paid again, and a payment that was interrupted is gone on with by running the \
            command again.
            """)

    @Argument(help: "The bond's symbol.")
    var bond: String

    @Option(help: ArgumentHelp("The coupon date, as 2026-05-15.", valueName: "date"))
    var on: String

    @OptionGroup var store: StoreOptions

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard Instrument(bond) != nil else {
            throw ValidationError("'\(bond)' is no symbol: give 1 to 16 letters, digits, dots or underscores.")
        }
        guard CalendarDate(on) != nil else { throw ValidationError("'\(on)' is no date: give --on as 2026-05-15.") }
    }

    func run() async throws {
        guard let bond = Instrument(bond), let date = CalendarDate(on) else { return }
        try await store.withStore(creates: false) { store in
            let outcome = try await CouponDesk(in: store).pay(bond, on: date)
            if json {
                try StandardOutput.json(CouponDocument(bond, date, outcome))
            } else {
                try StandardOutput.line(
                    "The coupon of \(bond) of \(date)\(outcome.isRepeat ? " was paid before" : " is paid"): "
                        + "\(outcome.total) dollars to \(outcome.holders.count.grouped) holders.")
            }
        }
    }
}

/// A coupon as a program reads it. Amounts are in ten-thousandths of a dollar.
private struct CouponDocument: Encodable {
    var bond: Instrument
    var date: CalendarDate
    var total: Money
    var holders: [CouponPayment.Holder]
    var isRepeat: Bool

    init(_ bond: Instrument, _ date: CalendarDate, _ outcome: CouponDesk.Outcome) {
        self.bond = bond
        self.date = date
        total = outcome.total
        holders = outcome.holders
        isRepeat = outcome.isRepeat
    }
}
