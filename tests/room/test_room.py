#!/usr/bin/env python3
"""The whole room as processes: what three owners and an analyst may rely on.

test_room.py [PART]   TAP; MALUS names the binary, a test build; MAL_SEED the seed.
"""
import json
import os
import signal
import threading
import time

from house import (CITIES, JOIN, OWNERS, UNION, House, Refused, Traced, check_equal_traces,
                   flip_opening, refused, run_parts, wait_until)

SEED = int(os.environ.get("MAL_SEED", time.time_ns() & 0xffffffff))


def rows_of(done):
    return done["answer"]["rows"]


def same(got, want):
    """Groups in any order; an empty group's sum is NULL, or 0."""
    got = sorted([r[0]] + [v or 0 for v in r[1:]] for r in got)
    want = sorted([r[0]] + [v or 0 for v in r[1:]] for r in want)
    assert got == want, (got, want)


# --- answers ------------------------------------------------------------------------------

def answers_before_noise_are_pythons(h):
    dan = h.dan
    same(rows_of(dan.query(UNION.format(where=""), prenoise=True)), h.union())
    same(rows_of(dan.query(UNION.format(where="WHERE amount >= 50 AND city <> 'x'"),
                           prenoise=True)),
         h.union(lambda r: r[2] >= 50 and r[1] != "x"))
    same(rows_of(dan.query(JOIN.format(where=""), prenoise=True)), h.joined())
    same(rows_of(dan.query(JOIN.format(where="WHERE p.age BETWEEN 3 AND 6"), prenoise=True)),
         h.joined(lambda age: 3 <= age <= 6))
    local = dan.query("SELECT count(*), sum(amount), count(late), sum(late) FROM cyd.visits",
                      prenoise=True)
    late = [r[3] for r in h.tables["cyd"] if r[3] is not None]
    assert rows_of(local) == [[len(h.tables["cyd"]), sum(r[2] for r in h.tables["cyd"]),
                               len(late), sum(late)]], rows_of(local)


def noised_answers_lie_near_the_truth_with_their_bars(h):
    done = h.dan.query(UNION.format(where=""), epsilon=1)
    truth = {r[0]: r for r in h.union()}
    assert done["engine"] == "sum" and done["epsilon_nano"] == 10**9
    for row, bars in zip(rows_of(done), done["answer"]["halfwidths"]):
        for i in (1, 2):
            assert bars[i] > 0
            assert abs(row[i] - (truth[row[0]][i] or 0)) <= 8 * bars[i], (row, bars)
    h.noised = done


def receipts_verify_and_changed_ones_do_not(h):
    path = os.path.join(h.dir, "r")
    open(path, "w").write(h.noised["receipt"])
    report = json.loads(cli(h, "room", "verify", h.bundle, "--json"))
    assert report["complete"] and sorted(report["signed"]) == list(OWNERS)
    assert "valid" in cli(h, "verify", path)
    for name in ("request", "output", "debit"):
        open(path + ".bad", "w").write(flip_opening(h.noised["receipt"], name))
        assert "FAIL" in cli(h, "verify", path + ".bad", code=4)
    cli(h, "receipt", "redact", path, "request", "output", "--out", path + ".less")
    less = open(path + ".less").read()
    assert "valid" in cli(h, "verify", path + ".less") and len(less) < len(h.noised["receipt"])
    cut = h.noised["receipt"][:-200]
    open(path + ".cut", "w").write(cut)
    cli(h, "verify", path + ".cut", code=7)


def cli(h, *words, code=0):
    import subprocess
    run = subprocess.run([h.malus, *words], capture_output=True, text=True, cwd=h.dir)
    assert run.returncode == code, (words, run.returncode, run.stdout, run.stderr)
    return run.stdout


def a_repeated_question_is_free_and_the_same(h):
    before = [h.party[o].spent(f"{o}.visits") for o in OWNERS]
    again = h.dan.query(UNION.format(where="").replace("city,", "city ,"), epsilon=1)
    assert again["stored"] and rows_of(again) == rows_of(h.noised)
    assert before == [h.party[o].spent(f"{o}.visits") for o in OWNERS]
    fresh = h.dan.query(UNION.format(where=""), epsilon=1, fresh=True)
    assert not fresh["stored"] and rows_of(fresh) != rows_of(h.noised)
    assert [b + 10**9 for b in before] == [h.party[o].spent(f"{o}.visits") for o in OWNERS]


