/// The bounds that every store keeps. What goes over one is refused with an error that names it, before anything is
/// written.
public enum Limits {
    /// The data and metadata of one event, in bytes: 1 MiB.
    public static let eventBytes = 1 << 20
    /// The events of one append request.
    public static let eventsPerAppend = 10_000
    /// The data and metadata of one append request, in bytes: 16 MiB.
    public static let appendBytes = 16 << 20
    /// The streams that one append request writes or checks.
    public static let streamsPerAppend = 1_000
    /// A name, in bytes of UTF-8: 1 to 512.
    public static let nameBytes = 512
    /// The tags of one event.
    public static let tagsPerEvent = 32
    /// The items of one event query.
    public static let itemsPerQuery = 64
    /// The event types and tags that one event query names.
    public static let termsPerQuery = 512
    /// The events of one page.
    public static let eventsPerPage = 10_000
    /// The data and metadata after which a page ends, in bytes; one event more may be in it.
    public static let pageBytes = 4 << 20
    /// The events that a filtered read looks at before it returns, also when none fits.
    public static let eventsScannedPerPage = 50_000
    /// One snapshot or document, in bytes: 16 MiB.
    public static let documentBytes = 16 << 20
    /// The documents that one batch changes.
    public static let documentsPerBatch = 100_000
}
