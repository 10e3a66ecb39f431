"""Frames that are none, and floods of frames that are cheap to send."""

import struct
import unittest

from faults import FaultCase, long_only
from frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    PUSH,
    RESET,
    SETTINGS,
    WINDOW,
    BATCH_APPEND,
    block,
    frame,
    integer,
    literal,
    message,
    window_update,
)

CALL = frame(HEADERS, END_HEADERS, 1, block(BATCH_APPEND))


def setting(number, value):
    return struct.pack(">HI", number, value)


# What breaks a connection, by the chapter of RFC 9113 that says so.
CONNECTION_ERRORS = {
    "data of no stream": frame(DATA, 0, 0, b"x"),
    "data of a stream that never was": frame(DATA, 0, 7, b"x"),
    "headers of no stream": frame(HEADERS, END_HEADERS, 0, block()),
    "headers of a stream that is the server's": frame(HEADERS, END_HEADERS, 2, block()),
    "headers of a stream before the last": frame(HEADERS, END_HEADERS, 9, block(BATCH_APPEND))
    + frame(HEADERS, END_HEADERS, 3, block()),
    "headers that are padded by more than they have": frame(HEADERS, END_HEADERS | PADDED, 1, b"\xff" + block()),
    "headers with another frame in between": frame(HEADERS, 0, 1, block()) + frame(PING, 0, 0, bytes(8)),
    "headers that cannot be decoded": frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff\xff\xff"),
    "headers from an index that is not there": frame(HEADERS, END_HEADERS, 1, integer(4000, 7, 0x80)),
    "a table larger than was allowed": frame(HEADERS, END_HEADERS, 1, integer(1 << 20, 5, 0x20) + block()),
    "a continuation of nothing": frame(CONTINUATION, END_HEADERS, 1, block()),
    "data that are padded by more than they have": CALL + frame(DATA, PADDED, 1, b"\x09x"),
    "a frame larger than was allowed": CALL + frame(DATA, 0, 1, bytes(70_000)),
    "a frame that says it has 16 MiB": frame(DATA, 0, 1, b"", length=0xFFFFFF),
    "a promise by a client": CALL + frame(PUSH, END_HEADERS, 1, struct.pack(">I", 2) + block()),
    "settings of a stream": frame(SETTINGS, 0, 1),
    "settings of five bytes": frame(SETTINGS, 0, 0, b"12345"),
    "an answer to settings with something in it": frame(SETTINGS, ACK, 0, setting(4, 1)),
    "a window larger than there are": frame(SETTINGS, 0, 0, setting(4, 0xFFFFFFFF)),
    "frames of one byte at most": frame(SETTINGS, 0, 0, setting(5, 1)),
    "a push that is neither on nor off": frame(SETTINGS, 0, 0, setting(2, 2)),
    "a ping of a stream": frame(PING, 0, 1, bytes(8)),
    "a ping of seven bytes": frame(PING, 0, 0, bytes(7)),
    "a goodbye of a stream": frame(GOAWAY, 0, 1, bytes(8)),
    "a goodbye of three bytes": frame(GOAWAY, 0, 0, bytes(3)),
    "a reset of no stream": frame(RESET, 0, 0, bytes(4)),
    "a reset of three bytes": CALL + frame(RESET, 0, 1, bytes(3)),
    "a reset of a stream that never was": frame(RESET, 0, 7, bytes(4)),
    "room of three bytes": frame(WINDOW, 0, 0, bytes(3)),
    "no room": window_update(0),
    "more room than there is": window_update(0x7FFFFFFF) * 2,
    "a ping of three bytes behind more data without bytes than there may be": CALL
    + frame(DATA, 0, 1) * 101
    + frame(PING, 0, 0, bytes(3)),
}

# What breaks one call at most, or nothing.
STREAM_ERRORS = {
    "no room of a stream": CALL + window_update(0, 1),
    "more room of a stream than there is": CALL + window_update(0x7FFFFFFF, 1) * 2,
    "a stream that depends on itself": frame(PRIORITY, 0, 1, struct.pack(">IB", 1, 0)),
    "a frame of a kind that is not known": frame(0xFA, 0xFF, 0, b"?") + frame(0xFA, 0xFF, 5, b"?"),
    "alternatives": frame(0xA, 0, 0, b"\0\0" + b"h2=\":1\"") + frame(0xC, 0, 0, b"\0\x01a"),
    "a setting that is not known": frame(SETTINGS, 0, 0, setting(0xFFF0, 1)),
    "headers without a path": frame(HEADERS, END_HEADERS | END_STREAM, 1, block(path=None)),
    "headers with a path twice": frame(HEADERS, END_HEADERS | END_STREAM, 1, block() + literal(":path", "/")),
    "a pseudo-header behind another": frame(HEADERS, END_HEADERS | END_STREAM, 1, literal("a", "b") + block()),
    "a pseudo-header that is none": frame(HEADERS, END_HEADERS | END_STREAM, 1, literal(":status", "200") + block()),
    "a header in capitals": frame(HEADERS, END_HEADERS | END_STREAM, 1, block() + literal("X-Caps", "1")),
    "a header of a connection": frame(HEADERS, END_HEADERS | END_STREAM, 1, block() + literal("connection", "close")),
    "the end of a line in a path": frame(HEADERS, END_HEADERS | END_STREAM, 1, block("/a\r\nb: c")),
    "nothing in a name": frame(HEADERS, END_HEADERS | END_STREAM, 1, block() + literal("", "x")),
    "bytes in a header": frame(HEADERS, END_HEADERS | END_STREAM, 1, block() + literal(b"\xff\0", b"\0\xff")),
    "data beyond the window": frame(HEADERS, END_HEADERS, 1, block())
    + frame(DATA, 0, 1, message(length=16 << 20))
    + frame(DATA, 0, 1, bytes(16_384)) * 900
    + frame(RESET, 0, 1, bytes(4)),
    "a length that is not the body's": frame(HEADERS, END_HEADERS, 1, block(content_length="3"))
    + frame(DATA, END_STREAM, 1, message(b"1234567")),
}


