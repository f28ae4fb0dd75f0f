#!/usr/bin/env python3
"""Seats that own nothing, as processes: tables that rest as shares with them, and
questions that they compute.

test_seats.py [PART]   TAP; MALUS names the binary, a test build; MAL_SEED the seed.
"""
import os
import signal
import sys
import time
import traceback

from house import Refused
from seats import OWNERS, SEATS, Seats

SEED = int(os.environ.get("MAL_SEED", time.time_ns() & 0xffffffff))


def refused(code, call, says=""):
    try:
        call()
    except Refused as e:
        assert (not code or e.code == code) and says in str(e), e
        return e
    raise AssertionError(f"not refused with {code}")


# --- shares at rest ----------------------------------------------------------------------

def a_table_is_shared_to_three_seats(h):
    h.ada.ask("data.share", dataset="visits")
    for i, seat in enumerate(SEATS):
        (s,) = h.shares(seat)
        assert (s["dataset"], s["version"], s["epoch"], s["seat"]) == ("ada.visits", 1, 0, i), s
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
    assert h.ivy.ask("data.refresh", dataset="ada.visits")["epoch"] == 1
    for seat in SEATS:
        (s,) = h.shares(seat)
        assert s["epoch"] == 1, s
        after = h.segments(seat)
        assert len(after) == len(before[seat]) == 2
        assert not set(after) & set(before[seat])
    assert h.hal.ask("data.refresh", dataset="ada.visits")["epoch"] == 2
    refused("E_DENIED", lambda: h.ada.ask("data.refresh", dataset="ada.visits"), "seat")
    refused("E_MISSING", lambda: h.jon.ask("data.refresh", dataset="bob.people"))


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
        assert len(h.shares(seat)) == 2 and h.shares(seat)[0]["epoch"] == 2


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


PARTS = {
    "rest": (dict(), [
        a_table_is_shared_to_three_seats, what_rests_has_the_size_of_the_declared_bound,
        only_the_owner_shares_and_only_what_rests_shared,
        a_refresh_gives_new_shares_at_all_seats, bundles_travel_as_files_and_fit_one_seat_only,
        seats_that_come_back_hold_their_shares, what_the_owner_erases_its_seats_erase]),
}


def main():
    options, cases = PARTS[sys.argv[1]]
    print(f"1..{len(cases)}\n# MAL_SEED={SEED}", flush=True)
    failed = 0
    house = Seats(SEED, **options).__enter__()
    for i, case in enumerate(cases, 1):
        began = time.monotonic()
        try:
            case(house)
            ok = True
        except Exception:
            ok = False
            print("".join("# " + line + "\n" for line in traceback.format_exc().splitlines()))
        failed += not ok
        print(f"{'ok' if ok else 'not ok'} {i} - {case.__name__}"
              f" ({time.monotonic() - began:.1f} s)", flush=True)
    for p in house.party.values():
        p.stop()
    house.close()
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
