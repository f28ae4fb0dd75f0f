#!/usr/bin/env python3
"""The command line by itself: verbs, options, exit codes, pages.  TAP.

MALUS names the binary, MALUS_ROOT the checkout.
"""
import json
import os
import pty
import shutil
import subprocess
import sys
import tempfile
import traceback

MALUS, ROOT = os.environ["MALUS"], os.environ["MALUS_ROOT"]
TMP = tempfile.mkdtemp(prefix="malus-cli-")


def malus(*words, code=0, **more):
    run = subprocess.run([MALUS, *words], capture_output=True, text=True, cwd=TMP, timeout=120,
                         env={**os.environ, "MALUS_STATE": os.path.join(TMP, "none")}, **more)
    assert run.returncode == code, (words, run.returncode, run.stdout, run.stderr)
    return run


def verbs():
    lines = malus("help").stdout.split("[--help]\n", 1)[1].splitlines()
    names = []
    for line in lines[1:]:
        if not line.strip():
            break
        words = line.split("  ")[1].split()
        if words:
            names.append(" ".join(w for w in words if w == w.lower() and w[0].isalpha()))
    return [n for n in names if n]


def every_verb_has_a_page():
    assert len(verbs()) > 25, verbs()
    for verb in verbs():
        page = malus(*verb.split(), "--help").stdout
        assert page.startswith(f"usage: malus {verb}"), page
        assert page == malus("help", *verb.split()).stdout
        assert "--json" in page and max(map(len, page.splitlines())) <= 100, page


def usage_errors_are_exit_code_1():
    for words in ([], ["frobnicate"], ["room"], ["room", "frob"], ["verify"],
                  ["verify", "a", "b"], ["query", "r"], ["status", "--frob"],
                  ["status", "--state"], ["help", "--man", "--help"], ["status", "--json=1"], ["log", "--last", "1", "--last", "2"]):
        malus(*words, code=1)
    error = json.loads(malus("verify", "--json", code=1).stdout)["error"]
    assert error["exit"] == 1 and "usage" in error["message"], error


def classes_of_failure_have_their_exit_codes():
    malus("status", code=10)                                    # no node
    assert "malus node --state" in malus("status", code=10).stderr
    malus("room", "check", "nowhere", code=6)
    open(os.path.join(TMP, "bad.room"), "w").write('room "x" version 1\nparty')
    assert "2:" in malus("room", "check", "bad.room", code=7).stderr
    malus("verify", "bad.room", code=7)
    malus("peer", "set", "x", "nohost", code=7)
    malus("log", "--last", "x", code=7)
    malus("bench", "frob", code=7)
    malus("node", "--state", os.path.join(TMP, "absent"), code=6)
    codes = malus("help", "exit-codes").stdout
    assert all(f"  {n:2}  " in codes for n in range(12)), codes


def a_party_is_made_once_and_shown():
    state = os.path.join(TMP, "acme")
    malus("party", "init", "acme", "--state", state)
    malus("party", "init", "acme", "--state", state, code=10)
    line = malus("party", "show", "--state", state).stdout
    assert line.startswith("party acme owner ed25519:") and len(line) == 70, line
    assert json.loads(malus("party", "show", "--state=" + state, "--json").stdout)["line"] == line.strip()
    malus("party", "init", "Not A Name", "--state", state + "2", code=7)


def every_example_compiles():
    for name in sorted(os.listdir(os.path.join(ROOT, "examples"))):
        if name.endswith(".room"):
            out = malus("room", "check", os.path.join(ROOT, "examples", name)).stdout
            assert "contract sha256:" in out, out


