#!/usr/bin/env python3
"""Count the sub-tests of a Meson test run: count_tests.py build/meson-logs/testlog.json

Tells every failure and every reason for a SKIP, then one last line:
`N passed, N failed`, and `, N skipped` if there are any.  Fails if a test did, or if
nothing was run.
"""
import collections
import json
import re
import sys

CASE = re.compile(r"^(not )?ok\b\s*\d*\s*-?\s*(.*)$")
DIRECTIVE = re.compile(r"#\s*(SKIP|TODO)\b\S*\s*(.*)$", re.IGNORECASE)


def cases(test):
    """(verdict, sentence, reason) of each sub-test, then of the whole if it broke."""
    comments, seen_failure, n = [], False, 0
    plan = None
    for line in (test.get("stdout") or "").splitlines():
        case = CASE.match(line)
        if line.startswith("#"):
            comments.append(line)
        if line.startswith("1.."):
            plan = int(line[3:].split("#")[0])
        if not case:
            continue
        n += 1
        directive = DIRECTIVE.search(case[2])
        sentence = DIRECTIVE.sub("", case[2]).strip()
        if directive and directive[1].upper() == "SKIP":
            yield "skipped", sentence, directive[2]
        elif case[1] and not directive:
            seen_failure = True
            yield "failed", sentence, "\n".join(comments[-8:])
        else:
            yield "passed", sentence, ""
        comments = []
    result = test["result"]
    broke = result not in ("OK", "SKIP", "EXPECTEDFAIL")
    if n == 0 and not broke:
        yield ("skipped" if result == "SKIP" else "passed"), "it ran", ""
    elif broke and not seen_failure:
        tail = (test.get("stdout", "") + test.get("stderr", "")).splitlines()[-12:]
        yield "failed", f"it ended well ({result}; plan {plan}, seen {n})", "\n".join(tail)


def main():
    count = collections.Counter()
    skipped = collections.Counter()
    with open(sys.argv[1]) as log:
        for line in log:
            test = json.loads(line)
            for verdict, sentence, reason in cases(test):
                count[verdict] += 1
                if verdict == "failed":
                    print(f"FAILED  {test['name']}: {sentence}")
                    print("".join(f"        {l}\n" for l in reason.splitlines()), end="")
                if verdict == "skipped":
                    skipped[f"{test['name']}: {reason or 'no reason given'}"] += 1
    for reason, n in skipped.items():
        print(f"SKIPPED {n} in {reason}")
    if not count:
        count["failed"] += 1
        print("FAILED  no test was run")
    last = f"{count['passed']} passed, {count['failed']} failed"
    print(last + (f", {count['skipped']} skipped" if count["skipped"] else ""))
    sys.exit(count["failed"] != 0)


main()
