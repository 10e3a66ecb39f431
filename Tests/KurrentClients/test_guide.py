"""What the guide shows of a client (docs/server.md) runs as it stands there, and prints what stands there."""

import pathlib
import re
import subprocess
import sys

from harness import ServerTestCase, newest_only

GUIDE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs/server.md"


@newest_only
class GuideTests(ServerTestCase):
    def test_the_example_prints_what_it_says(self):
        text = GUIDE.read_text()
        program = re.search(r"```python\n(.*?)```", text, re.S)[1]
        expected = re.search(r"```text\n(.*?)```", text, re.S)[1]
        self.assertIn("localhost:2113", program)
        program = program.replace("localhost:2113", self.server.address)
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, expected), done.stderr)
