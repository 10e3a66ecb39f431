import DaybookCore
import Testing

@testable import DaybookServer

@Suite struct KurrentMetadataTests {
    private static func read(_ text: String) -> KurrentMetadata { KurrentMetadata(decoding: Array(text.utf8)) }

    @Test func keysAreRead() {
        let metadata = Self.read(#"{"$maxAge":3600,"$maxCount":5,"$tb":7,"$acl":{"$r":"a"},"own":[1]}"#)
        #expect(metadata.maxAge == 3600)
        #expect(metadata.maxCount == 5)
        #expect(metadata.truncateBefore == 7)
        #expect(!metadata.isDeletion)
        #expect(metadata.retention == Retention(maxAge: .seconds(3600), maxCount: 5, truncateBefore: StreamVersion(7)))
    }

    /// 2^63 - 1, which a number with a decimal point cannot tell from 2^63.
    @Test func aDeletionIsToldExactly() {
        #expect(Self.read(#"{"$tb":9223372036854775807}"#).isDeletion)
        #expect(!Self.read(#"{"$tb":9223372036854775806}"#).isDeletion)
    }

    @Test(arguments: [
        "", "[]", "nonsense", #"{"$maxCount":0}"#, #"{"$maxCount":-1}"#, #"{"$maxCount":"5"}"#, #"{"$maxCount":true}"#,
        #"{"$maxCount":1.5}"#, #"{"$maxAge":0}"#, #"{"$tb":-1}"#, #"{"$maxCount":null}"#, #"{"$maxCount":1e30}"#,
    ]) func whatIsOutOfRangeCountsAsAbsent(_ text: String) {
        #expect(Self.read(text).retention == .unlimited, "\(text)")
    }

    @Test func otherKeysStayWhenAStreamIsBegunAnew() {
        let data = KurrentMetadata.replacingTruncation(
            in: Array(#"{"own":"ä","$tb":9223372036854775807}"#.utf8), with: 4)
        #expect(String(decoding: data, as: UTF8.self) == #"{"$tb":4,"own":"ä"}"#)
        #expect(KurrentMetadata.replacingTruncation(in: Array("no".utf8), with: 4) == Array(#"{"$tb":4}"#.utf8))
    }
}
