/* select.c - small circuits: which of 2^k, signs, and quotients. */
#include "train_impl.h"

mal_err train_minterms(mal_share3 *s, mal_share3_bits *z,
                       const mal_share3_bits *x) {
    assert(z->width == 1u << x->width);
    for (unsigned b = 0; b < x->width; b++) {
        const unsigned made = 1u << b;
        const mal_share3_bits bit = mal_share3_bits_planes(x, b, 1);
        mal_share3_bits low = mal_share3_bits_planes(z, 0, made);
        mal_share3_bits high = mal_share3_bits_planes(z, made, made);
        MAL_TRY(mal_share3_and(s, &high, &low, &bit));
        MAL_TRY(mal_share3_xor(s, &low, &low, &high));
    }
    return MAL_OK;
}

mal_err train_negative(mal_share3 *s, mal_share3_bits *z,
                       const mal_share3_words *x) {
    TRAIN_AUTO_BITS b = { 0 };
    MAL_TRY(mal_share3_to_bits(s, &b, x, 64));
    const mal_share3_bits top = mal_share3_bits_planes(&b, 63, 1);
    return mal_share3_bits_copy(s, z, &top);
}

/* --- Means -----------------------------------------------------------------
 * v is the power of two with h v in [2^21, 2^22), so that u = 2^7 h v stands
 * for a number in [1/2, 1) of 29 bits.  Newton: r := r (2 - u r) from r = 48/17
 * - 32/17 u, where |1 - u r| <= 1/17; three steps leave 17^-8 < 2^-32, and
 * rounding: a step's two truncations are off by 2 units of 2^-29 each, times r
 * <= 2 for the first, so |1 - u r| < 2^-26 at the end.  Then
 *     g / h = (g v / 2^13) r / 2^38  in 2^-20,
 * where |g v / 2^13| < 2^29 + 2^9 is off by 2 units: 2^2 r 2^-38 2^29 of a
 * unit, nothing; r adds 2^-26, and the last truncation 2 units of 2^-20. */

/* v = 2^(21 - place of the highest bit of h). */
static mal_err normaliser(mal_share3 *s, mal_share3_words *v,
                          const mal_share3_words *h) {
    TRAIN_AUTO_BITS seen = { 0 }; /* is a bit of h at or over b set? */
    TRAIN_AUTO_BITS turned = { 0 };
    MAL_TRY(mal_share3_to_bits(s, &seen, h, H_BITS));
    for (unsigned by = 1; by < H_BITS; by *= 2) {
        TRAIN_AUTO_BITS above = { 0 };
        const unsigned w = H_BITS - by;
        const mal_share3_bits high = mal_share3_bits_planes(&seen, by, w);
        mal_share3_bits low = mal_share3_bits_planes(&seen, 0, w);
        MAL_TRY(mal_share3_bits_copy(s, &above, &high));
        MAL_TRY(mal_share3_or(s, &low, &low, &above));
    }
    MAL_TRY(mal_share3_bits_new(s, &turned, h->n, H_BITS));
    for (unsigned b = 0; b < H_BITS; b++) {
        mal_share3_bits to = mal_share3_bits_planes(&turned, H_BITS - 1 - b, 1);
        const mal_share3_bits at = mal_share3_bits_planes(&seen, b, 1);
        MAL_TRY(mal_share3_bits_copy(s, &to, &at));
        if (b + 1 == H_BITS)
            continue;
        const mal_share3_bits over = mal_share3_bits_planes(&seen, b + 1, 1);
        MAL_TRY(mal_share3_xor(s, &to, &to, &over));
    }
    return mal_share3_to_words(s, v, &turned, false);
}

/* r = 1 / u, both of U_BITS. */
static mal_err reciprocal(mal_share3 *s, mal_share3_words *r,
                          const mal_share3_words *u) {
    TRAIN_AUTO_WORDS t = { 0 };
    const unsigned extra = 14;
    const uint64_t slope = (32 << extra) / 17;
    const uint64_t at0 = (UINT64_C(48) << (U_BITS + extra)) / 17;
    MAL_TRY(mal_share3_words_affine(s, r, u, 0 - slope, at0));
    MAL_TRY(mal_share3_truncate(s, r, r, extra));
    for (unsigned i = 0; i < 3; i++) {
        MAL_TRY(mal_share3_mul(s, &t, u, r));
        MAL_TRY(mal_share3_truncate(s, &t, &t, U_BITS));
        MAL_TRY(mal_share3_words_affine(s, &t, &t, ~UINT64_C(0),
                                        UINT64_C(2) << U_BITS));
        MAL_TRY(mal_share3_mul(s, r, r, &t));
        MAL_TRY(mal_share3_truncate(s, r, r, U_BITS));
    }
    return MAL_OK;
}

mal_err train_mean(mal_share3 *s, mal_share3_words *m,
                   const mal_share3_words *g, const mal_share3_words *h) {
    TRAIN_AUTO_WORDS v = { 0 };
    TRAIN_AUTO_WORDS u = { 0 };
    TRAIN_AUTO_WORDS r = { 0 };
    TRAIN_AUTO_WORDS top = { 0 };
    MAL_TRY(normaliser(s, &v, h));
    MAL_TRY(mal_share3_mul(s, &u, h, &v));
    MAL_TRY(mal_share3_words_affine(s, &u, &u, 1 << (U_BITS - H_BITS), 0));
    MAL_TRY(reciprocal(s, &r, &u));
    MAL_TRY(mal_share3_mul(s, &top, g, &v));
    MAL_TRY(mal_share3_truncate(s, &top, &top, VALUE + H_BITS - U_BITS));
    MAL_TRY(mal_share3_mul(s, m, &top, &r));
    return mal_share3_truncate(s, m, m, 2 * U_BITS - VALUE);
}
