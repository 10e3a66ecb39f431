"""How the scripts report, and how they take the answers of a process."""

import argparse
import contextlib
import io
import json
import pathlib
import random
import sys
import tempfile
import unittest

import script_loader  # noqa: F401, which makes the folder above importable.
from daybook_process import Appender, CannotRun, Workload, run_script

# Answers each line with its number; ends at the line "die" after half an answer.
PROGRAM = """
import sys
for number, line in enumerate(sys.stdin, 1):
    if line == "die\\n":
        print('{"li', end="")
        sys.exit(3)
    print('{"line": %d}' % number, flush=True)
"""


class AppenderTests(unittest.TestCase):
    def setUp(self):
        self.appender = Appender([sys.executable, "-c", PROGRAM])

    def test_takes_one_answer_after_the_other(self):
        self.assertEqual(self.appender.ask(b"one\n"), {"line": 1})
        self.assertEqual(self.appender.ask(b"two\n"), {"line": 2})
        self.assertEqual(self.appender.end()[0], 0)

    def test_half_an_answer_is_none(self):
        self.assertEqual(self.appender.ask(b"one\n"), {"line": 1})
        self.assertIsNone(self.appender.ask(b"die\n"))
        self.assertEqual(self.appender.end()[0], 3)

    def test_answers_that_nobody_asked_for_are_kept(self):
        self.appender.send(b"one\n")
        self.appender.send(b"two\n")
        self.appender.end()
        self.assertEqual(self.appender.rest, [{"line": 1}, {"line": 2}])


class RunTests(unittest.TestCase):
    def run_with(self, run):
        with tempfile.TemporaryDirectory() as folder:
            output, errors = io.StringIO(), io.StringIO()
            arguments = ["--seed", "7", "--directory", folder, "--binary", "none", "--store-binary", "none"]
            parser = argparse.ArgumentParser(prog="test")
            for name in ("--directory", "--binary", "--store-binary"):
                parser.add_argument(name)
            parser.add_argument("--seed", type=int)
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
                code = run_script(parser, arguments, run)
            return code, output.getvalue(), errors.getvalue(), list(pathlib.Path(folder).iterdir())

    def test_prints_a_summary_and_removes_its_files(self):
        code, output, _, left = self.run_with(lambda options, generator, folder: ({"points": 3}, []))
        self.assertEqual((code, left), (0, []))
        self.assertEqual({**json.loads(output), "seconds": 0}, {"points": 3, "seed": 7, "seconds": 0, "violations": 0})

    def test_lists_what_was_found_and_keeps_its_files(self):
        code, output, errors, left = self.run_with(lambda options, generator, folder: ({}, ["lost"]))
        self.assertEqual((code, len(left), json.loads(output)["violations"]), (1, 1, 1))
        self.assertIn("lost\n", errors)

    def test_says_why_it_cannot_be_run(self):
        def run(options, generator, folder):
            raise CannotRun("There is no strace")

        code, output, errors, left = self.run_with(run)
        self.assertEqual((code, output, left), (2, "", []))
        self.assertIn("There is no strace", errors)


class WorkloadTests(unittest.TestCase):
    def test_a_seed_gives_the_same_requests(self):
        lines = [[request.line() for request in Workload(random.Random(5)).requests(20)] for _ in range(2)]
        self.assertEqual(lines[0], lines[1])


if __name__ == "__main__":
    unittest.main()
