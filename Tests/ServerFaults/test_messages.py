"""Calls that are none, messages that are none, in every method; and more of them at once than the server may keep."""

import pathlib
import random
import re
import unittest

from faults import LONG, FaultCase, long_only
from frames import ACK, BATCH_APPEND, DATA, END_STREAM, RESET, SETTINGS, WINDOW, frame, message, window_update

ROOT = pathlib.Path(__file__).resolve().parents[2]


def methods():
    """The path of each method of each service."""
    for file in sorted(ROOT.glob("Sources/*/Protos/*.proto")):
        text = re.sub(r"//.*", "", file.read_text())
        package = re.search(r"^package ([\w.]+);", text, re.M)
        for service, body in re.findall(r"service (\w+) \{(.*?)^\}", text, re.S | re.M):
            for method in re.findall(r"rpc (\w+)", body):
                yield f"/{package[1]}.{service}/{method}"


# What is no message of protobuf, or one that nobody writes.
NO_MESSAGES = {
    "a field that breaks off": b"\x0a\x7fabc",
    "a length of 2^64 - 1": b"\x0a" + b"\xff" * 9 + b"\x01",
    "a number that does not end": b"\x08" + b"\xff" * 20,
    "a field with the number 0": b"\x02\x01x",
    "a field of a kind that is not there": b"\x0f\x00",
    "the end of a group that never began": b"\x0c",
    "groups within groups": b"\x0b" * 5_000,
    "messages within messages": b"".join(b"\x0a" + b"\x80\x80\x01" for _ in range(200)),
    "text that is no UTF-8": b"\x0a\x02\xff\xfe\x12\x02\xc0\x80\x1a\x02\xed\xa0",
    "the same field again and again": b"\x0a\x00" * 30_000,
    "numbers beyond all bounds": b"".join(bytes([number << 3]) + b"\xff" * 9 + b"\x01" for number in range(1, 16)),
    "zeros": bytes(64),
    "ones": b"\xff" * 64,
}

# What is no message of gRPC: the body of a call.
NO_BODIES = {
    "nothing": b"",
    "half a length": b"\0\0\0",
    "half a message": message(b"abc", length=10),
    "a message that is said to be compressed": message(b"abc", compressed=1),
    "a mark of compression that is none": message(b"abc", compressed=0xFF),
    "a message of 4 GiB": message(b"abc", length=0xFFFFFFFF),
    "a message above the limit": message(b"abc", length=(17 << 20) + 1),
    "two messages": message() * 2,
    "a thousand messages without bytes": message() * 1_000,
}

# What is no call of gRPC: its headers.
NO_CALLS = {
    "another type of content": {"content_type": "text/html"},
    "no type of content": {"content_type": None},
    "another method": {"method": "GET"},
    "a path that is none": {"path": "//..%2f%00/"},
    "a path that is long": {"path": "/" + "a" * 15_000},
    "no time": {"grpc_timeout": "soon"},
    "a time that is negative": {"grpc_timeout": "-1S"},
    "all the time there is": {"grpc_timeout": "99999999H"},
    "more time than there is": {"grpc_timeout": "999999999999999999999S"},
    "compression that is not known": {"grpc_encoding": "brotli"},
    "credentials that are none": {"authorization": "Basic %%%%"},
    "long credentials": {"authorization": "Bearer " + "a.b.c" * 2_000},
    "a trailer of its own": {"grpc_status": "0", "grpc_message": "%zz%"},
    "binary that is no Base64": {"trace_bin": "***"},
}


class Messages(FaultCase):
    def test_what_is_no_call(self):
        connection = self.connect()
        for name, headers in NO_CALLS.items():
            with self.subTest(name):
                self.assertIsNotNone(connection.call(**headers), "The connection is closed.")
        self.assertTrue(connection.call())

    def test_headers_that_are_none_of_http(self):
        # An error of the call, after which a server may close the connection (RFC 9113, section 5.4.2), and this one does.
        for headers in ({"method": "\x7f\x01"}, {"path": ""}):
            with self.subTest(**headers):
                connection = self.connect()
                self.assertIn(connection.call(**headers), (False, None))
                self.assert_closed(connection)

    def test_what_is_no_message_of_grpc(self):
        connection = self.connect()
        for name, body in NO_BODIES.items():
            for path in ("/event_store.client.gossip.Gossip/Read", BATCH_APPEND):
                with self.subTest(name, path=path):
                    self.assertIsNotNone(connection.call(path, body), "The connection is closed.")
        self.assertTrue(connection.call())

    def test_a_call_whose_client_says_nothing_more(self):
        connection = self.connect()
        stream = connection.begin()
        connection.send(frame(DATA, 0, stream, message()) + frame(RESET, 0, stream, bytes(4)))
        self.assertTrue(connection.call())

    def test_what_is_no_message_of_protobuf_in_every_method(self):
        paths = [path for path in methods() if not path.endswith("/Shutdown")]
        self.assertGreater(len(paths), 50)
        chance = random.Random(7)
        for path in paths:
            connection = self.connect()
            bodies = [message(body) for body in NO_MESSAGES.values()]
            bodies += [message(chance.randbytes(chance.randrange(1, 200))) for _ in range(200 if LONG else 10)]
            with self.subTest(path):
                # What happens to be a message may begin something that goes on.
                for body in bodies:
                    self.assertIsNotNone(connection.call(path, body, grpc_timeout="100m"), "The connection is closed.")
                self.assertTrue(connection.call())
            connection.close()

    def test_ten_thousand_calls_on_a_connection(self):
        connection = self.connect()
        for _ in range(100):
            streams = []
            pieces = []
            for _ in range(100):
                streams.append(connection.begin())
                pieces.append(frame(DATA, END_STREAM, streams[-1], message()))
            connection.send(b"".join(pieces))
            left = set(streams)
            while left:
                type, flags, stream, payload = connection.frame()
                self.assertNotEqual(type, RESET)
                if type == DATA and payload:
                    connection.send(window_update(len(payload)))
                if flags & END_STREAM and type != SETTINGS:
                    left.discard(stream)


