#!/bin/sh
# Put libduckdb.so, pinned by hash, into third_party/duckdb.
#
# It is the library that DuckDB's project publishes for Node, taken from the npm
# package below with `npm pack`; nothing else of that package is used.  An
# installed DuckDB is used instead where there is one (MALUS_DUCKDB=fetch to
# insist on the pinned one).  Safe to run again: a file that is there and has the
# right hash is left alone.
#
# A tarball that you already have: MALUS_DUCKDB_TARBALL=/path/to.tgz
set -eu

package='@duckdb/node-bindings-linux-x64@1.5.6-r.1'
tarball_sha256=1b9f82478539bb9a1d1df44bd103121a12ae52142c07158dc52b97d2ec1d69ff
library_sha256=3f4962cdd266eab2b479a5b5a4a6d063d279b2954ae814ed00385d553b747633

root=$(cd "$(dirname "$0")/.." && pwd)
dir=$root/third_party/duckdb
lib=$dir/libduckdb.so

say() { printf '%s\n' "fetch_duckdb: $*"; }
die() { printf '%s\n' "fetch_duckdb: $*" >&2; exit 1; }
has_hash() { # file sha256
    [ -f "$1" ] && printf '%s  %s\n' "$2" "$1" | sha256sum -c --status -
}

if has_hash "$lib" "$library_sha256"; then
    say "third_party/duckdb/libduckdb.so is there (DuckDB 1.5.6)"
    exit 0
fi
if [ "${MALUS_DUCKDB:-}" != fetch ] && { pkg-config --exists duckdb 2>/dev/null ||
        ldconfig -p 2>/dev/null | grep -q 'libduckdb\.so'; }; then
    say "an installed DuckDB was found and will be used"
    exit 0
fi
[ "$(uname -m)" = x86_64 ] || die "the pinned package is for x86_64;" \
    "install DuckDB 1.2 or newer and run again"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
tarball=${MALUS_DUCKDB_TARBALL:-}
if [ -z "$tarball" ]; then
    command -v npm >/dev/null 2>&1 || die "npm is needed to fetch $package:" \
        "apt install npm, or set MALUS_DUCKDB_TARBALL to a copy of it"
    say "fetching $package (24 MB) with npm pack"
    (cd "$work" && npm pack --silent "$package" >/dev/null) ||
        die "npm pack failed: is the registry reachable?"
    tarball=$(find "$work" -name '*.tgz')
fi
has_hash "$tarball" "$tarball_sha256" ||
    die "$tarball does not have the pinned sha256 $tarball_sha256: not used"
tar -xzf "$tarball" -C "$work" package/libduckdb.so package/LICENSE
has_hash "$work/package/libduckdb.so" "$library_sha256" ||
    die "libduckdb.so does not have the pinned sha256 $library_sha256: not used"

mkdir -p "$dir"
cp "$work/package/LICENSE" "$dir/LICENSE"
cp "$work/package/libduckdb.so" "$dir/.libduckdb.so.new"
chmod 755 "$dir/.libduckdb.so.new"
mv -f "$dir/.libduckdb.so.new" "$lib"
say "third_party/duckdb/libduckdb.so is in place (DuckDB 1.5.6, 70 MB)"