def refusals_name_what_they_are_about(h):
    ask = lambda sql, **f: (lambda: h.dan.query(sql, **f))
    v = refused("E_DENIED", ask("SELECT who FROM ada.visits")).event["verdict"]
    assert v["outcome"] == "refuse" and v["rule"] == "no-rows" and v["owner"] == "ada", v
    v = refused("E_DENIED", ask("SELECT max(amount) FROM ada.visits")).event["verdict"]
    assert v["code"] == "forbidden", v
    v = refused("E_DENIED", ask("SELECT age, count(*) FROM bob.people GROUP BY age"))
    assert v.event["verdict"]["owner"] == "bob", v
    v = refused("E_DENIED", ask("SELECT count(*) FROM ada.visits WHERE late > 0"))
    assert v.event["verdict"]["column"] == "late", v
    v = refused("E_DENIED", ask(UNION.format(where=""), epsilon=1.5)).event["verdict"]
    assert v["code"] == "epsilon" and v["nearest"], v
    refused("E_DENIED", ask(UNION.format(where=""), purpose="dpv:Marketing"))
    refused("E_INPUT", ask("SELECT nothing FROM ada.visits"))
    refused("E_INPUT", ask("SELEKT 1"))
    refused("E_INPUT", ask("SELECT count(*) FROM ada.people"))
    refused("E_UNSUPPORTED", ask("SELECT count(*) FROM ada.visits a, ada.visits b"
                                 " WHERE a.amount < b.amount"))
    for party in OWNERS:  # not an analyst
        refused("E_DENIED", lambda: h.party[party].query(UNION.format(where="")))


def exit_codes_are_as_documented(h):
    dan = h.dan
    dan.cli("query", "house", "SELECT who FROM ada.visits", code=2)
    dan.cli("query", "house", "SELEKT", code=7)
    dan.cli("query", "nowhere", "SELECT count(*) FROM ada.visits", code=6)
    dan.cli("query", "house", code=1)
    dan.cli("query", "house", "SELECT count(*) FROM ada.visits", "--epsilon", "1e3", code=7)
    out = json.loads(dan.cli("query", "house", "SELECT who FROM ada.visits", "--json", code=2))
    assert out["error"]["code"] == "E_DENIED" and out["verdict"]["rule"] == "no-rows"
    text = dan.cli("explain", "house", JOIN.format(where=""))
    assert "psi" in text and "Not proved" in text
    csv = dan.cli("query", "house", UNION.format(where=""), "--epsilon", "1", "--csv")
    assert csv.splitlines()[0] == "city,count,count_halfwidth,sum,sum_halfwidth", csv
    assert len(csv.splitlines()) == len(CITIES) + 2
    assert "\033" not in csv + text