class Frames(FaultCase):
    # A client that sends frames for calls that are not there may finish others within that time.
    limits = {"shutdown-seconds": 1}

    def test_what_breaks_the_protocol_ends_the_connection(self):
        for name, data in CONNECTION_ERRORS.items():
            with self.subTest(name):
                connection = self.connect()
                connection.send(data)
                self.assert_closed(connection)

    def test_what_breaks_a_call_harms_nobody_else(self):
        for name, data in STREAM_ERRORS.items():
            with self.subTest(name):
                connection = self.connect()
                connection.send(data)
                # On the same connection, unless it was closed.
                next(connection.ids)
                self.assertIn(connection.call(), (True, None))

    def test_a_preface_that_breaks_off_and_another(self):
        for preface in (b"PRI * HTTP/2.0\r\n\r\nSM\r\n", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b"PRI", b""):
            with self.subTest(preface):
                connection = self.connect(preface=preface)
                connection.close()


class Floods(FaultCase):
    """Each costs its sender nothing, and would cost the server memory or time without end."""

    def flood(self, pieces, settings=b""):
        """Sends until the server closes the connection, which it must."""
        connection = self.connect(settings=settings)
        for piece in pieces:
            if not connection.send(piece):
                return
        self.assert_closed(connection)

    def test_pings(self):
        self.flood(frame(PING, 0, 0, bytes(8)) * 1_000 for _ in range(100))

    def test_settings(self):
        self.flood(frame(SETTINGS, 0, 0, setting(4, 65_535)) * 1_000 for _ in range(100))

    def test_priorities(self):
        self.flood(frame(PRIORITY, 0, 1, struct.pack(">IB", 3, 0)) * 1_000 for _ in range(100))

    def test_data_without_bytes(self):
        self.flood([CALL] + [frame(DATA, 0, 1) * 1_000] * 10)

    def test_continuations_without_end(self):
        self.flood([frame(HEADERS, 0, 1, block())] + [frame(CONTINUATION, 0, 1)] * 10_000)

    def test_continuations_with_bytes(self):
        piece = literal("x", "y" * 1_000) * 16
        self.flood([frame(HEADERS, 0, 1, block())] + [frame(CONTINUATION, 0, 1, piece)] * 1_000)

    def test_headers_of_more_than_there_may_be(self):
        self.flood(
            frame(HEADERS, END_HEADERS, stream, block() + literal("x", "y" * 15_000) + literal("z", "y" * 5_000))
            for stream in range(1, 2_001, 2)
        )

    def test_a_bomb_of_headers(self):
        # One header of 4,000 bytes is remembered, and then named four thousand times by a byte each.
        bomb = block() + literal("x", "y" * 4_000, 0x40, 6) + integer(62, 7, 0x80) * 4_000
        self.flood(frame(HEADERS, END_HEADERS | END_STREAM, stream, bomb) for stream in range(1, 2_001, 2))

    def test_ten_thousand_calls_that_are_given_up_at_once(self):
        # CVE-2023-44487
        self.flood(
            frame(HEADERS, END_HEADERS, stream, block(BATCH_APPEND)) + frame(RESET, 0, stream, struct.pack(">I", 8))
            for stream in range(1, 20_001, 2)
        )

    def test_ten_thousand_calls_that_the_server_is_made_to_give_up(self):
        # CVE-2025-8671: room that is too much makes the server reset each.
        self.flood(
            frame(HEADERS, END_HEADERS, stream, block(BATCH_APPEND)) + window_update(0x7FFFFFFF, stream) * 2
            for stream in range(1, 20_001, 2)
        )

    def test_more_calls_than_may_be_open(self):
        connection = self.connect()
        for stream in range(1, 4_001, 2):
            connection.send(frame(HEADERS, END_HEADERS, stream, block(BATCH_APPEND)))
        refused = 0
        while refused < 1_000:
            got = connection.frame()
            if got is None:
                break
            refused += got[0] == RESET
        self.assertTrue(refused == 1_000 or got is None)

    def test_answers_that_nobody_takes(self):
        # The server may send nothing on any stream: what it has to say waits.
        connection = self.connect(settings=setting(4, 0))
        for _ in range(900):
            stream = connection.begin()
            connection.send(frame(DATA, END_STREAM, stream, message()))
        self.neighbour.wait()

    @long_only
    def test_a_client_that_reads_nothing(self):
        connection = self.connect()
        for _ in range(2_000):
            if not connection.send(frame(PING, 0, 0, bytes(8))):
                break
        for _ in range(900):
            connection.send(frame(DATA, END_STREAM, connection.begin(), message()))
        self.neighbour.wait()
        self.check_memory()


if __name__ == "__main__":
    unittest.main()
