#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Tests of the benchmark, of which no time is looked at: everybody is measured, the tables and plots are well-formed,
and nothing is left behind.

  benchmark_test.py PROGRAMS [OPTION_OF_UNITTEST...]

PROGRAMS is the directory where Meson has built the benchmark's programs.
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree as xml

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
import report  # noqa: E402
import scenarios  # noqa: E402
import stage  # noqa: E402

DEADLINE = 60  # seconds; only a failing test waits so long
programs = None


def driver(*arguments):
    return [sys.executable, "-B", str(HERE / "benchmark.py"), "--programs", str(programs), *map(str, arguments)]


def eventually(condition):
    end = time.monotonic() + DEADLINE
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


def processes_with(variable):
    """The command lines of those that have this in their environment: what a run has started, and all below it."""
    found = []
    for process in pathlib.Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if variable.encode() in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                pass  # it has ended, or is somebody else's
    return found


class SmokeRun(unittest.TestCase):
    """One short run of everything, which the tests look at."""

    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.output = pathlib.Path(temporary.name) / "output"
        cls.left = pathlib.Path(temporary.name) / "tmp"
        cls.left.mkdir(mode=0o1777)
        os.chmod(temporary.name, 0o711)
        done = subprocess.run(driver("--smoke", "--output", cls.output), stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "TMPDIR": str(cls.left)}, check=True)
        cls.printed = done.stdout
        cls.results = json.loads((cls.output / "results.json").read_text(encoding="utf-8"))
        cls.page = (cls.output / "results.md").read_text(encoding="utf-8")
        cls.contestants = stage.find_contestants(programs)

    def scenarios(self):
        return zip(scenarios.SCENARIOS, self.results["scenarios"], strict=True)

    def test_every_contestant_is_measured_in_every_scenario_of_its_tasks(self):
        for scenario, measured in self.scenarios():
            self.assertEqual([row["contestant"] for row in measured["rows"]],
                             list(scenarios.participants(scenario, self.contestants)), scenario.name)
            for row in measured["rows"]:
                times = row["nanoseconds"]
                self.assertGreater(times["low"], 100, row)  # less is no round trip
                self.assertLessEqual(times["low"], times["median"], row)
                self.assertLessEqual(times["median"], times["high"], row)

    def test_every_contestant_takes_part_somewhere(self):
        taking_part = {row["contestant"] for _, measured in self.scenarios() for row in measured["rows"]}
        self.assertEqual(taking_part, set(self.contestants))

    def test_a_baseline_is_measured_and_is_once_itself(self):
        for scenario, measured in self.scenarios():
            ratios = {row["contestant"]: row["ratio"] for row in measured["rows"]}
            self.assertEqual(ratios[scenario.baseline], {"low": 1, "median": 1, "high": 1})

    def test_those_who_stand_for_their_kind_exist(self):
        self.assertLessEqual(set(scenarios.FEW), set(self.contestants))

    def test_every_limit_is_told_if_its_contestant_was_measured(self):
        table = self.page.split("## Limits")[1].split("## Plots")[0]
        for limit in scenarios.LIMITS:
            self.assertIn(limit.scenario, [scenario.name for scenario in scenarios.SCENARIOS])
            self.assertEqual(limit.what in table, limit.contestant in self.contestants, limit)

    def test_the_tables_of_the_page_are_well_formed_and_complete(self):
        lines = self.page.splitlines()
        for number, line in enumerate(lines):
            if line.startswith("|"):
                before = lines[number - 1]
                if before.startswith("|"):
                    self.assertEqual(line.count("|"), before.count("|"), line)
        for scenario, measured in self.scenarios():
            section = self.page.split(f"## {scenario.title}\n")[1].split("\n## ")[0]
            for row in measured["rows"]:
                self.assertIn(row["label"], section)
        self.assertNotIn("nan", self.page.lower().split())

    def test_every_plot_of_the_page_is_a_drawing_with_its_contestants(self):
        linked = re.findall(r"\]\((\w+\.svg)\)", self.page)
        self.assertEqual(sorted(linked), sorted(path.name for path in self.output.glob("*.svg")))
        self.assertEqual(len(linked), len(report.FIGURES))
        for file, _, panels, everybody in report.drawable(self.results):
            drawing = xml.parse(self.output / file).getroot()
            self.assertEqual(drawing.tag, "{http://www.w3.org/2000/svg}svg")
            words = "".join(drawing.itertext())
            for panel in panels:
                for row in panel["rows"]:
                    if everybody or row["contestant"] in scenarios.FEW:
                        self.assertIn(row["label"], words)

    def test_what_is_written_depends_on_the_results_alone(self):
        with tempfile.TemporaryDirectory() as other:
            (pathlib.Path(other) / "results.json").write_bytes((self.output / "results.json").read_bytes())
            subprocess.run(driver("--redraw", "--output", other), check=True, stdout=subprocess.DEVNULL)
            for path in self.output.iterdir():
                self.assertEqual(path.read_bytes(), (pathlib.Path(other) / path.name).read_bytes(), path.name)
                text = path.read_text(encoding="utf-8")
                self.assertNotIn(str(self.left.parent), text)
                self.assertNotIn(str(programs), text)

    def test_everything_in_the_process_is_told(self):
        self.assertGreater(len(self.results["in process"]), 10)
        for row in self.results["in process"]:
            self.assertIn(row["what"], self.page)
            self.assertGreater(row["nanoseconds"]["median"], 0)

    def test_nothing_is_left(self):
        self.assertEqual(list(self.left.iterdir()), [])


