"""Append: one stream's events, one message each."""

import concurrent.futures
import datetime
import queue
import threading
import uuid

import grpc
from harness import (
    ALL_ONES,
    EMPTY,
    IS_NEWEST,
    PATIENCE,
    ServerTestCase,
    StreamState,
    append_requests,
    error,
    fresh,
    new_event,
    new_events,
    proposal,
    streams,
    structured_id,
    text_id,
    uuid_of,
)

MiB = 1 << 20


class AppendTests(ServerTestCase):
    def test_returns_the_position_of_the_event(self):
        stream = fresh()
        positions = [
            self.client.append_event(stream, event=new_event(), current_version=version)
            for version in (StreamState.NO_STREAM, 0, StreamState.EXISTS, StreamState.ANY)
        ]
        self.assertEqual([event.commit_position for event in self.client.get_stream(stream)], positions)
        self.assertEqual(positions, sorted(set(positions)))

    def test_records_what_was_sent(self):
        stream = fresh()
        sent = new_event("Paid", b'{"amount":5}', metadata=b'{"by":"Ada"}', id=uuid.uuid4())
        before = datetime.datetime.now(datetime.timezone.utc)
        position = self.client.append_event(stream, event=sent, current_version=StreamState.NO_STREAM)
        [event] = self.client.get_stream(stream)
        self.assertEqual(
            (event.id, event.type, event.data, event.metadata), (sent.id, "Paid", sent.data, sent.metadata)
        )
        self.assertEqual((event.stream_name, event.stream_position), (stream, 0))
        self.assertEqual((event.commit_position, event.prepare_position), (position, position))
        self.assertEqual(event.content_type, "application/json")
        second = datetime.timedelta(seconds=1)
        after = datetime.datetime.now(datetime.timezone.utc)
        self.assertTrue(before - second <= event.recorded_at <= after + second, event.recorded_at)

    def test_keeps_bytes_that_are_not_JSON(self):
        stream = fresh()
        data = bytes(range(256))
        sent = new_event(data=data, metadata=data, content_type="application/octet-stream")
        self.client.append_event(stream, event=sent, current_version=StreamState.ANY)
        [event] = self.client.get_stream(stream)
        self.assertEqual((event.data, event.metadata, event.content_type), (data, data, "application/octet-stream"))

    def test_does_not_look_whether_JSON_is_JSON(self):
        stream = fresh()
        self.client.append_event(stream, event=new_event(data=b"{ no"), current_version=StreamState.ANY)
        self.assertEqual(self.client.get_stream(stream)[0].data, b"{ no")

    def test_keeps_empty_data_and_metadata(self):
        stream = fresh()
        self.client.append_event(stream, event=new_event(data=b"", metadata=b""), current_version=StreamState.ANY)
        [event] = self.client.get_stream(stream)
        self.assertEqual((event.data, event.metadata), (b"", b""))

    def test_takes_any_text_for_names(self):
        stream = fresh("Käufe / 注文 🛒 -")
        self.client.append_event(stream, event=new_event("Gekauft: ein Stück 🍰"), current_version=StreamState.ANY)
        [event] = self.client.get_stream(stream)
        self.assertEqual((event.stream_name, event.type), (stream, "Gekauft: ein Stück 🍰"))

    def test_takes_streams_and_types_of_the_system(self):
        stream = fresh("$system")
        self.client.append_event(stream, event=new_event("$kind"), current_version=StreamState.ANY)
        self.assertEqual(self.client.get_stream(stream)[0].type, "$kind")

    def test_tells_of_another_version(self):
        stream = self.filled(3)
        for expected in (StreamState.NO_STREAM, 0, 1, 3):
            with self.subTest(expected=expected), self.assertRaises(error("WrongCurrentVersion")):
                self.client.append_event(stream, event=new_event(), current_version=expected)
        for expected in (StreamState.EXISTS, 0):
            with self.subTest(expected=expected), self.assertRaises(error("WrongCurrentVersion")):
                self.client.append_event(fresh(), event=new_event(), current_version=expected)
        self.assertEqual(len(self.client.get_stream(stream)), 3)


