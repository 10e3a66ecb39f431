import DaybookCore

extension CommandHandler {
    @usableFromInline typealias Attempt = CommandAttempt<D>

    /// Attempts commands until they have an effect, are refused, or have met too many conflicts.
    @inlinable
    func carryOut(_ attempt: inout Attempt) async {
        var conflicts = 0
        while true {
            guard !Task.isCancelled else { return attempt.end(.cancelled(mayBeRecorded: false)) }
            if !attempt.hasBasis { await load(&attempt) }
            guard attempt.hasBasis else { return }
            var isConflict = attempt.isVerified
            switch attempt.decide(codec: codec, recording: recording) {
            case .append(let request):
                do throws(AppendError) {
                    let result = try await store.append(request)
                    guard result.isRepeat else {
                        return attempt.complete(result, snapshotIsDue: snapshots?.policy.isDue)
                    }
                    return await end(&attempt, repeating: result)
                } catch {
                    // When the stream was not as the basis says, what is new is read, and the commands decided again.
                    guard case .wrongExpectedVersion(let changed, _, let actual) = error else {
                        return await end(&attempt, after: error)
                    }
                    if changed == attempt.stream.control, let actual, attempt.expectControl(at: actual) {
                        isConflict = false
                    }
                }
            case .nothing: return attempt.endWithoutEffect()
            case .refused: if await isRefusalFinal(&attempt) { return }
            case .unverified: break
            }
            if isConflict {
                conflicts += 1
                guard conflicts < retry.attempts else {
                    return attempt.end(.conflict(attempts: conflicts, stream: attempt.stream))
                }
                do { try await wait(after: conflicts) } catch {
                    return attempt.end(.cancelled(mayBeRecorded: false))
                }
            }
            await refresh(&attempt)
            guard attempt.hasBasis else { return }
        }
    }

    /// Ends commands that were recorded before, if they were.
    @usableFromInline
    func endIfRepeat(_ attempt: inout Attempt) async {
        guard let commandID = attempt.commandID else { return }
        do throws(CommandError<D.Rejection>) {
            if let receipt = try await earlierReceipt(for: commandID, stream: attempt.stream) { attempt.end(receipt) }
        } catch {
            attempt.end(error)
        }
    }

    @usableFromInline
    func end(_ attempt: inout Attempt, repeating result: AppendResult) async {
        do throws(CommandError<D.Rejection>) {
            attempt.end(try await receipt(of: result, in: attempt.stream))
        } catch {
            attempt.end(error)
        }
    }

    @usableFromInline
    func end(_ attempt: inout Attempt, after error: AppendError) async {
        switch error {
        case .commandReused, .invalid, .unsupported:
            // The command may have been carried out before, on another state, with a decision that the store took.
            await endIfRepeat(&attempt)
        default: break
        }
        if attempt.result == nil { attempt.end(CommandError(error)) }
    }

    /// Ends commands that were refused, unless they were carried out before, which is their result then.
    ///
    /// - Returns: False when the stream has changed since, so that they are to be decided anew.
    @usableFromInline
    func isRefusalFinal(_ attempt: inout Attempt) async -> Bool {
        await endIfRepeat(&attempt)
        guard attempt.result == nil else { return true }
        if let request = attempt.requestToRecordRefusal(recording) {
            do throws(AppendError) {
                _ = try await store.append(request)
            } catch {
                if case .wrongExpectedVersion = error { return false }
                attempt.end(CommandError(error.withoutEffect))
            }
        }
        if attempt.result == nil { attempt.endRefused() }
        return true
    }

    @usableFromInline
    func load(_ attempt: inout Attempt) async {
        do throws(CommandError<D.Rejection>) {
            attempt.basis = try await load(attempt.stream)
        } catch {
            attempt.end(error)
        }
    }

    /// Reads what is new in the stream; without a basis, it is to be loaded.
    @usableFromInline
    func refresh(_ attempt: inout Attempt) async {
        do throws(CommandError<D.Rejection>) {
            attempt.basis = try await refreshed(attempt.basis.take(), in: attempt.stream)
        } catch {
            attempt.end(error)
        }
    }

    @usableFromInline
    func wait(after attempts: Int) async throws {
        let delay = randomness.withLock { retry.delay(after: attempts, using: &$0) }
        try await clock.sleep(for: delay)
    }
}
