/* bench.c - what a join and a group by cost: three threads, channels in memory.
 *
 * join: `rows` rows probe a fourth as many unique ones for a code of 3 bits,
 * and are counted by one of 7 modes and by whether the code is below 2: the
 * shape of TPC-H's Q12 (60,000 by 15,000 rows at scale factor 0.01).
 * join-ranked: the same, where both sides were shared in the order of the key.
 * group-by: `rows` rows, as many keys as a fourth, a count, a sum of 20 bits,
 * and the ten greatest sums: what is left of Q3 after its joins.
 */
#include "oblivious_impl.h"

#include <string.h>

#define PARTIES MAL_SHARE3_PARTIES
#define RUNS(rows) ((rows) > (uint64_t)1 << 20 ? 1u : 2u)
#define TIMEOUT_MS 600000
#define TABLES 3

typedef struct plan plan;
struct plan {
    const char *name;
    mal_err (*input)(mal_obl *o, const plan *p, uint64_t rows, table t[TABLES]);
    mal_err (*run)(mal_obl *o, const plan *p, table t[TABLES]);
    bool ranked;
};

/* --- inputs --------------------------------------------------------------- */

/* Same at every call: a sequence that jumps about. */
static int64_t jump(uint64_t i, uint64_t below) {
    return (int64_t)((i * 0x9e3779b97f4a7c15u >> 20) % below);
}

/* Rows i of a column: below `below`, jumping or rising. */
static mal_err input_column(mal_obl *o, table *t, unsigned at, uint64_t below,
                            bool rising) {
    const mal_obl_type type = { .hi = (int64_t)below - 1 };
    int64_t *values = mal_calloc(t->n, sizeof *values);
    if (!values)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (size_t i = 0; i < t->n; i++)
        values[i] =
            rising ? (int64_t)(i * below / t->n) : jump(i * (at + 1), below);
    const mal_err err =
        mal_obl_column_input(o, &t->columns[at], &type, 0, values, NULL, t->n);
    mal_free(values);
    return err;
}

#define MODES 7
#define CODES 5

/* a: key, mode; b: key, code. */
static mal_err input_join(mal_obl *o, const plan *p, uint64_t rows,
                          table t[TABLES]) {
    table *a = &t[0], *b = &t[1];
    const uint64_t unique = rows < 4 ? 1 : rows / 4;
    MAL_TRY(mal_obl_table_new(o, a, rows, 2, rows));
    MAL_TRY(mal_obl_table_new(o, b, unique, 2, unique));
    MAL_TRY(input_column(o, a, 0, unique, p->ranked));
    MAL_TRY(input_column(o, a, 1, MODES, false));
    MAL_TRY(input_column(o, b, 0, unique, true));
    return input_column(o, b, 1, CODES, false);
}

/* a: key, amount. */
static mal_err input_group(mal_obl *o, const plan *p, uint64_t rows,
                           table t[TABLES]) {
    table *a = &t[0];
    MAL_TRY(mal_obl_table_new(o, a, rows, 2, rows));
    MAL_TRY(input_column(o, a, 0, rows < 4 ? 1 : rows / 4, p->ranked));
    return input_column(o, a, 1, 1 << 20, false);
}

/* --- plans ---------------------------------------------------------------- */

static mal_err run_join(mal_obl *o, const plan *p, table t[TABLES]) {
    table *a = &t[0], *b = &t[1];
    MAL_AUTO(mal_obl_table_clear) table joined = { 0 };
    MAL_AUTO(mal_obl_rank_clear) mal_obl_rank left = { 0 };
    MAL_AUTO(mal_obl_rank_clear) mal_obl_rank right = { 0 };
    OBL_AUTO_WORDS cells = { 0 };
    mal_obl_join_options join = { .kind = MAL_OBL_INNER, .n_keys = 1 };
    if (p->ranked) {
        MAL_TRY(mal_obl_rank_sorted(o, &left, a, (unsigned[]){ 0 }, 1));
        MAL_TRY(mal_obl_rank_sorted(o, &right, b, (unsigned[]){ 0 }, 1));
        join.probe_rank = &left;
        join.build_rank = &right;
    }
    MAL_TRY(mal_obl_join(o, &joined, a, b, &join));
    const mal_obl_type type = { .hi = CODES - 1 };
    const mal_obl_expr code = { .op = MAL_OBL_COL, .value = 3, .type = type };
    const mal_obl_expr two = { .op = MAL_OBL_CONST,
                               .value = 2,
                               .type = { .lo = 2, .hi = 2 } };
    const mal_obl_expr *both[] = { &code, &two };
    const mal_obl_expr high = {
        .op = MAL_OBL_LT, .type = { .hi = 1 }, .n_args = 2, .args = both
    };
    column flag = { 0 };
    MAL_TRY(mal_obl_eval(o, &flag, &joined, &high));
    mal_obl_column_clear(&joined.columns[3]);
    joined.columns[3] = flag;
    const mal_obl_agg aggs[] = { { .kind = MAL_OBL_SUM, .column = 3 },
                                 { .kind = MAL_OBL_COUNT_ROWS } };
    MAL_TRY(mal_obl_dense(o, &cells, &joined, 1, MODES, aggs, 2));
    return mal_obl_verdict(o);
}

