#!/usr/bin/env python3
"""One question, two answers: the text in PostgreSQL, the plan in DuckDB.

    differential.py DIFFER [--engine clear|share3] [--queries N] [--seed N] [--keep]

Generates tables (NULLs, negatives, duplicates, values at their bounds) and queries, runs each
text in a PostgreSQL 15 that it starts itself, and each plan through DIFFER, and compares row by
row; decimals as scaled integers.  Prints TAP.  docs/sql.md lists where we differ on purpose; the
generator stays off those places, each of which has its own test.
"""
import argparse
import concurrent.futures
import decimal
import glob
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import queries  # noqa: E402 (beside this file)

HERE = os.path.dirname(os.path.abspath(__file__))


def skip(why):
    print("1..0 # SKIP " + why)
    sys.exit(0)


class Postgres:
    """A cluster in a temporary folder, on a Unix socket, never as root."""

    def __init__(self, folder):
        found = sorted(glob.glob("/usr/lib/postgresql/15/bin")) or [
            os.path.dirname(p) for p in [shutil.which("initdb")] if p]
        if not found:
            skip("PostgreSQL 15 is not installed")
        self.bin, self.dir = found[-1], os.path.join(folder, "pg")
        self.prefix = []
        if os.getuid() == 0:
            if not shutil.which("setpriv"):
                skip("PostgreSQL refuses to run as root, and there is no setpriv")
            self.prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        os.mkdir(self.dir, 0o700)
        if self.prefix:
            shutil.chown(self.dir, "postgres", "postgres")
            os.chmod(folder, 0o755)
        self.call("initdb", "-D", self.dir + "/data", "-U", "test", "-A", "trust", "--no-sync",
                  "--locale=C", "-E", "UTF8")
        self.call("pg_ctl", "-D", self.dir + "/data", "-w", "-l", self.dir + "/log", "-o",
                  "-k %s -c listen_addresses='' -c fsync=off -c jit=off" % self.dir, "start")

    def call(self, tool, *args):
        subprocess.run(self.prefix + [os.path.join(self.bin, tool), *args], check=True,
                       cwd=self.dir, stdout=subprocess.DEVNULL)

    def stop(self):
        self.call("pg_ctl", "-D", self.dir + "/data", "-m", "immediate", "-w", "stop")

    def psql(self, script):
        """The script's output; an error becomes a line that begins with ERROR."""
        run = subprocess.run(
            self.prefix + [os.path.join(self.bin, "psql"), "-h", self.dir, "-U", "test", "-X", "-q",
                           "-A", "-t", "-P", "null=NULL", "-d", "postgres"],
            input=script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.dir)
        return run.stdout


def postgres_answers(pg, tables, texts):
    script = tables + "\n"
    for i, text in enumerate(texts):
        script += "\\echo @@%d\n%s;\n" % (i, text)
    answers, current = [], None
    for line in pg.psql(script).splitlines():
        if line.startswith("@@"):
            current = []
            answers.append(current)
        elif current is not None:
            current.append(line)
        elif line:
            sys.exit("PostgreSQL refuses the tables: " + line)
    return answers


def plan_answers(differ, folder, lines):
    run = subprocess.run([differ, os.path.join(HERE, "room.txt"), folder],
                         input="\n".join(lines) + "\n", stdout=subprocess.PIPE, text=True)
    if run.returncode:
        sys.exit("differ failed")
    answers = []
    for line in run.stdout.split("\n")[:-1]:
        if line.startswith("@@ "):
            answers.append((line[3:], []))
        else:
            answers[-1][1].append(line)
    return answers


decimal.getcontext().prec = 60


def value(text, kind, scale):
    """A PostgreSQL field in the plan's terms."""
    if text == "NULL":
        return text
    if kind == 1:
        unit = decimal.Decimal(1).scaleb(-scale)
        exact = decimal.Decimal(text).quantize(unit, rounding=decimal.ROUND_HALF_UP)
        return format(exact if exact else abs(exact), "f")
    if kind == 2:
        return {"t": "true", "f": "false"}[text]
    if kind == 4:
        return text.encode().ljust(16, b"\0").hex()
    return text


