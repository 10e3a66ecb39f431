"""Deleting streams: softly, so that they can be written again, and for good."""

import grpc
from harness import (
    PATIENCE,
    TOMBSTONE,
    ServerTestCase,
    StreamState,
    error,
    expectation,
    fresh,
    identifier,
    kinds,
    new_event,
    new_events,
    proposal,
    read_stream,
    streams,
)

DELETED = 2**63 - 1
EXPECTATIONS = {"any": -2, "no_stream": -1, "stream_exists": -4, 0: 0, 7: 7}


class DeletionTestCase(ServerTestCase):
    def delete(self, stream, expected="any"):
        request = streams.DeleteReq()
        request.options.MergeFrom(streams.DeleteReq.Options(**expectation(expected)))
        request.options.stream_identifier.CopyFrom(identifier(stream))
        return self.stub.Delete(request, timeout=PATIENCE)

    def tombstone(self, stream, expected="any"):
        request = streams.TombstoneReq()
        request.options.MergeFrom(streams.TombstoneReq.Options(**expectation(expected)))
        request.options.stream_identifier.CopyFrom(identifier(stream))
        return self.stub.Tombstone(request, timeout=PATIENCE)

    def assert_conflict(self, call, stream, expected, number, actual):
        self.assert_status(
            grpc.StatusCode.FAILED_PRECONDITION,
            call,
            stream,
            expected,
            message="Delete failed due to WrongExpectedVersion. "
            f"Stream: {stream}, Expected version: {number}, Actual version: {actual}",
            exception="wrong-expected-version",
            stream_name=stream,
            expected_version=str(number),
            actual_version=str(actual),
        )

    def assert_gone(self, stream, call, *arguments):
        """The answer is that the stream is deleted."""
        self.assert_status(
            grpc.StatusCode.FAILED_PRECONDITION,
            call,
            *arguments,
            message=f"Event stream '{stream}' is deleted.",
            exception="stream-deleted",
            stream_name=stream,
        )

    def metadata(self, stream):
        return self.client.get_stream_metadata(stream)

    def revisions(self, stream):
        return [message.event.event.stream_revision for message in self.read(stream)]


