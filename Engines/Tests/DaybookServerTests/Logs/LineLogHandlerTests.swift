import DaybookCore
import Foundation
import Testing

@testable import DaybookServer

@Suite("A line of the log") struct LineLogHandlerTests {
    private static let time = Timestamp(microseconds: 1)

    @Test("tells the values, and is one line whatever is in them")
    func text() {
        let line = LineLogHandler.line(
            Self.time, .notice, "daybook.server", "A call\nwas refused.",
            [("method", .string("/a.B/C")), ("user", .string("a\nb \"c\"")), ("count", .stringConvertible(3))], .text)
        #expect(
            String(decoding: line, as: UTF8.self)
                == #"1970-01-01T00:00:00.000001Z notice daybook.server: A call was refused. method=/a.B/C user="a\u000ab \"c\"" count=3"#
        )
    }

    @Test("is an object of JSON, in which numbers are numbers and no value takes the place of a member that all have")
    func json() throws {
        let line = LineLogHandler.line(
            Self.time, .info, "l", "m",
            [("count", .stringConvertible(3)), ("list", .array(["a", .dictionary(["b": "c"])])), ("time", "x")], .json)
        #expect(
            String(decoding: line, as: UTF8.self)
                == #"{"time":"1970-01-01T00:00:00.000001Z","level":"info","label":"l","message":"m","count":3,"list":["a",{"b":"c"}],"time_":"x"}"#
        )
    }

    @Test("waits for its reader also where a pipe is set not to wait")
    func slowReader() {
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        #expect(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0)
        let lines = LogLines(descriptor: ends[1], mostBytes: 1 << 20) { Array("left out: \($0)".utf8) }
        let line = [UInt8](repeating: UInt8(ascii: "x"), count: 500_000)  // More than a pipe holds.
        lines.append(line)
        var place = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var count = 0
        while count <= line.count, poll(&place, 1, 10_000) == 1 {
            let some = read(ends[0], &buffer, buffer.count)
            guard some > 0 else { break }
            count += some
        }
        #expect(count == line.count + 1)
    }

    @Test("waits in memory up to a bound, and what is left out is counted")
    func bound() throws {
        let folder = try TemporaryFolder()
        let descriptor = open(folder.file("log"), O_WRONLY | O_CREAT, 0o600)
        defer { close(descriptor) }
        let lines = LogLines(descriptor: descriptor, mostBytes: 64) { Array("left out: \($0)".utf8) }
        lines.append([UInt8](repeating: UInt8(ascii: "x"), count: 64))
        lines.append(Array("short".utf8))
        lines.flush()
        let said = folder.text(of: "log").split(separator: "\n")
        #expect(Set(said) == ["short", "left out: 1"])
    }
}
