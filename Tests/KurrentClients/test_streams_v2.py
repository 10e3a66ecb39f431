"""Version 2 of streams: appends to several streams, all or nothing, with checks on others."""

import json
import threading
import unittest
import uuid

import grpc
from google.protobuf import struct_pb2

from harness import (
    IS_NEWEST,
    PATIENCE,
    ServerTestCase,
    StreamState,
    call_bytes,
    error,
    fresh,
    new_event,
    newest_only,
    package,
)

if IS_NEWEST:
    from google.rpc import error_details_pb2, status_pb2
    from kurrentdbclient.protos.kurrent.rpc import errors_pb2 as server_errors
    from kurrentdbclient.protos.v2.streams import errors_pb2 as stream_errors
    from kurrentdbclient.protos.v2.streams import streams_pb2 as v2
    from kurrentdbclient.protos.v2.streams.streams_pb2_grpc import StreamsServiceStub

MiB = 1 << 20
NO_STREAM, ANY, EXISTS, DELETED, TOMBSTONED = -1, -2, -4, -5, -6


def record(type="Happened", data=b"{}", stream=None, id=None, format=1, properties=None, schema_id=None):
    made = v2.AppendRecord(schema=v2.SchemaInfo(format=format, name=type), data=data)
    made.record_id = str(uuid.uuid4()) if id is None else str(id)
    if stream is not None:
        made.stream = stream
    if schema_id is not None:
        made.schema.id = schema_id
    for key, value in (properties or {}).items():
        made.properties[key].CopyFrom(value)
    return made


def records(*streams, count=1):
    return [record(stream=stream) for stream in streams for _ in range(count)]


def request(stream, *made, expected=None):
    made = v2.AppendRequest(stream=stream, records=made)
    if expected is not None:
        made.expected_revision = expected
    return made


def check(stream, expected=None):
    """A check; one of revision 0 leaves its number out, as clients do."""
    state = v2.ConsistencyCheck.StreamStateCheck(stream=stream)
    if expected is not None:
        state.expected_state = expected
    return v2.ConsistencyCheck(stream_state=state)


@newest_only
class StreamsV2TestCase(ServerTestCase):
    @classmethod
    def connect(cls):
        super().connect()
        cls.v2 = StreamsServiceStub(cls.channel)

    def session(self, *requests):
        return self.v2.AppendSession(iter(requests), timeout=PATIENCE)

    def append_records(self, made, *checks):
        return self.v2.AppendRecords(v2.AppendRecordsRequest(records=made, checks=checks), timeout=PATIENCE)

    def head(self):
        return self.client.get_commit_position()

    def revisions(self, stream):
        return [event.stream_position for event in self.client.get_stream(stream)]

    def in_state(self, state):
        """A stream that is as the word says, and its last revision."""
        if state == "missing":
            return fresh(), None
        stream = self.filled(3)
        if state == "deleted":
            self.client.delete_stream(stream, current_version=StreamState.ANY)
        if state == "tombstoned":
            self.client.tombstone_stream(stream, current_version=StreamState.ANY)
        return stream, 2

    def assert_refused(self, code, reason, call, *arguments, domain="streams"):
        """The call ends with a status that has details, and writes nothing; returns the last of the details."""
        before = self.head()
        with self.assertRaises(grpc.RpcError) as raised:
            call(*arguments)
        failure = raised.exception
        self.assertEqual(failure.code(), code, failure.details())
        trailers = {item.key: item.value for item in failure.trailing_metadata()}
        status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
        self.assertEqual((status.code, status.message), (code.value[0], failure.details()))
        info = error_details_pb2.ErrorInfo()
        self.assertTrue(status.details[0].Unpack(info), status)
        self.assertEqual((info.reason, info.domain), (reason, domain))
        self.assertEqual(self.head(), before)
        return status.details[-1]

    def assert_details(self, details, expected):
        got = type(expected)()
        self.assertTrue(details.Unpack(got), details.type_url)
        self.assertEqual(got, expected)

    def assert_violations(self, made, checks, *violations):
        """Records are refused by their checks; each violation is an index, a stream, and what was expected and is."""
        details = self.assert_refused(
            grpc.StatusCode.FAILED_PRECONDITION, "APPEND_CONSISTENCY_VIOLATION", self.append_records, made, *checks
        )
        got = stream_errors.AppendConsistencyViolationErrorDetails()
        self.assertTrue(details.Unpack(got), details.type_url)
        self.assertEqual(
            [
                (
                    violation.check_index,
                    violation.stream_state.stream,
                    violation.stream_state.expected_state,
                    violation.stream_state.actual_state,
                )
                for violation in got.violations
            ],
            list(violations),
        )

    def assert_bad(self, call, *arguments):
        self.assert_refused(grpc.StatusCode.INVALID_ARGUMENT, "BAD_REQUEST", call, *arguments, domain="server")


