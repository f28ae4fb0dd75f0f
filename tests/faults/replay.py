"""Older copies of a state folder, whole or file by file, against live peers.

Whole, and log/ alone: the log is behind what the peers cosigned; the node refuses
to serve, its peers refuse to cosign.  ledger.db alone: an intent in the log bears
the mark of a charge that the ledger lacks, and the node does not start.
witness.db alone: the log tells of heads that it has not cosigned; the same.  node.db alone: withdrawals come back from the log;
used nonces are forgotten, so a request could be sent twice within its five minutes,
by who signed it, as two jobs that are both charged."""

from house import *

OLD = "old copy"
OPENS_NOT = ("ledger.db", "witness.db")


def copy(node, name):
    """Copy STATE or one file of it (with SQLite's companions) to an attic."""
    attic = node.state + ".attic"
    shutil.rmtree(attic, ignore_errors=True)
    if name is None:
        shutil.copytree(node.state, attic, ignore=shutil.ignore_patterns("node.sock"))
        return
    os.mkdir(attic)
    for entry in os.listdir(node.state):
        if entry.startswith(name):
            path = os.path.join(node.state, entry)
            (shutil.copytree if os.path.isdir(path) else shutil.copy2)(
                path, os.path.join(attic, entry))


def restore(node, name):
    attic = node.state + ".attic"
    for entry in os.listdir(node.state):
        if name is None or entry.startswith(name):
            path = os.path.join(node.state, entry)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    for entry in os.listdir(attic):
        path = os.path.join(attic, entry)
        (shutil.copytree if os.path.isdir(path) else shutil.copy2)(
            path, os.path.join(node.state, entry))


def refused(run, what, *words):
    try:
        run()
    except NodeError as e:
        check(any(w in e.message for w in words), f"{what} was refused, but with: {e}")
        return str(e)
    raise Failure(f"{what} was not refused")


def spent(h):
    return {p: h.node[p].budget()["spent_nano"] for p in PARTIES}


def old_copy(victim, name, jobs=2, refuses=True):
    """Copy, run jobs, restore, start: what happens."""
    with House() as h:
        node, faa = h.node[victim], h.node["faa"]
        faa.query()
        node.stop()
        copy(node, name)
        node.start()
        done = [faa.query()["job"] for _ in range(jobs)]
        node.stop()
        restore(node, name)
        if name in OPENS_NOT:
            check(not node.start(expect=False), f"{victim} started")
            check(OLD in node.said(), f"{victim} says: {node.said()}")
            refused(faa.query, "a question", victim)
            h.check_roots()
            return node.said()[:150]
        node.start()
        if not refuses:
            faa.query()
            h.check_roots()
            return ""
        said = refused(faa.query, "a question", OLD, "refuses to serve", "does not continue")
        refused(lambda: faa.query(JOIN), "a second question", OLD, "refuses to serve",
                "does not continue")
        refused(lambda: h.add(victim), "an ingest", OLD, "refuses to serve", "does not continue")
        h.wait_over(2 * h.step_ms / 1000 + 4)
        for p in PARTIES[:3]:
            if p == victim:
                continue
            jobs_here = h.node[p].spent_jobs()
            check(all(jobs_here[j]["state"] == "spent" for j in done), f"{p} forgot a job")
            b = h.node[p].budget()
            check(b["spent_nano"] == (len(done) + 1) * NANO // 10, f"{p} spent for a refused job")
        h.check_roots()
        return said[:150]


def older_than_the_room():
    """A copy from before the room was opened: opening it anew must not fork the log."""
    with House() as h:
        node, faa = h.node["jfk"], h.node["faa"]
        node.stop()
        shutil.rmtree(node.state + ".attic", ignore_errors=True)
        faa_port = node.port
        attic = node.state + ".attic"
        # What `init` left: keys alone.
        os.mkdir(attic)
        shutil.copytree(os.path.join(node.state, "keys"), os.path.join(attic, "keys"))
        node.start()
        faa.query()
        node.stop()
        restore(node, None)
        node.port = faa_port
        node.start()
        h.tell_ports(["jfk"])
        with open(h.bundle) as f:
            bundle = f.read()
        refused(lambda: node.ask("room.open", bundle=bundle), "opening the room", OLD)
        refused(faa.query, "a question", OLD, "refuses to serve", "no part")
        h.check_roots()


def forgotten_withdrawal():
    """node.db alone, from before a withdrawal: the log remembers it."""
    with House() as h:
        node, faa = h.node["jfk"], h.node["faa"]
        faa.query()
        node.stop()
        copy(node, "node.db")
        node.start()
        node.ask("room.withdraw", reason="a test")
        refused(faa.query, "a question", "withdrew")
        node.stop()
        restore(node, "node.db")
        node.start()
        before = spent(h)
        refused(faa.query, "a question", "withdrew")
        refused(lambda: node.query(LOCAL), "a question at the owner", "withdrew")
        check(spent(h) == before, "something was spent")


def forgets_its_word():
    """The peers remember, too: a witness that went back since they saw it."""
    with House() as h:
        node, faa = h.node["lga"], h.node["faa"]
        db = os.path.join(node.state, "witness.db")
        faa.query(LOCAL)
        with sqlite3.connect(db, timeout=10) as edit:  # below the node's feet
            old = edit.execute("SELECT origin, size, root, time, note FROM seen").fetchall()
        edit.close()
        faa.query(LOCAL)
        with sqlite3.connect(db, timeout=10) as edit:
            edit.executemany("REPLACE INTO seen VALUES (?, ?, ?, ?, ?)", old)
        edit.close()
        said = refused(lambda: faa.query(LOCAL), "a question", OLD)
        h.check_roots()
        return said[:120]


def main():
    cases = [
        ("an_old_folder_of_an_owner_who_computes_refuses_to_serve", old_copy, "jfk", None),
        ("an_old_folder_of_the_asking_node_refuses_to_serve", old_copy, "faa", None),
        ("an_old_log_alone_refuses_to_serve", old_copy, "jfk", "log"),
        ("an_old_ledger_alone_does_not_start", old_copy, "jfk", "ledger.db"),
        ("an_old_ledger_that_lacks_one_job_does_not_start", old_copy, "ewr", "ledger.db", 1),
        ("an_old_witness_state_alone_does_not_start", old_copy, "jfk", "witness.db"),
        ("a_witness_that_goes_back_is_seen_by_its_peers", forgets_its_word),
        ("old_node_settings_alone_only_forget_nonces", old_copy, "jfk", "node.db", 2, False),
        ("a_withdrawal_survives_old_node_settings", forgotten_withdrawal),
        ("a_folder_from_before_the_room_cannot_open_it_anew", older_than_the_room),
    ]
    wanted = [c for c in cases if len(sys.argv) < 2 or sys.argv[1] in c[0]]
    tap = Tap(len(wanted))
    tap.together(wanted, 4)
    tap.end()


main()
