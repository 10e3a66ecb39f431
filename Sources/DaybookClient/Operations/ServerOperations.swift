#if Client
import DaybookCore
import DaybookProtocol
import NIOCore

/// What the operators of a server ask of it, beside its store.
package struct ServerOperations: Sendable {
    let link: StoreLink

    /// How often it is asked how far a task is.
    private static let progressTime = Duration.milliseconds(300)

    /// Asks whether the server is there, and knows the client.
    ///
    /// - Parameter time: How long it may take until a connection is there and the server has answered.
    package func greet(within time: Duration) async throws(OperationFailure) {
        let answer: StoreLink.Answer<PositionMessage, ReadError>
        do throws(CallFailure) {
            answer = try await link.ask(
                at: StoreMethod.head.path, WireNothing(), for: PositionMessage.self, or: ReadError.self,
                repeating: .always, within: TimeAmount(time))
        } catch {
            throw OperationFailure(error)
        }
        if case .failure(let error) = answer.result { throw OperationFailure(.storageFailed, error.description) }
    }

    // MARK: - Upkeep

    /// Has the server's store look after itself, which ends when the caller's task is cancelled, or the connection ends.
    ///
    /// - Returns: The report, as JSON.
    package func perform(
        _ task: UpkeepTask, progress: @escaping @Sendable (UpkeepProgress) -> Void
    ) async throws(OperationFailure) -> [UInt8] {
        let id = EventID()
        async let _: Void = watch(id, progress)
        return try await ask(
            .performUpkeep, UpkeepRequest(task, id: id), for: UpkeepReport.self, repeating: .unsent,
            changes: !task.onlyLooks, isWait: true
        ).bytes
    }

    /// Tells how far a task is, until the calling task is cancelled.
    private func watch(_ id: EventID, _ progress: @Sendable (UpkeepProgress) -> Void) async {
        var last: UpkeepProgress?
        while (try? await Task.sleep(for: Self.progressTime)) != nil {
            let answer = try? await ask(
                .upkeepProgress, UpkeepProgressRequest(id), for: MaybeProgress.self, repeating: .always)
            guard let now = answer?.progress, now != last else { continue }
            last = now
            progress(now)
        }
    }

    // MARK: - Users

    /// All users, in the order in which they were first made.
    package func users() async throws(OperationFailure) -> [UserSummary] {
        var users: [UserSummary] = []
        while true {
            let page = try await ask(
                .listUsers, UsersRequest(skipping: users.count), for: UsersPage.self, repeating: .always)
            users += page.users
            if page.isAtEnd || page.users.isEmpty { return users }
        }
    }

    /// The first user may be made by who has the token that the server says when it starts.
    package func add(_ user: UserRequest) async throws(OperationFailure) {
        _ = try await ask(.addUser, user, for: WireNothing.self, repeating: .unsent, changes: true)
    }

    package func setPassword(of login: String, to password: String) async throws(OperationFailure) {
        _ = try await ask(
            .setPassword, UserRequest(login: login, password: password), for: WireNothing.self, repeating: .always,
            changes: true)
    }

    package func removeUser(_ login: String) async throws(OperationFailure) {
        _ = try await ask(
            .removeUser, UserRequest(login: login), for: WireNothing.self, repeating: .unsent, changes: true)
    }

    // MARK: - Groups of consumers

    /// The groups of one stream, or of all, without their consumers.
    package func groups(of stream: String?) async throws(OperationFailure) -> [GroupDescription] {
        try await ask(.listGroups, GroupsRequest(of: stream), for: GroupDescriptions.self, repeating: .always).groups
    }

    package func group(_ name: GroupReference) async throws(OperationFailure) -> GroupDescription {
        let answer = try await ask(.getGroup, name, for: GroupDescriptions.self, repeating: .always)
        guard let group = answer.groups.first else {
            throw OperationFailure(.failed, "The server's answer has no group: it is of another version.")
        }
        return group
    }

    package func createGroup(
        _ name: GroupReference, _ settings: GroupChange, filter: GroupFilter?
    ) async throws(OperationFailure) {
        _ = try await ask(
            .createGroup, GroupChangeRequest(name, settings, filter: filter), for: WireNothing.self, repeating: .unsent,
            changes: true)
    }

    package func updateGroup(_ name: GroupReference, _ change: GroupChange) async throws(OperationFailure) {
        _ = try await ask(
            .updateGroup, GroupChangeRequest(name, change), for: WireNothing.self, repeating: .unsent, changes: true)
    }

    package func deleteGroup(_ name: GroupReference) async throws(OperationFailure) {
        _ = try await ask(.deleteGroup, name, for: WireNothing.self, repeating: .unsent, changes: true)
    }

    /// - Parameter end: The first of the parked events that is to stay; nil for none.
    package func replayParked(_ name: GroupReference, until end: Int64?) async throws(OperationFailure) {
        _ = try await ask(
            .replayParked, ReplayParkedRequest(name, until: end), for: WireNothing.self, repeating: .unsent,
            changes: true)
    }

    /// Drops the consumers of all groups, and begins anew with what is saved.
    package func restartGroups() async throws(OperationFailure) {
        _ = try await ask(.restartGroups, WireNothing(), for: WireNothing.self, repeating: .always, changes: true)
    }

    /// - Parameter changes: Whether the call changes something, so that a caller whose answer was lost has to look what it did.
    private func ask<Success: WireMessage>(
        _ method: OperationsMethod, _ request: some WireMessage, for success: Success.Type,
        repeating repetition: StoreLink.Repetition, changes: Bool = false, isWait: Bool = false
    ) async throws(OperationFailure) -> Success {
        let answer: StoreLink.Answer<Success, OperationFailure>
        do throws(CallFailure) {
            answer = try await link.ask(
                at: method.path, request, for: Success.self, or: OperationFailure.self, repeating: repetition,
                isWait: isWait)
        } catch {
            throw OperationFailure(error, changes: changes)
        }
        switch answer.result {
        case .success(let success): return success
        case .failure(let failure) where changes && answer.isRepeat:
            throw OperationFailure(inDoubt: "the next attempt was refused: \(failure)")
        case .failure(let failure): throw failure
        }
    }
}

extension DaybookClient {
    package var operations: ServerOperations { ServerOperations(link: link) }
}
#endif
