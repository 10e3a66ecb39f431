"""BatchAppend: many appends on one call."""

import time
import uuid

import grpc
from google.protobuf import duration_pb2, timestamp_pb2
from harness import (
    BatchCall,
    ServerTestCase,
    StreamState,
    error,
    fields,
    fresh,
    identifier,
    new_events,
    proposal,
    shared,
    structured_id,
    text_id,
)

MiB = 1 << 20


class BatchAppendTests(ServerTestCase):
    def test_returns_the_position_of_the_last_event(self):
        stream = fresh()
        position = self.append(stream, *new_events(5), expected=StreamState.NO_STREAM)
        events = self.client.get_stream(stream)
        self.assertEqual([event.stream_position for event in events], [0, 1, 2, 3, 4])
        self.assertEqual(events[-1].commit_position, position)
        self.assertGreater(self.append(stream, *new_events(2), expected=4), position)
        self.assertEqual(self.client.get_current_version(stream), 6)

    def test_repeats_without_writing(self):
        stream, events = fresh(), new_events(3)
        first = self.append(stream, *events, expected=StreamState.NO_STREAM)
        self.assertEqual(self.append(stream, *events, expected=StreamState.NO_STREAM), first)
        self.assertEqual(self.append(stream, *events), first)
        self.assertEqual(len(self.client.get_stream(stream)), 3)

    def test_tells_of_another_version(self):
        stream = self.filled(2)
        for expected in (StreamState.NO_STREAM, 0, 2):
            with self.subTest(expected=expected), self.assertRaises(error("WrongCurrentVersion")):
                self.append(stream, *new_events(2), expected=expected)
        with self.assertRaises(error("WrongCurrentVersion")):
            self.append(fresh(), *new_events(2), expected=StreamState.EXISTS)

    def test_tells_of_a_stream_that_is_deleted(self):
        stream = self.filled(2)
        self.client.delete_stream(stream, current_version=1)
        with self.assertRaises(error("StreamIsDeleted")):
            self.append(stream, *new_events(1), expected=StreamState.EXISTS)
        self.client.tombstone_stream(stream, current_version=StreamState.ANY)
        with self.assertRaises(error("StreamIsDeleted")):
            self.append(stream, *new_events(1))

    def test_tells_that_too_much_was_sent(self):
        with self.assertRaises(error("MaximumAppendSizeExceeded")):
            self.append(fresh(), *[type(event)(event.type, b"x" * MiB) for event in new_events(16)], *new_events(1))

    def test_tells_what_is_wrong(self):
        [event] = new_events(1)
        with self.assertRaises(error("BadRequest")):
            self.append("x" * 513, event)
        with self.assertRaises(error("AccessDenied")):
            self.append("$all", event)

    def test_tells_that_the_time_is_over(self):
        with self.assertRaises(error("DeadlineExceeded")):
            self.client.append_events(fresh(), events=new_events(1), current_version=StreamState.ANY, timeout=0)

    def test_takes_a_batch_of_10_000(self):
        stream = fresh()
        self.append(stream, *new_events(10_000), expected=StreamState.NO_STREAM)
        self.assertEqual(self.client.get_current_version(stream), 9_999)


