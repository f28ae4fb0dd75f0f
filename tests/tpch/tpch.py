#!/usr/bin/env python3
"""TPC-H's 22 questions, twice: the text in DuckDB, the plan of the same text.

    tpch.py DIFFER [--engine clear|share3]   compare all; prints TAP
    tpch.py DIFFER --engine judged           does the room's permit cover each plan?
    tpch.py SEAT --engine processes          on shares of three processes, over mutual TLS
    tpch.py --write FOLDER [--sf N]  the room, the tables and the answers, for other tests

The tables come from DuckDB's own generator, the extension `tpch` (tools/fetch_tpch.sh puts both
packages, pinned by hash, into third_party/tpch).  Three owners: `shop` has customer and orders,
`carrier` lineitem, `maker` the parts, their suppliers, nations and regions.  Texts that a query
compares, matches, sorts or shows are dims over the list of their values, but customers' comments,
which are ids so that the contract keeps within its 1 MiB: Q10, which shows them, runs, and no
permit can cover it (an id is never shown).  What no query names is secret.
"""
import argparse
import concurrent.futures
import datetime
import decimal
import hashlib
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PACKAGES = os.environ.get("MAL_TPCH_PACKAGES", os.path.join(ROOT, "third_party", "tpch"))
EPOCH = datetime.date(1970, 1, 1)
DAYS = (datetime.date(1992, 1, 1) - EPOCH).days, (datetime.date(1998, 12, 31) - EPOCH).days


def skip(why):
    print("1..0 # SKIP " + why)
    sys.exit(0)


# --- what the contract declares -----------------------------------------------------------------
# column: (role, what).  key: a whole number to what the scale factor makes of it; list: the values
# that the table holds, in order of bytes; money: decimal(2).

def key(n, per_sf=0, lo=1):
    return ("measure", lambda sf: (0, lo, max(n, int(per_sf * sf))))


def money(lo, hi):
    return ("measure", lambda sf: (2, lo, hi))


DATE = ("measure", lambda sf: (0, DAYS[0], DAYS[1]))
LIST, ID, SECRET = ("dim", None), ("id", None), ("secret", None)
CUST, ORDER, PART, SUPP = (key(0, n) for n in (150000, 6000000, 200000, 10000))
NATION, REGION = key(24, lo=0), key(4, lo=0)

TABLES = {
    "shop.customer": (lambda sf: 150000 * sf, ["c_custkey"], {
        "c_custkey": CUST, "c_name": LIST, "c_address": LIST, "c_nationkey": NATION, "c_phone": LIST,
        "c_acctbal": money(-1000, 10000), "c_mktsegment": LIST, "c_comment": ID}),
    "shop.orders": (lambda sf: 1500000 * sf, ["o_orderkey"], {
        "o_orderkey": ORDER, "o_custkey": CUST, "o_orderstatus": LIST, "o_totalprice": money(0, 600000),
        "o_orderdate": DATE, "o_orderpriority": LIST, "o_clerk": SECRET,
        "o_shippriority": key(1, lo=0), "o_comment": LIST}),
    "carrier.lineitem": (lambda sf: 6018000 * sf, ["l_orderkey", "l_linenumber"], {
        "l_orderkey": ORDER, "l_partkey": PART, "l_suppkey": SUPP, "l_linenumber": key(7),
        "l_quantity": money(0, 50), "l_extendedprice": money(0, 105000), "l_discount": money(0, 1),
        "l_tax": money(0, 1), "l_returnflag": LIST, "l_linestatus": LIST, "l_shipdate": DATE,
        "l_commitdate": DATE, "l_receiptdate": DATE, "l_shipinstruct": LIST, "l_shipmode": LIST,
        "l_comment": SECRET}),
    "maker.part": (lambda sf: 200000 * sf, ["p_partkey"], {
        "p_partkey": PART, "p_name": LIST, "p_mfgr": LIST, "p_brand": LIST, "p_type": LIST,
        "p_size": key(50), "p_container": LIST, "p_retailprice": money(0, 3000), "p_comment": SECRET}),
    "maker.partsupp": (lambda sf: 800000 * sf, ["ps_partkey, ps_suppkey"], {
        "ps_partkey": PART, "ps_suppkey": SUPP, "ps_availqty": key(9999), "ps_supplycost": money(0, 1000),
        "ps_comment": SECRET}),
    "maker.supplier": (lambda sf: 10000 * sf, ["s_suppkey"], {
        "s_suppkey": SUPP, "s_name": LIST, "s_address": LIST, "s_nationkey": NATION, "s_phone": LIST,
        "s_acctbal": money(-1000, 10000), "s_comment": LIST}),
    "maker.nation": (lambda sf: 25, ["n_nationkey"], {
        "n_nationkey": NATION, "n_name": LIST, "n_regionkey": REGION, "n_comment": SECRET}),
    "maker.region": (lambda sf: 5, ["r_regionkey"], {
        "r_regionkey": REGION, "r_name": LIST, "r_comment": SECRET}),
}
TABLES["carrier.lineitem"] = (TABLES["carrier.lineitem"][0], ["l_orderkey, l_linenumber"],
                              TABLES["carrier.lineitem"][2])