class Interruption(unittest.TestCase):
    def run_and_interrupt(self, number):
        """Interrupts a run in the middle; the status, what is left of its processes, and of its files."""
        with tempfile.TemporaryDirectory() as directory:
            os.chmod(directory, 0o1777)
            mark = f"TMPDIR={directory}"
            with subprocess.Popen(driver("--quick", "--output", f"{directory}-none"), stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, env={**os.environ, "TMPDIR": directory}) as run:
                try:
                    self.assertTrue(eventually(lambda: any("--conninfo" in each for each in processes_with(mark))))
                    run.send_signal(number)
                    run.stdout.close()
                    status = run.wait(DEADLINE)
                finally:
                    run.kill()
            eventually(lambda: not processes_with(mark) and not os.listdir(directory))
            return status, processes_with(mark), os.listdir(directory)

    def test_an_interrupt_ends_everything(self):
        self.assertEqual(self.run_and_interrupt(signal.SIGINT), (130, [], []))

    def test_a_termination_ends_everything(self):
        self.assertEqual(self.run_and_interrupt(signal.SIGTERM), (143, [], []))

    def test_even_a_kill_leaves_nothing(self):
        self.assertEqual(self.run_and_interrupt(signal.SIGKILL), (-signal.SIGKILL, [], []))


class Failure(unittest.TestCase):
    def test_a_contestant_that_does_not_exist_is_refused(self):
        refused = subprocess.run([programs / "pglocks_benchmark", "--contestant", "nobody", "--conninfo", ""],
                                 stderr=subprocess.PIPE, text=True)
        self.assertEqual(refused.returncode, 64)
        self.assertIn("no contestant is called 'nobody'", refused.stderr)

    def test_a_contestant_without_a_server_says_so(self):
        ended = subprocess.run([programs / "pglocks_benchmark", "--contestant", "libpq-text", "--conninfo",
                                "host=/nowhere"], stderr=subprocess.PIPE, text=True)
        self.assertEqual(ended.returncode, 69)
        self.assertIn("/nowhere", ended.stderr)

    def test_programs_that_are_not_built_are_named(self):
        with tempfile.TemporaryDirectory() as empty:
            ended = subprocess.run([sys.executable, str(HERE / "benchmark.py"), "--programs", empty, "--smoke",
                                    "--output", empty], stderr=subprocess.PIPE, text=True)
        self.assertEqual(ended.returncode, 1)
        self.assertIn("pglocks_benchmark", ended.stderr)
        self.assertIn("run.sh benchmark", ended.stderr)


if __name__ == "__main__":
    programs = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=2)
