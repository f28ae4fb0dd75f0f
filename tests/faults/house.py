"""Four nodes, each a process: three airports that own flights, a registry that
owns planes and asks.  What the tests of this folder share: starting, stopping,
killing, asking over the node's socket, reading ledgers and checkpoints, TAP."""

import base64
import concurrent.futures
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

TOOL = os.environ.get("FAULTS_NODE_TOOL", "node_tool")
KILLPOINT = os.environ.get("FAULTS_KILLPOINT", "killpoint")
PARTIES = ["ewr", "jfk", "lga", "faa"]
NANO = 1_000_000_000

UNION = ("SELECT carrier, count(*), sum(distance) FROM ("
         " SELECT carrier, distance FROM ewr.flights UNION ALL"
         " SELECT carrier, distance FROM jfk.flights UNION ALL"
         " SELECT carrier, distance FROM lga.flights) f"
         " GROUP BY carrier ORDER BY carrier")
JOIN = ("SELECT carrier, count(*), sum(distance) FROM jfk.flights f"
        " JOIN faa.planes p ON f.tailnum = p.tailnum WHERE p.year < 2000"
        " GROUP BY carrier ORDER BY carrier")
LOCAL = ("SELECT carrier, count(*), sum(distance) FROM ewr.flights"
         " GROUP BY carrier ORDER BY carrier")
TOUCHES = {UNION: ["ewr", "jfk", "lga"], JOIN: ["jfk", "faa"], LOCAL: ["ewr"]}

FLIGHTS = """dataset {p}.flights {{
  tailnum id normal raw@1 domain tail
  carrier dim in ("AA", "B6", "DL")
  month dim in 1 .. 12
  distance measure in 0 .. 5000
  privacy unit tailnum contributes at most 10 rows
  units at most 32
  rows at most 128
}}
"""
REST = """dataset faa.planes {{
  tailnum id normal raw@1 domain tail
  year dim in 1990 .. 2013 nullable
  privacy unit tailnum contributes at most 1 row
  units at most 32
  rows at most 32
}}
rule traffic permit count, sum, avg by faa
  from ewr.flights (dim carrier, dim month, measure distance),
       jfk.flights (dim carrier, dim month, measure distance),
       lga.flights (dim carrier, dim month, measure distance)
  for dpv:AcademicResearch
  require epsilon <= 1, delta <= 1e-9, rows <= 1000
  run clear | sum to faa keep 30 days
rule fleet permit count, sum, avg by faa
  from jfk.flights (dim carrier, dim month, measure distance),
       faa.planes (dim year)
  join jfk.flights.tailnum = faa.planes.tailnum
  for dpv:AcademicResearch
  require epsilon <= 1, delta <= 1e-9, rows <= 1000
  run psi to faa keep 30 days
budget ewr.flights for all epsilon {budget} in all, delta 1e-3
budget jfk.flights for all epsilon {budget} in all, delta 1e-3
budget lga.flights for all epsilon {budget} in all, delta 1e-3
budget faa.planes for all epsilon {budget} in all, delta 1e-3
collude 1
consent all owners
withdraw any owner
expires 2090-01-01
"""


class Failure(Exception):
    """A check that did not hold."""


def check(condition, text):
    if not condition:
        raise Failure(text)


class NodeError(Exception):
    """The node answered with an error event, or went away (code gone)."""

    def __init__(self, code, message, event=None):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.event = code, message, event


