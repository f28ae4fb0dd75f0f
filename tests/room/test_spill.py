#!/usr/bin/env python3
"""Seats with little memory: what rests goes to an encrypted file without a name, the answers
are the same, and nothing of the file outlives the job, or the node.

test_spill.py [PART]   TAP; MALUS names the binary, a test build; MAL_SEED the seed.
"""
import os
import re
import struct
import time

from house import CITIES, JOIN, Refused, run_parts
from seats import SEATS
from test_restart import Staged, killed_behind, resume, rows_of, truth

SEED = int(os.environ.get("MAL_SEED", time.time_ns() & 0xffffffff))

# The rows of one join wait while another is made; then both are grouped, at the seats.
HALF = ("SELECT p.age AS age, v.city AS city, v.amount AS amount, v.late AS late"
        " FROM ada.visits v JOIN bob.people p ON v.who = p.who WHERE v.amount {where}")
GROUP = ("SELECT city, max(total) FROM (SELECT age, city, sum(amount) AS total FROM ("
         + HALF.format(where=">= 50") + " UNION ALL " + HALF.format(where="< 70")
         + ") u GROUP BY age, city) t GROUP BY city ORDER BY city")


class Little(Staged):
    """A house whose seats hold `limit` bytes of shares; most of its rows are planted."""

    limit = 0

    def env(self, name):
        env = super().env(name)
        if self.limit and name in SEATS:
            env["MALUS_TEST_MEMORY"] = str(self.limit)
        return env

    def make_tables(self):
        """Planes of one value each, which the xor of three parts would show."""
        super().make_tables()
        rows = self.tables["ada"]
        rows[:300] = [(who, "z", 85, -50) for who, _, _, _ in rows[:300]]

    def hold(self, limit):
        self.limit = limit
        for name in SEATS:
            self.restart(name)

    def parked(self, name):
        """Bytes that a seat put to disk in its last job."""
        return [int(n) for label, _, _, n in self.lines(name) if label == "parked"][-1]

    def nameless(self, name):
        """What a seat's files without a name hold now, and not nothing."""
        top, out = f"/proc/{self.party[name].process.pid}/fd", []
        for fd in os.listdir(top):
            try:
                where = os.readlink(os.path.join(top, fd))
            except FileNotFoundError:
                continue
            if self.party[name].state in where and where.endswith(" (deleted)"):
                out.append(open(os.path.join(top, fd), "rb").read())
        return out

    def totals(self):
        """city -> the most that one age has in GROUP."""
        ages, sums = dict(self.tables["people"]), {}
        for who, city, amount, _ in self.tables["ada"]:
            times = (amount >= 50) + (amount < 70)
            if who in ages and times:
                key = city if city in CITIES else "other", ages[who]
                sums[key] = sums.get(key, 0) + times * amount
        return {c: max(n for (city, _), n in sums.items() if city == c) for c, _ in sums}


def answered(h, text):
    done = h.dan.query(text, prenoise=True, fresh=True)
    check(h, done, text)


def check(h, done, text):
    if text == GROUP:
        got = {r[0]: r[1] for r in done["answer"]["rows"] if r[1] is not None}
        assert got == h.totals(), (got, h.totals())
    else:
        assert rows_of(done) == truth(h.joined()), done["answer"]


def nothing_is_left(h):
    assert not any(h.nameless(s) for s in SEATS)


# --- cases ------------------------------------------------------------------------------------

def without_a_limit_nothing_goes_to_disk(h):
    for text in (JOIN.format(where=""), GROUP):
        answered(h, text)
        assert not any(h.parked(s) for s in SEATS)


def the_least_limit(h, text, limit):
    """Each refusal names what its step takes at least; told so, the job goes further."""
    for _ in range(20):
        h.hold(limit)
        try:
            answered(h, text)
            return limit
        except Refused as e:
            assert e.code == "E_LIMIT", e
            nothing_is_left(h)
            told = int(re.search(r"takes a limit of at least (\d+)", str(e)).group(1))
            assert told > limit, (told, limit)
            limit = told
    raise AssertionError("no limit is enough")


def under_the_least_limit_the_answers_are_the_same(h):
    for text, limit in ((JOIN.format(where=""), 58_000), (GROUP, 305_000)):
        limit = the_least_limit(h, text, limit)
        assert all(h.parked(s) >= 1000 for s in SEATS), (limit, [h.parked(s) for s in SEATS])
        nothing_is_left(h)
        print(f"# {limit} bytes, {h.parked('hal')} to disk")


def words_of(file):
    return struct.unpack(f"<{len(file) // 8}Q", file[:len(file) // 8 * 8])


def check_disk(h):
    """Of the three files: a seat's second part is the next one's first, and the three first
    parts xor to the planes, if the key is not in between."""
    files = []
    for s in SEATS:
        (file,) = h.nameless(s)
        files.append(words_of(file))
        assert sum(1 for w in files[-1] if w) >= 1000 / 8, "it was written"
    pairs = [set(zip(f, f[1:])) - {(0, 0)} for f in files]
    assert not (pairs[0] & pairs[1] or pairs[1] & pairs[2] or pairs[0] & pairs[2])
    planes = [a ^ b ^ c for a, b, c in zip(*files) if a and b and c]
    assert not any(p in (0, 2**64 - 1) for p in planes)


def a_killed_seat_leaves_nothing_and_goes_on(h):
    stage = max(h.stages("hal", "kept"))
    job = killed_behind(h, "hal", stage, GROUP, look=lambda: check_disk(h), prenoise=True)
    for folder, _, names in os.walk(h.hal.state):
        assert not any("spill" in n or n.startswith("#") for n in names), (folder, names)
        if folder.startswith(os.path.join(h.hal.state, "jobs")):
            assert all(n == "new" or n.endswith(".stage") for n in names), (folder, names)
    h.restart("hal")
    nothing_is_left(h)
    check(h, resume(h, job), GROUP)
    nothing_is_left(h)
    assert not any(job in path for s in SEATS for path in h.files(s))


CASES = [without_a_limit_nothing_goes_to_disk, under_the_least_limit_the_answers_are_the_same,
         a_killed_seat_leaves_nothing_and_goes_on]
PARTS = {
    "honest": (dict(bound=512, units=256, step=20), CASES),
    "malicious": (dict(bound=512, units=256, step=20, mode=" malicious"), CASES),
}

if __name__ == "__main__":
    run_parts(PARTS, SEED, Little)
