"""What is said again of a test run that failed, with a `swift` written here."""

import os
import pathlib
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "run-tests"

OUTPUT = """\
◇ Test "adds" started.
✔ Test "adds" passed after 0.001 seconds.
━ Test "tells" recorded a known issue at KitTests.swift:35:100: Issue recorded
↳ As it should.
    given:
      nothing
✔ Test "tells" passed after 0.001 seconds with 1 known issue.
✘ Test "takes" recorded an issue at SumTests.swift:7:9: Expectation failed: 1 == 2
↳ Of the amount:
    one
◇ Test "drops" started.
✘ Test "takes" failed after 0.002 seconds with 1 issue.
✘ Test run with 3 tests in 1 suite failed after 0.01 seconds with 2 issues (including 1 known issue).
"""


class RunTestsTests(unittest.TestCase):
    def run_script(self, output, code):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "output").write_text(output)
            swift = pathlib.Path(folder) / "swift"
            swift.write_text(f'#!/bin/sh\necho "asked: $*"\ncat {folder}/output\nexit {code}\n')
            swift.chmod(0o755)
            return subprocess.run(
                [SCRIPT, "--filter", "Sum"], env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
                capture_output=True, text=True, check=False, timeout=60)

    def test_says_nothing_more_when_all_passed(self):
        result = self.run_script(OUTPUT, 0)
        self.assertEqual(result.returncode, 0)
        self.assertEqual(result.stdout, "asked: test --filter Sum\n" + OUTPUT)
        self.assertEqual(result.stderr, "")

    def test_says_again_what_failed_and_why(self):
        result = self.run_script(OUTPUT, 1)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(
            result.stderr.splitlines()[1:],
            [
                "== What failed (of: swift test --filter Sum)",
                '✘ Test "takes" recorded an issue at SumTests.swift:7:9: Expectation failed: 1 == 2',
                "↳ Of the amount:",
                "    one",
                '✘ Test "takes" failed after 0.002 seconds with 1 issue.',
                OUTPUT.splitlines()[-1],
            ])

    def test_says_again_that_the_tests_trapped(self):
        output = "SumTests.swift:7: Fatal error: no sum\nerror: Exited with unexpected signal code 5\n"
        result = self.run_script(output, 139)
        self.assertEqual(result.returncode, 139)
        self.assertIn("Fatal error: no sum", result.stderr)
        self.assertIn("signal code 5", result.stderr)


if __name__ == "__main__":
    unittest.main()