def a_contract_is_signed_in_any_order_and_a_stranger_cannot():
    text = open(os.path.join(ROOT, "examples/airports.room")).read()
    for party in ("ewr", "jfk", "lga", "faa"):
        state = os.path.join(TMP, party)
        malus("party", "init", party, "--state", state)
        key = json.loads(malus("party", "show", "--state", state, "--json").stdout)["identity"]
        at = text.index("ed25519:", text.index(f"\nparty {party} "))
        text = text[:at + 8] + key + text[at + 52:]
    room = os.path.join(TMP, "a.room")
    open(room, "w").write(text)
    malus("room", "sign", room, "--state", os.path.join(TMP, "acme"), code=2)
    for party in ("lga", "ewr"):
        malus("room", "sign", room, "--state", os.path.join(TMP, party))
    malus("room", "sign", room + ".signed", "--state", os.path.join(TMP, "faa"))
    malus("room", "sign", room, "--state", os.path.join(TMP, "jfk"), "--out", room + ".jfk")
    part = json.loads(malus("room", "verify", room + ".signed", "--json").stdout)
    assert part["signed"] == ["ewr", "faa", "lga"] and part["missing"] == ["jfk"], part
    malus("room", "sign", room, "--state", os.path.join(TMP, "jfk"))
    whole = json.loads(malus("room", "verify", room + ".signed", "--json").stdout)
    assert whole["complete"] and whole["contract"] == part["contract"], whole
    learn = malus("room", "check", room, "--learn", "faa").stdout
    assert "could learn at most" in learn
    malus("room", "check", room, "--learn", "nobody", code=6)


def a_bench_prints_an_object_a_line():
    for engine in ("sum", "log"):
        lines = malus("bench", engine, "--rows", "64", "--json").stdout.splitlines()
        assert lines
        for line in map(json.loads, lines):
            for key in ("engine", "name", "rows", "threads", "seconds", "cpu_seconds", "bytes",
                        "ns_per_row"):
                assert key in line, (key, line)


NAMES = {"psi": ("semi-honest", "malicious", "circuit"),
         "share3": ("mul64", "eq64", "lt64", "shuffle64", "sort64", "join", "group-by")}


def benches_have_the_names_and_securities_that_are_asked_for():
    for engine, names in NAMES.items():
        for name in names:
            for security in ("semi-honest", "malicious") if engine == "share3" else (None,):
                words = ["bench", engine, "--only", name, "--rows", "2^6,100", "--json"]
                words += ["--security", security] if security else []
                lines = [json.loads(x) for x in malus(*words).stdout.splitlines()]
                assert [x["rows"] for x in lines] == [64, 100], lines
                for line in lines:
                    assert line["name"] == name and line.get("security") == security, line
                    assert line["bytes"] > 0 and line["cpu_seconds"] > 0 < line["ns_per_row"]
                    if security == "semi-honest" and line["bytes_foretold"] and name[-2:] == "64":
                        assert line["bytes"] == line["bytes_foretold"], line
    malus("bench", "share3", "--only", "mul65", code=7)
    malus("bench", "psi", "--only", "mul64", code=7)
    malus("bench", "attest", code=7)                        # whose evidence?
    for rows in ("0", "2^33", "1,,2", "x", "4294967297"):
        malus("bench", "share3", "--rows", rows, code=7)


def only_terminals_see_colours():
    def on_terminal(**env):
        main, side = pty.openpty()
        subprocess.run([MALUS, "room", "check", "nowhere"], stderr=side, cwd=TMP,
                       env={**os.environ, "TERM": "xterm", **env})
        os.close(side)
        return os.read(main, 10000)
    assert b"\033[" in on_terminal(NO_COLOR="")
    assert b"\033[" not in on_terminal(NO_COLOR="1")
    assert b"\033[" not in on_terminal(NO_COLOR="", TERM="dumb")
    assert "\033" not in malus("room", "check", "nowhere", code=6).stderr


def manual_pages_are_what_the_tables_say():
    fresh = os.path.join(TMP, "man")
    malus("help", "--man", fresh)
    there = os.path.join(ROOT, "docs/man")
    assert sorted(os.listdir(fresh)) == sorted(os.listdir(there)), "run: malus help --man docs/man"
    for name in os.listdir(fresh):
        same = open(os.path.join(fresh, name)).read() == open(os.path.join(there, name)).read()
        assert same, f"{name} is stale: malus help --man docs/man"
    assert malus("help", "--completion").stdout == open(
        os.path.join(ROOT, "tools/completion.bash")).read(), \
        "stale: malus help --completion > tools/completion.bash"
    subprocess.run(["bash", "-n", os.path.join(ROOT, "tools/completion.bash")], check=True)