static mal_err run_group(mal_obl *o, const plan *p, table t[TABLES]) {
    table *a = &t[0];
    MAL_AUTO(mal_obl_table_clear) table groups = { 0 };
    MAL_AUTO(mal_obl_rank_clear) mal_obl_rank rank = { 0 };
    const unsigned key = 0;
    if (p->ranked)
        MAL_TRY(mal_obl_rank_sorted(o, &rank, a, &key, 1));
    const mal_obl_agg aggs[] = { { .kind = MAL_OBL_SUM, .column = 1 },
                                 { .kind = MAL_OBL_COUNT_ROWS } };
    const mal_obl_group_options options = {
        .n_keys = 1,
        .n_aggs = 2,
        .keys = &key,
        .aggs = aggs,
        .rank = p->ranked ? &rank : NULL,
        .groups_max = a->n < 4 ? 1 : a->n / 4,
    };
    const mal_obl_key by = { .column = 1, .desc = true };
    MAL_TRY(mal_obl_group(o, &groups, a, &options));
    MAL_TRY(mal_obl_top(o, &groups, &by, 1, 10));
    return mal_obl_verdict(o);
}

/* --- Q3 ------------------------------------------------------------------- */

#define DAYS 2400 /* of orders and of shipments */
#define DAY 1200
#define SEGMENTS 5

/* lineitem: orderkey, shipdate, price, discount; orders: orderkey, custkey,
 * orderdate, priority; customer: custkey, segment. */
static mal_err input_q3(mal_obl *o, const plan *p, uint64_t rows,
                        table t[TABLES]) {
    const uint64_t n[TABLES] = { rows, rows / 4 + 1, rows / 40 + 1 };
    static const unsigned columns[TABLES] = { 4, 4, 2 };
    const uint64_t below[TABLES][4] = { { n[1], DAYS, 10000000, 11 },
                                        { n[1], n[2], DAYS, 2 },
                                        { n[2], SEGMENTS } };
    for (unsigned k = 0; k < TABLES; k++) {
        MAL_TRY(mal_obl_table_new(o, &t[k], n[k], columns[k], n[k]));
        for (unsigned c = 0; c < columns[k]; c++)
            MAL_TRY(input_column(o, &t[k], c, below[k][c],
                                 c == 0 && (k > 0 || p->ranked)));
    }
    return MAL_OK;
}

static mal_obl_expr column_of(const table *t, unsigned at) {
    return (mal_obl_expr){ .op = MAL_OBL_COL,
                           .value = at,
                           .type = t->columns[at].type };
}

static mal_err filter_by(mal_obl *o, table *t, unsigned at, mal_obl_op op,
                         int64_t value) {
    const mal_obl_expr x = column_of(t, at);
    const mal_obl_expr y = { .op = MAL_OBL_CONST,
                             .value = value,
                             .type = { .lo = value, .hi = value } };
    const mal_obl_expr *args[] = { &x, &y };
    const mal_obl_expr e = {
        .op = op, .type = { .hi = 1 }, .n_args = 2, .args = args
    };
    return mal_obl_filter(o, t, &e);
}

/* orderkey, price * (100 - discount), orderdate, priority of the join. */
static mal_err revenue(mal_obl *o, table *out, table *t) {
    static const mal_obl_type to_100 = { .lo = 90, .hi = 100 };
    const mal_obl_expr key = column_of(t, 0), price = column_of(t, 2);
    const mal_obl_expr discount = column_of(t, 3), date = column_of(t, 5);
    const mal_obl_expr priority = column_of(t, 6);
    const mal_obl_expr all = { .op = MAL_OBL_CONST,
                               .value = 100,
                               .type = { .lo = 100, .hi = 100 } };
    const mal_obl_expr *less[] = { &all, &discount };
    const mal_obl_expr rest = {
        .op = MAL_OBL_SUB, .type = to_100, .n_args = 2, .args = less
    };
    const mal_obl_expr *product[] = { &price, &rest };
    const mal_obl_expr value = { .op = MAL_OBL_MUL,
                                 .type = { .hi = 1000000000 },
                                 .n_args = 2,
                                 .args = product };
    const mal_obl_expr *list[] = { &key, &value, &date, &priority };
    return mal_obl_project(o, out, t, list, 4);
}