class AppendMessageTests(ServerTestCase):
    def test_answers_with_revision_and_position(self):
        stream = fresh()
        reply = self.write(stream, "no_stream", proposal(), proposal(), proposal())
        self.assertEqual(reply.WhichOneof("result"), "success")
        self.assertEqual(reply.success.WhichOneof("current_revision_option"), "current_revision")
        self.assertEqual(reply.success.current_revision, 2)
        position = reply.success.position
        self.assertEqual(position.commit_position, position.prepare_position)
        last = list(self.read(stream))[-1].event
        self.assertEqual(position.commit_position, last.event.commit_position)
        self.assertEqual(self.write(stream, 2, proposal()).success.current_revision, 3)

    def test_answers_a_first_event_with_revision_0_that_is_set(self):
        reply = self.write(fresh(), "any", proposal())
        self.assertEqual(reply.success.WhichOneof("current_revision_option"), "current_revision")
        self.assertEqual(reply.success.current_revision, 0)

    def test_takes_identifiers_in_both_forms(self):
        stream = fresh()
        ids = [uuid.uuid4(), uuid.UUID(int=0xFFEEDDCC_BBAA9988_77665544_33221100), uuid.UUID(int=1), uuid.uuid4()]
        forms = [text_id, structured_id, structured_id, structured_id]
        self.write(stream, "any", *[proposal(id=form(id)) for form, id in zip(forms, ids)])
        for form in ("string", "structured"):
            found = [message.event.event.id for message in self.read(stream, uuid_form=form)]
            self.assertEqual({id.WhichOneof("value") for id in found}, {form})
            self.assertEqual([uuid_of(id) for id in found], ids)

    def test_takes_an_identifier_in_upper_case_and_answers_in_lower_case(self):
        stream, id = fresh(), uuid.uuid4()
        self.write(stream, "any", proposal(id=text_id(str(id).upper())))
        self.assertEqual([message.event.event.id.string for message in self.read(stream)], [str(id)])

    def test_takes_a_content_type_that_it_does_not_know_as_bytes(self):
        stream = fresh()
        self.write(stream, "any", proposal(content_type="text/plain"))
        [message] = self.read(stream)
        self.assertEqual(message.event.event.metadata["content-type"], "application/octet-stream")

    def test_keeps_no_other_key_of_the_metadata(self):
        stream = fresh()
        more = {"type": "A", "content-type": "application/json", "created": "1", "colour": "blue"}
        self.write(stream, "any", proposal(metadata=more))
        [message] = self.read(stream)
        metadata = message.event.event.metadata
        self.assertEqual(set(metadata), {"type", "content-type", "created"})
        self.assertNotEqual(metadata["created"], "1")

    def test_needs_a_type_and_a_content_type(self):
        for missing, metadata in (("type", {"content-type": "application/json"}), ("content-type", {"type": "A"})):
            with self.subTest(missing):
                stream = fresh()
                self.assert_status(
                    grpc.StatusCode.INVALID_ARGUMENT,
                    self.write,
                    stream,
                    "any",
                    proposal(),
                    proposal(metadata=metadata),
                    message=f"Required Metadata Property '{missing}' is missing",
                    exception="missing-required-metadata-property",
                    required_metadata_properties="type,content-type",
                )
                self.assertEqual(self.client.get_current_version(stream), StreamState.NO_STREAM)

    def test_needs_an_identifier_that_is_one(self):
        for id in (type(text_id(0))(), text_id(""), text_id("no identifier")):
            with self.subTest(id=id):
                self.assert_status(grpc.StatusCode.INVALID_ARGUMENT, self.write, fresh(), "any", proposal(id=id))

    def test_needs_an_expectation(self):
        failure = self.assert_status(grpc.StatusCode.INVALID_ARGUMENT, self.write, fresh(), None, proposal())
        self.assertRegex(failure.details(), r"^'\w+' is a required argument of type \w+$")

    def test_needs_a_revision_of_63_bits(self):
        self.assert_status(grpc.StatusCode.INVALID_ARGUMENT, self.write, fresh(), 2**63, proposal())

    def test_needs_the_options_first(self):
        proposed = streams.AppendReq(proposed_message=streams.AppendReq.ProposedMessage(**proposal()._asdict()))
        for requests in ([proposed], [streams.AppendReq()], []):
            with self.subTest(count=len(requests)):
                self.assert_status(
                    grpc.StatusCode.UNKNOWN,
                    lambda: self.stub.Append(iter(requests), timeout=PATIENCE),
                    message="Exception was thrown by handler.",
                )

    def test_needs_a_name_of_a_stream(self):
        for name in (None, "", b"\xff\xfe"):
            with self.subTest(name=name):
                failure = self.assert_refused(name)
                self.assertIn(failure.code(), (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INVALID_ARGUMENT))

    def assert_refused(self, stream, *proposals):
        with self.assertRaises(grpc.RpcError) as raised:
            self.write(stream, "any", *(proposals or [proposal()]))
        return raised.exception

    def test_writes_nothing_to_all_streams(self):
        self.assert_status(
            grpc.StatusCode.PERMISSION_DENIED,
            self.write,
            "$all",
            "any",
            proposal(),
            message="Access Denied",
            exception="access-denied",
        )
        # The older client has no class for this.
        with self.assertRaises(error("AccessDenied" if IS_NEWEST else "GrpcError")):
            self.client.append_event("$all", event=new_event(), current_version=StreamState.ANY)

    def test_writes_nothing_to_the_streams_that_hold_metadata_in_the_log(self):
        # Whose names are not those by which clients know them.
        self.assert_status(grpc.StatusCode.PERMISSION_DENIED, self.write, f"$metadata-{fresh()}", "any", proposal())

    def test_writes_nothing_of_a_call_that_is_given_up(self):
        stream = fresh()
        requests = queue.Queue()
        taken = threading.Event()

        def messages():
            yield from append_requests(stream, "any", proposal(), proposal())
            taken.set()
            yield from iter(requests.get, None)

        call = self.stub.Append.future(messages(), timeout=PATIENCE)
        self.assertTrue(taken.wait(PATIENCE))
        call.cancel()
        requests.put(None)
        self.client.append_event(fresh(), event=new_event(), current_version=StreamState.ANY)
        self.assertEqual(self.client.get_current_version(stream), StreamState.NO_STREAM)

    def test_ends_when_its_time_is_over(self):
        stream = fresh()
        requests = queue.Queue()
        for request in append_requests(stream, "any", proposal()):
            requests.put(request)
        self.assert_status(
            grpc.StatusCode.DEADLINE_EXCEEDED, lambda: self.stub.Append(iter(requests.get, None), timeout=0.3)
        )
        requests.put(None)
        self.assertEqual(self.client.get_current_version(stream), StreamState.NO_STREAM)


