# SPDX-License-Identifier: BSL-1.0
"""What contestants written in Python say to the benchmark, as those of pglocks_benchmark do."""
import sys


def answer(run):
    """Says `ready`; for each line `run COUNT`, prints what run(COUNT) answers: nanoseconds."""
    print("ready", flush=True)
    for line in sys.stdin:
        command, count = line.split()
        if command != "run":
            sys.exit("commands are `run COUNT`, one a line")
        print(run(int(count)), flush=True)
