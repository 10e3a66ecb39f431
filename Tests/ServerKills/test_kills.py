"""A server that is killed (SIGKILL) again and again while KurrentDB's client appends and follows.

Nothing that was acknowledged may be lost, nothing doubled, revisions have no gaps, and a subscription goes on where it was.
KILLS in the environment is how often, SEED what the load is made from.
"""

import collections
import os
import random
import signal
import tempfile
import threading
import time
import unittest
import uuid

import grpc
from harness import PATIENCE, Client, NewEvent, Server, StreamState, error

KILLS = int(os.environ.get("KILLS", "3"))
SEED = int(os.environ.get("SEED", "1"))
WRITERS = 4

# What a call ends with when its server has gone. A conflict is none of them: it would tell of an append that was lost, or
# doubled.
UNAVAILABLE = (grpc.RpcError, error("Grpc"), error("DiscoveryFailed"))

Append = collections.namedtuple("Append", "stream ids revision position")
Recorded = collections.namedtuple("Recorded", "id stream revision position")


def violations(log, acknowledged, doubtful, delivered):
    """Everything in which a log is not what its writers and its follower were told.

    - log: every event, in order.
    - acknowledged: appends that were answered, with the revision of their last event, and its position or None.
    - doubtful: the identifiers of each append of which nobody knows.
    - delivered: what the follower was given, in order.
    """
    found = []
    places = {}
    revisions = collections.Counter()
    last = -1
    for event in log:
        if event.position <= last:
            found.append(f"order: {event} stands behind {last}")
        last = event.position
        if event.id in places:
            found.append(f"doubled: {event}")
        places[event.id] = event
        if event.revision != revisions[event.stream]:
            found.append(f"gap: {event} where {revisions[event.stream]} is due")
        revisions[event.stream] = event.revision + 1
    asked = set()
    for append in acknowledged:
        asked.update(append.ids)
        there = [places[id] for id in append.ids if id in places]
        if len(there) < len(append.ids):
            found.append(f"lost: {len(append.ids) - len(there)} of {append}")
        elif (there[-1].stream, there[-1].revision) != (append.stream, append.revision):
            found.append(f"moved: {append} is {there[-1]}")
        elif append.position is not None and there[-1].position != append.position:
            found.append(f"moved: {append} is {there[-1]}")
    for ids in doubtful:
        asked.update(ids)
        if 0 < sum(id in places for id in ids) < len(ids):
            found.append(f"torn: {ids}")
    found += [f"unasked: {event}" for event in log if event.id not in asked]
    if delivered != [event.position for event in log][: len(delivered)]:
        wrong = next(i for i, place in enumerate(delivered) if i >= len(log) or place != log[i].position)
        found.append(f"followed otherwise: number {wrong} is {delivered[wrong]}")
    return found


class Load:
    """Writers that append at expected revisions and by `ANY`, each repeating what it had no answer to, and a follower."""

    def __init__(self, server):
        self.server = server
        self.lock = threading.Lock()
        self.is_over = threading.Event()
        self.acknowledged, self.doubtful, self.delivered, self.trouble = [], [], [], []
        self.repeats = 0
        self.threads = [threading.Thread(target=self.guarded, args=(self.write, n), daemon=True) for n in range(WRITERS)]
        self.threads.append(threading.Thread(target=self.guarded, args=(self.follow,), daemon=True))

    def guarded(self, work, *arguments):
        try:
            work(*arguments)
        except Exception as failure:  # Whatever it is, the test is to tell it.
            self.trouble.append(repr(failure))
            self.is_over.set()

    def client(self):
        """A client of the server as it is now; None while there is none."""
        try:
            return Client(self.server.uri)
        except UNAVAILABLE:
            return None

    def write(self, number):
        stream = f"writer-{number}"
        chance = random.Random(SEED * 100 + number)
        client, revision = None, None
        while not self.is_over.is_set():
            events = [NewEvent(type="Counted", data=b"{}", id=uuid.uuid4()) for _ in range(chance.choice((1, 1, 1, 20)))]
            ids = [event.id for event in events]
            expected = StreamState.NO_STREAM if revision is None else revision
            if number % 2:
                expected = StreamState.ANY  # A repeat of it is known by its identifiers.
            tries = 0
            position = None
            while True:
                try:
                    client = client or self.client()
                    if client is not None:
                        tries += 1
                        position = client.append_to_stream(stream, events=events, current_version=expected, timeout=PATIENCE)
                        break
                except UNAVAILABLE:
                    # It may be written, or not: the same again.
                    self.close(client)
                    client = None
                if self.is_over.is_set():
                    with self.lock:
                        self.doubtful.append(ids)
                    return
                time.sleep(0.02)
            revision = len(ids) - 1 if revision is None else revision + len(ids)
            with self.lock:
                self.repeats += tries > 1
                self.acknowledged.append(Append(stream, ids, revision, position))
        self.close(client)

    def follow(self):
        after = None
        while not self.is_over.is_set():
            client = None
            try:
                client = self.client()
                if client is not None:
                    with client.subscribe_to_all(commit_position=after, filter_exclude=(r"\$.+",), timeout=2) as events:
                        for event in events:
                            after = event.commit_position
                            self.delivered.append(after)
            except UNAVAILABLE:
                pass
            self.close(client)
            time.sleep(0.02)

    @staticmethod
    def close(client):
        if client is not None:
            try:
                client.close()
            except UNAVAILABLE:
                pass

    @property
    def count(self):
        with self.lock:
            return len(self.acknowledged)


