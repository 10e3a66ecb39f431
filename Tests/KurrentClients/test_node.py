"""What belongs to no stream: connecting, discovery, features, and what a connection may do."""

import asyncio
import base64
import signal
import socket
import struct
import time

import grpc
from harness import (
    EMPTY,
    IS_NEWEST,
    PATIENCE,
    AsyncClient,
    Client,
    GossipStub,
    ServerTestCase,
    StreamsStub,
    StreamState,
    append_requests,
    call_bytes,
    error,
    fields,
    fresh,
    kinds,
    new_event,
    new_events,
    proposal,
    read_all,
    read_stream,
)

FEATURES = "/event_store.client.server_features.ServerFeatures/GetSupportedMethods"

# Methods that may be called with nothing, in the spelling by which they are called.
SERVICES = {
    "event_store.client.streams.Streams": ["Read", "Append", "Delete", "Tombstone", "BatchAppend"],
    "event_store.client.persistent_subscriptions.PersistentSubscriptions": [
        *["Create", "Update", "Delete", "Read", "GetInfo", "ReplayParked", "TruncateParked", "List", "RestartSubsystem"]
    ],
    "event_store.client.gossip.Gossip": ["Read"],
    "event_store.client.server_features.ServerFeatures": ["GetSupportedMethods"],
    "event_store.client.monitoring.Monitoring": ["Stats"],
    "kurrentdb.protocol.v2.streams.StreamsService": ["AppendSession", "AppendRecords"],
}


class GossipTests(ServerTestCase):
    def test_names_the_one_node(self):
        [member] = GossipStub(self.channel).Read(EMPTY, timeout=PATIENCE).members
        self.assertEqual(member.state, 8)
        self.assertTrue(member.is_alive)
        self.assertEqual(member.instance_id.WhichOneof("value"), "structured")
        self.assertEqual((member.http_end_point.address, member.http_end_point.port), ("127.0.0.1", self.server.port))
        self.assertLess(abs(member.time_stamp / 1e7 - time.time()), 5)
        [again] = GossipStub(self.channel).Read(EMPTY, timeout=PATIENCE).members
        self.assertEqual(again.instance_id, member.instance_id)

    def test_is_understood_by_clients(self):
        [member] = self.client.read_gossip()
        self.assertEqual(
            (member.state, member.address, member.port), ("NODE_STATE_LEADER", "127.0.0.1", self.server.port)
        )


