"""Groups of consumers: settings, delivery, answers, retries, parking, checkpoints, and what they survive."""

import importlib
import json
import queue
import signal
import threading
import time
import unittest
import uuid

import grpc
from harness import (
    ALL_ONES,
    EMPTY,
    PATIENCE,
    PROTOS,
    TEST_LIMIT,
    ServerTestCase,
    error,
    fresh,
    identifier,
    new_event,
    new_events,
    newest_only,
    shared,
    text_id,
    uuid_of,
)

persistent = importlib.import_module(f"{PROTOS}.persistent_pb2")
Stub = importlib.import_module(f"{PROTOS}.persistent_pb2_grpc").PersistentSubscriptionsStub
Nack = persistent.ReadReq.Nack



def settings(**changed):
    given = {
        "message_timeout_ms": 30_000,
        "max_retry_count": 10,
        "checkpoint_after_ms": 0,
        "min_checkpoint_count": 1,
        "max_checkpoint_count": 1,
        "live_buffer_size": 500,
        "read_batch_size": 20,
        "history_buffer_size": 500,
        "consumer_strategy": "RoundRobin",
    }
    given.update(changed)
    return persistent.CreateReq.Settings(**given)


def create_request(stream, group, start="start", filter=None, **changed):
    """A Create; of all streams for a stream of None."""
    request = persistent.CreateReq(options=persistent.CreateReq.Options(group_name=group, settings=settings(**changed)))
    if stream is None:
        options = request.options.all
        if filter is None:
            options.no_filter.SetInParent()
        else:
            options.filter.CopyFrom(filter)
        if isinstance(start, int):
            options.position.commit_position = start
            options.position.prepare_position = start
    else:
        options = request.options.stream
        options.stream_identifier.CopyFrom(identifier(stream))
        if isinstance(start, int):
            options.revision = start
    if not isinstance(start, int):
        getattr(options, start).SetInParent()
    return request


def types(*prefixes):
    """A filter by the beginnings of types."""
    options = persistent.CreateReq.AllOptions.FilterOptions(checkpointIntervalMultiplier=1)
    options.event_type.prefix.extend(prefixes)
    options.max = 32
    return options


def whose(kind, stream, group, **more):
    """Options that name a group."""
    options = kind.Options(group_name=group, **more)
    if stream is None:
        options.all.SetInParent()
    else:
        options.stream_identifier.CopyFrom(identifier(stream))
    return kind(options=options)


class Consumer:
    """A Read that stays open: events come on a thread, answers are sent as a test wants."""

    def __init__(self, stub, stream, group, buffer_size=100, uuid_form="string", metadata=None):
        self.requests = queue.Queue()
        self.messages = queue.Queue()
        self.failure = None
        request = whose(persistent.ReadReq, stream, group, buffer_size=buffer_size)
        getattr(request.options.uuid_option, uuid_form).SetInParent()
        self.requests.put(request)
        self.call = stub.Read(iter(self.requests.get, None), timeout=TEST_LIMIT * 2, metadata=metadata)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        try:
            for message in self.call:
                self.messages.put(message)
        except grpc.RpcError as failure:
            self.failure = failure
        self.messages.put(None)

    def next(self, patience=PATIENCE):
        try:
            message = self.messages.get(timeout=patience)
        except queue.Empty:
            raise AssertionError("The server sends nothing more.") from None
        if message is None:
            raise AssertionError(f"The call has ended: {self.failure}")
        return message

    def confirmed(self):
        self.id = self.next().subscription_confirmation.subscription_id
        return self

    def events(self, count):
        return [self.next().event for _ in range(count)]

    def sends_nothing(self, patience=0.3):
        try:
            message = self.messages.get(timeout=patience)
        except queue.Empty:
            return
        raise AssertionError(f"The server sends {message}.")

    def end(self):
        """What the call ended with; events before that are left out."""
        while True:
            try:
                if self.messages.get(timeout=PATIENCE) is None:
                    return self.failure
            except queue.Empty:
                raise AssertionError("The call does not end.") from None

    def ack(self, *events):
        self.requests.put(persistent.ReadReq(ack=persistent.ReadReq.Ack(ids=[original(event).id for event in events])))

    def nack(self, action, *events, reason=""):
        ids = [original(event).id for event in events]
        self.requests.put(persistent.ReadReq(nack=Nack(ids=ids, action=action, reason=reason)))

    def finish(self):
        """Answers nothing more."""
        self.requests.put(None)

    def cancel(self):
        self.call.cancel()
        self.requests.put(None)


