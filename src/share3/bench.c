/* bench.c - what the calls cost a party: three threads over channels in memory.
 *
 * CPU is that of a party's own thread, the copies of the channel included; the
 * dearest party is told, in the best of a few runs.
 */
#include "share3_impl.h"

/* A run warms up and three are measured; large ones once each. */
#define RUNS(rows) ((rows) > (uint64_t)1 << 20 ? 1u : 3u)
#define TIMEOUT_MS 600000
#define PARTIES MAL_SHARE3_PARTIES

typedef struct operands {
    mal_share3_bits x, y, z, bit;
    mal_share3_words u, v, w;
} operands;

typedef mal_err (*bench_call)(mal_share3 *s, operands *o);

typedef struct bench_name {
    const char *name;
    bench_call call;
    unsigned times;       /* that a call does it */
    mal_share3_call cost; /* what its bytes are foretold by */
    unsigned width;       /* 0: not foretold here */
} bench_name;

static mal_err call_mul(mal_share3 *s, operands *o) {
    return mal_share3_mul(s, &o->w, &o->u, &o->v);
}
static mal_err call_and(mal_share3 *s, operands *o) {
    return mal_share3_and(s, &o->z, &o->x, &o->y);
}
static mal_err call_eq(mal_share3 *s, operands *o) {
    return mal_share3_eq(s, &o->bit, &o->x, &o->y);
}
static mal_err call_lt(mal_share3 *s, operands *o) {
    return mal_share3_lt(s, &o->bit, &o->x, &o->y, true);
}
static mal_err call_to_bits(mal_share3 *s, operands *o) {
    return mal_share3_to_bits(s, &o->z, &o->u, 64);
}
static mal_err call_to_words(mal_share3 *s, operands *o) {
    return mal_share3_to_words(s, &o->w, &o->x, false);
}
static mal_err call_inject(mal_share3 *s, operands *o) {
    mal_share3_bits b = mal_share3_bits_planes(&o->x, 0, 1);
    return mal_share3_inject(s, &o->w, &b, &o->u);
}

/* Thrice, so that each party plays each part. */
#define TURNS 3
static mal_err shuffle(mal_share3 *s, const mal_share3_column *column) {
    for (unsigned i = 0; i < TURNS; i++)
        MAL_TRY(mal_share3_shuffle(s, column, 1));
    return MAL_OK;
}
static mal_err call_shuffle(mal_share3 *s, operands *o) {
    return shuffle(s, &(const mal_share3_column){ .words = &o->u });
}
static mal_err call_shuffle32(mal_share3 *s, operands *o) {
    mal_share3_bits half = mal_share3_bits_planes(&o->x, 0, 32);
    return shuffle(s, &(const mal_share3_column){ .bits = &half });
}
static mal_err sort(mal_share3 *s, const mal_share3_bits *key) {
    MAL_AUTO(mal_share3_order_free) mal_share3_order *order = NULL;
    const mal_share3_sort_key k = { .bits = key };
    return mal_share3_order_sort(s, &order, &k, 1);
}
static mal_err call_sort(mal_share3 *s, operands *o) {
    return sort(s, &o->x);
}
static mal_err call_sort1(mal_share3 *s, operands *o) {
    mal_share3_bits one = mal_share3_bits_planes(&o->x, 0, 1);
    return sort(s, &one);
}

static const bench_name names[] = {
    { "mul64", call_mul, 1, MAL_SHARE3_CALL_MUL, 64 },
    { "and64", call_and, 1, MAL_SHARE3_CALL_AND, 64 },
    { "eq64", call_eq, 1, MAL_SHARE3_CALL_EQ, 64 },
    { "lt64", call_lt, 1, MAL_SHARE3_CALL_LT, 64 },
    { "a2b64", call_to_bits, 1, MAL_SHARE3_CALL_TO_BITS, 64 },
    { "b2a64", call_to_words, 1, MAL_SHARE3_CALL_TO_WORDS, 64 },
    { "inject64", call_inject, 1, MAL_SHARE3_CALL_INJECT, 64 },
    { "shuffle64", call_shuffle, TURNS },
    { "shuffle32", call_shuffle32, TURNS },
    { "sort1", call_sort1, 1 },
    { "sort64", call_sort, 1 },
};

/* --- One party -------------------------------------------------------------
 */

typedef struct seat {
    mal_share3_options options;
    const bench_name *bench;
    uint64_t rows;
    uint64_t cpu_ns, wall_ns, bytes, rounds; /* of the best run */
} seat;

static void clear_operands(operands *o) {
    mal_share3_bits_clear(&o->x);
    mal_share3_bits_clear(&o->y);
    mal_share3_bits_clear(&o->z);
    mal_share3_bits_clear(&o->bit);
    mal_share3_words_clear(&o->u);
    mal_share3_words_clear(&o->v);
    mal_share3_words_clear(&o->w);
}

