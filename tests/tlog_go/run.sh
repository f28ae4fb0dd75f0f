#!/bin/sh
# run.sh MAKE_LOG SOURCE [GO] - TAP: logs of ours, checked by golang.org/x/mod.
set -u
make_log=$1 source=$2 go=${3:-}
modules=/usr/share/gocode # Debian: golang-golang-x-mod-dev

if [ -z "$go" ] || [ ! -d "$modules/src/golang.org/x/mod/sumdb/tlog" ]; then
    echo "1..0 # SKIP Go or golang-golang-x-mod-dev is not installed"
    exit 0
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
echo 1..6
if ! GO111MODULE=off GOFLAGS='' GOPATH=$modules GOCACHE=${GOCACHE:-$work/cache} \
    "$go" build -o "$work/verify" "$source/verify.go" 2>"$work/err"; then
    sed 's/^/# /' "$work/err"
    echo "Bail out! the Go verifier does not build"
    exit 1
fi
n=0 failed=0
for size in 1 255 256 700 66000; do
    n=$((n + 1))
    vkey=$("$make_log" "$work/$size" "$size") &&
        said=$("$work/verify" "$work/$size" "$vkey" 2>&1)
    if [ $? -eq 0 ]; then
        echo "ok $n - a_log_of_${size}_entries_is_verified_by_go"
    else
        echo "not ok $n - a_log_of_${size}_entries_is_verified_by_go"
        failed=1
    fi
    echo "# $said"
done
# The verifier must be able to say no.
vkey=$("$make_log" "$work/bent" 300)
printf x | dd of="$work/bent/tile/entries/000" bs=1 seek=900 conv=notrunc \
    2>/dev/null
if "$work/verify" "$work/bent" "$vkey" >/dev/null 2>&1; then
    echo "not ok 6 - and_it_refuses_a_log_with_a_changed_entry"
    failed=1
else
    echo "ok 6 - and_it_refuses_a_log_with_a_changed_entry"
fi
exit $failed
