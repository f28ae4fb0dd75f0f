#!/usr/bin/env python3
"""growth.py: does the cost of a row grow beyond its formula?

    make growth, or tools/growth.py [--malus FILE] [--sizes 2^16,2^18,..]
        [--only NAME,..] [--security semi-honest,malicious]

Runs `malus bench psi` and `malus bench share3`, a process for each name and size, and
prints the cost of a row beside the formula: bytes as foretold from sizes alone (sorts
within 20 %), CPU as c or c log2 n, with c of the smallest size.  `over` is measured by
formula, `!` where that is more than 1.05 in bytes or 1.5 in CPU (caches end, and a
shared machine varies).  Peak memory is that of all parties, in one process or two.
"""
import argparse
import json
import math
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINEAR, SORTS = "n", "n log n"
NAMES = {"psi": {"semi-honest": LINEAR, "malicious": LINEAR, "circuit": LINEAR},
         "share3": {"mul64": LINEAR, "eq64": LINEAR, "lt64": LINEAR, "shuffle64": LINEAR,
                    "sort64": SORTS, "join": SORTS, "group-by": SORTS}}
BYTES_MAX, BYTES_SORTED_MAX, CPU_MAX = 1.05, 1.2, 1.5


def messages(words):
    """An exchange: 8 bytes a word, 16 a chunk of 8192 words."""
    return 8 * words + 16 * -(-words // 8192)


def foretold(line):
    """Bytes of the party that sends most; of both, of psi.  Malicious share3 adds what
    proofs and checks send, of which no formula is told here."""
    n = line["rows"]
    if line["name"] == "shuffle64":  # three passes of n words, by turns
        return 4 * messages(n) / 3
    if line["name"] == "sort64":  # src/share3/README.md: comparisons of w + log n bits
        log = math.ceil(math.log2(n))
        pairs = -(-n * (log + 5) // 64)
        shuffle = messages(n) + messages(n * (8 if log > 48 else 4 if log > 16 else 2) // 8)
        return 2 * shuffle + messages(pairs * 2 * (64 + log)) + messages(pairs)
    return line["bytes_foretold"]


def bench(malus, engine, name, size, security):
    """The last line of a run, its process's CPU seconds and peak memory."""
    args = [malus, "bench", engine, "--only", name, "--rows", size, "--json"]
    if engine == "share3":
        args += ["--security", security]
    with tempfile.TemporaryFile() as out:
        pid = os.posix_spawn(malus, args, os.environ,
                             file_actions=[(os.POSIX_SPAWN_DUP2, out.fileno(), 1)])
        _, status, used = os.wait4(pid, 0)
        if status:
            sys.exit(f"{' '.join(args)} failed")
        out.seek(0)
        line = json.loads(out.read().splitlines()[-1])
    line["rss"] = line.get("rss_receiver", 0) + line.get("rss_sender", 0) or used.ru_maxrss * 1024
    return line


def cpu_of(line):
    """ns a row: of the dearest party of three, of both parties of two."""
    return line.get("cpu_ns_per_row", line["cpu_seconds"] * 1e9 / line["rows"])


def table(lines, shape, proved):
    first = lines[0]
    unit = cpu_of(first) / (math.log2(first["rows"]) if shape == SORTS else 1)
    over = False
    for line in lines:
        formula = unit * (math.log2(line["rows"]) if shape == SORTS else 1)
        told = foretold(line) if not proved else first["bytes"] / first["rows"] * line["rows"] * (
            math.log2(line["rows"]) / math.log2(first["rows"]) if shape == SORTS else 1)
        by_bytes, by_cpu = line["bytes"] / told, cpu_of(line) / formula
        bad = (by_bytes > (BYTES_SORTED_MAX if shape == SORTS else BYTES_MAX),
               by_cpu > CPU_MAX)
        over |= any(bad)
        print(f"| {line['name']} | {line.get('security', '')} | 2^{math.log2(line['rows']):.0f} | "
              f"{line['seconds']:.3f} | {line['bytes_per_row']:.1f} | {by_bytes:.2f}"
              f"{' !' * bad[0]} | {cpu_of(line):.1f} | {shape} | {by_cpu:.2f}{' !' * bad[1]} | "
              f"{line['rss'] / 1e6:.0f} |", flush=True)
    return over


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--malus", default=str(ROOT / "build/malus"))
    parser.add_argument("--sizes", default="2^16,2^18,2^20,2^22")
    parser.add_argument("--only")
    parser.add_argument("--security", default="semi-honest")
    options = parser.parse_args()
    if not os.path.exists(options.malus):
        sys.exit(f"no {options.malus}: run make first")
    over = []
    print("| name | security | rows | wall s | bytes a row | over | CPU ns a row | formula |"
          " over | peak MB |\n|---|---|--:|--:|--:|--:|--:|---|--:|--:|")
    for engine, names in NAMES.items():
        for name, shape in names.items():
            if options.only and name not in options.only.split(","):
                continue
            for security in options.security.split(",") if engine == "share3" else [""]:
                lines = [bench(options.malus, engine, name, size, security)
                         for size in options.sizes.split(",")]
                if table(lines, shape, security == "malicious"):
                    over.append(f"{name} {security}".strip())
    print(f"\nbeyond its formula: {', '.join(over) or 'nothing'}")


main()