class WrongVersionTests(ServerTestCase):
    """A wrong expectation is a reply, with the fields of both generations."""

    def conflict(self, stream, expected):
        reply = self.write(stream, expected, proposal())
        self.assertEqual(reply.WhichOneof("result"), "wrong_expected_version")
        return {field.name: value for field, value in reply.wrong_expected_version.ListFields()}

    def test_names_the_revision_that_there_is(self):
        stream = self.filled(3)
        current = {"current_revision": 2, "current_revision_20_6_0": 2}
        self.assertEqual(
            self.conflict(stream, "no_stream"),
            {**current, "expected_no_stream": EMPTY, "expected_revision_20_6_0": ALL_ONES},
        )
        for revision in (0, 1, 3, 2**63 - 1):
            self.assertEqual(
                self.conflict(stream, revision),
                {**current, "expected_revision": revision, "expected_revision_20_6_0": revision},
            )

    def test_says_that_there_is_no_event(self):
        current = {"current_no_stream": EMPTY, "no_stream_20_6_0": EMPTY}
        self.assertEqual(
            self.conflict(fresh(), "stream_exists"),
            {**current, "expected_stream_exists": EMPTY, "stream_exists_20_6_0": EMPTY},
        )
        self.assertEqual(self.conflict(fresh(), 0), {**current, "expected_revision": 0, "expected_revision_20_6_0": 0})

    def test_says_that_anything_was_expected(self):
        stream = fresh()
        known = proposal()
        self.write(stream, "any", known)
        reply = self.write(stream, "any", known, proposal()).wrong_expected_version
        self.assertEqual(reply.WhichOneof("expected_revision_option"), "expected_any")
        self.assertEqual(reply.WhichOneof("expected_revision_option_20_6_0"), "any_20_6_0")
        self.assertEqual((reply.current_revision, reply.current_revision_20_6_0), (0, 0))


