"""Reading the whole log."""

import grpc
from harness import (
    ALL_ONES,
    TOMBSTONE,
    ServerTestCase,
    StreamState,
    fresh,
    kinds,
    new_event,
    new_events,
    newest_only,
    only,
)

NOTHING_EXCLUDED = ()


class EmptyLogTests(ServerTestCase):
    def test_has_nothing_to_read(self):
        self.assertEqual(list(self.client.read_all()), [])
        self.assertEqual(list(self.client.read_all(backwards=True)), [])
        self.assertEqual(list(self.client.read_all(commit_position=5)), [])
        self.assertEqual(self.client.get_commit_position(), 0)


class ReadAllTests(ServerTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stream = fresh()
        cls.position = cls.client.append_events(cls.stream, events=new_events(5), current_version=StreamState.ANY)
        cls.positions = [event.commit_position for event in cls.client.get_stream(cls.stream)]

    def places(self, **options):
        """The indices of events of the stream that a read finds."""
        found = [event for event in self.client.read_all(**options) if event.stream_name == self.stream]
        return [event.stream_position for event in found]

    def test_positions_grow_with_each_event(self):
        self.assertEqual(self.positions, sorted(set(self.positions)))
        self.assertEqual(self.positions[-1], self.position)
        self.assertTrue(all(position > 0 for position in self.positions))
        for event in self.client.read_all(filter_exclude=NOTHING_EXCLUDED):
            self.assertEqual(event.commit_position, event.prepare_position)
        everything = [event.commit_position for event in self.client.read_all(filter_exclude=NOTHING_EXCLUDED)]
        self.assertEqual(everything, sorted(set(everything)))

    def test_a_position_is_that_of_the_stream_too(self):
        found = {event.id: event.commit_position for event in self.client.read_all()}
        for event in self.client.get_stream(self.stream):
            self.assertEqual(found[event.id], event.commit_position)

    def test_forwards_includes_the_position(self):
        self.assertEqual(self.places(), [0, 1, 2, 3, 4])
        self.assertEqual(self.places(commit_position=0), [0, 1, 2, 3, 4])
        self.assertEqual(self.places(commit_position=self.positions[2]), [2, 3, 4])

    def test_backwards_excludes_the_position(self):
        self.assertEqual(self.places(backwards=True), [4, 3, 2, 1, 0])
        self.assertEqual(self.places(commit_position=self.positions[2], backwards=True), [1, 0])
        self.assertEqual(self.places(commit_position=self.positions[2], backwards=True, limit=1), [1])
        self.assertEqual(self.places(commit_position=self.positions[0], backwards=True), [])

    def test_ends_after_as_many_events_as_wanted(self):
        options = {"filter_include": [self.stream], "filter_by_stream_name": True}
        self.assertEqual(self.places(limit=2, **options), [0, 1])
        self.assertEqual(self.places(limit=2, backwards=True, **options), [4, 3])

    def test_nothing_is_beyond_the_end(self):
        beyond = self.client.get_commit_position(filter_exclude=NOTHING_EXCLUDED) + 1_000_000
        self.assertEqual(list(self.client.read_all(commit_position=beyond)), [])
        self.assertEqual(self.places(commit_position=beyond, backwards=True), [4, 3, 2, 1, 0])

    def test_knows_the_start_and_the_end(self):
        everything = self.events_of_all()
        count = len(everything)
        self.assertEqual(kinds(self.read_all()), ["event"] * count)
        self.assertEqual(list(self.read_all(start="end")), [])
        self.assertEqual(list(self.read_all(start="start", backwards=True)), [])
        self.assertEqual(self.events_of_all(start="end", backwards=True), everything[::-1])
        self.assertEqual(list(self.read_all(start=ALL_ONES)), [])
        self.assertEqual(self.events_of_all(start=ALL_ONES, backwards=True), everything[::-1])
        for limit in (0, 2**63 - 1):
            self.assertEqual(len(self.events_of_all(count=limit)), min(limit, count))

    def test_needs_a_position_of_63_bits(self):
        self.assert_status(grpc.StatusCode.INVALID_ARGUMENT, lambda: self.read_all(start=2**63))

    def test_goes_on_after_a_position_between_two_events(self):
        gone = fresh()
        self.append(gone, *new_events(2))
        self.client.delete_stream(gone, current_version=StreamState.ANY)
        self.append(gone, new_event())
        everything = [event.commit_position for event in self.events_of_all()]
        for position in range(max(everything) + 2):
            after = [event.commit_position for event in self.events_of_all(start=position)]
            self.assertEqual(after, [place for place in everything if place >= position])
            before = [event.commit_position for event in self.events_of_all(start=position, backwards=True)]
            self.assertEqual(before, [place for place in everything if place < position][::-1])

    def test_shows_the_events_of_deleted_streams(self):
        softly, for_good = self.filled(2), self.filled(2)
        self.client.delete_stream(softly, current_version=StreamState.ANY)
        self.client.tombstone_stream(for_good, current_version=StreamState.ANY)
        for stream in (softly, for_good):
            found = [event for event in self.client.read_all() if event.stream_name == stream]
            self.assertEqual([event.type for event in found], ["Happened"] * 2)
        everything = list(self.client.read_all(filter_exclude=NOTHING_EXCLUDED))
        [metadata] = [event for event in everything if event.stream_name == f"$${softly}"]
        self.assertEqual((metadata.type, metadata.data), ("$metadata", b'{"$tb":9223372036854775807}'))
        [tombstone] = [event for event in everything if event.stream_name == for_good and event.type[0] == "$"]
        self.assertEqual((tombstone.type, tombstone.stream_position), ("$streamDeleted", TOMBSTONE))

    def test_shows_what_readers_of_the_stream_do_not_see(self):
        stream = self.filled(4)
        self.client.set_stream_metadata(stream, metadata={"$maxCount": 1, "$tb": 3})
        self.assertEqual(len([event for event in self.client.read_all() if event.stream_name == stream]), 4)

    def test_shows_every_version_of_metadata(self):
        stream = fresh()
        for colour in ("blue", "green"):
            self.client.set_stream_metadata(stream, metadata={"colour": colour})
        found = self.client.read_all(filter_include=[r"\$\$" + stream], filter_by_stream_name=True, filter_exclude=())
        self.assertEqual([event.stream_position for event in found], [0, 1])

    def test_hides_the_state_of_subscriptions_to_it(self):
        hidden = [
            "$epoch-information",
            "$persistentsubscription-$all::group-checkpoint",
            "$persistentsubscription-$all::group-parked",
        ]
        shown = ["$persistentsubscription-other::group-checkpoint", "$persistentsubscription-$all", "$epoch"]
        for stream in hidden + shown:
            self.append(stream, new_event("Kept"))
            self.assertEqual(len(self.client.get_stream(stream)), 1)
        for options in ({}, {"filter": only(types=["Kept"])}, {"start": "end", "backwards": True}):
            found = [event.stream_identifier.stream_name.decode() for event in self.events_of_all(**options)]
            self.assertEqual([stream for stream in found if stream in hidden], [])
            self.assertEqual(sorted(stream for stream in found if stream in shown), sorted(shown))


class FilterTests(ServerTestCase):
    """What a filter lets through."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order, cls.account = fresh("order"), fresh("account")
        for stream, types in (
            (cls.order, ["OrderPlaced", "OrderPaid", "orderplaced", "Result"]),
            (cls.account, ["AccountOpened", "OrderPaidOut", "PersistentConfig1", "$system"]),
        ):
            events = [new_event(type) for type in types]
            cls.client.append_events(stream, events=events, current_version=StreamState.ANY)

    def types(self, **options):
        return [event.type for event in self.client.read_all(**options)]

    def found(self, filter, **options):
        return [event.metadata["type"] for event in self.events_of_all(filter=filter, **options)]

    def test_leaves_out_what_is_the_systems_unless_asked(self):
        everything = ["OrderPlaced", "OrderPaid", "orderplaced", "Result"]
        everything += ["AccountOpened", "OrderPaidOut", "PersistentConfig1", "$system"]
        self.assertEqual(self.types(filter_exclude=()), everything)
        # What else the clients leave out is theirs to choose.
        left = [type for type in everything if type not in ("$system", "PersistentConfig1", "Result")]
        self.assertEqual([type for type in self.types() if type != "Result"], left)

    def test_includes_types(self):
        self.assertEqual(self.types(filter_include=["OrderPaid"]), ["OrderPaid"])
        self.assertEqual(
            self.types(filter_include=["OrderPaid", "OrderPlaced"]), ["OrderPlaced", "OrderPaid", "OrderPaidOut"]
        )
        self.assertEqual(self.types(filter_include=[r"Order\w+"]), ["OrderPlaced", "OrderPaid", "OrderPaidOut"])
        self.assertEqual(self.types(filter_include=["OrderPaid"], backwards=True), ["OrderPaid"])

    def test_excludes_types(self):
        self.assertEqual(
            self.types(filter_exclude=[r"Order.+", r"\$.+"]),
            ["orderplaced", "Result", "AccountOpened", "PersistentConfig1"],
        )

    def test_includes_and_excludes_streams(self):
        options = {"filter_by_stream_name": True}
        self.assertEqual(self.types(filter_include=[r"account-.*"], **options)[0], "AccountOpened")
        self.assertEqual(len(self.types(filter_include=[r"order-.*"], **options)), 4)
        self.assertEqual(len(self.types(filter_exclude=[r"order-.*"], **options)), 4)

    @newest_only
    def test_includes_by_prefixes(self):
        self.assertEqual(
            self.types(filter_include=["OrderPa", "Acc"], filter_by_prefix=True),
            ["OrderPaid", "AccountOpened", "OrderPaidOut"],
        )

    def test_takes_prefixes_as_they_are(self):
        self.assertEqual(self.found(only(types=["OrderP"])), ["OrderPlaced", "OrderPaid", "OrderPaidOut"])
        self.assertEqual(self.found(only(types=["order", "Res"])), ["orderplaced", "Result"])
        self.assertEqual(self.found(only(types=["Order.*"])), [])
        self.assertEqual(len(self.found(only(streams_=["order-"]))), 4)
        self.assertEqual(self.found(only(streams_=["rder-"])), [])

    def test_prefers_an_expression_to_prefixes(self):
        filter = only(types=["Account"], regex="^Result$")
        self.assertEqual(self.found(filter), ["Result"])

    def test_looks_for_an_expression_anywhere(self):
        self.assertEqual(self.found(only(regex="Paid")), ["OrderPaid", "OrderPaidOut"])
        self.assertEqual(self.found(only(regex="Paid$")), ["OrderPaid"])
        self.assertEqual(self.found(only(regex="(?i)^orderplaced$")), ["OrderPlaced", "orderplaced"])
        self.assertEqual(self.found(only(regex=r"^[^\$].*")), self.found(only(regex=r"^(?!(\$.+$))")))
        self.assertEqual(len(self.found(only(streams_=[], regex="^(?!order-)"))), 4)

    def test_refuses_what_is_no_expression(self):
        for regex in ("(", "[a", "*", "a{2,1}"):
            self.assert_status(grpc.StatusCode.INVALID_ARGUMENT, lambda: self.read_all(filter=only(regex=regex)))

    def test_counts_what_it_lets_through(self):
        self.assertEqual(self.found(only(regex="^Order"), count=2), ["OrderPlaced", "OrderPaid"])
        self.assertEqual(
            self.found(only(regex="^Order"), start="end", backwards=True, count=2), ["OrderPaidOut", "OrderPaid"]
        )
        self.assertEqual(self.found(only(regex="^Order"), count=0), [])

    def test_finds_the_same_whatever_the_window(self):
        for window, multiplier in ((1, 1), (2, 0), (1_000, 10), (2**32 - 1, 2**32 - 1)):
            filter = only(regex="^Order", window=window, multiplier=multiplier)
            self.assertEqual(self.found(filter), ["OrderPlaced", "OrderPaid", "OrderPaidOut"])

    def test_gives_the_position_of_the_last_event_that_it_lets_through(self):
        [event] = self.client.read_all(filter_include=["OrderPaid"])
        self.assertEqual(self.client.get_commit_position(filter_include=["OrderPaid"]), event.commit_position)


class LongLogTests(ServerTestCase):
    def test_is_read_across_pages(self):
        one, other = fresh("one"), fresh("other")
        for start in range(0, 3_000, 300):
            self.append(one, *new_events(299))
            self.append(other, new_event("Rare"))
        self.assertEqual(len(list(self.client.read_all())), 3_000)
        self.assertEqual(len(list(self.client.read_all(backwards=True))), 3_000)
        for backwards in (False, True):
            rare = list(self.client.read_all(filter_include=["Rare"], backwards=backwards))
            self.assertEqual([event.stream_position for event in rare], sorted(range(10), reverse=backwards))
            self.assertEqual(len(list(self.client.read_all(filter_include=["Rare"], backwards=backwards, limit=7))), 7)
            self.assertEqual(list(self.client.read_all(filter_include=["None"], backwards=backwards)), [])
