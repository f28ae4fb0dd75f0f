# pypi.sh - what fetch_*.sh do to put pinned packages of PyPI into third_party;
# sourced by them.  Whatever is missing, their tests SKIP and the build goes on.

root=$(cd "$(dirname "$0")/.." && pwd)

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*"; }

# begin DIR FILE TEST: DIR is to hold FILE, and TEST needs it.  Sets $work.
begin() {
    dir=$1 test=$3
    [ ! -e "$root/$dir/$2" ] || {
        say "$dir is there"
        exit 0
    }
    python3 -m pip --version >/dev/null 2>&1 || {
        say "no pip (apt install python3-pip): $test will SKIP"
        exit 0
    }
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT INT TERM
}

# pinned COMMAND OPTION..: pip's, of the pins on standard input.
pinned() {
    cat >"$work/requirements.txt"
    command=$1
    shift
    python3 -m pip "$command" -q --disable-pip-version-check --no-deps \
        --only-binary :all: --require-hashes -r "$work/requirements.txt" "$@" \
        2>"$work/log" || {
        tail -2 "$work/log" >&2
        say "not fetched (the pins are for CPython 3.11 on x86_64): $test will SKIP"
        exit 0
    }
}

# place FOLDER: it becomes DIR.
place() {
    mkdir -p "$root/third_party"
    rm -rf "${root:?}/$dir"
    mv "$1" "$root/$dir"
    say "$dir is in place"
}
