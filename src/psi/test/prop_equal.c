/* Shares of "equal" are right for equal strings, for strings that differ in one
 * bit anywhere, and for random ones; and rows add up under them. */
#include "../circuit_impl.h"
#include "mal_test.h"

typedef struct half {
    mal_chan *chan;
    bool payload;
    mal_prim_aes hash;
    unsigned bits;
    size_t n, words;
    uint64_t *t, *share, *sum;
    const mux_rows *rows;
} half;

static mal_err half_run(half *h) {
    mal_ot_params params = { .security = MAL_OT_SEMI_HONEST };
    transfers by = { .delta = mal_ot_nib_delta() };
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *cot = NULL;
    MAL_AUTO(mal_ot_nib_auto) mal_ot_nib *nib = NULL;
    params.delta = h->payload ? &by.delta : NULL;
    MAL_AUTO(equal_clear) equal e = { 0 };
    MAL_AUTO(mux_clear) mux m = { 0 };
    MAL_TRY(h->payload ? mal_ot_cot_new_sender(&cot, h->chan, &params)
                       : mal_ot_cot_new_receiver(&cot, h->chan, &params));
    by.cot = cot;
    MAL_TRY(mal_ot_nib_new(&nib, cot, 1));
    by.nib = nib;
    MAL_TRY(equal_init(&e, &by, h->chan, h->bits));
    MAL_TRY(mux_init(&m, &by, h->chan, &h->hash, h->words));
    if (h->payload) {
        MAL_TRY(equal_send(&e, h->share, h->t, h->n));
        MAL_TRY(mux_send(&m, h->share, h->rows, h->n));
    } else {
        MAL_TRY(equal_receive(&e, h->share, h->t, h->n));
        MAL_TRY(mux_receive(&m, h->share, h->n));
    }
    memcpy(h->sum, m.sum, h->words * 8);
    return MAL_OK;
}

static mal_err half_play(void *ctx, mal_mesh *mesh) {
    half *h = (half *)ctx + mesh->me;
    h->chan = mesh->chan[1 - mesh->me];
    return half_run(h);
}

static void halves_new(half h[2], unsigned bits, size_t n, size_t words) {
    const uint8_t key[16] = { 7 };
    memset(h, 0, 2 * sizeof *h);
    CHECK_OK(mal_prim_init());
    for (int i = 0; i < 2; i++) {
        h[i].payload = i;
        h[i].bits = bits;
        h[i].n = n;
        h[i].words = words;
        h[i].t = calloc(n, 8);
        h[i].share = calloc(n / 64, 8);
        h[i].sum = calloc(words, 8);
        mal_prim_aes_init(&h[i].hash, key);
    }
}

static void halves_go(half h[2]) {
    CHECK_OK(mal_mesh_run(2, 5000, half_play, h));
}

static void halves_done(half h[2]) {
    for (int i = 0; i < 2; i++) {
        free(h[i].t);
        free(h[i].share);
        free(h[i].sum);
    }
}

static bool told(const half h[2], size_t k) {
    return (h[0].share[k / 64] ^ h[1].share[k / 64]) >> (k % 64) & 1;
}

static const unsigned lengths[] = { 1, 2, 7, 40, 50, 61, 62, 63 };

TEST(each_way_packs_the_same_planes) {
    uint64_t seed = mal_test_seed(), got[4], want[4];
    mal_ot_block v[256];
    for (unsigned k = 0; k < 256; k++)
        v[k] = (mal_ot_block){ { mal_test_rand(&seed), mal_test_rand(&seed) } };
    for (unsigned i = 0; i < 64; i++) {
        for (unsigned k = 0; k < 4; k++)
            want[k] = 0;
        for (unsigned k = 0; k < 256; k++)
            want[k / 64] |= (v[k].w[1] >> i & 1) << (k % 64);
        for (size_t w = 0; w < planes_ways_n; w++) {
            if (!planes_ways[w].usable())
                continue;
            planes_ways[w].of_blocks(got, v, i, 256);
            CHECK_THAT(memcmp(got, want, sizeof got) == 0, "%s, bit %u",
                       planes_ways[w].name, i);
        }
    }
}

