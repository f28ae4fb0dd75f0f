/* gauss.c - the discrete Gaussian law, on integers, for a whole deviation t.
 *
 *     P[x] ~ exp(-x^2 / (2 t^2))
 *
 * [CKS20] algorithm 3 with sigma = t: draw y by DLap(t) and keep it with
 * probability exp(-(|y| - t)^2 / (2 t^2)), as
 *     exp(-|y| / t) exp(-(|y| - t)^2 / (2 t^2)) = exp(-1/2) exp(-y^2 / (2
 * t^2)). With n = ||y| - t| and its binary digits n_i, n^2 = sum of n_i 4^i +
 * sum over i < j of n_i n_j 2^(i + j + 1), so that the probability is a product
 * of q^(2^e), q = exp(-1 / (2 t^2)): a coin for each digit and each pair of
 * digits, of constants that all draws share. Fixed work: every coin is thrown,
 * and masks decide what counts.  How often a draw is tried again says nothing
 * about the one that is kept.
 *
 * What lies beyond 2^J >= 45 t is not kept: mass below e^-900.
 *
 * Shares: k parties draw with deviation t each.  A sum of k has a divergence
 * from its shift by s of at most s^2 / (2 k t^2) (1 + tau) and a tau below
 * 10 k exp(-pi^2 t^2) [KLS21], which for t >= 2^10 is nothing.
 */
#include "dp_impl.h"

#define POWERS_MAX (2 * MAL_DP_LEVELS_MAX)

struct mal_dp_gauss {
    uint64_t t;
    mal_dp_noise *laplace;
    mal_dp_prefix power[POWERS_MAX]; /* q^(2^e) */
};

static void base_at(const mal_dp_gauss *z, mal_dp_iv *out, unsigned l) {
    mal_dp_iv y;
    mal_dp_iv_ratio(&y, 1, z->t, l);
    mal_dp_iv_scale(&y, 1, 2, l);
    mal_dp_iv_scale(&y, 1, z->t, l);
    mal_dp_iv_exp_neg_small(out, &y, l);
}

/* Each squaring at most doubles an error of a few ulps: 2^-140 at 4 limbs. */
static void power_at(const void *ctx, unsigned e, mal_dp_iv *out, unsigned l) {
    base_at(ctx, out, l);
    while (e-- > 0)
        mal_dp_iv_mul(out, out, out, l);
}

mal_err mal_dp_gauss_new(mal_dp_gauss **gauss, uint64_t deviation) {
    MAL_REQUIRE(
        deviation >= MAL_DP_DEVIATION_MIN && deviation <= MAL_DP_DEVIATION_MAX,
        MAL_E_LIMIT, "a deviation of %llu: from 2^10 to 2^50 can be drawn",
        (unsigned long long)deviation);
    mal_dp_gauss *z = mal_calloc(1, sizeof *z);
    if (!z)
        return MAL_E_MEMORY;
    z->t = deviation;
    mal_err err =
        mal_dp_noise_new(&z->laplace, (mal_dp_scale){ deviation, 1 }, 1);
    if (err != MAL_OK) {
        mal_dp_gauss_free(z);
        return err;
    }
    mal_dp_iv x;
    base_at(z, &x, MAL_DP_LIMBS);
    for (unsigned e = 0; e < 2 * z->laplace->levels; e++) {
        z->power[e] = mal_dp_prefix_of(&x, MAL_DP_LIMBS);
        mal_dp_iv_mul(&x, &x, &x, MAL_DP_LIMBS);
    }
    *gauss = z;
    return MAL_OK;
}

void mal_dp_gauss_free(mal_dp_gauss *gauss) {
    if (gauss)
        mal_dp_noise_free(gauss->laplace);
    mal_free(gauss);
}

void mal_dp_gauss_auto(mal_dp_gauss **gauss) {
    mal_dp_gauss_free(*gauss);
    *gauss = NULL;
}

static uint64_t coin(const mal_dp_gauss *z, mal_dp_bits *bits, unsigned e) {
    return mal_dp_coin(bits, z->power[e], (mal_dp_exact){ power_at, z, e });
}

static uint64_t magnitude(uint64_t v) {
    uint64_t minus = (uint64_t)0 - (v >> 63);
    return (v ^ minus) - minus;
}

/* All ones with probability exp(-n^2 / (2 t^2)). */
static uint64_t kept(const mal_dp_gauss *z, mal_dp_bits *bits, uint64_t n) {
    const unsigned J = z->laplace->levels;
    uint64_t alive = ~mal_mask_nonzero(n >> J);
    for (unsigned i = 0; i < J; i++) {
        uint64_t one = mal_mask_nonzero(n >> i & 1);
        alive &= coin(z, bits, 2 * i) | ~one;
        for (unsigned j = i + 1; j < J; j++) {
            uint64_t both = one & mal_mask_nonzero(n >> j & 1);
            alive &= coin(z, bits, i + j + 1) | ~both;
        }
    }
    return alive;
}

static uint64_t draw(const mal_dp_gauss *z, mal_dp_bits *bits) {
    for (;;) {
        uint64_t y = mal_dp_noise_side(z->laplace, bits);
        y -= mal_dp_noise_side(z->laplace, bits);
        uint64_t yes = kept(z, bits, magnitude(magnitude(y) - z->t));
        mal_declassify(&yes, sizeof yes); /* of a draw that is thrown away */
        if (yes)
            return y;
    }
}

void mal_dp_gauss_draw(const mal_dp_gauss *gauss, int64_t *out, size_t n,
                       mal_dp_source source) {
    mal_dp_bits bits;
    mal_dp_bits_init(&bits, source, 64);
    for (size_t i = 0; i < n; i++)
        out[i] = (int64_t)draw(gauss, &bits);
    mal_wipe(&bits, sizeof bits);
}

mal_err mal_dp_gauss_share(int64_t *out, size_t n, uint64_t deviation,
                           mal_prim_drbg *drbg) {
    MAL_AUTO(mal_dp_gauss_auto) mal_dp_gauss *gauss = NULL;
    MAL_TRY(mal_dp_gauss_new(&gauss, deviation));
    mal_dp_gauss_draw(gauss, out, n, mal_dp_source_drbg(drbg));
    return MAL_OK;
}
