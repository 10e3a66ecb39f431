"""What an operator asks of a server: scavenging, figures, the end; and what it has to say of projections.

The Python clients have no messages for this, which are so small that they stand here as bytes.
"""

import time
import unittest
import uuid

import grpc

from harness import PATIENCE, ServerTestCase, StreamState, call_bytes, fields

FEATURES = "/event_store.client.server_features.ServerFeatures/GetSupportedMethods"
# The results of a scavenge; 0 is not sent.
STARTED, IN_PROGRESS, STOPPED = 0, 1, 2


def nested(data):
    """Field 1 with a length; that of these messages fits into a byte."""
    return bytes([1 << 3 | 2, len(data)]) + data


def varint(value):
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


class OperationsTestCase(ServerTestCase):
    def operation(self, method, request=b""):
        return call_bytes(self.channel, f"/event_store.client.operations.Operations/{method}", request)

    def stats(self, milliseconds):
        """The figures, again and again."""
        method = self.channel.unary_stream(
            "/event_store.client.monitoring.Monitoring/Stats", request_serializer=bytes, response_deserializer=bytes
        )
        call = method(bytes([4 << 3]) + varint(milliseconds), timeout=PATIENCE)
        self.addCleanup(call.cancel)
        return call

    def restart(self):
        self.server.stop()
        self.server.start()
        self.connect()


class ScavengeTests(OperationsTestCase):
    def scavenge(self, method, request=b""):
        """The identifier, and the result."""
        answer = dict(fields(self.operation(method, request)))
        return answer[1].decode(), answer.get(2, STARTED)

    def test_removes_what_nobody_sees_any_more(self):
        stream, kept = self.filled(10, "gone"), self.filled(10, "kept")
        self.client.delete_stream(stream, current_version=StreamState.ANY)
        # One that another test has begun may have looked already.
        self.eventually(lambda: self.scavenge("StartScavenge")[1] == STARTED)

        def events_left():
            return [event.type for event in self.client.read_all() if event.stream_name == stream]

        # The last event stays, so that revisions go on.
        self.eventually(lambda: len(events_left()) == 1)
        self.assertEqual(len(self.client.get_stream(kept)), 10)

    def test_has_an_identifier_of_its_own(self):
        first, _ = self.scavenge("StartScavenge")
        uuid.UUID(first)
        self.eventually(lambda: self.scavenge("StartScavenge")[0] != first)

    def test_that_nobody_began_cannot_be_stopped(self):
        id = str(uuid.uuid4())
        self.assert_status(
            grpc.StatusCode.NOT_FOUND,
            self.scavenge,
            "StopScavenge",
            nested(nested(id.encode())),
            message="Scavenge id was invalid.",
            exception="scavenge-not-found",
            scavenge_id=id,
        )


class MissingTests(OperationsTestCase):
    def test_methods_say_what_to_do_instead(self):
        for method in ("MergeIndexes", "ResignNode", "SetNodePriority"):
            with self.subTest(method):
                failure = self.assert_status(grpc.StatusCode.UNIMPLEMENTED, self.operation, method)
                self.assertIn(":", failure.details())

    def test_projections_are_written_in_swift(self):
        methods = "Create Update Delete Statistics Disable Enable Reset State Result RestartSubsystem"
        for method in methods.split():
            with self.subTest(method):
                failure = self.assert_status(
                    grpc.StatusCode.UNIMPLEMENTED,
                    call_bytes,
                    self.channel,
                    f"/event_store.client.projections.Projections/{method}",
                )
                self.assertTrue(failure.details().startswith("Projections are written in Swift: "))

    def test_methods_are_not_announced(self):
        answer = call_bytes(self.channel, FEATURES)
        for method in (b"startscavenge", b"stopscavenge", b"shutdown", b"stats"):
            self.assertIn(method, answer)
        for method in (b"mergeindexes", b"resignnode", b"projections"):
            self.assertNotIn(method, answer)


class StatsTests(OperationsTestCase):
    def test_tell_of_the_process_and_of_the_store(self):
        position = self.client.get_stream(self.filled(2))[-1].commit_position
        figures = {}
        for _, entry in fields(next(self.stats(1000))):
            entry = dict(fields(entry))
            figures[entry[1].decode()] = entry[2].decode()
        self.assertEqual(figures["es-checksum"], str(position))
        self.assertEqual(figures["proc-id"], str(self.server.process.pid))
        self.assertGreater(int(figures["proc-mem"]), 1 << 20)
        self.assertGreater(int(figures["sys-freeMem"]), 0)
        self.assertGreaterEqual(float(figures["proc-cpu"]), 0)

    def test_come_at_once_and_then_after_each_period(self):
        self.assert_period(200, seconds=0.2)

    def test_come_no_more_often_than_is_sensible(self):
        self.assert_period(0, seconds=0.1)

    def assert_period(self, milliseconds, seconds):
        begun = time.monotonic()
        call = self.stats(milliseconds)
        for _ in range(4):
            next(call)
        self.assertGreaterEqual(time.monotonic() - begun, 3 * seconds)

    def test_take_a_period_of_any_length(self):
        next(self.stats(2**64 - 1))


class ShutdownTests(OperationsTestCase):
    def test_ends_the_server_in_order(self):
        stream = self.filled(3)
        self.assertEqual(self.operation("Shutdown"), b"")
        self.assertEqual(self.server.process.wait(PATIENCE), 0)
        self.restart()
        self.assertEqual(len(self.client.get_stream(stream)), 3)

    def test_ends_calls_that_are_open(self):
        call = self.stats(60_000)
        next(call)
        self.operation("Shutdown")
        self.assert_status(grpc.StatusCode.UNAVAILABLE, list, call)
        self.assertEqual(self.server.process.wait(PATIENCE), 0)
        self.restart()


if __name__ == "__main__":
    unittest.main()
