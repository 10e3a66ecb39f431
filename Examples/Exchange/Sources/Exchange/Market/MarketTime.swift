import DaybookCore

extension RecordedEvent {
    /// When the event happened on the market: its stated time, or that at which it was recorded where it states none.
    ///
    /// - Throws: ``InvalidMetadata`` when the metadata is no JSON object.
    public func marketTime() throws(InvalidMetadata) -> Timestamp {
        try EventMetadata(decoding: metadata).occurredAt ?? recordedAt
    }
}
