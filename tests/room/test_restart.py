#!/usr/bin/env python3
"""A job of share3 whose seat is killed goes on from the last stage that all three kept.

test_restart.py [PART]   TAP; MALUS names the binary, a test build; MAL_SEED the seed.
"""
import os
import signal
import subprocess
import sys
import threading
import time
import traceback

from house import CITIES, JOIN, Refused, Traced, refused, wait_until
from seats import SEATS, Seats

SEED = int(os.environ.get("MAL_SEED", time.time_ns() & 0xffffffff))
NANO = 10**9

# Rows that only shares can compute: sorted and grouped at the seats, twice.
NESTED = ("SELECT city, max(n) FROM (SELECT p.age AS age, v.city AS city, count(*) AS n"
          " FROM ada.visits v JOIN bob.people p ON v.who = p.who {where}"
          " GROUP BY p.age, v.city) t GROUP BY city ORDER BY city")


class Staged(Traced, Seats):
    def stages(self, name, way):
        """The stages that a seat kept, or went on from, in order."""
        return [int(n) for label, _, what, n in self.lines(name)
                if (label, what) == ("stage", way)]

    def files(self, name):
        top = os.path.join(self.party[name].state, "jobs")
        return sorted(os.path.join(folder, f) for folder, _, files in os.walk(top) for f in files)

    def restart(self, name, **env):
        if self.party[name].process:
            self.party[name].stop()
        self.again(name, **self.env(name), **env)


def rows_of(done):
    return sorted([r[0]] + [v or 0 for v in r[1:]] for r in done["answer"]["rows"])


def truth(rows):
    return sorted([r[0]] + [v or 0 for v in r[1:]] for r in rows)


def ask(h, text, **fields):
    """Ask in a thread: {"done": ..} or {"error": ..} in the end."""
    result = {}

    def run():
        try:
            result["done"] = h.dan.query(text, **fields)
        except (Refused, AssertionError) as e:
            result["error"] = e
    thread = threading.Thread(target=run)
    thread.start()
    return thread, result


def killed_behind(h, seat, stage, text, look=None, **fields):
    """Kill -9 a seat that has kept `stage` of the job, once `look` has looked; the job's id."""
    h.restart(seat, MALUS_TEST_PAUSE=str(stage))
    way = "kept" if stage else "left"
    before = len(h.stages(seat, way))
    thread, result = ask(h, text, fresh=True, **fields)
    wait_until(lambda: stage in h.stages(seat, way)[before:] or result)
    assert not result, result
    if look:
        look()
    h.party[seat].stop(signal.SIGKILL)
    thread.join(120)
    assert "error" in result, result
    assert "malus job resume" in str(result["error"]), result
    job = next(j["job"] for j in h.dan.ask("job.ls")["jobs"])
    for name in ("ada", "bob") + tuple(s for s in SEATS if s != seat):
        wait_until(lambda: all(j["state"] in ("done", "failed")
                               for j in h.party[name].ask("job.ls")["jobs"]))
    return job


def resume(h, job):
    return h.dan.ask("job.resume", job=job[:12])


def gone(h):
    assert not any(h.files(s) for s in SEATS), [h.files(s) for s in SEATS]


def spent(h):
    return h.ada.spent("ada.visits"), h.bob.spent("bob.people")


def went_on_from(h, stage):
    for s in SEATS:
        assert h.stages(s, "from")[-1] == stage, (s, h.stages(s, "from"))


# --- it goes on ------------------------------------------------------------------------------

def a_killed_seat_goes_on_from_each_stage(h):
    for stage in (1, 2):
        for seat in SEATS[stage - 1::2]:
            job = killed_behind(h, seat, stage, JOIN.format(where="WHERE p.age > 1"),
                                prenoise=True)
            before = spent(h)
            assert all(len(h.files(s)) in (1, 2) for s in SEATS)
            h.restart(seat)
            done = resume(h, job)
            assert done["job"] == job
            assert rows_of(done) == truth(h.joined(lambda age: age > 1)), done["answer"]
            assert spent(h) == before, "nothing is charged again"
            went_on_from(h, stage)
            gone(h)