class DeleteTests(DeletionTestCase):
    def test_hides_the_events(self):
        stream = self.filled(3)
        self.client.delete_stream(stream, current_version=2)
        for backwards in (False, True):
            with self.assertRaises(error("NotFound")):
                self.client.get_stream(stream, backwards=backwards)
        self.assertEqual(self.client.get_current_version(stream), StreamState.NO_STREAM)
        self.assertEqual(kinds(self.read(stream, compatibility=1)), ["stream_not_found"])

    def test_answers_with_the_position_of_the_metadata(self):
        stream = self.filled(3)
        reply = self.delete(stream, 2)
        self.assertEqual(reply.WhichOneof("position_option"), "position")
        self.assertEqual(reply.position.commit_position, reply.position.prepare_position)
        [message] = self.read(f"$${stream}")
        event = message.event.event
        self.assertEqual(event.commit_position, reply.position.commit_position)
        self.assertEqual((event.metadata["type"], event.metadata["content-type"]), ("$metadata", "application/json"))
        self.assertEqual(event.data, b'{"$tb":9223372036854775807}')
        self.assertEqual(event.stream_revision, 0)

    def test_replaces_all_other_metadata(self):
        stream = self.filled(3)
        self.client.set_stream_metadata(stream, metadata={"$maxCount": 2, "colour": "blue"})
        self.delete(stream)
        self.assertEqual(self.metadata(stream), ({"$tb": DELETED}, 1))

    def test_checks_what_is_expected(self):
        for expected in ("any", "stream_exists", 2):
            self.delete(self.filled(3), expected)
        stream = self.filled(3)
        for expected in ("no_stream", 0, 1, 3):
            self.assert_conflict(self.delete, stream, expected, EXPECTATIONS.get(expected, expected), 2)
        self.assertEqual(self.revisions(stream), [0, 1, 2])
        with self.assertRaises(error("WrongCurrentVersion")):
            self.client.delete_stream(stream, current_version=1)

    def test_needs_an_expectation(self):
        stream = self.filled(1)
        for call in (self.delete, self.tombstone):
            failure = self.assert_status(grpc.StatusCode.INVALID_ARGUMENT, call, stream, None)
            self.assertRegex(failure.details(), r"^'\w+' is a required argument of type \w+$")

    def test_deletes_no_log(self):
        for call in (self.delete, self.tombstone):
            self.assert_status(
                grpc.StatusCode.PERMISSION_DENIED, call, "$all", message="Access Denied", exception="access-denied"
            )

    def test_needs_a_stream_that_was_written(self):
        for expected, number in EXPECTATIONS.items():
            self.assert_conflict(self.delete, fresh(), expected, number, -1)
        with self.assertRaises(error("NotFound")):
            self.client.delete_stream(fresh(), current_version=0)

    def test_takes_a_stream_that_has_metadata_alone(self):
        for expected in ("any", "no_stream", "stream_exists"):
            stream = fresh()
            self.client.set_stream_metadata(stream, metadata={"colour": "blue"})
            self.delete(stream, expected)
            self.assertEqual(self.metadata(stream), ({"$tb": DELETED}, 1))

    def test_does_it_again(self):
        for expected in ("any", 2, "no_stream"):
            stream = self.filled(3)
            self.delete(stream)
            self.delete(stream, expected)
            self.assertEqual(self.metadata(stream), ({"$tb": DELETED}, 1))
        self.assert_gone(stream, self.delete, stream, "stream_exists")
        with self.assertRaises(error("StreamIsDeleted")):
            self.client.delete_stream(stream, current_version=StreamState.EXISTS)
        self.assert_conflict(self.delete, stream, 1, 1, 2)

    def test_names_a_stream_that_is_no_ASCII_in_the_message_alone(self):
        stream = fresh("Straße")
        failure = self.assert_status(
            grpc.StatusCode.FAILED_PRECONDITION,
            self.delete,
            stream,
            message=f"Delete failed due to WrongExpectedVersion. Stream: {stream}, Expected version: -2, Actual version: -1",
        )
        trailers = {item.key: item.value for item in failure.trailing_metadata()}
        self.assertEqual(trailers["exception"], "wrong-expected-version")
        self.assertTrue(trailers.get("stream-name", "").isascii())


class RevivalTests(DeletionTestCase):
    def deleted(self, count=3):
        stream = self.filled(count)
        self.delete(stream)
        return stream

    def test_goes_on_with_the_next_revision(self):
        for expected in ("any", "no_stream", 2):
            stream = self.deleted()
            reply = self.write(stream, expected, proposal(), proposal())
            self.assertEqual(reply.success.current_revision, 4)
            self.assertEqual(self.revisions(stream), [3, 4])
            self.assertEqual(reply.success.position.commit_position, list(self.read(stream))[-1].event.commit_position)
            self.assertEqual(self.metadata(stream), ({"$tb": 3}, 1))
            self.assertEqual(self.write(stream, 4, proposal()).success.current_revision, 5)
            self.assertEqual(self.metadata(stream), ({"$tb": 3}, 1))

    def test_is_refused_when_the_stream_is_to_exist_or_has_another_revision(self):
        stream = self.deleted()
        self.assert_gone(stream, self.write, stream, "stream_exists", proposal())
        for expected in (0, 1, 3):
            reply = self.write(stream, expected, proposal())
            self.assertEqual(reply.wrong_expected_version.current_revision, 2)
        self.assertEqual(kinds(self.read(stream)), ["stream_not_found"])

    def test_happens_again_and_again(self):
        stream = fresh()
        for count in range(1, 5):
            self.append(stream, *new_events(2))
            self.assertEqual(self.revisions(stream), [2 * count - 2, 2 * count - 1])
            self.delete(stream, "stream_exists")
        found = [event for event in self.events_of_all() if event.stream_identifier == identifier(stream)]
        self.assertEqual([event.stream_revision for event in found], list(range(8)))
        self.assertEqual(self.metadata(stream), ({"$tb": DELETED}, 6))

    def test_writes_the_metadata_after_the_events(self):
        stream = self.deleted()
        self.write(stream, "any", proposal())
        last, before = self.events_of_all(start="end", backwards=True, count=2)
        self.assertEqual(before.stream_identifier, identifier(stream))
        self.assertEqual(last.stream_identifier, identifier(f"$${stream}"))

    def test_keeps_the_keys_of_the_metadata(self):
        stream = self.filled(3)
        self.client.set_stream_metadata(stream, metadata={"$maxCount": 2})
        self.client.set_stream_metadata(stream, metadata={"$tb": DELETED, "$maxCount": 2, "colour": "blue"})
        self.assertEqual(kinds(self.read(stream)), ["stream_not_found"])
        self.append(stream, *new_events(3))
        self.assertEqual(self.metadata(stream), ({"$tb": 3, "$maxCount": 2, "colour": "blue"}, 2))
        self.assertEqual(self.revisions(stream), [4, 5])

    def test_of_a_stream_without_events_begins_at_0(self):
        stream = fresh()
        self.client.set_stream_metadata(stream, metadata={"colour": "blue"})
        self.delete(stream)
        self.append(stream, *new_events(2))
        self.assertEqual(self.revisions(stream), [0, 1])

    def test_does_not_happen_by_metadata_written_by_hand(self):
        stream = self.deleted()
        self.client.set_stream_metadata(stream, metadata={"colour": "green"})
        self.assertEqual(kinds(self.read(stream)), ["stream_not_found"])
        self.append(stream, new_event())
        self.assertEqual(self.revisions(stream), [3])
        self.assertEqual(self.metadata(stream)[0], {"colour": "green", "$tb": 3})


