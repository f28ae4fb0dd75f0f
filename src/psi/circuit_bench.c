/* circuit_bench.c - what the circuit costs, two parties as threads over a
 * channel in memory. */
#include "circuit_impl.h"

#include <stdlib.h>
#include <string.h>

#define BENCH_WORDS 1 /* a sum; the cost of more is a line of its own */
#define BENCH_WIDE 32

typedef struct bench_run {
    mal_psi_circuit_params params;
    uint8_t (*v)[MAL_PSI_CIRCUIT_KEY], (*w)[MAL_PSI_CIRCUIT_KEY];
    int64_t *values;
    size_t rows;
    uint64_t bytes;
    uint64_t y1[BENCH_WIDE], y2[BENCH_WIDE];
} bench_run;

static void bench_clear(bench_run *b) {
    mal_free(b->v);
    mal_free(b->w);
    mal_free(b->values);
}

/* Half of the keys match. */
static mal_err bench_fill(bench_run *b, uint64_t rows, uint32_t words,
                          unsigned threads) {
    b->rows = rows;
    b->params.filter_max = b->params.payload_max = (uint32_t)rows;
    b->params.words = words;
    b->params.threads = threads;
    mal_prim_random(b->params.session, sizeof b->params.session);
    b->v = mal_calloc(rows, sizeof *b->v);
    b->w = mal_calloc(rows, sizeof *b->w);
    b->values = mal_calloc(rows, words * sizeof *b->values);
    if (!b->v || !b->w || !b->values)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (uint64_t i = 0; i < rows; i++) {
        mal_store_u64le(b->v[i], i);
        mal_store_u64le(b->w[i], i + rows / 2);
        for (uint32_t w = 0; w < words; w++)
            b->values[i * words + w] = (int64_t)((i + w) * 977 % 5000);
    }
    return MAL_OK;
}

static mal_err bench_filter(bench_run *b, mal_chan *chan) {
    const mal_psi_circuit_filter_input input = { (const void *)b->v, b->rows,
                                                 NULL };
    mal_err err =
        mal_psi_circuit_filter(b->y1, NULL, chan, &b->params, &input, NULL);
    b->bytes = chan->bytes_sent + chan->bytes_received;
    return err;
}

static mal_err bench_payload(bench_run *b, mal_chan *chan) {
    const mal_psi_circuit_payload_input input = { (const void *)b->w, b->rows,
                                                  b->values, NULL };
    return mal_psi_circuit_payload(b->y2, NULL, chan, &b->params, &input, NULL);
}

static mal_err bench_party(void *ctx, mal_mesh *mesh) {
    mal_chan *other = mesh->chan[1 - mesh->me];
    return mesh->me ? bench_payload(ctx, other) : bench_filter(ctx, other);
}

/* The answer is checked: a fast wrong one is no figure. */
static mal_err bench_check(const bench_run *b) {
    for (uint32_t w = 0; w < b->params.words; w++) {
        uint64_t sum = 0;
        for (uint64_t i = 0; i < b->rows - b->rows / 2; i++)
            sum += (uint64_t)b->values[i * b->params.words + w];
        MAL_REQUIRE(b->y1[w] + b->y2[w] == sum, MAL_E_STATE,
                    "the bench's answer is wrong");
    }
    return MAL_OK;
}

static mal_err bench_one(mal_buf *lines, const char *name, uint64_t rows,
                         uint32_t words, unsigned threads) {
    bench_run b = { 0 };
    uint64_t told = 0, rounds;
    mal_err err = bench_fill(&b, rows, words, threads);
    const uint64_t wall = mal_time_monotonic_ns(), cpu = mal_time_cpu_ns();
    if (err == MAL_OK)
        err = mal_mesh_run(2, 600000, bench_party, &b);
    const double wall_ns = (double)(mal_time_monotonic_ns() - wall);
    const double cpu_ns = (double)(mal_time_cpu_ns() - cpu);
    if (err == MAL_OK)
        err = bench_check(&b);
    if (err == MAL_OK)
        err = mal_psi_circuit_cost(&told, &rounds, &b.params);
    if (err == MAL_OK)
        err = mal_buf_put_fmt(
            lines,
            "{\"engine\":\"psi\",\"name\":\"%s\",\"rows\":%llu,\"threads\":%u,"
            "\"words\":%u,\"seconds\":%.6f,\"cpu_seconds\":%.6f,"
            "\"bytes\":%llu,\"ns_per_row\":%.1f,\"bytes_per_row\":%.1f,"
            "\"bytes_foretold\":%llu}\n",
            name, (unsigned long long)rows, threads, words, wall_ns * 1e-9,
            cpu_ns * 1e-9, (unsigned long long)b.bytes, wall_ns / (double)rows,
            (double)b.bytes / (double)rows, (unsigned long long)told);
    bench_clear(&b);
    return err;
}

static bool wanted(const char *only, const char *name) {
    return !only || strcmp(only, name) == 0;
}

mal_err mal_psi_circuit_bench(mal_buf *lines, const char *only, uint64_t rows,
                              unsigned threads) {
    if (!wanted(only, "circuit") && !wanted(only, "circuit-wide"))
        return MAL_OK;
    MAL_REQUIRE(rows >= 1 && rows <= MAL_PSI_CIRCUIT_ROWS_MAX, MAL_E_INPUT,
                "a bench of %llu rows: take 1 to %u", (unsigned long long)rows,
                MAL_PSI_CIRCUIT_ROWS_MAX);
    MAL_TRY(mal_prim_init());
    threads = threads ? threads : 1;
    if (wanted(only, "circuit"))
        MAL_TRY(bench_one(lines, "circuit", rows, BENCH_WORDS, threads));
    if (wanted(only, "circuit-wide"))
        MAL_TRY(bench_one(lines, "circuit-wide", rows, BENCH_WIDE, threads));
    return MAL_OK;
}
