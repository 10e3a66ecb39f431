"""What the fuzz script makes of a fuzzer's runs, with a fuzzer written here."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "fuzz"

# Says what libFuzzer says, finds the planted defects it is told to, and a defect of its own in one target.
FUZZER = '''#!{python}
import os, pathlib, sys
artifacts = next(option for option in sys.argv if option.startswith("-artifact_prefix=")).partition("=")[2]
canary = os.environ.get("DAYBOOK_FUZZ_CANARY")
target = os.environ["DAYBOOK_FUZZ_TARGET"]
print("#42 DONE cov: {edges} ft: 2000", file=sys.stderr)
print("stat::number_of_executed_units: {executions}", file=sys.stderr)
said = dict(trap="The planted trap was reached.", overflow="==1==ERROR: AddressSanitizer: heap-buffer-overflow on 0x1")
if canary in {found} or (canary is None and target == {broken!r}):
    print(said.get(canary, "Fatal error"), file=sys.stderr)
    pathlib.Path(artifacts + "crash-1").write_text("EVT")
    sys.exit(77)
'''


class FuzzTests(unittest.TestCase):
    def run_script(
            self, found=("trap", "overflow"), broken="", executions=1000, edges=1700,
            arguments=("--targets", "json,csv")):
        with tempfile.TemporaryDirectory() as folder:
            # The script keeps its corpus and findings beside itself.
            script = pathlib.Path(folder) / "scripts/fuzz"
            script.parent.mkdir()
            script.write_text(SCRIPT.read_text())
            fuzzer = pathlib.Path(folder) / "DaybookFuzz"
            fuzzer.write_text(
                FUZZER.format(
                    python=sys.executable, found=tuple(found), broken=broken, executions=executions, edges=edges))
            fuzzer.chmod(0o755)
            result = subprocess.run(
                [sys.executable, str(script), "--binary", str(fuzzer), "--seconds", "1", *arguments],
                capture_output=True, text=True, check=False, timeout=60)
            lines = [json.loads(line) for line in result.stdout.splitlines()]
            self.kept = [pathlib.Path(path).exists() for line in lines for path in line["files"]]
            return result, lines

    def test_prints_a_line_for_each_target(self):
        result, lines = self.run_script()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([line["target"] for line in lines], ["json", "csv"])
        self.assertEqual([line["executions"] for line in lines], [1000, 1000])
        self.assertEqual([(line["edges"], line["findings"]) for line in lines], [(1700, 0), (1700, 0)])

    def test_fails_on_a_finding_and_keeps_its_file(self):
        result, lines = self.run_script(broken="csv")
        self.assertEqual(result.returncode, 1)
        self.assertEqual([line["findings"] for line in lines], [0, 1])
        self.assertEqual(self.kept, [True])

    def test_fails_where_a_planted_defect_is_not_found(self):
        for missing in ("trap", "overflow"):
            result, lines = self.run_script(found={"trap", "overflow"} - {missing})
            self.assertEqual(result.returncode, 1)
            self.assertEqual(lines, [])
            self.assertIn(f"The planted {missing} was not found", result.stderr)

    def test_fails_where_nothing_was_tried(self):
        result, lines = self.run_script(executions=0)
        self.assertEqual(result.returncode, 1)
        self.assertEqual([line["findings"] for line in lines], [1, 1])

    def test_fails_where_the_code_under_test_is_not_seen(self):
        result, lines = self.run_script(edges=61)
        self.assertEqual(result.returncode, 1)
        self.assertEqual([line["findings"] for line in lines], [1, 1])

    def test_says_which_targets_there_are(self):
        result, _ = self.run_script(arguments=("--targets", "yaml"))
        self.assertEqual(result.returncode, 2)
        self.assertIn("records, json, ndjson, xes, csv, wire, rpc, headers, credentials, requests", result.stderr)

    def test_has_a_corpus_for_each_target(self):
        corpus = SCRIPT.parent.parent / "Tests/Fuzzing/corpus"
        self.assertEqual(
            {folder.name for folder in corpus.iterdir() if any(folder.iterdir())},
            {"records", "json", "ndjson", "xes", "csv", "wire", "rpc", "headers", "credentials", "requests"})


if __name__ == "__main__":
    unittest.main()
