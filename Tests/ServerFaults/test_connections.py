"""Many connections at once, and what is no TLS on a port that speaks it."""

import os
import pathlib
import socket
import ssl
import struct
import subprocess
import tempfile
import unittest

from faults import FaultCase, Neighbour
from frames import PREFACE, SETTINGS, Connection, frame
from server import PATIENCE, Server

COUNT = 1_000


class Connections(FaultCase):
    memory_mib = 256  # A quarter of a MiB each.

    def test_a_thousand_that_say_nothing(self):
        for _ in range(COUNT):
            self.opened.append(socket.create_connection(("127.0.0.1", self.server.port), PATIENCE))
        self.neighbour.wait()

    def test_a_thousand_that_are_used(self):
        connections = [self.connect() for _ in range(COUNT)]
        for connection in connections:
            self.assertTrue(connection.call())
        self.neighbour.wait()

    def test_a_thousand_that_are_half_open(self):
        for number in range(COUNT):
            connection = socket.create_connection(("127.0.0.1", self.server.port), PATIENCE)
            self.opened.append(connection)
            connection.sendall((PREFACE + frame(SETTINGS), b"GET /version HTTP/1.1\r\n", PREFACE[:9])[number % 3])
            connection.shutdown(socket.SHUT_WR)
        self.neighbour.wait()

    def test_a_thousand_that_come_and_go(self):
        for _ in range(COUNT):
            connection = Connection(self.server.port)
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.begin()
            connection.close()


class NeighbourByTLS(Neighbour):
    """Asks by TLS, and of the server that asks everybody who they are what it tells everybody."""

    def run(self):
        trusting = ssl.create_default_context()
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        trusting.set_alpn_protocols(["h2"])
        try:
            with Connection(self.port, wrap=trusting.wrap_socket) as rpc:
                while not self.is_over.is_set():
                    if not rpc.call():
                        raise AssertionError("A call of somebody else has no answer.")
                    self.answers += 1
                    self.is_over.wait(0.05)
        except (AssertionError, OSError) as error:
            self.trouble = error


class TLS(FaultCase):
    neighbours = NeighbourByTLS

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="daybook-faults-")
        cls.addClassCleanup(folder.cleanup)
        certificate, key = (str(pathlib.Path(folder.name) / name) for name in ("server.pem", "server.key"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
            + ["-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost"],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        cls.server = Server(folder.name, access=("--tls-certificate", certificate, "--tls-key", key)).start()
        cls.addClassCleanup(cls.server.stop)

    def assert_refused(self, data):
        """The server closes the connection, and has said no more than a greeting and an alert."""
        connection = socket.create_connection(("127.0.0.1", self.server.port), PATIENCE)
        self.opened.append(connection)
        said = b""
        try:
            connection.sendall(data)
            while piece := connection.recv(65_536):
                said += piece
        except TimeoutError:
            self.fail("The connection is left open.")
        except OSError:
            pass
        self.assertLess(len(said), 4_096, said[:100])
        self.assertNotIn(b"HTTP", said)

    def test_what_is_no_tls(self):
        hello = ssl_hello()
        for name, data in {
            "bytes": bytes(range(256)) * 64,
            "zeros": bytes(10_000),
            "a record that says it has 64 KiB": b"\x16\x03\x01\xff\xff" + bytes(70_000),
            "a record of nothing": b"\x16\x03\x01\x00\x00" * 1_000,
            "an alert": b"\x15\x03\x03\x00\x02\x02\x28",
            "data before there are keys": b"\x17\x03\x03\x00\x20" + os.urandom(32),
            "a greeting with bytes turned": hello[:20] + bytes(byte ^ 0xFF for byte in hello[20:60]) + hello[60:],
            "a greeting, and then no TLS": hello + b"GET / HTTP/1.1\r\n\r\n" * 10,
            "SSL 2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(40),
        }.items():
            with self.subTest(name):
                self.assert_refused(data)

    def test_plain_requests_are_told_that_the_port_has_tls(self):
        for name, data in {
            "a request": b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "a request with a body": b"POST /v1/append HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n" + bytes(100_000),
            "HTTP/2": PREFACE + frame(SETTINGS),
        }.items():
            with self.subTest(name):
                connection = socket.create_connection(("127.0.0.1", self.server.port), PATIENCE)
                self.opened.append(connection)
                connection.sendall(data)
                said = b""
                while piece := connection.recv(65_536):
                    said += piece
                self.assertTrue(said.startswith(b"HTTP/1.1 400 Bad Request\r\n"), said)
                self.assertIn(b"This port speaks TLS: use https://", said)
        lines = [line for line in self.server.said if "spoke plain HTTP" in line]
        self.assertLessEqual(len(lines), 1, lines)  # Others of these tests may have been told of first.

    def test_greetings_that_break_off(self):
        hello = ssl_hello()
        for end in range(0, len(hello), 37):
            connection = socket.create_connection(("127.0.0.1", self.server.port), PATIENCE)
            connection.sendall(hello[:end])
            connection.close()
        for _ in range(100):  # Those stay, and say nothing more.
            connection = socket.create_connection(("127.0.0.1", self.server.port), PATIENCE)
            self.opened.append(connection)
            connection.sendall(hello[:100])
        self.neighbour.wait()


def ssl_hello():
    """What a client says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    session = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


if __name__ == "__main__":
    unittest.main()
