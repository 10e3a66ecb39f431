"""What the crash test finds in a log, on logs written here."""

import json
import unittest

from script_loader import load

crash_test = load("crash-test")


def sent(identifier):
    return {"id": identifier, "type": "Opened", "data": {"text": identifier}}


def recorded(identifier, position, stream="own0-0", version=0, at="2026-01-01T00:00:00.000000Z"):
    return dict(sent(identifier), position=position, stream=stream, version=version, recordedAt=at)


def export(*events):
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


class LogTests(unittest.TestCase):
    def setUp(self):
        self.log = crash_test.Log()
        self.pair = crash_test.Request(0, [("own0-0", "any", [sent("a"), sent("b")])], None)
        self.single = crash_test.Request(0, [("own0-1", "any", [sent("c")])], "command-1")
        self.log.add(self.pair)
        self.log.add(self.single)
        self.pair_events = [recorded("a", 1), recorded("b", 2, version=1)]

    def answer(self, position=2, version=1, repeat=False):
        return {
            "position": position, "count": 2, "streams": [{"stream": "own0-0", "version": version}],
            "recordedAt": "2026-01-01T00:00:00.000000Z", "repeat": repeat,
        }

    def found(self, *events):
        self.log.take_in(export(*events))
        return self.log.violations

    def test_takes_what_was_acknowledged_and_what_was_not_whole(self):
        self.log.acknowledge(self.pair, self.answer())
        self.assertEqual(self.found(*self.pair_events, recorded("c", 3, "own0-1")), [])
        self.assertEqual(self.log.open_requests, [])

    def test_keeps_a_command_of_which_nobody_knows_for_another_try(self):
        self.assertEqual(self.found(*self.pair_events), [])
        self.assertEqual(self.log.open_requests, [self.single])

    def test_finds_a_lost_request(self):
        self.log.acknowledge(self.pair, self.answer())
        self.assertIn("is missing", self.found()[0])

    def test_finds_half_a_request(self):
        self.assertIn("1 of 2 events", self.found(self.pair_events[0])[0])

    def test_finds_another_place_than_acknowledged(self):
        self.log.acknowledge(self.pair, self.answer(position=7))
        self.assertIn("was acknowledged as", self.found(*self.pair_events)[0])

    def test_finds_a_gap_in_the_versions(self):
        self.assertIn("has version 2", self.found(self.pair_events[0], recorded("b", 2, version=2))[0])

    def test_finds_an_event_twice(self):
        self.assertIn("is there twice", self.found(*self.pair_events, recorded("a", 3, version=2))[0])

    def test_finds_an_event_that_was_never_sent(self):
        self.assertIn("never asked for", self.found(*self.pair_events, recorded("z", 3, version=2))[0])

    def test_finds_a_time_that_went_back(self):
        late = recorded("a", 1, at="2026-01-02T00:00:00.000000Z")
        self.assertIn("recorded before", self.found(late, self.pair_events[1])[0])

    def test_finds_other_data(self):
        self.assertIn("not what was sent", self.found(dict(self.pair_events[0], data={}), self.pair_events[1])[0])

    def test_finds_a_changed_past(self):
        self.assertEqual(self.found(*self.pair_events), [])
        self.assertIn("not the beginning", self.found(recorded("c", 1, "own0-1"))[0])

    def test_finds_a_second_result_of_a_command(self):
        self.assertEqual(self.found(*self.pair_events), [])
        self.log.acknowledge(self.pair, self.answer(repeat=True))
        self.assertEqual(self.log.violations, [])
        self.log.acknowledge(self.pair, self.answer(position=9, repeat=True))
        self.log.acknowledge(self.pair, self.answer(repeat=False))
        self.assertEqual(len(self.log.violations), 2)


if __name__ == "__main__":
    unittest.main()
