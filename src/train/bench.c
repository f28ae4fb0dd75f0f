/* bench.c - what a fit costs, and how well it tells rows that it has not seen:
 * three threads over channels in memory, beside double precision.
 *
 * Every fourth row is kept back; accuracy is that on the rows kept back (for
 * linear: 1 - squared error / variance).  Those named -dp have noise in them,
 * as a room of `collude 1` draws it: any two of the three parts are all of what
 * epsilon and delta ask for.
 */
#include "plain.h"
#include "train_impl.h"

#include <malus/dp.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTIES MAL_SHARE3_PARTIES
#define BIN_BITS 4
#define NANO 1e-9
#define TIMEOUT_MS 600000
#define WHOLE 2        /* parts of noise that are the mechanism */
#define DELTA_DIGITS 6 /* delta = 10^-6 */
#define RUNS 20        /* fits of a line with noise */

typedef struct model {
    const char *name, *file;
    bool trees, logistic, private_;
    unsigned generated; /* features */
    mal_train_options linear;
    mal_train_trees_options boosted;
} recipe;

static const recipe models[] = {
    { .name = "linear",
      .file = "diabetes.csv",
      .generated = 10,
      .linear = { .steps = 800, .ridge_nano = 100000 } },
    { .name = "logistic",
      .file = "breast-cancer.csv",
      .logistic = true,
      .generated = 30,
      .linear = { .steps = 300, .ridge_nano = 1000000 } },
    { .name = "gbdt",
      .file = "breast-cancer.csv",
      .trees = true,
      .logistic = true,
      .generated = 30,
      .boosted = { .trees = 10,
                   .depth = 3,
                   .logistic = true,
                   .ridge_rows = 1,
                   .rate = 2 << MAL_TRAIN_VALUE_BITS } },
    /* Fewer sums, so that each gets less noise; linear's ridge follows from
     * that. */
    { .name = "linear-dp",
      .file = "diabetes.csv",
      .private_ = true,
      .generated = 10,
      .linear = { .steps = 200, .noised = true } },
    { .name = "logistic-dp",
      .file = "breast-cancer.csv",
      .private_ = true,
      .logistic = true,
      .generated = 30,
      .linear = { .steps = 20, .ridge_nano = 1000000, .noised = true } },
    { .name = "gbdt-dp",
      .file = "breast-cancer.csv",
      .private_ = true,
      .trees = true,
      .logistic = true,
      .generated = 30,
      .boosted = { .trees = 1,
                   .depth = 2,
                   .logistic = true,
                   .ridge_rows = 1,
                   .rate = 2 << MAL_TRAIN_VALUE_BITS,
                   .noised = true } },
};

typedef struct run {
    const recipe *model;
    train_set fit, kept;
    uint8_t *bins; /* of fit */
    bool real;
    uint64_t deviation;      /* of each part of noise */
    int64_t *noise[PARTIES]; /* NULL: none */
} run;

static void run_clear(run *r) {
    train_set_clear(&r->fit);
    train_set_clear(&r->kept);
    mal_free(r->bins);
    r->bins = NULL;
    for (unsigned i = 0; i < PARTIES; i++)
        mal_free(r->noise[i]);
}

/* --- Data ------------------------------------------------------------------
 */

static mal_err part(run *r, const train_set *all) {
    const size_t kept = all->rows / 4;
    MAL_TRY(train_set_new(&r->fit, all->rows - kept, all->features));
    MAL_TRY(train_set_new(&r->kept, kept ? kept : 1, all->features));
    for (size_t i = 0, n[2] = { 0 }; i < all->rows; i++) {
        train_set *to = i % 4 == 3 ? &r->kept : &r->fit;
        const size_t at = n[i % 4 == 3]++;
        for (unsigned j = 0; j < all->features; j++)
            to->x[j * to->rows + at] = all->x[j * all->rows + i];
        to->y[at] = all->y[i];
    }
    r->bins = mal_calloc(r->fit.rows, r->fit.features);
    if (!r->bins)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    train_set_bins(r->bins, &r->fit, BIN_BITS);
    return MAL_OK;
}

