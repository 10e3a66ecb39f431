"""The independent reader, on files written here from docs/file-format.md alone."""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import pathlib
import sqlite3
import struct
import sys
import tempfile
import unittest
import uuid

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "read-daybook"


def load_reader():
    loader = importlib.machinery.SourceFileLoader("read_daybook", str(SCRIPT))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("read_daybook", loader))
    sys.modules["read_daybook"] = module  # Data classes look their module up.
    sys.dont_write_bytecode = True  # No cache beside a script without an extension.
    loader.exec_module(module)
    return module


reader = load_reader()

SCHEMA = """
PRAGMA application_id = 0x44415942;
PRAGMA user_version = 2;
CREATE TABLE names(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, text TEXT NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE events(position INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE commits(number INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE scavenged(first INTEGER PRIMARY KEY, last INTEGER NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE archives(first INTEGER PRIMARY KEY, last INTEGER NOT NULL, name TEXT NOT NULL, bytes INTEGER NOT NULL,
    records INTEGER NOT NULL, crc INTEGER NOT NULL);
"""

KINDS = {"stream": 1, "category": 2, "type": 3, "tag": 4, "content": 5}


def sealed(number, body):
    return struct.pack("<I", reader.crc32c(struct.pack("<q", number) + body)) + body


class Log:
    """Writes a small file in the format."""

    def __init__(self, path):
        self.path = str(path)
        self.database = sqlite3.connect(self.path, isolation_level=None)
        self.database.executescript("PRAGMA journal_mode = WAL;" + SCHEMA)
        self.ids = {}
        self.versions = {}
        self.head = 0
        self.commits = 0

    def name(self, kind, text):
        key = (KINDS[kind], text)
        if key not in self.ids:
            number = self.ids[key] = len(self.ids) + 1
            crc = reader.crc32c(struct.pack("<qB", number, key[0]) + text.encode())
            self.database.execute("INSERT INTO names VALUES (?, ?, ?, ?)", (number, key[0], text, crc))
        return self.ids[key]

    def append(self, *events, command=None, at=1_000_000):
        """Each event is (stream, type, data, tags)."""
        for index, (stream, event_type, data, tags) in enumerate(events):
            self.head += 1
            self.versions[stream] = self.versions.get(stream, -1) + 1
            body = struct.pack(
                "<BBHq16sQQQQIIHH", 1, len(tags), 0, at, uuid.UUID(int=self.head).bytes, self.name("stream", stream),
                self.versions[stream], self.name("type", event_type), self.name("content", "application/json"), 1,
                len(data), index, len(events))
            body += b"".join(struct.pack("<Q", self.name("tag", tag)) for tag in tags) + data + b'{"$actor":"a"}'
            self.database.execute("INSERT INTO events VALUES (?, ?)", (self.head, sealed(self.head, body)))
        if command is not None:
            streams = list(dict.fromkeys(event[0] for event in events))
            self.commits += 1
            text = command.encode()
            body = struct.pack("<B3sQqqIIH", 1, b"\0\0\0", 7, self.head, at, len(events), len(streams), len(text))
            body += text + b"".join(
                struct.pack("<Qq", self.name("stream", stream), self.versions[stream]) for stream in streams)
            self.database.execute("INSERT INTO commits VALUES (?, ?)", (self.commits, sealed(self.commits, body)))

    def scavenge(self, first, last, crc=None):
        self.database.execute("DELETE FROM events WHERE position BETWEEN ? AND ?", (first, last))
        crc = reader.crc32c(struct.pack("<qq", first, last)) if crc is None else crc
        self.database.execute("INSERT INTO scavenged VALUES (?, ?, ?)", (first, last, crc))

    def archive(self, first, last):
        """Moves events to an archive, and returns its path."""
        path = pathlib.Path(f"{self.path}.archive-{first}-{last}")
        checksum = 0
        with contextlib.closing(sqlite3.connect(path)) as archive:
            archive.executescript(
                "PRAGMA application_id = 0x44415941; PRAGMA user_version = 1;"
                "CREATE TABLE events(position INTEGER PRIMARY KEY, record BLOB NOT NULL);")
            for position, record in self.database.execute(
                    "SELECT position, record FROM events WHERE position BETWEEN ? AND ? ORDER BY position", (first, last)):
                archive.execute("INSERT INTO events VALUES (?, ?)", (position, record))
                checksum = reader.crc32c(struct.pack("<q", position) + record[:4] + struct.pack("<I", checksum))
            archive.commit()
        size = path.stat().st_size
        crc = reader.crc32c(struct.pack("<qqqq", first, last, size, checksum) + path.name.encode())
        self.database.execute(
            "INSERT INTO archives VALUES (?, ?, ?, ?, ?, ?)", (first, last, path.name, size, checksum, crc))
        self.database.execute("DELETE FROM events WHERE position BETWEEN ? AND ?", (first, last))
        return path

    def record(self, table, key):
        return self.database.execute(f"SELECT record FROM {table} WHERE rowid = ?", (key,)).fetchone()[0]

    def replace(self, table, key, record, seal=False):
        if seal:
            record = sealed(key, record[4:])
        self.database.execute(f"UPDATE {table} SET record = ? WHERE rowid = ?", (record, key))


