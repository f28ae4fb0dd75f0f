/* bench.c - what the engines cost, parties as threads over channels in memory.
 */
#include <malus/mpc.h>

#include <string.h>

#define SUM_PARTIES 3

typedef struct watch {
    uint64_t wall, cpu;
} watch;

static watch watch_start(void) {
    return (watch){ mal_time_monotonic_ns(), mal_time_cpu_ns() };
}

static mal_err put_line(mal_buf *lines, const char *engine, const char *name,
                        uint64_t rows, unsigned threads, watch start,
                        uint64_t bytes) {
    const double wall = (double)(mal_time_monotonic_ns() - start.wall);
    const double cpu = (double)(mal_time_cpu_ns() - start.cpu);
    return mal_buf_put_fmt(
        lines,
        "{\"engine\":\"%s\",\"name\":\"%s\",\"rows\":%llu,\"threads\":%u,"
        "\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"bytes\":%llu,"
        "\"ns_per_row\":%.1f}\n",
        engine, name, (unsigned long long)rows, threads, wall * 1e-9,
        cpu * 1e-9, (unsigned long long)bytes, wall / (double)rows);
}

static bool wanted(const char *only, const char *engine, const char *name) {
    return !only || strcmp(only, engine) == 0 || strcmp(only, name) == 0;
}

/* --- sum ------------------------------------------------------------------ */

typedef struct sum_party {
    mal_mpc_sum_input input;
    uint64_t *y;
    uint64_t bytes;
} sum_party;

static mal_err sum_party_run(void *ctx, mal_mesh *mesh) {
    sum_party *p = (sum_party *)ctx + mesh->me;
    mal_err err = mal_mpc_sum(p->y, NULL, mesh, &p->input, NULL);
    for (unsigned j = 0; j < SUM_PARTIES; j++)
        p->bytes += mesh->chan[j] ? mesh->chan[j]->bytes_sent : 0;
    return err;
}

static mal_err bench_sum(mal_buf *lines, uint64_t rows) {
    sum_party p[SUM_PARTIES] = { 0 };
    int64_t *x = mal_calloc(rows, sizeof *x);
    uint64_t *y = mal_calloc(rows, SUM_PARTIES * sizeof *y);
    mal_err err =
        x && y ? MAL_OK : mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (unsigned i = 0; i < SUM_PARTIES; i++) {
        p[i].input.x = p[i].input.noise = x;
        p[i].input.n = rows;
        p[i].y = y + i * rows;
    }
    watch start = watch_start();
    uint64_t bytes = 0;
    if (err == MAL_OK)
        err = mal_mesh_run(SUM_PARTIES, 60000, sum_party_run, p);
    for (unsigned i = 0; i < SUM_PARTIES; i++)
        bytes += p[i].bytes;
    if (err == MAL_OK)
        err = put_line(lines, "sum", "sum-3-parties", rows, 1, start, bytes);
    mal_free(x);
    mal_free(y);
    return err;
}

mal_err mal_mpc_bench(mal_buf *lines, const char *only, uint64_t rows,
                      unsigned threads) {
    (void)threads; /* a sum has one message a pair: nothing to share out */
    MAL_REQUIRE(rows >= 1 && rows <= MAL_MPC_SUM_WORDS_MAX, MAL_E_INPUT,
                "a bench of %llu rows: take 1 to %zu", (unsigned long long)rows,
                MAL_MPC_SUM_WORDS_MAX);
    MAL_TRY(mal_prim_init());
    if (wanted(only, "sum", "sum-3-parties"))
        MAL_TRY(bench_sum(lines, rows));
    return MAL_OK;
}