JOINS = ["c_custkey = o_custkey", "l_orderkey = o_orderkey", "l_orderkey = l_orderkey",
         "l_suppkey = s_suppkey", "c_nationkey = s_nationkey", "s_nationkey = n_nationkey",
         "c_nationkey = n_nationkey", "n_regionkey = r_regionkey", "p_partkey = l_partkey",
         "p_partkey = ps_partkey", "ps_suppkey = s_suppkey", "ps_suppkey = l_suppkey",
         "ps_partkey = l_partkey", "l_partkey = l_partkey", "ps_partkey = ps_partkey"]
OWNER_OF = {c: name for name, (_, _, columns) in TABLES.items() for c in columns}


def place(column):
    return "%s.%s" % (OWNER_OF[column], column)


def room(sf, lists):
    """The contract: a room marked `test`, where a plan's exact answer may be opened."""
    text = 'room "tpch" version 1 test\n'
    for i, owner in enumerate(("carrier", "maker", "shop")):
        roles = "owner analyst" if owner == "shop" else "owner"
        text += "party %s %s ed25519:%s\n" % (owner, roles, ("A" * 42 + "AQ"[i % 2] + "=") if i < 2
                                               else "B" * 42 + "A=")
    places = []
    for name, (rows, unique, columns) in TABLES.items():
        text += "dataset %s {\n" % name
        for column, (role, what) in columns.items():
            text += "  %s %s" % (column, role)
            if role == "id":
                text += " normal raw@1"
            elif role == "dim":
                text += " in (%s)" % ", ".join('"%s"' % v.replace("\\", "\\\\").replace('"', '\\"')
                                               for v in lists[column])
            elif role == "measure":
                scale, lo, hi = what(sf)
                text += (" decimal(%d)" % scale if scale else "") + " in %d .. %d" % (lo, hi)
            text += "\n"
            if role != "secret":
                places.append(name + "." + column)
        for u in unique:
            text += "  unique %s\n" % u
        text += "  privacy unit row\n  rows at most %d\n}\n" % rows(sf)
    text += "rule tpch permit count, count distinct, sum, avg, min, max, rows by shop\n  from "
    parts = {"id": ["id"], "dim": ["dim"], "measure": ["dim", "measure"]}
    text += ",\n       ".join("%s (%s)" % (name, ", ".join(
        "%s %s" % (part, c) for c, (role, _) in columns.items() for part in parts.get(role, [])))
        for name, (_, _, columns) in TABLES.items())
    text += "\n  join " + ",\n       ".join(" = ".join(place(c) for c in j.split(" = ")) for j in JOINS)
    text += "\n  for dpv:Research\n  run share3 | clear\n  to shop\n  exact columns "
    text += ",\n    ".join(places) + " to shop\n"
    return text + "collude 0\nconsent all owners\nexpires 2036-06-30\n"


# --- the tables -----------------------------------------------------------------------------------

