"""seats.py - a house whose share3 has seats of its own: two owners, three that
compute and own nothing, an analyst."""
import json
import os

import house
from house import House, Party

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
  require epsilon <= 1, delta <= 1e-9, rows <= 100
  run share3{mode}
  to dan keep 30 days
budget ada.visits for all epsilon {budget} in all, delta 1e-6
budget bob.people for all epsilon {budget} in all, delta 1e-6
collude 1
consent all owners
withdraw any owner
expires 2090-01-01
"""


class Seats(House):
    def __init__(self, seed, mode="", rests="", **options):
        super().__init__(seed, **options)
        self.bounds.update(mode=mode, rests=rests)
        self.party = {name: Party(self, name) for name in PARTIES}

    def __getattr__(self, name):
        if name in PARTIES:
            return self.party[name]
        raise AttributeError(name)

    def contract(self, version=1, parent=None, room_id=None, extra=""):
        text = f'room "house" version {version} test\n'
        if version > 1:
            text += f"parent sha256:{parent}\nroom-id sha256:{room_id}\n"
        for name, p in self.party.items():
            line = json.loads(p.cli("party", "show", "--json"))["line"]
            if name in SEATS:
                line = line.replace(" owner ", " compute ") + f' organisation "{name} Ltd"'
            text += (line.replace(" owner ", " analyst ") if name == "dan" else line) + "\n"
        return text + TABLES.format(**self.bounds) + extra

    def sign(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        for owner in OWNERS:
            self.party[owner].cli("room", "sign", path)
        return path + ".signed"

    def introduce(self, name):
        for other in PARTIES:
            if other != name and self.party[other].process:
                self.party[other].ask("peer.set", party=name, host="127.0.0.1",
                                      port=self.party[name].port)

    def again(self, name, **env):
        self.party[name].start(**env)
        for other in PARTIES:
            if other != name and self.party[other].process:
                self.party[name].ask("peer.set", party=other, host="127.0.0.1",
                                     port=self.party[other].port)
        self.introduce(name)

    def make(self):
        for name, p in self.party.items():
            p.cli("party", "init", name)
        self.bundle = self.sign("house.room", self.contract())
        for p in self.party.values():
            p.start(**self.env(p.name))
        for name in PARTIES:
            self.introduce(name)
        for p in self.party.values():
            p.ask("room.open", bundle=open(self.bundle).read())
        self.make_tables()
        self.bring("ada", "visits", self.write_table(
            "ada", ("who", "city", "amount", "late"), self.tables["ada"]))
        self.bring("bob", "people", self.write_table(
            "people", ("who", "age"), self.tables["people"]))

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


assert house.PARTIES  # the plain house stays as it is
