/* bench.c - what noise costs.  For display only: the one file here that divides
 * times in floating point, and it draws noise that nobody uses. */
#include <malus/dp.h>
#include <string.h>

typedef struct mechanism {
    const char *name;
    uint64_t num, den;
    unsigned k;
} mechanism;

static const mechanism MECHANISMS[] = {
    { "laplace t=1", 1, 1, 1 },
    { "laplace t=1000", 1000, 1, 1 },
    { "laplace t=10^6", 1000000, 1, 1 },
    { "laplace t=2^50", (uint64_t)1 << 50, 1, 1 },
    { "share 1/2 t=1", 1, 1, 2 },
    { "share 1/2 t=1000", 1000, 1, 2 },
    { "share 1/2 t=10^6", 1000000, 1, 2 },
    { "share 1/2 t=2^50", (uint64_t)1 << 50, 1, 2 },
    { "share 1/4 t=1000", 1000, 1, 4 },
};

typedef struct work {
    const mal_dp_noise *noise;
    int64_t *out;
    size_t each;
} work;

static mal_err draw_part(void *ctx, size_t i) {
    work *w = ctx;
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = NULL;
    uint8_t seed[32];
    mal_prim_random(seed, sizeof seed);
    MAL_TRY(mal_prim_drbg_new(&drbg, mal_bytes_of(seed, sizeof seed)));
    mal_wipe(seed, sizeof seed);
    mal_dp_noise_draw(w->noise, w->out + i * w->each, w->each,
                      mal_dp_source_drbg(drbg));
    return MAL_OK;
}

static mal_err run_one(mal_buf *lines, const mechanism *m, size_t rows,
                       unsigned threads, int64_t *out) {
    MAL_AUTO(mal_dp_noise_auto) mal_dp_noise *noise = NULL;
    MAL_TRY(mal_dp_noise_new(&noise, (mal_dp_scale){ m->num, m->den }, m->k));
    work w = { noise, out, rows / threads };
    uint64_t wall = mal_time_monotonic_ns(), cpu = mal_time_cpu_ns();
    MAL_TRY(mal_parallel(threads, threads, draw_part, &w));
    wall = mal_time_monotonic_ns() - wall;
    cpu = mal_time_cpu_ns() - cpu;
    uint64_t drawn = w.each * threads;
    return mal_buf_put_fmt(
        lines,
        "{\"engine\":\"dp\",\"name\":\"%s\",\"rows\":%llu,\"threads\":%u,"
        "\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"bytes\":0,\"ns_per_row\":%.1f}"
        "\n",
        m->name, (unsigned long long)drawn, threads, (double)wall * 1e-9,
        (double)cpu * 1e-9, (double)wall / (double)drawn);
}

mal_err mal_dp_bench(mal_buf *lines, const char *only, uint64_t rows,
                     unsigned threads) {
    MAL_REQUIRE(threads >= 1 && threads <= 1024 && rows >= threads &&
                    rows <= (uint64_t)1 << 28,
                MAL_E_INPUT,
                "bench dp: 1 to 1024 threads, and 1 row each to 2^28");
    MAL_TRY(mal_prim_init());
    int64_t *out = mal_calloc((size_t)rows, sizeof *out);
    if (!out)
        return MAL_E_MEMORY;
    mal_err err = MAL_OK;
    for (size_t i = 0; i < sizeof MECHANISMS / sizeof *MECHANISMS; i++) {
        const mechanism *m = &MECHANISMS[i];
        if (only && strcmp(only, "dp") != 0 && strcmp(only, m->name) != 0)
            continue;
        if (err == MAL_OK)
            err = run_one(lines, m, (size_t)rows, threads, out);
    }
    mal_free(out);
    return err;
}
