"""Followers: server-sent events."""

import http.client
import json
import threading
import unittest

from server import PATIENCE, Case, fresh


class Follower:
    """The blocks of an event stream, as they come."""

    def __init__(self, port, query="", **headers):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self.connection.request("GET", f"/v1/log/follow{query}", headers=headers)
        self.response = self.connection.getresponse()

    def __iter__(self):
        block = {}
        while line := self.response.readline():
            line = line.decode().rstrip("\n")
            if line.startswith(":"):
                continue
            if line:
                key, _, value = line.partition(": ")
                block[key] = value
            elif block:
                yield block
                block = {}


class Follows(Case):
    def follow(self, query="", **headers):
        follower = Follower(self.server.port, query, **headers)
        self.addCleanup(follower.connection.close)
        self.assertEqual(follower.response.status, 200)
        return iter(follower)

    def test_what_is_recorded_then_what_comes(self):
        stream = fresh()
        self.append(stream, 0, 1, 2)
        blocks = self.follow(f"?streamPrefix={stream}")
        for number in range(3):
            block = next(blocks)
            event = json.loads(block["data"])
            self.assertEqual((event["data"], block["event"]), (number, "Happened"))
            self.assertEqual(block["id"], str(event["position"]))
        self.assertEqual(next(blocks)["event"], "$caught-up")
        for number in range(3, 50):
            self.append(stream, number)
            self.assertEqual(json.loads(next(blocks)["data"])["data"], number)

    def test_one_goes_on_behind_the_last_event_it_got(self):
        stream = fresh()
        first = self.append(stream, 0).json["position"]
        self.append(stream, 1)
        blocks = self.follow(f"?stream={stream}&after=end", **{"Last-Event-ID": str(first)})
        self.assertEqual(json.loads(next(blocks)["data"])["data"], 1)

    def test_a_stream_by_its_whole_name(self):
        stream = fresh()
        self.append(stream + "x", 0)
        self.append(stream, 1)
        blocks = self.follow(f"?stream={stream}")
        self.assertEqual(json.loads(next(blocks)["data"])["data"], 1)

    def test_many_followers_get_everything(self):
        stream, count, events = fresh(), 40, 100
        followers = [self.follow(f"?stream={stream}&after=end") for _ in range(count)]
        for blocks in followers:
            self.assertEqual(next(blocks)["event"], "$caught-up")
        for number in range(events):
            self.append(stream, number)
        for blocks in followers:
            self.assertEqual([json.loads(next(blocks)["data"])["data"] for _ in range(events)], list(range(events)))

    def test_a_follower_that_leaves_harms_nobody(self):
        stop = threading.Event()

        def leave():
            while not stop.is_set():
                Follower(self.server.port, "?after=end").connection.close()

        threads = [threading.Thread(target=leave) for _ in range(4)]
        for thread in threads:
            thread.start()
        stream = fresh()
        for number in range(200):
            self.assertEqual(self.append(stream, number).status, 200)
        stop.set()
        for thread in threads:
            thread.join()

    def test_places_that_are_none(self):
        self.assertEqual(self.get("/v1/log/follow?after=soon").status, 400)
        self.assertEqual(self.get("/v1/log/follow?after=-1").status, 400)
        self.assertEqual(self.get("/v1/log/follow", "application/json").status, 406)


if __name__ == "__main__":
    unittest.main()