class BatchAppendMessageTests(ServerTestCase):
    def open(self):
        call = BatchCall(self.stub)
        self.addCleanup(call.finish)
        return call

    def one(self, stream, expected="any", proposals=None, **options):
        """The answer to an append on a call of its own."""
        call = self.open()
        call.send(text_id(uuid.uuid4()), stream, expected, [proposal()] if proposals is None else proposals, **options)
        call.finish()
        [answer] = call.rest()
        return answer

    # Who is answered, and how

    def test_answers_with_what_names_the_append(self):
        call = self.open()
        id = uuid.uuid4()
        for correlation in (text_id(id), structured_id(id), structured_id(uuid.UUID(int=5))):
            stream = fresh()
            call.send(correlation, stream, "no_stream", [proposal(), proposal()])
            answer = call.answer()
            self.assertEqual(answer.correlation_id, correlation)
            self.assertEqual(answer.stream_identifier, identifier(stream))
            self.assertIsNone(answer.WhichOneof("expected_stream_position"))
            self.assertEqual(answer.success.WhichOneof("current_revision_option"), "current_revision")
            self.assertEqual(answer.success.current_revision, 1)
            position = answer.success.position
            self.assertEqual(position.commit_position, list(self.read(stream))[-1].event.commit_position)
            self.assertEqual(position.prepare_position, position.commit_position)
        call.finish()
        self.assertEqual(call.rest(), [])

    def test_answers_a_first_event_with_revision_0_that_is_set(self):
        success = self.one(fresh()).success
        self.assertEqual(
            (success.WhichOneof("current_revision_option"), success.current_revision), ("current_revision", 0)
        )

    def test_answers_an_append_without_events(self):
        self.assertEqual(self.one(fresh(), proposals=[]).success.WhichOneof("current_revision_option"), "no_stream")
        self.assertEqual(self.one(self.filled(2), proposals=[]).success.current_revision, 1)

    def test_keeps_appends_apart_whose_messages_come_in_turns(self):
        call = self.open()
        first, second = text_id(uuid.uuid4()), structured_id(uuid.uuid4())
        streams_ = {first.string: fresh(), second.structured.most_significant_bits: fresh()}
        one, two = streams_.values()
        ones, twos = [proposal() for _ in range(3)], [proposal() for _ in range(2)]
        call.send(first, one, "no_stream", ones[:1], is_final=False)
        call.send(second, two, "no_stream", twos[:1], is_final=False)
        call.send(first, proposals=ones[1:2], is_final=False)
        call.send(second, proposals=twos[1:])
        answer = call.answer()
        self.assertEqual((answer.correlation_id, answer.success.current_revision), (second, 1))
        self.assertEqual([m.WhichOneof("content") for m in self.read(one)], ["stream_not_found"])
        call.send(first, proposals=ones[2:])
        answer = call.answer()
        self.assertEqual((answer.correlation_id, answer.success.current_revision), (first, 2))
        call.finish()
        self.assertEqual(call.rest(), [])
        for stream, proposals in ((one, ones), (two, twos)):
            self.assertEqual([m.event.event.id for m in self.read(stream)], [proposed.id for proposed in proposals])

    def test_ignores_options_that_come_again(self):
        call = self.open()
        id, stream, other = text_id(uuid.uuid4()), fresh(), fresh()
        call.send(id, stream, "any", [proposal()], is_final=False)
        call.send(id, other, "stream_exists", [proposal()])
        answer = call.answer()
        self.assertEqual((answer.stream_identifier, answer.success.current_revision), (identifier(stream), 1))
        self.assertEqual(self.client.get_current_version(other), StreamState.NO_STREAM)

    def test_ignores_a_message_of_an_append_that_it_does_not_know(self):
        call = self.open()
        call.send(text_id(uuid.uuid4()), proposals=[proposal()])
        known = text_id(uuid.uuid4())
        call.send(known, fresh(), "any", [proposal()])
        call.finish()
        self.assertEqual([answer.correlation_id for answer in call.rest()], [known])

    def test_takes_a_name_again_once_it_is_answered(self):
        call = self.open()
        id, stream = text_id(uuid.uuid4()), fresh()
        for revision in range(3):
            call.send(id, stream, "any", [proposal()])
            self.assertEqual(call.answer().success.current_revision, revision)

    def test_writes_nothing_that_is_not_final(self):
        call = self.open()
        stream = fresh()
        call.send(text_id(uuid.uuid4()), stream, "any", [proposal()], is_final=False)
        call.send(text_id(uuid.uuid4()), fresh(), "any", [proposal()])
        call.answer()
        self.assertEqual(self.client.get_current_version(stream), StreamState.NO_STREAM)
        call.finish()
        self.assertEqual(call.rest(), [])
        self.assertEqual(self.client.get_current_version(stream), StreamState.NO_STREAM)

    def test_answers_all_that_was_begun_before_it_ends(self):
        call = self.open()
        ids = [text_id(uuid.uuid4()) for _ in range(1_000)]
        stream = fresh()
        for index, id in enumerate(ids):
            call.send(id, f"{stream}-{index % 10}", "any", [proposal()])
        call.finish()
        answers = call.rest()
        self.assertEqual({answer.WhichOneof("result") for answer in answers}, {"success"})
        self.assertEqual(sorted(answer.correlation_id.string for answer in answers), sorted(id.string for id in ids))
        for index in range(10):
            self.assertEqual(self.client.get_current_version(f"{stream}-{index}"), 99)

    def test_goes_on_after_an_append_that_fails(self):
        call = self.open()
        stream = self.filled(1)
        call.send(text_id(uuid.uuid4()), stream, "no_stream", [proposal()])
        self.assertEqual(call.answer().error.message, "WrongExpectedVersion")
        call.send(text_id(uuid.uuid4()), stream, None, [proposal()])
        self.assertEqual(call.answer().error.message, "BadRequest")
        call.send(text_id(uuid.uuid4()), stream, "any", [proposal()])
        self.assertEqual(call.answer().success.current_revision, 1)
        call.finish()
        self.assertEqual(call.rest(), [])

    def test_puts_the_pieces_of_a_large_append_together(self):
        call = self.open()
        id, stream = text_id(uuid.uuid4()), fresh()
        for number in range(5):
            pieces = [proposal(bytes([number]) * MiB) for _ in range(3)]
            call.send(id, stream if number == 0 else None, "any" if number == 0 else None, pieces, is_final=number == 4)
        self.assertEqual(call.answer().success.current_revision, 14)
        self.assertEqual([m.event.event.data[0] for m in self.read(stream)], [n for n in range(5) for _ in range(3)])

    def test_ends_with_OK_when_nothing_is_sent(self):
        call = self.open()
        call.finish()
        self.assertEqual(call.rest(), [])

    def test_a_call_that_is_given_up_harms_no_other(self):
        given_up, other = self.open(), self.open()
        given_up.send(text_id(uuid.uuid4()), fresh(), "any", [proposal()], is_final=False)
        given_up.call.cancel()
        other.send(text_id(uuid.uuid4()), fresh(), "any", [proposal()])
        self.assertEqual(other.answer().success.current_revision, 0)

    # How long an append may take

    def test_takes_the_longest_time_that_there_is(self):
        for seconds in (315_576_000_000, 922_337_203_685, 10):
            self.assertEqual(
                self.one(fresh(), deadline=duration_pb2.Duration(seconds=seconds)).WhichOneof("result"), "success"
            )
        for seconds in (int(time.time()) + 60, 253_402_300_799):
            later = timestamp_pb2.Timestamp(seconds=seconds)
            self.assertEqual(self.one(fresh(), deadline_21_10_0=later).WhichOneof("result"), "success")

    def test_answers_at_once_when_no_time_is_left(self):
        for time_ in (
            {"deadline": duration_pb2.Duration()},
            {"deadline": duration_pb2.Duration(seconds=-1)},
            {"deadline": duration_pb2.Duration(nanos=-1)},
            {"deadline": duration_pb2.Duration(seconds=-315_576_000_000)},
            {"deadline_21_10_0": timestamp_pb2.Timestamp(seconds=int(time.time()) - 60)},
            {"deadline_21_10_0": timestamp_pb2.Timestamp(seconds=-62_135_596_800)},
        ):
            with self.subTest(time_):
                stream = fresh()
                self.assert_error(self.one(stream, **time_), 4, "Timeout", shared.Timeout())
                self.assertEqual(self.client.get_current_version(stream), StreamState.NO_STREAM)

    # Why an append does not succeed

    def assert_error(self, answer, code, message, details):
        self.assertEqual(answer.WhichOneof("result"), "error")
        self.assertEqual((answer.error.code, answer.error.message), (code, message))
        name = details.DESCRIPTOR.name
        self.assertEqual(answer.error.details.type_url, f"type.googleapis.com/event_store.client.{name}")
        unpacked = type(details)()
        unpacked.ParseFromString(answer.error.details.value)
        self.assertEqual(unpacked, details)

    def test_says_what_was_expected(self):
        stream = self.filled(3)
        for expected, told in (
            ("no_stream", {"expected_no_stream": {}}),
            (0, {"expected_stream_position": 0}),
            (7, {"expected_stream_position": 7}),
        ):
            conflict = shared.WrongExpectedVersion(current_stream_revision=2, **told)
            self.assert_error(self.one(stream, expected), 6, "WrongExpectedVersion", conflict)
        missing = shared.WrongExpectedVersion(current_no_stream={}, expected_stream_exists={})
        self.assert_error(self.one(fresh(), "stream_exists"), 6, "WrongExpectedVersion", missing)
        known = proposal()
        stream = fresh()
        self.one(stream, proposals=[known])
        conflict = shared.WrongExpectedVersion(current_stream_revision=0, expected_any={})
        self.assert_error(self.one(stream, proposals=[known, proposal()]), 6, "WrongExpectedVersion", conflict)

    def test_says_that_the_stream_is_deleted(self):
        stream = self.filled(1)
        details = shared.StreamDeleted(stream_identifier=identifier(stream))
        self.client.delete_stream(stream, current_version=0)
        self.assert_error(self.one(stream, "stream_exists"), 5, "StreamDeleted", details)
        self.client.tombstone_stream(stream, current_version=StreamState.ANY)
        for expected in ("any", "no_stream", "stream_exists", 0):
            self.assert_error(self.one(stream, expected), 5, "StreamDeleted", details)

    def test_says_that_nobody_may_do_that(self):
        self.assert_error(self.one("$all"), 7, "AccessDenied", shared.AccessDenied())

    def test_says_that_the_append_is_too_large(self):
        answer = self.one_in_pieces([proposal(b"x" * MiB) for _ in range(16)] + [proposal(b"x")])
        self.assert_error(
            answer, 3, "MaximumAppendSizeExceeded", shared.MaximumAppendSizeExceeded(maxAppendSize=16 * MiB)
        )

    def one_in_pieces(self, proposals):
        call = self.open()
        id = text_id(uuid.uuid4())
        call.send(id, fresh(), "any", proposals[:8], is_final=False)
        call.send(id, proposals=proposals[8:])
        call.finish()
        [answer] = call.rest()
        return answer

    def test_says_that_an_event_is_too_large(self):
        id = uuid.uuid4()
        answer = self.one(fresh(), proposals=[proposal(), proposal(b"x" * (MiB + 1), id=id)])
        self.assertEqual((answer.error.code, answer.error.message), (3, "MaximumAppendEventSizeExceeded"))
        details = answer.error.details
        self.assertEqual(details.type_url, "type.googleapis.com/event_store.client.MaximumAppendEventSizeExceeded")
        self.assertEqual(fields(details.value), [(1, str(id).encode()), (2, MiB + 1), (3, MiB)])

    def test_says_what_is_wrong_with_the_request(self):
        for name, answer in {
            "no expectation": self.one(fresh(), None),
            "no stream": self.one(None, "any"),
            "an empty name": self.one("", "any"),
            "no type": self.one(fresh(), proposals=[proposal(metadata={"content-type": "application/json"})]),
            "no content type": self.one(fresh(), proposals=[proposal(metadata={"type": "A"})]),
            "no identifier": self.one(fresh(), proposals=[proposal(id=shared.UUID())]),
            "a revision of 64 bits": self.one(fresh(), 2**63),
        }.items():
            with self.subTest(name):
                self.assertEqual((answer.error.code, answer.error.message), (3, "BadRequest"))
                self.assertEqual(answer.error.details.type_url, "type.googleapis.com/event_store.client.BadRequest")
                details = shared.BadRequest()
                self.assertTrue(answer.error.details.Unpack(details))
                self.assertTrue(details.message)

    def test_bounds_what_a_call_may_leave_unfinished(self):
        call = self.open()
        for _ in range(20):
            call.send(text_id(uuid.uuid4()), fresh(), "any", [proposal(b"x" * MiB) for _ in range(2)], is_final=False)
        self.assertIsNone(call.answer())
        self.assertEqual(call.failure.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertEqual(self.one(fresh()).WhichOneof("result"), "success")
