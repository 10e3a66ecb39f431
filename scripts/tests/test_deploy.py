"""What deploy/ says of the program: flags, settings, variables, ports, paths, packages. Neither systemd nor a container is started."""

import configparser
import json
import pathlib
import re
import shlex
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
SERVE = (ROOT / "Sources/DaybookCommand/Serve/Serve.swift").read_text()
TABLE = (ROOT / "Sources/DaybookServer/Settings/Setting+Table.swift").read_text()
SETUP = (ROOT / "scripts/setup").read_text()
MANIFEST = (ROOT / "Package.swift").read_text()
OPERATIONS = (ROOT / "docs/operations.md").read_text()

SETTINGS = set(re.findall(r'Setting\("([a-z-]+)"', TABLE))
LIMITS = {
    name: (int(least.replace("_", "")), int(most.replace("_", "")))
    for name, least, most in re.findall(r'limit\("([a-z-]+)", [^,]+, ([\d_]+)\.\.\.([\d_]+)\)', TABLE)
}


def flag_of(variable):
    """`tlsClientCA` is --tls-client-ca, as ArgumentParser and custom names have it."""
    return "--" + re.sub(r"(?<=[a-z])([A-Z])", r"-\1", variable).lower()


def serve_flags():
    custom = {"--" + name for name in re.findall(r'\.customLong\("([a-z-]+)"\)', SERVE)}
    declared = {flag_of(name) for name in re.findall(r"^ {4}(?:@(?:Option|Flag).*|) ?var (\w+)[:= ]", SERVE, re.MULTILINE)}
    return custom | declared


def packages(stage):
    """What `apt-get install` of a stage of the Dockerfile names."""
    text = re.search(r"apt-get install [^\n]*\\\n((?:\s+[a-z0-9.+-]+ \\\n)+)", stage)[1]
    return set(re.findall(r"[a-z0-9.+-]+", text))


