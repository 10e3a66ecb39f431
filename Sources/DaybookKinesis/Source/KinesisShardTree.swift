#if Kinesis
/// Which shards may be read: those whose parents have been read to their end, so that the events of a key stay in order when
/// shards are split and merged.
struct KinesisShardTree {
    let shards: [KinesisShard]
    /// Those that are not listed, and of which Kinesis says when asked that there are no such.
    let gone: Set<String>

    /// Whether a shard is listed.
    func lists(_ id: String) -> Bool { shards.contains { $0.id == id } }

    /// The parents that are not listed.
    var unlistedParents: Set<String> {
        Set(shards.flatMap { [$0.parent, $0.adjacentParent].compactMap { $0 } }).subtracting(shards.map(\.id))
    }

    /// The shards that can be begun, in the order of their names.
    ///
    /// - Parameters:
    ///   - finished: Those that have been read to their end.
    ///   - running: Those that are being read.
    func startable(finished: Set<String>, running: Set<String>) -> [KinesisShard] {
        return shards.filter { shard in
            !finished.contains(shard.id) && !running.contains(shard.id)
                && [shard.parent, shard.adjacentParent].allSatisfy { parent in
                    // Of a parent that Kinesis has forgotten nothing can be read any more.
                    parent.map { finished.contains($0) || gone.contains($0) } ?? true
                }
        }.sorted { $0.id < $1.id }
    }

    /// Those that have been read to their end and that Kinesis has forgotten.
    func forgotten(finished: Set<String>) -> Set<String> { finished.subtracting(shards.map(\.id)).intersection(gone) }
}
#endif