class Node:
    def __init__(self, house, party):
        self.house, self.party = house, party
        self.state = os.path.join(house.dir, party)
        self.process = None
        self.port = 0
        self.pid = 0  # of the node itself, below a killpoint

    def start(self, kill_at=None, env=None, expect=True):
        """kill_at: run below killpoint, which waits to be armed."""
        command = [TOOL, "serve", self.state, str(self.port), str(self.house.step_ms)]
        if kill_at is not None:
            self.points = os.path.join(self.house.dir, self.party + ".points")
            if os.path.exists(self.points):
                os.unlink(self.points)
            command = [KILLPOINT, "-a", "-n", str(kill_at), "-o", self.points, "--"] + command
        self.log = open(os.path.join(self.house.dir, self.party + ".err"), "a+")
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self.log, text=True,
            env={**os.environ, **(env or {})})
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            self.process = None
            check(not expect, f"{self.party} did not start ({code}): {self.said()}")
            return False
        self.port = int(line)
        self.traced = kill_at is not None
        self.pid = self.process.pid
        if self.traced:
            with open(f"/proc/{self.pid}/task/{self.pid}/children") as f:
                self.pid = int(f.read().split()[0])
        return True

    def said(self):
        with open(os.path.join(self.house.dir, self.party + ".err")) as f:
            lines = f.read().strip().splitlines()
        return lines[-1] if lines else ""

    def arm(self):
        self.process.send_signal(signal.SIGUSR1)

    def disarm(self):
        self.process.send_signal(signal.SIGUSR2)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        if self.process is None:
            return
        if self.running():
            os.kill(self.pid, signal.SIGCONT)
            os.kill(self.pid, signal.SIGTERM)
        try:
            self.code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"{self.party} did not stop within a minute")
        self.process.stdout.close()
        self.log.close()
        self.process = None

    def kill(self):
        if self.running():
            os.kill(self.pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait()
            self.process.stdout.close()
            self.log.close()
        self.process = None

    def wait_dead(self, seconds=60):
        self.code = self.process.wait(seconds)
        self.process.stdout.close()
        self.log.close()
        self.process = None

    # --- its people's interface

    def ask(self, verb, timeout=120, **fields):
        events = self.events(verb, timeout, **fields)
        last = None
        for last in events:
            pass
        if last is None or last.get("event") not in ("done", "error"):
            raise NodeError("gone", f"{self.party} went away")
        if last["event"] == "error":
            raise NodeError(last["code"], last["message"], last)
        return last

    def events(self, verb, timeout=120, **fields):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(timeout)
            try:
                s.connect(os.path.join(self.state, "node.sock"))
                s.sendall(json.dumps({"verb": verb, **fields}).encode() + b"\n")
                with s.makefile("rb") as f:
                    for line in f:
                        event = json.loads(line)
                        yield event
                        if event.get("event") in ("done", "error"):
                            return
            except socket.timeout:
                raise Failure(f"{self.party}: {verb} hung for {timeout} s")
            except OSError:
                return

    def query(self, text=UNION, **fields):
        fields.setdefault("fresh", True)
        fields.setdefault("epsilon_nano", NANO // 10)
        return self.ask("query", text=text, **fields)

    def spent_jobs(self):
        """{job: state} of our ledger, as the node tells."""
        return {j["job"]: j for j in self.ask("budget")["jobs"]}

    def budget(self):
        return self.ask("budget")["budgets"][0]

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def checkpoint(self):
        """(origin, size) -> root of the head that it shows now."""
        try:
            with open(os.path.join(self.state, "log", "checkpoint")) as f:
                lines = f.read().split("\n")
        except OSError:
            return None
        if len(lines) < 3 or not lines[1].isdigit():
            return None
        return (lines[0], int(lines[1])), lines[2]


class House:
    def __init__(self, budget=1000, step_ms=4000, rows=60, test=True, lines=None):
        self.dir = tempfile.mkdtemp(prefix="malus-faults-", dir=os.environ.get("TMPDIR", "/tmp"))
        self.step_ms = step_ms
        self.node = {p: Node(self, p) for p in PARTIES}
        self.roots, self.forks = {}, []
        self.lock = threading.Lock()
        keys = {p: self.tool("init", self.node[p].state, p).strip() for p in PARTIES}
        text = 'room "airports" version 1' + (" test" if test else "") + "\n"
        for p in PARTIES:
            text += f"party {p} owner{' analyst' if p == 'faa' else ''} ed25519:{keys[p]}\n"
        for p in PARTIES[:3]:
            text += FLIGHTS.format(p=p)
        text += REST.format(budget=budget)
        self.bundle = os.path.join(self.dir, "room.bundle")
        with open(self.bundle, "w") as f:
            f.write(text)
        for p in PARTIES:
            self.tool("sign", self.node[p].state, self.bundle, self.bundle + ".new")
            os.rename(self.bundle + ".new", self.bundle)
        for n in self.node.values():
            n.start()
        self.tell_ports()
        with open(self.bundle) as f:
            bundle = f.read()
        for n in self.node.values():
            n.ask("room.open", bundle=bundle)
        for i, p in enumerate(PARTIES):
            self.write_table(p, rows, i)
            self.add(p)
        self.watching = True
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()

    def tool(self, *args):
        done = subprocess.run([TOOL, *args], capture_output=True, text=True)
        check(done.returncode == 0, f"node_tool {args[0]}: {done.stderr}")
        return done.stdout

    def tell_ports(self, whom=PARTIES):
        for a in whom:
            for b in PARTIES:
                if a != b and self.node[a].running():
                    self.node[a].ask("peer.set", party=b, host="127.0.0.1", port=self.node[b].port)

    def table(self, p):
        return os.path.join(self.dir, p + ".csv")

    def write_table(self, p, rows, seed, same=None):
        r = random.Random(seed)
        with open(self.table(p), "w") as f:
            if p == "faa":
                f.write("tailnum,year\n")
                for i in range(min(rows, 30)):
                    f.write(f"N{i if same is None else same + i},{1990 + r.randrange(24)}\n")
                return
            f.write("tailnum,carrier,month,distance\n")
            for i in range(rows):
                tail = r.randrange(30) if same is None else i % 30
                f.write(f"N{tail},{r.choice(['AA', 'B6', 'DL', 'ZZ'])},"
                        f"{1 + r.randrange(12)},{r.randrange(5001)}\n")

    def add(self, p):
        return self.node[p].ask("data.add", dataset="planes" if p == "faa" else "flights",
                                path=self.table(p))

    # --- no second root for one log size

    def see(self, key, root):
        with self.lock:
            known = self.roots.setdefault(key, root)
            if known != root:
                self.forks.append((key, known, root))

    def look(self):
        for n in self.node.values():
            seen = n.checkpoint()
            if seen:
                self.see(*seen)

    def look_at_witnesses(self):
        for n in self.node.values():
            path = os.path.join(n.state, "witness.db")
            db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
            for origin, size, root in db.execute("SELECT origin, size, root FROM seen"):
                self.see((origin, size), base64.b64encode(root).decode())
            db.close()

    def watch(self):
        while self.watching:
            self.look()
            time.sleep(0.01)

    def check_roots(self):
        self.look()
        self.look_at_witnesses()
        check(not self.forks, f"two roots for one log size: {self.forks}")

    # --- ends

    def wait_over(self, seconds, parties=PARTIES):
        """No job is under way any more, at any of them."""
        end = time.time() + seconds
        while True:
            live = [(p, j["state"], j["job"][:8]) for p in parties if self.node[p].running()
                    for j in self.node[p].ask("job.ls")["jobs"]
                    if j["state"] not in ("done", "failed")]
            if not live:
                return
            check(time.time() < end, f"jobs that did not end within {seconds:.0f} s: {live}")
            time.sleep(0.1)

    def close(self, keep=False):
        self.watching = False
        try:
            for n in self.node.values():
                n.stop()
        finally:
            for n in self.node.values():
                n.kill()
            if not keep:
                shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        self.close(keep=kind is not None and bool(os.environ.get("FAULTS_KEEP")))


SOAK = bool(os.environ.get("FAULTS_SOAK"))  # every point, not a sample of them


class Tap:
    """One line a sentence; a failing one says why, and the rest goes on."""

    def __init__(self, total):
        if total:  # else the plan comes last
            print(f"1..{total}", flush=True)
        self.n = self.failed = 0
        self.lock = threading.Lock()

    def case(self, name, run, *args):
        start = time.time()
        try:
            why, note = None, run(*args)
        except (Failure, NodeError, OSError, subprocess.TimeoutExpired) as e:
            why = e
        with self.lock:
            self.n += 1
            self.failed += why is not None
            print(f"{'not ok' if why else 'ok'} {self.n} - {name}")
            print(f"# {why}" if why else f"# {time.time() - start:.1f} s{'; ' + note if note else ''}",
                  flush=True)

    def together(self, cases, workers):
        """Cases with houses of their own mostly wait for ticks: some at a time."""
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            for done in [pool.submit(self.case, *c) for c in cases]:
                done.result()

    def end(self):
        sys.exit(self.failed > 0)
