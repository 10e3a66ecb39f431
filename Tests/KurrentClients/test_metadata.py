"""The metadata of a stream, and what it hides."""

import json

from harness import (
    ServerTestCase,
    StreamState,
    error,
    fresh,
    identifier,
    kinds,
    new_event,
    new_events,
    proposal,
)


class MetadataTests(ServerTestCase):
    def test_is_kept_as_it_was_written(self):
        stream = self.filled(1)
        metadata = {
            "$acl": {"$r": ["$all"], "$w": "ada"},
            "$cacheControl": 5,
            "$tmp": True,
            "colour": {"of": ["blue", None]},
        }
        self.client.set_stream_metadata(stream, metadata=metadata)
        self.assertEqual(self.client.get_stream_metadata(stream), (metadata, 0))
        [event] = self.client.get_stream(f"$${stream}")
        self.assertEqual((event.type, event.data), ("$metadata", json.dumps(metadata).encode()))
        self.assertEqual(event.stream_name, f"$${stream}")

    def test_is_none_where_nobody_wrote_it(self):
        for stream in (fresh(), self.filled(1)):
            self.assertEqual(self.client.get_stream_metadata(stream), ({}, StreamState.NO_STREAM))
            self.assertEqual(kinds(self.read(f"$${stream}")), ["stream_not_found"])

    def test_needs_no_stream(self):
        stream = fresh()
        self.client.set_stream_metadata(stream, metadata={"$maxCount": 2}, current_version=StreamState.NO_STREAM)
        self.assertEqual(kinds(self.read(stream)), ["stream_not_found"])
        self.append(stream, *new_events(4), expected=StreamState.NO_STREAM)
        self.assertEqual(len(self.client.get_stream(stream)), 2)

    def test_has_revisions(self):
        stream = fresh()
        for version, colour in (
            (StreamState.NO_STREAM, "red"),
            (0, "blue"),
            (StreamState.EXISTS, "green"),
            (StreamState.ANY, "red"),
        ):
            self.client.set_stream_metadata(stream, metadata={"colour": colour}, current_version=version)
        self.assertEqual(self.client.get_stream_metadata(stream), ({"colour": "red"}, 3))
        for version in (StreamState.NO_STREAM, 2, 4):
            with self.assertRaises(error("WrongCurrentVersion")):
                self.client.set_stream_metadata(stream, metadata={}, current_version=version)

    def test_shows_its_last_event_alone(self):
        stream = fresh()
        for colour in ("red", "blue", "green"):
            self.client.set_stream_metadata(stream, metadata={"colour": colour})
        for options in (
            {},
            {"start": 2},
            {"start": 1},
            {"backwards": True, "start": "end"},
            {"backwards": True, "start": 5},
            {"backwards": True, "start": 2},
        ):
            found = [message.event.event for message in self.read(f"$${stream}", **options)]
            self.assertEqual([event.stream_revision for event in found], [2], options)
        for options in ({"start": 3}, {"backwards": True, "start": 1}):
            self.assertEqual(kinds(self.read(f"$${stream}", **options)), [], options)

    def test_takes_several_events_at_once(self):
        stream = self.filled(5)
        data = [json.dumps({"$maxCount": count}).encode() for count in (4, 3, 2)]
        self.append(f"$${stream}", *[new_event("$metadata", item) for item in data])
        self.assertEqual(self.client.get_stream_metadata(stream), ({"$maxCount": 2}, 2))
        self.assertEqual(len(self.client.get_stream(stream)), 2)

    def test_is_written_once_when_it_is_repeated(self):
        stream = fresh()
        event = proposal(b'{"colour":"blue"}', "$metadata")
        first = self.write(f"$${stream}", "no_stream", event)
        for expected in ("no_stream", "any", "stream_exists"):
            self.assertEqual(self.write(f"$${stream}", expected, event), first)
        self.assertEqual(self.client.get_stream_metadata(stream)[1], 0)
        later = self.write(f"$${stream}", "any", proposal(b"{}", "$metadata"))
        self.assertEqual(later.success.current_revision, 1)
        self.assertEqual(self.write(f"$${stream}", "no_stream", event), first)

    def test_is_written_once_when_it_is_repeated_after_another(self):
        stream = fresh()
        event = proposal(b'{"colour":"blue"}', "$metadata")
        first = self.write(f"$${stream}", "any", event)
        self.write(f"$${stream}", "any", proposal(b"{}", "$metadata"))
        self.assertEqual(self.write(f"$${stream}", "any", event), first)

    def test_belongs_to_streams_of_the_system_too(self):
        self.append("$system", *new_events(4))
        self.client.set_stream_metadata("$system", metadata={"$maxCount": 3})
        self.assertEqual(self.client.get_stream_metadata("$system"), ({"$maxCount": 3}, 0))
        self.assertEqual(len(self.client.get_stream("$system")), 3)

    def test_outlives_the_process(self):
        stream = self.filled(5)
        self.client.set_stream_metadata(stream, metadata={"$maxCount": 2, "colour": "blue"})
        self.server.stop()
        self.server.start()
        type(self).connect()
        self.assertEqual(self.client.get_stream_metadata(stream), ({"$maxCount": 2, "colour": "blue"}, 0))
        self.assertEqual(len(self.client.get_stream(stream)), 2)


