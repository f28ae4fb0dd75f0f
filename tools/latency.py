#!/usr/bin/env python3
"""latency.py: questions on shares over an emulated network, beside what was foretold.

    make latency, or tools/latency.py BUILD [--queries q01,q06] [--delay-ms 10] [--mbit 1000]

Three processes, each with one owner's TPC-H tables, over mutual TLS; between them a line that
delays by --delay-ms each way and lets each process send --mbit Mbit/s.  The line is a channel over
the channel (tests/tpch/link.h), so it needs neither root nor a kernel with netem.  All is asked
twice, first over a line without delay: what that takes is the compute time.  Then

    seconds = compute + rounds * delay + bytes / rate,

once with what mal_sql_share3_cost foretells from the plan alone (but for the inputs' valid rows and
the opening of the answer), once with what a seat counts.  Answers are held against DuckDB's.
"""
import argparse
import concurrent.futures
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "tpch"))
import tpch  # noqa: E402


class Line(tpch.Seats):
    """Three seats over a line; they end each answer with what it cost."""

    def __init__(self, program, folder, delay_ms, mbit):
        self.runs = []
        peers = ""
        for i in range(3):
            self.runs.append(subprocess.Popen(
                [program, os.path.join(folder, "room.txt"), folder, str(i), str(delay_ms), str(mbit)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        for run in self.runs:
            words = run.stdout.readline().split()
            if len(words) != 3:
                self.stop()
                sys.exit("a seat does not start")
            peers += " ".join(words[1:]) + "\n"
        for run in self.runs:
            run.stdin.write(peers)
            run.stdin.flush()

    def stop(self):
        for run in self.runs:
            run.kill()
            run.wait()

    @staticmethod
    def hear(run, line):
        """The answer's head and rows, and its cost."""
        run.stdin.write(line + "\nend\n")
        run.stdin.flush()
        text = ""
        for said in iter(run.stdout.readline, ""):
            if said == "end\n":
                break
            text += said
        answer, _, cost = text.rpartition("\n# ")
        if not text.startswith("@@ ok") or not cost:
            return None, text.strip()
        return tpch.parse(answer + "\n")[0], [float(w) for w in cost.split()]

    def ask_one(self, line):
        """An answer, and of each figure the greatest among the seats."""
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            said = list(pool.map(lambda run: self.hear(run, line), self.runs))
        if any(answer is None or answer != said[0][0] for answer, _ in said):
            sys.exit("the seats disagree or fail: %s" % [s[1] for s in said if not s[0]])
        return said[0][0], [max(column) for column in zip(*(cost for _, cost in said))]


def measure(program, folder, todo, delay_ms, mbit):
    line = Line(program, folder, delay_ms, mbit)
    try:
        return [line.ask_one(question) for question in todo]
    finally:
        line.stop()


def check(world, text, answer):
    asked = world.db.execute(text)
    names = [d[0] for d in asked.description]
    why = tpch.compare(text, names, answer[0], answer[1], asked.fetchall())
    if why:
        sys.exit("not DuckDB's answer: " + why)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", help="a build folder with tests")
    parser.add_argument("--queries", default="q01,q03,q06,q12")
    parser.add_argument("--security", choices=["semi-honest", "malicious"], default="semi-honest")
    parser.add_argument("--sf", type=float, default=0.01)
    parser.add_argument("--delay-ms", type=int, default=10, help="one way (10)")
    parser.add_argument("--mbit", type=int, default=1000, help="Mbit/s that a process may send (1000)")
    args = parser.parse_args()
    seat = os.path.join(args.build, "tests", "tpch", "seat")
    if not os.path.exists(seat):
        sys.exit("latency: no %s: ninja -C %s tests/tpch/seat src/duck/malus-duck"
                 % (seat, args.build))
    os.environ.setdefault("MAL_DUCK_PATH", os.path.join(args.build, "src", "duck", "malus-duck"))
    every, wanted = dict(tpch.texts()), args.queries.split(",")
    if not set(wanted) <= set(every) or args.delay_ms < 0 or args.mbit <= 0:
        sys.exit("latency: queries are %s; a delay is not negative, a rate positive" % ", ".join(every))
    world = tpch.World(args.sf)
    letter = "T" if args.security == "semi-honest" else "M"
    todo = [letter + " " + " ".join(every[q].split()) for q in wanted]
    with tempfile.TemporaryDirectory(prefix="malus-latency-") as folder:
        world.write(folder)
        near = measure(seat, folder, todo, 0, 0)
        far = measure(seat, folder, todo, args.delay_ms, args.mbit)
    print("%s, scale factor %g, %d ms one way (%d ms there and back), %d Mbit/s\n" % (
        args.security, args.sf, args.delay_ms, 2 * args.delay_ms, args.mbit))
    print("| query | rounds foretold | counted | MB foretold | counted | compute s"
          " | s as foretold | s as counted | s measured |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for name, (answer, cost), (again, slow) in zip(wanted, near, far):
        check(world, every[name], answer)
        check(world, every[name], again)
        seconds, rounds, sent, foretold, foretold_sent = slow
        by = [cost[0] + r * args.delay_ms / 1e3 + b * 8 / (args.mbit * 1e6)
              for r, b in ((foretold, foretold_sent), (rounds, sent))]
        print("| %s | %d | %d | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f |" % (
            name, foretold, rounds, foretold_sent / 1e6, sent / 1e6, cost[0], *by, seconds))


if __name__ == "__main__":
    main()