class Unit(configparser.RawConfigParser):
    def __init__(self):
        super().__init__(strict=True, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
        self.optionxform = str
        self.read_string((DEPLOY / "daybook.service").read_text())


class SettingsTests(unittest.TestCase):
    def test_are_found(self):
        self.assertGreater(len(SETTINGS), 20)
        self.assertGreater(len(LIMITS), 20)

    def test_each_has_a_flag(self):
        given = set(re.findall(r'\("([a-z-]+)", \w+\)', SERVE)) | set(re.findall(r'flags\.set\("([a-z-]+)"', SERVE))
        self.assertEqual(given, SETTINGS)
        self.assertLessEqual({f"--{name}" for name in SETTINGS if name != "file"}, serve_flags())

    def test_each_is_told_of_in_the_documentation(self):
        told = set(re.findall(r"`([a-z-]+)`", OPERATIONS))
        self.assertEqual((SETTINGS | set(LIMITS)) - told, set())


class UnitTests(unittest.TestCase):
    def setUp(self):
        self.service = Unit()["Service"]
        self.command = shlex.split(self.service["ExecStart"])

    def test_starts_the_program_by_flags_that_it_has(self):
        self.assertEqual(self.command[:2], ["/usr/local/bin/daybook", "serve"])
        flags = [word for word in self.command if word.startswith("--")]
        self.assertLessEqual(set(flags), serve_flags())

    def test_keeps_the_store_where_it_may_write(self):
        self.assertEqual(self.service["StateDirectory"], "daybook")
        self.assertEqual(self.service["ProtectSystem"], "strict")
        self.assertTrue(self.command[2].startswith("/var/lib/daybook/"))
        self.assertNotEqual(self.service["User"], "root")

    def test_reads_the_file_that_is_installed(self):
        path = self.command[self.command.index("--config") + 1]
        self.assertEqual(path, "/etc/daybook/server.json")
        self.assertIn(f"deploy/server.json {path}", (DEPLOY / "daybook.service").read_text())

    def test_gives_it_time_to_end_and_descriptors_for_its_connections(self):
        limits = json.loads((DEPLOY / "server.json").read_text())["limits"]
        self.assertGreater(int(self.service["TimeoutStopSec"]), limits["shutdown-seconds"] + 5)
        self.assertGreater(int(self.service["LimitNOFILE"]), limits["connections"])

    def test_does_not_try_again_what_cannot_succeed(self):
        codes = (ROOT / "Sources/DaybookCommand/ExitCode+Daybook.swift").read_text()
        for code in self.service["RestartPreventExitStatus"].split():
            self.assertRegex(codes, rf"ExitCode\({code}\)")


class ConfigurationFileTests(unittest.TestCase):
    def test_has_settings_that_there_are_within_their_bounds(self):
        file = json.loads((DEPLOY / "server.json").read_text())
        limits = file.pop("limits")
        self.assertLessEqual(set(file), SETTINGS)
        for name, value in limits.items():
            least, most = LIMITS[name]
            self.assertTrue(least <= value <= most, name)

    def test_encrypts_where_others_listen(self):
        file = json.loads((DEPLOY / "server.json").read_text())
        self.assertIn("tls-certificate", file)
        self.assertNotIn("insecure", file)


class DockerfileTests(unittest.TestCase):
    def setUp(self):
        self.text = (DEPLOY / "Dockerfile").read_text()
        self.build, self.run_stage = re.split(r"^FROM ", self.text, flags=re.MULTILINE)[1:]

    def test_builds_with_a_swift_that_is_new_enough(self):
        least = re.search(r'least_swift="([\d.]+)"', SETUP)[1]
        found = re.match(r"swift:([\d.]+)-", self.build)[1]
        self.assertGreaterEqual([int(part) for part in found.split(".")], [int(part) for part in least.split(".")])

    def test_is_one_distribution(self):
        self.assertIn("-bookworm AS build", self.build)
        self.assertTrue(self.run_stage.startswith("debian:bookworm-slim"))

    def test_installs_the_packages_of_setup(self):
        needed = set(re.findall(r"^ *need (\S+) ", SETUP, re.MULTILINE))
        self.assertLessEqual(packages(self.build), needed)
        # Those that the trait is documented to need, and the store's.
        self.assertLessEqual({"libnghttp2-dev", "libsodium-dev", "libsqlite3-dev"}, packages(self.build))
        self.assertRegex(MANIFEST, r'name: "CSodium".*\n?.*libsodium-dev')
        self.assertRegex(MANIFEST, r'name: "CNGHTTP2".*\n?.*libnghttp2-dev')
        self.assertEqual(
            {re.sub(r"[\d-]*$", "", name) for name in packages(self.run_stage) - {"libstdc++6", "wget"}},
            {re.sub(r"\d*-dev$", "", name) for name in packages(self.build) if name.endswith("-dev")},
        )

    def test_builds_what_the_manifest_has(self):
        for trait in re.findall(r"--traits (\S+)", self.build):
            self.assertRegex(MANIFEST, rf'\.trait\(\s*name: "{trait}"')
        self.assertIn('.executable(name: "daybook"', MANIFEST)
        self.assertIn("--static-swift-stdlib", self.build)
        copied = set(re.findall(r"^COPY (\S+) ", self.build, re.MULTILINE))
        for path in copied:
            self.assertTrue((ROOT / path).exists(), path)
        kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
        self.assertEqual(kept, copied)
        # Targets have their sources in what is copied.
        for path in re.findall(r'path: "([^"]+)"', MANIFEST):
            self.assertIn(path.split("/")[0], copied)

    def test_says_settings_by_variables_that_there_are(self):
        variables = re.findall(r"(DAYBOOK_[A-Z_]+)=", self.run_stage)
        known = {"DAYBOOK_" + name.upper().replace("-", "_") for name in SETTINGS}
        self.assertLessEqual(set(variables), known)
        self.assertIn("DAYBOOK_FILE=/data/", self.run_stage)
        self.assertIn("VOLUME /data", self.run_stage)

    def test_has_one_port(self):
        port = re.search(r"DAYBOOK_PORT=(\d+)", self.run_stage)[1]
        self.assertIn(f"EXPOSE {port}\n", self.run_stage)
        self.assertIn(f"--publish {port}:{port}", self.text)
        source = (ROOT / "Sources/DaybookServer/ServerConfiguration.swift").read_text()
        self.assertIn(f"defaultPort = {port}\n", source)

    def test_is_nobody_of_the_system_and_asks_for_health_where_nobody_needs_a_login(self):
        self.assertRegex(self.run_stage, r"\nUSER 10001:10001\n")
        path = re.search(r"\$\{DAYBOOK_PORT\}(/\S+)\"", self.run_stage)[1]
        table = (ROOT / "Sources/DaybookServer/Access/AccessTable.swift").read_text()
        self.assertIn(f'"GET {path}": .discover', table)


if __name__ == "__main__":
    unittest.main()
