"""The comparison of the curl examples of the documentation with what comes."""

import unittest

from script_loader import load

check = load("check-curl-examples")

DOCUMENT = """\
# Title

```console
$ one 'that
  goes on'
{"a":"…","b":1}
$ two \\
    goes on
$ three
```
```sh
$ four
```
"""


class Examples(unittest.TestCase):
    def test_commands_are_read_as_far_as_the_shell_would(self):
        self.assertEqual(
            list(check.examples(DOCUMENT)),
            [("one 'that\n  goes on'", '{"a":"…","b":1}'), ("two \\\n    goes on", ""), ("three", "")],
        )

    def test_an_ellipsis_stands_for_anything(self):
        self.assertTrue(check.fits('{"a":"x\ny","b":1}\n', '{"a":"…","b":1}'))
        self.assertTrue(check.fits("3", "3"))
        self.assertFalse(check.fits('{"a":"x","b":2}', '{"a":"…","b":1}'))
        self.assertFalse(check.fits("more 3", "3"))

    def test_the_document_has_examples(self):
        commands = [command for command, _ in check.examples(check.DOCUMENT.read_text())]
        self.assertGreater(len(commands), 10)
        self.assertTrue(all(command.startswith("curl ") for command in commands))


if __name__ == "__main__":
    unittest.main()