class AppendWithoutEventsTests(ServerTestCase):
    def test_writes_nothing_to_a_new_stream(self):
        for expected in ("any", "no_stream"):
            stream = fresh()
            reply = self.write(stream, expected)
            self.assertEqual(reply.success.WhichOneof("current_revision_option"), "no_stream")
            self.assertEqual(self.client.get_current_version(stream), StreamState.NO_STREAM)
            self.assertEqual([kind.WhichOneof("content") for kind in self.read(stream)], ["stream_not_found"])

    def test_answers_with_the_last_revision(self):
        stream = self.filled(3)
        for expected in ("any", "stream_exists", 2):
            success = self.write(stream, expected).success
            self.assertEqual(success.WhichOneof("current_revision_option"), "current_revision")
            self.assertEqual(success.current_revision, 2)
        self.assertEqual(len(self.client.get_stream(stream)), 3)

    def test_checks_what_is_expected(self):
        for stream, expected in (
            (self.filled(3), "no_stream"),
            (self.filled(3), 1),
            (self.filled(3), 3),
            (fresh(), "stream_exists"),
            (fresh(), 0),
        ):
            with self.subTest(expected=expected):
                self.assertEqual(self.write(stream, expected).WhichOneof("result"), "wrong_expected_version")

    def test_brings_a_deleted_stream_back(self):
        stream = self.filled(2)
        self.client.set_stream_metadata(stream, metadata={"colour": "blue"})
        self.client.delete_stream(stream, current_version=StreamState.ANY)
        self.assertEqual(self.write(stream, "any").WhichOneof("result"), "success")
        self.assertEqual(self.client.get_stream_metadata(stream)[0], {"$tb": 2})

    def test_does_so_to_a_stream_that_has_metadata_alone(self):
        stream = fresh()
        self.client.set_stream_metadata(stream, metadata={"colour": "blue"})
        reply = self.write(stream, "stream_exists")
        self.assertEqual(reply.WhichOneof("result"), "success")
        self.assertEqual(reply.success.WhichOneof("current_revision_option"), "no_stream")


class ConcurrentAppendTests(ServerTestCase):
    """Many clients at once."""

    def at_once(self, *calls):
        with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
            ready = threading.Barrier(len(calls))

            def run(call):
                ready.wait(PATIENCE)
                return call()

            return list(pool.map(run, calls))

    def test_one_of_those_that_saw_the_same_revision_is_first(self):
        stream = self.filled(1)
        for revision in range(20):
            replies = self.at_once(*[lambda: self.write(stream, revision, proposal())] * 8)
            results = sorted(reply.WhichOneof("result") for reply in replies)
            self.assertEqual(results, ["success"] + ["wrong_expected_version"] * 7)
            self.assertEqual(self.client.get_current_version(stream), revision + 1)

    def test_a_repeat_beside_the_first_attempt_writes_nothing(self):
        for expected in ("any", "no_stream"):
            for _ in range(20):
                stream, events = fresh(), [proposal(), proposal()]
                replies = self.at_once(*[lambda: self.write(stream, expected, *events)] * 8)
                self.assertEqual([reply.WhichOneof("result") for reply in replies], ["success"] * 8)
                self.assertEqual(len({reply.success.position.commit_position for reply in replies}), 1, expected)
                self.assertEqual(self.client.get_current_version(stream), 1)

    def test_writers_of_one_stream_leave_no_gaps(self):
        stream = fresh()
        self.at_once(*[lambda: [self.append(stream, *new_events(3)) for _ in range(25)]] * 8)
        self.assertEqual([event.stream_position for event in self.client.get_stream(stream)], list(range(600)))


