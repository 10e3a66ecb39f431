"""A server that is treated badly, and what has to hold meanwhile: it lives, answers others, and keeps no more than it must.

LONG in the environment chooses the long forms, which take minutes.
"""

import contextlib
import http.client
import os
import pathlib
import re
import resource
import tempfile
import threading
import time
import unittest

from frames import Connection
from server import PATIENCE, Server

LONG = bool(os.environ.get("LONG"))
long_only = unittest.skipUnless(LONG, "This takes minutes: make test-faults.")

# How much more memory the server may have behind a fault than before it, in MiB.
MEMORY_MIB = 64

with contextlib.suppress(ValueError):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


class Neighbour:
    """Well-behaved clients, one of each protocol, who ask again and again while somebody else misbehaves."""

    def __init__(self, port):
        self.port = port
        self.answers = 0
        self.trouble = None
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self):
        self.thread.start()
        self.wait()

    def stop(self):
        self.is_over.set()
        self.thread.join(2 * PATIENCE)

    def run(self):
        try:
            # Each answer is waited for as long as the connection's limit says, and no longer.
            with Connection(self.port) as rpc:
                web = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
                while not self.is_over.is_set():
                    if not rpc.call():
                        raise AssertionError("A call of somebody else has no answer.")
                    web.request("GET", "/version")
                    answer = web.getresponse()
                    answer.read()
                    if answer.status != 200:
                        raise AssertionError(f"Somebody else's request is answered by {answer.status}.")
                    self.answers += 1
                    self.is_over.wait(0.05)
                web.close()
        except (AssertionError, OSError, http.client.HTTPException) as error:
            self.trouble = error

    def wait(self):
        """Waits for two answers, of which the second was asked for from now on."""
        aim = self.answers + 2
        end = time.monotonic() + 2 * PATIENCE
        while self.answers < aim:
            if self.trouble:
                raise AssertionError(f"A well-behaved client is harmed: {self.trouble!r}")
            if time.monotonic() > end:
                raise AssertionError("A well-behaved client waits for its answer.")
            time.sleep(0.01)


class FaultCase(unittest.TestCase):
    """Tests of one server. Each runs beside a neighbour who must be answered all the while; afterwards the process is the same,
    its memory within bounds, and the descriptors of the test's connections are given back."""

    memory_mib = MEMORY_MIB
    limits = {}
    neighbours = Neighbour
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="daybook-faults-")
        cls.addClassCleanup(folder.cleanup)
        options = [word for limit in cls.limits.items() for word in ("--limit", "{}={}".format(*limit))]
        cls.server = Server(folder.name, *options).start()
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        self.descriptors = self.count_descriptors()
        # From here on the most that it has is counted (proc(5), clear_refs).
        (self.proc / "clear_refs").write_text("5")
        self.memory = self.memory_of("VmRSS")
        self.opened = []
        self.neighbour = self.neighbours(self.server.port)
        self.neighbour.start()

    def tearDown(self):
        try:
            self.assertIsNone(self.server.process.poll(), "The server has died.")
            self.neighbour.wait()
            self.check_memory()
        finally:
            for connection in self.opened:
                connection.close()
            self.neighbour.stop()
        self.eventually(
            lambda: self.count_descriptors() <= self.descriptors, "Descriptors of closed connections are still there."
        )

    @property
    def proc(self):
        return pathlib.Path(f"/proc/{self.server.process.pid}")

    def count_descriptors(self):
        """The sockets that the server has; files of the store are opened when they are needed."""
        count = 0
        for descriptor in (self.proc / "fd").iterdir():
            with contextlib.suppress(OSError):
                count += os.readlink(descriptor).startswith("socket:")
        return count

    def memory_of(self, field):
        """What the server has in memory (VmRSS), or has had at most since the test began (VmHWM), in MiB."""
        return int(re.search(rf"{field}:\s+(\d+) kB", (self.proc / "status").read_text())[1]) / 1024

    def check_memory(self):
        grown = self.memory_of("VmHWM") - self.memory
        self.assertLess(grown, self.memory_mib, "The server takes more memory than it may.")

    def eventually(self, holds, what):
        end = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > end:
                self.fail(what)
            time.sleep(0.02)

    def connect(self, **options):
        """A connection that speaks HTTP/2, closed with the test."""
        connection = Connection(self.server.port, **options)
        self.opened.append(connection)
        return connection

    def assert_closed(self, connection):
        """The server closes the connection, within the time that anything is waited for."""
        connection.frames_to_end()
