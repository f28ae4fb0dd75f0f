/* dlog.c - small discrete logarithms of many points: baby steps, giant steps.
 *
 * Everything happens in the subgroup of prime order: 4 P is the same point for
 * all representatives P of a ristretto255 element, so with Q = 4 P and H = 4
 * base plain affine coordinates may be compared.  -(x, y) = (-x, y), so one y
 * stands for both signs: a table of y(j H), 0 <= j <= T, covers 2 T + 1
 * logarithms, and Q - k (2 T + 1) H for |k| <= K covers them all.  The y of C +
 * S and C - S together cost four products and two inversions, and inversions
 * come in batches: y(C +- S) = (yC yS +- xC xS) / (1 -+ d xC yC xS yS).
 */
#include "ring_impl.h"

#define BATCH 256                     /* inversions at once */
#define BABY_MAX ((uint64_t)1 << 22)  /* T: 64 MiB of slots at load 1/2 */
#define STEPS_MAX ((uint64_t)1 << 18) /* K: 30 MiB of steps */

typedef struct search {
    size_t n;
    uint64_t bound, baby, steps; /* T and K of the essay above */
    ge h;                        /* 4 * base */
    uint64_t *slot; /* high half of y(j H), then j + 1; 0 is empty */
    uint64_t slot_mask;
    ge_affine *step;   /* [K] (k + 1)(2 T + 1) H */
    ge_affine *little; /* [BATCH] (i + 1) H */
    ge_affine *point;  /* [n] Q */
    int64_t *m;
    size_t done; /* of the stage at hand: bodies count from here */
} search;

static void mul_small(ge *out, uint64_t k, const ge *p) {
    uint8_t s[32] = { 0 };
    mal_store_u64le(s, k);
    mal_ring_ge_mul_vartime(out, s, p);
}

/* plus[i] = low bits of y(c + s[i]), minus[i] = those of y(c - s[i]). */
static void sums_y(uint64_t *plus, uint64_t *minus, const ge_affine *c,
                   const ge_affine *s, size_t n) {
    fe num[2 * BATCH], den[2 * BATCH], scratch[2 * BATCH], yy, xx, dtt;
    assert(n <= BATCH);
    for (size_t i = 0; i < n; i++) {
        fe_mul(&yy, &c->y, &s[i].y);
        fe_mul(&xx, &c->x, &s[i].x);
        fe_mul(&dtt, &c->dxy, &s[i].x);
        fe_mul(&dtt, &dtt, &s[i].y);
        fe_add(&num[2 * i], &yy, &xx);
        fe_sub(&num[2 * i + 1], &yy, &xx);
        fe_sub(&den[2 * i], &fe_one, &dtt);
        fe_add(&den[2 * i + 1], &fe_one, &dtt);
    }
    /* No denominator is zero: the addition law is complete. */
    fe acc = den[0], inverse;
    for (size_t i = 1; i < 2 * n; i++) {
        scratch[i] = acc;
        fe_mul(&acc, &acc, &den[i]);
    }
    fe_invert(&inverse, &acc);
    for (size_t i = 2 * n; i-- > 0;) {
        fe y = inverse;
        if (i > 0)
            fe_mul(&y, &inverse, &scratch[i]);
        fe_mul(&inverse, &inverse, &den[i]);
        fe_mul(&y, &y, &num[i]);
        *(i & 1 ? &minus[i / 2] : &plus[i / 2]) = fe_low(&y);
    }
}

/* out[i] = (first + i) * p for i < n <= BATCH. */
static void multiples(ge_affine *out, const ge *p, uint64_t first, size_t n) {
    ge point[BATCH];
    fe scratch[2 * BATCH];
    mul_small(&point[0], first, p);
    for (size_t i = 1; i < n; i++)
        mal_ring_ge_add(&point[i], &point[i - 1], p);
    ge_affine_all(out, point, scratch, n);
}

/* --- Baby steps ----------------------------------------------------------- */