class World:
    def __init__(self, sf):
        sys.path.insert(0, PACKAGES)
        try:
            import duckdb
            import duckdb_extension_tpch
        except ImportError as e:
            skip("no TPC-H generator (%s): run tools/fetch_tpch.sh" % e.name)
        found = os.path.join(os.path.dirname(duckdb_extension_tpch.__file__), "extensions",
                             "v" + duckdb.__version__, "tpch.duckdb_extension")
        self.sf, self.db = sf, duckdb.connect(":memory:", config={"allow_unsigned_extensions": True})
        self.db.execute("LOAD '%s'" % found)
        self.db.execute("CALL dbgen(sf = %s)" % sf)
        self.lists = {}
        for name, (_, _, columns) in TABLES.items():
            for column, (role, _) in columns.items():
                if role == "dim":
                    rows = self.db.execute("SELECT DISTINCT %s FROM %s" % (column, name.split(".")[1]))
                    self.lists[column] = sorted((r[0] for r in rows.fetchall()), key=str.encode)
        self.code = {c: {v: i for i, v in enumerate(vs)} for c, vs in self.lists.items()}

    def cell(self, column, role, value):
        if role == "secret":
            return "0"
        if role == "dim":
            return str(self.code[column][value])
        if role == "id":
            return identifier(value)
        if isinstance(value, datetime.date):
            return str((value - EPOCH).days)
        if isinstance(value, decimal.Decimal):
            return str(int(value.scaleb(2)))
        return str(value)

    def write(self, folder):
        with open(os.path.join(folder, "room.txt"), "w") as out:
            out.write(room(self.sf, self.lists))
        for name, (_, _, columns) in TABLES.items():
            rows = self.db.execute("SELECT %s FROM %s" % (", ".join(columns), name.split(".")[1]))
            with open(os.path.join(folder, name), "w") as out:
                for row in rows.fetchall():
                    out.write("\t".join(self.cell(c, columns[c][0], v)
                                        for c, v in zip(columns, row)) + "\n")


def identifier(text):
    """A stand-in for a pseudonym: equal texts, equal ids."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


# --- answers --------------------------------------------------------------------------------------

def texts():
    folder = os.path.join(HERE, "queries")
    return [(n[:-4], open(os.path.join(folder, n)).read()) for n in sorted(os.listdir(folder))]


def field(ours, theirs, kind):
    """None if the field agrees; DuckDB's doubles to six digits."""
    if theirs is None:
        return None if ours == "NULL" else "NULL"
    if isinstance(theirs, float):
        near = abs(float(ours) - theirs) <= 1e-6 + 1e-9 * abs(theirs)
        return None if near else repr(theirs)
    if isinstance(theirs, (int, decimal.Decimal)):
        return None if decimal.Decimal(ours) == theirs else str(theirs)
    if isinstance(theirs, datetime.date):
        theirs = str((theirs - EPOCH).days)
    elif kind == 4:
        theirs = identifier(theirs)
    return None if ours == theirs else theirs


def plain(value):
    """A value of DuckDB's as a node prints it."""
    return str((value - EPOCH).days) if isinstance(value, datetime.date) else str(value)


def same_row(kinds, ours, theirs):
    fields = ours.split("|")
    return len(fields) == len(theirs) and not any(
        field(o, t, k) for o, t, k in zip(fields, theirs, kinds))


def compare(text, names, head, ours, theirs):
    """None if they agree: the same rows, each as often, and at each place the same values of what
    ORDER BY names (DuckDB leaves ties in any order)."""
    kinds = [int(k.split(":")[0]) for k in head.split()[1:]]
    left = list(theirs)
    if len(ours) != len(theirs):
        return "%d rows, not %d" % (len(ours), len(theirs))
    ordered = text.rpartition("order by")[2].partition("limit")[0] if "order by" in text else ""
    keys = [names.index(k.split()[0]) for k in ordered.split(",") if k.strip()]
    for i, row in enumerate(ours):
        fields = row.split("|")
        for k in keys:
            if field(fields[k], theirs[i][k], kinds[k]):
                return "row %d is ordered otherwise: %s, not %s" % (i, row, theirs[i])
        at = next((k for k, t in enumerate(left) if same_row(kinds, row, t)), None)
        if at is None:
            return "row %d: %s is not in DuckDB's answer; there is %s" % (i, row, theirs[i])
        left.pop(at)
    return None


# What these group by is determined by one of it, by keys that the contract declares: the same
# question, which DuckDB refuses.
KEYS = {"q03": "l_orderkey", "q10": "c_custkey", "q18": "o_orderkey"}


def by_key(text, key):
    before, _, after = text.rpartition("group by")
    return before + "group by " + key + " order by" + after.partition("order by")[2]


def answers(differ, folder, lines):
    run = subprocess.run([differ, os.path.join(folder, "room.txt"), folder],
                         input="\n".join(lines) + "\n", stdout=subprocess.PIPE, text=True)
    if run.returncode:
        sys.exit("differ failed")
    return parse(run.stdout)


