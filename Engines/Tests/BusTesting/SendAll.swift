import Daybook

/// Sends what is not acknowledged, of each stream in order, again and again, as a publisher does.
public func sendAll(_ ids: [String: [String]], to target: some BatchPublisherTarget, rounds: Int = 100) async -> Bool {
    var left = ids
    for _ in 0..<rounds {
        let sending = Sending()
        let messages = left.keys.sorted().flatMap { stream in
            left[stream]!.map { sending.message($0, stream: stream) }
        }
        if messages.isEmpty { return true }
        await target.send(messages)
        let done = Set(sending.acknowledged)
        for (stream, ids) in left {
            let rest = Array(ids.drop { done.contains($0) })
            left[stream] = rest.isEmpty ? nil : rest
        }
        if !left.isEmpty { try? await Task.sleep(for: .milliseconds(50)) }
    }
    return left.isEmpty
}
