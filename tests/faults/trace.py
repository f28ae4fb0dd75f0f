"""Two tables with equal declared bounds give identical traces of message sizes:
what each node sends and hears in a job, over tables that could hardly differ
more, is the same list of sizes (MALUS_TEST_TRACE, test builds, rooms marked test).
The replies of `spend` and `close`, and what is cosigned, hold proofs whose length
follows from the size of the log alone: both houses have logs of one size."""

from house import *


def fill(h, kind):
    """Tables of two kinds: many rows of few people and one group; next to none."""
    for i, p in enumerate(PARTIES):
        with open(h.table(p), "w") as f:
            if p == "faa":
                f.write("tailnum,year\n")
                for k in range(30 if kind == "full" else 1):
                    f.write(f"N{k},{1991 if kind == 'full' else 2013}\n")
                continue
            f.write("tailnum,carrier,month,distance\n")
            if kind == "full":
                for k in range(120):
                    f.write(f"N{k % 30},AA,{1 + k % 12},5000\n")
            else:
                f.write(f"N{100 + i},DL,1,0\n")
        h.add(p)


def traces(kind):
    with House(rows=1) as h:
        fill(h, kind)
        out = {}
        for p in PARTIES:
            h.node[p].stop()
            h.node[p].start(env={"MALUS_TEST_TRACE": os.path.join(h.dir, p + ".trace")})
        h.node["faa"].query(UNION)  # the first question fetches keys
        for name, text in (("sum", UNION), ("psi", JOIN), ("clear", LOCAL)):
            for p in PARTIES:
                open(os.path.join(h.dir, p + ".trace"), "w").close()
            h.node["faa"].query(text)
            for p in PARTIES:
                with open(os.path.join(h.dir, p + ".trace")) as f:
                    lines = f.read().splitlines()
                # What goes to several peers at once may come in any order; what
                # goes one way between two, in an engine, does not.
                calls = sorted(x for x in lines if not x.startswith("engine "))
                out[name, p] = [calls] + [
                    [x for x in lines if x.startswith(f"engine {peer} {way} ")]
                    for peer in PARTIES for way in ("sent", "received")]
        return out


def main():
    tap = Tap(4)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        full, empty = pool.map(traces, ("full", "empty"))

    def same(name):
        n = 0
        for p in PARTIES:
            for a, b in zip(full[name, p], empty[name, p]):
                check(len(a) == len(b), f"{p}: {len(a)} messages against {len(b)}")
                for x, y in zip(a, b):
                    check(x == y, f"{p}: {x!r} against {y!r}")
                n += len(a)
        return f"{n} messages"

    def seen():
        check(any(full["sum", "ewr"][1:]) and any(full["psi", "jfk"][1:]), "the engines left no trace")

    for name in ("sum", "psi", "clear"):
        tap.case(f"messages_of_{name}_have_the_same_sizes_whatever_the_tables_hold", same, name)
    tap.case("the_traces_hold_the_engines_messages", seen)
    tap.end()


main()
