"""house.py - a room of real processes for tests: parties, nodes, tables, questions.

Everything goes through the binary and the node's socket, as any client would.
"""
import base64
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

CITIES = ("x", "y", "z")
OWNERS = ("ada", "bob", "cyd")
PARTIES = OWNERS + ("dan",)


def closing(*datasets):
    """How contracts here end: what each table may lose, and what its owners agreed on."""
    losses = (f"budget {d} for all epsilon {{budget}} in all, delta 1e-6\n" for d in datasets)
    return "".join(losses) + ("collude 1\nconsent all owners\nwithdraw any owner\n"
                              "expires 2090-01-01\n")


VISITS = """dataset {owner}.visits {{
  who    id normal raw@1 domain person
  city   dim in ("x", "y", "z")
  amount measure in 0 .. 100
  late   measure in -50 .. 50 nullable
  privacy unit who contributes at most 5 rows
  units at most {units}
  rows at most {rows}
}}
"""
ROOM = """dataset bob.people {{
  who  id normal raw@1 domain person
  age  dim in 0 .. 9
  privacy unit who contributes at most 1 row
  rows at most {people}
}}
rule totals permit count, sum, avg by dan
  from ada.visits (dim city, measure amount, filter amount, measure late),
       bob.visits (dim city, measure amount, filter amount, measure late),
       cyd.visits (dim city, measure amount, filter amount, measure late)
  for dpv:AcademicResearch
  require epsilon <= 1, delta <= 1e-9, rows <= 100
  run clear | sum
  to dan keep 30 days
rule joined permit count, sum by dan
  from ada.visits (dim city, measure amount), bob.people (dim age)
  join ada.visits.who = bob.people.who
  for dpv:AcademicResearch
  require epsilon <= 1, delta <= 1e-9, rows <= 100
  run psi
  to dan keep 30 days
rule no-rows forbid rows, min, max
""" + closing("ada.visits", "bob.visits", "bob.people", "cyd.visits")

UNION = ("SELECT city, count(*), sum(amount) FROM ("
         "SELECT city, amount FROM ada.visits UNION ALL "
         "SELECT city, amount FROM bob.visits UNION ALL "
         "SELECT city, amount FROM cyd.visits) v {where} GROUP BY city ORDER BY city")
JOIN = ("SELECT v.city, count(*), sum(v.amount) FROM ada.visits v JOIN bob.people p "
        "ON v.who = p.who {where} GROUP BY v.city ORDER BY v.city")


class Refused(Exception):
    def __init__(self, event):
        super().__init__(f"{event.get('code')}: {event.get('message')}")
        self.code, self.event = event.get("code"), event


class Party:
    def __init__(self, house, name):
        self.house, self.name = house, name
        self.state = os.path.join(house.dir, name)
        self.process, self.port = None, 0

    def cli(self, *words, code=0, cwd=None):
        run = subprocess.run([self.house.malus, *words, "--state", self.state],
                             capture_output=True, text=True, timeout=300,
                             cwd=cwd or self.house.dir)
        assert run.returncode == code, (words, run.returncode, run.stdout, run.stderr)
        return run.stdout

    def start(self, **env):
        self.process = subprocess.Popen(
            [self.house.malus, "node", "--state", self.state, "--step", str(self.house.step)],
            stdout=subprocess.PIPE, stderr=open(self.state + ".err", "a"),
            stdin=subprocess.DEVNULL, env={**os.environ, **env}, text=True)
        line = self.process.stdout.readline()
        assert "is ready" in line, (self.name, line, open(self.state + ".err").read())
        self.port = self.ask("status")["port"]

    def stop(self, how=signal.SIGTERM):
        """End the node; a clean end must leave by itself and say 0."""
        if self.process is None:
            return
        self.process.send_signal(how)
        code = self.process.wait(timeout=60)
        self.process.stdout.close()
        self.process = None
        assert code == (0 if how == signal.SIGTERM else -how), (self.name, code)

    def events(self, verb, **fields):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(300)
            s.connect(os.path.join(self.state, "node.sock"))
            s.sendall((json.dumps({"verb": verb, **fields}) + "\n").encode())
            for line in s.makefile():
                event = json.loads(line)
                yield event
                if event["event"] != "progress":
                    return
        raise AssertionError("the node went away")

    def ask(self, verb, **fields):
        for event in self.events(verb, **fields):
            if event["event"] == "error":
                raise Refused(event)
        return event

    def query(self, text, epsilon=0.01, **fields):
        return self.ask("query", text=text, epsilon_nano=round(epsilon * 1e9), **fields)

    def spent(self, dataset):
        for b in self.ask("budget")["budgets"]:
            if b["dataset"] == dataset:
                return b["spent_nano"] + b["held_nano"]
        raise AssertionError(dataset)


