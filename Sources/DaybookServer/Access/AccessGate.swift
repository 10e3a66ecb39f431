#if Server
import NIOCore

/// Lets calls in, of every protocol: each runs with its ``CallAccess``, or not at all.
struct AccessGate: Sendable {
    let control: AccessControl

    /// How the paths of the store's own protocol begin.
    private static let ownMethods = "/daybook.v1."

    /// The same methods, each behind the gate.
    func guarding(_ routes: RPCRoutes) -> RPCRoutes {
        Dictionary(
            uniqueKeysWithValues: routes.map { path, method in
                let action = AccessTable.action(ofMethod: path)
                return (path, guarding(method, action))
            })
    }

    private func guarding(_ method: RPCMethod, _ action: AccessAction) -> RPCMethod {
        switch method {
        case .finishing(let method):
            .finishing(guarding(method, action))
        case .unary(let answer):
            .unary { (message: ByteBuffer, context: RPCContext) async throws -> ByteBuffer in
                try await enter(context, action) { try await answer(message, context) }
            }
        case .clientStreaming(let answer):
            .clientStreaming { (requests: RPCRequests, context: RPCContext) async throws -> ByteBuffer in
                try await enter(context, action) { try await answer(requests, context) }
            }
        case .streaming(let answer):
            .streaming { (requests: RPCRequests, responses: RPCResponses, context: RPCContext) async throws -> Void in
                try await enter(context, action) { try await answer(requests, responses, context) }
            }
        }
    }

    private func enter<T: Sendable>(
        _ context: RPCContext, _ action: AccessAction, _ body: @Sendable () async throws -> T
    ) async throws -> T {
        do {
            return try await enter(
                Credentials(
                    authorization: context.header("authorization"), certificate: context.peer.certificateName,
                    until: context.peer.certificateEnd),
                method: context.path, address: context.peer.address, record: context.record, action, body)
        } catch let denial as AccessDenial {
            throw context.path.hasPrefix(Self.ownMethods) ? RPCStatus(store: denial) : RPCStatus(denial)
        }
    }

    /// - Parameter record: Told who calls.
    /// - Throws: ``AccessDenial``, and what the body throws.
    func enter<T: Sendable>(
        _ credentials: Credentials, method: String, address: String, record: CallRecord? = nil, _ action: AccessAction,
        _ body: @Sendable () async throws -> T
    ) async throws -> T {
        // Before anything is looked up, so that no change falls between.
        let change = control.log.accessChanges.total
        let login: Login
        // Who may be anybody is not asked who they are: a client with an old password still finds the server.
        if action == .discover {
            login = .anonymous
        } else {
            do { login = try await control.login(credentials, from: address) } catch {
                control.records.refused(method, .anonymous, from: address, error)
                throw error
            }
        }
        record?.isBy(login.principal)
        let access = CallAccess(login, asOf: change, control: control, method: method, address: address)
        try await access.require(action)
        control.records.admitted(method, login.principal, from: address)
        return try await CallAccess.$current.withValue(access) { try await body() }
    }
}
#endif
