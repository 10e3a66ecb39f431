"""What a recorded disk holds after a power cut, on recordings written here and on one made by record-calls.c."""

import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

import script_loader  # noqa: F401, which makes the folder above importable.
from daybook_process import compile_library
from recorded_disk import Disk, Record, read_records


def write(inode, offset, data):
    return Record("W", inode, offset=offset, data=data)


class DiskTests(unittest.TestCase):
    def setUp(self):
        self.disk = Disk()
        self.generator = random.Random(1)

    def apply(self, *records):
        for record in records:
            self.disk.apply(record)

    def survivors(self, survival, times=200):
        return [self.disk.state(survival, self.generator) for _ in range(times)]

    def make_durable(self, name="log", inode=1):
        self.apply(Record("C", inode, name), Record("D"))

    def test_keeps_what_was_synced_and_drops_the_rest(self):
        self.make_durable()
        self.apply(write(1, 0, b"abc"), Record("S", 1), write(1, 3, b"def"))
        self.assertEqual(self.survivors("none", 1), [{"log": b"abc"}])
        self.assertEqual(self.survivors("all", 1), [{"log": b"abcdef"}])

    def test_a_sync_is_for_one_file(self):
        self.make_durable()
        self.make_durable("other", 2)
        self.apply(write(1, 0, b"a"), write(2, 0, b"b"), Record("S", 2))
        self.assertEqual(self.survivors("none", 1), [{"log": b"", "other": b"b"}])

    def test_a_file_whose_folder_was_not_synced_may_be_missing(self):
        self.apply(Record("C", 1, "log"), write(1, 0, b"abc"), Record("S", 1))
        self.assertEqual(self.survivors("none", 1), [{}])
        self.assertIn({"log": b"abc"}, self.survivors("random"))
        self.assertIn({}, self.survivors("random"))

    def test_a_file_that_was_deleted_may_be_back(self):
        self.make_durable()
        self.apply(write(1, 0, b"abc"), Record("S", 1), Record("U", name="log"))
        self.assertEqual(self.survivors("none", 1), [{"log": b"abc"}])
        self.apply(Record("D"))
        self.assertEqual(self.survivors("none", 1), [{}])

    def test_a_name_that_is_used_again_is_another_file(self):
        self.make_durable()
        self.apply(write(1, 0, b"old"), Record("S", 1), Record("U", name="log"), Record("C", 1, "log"))
        self.apply(write(1, 0, b"new"), Record("S", 1))
        self.assertEqual(self.survivors("none", 1), [{"log": b"old"}])
        self.assertEqual(self.survivors("all", 1), [{"log": b"new"}])

    def test_a_prefix_is_followed_by_a_part_of_the_next(self):
        self.make_durable()
        self.apply(write(1, 0, b"a" * 512), write(1, 512, b"b" * 1024), write(1, 1536, b"c" * 512))
        found = {state["log"] for state in self.survivors("prefix")}
        self.assertIn(b"", found)
        self.assertIn(b"a" * 512 + b"b" * 512, found)
        self.assertFalse(any(b"c" in content and content.count(b"b") < 1024 for content in found))

    def test_chance_keeps_a_later_write_without_an_earlier_one(self):
        self.make_durable()
        self.apply(write(1, 0, b"a"), write(1, 1, b"b"))
        self.assertEqual({state["log"] for state in self.survivors("random")}, {b"", b"a", b"\0b", b"ab"})

    def test_writes_are_torn_where_sectors_of_the_file_begin(self):
        self.make_durable()
        self.apply(write(1, 500, b"x" * 24))
        found = {state["log"] for state in self.survivors("torn")}
        self.assertEqual(
            found, {b"", bytes(500) + b"x" * 12, bytes(512) + b"x" * 12, bytes(500) + b"x" * 24})

    def test_a_change_of_length_is_pending_too(self):
        self.make_durable()
        self.apply(write(1, 0, b"abcdef"), Record("S", 1), Record("T", 1, offset=2))
        self.assertEqual(self.survivors("none", 1), [{"log": b"abcdef"}])
        self.assertEqual(self.survivors("all", 1), [{"log": b"ab"}])
        self.apply(Record("T", 1, offset=4))
        self.assertEqual(self.survivors("all", 1), [{"log": b"ab\0\0"}])

    def test_knows_what_was_acknowledged(self):
        self.apply(Record("A", data=b'{"position":3}\n{"position":'))
        self.assertEqual(self.disk.acknowledged, 3)
        self.apply(Record("A", data=b'5}\n{"error":{}}\n'))
        self.assertEqual(self.disk.acknowledged, 5)

    def test_half_an_acknowledgement_of_a_killed_process_stays_half(self):
        self.make_durable("log-owner", 1)
        self.apply(Record("A", data=b'{"posi'), Record("O", 1, "log-owner"), Record("A", data=b'{"position":4}\n'))
        self.assertEqual(self.disk.acknowledged, 4)


PROGRAM = """
import os, sys
folder = sys.argv[1]
file = os.open(folder + "/log", os.O_RDWR | os.O_CREAT)
os.pwrite(file, b"abcd", 2)
os.fdatasync(file)
directory = os.open(folder, os.O_RDONLY)
os.fsync(directory)
os.ftruncate(file, 4)
os.close(file)
file = os.open(folder + "/log", os.O_RDWR)
written = os.pwrite(file, b"0123456789", 0)
os.write(1, b"written %d\\n" % written)
os.open(folder + "/log-shm", os.O_RDWR | os.O_CREAT)
os.rename(folder + "/log", folder + "/moved")
os.unlink(folder + "/moved")
"""


class RecordingTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        built = tempfile.TemporaryDirectory()
        cls.addClassCleanup(built.cleanup)
        cls.library = compile_library("record-calls.c", built.name)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name).resolve()
        self.live = self.folder / "live"
        self.live.mkdir()

    def record(self, **environment):
        path = self.folder / "records"
        result = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(self.live)], capture_output=True,
            env={**os.environ, "LD_PRELOAD": str(self.library), "DAYBOOK_FOLDER": str(self.live),
                 "DAYBOOK_RECORD": str(path), **environment})
        return result, read_records(path)

    def test_records_every_change_and_the_output(self):
        result, records = self.record()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual("".join(record.kind for record in records), "CWSDTOWARU")
        self.assertEqual(records[1].data, b"abcd")
        self.assertEqual(records[1].offset, 2)
        self.assertEqual(records[-3].data, b"written 10\n")
        self.assertEqual(records[-2].name, "log/moved")

    def test_kills_the_process_after_a_record(self):
        result, records = self.record(DAYBOOK_KILL_AFTER="3")
        self.assertEqual(result.returncode, -9)
        self.assertEqual("".join(record.kind for record in records), "CWS")

    def test_drops_syncs(self):
        _, records = self.record(DAYBOOK_DROP_SYNCS="1")
        self.assertEqual("".join(record.kind for record in records), "CWTOWARU")

    def test_writes_half(self):
        result, records = self.record(DAYBOOK_SHORT_FIRST="2", DAYBOOK_SHORT_LAST="2")
        self.assertEqual(result.stdout, b"written 5\n")
        self.assertEqual(records[6].data, b"01234")

    def test_a_half_write_may_be_followed_by_a_full_disk(self):
        result, _ = self.record(DAYBOOK_SHORT_FIRST="1", DAYBOOK_SHORT_LAST="1", DAYBOOK_SHORT_ERROR="28")
        self.assertIn(b"No space left", result.stderr)


if __name__ == "__main__":
    unittest.main()
