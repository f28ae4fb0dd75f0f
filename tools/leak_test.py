#!/usr/bin/env python3
"""Build a leak test with gcc and clang at -O1 to -O3 and run it under memcheck.

    leak_test.py --test src/prim/test/leak_x.c [--source FILE ...] \
        [--include DIR ...] [--link ARG ...]

Prints TAP: every case of the test, once per build.  Where valgrind is absent, one
case that says SKIP.  All of src/base is compiled anew for each build, and so is
each --source (a file, or a folder's *.c); foreign libraries come with --link.
"""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILDS = [(cc, level) for cc in ("gcc", "clang") for level in "123"]
FLAGS = ["-std=gnu17", "-D_GNU_SOURCE", "-DMAL_LEAK_TEST", "-g", "-gdwarf-4",
         "-fno-strict-aliasing", "-pthread"]
# What the control of a test reports is expected; the log is for a person who
# looks into a failure.
MEMCHECK = ["valgrind", "--tool=memcheck", "--leak-check=no", "--num-callers=12",
            "--error-limit=no", "--quiet", "--log-file=memcheck.log"]


def skip(why):
    print("1..1\nok 1 - leaks are looked for # SKIP " + why)
    sys.exit(0)


def build(cc, level, args, folder):
    out = os.path.join(folder, f"leak-{cc}-{level}")
    command = [cc, "-O" + level, *FLAGS, "-I", ROOT + "/tests/harness"]
    for include in ["src/base", *args.include]:
        command += ["-I", os.path.join(ROOT, include)]
    command.append(os.path.join(ROOT, args.test))
    for source in ["src/base", *args.source]:
        path = os.path.join(ROOT, source)
        command += (sorted(glob.glob(path + "/*.c")) if os.path.isdir(path)
                    else [path])
    done = subprocess.run(command + ["-o", out, *args.link], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        print("".join("# " + l + "\n" for l in done.stdout.splitlines()[:20]))
        return None
    return out


def run(program, folder):
    """The cases of one build as (good, what follows the number, comments)."""
    done = subprocess.run(MEMCHECK + [program], cwd=folder, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    cases, plan = [], None
    for line in done.stdout.splitlines():
        case = re.match(r"(not )?ok \d+ - (.*)", line)
        if case:
            cases.append([not case[1], case[2], []])
        elif line.startswith("1.."):
            plan = int(line[3:])
        elif cases:
            cases[-1][2].append(line)
    if plan is None or plan != len(cases):
        cases.append([False, "the test came to its end", done.stdout.splitlines()])
    if any(not good for good, _, _ in cases):
        with open(os.path.join(folder, "memcheck.log")) as log:
            cases[-1][2] += ["# " + l.rstrip() for l in log][:60]
    return cases


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--test", required=True)
    for name in ("--source", "--include", "--link"):
        parser.add_argument(name, action="append", default=[])
    args = parser.parse_args()
    if not shutil.which("valgrind"):
        skip("valgrind is absent: apt-get install valgrind")
    n = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for cc, level in BUILDS:
            name = f"{cc} -O{level}"
            if not shutil.which(cc):
                cases = [[True, f"builds # SKIP {cc} is absent", []]]
            else:
                program = build(cc, level, args, folder)
                cases = (run(program, folder) if program
                         else [[False, "the test builds", []]])
            for good, text, comments in cases:
                n += 1
                failed += not good
                print(f"{'ok' if good else 'not ok'} {n} - {name}: {text}")
                for line in comments:
                    print(line if line.startswith("#") else "# " + line)
    print(f"1..{n}")
    sys.exit(failed != 0)


main()
