import DaybookProtocol

extension GroupDescription {
    /// One line of JSON.
    func line(withConsumers: Bool) -> [UInt8] {
        var line = JSONLine()
        line.add("stream", name.stream)
        line.add("group", name.group)
        line.add("status", status)
        line.add("checkpoint", checkpoint)
        line.add("lastRead", lastRead)
        line.add("consumerCount", consumerCount)
        line.add("waiting", waiting)
        line.add("inFlight", inFlight)
        line.add("retrying", retrying)
        line.add("parked", parked)
        line.add("delivered", delivered)
        line.add("deliveredPerSecond", perSecond)
        line.add("settings", raw: settings.object(startsFrom: GroupStart.word(for: startsFrom)))
        if let filter { line.add("filter", raw: filter.object) }
        if withConsumers {
            line.add(
                "consumers",
                objects: consumers.map { consumer in
                    var object = JSONLine()
                    object.add("name", consumer.name)
                    object.add("user", consumer.user)
                    object.add("delivered", consumer.delivered)
                    object.add("inFlight", consumer.inFlight)
                    object.add("room", consumer.room)
                    return object
                })
        }
        return line.finished()
    }
}

extension GroupChange {
    fileprivate func object(startsFrom: String) -> [UInt8] {
        var object = JSONLine()
        object.add("startsFrom", startsFrom)
        object.add("strategy", strategy ?? "")
        object.add("messageTimeoutMilliseconds", messageTimeout ?? 0)
        object.add("maxRetries", maxRetryCount ?? 0)
        object.add("maxConsumers", maxSubscriberCount ?? 0)
        object.add("checkpointAfterMilliseconds", checkpointAfter ?? 0)
        object.add("minCheckpointCount", minCheckpointCount ?? 0)
        object.add("maxCheckpointCount", maxCheckpointCount ?? 0)
        object.add("liveBuffer", liveBufferSize ?? 0)
        object.add("historyBuffer", historyBufferSize ?? 0)
        object.add("readBatch", readBatchSize ?? 0)
        object.add("resolvesLinks", resolvesLinks ?? false)
        object.add("measuresTimes", measuresTimes ?? false)
        return object.object
    }
}

extension GroupFilter {
    fileprivate var object: [UInt8] {
        var object = JSONLine()
        object.add("of", isOfTypes ? "types" : "streams")
        if pattern.isEmpty { object.add("prefixes", prefixes) } else { object.add("pattern", pattern) }
        return object.object
    }

    /// As people read it.
    var shown: String {
        let what = isOfTypes ? "types" : "streams"
        return pattern.isEmpty
            ? "\(what) that begin with \(prefixes.joined(separator: ", "))" : "\(what) with \(pattern)"
    }
}