class RetentionTests(ServerTestCase):
    def shown(self, stream):
        return [event.stream_position for event in self.client.get_stream(stream)]

    def with_metadata(self, metadata, count=6):
        stream = self.filled(count)
        self.client.set_stream_metadata(stream, metadata=metadata)
        return stream

    def test_shows_the_newest(self):
        for count in (1, 2, 3, 6, 100):
            with self.subTest(count=count):
                stream = self.with_metadata({"$maxCount": count})
                self.assertEqual(self.shown(stream), list(range(max(0, 6 - count), 6)))
                self.append(stream, new_event())
                self.assertEqual(self.shown(stream), list(range(max(0, 7 - count), 7)))

    def test_shows_what_is_not_before_a_revision(self):
        for before in (0, 1, 2, 5, 6, 100):
            with self.subTest(before=before):
                stream = self.with_metadata({"$tb": before})
                self.assertEqual(self.shown(stream), list(range(before, 6)))
                backwards = self.client.get_stream(stream, backwards=True)
                self.assertEqual([event.stream_position for event in backwards], list(range(5, before - 1, -1)))

    def test_is_no_deletion_when_nothing_is_shown(self):
        stream = self.with_metadata({"$tb": 6})
        self.assertEqual(kinds(self.read(stream)), [])
        self.assertEqual(self.client.get_stream(stream), ())
        with self.assertRaises(error("WrongCurrentVersion")):
            self.append(stream, new_event(), expected=StreamState.NO_STREAM)
        self.append(stream, new_event(), expected=5)
        self.append(stream, new_event(), expected=StreamState.EXISTS)
        self.assertEqual(self.shown(stream), [6, 7])

    def test_hides_what_is_too_old(self):
        self.assertEqual(self.shown(self.with_metadata({"$maxAge": 3_600})), [0, 1, 2, 3, 4, 5])
        for age in (2, 1):
            with self.subTest(age=age):
                stream = self.with_metadata({"$maxAge": age})
                self.assertEqual(self.shown(stream), [0, 1, 2, 3, 4, 5])
                self.eventually(lambda: self.shown(stream) == [])
                self.append(stream, new_event())
                self.assertEqual(self.shown(stream), [6])

    def test_applies_every_rule(self):
        self.assertEqual(self.shown(self.with_metadata({"$maxCount": 4, "$tb": 3})), [3, 4, 5])
        self.assertEqual(self.shown(self.with_metadata({"$maxCount": 2, "$tb": 3})), [4, 5])
        stream = self.with_metadata({"$maxCount": 2, "$tb": 3, "$maxAge": 2})
        self.eventually(lambda: self.shown(stream) == [])
        self.append(stream, *new_events(3))
        self.assertEqual(self.shown(stream), [7, 8])

    def test_ignores_what_is_out_of_range_or_of_another_type(self):
        everything = [0, 1, 2, 3, 4, 5]
        for metadata in (
            {"$maxCount": 0},
            {"$maxCount": -1},
            {"$maxCount": "2"},
            {"$maxCount": True},
            {"$maxCount": None},
            {"$maxCount": [2]},
            {"$maxAge": 0},
            {"$maxAge": -5},
            {"$maxAge": "1"},
            {"$tb": -1},
            {"$tb": "3"},
            {"$tb": True},
            {"$tb": {}},
            {"maxCount": 2},
        ):
            with self.subTest(metadata):
                stream = self.with_metadata(metadata)
                self.assertEqual(self.shown(stream), everything)
                self.assertEqual(self.client.get_stream_metadata(stream)[0], metadata)
        # One key that counts as absent leaves the others as they are.
        self.assertEqual(self.shown(self.with_metadata({"$maxCount": 0, "$tb": 4})), [4, 5])

    def test_ignores_what_is_no_metadata(self):
        for data, type, content_type in (
            (b"no JSON", "$metadata", "application/json"),
            (b"", "$metadata", "application/json"),
            (b"[1]", "$metadata", "application/json"),
            (b"7", "$metadata", "application/json"),
            (b'{"$maxCount":1}', "metadata", "application/json"),
            (b'{"$maxCount":3}', "$metadata", "application/octet-stream"),
        ):
            with self.subTest(data=data, type=type):
                stream = self.with_metadata({"$maxCount": 2})
                self.assertEqual(self.shown(stream), [4, 5])
                self.write(f"$${stream}", 0, proposal(data, type, content_type))
                self.assertEqual(self.shown(stream), [0, 1, 2, 3, 4, 5])
                [message] = self.read(f"$${stream}")
                self.assertEqual((message.event.event.data, message.event.event.stream_revision), (data, 1))

    def test_shows_again_what_is_hidden_no_longer(self):
        stream = self.with_metadata({"$maxCount": 2})
        self.assertEqual(self.shown(stream), [4, 5])
        self.client.set_stream_metadata(stream, metadata={"$tb": 2})
        self.assertEqual(self.shown(stream), [2, 3, 4, 5])
        self.client.set_stream_metadata(stream, metadata={})
        self.assertEqual(self.shown(stream), [0, 1, 2, 3, 4, 5])

    def test_never_begins_again(self):
        stream = self.with_metadata({"$maxCount": 2})
        for revision in range(6, 10):
            self.append(stream, new_event(), expected=revision - 1)
            self.assertEqual(self.shown(stream), [revision - 1, revision])
        found = [
            event.stream_revision for event in self.events_of_all() if event.stream_identifier == identifier(stream)
        ]
        self.assertEqual(found, list(range(10)))
