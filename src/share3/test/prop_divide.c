/* Truncation within its proved error; division equal to floor division. */
#include "share3_parties.h"

#define ROWS 700

typedef struct job {
    size_t n;
    unsigned width, shift;
    bool is_signed, exact;
    uint64_t x[ROWS], y[ROWS], z[3][ROWS], bad[3][ROWS];
} job;

static uint64_t rnd(void) {
    static uint64_t seed;
    if (!seed)
        seed = mal_test_seed();
    return mal_test_rand(&seed);
}
static uint64_t low(uint64_t v, unsigned width) {
    return width == 64 ? v : v & ((UINT64_C(1) << width) - 1);
}
static int64_t extend(uint64_t v, unsigned width) {
    return (int64_t)(v << (64 - width)) >> (64 - width);
}

/* --- Truncation
 * --------------------------------------------------------------- */

static mal_err truncate_body(mal_share3 *s, void *ctx) {
    job *j = ctx;
    mal_share3_words x = { 0 }, z = { 0 };
    mal_err err = mal_share3_words_input(s, &x, 0, j->x, j->n);
    if (err == MAL_OK) /* all three parts at random */
        err = mal_share3_words_refresh(s, &x, &x);
    if (err == MAL_OK)
        err = j->exact ? mal_share3_floor_shift(s, &z, &x, j->shift)
                       : mal_share3_truncate(s, &z, &x, j->shift);
    if (err == MAL_OK)
        err = mal_share3_words_open(s, j->z[mal_share3_me(s)], &z);
    mal_share3_words_clear(&x);
    mal_share3_words_clear(&z);
    return err;
}

TEST(pitfall_15_truncation_is_off_by_one_at_most_up_to_the_edges) {
    static job j;
    const int64_t top = INT64_C(1) << 61;
    bool seen[3] = { false };
    for (j.shift = 1; j.shift <= 61; j.shift++) {
        j.n = ROWS;
        for (size_t i = 0; i < j.n; i++) {
            const int64_t small = (int64_t)(rnd() % 64);
            const int64_t pick[] = { small - 32, top - 1 - small, small - top,
                                     (int64_t)rnd() >> (rnd() % 60 + 2) };
            j.x[i] = (uint64_t)pick[rnd() % 4];
        }
        trio_run(truncate_body, &j);
        for (size_t i = 0; i < j.n; i++) {
            const int64_t e =
                (int64_t)(j.z[0][i] - (uint64_t)((int64_t)j.x[i] >> j.shift));
            CHECK_THAT(e >= -1 && e <= 1, "%lld >> %u is off by %lld",
                       (long long)j.x[i], j.shift, (long long)e);
            seen[e + 1] = true;
            CHECK(j.z[1][i] == j.z[0][i] && j.z[2][i] == j.z[0][i]);
        }
    }
    CHECK(seen[0] && seen[1] && seen[2]); /* the bound is sharp */
}

TEST(pitfall_15_a_floor_shift_is_exact_for_all_words) {
    static job j;
    j.exact = true;
    for (j.shift = 0; j.shift <= 63; j.shift += 9) {
        j.n = 130;
        for (size_t i = 0; i < j.n; i++)
            j.x[i] = i < 2 ? i + (UINT64_C(1) << 63) - 1 : rnd() >> rnd() % 64;
        trio_run(truncate_body, &j);
        for (size_t i = 0; i < j.n; i++)
            CHECK((int64_t)j.z[2][i] == (int64_t)j.x[i] >> j.shift);
    }
}

/* --- Division
 * ------------------------------------------------------------------ */

static mal_err in(mal_share3 *s, mal_share3_bits *v, unsigned owner,
                  const uint64_t *rows, const job *j) {
    static _Thread_local uint64_t planes[64 * (ROWS / 64 + 1)];
    mal_share3_planes_of(planes, rows, j->n, j->width);
    return mal_share3_bits_input(s, v, owner, planes, j->n, j->width);
}
static mal_err out(mal_share3 *s, uint64_t *rows, const mal_share3_bits *v) {
    static _Thread_local uint64_t planes[64 * (ROWS / 64 + 1)];
    MAL_TRY(mal_share3_bits_open(s, planes, v));
    mal_share3_rows_of(rows, planes, v->n, v->width, false);
    return MAL_OK;
}

static mal_err divide_body(mal_share3 *s, void *ctx) {
    job *j = ctx;
    mal_share3_bits x = { 0 }, y = { 0 }, q = { 0 }, bad = { 0 };
    mal_err err = in(s, &x, 0, j->x, j);
    if (err == MAL_OK)
        err = in(s, &y, 1, j->y, j);
    if (err == MAL_OK)
        err = mal_share3_divide(s, &q, &bad, &x, &y, j->is_signed);
    if (err == MAL_OK)
        err = out(s, j->z[mal_share3_me(s)], &q);
    if (err == MAL_OK)
        err = out(s, j->bad[mal_share3_me(s)], &bad);
    mal_share3_bits_clear(&x);
    mal_share3_bits_clear(&y);
    mal_share3_bits_clear(&q);
    mal_share3_bits_clear(&bad);
    return err;
}

/* What it is, and whether there is one. */
static bool quotient(const job *j, size_t i, uint64_t *q) {
    *q = 0;
    if (j->y[i] == 0)
        return false;
    if (!j->is_signed) {
        *q = j->x[i] / j->y[i];
        return true;
    }
    const mal_i128 x = extend(j->x[i], j->width), y = extend(j->y[i], j->width);
    mal_i128 v = x / y;
    if (x % y != 0 && (x < 0) != (y < 0))
        v--;
    if (v >> (j->width - 1) != 0 && v >> (j->width - 1) != -1)
        return false;
    *q = low((uint64_t)v, j->width);
    return true;
}

static void divide_all(unsigned width, bool is_signed) {
    static job j;
    j.width = width;
    j.is_signed = is_signed;
    j.n = width == 4 ? 256 : 67;
    for (size_t i = 0; i < j.n; i++) {
        const uint64_t edge[] = { 0, 1, ~UINT64_C(0),
                                  UINT64_C(1) << (width - 1),
                                  (UINT64_C(1) << (width - 1)) - 1 };
        j.x[i] = low(rnd() % 3 ? rnd() >> rnd() % 64 : edge[rnd() % 5], width);
        j.y[i] = low(rnd() % 3 ? rnd() >> rnd() % 64 : edge[rnd() % 5], width);
        if (width == 4) { /* all there are */
            j.x[i] = i / 16;
            j.y[i] = i % 16;
        }
    }
    trio_run(divide_body, &j);
    for (size_t i = 0; i < j.n; i++) {
        uint64_t want;
        const bool good = quotient(&j, i, &want);
        for (unsigned p = 0; p < 3; p++)
            CHECK_THAT(j.z[p][i] == want && j.bad[p][i] == !good,
                       "width %u, signed %d: %llx / %llx is %llx, bad %llu",
                       width, is_signed, (unsigned long long)j.x[i],
                       (unsigned long long)j.y[i],
                       (unsigned long long)j.z[p][i],
                       (unsigned long long)j.bad[p][i]);
    }
}

TEST(division_without_sign_is_total) {
    for (unsigned w = 1; w <= 64; w += w < 6 ? 1 : 7)
        divide_all(w, false);
    divide_all(64, false);
}

TEST(division_with_sign_is_floor_and_total) {
    for (unsigned w = 1; w <= 64; w += w < 6 ? 1 : 7)
        divide_all(w, true);
    divide_all(64, true);
}

TEST_MAIN
