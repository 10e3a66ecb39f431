#if Server
/// One of something for each protocol, found without a look-up.
struct ByProtocol<Meter: Sendable>: Sendable {
    private let meters: [Meter]

    init(_ make: () -> Meter) { meters = ServedProtocol.allCases.map { _ in make() } }

    subscript(served: ServedProtocol) -> Meter {
        switch served {
        case .kurrentdb: meters[0]
        case .daybook: meters[1]
        case .http: meters[2]
        case .server: meters[3]
        }
    }
}
#endif
