"""A server under test, and requests to it by what Python has itself. DAYBOOK is the path of the program under test."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import threading
import unittest
import uuid

# How long anything that should come is waited for, in seconds.
PATIENCE = 20


class Server:
    """`daybook serve` on a port that is free, with a store in a folder of its own."""

    def __init__(self, folder, *arguments, access=("--insecure",)):
        self.file = pathlib.Path(folder) / "store.daybook"
        self.arguments = (*access, *arguments)
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [os.environ["DAYBOOK"], "serve", str(self.file), "--port", "0", *self.arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = []
        self.port = None
        listening = threading.Event()

        def listen():
            for line in self.process.stderr:
                self.said.append(line)
                match = re.search(r"Serving on [^ ]*:(\d+)\.", line) or re.search(r'"message":"Serving\.".*"port":(\d+)', line)
                if match:
                    self.port = int(match[1])
                    listening.set()
            listening.set()

        self.listener = threading.Thread(target=listen, daemon=True)
        self.listener.start()
        if not listening.wait(PATIENCE) or self.port is None:
            self.stop()
            raise AssertionError(f"The server does not listen: {''.join(self.said)}")
        return self

    def stop(self, by=signal.SIGTERM):
        """Ends it, and returns its exit code."""
        if self.process is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(by)
        try:
            code = self.process.wait(PATIENCE)
            self.listener.join(PATIENCE)  # So that all of what it said is there.
            return code
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("The server does not end.") from None


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def lines(self):
        return [json.loads(line) for line in self.body.splitlines()]


class Case(unittest.TestCase):
    """Tests that share a server, each with streams of its own."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.server = Server(cls.folder.name).start()
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        self.addCleanup(self.connection.close)

    def request(self, method, path, body=None, headers=None):
        """One request on the connection of the test; a body that is no bytes is sent as JSON."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        self.connection.request(method, path, body, headers)
        return Answer(self.connection.getresponse())

    def get(self, path, accept=None):
        return self.request("GET", path, headers={"Accept": accept} if accept else None)

    def append(self, stream, *data, expected="any", **fields):
        events = [{"type": "Happened", "data": value, **fields} for value in data]
        return self.request("POST", "/v1/append", {"writes": [{"stream": stream, "expected": expected, "events": events}]})

    def socket(self):
        """A bare connection."""
        connection = socket.create_connection(("127.0.0.1", self.server.port), PATIENCE)
        self.addCleanup(connection.close)
        return connection


def fresh(prefix="stream"):
    """A name of a stream that nobody has used."""
    return f"{prefix}-{uuid.uuid4().hex}"


def read_to_end(connection):
    pieces = []
    while piece := connection.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)
