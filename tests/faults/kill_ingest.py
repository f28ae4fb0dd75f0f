"""SIGKILL of a node, and of its DuckDB child, at every write, sync and rename of
an ingest and of a removal: afterwards the node starts, a dataset is wholly there
or wholly absent, what is there answers questions, and the same work succeeds."""

from house import *


def versions(node):
    return sorted(d["version"] for d in node.ask("data.ls")["datasets"])


def work(h, what):
    if what == "add":
        h.add("ewr")
    else:
        h.node["ewr"].ask("data.rm", dataset="flights", version=versions(h.node["ewr"])[0])


def count(h, what):
    node = h.node["ewr"]
    node.stop()
    node.start(kill_at=0)
    node.arm()
    work(h, what)
    node.disarm()
    node.stop()
    with open(node.points) as f:
        return int(f.read())


def at(h, what, n, last):
    node = h.node["ewr"]
    if node.running():
        node.stop()
    node.start()
    while len(versions(node)) < 3:  # so that two removals leave one
        h.add("ewr")
    before = versions(node)
    node.stop()
    node.start(kill_at=n)
    node.arm()
    try:
        work(h, what)
        done = True
    except NodeError as e:
        check(e.code == "gone", f"not killed, but failed: {e}")
        done = False
    if node.running():
        try:
            node.wait_dead(0.5)
        except subprocess.TimeoutExpired:
            check(done and n > last * 9 // 10, f"fewer than {n} points this time")
            node.stop()
            node.start()
            return
    else:
        node.wait_dead()
    node.start()
    now = versions(node)
    whole = before + [max(before) + 1] if what == "add" else before[1:]
    check(now in (before, whole), f"versions {before} became {now}")
    check(not done or now == whole, "the work was reported as done, and is not")
    node.ask("data.check", dataset="flights")
    if n % 8 == 0:
        h.node["faa"].query(LOCAL)
    work(h, what)
    node.ask("data.check", dataset="flights")
    h.check_roots()


def sweep(tap, what, step, share, shares):
    with House() as h:
        h.add("ewr")
        last = count(h, what)
        for n in range(1 + share * step, last + 1, step * shares):
            tap.case(f"killed_at_point_{n}_of_{last}_of_{what}", at, h, what, n, last)


def main():
    step, shares = (1, 2) if SOAK else (12, 1)
    tap = Tap(0)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(sweep, tap, what, step, share, shares)
                     for what in ("add", "rm") for share in range(shares)]:
            done.result()
    print(f"1..{tap.n}")
    tap.end()


main()
