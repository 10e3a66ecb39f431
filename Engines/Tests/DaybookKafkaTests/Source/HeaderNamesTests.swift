import Testing

@testable import DaybookKafka

@Suite("The names of headers")
struct HeaderNamesTests {
    @Test("are those of each record, whatever the record before it had")
    func names() {
        let records = [
            ["ce_id", "ce_type", "Content-Type", "other"], ["ce_id", "ce_type", "Content-Type", "other"],
            ["ce_type", "ce_id"], ["ce_type", "other", "ce_id", "content-type", "ce_subject"], [], ["ce_id2"],
            ["ce_id"], ["ce_id2"], ["ce_i"],
            ["ce_id", "ce_id"], (0..<200).map { "ce_\($0)" }, (0..<200).reversed().map { "ce_\($0)" },
        ]
        var names = HeaderNames()
        for record in records {
            let found = record.enumerated().map { names.name(at: $0.offset, $0.element)?.text }
            #expect(found == record.map { HeaderName($0)?.text })
        }
    }

    @Test("tell the attribute, which content-type is in any case of letters")
    func attributes() {
        #expect(HeaderName("ce_subject")?.attribute == "subject")
        #expect(HeaderName("ce_subject")?.isContentType == false)
        #expect(HeaderName("Content-TYPE")?.attribute == "datacontenttype")
        #expect(HeaderName("Content-TYPE")?.isContentType == true)
        #expect(HeaderName("ce_datacontenttype")?.isContentType == false)
        #expect(HeaderName("other")?.text == nil)
        #expect(HeaderName("CE_id")?.text == nil)
    }
}
