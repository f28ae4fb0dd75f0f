/* What a noised count of rows tells: the law of its noise, never fewer rows
 * than there are, and the whole bound where the noise would go beyond it. */
#include "mal_test.h"

#include "../share3_impl.h"

#include <string.h>

#define RUNS 1000
#define ROWS 5000u
#define COUNT 1234u

static room_noise noise;
static uint64_t said[MAL_POLICY_SEATS][RUNS];

static void one_unit_and_an_eighth_of_epsilon_1(void) {
    const room_judged j = { .n = MAL_POLICY_SEATS, .share_k = 2 };
    const mal_sql_physical p = {
        .shrink = { .at = 1, .rows_max = ROWS, .rows_per_unit = 1 }
    };
    CHECK_OK(room_shrink_noise(&noise, &j, &p, 1000000000));
}

static mal_err say_sizes(room_sizing *s, mal_share3 *engine, unsigned seat) {
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = NULL;
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    uint8_t seed[32] = { (uint8_t)(seat + 1) };
    uint64_t from = mal_test_seed();
    mal_store_u64le(seed + 8, from);
    MAL_TRY(mal_key_from(&key, mal_bytes_of(seed, sizeof seed)));
    MAL_TRY(mal_prim_drbg_new(&drbg, mal_key_view(&key)));
    for (unsigned i = 0; i < RUNS; i++) {
        MAL_AUTO(mal_share3_words_clear) mal_share3_words count = { 0 };
        const uint64_t rows = COUNT;
        MAL_TRY(room_noise_draw(&s->noise, 1, &noise, 2, drbg));
        MAL_TRY(mal_share3_words_input(engine, &count, 0,
                                       seat == 0 ? &rows : NULL, 1));
        MAL_TRY(room_shrink_size(s, &said[seat][i], ROWS, &count));
    }
    return MAL_OK;
}

static mal_err sit(void *ctx, mal_mesh *mesh) {
    const mal_share3_options options = { .security = MAL_SHARE3_SEMI_HONEST };
    room_sizing s = { .seat = mesh->me, .shift = noise.tail };
    (void)ctx;
    mal_err err = mal_share3_open(&s.engine, mesh, &options);
    if (err == MAL_OK)
        err = mal_obl_open(&s.obl, s.engine);
    if (err == MAL_OK)
        err = say_sizes(&s, s.engine, mesh->me);
    mal_obl_close(&s.obl);
    mal_share3_close(&s.engine);
    return err;
}

/* z = n~ - count - s is discrete Laplace of t = 8, drawn by any two of three
 * whole, so by three with 3/2 of the variance: sigma^2 = 3/2 * 2 t^2 = 192 and
 * a little less, kurtosis below 6.  The mean of 1,000 is within 6 sigma / 32
 * but for 2^-28; their variance, of standard error sigma^2 sqrt(5 / 1000),
 * within a half but for 2^-10 of such a seed. */
TEST(a_noised_size_has_the_law_of_its_noise_and_is_never_too_small) {
    one_unit_and_an_eighth_of_epsilon_1();
    CHECK_EQ(noise.t.num, 8 * noise.t.den);
    CHECK_OK(mal_mesh_run(MAL_POLICY_SEATS, 60000, sit, NULL));
    double sum = 0, squares = 0;
    for (unsigned i = 0; i < RUNS; i++) {
        CHECK_EQ(said[1][i], said[0][i]);
        CHECK_EQ(said[2][i], said[0][i]);
        CHECK(said[0][i] >= COUNT);
        const double z = (double)said[0][i] - COUNT - (double)noise.tail;
        sum += z;
        squares += z * z;
    }
    const double mean = sum / RUNS, variance = squares / RUNS - mean * mean;
    const double sigma = 13.9;
    CHECK_THAT(mean > -6 * sigma / 31 && mean < 6 * sigma / 31, "mean %f",
               mean);
    CHECK_THAT(variance > 96 && variance < 288, "variance %f", variance);
}

TEST(a_noised_size_is_never_above_the_declared_bound) {
    one_unit_and_an_eighth_of_epsilon_1();
    noise.tail = ROWS;
    CHECK_OK(mal_mesh_run(MAL_POLICY_SEATS, 60000, sit, NULL));
    for (unsigned i = 0; i < RUNS; i++)
        CHECK_EQ(said[0][i], ROWS);
}

/* The answer's part and the count's are all of epsilon, and no more. */
TEST(what_the_count_costs_the_answer_does_not_have) {
    mal_sql_physical p = { .n_aggs = 2 };
    uint64_t num, den, more, of;
    room_shrink_epsilon(&num, &den, &p, 700, false);
    CHECK(num == 700 && den == 1000000000);
    p.shrink.at = 3;
    room_shrink_epsilon(&num, &den, &p, 700, false);
    room_shrink_epsilon(&more, &of, &p, 700, true);
    CHECK_EQ(den, of);
    CHECK_EQ(1000000000 * (num + more), 700 * den);
}

TEST_MAIN
