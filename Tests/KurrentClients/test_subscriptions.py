"""Following a stream, or the whole log."""

import threading
import time
import uuid

import grpc
from harness import (
    ALL_ONES,
    PATIENCE,
    TOMBSTONE,
    ServerTestCase,
    StreamState,
    error,
    fresh,
    kinds,
    new_event,
    new_events,
    newest_only,
    read_all,
    read_stream,
)


def revisions(events):
    return [event.event.stream_revision for event in events]


class StreamSubscriptionTests(ServerTestCase):
    def subscribe(self, stream, start="start", **options):
        return self.follow(read_stream(stream, start, subscription=True, **options))

    def test_begins_with_its_confirmation(self):
        first = [self.subscribe(stream).next() for stream in (self.filled(1), fresh())]
        self.assertEqual(kinds(first), ["confirmation"] * 2)
        ids = {uuid.UUID(message.confirmation.subscription_id) for message in first}
        self.assertEqual(len(ids), 2)

    def test_delivers_what_there_is_and_what_follows(self):
        stream = self.filled(3)
        following = self.subscribe(stream)
        before, _ = following.until("caught_up")
        self.assertEqual(kinds(before), ["confirmation"] + ["event"] * 3)
        self.append(stream, *new_events(2))
        self.assertEqual(revisions(following.events(2)), [3, 4])
        self.append(stream, new_event())
        self.assertEqual(revisions(following.events(1)), [5])

    def test_begins_after_a_revision(self):
        stream = self.filled(4)
        for start, expected in ((0, [1, 2, 3]), (2, [3]), (3, [])):
            before, _ = self.subscribe(stream, start).until("caught_up")
            self.assertEqual(revisions(message.event for message in before[1:]), expected)

    def test_begins_with_new_events(self):
        stream = self.filled(3)
        for start in ("end", ALL_ONES):
            following = self.subscribe(stream, start)
            before, _ = following.until("caught_up")
            self.assertEqual(kinds(before), ["confirmation"])
            last = self.client.get_current_version(stream)
            self.append(stream, new_event())
            self.assertEqual(revisions(following.events(1)), [last + 1])

    def test_may_begin_beyond_the_end(self):
        stream = self.filled(2)
        following = self.subscribe(stream, 3)
        following.until("caught_up")
        self.append(stream, *new_events(4))
        self.assertEqual(revisions(following.events(2)), [4, 5])
        self.assertEqual(kinds(self.subscribe(stream, 2**63 - 1).until("caught_up")[0]), ["confirmation"])

    def test_waits_for_a_stream_that_nobody_wrote(self):
        for start, expected in (("start", [0, 1]), ("end", [0, 1]), (0, [1])):
            stream = fresh()
            following = self.subscribe(stream, start)
            self.assertEqual(kinds(following.until("caught_up")[0]), ["confirmation"])
            self.append(stream, *new_events(2))
            self.assertEqual(revisions(following.events(len(expected))), expected)

    def test_waits_for_a_stream_that_has_metadata_alone(self):
        stream = fresh()
        self.client.set_stream_metadata(stream, metadata={"colour": "blue"})
        following = self.subscribe(stream)
        following.until("caught_up")
        self.append(stream, new_event())
        self.assertEqual(revisions(following.events(1)), [0])

    @newest_only
    def test_says_where_it_has_caught_up(self):
        before = time.time()
        stream = self.filled(3)
        for start in ("start", 1, "end"):
            caught_up = self.subscribe(stream, start).until("caught_up")[1].caught_up
            self.assertTrue(before - 1 < caught_up.timestamp.seconds < time.time() + 1)
            self.assertTrue(caught_up.HasField("stream_revision"))
            self.assertEqual(caught_up.stream_revision, 2)
            self.assertFalse(caught_up.HasField("position"))
        for start in ("start", "end"):
            caught_up = self.subscribe(fresh(), start).until("caught_up")[1].caught_up
            self.assertFalse(caught_up.HasField("stream_revision"))

    def test_shows_what_is_not_truncated(self):
        stream = self.filled(6)
        self.client.set_stream_metadata(stream, metadata={"$tb": 4})
        following = self.subscribe(stream)
        self.assertEqual(revisions(message.event for message in following.until("caught_up")[0][1:]), [4, 5])
        self.append(stream, new_event())
        self.assertEqual(revisions(following.events(1)), [6])

    def test_goes_on_over_a_deletion(self):
        stream = self.filled(2)
        following = self.subscribe(stream)
        following.until("caught_up")
        self.client.delete_stream(stream, current_version=StreamState.ANY)
        self.append(stream, new_event())
        self.assertEqual(revisions(following.events(1)), [2])
        self.client.delete_stream(stream, current_version=StreamState.ANY)
        waiting = self.subscribe(stream)
        self.assertEqual(kinds(waiting.until("caught_up")[0]), ["confirmation"])
        self.append(stream, *new_events(2), expected=StreamState.NO_STREAM)
        self.assertEqual(revisions(waiting.events(2)), [3, 4])
        self.assertEqual(revisions(following.events(2)), [3, 4])

    def test_ends_with_the_tombstone(self):
        stream = self.filled(2)
        following = self.subscribe(stream)
        following.until("caught_up")
        self.client.tombstone_stream(stream, current_version=StreamState.ANY)
        tombstone = following.until("event")[1].event.event
        self.assertEqual((tombstone.metadata["type"], tombstone.stream_revision), ("$streamDeleted", TOMBSTONE))
        self.assertEqual(tombstone.stream_identifier.stream_name, stream.encode())
        self.assertIsNone(following.next())
        self.check_status(
            following.failure,
            grpc.StatusCode.FAILED_PRECONDITION,
            f"Event stream '{stream}' is deleted.",
            exception="stream-deleted",
            stream_name=stream,
        )

    def test_is_refused_after_the_tombstone(self):
        stream = self.filled(2)
        self.client.tombstone_stream(stream, current_version=StreamState.ANY)
        for start in ("start", "end", 1):
            following = self.subscribe(stream, start)
            self.assertIsNone(following.next())
            self.check_status(
                following.failure,
                grpc.StatusCode.FAILED_PRECONDITION,
                f"Event stream '{stream}' is deleted.",
                exception="stream-deleted",
                stream_name=stream,
            )
        with self.assertRaises(error("StreamIsDeleted")):
            self.client.subscribe_to_stream(stream)

    def test_follows_metadata(self):
        stream = fresh()
        for colour in ("red", "blue"):
            self.client.set_stream_metadata(stream, metadata={"colour": colour})
        following = self.subscribe(f"$${stream}")
        before, _ = following.until("caught_up")
        self.assertEqual(revisions(message.event for message in before[1:]), [1])
        self.client.set_stream_metadata(stream, metadata={"colour": "green"})
        [event] = following.events(1)
        self.assertEqual((event.event.stream_revision, event.event.data), (2, b'{"colour": "green"}'))

    def test_sends_identifiers_in_the_form_asked_for(self):
        stream = self.filled(1)
        for form in ("string", "structured"):
            [event] = self.subscribe(stream, uuid_form=form).events(1)
            self.assertEqual(event.event.id.WhichOneof("value"), form)

    def test_misses_nothing_while_others_write(self):
        stream, other = self.filled(700), fresh()
        stop = threading.Event()

        def write():
            while not stop.is_set():
                self.append(other, *new_events(3))
                self.append(stream, *new_events(3))

        writer = threading.Thread(target=write)
        writer.start()
        try:
            followings = [self.subscribe(stream, start) for start in ("start", 99, "start")]
            found = [revisions(following.events(1_200)) for following in followings]
        finally:
            stop.set()
            writer.join()
        self.assertEqual(found, [list(range(1_200)), list(range(100, 1_300)), list(range(1_200))])

    def test_serves_a_reader_that_takes_its_time(self):
        stream = fresh()
        subscription = self.client.subscribe_to_stream(stream)
        for _ in range(4):
            self.append(stream, *[new_event(data=b"x" * 1_000_000) for _ in range(10)])
        self.append(stream, new_event())
        self.assertEqual([next(subscription).stream_position for _ in range(41)], list(range(41)))
        subscription.stop()

    def test_of_many_are_all_told(self):
        streams_ = [fresh() for _ in range(50)]
        followings = [self.subscribe(stream) for stream in streams_ for _ in range(4)]
        for following in followings:
            following.until("caught_up")
        for stream in streams_:
            self.append(stream, *new_events(2))
        for following in followings:
            self.assertEqual(revisions(following.events(2)), [0, 1])

    def test_of_clients_are_stopped(self):
        stream = self.filled(2)
        with self.client.subscribe_to_stream(stream) as subscription:
            self.assertTrue(uuid.UUID(subscription.subscription_id))
            self.assertEqual([next(subscription).stream_position for _ in range(2)], [0, 1])
            timer = threading.Timer(0.1, subscription.stop)
            timer.start()
            self.assertEqual(list(subscription), [])
            timer.join()
        self.append(stream, new_event())
        with self.client.subscribe_to_stream(stream, stream_position=1) as subscription:
            self.assertEqual(next(subscription).stream_position, 2)
        with self.client.subscribe_to_stream(stream, from_end=True) as subscription:
            self.append(stream, new_event())
            self.assertEqual(next(subscription).stream_position, 3)

    def test_of_clients_end_with_their_time(self):
        with self.assertRaises(error("DeadlineExceeded")):
            list(self.client.subscribe_to_stream(self.filled(1), timeout=0.3))

    @newest_only
    def test_tell_clients_that_they_have_caught_up(self):
        subscription = self.client.subscribe_to_stream(self.filled(2), include_caught_up=True)
        self.assertEqual([next(subscription).is_caught_up for _ in range(3)], [False, False, True])
        subscription.stop()


