/* loss.c - what a release cost, in exact numbers; epsilon is derived from it.
 */
#include "dp_impl.h"

#define LOSS_MAGIC "malus.dp.loss/v1"
#define QUARTER ((uint64_t)1 << 62) /* delta >= 1/4 protects nobody */

static mal_err check(const mal_dp_loss *loss) {
    size_t unit = strnlen(loss->unit, sizeof loss->unit);
    MAL_REQUIRE(unit >= 1 && unit <= MAL_DP_UNIT_MAX, MAL_E_INPUT,
                "a loss names its privacy unit, in 1 to %d bytes",
                MAL_DP_UNIT_MAX);
    MAL_REQUIRE(loss->share_k >= 1 && loss->share_k <= loss->parties &&
                    loss->parties <= MAL_DP_SHARE_MAX,
                MAL_E_INPUT, "a loss of %u parties, %u of whom make the noise",
                loss->parties, loss->share_k);
    MAL_REQUIRE(loss->delta_64 < QUARTER, MAL_E_INPUT,
                "a delta of 1/4 or more");
    if (loss->mechanism == MAL_DP_EXACT) {
        MAL_REQUIRE(loss->eps_num == 0 && loss->eps_den == 1 &&
                        loss->sensitivity == 0 && loss->delta_64 == 0,
                    MAL_E_INPUT,
                    "an exact release has no epsilon and no delta");
        return MAL_OK;
    }
    if (loss->mechanism == MAL_DP_GAUSS) {
        MAL_REQUIRE(loss->eps_num && loss->eps_den && loss->sensitivity &&
                        loss->delta_64,
                    MAL_E_INPUT,
                    "Gaussian noise without epsilon, delta or sensitivity");
        return MAL_OK;
    }
    MAL_REQUIRE(loss->mechanism == MAL_DP_LAPLACE, MAL_E_INPUT,
                "mechanism %d is not known", (int)loss->mechanism);
    mal_dp_scale t;
    return mal_dp_scale_of(&t, loss->sensitivity, loss->eps_num, loss->eps_den);
}

mal_err mal_dp_loss_encode(mal_buf *out, const mal_dp_loss *loss) {
    MAL_TRY(check(loss));
    MAL_TRY(mal_buf_put_blob_str(out, LOSS_MAGIC));
    MAL_TRY(mal_buf_put_u32(out, (uint32_t)loss->mechanism));
    MAL_TRY(mal_buf_put_u64(out, loss->eps_num));
    MAL_TRY(mal_buf_put_u64(out, loss->eps_den));
    MAL_TRY(mal_buf_put_u64(out, loss->sensitivity));
    MAL_TRY(mal_buf_put_u64(out, loss->delta_64));
    MAL_TRY(mal_buf_put_u32(out, loss->parties));
    MAL_TRY(mal_buf_put_u32(out, loss->share_k));
    return mal_buf_put_blob_str(out, loss->unit);
}

mal_err mal_dp_loss_decode(mal_dp_loss *loss, mal_bytes bytes) {
    mal_rd rd = mal_rd_of(bytes);
    mal_dp_loss out = { 0 };
    mal_bytes magic, unit;
    uint32_t mechanism;
    MAL_TRY(mal_rd_blob(&rd, &magic, sizeof LOSS_MAGIC));
    MAL_REQUIRE(mal_bytes_same_vartime(magic, mal_bytes_str(LOSS_MAGIC)),
                MAL_E_INPUT, "not a loss record of version 1");
    MAL_TRY(mal_rd_u32(&rd, &mechanism));
    MAL_TRY(mal_rd_u64(&rd, &out.eps_num));
    MAL_TRY(mal_rd_u64(&rd, &out.eps_den));
    MAL_TRY(mal_rd_u64(&rd, &out.sensitivity));
    MAL_TRY(mal_rd_u64(&rd, &out.delta_64));
    MAL_TRY(mal_rd_u32(&rd, &out.parties));
    MAL_TRY(mal_rd_u32(&rd, &out.share_k));
    MAL_TRY(mal_rd_blob(&rd, &unit, MAL_DP_UNIT_MAX));
    MAL_TRY(mal_rd_end(&rd));
    MAL_REQUIRE(mechanism >= MAL_DP_LAPLACE && mechanism <= MAL_DP_GAUSS,
                MAL_E_INPUT, "mechanism %u is not known", mechanism);
    MAL_REQUIRE(unit.len && !memchr(unit.ptr, 0, unit.len), MAL_E_INPUT,
                "a loss names its privacy unit, without NULs");
    out.mechanism = (mal_dp_mechanism)mechanism;
    memcpy(out.unit, unit.ptr, unit.len);
    MAL_TRY(check(&out));
    *loss = out;
    return MAL_OK;
}

mal_err mal_dp_loss_epsilon(uint64_t *nano, const mal_dp_loss *loss) {
    MAL_TRY(check(loss));
    if (loss->mechanism == MAL_DP_EXACT) {
        *nano = MAL_DP_UNBOUNDED;
        return MAL_OK;
    }
    mal_u128 up = ((mal_u128)loss->eps_num * MAL_DP_NANO + loss->eps_den - 1) /
                  loss->eps_den;
    MAL_REQUIRE(up < (mal_u128)1 << 62, MAL_E_LIMIT,
                "an epsilon of 2^62 nano or more");
    *nano = (uint64_t)up;
    return MAL_OK;
}
