/* bench.c - what the engines cost on this machine.
 *
 * Each folder measures itself; here they are chosen by name and printed.  The
 * figures feed docs/measurements.md and the cost model of explain.
 */
#include "cli_impl.h"

#include <malus/audit.h>
#include <malus/dp.h>
#include <malus/mpc.h>
#include <malus/net.h>
#include <malus/oblivious.h>
#include <malus/ot.h>
#include <malus/prim.h>
#include <malus/psi.h>
#include <malus/share3.h>
#include <malus/store.h>
#include <malus/train.h>

#include <stdlib.h>
#include <string.h>

typedef struct bench {
    const char *engine;
    mal_err (*run)(mal_buf *lines, uint64_t rows, unsigned threads,
                   const char *only);
    /* Instead, where --security chooses. */
    mal_err (*run_secured)(mal_buf *lines, uint64_t rows, unsigned threads,
                           const char *only, bool malicious);
} bench;

static mal_err bench_sum(mal_buf *lines, uint64_t rows, unsigned threads,
                         const char *only) {
    return mal_mpc_bench(lines, only, rows ? rows : 1 << 20, threads);
}

static mal_err bench_psi(mal_buf *lines, uint64_t rows, unsigned threads,
                         const char *only) {
    rows = rows ? rows : 1 << 20;
    MAL_TRY(mal_psi_bench(lines, only, rows, threads));
    return mal_psi_circuit_bench(lines, only, rows, threads);
}

static mal_err bench_log(mal_buf *lines, uint64_t rows, unsigned threads,
                         const char *only) {
    (void)threads;
    return mal_audit_bench(lines, rows, only);
}

static mal_err bench_dp(mal_buf *lines, uint64_t rows, unsigned threads,
                        const char *only) {
    return mal_dp_bench(lines, only, rows ? rows : 1 << 18, threads);
}

static mal_err bench_net(mal_buf *lines, uint64_t rows, unsigned threads,
                         const char *only) {
    (void)threads;
    return mal_net_bench(lines, only, rows ? rows : 4096);
}

static mal_err bench_ot(mal_buf *lines, uint64_t rows, unsigned threads,
                        const char *only) {
    return mal_ot_bench(lines, only, rows, threads);
}

static mal_err bench_share3(mal_buf *lines, uint64_t rows, unsigned threads,
                            const char *only, bool malicious) {
    const mal_share3_security security =
        malicious ? MAL_SHARE3_MALICIOUS : MAL_SHARE3_SEMI_HONEST;
    if (!only || !mal_obl_bench_has(only))
        MAL_TRY(mal_share3_bench(lines, only, rows ? rows : 1 << 20, threads,
                                 security));
    if (only && !mal_obl_bench_has(only))
        return MAL_OK;
    return mal_obl_bench(lines, only, rows ? rows : 60000, threads, security);
}

static mal_err bench_train(mal_buf *lines, uint64_t rows, unsigned threads,
                           const char *only, bool malicious) {
    return mal_train_bench(lines, only, rows ? rows : 1024, threads,
                           malicious ? MAL_SHARE3_MALICIOUS
                                     : MAL_SHARE3_SEMI_HONEST);
}

static const bench benches[] = {
    { "ingest", mal_store_bench },
    { "sum", bench_sum },
    { "psi", bench_psi },
    { "log", bench_log },
    { "dp", bench_dp },
    { "net", bench_net },
    { "ot", bench_ot },
    { "share3", NULL, bench_share3 },
    { "train", NULL, bench_train },
};

/* What explain's seconds are made of. */
static const struct part {
    const char *engine, *only;
    uint64_t rows;
    bool both; /* securities */
} parts[] = {
    { "sum", NULL, 1 << 18, false },
    { "psi", "circuit", 1 << 14, false },
    { "psi", "circuit-wide", 1 << 14, false },
    { "share3", "and64", 1 << 18, true },
    { "share3", "mul64", 1 << 18, true },
    { "share3", "shuffle64", 1 << 16, true },
    { "share3", "sort64", 1 << 14, true },
    { "net", "tls-loopback", 4096, false },
    { "net", "tls-round", 2000, false },
};

