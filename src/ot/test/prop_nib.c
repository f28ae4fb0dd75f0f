/* c = b + delta a over GF(16), whatever the rounds; the code is linear, is the
 * same on every way, and what the estimate of docs/security/ot.md leans on is
 * measured of it. */
#include "ot_parties.h"

#include <math.h>

typedef struct scene {
    mal_ot_params params;
    size_t n, piece, told;
    mal_ot_block *b, *c, delta;
    uint64_t bytes;
} scene;

static mal_err take(mal_ot_nib *nib, mal_ot_block *out, const scene *s) {
    for (size_t at = 0; at < s->n; at += s->piece) {
        const size_t m = s->n - at < s->piece ? s->n - at : s->piece;
        CHECK_EQ(mal_ot_nib_count(nib), at);
        MAL_TRY(mal_ot_nib_next(nib, out + at, m));
    }
    return MAL_OK;
}

static mal_err sender(ot_party *p) {
    scene *s = p->ctx;
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *cot = NULL;
    MAL_AUTO(mal_ot_nib_auto) mal_ot_nib *nib = NULL;
    s->delta = mal_ot_nib_delta();
    mal_ot_params params = s->params;
    params.delta = &s->delta;
    MAL_TRY(mal_ot_cot_new_sender(&cot, p->chan, &params));
    MAL_TRY(mal_ot_nib_new(&nib, cot, s->told));
    MAL_TRY(take(nib, s->b, s));
    s->bytes = p->chan->bytes_sent + p->chan->bytes_received;
    return MAL_OK;
}

static mal_err receiver(ot_party *p) {
    scene *s = p->ctx;
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *cot = NULL;
    MAL_AUTO(mal_ot_nib_auto) mal_ot_nib *nib = NULL;
    MAL_TRY(mal_ot_cot_new_receiver(&cot, p->chan, &s->params));
    MAL_TRY(mal_ot_nib_new(&nib, cot, s->told));
    return take(nib, s->c, s);
}

static unsigned top(mal_ot_block v) {
    return (unsigned)(v.w[1] >> 60);
}

static void run(mal_ot_security security, size_t n, size_t piece, size_t told) {
    scene s = {
        .params = { .security = security }, .n = n, .piece = piece, .told = told
    };
    ot_party x = { .run = sender, .ctx = &s },
             y = { .run = receiver, .ctx = &s };
    unsigned seen[16] = { 0 };
    s.params.session[3] = (uint8_t)n;
    s.b = mal_ot_blocks_new(n);
    s.c = mal_ot_blocks_new(n);
    CHECK(s.b && s.c);
    parties_run(&x, &y);
    CHECK_THAT(x.err == MAL_OK, "sender: %s", x.message);
    CHECK_THAT(y.err == MAL_OK, "receiver: %s", y.message);
    CHECK_EQ(top(s.delta), 1);
    for (size_t i = 0; i < n; i++) {
        const unsigned a = top(s.c[i]);
        const mal_ot_block want = ot_xor(s.b[i], mal_ot_nib_times(s.delta, a));
        CHECK_THAT(block_same(s.c[i], want), "output %zu of %zu", i, n);
        CHECK(top(s.b[i]) == 0 && s.b[i].w[0] != 0);
        seen[a]++;
    }
    for (unsigned a = 0; a < 16 && n >= 10000; a++) /* 9 deviations */
        CHECK_THAT(fabs(seen[a] - (double)n / 16) < 9 * sqrt((double)n / 16),
                   "%u of %zu are %u", seen[a], n, a);
    printf("# %zu: %.1f ms, %.1f ms, %.3f bytes each\n", n,
           (double)x.cpu_ns / 1e6, (double)y.cpu_ns / 1e6,
           (double)s.bytes / (double)n);
    mal_ot_blocks_free(s.b);
    mal_ot_blocks_free(s.c);
}

TEST(every_output_satisfies_the_relation) {
    run(MAL_OT_SEMI_HONEST, 100, 1, 1);
    run(MAL_OT_MALICIOUS, 70000, 1000, 1);
    run(MAL_OT_SEMI_HONEST, 200001, 65536, 100000);
}

TEST(a_round_of_a_million) {
    run(MAL_OT_MALICIOUS, (size_t)1 << 20, 4096, (size_t)1 << 24);
}

/* --- GF(16) --------------------------------------------------------------- */

