#!/bin/sh
# Put DuckDB's TPC-H generator, pinned by hash, into third_party/tpch: the Python
# packages `duckdb` and `duckdb-extension-tpch` of PyPI (27 MB).  Only tests/tpch
# uses them; without them it SKIPs.  Safe to run again.
set -eu
. "$(dirname "$0")/pypi.sh"

begin third_party/tpch duckdb_extension_tpch tests/tpch
pinned install --target "$work/lib" <<'PINS'
duckdb==1.5.5 --hash=sha256:b9b6f86ed85d4ef5e0211eaebf75d057bd8bb520bba438a95dd0f4e42234bbfe
duckdb-extension-tpch==1.5.5 --hash=sha256:e734f284fd94971f1241718281111add95457b3c35ec3f19ce39770e654a21e7
PINS
place "$work/lib"
