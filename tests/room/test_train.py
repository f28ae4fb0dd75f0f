#!/usr/bin/env python3
"""Models fitted across two hospitals, by three real nodes over TLS.

test_train.py [PART]   TAP; MALUS names the binary, a test build; MAL_SEED the seed.
"""
import os
import subprocess
import time

from hospitals import Hospitals, least_squares, logistic, scaled
from house import Traced, check_equal_traces, flip_opening, refused, run_parts

SEED = int(os.environ.get("MAL_SEED", time.time_ns() & 0xffffffff))

BOTH = ("(SELECT * FROM north.patients UNION ALL SELECT * FROM south.patients) p")
RISK = f"TRAIN logistic (steps 400, ridge 0.02) PREDICT readmitted AS SELECT age, bmi, " \
       f"CASE WHEN sex = 'm' THEN 1 ELSE 0 END AS male, stays, readmitted FROM {BOTH}"
JOINED = "FROM north.patients p JOIN south.blood b ON p.who = b.who"


def weights(done):
    return {r[0]: None if r[1] is None else float(r[1]) for r in done["answer"]["rows"]}


def close(got, want, within):
    assert all(abs(g - w) <= within for g, w in zip(got, want)), (got, want, within)


def patients(h, keep=lambda r: True):
    """Rows whose columns are all there, as the model sees them."""
    out = []
    for owner in ("north", "south"):
        for _, age, bmi, sex, stays, y, _ in h.tables[owner]:
            row = (age, float(bmi), sex, stays, y)
            if stays is not None and keep(row):
                out.append([scaled(age, 18, 90), scaled(float(bmi), 10, 60),
                            1.0 if sex == "m" else -1.0, scaled(stays, 0, 20), float(y)])
    return out


def verify(h, path, code=0):
    run = subprocess.run([h.malus, "verify", path], capture_output=True, text=True)
    assert run.returncode == code, (run.returncode, run.stdout, run.stderr)
    return run.stdout


# --- before noise ----------------------------------------------------------------------------

def logistic_weights_over_both_are_those_of_the_clear(h):
    done = h.lab.query(RISK, prenoise=True, epsilon=8)
    assert done["engine"] == "share3", done
    got = weights(done)
    want = logistic(patients(h), 2 * h.bounds["rows"], 0.02)
    # src/train/README.md: 0.00077 sqrt(d) / lambda bounds what the sigmoid's pieces do
    close([got[k] for k in ("age", "bmi", "male", "stays", "intercept")], want,
          0.00077 * 5 ** .5 / 0.02)
    assert len(patients(h)) == round(got["rows"]), (got, len(patients(h)))
    close([got[k] for k in ("age", "bmi", "male", "stays", "intercept")], want, 0.01)


def a_filter_leaves_rows_out(h):
    done = h.lab.query(RISK + " WHERE age >= 40 AND sex = 'f'", prenoise=True, epsilon=8)
    rows = patients(h, lambda r: r[0] >= 40 and r[2] == "f")
    assert round(weights(done)["rows"]) == len(rows)
    close([weights(done)[k] for k in ("age", "bmi", "stays")],
          [logistic(rows, 2 * h.bounds["rows"], 0.02)[i] for i in (0, 1, 3)], 0.01)


def joined_rows(h):
    blood = dict(h.tables["blood"])
    return [(age, float(bmi), float(blood[who]), y)
            for who, age, bmi, _, _, y, _ in h.tables["north"] if who in blood]


def linear_weights_of_a_join_are_those_of_the_clear(h):
    done = h.lab.query("TRAIN linear (steps 2000, ridge 0.001) PREDICT crp AS "
                       f"SELECT p.age, p.bmi, b.crp {JOINED}", prenoise=True, epsilon=8)
    rows = [[scaled(age, 18, 90), scaled(bmi, 10, 60), scaled(crp, 0, 100)]
            for age, bmi, crp, _ in joined_rows(h)]
    want = least_squares(rows, h.bounds["rows"], 0.001)
    close([weights(done)[k] for k in ("age", "bmi", "intercept")], want, 1e-3)
    assert [r for r in done["answer"]["rows"] if r[0] == "crp"][0][2:] == ["0.00", "100.00"]