def original(event):
    return event.link if event.HasField("link") else event.event


def revisions(events):
    return [event.event.stream_revision for event in events]


def retries(events):
    return [event.retry_count for event in events]


class GroupTestCase(ServerTestCase):
    @classmethod
    def connect(cls):
        super().connect()
        cls.groups = Stub(cls.channel)

    def create(self, stream, group=None, start="start", **changed):
        group = group or fresh("group")
        self.groups.Create(create_request(stream, group, start, **changed), timeout=PATIENCE)
        return group

    def consume(self, stream, group, **options):
        consumer = Consumer(self.groups, stream, group, **options)
        self.addCleanup(consumer.cancel)
        return consumer.confirmed()

    def info(self, stream, group):
        return self.groups.GetInfo(whose(persistent.GetInfoReq, stream, group), timeout=PATIENCE).subscription_info

    def delete_group(self, stream, group):
        self.groups.Delete(whose(persistent.DeleteReq, stream, group), timeout=PATIENCE)

    def replay(self, stream, group, stop_at=None):
        limit = {"no_limit": EMPTY} if stop_at is None else {"stop_at": stop_at}
        self.groups.ReplayParked(whose(persistent.ReplayParkedReq, stream, group, **limit), timeout=PATIENCE)

    def parked(self, stream, group):
        """The links to parked events that can be seen."""
        name = f"$persistentsubscription-{stream or '$all'}::{group}-parked"
        return [message.event.event for message in self.read(name) if message.HasField("event")]

    def parked_is(self, count, stream, group):
        self.eventually(lambda: len(self.parked(stream, group)) == count, f"There are not {count} parked events.")

    def checkpoint_is(self, text, stream, group):
        self.eventually(
            lambda: self.info(stream, group).last_checkpointed_event_position == text,
            f"The checkpoint does not become {text}.",
        )


