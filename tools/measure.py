#!/usr/bin/env python3
"""measure.py: every speed that docs/measurements.md prints, again, on this machine.

    make bench, or tools/measure.py [--runs N]

Runs `malus bench` of the release build N times (3) and prints a table in Markdown:
of each line the run with the least CPU time, as these machines are shared and noisy.
"""
import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNS = [
    ["ingest"],
    ["sum", "--rows", "65536"], ["sum", "--rows", "262144"], ["sum", "--rows", "1048576"],
    ["psi", "--rows", "65536"], ["psi", "--rows", "262144"], ["psi", "--rows", "1048576"],
    ["log"], ["dp"], ["net"],
]


def lines_of(malus, args):
    out = subprocess.run([malus, "bench", *args, "--json"], check=True,
                         capture_output=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def policy_lines():
    """The judge's bench is a program of its own, if it is built."""
    for folder in ("build", "build-test"):
        program = ROOT / folder / "src/policy/bench_policy"
        if program.exists():
            out = subprocess.run([program], check=True, capture_output=True, text=True)
            return [json.loads(line) for line in out.stdout.splitlines()]
    return []


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    malus = ROOT / "build/malus"
    if not malus.exists():
        sys.exit("no build/malus: run make first")
    best = {}
    for i in range(runs):
        found = [line for args in RUNS for line in lines_of(malus, args)]
        for line in found + policy_lines():
            key = (line["engine"], line["name"], line["rows"], line["threads"])
            old = best.get(key)
            if old is None or line["cpu_seconds"] < old["cpu_seconds"]:
                best[key] = line
        print(f"run {i + 1} of {runs}", file=sys.stderr)
    print("| engine | name | rows | threads | wall s | CPU s | bytes | ns/row (wall) |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    for (engine, name, rows, threads), line in best.items():
        print(f"| {engine} | {name} | {rows:,} | {threads} | {line['seconds']:.4f} | "
              f"{line['cpu_seconds']:.4f} | {line['bytes']:,} | {line['ns_per_row']:,.1f} |")


main()