def most(h, keep):
    """city -> the most rows of one age."""
    ages, n, best = dict(h.tables["people"]), {}, {}
    for who, city, _, _ in h.tables["ada"]:
        if who in ages and keep(ages[who]):
            city = city if city in CITIES else "other"
            key = ages[who], city
            n[key] = n.get(key, 0) + 1
            best[city] = max(best.get(city, 0), n[key])
    return best


def a_plan_of_many_stages_goes_on_from_the_last(h):
    text = NESTED.format(where="WHERE p.age < 8")
    h.dan.query(text, prenoise=True, fresh=True)
    stages = h.stages("hal", "kept")[-9:]
    stages = stages[len(stages) - 1 - stages[::-1].index(1):]
    assert len(stages) >= 3 and stages == sorted(stages), stages
    for stage in stages[1:]:
        job = killed_behind(h, "ivy", stage, text, prenoise=True)
        h.restart("ivy")
        done = resume(h, job)
        got = {r[0]: r[1] for r in done["answer"]["rows"] if r[1] is not None}
        assert got == most(h, lambda age: age < 8), (stage, got)
        went_on_from(h, stage)
    gone(h)


def killed_again_it_goes_on_from_where_it_came(h):
    text = NESTED.format(where="WHERE p.age < 5")
    job = killed_behind(h, "hal", 1, text, prenoise=True)
    h.restart("hal")
    last = max(h.stages("hal", "kept"))
    h.restart("jon", MALUS_TEST_PAUSE=str(last))
    before = len(h.stages("jon", "kept"))
    result = {}

    def again():
        try:
            result["done"] = resume(h, job)
        except Refused as e:
            result["error"] = e
    thread = threading.Thread(target=again)
    thread.start()
    wait_until(lambda: last in h.stages("jon", "kept")[before:] or result)
    h.party["jon"].stop(signal.SIGKILL)
    thread.join(120)
    assert "error" in result, result
    h.restart("jon")
    done = resume(h, job)
    got = {r[0]: r[1] for r in done["answer"]["rows"] if r[1] is not None}
    assert got == most(h, lambda age: age < 5), got
    went_on_from(h, last)
    gone(h)


def the_asker_dies_and_goes_on(h):
    h.restart("ivy", MALUS_TEST_PAUSE="1")
    before = len(h.stages("ivy", "kept"))
    thread, result = ask(h, JOIN.format(where=""), fresh=True, epsilon=1)
    wait_until(lambda: 1 in h.stages("ivy", "kept")[before:])
    (job,) = {j["job"] for j in h.hal.ask("job.ls")["jobs"] if j["state"] == "running"}
    h.dan.stop(signal.SIGKILL)
    thread.join(10)
    paid = spent(h)
    h.restart("ivy")
    h.restart("dan")
    for s in SEATS:
        wait_until(lambda: all(j["state"] in ("done", "failed")
                               for j in h.party[s].ask("job.ls")["jobs"]), 90)
    done = resume(h, job)
    want = {r[0]: r for r in h.joined()}
    for row, bars in zip(done["answer"]["rows"], done["answer"]["halfwidths"]):
        assert all(abs(row[i] - (want[row[0]][i] or 0)) <= 8 * bars[i] for i in (1, 2)), row
    path = os.path.join(h.dir, "r")
    open(path, "w").write(done["receipt"])
    report = subprocess.run([h.malus, "verify", path], capture_output=True, text=True)
    assert report.returncode == 0 and "valid" in report.stdout, report
    assert spent(h) == paid
    kinds = [e["kind"] for e in h.hal.ask("log", last=6)["entries"]]
    assert "restart" in kinds and kinds[-1] == "result", kinds
    stored = h.dan.query(JOIN.format(where=""), epsilon=1)
    assert stored["stored"] and stored["answer"] == done["answer"], "it is kept as any answer is"
    gone(h)