static mal_err load(run *r, uint64_t rows) {
    MAL_AUTO(train_set_clear) train_set all = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf path = { 0 };
    const char *folder = getenv("MALUS_TRAIN_DATA"), *file;
    if (folder) {
        MAL_TRY(mal_buf_put_fmt(&path, "%s/%s", folder, r->model->file));
        MAL_TRY(mal_buf_cstr(&path, &file));
        r->real = mal_file_exists(file);
    }
    if (r->real)
        MAL_TRY(train_set_read(&all, file, r->model->logistic));
    else
        MAL_TRY(train_set_generate(&all, rows, r->model->generated,
                                   r->model->logistic, 1));
    return part(r, &all);
}

/* --- One party -------------------------------------------------------------
 */

typedef struct seat {
    mal_share3_options options;
    const run *run;
    uint64_t *model; /* opened */
    uint64_t cpu_ns, wall_ns;
    mal_share3_counters count;
} seat;

static mal_err fit_columns(mal_share3 *s, const run *r, mal_share3_words *w,
                           mal_share3_words *column, uint64_t *words) {
    const unsigned d = r->fit.features;
    for (unsigned j = 0; j <= d; j++) {
        train_set_words(words, &r->fit, j);
        MAL_TRY(mal_share3_words_input(
            s, &column[j], j % PARTIES,
            mal_share3_me(s) == j % PARTIES ? words : NULL, r->fit.rows));
    }
    const mal_train_data data = { .rows = r->fit.rows,
                                  .features = d,
                                  .columns = column,
                                  .label = &column[d] };
    mal_train_options options = r->model->linear;
    options.noise = r->noise[mal_share3_me(s)];
    return (r->model->logistic ? mal_train_logistic
                               : mal_train_linear)(s, w, &data, &options);
}

static mal_err fit_bins(mal_share3 *s, const run *r, mal_share3_words *w,
                        mal_share3_bits *column, uint64_t *words) {
    TRAIN_AUTO_WORDS label = { 0 };
    const size_t n = r->fit.rows, stride = (n + 63) / 64;
    const unsigned me = mal_share3_me(s);
    for (unsigned j = 0; j < r->fit.features; j++) {
        memset(words, 0, BIN_BITS * stride * sizeof *words);
        for (size_t i = 0; i < n; i++)
            for (unsigned b = 0; b < BIN_BITS; b++)
                words[b * stride + i / 64] |=
                    (uint64_t)(r->bins[j * n + i] >> b & 1) << i % 64;
        MAL_TRY(mal_share3_bits_input(s, &column[j], j % PARTIES,
                                      me == j % PARTIES ? words : NULL, n,
                                      BIN_BITS));
    }
    train_set_words(words, &r->fit, r->fit.features);
    MAL_TRY(mal_share3_words_input(s, &label, 0, me ? NULL : words, n));
    const mal_train_bins data = { .rows = n,
                                  .features = r->fit.features,
                                  .bin_bits = BIN_BITS,
                                  .columns = column,
                                  .label = &label };
    mal_train_trees_options options = r->model->boosted;
    options.noise = r->noise[me];
    return mal_train_trees(s, w, &data, &options);
}

/* Sharing, fitting and opening: all of it is measured. */
static mal_err fit(mal_share3 *s, const run *r, uint64_t *model) {
    TRAIN_AUTO_WORDS w = { 0 };
    const unsigned d = r->fit.features;
    mal_share3_words *c = mal_calloc(d + 1, sizeof *c);
    mal_share3_bits *b = mal_calloc(d, sizeof *b);
    uint64_t *words = mal_calloc(
        r->fit.rows + BIN_BITS * (r->fit.rows / 64 + 1), sizeof *words);
    mal_err err = c && b && words
                      ? MAL_OK
                      : mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    if (err == MAL_OK)
        err = r->model->trees ? fit_bins(s, r, &w, b, words)
                              : fit_columns(s, r, &w, c, words);
    if (err == MAL_OK)
        err = mal_share3_words_open(s, model, &w);
    for (unsigned j = 0; c && j <= d; j++)
        mal_share3_words_clear(&c[j]);
    for (unsigned j = 0; b && j < d; j++)
        mal_share3_bits_clear(&b[j]);
    mal_free(c);
    mal_free(b);
    mal_free(words);
    return err;
}