class Kills(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="daybook-kills-")
        self.addCleanup(folder.cleanup)
        self.server = Server(folder.name)
        self.addCleanup(self.server.stop)
        self.server.start()

    def await_appends(self, load, count):
        aim = load.count + count
        end = time.monotonic() + 4 * PATIENCE
        while load.count < aim:
            self.assertEqual(load.trouble, [])
            self.assertLess(time.monotonic(), end, f"No {count} appends were acknowledged.")
            time.sleep(0.01)

    def read(self):
        client = Client(self.server.uri)
        try:
            return [
                Recorded(event.id, event.stream_name, event.stream_position, event.commit_position)
                for event in client.read_all(filter_exclude=(r"\$.+",))
            ]
        finally:
            client.close()

    def test_nothing_acknowledged_is_lost(self):
        chance = random.Random(SEED)
        load = Load(self.server)
        for thread in load.threads:
            thread.start()
        for _ in range(KILLS):
            self.await_appends(load, 20)
            time.sleep(chance.uniform(0.005, 0.4))
            self.server.stop(signal.SIGKILL)
            self.server.start()
        self.await_appends(load, 20)
        load.is_over.set()
        for thread in load.threads:
            thread.join(4 * PATIENCE)
            self.assertFalse(thread.is_alive(), "A writer or the follower hangs.")
        self.assertEqual(load.trouble, [])
        log = self.read()
        with self.subTest(kills=KILLS, seed=SEED, acknowledged=load.count, repeated=load.repeats, followed=len(load.delivered)):
            self.assertEqual(violations(log, load.acknowledged, load.doubtful, load.delivered)[:5], [])
            self.assertGreater(len(load.delivered), 0, "Nobody followed.")
            self.check_that_more_would_be_seen(log, load)

    def check_that_more_would_be_seen(self, log, load):
        """Each kind of violation, planted in what was recorded, is found."""
        told = load.acknowledged[-1]
        forged = Append(told.stream, [uuid.uuid4()], told.revision + 1, None)
        without = [event for event in log if event.id != told.ids[-1]]
        double = log + [log[0]._replace(position=log[-1].position + 1, revision=log[-1].revision + 1)]
        several = next(append for append in load.acknowledged if len(append.ids) > 1)
        torn = [event for event in log if event.id != several.ids[0]]
        rest = [append for append in load.acknowledged if append is not several]
        delivered = load.delivered
        for name, planted in {
            "lost": (without, load.acknowledged, load.doubtful, []),
            "lost: 1": (log, load.acknowledged + [forged], load.doubtful, []),
            "doubled": (double, load.acknowledged, load.doubtful, []),
            "torn": (torn, rest, load.doubtful + [several.ids], []),
            "unasked": (log, rest, load.doubtful, []),
            "moved": (log, rest + [several._replace(revision=several.revision + 1)], load.doubtful, []),
            "gap": ([log[0]._replace(revision=7)] + log[1:], load.acknowledged, load.doubtful, []),
            "order": (log[:-2] + [log[-1], log[-2]], load.acknowledged, load.doubtful, []),
            "followed otherwise": (log, load.acknowledged, load.doubtful, delivered[:-1] + [delivered[-1] + 1]),
        }.items():
            self.assertTrue(
                any(violation.startswith(name) for violation in violations(*planted)), f"What is planted is not found: {name}"
            )


if __name__ == "__main__":
    unittest.main()