class DeliveryTests(GroupTestCase):
    def test_events_that_are_there_and_those_that_come(self):
        stream = self.filled(3)
        group = self.create(stream)
        consumer = self.consume(stream, group)
        self.assertEqual(consumer.id, f"{stream}::{group}")
        events = consumer.events(3)
        self.assertEqual((revisions(events), retries(events)), ([0, 1, 2], [0, 0, 0]))
        self.append(stream, *new_events(2))
        self.assertEqual(revisions(consumer.events(2)), [3, 4])

    def test_a_stream_that_is_not_there_yet(self):
        stream = fresh()
        group = self.create(stream)
        consumer = self.consume(stream, group)
        self.append(stream, new_event())
        self.assertEqual(revisions(consumer.events(1)), [0])

    def test_the_start_is_inclusive(self):
        stream = self.filled(5)
        for start, first in [(2, 2), ("end", 5), (ALL_ONES, 5), (7, 7)]:
            with self.subTest(start=start):
                group = self.create(stream, start=start)
                consumer = self.consume(stream, group)
                if first < 5:
                    self.assertEqual(revisions(consumer.events(1)), [first])
                else:
                    consumer.sends_nothing()

    def test_the_end_is_where_the_group_was_made(self):
        stream = self.filled(2)
        group = self.create(stream, start="end")
        self.append(stream, new_event())
        self.assertEqual(revisions(self.consume(stream, group).events(1)), [2])

    def test_recorded_fields(self):
        stream = fresh()
        event = new_event("Paid", b'{"a":1}', metadata=b'{"m":2}')
        position = self.append(stream, event)
        group = self.create(stream)
        sent = self.consume(stream, group).next().event
        self.assertEqual(sent.WhichOneof("position"), "commit_position")
        self.assertEqual(sent.commit_position, position)
        got = sent.event
        self.assertEqual(uuid_of(got.id), event.id)
        self.assertEqual((got.commit_position, got.prepare_position), (position, position))
        self.assertEqual((got.data, got.custom_metadata), (b'{"a":1}', b'{"m":2}'))
        self.assertEqual(got.metadata["type"], "Paid")
        self.assertEqual(got.stream_identifier.stream_name, stream.encode())

    def test_both_forms_of_identifiers(self):
        stream = self.filled(1)
        for form in ["string", "structured"]:
            group = self.create(stream)
            consumer = self.consume(stream, group, uuid_form=form)
            sent = consumer.next().event
            self.assertEqual(sent.event.id.WhichOneof("value"), form)
            consumer.ack(sent)
            self.checkpoint_is("0", stream, group)

    def test_a_client_has_as_many_as_its_buffer_takes(self):
        stream = self.filled(5)
        group = self.create(stream)
        consumer = self.consume(stream, group, buffer_size=2)
        first, second = consumer.events(2)
        consumer.sends_nothing()
        consumer.ack(second)
        self.assertEqual(revisions(consumer.events(1)), [2])

    def test_clients_in_turn(self):
        stream = fresh()
        group = self.create(stream, consumer_strategy="RoundRobin")
        consumers = [self.consume(stream, group) for _ in range(2)]
        self.append(stream, *new_events(4))
        self.assertEqual([len(consumer.events(2)) for consumer in consumers], [2, 2])

    def test_a_single_client_first(self):
        stream = fresh()
        group = self.create(stream, consumer_strategy="DispatchToSingle")
        consumers = [self.consume(stream, group, buffer_size=3) for _ in range(2)]
        self.append(stream, *new_events(4))
        self.assertEqual(revisions(consumers[0].events(3)), [0, 1, 2])
        self.assertEqual(revisions(consumers[1].events(1)), [3])

    def test_pinned_streams_stay_with_a_client(self):
        category = fresh("pinned").replace("-", "")
        streams = [f"{category}-{number}" for number in range(10)]
        group = self.create(None, filter=types(category), consumer_strategy="Pinned")
        consumers = [self.consume(None, group) for _ in range(2)]
        for stream in streams * 2:
            self.append(stream, new_event(category))
        owners = {}
        for _ in range(20):
            for consumer in consumers:
                while not consumer.messages.empty():
                    event = consumer.next().event
                    owners.setdefault(event.event.stream_identifier.stream_name, []).append(consumer)
            if sum(map(len, owners.values())) == 20:
                break
            time.sleep(0.1)
        self.assertEqual(len(owners), 10)
        for consumer in owners.values():
            self.assertEqual(len(consumer), 2)
            self.assertIs(consumer[0], consumer[1])

    def test_many_events_to_several_clients(self):
        stream = self.filled(2_000)
        group = self.create(stream, max_checkpoint_count=100)
        consumers = [self.consume(stream, group, buffer_size=50) for _ in range(3)]
        seen = []
        lock = threading.Lock()

        def work(consumer):
            while True:
                message = consumer.messages.get()
                if message is None:
                    return
                with lock:
                    seen.append(message.event.event.stream_revision)
                consumer.ack(message.event)

        threads = [threading.Thread(target=work, args=[consumer], daemon=True) for consumer in consumers]
        for thread in threads:
            thread.start()
        self.eventually(lambda: len(seen) >= 2_000)
        self.checkpoint_is("1999", stream, group)
        self.assertEqual(sorted(seen), list(range(2_000)))

    def test_links_are_followed_when_asked(self):
        target = self.filled(1)
        stream = fresh()
        link = new_event("$>", f"0@{target}".encode(), content_type="application/octet-stream")
        position = self.append(stream, link)
        followed = self.consume(stream, self.create(stream, resolve_links=True))
        event = followed.next().event
        self.assertEqual(uuid_of(event.link.id), link.id)
        self.assertEqual(event.event.stream_identifier.stream_name, target.encode())
        self.assertEqual(
            (event.commit_position, event.event.commit_position, event.link.commit_position), (position,) * 3
        )
        as_it_is = self.consume(stream, self.create(stream)).next().event
        self.assertFalse(as_it_is.HasField("link"))
        self.assertEqual(uuid_of(as_it_is.event.id), link.id)

    def test_all_streams_through_a_filter(self):
        kind = fresh("Kind")
        group = self.create(None, filter=types(kind))
        consumer = self.consume(None, group)
        self.assertEqual(consumer.id, f"$all::{group}")
        self.append(fresh(), new_event("Other"), new_event(kind), new_event("Other"), new_event(kind))
        events = consumer.events(2)
        self.assertEqual([event.event.metadata["type"] for event in events], [kind, kind])
        consumer.ack(*events)
        end = events[-1].commit_position
        self.checkpoint_is(f"C:{end}/P:{end}", None, group)

    def test_all_streams_from_a_position(self):
        kind = fresh("Kind")
        self.append(fresh(), new_event(kind))
        position = self.append(fresh(), new_event(kind))
        group = self.create(None, filter=types(kind), start=position)
        self.assertEqual(self.consume(None, group).next().event.commit_position, position)

    def test_a_category(self):
        category = fresh("kind").replace("-", "")
        self.append(f"{category}-1", *new_events(2))
        group = self.create(f"$ce-{category}", resolve_links=True)
        consumer = self.consume(f"$ce-{category}", group)
        first, second = consumer.events(2)
        self.assertEqual(first.event.stream_identifier.stream_name, f"{category}-1".encode())
        consumer.ack(first)
        consumer.nack(Nack.Park, second)
        self.checkpoint_is("1", f"$ce-{category}", group)
        self.append(f"{category}-2", new_event())
        third = consumer.next().event
        self.assertEqual((third.link.stream_revision, third.event.stream_revision), (2, 0))
        self.replay(f"$ce-{category}", group)
        self.assertEqual(revisions(consumer.events(1)), [1])

    def test_half_a_call_ends_it(self):
        stream = self.filled(1)
        consumer = self.consume(stream, self.create(stream))
        consumer.finish()
        self.assertIsNone(consumer.end())