class AppendSessionTests(StreamsV2TestCase):
    def test_appends_to_several_streams_at_once(self):
        first, second = fresh(), self.filled(2)
        before = self.head()
        answer = self.session(
            request(first, record("A"), record("B"), expected=NO_STREAM), request(second, record("C"), expected=1)
        )
        self.assertEqual(
            [(output.stream, output.stream_revision) for output in answer.output], [(first, 1), (second, 2)]
        )
        self.assertEqual(answer.position, before + 3)
        self.assertEqual(self.head(), answer.position)
        self.assertEqual([event.type for event in self.client.get_stream(first)], ["A", "B"])
        self.assertEqual([event.type for event in self.client.get_stream(second)][-1], "C")

    def test_writes_nothing_when_one_stream_is_not_as_expected(self):
        first, second = fresh(), self.filled(2)
        details = self.assert_refused(
            grpc.StatusCode.FAILED_PRECONDITION,
            "STREAM_REVISION_CONFLICT",
            self.session,
            request(first, record(), expected=NO_STREAM),
            request(second, record(), expected=0),
        )
        self.assert_details(
            details,
            stream_errors.StreamRevisionConflictErrorDetails(stream=second, expected_revision=0, actual_revision=1),
        )

    def test_says_what_was_expected_and_what_is(self):
        for state, expected, actual in [
            ("missing", 0, -1),
            ("missing", EXISTS, -1),
            ("live", 1, 2),
            ("live", 3, 2),
            ("live", NO_STREAM, 2),
            ("deleted", 1, 2),
        ]:
            with self.subTest(state=state, expected=expected):
                stream, _ = self.in_state(state)
                details = self.assert_refused(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    "STREAM_REVISION_CONFLICT",
                    self.session,
                    request(stream, record(), expected=expected),
                )
                self.assert_details(
                    details,
                    stream_errors.StreamRevisionConflictErrorDetails(
                        stream=stream, expected_revision=expected, actual_revision=actual
                    ),
                )

    def test_appends_where_the_stream_is_as_expected(self):
        for state, expected, revision in [
            ("missing", None, 0),
            ("missing", ANY, 0),
            ("missing", NO_STREAM, 0),
            ("live", None, 3),
            ("live", 2, 3),
            ("live", EXISTS, 3),
            ("deleted", None, 3),
            ("deleted", NO_STREAM, 3),
            ("deleted", 2, 3),
        ]:
            with self.subTest(state=state, expected=expected):
                stream, _ = self.in_state(state)
                answer = self.session(request(stream, record(), expected=expected))
                self.assertEqual(answer.output[0].stream_revision, revision)

    def test_shows_only_the_new_events_of_a_stream_that_was_deleted(self):
        stream, _ = self.in_state("deleted")
        self.session(request(stream, record()), request(fresh(), record()))
        self.assertEqual(self.revisions(stream), [3])
        self.assertEqual(self.client.get_stream_metadata(stream)[0]["$tb"], 3)

    def test_refuses_streams_that_are_deleted(self):
        for state, expected in [
            ("tombstoned", None),
            ("tombstoned", NO_STREAM),
            ("tombstoned", 2),
            ("tombstoned", EXISTS),
            ("deleted", EXISTS),
        ]:
            with self.subTest(state=state, expected=expected):
                stream, _ = self.in_state(state)
                details = self.assert_refused(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    "STREAM_TOMBSTONED",
                    self.session,
                    request(fresh(), record()),
                    request(stream, record(), expected=expected),
                )
                self.assert_details(details, stream_errors.StreamTombstonedErrorDetails(stream=stream))

    def test_takes_a_stream_that_has_metadata_for_one_that_exists(self):
        stream = fresh()
        self.client.set_stream_metadata(stream, metadata={"a": 1})
        answer = self.session(request(stream, record(), expected=EXISTS))
        self.assertEqual(answer.output[0].stream_revision, 0)

    def test_refuses_a_stream_twice_whatever_its_case(self):
        stream = fresh()
        details = self.assert_refused(
            grpc.StatusCode.ABORTED,
            "STREAM_ALREADY_IN_APPEND_SESSION",
            self.session,
            request(stream, record()),
            request(stream.upper(), record()),
        )
        self.assert_details(details, stream_errors.StreamAlreadyInAppendSessionErrorDetails(stream=stream.upper()))

    def test_refuses_a_session_without_requests(self):
        self.assert_refused(grpc.StatusCode.FAILED_PRECONDITION, "APPEND_SESSION_NO_REQUESTS", self.session)

    def test_refuses_what_is_too_large(self):
        stream, id = fresh(), uuid.uuid4()
        details = self.assert_refused(
            grpc.StatusCode.INVALID_ARGUMENT,
            "APPEND_RECORD_SIZE_EXCEEDED",
            self.session,
            request(stream, record(data=bytes(MiB + 1), format=4, id=id)),
        )
        got = stream_errors.AppendRecordSizeExceededErrorDetails()
        details.Unpack(got)
        self.assertEqual((got.stream, got.record_id, got.max_size), (stream, str(id), MiB))
        self.assertGreater(got.size, MiB)
        details = self.assert_refused(
            grpc.StatusCode.ABORTED,
            "APPEND_TRANSACTION_SIZE_EXCEEDED",
            self.session,
            *[request(fresh(), *[record(data=bytes(MiB - 1000), format=4) for _ in range(9)]) for _ in range(2)],
        )
        got = stream_errors.AppendTransactionSizeExceededErrorDetails()
        details.Unpack(got)
        self.assertEqual(got.max_size, 16 * MiB)
        self.assertGreater(got.size, got.max_size)

    def test_refuses_fields_that_are_invalid(self):
        for name, made in [
            ("no stream", request("", record())),
            ("no records", request(fresh())),
            ("an identifier", request(fresh(), record(id="x"))),
            ("the identifier of zeros", request(fresh(), record(id=uuid.UUID(int=0)))),
            ("no format", request(fresh(), record(format=0))),
            ("an unknown format", request(fresh(), record(format=9))),
            ("no type", request(fresh(), record(type=""))),
            ("a type with a space", request(fresh(), record(type="a b"))),
            ("a schema", request(fresh(), record(schema_id="x"))),
            ("a property without a value", request(fresh(), record(properties={"a": struct_pb2.Value()}))),
            ("an expectation", request(fresh(), record(), expected=-3)),
        ]:
            with self.subTest(name):
                self.assert_bad(self.session, made)

    def test_refuses_all_streams_together(self):
        details = self.assert_refused(
            grpc.StatusCode.PERMISSION_DENIED,
            "ACCESS_DENIED",
            self.session,
            request("$all", record()),
            domain="server",
        )
        self.assertTrue(details.Is(server_errors.AccessDeniedErrorDetails.DESCRIPTOR))


