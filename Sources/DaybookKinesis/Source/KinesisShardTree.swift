#if Kinesis
/// Which shards may be read: those whose parents have been read to their end, so that the events of a key stay in order when
/// shards are split and merged.
struct KinesisShardTree {
    let shards: [KinesisShard]

    /// The shards that can be begun, in the order of their names.
    ///
    /// - Parameters:
    ///   - finished: Those that have been read to their end.
    ///   - running: Those that are being read.
    func startable(finished: Set<String>, running: Set<String>) -> [KinesisShard] {
        let kept = Set(shards.map(\.id))
        return shards.filter { shard in
            !finished.contains(shard.id) && !running.contains(shard.id)
                && [shard.parent, shard.adjacentParent].allSatisfy { parent in
                    // Of a parent that Kinesis has forgotten nothing can be read any more.
                    parent.map { finished.contains($0) || !kept.contains($0) } ?? true
                }
        }.sorted { $0.id < $1.id }
    }

    /// Those that have been read to their end and that Kinesis has forgotten.
    func forgotten(finished: Set<String>) -> Set<String> { finished.subtracting(shards.map(\.id)) }
}
#endif
