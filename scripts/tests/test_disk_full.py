"""The small disk of the full-disk test, with programs that do as a system that forbids mounting, or allows some of it."""

import contextlib
import io
import os
import pathlib
import random
import tempfile
import types
import unittest
from unittest import mock

from script_loader import load

disk_full = load("disk-full")


class SmallDiskTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.bin = self.root / "bin"
        self.bin.mkdir()
        self.calls = self.root / "calls"
        self.files = self.root / "files"
        self.files.mkdir()
        self.addCleanup(mock.patch.stopall)
        mock.patch.dict(os.environ, {"PATH": str(self.bin)}).start()

    def program(self, name, body="exit 0"):
        path = self.bin / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> {self.calls}\n{body}\n')
        path.chmod(0o755)

    def called(self):
        return [line.split()[0] for line in self.calls.read_text().splitlines()]

    def test_is_an_ext4_that_is_unmounted_in_the_end(self):
        for name in ("mkfs.ext4", "mount", "umount"):
            self.program(name)
        with self.assertRaises(RuntimeError), disk_full.SmallDisk(self.files) as disk:
            self.assertEqual(disk.kind, "ext4")
            raise RuntimeError
        self.assertEqual(self.called(), ["mkfs.ext4", "mount", "umount"])
        self.assertFalse((self.files / "disk.img").exists())

    def test_is_a_tmpfs_where_loop_devices_are_forbidden(self):
        self.program("mkfs.ext4")
        self.program("mount", '[ "$2" = tmpfs ] || { echo "mount: no loop device" >&2; exit 32; }')
        self.program("umount")
        with disk_full.SmallDisk(self.files) as disk:
            self.assertEqual(disk.kind, "tmpfs")
        self.assertEqual(self.called(), ["mkfs.ext4", "mount", "mount", "umount"])

    def test_says_why_it_is_skipped_where_mounting_is_forbidden(self):
        self.program("mount", 'echo "mount: permission denied" >&2; exit 1')
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            figures, violations = disk_full.run(types.SimpleNamespace(fills=2), random.Random(1), self.files)
        self.assertEqual(violations, [])
        self.assertEqual(figures, {"skipped": "there is no mkfs.ext4; mount: mount: permission denied"})
        self.assertIn("Skipped: no file system may be made here", errors.getvalue())


if __name__ == "__main__":
    unittest.main()
