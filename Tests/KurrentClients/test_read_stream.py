"""Reading one stream."""

import time

import grpc
from harness import (
    ALL_ONES,
    PATIENCE,
    ServerTestCase,
    StreamState,
    error,
    fresh,
    identifier,
    kinds,
    new_event,
    new_events,
    only,
    proposal,
    read_all,
    read_stream,
    streams,
)

INVALID = grpc.StatusCode.INVALID_ARGUMENT


class ReadStreamTests(ServerTestCase):
    def versions(self, stream, **options):
        return [event.stream_position for event in self.client.get_stream(stream, **options)]

    def test_goes_forwards_and_backwards(self):
        stream = self.filled(5)
        self.assertEqual(self.versions(stream), [0, 1, 2, 3, 4])
        self.assertEqual(self.versions(stream, backwards=True), [4, 3, 2, 1, 0])

    def test_begins_with_the_revision_asked_for(self):
        stream = self.filled(5)
        self.assertEqual(self.versions(stream, stream_position=0), [0, 1, 2, 3, 4])
        self.assertEqual(self.versions(stream, stream_position=2), [2, 3, 4])
        self.assertEqual(self.versions(stream, stream_position=4), [4])
        self.assertEqual(self.versions(stream, stream_position=2, backwards=True), [2, 1, 0])
        self.assertEqual(self.versions(stream, stream_position=0, backwards=True), [0])

    def test_ends_after_as_many_events_as_wanted(self):
        stream = self.filled(5)
        self.assertEqual(self.versions(stream, limit=2), [0, 1])
        self.assertEqual(self.versions(stream, stream_position=3, limit=2), [3, 4])
        self.assertEqual(self.versions(stream, backwards=True, limit=2), [4, 3])
        self.assertEqual(self.versions(stream, stream_position=1, backwards=True, limit=5), [1, 0])

    def test_finds_nothing_beyond_the_end(self):
        stream = self.filled(3)
        for position in (3, 4, 2**63 - 1):
            self.assertEqual(self.versions(stream, stream_position=position), [])
            self.assertEqual(self.versions(stream, stream_position=position, backwards=True), [2, 1, 0])

    def test_crosses_pages(self):
        stream = fresh()
        events = new_events(2_345)
        self.append(stream, *events)
        ids = [event.id for event in events]
        self.assertEqual([event.id for event in self.client.read_stream(stream)], ids)
        self.assertEqual([event.id for event in self.client.read_stream(stream, backwards=True)], ids[::-1])
        self.assertEqual(
            [event.id for event in self.client.read_stream(stream, stream_position=499, limit=1_002)], ids[499:1501]
        )

    def test_has_no_stream_that_nobody_wrote(self):
        for options in ({}, {"backwards": True}, {"stream_position": 7}, {"stream_position": 7, "backwards": True}):
            with self.assertRaises(error("NotFound")):
                self.client.get_stream(fresh(), **options)
        self.assertEqual(self.client.get_current_version(fresh()), StreamState.NO_STREAM)

    def test_can_be_stopped(self):
        stream = fresh()
        for _ in range(4):
            self.append(stream, *[new_event(data=b"x" * 1_000_000) for _ in range(10)])
        reader = self.client.read_stream(stream)
        self.assertEqual(next(reader).stream_position, 0)
        reader.stop()
        self.assertEqual(self.versions(stream, backwards=True, limit=1), [39])

    def test_serves_a_reader_that_takes_its_time(self):
        stream = fresh()
        for _ in range(4):
            self.append(stream, *[new_event(data=b"x" * 1_000_000) for _ in range(10)])
        reader = self.client.read_stream(stream)
        next(reader)
        for _ in range(100):
            self.append(fresh(), new_event())
        self.assertEqual([event.stream_position for event in reader], list(range(1, 40)))


