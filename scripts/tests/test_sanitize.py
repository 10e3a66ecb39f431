"""What the sanitizer script reads out of the output of tests."""

import importlib.machinery
import importlib.util
import pathlib
import sys
import unittest
import unittest.mock

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "sanitize"
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("sanitize", str(SCRIPT))
sanitize = importlib.util.module_from_spec(importlib.util.spec_from_loader("sanitize", loader))
loader.exec_module(sanitize)

PASSED = """\
✔ Suite "Stored bytes" passed after 0.1 seconds.
✔ Test run with 12 tests in 3 suites passed after 1.2 seconds.
"""
FAILED = """\
✘ Test "of an event tell every changed bit" failed after 0.1 seconds with 1 issue.
✘ Test "of the index" with 3 test cases failed after 0.1 seconds with 2 issues.
✘ Suite "Stored bytes" failed after 0.1 seconds with 3 issues.
✘ Test run with 12 tests in 3 suites failed after 1.2 seconds with 3 issues.
"""


class SanitizeTests(unittest.TestCase):
    def test_counts_tests(self):
        self.assertEqual(sanitize.count(PASSED), (12, 0))
        self.assertEqual(sanitize.count(FAILED), (12, 2))
        self.assertEqual(sanitize.count("error: the process crashed"), (0, 0))

    def test_finds_reports_wherever_they_stand_on_a_line(self):
        races = (
            "WARNING: ThreadSanitizer: data race (pid=1)\n✔ a WARNING: ThreadSanitizer: Swift access race (pid=1)\n")
        self.assertEqual(sanitize.reports("thread", races), ["data race", "Swift access race"])
        self.assertEqual(sanitize.reports("address", races), [])
        self.assertEqual(
            sanitize.reports("address", "==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x1 at pc"),
            ["heap-buffer-overflow"])

    def test_has_a_planted_defect_for_each_sanitizer(self):
        for wrong, right, _ in sanitize.SANITIZERS.values():
            self.assertTrue((sanitize.PLANTED / wrong).exists())
            self.assertTrue(right is None or (sanitize.PLANTED / right).exists())

    def test_trusts_a_sanitizer_that_finds_the_planted_defect_and_nothing_else(self):
        def distrust(found):
            with unittest.mock.patch.object(sanitize, "planted_report", lambda _, name: ["race"] * (name in found)):
                return sanitize.distrust("thread")

        self.assertIsNone(distrust({"race.swift"}))
        self.assertIn("race.swift was not reported", distrust(set()))
        self.assertIn("mutex.swift was reported", distrust({"race.swift", "mutex.swift"}))


if __name__ == "__main__":
    unittest.main()
