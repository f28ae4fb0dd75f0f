#!/usr/bin/env python3
"""Questions of TPC-H under a bound on the shares that a seat holds in memory, and what they
take with and without it: seconds, peak RSS, bytes of shares in memory and put to disk.
--alone: the bound without a folder for what rests, which ends them.

spill.py SEAT [--sf 0.01] [--only q03,..] [--bytes N] [--security malicious]   TAP
"""
import argparse
import os
import sys
import tempfile
import time

import tpch

# A tenth above what they take at least.
BOUNDS = {"q03": 7_800_000, "q12": 4_500_000}


def ask(program, folder, line, memory, spill):
    """head and rows of the answer, seconds, and of the seats: the peak RSS in MiB, bytes of
    shares (held at most, put to disk)."""
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
            (answer,) = tpch.Seats(program, folder).ask([line])
        finally:
            os.dup2(err, 2)
            os.close(err)
            for name in env:
                del os.environ[name]
        says.seek(0)
        lines = [text.split() for text in says if text.startswith("# ")]
    peaks = [int(w[2]) for w in lines if w[1] == "peak"]
    held = [(int(w[2]), int(w[4])) for w in lines if w[1] == "held"]
    assert len(peaks) == 3, peaks
    return answer, time.monotonic() - start, max(peaks) / 1024, held


def one(args, folder, spill, name, text, want):
    """(what it says, is it so, what it took) of each way to ask."""
    limit = args.bytes or BOUNDS.get(name, 12_500_000)
    ways = [("without_a_bound_it_is_answered", 0, None),
            ("with_a_folder_it_is_answered", limit, spill)]
    if args.alone:
        ways = [("a_bound_alone_ends_it", limit, None)]
    kind = "M " if args.security == "malicious" else "T "
    for says, memory, where in ways:
        (head, ours), seconds, peak, held = ask(args.seat, folder, kind + " ".join(text.split()),
                                                memory, where)
        if memory and not where:
            ok = head.startswith("E_LIMIT") and "takes a limit of at least" in head
        else:
            ok = head.startswith("ok") and not tpch.compare(text, want[0], head, ours, want[1])
        if where:
            ok = ok and len(held) == 3 and all(0 < m <= memory and disk for m, disk in held)
        took = f"{seconds:.1f} s, peak {peak:.0f} MiB" + "".join(
            f", {m / 1e6:.1f} MB of shares, {disk / 1e6:.1f} MB to disk" for m, disk in held[:1])
        yield f"{name}_{says} ({took})", ok, head


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("seat")
    parser.add_argument("--sf", type=float, default=0.01)
    parser.add_argument("--only", default=",".join(BOUNDS))
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--bytes", type=int)
    parser.add_argument("--security", default="semi-honest")
    args = parser.parse_args()
    world = tpch.World(args.sf)
    asked = [t for t in tpch.texts() if t[0] in args.only.split(",")]
    print(f"1..{(1 if args.alone else 2) * len(asked)}", flush=True)
    good = n = 0
    with tempfile.TemporaryDirectory(prefix="malus-tpch-") as folder:
        world.write(folder)
        spill = os.path.join(folder, "spill")
        os.mkdir(spill)
        for name, text in asked:
            cursor = world.db.execute(text)
            want = [d[0] for d in cursor.description], cursor.fetchall()
            for says, ok, head in one(args, folder, spill, name, text, want):
                n, good = n + 1, good + ok
                print(f"{'ok' if ok else 'not ok'} {n} - {says}", flush=True)
                if not ok:
                    print("# " + head)
            assert not os.listdir(spill), "the file has no name"
    sys.exit(good != n)


if __name__ == "__main__":
    main()