class ReadStreamMessageTests(ServerTestCase):
    def revisions(self, *arguments, **options):
        return [message.event.event.stream_revision for message in self.read(*arguments, **options)]

    def test_sends_an_event_with_its_place(self):
        stream = fresh()
        before = time.time()
        reply = self.write(stream, "any", proposal(b"{}"), proposal(b"[]", type="Käse", custom_metadata=b"more"))
        first, second = self.read(stream)
        recorded = second.event.event
        self.assertEqual(second.event.WhichOneof("position"), "commit_position")
        self.assertEqual(second.event.commit_position, reply.success.position.commit_position)
        self.assertEqual(recorded.commit_position, reply.success.position.commit_position)
        self.assertEqual(recorded.prepare_position, recorded.commit_position)
        self.assertLess(first.event.event.commit_position, recorded.commit_position)
        self.assertFalse(second.event.HasField("link"))
        self.assertEqual(recorded.stream_identifier, identifier(stream))
        self.assertEqual((recorded.stream_revision, recorded.data, recorded.custom_metadata), (1, b"[]", b"more"))
        self.assertEqual(set(recorded.metadata), {"type", "content-type", "created"})
        self.assertEqual(recorded.metadata["type"], "Käse")
        self.assertEqual(recorded.metadata["content-type"], "application/json")
        # In units of 100 ns since 1970.
        self.assertRegex(recorded.metadata["created"], r"^\d+$")
        self.assertTrue(before - 1 < int(recorded.metadata["created"]) / 1e7 < time.time() + 1)

    def test_says_that_there_is_no_stream(self):
        for stream in (fresh(), fresh("Straße")):
            for options in ({}, {"backwards": True}, {"start": "end", "backwards": True}, {"start": 3}):
                for compatibility in (0, 1):
                    [message] = self.read(stream, compatibility=compatibility, **options)
                    self.assertEqual(message.WhichOneof("content"), "stream_not_found")
                    self.assertEqual(message.stream_not_found.stream_identifier, identifier(stream))

    def test_takes_any_count(self):
        stream = self.filled(3)
        for count in (3, 4, 2**31, 2**63 - 1, 2**63, ALL_ONES):
            self.assertEqual(self.revisions(stream, count=count), [0, 1, 2])
            self.assertEqual(self.revisions(stream, "end", backwards=True, count=count), [2, 1, 0])
        self.assertEqual(self.revisions(stream, count=0), [])
        self.assertEqual(self.revisions(stream, "end", backwards=True, count=0), [])

    def test_knows_the_start_and_the_end(self):
        stream = self.filled(3)
        self.assertEqual(self.revisions(stream, "end", backwards=True), [2, 1, 0])
        self.assertEqual(self.revisions(stream, "start", backwards=True), [0])
        self.assertEqual(self.revisions(stream, "start"), [0, 1, 2])
        self.assertEqual(self.revisions(stream, "end"), [])
        self.assertEqual(self.revisions(stream, ALL_ONES, backwards=True), [2, 1, 0])
        self.assertEqual(self.revisions(stream, ALL_ONES), [])

    def test_needs_a_revision_of_63_bits(self):
        stream = self.filled(1)
        for revision in (2**63, ALL_ONES - 1):
            self.assert_status(INVALID, self.read, stream, revision)

    def test_goes_on_with_what_is_not_truncated(self):
        stream = self.filled(6)
        self.client.set_stream_metadata(stream, metadata={"$tb": 3})
        self.assertEqual(self.revisions(stream), [3, 4, 5])
        self.assertEqual(self.revisions(stream, 1, count=2), [3, 4])
        self.assertEqual(self.revisions(stream, 4, backwards=True), [4, 3])
        self.assertEqual(self.revisions(stream, 1, backwards=True), [])

    def test_tells_that_a_stream_is_deleted_for_good(self):
        for stream, trailer in ((self.filled(1), True), (self.filled(1, "Straße"), False)):
            self.client.tombstone_stream(stream, current_version=StreamState.ANY)
            trailers = {"exception": "stream-deleted", **({"stream_name": stream} if trailer else {})}
            for options in ({}, {"backwards": True}, {"start": "end", "backwards": True}, {"compatibility": 1}):
                # A name that is no ASCII is left out of the trailers, or escaped.
                failure = self.assert_status(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    lambda: self.read(stream, **options),
                    message=f"Event stream '{stream}' is deleted.",
                )
                found = {item.key: item.value for item in failure.trailing_metadata()}
                self.assertEqual(found["exception"], "stream-deleted")
                self.assertTrue(found.get("stream-name", "").isascii())
                if trailer:
                    self.assertEqual(found, {key.replace("_", "-"): value for key, value in trailers.items()})

    def test_needs_a_name_of_a_stream(self):
        for name in ("", "x" * 513, b"\xff"):
            with self.assertRaises(grpc.RpcError) as raised:
                list(self.read(name))
            self.assertIn(raised.exception.code(), (grpc.StatusCode.UNKNOWN, INVALID))