static mal_err add_line(cli_table *t, const mal_json *line) {
    static const char *const reals[] = { "seconds", "cpu_seconds" };
    const char *security =
        mal_json_find(line, "security") ? cli_str(line, "security") : "";
    MAL_TRY(cli_table_add(t, cli_str(line, "engine")));
    MAL_TRY(cli_table_add(
        t, mal_arena_printf(t->arena, "%s%s", cli_str(line, "name"),
                            strcmp(security, "malicious") == 0 ? ", malicious"
                                                               : "")));
    MAL_TRY(cli_table_add_u64(t, cli_u64(line, "rows")));
    MAL_TRY(cli_table_add_u64(t, cli_u64(line, "threads")));
    for (unsigned i = 0; i < 2; i++)
        MAL_TRY(cli_table_add(
            t, mal_arena_printf(t->arena, "%.3f", cli_real(line, reals[i]))));
    MAL_TRY(cli_table_add(t, cli_bytes_text(t->arena, cli_u64(line, "bytes"))));
    return cli_table_add(
        t, mal_arena_printf(t->arena, "%.1f", cli_real(line, "ns_per_row")));
}

static mal_err show(mal_cli *cli, mal_bytes lines) {
    static const char *const align[] = {
        "l", "l", "r", "r", "r", "r", "r", "r"
    };
    static const char *const heads[] = { "engine",  "name",  "rows", "threads",
                                         "seconds", "cpu s", "sent", "ns/row" };
    cli_table t = { .arena = cli->arena, .n_columns = 8, .align = align };
    for (unsigned i = 0; i < 8; i++)
        MAL_TRY(cli_table_add(&t, heads[i]));
    while (lines.len) {
        const uint8_t *end = memchr(lines.ptr, '\n', lines.len);
        size_t n = end ? (size_t)(end - lines.ptr) : lines.len;
        MAL_AUTO(mal_json_auto) mal_json *line = NULL;
        MAL_TRY(mal_json_parse(&line, mal_bytes_of(lines.ptr, n), 1 << 20));
        MAL_TRY(add_line(&t, line));
        n += end != NULL;
        lines = mal_bytes_of(lines.ptr + n, lines.len - n);
    }
    cli_table_show(cli, &t);
    return MAL_OK;
}

#define SIZES_MAX 16

/* "65536", "2^16", or several with commas between. */
static mal_err read_sizes(uint64_t rows[SIZES_MAX], unsigned *n,
                          const char *text) {
    *n = 1;
    rows[0] = 0;
    for (unsigned i = 0; text; i++) {
        char *end;
        MAL_REQUIRE(i < SIZES_MAX && *text >= '0' && *text <= '9', MAL_E_INPUT,
                    "--rows is one number, or up to %d with commas between",
                    SIZES_MAX);
        rows[i] = strtoull(text, &end, 10);
        if (rows[i] == 2 && *end == '^') {
            const unsigned long log = strtoul(end + 1, &end, 10);
            rows[i] = log <= 32 ? (uint64_t)1 << log : 0;
        }
        MAL_REQUIRE(rows[i] >= 1 && rows[i] <= (uint64_t)1 << 32 &&
                        (*end == ',' || !*end),
                    MAL_E_INPUT, "--rows takes numbers from 1 to 2^32");
        *n = i + 1;
        text = *end ? end + 1 : NULL;
    }
    return MAL_OK;
}

static mal_err run_one(mal_buf *lines, const bench *b, uint64_t rows,
                       unsigned threads, const char *only, bool malicious) {
    if (b->run_secured)
        return b->run_secured(lines, rows, threads, only, malicious);
    return b->run(lines, rows, threads, only);
}

static mal_err run_part(mal_buf *lines, const struct part *p) {
    for (size_t i = 0; i < sizeof benches / sizeof *benches; i++)
        for (unsigned malicious = 0; malicious <= p->both; malicious++)
            if (strcmp(benches[i].engine, p->engine) == 0)
                MAL_TRY(run_one(lines, &benches[i], p->rows, 1, p->only,
                                malicious));
    return MAL_OK;
}

/* For the node of this state folder, when it starts next. */
static mal_err calibrate(mal_cli *cli, mal_buf *lines) {
    char path[4096];
    const char *state = mal_cli_state(cli);
    MAL_REQUIRE(mal_file_exists(state), MAL_E_MISSING,
                "no state folder %s: `malus party init` makes one", state);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        MAL_TRY(run_part(lines, &parts[i]));
    const int n = snprintf(path, sizeof path, "%s/costs.json", state);
    MAL_REQUIRE(n > 0 && (size_t)n < sizeof path, MAL_E_INPUT,
                "the name of the state folder is too long");
    MAL_TRY(mal_file_write(path, mal_buf_view(lines), 0644));
    mal_cli_say(cli, "wrote %s; a node reads it when it starts\n\n", path);
    return MAL_OK;
}

