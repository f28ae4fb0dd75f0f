#!/usr/bin/env python3
"""No instruction of the library adds, multiplies, compares or converts a floating point
number: leak_float.py LIBRARY.  (Vector moves and integer vectors are fine.)"""
import re
import subprocess
import sys

FLOAT = re.compile(
    r"\s(v?(add|sub|mul|div|sqrt|min|max|cmp\w*|u?comi|fn?m(add|sub)\w*|cvt\w*|round)"
    r"(ss|sd|ps|pd)|v?cvt\w+|f(ld|st|add|mul|div|sub|com|ild|ist)\w*)\s")

print("1..1")
out = subprocess.run(["objdump", "-d", "--no-show-raw-insn", sys.argv[1]],
                     capture_output=True, text=True, check=True).stdout
if "mal_dp_noise_draw" not in out and "file format" not in out:
    print("not ok 1 - the library disassembles")
    sys.exit(1)
bad = [line for line in out.splitlines() if FLOAT.search(line)]
for line in bad[:10]:
    print("#", line)
print(f"{'not ok' if bad else 'ok'} 1 - no_instruction_of_dp_computes_in_floating_point")
sys.exit(bool(bad))
