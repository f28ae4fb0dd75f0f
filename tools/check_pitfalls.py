#!/usr/bin/env python3
"""docs/security/pitfalls.md against the code: check_pitfalls.py [ROOT]

Each of the sixteen has a test that bears its number; each test that is named is in
the file that is named and is run; each test that bears a number is named.
"""
import glob
import os
import re
import sys

PAGE, LAST = "docs/security/pitfalls.md", 16
ROW = re.compile(r"^\|\s*(\d+)\s*\|[^|]*\|\s*`(\w+)`\s*\|\s*`([\w./]+)`\s*\|[^|]+\|$")
CASE = re.compile(r"\bTEST\(\s*(\w+)\s*\)|^def (pitfall_\w+)\(", re.M)


def is_run(root, name, path):
    """Why the test is not run, or None."""
    if not os.path.exists(os.path.join(root, path)):
        return "there is no such file"
    text = open(os.path.join(root, path)).read()
    if path.endswith(".py"):  # defined, and in a list of cases
        if f"def {name}(" not in text or len(re.findall(rf"\b{name}\b", text)) < 2:
            return "it is not a case there"
    elif f"TEST({name})" not in text:
        return "it is not a case there"
    folder, base = os.path.split(path)
    for place in (folder, os.path.dirname(folder)):
        build = os.path.join(root, place, "meson.build")
        if os.path.exists(build) and os.path.splitext(base)[0] in open(build).read():
            return None
    return "no meson.build runs it"


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..")
    wrong, named, numbers = [], set(), set()
    for line in open(os.path.join(root, PAGE)):
        if re.match(r"^\|\s*\d", line) and not ROW.match(line.rstrip()):
            wrong.append(f"not a row of the table: {line.rstrip()}")
        row = ROW.match(line.rstrip())
        if not row:
            continue
        number, name, path = int(row[1]), row[2], row[3]
        why = is_run(root, name, path)
        if why:
            wrong.append(f"{number}: {name} in {path}: {why}")
        own = re.match(r"pitfall_(\d+)_", name)
        if own and int(own[1]) != number:
            wrong.append(f"{number}: {name} bears another number")
        named.add(name)
        numbers |= {number} if own else set()
    wrong += [f"{n}: no test bears this number" for n in range(1, LAST + 1) if n not in numbers]
    for pattern in ("src/*/test/*.c", "tests/**/*.c", "tests/**/*.py"):
        for path in glob.glob(os.path.join(root, pattern), recursive=True):
            for case in CASE.findall(open(path).read()):
                name = case[0] or case[1]
                if name.startswith("pitfall_") and name not in named:
                    wrong.append(f"{name} in {os.path.relpath(path, root)} is not in {PAGE}")
    print("".join(f"BROKEN: {line}\n" for line in wrong), end="")
    print(f"pitfalls: {LAST} with {len(named)} tests, {len(wrong)} broken")
    sys.exit(bool(wrong))


main()
