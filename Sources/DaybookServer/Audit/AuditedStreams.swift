#if Server
import DaybookCore

/// The streams of which it is written down who reads them: those of marked categories, and those of marked names.
struct AuditedStreams: Sendable {
    private let categories: Set<Category>
    private let patterns: [StreamPattern]

    init(categories: Set<Category> = [], patterns: [String] = []) {
        self.categories = categories
        self.patterns = patterns.map { StreamPattern($0) }
    }

    var isEmpty: Bool { categories.isEmpty && patterns.isEmpty }

    /// Of the whole log and of what is read from the index it is not known beforehand which streams it will be: it is taken for
    /// all of them. So are the users' streams, of which nobody is to read unseen.
    func contains(_ resource: StreamResource) -> Bool {
        guard !isEmpty else { return false }
        switch resource.kind {
        case .log, .index, .users: return true
        case .ordinary, .system:
            return categories.contains(resource.name.category)
                || patterns.contains { $0.matches(resource.name.rawValue) }
        }
    }
}
#endif