def who_is_away_is_named_and_costs_no_attempt(h):
    job = killed_behind(h, "ivy", 1, JOIN.format(where="WHERE p.age > 3"), prenoise=True)
    for _ in range(9):
        assert "ivy" in str(refused(None, lambda: resume(h, job)))
    h.restart("ivy")
    assert rows_of(resume(h, job)) == truth(h.joined(lambda age: age > 3))


# --- it does not -----------------------------------------------------------------------------

def an_answered_job_is_not_begun_again(h):
    done = h.dan.query(JOIN.format(where="WHERE p.age > 2"), epsilon=1, fresh=True)
    refused("E_MISSING", lambda: resume(h, done["job"]), "ask anew")
    refused("E_MISSING", lambda: h.dan.ask("job.resume", job="00" * 8))
    refused("E_INPUT", lambda: h.dan.ask("job.resume", job="%"))
    refused("E_MISSING", lambda: h.ada.ask("job.resume", job=done["job"]))
    gone(h)


def nothing_is_begun_again_behind_the_point_of_no_return(h):
    """All three have marked; one dies before its output is out.  Stage 0: the mark."""
    job = killed_behind(h, "hal", 0, JOIN.format(where="WHERE p.age > 4"), epsilon=1)
    h.restart("hal")
    paid = spent(h)
    refused("E_STATE", lambda: resume(h, job), "may have left")
    gone(h)
    assert spent(h) == paid
    assert not h.dan.query(JOIN.format(where="WHERE p.age > 4"), epsilon=1)["stored"]
    assert spent(h) == tuple(n + NANO for n in paid), "a new job is charged anew"


def a_cancelled_job_is_over(h):
    h.restart("jon", MALUS_TEST_PAUSE="1")
    before = len(h.stages("jon", "kept"))
    thread, result = ask(h, JOIN.format(where="WHERE p.age > 5"), fresh=True, prenoise=True)
    wait_until(lambda: 1 in h.stages("jon", "kept")[before:])
    (job,) = {j["job"] for j in h.hal.ask("job.ls")["jobs"] if j["state"] == "running"}
    assert job in {j["job"] for j in h.dan.ask("job.ls")["jobs"] if j["state"] == "asking"}
    h.dan.ask("job.cancel", job=job)
    thread.join(60)
    h.restart("jon")
    refused("E_STATE", lambda: resume(h, job), "over")
    wait_until(lambda: not any(h.files(s) for s in SEATS))


def what_another_stage_left_is_refused(h, damage, says):
    job = killed_behind(h, "hal", 1, JOIN.format(where="WHERE p.age > 6"), prenoise=True)
    h.restart("hal")
    (path,) = h.files("ivy")
    whole = open(path, "rb").read()
    damage(path, whole)
    refused(None, lambda: resume(h, job), says)
    for f in h.files("ivy"):
        os.unlink(f)
    open(path, "wb").write(whole)
    assert rows_of(resume(h, job)) == truth(h.joined(lambda age: age > 6))


def write(path, content):
    open(path, "wb").write(content)


def a_stage_that_was_altered_is_refused(h):
    for at in (40, 400, -1, -3000):
        what_another_stage_left_is_refused(
            h, lambda path, whole: write(path, whole[:at] + bytes([whole[at] ^ 1])
                                         + (whole[at + 1:] if at != -1 else b"")), "refused")
    what_another_stage_left_is_refused(h, lambda path, whole: write(path, whole[:-1]), "cut short")
    what_another_stage_left_is_refused(h, lambda path, whole: write(path, whole + b"x"), "altered")


def a_stage_of_another_place_is_refused(h):
    job = killed_behind(h, "hal", 1, JOIN.format(where="WHERE p.age > 8"), prenoise=True)
    h.restart("hal")
    (other,) = h.files("ivy")
    other = open(other, "rb").read()
    (theirs,) = h.files("jon")
    theirs = open(theirs, "rb").read()
    what_another_stage_left_is_refused_beside(h, other, "another job")
    for s in SEATS:
        assert h.files(s), "the other job's stages stand"
    assert rows_of(resume(h, job)) == truth(h.joined(lambda age: age > 8))
    what_another_stage_left_is_refused(h, lambda path, _: os.rename(
        path, path.replace("1.0.stage", "2.0.stage")), "another stage")
    what_another_stage_left_is_refused(h, lambda path, _: write(path, theirs), "another job")
    what_another_stage_left_is_refused(h, lambda path, _: os.unlink(path), "in common")


