"""hospitals.py - three nodes: two hospitals that own patients and hold a seat each, and a
laboratory that asks and holds the third.  The truth of a model, in double precision."""
import math
import random

from house import House, closing

OWNERS = ("north", "south")
PARTIES = OWNERS + ("lab",)

PATIENTS = """dataset {owner}.patients {{
  who        id normal raw@1 domain person
  age        measure in 18 .. 90
  bmi        measure decimal(1) in 10 .. 60
  sex        dim in ("f", "m")
  stays      dim in 0 .. 20 nullable
  readmitted measure in 0 .. 1
  hiv        measure in 0 .. 1
  privacy unit who contributes at most 1 row
  unique who
  rows at most {rows}{rests}
}}
"""
ROOM = """dataset south.blood {{
  who  id normal raw@1 domain person
  crp  measure decimal(2) in 0 .. 100
  privacy unit who contributes at most 1 row
  unique who
  rows at most {rows}
}}
rule risk permit train (logistic) by lab
  from north.patients (measure age, measure bmi, dim sex, dim stays, measure readmitted,
                       filter age, filter sex),
       south.patients (measure age, measure bmi, dim sex, dim stays, measure readmitted,
                       filter age, filter sex)
  for dpv:AcademicResearch
  require group >= 100, epsilon <= 8, delta <= 1e-9, rows <= 1000
  run share3{mode}
  to lab keep 30 days
rule blood permit train (linear, logistic, trees) by lab
  from north.patients (measure age, measure bmi, measure readmitted, dim stays),
       south.blood (measure crp)
  join north.patients.who = south.blood.who
  for dpv:AcademicResearch
  require epsilon <= 8, delta <= 1e-9, rows <= 1000
  run share3{mode}
  to lab keep 30 days
""" + closing("north.patients", "south.patients", "south.blood")
HEAD = ("who", "age", "bmi", "sex", "stays", "readmitted", "hiv")


class Hospitals(House):
    room, owners, parties = "hospitals", OWNERS, PARTIES

    def __init__(self, seed, mode="", rests="", bound=512, budget=1000, patients=450):
        super().__init__(seed)
        self.bounds = dict(mode=mode, rests=rests, rows=bound, budget=budget)
        self.patients = patients

    def party_line(self, name, line):
        roles = " analyst compute " if name == "lab" else " owner compute "
        return line.replace(" owner ", roles)

    def clauses(self):
        tables = (PATIENTS.format(owner=owner, **self.bounds) for owner in OWNERS)
        return "".join(tables) + ROOM.format(**self.bounds)

    def bring_tables(self):
        for owner in OWNERS:
            self.bring(owner, "patients", self.write_table(owner, HEAD, self.tables[owner]))
        self.bring("south", "blood", self.write_table("blood", ("who", "crp"),
                                                      self.tables["blood"]))

    def make_tables(self):
        draw = random.Random(self.seed)
        for k, owner in enumerate(OWNERS):
            rows = self.tables[owner] = []
            for i in range(self.patients):
                age, bmi = draw.randrange(18, 91), draw.randrange(100, 601) / 10
                sex, stays = draw.choice("fm"), draw.choice([None, *range(8)])
                z = (age - 54) / 20 + (bmi - 35) / 20 + (sex == "m") + draw.gauss(0, 1)
                rows.append((f"p{1000 * k + i}", age, f"{bmi:.1f}", sex, stays, int(z > .5),
                             draw.randrange(2)))
        self.tables["blood"] = [(r[0], f"{max(0, min(100, float(r[2]) + draw.gauss(0, 5))):.2f}")
                                for r in self.tables["north"] if draw.random() < .8]


# --- the same in double precision ------------------------------------------------------------

def scaled(v, low, high):
    return (2 * v - low - high) / (high - low)


def solve(a, b):
    """Gauss, with pivots."""
    n = len(b)
    m = [row[:] + [v] for row, v in zip(a, b)]
    for i in range(n):
        p = max(range(i, n), key=lambda r: abs(m[r][i]))
        m[i], m[p] = m[p], m[i]
        for r in range(n):
            if r != i:
                f = m[r][i] / m[i][i]
                m[r] = [x - f * y for x, y in zip(m[r], m[i])]
    return [m[i][n] / m[i][i] for i in range(n)]


def least_squares(rows, n, ridge):
    """min sum (x.w - y)^2 / 2n + ridge |w|^2 / 2; a row is its features and y."""
    d = len(rows[0])
    xs = [r[:-1] + [1.0] for r in rows]
    a = [[sum(x[i] * x[j] for x in xs) / n + ridge * (i == j) for j in range(d)]
         for i in range(d)]
    return solve(a, [sum(x[i] * r[-1] for x, r in zip(xs, rows)) / n for i in range(d)])


def logistic(rows, n, ridge):
    """The minimum of the ridged log loss over n, by Newton's method."""
    d = len(rows[0])
    xs = [r[:-1] + [1.0] for r in rows]
    w = [0.0] * d
    for _ in range(30):
        p = [1 / (1 + math.exp(-sum(a * b for a, b in zip(x, w)))) for x in xs]
        g = [sum((q - r[-1]) * x[i] for x, q, r in zip(xs, p, rows)) / n + ridge * w[i]
             for i in range(d)]
        h = [[sum(q * (1 - q) * x[i] * x[j] for x, q in zip(xs, p)) / n + ridge * (i == j)
              for j in range(d)] for i in range(d)]
        w = [a - b for a, b in zip(w, solve(h, g))]
    return w
