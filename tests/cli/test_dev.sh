#!/bin/sh
# `malus dev up` as a newcomer types it: up, ask what HOWTO says, down, up again.  TAP.
set -u
dir=$(mktemp -d "${TMPDIR:-/tmp}/malus-dev-XXXXXX")
n=0 failed=0
trap '"$MALUS" dev down --dir "$dir/d" >/dev/null 2>&1; rm -rf "$dir"; exit $failed' EXIT
cd "$dir" || exit 1
check() { # sentence, then a command
    n=$((n + 1)) sentence=$1
    shift
    if "$@" >"$dir/out" 2>&1; then echo "ok $n - $sentence"; else
        failed=1
        sed 's/^/# /' "$dir/out"
        echo "not ok $n - $sentence"
    fi
}
says() { # pattern, then a command whose output has it
    pattern=$1
    shift
    "$@" >"$dir/said" 2>&1
    cat "$dir/said"
    grep -q -- "$pattern" "$dir/said"
}
ask() { "$MALUS" query dev "$@" --state d/agency; }

echo 1..9
check "dev up makes a room and says how to play" says "malus query dev" "$MALUS" dev up --dir d
check "three nodes are running" says "agency *analyst *port" "$MALUS" dev ls --dir d
check "a union is answered with error bars" says "engine sum" ask \
    "SELECT region, count(*), sum(spend) FROM (SELECT region, spend FROM acme.customers
     UNION ALL SELECT region, basket FROM retail.visits) t GROUP BY region"
check "a join is answered with error bars" says "engine psi" ask \
    "SELECT store, count(*), sum(basket) FROM retail.visits v JOIN acme.customers c
     ON v.email = c.email WHERE c.region = 'north' GROUP BY store"
check "a question about a person is refused" says "refused" ask "SELECT email FROM acme.customers"
check "receipts lie here and verify" sh -c 'for r in *.receipt; do "$MALUS" verify "$r" || exit 1; done'
check "dev down ends the nodes" says "acme *stopped" "$MALUS" dev down --dir d
check "dev up starts them again, with what was spent" sh -c \
    '"$MALUS" dev up --dir d && "$MALUS" budget --state d/acme | grep -q "0 *3 *17"'
check "dev down --rm leaves nothing" sh -c '"$MALUS" dev down --dir d --rm && ! [ -e d ]'
