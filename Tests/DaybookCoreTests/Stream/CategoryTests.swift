import DaybookCore
import Foundation
import Testing

@Suite("A category")
struct CategoryTests {
    @Test("with a dash is refused, since no stream is of it", arguments: ["order-book", "-", "order-", "$$order-1"])
    func dash(text: String) {
        let error = InvalidName(kind: "category", text: text, reason: .dash)
        #expect(throws: error) { try Category(text) }
        #expect(Category(rawValue: text) == nil)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([Category].self, from: Data("[\"\(text)\"]".utf8))
        }
        #expect(error.description.contains("'\(text)' has a '-'"))
    }

    @Test("without one is that of its streams", arguments: ["order", "order_book", "é", "$$order"])
    func streams(text: String) throws {
        let category = try Category(text)
        #expect(try StreamName(category: category, id: "4-2").category == category)
    }

    @Test("does not keep other names from having dashes", arguments: ["order-4-2", "-"])
    func otherNames(text: String) throws {
        #expect(try StreamName(text).rawValue == text)
        #expect(try EventType(text).rawValue == text)
        #expect(try CommandID(text).rawValue == text)
    }
}