TEST(equal_strings_and_strings_one_bit_apart_are_told_apart) {
    uint64_t seed = mal_test_seed();
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        half h[2];
        const unsigned bits = lengths[i];
        halves_new(h, bits, 256, 1);
        int64_t zeros[1] = { 0 };
        uint32_t table[256];
        const mux_rows rows = { zeros, table, zeros };
        h[1].rows = &rows;
        for (size_t k = 0; k < 256; k++) {
            table[k] = CUCKOO_EMPTY;
            h[0].t[k] = h[1].t[k] = mal_test_rand(&seed);
            if (k % 4) /* bits from `bits` on do not count */
                h[1].t[k] ^= (uint64_t)1 << (k % 64);
        }
        halves_go(h);
        for (size_t k = 0; k < 256; k++)
            CHECK_THAT(told(h, k) == (k % 4 == 0 || k % 64 >= bits),
                       "%u bits, string %zu", bits, k);
        halves_done(h);
    }
}

/* Every distance from 0 to 63 occurs: none but 0 may look like 0 modulo 64. */
TEST(no_distance_but_zero_is_taken_for_equal) {
    uint64_t seed = mal_test_seed();
    half h[2];
    halves_new(h, 63, 1024, 1);
    int64_t zeros[1] = { 0 };
    uint32_t table[1024];
    const mux_rows rows = { zeros, table, zeros };
    h[1].rows = &rows;
    for (size_t k = 0; k < 1024; k++) {
        table[k] = CUCKOO_EMPTY;
        h[0].t[k] = mal_test_rand(&seed);
        h[1].t[k] = h[0].t[k] ^ (((uint64_t)1 << (k % 64)) - 1);
    }
    halves_go(h);
    size_t ones = 0;
    for (size_t k = 0; k < 1024; k++) {
        CHECK_EQ(told(h, k), k % 64 == 0);
        ones += h[0].share[k / 64] >> (k % 64) & 1;
    }
    CHECK(ones > 400 && ones < 624); /* one share alone is a coin: 7 sigma */
    halves_done(h);
}

TEST(rows_are_added_where_strings_are_equal) {
    uint64_t seed = mal_test_seed();
    static const size_t words[] = { 1, 2, 5, 64, 65, 131 };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        enum { N = 2 * EQUAL_SUB + 64 }; /* a last part that is short */
        const size_t w = words[i];
        half h[2];
        halves_new(h, 8, N, w);
        int64_t *values = calloc(N * w, 8), *zeros = calloc(w, 8);
        uint64_t *want = calloc(w, 8);
        uint32_t *table = calloc(N, sizeof *table);
        const mux_rows rows = { values, table, zeros };
        h[1].rows = &rows;
        for (size_t k = 0; k < N; k++) {
            const bool same = mal_test_rand(&seed) & 1;
            h[0].t[k] = mal_test_rand(&seed) & 255;
            h[1].t[k] = h[0].t[k] ^ !same;
            table[k] = k % 5 ? (uint32_t)(N - 1 - k) : CUCKOO_EMPTY;
            for (size_t j = 0; j < w; j++) {
                int64_t *v = &values[(N - 1 - k) * w + j];
                *v = (int64_t)mal_test_rand(&seed) >> k % 60;
                if (same && k % 5)
                    want[j] += (uint64_t)*v;
            }
        }
        halves_go(h);
        for (size_t j = 0; j < w; j++)
            CHECK_EQ(h[0].sum[j] + h[1].sum[j], want[j]);
        free(values);
        free(zeros);
        free(want);
        free(table);
        halves_done(h);
    }
}

TEST_MAIN
