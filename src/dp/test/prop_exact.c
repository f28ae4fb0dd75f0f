/* The exactness certificate: not a sample, all of it.
 *
 * The generator is replaced by an enumerator of bit strings.  Each run of the
 * sampler reads the bits it wants; a run that ends after m bits has probability
 * 2^-m exactly, and the runs that want more than DEPTH bits are left undecided.
 * So the law of the sampler is known within the undecided mass, as integers
 * over 2^DEPTH, and is compared with the law it should have.
 */
#include "fixed_case.h"

typedef struct walk {
    unsigned depth; /* bits at most */
    uint8_t bit[64];
    unsigned length, used; /* of the current string */
    jmp_buf deep;
    uint64_t undecided, leaves;
} walk;

static void next_bits(void *ctx, uint64_t *words, size_t n) {
    walk *w = ctx;
    for (size_t i = 0; i < n; i++) {
        if (w->used == w->length) {
            if (w->length == w->depth)
                longjmp(w->deep, 1);
            w->bit[w->length++] = 0;
        }
        words[i] = w->bit[w->used++];
    }
}

/* Visit every string; each(ctx, bits) is one run, its result < n gets its mass,
 * in units of 2^-depth.  The last cell takes every result from n - 1 on. */
static void enumerate(walk *w, uint64_t *mass, size_t n,
                      uint64_t (*each)(const void *ctx, mal_dp_bits *bits),
                      const void *ctx) {
    memset(mass, 0, n * sizeof *mass);
    w->length = 0;
    w->undecided = w->leaves = 0;
    for (;;) {
        mal_dp_bits bits;
        w->used = 0;
        mal_dp_bits_init(&bits, (mal_dp_source){ next_bits, w }, 1);
        if (setjmp(w->deep) == 0) {
            uint64_t x = each(ctx, &bits);
            CHECK_EQ(w->used, w->length);
            mass[x < n ? x : n - 1] += (uint64_t)1 << (w->depth - w->length);
        } else {
            w->undecided++;
        }
        w->leaves++;
        while (w->length && w->bit[w->length - 1])
            w->length--;
        if (w->length == 0)
            break;
        w->bit[w->length - 1] = 1;
    }
    uint64_t sum = w->undecided;
    for (size_t i = 0; i < n; i++)
        sum += mass[i];
    CHECK(sum == (uint64_t)1 << w->depth); /* nothing is lost */
}

/* m / 2^depth as fixed point, exactly. */
static void dyadic(mal_dp_iv *out, mal_u128 m, unsigned depth) {
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < 128; i++) {
        unsigned at = 64 * L + i - depth;
        CHECK(at < 64 * L + 64 || !(m >> i & 1));
        if (m >> i & 1)
            out->lo[at / 64] |= (uint64_t)1 << (at % 64);
    }
    memcpy(out->hi, out->lo, sizeof out->hi);
}

/* low / 2^depth <= p <= (low + slack) / 2^depth */
static void check_within(const mal_dp_iv *p, mal_u128 low, mal_u128 slack,
                         unsigned depth) {
    mal_dp_iv at;
    dyadic(&at, low, depth);
    CHECK(mal_dp_fx_cmp(at.lo, p->hi, L) <= 0);
    dyadic(&at, low + slack, depth);
    CHECK(mal_dp_fx_cmp(p->lo, at.hi, L) <= 0);
}

/* --- Single coins -------------------------------------------------------- */

static void half_at(const void *ctx, unsigned index, mal_dp_iv *out,
                    unsigned l) {
    const mal_dp_scale *t = ctx;
    (void)index;
    mal_dp_iv_exp_neg(out, t->den, t->num, l);
}

static uint64_t throw_exp(const void *ctx, mal_dp_bits *bits) {
    mal_dp_iv p;
    half_at(ctx, 0, &p, 4);
    return mal_dp_coin(bits, (mal_dp_prefix){ p.lo[3], p.hi[3] },
                       (mal_dp_exact){ half_at, ctx, 0 }) &
           1;
}

