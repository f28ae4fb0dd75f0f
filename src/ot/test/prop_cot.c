/* prop_cot.c - correlated OTs hold their relation, batch after batch. */
#include "ot_parties.h"

#define N_MAX 70000
typedef struct scene {
    mal_ot_params params;
    const size_t *sizes; /* ends with 0 */
    mal_ot_block q[N_MAX], t[N_MAX], delta;
    uint64_t choice[N_MAX / 64 + 1];
} scene;

static mal_err sender(ot_party *p) {
    scene *s = p->ctx;
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *cot = NULL;
    size_t at = 0;
    MAL_TRY(mal_ot_cot_new_sender(&cot, p->chan, &s->params));
    s->delta = mal_ot_cot_delta(cot);
    for (const size_t *n = s->sizes; *n; at += *n++)
        MAL_TRY(mal_ot_cot_send(cot, s->q + at, *n));
    return MAL_OK;
}

static mal_err receiver(ot_party *p) {
    scene *s = p->ctx;
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *cot = NULL;
    size_t at = 0;
    MAL_TRY(mal_ot_cot_new_receiver(&cot, p->chan, &s->params));
    for (const size_t *n = s->sizes; *n; at += *n++) {
        uint64_t bits[N_MAX / 64 + 1] = { 0 };
        for (size_t i = 0; i < *n; i++)
            bits[i / 64] |= (s->choice[(at + i) / 64] >> (at + i) % 64 & 1)
                            << i % 64;
        MAL_TRY(mal_ot_cot_receive(cot, s->t + at, bits, *n));
    }
    return MAL_OK;
}

static scene s;

static void run(mal_ot_security security, unsigned fold, const size_t *sizes) {
    uint64_t rng = mal_test_seed() + fold;
    ot_party a = { .run = sender, .ctx = &s },
             b = { .run = receiver, .ctx = &s };
    size_t n = 0;
    memset(&s, 0, sizeof s);
    for (size_t i = 0; i < sizeof s.choice / 8; i++)
        s.choice[i] = mal_test_rand(&rng);
    s.params = (mal_ot_params){ .security = security, .fold = fold };
    s.params.session[0] = 7;
    s.sizes = sizes;
    parties_run(&a, &b);
    CHECK_THAT(a.err == MAL_OK, "sender: %s", a.message);
    CHECK_THAT(b.err == MAL_OK, "receiver: %s", b.message);
    for (const size_t *m = sizes; *m; m++)
        n += *m;
    for (size_t i = 0; i < n; i++) {
        uint64_t bit = s.choice[i / 64] >> i % 64 & 1;
        mal_ot_block want = ot_xor(s.q[i], ot_and(s.delta, 0 - bit));
        CHECK_THAT(block_same(s.t[i], want), "OT %zu of %zu", i, n);
        CHECK(s.q[i].w[0] && s.q[i].w[1]);
    }
    CHECK(s.delta.w[0] && s.delta.w[1]);
}

static const size_t sizes[] = { 1,   2,    63,   64,   65,   127,  128,
                                129, 2047, 2048, 2049, 4096, 1000, 0 };
static const size_t large[] = { 32640, 37360 - 17, 17, 0 };

TEST(choices_and_delta_meet_in_every_size) {
    run(MAL_OT_SEMI_HONEST, 0, sizes);
    run(MAL_OT_MALICIOUS, 0, sizes);
}

TEST(choices_and_delta_meet_across_batches) {
    run(MAL_OT_SEMI_HONEST, 0, large);
    run(MAL_OT_MALICIOUS, 0, large);
}

TEST(every_fold_gives_the_same_relation) {
    for (unsigned fold = 1; fold <= 8; fold *= 2) {
        run(MAL_OT_SEMI_HONEST, fold, sizes);
        run(MAL_OT_MALICIOUS, fold, sizes);
    }
}

