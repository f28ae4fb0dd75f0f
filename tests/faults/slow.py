"""A peer that stops, is silent or gone while the engine runs ends the job on all
sides with a clear error within the step limits; the survivors leak neither
descriptors nor threads, over many such jobs."""

from house import *

STEP_MS = 2500


def count(h, parties):
    return {p: (h.node[p].descriptors(), h.node[p].threads()) for p in parties}


def settled(h, parties, least):
    """Counts that came back to at most `least`, given some seconds (silence ends
    dead connections)."""
    end = time.time() + 15
    while True:
        now = count(h, parties)
        high = {p: (now[p], least[p]) for p in parties
                if now[p][0] > least[p][0] + 2 or now[p][1] > least[p][1] + 2}
        if not high:
            return
        check(time.time() < end, f"descriptors and threads (now, before): {high}")
        time.sleep(0.3)


def in_engine(node, seconds):
    """Wait until its job waits for the tick, or works in the engine."""
    end = time.time() + seconds
    while time.time() < end:
        for j in node.ask("job.ls")["jobs"]:
            if j["state"] == "running":
                return
        time.sleep(0.02)
    raise Failure("the job did not come to the engine")


class Question(threading.Thread):
    def __init__(self, node, text, **fields):
        super().__init__()
        self.node, self.text, self.fields = node, text, fields
        self.answer = self.error = None
        self.begin = time.time()
        self.start()

    def run(self):
        try:
            self.answer = self.node.query(self.text, **self.fields)
        except (NodeError, Failure) as e:
            self.error = e
        self.took = time.time() - self.begin


def end_of(h, question, victim, limit):
    question.join(limit + 30)
    check(not question.is_alive(), "the asking node hangs")
    check(question.error is not None, "the job succeeded")
    check(question.took < limit, f"the asking node waited {question.took:.1f} s")
    h.wait_over(2 * STEP_MS / 1000 + 3, [p for p in PARTIES if p != victim])
    for p in PARTIES:
        if p != victim:
            job = h.node[p].ask("job.ls")["jobs"][0]
            check(job["state"] == "failed" and job["error"] or p == "faa" or text_only_cosigns(p, question),
                  f"{p} shows {job['state']}, {job['error']!r}")
    return str(question.error)


def text_only_cosigns(p, question):
    return p not in TOUCHES[question.text]


def silent(h, victim, text):
    node = h.node[victim]
    q = Question(h.node["faa"], text)
    in_engine(node, 5)
    os.kill(node.pid, signal.SIGSTOP)
    try:
        return end_of(h, q, victim, 1.2 + 3 * STEP_MS / 1000 + 3)
    finally:
        os.kill(node.pid, signal.SIGCONT)


def gone(h, victim, text):
    node = h.node[victim]
    q = Question(h.node["faa"], text)
    in_engine(node, 5)
    node.kill()
    try:
        said = end_of(h, q, victim, 1.2 + 2 * STEP_MS / 1000 + 3)
        check(victim in said, f"the error does not name {victim}: {said}")
        return said
    finally:
        node.start()


def slow(h, victim, text):
    """Stopped for less than a step: the job succeeds."""
    node = h.node[victim]
    q = Question(h.node["faa"], text)
    in_engine(node, 5)
    os.kill(node.pid, signal.SIGSTOP)
    time.sleep(1.5)
    os.kill(node.pid, signal.SIGCONT)
    q.join(30)
    check(q.answer is not None, f"a pause of 1.5 s ended the job: {q.error}")


def silent_from_the_start(h, victim):
    node = h.node[victim]
    os.kill(node.pid, signal.SIGSTOP)
    try:
        q = Question(h.node["faa"], LOCAL)
        q.join(60)
        check(q.error is not None and q.took < 4 * STEP_MS / 1000 + 3,
              f"{q.error} after {q.took:.1f} s")
        check(victim in str(q.error), f"the error does not name {victim}: {q.error}")
        return str(q.error)
    finally:
        os.kill(node.pid, signal.SIGCONT)


def connect_all(h):
    """Let every connection stand that jobs need, so that counts compare."""
    h.node["faa"].query(UNION)
    h.node["faa"].query(JOIN)


def client_goes_away(h):
    """Whoever asked hangs up: the job ends, or ends as answered; nothing stays."""
    connect_all(h)
    before = count(h, PARTIES)
    for _ in range(5):
        events = h.node["faa"].events("query", text=UNION, fresh=True, epsilon_nano=NANO // 10)
        next(events)
        events.close()
    h.wait_over(2 * STEP_MS / 1000 + 4)
    settled(h, PARTIES, before)


def cancelled(h):
    connect_all(h)
    before = count(h, PARTIES)
    for where in ("faa", "jfk"):
        q = Question(h.node["faa"], UNION)
        in_engine(h.node["jfk"], 5)
        job = [j for j in h.node["jfk"].ask("job.ls")["jobs"] if j["state"] == "running"][0]
        h.node[where].ask("job.cancel", job=job["job"])
        q.join(30)
        check(q.error is not None, f"a job cancelled at {where} succeeded")
        check(q.took < 4, f"cancelling at {where} took {q.took:.1f} s")
        h.wait_over(2 * STEP_MS / 1000 + 3)
    settled(h, PARTIES, before)


def many(h, times):
    """No descriptor and no thread stays behind."""
    others = ["ewr", "lga", "faa"]
    connect_all(h)
    before = count(h, others)
    for i in range(times):
        (gone, silent)[i % 4 == 3](h, "jfk", (UNION, JOIN)[i % 2])
    h.node["faa"].query(UNION)
    settled(h, others, before)


def main():
    times = 20 if SOAK else 4
    tap = Tap(9)
    with House(step_ms=STEP_MS) as h:
        h.node["faa"].query(UNION)
        tap.case("a_peer_gone_in_the_engine_ends_the_union", gone, h, "jfk", UNION)
        tap.case("a_peer_silent_in_the_engine_ends_the_union", silent, h, "lga", UNION)
        tap.case("a_peer_gone_in_the_engine_ends_the_join", gone, h, "jfk", JOIN)
        tap.case("a_peer_silent_in_the_engine_ends_the_join", silent, h, "jfk", JOIN)
        tap.case("a_peer_slower_than_the_others_does_no_harm", slow, h, "ewr", UNION)
        tap.case("a_peer_silent_from_the_start_is_named", silent_from_the_start, h, "lga")
        tap.case("a_client_that_hangs_up_leaves_nothing_behind", client_goes_away, h)
        tap.case("a_cancelled_job_ends_everywhere", cancelled, h)
        tap.case(f"{times}_broken_jobs_leak_nothing", many, h, times)
        h.check_roots()
    tap.end()


main()