TEST(a_coin_of_an_exponential_has_its_probability_to_the_last_of_fifty_bits) {
    const mal_dp_scale scales[] = {
        { 1, 10 }, { 1, 1 }, { 7, 3 }, { 1000000, 7 }
    };
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        walk w = { .depth = 50 };
        uint64_t mass[2];
        mal_dp_iv q;
        enumerate(&w, mass, 2, throw_exp, &scales[i]);
        CHECK_EQ(w.undecided, 1); /* only the bits of p itself */
        mal_dp_iv_exp_neg(&q, scales[i].den, scales[i].num, L);
        check_within(&q, mass[1], 1, 50);
    }
}

static uint64_t throw_ratio(const void *ctx, mal_dp_bits *bits) {
    const mal_dp_scale *r = ctx;
    return mal_dp_coin_ratio(bits, r->num, r->den) & 1;
}

TEST(a_rational_coin_has_its_probability_to_the_last_of_fifty_bits) {
    const mal_dp_scale ratios[] = { { 1, 3 },
                                    { 5, 7 },
                                    { 1, 1 },
                                    { 1, 1000003 },
                                    { (uint64_t)1 << 50,
                                      ((uint64_t)1 << 51) - 1 } };
    for (size_t i = 0; i < sizeof ratios / sizeof *ratios; i++) {
        walk w = { .depth = 50 };
        uint64_t mass[2];
        mal_dp_iv p;
        enumerate(&w, mass, 2, throw_ratio, &ratios[i]);
        CHECK(w.undecided <= 1);
        mal_dp_iv_ratio(&p, ratios[i].num, ratios[i].den, L);
        check_within(&p, mass[1], w.undecided, 50);
    }
}

/* --- The fast path against the slow one ---------------------------------- */

typedef struct script {
    uint64_t words[8];
    size_t used;
} script;

static void next_word(void *ctx, uint64_t *words, size_t n) {
    script *s = ctx;
    for (size_t i = 0; i < n; i++)
        words[i] = s->words[(s->used + n - 1 - i) % 8]; /* taken from the end */
    s->used += n;
}

TEST(words_beside_a_threshold_decide_as_the_long_comparison_does) {
    uint64_t state = mal_test_seed(), ties = 0;
    for (int i = 0; i < 20000; i++) {
        mal_dp_scale t = { 1 + mal_test_rand(&state) % 100,
                           1 + mal_test_rand(&state) % 50 };
        mal_dp_iv p;
        mal_dp_iv_exp_neg(&p, t.den, t.num, 4);
        script s = { .used = 0 };
        for (int j = 0; j < 8; j++)
            s.words[j] = mal_test_rand(&state);
        s.words[0] = p.lo[3] + mal_test_rand(&state) % 3 - 1;
        if (mal_test_rand(&state) % 2)
            s.words[1] = p.lo[2] + mal_test_rand(&state) % 3 - 1;
        bool below = s.words[0] != p.lo[3]   ? s.words[0] < p.lo[3]
                     : s.words[1] != p.lo[2] ? s.words[1] < p.lo[2]
                                             : s.words[2] < p.lo[1];
        ties += s.words[0] == p.lo[3];
        mal_dp_bits bits;
        mal_dp_bits_init(&bits, (mal_dp_source){ next_word, &s }, 64);
        uint64_t got = mal_dp_coin(&bits, (mal_dp_prefix){ p.lo[3], p.hi[3] },
                                   (mal_dp_exact){ half_at, &t, 0 });
        CHECK_EQ(got, below ? UINT64_MAX : 0);
    }
    CHECK(ties > 1000);
}

/* --- Whole variables ----------------------------------------------------- */

static uint64_t one_side(const void *ctx, mal_dp_bits *bits) {
    return mal_dp_noise_side(ctx, bits);
}

#define CELLS 12

/* k-fold convolution of the masses: of k shares.  Cell x of the result is a
 * lower bound in units of 2^-(k depth). */
static void fold(mal_u128 *out, const uint64_t *mass, unsigned k) {
    memset(out, 0, CELLS * sizeof *out);
    out[0] = 1;
    for (unsigned i = 0; i < k; i++) {
        mal_u128 next[CELLS] = { 0 };
        for (size_t x = 0; x < CELLS; x++) {
            for (size_t y = 0; x + y < CELLS; y++)
                next[x + y] += out[x] * mass[y];
        }
        memcpy(out, next, sizeof next);
    }
}