class AnswerTests(GroupTestCase):
    def test_retries_come_first_and_are_counted(self):
        stream = self.filled(4)
        group = self.create(stream)
        consumer = self.consume(stream, group, buffer_size=2)
        first, second = consumer.events(2)
        consumer.nack(Nack.Retry, second, first)
        events = consumer.events(2)
        self.assertEqual((revisions(events), retries(events)), ([0, 1], [1, 1]))
        consumer.nack(Nack.Unknown, events[0])
        again = consumer.next().event
        self.assertEqual((again.event.stream_revision, again.retry_count), (0, 2))

    def test_too_many_retries_park(self):
        stream = self.filled(1)
        group = self.create(stream, max_retry_count=1)
        consumer = self.consume(stream, group)
        for _ in range(2):
            consumer.nack(Nack.Retry, consumer.next().event)
        self.parked_is(1, stream, group)
        link = self.parked(stream, group)[0]
        self.assertEqual((link.metadata["type"], link.data), ("$>", f"0@{stream}".encode()))
        metadata = json.loads(link.custom_metadata)
        self.assertEqual(metadata["reason"], "Reached retry count of 1")
        self.assertEqual(metadata["subscriptionEventNumber"], 0)
        self.eventually(lambda: self.info(stream, group).parked_message_count == 1)

    def test_a_client_parks_and_replays(self):
        stream = self.filled(3)
        group = self.create(stream)
        consumer = self.consume(stream, group)
        events = consumer.events(3)
        consumer.nack(Nack.Park, events[0], events[2], reason="no good")
        consumer.ack(events[1])
        self.parked_is(2, stream, group)
        self.assertEqual(
            json.loads(self.parked(stream, group)[0].custom_metadata)["reason"],
            "Client explicitly NAK'ed message.\nno good",
        )
        self.checkpoint_is("2", stream, group)
        self.replay(stream, group)
        again = consumer.events(2)
        self.assertEqual((revisions(again), retries(again)), ([0, 2], [0, 0]))
        self.assertTrue(all(event.HasField("link") for event in again))
        self.assertEqual(self.info(stream, group).parked_message_count, 0)
        consumer.ack(again[0])
        consumer.nack(Nack.Park, again[1])
        # The first two are hidden, and the last is there again.
        self.eventually(lambda: [link.stream_revision for link in self.parked(stream, group)] == [2])
        self.checkpoint_is("2", stream, group)
        self.replay(stream, group)
        self.assertEqual(revisions(consumer.events(1)), [2])

    def test_a_part_is_replayed(self):
        stream = self.filled(3)
        group = self.create(stream)
        consumer = self.consume(stream, group)
        consumer.nack(Nack.Park, *consumer.events(3))
        self.parked_is(3, stream, group)
        self.replay(stream, group, stop_at=2)
        self.assertEqual(revisions(consumer.events(2)), [0, 1])
        consumer.sends_nothing()
        self.assert_status(
            grpc.StatusCode.INTERNAL,
            self.groups.ReplayParked,
            whose(persistent.ReplayParkedReq, stream, group, stop_at=-1),
        )

    def test_what_all_parks_is_not_given_to_all(self):
        kind = fresh("Kind")
        group = self.create(None)
        consumer = self.consume(None, group, buffer_size=10_000)
        self.append(fresh(), new_event(kind))
        while True:
            event = consumer.next().event
            if event.event.metadata["type"] == kind:
                break
            consumer.ack(event)
        consumer.nack(Nack.Park, event)
        self.parked_is(1, None, group)
        marker = fresh("Marker")
        self.append(fresh(), new_event(marker))
        names = []
        while not names or names[-1] != marker:
            names.append(consumer.next().event.event.metadata["type"])
        self.assertNotIn("$>", names)
        self.replay(None, group)
        self.assertEqual(consumer.next().event.event.metadata["type"], kind)

    def test_skipped_events_are_done(self):
        stream = self.filled(2)
        group = self.create(stream)
        consumer = self.consume(stream, group)
        first, second = consumer.events(2)
        consumer.nack(Nack.Skip, first)
        consumer.nack(Nack.Stop, second)
        self.checkpoint_is("0", stream, group)
        consumer.ack(second)
        self.checkpoint_is("1", stream, group)

    def test_time_runs_out(self):
        stream = self.filled(1)
        group = self.create(stream, message_timeout_ms=500)
        consumer = self.consume(stream, group)
        self.assertEqual([consumer.next().event.retry_count for _ in range(3)], [0, 1, 2])

    def test_what_a_client_leaves_goes_to_another(self):
        stream = self.filled(3)
        group = self.create(stream)
        first = self.consume(stream, group)
        events = first.events(3)
        first.ack(events[0])
        self.checkpoint_is("0", stream, group)
        second = self.consume(stream, group)
        first.cancel()
        events = second.events(2)
        self.assertEqual((revisions(events), retries(events)), ([1, 2], [1, 1]))

    def test_unknown_identifiers_are_passed_over(self):
        stream = self.filled(1)
        group = self.create(stream)
        consumer = self.consume(stream, group)
        event = consumer.next().event
        ack = persistent.ReadReq.Ack(ids=[text_id(uuid.uuid4()), shared.UUID(), shared.UUID(string="no")])
        consumer.requests.put(persistent.ReadReq(ack=ack))
        consumer.ack(event)
        self.checkpoint_is("0", stream, group)


