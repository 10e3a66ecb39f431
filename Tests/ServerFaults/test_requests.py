"""Requests of HTTP/1.1 that are none, that are two to some and one to others, and that never end."""

import http.client
import socket
import struct
import time
import unittest

from faults import LONG, FaultCase
from server import PATIENCE

HOST = b"Host: localhost\r\n"
APPEND = b"POST /v1/append HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
SECOND = b"GET /version HTTP/1.1\r\n" + HOST + b"\r\n"
BODY = b'{"writes":[]}'

# What a proxy in front of the server could take for one request, and the server for two, or the other way round: the one
# behind it (SECOND) must not be answered as a request of its own by a server that took the first one for whole.
SMUGGLED = {
    "a length and chunks": APPEND + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SECOND,
    "chunks and a length": APPEND + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + SECOND,
    "two lengths": APPEND + b"Content-Length: 0\r\nContent-Length: 60\r\n\r\n" + SECOND,
    "two lengths in one header": APPEND + b"Content-Length: 0, 60\r\n\r\n" + SECOND,
    "a length with a sign": APPEND + b"Content-Length: +0\r\n\r\n" + SECOND,
    "a length below 0": APPEND + b"Content-Length: -1\r\n\r\n" + SECOND,
    "a length in hexadecimal": APPEND + b"Content-Length: 0x0\r\n\r\n" + SECOND,
    "a length of 2^64": APPEND + b"Content-Length: 18446744073709551616\r\n\r\n" + SECOND,
    "chunks by another name": APPEND + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SECOND,
    "chunks that are not the last": APPEND + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SECOND,
    "space before the colon": APPEND + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SECOND,
    "a header that goes on in the next line": APPEND + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + SECOND,
    "a chunk of more than there is": APPEND + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n" + SECOND,
    "a chunk below 0": APPEND + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" + SECOND,
    "a chunk that is no number": APPEND + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n" + SECOND,
    "a chunk that is longer than it says": APPEND + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n" + SECOND,
    "lines that end without a return": b"POST /v1/append HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n0\n\n" + SECOND,
    "a header with a zero": APPEND + b"X: a\0b\r\nContent-Length: 0\r\n\r\n" + SECOND,
    "a return within a header": APPEND + b"X: a\rContent-Length: 60\r\n\r\n" + SECOND,
}

# What is no request, or one that no client makes.
NO_REQUESTS = {
    "an empty line": b"\r\n" * 10,
    "no version": b"GET /version\r\n\r\n",
    "version 9.9": b"GET /version HTTP/9.9\r\n" + HOST + b"\r\n",
    "a method that is none": b"G\0T /version HTTP/1.1\r\n\r\n",
    "bytes": bytes(range(256)) * 16,
    "a line of 200 KiB": b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
    "a header of 200 KiB": b"GET /version HTTP/1.1\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    "300 KiB of headers": b"GET /version HTTP/1.1\r\n" + (b"X: " + b"a" * 3_000 + b"\r\n") * 99 + b"\r\n",
    "100,000 headers": b"GET /version HTTP/1.1\r\n" + b"X: y\r\n" * 100_000 + b"\r\n",
    "no host": b"GET /version HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /version HTTP/1.1\r\n" + HOST * 2 + b"\r\n",
    "a host that is none": b"GET /version HTTP/1.1\r\nHost: [::1\r\n\r\n",
    "another host": b"GET /version HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "a whole address": b"GET http://localhost/version HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tunnel": b"CONNECT localhost:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "everything": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "another protocol": b"GET /version HTTP/1.1\r\n"
    + HOST
    + b"Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    "a body that is waited for": APPEND + b"Expect: 100-continue\r\nContent-Length: 0\r\n\r\n",
    "a path of dots": b"GET /v1/streams/%2e%2e/%2e%2e/etc HTTP/1.1\r\n" + HOST + b"\r\n",
    "a path with a zero": b"GET /v1/streams/a%00b HTTP/1.1\r\n" + HOST + b"\r\n",
    "a path that breaks off": b"GET /v1/streams/%f HTTP/1.1\r\n" + HOST + b"\r\n",
    "a path that is no UTF-8": b"GET /v1/streams/%ff%fe HTTP/1.1\r\n" + HOST + b"\r\n",
    "slashes": b"GET ////version// HTTP/1.1\r\n" + HOST + b"\r\n",
    "a query of 60 KiB": b"GET /v1/log?" + b"type=a&" * 8_500 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "numbers beyond all bounds": b"GET /v1/log?after=-99999999999999999999&limit=9223372036854775807 HTTP/1.1\r\n"
    + HOST
    + b"\r\n",
    "an event that was never": b"GET /v1/log/follow HTTP/1.0\r\n" + HOST + b"Last-Event-ID: 99999999999999999999\r\n\r\n",
    "weights that are none": b"GET /v1/log HTTP/1.1\r\n" + HOST + b"Accept: */*;q=nan, a/b;q=-inf;q=1e999,;;,\r\n\r\n",
    "JSON that is nested": APPEND + b"Content-Length: 100000\r\n\r\n" + b"[" * 100_000,
    "JSON that breaks off": APPEND + b"Content-Length: 12\r\n\r\n" + b'{"writes":[{',
    "a body that is no UTF-8": APPEND + b"Content-Length: 4\r\n\r\n\xff\xfe\0\0",
}