class AppendLimitTests(ServerTestCase):
    def test_takes_an_event_of_one_MiB(self):
        stream = fresh()
        data = b"x" * (MiB - 1000)
        self.write(stream, "any", proposal(data, custom_metadata=b"y" * 1000))
        [message] = self.read(stream)
        self.assertEqual((len(message.event.event.data), len(message.event.event.custom_metadata)), (MiB - 1000, 1000))

    def test_takes_no_larger_event(self):
        id = uuid.uuid4()
        stream = fresh()
        self.assert_status(
            grpc.StatusCode.INVALID_ARGUMENT,
            self.write,
            stream,
            "any",
            proposal(),
            proposal(b"x" * MiB, id=id, custom_metadata=b"y"),
            message=f"Event with Id: {id}, Size: {MiB + 1}, exceeds Maximum Append Event Size of {MiB}.",
            exception="maximum-append-event-size-exceeded",
            event_id=str(id),
            proposed_append_event_size=str(MiB + 1),
            maximum_append_event_size=str(MiB),
        )
        self.assertEqual(self.client.get_current_version(stream), StreamState.NO_STREAM)

    def test_takes_16_MiB_at_once(self):
        stream = fresh()
        reply = self.write(stream, "any", *[proposal(b"x" * MiB) for _ in range(16)])
        self.assertEqual(reply.success.current_revision, 15)
        self.assertEqual([len(message.event.event.data) for message in self.read(stream)], [MiB] * 16)

    def test_takes_no_more_at_once(self):
        stream = fresh()
        self.assert_status(
            grpc.StatusCode.INVALID_ARGUMENT,
            self.write,
            stream,
            "any",
            *[proposal(b"x" * MiB) for _ in range(16)],
            proposal(b"x"),
            message=f"Maximum Append Size of {16 * MiB} Exceeded.",
            exception="maximum-append-size-exceeded",
            maximum_append_size=str(16 * MiB),
        )
        self.assertEqual(self.client.get_current_version(stream), StreamState.NO_STREAM)

    def test_takes_10_000_events_at_once_and_no_more(self):
        stream = fresh()
        proposals = [proposal() for _ in range(10_000)]
        self.assertEqual(self.write(stream, "any", *proposals).success.current_revision, 9_999)
        self.assert_status(grpc.StatusCode.INVALID_ARGUMENT, self.write, stream, 9_999, *proposals, proposal())
        self.assertEqual(self.client.get_current_version(stream), 9_999)

    def test_takes_names_of_512_bytes_and_no_longer_ones(self):
        stream = fresh() + "ü" * 200
        stream += "x" * (512 - len(stream.encode()))
        self.assertEqual(self.write(stream, "any", proposal(type="t" * 512)).success.current_revision, 0)
        self.assertEqual(self.client.get_stream(stream)[0].type, "t" * 512)
        self.assert_status(grpc.StatusCode.INVALID_ARGUMENT, self.write, stream + "x", "any", proposal())
        self.assert_status(grpc.StatusCode.INVALID_ARGUMENT, self.write, fresh(), "any", proposal(type="t" * 513))

    def test_goes_on_after_a_message_that_is_too_long(self):
        failure = self.assert_status(
            grpc.StatusCode.RESOURCE_EXHAUSTED, self.write, fresh(), "any", proposal(b"x" * (18 * MiB))
        )
        self.assertTrue(failure.details())
        self.assertEqual(self.write(fresh(), "any", proposal()).success.current_revision, 0)

    def test_takes_a_message_of_17_MiB(self):
        # A message this long is read as a whole, and then refused for what is in it.
        self.assert_status(
            grpc.StatusCode.INVALID_ARGUMENT, self.write, fresh(), "any", proposal(b"x" * (17 * MiB - 200))
        )