static mal_err sit(void *ctx, mal_mesh *mesh) {
    seat *p = (seat *)ctx + mesh->me;
    mal_share3 *s = NULL;
    mal_err err = mal_share3_open(&s, mesh, &p->options);
    const uint64_t cpu = mal_time_thread_ns(), wall = mal_time_monotonic_ns();
    if (err == MAL_OK)
        err = fit(s, p->run, p->model);
    p->cpu_ns = mal_time_thread_ns() - cpu;
    p->wall_ns = mal_time_monotonic_ns() - wall;
    if (s)
        p->count = mal_share3_count(s);
    mal_share3_close(&s);
    return err;
}

/* --- How well --------------------------------------------------------------
 */

static double judge(const run *r, const double *score) {
    return r->model->logistic ? train_plain_score_accuracy(score, &r->kept)
                              : train_plain_score_r2(score, &r->kept);
}

static mal_err judge_weights(double told[2], const run *r, double *score,
                             const uint64_t *model) {
    const mal_train_options *o = &r->model->linear;
    double w[MAL_TRAIN_FEATURES_MAX + 1];
    for (unsigned j = 0; j <= r->fit.features; j++)
        w[j] = ldexp((double)(int64_t)model[j], -MAL_TRAIN_WEIGHT_BITS);
    train_plain_scores(score, w, &r->kept);
    told[0] = judge(r, score);
    const double ridge = (double)o->ridge_nano * NANO;
    MAL_TRY(r->model->logistic
                ? train_plain_descend(w, &r->fit, true, o->steps, ridge)
                : train_plain_normal(w, &r->fit, ridge));
    train_plain_scores(score, w, &r->kept);
    told[1] = judge(r, score);
    return MAL_OK;
}

static void score_trees(const run *r, double *score, const uint64_t *model) {
    uint8_t row[MAL_TRAIN_FEATURES_MAX];
    const train_set *set = &r->kept;
    for (size_t i = 0; i < set->rows; i++) {
        for (unsigned j = 0; j < set->features; j++) {
            const train_set one = { .rows = 1,
                                    .features = 1,
                                    .x = set->x + j * set->rows + i };
            train_set_bins(&row[j], &one, BIN_BITS);
        }
        score[i] = ldexp((double)mal_train_trees_score_vartime(
                             model, &r->model->boosted, BIN_BITS, row),
                         -MAL_TRAIN_VALUE_BITS);
    }
}

static mal_err judge_trees(double told[2], const run *r, double *score,
                           const uint64_t *model) {
    score_trees(r, score, model);
    told[0] = judge(r, score);
    const size_t words = mal_train_trees_words(&r->model->boosted);
    uint64_t *own = mal_calloc(words, sizeof *own);
    double *fitted = mal_calloc(r->fit.rows, sizeof *fitted);
    train_plain_forest f = { .set = &r->fit,
                             .bins = r->bins,
                             .bin_bits = BIN_BITS,
                             .options = &r->model->boosted,
                             .model = own,
                             .score = fitted };
    const mal_err err = own && fitted
                            ? train_plain_trees(&f)
                            : mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    if (err == MAL_OK) {
        score_trees(r, score, own);
        told[1] = judge(r, score);
    }
    mal_free(own);
    mal_free(fitted);
    return err;
}

static mal_err judge_model(double told[2], const run *r,
                           const uint64_t *model) {
    double *score = mal_calloc(r->kept.rows, sizeof *score);
    if (!score)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    const mal_err err =
        (r->model->trees ? judge_trees : judge_weights)(told, r, score, model);
    mal_free(score);
    return err;
}

/* --- Lines ----------------------------------------------------------------
 */

