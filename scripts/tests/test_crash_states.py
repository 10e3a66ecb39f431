"""What the check of a disk after a power cut finds, in answers written here."""

import random
import types
import unittest

from script_loader import load

crash_states = load("crash-states")


class StateTests(unittest.TestCase):
    def setUp(self):
        # Appends of 1, 2 and 2 events; the second was a command.
        recording = types.SimpleNamespace(
            contents=[11, 12, 13, 14, 15], ends={0, 1, 3, 5}, commands={"a": 3, "never": None},
            generator=random.Random(1), folder=types.SimpleNamespace(name="command-1"))
        self.state = crash_states.State(recording, cut=9, survival="torn", acknowledged=1, files={})
        self.state.commands = ["a", "never"]

    def answer(self, head, **changes):
        return {
            "head": head, "records": [11, 12, 13, 14, 15][:head], "findings": [], "appended": head + 1,
            "receipts": [3 if head >= 3 else None, None], **changes,
        }

    def finds(self, text, answer):
        self.assertIn(text, " ".join(self.state.faults(answer)))

    def test_takes_every_end_of_an_append_from_what_was_acknowledged_on(self):
        for head in (1, 3, 5):
            self.assertEqual(self.state.faults(self.answer(head)), [])

    def test_finds_a_lost_append(self):
        self.finds("was acknowledged", self.answer(0))

    def test_finds_half_an_append(self):
        self.finds("in the middle", self.answer(2))

    def test_finds_a_hole(self):
        self.finds("position 2 is not", self.answer(3, records=[11, 13, 14]))
        self.finds("2 events are read", self.answer(3, records=[11, 12]))

    def test_finds_what_was_never_recorded(self):
        self.finds("position 6 is not", self.answer(6, records=[11, 12, 13, 14, 15, 16]))

    def test_finds_a_refusal_to_open_and_what_verify_found(self):
        self.finds("does not open: damaged", {"error": "damaged"})
        self.finds("verify: damaged", self.answer(3, findings=["damaged"]))

    def test_finds_a_receipt_that_is_lost_early_or_another(self):
        self.finds("command a", self.answer(3, receipts=[None, None]))
        self.finds("command a", self.answer(1, receipts=[3, None]))
        self.finds("command never", self.answer(3, receipts=[3, 2]))

    def test_finds_an_append_at_another_position(self):
        self.finds("went to 3", self.answer(3, appended=3))


if __name__ == "__main__":
    unittest.main()
