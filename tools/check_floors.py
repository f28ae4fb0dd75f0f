#!/usr/bin/env python3
"""Hold src/ to its floors: check_floors.py [ROOT]

The table of floors is src/meson.build.  A folder includes its own headers and those
of lower floors, through <malus/x.h> only; no folder reaches into another's files; a
foreign library's headers are included by its one folder.  What meson.build of a
folder names as dependencies is held to the same.  Prints what is wrong, one a line.
"""
import os
import re
import sys

# Which folder wraps a foreign library: the one place where its header may stand.
FOREIGN = [
    (r"sodium(\.h|/)", {"prim"}),
    (r"openssl/(ssl|tls1|err)\.h", {"net", "prim"}),
    (r"openssl/", {"prim"}),
    (r"jansson", {"json"}),
    (r"sqlite3", {"db"}),
    (r"malloc\.h", {"base"}),
    (r"duckdb", {"duck"}),
    (r"seccomp\.h|linux/(landlock|seccomp|audit|filter)\.h", {"duck"}),
    (r"pg_query|protobuf-c", {"sql"}),
]
# The C library and the kernel, open to all.
SYSTEM = re.compile(
    r"(alloca|assert|ctype|dirent|endian|errno|fcntl|fenv|fnmatch|ftw|getopt|grp|"
    r"cpuid|immintrin|inttypes|libgen|limits|locale|malloc|math|netdb|poll|pthread|pwd|sched|"
    r"semaphore|setjmp|signal|spawn|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|"
    r"stdio|stdlib|string|strings|syslog|termios|time|unistd|wchar)\.h$"
    r"|(sys|netinet|arpa|net|linux|asm)/")
TEST_ONLY = re.compile(r"valgrind/|mal_(test|leak|vendor)\.h$")
HARNESS = ("mal_test.h", "mal_leak.h", "mal_vendor.h")


def read_floors(root):
    """{folder: floor}, from the comments of the table in src/meson.build."""
    floors, waiting = {}, []
    with open(os.path.join(root, "src/meson.build")) as table:
        for line in table:
            names, _, comment = line.partition("#")
            waiting += re.findall(r"'(\w+)'", names)
            if re.fullmatch(r"\s*\d+\s*", comment):
                floors.update(dict.fromkeys(waiting, int(comment)))
                waiting = []
    return floors


def may_use(floors, folder, other):
    if folder == other or folder == "main":
        return True
    return floors[other] < floors[folder]


def why_not(floors, folder, other):
    if other not in floors:
        return f"{other} is not in the table of floors"
    if may_use(floors, folder, other):
        return None
    how = "sideways" if floors[other] == floors[folder] else "upward"
    return (f"{how}: {folder} (floor {floors.get(folder)}) may not use "
            f"{other} (floor {floors[other]})")


def check_angle(floors, folder, header, in_test):
    ours = re.fullmatch(r"malus/([a-z0-9]+)(_\w+)?\.h", header)
    if ours:  # policy_contract.h is a second header of policy
        return why_not(floors, folder, ours[1])
    for pattern, owners in FOREIGN:
        if re.match(pattern, header):
            return None if folder in owners else (
                f"foreign: <{header}> belongs to {' or '.join(sorted(owners))}")
    if SYSTEM.match(header) or (in_test and TEST_ONLY.match(header)):
        return None
    return f"foreign: no folder is said to wrap <{header}> (tools/check_floors.py)"


def check_quoted(root, path, folder, header, in_test):
    if header.startswith("malus/"):
        return f'say <{header}>, not "{header}"'
    if in_test and header in HARNESS:
        return None
    home = os.path.join(root, "src", folder)
    beside = os.path.normpath(os.path.join(os.path.dirname(path), header))
    within = os.path.normpath(os.path.join(home, header))
    for place in (beside, within):
        if place.startswith(home + os.sep) and os.path.isfile(place):
            return None
    return f'"{header}" is not a file of src/{folder}: no folder reaches into another'


def check_source(root, floors, folder, path):
    in_test = any(f"{os.sep}{d}{os.sep}" in path[len(root):]
                  for d in ("test", "bench", "fuzz"))
    with open(path, encoding="utf-8", errors="replace") as source:
        for number, line in enumerate(source, 1):
            include = re.match(r'\s*#\s*include(?:_next)?\s*([<"])([^>"]+)[>"]', line)
            if not include:
                if re.match(r"\s*#\s*include", line):
                    yield number, "an include that this check cannot read"
                continue
            wrong = (check_angle(floors, folder, include[2], in_test)
                     if include[1] == "<" else
                     check_quoted(root, path, folder, include[2], in_test))
            if wrong:
                yield number, wrong


def check_build(floors, folder, path):
    """The folders that a meson.build names: as dependencies or by their variables."""
    with open(path) as build:
        for number, line in enumerate(build, 1):
            code = re.sub(r"'[^']*'", "", line.split("#")[0])
            for word in re.findall(r"\b[a-z]\w*\b(?!\s*[:(])", code):
                other = re.sub(r"_(lib|inc|sources)$", "", word)
                wrong = other in floors and why_not(floors, folder, other)
                if wrong:
                    yield number, wrong


def check(root):
    floors = read_floors(root)
    src = os.path.join(root, "src")
    wrong = []
    for folder in sorted(os.listdir(src)):
        home = os.path.join(src, folder)
        if not os.path.isdir(home):
            continue
        if folder not in floors and folder != "main":
            wrong.append(f"src/{folder}: not in the table of floors (src/meson.build)")
            continue
        for place, _, names in os.walk(home):
            for name in sorted(names):
                path = os.path.join(place, name)
                found = ()
                if name.endswith((".c", ".h")):
                    found = check_source(root, floors, folder, path)
                elif name == "meson.build":
                    found = check_build(floors, folder, path)
                wrong += [f"{os.path.relpath(path, root)}:{number}: {what}"
                          for number, what in found]
    return wrong


def main():
    default = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    root = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else default
    wrong = check(root)
    print("\n".join(wrong) if wrong else "floors: every include points down")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
