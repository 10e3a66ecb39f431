import Testing

/// One issue is recorded, at this place, with these words: what a test of the testing kit expects.
func expectIssue(
    saying words: [String], sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) rethrows {
    try withKnownIssue(sourceLocation: sourceLocation) {
        try body()
    } matching: { issue in
        says(words, issue, sourceLocation)
    }
}

/// One issue is recorded, at this place, with these words: what a test of the testing kit expects.
func expectIssue(
    saying words: [String], sourceLocation: SourceLocation = #_sourceLocation, _ body: () async -> Void
) async {
    await withKnownIssue(sourceLocation: sourceLocation) {
        await body()
    } matching: { issue in
        says(words, issue, sourceLocation)
    }
}

private func says(_ words: [String], _ issue: Issue, _ sourceLocation: SourceLocation) -> Bool {
    let text = "\(issue) \(issue.comments.map(\.rawValue).joined(separator: "\n"))"
    return words.allSatisfy(text.contains) && issue.sourceLocation?.fileID == sourceLocation.fileID
}