class RequestCase(FaultCase):
    def exchange(self, data):
        """All that is answered until the server closes the connection, or says nothing more for half a second."""
        connection = self.socket()
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # The server has heard enough.
        return self.rest(connection)

    def socket(self):
        connection = socket.create_connection(("127.0.0.1", self.server.port), PATIENCE)
        self.opened.append(connection)
        return connection

    def rest(self, connection):
        said = b""
        try:
            while piece := connection.recv(65_536):
                said += piece
        except TimeoutError:
            self.fail(f"The server leaves the connection open, and has said {said[:200]!r}.")
        except OSError:
            pass
        return said

    def drip(self, head, count, seconds):
        """So many clients who send a byte now and then, for a while. Returns those whose connections are open still."""
        connections = [self.socket() for _ in range(count)]
        for connection in connections:
            connection.sendall(head)
            connection.setblocking(False)
        end = time.monotonic() + seconds
        while time.monotonic() < end and connections:
            time.sleep(0.2)
            for connection in list(connections):
                try:
                    connection.send(b"a")
                    if not connection.recv(1):
                        connections.remove(connection)
                except BlockingIOError:
                    pass
                except OSError:
                    connections.remove(connection)
        return connections


class Requests(RequestCase):
    def test_no_request_is_smuggled(self):
        for name, data in SMUGGLED.items():
            with self.subTest(name):
                said = self.exchange(data)
                # To the first one there may be an answer, which says that it is wrong.
                self.assertNotIn(b"HTTP/1.1 200 ", said)

    def test_what_is_no_request(self):
        for name, data in NO_REQUESTS.items():
            with self.subTest(name):
                said = self.exchange(data)
                self.assertNotIn(b"HTTP/1.1 5", said.replace(b"HTTP/1.1 501", b"").replace(b"HTTP/1.1 505", b""))

    def test_clients_that_go_within_a_request(self):
        half = (b"Content-Length: 100\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n5\r\nab")
        for data in (b"GET", SECOND[:20], APPEND + half[0], APPEND + half[1]):
            for abruptly in (False, True):
                connection = self.socket()
                connection.sendall(data)
                if abruptly:  # By a reset.
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()

    def test_heads_and_bodies_that_come_byte_by_byte(self):
        heads = [b"GET /", APPEND + b"Content-Length: 1000000\r\n\r\n"]
        for head in heads:
            self.drip(head, 50, 1)
            self.neighbour.wait()

    def test_bodies_that_are_half_there(self):
        connections = []
        for _ in range(100 if LONG else 5):
            connection = self.socket()
            connection.sendall(APPEND + b"Content-Length: 2000000\r\n\r\n" + bytes(1_000_000))
            connections.append(connection)
        self.neighbour.wait()
        for connection in connections:
            connection.close()

    # What is half there is counted: 256 MiB of all bodies together.
    memory_mib = 600 if LONG else 128

    def test_an_answer_that_nobody_takes(self):
        web = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        for number in range(10):
            event = b'{"writes":[{"stream":"big-%d","events":[{"type":"T","data":"%s"}]}]}' % (number, b"x" * 200_000)
            web.request("POST", "/v1/append", event, {"Content-Type": "application/json"})
            answer = web.getresponse()
            answer.read()
            self.assertEqual(answer.status, 200)
        web.close()
        for _ in range(50 if LONG else 10):
            self.socket().sendall(b"GET /v1/log HTTP/1.1\r\n" + HOST + b"\r\n")
        self.neighbour.wait()
        self.check_memory()


class SlowRequests(RequestCase):
    """Clients that take their time lose their connection when it is over."""

    limits = {"http-idle-seconds": 2, "http-body-seconds": 2, "http-unread-seconds": 2}

    def test_a_head_that_does_not_end_is_not_waited_for(self):
        self.assertEqual(self.drip(b"GET /", 50, PATIENCE), [])

    def test_a_body_that_does_not_end_is_not_waited_for(self):
        self.assertEqual(self.drip(APPEND + b"Content-Length: 1000000\r\n\r\n", 50, PATIENCE), [])

    def test_an_answer_that_nobody_takes_is_given_up(self):
        web = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        for _ in range(40):
            event = b'{"writes":[{"stream":"big","events":[{"type":"T","data":"%s"}]}]}' % (b"x" * 200_000)
            web.request("POST", "/v1/append", event, {"Content-Type": "application/json"})
            web.getresponse().read()
        web.close()
        connection = self.socket()
        for _ in range(10):  # More than the system takes for a client that does not read.
            connection.sendall(b"GET /v1/log HTTP/1.1\r\n" + HOST + b"\r\n")
        # Its own, and one of somebody else's.
        self.neighbour.wait()
        before = self.count_descriptors()
        self.eventually(lambda: self.count_descriptors() < before, "Who takes nothing keeps the connection.")


if __name__ == "__main__":
    unittest.main()
