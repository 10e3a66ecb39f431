import DaybookCore

/// A store that has all that the exchange needs: the log, and beside it snapshots and read models.
typealias MarketStore = CheckpointStore & EventStore & ReadModelStore & SnapshotStore