static unsigned mul16(unsigned a, unsigned b) {
    unsigned r = 0;
    for (unsigned i = 0; i < 4; i++)
        r ^= (b >> i & 1) * (a << i);
    for (unsigned i = 6; i >= 4; i--)
        r ^= (r >> i & 1) * (0x13u << (i - 4));
    return r;
}
static unsigned nibble(mal_ot_block v, unsigned i) {
    return (unsigned)(v.w[i / 16] >> (4 * (i % 16)) & 15);
}

TEST(multiples_are_those_of_each_nibble) {
    uint64_t rng = mal_test_seed();
    for (unsigned y = 0; y < 16; y++) {
        const mal_ot_block v = block_rand(&rng), w = mal_ot_nib_times(v, y);
        for (unsigned i = 0; i < 32; i++)
            CHECK_EQ(nibble(w, i), mul16(nibble(v, i), y));
    }
}

/* --- The code ------------------------------------------------------------- */

#define K ((size_t)1 << 14)
#define BLOCKS (2 * K * 4)

static mal_ot_block *fresh(void) {
    mal_ot_block *x = mal_ot_blocks_new(BLOCKS);
    CHECK(x);
    return x;
}

TEST(the_code_is_linear_over_gf16_and_the_same_on_every_way) {
    uint64_t rng = mal_test_seed();
    mal_ot_block *x = fresh(), *y = fresh(), *z = fresh(), *w = fresh();
    for (size_t i = 0; i < BLOCKS; i++) {
        w[i] = x[i] = block_rand(&rng);
        y[i] = block_rand(&rng);
        z[i] = ot_xor(mal_ot_nib_times(x[i], 7), y[i]);
    }
    ot_nib_encode(OT_WAY_PLAIN, x, K);
    ot_nib_encode(OT_WAY_PLAIN, y, K);
    ot_nib_encode(OT_WAY_PLAIN, z, K);
    for (size_t i = 0; i < 4 * K; i++)
        CHECK(block_same(z[i], ot_xor(mal_ot_nib_times(x[i], 7), y[i])));
    for (unsigned way = OT_WAY_CLMUL; way <= OT_WAY_WIDE; way++) {
        if (!(ot_ways() >> way & 1))
            continue;
        memcpy(z, w, BLOCKS * BLOCK);
        ot_nib_encode((ot_way)way, z, K);
        for (size_t i = 0; i < 4 * K; i++)
            CHECK_THAT(block_same(z[i], x[i]), "way %u, output %zu", way, i);
    }
    mal_ot_blocks_free(x);
    mal_ot_blocks_free(y);
    mal_ot_blocks_free(z);
    mal_ot_blocks_free(w);
}

/* A random coefficient of GF(16) is 0 once in 16 times: of each parity
 * position, and so of sums of 1, 2, 4 outputs; within 8 deviations.  Lanes do
 * not mix. */
TEST(coefficients_are_as_random_ones) {
    uint64_t rng = mal_test_seed();
    enum { SAMPLE = 64, ROWS = 200 };
    unsigned zero[3] = { 0 };
    mal_ot_block *x = fresh();
    for (unsigned t = 0; t < SAMPLE; t++) {
        const size_t at = t == 0 ? 0 : t == 1 ? K - 1 : mal_test_rand(&rng) % K;
        const unsigned lane = t % 4;
        unsigned seen[16] = { 0 };
        memset(x, 0, BLOCKS * BLOCK);
        x[(K + at) * 4 + lane].w[0] = 1;
        ot_nib_encode(ot_best_way(), x, K);
        for (size_t i = 0; i < K; i++) {
            for (unsigned l = 0; l < 4; l++)
                CHECK(l == lane || !(x[4 * i + l].w[0] | x[4 * i + l].w[1]));
            seen[x[4 * i + lane].w[0]]++;
        }
        for (unsigned v = 0; v < 16; v++)
            CHECK_THAT(seen[v] > K / 16 - 8 * 32 && seen[v] < K / 16 + 8 * 32,
                       "position %zu: %u of %zu are %u", at, seen[v], K, v);
        for (unsigned r = 0; r < ROWS; r++)
            for (unsigned w = 0; w < 3; w++) {
                uint64_t sum = 0;
                for (unsigned j = 0; j < 1u << w; j++)
                    sum ^= x[4 * ((r * 163 + j * 4001) % K) + lane].w[0];
                zero[w] += !sum;
            }
    }
    for (unsigned w = 0; w < 3; w++) {
        const double mean = ROWS * SAMPLE / 16.0;
        printf("# sums of %u: %u of %u coefficients are 0\n", 1u << w, zero[w],
               ROWS * SAMPLE);
        CHECK(zero[w] < mean + 8 * sqrt(mean));
    }
    mal_ot_blocks_free(x);
}

TEST_MAIN
