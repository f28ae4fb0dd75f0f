/* rho of epsilon and delta, deviations of rho: against the formulas in floating
 * point, and rounded to the side of more noise. */
#include "mal_test.h"
#include <malus/dp.h>
#include <math.h>

#define NANO 1e9L

static long double epsilon_of(long double rho, unsigned digits) {
    return rho + 2 * sqrtl(rho * (long double)digits * logl(10));
}

TEST(rho_is_the_greatest_whose_epsilon_and_delta_are_allowed) {
    static const uint64_t epsilons[] = {
        1000000, 100000000, 500000000, 1000000000, 8000000000, 1000000000000
    };
    for (size_t i = 0; i < sizeof epsilons / sizeof *epsilons; i++)
        for (unsigned digits = 1; digits <= MAL_DP_DELTA_DIGITS_MAX; digits++) {
            const long double e = (long double)epsilons[i] / NANO;
            uint64_t rho;
            CHECK_OK(mal_dp_rho_of(&rho, epsilons[i], digits));
            CHECK(epsilon_of((long double)rho / NANO, digits) <= e);
            CHECK(epsilon_of(((long double)rho + 2) / NANO, digits) > e);
        }
}

TEST(k_parts_have_the_variance_that_rho_asks_for) {
    static const mal_dp_moved moved[] = {
        { 1, 1 << 20 },
        { 77, (uint64_t)1 << 40 },
        { 31 * 300, ((uint64_t)1 << 40) + (1 << 20) },
        { 1000000, 3 << 20 },
    };
    for (size_t i = 0; i < sizeof moved / sizeof *moved; i++)
        for (unsigned k = 1; k <= 3; k++) {
            uint64_t rho, t;
            CHECK_OK(mal_dp_rho_of(&rho, 2000000000, 6));
            CHECK_OK(mal_dp_deviation_of(&t, &moved[i], rho, k));
            const long double want = (long double)moved[i].each *
                                     sqrtl((long double)moved[i].words * NANO /
                                           (2 * (long double)rho * k));
            uint64_t l2;
            CHECK_OK(mal_dp_moved_l2(&l2, &moved[i]));
            CHECK((long double)l2 >=
                  (long double)moved[i].each * sqrtl(moved[i].words) - 1e-3L);
            CHECK((long double)l2 <= (long double)moved[i].each *
                                             sqrtl(moved[i].words) *
                                             (1 + 1e-5L) +
                                         1);
            CHECK((long double)t >= want);
            CHECK((long double)t <= want * (1 + 1e-5L) + 1);
        }
}

TEST(little_noise_is_rounded_up_to_what_is_proved) {
    const mal_dp_moved moved = { 1, 1 };
    uint64_t t;
    CHECK_OK(mal_dp_deviation_of(&t, &moved, 1000000000, 1));
    CHECK_EQ(t, MAL_DP_DEVIATION_MIN);
}

TEST(what_cannot_be_drawn_or_paid_is_refused) {
    const mal_dp_moved vast = { 1 << 30, (uint64_t)1 << 45 }, none = { 0, 1 };
    mal_dp_gauss *gauss;
    uint64_t t;
    CHECK_EQ(mal_dp_deviation_of(&t, &vast, 1000, 1), MAL_E_LIMIT);
    CHECK_EQ(mal_dp_deviation_of(&t, &none, 1000, 1), MAL_E_LIMIT);
    CHECK_EQ(mal_dp_deviation_of(&t, &vast, 1000, 0), MAL_E_LIMIT);
    CHECK_EQ(mal_dp_rho_of(&t, 0, 6), MAL_E_INPUT);
    CHECK_EQ(mal_dp_rho_of(&t, 1000000000, 0), MAL_E_INPUT);
    CHECK_EQ(mal_dp_rho_of(&t, 1000000000, 16), MAL_E_INPUT);
    CHECK_EQ(mal_dp_rho_of(&t, 1001 * MAL_DP_NANO, 6), MAL_E_INPUT);
    CHECK_EQ(mal_dp_rho_of(&t, 1000, 15), MAL_E_LIMIT);
    CHECK_EQ(mal_dp_gauss_new(&gauss, MAL_DP_DEVIATION_MIN - 1), MAL_E_LIMIT);
    CHECK_EQ(mal_dp_gauss_new(&gauss, MAL_DP_DEVIATION_MAX + 1), MAL_E_LIMIT);
}

TEST(a_gaussian_loss_comes_back_as_it_was_and_needs_a_delta) {
    MAL_AUTO(mal_buf_clear) mal_buf a = { 0 };
    mal_dp_loss back, loss = { .mechanism = MAL_DP_GAUSS,
                               .eps_num = 1,
                               .eps_den = 2,
                               .sensitivity = 99,
                               .delta_64 = 12345,
                               .parties = 3,
                               .share_k = 2,
                               .unit = "a.b.c" };
    uint64_t nano;
    CHECK_OK(mal_dp_loss_encode(&a, &loss));
    CHECK_OK(mal_dp_loss_decode(&back, mal_buf_view(&a)));
    CHECK_EQ(back.mechanism, MAL_DP_GAUSS);
    CHECK_EQ(back.delta_64, 12345);
    CHECK_OK(mal_dp_loss_epsilon(&nano, &back));
    CHECK_EQ(nano, 500000000);
    loss.delta_64 = 0;
    CHECK_EQ(mal_dp_loss_encode(&a, &loss), MAL_E_INPUT);
}

TEST_MAIN
