"""SIGKILL of a node at every write, sync, rename, truncation and removal of a job.

    kill_job.py [ROLE,..]     computes, joins, cosigns, asks; all of them

A killpoint below the node counts from the moment that it is armed, right before
the question; the node dies before its n-th point takes effect.  Then: the job
ended with an error at the asking node and at every owner; the node starts from
its state; no ledger shows less spent than answers were released; no log size has
two roots; the question asked again is a new, charged attempt that succeeds.
Every 16th point, or with FAULTS_SOAK every one."""

from house import *

ROLES = {"computes": ("ewr", UNION), "joins": ("jfk", JOIN),
         "cosigns": ("lga", LOCAL), "asks": ("faa", UNION)}
EPSILON = NANO // 10


class Sweep:
    def __init__(self, house, role):
        self.h, (self.victim, self.text) = house, ROLES[role]
        self.released = []  # jobs whose answer we saw

    def count(self):
        """How many points a job has at that node."""
        node = self.h.node[self.victim]
        node.stop()
        node.start(kill_at=0)
        self.released.append(self.h.node["faa"].query(self.text)["job"])
        node.arm()
        self.released.append(self.h.node["faa"].query(self.text)["job"])
        node.disarm()
        node.stop()
        with open(node.points) as f:
            return int(f.read())

    def settle(self):
        """Peers notice a restart when they speak next; the first words may be lost."""
        for p in PARTIES:
            if p != self.victim:
                self.h.node[p].ask("status")

    def ask_again(self):
        before = {p: self.h.node[p].budget()["spent_nano"] for p in TOUCHES[self.text]}
        answer = self.h.node["faa"].query(self.text)
        check(answer["job"] not in self.released and not answer["stored"],
              "the attempt is not a new job")
        self.released.append(answer["job"])
        for p in before:
            now = self.h.node[p].budget()["spent_nano"]
            check(now == before[p] + EPSILON, f"the new attempt cost {now - before[p]} at {p}")

    def check_ledgers(self):
        for p in TOUCHES[self.text]:
            jobs = self.h.node[p].spent_jobs()
            for job in self.released:
                check(job in jobs and jobs[job]["state"] == "spent",
                      f"{p} does not know that it spent for {job[:12]}: "
                      f"{jobs[job]['state'] if job in jobs else 'missing'}")
            b = self.h.node[p].budget()
            charged = sum(j["state"].endswith("spent)") or j["state"] == "spent"
                          for j in jobs.values())
            check(b["spent_nano"] == charged * EPSILON, f"{p}: spent {b['spent_nano']}, "
                  f"but {charged} jobs are charged")
            check(b["spent_nano"] + b["held_nano"] <= b["epsilon_nano"], f"{p} is overspent")

    def at(self, n):
        """Kill at point n.  False: the job has fewer points than that."""
        node, faa, limit = self.h.node[self.victim], self.h.node["faa"], self.h.step_ms / 1000
        node.start(kill_at=n)
        self.settle()
        node.arm()
        start = time.time()
        try:
            self.released.append(faa.query(self.text, timeout=60)["job"])
            why = None
        except NodeError as e:
            why = e
        took = time.time() - start
        if node.running():  # a point after the answer, or too few points
            try:
                node.wait_dead(0.5)
            except subprocess.TimeoutExpired:
                check(why is None, f"the job failed though nobody was killed: {why}")
                node.stop()
                return False
        else:
            node.wait_dead()
        check(node.code == 137, f"killpoint ended with {node.code}")
        check(took < 2 * limit + 5, f"the asking node needed {took:.1f} s to see it")
        node.start()
        self.h.wait_over(2 * limit + 4)
        failed = [j for j in faa.ask("job.ls")["jobs"] if j["state"] == "failed"]
        check(why is None or all(j["error"] for j in failed), "a failed job without a reason")
        self.check_ledgers()
        self.ask_again()
        self.check_ledgers()
        self.h.check_roots()
        node.stop()
        return True


def sweep_share(tap, role, step, share, shares):
    with House() as h:
        sweep = Sweep(h, role)
        points = sweep.count()

        def one(n):
            check(sweep.at(n) or n > points * 9 // 10, f"fewer than {n} points this time")

        for n in range(1 + share * step, points + 1, step * shares):
            tap.case(f"killed_at_point_{n}_of_{points}_of_a_job_at_who_{role}", one, n)
            h.node[sweep.victim].kill()
        h.check_roots()


def main():
    roles = sys.argv[1].split(",") if len(sys.argv) > 1 else ROLES
    step, shares = (1, 2) if SOAK else (16, 1)
    tap = Tap(0)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(sweep_share, tap, role, step, share, shares)
                     for role in roles for share in range(shares)]:
            done.result()
    print(f"1..{tap.n}")
    tap.end()


main()
