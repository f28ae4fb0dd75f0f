#!/bin/sh
# test.sh FOLDER [meson options]: install what is missing, build in FOLDER, run
# every test there, and close on one line that counts.  MALUS_TEST_ARGS goes to
# `meson test`, e.g. "--suite unit".
set -eu
cd "$(dirname "$0")/.."
folder=$1
shift

stop() {
    printf '%s\n' "$1" >&2
    echo "0 passed, 1 failed"
    exit 1
}

tools/setup.sh || stop "test: set-up failed; see above"
if [ -e "$folder/build.ninja" ]; then
    meson setup --reconfigure "$folder" "$@" >"$folder/configure.log" 2>&1 ||
        { tail -n 30 "$folder/configure.log"; stop "test: cannot configure"; }
else
    case ${CC:-gcc}$* in *clang*sanitize*) set -- -Db_lundef=false "$@" ;; esac
    meson setup "$folder" "$@" || stop "test: cannot configure"
fi
ninja -C "$folder" || stop "test: the build failed"
# Which tests failed is counted below, sub-test by sub-test.  Each has three times
# its time: a machine that does something else too is slow, not wrong.
meson test -C "$folder" --no-rebuild --timeout-multiplier 3 ${MALUS_TEST_ARGS:-} || true
exec tools/count_tests.py "$folder/meson-logs/testlog.json"