static mal_err print(mal_buf *lines, const run *r, const seat p[PARTIES],
                     const char *more, const double told[2]) {
    uint64_t cpu = 0, wall = 0, bytes = 0;
    for (unsigned i = 0; i < PARTIES; i++) {
        cpu += p[i].cpu_ns;
        wall = p[i].wall_ns > wall ? p[i].wall_ns : wall;
        bytes = p[i].count.bytes > bytes ? p[i].count.bytes : bytes;
    }
    const bool bad = p[0].options.security == MAL_SHARE3_MALICIOUS;
    return mal_buf_put_fmt(
        lines,
        "{\"engine\":\"train\",\"name\":\"%s\",\"security\":\"%s\","
        "\"data\":\"%s\",\"rows\":%zu,\"features\":%u,\"threads\":1,"
        "\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"bytes\":%llu,"
        "\"ns_per_row\":%.1f,\"rounds\":%llu,\"rows_kept\":%zu,"
        "\"measure\":\"%s\",%s\"accuracy\":%.6f,\"accuracy_double\":%.6f}\n",
        r->model->name, bad ? "malicious" : "semi-honest",
        r->real ? r->model->file : "generated", r->fit.rows, r->fit.features,
        (double)wall * NANO, (double)cpu * NANO, (unsigned long long)bytes,
        (double)wall / (double)r->fit.rows,
        (unsigned long long)p[0].count.rounds, r->kept.rows,
        r->model->logistic ? "told right" : "R2", more, told[0], told[1]);
}

/* Fit once, for the seats of p. */
static mal_err fit_once(const run *r, seat p[PARTIES], uint64_t *opened,
                        size_t words, mal_share3_security security) {
    memset(p, 0, PARTIES * sizeof *p);
    for (unsigned i = 0; i < PARTIES; i++) {
        p[i].options.security = security;
        p[i].run = r;
        p[i].model = opened + i * words;
    }
    return mal_mesh_run(PARTIES, TIMEOUT_MS, sit, p);
}

static mal_err bench_plain(mal_buf *lines, run *r, uint64_t *opened,
                           size_t words, mal_share3_security security) {
    seat p[PARTIES];
    double told[2] = { 0 };
    MAL_TRY(fit_once(r, p, opened, words, security));
    MAL_TRY(judge_model(told, r, p[0].model));
    return print(lines, r, p, "", told);
}

/* --- With noise -----------------------------------------------------------
 */

static mal_err release_of(mal_train_release *release, const run *r) {
    const recipe *m = r->model;
    const unsigned d = r->fit.features;
    if (m->trees)
        return mal_train_trees_release(release, d, BIN_BITS, &m->boosted);
    return m->logistic ? mal_train_logistic_release(release, d, m->linear.steps)
                       : mal_train_linear_release(release, d);
}

/* Room for it, and how large it is for a unit of one row. */
static mal_err noise_of(run *r, uint64_t epsilon_nano, size_t *words) {
    mal_train_release release;
    uint64_t rho;
    MAL_TRY(release_of(&release, r));
    const mal_dp_moved moved = { release.steps * release.touched,
                                 release.change };
    MAL_TRY(mal_dp_rho_of(&rho, epsilon_nano, DELTA_DIGITS));
    MAL_TRY(mal_dp_deviation_of(&r->deviation, &moved, rho, WHOLE));
    *words = release.words;
    for (unsigned i = 0; i < PARTIES; i++) {
        mal_free(r->noise[i]);
        r->noise[i] = mal_calloc(release.words, sizeof **r->noise);
        if (!r->noise[i])
            return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    }
    return MAL_OK;
}

static mal_err draw(run *r, size_t words) {
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = NULL;
    uint8_t seed[32];
    mal_prim_random(seed, sizeof seed);
    MAL_TRY(mal_prim_drbg_new(&drbg, mal_bytes_of(seed, sizeof seed)));
    for (unsigned i = 0; i < PARTIES; i++)
        MAL_TRY(mal_dp_gauss_share(r->noise[i], words, r->deviation, drbg));
    return MAL_OK;
}

/* The greatest eigenvalue of a symmetric matrix of noise of deviation s is near
 * 2 s sqrt(d): a ridge of half as much more, over the rows, keeps the sum of
 * both well above 0.
 * All of that is public. */
