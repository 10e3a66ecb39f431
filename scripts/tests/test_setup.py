"""scripts/setup, run with a PATH of its own whose programs say what was asked of them; nothing is installed."""

import os
import pathlib
import subprocess
import tempfile
import unittest

SETUP = pathlib.Path(__file__).resolve().parent.parent / "setup"
BORROWED = ("bash", "env", "sed", "sort", "head", "printf", "test", "cat")


class SetupTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.bin = self.root / "bin"
        self.bin.mkdir()
        for name in BORROWED:
            found = next(
                (path for path in (pathlib.Path("/usr/bin") / name, pathlib.Path("/bin") / name) if path.exists()), None)
            if found:
                (self.bin / name).symlink_to(found)
        header = self.root / "usr" / "include" / "stdio.h"
        header.parent.mkdir(parents=True)
        header.touch()
        for name in ("make", "git", "gzip", "gcc", "strace", "python3", "pkg-config"):
            self.program(name)
        self.program("uname", "echo Linux")
        self.program("id", "echo 0")
        self.program("swift", "echo 'Swift version 6.3.1 (swift-6.3.1-RELEASE)'")
        self.program("apt-get", f'echo "apt-get $*" >> {self.root}/log')
        self.program("sudo", f'echo "sudo $*" >> {self.root}/log; "$@"')

    def program(self, name, body="exit 0"):
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)

    def without(self, name):
        (self.bin / name).unlink()

    def run_setup(self, *arguments):
        return subprocess.run(
            ["/bin/bash", str(SETUP), *arguments], capture_output=True, text=True,
            env={"PATH": str(self.bin), "DAYBOOK_SETUP_ROOT": str(self.root), "HOME": os.environ.get("HOME", "/")})

    def log(self):
        path = self.root / "log"
        return path.read_text().splitlines() if path.exists() else []

    def test_is_quiet_when_nothing_is_missing(self):
        for arguments in ((), ("--check",)):
            result = self.run_setup(*arguments)
            self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))
        self.assertEqual(self.log(), [])

    def test_engines_asks_for_their_clients_and_nobody_else_does(self):
        self.program("pkg-config", 'case "$2" in sqlite3) exit 0 ;; *) exit 1 ;; esac')
        self.assertEqual(self.run_setup("--check").returncode, 0)
        result = self.run_setup("--check", "--engines")
        self.assertEqual(result.returncode, 1)
        for package in ("libpq-dev", "libnats-dev", "librdkafka-dev", "libsodium-dev"):
            self.assertIn(package, result.stderr)

    def test_check_lists_what_is_missing_and_installs_nothing(self):
        self.program("pkg-config", "exit 1")
        self.without("gzip")
        result = self.run_setup("--check")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r"gzip +unpacks market data")
        self.assertRegex(result.stderr, r"libsqlite3-dev +the embedded store is built on SQLite")
        self.assertEqual(self.log(), [])

    def test_installs_what_is_missing_as_root(self):
        self.program("pkg-config", "exit 1")
        result = self.run_setup()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("Installing by apt: libsqlite3-dev", result.stderr)
        self.assertEqual(self.log()[0], "apt-get update -qq")
        self.assertTrue(self.log()[1].endswith(" libsqlite3-dev"), self.log())
        self.assertEqual(len(self.log()), 2)

    def test_installs_with_sudo_when_not_root(self):
        self.program("id", "echo 1000")
        self.without("git")
        self.assertEqual(self.run_setup().returncode, 0)
        self.assertEqual([line.split()[0] for line in self.log()], ["sudo", "apt-get", "sudo", "apt-get"])

    def test_says_what_to_run_when_there_is_no_sudo(self):
        self.program("id", "echo 1000")
        self.without("sudo")
        (self.root / "usr" / "include" / "stdio.h").unlink()
        result = self.run_setup()
        self.assertEqual(result.returncode, 1)
        self.assertIn("apt-get install libc6-dev", result.stderr)
        self.assertEqual(self.log(), [])

    def test_says_what_is_missing_where_there_is_no_apt(self):
        self.without("apt-get")
        self.without("gzip")
        result = self.run_setup()
        self.assertEqual(result.returncode, 1)
        self.assertIn("package manager", result.stderr)

    def test_an_installation_that_fails_fails(self):
        self.program("apt-get", "exit 100")
        self.without("gzip")
        self.assertNotEqual(self.run_setup().returncode, 0)

    def test_wants_a_swift_that_is_new_enough(self):
        for version, code in (("5.10.1", 1), ("6.1.2", 1), ("6.2", 0), ("6.3.1", 0), ("6.10", 0), ("10.0", 0)):
            self.program("swift", f"echo 'Apple Swift version {version} (x)'")
            result = self.run_setup()
            with self.subTest(version=version):
                self.assertEqual(result.returncode, code, result.stderr)
                if code:
                    self.assertIn(f"found {version}", result.stderr)
                    self.assertIn("https://www.swift.org/install/", result.stderr)

    def test_says_how_to_get_swift_when_there_is_none(self):
        self.without("swift")
        result = self.run_setup()
        self.assertEqual(result.returncode, 1)
        self.assertIn("found none", result.stderr)


if __name__ == "__main__":
    unittest.main()
