"""A node that lies in its acceptance (MALUS_TEST_LIE, test builds, rooms marked
test): every honest party ends the job before anything that depends on data is
computed, the error names the liar and what differs, and nobody has paid."""

import re

from house import *

SAYS = {"contract": "another contract", "plan": "another plan", "physical": "splits the plan",
        "pseudonym": "another pseudonym key", "noise": "other noise", "log": "an old copy"}


def intents(node):
    return sum(e["kind"] == "intent" for e in node.ask("log", last=1000)["entries"])


def lie(h, liar, what):
    node, faa = h.node[liar], h.node["faa"]
    node.stop()
    node.start(env={"MALUS_TEST_LIE": what})
    if what == "log":  # only what was cosigned a while ago is held against it
        time.sleep(2 * h.step_ms / 1000 + 2)
    before = {p: (h.node[p].budget()["spent_nano"], intents(h.node[p])) for p in PARTIES}
    try:
        faa.query(UNION)
        raise Failure("the lie was believed")
    except NodeError as e:
        said = e.message
    check(re.match(rf"\w+, \w+(, \w+)?: .*\b{liar}\b.*{SAYS[what]}", said),
          f"the honest parties do not name the liar first: {said}")
    h.wait_over(2 * h.step_ms / 1000 + 4)
    for p in PARTIES:
        job = h.node[p].ask("job.ls")["jobs"][0]
        check(job["state"] == "failed", f"{p} shows the job as {job['state']}")
        if p != liar and what != "log":
            check(SAYS[what] in job["error"], f"{p} says only: {job['error']}")
        b = h.node[p].budget()
        check((b["spent_nano"], intents(h.node[p])) == before[p], f"{p} spent for a lie")
        check(b["held_nano"] == 0, f"{p} still holds {b['held_nano']}")
    node.stop()
    node.start()
    faa.query(UNION)
    h.check_roots()
    return said


def main():
    cases = [(liar, what) for what in SAYS for liar in ("ewr", "lga")]
    if not SOAK:  # each lie once, the liars in turn
        cases = [c for i, c in enumerate(cases) if i % 4 in (0, 3)]
    tap = Tap(len(cases))
    with House(step_ms=1500) as h:
        h.node["faa"].query(UNION)
        for liar, what in cases:
            tap.case(f"a_lie_of_{liar}_about_its_{what}_ends_the_job_unpaid", lie, h, liar, what)
            h.node[liar].stop()  # and be honest again, also after a failure
            h.node[liar].start()
    tap.end()


main()