class StreamBoundsTests(ServerTestCase):
    """Clients that say they understand it are told where a stream begins and ends."""

    def messages(self, stream, *arguments, compatibility=1, **options):
        found = []
        for message in self.read(stream, *arguments, compatibility=compatibility, **options):
            kind = message.WhichOneof("content")
            found.append(message.event.event.stream_revision if kind == "event" else (kind, getattr(message, kind)))
        return found

    def test_end_every_read(self):
        stream = self.filled(3)
        last = ("last_stream_position", 2)
        self.assertEqual(self.messages(stream), [0, 1, 2, last])
        self.assertEqual(self.messages(stream, compatibility=2), [0, 1, 2, last])
        self.assertEqual(self.messages(stream, count=1), [0, last])
        self.assertEqual(self.messages(stream, "end", backwards=True), [2, 1, 0, last])
        self.assertEqual(self.messages(stream, "end", backwards=True, count=1), [2, last])
        self.assertEqual(self.messages(stream, 5), [last])

    def test_are_not_sent_to_others(self):
        stream = self.filled(3)
        self.client.set_stream_metadata(stream, metadata={"$tb": 3})
        self.assertEqual(self.messages(stream, compatibility=0), [])
        self.assertEqual(self.messages(self.filled(1), compatibility=0), [0])

    def test_name_the_place_to_go_on_when_all_is_truncated(self):
        stream = self.filled(3)
        self.client.set_stream_metadata(stream, metadata={"$tb": 3})
        bounds = [("first_stream_position", 3), ("last_stream_position", 2)]
        self.assertEqual(self.messages(stream), bounds)
        self.assertEqual(self.messages(stream, 1), bounds)
        self.assertEqual(self.messages(stream, "end", backwards=True), bounds[1:])

    def test_do_not_name_it_when_there_are_events(self):
        stream = self.filled(3)
        self.client.set_stream_metadata(stream, metadata={"$tb": 2})
        self.assertEqual(self.messages(stream), [2, ("last_stream_position", 2)])

    def test_are_not_sent_of_all_streams(self):
        self.filled(3)
        self.assertEqual(set(kinds(self.read_all(compatibility=1))), {"event"})
        self.assertEqual(set(kinds(self.read_all(start="end", backwards=True, compatibility=1))), {"event"})


class ReadRequestTests(ServerTestCase):
    """Only some combinations of options are allowed."""

    def refused(self, request):
        failure = self.assert_status(INVALID, lambda: self.stub.Read(request, timeout=PATIENCE))
        return failure.details()

    def test_everything_is_needed(self):
        self.refused(streams.ReadReq())
        required = r"^'\w+' is a required argument of type \w+$"
        for name in ("stream", "count", "no_filter", "uuid_option"):
            request = read_stream(self.filled(1))
            request.options.ClearField(name)
            with self.subTest(name):
                self.assertRegex(self.refused(request), required)
        request = read_stream(self.filled(1))
        request.options.stream.ClearField("start")
        self.assertRegex(self.refused(request), required)
        request = read_all()
        request.options.all.ClearField("start")
        self.assertRegex(self.refused(request), required)
        request = read_stream(self.filled(1))
        request.options.uuid_option.Clear()
        self.assertRegex(self.refused(request), required)

    def test_a_stream_has_no_filter(self):
        for options in ({}, {"subscription": True}):
            request = read_stream(self.filled(1), **options)
            request.options.filter.CopyFrom(only(types=["A"]))
            self.assertRegex(self.refused(request), r"^The combination of \(.*\) is invalid\.$")

    def test_a_subscription_does_not_go_backwards(self):
        for request in (
            read_stream(self.filled(1), backwards=True, subscription=True),
            read_all(backwards=True, subscription=True),
            read_all(backwards=True, subscription=True, filter=only(types=["A"])),
        ):
            self.assertRegex(self.refused(request), r"^The combination of \(.*\) is invalid\.$")

    def test_a_direction_is_one_of_two(self):
        request = read_stream(self.filled(1))
        request.options.read_direction = 7
        self.assertEqual(self.refused(request), "'7' is not a valid ReadDirection")

    def test_a_filter_has_a_subject_and_a_window(self):
        for part in ("filter", "window"):
            options = only(types=["A"])
            options.ClearField(options.WhichOneof(part))
            self.refused(read_all(filter=options))

    def test_one_message_is_sent(self):
        method = self.channel.stream_stream(
            "/event_store.client.streams.Streams/Read", request_serializer=bytes, response_deserializer=bytes
        )
        with self.assertRaises(grpc.RpcError):
            list(method(iter([]), timeout=PATIENCE))
        with self.assertRaises(grpc.RpcError) as raised:
            list(method(iter([b"\xff\xff"]), timeout=PATIENCE))
        self.assertIn(raised.exception.code(), (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, INVALID))
        self.assertEqual(kinds(self.read(self.filled(1))), ["event"])
