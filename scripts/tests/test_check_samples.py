"""The comparison of documented with compiled samples."""

import importlib.machinery
import importlib.util
import pathlib
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "check-samples"
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("check_samples", str(SCRIPT))
check_samples = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_samples", loader))
loader.exec_module(check_samples)

SOURCE = """\
// sample: first
import Daybook
// end of sample

func body() {
    // sample: first
    let one = 1
    if one == 1 {
        print(one)
    }
    // end of sample
}
"""

CODE = "import Daybook\n\nlet one = 1\nif one == 1 {\n    print(one)\n}\n"


class CheckSamplesTests(unittest.TestCase):
    def setUp(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "Samples.swift").write_text(SOURCE)
            self.samples = check_samples.compiled_samples(pathlib.Path(folder))

    def differences(self, markdown):
        return list(check_samples.differences(markdown, self.samples, "README.md"))

    def test_joins_the_parts_of_a_sample(self):
        self.assertEqual(self.samples, {"first": CODE})

    def test_accepts_what_compiles(self):
        self.assertEqual(self.differences(f"text\n\n<!-- sample: first -->\n```swift\n{CODE}```\n\n```sh\nls\n```\n"), [])

    def test_shows_what_differs(self):
        found = self.differences(f"<!-- sample: first -->\n```swift\n{CODE.replace('one', 'two')}```\n")
        self.assertIn("README.md:2: sample 'first' is not what compiles:", found)
        self.assertIn("  -let two = 1", found)

    def test_refuses_a_block_that_nothing_compiles(self):
        self.assertEqual(len(self.differences(f"text\n```swift\n{CODE}```\n")), 1)
        self.assertEqual(len(self.differences(f"<!-- sample: second -->\n```swift\n{CODE}```\n")), 1)


if __name__ == "__main__":
    unittest.main()
