"""seats.py - a house whose share3 has seats of its own: two owners, three that
compute and own nothing, an analyst."""
import os

from house import House, closing

OWNERS = ("ada", "bob")
SEATS = ("hal", "ivy", "jon")
PARTIES = OWNERS + SEATS + ("dan",)

TABLES = """dataset ada.visits {{
  who    id normal raw@1 domain person
  city   dim in ("x", "y", "z")
  amount measure in 0 .. 100
  late   measure in -50 .. 50 nullable
  privacy unit who contributes at most 5 rows
  units at most {units}
  rows at most {rows}{rests}
}}
dataset bob.people {{
  who  id normal raw@1 domain person
  age  dim in 0 .. 9
  privacy unit who contributes at most 1 row
  rows at most {people}
}}
dataset ada.badges {{
  badge measure in 0 .. 999
  floor dim in 0 .. 9
  unique badge
  privacy unit row
  rows at most 64{rests}
}}
rule totals permit count, sum, avg by dan
  from ada.visits (dim city, measure amount, filter amount, measure late)
  for dpv:AcademicResearch
  require epsilon <= 1, delta <= 1e-9, rows <= 100
  run share3{mode}
  to dan keep 30 days
rule joined permit count, sum, max by dan
  from ada.visits (dim city, measure amount, filter amount), bob.people (dim age)
  join ada.visits.who = bob.people.who
  for dpv:AcademicResearch
  require epsilon <= 1, delta <= 1e-9, rows <= 100{reveals}
  run share3{mode}
  to dan keep 30 days
""" + closing("ada.visits", "bob.people")


class Seats(House):
    owners, parties = OWNERS, PARTIES

    def __init__(self, seed, mode="", rests="", reveals="", **options):
        super().__init__(seed, **options)
        self.bounds.update(mode=mode, rests=rests, reveals=reveals)

    def party_line(self, name, line):
        if name in SEATS:
            line = line.replace(" owner ", " compute ") + f' organisation "{name} Ltd"'
        return super().party_line(name, line)

    def clauses(self):
        return TABLES.format(**self.bounds)

    def bring_tables(self):
        self.bring_visits("ada")
        self.bring_people()

    def shares(self, name):
        return self.party[name].ask("data.ls")["shares"]

    def segments(self, name):
        """The bytes of all parts at rest at a seat."""
        store, out = os.path.join(self.party[name].state, "store"), []
        for folder in sorted(os.listdir(store)):
            if folder.startswith("share-"):
                for part in sorted(os.listdir(os.path.join(store, folder))):
                    out.append(open(os.path.join(store, folder, part), "rb").read())
        return out