/* Random values, party 0's. */
static mal_err make_operands(mal_share3 *s, operands *o, uint64_t rows) {
    uint64_t *x = mal_calloc(share3_stride(rows) * 64, sizeof *x);
    if (!x)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_prim_random(x, share3_stride(rows) * 512);
    mal_err err = mal_share3_words_input(s, &o->u, 0, x, rows);
    if (err == MAL_OK)
        err = mal_share3_words_input(s, &o->v, 0, x, rows);
    if (err == MAL_OK)
        err = mal_share3_bits_input(s, &o->x, 0, x, rows, 64);
    if (err == MAL_OK)
        err = mal_share3_bits_input(s, &o->y, 0, x, rows, 64);
    mal_free(x);
    return err;
}

static mal_err measure(mal_share3 *s, seat *p) {
    operands o = { 0 };
    mal_err err = make_operands(s, &o, p->rows);
    for (unsigned run = 0; run <= RUNS(p->rows) && err == MAL_OK; run++) {
        const mal_share3_counters before = mal_share3_count(s);
        const uint64_t cpu = mal_time_thread_ns(),
                       wall = mal_time_monotonic_ns();
        err = p->bench->call(s, &o);
        if (err == MAL_OK)
            err = mal_share3_verify(s);
        const uint64_t cpu_ns = (mal_time_thread_ns() - cpu) / p->bench->times;
        if (run == 1 || cpu_ns < p->cpu_ns) { /* run 0 warms up */
            p->cpu_ns = cpu_ns;
            p->wall_ns = (mal_time_monotonic_ns() - wall) / p->bench->times;
        }
        p->bytes = (mal_share3_count(s).bytes - before.bytes) / p->bench->times;
        p->rounds =
            (mal_share3_count(s).rounds - before.rounds) / p->bench->times;
    }
    clear_operands(&o);
    return err;
}

static mal_err sit(void *ctx, mal_mesh *mesh) {
    seat *p = (seat *)ctx + mesh->me;
    mal_share3 *s = NULL;
    mal_err err = mal_share3_open(&s, mesh, &p->options);
    if (err == MAL_OK)
        err = measure(s, p);
    mal_share3_close(&s);
    return err;
}

/* --- All three --------------------------------------------------------------
 */

static uint64_t greatest(const seat p[PARTIES], size_t field) {
    uint64_t most = 0;
    for (unsigned i = 0; i < PARTIES; i++) {
        uint64_t v;
        memcpy(&v, (const uint8_t *)&p[i] + field, sizeof v);
        most = v > most ? v : most;
    }
    return most;
}

/* Of the party that sends most, with proofs; 0: sorts and shuffles are
 * foretold elsewhere. */
static uint64_t foretold(const bench_name *b, uint64_t rows, bool malicious) {
    mal_share3_cost cost = { .malicious = malicious };
    if (b->width)
        mal_share3_cost_add(&cost, b->cost, rows, b->width);
    mal_share3_cost_verify(&cost);
    return cost.bytes;
}

static mal_err bench_one(mal_buf *lines, const bench_name *b, uint64_t rows,
                         mal_share3_security security) {
    seat p[PARTIES] = { 0 };
    uint64_t cpu = 0;
    for (unsigned i = 0; i < PARTIES; i++) {
        p[i].options.security = security;
        p[i].bench = b;
        p[i].rows = rows;
    }
    MAL_TRY(mal_mesh_run(PARTIES, TIMEOUT_MS, sit, p));
    for (unsigned i = 0; i < PARTIES; i++)
        cpu += p[i].cpu_ns;
    const uint64_t wall = greatest(p, offsetof(seat, wall_ns));
    return mal_buf_put_fmt(
        lines,
        "{\"engine\":\"share3\",\"name\":\"%s\",\"security\":\"%s\","
        "\"rows\":%llu,\"threads\":1,\"seconds\":%.6f,\"cpu_seconds\":%.6f,"
        "\"bytes\":%llu,\"ns_per_row\":%.1f,\"cpu_ns_per_row\":%.1f,"
        "\"bytes_per_row\":%.2f,\"bytes_foretold\":%llu,"
        "\"rounds\":%llu}\n",
        b->name, security == MAL_SHARE3_MALICIOUS ? "malicious" : "semi-honest",
        (unsigned long long)rows, (double)wall * 1e-9, (double)cpu * 1e-9,
        (unsigned long long)greatest(p, offsetof(seat, bytes)),
        (double)wall / (double)rows,
        (double)greatest(p, offsetof(seat, cpu_ns)) / (double)rows,
        (double)greatest(p, offsetof(seat, bytes)) / (double)rows,
        (unsigned long long)foretold(b, rows, security == MAL_SHARE3_MALICIOUS),
        (unsigned long long)greatest(p, offsetof(seat, rounds)));
}

mal_err mal_share3_bench(mal_buf *lines, const char *only, uint64_t rows,
                         unsigned threads, mal_share3_security security) {
    (void)threads; /* a party has one */
    MAL_REQUIRE(rows >= 1 && rows <= (uint64_t)1 << 26, MAL_E_INPUT,
                "a bench of %llu rows: take 1 to 2^26",
                (unsigned long long)rows);
    bool any = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (only && strcmp(only, names[i].name) != 0)
            continue;
        any = true;
        MAL_TRY(bench_one(lines, &names[i], rows, security));
    }
    MAL_REQUIRE(any, MAL_E_INPUT, "share3 has no bench %s", only);
    return MAL_OK;
}
