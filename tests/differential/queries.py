"""Tables and queries for the differential test: random, typed, and inside what both define."""

G = ["AA", "B6", "DL", "UA"]
H = ["ORD", "ATL", "LAX"]
K = ["BOEING", "AIRBUS"]
BIG = 10 ** 12


class Tables:
    """a.s, b.s and c.u, as SQL for PostgreSQL and as files for the plan's side."""

    def __init__(self, rng, folder):
        self.sql = "SET extra_float_digits = 0;\n"
        tails = ["T%03d" % i for i in range(40)]
        for owner, rows in (("a", 120), ("b", 90)):
            self.s(rng, folder, owner, rows, tails)
        self.u(rng, folder, tails)

    @staticmethod
    def ident(text):
        return "\\N" if text is None else text.encode().ljust(16, b"\0").hex()

    def table(self, folder, name, columns, rows, plan_rows):
        self.sql += "CREATE SCHEMA IF NOT EXISTS %s;\nCREATE TABLE %s (%s);\nCOPY %s FROM STDIN;\n" % (
            name.split(".")[0], name, columns, name)
        for row in rows:
            self.sql += "\t".join("\\N" if v is None else str(v) for v in row) + "\n"
        self.sql += "\\.\n"
        with open("%s/%s" % (folder, name), "w") as out:
            for row in plan_rows:
                out.write("\t".join("\\N" if v is None else str(v) for v in row) + "\n")

    def s(self, rng, folder, owner, n, tails):
        rows, plan = [], []

        def pick(null, lo, hi):
            if rng.random() < null:
                return None
            return rng.choice([lo, hi, 0, rng.randint(lo, hi), rng.randint(lo, hi),
                               max(lo, min(hi, rng.randint(-3, 3)))])

        for _ in range(n):
            tail = rng.choice(tails[:30])  # the unit: rows without one are not taken in
            g, h, m = rng.choice(G), None if rng.random() < 0.15 else rng.choice(H), rng.randint(1, 12)
            x, y, d = pick(0.15, -100, 100), pick(0, 0, 1000), pick(0.1, -5000, 5000)
            z = pick(0.1, -BIG, BIG)
            y = abs(y)
            dec = None if d is None else "%s%d.%02d" % ("-" if d < 0 else "", abs(d) // 100, abs(d) % 100)
            rows.append((tail, g, h, m, x, y, dec, z))
            plan.append((self.ident(tail), G.index(g), None if h is None else H.index(h), m - 1, x, y,
                         d, z))
            if rng.random() < 0.1:  # a duplicate
                rows.append(rows[-1])
                plan.append(plan[-1])
        self.table(folder, owner + ".s", "id text, g text, h text, m bigint, x bigint, y bigint, "
                   "d numeric(18,2), z bigint", rows, plan)

    def u(self, rng, folder, tails):
        rows, plan = [], []
        for tail in tails[5:]:
            v = None if rng.random() < 0.1 else rng.randint(1950, 2013)
            w, k = rng.randint(1, 9), rng.choice(K)
            rows.append((tail, v, w, k))
            plan.append((self.ident(tail), None if v is None else v - 1950, w, K.index(k)))
        self.table(folder, "c.u", "id text, v bigint, w bigint, k text", rows, plan)


class Query:
    def __init__(self, text, ordered=False, split=False):
        self.text, self.ordered, self.split = text, ordered, split


class Scope:
    """Names in reach, by type; `x.` prefixes where an alias is needed."""

    def __init__(self, ints, decs, dims, ids=()):
        self.ints, self.decs, self.dims, self.ids = list(ints), list(decs), list(dims), list(ids)


def s_scope(p=""):
    return Scope([p + "x", p + "y", p + "m", p + "z"], [p + "d"], [
        (p + "g", G), (p + "h", H), ("substring(%sg FROM 1 FOR 1)" % p, ["A", "B", "D", "U"]),
        ("substring(%sh, 2)" % p, ["RD", "TL", "AX"])], [p + "id"])


def u_scope(p=""):
    return Scope([p + "v", p + "w"], [], [(p + "k", K)], [p + "id"])


def both(a, b):
    return Scope(a.ints + b.ints, a.decs + b.decs, a.dims + b.dims, a.ids + b.ids)


# --- expressions ------------------------------------------------------------------

def literal(r):
    return str(r.choice([0, 1, -1, 2, 3, 7, 10, -5, 100, 999, r.randint(-50, 50)]))


def integer(r, s, depth):
    if depth <= 0 or r.random() < 0.3:
        return r.choice(s.ints) if r.random() < 0.75 else literal(r)
    kind = r.randrange(11)
    a = lambda: integer(r, s, depth - 1)
    if kind < 3:
        return "(%s %s %s)" % (a(), r.choice("+-"), a())
    if kind == 3:
        return "(%s * %s)" % (a(), literal(r))
    if kind == 4:
        return "(- %s)" % a()
    if kind == 5:
        return "CASE WHEN %s THEN %s %sEND" % (
            truth(r, s, depth - 1), a(), "ELSE %s " % a() if r.random() < 0.7 else "")
    if kind == 6:
        return "COALESCE(%s, %s)" % (a(), a())
    if kind == 7:
        return "NULLIF(%s, %s)" % (a(), a())
    if kind == 8:  # operands that are not negative: floor is truncation
        return "(%s %s %s)" % (natural(r, s), r.choice("/%"), divisor(r))
    if kind == 9 and s.decs:
        return "CAST(%s AS bigint)" % decimal(r, s, depth - 1)
    if s.dims:
        name, values = r.choice(s.dims)
        whens = " ".join("WHEN '%s' THEN %s" % (v, literal(r)) for v in r.sample(values, 2))
        return "CASE %s %s ELSE %s END" % (name, whens, a())
    return a()


def natural(r, s):
    names = [n for n in s.ints if n.split(".")[-1] in ("y", "m", "v", "w")]
    return "(%s + %d)" % (r.choice(names), r.randint(0, 50)) if names else str(r.randint(0, 99))


def divisor(r):
    return str(r.choice([1, 2, 3, 7, 10, 0])) if r.random() < 0.9 else "NULLIF(%d, 3)" % r.randint(3, 4)


def decimal(r, s, depth):
    if not s.decs:
        return "CAST(%s AS numeric(30,2))" % integer(r, s, depth - 1)
    if depth <= 0 or r.random() < 0.4:
        return r.choice(s.decs) if r.random() < 0.7 else r.choice(["0.5", "1.25", "-2.50", "10.00", "0.01"])
    kind = r.randrange(5)
    a = lambda: decimal(r, s, depth - 1)
    if kind == 0:
        return "(%s %s %s)" % (a(), r.choice("+-"), a())
    if kind == 1:
        return "(%s * %s)" % (a(), r.choice(["2", "0.5", "-1", "3"]))
    if kind == 2:
        return "(%s + %s)" % (a(), integer(r, s, depth - 1))
    if kind == 3:
        return "CAST(%s AS numeric(30,%d))" % (a(), r.randint(0, 4))
    return "COALESCE(%s, %s)" % (a(), a())


def truth(r, s, depth):
    kind = r.randrange(12)
    if depth > 0 and kind < 3:
        op = r.choice([" AND ", " OR "])
        return "(" + op.join(truth(r, s, depth - 1) for _ in range(r.randint(2, 3))) + ")"
    if depth > 0 and kind == 3:
        return "(NOT %s)" % truth(r, s, depth - 1)
    if kind == 4:
        return "(%s BETWEEN %s AND %s)" % (integer(r, s, depth - 1), literal(r), literal(r))
    if kind == 5:
        values = [literal(r) for _ in range(r.randint(1, 4))] + (["NULL"] if r.random() < 0.1 else [])
        return "(%s %sIN (%s))" % (integer(r, s, depth - 1), r.choice(["", "NOT "]), ", ".join(values))
    if kind in (6, 7) and s.dims:
        name, values = r.choice(s.dims)
        if r.random() < 0.25:
            v = r.choice(values)
            return "(%s %sLIKE '%s')" % (name, r.choice(["", "NOT "]), r.choice(
                [v[0] + "%", "%" + v[-1], "_" + v[1:], "%" + v[1:2] + "%", "%", v, "%_" + v, "", "__%"]))
        if r.random() < 0.5:
            return "(%s %s '%s')" % (name, r.choice(["=", "<>"]), r.choice(values))
        return "(%s %sIN (%s))" % (name, r.choice(["", "NOT "]),
                                  ", ".join("'%s'" % v for v in r.sample(values, r.randint(1, len(values)))))
    if kind == 8:
        name = r.choice(s.ints + s.decs + [d[0] for d in s.dims] + s.ids)
        return "(%s IS %sNULL)" % (name, r.choice(["", "NOT "]))
    if kind == 9 and s.decs:
        return "(%s %s %s)" % (decimal(r, s, depth - 1), r.choice(["<", "<=", ">", ">=", "=", "<>"]),
                              decimal(r, s, depth - 1))
    if kind == 10 and depth > 0:
        return "(%s IS %s%s)" % (truth(r, s, depth - 1), r.choice(["", "NOT "]),
                                r.choice(["TRUE", "FALSE", "UNKNOWN"]))
    return "(%s %s %s)" % (integer(r, s, depth - 1), r.choice(["<", "<=", ">", ">=", "=", "<>"]),
                          integer(r, s, depth - 1))


# --- sources -----------------------------------------------------------------------------

def source(r):
    """(FROM .., WHERE conjuncts it needs, scope, CTE prefix)"""
    kind = r.randrange(15)
    t = r.choice(["a.s", "b.s"])
    if kind < 3:
        return t, [], s_scope(), ""
    if kind == 12:
        on = " AND " + truth(r, u_scope("p."), 1) if r.random() < 0.4 else ""
        return "%s f LEFT JOIN c.u p ON f.id = p.id%s" % (t, on), [], both(s_scope("f."), u_scope("p.")), ""
    if kind == 13:
        return ("c.u p RIGHT OUTER JOIN %s f ON p.id = f.id AND p.w > 3" % t, [],
                both(s_scope("f."), u_scope("p.")), "")
    if kind == 14:
        on = " AND e.m = p.w" if r.random() < 0.5 else ""
        return ("c.u p LEFT JOIN %s e ON p.id = e.id%s AND e.y <> 7" % (t, on), [],
                both(s_scope("e."), u_scope("p.")), "")
    if kind == 3:
        return t + " AS q", [], s_scope("q."), ""
    if kind == 4:
        return "%s f JOIN c.u p ON f.id = p.id" % t, [], both(s_scope("f."), u_scope("p.")), ""
    if kind == 5:
        s = both(s_scope(), u_scope())
        s.ids = ["id"]
        return "%s JOIN c.u USING (id)" % t, [], s, ""
    if kind == 6:
        return "%s f, c.u p" % t, ["p.id = f.id"], both(s_scope("f."), u_scope("p.")), ""
    if kind == 7:
        return "a.s f JOIN b.s e ON f.id = e.id AND f.m = e.m", [], both(s_scope("f."), s_scope("e.")), ""
    if kind == 8:
        text = " UNION ALL ".join("SELECT id, g, h, m, x, y, d, z FROM %s%s" % (
            n, " WHERE " + truth(r, s_scope(), 1) if r.random() < 0.3 else "") for n in ("a.s", "b.s"))
        return "(%s) q" % text, [], s_scope("q."), ""
    if kind == 9:
        inner = s_scope()
        text = "SELECT g AS g1, h, m AS m1, %s AS i1, %s AS d1 FROM %s WHERE %s" % (
            integer(r, inner, 2), decimal(r, inner, 1), t, truth(r, inner, 1))
        return "(%s) sub" % text, [], Scope(["m1", "sub.i1"], ["d1"], [("g1", G), ("sub.h", H)]), ""
    if kind == 10:
        text = "WITH one AS (SELECT * FROM %s WHERE %s), two (g2, n2) AS (SELECT g, count(*) FROM one GROUP BY g) " % (
            t, truth(r, s_scope(), 1))
        return "one o JOIN two ON o.g = two.g2", [], both(s_scope("o."), Scope(["n2"], [], [("g2", G)])), text
    inner = s_scope()
    text = "SELECT h, m, count(*) AS n, sum(%s) AS t, max(x) AS hi FROM %s GROUP BY h, m" % (integer(r, inner, 1), t)
    return "(%s) agg" % text, [], Scope(["n", "t", "hi", "m"], [], [("h", H)]), ""


# --- queries ------------------------------------------------------------------------------

def value_query(r, s):
    """A subquery that is one value, perhaps of the row around it."""
    t = r.choice(["a.s", "b.s"])
    inner = s_scope("i.")
    link = []
    if s is not None and r.random() < 0.6:
        outer = r.choice([n for n in s.ints if n.split(".")[-1] in ("m", "w", "x", "y")] or ["1"])
        link.append("i.m = %s" % outer)
        ids = [n for n in s.ids if "." in n]
        if ids and r.random() < 0.3:
            link.append("%s = i.id" % ids[0])
    if r.random() < 0.5:
        link.append(truth(r, inner, 1))
    item = r.choice(["count(*)", "min(i.x)", "max(i.y)", "sum(i.y) + 1", "0.5 * sum(i.x)", "count(i.h)",
                     "avg(i.x)", "max(i.d) - min(i.d)"])
    return "(SELECT %s FROM %s i%s)" % (item, t, " WHERE " + " AND ".join(link) if link else "")


def membership(r, s):
    """EXISTS, IN and their negations over a subquery."""
    t = r.choice(["a.s", "b.s", "c.u"])
    inner = u_scope("i.") if t == "c.u" else s_scope("i.")
    small = {"c.u": ["w", "v"]}.get(t, ["m", "x", "y"])
    conds = [truth(r, inner, 1)] if r.random() < 0.5 else []
    outers = [n for n in s.ints if "." in n and n.split(".")[-1] in ("m", "w", "x", "y", "v")]
    if not outers or r.random() < 0.4:
        return "(%s + %s) IN (SELECT i.%s FROM %s i%s)" % (
            r.choice(s.ints), integer(r, s, 1), r.choice(small), t, " WHERE " + " AND ".join(conds) if conds else "")
    ids = [n for n in s.ids if "." in n]
    if ids and r.random() < 0.5:
        conds.append("i.id = %s" % r.choice(ids))
    else:
        conds.append("i.%s = %s" % (small[0], r.choice(outers)))
    if r.random() < 0.4:
        pair = ["i." + r.choice(small), r.choice(outers)]
        r.shuffle(pair)
        conds.append("%s %s %s" % (pair[0], r.choice(["<>", "<", "<=", ">", ">="]), pair[1]))
    r.shuffle(conds)
    return "%sEXISTS (SELECT %s FROM %s i WHERE %s)" % (
        r.choice(["", "NOT "]), r.choice(["1", "*", "i.id"]), t, " AND ".join(conds))


def where(r, conjuncts, s):
    conds = list(conjuncts)
    if r.random() < 0.6:
        conds.append(truth(r, s, 2))
    if r.random() < 0.15:
        conds.append("%s %s %s" % (integer(r, s, 1), r.choice(["<", "<=", ">", "=", "<>"]), value_query(r, s)))
    if r.random() < 0.15:
        conds.append(membership(r, s))
    if r.random() < 0.05:
        both_ = [truth(r, s, 1) for _ in range(3)]
        conds.append("((%s AND %s) OR (%s AND %s))" % (both_[0], both_[1], both_[0], both_[2]))
    r.shuffle(conds)
    return " WHERE " + " AND ".join(conds) if conds else ""


def aggregate(r, s):
    kind = r.randrange(10)
    if kind < 2:
        return "count(*)"
    if kind == 2:
        return "count(%s)" % r.choice(s.ints + s.decs + [d[0] for d in s.dims] + s.ids)
    if kind == 3:
        return "count(DISTINCT %s)" % r.choice(s.ints + [d[0] for d in s.dims] + s.ids)
    if kind == 4:
        return "%s(%s)" % (r.choice(["min", "max"]), integer(r, s, 1))
    if kind == 5:  # PostgreSQL's avg keeps 16 significant digits, ours six decimals
        small = Scope([n for n in s.ints if n.split(".")[-1] not in ("z", "t", "i1")], s.decs, s.dims)
        return "avg(%s)" % (integer(r, small, 1) if r.random() < 0.6 else decimal(r, small, 1))
    if kind == 6:
        return "sum(%s)" % decimal(r, s, 1)
    return "sum(%s)" % integer(r, s, 2)


def order(r, n):
    """ORDER BY every column by position, in some order."""
    keys = list(range(1, n + 1))
    r.shuffle(keys)
    return " ORDER BY " + ", ".join("%d%s%s" % (k, r.choice(["", " ASC", " DESC"]),
                                               r.choice(["", "", " NULLS FIRST", " NULLS LAST"])) for k in keys)


def finish(r, prefix, text, n):
    if r.random() < 0.4:
        text += order(r, n)
        if r.random() < 0.4:
            text += " LIMIT %d" % r.randint(0, 8)
            if r.random() < 0.3:
                text += " OFFSET %d" % r.randint(0, 4)
        return Query(prefix + text, ordered=True)
    return Query(prefix + text)


def rows_query(r):
    frm, conds, s, prefix = source(r)
    items = []
    for _ in range(r.randint(1, 4)):
        kind = r.randrange(6)
        items.append(integer(r, s, 3) if kind < 2 else decimal(r, s, 2) if kind == 2 else
                     truth(r, s, 2) if kind == 3 else
                     r.choice(s.dims)[0] if kind == 4 or not s.ids else r.choice(s.ids))
    text = "SELECT %s FROM %s%s" % (", ".join("%s AS k%d" % (x, i) for i, x in enumerate(items)), frm,
                                    where(r, conds, s))
    return finish(r, prefix, text, len(items))


def groups_query(r):
    frm, conds, s, prefix = source(r)
    groups = []
    for _ in range(r.randint(0, 3)):
        kind = r.randrange(5)
        g = r.choice(s.dims)[0] if kind < 3 else r.choice(s.ints) if kind == 3 else truth(r, s, 1)
        if g not in groups:
            groups.append(g)
    aggs = [aggregate(r, s) for _ in range(r.randint(1, 3))]
    if r.random() < 0.3:
        aggs.append("%s + 2 * %s" % (aggregate(r, s), "count(*)"))
    items = groups + aggs
    text = "SELECT %s FROM %s%s" % (", ".join(items), frm, where(r, conds, s))
    if groups:
        text += " GROUP BY " + ", ".join(str(i + 1) if r.random() < 0.5 else g for i, g in enumerate(groups))
    if r.random() < 0.3:
        text += " HAVING %s %s %s" % (aggregate(r, s), r.choice(["<", ">", "=", "<>"]),
                                      value_query(r, None) if r.random() < 0.3 else literal(r))
    return finish(r, prefix, text, len(items))


def whole(r, p, pay):
    """A sum's argument that is never NULL, so that an engine's zero is no lie."""
    kind = r.randrange(4)
    if kind == 0:
        return p + pay
    if kind == 1:
        return "(%s%s * %s)" % (p, pay, literal(r))
    if kind == 2:
        return "CASE WHEN %s%s > %s THEN %s%s ELSE %s END" % (p, pay, literal(r), p, pay, literal(r))
    return "(%s%s + %s)" % (p, pay, literal(r))


def split_query(r, shares):
    """Aggregates over a union or a join of owners: run clear, and as an engine would."""
    join = r.random() < 0.4
    if join:
        p, pay = "f.", "y"
        frm = "a.s f JOIN c.u p ON f.id = p.id"
        left, right = s_scope("f."), u_scope("p.")
        conds = [truth(r, left, 1) for _ in range(r.randrange(2))]
        conds += [truth(r, right, 1) for _ in range(r.randrange(2))]
    else:
        p, pay = "q.", "y"
        cols = "g, h, m, x, y, d, z, id"
        frm = "(" + " UNION ALL ".join(
            "SELECT %s FROM %s%s" % (cols, n, " WHERE " + truth(r, s_scope(), 1) if r.random() < 0.5 else "")
            for n in r.choice([["a.s"], ["a.s", "b.s"], ["b.s", "a.s", "a.s"]])) + ") q"
        conds = [truth(r, s_scope("q."), 1)] if r.random() < 0.5 else []
    groups = r.sample([p + "g", p + "h", p + "m", "(%sy > 500)" % p,
                       "CASE WHEN %sy < 10 THEN 1 WHEN %sg = 'AA' THEN 2 END" % (p, p)], r.randint(0, 2))
    aggs = [r.choice(["count(*)", "count(%sx)" % p, "sum(%s)" % whole(r, p, pay), "avg(%s)" % whole(r, p, pay),
                      "sum(%s) - count(*)" % whole(r, p, pay)] + (
                          ["count(DISTINCT %s)" % r.choice([p + "x", p + "h", p + "id"])] if shares else [])) for _ in range(r.randint(1, 3))]
    text = "SELECT %s FROM %s" % (", ".join(groups + aggs), frm)
    if conds:
        text += " WHERE " + " AND ".join(conds)
    if groups:
        text += " GROUP BY " + ", ".join(groups)
        if r.random() < 0.3:
            text += " HAVING count(*) > %d" % r.randint(0, 5)
    if r.random() < 0.5:
        return Query(text + order(r, len(groups + aggs)), ordered=True, split=True)
    return Query(text, split=True)


def window_query(r):
    """Ranks over one table or a join of owners; and who is first in its part."""
    if r.random() < 0.5:
        p, frm = "f.", "%s f" % r.choice(["a.s", "b.s"])
        keys = ["g", "h", "m", "x", "y", "z"]
    else:
        p, frm = "", "(SELECT f.g, f.h, f.m, f.x, f.y, p.w, p.v FROM a.s f %s c.u p ON f.id = p.id) j" % (
            r.choice(["JOIN", "LEFT JOIN"]))
        keys = ["g", "h", "m", "x", "y", "w", "v"]
    some = r.sample(keys, r.randint(2, 4))
    part = some[:r.randrange(2)]
    by = ", ".join(p + k + r.choice(["", " DESC", " NULLS FIRST", " DESC NULLS LAST"]) for k in some[len(part):])
    over = "rank() OVER (%sORDER BY %s)" % ("PARTITION BY %s " % ", ".join(p + k for k in part) if part else "", by)
    text = "SELECT %s, %s AS place FROM %s" % (", ".join(p + k for k in some), over, frm)
    if r.random() < 0.4:
        text += " WHERE %sy %s %d" % (p, r.choice(["<", ">"]), r.randrange(1000))
    if r.random() < 0.5:
        return Query("SELECT %s, q.place + 1 FROM (%s) q WHERE q.place <= %d" % (
            ", ".join("q." + k for k in some), text, r.randint(1, 4)))
    if r.random() < 0.3:
        return Query("SELECT q.place, count(*) FROM (%s) q GROUP BY q.place" % text)
    return Query(text)


def generate(r, shares):
    if r.random() < 0.06:
        return window_query(r)
    kind = r.random()
    return rows_query(r) if kind < 0.4 else groups_query(r) if kind < 0.8 else split_query(r, shares)