class Memory(FaultCase):
    """More than a client may have of the server's memory."""

    memory_mib = 48

    def pour(self, connection, stream, data, rounds, piece=16_383):
        """Sends the same again and again in frames that are never cut where it is, as the server gives room."""
        room = {0: 65_535, stream: 1 << 20}
        at = 0
        doubled = data + data[:piece]
        for _ in range(rounds):
            while min(room.values()) < piece:
                got = connection.frame()
                if got is None or got[2] == stream and got[0] == RESET:
                    return False
                if got[0] == SETTINGS and not got[1] & ACK:
                    connection.send(frame(SETTINGS, ACK, 0))  # Before, a stream has less room.
                if got[0] == WINDOW and got[2] in room:
                    room[got[2]] += int.from_bytes(got[3], "big")
            room[0] -= piece
            room[stream] -= piece
            if not connection.send(frame(DATA, 0, stream, doubled[at : at + piece])):
                return False
            at = (at + piece) % len(data)
        return True

    def test_messages_that_are_never_cut_where_frames_are(self):
        connection = self.connect()
        stream = connection.begin(BATCH_APPEND)
        # A field that nobody knows, so that nothing is appended.
        one = message(b"\x7a\xe5\x07" + b"x" * 997)
        self.assertTrue(self.pour(connection, stream, one * 64, 30_000 if LONG else 4_000))
        self.check_memory()

    def test_an_event_of_two_bytes_a_million_times(self):
        connection = self.connect()
        # In a message of one kind of which each has a hundred times that in memory.
        body = message(b"\x1a\x00" * 1_000_000)
        stream = connection.begin(BATCH_APPEND)
        self.pour(connection, stream, body, len(body) // 16_383 + 1)
        self.assertEqual(connection.answer(stream), False, "It was taken.")
        self.check_memory()


class HalfMessages(FaultCase):
    """Half a message is kept until the rest comes: of all calls of a connection together, and of all connections, no more than
    there may be; and not for ever."""

    limits = {"connection-bytes-held": 4 << 20, "call-bytes-held": 8 << 20, "message-seconds": 10}

    def test_of_a_connection(self):
        connection = self.connect()
        half = message(length=1 << 20)[:5] + bytes(15_000)
        for number in range(400):
            connection.send(frame(DATA, 0, connection.begin(), half))
            if number % 4 == 0:  # Until what was sent has come.
                connection.call()
        # Those that are within the limit wait until their time is over; this one is refused.
        stream = connection.begin()
        connection.send(frame(DATA, 0, stream, half))
        self.assertIs(connection.answer(stream), False)
        self.check_memory()

    def test_of_many_connections(self):
        half = message(length=1 << 20)[:5] + bytes(15_000)
        for _ in range(20):
            connection = self.connect()
            for _ in range(4):
                stream = connection.begin()
                connection.send(frame(DATA, 0, stream, half))
        self.neighbour.wait()
        self.check_memory()

    def test_of_one_call_whose_rest_never_comes(self):
        connection = self.connect()
        stream = connection.begin()
        connection.send(frame(DATA, 0, stream, message(b"abc", length=10)))
        self.assertIs(connection.answer(stream), False)


class ManyHalfMessages(FaultCase):
    memory_mib = 640  # Twice the 256 MiB of a connection, since buffers double, and some.

    @long_only
    def test_of_many_calls(self):
        connection = self.connect()
        ended = 0
        for _ in range(60):
            stream = connection.begin()
            connection.send(frame(DATA, 0, stream, message(length=16 << 20)))
            ended += not Memory.pour(self, connection, stream, bytes(1 << 20), 900)
            self.check_memory()
        self.assertGreater(ended, 0, "Nothing was refused.")
        self.assertIn(connection.call(), (True, None))


if __name__ == "__main__":
    unittest.main()