class DeletionByHandTests(DeletionTestCase):
    def test_is_a_deletion_that_keeps_the_other_keys(self):
        stream = self.filled(3)
        self.client.set_stream_metadata(stream, metadata={"$tb": DELETED, "colour": "blue"})
        self.assertEqual(kinds(self.read(stream)), ["stream_not_found"])
        self.assertEqual(self.metadata(stream), ({"$tb": DELETED, "colour": "blue"}, 0))
        self.assert_gone(stream, self.write, stream, "stream_exists", proposal())
        self.assertEqual(self.write(stream, "any", proposal()).success.current_revision, 3)

    def test_leaves_the_retention_as_it_was(self):
        stream = self.filled(3)
        self.client.set_stream_metadata(stream, metadata={"$maxCount": 2})
        self.client.set_stream_metadata(stream, metadata={"$tb": DELETED})
        self.append(stream, *new_events(4))
        self.assertEqual(self.revisions(stream), [5, 6])


class TombstoneTests(DeletionTestCase):
    def test_stands_in_the_log(self):
        stream = self.filled(3)
        reply = self.tombstone(stream, 2)
        self.assertEqual(reply.WhichOneof("position_option"), "position")
        self.assertEqual(reply.position.commit_position, reply.position.prepare_position)
        [event] = self.events_of_all(start="end", backwards=True, count=1)
        self.assertEqual(event.commit_position, reply.position.commit_position)
        self.assertEqual(event.stream_identifier, identifier(stream))
        self.assertEqual((event.metadata["type"], event.stream_revision), ("$streamDeleted", TOMBSTONE))
        self.assertTrue(event.id.string)

    def test_is_the_end_of_the_stream(self):
        stream = self.filled(3)
        self.client.set_stream_metadata(stream, metadata={"colour": "blue"})
        self.tombstone(stream)
        for options in ({}, {"backwards": True}, {"start": "end", "backwards": True}):
            self.assert_gone(stream, lambda: self.read(stream, **options))
        for expected in EXPECTATIONS:
            self.assert_gone(stream, self.write, stream, expected, proposal())
            self.assert_gone(stream, self.delete, stream, expected)
            self.assert_gone(stream, self.tombstone, stream, expected)
        following = self.follow(read_stream(stream, subscription=True))
        self.assertIsNone(following.next())
        self.assertEqual(following.failure.code(), grpc.StatusCode.FAILED_PRECONDITION)

    def test_is_the_end_of_reading_its_metadata_but_not_of_writing(self):
        stream = self.filled(1)
        self.tombstone(stream)
        self.client.set_stream_metadata(stream, metadata={"colour": "blue"})
        failure = self.assert_status(grpc.StatusCode.FAILED_PRECONDITION, self.read, f"$${stream}")
        self.assertIn("is deleted.", failure.details())
        with self.assertRaises(error("StreamIsDeleted")):
            self.client.get_stream_metadata(stream)
        self.assert_gone(stream, self.read, stream)

    def test_is_told_to_clients(self):
        stream = self.filled(1)
        self.client.tombstone_stream(stream, current_version=StreamState.EXISTS)
        for call in (
            lambda: self.client.get_stream(stream),
            lambda: self.client.get_current_version(stream),
            lambda: self.append(stream, new_event()),
            lambda: self.client.delete_stream(stream, current_version=StreamState.ANY),
            lambda: self.client.tombstone_stream(stream, current_version=StreamState.ANY),
            lambda: self.client.subscribe_to_stream(stream),
        ):
            self.assertRaises(error("StreamIsDeleted"), call)
        # Of a single event that is appended, the newer client looks at the status alone.
        with self.assertRaises((error("StreamIsDeleted"), error("FailedPrecondition"))):
            self.client.append_event(stream, event=new_event(), current_version=StreamState.ANY)

    def test_checks_what_is_expected(self):
        for expected in ("any", "stream_exists", 2):
            self.tombstone(self.filled(3), expected)
        stream = self.filled(3)
        for expected in ("no_stream", 0, 3):
            self.assert_conflict(self.tombstone, stream, expected, EXPECTATIONS.get(expected, expected), 2)
        self.assertEqual(self.revisions(stream), [0, 1, 2])

    def test_of_a_stream_that_nobody_wrote(self):
        for expected in ("any", "no_stream"):
            stream = fresh()
            self.tombstone(stream, expected)
            self.assert_gone(stream, self.read, stream)
        for expected in ("stream_exists", 0, 7):
            self.assert_conflict(self.tombstone, fresh(), expected, EXPECTATIONS[expected], -1)

    def test_of_a_stream_that_is_deleted(self):
        for expected in ("any", 2):
            stream = self.filled(3)
            self.delete(stream)
            self.tombstone(stream, expected)
            self.assert_gone(stream, self.read, stream)