def vectors():
    return os.path.join(os.environ.get("MALUS_VECTORS", os.path.join(ROOT, "../shared/vectors")),
                        "attestation")


def evidence_is_judged_and_a_list_is_checked():
    if not os.path.exists(os.path.join(vectors(), "verdicts.json")):
        print("# SKIP published vectors are absent: set MALUS_VECTORS")
        return
    at = lambda name: os.path.join(vectors(), name)
    lines = malus("bench", "attest", "--cases", at("verdicts.json"), "--rows", "1", "--json").stdout.splitlines()
    names = {json.loads(line)["name"] for line in lines}
    assert names >= {"sgx-v3", "tdx-v4", "tdx-v5", "snp", "nitro", "cca", "psa", "tpm2"}, names
    malus("bench", "attest", "--cases", at("verdicts.json"), "--only", "sgx-v4", code=7)
    result = json.loads(malus("attest", "check", at("verdicts.json"), "--json").stdout)
    assert result["n"] == result["exact"] == len(result["cases"]) > 100, result
    words = ["attest", "verify", "--evidence", at("snp/coco-vcek-report.bin"),
             "--endorsement", at("snp/coco-vcek.der"), "--endorsement", at("snp/gosev-milan-ask-ark.pem"),
             "--anchor", "amd-ark-milan:69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd"]
    verdict = json.loads(malus(*words, "--time", "2025-06-01T00:00:00Z", "--json").stdout)
    assert (verdict["verdict"], verdict["code"], verdict["kind"]) == ("accept", "ok", "snp"), verdict
    assert verdict["claims"]["product"] == "Milan", verdict
    assert malus(*words, "--time", "2035-06-01T00:00:00Z", code=4).stdout.startswith("reject expired")
    assert "reject nonce" in malus(*words, "--time", "2025-06-01T00:00:00Z", "--nonce", "00ff", code=4).stdout
    malus(*words, "--time", "2025-06-01", code=7)           # a time is to the second
    malus(*words, code=7)                                   # and never the clock's
    malus(*words, "--time", "2025-06-01T00:00:00Z", "--time", "2025-06-02T00:00:00Z", code=1)
    first = [w if w != at("snp/gosev-milan-ask-ark.pem") else w + "#0" for w in words]
    assert "reject bad-chain" in malus(*first, "--time", "2025-06-01T00:00:00Z", code=4).stdout
    missing = [w if w != at("snp/gosev-milan-ask-ark.pem") else w + "#2" for w in words]
    malus(*missing, "--time", "2025-06-01T00:00:00Z", code=6)
    lied = json.load(open(at("verdicts.json")))
    lied["vectors"] = [{**v, "evidence": at(v["evidence"]), "endorsements": [at(e) for e in v["endorsements"]]}
                       for v in lied["vectors"] if v["id"] in ("tpm-local", "snp-gosev")]
    lied["vectors"][0]["code"] = "ok"
    json.dump(lied, open(os.path.join(TMP, "lied.json"), "w"))
    result = json.loads(malus("attest", "check", os.path.join(TMP, "lied.json"), "--json", code=4).stdout)
    assert (result["n"], result["exact"], result["cases"][0]["differs"]) == (2, 1, "code"), result


CASES = [every_verb_has_a_page, usage_errors_are_exit_code_1,
         classes_of_failure_have_their_exit_codes, a_party_is_made_once_and_shown,
         every_example_compiles, a_contract_is_signed_in_any_order_and_a_stranger_cannot, a_bench_prints_an_object_a_line,
         benches_have_the_names_and_securities_that_are_asked_for,
         evidence_is_judged_and_a_list_is_checked,
         only_terminals_see_colours, manual_pages_are_what_the_tables_say]


def main():
    failed = 0
    print(f"1..{len(CASES)}", flush=True)
    for i, case in enumerate(CASES, 1):
        try:
            case()
            print(f"ok {i} - {case.__name__}", flush=True)
        except Exception:
            failed += 1
            print("".join("# " + l + "\n" for l in traceback.format_exc().splitlines()))
            print(f"not ok {i} - {case.__name__}", flush=True)
    shutil.rmtree(TMP)
    sys.exit(failed != 0)


main()
