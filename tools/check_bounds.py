#!/usr/bin/env python3
"""docs/security/bounds.md: every failure probability, computed from the source's constants.

    check_bounds.py [ROOT]          does the page say what the code's constants give?
    check_bounds.py --write [ROOT]  write the page's tables again

A row's expression is what is computed: log2 of a probability, by the names of constants
that are read from the files named below.
"""
import math
import os
import re
import sys
from math import ceil, exp, lgamma, log2, sqrt  # noqa: F401: rows use them

PAGE = "docs/security/bounds.md"
# name: (file, what stands before the number); else `#define name value` there.
CONSTANTS = {
    "RECORD": ("src/share3/share3_impl.h", "SHARE3_RECORD_MAX"),
    "MATRIX": ("src/share3/share3_impl.h", "SHARE3_MATRIX_LEN"),
    "DENSE": ("src/psi/malus/psi.h", "MAL_PSI_OKVS_DENSE"),
    "STORE_KEYS": ("src/psi/malus/psi.h", "MAL_PSI_OKVS_KEYS_MAX"),
    "SET": ("src/psi/malus/psi.h", "MAL_PSI_SET_MAX"),
    "ROWS": ("src/psi/malus/psi.h", "MAL_PSI_CIRCUIT_ROWS_MAX"),
    "BUCKETS": ("src/psi/malus/psi.h", "MAL_PSI_BIG_BUCKETS_MAX"),
    "BIN_MEAN": ("src/psi/okvs.c", "BIN_MEAN"),
    "BINS_MIN": ("src/psi/cuckoo.c", "BINS_MIN"),
    "COUNT": ("src/psi/masks.c", "COUNT_MAX"),
    "KAPPA": ("src/ot/ot_impl.h", "KAPPA"),
    "LIMBS": ("src/dp/fixed.h", "MAL_DP_LIMBS_MAX"),
    "SPARE": ("src/psi/run.c", r":\s*(40) \+ log2_up\(run->params->receiver_max\)"),
    "CUCKOO_BASE": ("src/psi/cuckoo.c", r"n \* \((296) \* 16"),
    "CUCKOO_SLOPE": ("src/psi/cuckoo.c", r"/ \((240) \* 16\)"),
    "LOAD": ("src/psi/okvs.c", r"isqrt\((68) \* mean\) \+ 8"),
    "SPARSE": ("src/psi/okvs.c", r"mean \* (10019) >> 13"),
    "GALOIS": ("src/share3/kernels.h", "SHARE3_GALOIS"),
    "EQUAL_SPARE": ("src/psi/circuit.c", r"unsigned bits = (40);"),
    "TREES": ("src/ot/code.c", r"delta = 0.25 gives (128)"),
    "NIB_TREES": ("src/ot/nib.c", "TREES"),
}


def choose(n, k):
    return (lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)) / math.log(2)


def all_even(s, cells):
    """log2 P[each of so many cells gets an even number of s balls]."""
    terms = [choose(cells, k) + (s * log2(abs(1 - 2 * k / cells)) if 2 * k != cells else -1e9)
             for k in range(int(cells) + 1)]
    top = max(terms)
    return top + log2(sum(2 ** (t - top) for t in terms)) - cells


def dependent(rows, segment):
    """log2 E[sets of rows whose three sparse columns cancel], by the sizes that count:
    beyond s = 12 terms only fall (prop_okvs.c adds up all)."""
    return log2(sum(2 ** (choose(rows, s) + 3 * all_even(s, segment) + s * 2 ** -11 * 1.4427)
                    for s in range(2, 14, 2)))


def over(n, p, most):
    """log2 P[Binomial(n, p) > most], by its first term and the ratio of the next."""
    k = most + 1
    ratio = (n - k) / (k + 1) * p / (1 - p)
    return choose(n, k) + k * log2(p) + (n - k) * log2(1 - p) - log2(1 - ratio)


def poisson_over(mean, most):
    k = most + 1
    return (k * math.log(mean) - mean - lgamma(k + 1)) / math.log(2) + 1


def most(rows):
    return rows + math.isqrt(int(V["LOAD"] * rows)) + 8


