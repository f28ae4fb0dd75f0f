#!/usr/bin/env python3
"""Seats that own nothing, as processes: tables that rest as shares with them, and
questions that they compute.

test_seats.py [PART]   TAP; MALUS names the binary, a test build; MAL_SEED the seed.
"""
import os
import re
import signal
import subprocess
import sys
import threading
import time

from house import (CITIES, JOIN, UNION as PLAIN_UNION, House, Refused, Traced,
                   check_equal_traces, flip_opening, refused, run_parts, wait_until)
from seats import SEATS, Seats

SEED = int(os.environ.get("MAL_SEED", time.time_ns() & 0xffffffff))


# --- shares at rest ----------------------------------------------------------------------

def a_table_is_shared_to_three_seats(h):
    h.ada.ask("data.share", dataset="visits")
    for i, seat in enumerate(SEATS):
        (s,) = h.shares(seat)
        assert (s["dataset"], s["version"], s["epoch"], s["seat"]) == ("ada.visits", 1, 1, i), s
    assert not h.shares("ada") and not h.shares("dan")
    roots = {s["root"] for seat in SEATS for s in h.shares(seat)}
    assert roots == {h.ada.ask("data.ls")["datasets"][0]["root"]}, roots


def what_rests_has_the_size_of_the_declared_bound(h):
    planes = 128 + 2 + 7 + (7 + 1) + 1  # who, city, amount, late and its NULLs, valid
    words = planes * (h.bounds["rows"] // 64)
    for seat in SEATS:
        assert [len(s) for s in h.segments(seat)] == [8 * words + 16] * 2


def only_the_owner_shares_and_only_what_rests_shared(h):
    refused("E_DENIED", lambda: h.bob.ask("data.share", dataset="people"), "rests shared")
    refused("E_DENIED", lambda: h.bob.ask("data.share", dataset="ada.visits"), "belongs to ada")
    refused("E_MISSING", lambda: h.ada.ask("data.share", dataset="nothing"))


def a_refresh_gives_new_shares_at_all_seats(h):
    before = {s: h.segments(s) for s in SEATS}
    assert h.ivy.ask("data.refresh", dataset="ada.visits")["epoch"] == 2
    for seat in SEATS:
        (s,) = h.shares(seat)
        assert s["epoch"] == 2, s
        after = h.segments(seat)
        assert len(after) == len(before[seat]) == 2
        assert not set(after) & set(before[seat])
    assert h.hal.ask("data.refresh", dataset="ada.visits")["epoch"] == 3
    refused("E_DENIED", lambda: h.ada.ask("data.refresh", dataset="ada.visits"), "seat")
    refused("E_MISSING", lambda: h.jon.ask("data.refresh", dataset="bob.people"))


def a_seat_that_bends_a_refresh_changes_nothing(h):
    before = {s: h.segments(s) for s in SEATS}
    h.ivy.stop()
    h.again("ivy", MALUS_TEST_LIE="refresh")
    refused(None, lambda: h.hal.ask("data.refresh", dataset="ada.visits"))
    h.ivy.stop()
    h.again("ivy")
    assert {s: h.segments(s) for s in SEATS} == before


def bundles_travel_as_files_and_fit_one_seat_only(h):
    folder = os.path.join(h.dir, "bundles")
    os.mkdir(folder)
    h.ada.cli("data", "share", "visits", "--out", folder)
    name = lambda seat: os.path.join(folder, f"ada.visits.{seat}.shares")
    assert sorted(os.listdir(folder)) == sorted(os.path.basename(name(s)) for s in SEATS)
    refused("E_DENIED", lambda: h.hal.ask("data.receive", path=name("ivy")), "another seat")
    refused("E_DENIED", lambda: h.ada.ask("data.receive", path=name("ivy")), "another seat")
    whole = open(name("hal"), "rb").read()
    for what, damage in (("bit", bytes([whole[-1] ^ 1])), ("cut", b"")):
        bad = os.path.join(folder, what)
        open(bad, "wb").write(whole[:-1] + damage)
        refused(None, lambda: h.hal.ask("data.receive", path=bad))
    at = whole.index(b"ada.visits")
    open(bad, "wb").write(whole[:at + 30] + bytes([whole[at + 30] ^ 1]) + whole[at + 31:])
    refused(None, lambda: h.hal.ask("data.receive", path=bad))
    assert len(h.shares("hal")) == 1, "nothing of a bad bundle stays"
    for seat in SEATS:
        assert "version 1" in h.party[seat].cli("data", "receive", name(seat))
        assert len(h.shares(seat)) == 2 and h.shares(seat)[0]["epoch"] == 3


def seats_that_come_back_hold_their_shares(h):
    before = h.segments("ivy")
    h.ivy.stop(signal.SIGKILL)
    h.again("ivy")
    assert h.segments("ivy") == before and len(h.shares("ivy")) == 2


def what_the_owner_erases_its_seats_erase(h):
    h.jon.stop()
    gone = h.ada.ask("data.rm", dataset="visits")
    assert gone["seats_missed"] == ["jon"], gone
    assert not h.shares("hal") and not h.shares("ivy") and not h.segments("hal")
    kinds = [e["kind"] for e in h.hal.ask("log")["entries"]]
    assert "deletion" in kinds, kinds
    h.again("jon")
    assert len(h.shares("jon")) == 2
    assert not h.ada.ask("data.rm", dataset="visits")["seats_missed"]
    assert not h.shares("jon") and not h.segments("jon")
    refused("E_MISSING", lambda: h.ada.ask("data.rm", dataset="nothing"))


def what_was_not_shared_is_asked_of_in_vain_and_unpaid(h):
    e = refused("E_MISSING", lambda: h.dan.query(JOIN.format(where=""), epsilon=1))
    assert "was not shared" in str(e), e
    assert h.ada.spent("ada.visits") == 0


def questions_are_answered_from_the_shares_that_rest(h):
    for where, ages in (("", range(10)), ("WHERE p.age BETWEEN 3 AND 6", range(3, 7))):
        done = h.dan.query(JOIN.format(where=where), prenoise=True, fresh=True)
        same(rows_of(done), h.joined(lambda age: age in ages))
    done = h.dan.query(UNION.format(where="WHERE amount >= 50 AND city <> 'x'"), prenoise=True)
    same(rows_of(done), h.grouped([r for r in h.tables["ada"] if r[2] >= 50 and r[1] != "x"]))


def they_are_answered_with_noise_too(h):
    spent = h.ada.spent("ada.visits")
    done = h.dan.query(JOIN.format(where=""), epsilon=1)
    truth = {r[0]: r for r in h.joined()}
    for row, bars in zip(rows_of(done), done["answer"]["halfwidths"]):
        for i in (1, 2):
            assert abs(row[i] - (truth[row[0]][i] or 0)) <= 8 * bars[i] and bars[i] > 0
    assert h.ada.spent("ada.visits") == spent + 10**9


# --- questions ---------------------------------------------------------------------------

UNION = "SELECT city, count(*), sum(amount) FROM ada.visits {where} GROUP BY city ORDER BY city"


def rows_of(done):
    return done["answer"]["rows"]


def same(got, want):
    got = sorted([r[0]] + [v or 0 for v in r[1:]] for r in got)
    want = sorted([r[0]] + [v or 0 for v in r[1:]] for r in want)
    assert got == want, (got, want)


def cli(h, *words, code=0):
    run = subprocess.run([h.malus, *words], capture_output=True, text=True, cwd=h.dir)
    assert run.returncode == code, (words, run.returncode, run.stdout, run.stderr)
    return run.stdout


def answers_before_noise_are_pythons(h):
    done = h.dan.query(JOIN.format(where=""), prenoise=True)
    assert done["engine"] == "share3", done
    same(rows_of(done), h.joined())
    same(rows_of(h.dan.query(JOIN.format(where="WHERE p.age BETWEEN 3 AND 6"), prenoise=True)),
         h.joined(lambda age: 3 <= age <= 6))
    same(rows_of(h.dan.query(UNION.format(where=""), prenoise=True)),
         h.grouped(h.tables["ada"]))


def rows_are_opened_in_a_room_marked_test(h):
    """A greatest value has no mechanism: only before noise, and only here."""
    ages = dict(h.tables["people"])
    ask = "SELECT v.city, max(v.amount) FROM ada.visits v JOIN bob.people p ON v.who = p.who" \
          " WHERE p.age < 5 GROUP BY v.city ORDER BY v.city"
    want = {}
    for who, city, amount, _ in h.tables["ada"]:
        city = city if city in CITIES else "other"
        if ages.get(who, 9) < 5:
            want[city] = max(want.get(city, 0), amount)
    done = h.dan.query(ask, prenoise=True)
    assert {r[0]: r[1] for r in rows_of(done) if r[1] is not None} == want, done["answer"]
    refused("E_UNSUPPORTED", lambda: h.dan.query(ask, epsilon=1))


def a_noised_answer_comes_with_a_receipt_that_knows_the_seats(h):
    done = h.dan.query(JOIN.format(where=""), epsilon=1)
    truth = {r[0]: r for r in h.joined()}
    for row, bars in zip(rows_of(done), done["answer"]["halfwidths"]):
        for i in (1, 2):
            assert bars[i] > 0
            assert abs(row[i] - (truth[row[0]][i] or 0)) <= 8 * bars[i], (row, bars)
    path = os.path.join(h.dir, "r")
    open(path, "w").write(done["receipt"])
    report = cli(h, "verify", path)
    assert "valid" in report and "engine    share3" in report
    for seat in SEATS:
        assert f"{seat} (of {seat} Ltd)" in report, report
        assert f"the intent of {seat}" in report
    assert "added up again" in report
    for city, count, _ in rows_of(done):
        assert f"{count}" in report
    open(path + ".bad", "w").write(flip_opening(done["receipt"], "output"))
    assert "FAIL" in cli(h, "verify", path + ".bad", code=4)


def who_owns_nothing_pays_nothing_and_logs_everything(h):
    spent = h.ada.spent("ada.visits")
    h.dan.query(JOIN.format(where="WHERE p.age < 7"), epsilon=1)
    assert h.ada.spent("ada.visits") == spent + 10**9
    for seat in SEATS:
        assert not h.party[seat].ask("budget")["budgets"]
        kinds = [e["kind"] for e in h.party[seat].ask("log", last=4)["entries"]]
        assert "intent" in kinds and "result" in kinds, kinds


def explain_names_seats_rounds_bytes_and_losers(h):
    text = h.dan.cli("explain", "house", JOIN.format(where=""))
    for words in ("share3: about", "rounds", "hal (of hal Ltd), ivy (of ivy Ltd)", "two of the",
                  "not psi", "one bit, whether every promise", "Not proved"):
        assert words in text, (words, text)


def explain_says_what_the_third_seat_may_do(h):
    text = h.dan.cli("explain", "house", JOIN.format(where=""))
    for words in ("share3 malicious: about", "the third may do anything", "not share3:"):
        assert words in text, (words, text)


def a_repeated_question_is_free(h):
    spent = h.ada.spent("ada.visits")
    assert h.dan.query(JOIN.format(where=""), epsilon=1)["stored"]
    assert h.ada.spent("ada.visits") == spent


def a_lying_seat_is_named_before_the_engine_runs(h):
    intents = lambda: [e for e in h.ada.ask("log", last=1000)["entries"]
                       if e["kind"] == "intent"]
    says = {"contract": "another contract", "plan": "another plan",
            "physical": "splits the plan", "pseudonym": "owns nothing", "noise": "other noise"}
    for lie in says:
        h.ivy.stop()
        h.again("ivy", MALUS_TEST_LIE=lie)
        before = h.ada.spent("ada.visits"), len(intents())
        e = refused(None, lambda: h.dan.query(JOIN.format(where=""), epsilon=1, fresh=True))
        assert "ivy" in str(e) and says[lie] in str(e), (lie, str(e))
        assert (h.ada.spent("ada.visits"), len(intents())) == before, lie
    h.ivy.stop()
    h.again("ivy")
    same(rows_of(h.dan.query(JOIN.format(where=""), prenoise=True, fresh=True)), h.joined())


def pitfall_16_transcripts_that_differ_end_the_job(h):
    """Both ends of every channel say what passed; a seat that saw, or says it saw,
    other messages ends the job at all parties."""
    h.ivy.stop()
    h.again("ivy", MALUS_TEST_LIE="transcript")
    e = refused(None, lambda: h.dan.query(JOIN.format(where=""), epsilon=1, fresh=True))
    assert "ivy" in str(e) and "saw different messages" in str(e), str(e)
    for name in ("ada", "bob", "hal", "jon"):
        job = h.party[name].ask("job.ls")["jobs"][0]
        assert job["state"] == "failed" and "different messages" in job["error"], job
    h.ivy.stop()
    h.again("ivy")


def refuses_a_seat_that_replays(h, lie):
    """ivy says in its second run what it said in its first."""
    h.ivy.stop()
    h.again("ivy", MALUS_TEST_LIE=lie)
    ask = lambda age: h.dan.query(JOIN.format(where=f"WHERE p.age < {age}"), prenoise=True,
                                  fresh=True)
    same(rows_of(ask(4)), h.joined(lambda age: age < 4))
    refused("E_PEER", lambda: ask(4))
    for name in ("hal", "jon"):
        assert h.party[name].ask("job.ls")["jobs"][0]["state"] == "failed"
    h.ivy.stop()
    h.again("ivy")
    same(rows_of(ask(4)), h.joined(lambda age: age < 4))


def messages_of_an_older_session_are_refused(h):
    refuses_a_seat_that_replays(h, "replay-all")


def messages_of_an_older_run_are_refused(h):
    """Behind an honest greeting they are words like others, which no proof accepts."""
    refuses_a_seat_that_replays(h, "replay")


def a_lying_owner_is_named_by_the_seats(h):
    h.bob.stop()
    h.again("bob", MALUS_TEST_LIE="pseudonym")
    e = refused(None, lambda: h.dan.query(JOIN.format(where=""), epsilon=1, fresh=True))
    assert "bob" in str(e) and "another pseudonym key" in str(e), str(e)
    h.bob.stop()
    h.again("bob")


def a_seat_killed_in_a_job_ends_it_everywhere(h):
    result = {}

    def ask():
        try:
            result["done"] = h.dan.query(JOIN.format(where="WHERE p.age > 0"), epsilon=1)
        except Refused as e:
            result["error"] = e
    thread = threading.Thread(target=ask)
    thread.start()
    wait_until(lambda: any(j["state"] == "running" for j in h.hal.ask("job.ls")["jobs"]))
    spent = h.ada.spent("ada.visits")
    h.jon.stop(signal.SIGKILL)
    began = time.monotonic()
    thread.join(90)
    assert "error" in result and time.monotonic() - began < 60, result
    for name in ("ada", "bob", "hal", "ivy"):
        wait_until(lambda: all(j["state"] in ("done", "failed")
                               for j in h.party[name].ask("job.ls")["jobs"]))
    assert h.ada.spent("ada.visits") == spent, "what was charged stays charged"
    refused(None, lambda: h.dan.query(JOIN.format(where=""), epsilon=1, fresh=True))
    h.again("jon")
    assert all(j["state"] in ("done", "failed") for j in h.jon.ask("job.ls")["jobs"])
    assert not h.dan.query(JOIN.format(where="WHERE p.age > 0"), epsilon=1)["stored"]


def a_cancelled_job_ends_everywhere(h):
    result = {}

    def ask():
        try:
            result["done"] = h.dan.query(JOIN.format(where="WHERE p.age < 9"), epsilon=1)
        except Refused as e:
            result["error"] = e
    thread = threading.Thread(target=ask)
    thread.start()
    running = lambda p: [j for j in p.ask("job.ls")["jobs"] if j["state"] == "running"]
    seen = []
    wait_until(lambda: seen.extend(running(h.ivy)) or seen)
    assert seen[0]["left_seconds"] >= 0, seen
    h.ivy.ask("job.cancel", job=seen[0]["job"])
    began = time.monotonic()
    thread.join(90)
    assert "error" in result and time.monotonic() - began < 15, result
    wait_until(lambda: not any(running(h.party[n]) for n in ("ada", "bob", "hal", "jon")))


class TracedSeats(Traced, Seats):
    pass


def traced(question, lists):
    """Of two pairs of tables that have only their bounds in common."""
    houses = (TracedSeats(SEED, rows=rows, people=people, persons=persons, bound=512)
              for rows, people, persons in ((30, 3, 30), (500, 250, 240)))
    check_equal_traces(houses, lambda h: h.dan.query(question, epsilon=1), lists)


def equal_bounds_give_equal_traces():
    traced(UNION.format(where=""), 12 + 6)  # between seats; ada's shares


def equal_bounds_give_equal_traces_of_a_join():
    """Owners sort before they share: between seats nothing is sorted, and a merge has the
    sizes that the rows give it."""
    traced(JOIN.format(where="WHERE p.age < 5"), 12 + 2 * 6)


# --- a noised count --------------------------------------------------------------------

SELECTIVE = JOIN.format(where="WHERE p.age < 1 AND v.amount >= p.age")


def a_noised_count_shrinks_the_table_and_not_the_answer(h):
    text = h.dan.cli("explain", "house", SELECTIVE)
    for words in ("size shown to the seats: the rows that the", "over bob.people leaves of 8192",
                  "epsilon 0.125 of the above", "how many rows the"):
        assert words in text, (words, text)
    same(rows_of(h.dan.query(SELECTIVE, prenoise=True)), h.joined(lambda age: age < 1))


def its_part_of_epsilon_is_debited_with_the_answers(h):
    spent = h.ada.spent("ada.visits"), h.bob.spent("bob.people")
    done = h.dan.query(SELECTIVE, epsilon=1)
    assert (h.ada.spent("ada.visits"), h.bob.spent("bob.people")) == (
        spent[0] + 10**9, spent[1] + 10**9)
    truth = {r[0]: r for r in h.joined(lambda age: age < 1)}
    for row, bars in zip(rows_of(done), done["answer"]["halfwidths"]):
        assert abs(row[1] - truth[row[0]][1]) <= 8 * bars[1], (row, bars)
    assert "how many rows the" in done["receipt"]


def without_the_word_nothing_is_shown(h):
    text = h.dan.cli("explain", "house", SELECTIVE)
    assert "size shown to the seats" not in text and "how many rows the" not in text, text
    same(rows_of(h.dan.query(SELECTIVE, prenoise=True)), h.joined(lambda age: age < 1))


# --- owners as seats -----------------------------------------------------------------------

class Owners(House):
    """Three owners and nobody named to compute: they are the seats.  The union runs on
    share3 alone, the join on what costs less."""

    def contract(self, *args, **more):
        return super().contract(*args, **more).replace("run clear | sum", "run share3").replace(
            "run psi", "run psi | share3")


def owners_with_seats_answer_as_python_does(h):
    done = h.dan.query(PLAIN_UNION.format(where=""), prenoise=True)
    assert done["engine"] == "share3"
    same(rows_of(done), h.union())
    same(rows_of(h.dan.query(PLAIN_UNION.format(where="WHERE amount >= 50"), prenoise=True)),
         h.union(lambda r: r[2] >= 50))
    done = h.dan.query(PLAIN_UNION.format(where=""), epsilon=1)
    truth = {r[0]: r for r in h.union()}
    for row, bars in zip(rows_of(done), done["answer"]["halfwidths"]):
        assert all(abs(row[i] - (truth[row[0]][i] or 0)) <= 8 * bars[i] for i in (1, 2)), row


def count_of(h, ask):
    return sum(r[1] or 0 for r in rows_of(h.dan.query(ask, prenoise=True, fresh=True)))


def a_unit_with_all_rows_adds_its_bound_and_no_more(h):
    """What ada shares is 400 rows of one person: the contract takes 5."""
    h.ada.stop()
    h.again("ada", MALUS_TEST_LIE="units")
    assert count_of(h, UNION.format(where="")) == 5
    done = h.dan.query(UNION.format(where=""), prenoise=True, fresh=True)
    assert sum(r[2] or 0 for r in rows_of(done)) <= 5 * 100
    assert count_of(h, JOIN.format(where="")) in (0, 5)
    assert count_of(h, JOIN.format(where="WHERE v.amount >= p.age")) <= 5  # on shares of rows
    h.ada.stop()
    h.again("ada")
    same(rows_of(h.dan.query(UNION.format(where=""), prenoise=True, fresh=True)),
         h.grouped(h.tables["ada"]))


def a_unit_with_all_rows_adds_its_bound_at_an_owner_with_a_seat(h):
    h.ada.stop()
    h.again("ada", MALUS_TEST_LIE="units")
    want = sum(len(h.tables[o]) for o in ("bob", "cyd") if o in h.tables) + 5
    assert count_of(h, PLAIN_UNION.format(where="")) == want
    h.ada.stop()
    h.again("ada")


def the_same_of_shares_that_rest(h):
    h.ada.stop()
    h.again("ada", MALUS_TEST_LIE="units")
    h.ada.ask("data.rm", dataset="visits")
    h.bring("ada", "visits", h.write_table("again", ("who", "city", "amount", "late"),
                                           h.tables["ada"]))
    h.ada.ask("data.share", dataset="visits")
    assert [s["epoch"] for s in h.shares("hal")] == [1]
    assert count_of(h, UNION.format(where="")) == 5
    h.ada.stop()
    h.again("ada")


def a_table_whose_unique_keys_are_not_is_not_taken_in(h):
    bring = lambda rows: h.bring("ada", "badges", h.write_table("badges", ("badge", "floor"), rows))
    version = bring([(i % 20, 1) for i in range(21)])["version"]
    e = refused(None, lambda: h.ada.ask("data.share", dataset="badges"), "ada.badges")
    assert "not unique" in str(e), str(e)
    assert not any(s["dataset"] == "ada.badges" for s in h.shares("ivy"))
    bring([(i, 1) for i in range(21)])
    h.ada.ask("data.share", dataset="badges")
    (s,) = [s for s in h.shares("ivy") if s["dataset"] == "ada.badges"]
    assert (s["version"], s["epoch"]) == (version + 1, 1), s


def the_cheaper_engine_is_taken_and_the_other_shown(h):
    text = h.dan.cli("explain", "house", JOIN.format(where=""))
    cost = {name: float(seconds) for name, seconds in
            re.findall(r"^  (?:not )?(psi|share3): about ([0-9.]+) s", text, re.M)}
    assert len(cost) == 2, text
    done = h.dan.query(JOIN.format(where=""), prenoise=True)
    assert cost[done["engine"]] == min(cost.values()), (cost, done["engine"])
    assert f"not {done['engine']}:" not in text, text
    same(rows_of(done), h.joined())


PARTS = {
    "owners": (dict(bound=512), [owners_with_seats_answer_as_python_does,
                                 a_unit_with_all_rows_adds_its_bound_at_an_owner_with_a_seat,
                                 the_cheaper_engine_is_taken_and_the_other_shown]),
    "rest": (dict(rests="\n  rests shared"), [
        what_was_not_shared_is_asked_of_in_vain_and_unpaid,
        a_table_is_shared_to_three_seats, questions_are_answered_from_the_shares_that_rest,
        they_are_answered_with_noise_too, what_rests_has_the_size_of_the_declared_bound,
        only_the_owner_shares_and_only_what_rests_shared,
        a_refresh_gives_new_shares_at_all_seats,
        a_seat_that_bends_a_refresh_changes_nothing,
        questions_are_answered_from_the_shares_that_rest, bundles_travel_as_files_and_fit_one_seat_only,
        seats_that_come_back_hold_their_shares,
        questions_are_answered_from_the_shares_that_rest, what_the_owner_erases_its_seats_erase,
        the_same_of_shares_that_rest, a_table_whose_unique_keys_are_not_is_not_taken_in]),
    "run": (dict(bound=512, units=256, step=20), [
        answers_before_noise_are_pythons, rows_are_opened_in_a_room_marked_test, explain_names_seats_rounds_bytes_and_losers,
        a_noised_answer_comes_with_a_receipt_that_knows_the_seats, a_repeated_question_is_free,
        who_owns_nothing_pays_nothing_and_logs_everything,
        a_unit_with_all_rows_adds_its_bound_and_no_more,
        a_lying_seat_is_named_before_the_engine_runs,
        pitfall_16_transcripts_that_differ_end_the_job,
        messages_of_an_older_session_are_refused, a_lying_owner_is_named_by_the_seats,
        a_seat_killed_in_a_job_ends_it_everywhere, a_cancelled_job_ends_everywhere]),
    "malicious": (dict(bound=512, units=256, mode=" malicious"), [
        explain_says_what_the_third_seat_may_do, answers_before_noise_are_pythons,
        messages_of_an_older_session_are_refused, messages_of_an_older_run_are_refused,
        a_noised_answer_comes_with_a_receipt_that_knows_the_seats]),
    "shrink": (dict(bound=512, units=256, people_bound=8192, reveals="\n  reveals noised count"), [
        a_noised_count_shrinks_the_table_and_not_the_answer,
        its_part_of_epsilon_is_debited_with_the_answers]),
    "whole": (dict(bound=512, units=256, people_bound=8192), [without_the_word_nothing_is_shown]),
    "sizes": (None, [equal_bounds_give_equal_traces,
                     equal_bounds_give_equal_traces_of_a_join]),
}


if __name__ == "__main__":
    run_parts(PARTS, SEED, Owners if sys.argv[1:] == ["owners"] else Seats)