def climb(done, row):
    """The score of a row by the trees that were released."""
    nodes = {(t, n): (f, at, v) for t, n, f, at, v in done["answer"]["rows"] if t is not None}
    score = 0.0
    for tree in {t for t, _ in nodes}:
        node = 0
        while nodes[tree, node][0] != "leaf":
            feature, at_most, _ = nodes[tree, node]
            node = 2 * node + (1 if row[feature] <= float(at_most) else 2)
        score += float(nodes[tree, node][2])
    return score


def gain(rows, feature, at, smooth):
    """What the first split of the first tree is worth: scores are 0, p is 1/2."""
    total = 0.0
    for side in (True, False):
        g = [0.5 - r["readmitted"] for r in rows if (r[feature] <= at) == side]
        total += sum(g) ** 2 / (len(g) + smooth)
    return total


def trees_of_a_join_split_where_the_clear_does(h):
    done = h.lab.query("TRAIN trees (trees 3, depth 2, bins 16) PREDICT readmitted AS "
                       f"SELECT p.age, p.bmi, b.crp, p.readmitted {JOINED}", prenoise=True, epsilon=8)
    rows = [dict(zip(("age", "bmi", "crp", "readmitted"), r)) for r in joined_rows(h)]
    root = done["answer"]["rows"][0]
    best = max(gain(rows, f, low + (i + 1) * step - unit, 1)
               for f, low, step, unit in (("age", 18, 8, 1), ("bmi", 10, 3.2, .1),
                                          ("crp", 0, 10.24, .01)) for i in range(16))
    assert root[:2] == [1, 0] and root[2] in ("age", "bmi", "crp"), root
    assert abs(gain(rows, root[2], float(root[3]), 1) - best) < 0.05, (root, best)
    right = sum((climb(done, r) > 0) == (r["readmitted"] == 1) for r in rows)
    plain = max(sum(r["readmitted"] for r in rows), sum(1 - r["readmitted"] for r in rows))
    assert right > plain, (right, plain, len(rows))


def shares_that_rest_train_the_same_model(h):
    refused("E_MISSING", lambda: h.lab.query(RISK, prenoise=True, epsilon=8), "was not shared")
    for owner in ("north", "south"):
        h.party[owner].ask("data.share", dataset="patients")
    logistic_weights_over_both_are_those_of_the_clear(h)


# --- noise, budget, receipt ------------------------------------------------------------------

def explain_tells_noise_rounds_and_budget(h):
    text = h.lab.cli("explain", "hospitals", RISK.replace("steps 400", "steps 40"),
                     "--epsilon", "2")
    for words in ("train logistic (40 steps, ridge 0.020000000) of readmitted by age, bmi, male,"
                  " stays", "permitted by rule risk", "rounds", "in L1", "sums with noise in them", "epsilon 2.000000000", "rows: within"):
        assert words in text, (words, text)


def explain_tells_which_ridge_the_noise_wants(h):
    text = h.lab.cli("explain", "hospitals", "TRAIN linear (delta 1e-10) PREDICT crp AS "
                     f"SELECT p.age, b.crp {JOINED}", "--epsilon", "8")
    assert "a ridge of" in text and "turning the model over" in text, text