class StateTests(DeletionTestCase):
    """The states of a stream that has nothing to read, told apart by what may be done."""

    def never(self):
        return fresh()

    def with_metadata(self):
        stream = fresh()
        self.client.set_stream_metadata(stream, metadata={"colour": "blue"})
        return stream

    def deleted(self):
        stream = self.filled(3)
        self.delete(stream)
        return stream

    def for_good(self):
        stream = self.filled(3)
        self.tombstone(stream)
        return stream

    def test_reading(self):
        for state in (self.never, self.with_metadata, self.deleted):
            self.assertEqual(kinds(self.read(state())), ["stream_not_found"], state.__name__)
        stream = self.for_good()
        self.assert_gone(stream, self.read, stream)

    def test_appending_anyway(self):
        for state, revision in ((self.never, 0), (self.with_metadata, 0), (self.deleted, 3)):
            self.assertEqual(self.write(state(), "any", proposal()).success.current_revision, revision, state.__name__)
        stream = self.for_good()
        self.assert_gone(stream, self.write, stream, "any", proposal())

    def test_appending_to_what_exists(self):
        reply = self.write(self.never(), "stream_exists", proposal())
        self.assertEqual(reply.WhichOneof("result"), "wrong_expected_version")
        self.assertEqual(self.write(self.with_metadata(), "stream_exists", proposal()).success.current_revision, 0)
        for stream in (self.deleted(), self.for_good()):
            self.assert_gone(stream, self.write, stream, "stream_exists", proposal())

    def test_deleting(self):
        stream = self.never()
        self.assert_conflict(self.delete, stream, "any", -2, -1)
        self.delete(self.with_metadata())
        self.delete(self.deleted())
        stream = self.for_good()
        self.assert_gone(stream, self.delete, stream)

    def test_following(self):
        for state in (self.never, self.with_metadata, self.deleted):
            stream = state()
            following = self.follow(read_stream(stream, subscription=True))
            following.until("caught_up")
            self.append(stream, new_event())
            following.events(1)
        stream = self.for_good()
        following = self.follow(read_stream(stream, subscription=True))
        self.assertIsNone(following.next())
        self.assertEqual(following.failure.details(), f"Event stream '{stream}' is deleted.")