class SettingsTests(GroupTestCase):
    def missing(self, call, request, stream, group):
        self.assert_status(
            grpc.StatusCode.NOT_FOUND,
            call,
            request,
            message=f"Subscription group {group} on stream {stream} does not exist.",
            exception="persistent-subscription-does-not-exist",
            stream_name=stream,
            group_name=group,
        )

    def test_missing_groups(self):
        for call, kind, more in [
            (self.groups.Delete, persistent.DeleteReq, {}),
            (self.groups.GetInfo, persistent.GetInfoReq, {}),
            (self.groups.ReplayParked, persistent.ReplayParkedReq, {"no_limit": EMPTY}),
        ]:
            self.missing(call, whose(kind, "nothing", "nobody", **more), "nothing", "nobody")
        consumer = Consumer(self.groups, "nothing", "nobody")
        self.check_status(
            consumer.end(),
            grpc.StatusCode.NOT_FOUND,
            exception="persistent-subscription-does-not-exist",
            stream_name="nothing",
            group_name="nobody",
        )

    def test_a_group_exists_once(self):
        stream = fresh()
        group = self.create(stream)
        self.assert_status(
            grpc.StatusCode.ALREADY_EXISTS,
            self.groups.Create,
            create_request(stream, group),
            message=f"Subscription group {group} on stream {stream} exists.",
            exception="persistent-subscription-exists",
            stream_name=stream,
            group_name=group,
        )

    def test_settings_that_cannot_be(self):
        end = self.append(fresh(), new_event())
        for request in [
            create_request(fresh(), "g", consumer_strategy="Nobody"),
            create_request(fresh(), "g", read_batch_size=20, history_buffer_size=20),
            create_request("", "g"),
            create_request("$all", "g"),
            create_request("s" * 480, "g"),
            create_request(None, "g", start=end + 1_000_000),
        ]:
            failure = self.assert_status(grpc.StatusCode.INTERNAL, self.groups.Create, request)
            trailers = {item.key: item.value for item in failure.trailing_metadata()}
            self.assertEqual(trailers["exception"], "persistent-subscription-failed")
            self.assertIn("failed: '", failure.details())

    def test_as_many_clients_as_may_be(self):
        stream = fresh()
        group = self.create(stream, max_subscriber_count=1)
        first = self.consume(stream, group)
        second = Consumer(self.groups, stream, group)
        self.check_status(
            second.end(),
            grpc.StatusCode.FAILED_PRECONDITION,
            f"Maximum subscriptions reached for subscription group {group} on stream {stream}.",
            exception="maximum-subscribers-reached",
            stream_name=stream,
            group_name=group,
        )
        first.cancel()
        self.eventually(lambda: not self.info(stream, group).connections)
        self.consume(stream, group)

    def dropped(self, consumer, stream, group):
        self.check_status(
            consumer.end(),
            grpc.StatusCode.CANCELLED,
            f"Subscription group {group} on stream {stream} was dropped.",
            exception="persistent-subscription-dropped",
            stream_name=stream,
            group_name=group,
        )

    def test_an_update_drops_clients_and_goes_on(self):
        stream = self.filled(3)
        group = self.create(stream)
        consumer = self.consume(stream, group)
        consumer.ack(consumer.next().event)
        self.checkpoint_is("0", stream, group)
        self.client.update_subscription_to_stream(group, stream, max_retry_count=7)
        self.dropped(consumer, stream, group)
        info = self.info(stream, group)
        self.assertEqual((info.max_retry_count, info.start_from), (7, "0"))
        self.checkpoint_is("0", stream, group)
        events = self.consume(stream, group).events(2)
        self.assertEqual((revisions(events), retries(events)), ([1, 2], [0, 0]))

    def test_a_group_that_is_deleted(self):
        stream = self.filled(2)
        group = self.create(stream)
        consumer = self.consume(stream, group)
        first, second = consumer.events(2)
        consumer.ack(first)
        consumer.nack(Nack.Park, second)
        self.parked_is(1, stream, group)
        self.checkpoint_is("1", stream, group)
        self.delete_group(stream, group)
        self.dropped(consumer, stream, group)
        self.assertEqual(self.parked(stream, group), [])
        self.missing(self.groups.GetInfo, whose(persistent.GetInfoReq, stream, group), stream, group)
        # One of the same name knows nothing of it.
        self.create(stream, group)
        self.assertEqual(revisions(self.consume(stream, group).events(2)), [0, 1])
        self.assertEqual(self.info(stream, group).parked_message_count, 0)

    def test_a_restart_of_all_drops_clients(self):
        stream = self.filled(2)
        group = self.create(stream)
        consumer = self.consume(stream, group)
        consumer.ack(consumer.next().event)
        self.checkpoint_is("0", stream, group)
        self.groups.RestartSubsystem(EMPTY, timeout=PATIENCE)
        self.dropped(consumer, stream, group)
        self.assertEqual(revisions(self.consume(stream, group).events(1)), [1])

    def test_what_is_told_of_a_group(self):
        stream = self.filled(3)
        group = self.create(stream, start=1, extra_statistics=True, consumer_strategy="PinnedByCorrelation")
        consumer = self.consume(stream, group, buffer_size=10, metadata=[("connection-name", "till")])
        events = consumer.events(2)
        consumer.ack(events[0])
        self.checkpoint_is("1", stream, group)
        info = self.info(stream, group)
        self.assertEqual((info.event_source, info.group_name, info.start_from), (stream, group, "1"))
        self.assertEqual((info.status, info.named_consumer_strategy), ("Live", "PinnedByCorrelation"))
        self.assertEqual((info.last_known_event_position, info.total_items), ("2", 2))
        self.assertEqual((info.total_in_flight_messages, info.outstanding_messages_count), (1, 1))
        self.assertEqual((info.buffer_size, info.live_buffer_size, info.read_batch_size), (500, 500, 20))
        self.assertEqual((info.message_timeout_milliseconds, info.check_point_after_milliseconds), (30_000, 0))
        (connection,) = info.connections
        self.assertEqual((connection.username, connection.connection_name), ("anonymous", "till"))
        self.assertEqual((connection.available_slots, connection.in_flight_messages), (9, 1))
        self.assertIn("Median", [measurement.key for measurement in connection.observed_measurements])

    def test_starts_as_they_are_told(self):
        stream = fresh()
        self.assertEqual(self.info(stream, self.create(stream)).start_from, "0")
        self.assertEqual(self.info(stream, self.create(stream, start="end")).start_from, "-1")
        self.assertEqual(self.info(None, self.create(None)).start_from, "C:0/P:0")
        self.assertEqual(self.info(None, self.create(None, start="end")).start_from, "C:-1/P:-1")

    def test_times_in_ticks(self):
        stream = fresh()
        request = create_request(stream, "g")
        request.options.settings.message_timeout_ticks = 15_000_000
        request.options.settings.checkpoint_after_ticks = 20_000_000
        self.groups.Create(request, timeout=PATIENCE)
        info = self.info(stream, "g")
        self.assertEqual((info.message_timeout_milliseconds, info.check_point_after_milliseconds), (1_500, 2_000))

    def test_the_old_form_of_a_creation(self):
        stream = self.filled(3)
        request = persistent.CreateReq(options=persistent.CreateReq.Options(group_name="g"))
        request.options.stream_identifier.CopyFrom(identifier(stream))
        request.options.settings.CopyFrom(settings(revision=2, consumer_strategy="", named_consumer_strategy=2))
        self.groups.Create(request, timeout=PATIENCE)
        self.assertEqual(self.info(stream, "g").named_consumer_strategy, "Pinned")
        self.assertEqual(revisions(self.consume(stream, "g").events(1)), [2])

    def test_groups_are_listed(self):
        stream = fresh()
        self.assertEqual(self.client.list_subscriptions_to_stream(stream), [])
        groups = {self.create(stream) for _ in range(2)}
        self.assertEqual({info.group_name for info in self.client.list_subscriptions_to_stream(stream)}, groups)
        listed = {(info.event_source, info.group_name) for info in self.client.list_subscriptions()}
        self.assertLessEqual({(stream, group) for group in groups}, listed)
        for group in groups:
            self.delete_group(stream, group)
        option = persistent.ListReq.StreamOption(stream=identifier(stream))
        request = persistent.ListReq(options=persistent.ListReq.Options(list_for_stream=option))
        self.assertEqual(len(self.groups.List(request, timeout=PATIENCE).subscriptions), 0)
        option.stream.CopyFrom(identifier(fresh()))
        request.options.list_for_stream.CopyFrom(option)
        self.assert_status(grpc.StatusCode.NOT_FOUND, self.groups.List, request)

    @newest_only
    def test_parked_events_are_given_up(self):
        if not hasattr(self.groups, "TruncateParked"):
            self.skipTest("The client does not have this yet.")
        stream = self.filled(2)
        group = self.create(stream)
        consumer = self.consume(stream, group)
        consumer.nack(Nack.Park, *consumer.events(2))
        self.parked_is(2, stream, group)
        self.groups.TruncateParked(whose(persistent.TruncateParkedReq, stream, group, stop_at=1), timeout=PATIENCE)
        self.assertEqual([link.stream_revision for link in self.parked(stream, group)], [1])