class RecordTests(StreamsV2TestCase):
    def test_has_its_properties_as_metadata(self):
        stream, id = fresh(), uuid.uuid4()
        properties = {
            "text": struct_pb2.Value(string_value='a "b"\n'),
            "number": struct_pb2.Value(number_value=1.5),
            "flag": struct_pb2.Value(bool_value=True),
            "nothing": struct_pb2.Value(null_value=0),
            "list": struct_pb2.Value(
                list_value=struct_pb2.ListValue(values=[struct_pb2.Value(number_value=1), struct_pb2.Value(bool_value=False)])
            ),
        }
        properties["object"] = struct_pb2.Value(struct_value=struct_pb2.Struct(fields={"a": properties["text"]}))
        self.session(request(stream, record("Größe:1.$x_-", b'{"a":1}', id=id, properties=properties)))
        event = self.client.get_stream(stream)[0]
        self.assertEqual((event.id, event.type, event.data), (id, "Größe:1.$x_-", b'{"a":1}'))
        self.assertEqual(
            json.loads(event.metadata),
            {
                "$schema.format": "Json",
                "$schema.name": "Größe:1.$x_-",
                "text": 'a "b"\n',
                "number": 1.5,
                "flag": True,
                "nothing": None,
                "list": [1, False],
                "object": {"a": 'a "b"\n'},
            },
        )

    def test_is_json_or_bytes(self):
        stream = fresh()
        self.session(request(stream, *[record(format=format) for format in (1, 2, 3, 4)]))
        events = self.client.get_stream(stream)
        self.assertEqual(
            [(event.content_type, json.loads(event.metadata)["$schema.format"]) for event in events],
            [
                ("application/json", "Json"),
                ("application/octet-stream", "Protobuf"),
                ("application/octet-stream", "Avro"),
                ("application/octet-stream", "Bytes"),
            ],
        )

    def test_has_an_identifier_and_no_data_when_none_are_given(self):
        stream = fresh()
        made = v2.AppendRecord(schema=v2.SchemaInfo(format=v2.SCHEMA_FORMAT_BYTES, name="Bare"))
        self.session(request(stream, made))
        event = self.client.get_stream(stream)[0]
        self.assertEqual(event.data, b"")
        self.assertNotEqual(event.id.int, 0)


