#!/usr/bin/env python3
"""Questions of TPC-H under a bound on the shares that a seat holds in memory, and what they
take with and without it.  --alone: the bound without a folder for what rests, which ends them.

spill.py SEAT [--sf 0.01] [--only q07,..] [--bytes 12500000]   TAP
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

import tpch


def ask(program, folder, text, memory, spill):
    """head and rows of the answer, seconds, and the peak RSS of the seats in MiB."""
    env = {"SEAT_PEAK": "1"}
    if memory:
        env["SEAT_MEMORY"] = str(memory)
    if spill:
        env["SEAT_SPILL"] = spill
    with tempfile.TemporaryFile("w+") as says:
        os.environ.update(env)
        start, err = time.monotonic(), os.dup(2)
        os.dup2(says.fileno(), 2)
        try:
            (answer,) = tpch.Seats(program, folder).ask(["T " + " ".join(text.split())])
        finally:
            os.dup2(err, 2)
            os.close(err)
            for name in env:
                del os.environ[name]
        says.seek(0)
        peaks = [int(line.split()[2]) for line in says if line.startswith("# peak ")]
    assert len(peaks) == 3, peaks
    return answer, time.monotonic() - start, max(peaks) / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("seat")
    parser.add_argument("--sf", type=float, default=0.01)
    parser.add_argument("--only", default="q07,q08,q09")
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--bytes", type=int, default=12_500_000)
    args = parser.parse_args()
    world = tpch.World(args.sf)
    asked = [t for t in tpch.texts() if t[0] in args.only.split(",")]
    modes = (("without_a_bound_it_is_answered", 0, False),
             ("with_a_folder_it_is_answered", args.bytes, True))
    if args.alone:
        modes = (("a_bound_alone_ends_it", args.bytes, False),)
    print(f"1..{len(modes) * len(asked)}", flush=True)
    good = n = 0
    with tempfile.TemporaryDirectory(prefix="malus-tpch-") as folder:
        world.write(folder)
        spill = os.path.join(folder, "spill")
        os.mkdir(spill)
        for name, text in asked:
            cursor = world.db.execute(text)
            names, theirs = [d[0] for d in cursor.description], cursor.fetchall()
            for says, memory, where in modes:
                (head, ours), seconds, peak = ask(args.seat, folder, text, memory,
                                                  spill if where else None)
                ok = (head.startswith("E_LIMIT") and "over the limit" in head
                      if memory and not where else
                      head.startswith("ok") and not tpch.compare(text, names, head, ours, theirs))
                n, good = n + 1, good + ok
                print(f"{'ok' if ok else 'not ok'} {n} - {name}_{says}"
                      f" ({seconds:.1f} s, peak {peak:.0f} MiB)", flush=True)
                if not ok:
                    print("# " + head)
            assert not os.listdir(spill), "the file has no name"
    sys.exit(good != n)


if __name__ == "__main__":
    main()
