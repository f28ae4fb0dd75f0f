/* Scales, sensitivities, loss records and noise keys. */
#include "mal_test.h"
#include <malus/dp.h>

TEST(a_scale_is_sensitivity_over_epsilon_in_lowest_terms) {
    mal_dp_scale t;
    CHECK_OK(mal_dp_scale_of(&t, 6, 1, 2));
    CHECK_EQ(t.num, 12);
    CHECK_EQ(t.den, 1);
    CHECK_OK(mal_dp_scale_of(&t, 6, 4, 10));
    CHECK_EQ(t.num, 15);
    CHECK_EQ(t.den, 1);
    CHECK_OK(mal_dp_scale_of(&t, 1, 300000000, 1000000000));
    CHECK_EQ(t.num, 10);
    CHECK_EQ(t.den, 3);
}

TEST(a_sensitivity_sums_over_overlapping_owners_and_else_takes_the_greatest) {
    const mal_dp_part parts[] = { { 3, 1, 0, 500 }, { 2, 4, -900, 100 } };
    uint64_t d;
    CHECK_OK(mal_dp_sensitivity(&d, parts, 2, true));
    CHECK_EQ(d, 1500 + 7200);
    CHECK_OK(mal_dp_sensitivity(&d, parts, 2, false));
    CHECK_EQ(d, 7200);
    const mal_dp_part count = { 5, 1, 1, 1 }, nothing = { 5, 1, 0, 0 };
    CHECK_OK(mal_dp_sensitivity(&d, &count, 1, true));
    CHECK_EQ(d, 5);
    CHECK_OK(mal_dp_sensitivity(&d, &nothing, 1, true));
    CHECK_EQ(d, 1);
    const mal_dp_part deep = { 1, 1, -((int64_t)1 << 62), 0 };
    CHECK_OK(mal_dp_sensitivity(&d, &deep, 1, true));
    CHECK_EQ(d, (int64_t)1 << 62);
}

static mal_dp_loss sample(void) {
    return (mal_dp_loss){ .mechanism = MAL_DP_LAPLACE,
                          .eps_num = 1,
                          .eps_den = 3,
                          .sensitivity = 7,
                          .delta_64 = 17,
                          .parties = 3,
                          .share_k = 2,
                          .unit = "ewr.flights.tailnum" };
}

TEST(a_loss_comes_back_as_it_was) {
    MAL_AUTO(mal_buf_clear) mal_buf a = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf b = { 0 };
    mal_dp_loss loss = sample(), back;
    CHECK_OK(mal_dp_loss_encode(&a, &loss));
    CHECK_OK(mal_dp_loss_decode(&back, mal_buf_view(&a)));
    CHECK_OK(mal_dp_loss_encode(&b, &back));
    CHECK(mal_bytes_same_vartime(mal_buf_view(&a), mal_buf_view(&b)));
    CHECK_EQ(back.sensitivity, 7);
    CHECK_STR(back.unit, "ewr.flights.tailnum");
}

TEST(epsilon_is_derived_and_rounded_up) {
    mal_dp_loss loss = sample();
    uint64_t nano;
    CHECK_OK(mal_dp_loss_epsilon(&nano, &loss));
    CHECK_EQ(nano, 333333334);
    loss.eps_num = 3;
    loss.eps_den = 10;
    CHECK_OK(mal_dp_loss_epsilon(&nano, &loss));
    CHECK_EQ(nano, 300000000);
    loss = (mal_dp_loss){ .mechanism = MAL_DP_EXACT,
                          .eps_den = 1,
                          .parties = 1,
                          .share_k = 1,
                          .unit = "u" };
    CHECK_OK(mal_dp_loss_epsilon(&nano, &loss));
    CHECK(nano == MAL_DP_UNBOUNDED);
}

TEST(two_noise_keys_of_one_job_differ) {
    uint8_t secret[32] = { 1 }, job[32] = { 2 }, plan[32] = { 3 },
            root[32] = { 4 };
    MAL_AUTO(mal_key_clear) mal_key a = { 0 };
    MAL_AUTO(mal_key_clear) mal_key b = { 0 };
    mal_bytes roots[1] = { mal_bytes_of(root, 32) };
    CHECK_OK(mal_prim_init());
    for (int i = 0; i < 2; i++)
        CHECK_OK(mal_dp_noise_key(i ? &b : &a, mal_bytes_of(secret, 32),
                                  mal_bytes_of(job, 32), mal_bytes_of(plan, 32),
                                  roots, 1));
    CHECK_EQ(a.len, 32);
    CHECK(!mal_equal(a.ptr, b.ptr, 32));
}

TEST(the_same_key_draws_the_same_noise) {
    uint8_t seed[32] = { 9 };
    int64_t x[2][100];
    CHECK_OK(mal_prim_init());
    for (int i = 0; i < 2; i++) {
        MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = NULL;
        CHECK_OK(mal_prim_drbg_new(&drbg, mal_bytes_of(seed, 32)));
        CHECK_OK(mal_dp_laplace_share(x[i], 100, 1000, 3, 2, drbg));
    }
    CHECK(mal_equal(x[0], x[1], sizeof x[0]));
}

TEST_MAIN