class LibraryTests(GroupTestCase):
    """The same by the client's own methods, as applications use them."""

    def test_a_stream(self):
        stream = self.filled(3)
        group = fresh("group")
        self.client.create_subscription_to_stream(group, stream)
        with self.client.read_subscription_to_stream(group, stream) as subscription:
            for number, event in enumerate(subscription):
                self.assertEqual(event.stream_position, number)
                subscription.ack(event)
                if number == 2:
                    break
        with self.assertRaises(error("AlreadyExists")):
            self.client.create_subscription_to_stream(group, stream)
        self.client.delete_subscription(group, stream)
        with self.assertRaises(error("NotFound")):
            self.client.delete_subscription(group, stream)

    def test_all_streams(self):
        kind = fresh("Kind")
        group = fresh("group")
        self.client.create_subscription_to_all(group, filter_include=[kind], from_end=True)
        self.append(fresh(), new_event(kind))
        with self.client.read_subscription_to_all(group) as subscription:
            event = next(subscription)
            self.assertEqual(event.type, kind)
            subscription.nack(event, "park")
        self.parked_is(1, None, group)
        self.client.replay_parked_events(group)
        with self.client.read_subscription_to_all(group) as subscription:
            event = next(subscription)
            self.assertEqual(event.type, kind)
            subscription.ack(event)
        self.client.update_subscription_to_all(group, message_timeout=7.0)
        self.assertEqual(self.client.get_subscription_info(group).message_timeout, 7.0)


