#if Server
import DaybookCore
import Synchronization

/// Who makes the call that is being answered, and what they may do.
///
/// A server that asks who its clients are runs every call with one of these (``AccessGate``); methods ask by the static
/// functions. What the server does by itself has none, and neither has any call of a server that lets everybody do everything.
final class CallAccess: Sendable {
    @TaskLocal static var current: CallAccess?

    private struct State {
        var login: Login
        /// What was allowed, and has to be still while the call goes on.
        var granted: Set<AccessAction> = []
        /// Streams behind links whose reading is written down already.
        var targetsAudited: Set<StreamResource> = []
        var lastChange: UInt64
    }

    private let control: AccessControl
    private let method: String
    private let address: String
    private let state: Mutex<State>

    /// - Parameter change: How many changes of rights there had been before the login was looked at.
    init(_ login: Login, asOf change: UInt64, control: AccessControl, method: String, address: String) {
        self.control = control
        self.method = method
        self.address = address
        state = Mutex(State(login: login, lastChange: change))
    }

    var principal: Principal { state.withLock(\.login.principal) }

    /// How long a right that was taken away may be used yet.
    var recheckTime: Duration { control.limits.recheckTime }

    // MARK: - What methods ask

    /// - Throws: ``AccessDenial`` unless the call may do it, in part at least.
    static func require(_ action: AccessAction) async throws(AccessDenial) {
        guard let current else { return }
        try await current.require(action)
    }

    /// By the name that clients of KurrentDB use.
    static func require(_ right: StreamRight, ofClient name: String) async throws(AccessDenial) {
        guard let current else { return }
        try await current.require(.stream(right, StreamResource(client: name)))
    }

    /// By the name that the stream has in the log.
    static func require(_ right: StreamRight, of stream: StreamName) async throws(AccessDenial) {
        guard let current else { return }
        try await current.require(.stream(right, StreamResource(recorded: stream)))
    }

    /// Asks for the right to read streams that the caller has not named, and who lacks it is not told of: a receipt tells which
    /// streams a command has written.
    static func requireReading(unnamed streams: some Sequence<StreamName>) async throws(AccessDenial) {
        do throws(AccessDenial) {
            for stream in streams { try await require(.read, of: stream) }
        } catch {
            guard case .denied(let missing) = error else { throw error }
            throw .denied(missing.unnamed)
        }
    }

    /// Looks again at what was allowed to a call that has waited for its client.
    ///
    /// - Throws: ``AccessDenial`` when the call may not go on.
    static func recheck() async throws(AccessDenial) { try await current?.recheck() }

    /// Runs what goes on for long, until the call may not do any more what it does.
    ///
    /// - Parameter changes: Whether the work changes something: a refusal would say that nothing of it was done.
    static func whileAllowed<T: Sendable>(
        changes: Bool = false, _ work: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        guard let current else { return try await work() }
        do { return try await current.whileAllowed(work) } catch let denial as AccessDenial where changes {
            throw RPCStatus(ending: denial)
        }
    }

    /// The same of work that must not be cancelled, since it would be made again: `end` has it end by itself.
    static func untilRefused<T: Sendable>(
        _ end: @escaping @Sendable (AccessDenial) -> Void, work: @Sendable () async throws -> T
    ) async throws -> T {
        guard let current else { return try await work() }
        async let _: Void = current.watch(end)
        return try await work()
    }

    /// Those of a page's things whose streams the call may read.
    static func visible<Thing: Sendable>(
        _ things: [Thing], of streams: (Thing) -> [StreamResource]
    ) async throws(AccessDenial) -> [Thing] {
        guard let current else { return things }
        try await current.recheck()
        guard !current.principal.has(.admin) else { return things }
        var known: [StreamResource: Bool] = [:]
        var visible: [Thing] = []
        visible.reserveCapacity(things.count)
        next: for thing in things {
            for resource in streams(thing) {
                let isVisible: Bool
                if let answer = known[resource] {
                    isVisible = answer
                } else {
                    isVisible = try await current.mayRead(resource)
                    known[resource] = isVisible
                }
                if !isVisible { continue next }
            }
            visible.append(thing)
        }
        return visible
    }

