#if Client
import DaybookCore
import DaybookProtocol

extension DaybookClient {
    @discardableResult
    public func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        do { try request.validate() } catch { throw .invalid(error) }
        let losses = heads.losses
        let answer: StoreLink.Answer<MaybeResult, AppendError>
        do throws(CallFailure) {
            answer = try await link.ask(
                .append, request, for: MaybeResult.self, or: AppendError.self,
                repeating: request.isRepeatable ? .always : .unsent)
        } catch {
            throw AppendError(error)
        }
        switch answer.result {
        case .success(let success):
            guard let result = success.result else {
                throw .storageFailed(reason: "the server's answer has no result", mayBeWritten: true)
            }
            heads.note(result.position, asOf: losses)
            return result
        case .failure(.cancelled(let mayBeWritten)):
            // Not this client's task, but the server's.
            throw .storageFailed(
                reason: "the server gave the append up", mayBeWritten: mayBeWritten || answer.isRepeat)
        case .failure(let error):
            guard answer.isRepeat, !error.holdsForEver else { throw error }
            throw .storageFailed(
                reason: "the answer to an attempt was lost, and the next one was refused: \(error)", mayBeWritten: true)
        }
    }
}
#endif