class AppendRecordsTests(StreamsV2TestCase):
    def test_appends_to_several_streams_in_their_order(self):
        first, second = fresh(), fresh()
        before = self.head()
        answer = self.append_records(
            [record("A", stream=first), record("B", stream=second), record("C", stream=first)]
        )
        self.assertEqual([(end.stream, end.revision) for end in answer.revisions], [(first, 1), (second, 0)])
        self.assertEqual(answer.position, before + 3)
        self.assertEqual([event.type for event in self.client.get_stream(first)], ["A", "C"])

    def test_looks_at_streams_that_are_only_checked(self):
        """The table of conditions: what holds, and what is said when it does not."""
        holds = [
            ("missing", NO_STREAM),
            ("live", 2),
            ("live", EXISTS),
            ("deleted", 2),
            ("deleted", NO_STREAM),
            ("deleted", DELETED),
            ("tombstoned", NO_STREAM),
            ("tombstoned", TOMBSTONED),
        ]
        fails = [
            ("missing", 0, -1),
            ("missing", EXISTS, -1),
            ("missing", DELETED, -1),
            ("missing", TOMBSTONED, -1),
            ("live", 1, 2),
            ("live", 3, 2),
            ("live", NO_STREAM, 2),
            ("live", DELETED, 2),
            ("live", TOMBSTONED, 2),
            ("deleted", 1, DELETED),
            ("deleted", EXISTS, DELETED),
            ("deleted", TOMBSTONED, DELETED),
            ("tombstoned", 2, TOMBSTONED),
            ("tombstoned", EXISTS, TOMBSTONED),
            ("tombstoned", DELETED, TOMBSTONED),
        ]
        for state, expected in holds:
            with self.subTest(state=state, expected=expected):
                checked, _ = self.in_state(state)
                answer = self.append_records(records(fresh()), check(checked, expected))
                self.assertEqual(answer.revisions[0].revision, 0)
        for state, expected, actual in fails:
            with self.subTest(state=state, expected=expected):
                checked, _ = self.in_state(state)
                self.assert_violations(
                    records(fresh()), [check(checked, expected)], (0, checked, expected, actual)
                )

    def test_looks_at_streams_that_are_written(self):
        holds = [
            ("missing", NO_STREAM, 0),
            ("live", 2, 3),
            ("live", EXISTS, 3),
            ("deleted", 2, 3),
            ("deleted", NO_STREAM, 3),
            ("deleted", DELETED, 3),
        ]
        fails = [
            ("missing", DELETED, -1),
            ("missing", TOMBSTONED, -1),
            ("live", DELETED, 2),
            ("live", NO_STREAM, 2),
            ("deleted", EXISTS, DELETED),
            ("deleted", TOMBSTONED, DELETED),
            ("tombstoned", NO_STREAM, TOMBSTONED),
            ("tombstoned", TOMBSTONED, TOMBSTONED),
            ("tombstoned", 2, TOMBSTONED),
        ]
        for state, expected, revision in holds:
            with self.subTest(state=state, expected=expected):
                stream, _ = self.in_state(state)
                answer = self.append_records(records(stream), check(stream, expected))
                self.assertEqual(answer.revisions[0].revision, revision)
        for state, expected, actual in fails:
            with self.subTest(state=state, expected=expected):
                stream, _ = self.in_state(state)
                self.assert_violations(
                    records(fresh(), stream), [check(stream, expected)], (0, stream, expected, actual)
                )

    def test_takes_a_check_without_a_number_for_revision_0(self):
        one = self.filled(1)
        self.append_records(records(fresh()), check(one))
        self.append_records(records(one), check(one))
        self.assert_violations(records(fresh()), [check(one)], (0, one, 0, 1))

    def test_names_every_check_that_does_not_hold_by_its_index(self):
        written, checked, good, missing = self.filled(1), self.filled(2), self.filled(1), fresh()
        self.assert_violations(
            records(fresh(), written),
            [check(missing, EXISTS), check(good, 0), check(written, 5), check(checked, NO_STREAM)],
            (0, missing, EXISTS, -1),
            (2, written, 5, 0),
            (3, checked, NO_STREAM, 1),
        )

    def test_refuses_a_stream_that_was_deleted_for_good_though_nobody_checks_it(self):
        stream, _ = self.in_state("tombstoned")
        self.assert_violations(records(stream), [], (-1, stream, ANY, TOMBSTONED))

    def test_tells_of_so_many_violations_as_clients_take(self):
        missing = [fresh("a" * 300) for _ in range(100)]
        details = self.assert_refused(
            grpc.StatusCode.FAILED_PRECONDITION,
            "APPEND_CONSISTENCY_VIOLATION",
            self.append_records,
            records(fresh()),
            *[check(stream, EXISTS) for stream in missing],
        )
        got = stream_errors.AppendConsistencyViolationErrorDetails()
        details.Unpack(got)
        self.assertIn(len(got.violations), range(1, 100))

    def test_refuses_fields_that_are_invalid(self):
        stream = fresh()
        for name, made, checks in [
            ("no records", [], []),
            ("no stream", [record()], []),
            ("a check of any", records(stream), [check(fresh(), ANY)]),
            ("a check of a state that there is not", records(stream), [check(fresh(), -7)]),
            ("a check of nothing", records(stream), [v2.ConsistencyCheck()]),
            ("a check without a stream", records(stream), [check("", 0)]),
            ("a stream that is checked twice", records(stream), [check(stream, NO_STREAM), check(stream, EXISTS)]),
        ]:
            with self.subTest(name):
                self.assert_bad(self.append_records, made, *checks)

    def test_lets_one_of_many_who_check_the_same(self):
        checked = self.filled(1)
        outcomes = []

        def write():
            try:
                self.append_records(records(fresh(), checked), check(checked, 0))
                outcomes.append(True)
            except grpc.RpcError as failure:
                outcomes.append(failure.code() != grpc.StatusCode.FAILED_PRECONDITION)

        writers = [threading.Thread(target=write) for _ in range(16)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        self.assertEqual(sorted(outcomes), [False] * 15 + [True])
        self.assertEqual(self.revisions(checked), [0, 1])


class RepeatTests(StreamsV2TestCase):
    def test_of_a_session_has_the_first_result(self):
        for expected in (None, NO_STREAM):
            with self.subTest(expected=expected):
                made = [request(fresh(), record(), record(), expected=expected) for _ in range(3)]
                first = self.session(*made)
                self.session(request(made[0].stream, record()), request(made[2].stream, record()))
                before = self.head()
                self.assertEqual(self.session(*made), first)
                self.assertEqual(self.head(), before)

    def test_of_a_session_at_revisions_has_the_first_result(self):
        made = [request(self.filled(2), record(), expected=1), request(fresh(), record(), expected=ANY)]
        first = self.session(*made)
        self.session(request(made[0].stream, record()))
        self.assertEqual(self.session(*made), first)

    def test_of_a_part_of_a_session_is_refused(self):
        for expected, told in [(None, ANY), (NO_STREAM, NO_STREAM)]:
            with self.subTest(expected=expected):
                stream = fresh()
                made = request(stream, record(), expected=expected)
                self.session(made)
                details = self.assert_refused(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    "STREAM_REVISION_CONFLICT",
                    self.session,
                    made,
                    request(fresh(), record()),
                )
                self.assert_details(
                    details,
                    stream_errors.StreamRevisionConflictErrorDetails(
                        stream=stream, expected_revision=told, actual_revision=0
                    ),
                )

    def test_with_further_events_is_refused(self):
        stream, first = fresh(), record()
        self.session(request(stream, first))
        self.assert_refused(
            grpc.StatusCode.FAILED_PRECONDITION,
            "STREAM_REVISION_CONFLICT",
            self.session,
            request(stream, first, record()),
        )

    def test_of_records_succeeds_though_a_check_of_another_stream_does_not_hold_any_more(self):
        checks = [("live", 2), ("deleted", DELETED), ("missing", NO_STREAM)]
        for state, expected in checks:
            with self.subTest(state=state):
                checked, _ = self.in_state(state)
                made = records(fresh(), fresh(), count=2)
                first = self.append_records(made, check(checked, expected))
                self.append_records(records(checked))
                before = self.head()
                self.assertEqual(self.append_records(made, check(checked, expected)), first)
                self.assertEqual(self.head(), before)


class MetadataTests(StreamsV2TestCase):
    def metadata(self, stream, text, expected=None):
        return request(f"$${stream}", record("$metadata", text), expected=expected)

    def test_is_written_beside_events_of_other_streams(self):
        stream, other = self.filled(3), fresh()
        answer = self.session(self.metadata(stream, b'{"$maxCount":2,"a":1}'), request(other, record()))
        self.assertEqual(answer.output[0].stream_revision, 0)
        self.assertEqual(self.client.get_stream_metadata(stream), ({"$maxCount": 2, "a": 1}, 0))
        self.assertEqual(self.revisions(stream), [1, 2])

    def test_is_not_written_when_the_append_is_refused(self):
        stream = self.filled(3)
        self.assert_refused(
            grpc.StatusCode.FAILED_PRECONDITION,
            "STREAM_REVISION_CONFLICT",
            self.session,
            self.metadata(stream, b'{"$maxCount":2}'),
            request(fresh(), record(), expected=EXISTS),
        )
        self.assertEqual(self.revisions(stream), [0, 1, 2])

    def test_is_written_once(self):
        for expected in (None, NO_STREAM):
            with self.subTest(expected=expected):
                made = [self.metadata(self.filled(1), b'{"a":1}', expected), request(fresh(), record())]
                first = self.session(*made)
                before = self.head()
                again = self.session(*made)
                self.assertEqual((again.output, self.head()), (first.output, before))

    def test_may_depend_on_its_stream(self):
        stream = self.filled(3)
        made = record("$metadata", b'{"$tb":1}', stream=f"$${stream}")
        self.assert_violations([made], [check(stream, 1)], (0, stream, 1, 2))
        self.append_records([made], check(stream, 2))
        self.assertEqual(self.revisions(stream), [1, 2])

    def test_is_not_written_with_events_of_its_stream(self):
        stream = self.filled(1)
        self.assert_bad(self.session, request(stream, record()), self.metadata(stream, b"{}"))
        self.assert_bad(self.session, self.metadata(stream, b"{}"), request(stream, record()))
        deleted, _ = self.in_state("deleted")
        self.assert_bad(self.session, request(deleted, record()), self.metadata(deleted, b"{}"))


@newest_only
class ClientTests(ServerTestCase):
    def test_appends_to_several_streams(self):
        first, second = fresh(), fresh()
        position = self.client.multi_append_to_stream(
            [
                package.NewEvents(first, [new_event(metadata=b'{"a":"b"}')], StreamState.NO_STREAM),
                package.NewEvents(second, [new_event(), new_event()], StreamState.ANY),
            ]
        )
        self.assertEqual(self.client.get_stream(second)[1].commit_position, position)
        self.assertEqual(json.loads(self.client.get_stream(first)[0].metadata)["a"], "b")

    def test_understands_a_conflict(self):
        stream = self.filled(1)
        with self.assertRaises(error("WrongCurrentVersion")) as raised:
            self.client.multi_append_to_stream(package.NewEvents(stream, [new_event()], 5))
        failure = raised.exception
        self.assertEqual((failure.stream_name, failure.expected_version, failure.actual_version), (stream, 5, 0))

    def test_understands_that_a_stream_is_deleted_for_good(self):
        stream = self.filled(1)
        self.client.tombstone_stream(stream, current_version=StreamState.ANY)
        with self.assertRaises(error("StreamTombstoned")) as raised:
            self.client.multi_append_to_stream(package.NewEvents(stream, [new_event()], StreamState.ANY))
        self.assertEqual(raised.exception.stream_name, stream)

    def test_understands_limits(self):
        large = new_event(data=bytes(MiB + 1), content_type="application/octet-stream")
        with self.assertRaises(error("RecordMaxSizeExceeded")) as raised:
            self.client.multi_append_to_stream(package.NewEvents(fresh(), [large], StreamState.ANY))
        self.assertEqual((raised.exception.event_id, raised.exception.max_size), (large.id, MiB))
        stream = fresh()
        twice = [package.NewEvents(stream, [new_event()], StreamState.ANY) for _ in range(2)]
        with self.assertRaises(error("MultiAppendToSameStream")) as raised:
            self.client.multi_append_to_stream(twice)
        self.assertEqual(raised.exception.stream_name, stream)

    def test_understands_checks(self):
        from kurrentdbclient.events import NewRecord, StreamStateCheck

        stream, checked = fresh(), self.filled(2)
        answer = self.client.append_records(
            [NewRecord(stream, "A", b"{}"), NewRecord(stream, "B", b"{}")],
            checks=[StreamStateCheck(checked, 1), StreamStateCheck(stream, StreamState.NO_STREAM)],
        )
        self.assertEqual([(end.stream_name, end.stream_position) for end in answer.stream_positions], [(stream, 1)])
        self.assertEqual(self.client.get_stream(stream)[1].commit_position, answer.commit_position)
        with self.assertRaises(error("ConsistencyChecksFailed")) as raised:
            self.client.append_records(NewRecord(stream, "A", b"{}"), checks=StreamStateCheck(checked, 0))
        (failure,) = raised.exception.failures
        self.assertEqual(failure.check_index, 0)
        self.assertEqual(failure.stream_state_failure.actual_state, 1)


@newest_only
class AnnouncementTests(ServerTestCase):
    def test_names_both_methods(self):
        path = "/event_store.client.server_features.ServerFeatures/GetSupportedMethods"
        answer = call_bytes(self.channel, path)
        for method in (b"appendsession", b"appendrecords"):
            self.assertIn(method, answer)
        self.assertIn(b"kurrentdb.protocol.v2.streams.streamsservice", answer)


if __name__ == "__main__":
    unittest.main()
