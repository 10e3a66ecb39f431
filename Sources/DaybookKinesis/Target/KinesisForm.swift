#if Kinesis
/// How a ``KinesisTarget`` writes events into records.
public enum KinesisForm: Sendable, Hashable {
    /// One event a record, as one JSON object: what readers of other make expect. As the records of a stream are sent one after
    /// another, a stream has as many events a second as there are round trips.
    case structured
    /// What waits of one stream in one record, as a JSON array of the media type `application/cloudevents-batch+json`, for busy
    /// streams and for readers that know it, such as ``KinesisSource``. A single event is an array too.
    ///
    /// - Parameter events: The most in one record, at least 1.
    case batches(events: Int = 500)
}
#endif
