#!/bin/sh
# fuzz.sh FOLDER: build every fuzz target with clang, ASan and UBSan, and run each for
# FUZZ_SECONDS (600) from its seeds.  FUZZ_ONLY is a pattern of names.  What is found
# stays in FOLDER/found; a target that finds something ends the run as failed.
set -eu
cd "$(dirname "$0")/.."
folder=$1
seconds=${FUZZ_SECONDS:-600}

[ -e "$folder/build.ninja" ] || CC=clang meson setup "$folder" -Dfuzz=true \
    -Db_sanitize=address,undefined -Db_lundef=false --buildtype=debugoptimized
ninja -C "$folder"
failed=0
for program in $(find "$folder/src" -type f -name "fuzz_${FUZZ_ONLY:-*}" -perm -u+x | sort); do
    name=$(basename "$program")
    seeds=$(find src -type d -path "*/fuzz/corpus/$name")
    mkdir -p "$folder/corpus/$name" "$folder/found"
    printf 'fuzz: %s for %s s\n' "$name" "$seconds"
    if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$folder/found/$name-" \
        "$folder/corpus/$name" $seeds >"$folder/found/$name.log" 2>&1; then
        printf 'fuzz: %s is clean, %s\n' "$name" \
            "$(sed -n 's/^stat::number_of_executed_units: */runs: /p' "$folder/found/$name.log")"
    else
        failed=1
        tail -n 30 "$folder/found/$name.log"
        printf 'fuzz: %s FOUND something: see %s/found\n' "$name" "$folder"
    fi
done
exit $failed