/* orderkey, orderdate and priority of the orders of one segment's customers. */
static mal_err orders_of(mal_obl *o, table *out, table t[TABLES]) {
    MAL_AUTO(mal_obl_table_clear) table all = { 0 };
    const mal_obl_join_options join = { .kind = MAL_OBL_SEMI,
                                        .n_keys = 1,
                                        .probe_keys = { 1 } };
    MAL_TRY(filter_by(o, &t[2], 1, MAL_OBL_EQ, 1));
    MAL_TRY(filter_by(o, &t[1], 2, MAL_OBL_LT, DAY));
    MAL_TRY(mal_obl_join(o, &all, &t[1], &t[2], &join));
    const mal_obl_expr key = column_of(&all, 0), date = column_of(&all, 2);
    const mal_obl_expr priority = column_of(&all, 3);
    const mal_obl_expr *list[] = { &key, &date, &priority };
    return mal_obl_project(o, out, &all, list, 3);
}

static mal_err run_q3(mal_obl *o, const plan *p, table t[TABLES]) {
    MAL_AUTO(mal_obl_table_clear) table orders = { 0 };
    MAL_AUTO(mal_obl_table_clear) table joined = { 0 };
    MAL_AUTO(mal_obl_table_clear) table items = { 0 };
    MAL_AUTO(mal_obl_table_clear) table groups = { 0 };
    MAL_AUTO(mal_obl_rank_clear) mal_obl_rank left = { 0 };
    MAL_AUTO(mal_obl_rank_clear) mal_obl_rank right = { 0 };
    mal_obl_join_options join = { .kind = MAL_OBL_INNER, .n_keys = 1 };
    const unsigned key = 0;
    MAL_TRY(orders_of(o, &orders, t));
    if (p->ranked) { /* operators before left the rows where they stood */
        MAL_TRY(mal_obl_rank_sorted(o, &left, &t[0], &key, 1));
        MAL_TRY(mal_obl_rank_sorted(o, &right, &orders, &key, 1));
        join.probe_rank = &left;
        join.build_rank = &right;
    }
    MAL_TRY(filter_by(o, &t[0], 1, MAL_OBL_GT, DAY));
    MAL_TRY(mal_obl_join(o, &joined, &t[0], &orders, &join));
    MAL_TRY(revenue(o, &items, &joined));
    const mal_obl_agg aggs[] = { { .kind = MAL_OBL_SUM, .column = 1 },
                                 { .kind = MAL_OBL_ANY, .column = 2 },
                                 { .kind = MAL_OBL_ANY, .column = 3 } };
    const mal_obl_group_options options = {
        .n_keys = 1,
        .n_aggs = 3,
        .keys = &key,
        .aggs = aggs,
        .rank = p->ranked ? &left : NULL,
        .groups_max = t[1].n,
    };
    const mal_obl_key by[] = { { .column = 1, .desc = true }, { .column = 2 } };
    MAL_TRY(mal_obl_group(o, &groups, &items, &options));
    MAL_TRY(mal_obl_top(o, &groups, by, 2, 10));
    return mal_obl_verdict(o);
}

static const plan plans[] = {
    { "join", input_join, run_join, false },
    { "join-ranked", input_join, run_join, true },
    { "group-by", input_group, run_group, false },
    { "group-by-ranked", input_group, run_group, true },
    { "q3", input_q3, run_q3, false },
    { "q3-ranked", input_q3, run_q3, true },
};

/* --- one party ------------------------------------------------------------ */

typedef struct seat {
    mal_share3_options options;
    const plan *plan;
    uint64_t rows;
    uint64_t cpu_ns, wall_ns, bytes, rounds; /* of the faster run */
} seat;

static mal_err once(mal_obl *o, seat *p, table t[TABLES]) {
    MAL_TRY(p->plan->input(o, p->plan, p->rows, t));
    const mal_obl_cost before = mal_obl_cost_so_far(o);
    const uint64_t cpu = mal_time_thread_ns(), wall = mal_time_monotonic_ns();
    MAL_TRY(p->plan->run(o, p->plan, t));
    const uint64_t took = mal_time_monotonic_ns() - wall;
    if (p->wall_ns == 0 || took < p->wall_ns) {
        p->wall_ns = took;
        p->cpu_ns = mal_time_thread_ns() - cpu;
    }
    const mal_obl_cost after = mal_obl_cost_so_far(o);
    p->bytes = after.bytes - before.bytes;
    p->rounds = after.rounds - before.rounds;
    return MAL_OK;
}