class EmptyLogSubscriptionTests(ServerTestCase):
    def test_waits_for_the_first_event(self):
        followings = [self.follow(read_all(start, subscription=True)) for start in ("start", "end", 0)]
        for following in followings:
            before, message = following.until("caught_up")
            self.assertEqual(kinds(before), ["confirmation"])
            self.assertFalse("position" in [field.name for field, _ in message.caught_up.ListFields()])
        position = self.append("first", new_event())
        for following in followings:
            [event] = following.events(1)
            self.assertEqual((event.commit_position, event.event.stream_revision), (position, 0))


class AllSubscriptionTests(ServerTestCase):
    def subscribe(self, start="start", **options):
        return self.follow(read_all(start, subscription=True, **options))

    def ids(self, messages):
        return [message.event.event.id.string for message in messages if message.WhichOneof("content") == "event"]

    def test_delivers_what_there_is_and_what_follows(self):
        stream = self.filled(3)
        following = self.subscribe()
        before, _ = following.until("caught_up")
        self.assertEqual(before[0].WhichOneof("content"), "confirmation")
        self.assertTrue(uuid.UUID(before[0].confirmation.subscription_id))
        self.assertEqual(set(kinds(before[1:])), {"event"})
        self.assertEqual(self.ids(before), [event.id.string for event in self.events_of_all()])
        self.append(stream, *new_events(2))
        self.append(fresh(), new_event())
        self.client.set_stream_metadata(stream, metadata={"colour": "blue"})
        events = following.events(4)
        self.assertEqual([event.event.metadata["type"] for event in events], ["Happened"] * 3 + ["$metadata"])
        positions = [event.commit_position for event in events]
        self.assertEqual(positions, sorted(set(positions)))

    def test_begins_after_a_position(self):
        self.filled(5)
        everything = self.events_of_all()
        for index in (0, 2, len(everything) - 1):
            before, _ = self.subscribe(everything[index].commit_position).until("caught_up")
            self.assertEqual(self.ids(before), [event.id.string for event in everything[index + 1 :]])

    def test_begins_with_new_events(self):
        self.filled(2)
        for start in ("end", ALL_ONES):
            following = self.subscribe(start)
            self.assertEqual(kinds(following.until("caught_up")[0]), ["confirmation"])
            position = self.append(fresh(), new_event())
            self.assertEqual(following.events(1)[0].commit_position, position)

    def test_may_begin_beyond_the_end(self):
        position = self.append(fresh(), *new_events(2))
        following = self.subscribe(position + 3)
        self.assertEqual(kinds(following.until("caught_up")[0]), ["confirmation"])
        positions = [self.append(fresh(), new_event()) for _ in range(6)]
        expected = [place for place in positions if place > position + 3][:2]
        self.assertEqual([event.commit_position for event in following.events(2)], expected)
        self.assertEqual(kinds(self.subscribe(2**63 - 1).until("caught_up")[0]), ["confirmation"])

    @newest_only
    def test_says_where_it_has_caught_up(self):
        position = self.append(fresh(), new_event())
        for start in ("start", position - 1, "end"):
            caught_up = self.subscribe(start).until("caught_up")[1].caught_up
            self.assertTrue(abs(caught_up.timestamp.seconds - time.time()) < 5)
            self.assertTrue(caught_up.HasField("position"))
            self.assertEqual(caught_up.position.commit_position, position)
            self.assertEqual(caught_up.position.prepare_position, position)
            self.assertFalse(caught_up.HasField("stream_revision"))

    def test_goes_on_over_deletions(self):
        stream = self.filled(2)
        following = self.subscribe("end")
        following.until("caught_up")
        self.client.delete_stream(stream, current_version=StreamState.ANY)
        self.client.tombstone_stream(stream, current_version=StreamState.ANY)
        self.append(fresh(), new_event())
        metadata, tombstone, event = following.events(3)
        self.assertEqual(metadata.event.stream_identifier.stream_name, f"$${stream}".encode())
        self.assertEqual(tombstone.event.metadata["type"], "$streamDeleted")
        self.assertEqual(tombstone.event.stream_revision, TOMBSTONE)
        self.assertEqual(event.event.metadata["type"], "Happened")

    def test_sends_no_checkpoint_without_a_filter(self):
        following = self.subscribe()
        before, _ = following.until("caught_up")
        self.assertNotIn("checkpoint", kinds(before))
        self.append(fresh(), *new_events(100))
        self.assertEqual({following.next().WhichOneof("content") for _ in range(100)}, {"event"})

    def test_misses_nothing_while_others_write(self):
        stop = threading.Event()

        def write(stream):
            while not stop.is_set():
                self.append(stream, *new_events(2))

        writers = [threading.Thread(target=write, args=(fresh(),)) for _ in range(4)]
        for writer in writers:
            writer.start()
        try:
            followings = [self.subscribe() for _ in range(3)]
            found = [following.events(2_000) for following in followings]
        finally:
            stop.set()
            for writer in writers:
                writer.join()
        expected = [event.id.string for event in self.events_of_all(count=2_000)]
        for events in found:
            self.assertEqual([event.event.id.string for event in events], expected)

    def test_of_clients_show_what_is_not_the_systems(self):
        stream = fresh()
        position = self.client.get_commit_position(filter_exclude=())
        self.client.set_stream_metadata(stream, metadata={"colour": "blue"})
        self.append(stream, new_event())
        with self.client.subscribe_to_all(commit_position=position) as subscription:
            self.assertEqual(next(subscription).stream_name, stream)
        with self.client.subscribe_to_all(commit_position=position, filter_exclude=()) as subscription:
            self.assertEqual(next(subscription).stream_name, f"$${stream}")
        with self.client.subscribe_to_all(from_end=True) as subscription:
            self.append(stream, new_event())
            self.assertEqual(next(subscription).stream_position, 1)

    def test_of_clients_end_with_their_time(self):
        with self.assertRaises(error("DeadlineExceeded")):
            list(self.client.subscribe_to_all(from_end=True, timeout=0.3))


class ManySubscriptionsTests(ServerTestCase):
    def test_that_are_given_up_leave_room_for_others(self):
        stream = self.filled(1)
        for _ in range(10):
            calls = [self.stub.Read(read_stream(stream, subscription=True), timeout=PATIENCE) for _ in range(100)]
            for call in calls:
                next(call)
            for call in calls:
                call.cancel()
        self.append(stream, new_event())
        self.assertEqual(self.client.get_current_version(stream), 1)
