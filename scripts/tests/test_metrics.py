"""The metrics that the server serves, those that the guide explains, and those that the dashboard asks for: the same names."""

import json
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SOURCES = ("DaybookServer", "DaybookSQLite", "DaybookCore")
#: Where a name begins: `text.begin("daybook_calls_total", .counter, …`, on one line or two.
DEFINED = re.compile(r'(?:begin|add)\(\s*"((?:daybook|process)_[a-z0-9_]+)"(?:, \.(counter|gauge|histogram))?')
NAME = re.compile(r"\b(?:daybook|process)_[a-z0-9_]+\b")
#: What a histogram has beside its name.
SUFFIXES = ("_bucket", "_sum", "_count")


def defined():
    """Each name with its kind."""
    kinds = {}
    for source in SOURCES:
        for path in sorted((ROOT / "Sources" / source).rglob("*.swift")):
            for match in DEFINED.finditer(path.read_text()):
                # Those of consumers are begun by a function of their own, as gauges.
                kinds[match[1]] = match[2] or "gauge"
    return kinds


def documented():
    """Each name in the first column of the guide's tables, with the kind in the second."""
    rows = re.findall(r"^\| (`(?:daybook|process)_[^|]*) \| (counter|gauge|histogram) \|",
                      (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    return {name: kind for cell, kind in rows for name in re.findall(r"`([a-z0-9_]+)`", cell)}


def queries(dashboard):
    """Every query of the panels, and of the variables."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"]


class MetricTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kinds = defined()
        cls.dashboard = json.loads((ROOT / "deploy" / "grafana" / "daybook.json").read_text())

    def served(self, name):
        if name in self.kinds and self.kinds[name] != "histogram":
            return True
        return any(name == base + suffix for base, kind in self.kinds.items() if kind == "histogram"
                   for suffix in SUFFIXES)

    def test_there_are_some(self):
        self.assertGreater(len(self.kinds), 50)
        self.assertIn("daybook_consumer_lag_events", self.kinds)
        self.assertEqual(self.kinds["daybook_append_duration_seconds"], "histogram")

    def test_names_follow_the_conventions(self):
        for name, kind in self.kinds.items():
            self.assertEqual(name.endswith("_total"), kind == "counter", name)
            self.assertFalse(name.endswith(SUFFIXES), name)
            for unit in ("milliseconds", "microseconds", "kilobytes", "megabytes"):
                self.assertNotIn(unit, name)

    def test_the_guide_explains_each_and_no_other(self):
        self.assertEqual(documented(), self.kinds)

    def test_the_dashboard_asks_for_what_is_served(self):
        asked = list(queries(self.dashboard))
        self.assertGreater(len(asked), 30)
        for query in asked:
            names = NAME.findall(query)
            self.assertTrue(names, query)
            for name in names:
                self.assertTrue(self.served(name), f"{name} in {query}")

    def test_the_dashboard_takes_rates_of_counters_alone(self):
        for query in queries(self.dashboard):
            for name in re.findall(r"\brate\((\w+)", query):
                self.assertTrue(name.endswith(("_total",) + SUFFIXES), query)
            for name in NAME.findall(query):
                if name.endswith("_total") and "label_values" not in query:
                    self.assertIn(f"rate({name}", query)

    def test_the_panels_of_the_dashboard_are_apart(self):
        identifiers = [panel["id"] for panel in self.dashboard["panels"]]
        self.assertEqual(len(set(identifiers)), len(identifiers))
        taken = set()
        for panel in self.dashboard["panels"]:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24)
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                     for y in range(place["y"], place["y"] + place["h"])}
            self.assertFalse(cells & taken, panel["title"])
            taken |= cells


if __name__ == "__main__":
    unittest.main()