class RestartTests(GroupTestCase):
    def again(self, by=signal.SIGTERM):
        self.client.close()
        self.channel.close()
        self.server.stop(by)
        self.server.start()
        type(self).connect()

    def test_groups_checkpoints_and_parked_events_are_kept(self):
        for by in [signal.SIGTERM, signal.SIGKILL]:
            with self.subTest(by=by):
                stream = self.filled(4)
                kind = fresh("Kind")
                group = self.create(stream)
                of_all = self.create(None, filter=types(kind), start="end")
                consumer = self.consume(stream, group, buffer_size=2)
                first, second = consumer.events(2)
                consumer.ack(first)
                consumer.nack(Nack.Park, second)
                self.checkpoint_is("1", stream, group)
                self.append(fresh(), new_event(kind))
                self.again(by)
                info = self.info(stream, group)
                self.assertEqual((info.parked_message_count, info.max_checkpoint_count), (1, 1))
                consumer = self.consume(stream, group)
                self.assertEqual(revisions(consumer.events(2)), [2, 3])
                self.replay(stream, group)
                self.assertEqual(revisions(consumer.events(1)), [1])
                self.assertEqual(self.consume(None, of_all).next().event.event.metadata["type"], kind)

    def test_a_server_that_ends_ends_the_calls(self):
        stream = self.filled(1)
        consumer = self.consume(stream, self.create(stream))
        consumer.events(1)
        self.assertEqual(self.server.stop(), 0)
        self.assertIn(consumer.end().code(), [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
        self.again_after_stop()

    def again_after_stop(self):
        self.client.close()
        self.channel.close()
        self.server.start()
        type(self).connect()


if __name__ == "__main__":
    unittest.main()