def compare(query, theirs, head, ours):
    """None if they agree, else what differs."""
    kinds = [tuple(map(int, k.split(":"))) for k in head.split()[1:]]
    rows = []
    for line in theirs:
        fields = line.split("|")
        if len(fields) != len(kinds):
            return "PostgreSQL: %d fields, not %d" % (len(fields), len(kinds))
        rows.append("|".join(value(f, *k) for f, k in zip(fields, kinds)))
    if query.ordered:
        return None if rows == ours else "another order or other rows"
    return None if sorted(rows) == sorted(ours) else "other rows"


def judge(asked, theirs, mine):
    tally = {"same": 0, "split": 0, "refused": 0, "undefined": 0}
    wrong = []
    for i, q in enumerate(asked):
        head, ours = mine[i]
        if not head.startswith("ok"):
            # A range that may not fit is the plan's to refuse; nothing else is.
            if head.startswith("E_LIMIT"):
                tally["refused"] += 1
            else:
                wrong.append((q, head, theirs[i][:5], []))
        elif theirs[i] and theirs[i][0].startswith("ERROR"):
            if "division by zero" in theirs[i][0]:
                tally["undefined"] += 1
            else:
                wrong.append((q, theirs[i][0], [], []))
        else:
            why = compare(q, theirs[i], head, ours)
            if why:
                wrong.append((q, why, theirs[i][:8], ours[:8]))
            else:
                tally["same"] += 1
                tally["split"] += q.split
    return tally, wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("differ")
    parser.add_argument("--queries", type=int)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("MAL_SEED", "20261122"), 0))
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--engine", choices=["clear", "share3"], default="clear")
    args = parser.parse_args()
    if not args.queries:  # three threads a query take longer
        variable, usual = {"clear": ("MAL_QUERIES", 10000),
                           "share3": ("MAL_QUERIES_SHARE3", 400)}[args.engine]
        args.queries = int(os.environ.get(variable, usual))
    rng = random.Random(args.seed)
    folder = tempfile.mkdtemp(prefix="malus-differential-")
    pg = Postgres(folder)
    print("1..1\n# MAL_SEED=%d, %d queries" % (args.seed, args.queries), flush=True)
    try:
        tables = queries.Tables(rng, folder)
        asked = [queries.generate(rng, args.engine != "clear") for _ in range(args.queries)]
        began = time.time()
        theirs = postgres_answers(pg, tables.sql, [q.text for q in asked])
        between = time.time()
        letters = ("S ", "Q ") if args.engine == "clear" else ("C ", "T ")
        lines = [letters[0 if q.split else 1] + q.text for q in asked]
        n = os.cpu_count() or 1  # one helper a core, each with its share
        with concurrent.futures.ThreadPoolExecutor(n) as pool:
            shares = list(pool.map(lambda k: plan_answers(args.differ, folder, lines[k::n]),
                                   range(n)))
        mine = [shares[i % n][i // n] for i in range(len(lines))]
        took = time.time() - between
    finally:
        pg.stop()
        if not args.keep:
            shutil.rmtree(folder)
    if len(theirs) != len(asked) or len(mine) != len(asked):
        sys.exit("answers: %d and %d" % (len(theirs), len(mine)))
    tally, wrong = judge(asked, theirs, mine)
    for q, why, a, b in wrong[:20]:
        print("# %s\n#   %s\n#   PostgreSQL %s\n#   plan       %s" % (q.text, why, a, b))
    print("# %d same (%d of them also split, added and finished), %d refused by range, %d where "
          "PostgreSQL divides by zero; PostgreSQL %.1f s, plan %.1f s" %
          (tally["same"], tally["split"], tally["refused"], tally["undefined"], between - began,
           took))
    good = not wrong and tally["same"] >= 0.9 * len(asked)
    print("%s 1 - plan_and_postgresql_give_the_same_integers" % ("ok" if good else "not ok"))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
