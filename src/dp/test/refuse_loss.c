/* What scales, sensitivities and loss records may not be. */
#include "mal_test.h"
#include <malus/dp.h>

TEST(a_scale_outside_its_range_is_refused) {
    mal_dp_scale t;
    CHECK_ERR(mal_dp_scale_of(&t, 0, 1, 2), MAL_E_INPUT);
    CHECK_ERR(mal_dp_scale_of(&t, 1, 0, 2), MAL_E_INPUT);
    CHECK_ERR(mal_dp_scale_of(&t, 1, 1, 0), MAL_E_INPUT);
    CHECK_OK(mal_dp_scale_of(&t, (uint64_t)1 << 50, 1, 1));
    CHECK_ERR(mal_dp_scale_of(&t, ((uint64_t)1 << 50) + 1, 1, 1), MAL_E_LIMIT);
    CHECK_ERR(mal_dp_scale_of(&t, (uint64_t)1 << 62, 1, 1000), MAL_E_LIMIT);
    CHECK_OK(mal_dp_scale_of(&t, 1, 64, 1));
    CHECK_ERR(mal_dp_scale_of(&t, 1, 65, 1), MAL_E_LIMIT);
    CHECK_ERR(mal_dp_scale_of(&t, UINT64_MAX, 1, UINT64_MAX), MAL_E_LIMIT);
}

TEST(a_share_outside_its_range_is_refused) {
    mal_dp_noise *z = NULL;
    uint64_t h;
    const mal_dp_scale t = { 10, 1 };
    CHECK_ERR(mal_dp_noise_new(&z, t, 0), MAL_E_LIMIT);
    CHECK_ERR(mal_dp_noise_new(&z, t, 65), MAL_E_LIMIT);
    CHECK_ERR(mal_dp_noise_new(&z, (mal_dp_scale){ 0, 1 }, 1), MAL_E_INPUT);
    CHECK_ERR(mal_dp_noise_new(&z, (mal_dp_scale){ 1, 0 }, 1), MAL_E_INPUT);
    CHECK(!z);
    CHECK_ERR(mal_dp_halfwidth(&h, t, 2, 3), MAL_E_LIMIT);
    CHECK_ERR(mal_dp_halfwidth(&h, t, 65, 1), MAL_E_LIMIT);
    CHECK_ERR(mal_dp_tail(&h, t, 1, 0), MAL_E_LIMIT);
}

TEST(a_sensitivity_that_is_not_finite_is_refused) {
    uint64_t d;
    const mal_dp_part wide = { UINT64_MAX, UINT64_MAX, INT64_MIN, INT64_MAX };
    const mal_dp_part empty = { 1, 1, 5, 4 }, rowless = { 0, 1, 0, 1 };
    const mal_dp_part fanless = { 1, 0, 0, 1 }, lowest = { 1, 1, INT64_MIN, 0 };
    const mal_dp_part big[] = { { 1, 1, 0, (int64_t)1 << 62 }, { 1, 1, 0, 1 } };
    CHECK_ERR(mal_dp_sensitivity(&d, &wide, 1, true), MAL_E_LIMIT);
    CHECK_ERR(mal_dp_sensitivity(&d, &empty, 1, true), MAL_E_INPUT);
    CHECK_ERR(mal_dp_sensitivity(&d, &rowless, 1, true), MAL_E_INPUT);
    CHECK_ERR(mal_dp_sensitivity(&d, &fanless, 1, true), MAL_E_INPUT);
    CHECK_ERR(mal_dp_sensitivity(&d, &lowest, 1, true), MAL_E_LIMIT);
    CHECK_ERR(mal_dp_sensitivity(&d, big, 2, true), MAL_E_LIMIT);
    CHECK_OK(mal_dp_sensitivity(&d, big, 2, false));
    CHECK_ERR(mal_dp_sensitivity(&d, big, 0, true), MAL_E_INPUT);
}

static mal_dp_loss sample(void) {
    return (mal_dp_loss){ .mechanism = MAL_DP_LAPLACE,
                          .eps_num = 1,
                          .eps_den = 3,
                          .sensitivity = 7,
                          .parties = 3,
                          .share_k = 2,
                          .unit = "u" };
}

TEST(a_loss_that_makes_no_sense_is_not_written) {
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    mal_dp_loss loss = sample();
    loss.unit[0] = 0;
    CHECK_ERR(mal_dp_loss_encode(&out, &loss), MAL_E_INPUT);
    loss = sample();
    memset(loss.unit, 'x', sizeof loss.unit);
    CHECK_ERR(mal_dp_loss_encode(&out, &loss), MAL_E_INPUT);
    loss = sample();
    loss.mechanism = 3;
    CHECK_ERR(mal_dp_loss_encode(&out, &loss), MAL_E_INPUT);
    loss = sample();
    loss.share_k = 4;
    CHECK_ERR(mal_dp_loss_encode(&out, &loss), MAL_E_INPUT);
    loss = sample();
    loss.eps_num = 0;
    CHECK_ERR(mal_dp_loss_encode(&out, &loss), MAL_E_INPUT);
    loss = sample();
    loss.delta_64 = (uint64_t)1 << 62;
    CHECK_ERR(mal_dp_loss_encode(&out, &loss), MAL_E_INPUT);
    loss = sample();
    loss.mechanism = MAL_DP_EXACT; /* with an epsilon */
    CHECK_ERR(mal_dp_loss_encode(&out, &loss), MAL_E_INPUT);
    CHECK_EQ(out.len, 0);
}

TEST(a_changed_or_cut_record_does_not_pass_for_another_encoding) {
    MAL_AUTO(mal_buf_clear) mal_buf a = { 0 };
    mal_dp_loss loss = sample(), back;
    CHECK_OK(mal_dp_loss_encode(&a, &loss));
    for (size_t n = 0; n < a.len; n++)
        CHECK_ERR(mal_dp_loss_decode(&back, mal_bytes_of(a.ptr, n)),
                  MAL_E_INPUT);
    CHECK_OK(mal_buf_put_u8(&a, 0));
    CHECK_ERR(mal_dp_loss_decode(&back, mal_buf_view(&a)), MAL_E_INPUT);
    a.len--;
    a.ptr[a.len - 1] = 0; /* a unit that is a NUL */
    CHECK_ERR(mal_dp_loss_decode(&back, mal_buf_view(&a)), MAL_E_INPUT);
    a.ptr[4] ^= 1; /* another magic */
    CHECK_ERR(mal_dp_loss_decode(&back, mal_buf_view(&a)), MAL_E_INPUT);
}

TEST(a_noise_key_without_its_ingredients_is_refused) {
    uint8_t b[32] = { 0 };
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    mal_bytes full = mal_bytes_of(b, 32), brief = mal_bytes_of(b, 31);
    CHECK_OK(mal_prim_init());
    CHECK_ERR(mal_dp_noise_key(&key, brief, full, full, NULL, 0), MAL_E_INPUT);
    CHECK_ERR(mal_dp_noise_key(&key, full, brief, full, NULL, 0), MAL_E_INPUT);
    CHECK_ERR(mal_dp_noise_key(&key, full, full, brief, NULL, 0), MAL_E_INPUT);
    CHECK(!key.ptr);
}

TEST_MAIN
