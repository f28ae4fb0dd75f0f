"""Budgets under pressure: ten questions at once against a budget for three, the
same question again, the last grain, a withdrawal while jobs run."""

from house import *

PRICE = NANO // 10


def ask_all(nodes_and_texts):
    results = [None] * len(nodes_and_texts)

    def one(i):
        node, text = nodes_and_texts[i]
        try:
            results[i] = node.query(text)
        except (NodeError, Failure) as e:
            results[i] = e

    threads = [threading.Thread(target=one, args=(i,)) for i in range(len(results))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def ten_at_once():
    with House(budget="0.3", step_ms=6000) as h:
        faa = h.node["faa"]
        variants = [UNION.replace("sum(distance) FROM (", f"sum(distance) + {i} FROM (") for i in range(10)]
        TOUCHES.update({v: TOUCHES[UNION] for v in variants})
        results = ask_all([(faa, v) for v in variants])
        answers = [r for r in results if isinstance(r, dict)]
        check(len(answers) <= 3, f"{len(answers)} answers for a budget of three")
        for r in results:
            check(isinstance(r, dict) or isinstance(r, NodeError), f"{r}")
        h.wait_over(2 * 6 + 4)
        for p in PARTIES[:3]:
            b = h.node[p].budget()
            check(b["spent_nano"] + b["held_nano"] <= 3 * PRICE, f"{p} is overspent: {b}")
            check(b["spent_nano"] >= len(answers) * PRICE, f"{p} released more than it spent")
            check(b["held_nano"] == 0, f"{p} still holds {b['held_nano']} for jobs that are over")
        while len(answers) < 3:  # what was only held is there again
            answers.append(faa.query(variants[0]))
        try:
            faa.query(variants[1])
            raise Failure("a fourth answer")
        except NodeError as e:
            check(e.code == "E_BUDGET", f"refused as {e}")
            said = e.message
        for p in PARTIES[:3]:
            check(h.node[p].budget()["spent_nano"] == 3 * PRICE, f"{p} is not spent to the last")
        h.check_roots()
        wrong = {str(r) for r in results if isinstance(r, NodeError) and r.code != "E_BUDGET"}
        return f"{len([r for r in results if isinstance(r, dict)])} of 10 at once; then: {said}; others: {wrong}"


def at_once_and_affordable():
    """Jobs side by side do not take each other for lies or old copies."""
    with House(budget="10", step_ms=8000) as h:
        faa = h.node["faa"]
        results = ask_all([(faa, t) for t in (UNION, LOCAL, JOIN, UNION, LOCAL, JOIN)])
        failed = [str(r) for r in results if not isinstance(r, dict)]
        check(not failed, f"of six affordable questions failed: {failed}")
        check(len({r["job"] for r in results}) == 6, "two questions were one job")
        h.check_roots()


def again_is_free():
    with House() as h:
        faa = h.node["faa"]
        first = faa.query(UNION, fresh=False)
        before = [h.node[p].budget()["spent_nano"] for p in PARTIES]
        for _ in range(3):
            again = faa.query(UNION, fresh=False)
            check(again["stored"] and again["answer"] == first["answer"], "another answer")
        check([h.node[p].budget()["spent_nano"] for p in PARTIES] == before, "it was charged")
        faa.stop()
        faa.start()
        check(faa.query(UNION, fresh=False)["stored"], "the answer did not survive a restart")
        h.add("jfk")
        check(not faa.query(UNION, fresh=False)["stored"], "an answer outlived its data")


def says_what_is_left():
    with House(budget="0.25") as h:
        faa = h.node["faa"]
        faa.query(LOCAL)
        faa.query(LOCAL)
        try:
            faa.query(LOCAL)
            raise Failure("more than there was")
        except NodeError as e:
            check(e.code == "E_BUDGET" and "0.05" in e.message, f"refused as {e}")
            said = e.message
        check(h.node["ewr"].budget()["held_nano"] == 0, "something stays held")
        faa.query(LOCAL, epsilon_nano=PRICE // 2)  # just what is left
        check(h.node["ewr"].budget()["left_nano"] == 0, "the last grain is not spent")
        return said


def withdraw_while_running(at):
    with House() as h:
        faa = h.node["faa"]
        box = []
        t = threading.Thread(target=lambda: box.append(ask_all([(faa, UNION)])[0]))
        t.start()
        time.sleep(0.7)  # in the engine's tick, which is a second
        h.node[at].ask("room.withdraw", reason="enough")
        t.join()
        check(isinstance(box[0], NodeError), "a job outlived the withdrawal")
        h.wait_over(2 * h.step_ms / 1000 + 4)
        spent = [h.node[p].budget()["spent_nano"] for p in PARTIES]
        for p in PARTIES:
            h.node[p].stop()
            h.node[p].start()
        for text in (UNION, LOCAL):
            try:
                faa.query(text)
                raise Failure("a question was answered after the withdrawal")
            except NodeError as e:
                check("withdrew" in e.message, f"refused as {e}")
        check([h.node[p].budget()["spent_nano"] for p in PARTIES] == spent, "it was charged")
        for p in PARTIES:
            kinds = [e["kind"] for e in h.node[p].ask("log", last=1000)["entries"]]
            check(kinds.count("withdrawal") == 1, f"{p} logged {kinds}")
        h.check_roots()
        return str(box[0])


def main():
    tap = Tap(6)
    tap.together([
        ("ten_questions_at_once_get_three_answers_of_a_budget_for_three", ten_at_once),
        ("questions_side_by_side_are_all_answered", at_once_and_affordable),
        ("the_same_question_again_is_free", again_is_free),
        ("a_refusal_says_what_is_left", says_what_is_left),
        ("a_withdrawal_of_an_owner_who_computes_ends_the_job", withdraw_while_running, "jfk"),
        ("a_withdrawal_of_who_asks_ends_the_job", withdraw_while_running, "faa"),
    ], 3)
    tap.end()


main()
