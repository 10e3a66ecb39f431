"""Streams that nobody writes: links by category and type, and the list of all streams."""

import uuid

import grpc

from harness import (
    IS_NEWEST,
    ServerTestCase,
    StreamState,
    error,
    fresh,
    kinds,
    new_event,
    new_events,
    proposal,
    read_stream,
)


class IndexStreamTests(ServerTestCase):
    def orders(self):
        """A category of two streams, whose events are of a type of their own, and lie between others."""
        category, kind = f"order{uuid.uuid4().hex}", f"Placed{uuid.uuid4().hex}"
        self.append(f"{category}-1", new_event(kind), new_event("Sent"))
        self.append(fresh("other"), *new_events(3))
        self.append(f"{category}-2", new_event(kind))
        self.append(category, new_event("NotOfTheCategory"))
        self.append(f"{category}-1", new_event(kind))
        return category, kind

    def targets(self, stream, **options):
        """What the links lead to: names and revisions."""
        events = [message.event for message in self.read(stream, links=True, **options)]
        return [(event.event.stream_identifier.stream_name.decode(), event.event.stream_revision) for event in events]

    def data(self, stream, **options):
        return [message.event.event.data.decode() for message in self.read(stream, **options)]

    # What is in them

    def test_a_category_has_the_events_of_its_streams(self):
        category, _ = self.orders()
        one, two = f"{category}-1", f"{category}-2"
        self.assertEqual(self.targets(f"$ce-{category}"), [(one, 0), (one, 1), (two, 0), (one, 2)])
        self.assertEqual(self.data(f"$ce-{category}"), [f"0@{one}", f"1@{one}", f"0@{two}", f"2@{one}"])

    def test_a_type_has_its_events(self):
        category, kind = self.orders()
        one, two = f"{category}-1", f"{category}-2"
        self.assertEqual(self.targets(f"$et-{kind}"), [(one, 0), (two, 0), (one, 2)])

    def test_the_streams_of_a_category_are_named(self):
        category, _ = self.orders()
        messages = [message.event.event for message in self.read(f"$category-{category}", links=True)]
        self.assertEqual([event.data.decode() for event in messages], [f"{category}-1", f"{category}-2"])
        self.assertEqual({event.metadata["type"] for event in messages}, {"$@"})
        self.assertEqual([event.stream_revision for event in messages], [0, 1])

    def test_all_streams_are_listed_by_their_first_events(self):
        category, _ = self.orders()
        system = fresh("$system")
        self.append(system, new_event())
        self.client.set_stream_metadata(f"{category}-1", metadata={"colour": "blue"})
        listed = self.data("$streams")
        mine = [link for link in listed if category in link]
        self.assertEqual(mine, [f"0@{category}-1", f"0@{category}-2", f"0@{category}"])
        self.assertEqual([link for link in listed if link.startswith("0@$")], [])
        self.assertEqual(len(set(listed)), len(listed))

    def test_links_have_the_place_of_what_they_lead_to(self):
        category, _ = self.orders()
        stream = f"$ce-{category}"
        ids = set()
        for revision, message in enumerate(self.read(stream, links=True)):
            link, event = message.event.link, message.event.event
            self.assertEqual((link.stream_identifier.stream_name.decode(), link.stream_revision), (stream, revision))
            self.assertEqual((link.metadata["type"], link.metadata["content-type"]), ("$>", "application/octet-stream"))
            self.assertEqual(link.metadata["created"], event.metadata["created"])
            self.assertEqual(link.commit_position, event.commit_position)
            self.assertEqual(message.event.commit_position, event.commit_position)
            self.assertEqual(link.custom_metadata, b"")
            ids.add(link.id.string)
        again = [message.event.event.id.string for message in self.read(stream)]
        self.assertEqual((len(ids), set(again)), (4, ids))

    def test_a_link_is_copied(self):
        category, target = f"links{uuid.uuid4().hex}", self.filled(2)
        link = new_event("$>", f"1@{target}".encode(), content_type="application/octet-stream")
        self.append(f"{category}-1", link)
        self.assertEqual(self.targets(f"$ce-{category}"), [(target, 1)])
        self.assertEqual(kinds(self.read("$et-$>")), ["stream_not_found"])

    def test_what_is_hidden_leaves_its_link(self):
        category, _ = self.orders()
        self.client.set_stream_metadata(f"{category}-1", metadata={"$tb": 1})
        self.client.tombstone_stream(f"{category}-2", current_version=StreamState.ANY)
        messages = list(self.read(f"$ce-{category}", links=True))
        self.assertEqual([message.event.HasField("event") for message in messages], [False, True, False, True])
        self.assertEqual([message.event.link.stream_revision for message in messages], [0, 1, 2, 3])

    # How they are read

    def test_a_client_reads_them(self):
        category, kind = self.orders()
        events = self.client.get_stream(f"$ce-{category}", resolve_links=True)
        self.assertEqual([event.type for event in events], [kind, "Sent", kind, kind])
        self.assertEqual([event.link.stream_position for event in events], [0, 1, 2, 3])
        events = self.client.get_stream(f"$ce-{category}", stream_position=2, backwards=True, limit=2)
        self.assertEqual([event.stream_position for event in events], [2, 1])
        with self.assertRaises(error("NotFound")):
            self.client.get_stream(f"$ce-{uuid.uuid4().hex}")

    def revisions(self, stream, *arguments, **options):
        return [message.event.event.stream_revision for message in self.read(stream, *arguments, **options)]

    def test_from_every_place_in_both_directions(self):
        category, _ = self.orders()
        for stream, count in ((f"$ce-{category}", 4), (f"$category-{category}", 2)):
            rest = list(range(count))
            self.assertEqual(self.revisions(stream), rest)
            self.assertEqual(self.revisions(stream, start="end", backwards=True), rest[::-1])
            self.assertEqual(self.revisions(stream, start="start", backwards=True), [0])
            self.assertEqual(self.revisions(stream, start="end"), [])
            for start in range(count):
                self.assertEqual(self.revisions(stream, start=start), rest[start:])
                self.assertEqual(self.revisions(stream, start=start, backwards=True), rest[start::-1])
                self.assertEqual(self.revisions(stream, start=start, count=1), [start])
            self.assertEqual(self.revisions(stream, start=count + 5), [])
            self.assertEqual(self.revisions(stream, start=count + 5, backwards=True), rest[::-1])

    def test_many(self):
        category = f"many{uuid.uuid4().hex}"
        for number in range(3):
            self.append(f"{category}-{number}", *new_events(1_700))
        self.assertEqual(self.revisions(f"$ce-{category}"), list(range(5_100)))
        self.assertEqual(self.revisions(f"$ce-{category}", start="end", backwards=True), list(range(5_100))[::-1])
        for start in (998, 999, 1_000, 1_001, 3_999, 4_000, 5_099):
            self.assertEqual(self.revisions(f"$ce-{category}", start=start, count=2), list(range(5_100))[start:start + 2])
            self.assertEqual(
                self.revisions(f"$ce-{category}", start=start, count=2, backwards=True), [start, start - 1]
            )

    def test_tell_their_last_revision_when_asked(self):
        category, _ = self.orders()
        messages = list(self.read(f"$ce-{category}", count=2, compatibility=1))
        self.assertEqual(kinds(messages), ["event", "event", "last_stream_position"])
        self.assertEqual(messages[-1].last_stream_position, 3)
        messages = list(self.read(f"$category-{category}", start="end", backwards=True, compatibility=1))
        self.assertEqual((kinds(messages)[-1], messages[-1].last_stream_position), ("last_stream_position", 1))

    def test_there_is_none_without_events(self):
        for name in ("$ce-nobody", "$et-Nothing", "$category-nobody", "$ce-a-b", "$ce-$system", "$et-"):
            for backwards in (False, True):
                messages = list(self.read(name, backwards=backwards, compatibility=1))
                self.assertEqual(kinds(messages), ["stream_not_found"], name)
                self.assertEqual(messages[0].stream_not_found.stream_identifier.stream_name.decode(), name)

    # Who follows them

    def check_following(self, stream, append, **start):
        """Follows a stream, and then three appends; returns the revisions."""
        following = self.follow(read_stream(stream, subscription=True, links=True, **start))
        self.assertEqual(following.next().WhichOneof("content"), "confirmation")
        history, caught_up = following.until("caught_up")
        for _ in range(3):
            append()
        originals = [message.event for message in history] + following.events(3)
        following.cancel()
        revisions = [(event.link if event.HasField("link") else event.event).stream_revision for event in originals]
        # The older messages do not tell how far.
        reached = caught_up.caught_up if IS_NEWEST else None
        if reached is not None:
            self.assertEqual(reached.HasField("stream_revision"), revisions[-3] > 0)
            if revisions[-3] > 0:
                self.assertEqual(reached.stream_revision, revisions[-3] - 1)
        return revisions

    def test_are_followed(self):
        category, kind = self.orders()
        numbers = iter(range(100, 200))

        def append():
            self.append(f"{category}-{next(numbers)}", new_event(kind))

        self.assertEqual(self.check_following(f"$ce-{category}", append), [0, 1, 2, 3, 4, 5, 6])
        self.assertEqual(self.check_following(f"$et-{kind}", append, start=2), [3, 4, 5, 6, 7, 8])
        self.assertEqual(self.check_following(f"$category-{category}", append, start="end"), [8, 9, 10])
        revisions = self.check_following("$streams", append, start="end")
        self.assertEqual(revisions, list(range(revisions[0], revisions[0] + 3)))

    def test_are_followed_before_they_are_there(self):
        category = f"later{uuid.uuid4().hex}"
        revisions = self.check_following(f"$ce-{category}", lambda: self.append(f"{category}-1", new_event()))
        self.assertEqual(revisions, [0, 1, 2])

    def test_a_client_follows_them(self):
        category, _ = self.orders()
        with self.client.subscribe_to_stream(f"$ce-{category}", resolve_links=True) as events:
            found = [next(events) for _ in range(4)]
            self.append(f"{category}-3", new_event("Late"))
            found.append(next(events))
        self.assertEqual([event.stream_position for event in found], [0, 1, 0, 2, 0])
        self.assertEqual(found[-1].type, "Late")

    # Who writes them

    def test_nobody_writes_them(self):
        for name in ("$ce-order", "$et-Placed", "$category-order", "$streams", "$ce-a-b"):
            for call, arguments in (
                (self.write, (name, "any", proposal())),
                (self.client.delete_stream, ()),
                (self.client.tombstone_stream, ()),
            ):
                with self.subTest(name=name, call=call.__name__):
                    if arguments:
                        self.assert_status(
                            grpc.StatusCode.PERMISSION_DENIED, call, *arguments, message="Access Denied",
                            exception="access-denied",
                        )
                    else:
                        with self.assertRaises(error("AccessDenied" if IS_NEWEST else "GrpcError")):
                            call(name, current_version=StreamState.ANY)