class ReaderTests(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.log = Log(pathlib.Path(self.folder.name) / "bank.daybook")
        self.addCleanup(self.log.database.close)
        self.log.append(("account-1", "opened", b"{}", ["owner:1"]), command="open 1")
        self.log.append(
            ("account-1", "withdrawn", b'{"amount":5}', []), ("account-2", "deposited", b'{"amount":5}', ["a", "b"]),
            command="transfer 1", at=2_000_000)
        self.log.append(("account-1", "noted", "für alle".encode(), []), at=2_000_000)
        self.log.append(("$$account-2", "$stream-deleted", b'{"truncateBefore":1,"deleted":true}', []), at=3_000_000)

    def read(self, *arguments):
        """Exit code, standard output, and the lines on standard error."""
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            code = reader.main([self.log.path, *arguments])
        return code, output.getvalue(), errors.getvalue().splitlines()

    def test_the_check_value_of_crc32c_is_the_published_one(self):
        self.assertEqual(reader.crc32c(b"123456789"), 0xE3069283)
        self.assertEqual(reader.crc32c(bytes(32)), 0x8A9136AA)  # RFC 3720, B.4

    def test_a_whole_file_has_no_damage(self):
        code, output, errors = self.read()
        self.assertEqual((code, errors), (0, []))
        self.assertRegex(output, r"events +5, 1 of them the store's own")
        self.assertRegex(output, r"streams +2")
        self.assertRegex(output, r"commits with a command +2")
        self.assertIn("1970-01-01T00:00:01.000000Z", output)

    def test_an_empty_log_has_no_damage(self):
        self.log.database.executescript("DELETE FROM events; DELETE FROM commits; DELETE FROM names")
        self.assertEqual(self.read()[0], 0)

    def test_ndjson_has_every_event_in_order(self):
        code, output, _ = self.read("--ndjson")
        events = [json.loads(line) for line in output.splitlines()]
        self.assertEqual(code, 0)
        self.assertEqual([event["position"] for event in events], [1, 2, 3, 4, 5])
        self.assertEqual(events[2]["tags"], ["a", "b"])
        self.assertEqual(events[3]["data"], "für alle")
        self.assertEqual(events[3]["version"], 2)
        self.assertEqual(events[1]["id"], str(uuid.UUID(int=2)))
        self.assertEqual(events[1]["metadata"], '{"$actor":"a"}')

    def test_every_flipped_bit_of_a_record_is_found(self):
        for table, key in (("events", 3), ("commits", 2)):
            whole = self.log.record(table, key)
            for byte in range(len(whole)):
                damaged = bytearray(whole)
                damaged[byte] ^= 1 << byte % 8
                self.log.replace(table, key, bytes(damaged))
                with self.subTest(table=table, byte=byte):
                    code, _, errors = self.read()
                    self.assertEqual(code, 2)
                    self.assertTrue(any(str(key) in line and "CRC" in line for line in errors), errors)
            self.log.replace(table, key, whole)

    def test_a_changed_name_is_found(self):
        self.log.database.execute("UPDATE names SET text = 'account-7' WHERE text = 'account-1'")
        code, _, errors = self.read()
        self.assertEqual(code, 2)
        self.assertTrue(errors[0].startswith("name 1: its CRC is"), errors)

    def test_two_records_that_changed_places_are_found(self):
        first, second = self.log.record("events", 1), self.log.record("events", 4)
        self.log.replace("events", 1, second)
        self.log.replace("events", 4, first)
        code, _, errors = self.read()
        self.assertEqual(code, 2)
        self.assertTrue(errors[0].startswith("position 1: the record's CRC"), errors)

    def test_a_missing_position_is_found(self):
        self.log.database.execute("DELETE FROM events WHERE position = 4")
        code, _, errors = self.read()
        self.assertEqual((code, errors), (2, ["position 4: no event, and none was scavenged there"]))

    def test_scavenged_events_are_passed_over(self):
        self.log.scavenge(1, 2)  # The last event of their stream is at position 4.
        code, output, errors = self.read()
        self.assertEqual((code, errors), (0, []))
        self.assertRegex(output, r"events +3, 1 of them")
        self.assertRegex(output, r"scavenged +2")
        self.log.database.execute("DELETE FROM events WHERE position = 3")
        self.assertIn("position 3: no event, and none was scavenged there", self.read()[2])

    def test_a_file_of_version_1_has_nothing_scavenged(self):
        self.log.database.executescript("DROP TABLE scavenged; DROP TABLE archives; PRAGMA user_version = 1")
        self.assertEqual(self.read()[0], 0)
        self.log.database.execute("PRAGMA user_version = 2")
        self.assertEqual(self.read()[0], 1)

    def test_more_scavenged_than_streams_lack_is_found(self):
        self.log.scavenge(3, 3)  # The only event of its stream, which therefore seems never to have been.
        self.assertEqual(
            self.read()[2], ["1 more events are told to be scavenged than are missing from streams"])

    def test_the_middle_of_a_stream_is_never_scavenged(self):
        self.log.append(("account-2", "closed", b"{}", []), ("account-1", "closed", b"{}", []), at=4_000_000)
        self.log.scavenge(4, 4)
        self.assertIn("position 7: version 3 of stream 'account-1' follows 1", self.read()[2])

    def test_damaged_and_touching_ranges_are_found(self):
        self.log.scavenge(1, 1, crc=7)
        self.assertTrue(self.read()[2][0].startswith("scavenged range 1: its CRC is 0x00000007"))
        self.log.database.execute("DELETE FROM scavenged")
        self.log.scavenge(1, 1)
        self.log.scavenge(2, 2)
        self.assertIn("scavenged range 2: it touches the range that ends at 1", self.read()[2])

    def test_an_event_in_a_scavenged_range_is_found(self):
        whole = self.log.record("events", 2)
        self.log.scavenge(1, 2)
        self.log.database.execute("INSERT INTO events VALUES (2, ?)", (whole,))
        self.assertIn("position 2: it is told to be scavenged, and is there", self.read()[2])

    def test_archived_events_are_read(self):
        _, before, _ = self.read("--ndjson")
        self.log.archive(1, 2)
        self.log.archive(3, 3)
        self.assertEqual(self.read("--ndjson"), (0, before, []))
        self.log.scavenge(1, 2)
        code, output, errors = self.read("--ndjson")
        self.assertEqual((code, errors), (0, []))
        self.assertEqual([json.loads(line)["position"] for line in output.splitlines()], [3, 4, 5])

    def test_an_archive_that_is_away_or_damaged_is_found(self):
        path = self.log.archive(1, 2)
        whole = path.read_bytes()
        path.unlink()
        code, output, errors = self.read("--ndjson")
        self.assertEqual((code, len(output.splitlines())), (2, 3))
        self.assertTrue(errors[0].startswith("archive 1 to 2: 'bank.daybook.archive-1-2' cannot be read"), errors)
        path.write_bytes(whole + b"x")
        self.assertIn("bytes", self.read()[2][0])
        damaged = bytearray(whole)
        damaged[whole.rindex(b"opened") if b"opened" in whole else whole.rindex(b"$actor")] ^= 1
        path.write_bytes(damaged)
        errors = self.read()[2]
        self.assertTrue(errors[0].startswith("position ") and "CRC" in errors[0], errors)

    def test_a_changed_row_of_an_archive_is_found(self):
        self.log.archive(1, 2)
        self.log.database.execute("UPDATE archives SET last = 3")
        self.assertTrue(self.read()[2][0].startswith("archive 1: its CRC"))

    def test_half_an_append_at_the_end_is_found(self):
        self.log.database.execute("DELETE FROM events WHERE position > 2")
        code, _, errors = self.read()
        self.assertEqual(code, 2)
        self.assertIn("position 2: the log ends with event 1 of 2 of one append", errors[0])
        self.assertIn("commit 2: it ends at position 3, beyond the log's end", errors[1])

    def test_half_an_append_in_the_middle_is_found(self):
        record = bytearray(self.log.record("events", 3))
        record[72:76] = struct.pack("<HH", 0, 1)
        self.log.replace("events", 3, bytes(record), seal=True)
        code, _, errors = self.read()
        self.assertEqual(code, 2)
        self.assertIn("position 3: event 1 of 1 of an append follows event 1 of 2", errors)

    def test_an_append_without_its_beginning_is_found(self):
        record = bytearray(self.log.record("events", 4))
        record[72:76] = struct.pack("<HH", 1, 2)
        self.log.replace("events", 4, bytes(record), seal=True)
        self.assertIn("position 4: event 2 of 2 of an append follows event 2 of 2", self.read()[2])

    def test_a_version_that_does_not_follow_is_found(self):
        record = bytearray(self.log.record("events", 4))
        record[40:48] = struct.pack("<Q", 5)
        self.log.replace("events", 4, bytes(record), seal=True)
        code, _, errors = self.read()
        self.assertEqual((code, errors), (2, ["position 4: version 5 of stream 'account-1' follows 1"]))

    def test_a_time_that_goes_back_is_found(self):
        record = bytearray(self.log.record("events", 4))
        record[8:16] = struct.pack("<q", 1)
        self.log.replace("events", 4, bytes(record), seal=True)
        self.assertIn("before the event at the position before", self.read()[2][0])

    def test_a_name_of_another_kind_is_found(self):
        record = bytearray(self.log.record("events", 4))
        record[48:56] = struct.pack("<Q", 1)
        self.log.replace("events", 4, bytes(record), seal=True)
        self.assertEqual(self.read()[2], ["position 4: name 1 is of kind stream, not of kind event type"])

    def test_a_commit_that_disagrees_with_its_events_is_found(self):
        whole = self.log.record("commits", 2)
        for start, change, message in (
            (32, struct.pack("<I", 1), "1 events end at position 3, but that is event 2 of 2"),
            (24, struct.pack("<q", 9), "recorded at another time than the event at position 3"),
            (len(whole) - 8, struct.pack("<q", 3), "stream 'account-2' ends at version 3"),
        ):
            record = bytearray(whole)
            record[start:start + len(change)] = change
            self.log.replace("commits", 2, bytes(record), seal=True)
            with self.subTest(message=message):
                code, _, errors = self.read()
                self.assertEqual(code, 2)
                self.assertIn(message, errors[0])

    def test_a_commit_may_point_back(self):
        self.log.append(("account-3", "opened", b"{}", []), command="open 3", at=4_000_000)
        first = bytearray(self.log.record("commits", 1))
        first[42:48] = b"open 9"
        first[5] = 1
        self.log.database.execute("INSERT INTO commits VALUES (4, ?)", (sealed(4, bytes(first[4:])),))
        self.assertEqual(self.read()[2], [])
        first[-8:] = struct.pack("<q", 9)
        self.log.replace("commits", 4, bytes(first), seal=True)
        self.assertEqual(
            self.read()[2], ["commit 4: it points back at version 9 of stream 'account-1', which is not there"])
        first[5] = 2
        self.log.replace("commits", 4, bytes(first), seal=True)
        self.assertEqual(self.read()[2], ["commit 4: record format 1 (and 020000) is unknown"])

    def test_a_missing_commit_and_a_command_twice_are_found(self):
        self.log.append(("account-3", "opened", b"{}", []), command="open 1", at=4_000_000)
        self.assertEqual(self.read()[2], ["commit 3: command 'open 1' is commit 1"])
        self.log.database.execute("DELETE FROM commits WHERE number = 2")
        self.assertEqual(self.read()[2][0], "commit 2: missing, the next is 3")

    def test_other_events_are_still_read(self):
        self.log.replace("events", 1, b"short")
        code, output, errors = self.read("--ndjson")
        self.assertEqual((code, len(output.splitlines())), (2, 4))
        self.assertEqual(errors, ["position 1: the record has 5 bytes; the least is 76"])

    def test_what_is_no_daybook_file_is_said_to_be_none(self):
        other = pathlib.Path(self.folder.name) / "other.db"
        with contextlib.closing(sqlite3.connect(other)) as database:
            database.execute("CREATE TABLE t(x)")
        text = pathlib.Path(self.folder.name) / "text"
        text.write_text("no database at all, but long enough to be taken for one" * 20)
        for path, message in (
            (other, "it is no Daybook file"), (text, "cannot be read"), (other.with_name("none"), "There is no file"),
        ):
            errors = io.StringIO()
            with self.subTest(path=path), contextlib.redirect_stderr(errors):
                self.assertEqual(reader.main([str(path)]), 1)
                self.assertIn(message, errors.getvalue())

    def test_the_file_is_not_changed(self):
        before = pathlib.Path(self.log.path).read_bytes()
        self.read()
        self.assertEqual(pathlib.Path(self.log.path).read_bytes(), before)


if __name__ == "__main__":
    unittest.main()