def a_noised_model_is_paid_for_and_its_receipt_verifies(h):
    before = h.north.spent("north.patients"), h.south.spent("south.patients")
    text = RISK.replace("steps 400", "steps 5")
    done = h.lab.query(text, epsilon=8)
    assert (h.north.spent("north.patients"), h.south.spent("south.patients")) == tuple(
        b + 8 * 10**9 for b in before)
    exact = weights(h.lab.query(text, prenoise=True, epsilon=8, fresh=True))
    assert weights(done)["age"] != exact["age"], "noise moves a weight"
    bar = float(done["answer"]["halfwidths"][-1][1])
    assert 0 < bar and abs(weights(done)["rows"] - exact["rows"]) <= 20 * bar
    assert h.lab.query(text, epsilon=8)["stored"], "the same again is free"
    path = os.path.join(h.dir, "r")
    open(path, "w").write(done["receipt"])
    report = verify(h, path)
    assert "valid" in report and "added up again" in report, report
    for name in ("age", "bmi", "intercept"):
        assert name in report, report
    open(path + ".bad", "w").write(flip_opening(done["receipt"], "output"))
    assert "FAIL" in verify(h, path + ".bad", code=4)


def gaussian_noise_is_paid_for_with_a_delta(h):
    text = RISK.replace("steps 400", "steps 5, delta 1e-10")
    shown = h.lab.cli("explain", "hospitals", text, "--epsilon", "8")
    for words in ("discrete Gaussian", "delta 1e-10, Gaussian noise, rho", "L2"):
        assert words in shown, (words, shown)
    before = h.south.spent("south.patients")
    done = h.lab.query(text, epsilon=8)
    assert h.south.spent("south.patients") == before + 8 * 10**9
    exact = weights(h.lab.query(text, prenoise=True, epsilon=8, fresh=True))
    assert weights(done)["age"] != exact["age"]
    path = os.path.join(h.dir, "g")
    open(path, "w").write(done["receipt"])
    assert "added up again" in verify(h, path)
    refused("E_DENIED", lambda: h.lab.query(text.replace("1e-10", "1e-8"), epsilon=8), "delta")


def the_verb_trains(h):
    out = h.lab.cli("train", "hospitals", f"SELECT age, bmi, readmitted FROM {BOTH}",
                    "--model", "logistic", "--predict", "readmitted", "--steps", "4",
                    "--ridge", "0.05", "--epsilon", "4")
    for words in ("intercept", "age", "epsilon 4", "receipt"):
        assert words in out, (words, out)
    text = h.lab.cli("train", "hospitals", f"SELECT age, bmi, readmitted FROM {BOTH}",
                     "--model", "logistic", "--predict", "readmitted", "--explain")
    assert "train logistic (30 steps" in text, text


# --- refusals --------------------------------------------------------------------------------

def what_the_contract_does_not_grant_is_refused(h):
    spent = h.north.spent("north.patients")
    select = f"SELECT age, bmi, readmitted FROM {BOTH}"
    e = refused("E_DENIED", lambda: h.lab.query(f"TRAIN trees PREDICT readmitted AS {select}"))
    assert "train" in str(e), e
    e = refused("E_DENIED", lambda: h.lab.query(
        "TRAIN logistic PREDICT readmitted AS " + select.replace("bmi", "hiv")), "hiv")
    refused("E_DENIED", lambda: h.lab.query(f"TRAIN logistic PREDICT readmitted AS {select}",
                                            epsilon=9), "epsilon")
    refused("E_DENIED", lambda: h.lab.query(
        f"TRAIN linear PREDICT crp AS SELECT p.age, b.crp, p.hiv {JOINED}"), "hiv")
    refused("E_DENIED", lambda: h.lab.query(
        "TRAIN linear PREDICT crp AS SELECT p.age, b.crp FROM south.patients p"
        " JOIN south.blood b ON p.who = b.who"))
    refused(None, lambda: h.north.query(f"TRAIN logistic PREDICT readmitted AS {select}"))
    refused("E_DENIED", lambda: h.lab.query(f"SELECT age, count(*) FROM {BOTH} GROUP BY age"))
    assert h.north.spent("north.patients") == spent, "what is refused costs nothing"


