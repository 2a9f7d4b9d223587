#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Compares pglocks with what one could write instead, and writes the tables and plots of docs/benchmarks.

Starts a PostgreSQL server of its own, pins it and the clients to CPUs, and lets the contestants, which are processes
that stay connected, work in turn, a short batch each, round after round. Told are the medians of the rounds, and the
ratio to a baseline, which is taken round by round, so that a machine that slows down slows both.
"""
import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import signal
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import report  # noqa: E402
import scenarios  # noqa: E402
import stage  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Effort:
    rounds: int
    batch: float  # milliseconds of one contestant in one round
    budget: float  # seconds of a scenario: where a batch cannot be that short, there are fewer rounds
    least_rounds: int
    most_sessions: int
    delay: int  # microseconds of a round trip that the proxy adds
    in_process: str  # seconds for each of Google Benchmark's


FULL = Effort(rounds=61, batch=12, budget=25, least_rounds=7, most_sessions=64, delay=1000, in_process="0.1")
QUICK = Effort(rounds=15, batch=10, budget=6, least_rounds=3, most_sessions=64, delay=1000, in_process="0.02")
SMOKE = Effort(rounds=2, batch=1, budget=1, least_rounds=2, most_sessions=3, delay=20, in_process="0.001")


def calibrate(talker, batch):
    """How many cycles take about so many milliseconds."""
    if int(talker.ask("run 1")) / 1e6 > 50 * batch:  # so long that what is done once only makes no difference
        return 1
    count = 1
    while True:
        elapsed = int(talker.ask(f"run {count}")) / 1e6
        if elapsed >= batch / 4:
            return max(1, round(count * batch / elapsed))
        count *= 2


def quartiles(values):
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"low": low, "median": middle, "high": high}


def measure(on, scenario, chosen, effort):
    """The samples of every contestant, in nanoseconds for each cycle: {name: [sample of each round]}."""
    samples = {name: [] for name in chosen}
    with on.contestants(scenario, chosen) as talkers:
        counts = {name: calibrate(talker, effort.batch) for name, talker in talkers.items()}
        begin = time.monotonic()
        for done in range(effort.rounds * scenario.rounds):
            if done >= effort.least_rounds and time.monotonic() - begin > effort.budget:
                break
            for name, talker in talkers.items():
                if counts[name] > 10:
                    talker.ask(f"run {counts[name] // 10}")  # untimed: its code and data come back into the caches
                elapsed = int(talker.ask(f"run {counts[name]}"))
                samples[name].append(elapsed / counts[name] / scenario.sessions)
    return samples


def ratios(samples, name, to):
    """Round by round: what slows the machine down slows both."""
    return quartiles([mine / other for mine, other in zip(samples[name], samples[to])])


def measure_against(limit, samples):
    if limit.at_least:
        return {"what": limit.what, "at least": limit.at_least, "ratio": ratios(samples, limit.to, limit.contestant)}
    if limit.beyond:
        rounds = zip(samples[limit.contestant], samples[limit.beyond], samples[limit.to])
        each = [(mine - other) / limit.more / base for mine, other, base in rounds]
        return {"what": limit.what, "at most": limit.at_most, "ratio": quartiles(each)}
    return {"what": limit.what, "at most": limit.at_most, "ratio": ratios(samples, limit.contestant, limit.to)}


def summarise(scenario, chosen, samples):
    rows = [{"contestant": name, "label": chosen[name].label, "rounds": len(own), "nanoseconds": quartiles(own),
             "ratio": ratios(samples, name, scenario.baseline)} for name, own in samples.items()]
    limits = [measure_against(limit, samples) for limit in scenarios.LIMITS
              if limit.scenario == scenario.name and limit.contestant in samples]
    return {"name": scenario.name, "title": scenario.title, "task": scenario.task, "baseline": scenario.baseline,
            "unit": scenario.unit, "sessions": scenario.sessions, "rows": rows, "limits": limits}


def measure_in_process(programs, cpu, seconds):
    command = [programs / "in_process_benchmark", "--benchmark_format=json", f"--benchmark_min_time={seconds}",
               "--benchmark_repetitions=5", "--benchmark_enable_random_interleaving=true"]
    told = json.loads(subprocess.run(stage.pinned(cpu, command), check=True, stdout=subprocess.PIPE,
                                     stderr=subprocess.DEVNULL, text=True).stdout)
    samples = {}
    for run in told["benchmarks"]:
        if run["run_type"] == "iteration":
            samples.setdefault(run["run_name"], []).append(run["cpu_time"])
    return [{"what": what, "nanoseconds": quartiles(times)} for what, times in samples.items()]


def describe_machine(cpus):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        facts = dict(part for line in file if len(part := [word.strip() for word in line.split(":", 1)]) == 2)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"processor": facts.get("model name", platform.machine()),
            "CPUs": str(os.cpu_count()),
            "placement": f"clients on CPU {cpus.clients}, server on {cpus.server['apart']} where they are apart, "
                         f"delaying proxy on {cpus.proxy}",
            "virtual": "yes" if "hypervisor" in facts.get("flags", "").split() else "no",
            "memory": f"{memory:.0f} GiB",
            "kernel": platform.release().split("-")[0],
            "load average before": f"{os.getloadavg()[0]:.1f}"}


def server_version(conninfo):
    import psycopg2
    with contextlib.closing(psycopg2.connect(conninfo)) as connection:
        return connection.info.parameter_status("server_version").split()[0]


def run(programs, chosen_scenarios, effort):
    contestants = stage.find_contestants(programs)
    versions = stage.find_versions(programs)
    machine = describe_machine(stage.Cpus())
    chosen_scenarios = [dataclasses.replace(each, sessions=min(each.sessions, effort.most_sessions))
                        for each in chosen_scenarios]
    takes_part = {each.name: scenarios.participants(each, contestants) for each in chosen_scenarios}
    connections = max(len(takes_part[each.name]) * (each.sessions + 2) for each in chosen_scenarios)
    done = []
    with stage.Stage(programs, connections + 20, effort.delay) as on:
        versions["PostgreSQL"] = server_version(on.conninfo("socket"))
        for each in chosen_scenarios:
            samples = measure(on, each, takes_part[each.name], effort)
            done.append(summarise(each, takes_part[each.name], samples))
            print(report.text_table(done[-1]), flush=True)
        in_process = measure_in_process(programs, on.cpus.clients, effort.in_process)
    print(report.text_in_process(in_process), flush=True)
    return {"date": datetime.date.today().isoformat(), "machine": machine, "versions": versions,
            "batch": effort.batch, "scenarios": done, "in process": in_process}


def parse_arguments():
    names = [each.name for each in scenarios.SCENARIOS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="scenarios: " + ", ".join(names))
    parser.add_argument("--programs", type=pathlib.Path, help="the directory where Meson has built the programs")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "docs" / "benchmarks",
                        help="where results.json, results.md and the plots go (default: docs/benchmarks)")
    effort = parser.add_mutually_exclusive_group()
    effort.add_argument("--quick", dest="effort", action="store_const", const=QUICK, default=FULL,
                        help="fewer and shorter rounds: three minutes, and more noise")
    effort.add_argument("--smoke", dest="effort", action="store_const", const=SMOKE,
                        help="nothing but whether everything works: the figures mean nothing")
    parser.add_argument("--only", nargs="+", choices=names, metavar="SCENARIO", default=names, help="these scenarios")
    parser.add_argument("--redraw", action="store_true", help="measure nothing: tables and plots from results.json")
    asked = parser.parse_args()
    if not asked.redraw and not asked.programs:
        parser.error("--programs is needed; ./tests/run.sh benchmark builds them, and calls this")
    return asked


def main():
    asked = parse_arguments()
    results = asked.output / "results.json"
    if asked.redraw:
        found = json.loads(results.read_text(encoding="utf-8"))
    else:
        wanted = [each for each in scenarios.SCENARIOS if each.name in asked.only]
        found = run(asked.programs, wanted, asked.effort)
    asked.output.mkdir(parents=True, exist_ok=True)
    results.write_text(json.dumps(report.rounded(found), indent=1) + "\n", encoding="utf-8")
    report.write(report.rounded(found), asked.output)
    print(report.text_limits(found))
    print(f"written: {asked.output}")


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        main()
    except stage.BenchmarkError as error:
        sys.exit(f"benchmark.py: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