class ServerFeaturesTests(ServerTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        supported = fields(call_bytes(cls.channel, FEATURES))
        cls.version = [value.decode() for number, value in supported if number == 2]
        cls.methods = {}
        for number, value in supported:
            if number == 1:
                method = fields(value)
                [name] = [part.decode() for field, part in method if field == 1]
                [service] = [part.decode() for field, part in method if field == 2]
                cls.methods[service, name] = {part.decode() for field, part in method if field == 3}

    def test_have_a_version_of_three_numbers(self):
        self.assertEqual(len(self.version), 1)
        self.assertRegex(self.version[0], r"^\d+\.\d+\.\d+$")

    def test_are_in_lower_case(self):
        for service, name in self.methods:
            self.assertEqual((service, name), (service.lower(), name.lower()))

    def test_name_the_methods_of_streams(self):
        service = "event_store.client.streams.streams"
        self.assertEqual(
            {name: features for (of, name), features in self.methods.items() if of == service},
            {
                "read": {"position", "events"},
                "append": set(),
                "batchappend": {"deadline_duration"},
                "delete": set(),
                "tombstone": set(),
            },
        )
        self.assertEqual(self.methods["event_store.client.gossip.gossip", "read"], set())

    def test_of_persistent_subscriptions_are_those_of_streams_and_of_all(self):
        service = "event_store.client.persistent_subscriptions.persistentsubscriptions"
        for (of, name), features in self.methods.items():
            if of == service:
                self.assertEqual(features, {"stream", "all"}, name)

    def test_name_what_works(self):
        paths = {
            f"{service}/{name}".lower(): f"/{service}/{name}" for service, names in SERVICES.items() for name in names
        }
        for service, name in self.methods:
            path = paths.get(f"{service}/{name}")
            if path is None:
                continue
            method = self.channel.stream_stream(path, request_serializer=bytes, response_deserializer=bytes)
            try:
                list(method(iter([b""]), timeout=PATIENCE))
            except grpc.RpcError as failure:
                self.assertNotEqual(failure.code(), grpc.StatusCode.UNIMPLEMENTED, (service, name))


class ConnectingTests(ServerTestCase):
    def works(self, uri):
        client = Client(uri)
        self.addCleanup(client.close)
        stream = fresh()
        client.append_to_stream(stream, events=new_events(2), current_version=StreamState.NO_STREAM)
        self.assertEqual([event.stream_position for event in client.get_stream(stream)], [0, 1])

    def test_takes_every_scheme(self):
        for scheme in ("esdb", "esdb+discover") + (("kdb", "kurrentdb", "kurrentdb+discover") if IS_NEWEST else ()):
            with self.subTest(scheme):
                self.works(f"{scheme}://{self.server.address}?tls=false")

    def test_takes_several_hosts(self):
        self.works(
            f"esdb://{self.server.address},{self.server.address}?tls=false&maxDiscoverAttempts=2&gossipTimeout=5"
        )

    def test_takes_the_options_of_clients(self):
        options = "connectionName=shop&nodePreference=leader&defaultDeadline=10&keepAliveInterval=10000&keepAliveTimeout=10000"
        self.works(f"esdb://{self.server.address}?tls=false&{options}")
        self.works(f"esdb://{self.server.address}?tls=false&nodePreference=random")
        self.works(f"esdb://localhost:{self.server.port}?tls=false")

    def test_looks_at_no_credentials(self):
        wrong = "Basic " + base64.b64encode(b"admin:wrong").decode()
        for metadata in (
            [("authorization", wrong)],
            [("authorization", "Bearer x")],
            [("requires-leader", "true")],
            [("requires-leader", "True")],
            [("requires-leader", "perhaps"), ("connection-name", "shop")],
        ):
            with self.subTest(metadata):
                call = self.stub.Append(
                    iter(append_requests(fresh(), "any", proposal())), metadata=metadata, timeout=PATIENCE
                )
                self.assertEqual(call.success.current_revision, 0)

    def test_serves_programs_that_wait_for_several_things_at_once(self):
        async def main():
            client = AsyncClient(self.server.uri)
            await client.connect()
            streams = [fresh() for _ in range(20)]
            await asyncio.gather(
                *[
                    client.append_to_stream(stream, events=new_events(5), current_version=StreamState.NO_STREAM)
                    for stream in streams
                ]
            )
            found = await asyncio.gather(*[client.get_stream(stream) for stream in streams])
            subscription = await client.subscribe_to_stream(streams[0], stream_position=2)
            positions = [(await anext(subscription)).stream_position for _ in range(2)]
            await subscription.stop()
            await client.delete_stream(streams[0], current_version=4)
            await client.close()
            return [len(events) for events in found], positions

        self.assertEqual(asyncio.run(main()), ([5] * 20, [3, 4]))


class ConnectionTests(ServerTestCase):
    def test_has_no_other_methods(self):
        for path in (
            "/event_store.client.streams.Streams/Nothing",
            "/event_store.client.streams.streams/read",
            "/event_store.client.nothing.Nothing/Read",
            "/nothing",
        ):
            failure = self.assert_status(grpc.StatusCode.UNIMPLEMENTED, call_bytes, self.channel, path)
            self.assertTrue(failure.details())

    def test_lists_no_persistent_subscriptions(self):
        """Clients ask for them when they clean up: none are there, or not found."""
        try:
            self.assertEqual(list(self.client.list_subscriptions()), [])
        except error("NotFound"):
            pass

    def test_carries_many_calls_at_once(self):
        stream = fresh()
        followings = [self.follow(read_stream(stream, subscription=True)) for _ in range(50)]
        for following in followings:
            following.until("caught_up")
        calls = [
            self.stub.Append.future(append_requests(stream, "any", proposal()), timeout=PATIENCE) for _ in range(50)
        ]
        self.assertEqual(sorted(call.result().success.current_revision for call in calls), list(range(50)))
        for following in followings:
            self.assertEqual([event.event.stream_revision for event in following.events(50)], list(range(50)))

    def test_takes_times_of_any_length(self):
        for timeout in (60, 86_400, 10**7, 10**9):
            call = self.stub.Append(iter(append_requests(fresh(), "any", proposal())), timeout=timeout)
            self.assertEqual(call.success.current_revision, 0, timeout)
            self.assertEqual(kinds(self.stub.Read(read_stream(fresh()), timeout=timeout)), ["stream_not_found"])

    def bare_call(self, *headers, path="/event_store.client.gossip.Gossip/Read", method="POST"):
        """A unary call by its frames; returns the frames of the answer."""
        block = b"".join(
            header(name, value)
            for name, value in [
                (":method", method),
                (":scheme", "http"),
                (":path", path),
                (":authority", "x"),
                *headers,
            ]
        )
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE) as connection:
            connection.sendall(
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4) + frame(1, 4, 1, block) + frame(0, 1, 1, bytes(5))
            )
            reader = connection.makefile("rb")
            frames = []
            while True:
                kind, flags, payload = read_frame(reader)
                if kind in (0, 1, 3):
                    frames.append((kind, payload))
                if kind == 3 or kind in (0, 1) and flags & 1:
                    return frames

    def test_takes_times_as_they_are_written(self):
        for text in ("1H", "99999999H", "99999999M", "99999999S", "99999999m", "99999999u"):
            with self.subTest(text):
                frames = self.bare_call(
                    ("content-type", "application/grpc"), ("te", "trailers"), ("grpc-timeout", text)
                )
                self.assertEqual([kind for kind, _ in frames], [1, 0, 1])

    def test_refuses_times_that_are_none(self):
        for text in ("S", "10", "-1S", "123456789S", "1x", "1 S"):
            with self.subTest(text):
                frames = self.bare_call(
                    ("content-type", "application/grpc"), ("te", "trailers"), ("grpc-timeout", text)
                )
                self.assertNotIn(0, [kind for kind, _ in frames])

    def test_goes_on_after_requests_that_are_no_calls(self):
        self.bare_call(("content-type", "text/html"))
        self.bare_call(method="GET")
        self.bare_call(("content-type", "application/grpc"), path="")
        self.assertEqual(self.write(fresh(), "any", proposal()).success.current_revision, 0)

    def test_goes_on_after_calls_that_are_given_up(self):
        self.filled(5)
        for _ in range(200):
            call = self.stub.Read(read_all(subscription=True), timeout=PATIENCE)
            next(call)
            call.cancel()
        self.assertEqual(self.write(fresh(), "any", proposal()).success.current_revision, 0)

    def test_says_so_when_a_message_is_compressed(self):
        requests = append_requests(fresh(), "any", proposal(b"x" * 10_000))
        self.assert_status(
            grpc.StatusCode.UNIMPLEMENTED,
            lambda: self.stub.Append(requests, timeout=PATIENCE, compression=grpc.Compression.Gzip),
        )

    def test_takes_pings_at_any_rate(self):
        """Without a call, and with one; a server of another kind closes the connection."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE) as connection:
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4))
            reader = connection.makefile("rb")
            for number in range(500):
                connection.sendall(frame(6, payload=struct.pack(">Q", number)))
                while True:
                    kind, flags, payload = read_frame(reader)
                    self.assertNotEqual(kind, 7, "The server closes the connection.")
                    if kind == 6 and flags & 1:
                        self.assertEqual(payload, struct.pack(">Q", number))
                        break

    def test_keeps_a_subscription_under_pings(self):
        channel = grpc.insecure_channel(
            self.server.address,
            options=[
                ("grpc.keepalive_time_ms", 100),
                ("grpc.keepalive_timeout_ms", 5_000),
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.http2.max_pings_without_data", 0),
                ("grpc.http2.min_ping_interval_without_data_ms", 50),
                ("grpc.use_local_subchannel_pool", 1),
            ],
        )
        self.addCleanup(channel.close)
        stream = fresh()
        call = StreamsStub(channel).Read(read_stream(stream, subscription=True), timeout=3)
        self.assertEqual(next(call).WhichOneof("content"), "confirmation")
        self.assertEqual(next(call).WhichOneof("content"), "caught_up")
        # Nothing else ends it than its time.
        self.assert_status(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: call)


def frame(kind, flags=0, stream=0, payload=b""):
    """A frame of HTTP/2."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def header(name, value):
    """A header of HPACK as it is, in no table."""
    return b"\0" + b"".join(bytes([len(text)]) + text.encode() for text in (name, value))


