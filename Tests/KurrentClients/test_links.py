"""Links: events whose data names another one."""

from harness import ServerTestCase, StreamState, fresh, new_event, only, read_all, read_stream


def link(revision, stream):
    data = f"{revision}@{stream}".encode()
    return new_event("$>", data, content_type="application/octet-stream")


class LinkTests(ServerTestCase):
    def linked(self):
        """A stream, and one with a link to its second event."""
        stream, links = self.filled(3), fresh("links")
        self.append(links, link(1, stream))
        return stream, links

    def test_lead_to_their_targets(self):
        stream, links = self.linked()
        [event] = self.client.get_stream(links, resolve_links=True)
        target = self.client.get_stream(stream)[1]
        self.assertEqual((event.id, event.stream_name, event.stream_position), (target.id, stream, 1))
        self.assertEqual(event.commit_position, target.commit_position)
        self.assertEqual(event.data, target.data)
        self.assertTrue(event.is_resolved_event)
        [bare] = self.client.get_stream(links)
        self.assertEqual((event.link.id, event.link.stream_name, event.link.stream_position), (bare.id, links, 0))
        self.assertEqual((event.link.type, event.link.data), ("$>", f"1@{stream}".encode()))

    def test_are_events_of_their_own_unless_asked(self):
        stream, links = self.linked()
        [event] = self.client.get_stream(links)
        self.assertEqual((event.type, event.data, event.stream_name), ("$>", f"1@{stream}".encode(), links))
        self.assertEqual(event.content_type, "application/octet-stream")
        self.assertIsNone(event.link)

    def test_have_the_position_of_the_link(self):
        stream, links = self.linked()
        [bare] = self.read(links)
        [message] = self.read(links, links=True)
        self.assertEqual(message.event.commit_position, bare.event.event.commit_position)
        self.assertEqual(message.event.link, bare.event.event)
        self.assertGreater(message.event.link.commit_position, message.event.event.commit_position)

    def test_change_nothing_of_other_events(self):
        stream, _ = self.linked()
        for plain, resolved in zip(self.read(stream), self.read(stream, links=True), strict=True):
            self.assertEqual(plain, resolved)

    def test_lead_nowhere_when_the_target_is_gone(self):
        deleted, truncated, for_good = self.filled(2), self.filled(3), self.filled(2)
        links = fresh("links")
        self.append(
            links, link(0, fresh()), link(7, truncated), link(0, deleted), link(0, truncated), link(0, for_good)
        )
        self.client.delete_stream(deleted, current_version=StreamState.ANY)
        self.client.set_stream_metadata(truncated, metadata={"$tb": 2})
        self.client.tombstone_stream(for_good, current_version=StreamState.ANY)
        messages = list(self.read(links, links=True))
        self.assertEqual([message.event.HasField("event") for message in messages], [False] * 5)
        self.assertEqual([message.event.link.stream_revision for message in messages], [0, 1, 2, 3, 4])
        self.assertEqual({message.event.WhichOneof("position") for message in messages}, {"commit_position"})

    def test_are_followed_once(self):
        stream, links = self.linked()
        again = fresh("links")
        self.append(again, link(0, links))
        [event] = self.client.get_stream(again, resolve_links=True)
        self.assertEqual((event.type, event.stream_name), ("$>", links))

    def test_may_name_a_stream_with_any_character(self):
        stream = self.filled(1, "a@b Straße")
        links = fresh("links")
        self.append(links, link(0, stream))
        [event] = self.client.get_stream(links, resolve_links=True)
        self.assertEqual(event.stream_name, stream)

    def test_that_are_no_links_lead_nowhere(self):
        links = fresh("links")
        for data in (b"", b"nonsense", b"x@stream", b"-1@stream", b"1@"):
            self.append(links, new_event("$>", data, content_type="application/octet-stream"))
        messages = list(self.read(links, links=True))
        self.assertEqual(len(messages), 5)
        for message in messages:
            original = message.event.link if message.event.HasField("link") else message.event.event
            self.assertEqual(original.metadata["type"], "$>")

    def test_are_followed_backwards_and_in_all_streams(self):
        stream, links = self.linked()
        [event] = self.client.get_stream(links, resolve_links=True, backwards=True)
        self.assertEqual(event.stream_name, stream)
        found = [
            m.event for m in self.read_all(links=True) if m.event.link.stream_identifier.stream_name == links.encode()
        ]
        self.assertEqual([event.event.stream_revision for event in found], [1])

    def test_are_what_a_filter_looks_at(self):
        stream, links = self.linked()
        by_stream = list(self.read_all(links=True, filter=only(streams_=[links])))
        self.assertEqual([m.event.event.stream_identifier.stream_name for m in by_stream], [stream.encode()])
        by_type = [m.event for m in self.read_all(links=True, filter=only(types=["Happened"]))]
        self.assertEqual([event for event in by_type if event.HasField("link")], [])
        targets = [m.event for m in self.read_all(links=True, filter=only(types=["$>"]))]
        self.assertIn(links.encode(), [event.link.stream_identifier.stream_name for event in targets])

    def test_are_followed_in_subscriptions(self):
        stream, links = self.linked()
        for request in (
            read_stream(links, subscription=True, links=True),
            read_all(subscription=True, links=True, filter=only(streams_=[links])),
        ):
            [event] = self.follow(request).events(1)
            self.assertEqual(event.event.stream_identifier.stream_name, stream.encode())
            self.assertEqual(event.commit_position, event.link.commit_position)