class Seats:
    """Three processes, each with one owner's tables; what they say of each question."""

    def __init__(self, program, folder):
        self.runs = [subprocess.Popen([program, os.path.join(folder, "room.txt"), folder, str(i)],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                     for i in range(3)]
        peers = []
        for run in self.runs:
            words = run.stdout.readline().split()
            if len(words) != 3:
                sys.exit("a seat does not start")
            peers.append(" ".join(words[1:]) + "\n")
        for run in self.runs:
            run.stdin.write("".join(peers))
            run.stdin.flush()
        for run in self.runs:
            if run.stdout.readline() != "ready\n":
                sys.exit("a seat does not start")

    def ask(self, lines):
        """All questions at once: each seat takes the next when it has answered."""
        def talk(run):
            run.stdin.write("\n".join(lines) + "\nend\n")
            run.stdin.flush()
            text = ""
            for line in run.stdout:
                if line == "end\n":
                    return text
                text += line
            return text
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            texts = list(pool.map(talk, self.runs))
        for run in self.runs:
            run.stdin.close()
        if any(run.wait() for run in self.runs):
            sys.exit("a seat failed")
        for said in zip(*(text.split("\n@@ ") for text in texts)):
            if len(set(said)) != 1:
                sys.exit("the seats say different things: " + " / ".join(t[:300] for t in said))
        return parse(texts[0])


def parse(text):
    out = []
    for line in text.split("\n")[:-1]:
        if line.startswith("@@ "):
            out.append((line[3:], []))
        else:
            out[-1][1].append(line)
    return out


def spent():
    """Seconds, and those of all processors in processes that ended."""
    times = os.times()
    return time.monotonic(), times.children_user + times.children_system


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("differ", nargs="?")
    parser.add_argument("--sf", type=float, default=0.01)
    parser.add_argument("--engine", choices=["clear", "share3", "processes", "judged"],
                        default="clear")
    parser.add_argument("--security", choices=["semi-honest", "malicious"], default="semi-honest")
    parser.add_argument("--write")
    parser.add_argument("--only", help="q03,q12")
    parser.add_argument("--repeat", type=int, default=0,
                        help="ask so often more, and print the seconds of each, and of CPU")
    args = parser.parse_args()
    world = World(args.sf)
    if args.write:
        os.makedirs(args.write, exist_ok=True)
        world.write(args.write)
        return
    letter = "J" if args.engine == "judged" else "Q" if args.engine == "clear" else "T" if args.security == "semi-honest" else "M"
    with tempfile.TemporaryDirectory(prefix="malus-tpch-") as folder:
        world.write(folder)
        asked = [t for t in texts() if not args.only or t[0] in args.only.split(",")]
        said = [text for _, text in asked]
        if not args.only:
            short = [(name, text) for name, text in asked if name in KEYS]
            said += [by_key(text, KEYS[name]) for name, text in short]
            asked += [(name + "_by_its_key", text) for name, text in short]
        print("1..%d" % len(asked), flush=True)
        lines = [letter + " " + " ".join(text.split()) for text in said]

        def ask(lines):
            return (Seats(args.differ, folder).ask(lines) if args.engine == "processes" else
                    answers(args.differ, folder, lines))
        start = time.monotonic()
        mine = ask(lines)
        once = time.monotonic() - start
        if args.repeat: # parsing, tables and connections cost the same each time
            for (name, _), line in zip(asked, lines):
                runs = []
                for n in (1, 1 + args.repeat):
                    start = spent()
                    ask([line] * n)
                    runs.append([end - began for began, end in zip(start, spent())])
                print("# %s: %.3f s, %.3f s of CPU" % (
                    name, *[(more - one) / args.repeat for one, more in zip(*runs)]), flush=True)
        print("# %.1f s for all" % once)
    good = 0
    for i, ((name, text), (head, ours)) in enumerate(zip(asked, mine)):
        cursor = world.db.execute(text)
        names, theirs = [d[0] for d in cursor.description], cursor.fetchall()
        why = compare(text, names, head, ours, theirs) if head.startswith("ok") else head
        if args.engine == "judged":
            refused = name.startswith("q10") and "c_comment" in head and head.startswith("E_DENIED")
            why = None if head == "ok" or refused else head
        good += not why
        says = "is_permitted" if args.engine == "judged" else "is_duckdbs_answer"
        print("%s %d - %s_%s%s" % ("not ok" if why else "ok", i + 1, name, says,
                                   "" if why else " # %d rows" % len(theirs)))
        if why:
            print("# " + why)
    sys.exit(good != len(asked) or len(mine) != len(asked))


if __name__ == "__main__":
    main()
