"""What becomes of an append that was sent before: by each of the two calls that append, row by row of the rules."""

import uuid

import grpc
from harness import (
    BatchCall,
    ServerTestCase,
    StreamState,
    fresh,
    new_events,
    proposal,
    shared,
    text_id,
)


class BySingleCall:
    """Answers as a tuple: `("success", revision, position)`, `("conflict", current)` or `("deleted",)`."""

    def attempt(self, stream, expected, *proposals):
        try:
            reply = self.write(stream, expected, *proposals)
        except grpc.RpcError as failure:
            if failure.details() == f"Event stream '{stream}' is deleted.":
                return ("deleted",)
            raise
        if reply.WhichOneof("result") == "success":
            return ("success", reply.success.current_revision, reply.success.position.commit_position)
        conflict = reply.wrong_expected_version
        has_revision = conflict.WhichOneof("current_revision_option") == "current_revision"
        return ("conflict", conflict.current_revision if has_revision else None)


class ByBatch:
    def attempt(self, stream, expected, *proposals):
        call = BatchCall(self.stub)
        call.send(text_id(uuid.uuid4()), stream, expected, proposals)
        call.finish()
        [answer] = call.rest()
        if answer.WhichOneof("result") == "success":
            return ("success", answer.success.current_revision, answer.success.position.commit_position)
        if answer.error.message == "StreamDeleted":
            return ("deleted",)
        self.assertEqual(answer.error.message, "WrongExpectedVersion")
        conflict = batch_conflict(answer)
        has_revision = conflict.WhichOneof("current_stream_revision_option") == "current_stream_revision"
        return ("conflict", conflict.current_stream_revision if has_revision else None)


def batch_conflict(answer):
    conflict = shared.WrongExpectedVersion()
    if not answer.error.details.Unpack(conflict):
        raise AssertionError(f"The details are {answer.error.details.type_url}.")
    return conflict


