# make           build in build/ (release)
# make test      install what is missing, build in build-test/, run every test
# make demo      the five answers, from an empty machine
# make help      the rest
.POSIX:
.PHONY: all setup test differential soak demo debug asan clang fuzz flips bench growth tpch latency format check clean help

all: build/build.ninja
	ninja -C build src/main/malus src/duck/malus-duck
	@ln -sf src/main/malus build/malus
build/build.ninja:
	meson setup build --buildtype=release -Dtest_build=false

setup:        ## install the Debian packages and DuckDB, saying what and why
	tools/setup.sh
test:         ## everything; the last line counts
	tools/test.sh build-test
demo:         ## three airports and a registry; under a minute after set-up
	tools/demo.sh
differential: ## 10,000 questions in the clear, 2,000 on shares, against PostgreSQL
	MAL_QUERIES_SHARE3=2000 MALUS_TEST_ARGS="--suite sql" tools/test.sh build-test
soak:         ## kill a job and an ingest at every point; some ten minutes
	FAULTS_SOAK=1 MALUS_TEST_ARGS="--suite faults" tools/test.sh build-test
debug:        ## the tests at -O0
	tools/test.sh build-debug --buildtype=debug
asan:         ## the tests with AddressSanitizer and UBSan
	tools/test.sh build-asan -Db_sanitize=address,undefined
clang:        ## the tests with clang
	CC=clang tools/test.sh build-clang
fuzz:         ## every fuzz target for FUZZ_SECONDS (600)
	tools/fuzz.sh build-fuzz
flips:        ## every bit of accepted evidence of hardware, flipped (nightly)
	MAL_FLIPS=all MALUS_TEST_ARGS="--suite tee -t 60" tools/test.sh build-test
bench:        ## the table of docs/measurements.md, measured here
	$(MAKE) all
	ninja -C build src/policy/bench_policy
	tools/measure.py
growth:       ## does the cost of a row grow beyond its formula? 2^16 to 2^22 rows
	$(MAKE) all
	tools/growth.py --security semi-honest,malicious
tpch:         ## TPC-H's 22 questions typed to three real nodes, both securities
	test -e build-test/build.ninja || meson setup build-test
	ninja -C build-test src/main/malus src/duck/malus-duck
	MALUS=$(CURDIR)/build-test/src/main/malus tests/tpch/nodes.py
	MALUS=$(CURDIR)/build-test/src/main/malus tests/tpch/nodes.py --security malicious
latency:      ## questions on shares over an emulated 20 ms, 1 Gbit/s network
	test -e build-latency/build.ninja || meson setup build-latency --buildtype=release
	ninja -C build-latency tests/tpch/seat src/duck/malus-duck
	tools/latency.py build-latency
format:       ## let clang-format have the last word
	git ls-files '*.c' '*.h' | xargs clang-format -i
check:        ## floors, budgets, bibliography, headers; no build needed
	tools/check_floors.py
	tools/check_style.py
	tools/check_headers.py
	tools/check_pitfalls.py
	tools/check_bounds.py
clean:
	rm -rf build build-*
help:
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:[^#]*## */\t/' | expand -t 10
