#!/bin/sh
# Prove that a newcomer's commands work on an empty machine: make a fresh Debian 12
# with debootstrap in a temporary folder, clone the repository into it, and run
# `make test` and `make demo` there as root.
#
#     tools/debootstrap.sh [make targets, default: test demo]
#
# Needs root and debootstrap.  What is committed is what is tested.  Mounts and
# processes live in namespaces of their own and are gone when this ends.  From the host
# come only its clients' settings: apt sources, pip and npm files, certificates, proxies.
#     KEEP=1            leave the folder          MALUS_MIRROR=URL   another mirror
#     MALUS_VECTORS=D   published test vectors, copied to the same place
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)

say() { printf 'debootstrap: %s\n' "$*"; }
die() { printf 'debootstrap: %s\n' "$*" >&2; exit 1; }

if [ -z "${MALUS_INSIDE:-}" ]; then
    [ "$(id -u)" = 0 ] || die "root is needed: sudo $0"
    command -v debootstrap >/dev/null || die "apt-get install debootstrap"
    fresh=$(mktemp -d "${TMPDIR:-/tmp}/malus-debian-XXXXXX")
    chmod 755 "$fresh" # the root folder of a machine is open to its users, as postgres
    trap '[ -n "${KEEP:-}" ] && say "left in $fresh" || rm -rf --one-file-system "$fresh"' EXIT
    trap 'exit 130' INT TERM
    [ $# -gt 0 ] || set -- test demo
    MALUS_INSIDE=$fresh unshare --mount --pid --fork --propagation private \
        --kill-child "$0" "$@"
    exit 0
fi
fresh=$MALUS_INSIDE

mirror=${MALUS_MIRROR:-$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources \
    /etc/apt/sources.list.d/*.list 2>/dev/null |
    grep -E '^(URIs:|deb )' | grep -oE 'https?://[^ ]+' | grep -v security | head -n 1)}
say "a fresh Debian 12 in $fresh"
debootstrap --variant=minbase bookworm "$fresh" "${mirror:-http://deb.debian.org/debian}" \
    >"$fresh.log" 2>&1 || { tail -n 20 "$fresh.log"; die "debootstrap failed"; }
rm -f "$fresh.log"

copy() { # the settings of the host's clients, where there are any
    for path in "$@"; do
        [ -e "$path" ] || continue
        mkdir -p "$fresh$(dirname "$path")"
        cp -aL "$path" "$fresh$(dirname "$path")/"
    done
}
rm -f "$fresh/etc/apt/sources.list"
copy /etc/apt/sources.list /etc/apt/sources.list.d /etc/resolv.conf /etc/hosts \
    /usr/share/keyrings /etc/pip.conf /etc/npmrc "$HOME/.npmrc" "$HOME/.config/pip" \
    /usr/local/share/ca-certificates /etc/ssl/certs
for path in $(grep -lE '^[^/]*Acquire::' /etc/apt/apt.conf.d/* 2>/dev/null |
    grep -v docker); do
    copy "$path"
done
[ -z "${MALUS_VECTORS:-}" ] || copy "$MALUS_VECTORS"

mount -t proc proc "$fresh/proc"
mount -t sysfs -o ro sysfs "$fresh/sys"
mount --rbind /dev "$fresh/dev"
# A service that a package starts would outlive its installation.
printf '#!/bin/sh\nexit 101\n' >"$fresh/usr/sbin/policy-rc.d"
chmod 755 "$fresh/usr/sbin/policy-rc.d"

git clone -q "$root" "$fresh/root/malus"
settings=$(env | grep -iE '^((https?|ftp|no|all)_proxy|npm_config_[a-z_]*|PIP_[A-Z_]*|SSL_CERT_(FILE|DIR)|NODE_EXTRA_CA_CERTS|MALUS_(VECTORS|MIRROR)|CI)=' || true)
inside() {
    printf '%s\n' "$settings" | (
        set -- "$@"
        while IFS= read -r line; do [ -z "$line" ] || set -- "$line" "$@"; done
        exec chroot "$fresh" env -i HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@" </dev/null
    )
}
say "what a newcomer types: apt-get install make git"
inside sh -c 'apt-get update -q && apt-get install -y -q --no-install-recommends make git' \
    >"$fresh/root/make.log" 2>&1 || { tail -n 20 "$fresh/root/make.log"; die "no make"; }
for target in "$@"; do
    say "make $target"
    start=$(date +%s)
    inside make -C /root/malus "$target" || die "make $target failed"
    say "make $target passed in $(($(date +%s) - start)) s"
done