static void ridge_of(recipe *m, const run *r) {
    const double s = (double)r->deviation * sqrt(PARTIES) / (double)(ONE * ONE);
    const double d = r->fit.features + 1;
    double ridge = 3 * s * sqrt(d) / (double)r->fit.rows;
    ridge = ridge > 100 ? 100 : ridge < 0.0001 ? 0.0001 : ridge;
    m->linear.ridge_nano = (uint64_t)(ridge / NANO);
}

static mal_err bench_epsilon(mal_buf *lines, run *r, uint64_t *opened,
                             size_t words, mal_share3_security security,
                             double epsilon) {
    seat p[PARTIES];
    double told[2] = { 0 }, sum = 0, low = INFINITY, high = -INFINITY;
    char more[200];
    recipe own = *r->model;
    size_t n;
    MAL_TRY(noise_of(r, (uint64_t)(epsilon / NANO), &n));
    if (!own.trees && !own.logistic)
        ridge_of(&own, r);
    r->model = &own;
    mal_err err = MAL_OK;
    for (unsigned i = 0; i < RUNS && err == MAL_OK; i++) {
        err = draw(r, n);
        if (err == MAL_OK)
            err = fit_once(r, p, opened, words, security);
        if (err == MAL_OK)
            err = judge_model(told, r, p[0].model);
        sum += told[0];
        low = fmin(low, told[0]);
        high = fmax(high, told[0]);
    }
    told[0] = sum / RUNS;
    snprintf(more, sizeof more,
             "\"epsilon\":%g,\"delta\":1e-%d,\"ridge\":%.6f,\"runs\":%d,"
             "\"accuracy_low\":%.6f,\"accuracy_high\":%.6f,",
             epsilon, DELTA_DIGITS, (double)own.linear.ridge_nano * NANO, RUNS,
             low, high);
    if (err == MAL_OK)
        err = print(lines, r, p, more, told);
    return err;
}

static mal_err bench_private(mal_buf *lines, run *r, uint64_t *opened,
                             size_t words, mal_share3_security security) {
    static const double epsilons[] = { 0.5, 1, 2, 8 };
    const recipe *m = r->model;
    for (size_t i = 0; i < sizeof epsilons / sizeof *epsilons; i++) {
        const mal_err err =
            bench_epsilon(lines, r, opened, words, security, epsilons[i]);
        r->model = m;
        MAL_TRY(err);
    }
    return MAL_OK;
}

static mal_err bench_one(mal_buf *lines, const recipe *m, uint64_t rows,
                         mal_share3_security security) {
    MAL_AUTO(run_clear) run r = { .model = m };
    MAL_TRY(load(&r, rows));
    const size_t words =
        m->trees ? mal_train_trees_words(&m->boosted) : r.fit.features + 1;
    uint64_t *opened = mal_calloc(PARTIES * words, sizeof *opened);
    if (!opened)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    const mal_err err = (m->private_ ? bench_private : bench_plain)(
        lines, &r, opened, words, security);
    mal_free(opened);
    return err;
}

/* NULL: all without noise; "dp": all with. */
static bool is_wanted(const recipe *m, const char *only) {
    if (!only || strcmp(only, "dp") == 0)
        return m->private_ == (only != NULL);
    return strcmp(only, m->name) == 0;
}

mal_err mal_train_bench(mal_buf *lines, const char *only, uint64_t rows,
                        unsigned threads, mal_share3_security security) {
    bool any = false;
    (void)threads; /* a party has one */
    MAL_REQUIRE(rows >= 8 && rows <= (uint64_t)1 << 17, MAL_E_INPUT,
                "a bench of %llu rows: take 8 to 2^17",
                (unsigned long long)rows);
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        if (!is_wanted(&models[i], only))
            continue;
        any = true;
        MAL_TRY(bench_one(lines, &models[i], rows, security));
    }
    MAL_REQUIRE(any, MAL_E_INPUT, "train has no bench %s", only);
    return MAL_OK;
}