static void certify(mal_dp_scale t, unsigned k, unsigned levels, unsigned depth,
                    uint64_t undecided_max) {
    MAL_AUTO(mal_dp_noise_auto) mal_dp_noise *z = NULL;
    walk w = { .depth = depth };
    uint64_t mass[CELLS + 1];
    mal_u128 sum[CELLS];
    CHECK_OK(mal_dp_noise_new_levels(&z, t, k, levels));
    enumerate(&w, mass, CELLS + 1, one_side, z);
    printf(
        "# t %llu/%llu, k %u, %u levels: %llu runs, undecided %llu * 2^-%u\n",
        (unsigned long long)t.num, (unsigned long long)t.den, k, levels,
        (unsigned long long)w.leaves, (unsigned long long)w.undecided, depth);
    CHECK(w.undecided <= undecided_max);
    fold(sum, mass, k);
    /* 1 - (1 - u)^k <= k u of the sum's mass is undecided. */
    mal_u128 slack = (mal_u128)k * w.undecided << ((k - 1) * depth);
    for (uint64_t x = 0; x < CELLS; x++) {
        mal_dp_iv p;
        geometric_pmf(&p, t, x);
        check_within(&p, sum[x], slack, k * depth);
    }
}

TEST(the_geometric_variable_is_certified) {
    certify((mal_dp_scale){ 1, 1 }, 1, 1, 40, (uint64_t)1 << 16);
    certify((mal_dp_scale){ 1, 1 }, 1, 2, 34, (uint64_t)1 << 18);
    certify((mal_dp_scale){ 1, 10 }, 1, 0, 60, (uint64_t)1 << 12);
    certify((mal_dp_scale){ 7, 3 }, 1, 3, 28, (uint64_t)1 << 18);
}

/* Two halves, three thirds, ...: any k shares are one geometric variable. */
TEST(shares_sum_to_the_geometric_variable_and_are_certified) {
    certify((mal_dp_scale){ 1, 4 }, 2, 0, 32, (uint64_t)1 << 20);
    certify((mal_dp_scale){ 1, 1 }, 2, 0, 28, (uint64_t)1 << 22);
    certify((mal_dp_scale){ 1, 1 }, 2, 1, 24, (uint64_t)1 << 20);
    certify((mal_dp_scale){ 3, 2 }, 3, 1, 24, (uint64_t)1 << 20);
    certify((mal_dp_scale){ 1, 1 }, 5, 1, 22, (uint64_t)1 << 18);
}

/* The difference of two certified sides, against the published Laplace table.
 */
TEST(the_laplace_law_is_certified_against_the_published_table) {
    MAL_AUTO(mal_dp_noise_auto) mal_dp_noise *z = NULL;
    const mal_dp_scale t = { 1, 1 };
    walk w = { .depth = 40 };
    uint64_t mass[64];
    CHECK_OK(mal_dp_noise_new_levels(&z, t, 1, 1));
    enumerate(&w, mass, 64, one_side, z);
    mal_json *json = read_json("dp/discrete_laplace_pmf.json");
    const mal_json *cases, *pmf;
    CHECK_OK(mal_json_get_array(json, "cases", &cases));
    for (size_t i = 0; i < mal_json_len(cases); i++) {
        const char *scale, *p;
        CHECK_OK(mal_json_get_str(mal_json_at(cases, i), "scale", &scale));
        if (strcmp(scale, "1") != 0)
            continue;
        CHECK_OK(mal_json_get_array(mal_json_at(cases, i), "pmf", &pmf));
        for (size_t j = 0; j < mal_json_len(pmf); j++) {
            uint64_t x;
            mal_dp_iv theirs;
            CHECK_OK(mal_json_get_u64(mal_json_at(pmf, j), "x", &x));
            CHECK_OK(mal_json_get_str(mal_json_at(pmf, j), "pmf", &p));
            decimal(&theirs, p);
            mal_u128 low = 0;
            for (size_t y = 0; x + y < 63; y++)
                low += (mal_u128)mass[y] * mass[x + y];
            check_within(&theirs, low,
                         (mal_u128)2 * (w.undecided + mass[63]) << 40, 80);
        }
    }
    mal_json_free(json);
}

TEST_MAIN