def what_cannot_be_trained_is_refused_by_name(h):
    ask = lambda text: (lambda: h.lab.query(text))
    select = f"SELECT age, bmi, readmitted FROM {BOTH}"
    for code, text, says in (
            ("E_INPUT", f"TRAIN forest PREDICT readmitted AS {select}", "no model forest"),
            ("E_INPUT", f"TRAIN logistic PREDICT nobody AS {select}", "no column nobody"),
            ("E_INPUT", f"TRAIN logistic (trees 3) PREDICT readmitted AS {select}", "no option"),
            ("E_INPUT", f"TRAIN logistic (steps 0) PREDICT readmitted AS {select}", "steps"),
            ("E_INPUT", f"TRAIN logistic PREDICT age AS {select}", "two classes"),
            ("E_INPUT", f"TRAIN logistic PREDICT readmitted FROM {BOTH}", "AS SELECT"),
            ("E_UNSUPPORTED", f"TRAIN logistic PREDICT readmitted AS {select} LIMIT 5", "LIMIT"),
            ("E_UNSUPPORTED", f"TRAIN logistic PREDICT readmitted AS SELECT sex, readmitted"
             f" FROM {BOTH}", "labels"),
            ("E_UNSUPPORTED", f"TRAIN logistic PREDICT readmitted AS SELECT who, readmitted"
             f" FROM {BOTH}", None),
    ):
        refused(code, ask(text), says or "")


def too_few_rows_are_not_shown(h):
    """The noised count of the rows is below the rule's minimum of 100."""
    text = RISK.replace("steps 400", "steps 2")
    assert weights(h.lab.query(text, epsilon=8))["age"] is not None
    done = h.lab.query(text + " WHERE age = 33", epsilon=8)
    assert all(r[1] is None for r in done["answer"]["rows"]), done["answer"]
    assert done["answer"]["groups_suppressed"] == 1, done["answer"]


def too_few_declared_rows_are_refused(h):
    refused("E_DENIED", lambda: h.lab.query(RISK), "to train on")


def an_exhausted_budget_is_refused(h):
    text = RISK.replace("steps 400", "steps 2")
    h.lab.query(text, epsilon=8)
    refused("E_BUDGET", lambda: h.lab.query(text, epsilon=8, fresh=True))
    refused("E_BUDGET", lambda: h.lab.query(text, epsilon=3, fresh=True))
    h.lab.query(text, epsilon=2, fresh=True)


class TracedHospitals(Traced, Hospitals):
    pass


def equal_bounds_give_equal_traces():
    """Rule 29: what is trained on shows its declared bounds, whatever it holds."""
    houses = (TracedHospitals(SEED + patients, bound=256, patients=patients)
              for patients in (20, 200))
    text = RISK.replace("steps 400", "steps 3")
    check_equal_traces(houses, lambda h: h.lab.query(text, epsilon=8), 12)


PARTS = {
    "sizes": (None, [equal_bounds_give_equal_traces]),
    "exact": (dict(), [
        logistic_weights_over_both_are_those_of_the_clear, a_filter_leaves_rows_out,
        linear_weights_of_a_join_are_those_of_the_clear,
        trees_of_a_join_split_where_the_clear_does]),
    "noised": (dict(), [
        explain_tells_noise_rounds_and_budget, explain_tells_which_ridge_the_noise_wants, a_noised_model_is_paid_for_and_its_receipt_verifies,
        gaussian_noise_is_paid_for_with_a_delta, the_verb_trains, what_the_contract_does_not_grant_is_refused,
        what_cannot_be_trained_is_refused_by_name, too_few_rows_are_not_shown]),
    "rest": (dict(rests="\n  rests shared"), [shares_that_rest_train_the_same_model]),
    "few": (dict(bound=32, patients=20), [too_few_declared_rows_are_refused]),
    "budget": (dict(budget=10), [an_exhausted_budget_is_refused]),
    "malicious": (dict(mode=" malicious", bound=128, patients=120), [
        linear_weights_of_a_join_are_those_of_the_clear]),
}


if __name__ == "__main__":
    run_parts(PARTS, SEED, Hospitals)