static mal_err sit(void *ctx, mal_mesh *mesh) {
    seat *p = (seat *)ctx + mesh->me;
    mal_share3 *s = NULL;
    mal_obl *o = NULL;
    mal_err err = mal_share3_open(&s, mesh, &p->options);
    if (err == MAL_OK)
        err = mal_obl_open(&o, s);
    for (unsigned i = 0; i < RUNS(p->rows) && err == MAL_OK; i++) {
        table t[TABLES] = { 0 };
        err = once(o, p, t);
        for (unsigned k = 0; k < TABLES; k++)
            mal_obl_table_clear(&t[k]);
    }
    mal_obl_close(&o);
    mal_share3_close(&s);
    return err;
}

/* --- all three ------------------------------------------------------------ */

/* The plan on an engine without parties. */
static mal_err foretell(mal_obl_cost *cost, const plan *which, uint64_t rows,
                        mal_share3_security security) {
    mal_obl *o = NULL;
    table t[TABLES] = { 0 };
    MAL_TRY(mal_obl_open_dry(&o, security, NULL));
    mal_err err = which->input(o, which, rows, t);
    const mal_obl_cost before = mal_obl_cost_so_far(o);
    if (err == MAL_OK)
        err = which->run(o, which, t);
    *cost = mal_obl_cost_so_far(o);
    cost->bytes -= before.bytes;
    cost->rounds -= before.rounds;
    for (unsigned k = 0; k < TABLES; k++)
        mal_obl_table_clear(&t[k]);
    mal_obl_close(&o);
    return err;
}

static mal_err bench_one(mal_buf *lines, const plan *which, uint64_t rows,
                         mal_share3_security security) {
    seat p[PARTIES] = { 0 };
    mal_obl_cost told;
    MAL_TRY(foretell(&told, which, rows, security));
    uint64_t cpu = 0, cpu_most = 0, wall = 0, bytes = 0;
    for (unsigned i = 0; i < PARTIES; i++) {
        p[i].options.security = security;
        p[i].plan = which;
        p[i].rows = rows;
    }
    MAL_TRY(mal_mesh_run(PARTIES, TIMEOUT_MS, sit, p));
    for (unsigned i = 0; i < PARTIES; i++) {
        cpu += p[i].cpu_ns;
        cpu_most = p[i].cpu_ns > cpu_most ? p[i].cpu_ns : cpu_most;
        wall = p[i].wall_ns > wall ? p[i].wall_ns : wall;
        bytes = p[i].bytes > bytes ? p[i].bytes : bytes;
    }
    return mal_buf_put_fmt(
        lines,
        "{\"engine\":\"share3\",\"name\":\"%s\",\"security\":\"%s\","
        "\"rows\":%llu,\"threads\":1,\"seconds\":%.6f,\"cpu_seconds\":%.6f,"
        "\"bytes\":%llu,\"ns_per_row\":%.1f,\"cpu_ns_per_row\":%.1f,"
        "\"bytes_per_row\":%.2f,\"bytes_foretold\":%llu,"
        "\"rounds\":%llu,\"rounds_foretold\":%llu}\n",
        which->name,
        security == MAL_SHARE3_MALICIOUS ? "malicious" : "semi-honest",
        (unsigned long long)rows, (double)wall * 1e-9, (double)cpu * 1e-9,
        (unsigned long long)bytes, (double)wall / (double)rows,
        (double)cpu_most / (double)rows, (double)bytes / (double)rows,
        (unsigned long long)told.bytes, (unsigned long long)p[0].rounds,
        (unsigned long long)told.rounds);
}

bool mal_obl_bench_has(const char *name) {
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++)
        if (strcmp(name, plans[i].name) == 0)
            return true;
    return false;
}

mal_err mal_obl_bench(mal_buf *lines, const char *only, uint64_t rows,
                      unsigned threads, mal_share3_security security) {
    (void)threads; /* a party has one */
    MAL_REQUIRE(rows >= 1 && rows <= (uint64_t)1 << 24, MAL_E_INPUT,
                "a bench of %llu rows: take 1 to 2^24",
                (unsigned long long)rows);
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++)
        if (!only || strcmp(only, plans[i].name) == 0)
            MAL_TRY(bench_one(lines, &plans[i], rows, security));
    return MAL_OK;
}
