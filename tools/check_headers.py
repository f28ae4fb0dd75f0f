#!/usr/bin/env python3
"""Each public header compiles alone, with gcc and with clang.  Prints TAP."""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main():
    os.chdir(ROOT)
    includes = sum((["-I", d] for d in sorted(glob.glob("src/*/"))), [])
    headers = sorted(glob.glob("src/*/malus/*.h") + glob.glob("include/*.h"))
    good, n = True, 0
    with tempfile.TemporaryDirectory() as folder:
        for cc in ("gcc", "clang"):
            for header in headers:
                n += 1
                if not shutil.which(cc):
                    print(f"ok {n} - {header} with {cc} # SKIP {cc} is absent")
                    continue
                alone = os.path.join(folder, "alone.c")
                with open(alone, "w") as out:  # twice: its guard works
                    out.write(f'#include "{ROOT}/{header}"\n' * 2)
                done = subprocess.run(
                    [cc, "-std=gnu17", "-Wall", "-Wextra", "-Wconversion", "-Werror",
                     "-Wno-sign-conversion", "-fsyntax-only", *includes, alone],
                    text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                fine = done.returncode == 0
                good &= fine
                print(f"{'ok' if fine else 'not ok'} {n} - {header} alone with {cc}")
                if not fine:
                    print("".join(f"# {l}\n" for l in done.stdout.splitlines()[:12]))
    print(f"1..{n}")
    sys.exit(not good)


main()
