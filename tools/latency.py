#!/usr/bin/env python3
"""latency.py: questions on shares over an emulated network, beside what was foretold.

    make latency, or tools/latency.py BUILD [--queries q01,q06] [--delay-ms 10] [--mbit 1000]

Three processes, each with one owner's TPC-H tables, over mutual TLS; between them a line that
delays by --delay-ms each way and lets each process send --mbit Mbit/s.  Where the kernel has netem
that is the loopback of a network namespace of their own (of which the three share three times the
rate), without root; else a channel over the channel (tests/tpch/link.h), without TCP's windows.
The first line says which.  All is asked twice, first over a line without delay: what that takes is
the compute time.  Then

    seconds = compute + rounds * delay + bytes / rate,

once with what mal_sql_share3_cost foretells from the plan alone (but for the inputs' valid rows and
the opening of the answer), once with what a seat counts.  Answers are held against DuckDB's.
"""
import argparse
import concurrent.futures
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

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
        for run in self.runs:
            if run.stdout.readline() != "ready\n":
                self.stop()
                sys.exit("a seat does not start")

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


def netem(delay_ms, mbit):
    """The command that makes loopback slow; `limit` packets may be on their way."""
    return ["tc", "qdisc", "replace", "dev", "lo", "root", "netem", "delay", "%dms" % delay_ms,
            "rate", "%dmbit" % (3 * mbit), "limit", "1000000"]


def why_no_netem():
    """None where a namespace of ours can have it."""
    try:
        run = subprocess.run(["unshare", "-Urn", "sh", "-c", "ip link set lo up && "
                              + " ".join(netem(1, 1000))], capture_output=True, text=True)
    except OSError as e:
        return str(e)
    return None if run.returncode == 0 else run.stderr.strip() or "unshare failed"


def there_and_back():
    """Milliseconds of a byte over loopback and back, the least of five."""
    listener = socket.create_server(("127.0.0.1", 0))

    def echo():
        with listener.accept()[0] as peer:
            while peer.recv(1):
                peer.send(b"k")
    threading.Thread(target=echo, daemon=True).start()
    with socket.create_connection(listener.getsockname()) as s:
        took = []
        for _ in range(5):
            start = time.monotonic()
            s.send(b"k")
            s.recv(1)
            took.append(time.monotonic() - start)
    return min(took) * 1e3


def slow_down(args):
    """Within the namespace: make its loopback slow, and see that it is."""
    subprocess.run(netem(args.delay_ms, args.mbit), check=True)
    took = there_and_back()
    if took < 1.9 * args.delay_ms:
        sys.exit("latency: netem is set, and %.1f ms go there and back" % took)
    print("the line is netem's: %.1f ms there and back\n" % took)


def enter(args):
    """Into a namespace if netem is there; does it make the line?"""
    if os.environ.get("MAL_LATENCY_INSIDE"):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return True
    why = "not asked for" if args.line == "channel" else why_no_netem()
    if why is None:
        os.environ["MAL_LATENCY_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "-Urn", sys.executable, *sys.argv])
    if args.line == "netem":
        sys.exit("latency: no netem: " + why)
    print("the line is a delaying channel, without netem: %s\n" % why)
    return False


def measure(program, folder, asked, delay_ms, mbit):
    line = Line(program, folder, delay_ms, mbit)
    try:
        return [line.ask_one(question) for question in asked]
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
    parser.add_argument("--line", choices=["netem", "channel"], help="else netem if it is there")
    args = parser.parse_args()
    seat = os.path.join(args.build, "tests", "tpch", "seat")
    if not os.path.exists(seat):
        sys.exit("latency: no %s: ninja -C %s tests/tpch/seat src/duck/malus-duck"
                 % (seat, args.build))
    os.environ.setdefault("MAL_DUCK_PATH", os.path.join(args.build, "src", "duck", "malus-duck"))
    every, wanted = dict(tpch.texts()), args.queries.split(",")
    if not set(wanted) <= set(every) or args.delay_ms < 0 or args.mbit <= 0:
        sys.exit("latency: queries are %s; a delay is not negative, a rate positive" % ", ".join(every))
    inside = enter(args)
    world = tpch.World(args.sf)
    letter = "T" if args.security == "semi-honest" else "M"
    asked = [letter + " " + " ".join(every[q].split()) for q in wanted]
    with tempfile.TemporaryDirectory(prefix="malus-latency-") as folder:
        world.write(folder)
        near = measure(seat, folder, asked, 0, 0)
        if inside:
            slow_down(args)
        far = measure(seat, folder, asked, *((0, 0) if inside else (args.delay_ms, args.mbit)))
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