class House:
    """Three owners and an analyst, with small tables; a context that cleans up.  Houses of
    another kind name their own parties, and say what these write in the contract."""

    room, owners, parties = "house", OWNERS, PARTIES

    def __init__(self, seed, rows=400, people=100, bound=1024, units=256, budget=20,
                 step=60, persons=150, people_bound=256):
        self.malus = os.environ["MALUS"]
        self.seed, self.rows, self.n_people, self.persons = seed, rows, people, persons
        self.bounds = {"rows": bound, "units": units, "people": people_bound, "budget": budget}
        self.step, self.tables = step, {}
        self.dir = tempfile.mkdtemp(prefix="malus-room-")
        self.party = {name: Party(self, name) for name in self.parties}

    def __enter__(self):
        try:
            self.make()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for p in self.party.values():
            if p.process:
                p.process.kill()
                p.process.wait()
                p.process.stdout.close()
        shutil.rmtree(self.dir)

    def __getattr__(self, name):
        if name in self.parties:
            return self.party[name]
        raise AttributeError(name)

    # --- making ------------------------------------------------------------------------

    def party_line(self, name, line):
        """How the contract names a party; `line` is what it shows of itself."""
        return line.replace(" owner ", " analyst ") if name == "dan" else line

    def clauses(self):
        tables = (VISITS.format(owner=owner, **self.bounds) for owner in self.owners)
        return "".join(tables) + ROOM.format(**self.bounds)

    def contract(self, version=1, parent=None, room_id=None, extra=""):
        text = f'room "{self.room}" version {version} test\n'
        if version > 1:
            text += f"parent sha256:{parent}\nroom-id sha256:{room_id}\n"
        for name, p in self.party.items():
            line = json.loads(p.cli("party", "show", "--json"))["line"]
            text += self.party_line(name, line) + "\n"
        return text + self.clauses() + extra

    def sign(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        for owner in self.owners:
            self.party[owner].cli("room", "sign", path)
        return path + ".signed"

    def write_table(self, name, head, rows):
        path = os.path.join(self.dir, name + ".csv")
        with open(path, "w") as f:
            f.write(",".join(head) + "\n")
            f.writelines(",".join("" if v is None else str(v) for v in r) + "\n" for r in rows)
        return path

    def make_tables(self):
        draw = random.Random(self.seed)
        for owner in OWNERS:
            seen = {}
            rows = self.tables[owner] = []
            while len(rows) < self.rows:
                who = draw.randrange(self.persons)
                seen[who] = seen.get(who, 0) + 1
                if seen[who] <= 5:  # no bound bites: the truth is what is in the file
                    late = draw.randrange(-50, 51) if draw.random() < .8 else None
                    rows.append((f"p{who}", draw.choice(CITIES + ("elsewhere",)),
                                 draw.randrange(101), late))
        ids = draw.sample(range(self.persons + 50), self.n_people)
        self.tables["people"] = [(f"p{i}", draw.randrange(10)) for i in ids]

    def bring(self, owner, dataset, file):
        return self.party[owner].ask("data.add", dataset=dataset, path=file)

    def introduce(self, name):
        """Tell the others where this one is."""
        for other in self.parties:
            if other != name and self.party[other].process:
                self.party[other].ask("peer.set", party=name, host="127.0.0.1",
                                      port=self.party[name].port)

    def make(self):
        for name, p in self.party.items():
            p.cli("party", "init", name)
        self.bundle = self.sign("house.room", self.contract())
        for p in self.party.values():
            p.start(**self.env(p.name))
        for name in self.parties:
            self.introduce(name)
        for p in self.party.values():
            p.ask("room.open", bundle=open(self.bundle).read())
        self.make_tables()
        self.bring_tables()

    def bring_visits(self, owner):
        self.bring(owner, "visits", self.write_table(
            owner, ("who", "city", "amount", "late"), self.tables[owner]))

    def bring_people(self):
        self.bring("bob", "people", self.write_table(
            "people", ("who", "age"), self.tables["people"]))

    def bring_tables(self):
        for owner in self.owners:
            self.bring_visits(owner)
        self.bring_people()

    def env(self, name):
        return {}

    def again(self, name, **env):
        """Start a party's node anew and reconnect everybody."""
        self.party[name].start(**env)
        for other in self.parties:
            if other != name and self.party[other].process:
                self.party[name].ask("peer.set", party=other, host="127.0.0.1",
                                     port=self.party[other].port)
        self.introduce(name)

    # --- the truth, by Python ------------------------------------------------------------

    def grouped(self, rows):
        """[[city, count, sum]] of all declared groups and `other`."""
        out = []
        for city in CITIES + ("other",):
            mine = [r for r in rows
                    if r[1] == city or (city == "other" and r[1] not in CITIES)]
            out.append([city, len(mine), sum(r[2] for r in mine) if mine else None])
        return out

    def union(self, keep=lambda r: True):
        return self.grouped([r for o in OWNERS for r in self.tables[o] if keep(r)])

    def joined(self, keep=lambda age: True):
        ages = {who: age for who, age in self.tables["people"] if keep(age)}
        return self.grouped([r for r in self.tables["ada"] if r[0] in ages])


def flip_opening(receipt, name):
    """A copy of a receipt with one letter of one opened value changed."""
    r = json.loads(receipt)
    for o in r["openings"]:
        value = bytearray(base64.b64decode(o["value"]))
        if o["name"] == name and value:
            value[0] ^= 1
            o["value"] = base64.b64encode(bytes(value)).decode()
            return json.dumps(r, indent=2)
    raise AssertionError(name)


class Traced:
    """Mixed into a house: its nodes write down the size of each message of a job."""

    def env(self, name):
        return {"MALUS_TEST_TRACE": os.path.join(self.dir, name + ".trace")}

    def lines(self, name):
        """(label, peer, way, size) .. as the party wrote them."""
        with open(os.path.join(self.dir, name + ".trace")) as f:
            return [line.split() for line in f]

    def traces(self):
        """{(party, label, peer, way): [size ..]}: what the wire shows of a job.  Both ways
        apart: what is sent and what is received may pass each other."""
        out = {}
        for name in self.party:
            for label, peer, way, size in self.lines(name):
                out.setdefault((name, label, peer, way), []).append(int(size))
        return out


def check_equal_traces(houses, ask, lists):
    """`ask` leaves the same trace in all houses, with so many lists of engines' messages."""
    seen = []
    for house in houses:
        with house as h:
            ask(h)
            seen.append(h.traces())
    assert seen[0].keys() == seen[1].keys(), seen[0].keys() ^ seen[1].keys()
    wrong = [(k, seen[0][k], seen[1][k]) for k in seen[0] if seen[0][k] != seen[1][k]]
    assert not wrong, wrong
    engines = [k for k in seen[0] if k[1] == "engine"]
    assert len(engines) == lists, engines


def refused(code, call, says=""):
    """The error: with this code, if any, and these words."""
    try:
        call()
    except Refused as e:
        assert (not code or e.code == code) and says in str(e), e
        return e
    raise AssertionError(f"not refused with {code}")


def wait_until(what, seconds=60):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def run_case(number, case, house):
    began, ok = time.monotonic(), True
    try:
        case(house) if house else case()
    except Exception:
        ok = False
        print("".join("# " + line + "\n" for line in traceback.format_exc().splitlines()))
    print(f"{'ok' if ok else 'not ok'} {number} - {case.__name__}"
          f" ({time.monotonic() - began:.1f} s)", flush=True)
    return ok


def run_parts(parts, seed, make):
    """TAP of the parts that the command names, or of all.  A part's options, if any, make
    one house for all of its cases; without, each case builds its own."""
    parts = [parts[name] for name in sys.argv[1:] or parts]
    print(f"1..{sum(len(cases) for _, cases in parts)}\n# MAL_SEED={seed}", flush=True)
    number = failed = 0
    for options, cases in parts:
        house = make(seed, **options).__enter__() if options is not None else None
        for case in cases:
            number += 1
            failed += not run_case(number, case, house)
        if house:
            for p in house.party.values():
                p.stop()
            house.close()
    sys.exit(failed != 0)
