#if Client
import NIOCore
import NIOHPACK
import NIOHTTP2
import Synchronization

/// A connection to the server, which carries many calls at once; those beyond a number wait for their turn.
final class ClientConnection: Sendable {
    private struct State {
        var open = 0
        /// Those that are open, and those that were.
        var begun = 0
        var waiting: [ClientCall] = []
        var first = 0
        /// Takes no further calls, and closes when those that are open have ended.
        var isDraining = false

        mutating func next() -> ClientCall? {
            while first < waiting.count {
                let call = waiting[first]
                first += 1
                if first == waiting.count || first > 1_000 {
                    waiting.removeFirst(first)
                    first = 0
                }
                if !call.isFinished { return call }
            }
            return nil
        }
    }

    private enum Step {
        case open
        case wait
        case refuse
    }

    /// Which attempt to connect made it.
    let number: Int
    private let channel: any Channel
    private let multiplexer: NIOHTTP2Handler.StreamMultiplexer
    private let address: ServerAddress
    private let credentials: ClientCredentials?
    private let openCalls: Int
    private let callsInAll: Int
    private let onLastCall: @Sendable (ClientConnection) -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - callsInAll: How many calls it carries.
    ///   - onLastCall: Called when the last of them begins.
    init(
        number: Int, channel: any Channel, multiplexer: NIOHTTP2Handler.StreamMultiplexer, address: ServerAddress,
        credentials: ClientCredentials?, openCalls: Int, callsInAll: Int,
        onLastCall: @escaping @Sendable (ClientConnection) -> Void
    ) {
        self.number = number
        self.channel = channel
        self.multiplexer = multiplexer
        self.address = address
        self.credentials = credentials
        self.openCalls = openCalls
        self.callsInAll = callsInAll
        self.onLastCall = onLastCall
    }

    func answer(to call: ClientCall) async throws(CallFailure) -> [UInt8] {
        try await call.outcome {
            channel.eventLoop.execute { [self] in start(call) }
        }.get()
    }

    private func start(_ call: ClientCall) {
        if let deadline = call.deadline {
            call.setTimer(
                channel.eventLoop.scheduleTask(deadline: deadline) {
                    call.fail { CallFailure(.timedOut, "no answer came in time", mayHaveEffect: $0) }
                })
        }
        let isActive = channel.isActive
        let step = state.withLock { state -> Step in
            guard isActive, !state.isDraining else { return .refuse }
            guard state.open < openCalls else {
                state.waiting.append(call)
                return .wait
            }
            state.open += 1
            return .open
        }
        switch step {
        case .open: open(call)
        case .wait: break
        case .refuse: call.fail { CallFailure(.interrupted, "the connection has ended", mayHaveEffect: $0) }
        }
    }

    private func open(_ call: ClientCall) {
        let slot = CallSlot { [self] in ended() }
        let headers = self.headers(of: call)
        let promise = channel.eventLoop.makePromise(of: (any Channel).self)
        promise.futureResult.whenFailure { [loop = channel.eventLoop] error in
            call.fail { CallFailure(.interrupted, "\(error)", mayHaveEffect: $0) }
            // Not at once: on a connection that has ended the next call fails as well, within this one, and so on through all
            // that wait, for which the stack has no room.
            loop.execute { slot.free() }
        }
        multiplexer.createStreamChannel(promise: promise) { stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandler(
                    ClientCallHandler(call: call, headers: headers) { slot.free() })
            }
        }
        let isLast = state.withLock { state in
            state.begun += 1
            return state.begun == callsInAll
        }
        if isLast { onLastCall(self) }
    }

    private func headers(of call: ClientCall) -> HPACKHeaders {
        var headers: HPACKHeaders = [
            ":method": "POST", ":scheme": address.usesTLS ? "https" : "http", ":path": call.path,
            ":authority": address.authority, "content-type": "application/grpc", "te": "trailers",
        ]
        if let credentials {
            headers.add(name: "authorization", value: credentials.header, indexing: .neverIndexed)
        }
        for (name, value) in call.headers { headers.add(name: name, value: value) }
        if let deadline = call.deadline {
            // In whole seconds, and one more, so that most calls say the same, and the client is the first to give up.
            let seconds = max((deadline - NIODeadline.now()).nanoseconds, 0) / 1_000_000_000 + 2
            headers.add(name: "grpc-timeout", value: "\(min(seconds, 99_999_999))S")
        }
        return headers
    }

    /// A call that was open has ended: the next one has its turn.
    private func ended() {
        let (next, isOver) = state.withLock { state -> (ClientCall?, Bool) in
            if let next = state.isDraining ? nil : state.next() { return (next, false) }
            state.open -= 1
            return (nil, state.isDraining && state.open == 0)
        }
        if let next { open(next) }
        if isOver { channel.close(promise: nil) }
    }

    /// Takes no further calls. Those that wait fail, nothing of them having been sent; the connection closes when those that are
    /// open have ended.
    func drain() {
        let (waiting, isOver) = state.withLock { state -> (ArraySlice<ClientCall>, Bool) in
            state.isDraining = true
            defer { (state.waiting, state.first) = ([], 0) }
            return (state.waiting[state.first...], state.open == 0)
        }
        for call in waiting {
            call.fail { CallFailure(.interrupted, "the server ends the connection", mayHaveEffect: $0) }
        }
        if isOver { channel.close(promise: nil) }
    }

    /// The connection has ended: what waits for its turn has none.
    func lost() { drain() }

    func closeNow() { channel.close(promise: nil) }

    /// Lets open calls end, for some time.
    func close(within patience: TimeAmount) async {
        drain()
        let channel = channel
        let timer = channel.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
        try? await channel.closeFuture.get()
        timer.cancel()
    }
}
#endif