def tables_are_checked_on_disk(h):
    assert h.ada.ask("data.check", dataset="visits")["version"] == 1
    path = os.path.join(h.ada.state, "store", "data-1", "segment-00000000")
    data = bytearray(open(path, "rb").read())
    data[len(data) // 2] ^= 1
    os.chmod(path, 0o600)
    open(path, "wb").write(data)
    refused("E_AUTH", lambda: h.ada.ask("data.check", dataset="visits"))
    began = time.monotonic()
    e = refused(None, lambda: h.dan.query(UNION.format(where=""), prenoise=True, fresh=True))
    assert "ada" in str(e) and time.monotonic() - began < 20, str(e)
    data[len(data) // 2] ^= 1
    open(path, "wb").write(data)
    same(rows_of(h.dan.query(UNION.format(where=""), prenoise=True, fresh=True)), h.union())


def a_bundle_with_a_changed_byte_is_refused(h):
    bundle = json.loads(open(h.bundle).read())
    import base64
    text = base64.b64decode(bundle["payload"])
    bundle["payload"] = base64.b64encode(text.replace(b"epsilon <= 1", b"epsilon <= 9", 1)).decode()
    path = os.path.join(h.dir, "changed.signed")
    open(path, "w").write(json.dumps(bundle))
    cli(h, "room", "verify", path, code=4)
    refused("E_AUTH", lambda: h.ada.ask("room.open", bundle=open(path).read()))
    shown = h.ada.ask("room.show", room="house")
    less = json.loads(open(h.sign("less.room", h.contract(2, shown["contract"], shown["id"])))
                      .read())
    less["signatures"] = less["signatures"][:2]
    open(path, "w").write(json.dumps(less))
    assert len(json.loads(cli(h, "room", "verify", path, "--json"))["missing"]) == 1
    refused(None, lambda: h.ada.ask("room.open", bundle=open(path).read()))


def an_amendment_keeps_data_and_spend(h):
    spent = h.ada.spent("ada.visits")
    shown = h.ada.ask("room.show", room="house")
    text = h.contract(2, shown["contract"], shown["id"]).replace("rows <= 100", "rows <= 90")
    signed = open(h.sign("second.room", text)).read()
    for p in h.party.values():
        assert p.ask("room.open", bundle=signed)["version"] == 2
    assert h.ada.ask("room.show", room="house")["id"] == shown["id"]
    assert h.ada.spent("ada.visits") == spent
    same(rows_of(h.dan.query(UNION.format(where=""), prenoise=True)), h.union())
    other = h.contract(3, shown["contract"], shown["id"])  # not the parent's hash any more
    bad = open(h.sign("third.room", other)).read()
    refused(None, lambda: h.ada.ask("room.open", bundle=bad))
    same(rows_of(h.dan.query(JOIN.format(where=""), prenoise=True)), h.joined())


def nodes_come_back_with_all_they_had(h):
    spent = h.bob.spent("bob.visits")
    for name in ("bob", "dan"):
        h.party[name].stop()
        h.again(name)
    assert h.bob.spent("bob.visits") == spent
    same(rows_of(h.dan.query(JOIN.format(where=""), prenoise=True, fresh=True)), h.joined())
    again = h.dan.query(UNION.format(where=""), epsilon=0.5)
    assert h.dan.query(UNION.format(where=""), epsilon=0.5)["stored"] and not again["stored"]


def a_removed_table_answers_nothing(h):
    before = h.cyd.ask("log")["size"]
    assert h.cyd.ask("data.rm", dataset="visits")["dataset"] == "cyd.visits"
    assert not h.cyd.ask("data.ls")["datasets"]
    assert h.cyd.ask("log")["size"] > before
    refused(None, lambda: h.dan.query(UNION.format(where=""), prenoise=True, fresh=True))
    same(rows_of(h.dan.query(JOIN.format(where=""), prenoise=True, fresh=True)), h.joined())
    h.bring("cyd", "visits", os.path.join(h.dir, "cyd.csv"))
    same(rows_of(h.dan.query(UNION.format(where=""), prenoise=True, fresh=True)), h.union())


def a_withdrawal_stops_new_jobs(h):
    h.cyd.ask("room.withdraw", room="house", reason="enough")
    refused(None, lambda: h.dan.query(UNION.format(where=""), prenoise=True, fresh=True))
    refused(None, lambda: h.dan.query("SELECT count(*) FROM cyd.visits", fresh=True))
    kinds = [e["kind"] for e in h.cyd.ask("log")["entries"]]
    assert "withdrawal" in kinds, kinds
    h.cyd.stop()
    h.again("cyd")
    refused(None, lambda: h.dan.query(UNION.format(where=""), prenoise=True, fresh=True))


# --- budget --------------------------------------------------------------------------------

def an_exhausted_budget_refuses(h):
    ask = "SELECT count(*) FROM ada.visits"
    for _ in range(2):
        h.dan.query(ask, epsilon=1, fresh=True)
    assert h.ada.spent("ada.visits") == 2 * 10**9
    h.dan.cli("query", "house", ask, "--epsilon", "1", "--fresh", code=3)
    refused("E_BUDGET", lambda: h.dan.query(UNION.format(where=""), epsilon=0.6, fresh=True))
    assert h.ada.spent("ada.visits") == 2 * 10**9
    assert h.bob.spent("bob.visits") == 0, "bob held what ada refused"
    h.dan.query(ask, epsilon=0.5, fresh=True)
    refused("E_BUDGET", lambda: h.dan.query(ask, epsilon=0.000000001, fresh=True))


# --- peers that die, lie, are slow -----------------------------------------------------------

def a_node_killed_in_a_job_ends_it_everywhere(h):
    result = {}

    def ask():
        try:
            result["done"] = h.dan.query(JOIN.format(where=""), epsilon=1)
        except Refused as e:
            result["error"] = e
    thread = threading.Thread(target=ask)
    thread.start()
    wait_until(lambda: any(j["state"] == "running" and j["stage"] == "engine"
                           for j in h.ada.ask("job.ls")["jobs"]))
    h.bob.stop(signal.SIGKILL)
    began = time.monotonic()
    thread.join(90)
    assert "error" in result and time.monotonic() - began < 60, result
    assert result["error"].code in ("E_PEER", "E_TIMEOUT"), result
    wait_until(lambda: all(j["state"] == "failed" for j in h.ada.ask("job.ls")["jobs"]))
    assert h.ada.spent("ada.visits") == 10**9, "what was charged stays charged"
    refused(None, lambda: h.dan.query(JOIN.format(where=""), epsilon=1))  # bob is away
    h.again("bob")
    assert h.bob.spent("bob.people") >= 10**9
    assert all(j["state"] == "failed" for j in h.bob.ask("job.ls")["jobs"])
    before = h.ada.spent("ada.visits")
    assert not h.dan.query(JOIN.format(where=""), epsilon=1)["stored"]
    assert h.ada.spent("ada.visits") == before + 10**9, "running it again is a new attempt"


def a_cancelled_job_ends_everywhere(h):
    result = {}

    def ask():
        try:
            result["done"] = h.dan.query(JOIN.format(where="WHERE p.age < 9"), epsilon=1)
        except Refused as e:
            result["error"] = e
    thread = threading.Thread(target=ask)
    thread.start()
    running = lambda who: [j for j in who.ask("job.ls")["jobs"] if j["state"] == "running"]
    wait_until(lambda: running(h.ada))
    h.ada.ask("job.cancel", job=running(h.ada)[0]["job"])
    began = time.monotonic()
    thread.join(90)
    assert "error" in result and time.monotonic() - began < 10, result
    wait_until(lambda: not running(h.ada) and not running(h.bob))


def a_node_told_to_end_in_a_job_does_so_and_says_so(h):
    events = h.dan.events("query", text=JOIN.format(where="WHERE p.age > 1"),
                          epsilon_nano=10**9)
    wait_until(lambda: next(events)["stage"] == "engine runs")
    wait_until(lambda: any(j["state"] == "running" for j in h.ada.ask("job.ls")["jobs"]))
    other = h.bob.events("log")  # a client that reads late
    began = time.monotonic()
    h.bob.stop()
    assert time.monotonic() - began < 15
    last = [e for e in events][-1]
    assert last["event"] == "error" and last["code"] in ("E_PEER", "E_CANCEL", "E_TIMEOUT"), last
    other.close()
    h.again("bob")
    assert not h.dan.query(JOIN.format(where="WHERE p.age > 1"), epsilon=1)["stored"]


def a_lying_node_is_named_before_the_engine_runs(h):
    """Each lie is caught by a peer that compares; a log that went back, only where
    peers cosigned more of it, and not just now (then a job may have moved it)."""
    h.dan.query(UNION.format(where=""), epsilon=1)
    intents = lambda: [e for e in h.ada.ask("log", last=1000)["entries"]
                       if e["kind"] == "intent"]
    for lie in ("contract", "plan", "physical", "pseudonym", "noise", "log"):
        h.bob.stop()
        h.again("bob", MALUS_TEST_LIE=lie)
        time.sleep(2 * h.step + 2 if lie == "log" else 0)
        for sql in (UNION, JOIN):
            before = h.ada.spent("ada.visits"), len(intents())
            e = refused(None, lambda: h.dan.query(sql.format(where=""), epsilon=1, fresh=True))
            assert "bob" in str(e), (lie, str(e))
            assert h.ada.spent("ada.visits") == before[0], (lie, "charged for a lie")
            assert len(intents()) == before[1], (lie, "an intent was logged")
    h.bob.stop()
    h.again("bob")
    same(rows_of(h.dan.query(JOIN.format(where=""), prenoise=True)), h.joined())


# --- sizes -----------------------------------------------------------------------------------

class TracedHouse(Traced, House):
    pass


def equal_bounds_give_equal_traces():
    def ask(h):
        h.dan.query(UNION.format(where=""), epsilon=1)
        h.dan.query(JOIN.format(where="WHERE p.age < 5"), epsilon=1)
        h.dan.query("SELECT city, count(*) FROM cyd.visits GROUP BY city", epsilon=1)
    houses = (TracedHouse(SEED, rows=rows, people=people, persons=persons)
              for rows, people, persons in ((30, 3, 30), (700, 250, 240)))
    check_equal_traces(houses, ask, 12)


PARTS = {
    "answers": (dict(), [
        answers_before_noise_are_pythons, noised_answers_lie_near_the_truth_with_their_bars,
        receipts_verify_and_changed_ones_do_not, a_repeated_question_is_free_and_the_same,
        refusals_name_what_they_are_about, exit_codes_are_as_documented,
        tables_are_checked_on_disk, a_bundle_with_a_changed_byte_is_refused,
        an_amendment_keeps_data_and_spend, nodes_come_back_with_all_they_had,
        a_removed_table_answers_nothing, a_withdrawal_stops_new_jobs]),
    "budget": (dict(budget="2.5"), [an_exhausted_budget_refuses]),
    "peers": (dict(bound=16384, units=3000, step=20), [
        a_node_killed_in_a_job_ends_it_everywhere, a_cancelled_job_ends_everywhere,
        a_node_told_to_end_in_a_job_does_so_and_says_so]),
    "lies": (dict(step=5), [a_lying_node_is_named_before_the_engine_runs]),
    "sizes": (None, [equal_bounds_give_equal_traces]),
}


if __name__ == "__main__":
    run_parts(PARTS, SEED, House)