/* Real evidence is nothing that a program can make up. */
static mal_err run_attest(mal_cli *cli, mal_buf *lines, uint64_t rows) {
    const char *cases = mal_cli_get(cli, "cases");
    MAL_REQUIRE(cases, MAL_E_INPUT,
                "attest needs evidence: --cases LIST, as for `malus attest "
                "check`");
    return cli_bench_attest(lines, cases, rows ? rows : 100,
                            mal_cli_get(cli, "only"));
}

static mal_err put_lines(mal_cli *cli, const mal_buf *lines) {
    if (!cli->json)
        return show(cli, mal_buf_view(lines));
    cli->raw = true; /* an object a line, as every bench of the project */
    MAL_REQUIRE(fwrite(lines->ptr, 1, lines->len, stdout) == lines->len,
                MAL_E_IO, "cannot write to stdout");
    return MAL_OK;
}

static mal_err run(mal_cli *cli) {
    MAL_AUTO(mal_buf_clear) mal_buf lines = { 0 };
    const char *wanted = mal_cli_operand(cli, 0);
    const char *only = mal_cli_get(cli, "only");
    uint64_t rows[SIZES_MAX], threads;
    unsigned n_sizes;
    const char *security = mal_cli_get(cli, "security");
    bool any = false;
    const bool malicious = security && strcmp(security, "malicious") == 0;
    MAL_REQUIRE(!security || malicious || strcmp(security, "semi-honest") == 0,
                MAL_E_INPUT,
                "no security %s: there are semi-honest and malicious",
                security);
    MAL_TRY(mal_prim_init());
    MAL_TRY(read_sizes(rows, &n_sizes, mal_cli_get(cli, "rows")));
    MAL_TRY(mal_cli_number(cli, "threads", 1, 1024, 1, &threads));
    if (strcmp(wanted, "calibrate") == 0) {
        MAL_TRY(calibrate(cli, &lines));
        return put_lines(cli, &lines);
    }
    if (strcmp(wanted, "attest") == 0) {
        for (unsigned k = 0; k < n_sizes; k++)
            MAL_TRY(run_attest(cli, &lines, rows[k]));
        any = true;
    }
    for (size_t i = 0; i < sizeof benches / sizeof *benches; i++) {
        if (strcmp(wanted, "all") != 0 &&
            strcmp(wanted, benches[i].engine) != 0)
            continue;
        any = true;
        for (unsigned k = 0; k < n_sizes; k++)
            MAL_TRY(run_one(&lines, &benches[i], rows[k], (unsigned)threads,
                            only, malicious));
    }
    MAL_REQUIRE(any, MAL_E_INPUT,
                "no bench %s: there are ingest, sum, psi, log, dp, net, ot, "
                "share3, train, attest, all and calibrate",
                wanted);
    MAL_REQUIRE(lines.len > 0, MAL_E_INPUT, "%s has no bench %s", wanted,
                only ? only : "here");
    return put_lines(cli, &lines);
}

static const mal_cli_option options[] = {
    { "rows", "N,..", "How many, 65536 or 2^16; several with commas between" },
    { "threads", "N", "On how many threads; 1 if not given" },
    { "only", "NAME", "Only this bench of the engine" },
    { "cases", "LIST", "Evidence for attest, as `malus attest check` reads" },
    { "security", "MODEL", "semi-honest or malicious, for share3 and train" },
    { NULL, NULL, NULL },
};

const mal_cli_verb cli_bench_verbs[] = {
    { .name = "bench",
      .operands = "ENGINE",
      .summary =
          "Measure ingest, sum, psi, log, dp, net, ot, share3, train, attest, "
          "all or calibrate",
      .text =
          "Figures are of one process with all parties in it. With --json, "
          "one object a line:\nengine, name, rows, threads, seconds (wall), "
          "cpu_seconds and bytes (of all parties),\nns_per_row.\n\n"
          "An intersection (psi: semi-honest, malicious) runs as two processes "
          "and tells the\ncost of each; psi --only csv goes from file to file "
          "through buckets on disk.\n\n"
          "attest judges the first authentic piece of evidence of each kind "
          "in a list of cases,\na hundred times or --rows; all leaves it "
          "out.\n\n"
          "`calibrate` measures what explain's seconds are made of, some ten "
          "seconds long, and\nwrites it to costs.json in the state folder, "
          "which a node reads when it starts.\nThree parties share this "
          "machine then, as in `malus dev`: on machines of their own\nthey "
          "are faster.",
      .example = "malus bench share3 --only sort64 --rows 2^16,2^20\n"
                 "malus bench calibrate",
      .options = options,
      .state = true,
      .run = run },
    { .name = NULL },
};
