"""How far a filtered subscription has looked."""

import time

import grpc
from harness import (
    ServerTestCase,
    fresh,
    kinds,
    new_event,
    new_events,
    newest_only,
    only,
    read_all,
)

MATCHES_NOTHING = "^there is no such type$"


class FirstCheckpointTests(ServerTestCase):
    def test_needs_something_to_have_been_looked_at(self):
        following = self.follow(read_all(subscription=True, filter=only(regex=MATCHES_NOTHING, window=1)))
        self.assertEqual(kinds(following.until("caught_up")[0]), ["confirmation"])
        position = self.append(fresh(), new_event())
        self.assertEqual(following.next().checkpoint.commit_position, position)
        following = self.follow(read_all("end", subscription=True, filter=only(regex=MATCHES_NOTHING, window=1)))
        self.assertEqual(kinds(following.until("caught_up")[0]), ["confirmation"])


class CheckpointTests(ServerTestCase):
    def subscribe(self, start="start", regex=MATCHES_NOTHING, window=1, multiplier=1, **options):
        filter = only(regex=regex, window=window, multiplier=multiplier)
        return self.follow(read_all(start, subscription=True, filter=filter, **options))

    def setUp(self):
        super().setUp()
        self.before = self.client.get_commit_position(filter_exclude=())

    def checkpoints(self, messages):
        found = [message.checkpoint for message in messages if message.WhichOneof("content") == "checkpoint"]
        for checkpoint in found:
            self.assertEqual(checkpoint.commit_position, checkpoint.prepare_position)
        return [checkpoint.commit_position for checkpoint in found]

    def positions(self):
        return [event.commit_position for event in self.events_of_all(start=self.before + 1)]

    def test_come_though_nothing_matches(self):
        self.filled(5)
        before, _ = self.subscribe(self.before).until("caught_up")
        self.assertEqual(kinds(before), ["confirmation"] + ["checkpoint"] * 5)
        self.assertEqual(self.checkpoints(before), self.positions())

    def test_come_once_more_before_it_has_caught_up(self):
        self.filled(7)
        for window, multiplier, expected in ((3, 1, [2, 5, 6]), (1, 4, [3, 6]), (7, 1, [6]), (100, 100, [6])):
            before, _ = self.subscribe(self.before, window=window, multiplier=multiplier).until("caught_up")
            self.assertEqual(self.checkpoints(before)[-1], self.positions()[-1])
            if window * multiplier < 8:
                self.assertEqual(self.checkpoints(before), [self.positions()[index] for index in expected])
            self.assertEqual(before[-1].WhichOneof("content"), "checkpoint")

    def test_come_at_least_once_an_interval(self):
        self.filled(200)
        for window, multiplier in ((1, 1), (2, 3), (None, 1), (None, 2), (50, 1)):
            before, _ = self.subscribe(self.before, window=window, multiplier=multiplier).until("caught_up")
            looked_at = [self.positions().index(position) for position in self.checkpoints(before)]
            steps = [after - one for one, after in zip([-1, *looked_at], looked_at)]
            self.assertLessEqual(max(steps), (window or 32) * multiplier)
            self.assertGreater(min(steps), 0)

    def test_stand_between_the_events_that_match(self):
        stream = fresh()
        self.append(stream, *[new_event(type) for type in ("A", "B", "A", "B", "B", "A")])
        positions = self.positions()
        before, _ = self.subscribe(self.before, regex="^A$", window=2).until("caught_up")
        found = []
        for message in before[1:]:
            kind = message.WhichOneof("content")
            found.append((kind, positions.index(getattr(message, kind).commit_position)))
        self.assertEqual([place for kind, place in found if kind == "event"], [0, 2, 5])
        # After each two, and never behind an event that follows.
        self.assertEqual([place for _, place in found], sorted(place for _, place in found))
        self.assertEqual([place for kind, place in found if kind == "checkpoint"], [1, 3, 5])

    def test_come_of_new_events_that_do_not_match(self):
        following = self.subscribe("end", window=2)
        following.until("caught_up")
        for _ in range(6):
            self.append(fresh(), new_event())
        positions = self.positions()
        self.assertEqual(self.checkpoints([following.next() for _ in range(3)]), positions[1::2])

    def test_come_of_new_events_that_match(self):
        following = self.subscribe("end", regex="^Wanted$", window=2)
        following.until("caught_up")
        self.append(fresh(), new_event("Wanted"), new_event("Other"), new_event("Wanted"), new_event("Wanted"))
        positions = self.positions()
        found = [following.next() for _ in range(5)]
        self.assertEqual(kinds(found), ["event", "checkpoint", "event", "event", "checkpoint"])
        self.assertEqual(self.checkpoints(found), [positions[1], positions[3]])

    def test_never_come_twice_nor_go_back_nor_ahead(self):
        following = self.subscribe(self.before, regex="^A$", window=3)
        following.until("caught_up")
        for number in range(30):
            self.append(fresh(), *[new_event("A" if number % 4 == 0 else "B") for _ in range(number % 3 + 1)])
        self.append(fresh(), new_event("A"))
        found, last = [], 0
        end = self.positions()[-1]
        while True:
            message = following.next()
            kind = message.WhichOneof("content")
            place = getattr(message, kind).commit_position
            if kind == "checkpoint":
                self.assertGreater(place, found[-1] if found else 0)
                self.assertLessEqual(place, end)
                self.assertGreaterEqual(place, last)
                found.append(place)
            else:
                self.assertGreater(place, found[-1] if found else 0)
                last = place
                if place == end:
                    break
        self.assertTrue(found)

    def test_are_places_to_go_on_from(self):
        stream = fresh()
        self.append(stream, *[new_event("A" if number % 3 == 0 else "B") for number in range(30)])
        before, _ = self.subscribe(self.before, regex="^A$", window=4).until("caught_up")
        for index, message in enumerate(before):
            if message.WhichOneof("content") != "checkpoint":
                continue
            rest, _ = self.subscribe(message.checkpoint.commit_position, regex="^A$", window=4).until("caught_up")
            events = [m.event.event.id for m in before[index:] if m.WhichOneof("content") == "event"]
            self.assertEqual([m.event.event.id for m in rest if m.WhichOneof("content") == "event"], events)

    def test_of_systems_events_are_not_left_out(self):
        stream = fresh()
        following = self.subscribe("end", regex=r"^[^\$].*")
        following.until("caught_up")
        self.client.set_stream_metadata(stream, metadata={"colour": "blue"})
        [event] = self.events_of_all(start="end", backwards=True, count=1)
        self.assertEqual(following.until("checkpoint")[1].checkpoint.commit_position, event.commit_position)

    def test_are_sent_to_clients_that_ask(self):
        stream = self.filled(3)
        options = {"filter_exclude": [".*"], "window_size": 1, "checkpoint_interval_multiplier": 1}
        with self.client.subscribe_to_all(
            include_checkpoints=True, commit_position=self.before, **options
        ) as subscription:
            found = [next(subscription) for _ in range(3)]
        self.assertTrue(all(event.is_checkpoint for event in found))
        self.assertEqual([event.commit_position for event in found], self.positions())
        with self.client.subscribe_to_all(commit_position=self.before) as subscription:
            self.assertEqual([next(subscription).stream_name for _ in range(3)], [stream] * 3)

    @newest_only
    def test_have_the_time(self):
        self.filled(1)
        checkpoint = self.subscribe(self.before).until("checkpoint")[1].checkpoint
        self.assertLess(abs(checkpoint.timestamp.seconds - time.time()), 5)

    def test_need_an_interval(self):
        following = self.subscribe(multiplier=0)
        self.assertIsNone(following.next())
        self.assertIn(following.failure.code(), (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INVALID_ARGUMENT))

    def test_have_intervals_of_any_length(self):
        self.filled(1)
        for window in (2**31, 2**32 - 1):
            before, _ = self.subscribe(self.before, window=window, multiplier=2**32 - 1).until("caught_up")
            self.assertEqual(self.checkpoints(before), self.positions())

    def test_cross_pages(self):
        self.append(fresh(), *new_events(1_300))
        before, _ = self.subscribe(self.before, regex="^Happened$", window=100).until("caught_up")
        self.assertEqual(kinds(before).count("event"), 1_300)
        self.assertEqual(self.checkpoints(before), self.positions()[99::100])


class FilteredSubscriptionTests(ServerTestCase):
    def test_delivers_what_matches_of_the_past_and_of_what_follows(self):
        wanted, other = fresh("wanted"), fresh("other")
        for filter in (
            only(streams_=["wanted-"]),
            only(streams_=[], regex="^wanted-"),
            only(types=["Wan"]),
            only(regex="Wanted"),
        ):
            position = self.client.get_commit_position(filter_exclude=())
            kind = {"wanted": "Wanted", "other": "Other"}
            for stream in (other, wanted, other):
                self.append(stream, new_event(kind[stream.split("-")[0]]))
            following = self.follow(read_all(position, subscription=True, filter=filter))
            before, _ = following.until("caught_up")
            for stream in (wanted, other, wanted):
                self.append(stream, new_event(kind[stream.split("-")[0]]))
            found = [m.event for m in before if m.WhichOneof("content") == "event"] + following.events(2)
            self.assertEqual([event.event.stream_identifier.stream_name for event in found], [wanted.encode()] * 3)