class Rules:
    def begin(self, count=3, expected="no_stream"):
        """A new stream with events; also what was answered."""
        stream, events = fresh(), [proposal() for _ in range(count)]
        answer = self.attempt(stream, expected, *events)
        self.assertEqual(answer[:2], ("success", count - 1))
        return stream, events, answer

    def ids(self, stream):
        return [message.event.event.id.string for message in self.read(stream)]

    def assert_holds(self, stream, events):
        self.assertEqual(self.ids(stream), [event.id.string for event in events])

    # 1: a stream that is deleted for good

    def test_a_tombstone_comes_before_every_expectation(self):
        stream, events, _ = self.begin()
        self.client.tombstone_stream(stream, current_version=StreamState.ANY)
        for expected in ("any", "no_stream", "stream_exists", 0, 2, 3):
            for proposals in (events, [proposal()], []):
                with self.subTest(expected=expected, count=len(proposals)):
                    self.assertEqual(self.attempt(stream, expected, *proposals), ("deleted",))

    # 2: a stream that is expected to exist

    def test_a_stream_that_is_to_exist(self):
        stream = fresh()
        self.assertEqual(self.attempt(stream, "stream_exists", proposal()), ("conflict", None))
        self.client.set_stream_metadata(stream, metadata={"colour": "blue"})
        self.assertEqual(self.attempt(stream, "stream_exists", proposal())[:2], ("success", 0))
        self.assertEqual(self.attempt(stream, "stream_exists", proposal())[:2], ("success", 1))
        self.client.delete_stream(stream, current_version=StreamState.ANY)
        self.assertEqual(self.attempt(stream, "stream_exists", proposal()), ("deleted",))

    # 3: no expectation, or that the stream exists

    def test_a_repeat_without_an_expectation_has_the_first_result(self):
        for expected in ("any", "stream_exists"):
            stream, events, answer = self.begin()
            self.append(stream, *new_events(2))
            self.assertEqual(self.attempt(stream, expected, *events), answer)
            self.assertEqual(len(self.ids(stream)), 5)

    def test_a_part_of_what_is_known_has_the_result_of_its_last_event(self):
        for expected in ("any", "stream_exists"):
            stream, events, _ = self.begin()
            places = [
                (message.event.event.stream_revision, message.event.event.commit_position)
                for message in self.read(stream)
            ]
            for chosen in ([0], [1], [2], [0, 1], [1, 2], [2, 0], [2, 1, 0]):
                answer = self.attempt(stream, expected, *[events[index] for index in chosen])
                self.assertEqual(answer, ("success", *places[chosen[-1]]), chosen)
            self.assert_holds(stream, events)

    def test_known_events_after_one_that_is_not_are_written_again(self):
        for expected in ("any", "stream_exists"):
            stream, events, _ = self.begin()
            new = proposal()
            self.assertEqual(self.attempt(stream, expected, new, *events)[:2], ("success", 6))
            self.assert_holds(stream, [*events, new, *events])

    def test_an_unknown_event_after_one_that_is_known_is_a_conflict(self):
        for expected in ("any", "stream_exists"):
            stream, events, _ = self.begin()
            for proposals in ([*events, proposal()], [events[0], proposal()], [events[2], proposal(), events[0]]):
                with self.subTest(expected=expected, count=len(proposals)):
                    self.assertEqual(self.attempt(stream, expected, *proposals), ("conflict", 2))
            self.assert_holds(stream, events)

    def test_events_of_another_stream_are_not_known(self):
        for expected, elsewhere in (("any", "any"), ("no_stream", "no_stream")):
            _, events, _ = self.begin()
            stream = fresh()
            self.assertEqual(self.attempt(stream, elsewhere, *events)[:2], ("success", 2))
            self.assert_holds(stream, events)

    def test_the_same_event_twice_in_one_append_is_written_twice(self):
        stream, event = fresh(), proposal()
        self.assertEqual(self.attempt(stream, "any", event, event)[:2], ("success", 1))
        self.assert_holds(stream, [event, event])

    # 4: an earlier revision

    def test_a_repeat_at_its_revision_has_the_first_result(self):
        stream, events, answer = self.begin()
        more = [proposal(), proposal()]
        second = self.attempt(stream, 2, *more)
        self.append(stream, *new_events(3))
        self.assertEqual(self.attempt(stream, "no_stream", *events), answer)
        self.assertEqual(self.attempt(stream, 2, *more), second)
        self.assertEqual(len(self.ids(stream)), 8)

    def test_a_repeat_of_the_first_events_has_the_result_of_the_last_of_them(self):
        stream, events, _ = self.begin()
        positions = [message.event.event.commit_position for message in self.read(stream)]
        self.assertEqual(self.attempt(stream, "no_stream", *events[:2]), ("success", 1, positions[1]))
        self.assertEqual(self.attempt(stream, 0, events[1]), ("success", 1, positions[1]))
        self.assertEqual(self.attempt(stream, 0, *events[1:]), ("success", 2, positions[2]))
        self.assert_holds(stream, events)

    def test_a_repeat_of_several_appends_at_once_has_the_result_of_the_last(self):
        stream, events, _ = self.begin()
        more = [proposal()]
        second = self.attempt(stream, 2, *more)
        self.assertEqual(self.attempt(stream, "no_stream", *events, *more), second)

    def test_other_events_at_an_earlier_revision_are_a_conflict(self):
        stream, events, _ = self.begin()
        for expected, proposals in (
            ("no_stream", [proposal()]),
            ("no_stream", [events[0], proposal()]),
            ("no_stream", [*events, proposal()]),
            ("no_stream", [events[1]]),
            (0, [proposal()]),
            (0, [events[0]]),
            (0, [events[1], proposal()]),
            (1, [events[2], proposal()]),
            (1, []),
            ("no_stream", []),
        ):
            self.assertEqual(self.attempt(stream, expected, *proposals), ("conflict", 2), expected)
        self.assert_holds(stream, events)

    def test_a_stream_that_is_deleted_counts_as_none(self):
        stream, events, answer = self.begin()
        self.client.delete_stream(stream, current_version=StreamState.ANY)
        self.assertEqual(self.attempt(stream, 0, proposal()), ("conflict", 2))
        new = proposal()
        self.assertEqual(self.attempt(stream, "no_stream", new)[:2], ("success", 3))
        self.assert_holds(stream, [new])

    def test_a_repeat_at_its_revision_writes_nothing_to_a_stream_deleted_since(self):
        stream, events, answer = self.begin()
        self.client.delete_stream(stream, current_version=StreamState.ANY)
        self.assertEqual(self.attempt(stream, "no_stream", *events), answer)
        self.assertEqual(self.client.get_current_version(stream), StreamState.NO_STREAM)

    def test_a_repeat_of_what_is_truncated_since_has_the_first_result(self):
        stream, events, answer = self.begin()
        self.append(stream, *new_events(2))
        self.client.set_stream_metadata(stream, metadata={"$tb": 4})
        self.assertEqual(self.attempt(stream, "no_stream", *events), answer)
        self.assertEqual(self.attempt(stream, "any", *events), answer)
        self.assertEqual(len(self.ids(stream)), 1)

    # 5 and 6: the present revision, and a later one

    def test_the_same_events_at_the_present_revision_are_written_again(self):
        stream, events, answer = self.begin()
        again = self.attempt(stream, 2, *events)
        self.assertEqual(again[:2], ("success", 5))
        self.assertGreater(again[2], answer[2])
        self.assert_holds(stream, events + events)

    def test_a_later_revision_is_a_conflict(self):
        stream, events, _ = self.begin()
        for proposals in (events, [proposal()], []):
            self.assertEqual(self.attempt(stream, 3, *proposals), ("conflict", 2))
        self.assertEqual(self.attempt(fresh(), 0, proposal()), ("conflict", None))


class RepeatsBySingleCallTests(Rules, BySingleCall, ServerTestCase):
    pass


class RepeatsByBatchTests(Rules, ByBatch, ServerTestCase):
    pass


class RepeatsAcrossCallsTests(Rules, BySingleCall, ServerTestCase):
    """What one call has written, the other one knows."""

    def attempt(self, stream, expected, *proposals):
        self.turn = not getattr(self, "turn", False)
        return (BySingleCall if self.turn else ByBatch).attempt(self, stream, expected, *proposals)


class RepeatsAfterRestartTests(BySingleCall, ServerTestCase):
    def test_a_repeat_is_known_to_the_next_process(self):
        events = [proposal() for _ in range(3)]
        expected = {expectation: fresh() for expectation in ("any", "no_stream")}
        first = {key: self.attempt(stream, key, *events) for key, stream in expected.items()}
        deleted = self.filled(2)
        self.client.delete_stream(deleted, current_version=StreamState.ANY)
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        type(self).connect()
        self.assertEqual({key: self.attempt(stream, key, *events) for key, stream in expected.items()}, first)
        self.assertEqual(self.attempt(deleted, "stream_exists", proposal()), ("deleted",))
        self.assertEqual(self.attempt(deleted, "any", proposal())[:2], ("success", 2))
        self.assertEqual(self.client.get_stream_metadata(deleted)[0], {"$tb": 2})