def segment(rows):
    return ceil((int(rows * V["SPARSE"]) // 2 ** 13 + 9 * math.isqrt(int(rows)) + 96) / 3)


def bins(n):
    """cuckoo.c's, as a real number."""
    return max(V["BINS_MIN"], n * (V["CUCKOO_BASE"] + log2(n)) / V["CUCKOO_SLOPE"])


# (what fails, where, expression, greatest value)
STATISTICAL = [
    ("share3, malicious: wrong ANDs pass, a batch of `RECORD` words", "`share3/prove.c`",
     "log2(1 + 3 * (log2(64 * RECORD) + 1)) - 64", -40),
    ("share3, malicious: the same, shuffles of 2^27 cells among them", "`share3/prove.c`",
     "log2(1 + 3 * (6 + 28 + 1)) - 64", -40),
    ("share3, malicious: wrong products of words or matrices pass, a batch", "`share3/prove.c`",
     "log2(1 + 2 * (5 + log2(RECORD / 2**5 + MATRIX) + 2)) - GALOIS", -40),
    ("share3, malicious: a bent message of a shuffle is folded to nothing, 2^17 of them",
     "`share3/checked.c`", "17 - 63", -40),
    ("psi: rows of some bin of a store are dependent", "`psi/okvs.c`",
     "log2(STORE_KEYS / BIN_MEAN) - DENSE + dependent(most(BIN_MEAN), segment(BIN_MEAN))", -40),
    ("psi: some bin of a store is overfull", "`psi/okvs.c`",
     "log2(STORE_KEYS / BIN_MEAN) + over(STORE_KEYS, BIN_MEAN / STORE_KEYS, most(BIN_MEAN))", -40),
    ("psi: some bucket on disk gets more than its bound", "`psi/big.c`",
     "log2(BUCKETS) + over(BUCKETS * 2**20, 1 / BUCKETS, most(2**20))", -40),
    ("psi, semi-honest: two unequal keys have one mask", "`psi/run.c`",
     "2 * log2(SET) - (SPARE + 2 * log2(SET))", -40),
    ("psi, malicious: the same", "`psi/run.c`", "2 * log2(SET) - 128", -40),
    ("psi: a key that is not in the store decodes to its own hash", "`psi/receive.c`",
     "log2(SET) - 128", -40),
    ("psi: a dummy is a key", "`psi/run.c`", "2 * log2(2 * SET) - 128", -40),
    ("psi: a bucket of masks, 32 on average, has more than `COUNT`", "`psi/masks.c`",
     "log2(SET) + poisson_over(32, COUNT)", -40),
    ("circuit: some key finds no bin, dense part of the graph", "`psi/cuckoo.c`",
     "256 + log2(ROWS) - CUCKOO_SLOPE * bins(ROWS) / ROWS", -40),
    ("circuit: ..., four keys with the same three bins", "`psi/cuckoo.c`",
     "log2(9) + 4 * log2(BINS_MIN / 1.27) - 9 * log2(BINS_MIN)", -40),
    ("circuit: some bin's strings are equal and its keys are not", "`psi/circuit.c`",
     "log2(bins(ROWS)) - (EQUAL_SPARE + ceil(log2(bins(ROWS))))", -40),
    ("dp: a draw differs from its law (the last limb of a comparison)", "`dp/coin.c`",
     "-64 * (LIMBS - 3)", -40),
    ("dp: noise beyond every range, a word; charged as delta", "`dp/quote.c`", "-64", -40),
]
BIRTHDAY = [
    ("share3: AES in counter mode is told from random words, 2^33 blocks a key",
     "`share3/engine.c`", "2 * 33 - 129", -40),
    ("psi, ot: two pads of transfers under one permutation meet, 2^17 pads", "`ot/cot.c`",
     "2 * 17 - 128", -40),
    ("circuit: two pads of transfers of one of sixteen meet, 2^16 of each multiple of delta",
     "`ot/nib.c`", "4 + 2 * 16 - 124", -40),
    ("psi: two ids hash to one key, 2^33 ids", "`psi/csv.c`", "2 * 33 - 129", -40),
    ("circuit: tags of two keys are equal", "`psi/circuit_table.c`", "2 * log2(2 * ROWS) - 127", -40),
    ("store: AES-GCM, 2^39 blocks under a table's key", "`store/`", "2 * 39 - 129", -40),
    ("kms: two identifiers have one pseudonym, 2^21", "`kms/pseudonym.c`", "2 * 21 - 129", -40),
    ("room: two jobs have one id, 2^40 jobs", "`room/serve.c`", "2 * 40 - 257", -128),
]
GUESSING = [
    ("share3: a pair's key is guessed (AES-128)", "`share3/engine.c`", "-128", -128),
    ("share3, room, audit: two inputs with one SHA-256 are found, for 2^128 tries",
     "`prim/sha.c`", "-128", -128),
    ("ot: a receiver's lie passes the check of a batch, unless it guessed bits of delta",
     "`ot/cot.c`", "-KAPPA", -128),
    ("ot: a sender's lie passes the check of the VOLE, unless it guessed places", "`ot/vole.c`",
     "-KAPPA", -128),
    ("ot: the code's noise is guessed around (Prange), before the work of a try", "`ot/code.c`",
     "TREES * log2(1 - 1 / 2)", -128),
    ("ot: a linear test sees the noise, words of relative weight 1/4", "`ot/code.c`",
     "TREES * log2(1 - 2 / 4)", -128),
    ("ot: the same over GF(16), for transfers of one of sixteen", "`ot/nib.c`",
     "NIB_TREES * log2(1 - 1 / 2)", -128),
    ("ot: a linear test over GF(16), words of relative weight 0.275 (a row: 0.469)", "`ot/nib.c`",
     "NIB_TREES * log2(1 - 0.275 * 16 / 15)", -128),
    ("ot: the delta of transfers of one of sixteen is guessed", "`ot/nib.c`", "4 - KAPPA", -124),
    ("ot, net, audit: a group of order 2^252: X25519, ristretto255, Ed25519", "`prim/point.c`",
     "-252 / 2", -125),
    ("ot: base transfers, a query to the oracle", "`ot/base.c`", "-125", -125),
    ("store, kms: a key of 256 bits is guessed", "`prim/aead.c`", "-256", -128),
]


def number(text):
    """A C constant: casts, suffixes and shifts."""
    text = re.sub(r"/\*.*", "", text).strip()
    text = re.sub(r"\((?:size_t|uint64_t|uint32_t)\)|UINT64_C", "", text)
    text = re.sub(r"(?<=\d)[uUlL]+", "", text)
    if not re.fullmatch(r"[\d\s()<>*+x-]+", text):
        sys.exit(f"not a number: {text}")
    return eval(text)


def constants(root):
    out = {}
    for name, (path, key) in CONSTANTS.items():
        source = open(os.path.join(root, path)).read()
        found = (re.search(rf"#define {key}\s+(.*)", source) if re.fullmatch(r"\w+", key)
                 else re.search(key, source))
        if not found:
            sys.exit(f"{path} does not say {key}")
        out[name] = number(found[1])
    return out


def table(rows, wrong):
    out = "| what fails | where | log2, as computed | bound |\n|---|---|---|--:|\n"
    for what, where, expression, greatest in rows:
        value = eval(expression, {**globals(), **V})
        if value > greatest:
            wrong.append(f"{what}: 2^{value:.1f}, not below 2^{greatest}")
        out += f"| {what} | {where} | `{expression}` | 2^{math.ceil(value * 10 - 1e-6) / 10:.1f} |\n"
    return out


def main():
    wrong, path = [], os.path.join(ROOT, PAGE)
    page = open(path).read()
    for name, rows in (("statistical", STATISTICAL), ("birthday", BIRTHDAY),
                       ("guessing", GUESSING), ("constants", None)):
        new = table(rows, wrong) if rows else "| name | value | in |\n|---|--:|---|\n" + "".join(
            f"| `{n}` | {V[n]:,} | `{CONSTANTS[n][0][4:]}` |\n" for n in sorted(V))
        begin, end = f"<!-- {name} -->\n", f"<!-- end {name} -->"
        old = page.split(begin)[1].split(end)[0]
        if old != new and "--write" not in sys.argv:
            wrong.append(f"{PAGE}: the table {name} is not what the source gives: --write")
        page = page.replace(begin + old + end, begin + new + end)
    if "--write" in sys.argv:
        open(path, "w").write(page)
    print("".join(f"BROKEN: {line}\n" for line in wrong), end="")
    print(f"bounds: {len(STATISTICAL + BIRTHDAY + GUESSING)} computed, {len(wrong)} broken")
    sys.exit(bool(wrong))


ROOT = next((a for a in sys.argv[1:] if not a.startswith("-")),
            os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
V = constants(ROOT)
main()
