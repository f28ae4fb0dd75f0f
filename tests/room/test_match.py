#!/usr/bin/env python3
"""An intersection that is shown to one owner, exactly, by a clause that all signed.

test_match.py   TAP; MALUS names the binary, a test build; MAL_SEED the seed.
"""
import base64
import json
import os
import subprocess
import time

from house import JOIN, House, refused, run_parts

SEED = int(os.environ.get("MAL_SEED", time.time_ns() & 0xffffffff))
RULES = """
rule overlap permit rows by ada
  from ada.visits (id who, dim city, measure amount, filter amount), bob.people (filter age)
  join ada.visits.who = bob.people.who
  for dpv:AcademicResearch
  require rows <= 2000
  run psi malicious
  to ada keep 30 days
  exact columns ada.visits.who, ada.visits.city, ada.visits.amount, bob.people.age to ada
rule lying permit count by ada
  from ada.visits (dim city), bob.people (dim age)
  join ada.visits.who = bob.people.who
  for dpv:AcademicResearch
  require epsilon <= 1, delta <= 1e-9
  run psi malicious
  to ada
"""
MATCH = "SELECT who, city, amount FROM ada.visits WHERE who IN (SELECT who FROM bob.people{})"


class MatchHouse(House):
    def contract(self, *args, **kw):
        text = super().contract(*args, **kw)
        text = text.replace("party ada owner ", "party ada owner analyst ")
        return text.replace("rule no-rows forbid rows, min, max\n",
                            RULES + "rule no-extremes forbid min, max\n")


def matches(h, keep=lambda age: True):
    ages = {who for who, age in h.tables["people"] if keep(age)}
    return [r for r in h.tables["ada"] if r[0] in ages]


def label(city):
    return city if city in ("x", "y", "z") else "other"


def check(h, done, truth):
    """The same rows; ids are pseudonyms, one to a person."""
    assert done["engine"] == "psi" and done["epsilon_nano"] == 0
    rows = done["answer"]["rows"]
    assert sorted((r[1], r[2]) for r in rows) == sorted((label(r[1]), r[2]) for r in truth)
    by_id, by_person = {}, {}
    for who, city, amount in rows:
        by_id.setdefault(who, []).append((city, amount))
    for person, city, amount, _ in truth:
        by_person.setdefault(person, []).append((label(city), amount))
    assert sorted(sorted(v) for v in by_id.values()) == \
        sorted(sorted(v) for v in by_person.values())
    return by_id


def the_owner_sees_its_matching_rows_and_no_others(h):
    h.done = h.ada.query(MATCH.format(""))
    h.ids = check(h, h.done, matches(h))
    done = h.ada.query(MATCH.format(" WHERE age > 3") + " AND amount < 50 ORDER BY city DESC")
    check(h, done, [r for r in matches(h, lambda age: age > 3) if r[2] < 50])
    cities = [r[1] for r in done["answer"]["rows"]]
    assert cities == sorted(cities, key=lambda c: (c == "other", c), reverse=True), cities
    none = h.ada.query(MATCH.format(" WHERE age > 3 AND age < 3"))
    assert none["answer"]["rows"] == []
    join = h.ada.query("SELECT v.who, v.city, v.amount FROM ada.visits v JOIN bob.people p "
                       "ON v.who = p.who")
    check(h, join, matches(h))
    assert h.ids.keys() == {r[0] for r in join["answer"]["rows"]}


def explain_and_receipt_say_what_it_is(h):
    text = h.ada.cli("explain", "house", MATCH.format(""))
    for words in ("psi malicious: about", "no differential privacy", "unbounded loss",
                  "permitted by rule overlap", "sees which of its rows match, alone",
                  "of its choice"):
        assert words in text, (words, text)
    told = h.ada.cli("query", "house", MATCH.format(" WHERE age = 1"))
    assert "engine psi, exact, no differential privacy" in told, told
    path = os.path.join(h.dir, "receipt")
    with open(path, "w") as f:
        f.write(h.done["receipt"])
    report = subprocess.run([h.malus, "verify", path], capture_output=True, text=True,
                            check=True).stdout
    assert "valid" in report and "no differential privacy" in report, report
    debits = [base64.b64decode(o["value"]).decode()
              for o in json.loads(h.done["receipt"])["openings"] if o["name"] == "debit"]
    assert sum("unbounded: an exact release" in d for d in debits) == 2, debits
    for who in h.ids:  # a receipt may be shown to strangers
        assert who not in h.done["receipt"] and who not in report


def nothing_leaves_exactly_without_the_clause(h):
    ask = lambda text, who="ada", **f: (lambda: h.party[who].query(text, **f))
    refused("E_DENIED", ask(MATCH.format("").replace("amount", "late")), "late")
    refused("E_DENIED", ask(MATCH.format(""), "dan"))
    refused("E_DENIED", ask("SELECT who FROM bob.people WHERE who IN "
                            "(SELECT who FROM ada.visits)"))
    refused("E_UNSUPPORTED", ask("SELECT who FROM ada.visits"), "no engine releases rows")
    refused("E_DENIED", ask(MATCH.format("").replace("ada.", "cyd.")))
    refused("E_DENIED", ask(MATCH.format(""), purpose="dpv:Marketing"))


def what_would_show_more_than_the_answer_is_refused(h):
    ask = lambda text: (lambda: h.ada.query(text))
    refused("E_UNSUPPORTED", ask(MATCH.format("") + " LIMIT 3"), "LIMIT")
    refused("E_UNSUPPORTED", ask(MATCH.format("").replace("who, city", "city", 1)),
            "select the one that is joined on")
    refused("E_DENIED", ask("SELECT v.who, p.age FROM ada.visits v JOIN bob.people p "
                            "ON v.who = p.who"))


def a_sum_under_psi_malicious_is_refused_with_advice(h):
    refused("E_DENIED", lambda: h.ada.query(
        "SELECT v.city, count(*) FROM ada.visits v JOIN bob.people p ON v.who = p.who "
        "GROUP BY v.city", epsilon=1), "share3 malicious")
    h.dan.query(JOIN.format(where=""), epsilon=1)  # semi-honest where that is permitted


def the_other_owner_learns_sizes_alone(h):
    """What both send does not follow the data (logs grow, by a few bytes a job)."""
    sent = set()
    for where in ("", " WHERE age = 3", " WHERE age > 3 AND age < 3"):
        sent.add(h.ada.query(MATCH.format(where))["bytes"])
    assert max(sent) - min(sent) <= 4096, sent


CASES = [the_owner_sees_its_matching_rows_and_no_others, explain_and_receipt_say_what_it_is,
         nothing_leaves_exactly_without_the_clause,
         what_would_show_more_than_the_answer_is_refused,
         a_sum_under_psi_malicious_is_refused_with_advice, the_other_owner_learns_sizes_alone]


if __name__ == "__main__":
    run_parts({"all": ({}, CASES)}, SEED, MatchHouse)