def read_frame(reader):
    head = reader.read(9)
    if len(head) < 9:
        raise AssertionError("The server has closed the connection.")
    length = int.from_bytes(head[:3], "big")
    return head[3], head[4], reader.read(length)


class EndingTests(ServerTestCase):
    def test_ends_every_call(self):
        for by in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(by):
                stream = self.filled(1)
                followings = [
                    self.follow(request)
                    for request in (read_stream(stream, subscription=True), read_all(subscription=True)) * 3
                ]
                for following in followings:
                    following.until("caught_up")
                self.assertEqual(self.server.stop(by), 0)
                for following in followings:
                    self.assertEqual(following.end().code(), grpc.StatusCode.UNAVAILABLE)
                with self.assertRaises(error("ServiceUnavailable")):
                    self.client.get_stream(stream)
                self.server.start()
                type(self).connect()
                self.assertEqual(len(self.client.get_stream(stream)), 1)

    def test_keeps_what_it_has_answered_when_it_is_killed(self):
        stream = fresh()
        position = self.append(stream, *new_events(10))
        before = self.events_of_all()
        self.server.stop(signal.SIGKILL)
        self.server.start()
        type(self).connect()
        self.assertEqual(self.events_of_all(), before)
        self.assertEqual(self.client.get_stream(stream)[-1].commit_position, position)
        self.assertGreater(self.append(stream, new_event(), expected=9), position)