static void insert(search *s, uint64_t y, uint64_t j) {
    uint64_t entry = (y >> 32 << 32) | (j + 1);
    for (uint64_t at = y & s->slot_mask;; at = (at + 1) & s->slot_mask) {
        uint64_t empty = 0;
        if (__atomic_compare_exchange_n(&s->slot[at], &empty, entry, false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return; /* never full: twice as many slots as entries */
    }
}

/* Block b: the multiples around b (2 BATCH + 1), BATCH to either side. */
static mal_err baby_block(void *ctx, size_t i_block) {
    search *s = ctx;
    uint64_t plus[BATCH], minus[BATCH], b = s->done + i_block;
    uint64_t centre = b * (2 * BATCH + 1);
    ge_affine c;
    multiples(&c, &s->h, centre, 1);
    sums_y(plus, minus, &c, s->little, BATCH);
    insert(s, fe_low(&c.y), centre);
    for (unsigned i = 0; i < BATCH; i++) {
        insert(s, plus[i], centre + i + 1);
        if (b > 0)
            insert(s, minus[i], centre - i - 1);
    }
    return MAL_OK;
}

static mal_err step_block(void *ctx, size_t i_block) {
    search *s = ctx;
    ge stride;
    uint64_t first = (s->done + i_block) * BATCH, n = s->steps - first;
    mul_small(&stride, 2 * s->baby + 1, &s->h);
    multiples(s->step + first, &stride, first + 1, n < BATCH ? n : BATCH);
    return MAL_OK;
}

/* --- Giant steps ---------------------------------------------------------- */

/* Is q = m H?  A candidate may be a false alarm of the 32-bit tags. */
static bool confirmed(const search *s, const ge_affine *q, int64_t m) {
    ge p;
    fe t;
    uint64_t size = m < 0 ? (uint64_t)0 - (uint64_t)m : (uint64_t)m;
    if (size >= s->bound)
        return false;
    mul_small(&p, size, &s->h);
    if (m < 0)
        mal_ring_ge_neg(&p, &p);
    fe_mul(&t, &q->x, &p.z);
    uint64_t same = fe_mask_eq(&t, &p.x);
    fe_mul(&t, &q->y, &p.z);
    return (same & fe_mask_eq(&t, &p.y)) != 0;
}

/* Is q = (shift +- j) H for a j of the table with this y? */
static bool probe(const search *s, int64_t *m, const ge_affine *q, uint64_t y,
                  int64_t shift) {
    for (uint64_t at = y & s->slot_mask; s->slot[at];
         at = (at + 1) & s->slot_mask) {
        if (s->slot[at] >> 32 != y >> 32)
            continue;
        int64_t j = (int64_t)(s->slot[at] & UINT32_MAX) - 1;
        *m = shift + j;
        if (confirmed(s, q, *m))
            return true;
        *m = shift - j;
        if (confirmed(s, q, *m))
            return true;
    }
    return false;
}

static bool probe_steps(const search *s, int64_t *m, const ge_affine *q,
                        uint64_t first, size_t n) {
    uint64_t plus[BATCH], minus[BATCH];
    const int64_t stride = (int64_t)(2 * s->baby + 1);
    sums_y(plus, minus, q, s->step + first, n);
    for (size_t i = 0; i < n; i++) {
        __builtin_prefetch(&s->slot[plus[i] & s->slot_mask]);
        __builtin_prefetch(&s->slot[minus[i] & s->slot_mask]);
    }
    for (size_t i = 0; i < n; i++) {
        int64_t shift = (int64_t)(first + i + 1) * stride;
        if (probe(s, m, q, minus[i], shift) || probe(s, m, q, plus[i], -shift))
            return true;
    }
    return false;
}

static mal_err solve_one(void *ctx, size_t i_point) {
    search *s = ctx;
    size_t at = s->done + i_point;
    const ge_affine *q = &s->point[at];
    bool found = probe(s, &s->m[at], q, fe_low(&q->y), 0);
    for (uint64_t first = 0; !found && first < s->steps; first += BATCH) {
        uint64_t n = s->steps - first;
        found = probe_steps(s, &s->m[at], q, first, n < BATCH ? n : BATCH);
    }
    MAL_REQUIRE(found, MAL_E_INPUT,
                "an answer is not within the declared bound of %llu: the "
                "declared ranges do not hold, or the ciphertexts are not ours",
                (unsigned long long)s->bound);
    return MAL_OK;
}

/* --- The whole ------------------------------------------------------------ */

static uint64_t root_up(uint64_t v) { /* the least power of two >= sqrt(v) */
    uint64_t r = 1;
    while (r * r < v && r < BABY_MAX)
        r *= 2;
    return r;
}

/* T balances the table against n searches of 2 K steps; K T >= bound / 2. */
static void choose_sizes(search *s) {
    s->baby = root_up((uint64_t)s->n < UINT64_MAX / s->bound
                          ? (uint64_t)s->n * s->bound
                          : UINT64_MAX);
    while (s->baby / 2 >= s->bound && s->baby > 1)
        s->baby /= 2;
    while ((s->bound - 1) / (2 * s->baby + 1) + 1 > STEPS_MAX)
        s->baby *= 2;
    s->steps = 0;
    if (s->bound - 1 > s->baby)
        s->steps = (s->bound - 1 - s->baby) / (2 * s->baby + 1) + 1;
    assert(s->baby <= BABY_MAX && s->steps <= STEPS_MAX);
}

static void search_clear(search *s) {
    mal_free(s->slot);
    mal_free(s->step);
    mal_free(s->little);
    mal_free(s->point);
}

static mal_err search_init(search *s, const ge *points) {
    ge base, q;
    fe scratch[2];
    /* Blocks of 2 BATCH + 1 overshoot T by less than 2 BATCH + 1 entries: the
     * slots are never full, and half empty where T is large. */
    uint64_t slots = 1024;
    while (slots < s->baby + s->baby / 2 + 8 * BATCH)
        slots *= 2;
    s->slot_mask = slots - 1;
    s->slot = mal_calloc(slots, sizeof *s->slot);
    s->step = mal_calloc(s->steps ? s->steps : 1, sizeof *s->step);
    s->little = mal_calloc(BATCH, sizeof *s->little);
    s->point = mal_calloc(s->n, sizeof *s->point);
    if (!s->slot || !s->step || !s->little || !s->point)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_ring_ge_base(&base);
    mal_ring_ge_double(&base, &base);
    mal_ring_ge_double(&s->h, &base);
    multiples(s->little, &s->h, 1, BATCH);
    for (size_t i = 0; i < s->n; i++) {
        mal_ring_ge_double(&q, &points[i]);
        mal_ring_ge_double(&q, &q);
        ge_affine_all(&s->point[i], &q, scratch, 1);
    }
    return MAL_OK;
}

/* Run body for i < n, from `done` on, and report between the parts. */
static mal_err stage(search *s, const char *name, size_t n, unsigned threads,
                     mal_err (*body)(void *, size_t),
                     const mal_progress *progress) {
    const size_t part = (size_t)threads * 16;
    for (s->done = 0; s->done < n; s->done += part) {
        size_t left = n - s->done;
        MAL_TRY(mal_progress_step(progress, name, s->done, n));
        MAL_TRY(mal_parallel(threads, left < part ? left : part, body, s));
    }
    return MAL_OK;
}

static mal_err search_run(search *s, const ge *points, unsigned threads,
                          const mal_progress *progress) {
    MAL_TRY(search_init(s, points));
    size_t blocks = 1;
    if (s->baby > BATCH)
        blocks += (s->baby - BATCH - 1) / (2 * BATCH + 1) + 1;
    size_t stairs = (s->steps + BATCH - 1) / BATCH;
    MAL_TRY(
        stage(s, "logarithms: table", blocks, threads, baby_block, progress));
    MAL_TRY(
        stage(s, "logarithms: steps", stairs, threads, step_block, progress));
    return stage(s, "logarithms", s->n, threads, solve_one, progress);
}

mal_err mal_ring_dlog_vartime(int64_t *m, const ge *points, size_t n,
                              uint64_t bound, unsigned threads,
                              const mal_progress *progress) {
    MAL_REQUIRE(n >= 1 && n <= MAL_RING_DLOG_POINTS_MAX, MAL_E_INPUT,
                "%zu logarithms at once: ask for 1 to %zu", n,
                MAL_RING_DLOG_POINTS_MAX);
    MAL_REQUIRE(bound >= 1 && bound <= MAL_RING_DLOG_BOUND_MAX, MAL_E_INPUT,
                "a bound of %llu: declare 1 to 2^40",
                (unsigned long long)bound);
    search s = { .n = n, .bound = bound, .m = m };
    choose_sizes(&s);
    mal_err err = search_run(&s, points, threads ? threads : 1, progress);
    search_clear(&s);
    if (err != MAL_OK) {
        mal_wipe(m, n * sizeof *m);
        return mal_err_trace(err, __FILE__, __LINE__);
    }
    return MAL_OK;
}