/* Bit c of row j is bit j of column c, whatever the number of blocks. */
TEST(every_way_transposes) {
    enum { BLOCKS = 11 };
    static mal_ot_block column[128 * OT_COLUMN_STRIDE], row[128 * BLOCKS];
    uint64_t rng = mal_test_seed();
    for (size_t i = 0; i < 128 * OT_COLUMN_STRIDE; i++)
        column[i] = block_rand(&rng);
    for (ot_way w = OT_WAY_PLAIN; w <= OT_WAY_WIDE; w++)
        for (size_t n = 1; n <= BLOCKS && (ot_ways() >> w & 1); n++) {
            memset(row, 0, sizeof row);
            ot_transpose(w, row, column, n);
            for (size_t j = 0; j < 128 * BLOCKS; j++)
                for (unsigned c = 0; c < 128; c++) {
                    mal_ot_block from = column[c * OT_COLUMN_STRIDE + j / 128];
                    uint64_t bit = j < 128 * n ? ot_mask_bit(from, j % 128) : 0;
                    CHECK(ot_mask_bit(row[j], c) == bit);
                }
        }
}

/* Sums of leaf streams by the bits of their index, against a loop over leaves.
 */
TEST(every_way_folds_by_the_definition) {
    static mal_prim_aes leaf[256];
    static mal_ot_block part[8 * OT_COLUMN_STRIDE];
    uint64_t rng = mal_test_seed();
    for (unsigned i = 0; i < 256; i++) {
        mal_ot_block key = block_rand(&rng);
        mal_prim_aes_init(&leaf[i], (const uint8_t *)&key);
    }
    for (unsigned k = 1; k <= 8; k++)
        for (unsigned skip = 0; skip < 2; skip++)
            for (ot_way w = OT_WAY_PLAIN; w <= OT_WAY_WIDE; w++) {
                size_t n = 1 + mal_test_rand(&rng) % OT_CHUNK_BLOCKS;
                mal_ot_block sum[OT_CHUNK_BLOCKS], want[9][OT_CHUNK_BLOCKS],
                    stream[OT_CHUNK_BLOCKS];
                ot_fold f = {
                    leaf, k, skip, n, mal_test_rand(&rng), sum, part
                };
                if (!(ot_ways() >> w & 1))
                    continue;
                ot_fold_run(w, &f);
                memset(want, 0, sizeof want);
                for (unsigned x = skip; x < 1u << k; x++) {
                    mal_prim_aes_ctr(stream, n, &leaf[x], f.counter, 0);
                    for (size_t i = 0; i < n; i++)
                        for (unsigned b = 0; b <= k; b++)
                            if (b == k || (x >> b & 1))
                                want[b][i] = ot_xor(want[b][i], stream[i]);
                }
                CHECK(mal_equal(want[k], sum, n * BLOCK));
                for (unsigned b = 0; b < k; b++)
                    CHECK(mal_equal(want[b], part + b * OT_COLUMN_STRIDE,
                                    n * BLOCK));
            }
}

/* Any cut of a list of OTs hashes alike, also across permutations. */
TEST(pads_depend_on_the_index_alone) {
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *cot = NULL;
    const mal_ot_params params = { .security = MAL_OT_MALICIOUS };
    static mal_ot_block in[300], all[300], cut[300];
    uint64_t rng = mal_test_seed();
    const uint64_t first = 3 * 65536 - 101;
    CHECK_OK(ot_cot_make(&cot, NULL, &params, true));
    for (size_t i = 0; i < 300; i++)
        in[i] = block_rand(&rng);
    in[299] = in[298];
    mal_ot_cot_hash(cot, all, in, 300, first);
    for (size_t at = 0, n; at < 300; at += n) {
        n = 1 + mal_test_rand(&rng) % 40;
        n = n < 300 - at ? n : 300 - at;
        mal_ot_cot_hash(cot, cut + at, in + at, n, first + at);
    }
    CHECK(mal_equal(all, cut, sizeof all));
    CHECK(!block_same(all[298], all[299])); /* same input, another index */
}

TEST_MAIN
