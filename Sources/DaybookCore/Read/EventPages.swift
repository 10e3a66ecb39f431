/// The events of pages that are read one behind another. From the third on, a page is read while the events of the one before
/// are used: whoever has asked for a second page is likely to want more.
struct EventPages<Cursor: Sendable> {
    struct Page: Sendable {
        var events: [RecordedEvent]
        /// Where to go on; nil at the end.
        var next: Cursor?
    }

    /// A page that is read before it is asked for, by a task of its own, which is cancelled when nobody holds this any more.
    private final class Ahead: Sendable {
        private let task: Task<Result<Page, ReadError>, Never>

        init(_ cursor: Cursor, _ read: @escaping @Sendable (Cursor) async throws(ReadError) -> Page) {
            let executor = withUnsafeCurrentTask { $0?.unownedTaskExecutor?.asTaskExecutor() }
            task = Task(executorPreference: executor) {
                do throws(ReadError) { return .success(try await read(cursor)) } catch { return .failure(error) }
            }
        }

        deinit { task.cancel() }

        func page() async throws(ReadError) -> Page {
            let task = task
            return try await withTaskCancellationHandler {
                await task.value
            } onCancel: {
                task.cancel()
            }.get()
        }
    }

    private let read: @Sendable (Cursor) async throws(ReadError) -> Page
    private var page: Page
    private var index = 0
    private var ahead: Ahead?
    private var pagesRead = 0

    init(from cursor: Cursor, _ read: @escaping @Sendable (Cursor) async throws(ReadError) -> Page) {
        self.read = read
        page = Page(events: [], next: cursor)
    }

    mutating func next(isolation actor: isolated (any Actor)?) async throws(ReadError) -> RecordedEvent? {
        while index == page.events.count {
            guard let cursor = page.next else { return nil }
            guard !Task.isCancelled else { throw .cancelled }
            let ahead = ahead
            self.ahead = nil  // Whoever asks again after a failure has the page read anew.
            page = if let ahead { try await ahead.page() } else { try await read(cursor) }
            index = 0
            pagesRead += 1
            self.ahead = if pagesRead > 1, let next = page.next { Ahead(next, read) } else { nil }
        }
        defer { index += 1 }
        return page.events[index]
    }
}