    /// Asks whether the call may know of a stream: whoever names one to be told of others would learn whether it is there.
    static func requireVisible(_ stream: StreamName) async throws(AccessDenial) {
        guard let current else { return }
        let resource = StreamResource(recorded: stream)
        guard try await current.mayRead(resource) else {
            throw .denied(MissingRight(.stream(.read, resource), of: current.principal))
        }
    }

    /// Whether the call may read a stream. Nothing is written down of it.
    static func mayRead(_ resource: StreamResource) async throws(AccessDenial) -> Bool {
        guard let current else { return true }
        return try await current.mayRead(resource)
    }

    // MARK: -

    func require(_ action: AccessAction) async throws(AccessDenial) {
        // The call may have waited for its client since it was let in.
        try await recheck()
        let principal = principal
        switch try await control.decision(on: action, by: principal) {
        case .allowed, .allowedInPart: break
        case .denied: throw refusal(.denied(MissingRight(action, of: principal)), of: principal)
        case .unauthenticated: throw refusal(.unauthenticated, of: principal)
        }
        switch action {
        case .stream(let right, let resource):
            guard right.isReading else { return }
            grant(action)
            try await recordRead(of: resource)
        case .consume(let resource):
            grant(action)
            try await recordRead(of: resource)
        default:
            grant(action)
        }
    }

    private func recordRead(of resource: StreamResource) async throws(AccessDenial) {
        try await control.records.read(resource, by: principal, calling: method, from: address)
    }

    /// The call is shown an event of this stream, to which a link in another one leads: once is enough.
    private func recordTarget(_ resource: StreamResource) async throws(AccessDenial) {
        guard control.records.isAudited(resource),
            !state.withLock({ $0.targetsAudited.contains(resource) })
        else { return }
        try await recordRead(of: resource)
        state.withLock { state in
            if state.targetsAudited.count >= AccessLimits.targetsRemembered { state.targetsAudited = [] }
            state.targetsAudited.insert(resource)
        }
    }

    /// Writes down that the call is shown what a link leads to, where that is to be.
    static func noteTarget(_ resource: StreamResource) async throws(AccessDenial) {
        guard let current else { return }
        try await current.recordTarget(resource)
    }

    private func grant(_ action: AccessAction) {
        state.withLock { state in
            if state.granted.count < AccessLimits.rightsRechecked { state.granted.insert(action) }
        }
    }

    private func refusal(_ denial: AccessDenial, of principal: Principal) -> AccessDenial {
        control.records.refused(method, principal, from: address, denial)
        return denial
    }

    private func mayRead(_ resource: StreamResource) async throws(AccessDenial) -> Bool {
        try await control.decision(on: .stream(.read, resource), by: principal) == .allowed
    }

    private func whileAllowed<T: Sendable>(_ work: @escaping @Sendable () async throws -> T) async throws -> T {
        try await withThrowingTaskGroup(of: T?.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await work() }
            group.addTask { [self] in
                while true {
                    try await Task.sleep(for: recheckTime)
                    try await recheck()
                }
            }
            while let ended = try await group.next() {
                if let result = ended { return result }
            }
            throw CancellationError()
        }
    }

    /// Returns when the call may not go on, having told of it, or the task is cancelled.
    private func watch(_ end: @Sendable (AccessDenial) -> Void) async {
        while (try? await Task.sleep(for: recheckTime)) != nil {
            do { try await recheck() } catch { return end(error) }
        }
    }

    /// Looks again at what was allowed, when something has changed since.
    func recheck() async throws(AccessDenial) {
        let change = control.log.accessChanges.total
        let (login, granted, lastChange) = state.withLock { ($0.login, $0.granted, $0.lastChange) }
        let hasEnded = login.end.map { $0 <= .now } ?? false
        guard hasEnded || change != lastChange else { return }
        let renewed: Login
        do { renewed = try await control.renewed(login) } catch { throw refusal(error, of: login.principal) }
        for action in granted {
            switch try await control.decision(on: action, by: renewed.principal) {
            case .allowed, .allowedInPart: break
            case .denied:
                throw refusal(.denied(MissingRight(action, of: renewed.principal)), of: renewed.principal)
            case .unauthenticated: throw refusal(.unauthenticated, of: renewed.principal)
            }
        }
        state.withLock { state in
            state.login = renewed
            state.lastChange = change
        }
    }
}
#endif