def what_another_stage_left_is_refused_beside(h, foreign, says):
    job = killed_behind(h, "hal", 1, JOIN.format(where="WHERE p.age > 7"), prenoise=True)
    h.restart("hal")
    (path,) = (f for f in h.files("ivy") if job in f)
    whole = open(path, "rb").read()
    write(path, foreign)
    refused(None, lambda: resume(h, job), says)
    write(path, whole)
    assert rows_of(resume(h, job)) == truth(h.joined(lambda age: age > 7))


def the_copy_of_another_seat_is_refused(h):
    job = killed_behind(h, "hal", 1, JOIN.format(where="WHERE p.age > 0"), prenoise=True)
    h.restart("hal")
    (ours,), (theirs,) = h.files("ivy"), h.files("jon")
    whole = open(ours, "rb").read()
    write(ours, open(theirs, "rb").read())
    refused(None, lambda: resume(h, job), "another party")
    write(ours, whole)
    assert rows_of(resume(h, job)) == truth(h.joined(lambda age: age > 0))


def a_disk_tells_nothing_of_the_rows(h):
    """Values that stand on no seat's disk in the clear, nor their shares twice alike."""
    job = killed_behind(h, "hal", 1, JOIN.format(where=""), prenoise=True)
    first = {s: open(h.files(s)[0], "rb").read() for s in SEATS}
    canaries = [f"p{i}".encode() for i in range(100, 150)] + [job.encode()]
    for s in SEATS:
        assert len(first[s]) > 8000
        assert not any(c in first[s] for c in canaries[:-1] if len(c) > 4)
        ones = sum(bin(b).count("1") for b in first[s][1024:]) / (8 * (len(first[s]) - 1024))
        assert abs(ones - .5) < .01, "ciphertext, not planes"
    h.restart("hal")
    resume(h, job)
    gone(h)
    for name in ("keys/data",):
        for s in SEATS:
            assert not os.listdir(os.path.join(h.party[s].state, name)), "the key is destroyed"


PARTS = {
    "honest": (dict(bound=512, units=256, step=20), [
        a_killed_seat_goes_on_from_each_stage, a_plan_of_many_stages_goes_on_from_the_last,
        killed_again_it_goes_on_from_where_it_came, the_asker_dies_and_goes_on,
        who_is_away_is_named_and_costs_no_attempt]),
    "malicious": (dict(bound=512, units=256, step=20, mode=" malicious"), [
        a_killed_seat_goes_on_from_each_stage, a_plan_of_many_stages_goes_on_from_the_last]),
    "refused": (dict(bound=512, units=256, step=20), [
        an_answered_job_is_not_begun_again, nothing_is_begun_again_behind_the_point_of_no_return,
        a_cancelled_job_is_over, a_stage_that_was_altered_is_refused,
        a_stage_of_another_place_is_refused, the_copy_of_another_seat_is_refused,
        a_disk_tells_nothing_of_the_rows]),
}


def main():
    options, cases = PARTS[sys.argv[1]]
    if len(sys.argv) > 2:
        cases = [c for c in cases if c.__name__ in sys.argv[2:]]
    print(f"1..{len(cases)}\n# MAL_SEED={SEED}", flush=True)
    failed = 0
    with Staged(SEED, **options) as h:
        for i, case in enumerate(cases, 1):
            began = time.monotonic()
            try:
                case(h)
                ok = True
            except Exception:
                ok = False
                print("".join("# " + line + "\n" for line in traceback.format_exc().splitlines()))
                for p in h.party.values():
                    if not p.process:
                        h.again(p.name, **h.env(p.name))
            failed += not ok
            print(f"{'ok' if ok else 'not ok'} {i} - {case.__name__}"
                  f" ({time.monotonic() - began:.1f} s)", flush=True)
        for p in h.party.values():
            p.stop()
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
