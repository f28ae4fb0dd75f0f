#!/bin/sh
# Put DuckDB's TPC-H generator, pinned by hash, into third_party/tpch: the Python
# packages `duckdb` and `duckdb-extension-tpch` of PyPI (27 MB).  Only tests/tpch
# uses them; without them it SKIPs.  Safe to run again.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
dir=$root/third_party/tpch
[ ! -d "$dir/duckdb_extension_tpch" ] || {
    echo "fetch_tpch: third_party/tpch is there"
    exit 0
}
python3 -m pip --version >/dev/null 2>&1 || {
    echo "fetch_tpch: no pip (apt install python3-pip): tests/tpch will SKIP"
    exit 0
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
cat >"$work/requirements.txt" <<'PINS'
duckdb==1.5.5 --hash=sha256:b9b6f86ed85d4ef5e0211eaebf75d057bd8bb520bba438a95dd0f4e42234bbfe
duckdb-extension-tpch==1.5.5 --hash=sha256:e734f284fd94971f1241718281111add95457b3c35ec3f19ce39770e654a21e7
PINS
if python3 -m pip install -q --disable-pip-version-check --no-deps --only-binary :all: \
    --require-hashes -r "$work/requirements.txt" --target "$work/lib" 2>"$work/log"; then
    mkdir -p "$root/third_party"
    rm -rf "$dir"
    mv "$work/lib" "$dir"
    echo "fetch_tpch: third_party/tpch is in place (DuckDB's generator, 1.5.5)"
else
    tail -2 "$work/log" >&2
    echo "fetch_tpch: not fetched (the pins are for CPython 3.11 on x86_64):" \
        "tests/tpch will SKIP"
fi
