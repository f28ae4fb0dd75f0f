/* noise.c - the discrete Laplace law and its shares, on integers.
 *
 * Write q = exp(-1/t) and J for the number of levels, 2^J / t >= 45, so that
 * Q = q^(2^J) < 2^-64.  DLap(t) is the difference of two geometric variables,
 * P[x] = (1 - q) q^x; a k-th share of it is the difference of two negative
 * binomial ones of order r = 1/k, as k of them sum to a geometric.  We draw one
 * side.
 *
 * k = 1.  The binary digits of a geometric variable are independent: q^x is the
 * product of q^(2^i) over the digits that are 1.  Digit i is 1 with odds
 * q^(2^i), and x >> J is again geometric, with ratio Q.  J coins, and one that
 * nearly always says that nothing lies above 2^J.
 *
 * k > 1.  NB(r, q) has the generating function
 *     ((1 - q) / (1 - qz))^r = exp(sum over n >= 1 of (r q^n / n) (z^n - 1)):
 * it is a sum of jumps, where jumps of height n arrive as Poisson(r q^n / n),
 * independently for each n.  Thinning: if points of height n arrive at a rate
 * g(n) at least as great, and each is kept with probability (r q^n / n) / g(n),
 * what is kept is exactly that.  Levels: j < J   heights [2^j, 2^(j+1)), each
 * at rate r / 2^j: rate r in all.  Kept with probability (2^j / n) * q^n: a
 * rational coin, and one coin of probability q^(2^i) for each binary digit of n
 * that is 1. j = J   heights 2^J (b + 1) + y, b >= 0, y < 2^J, each at rate r
 * 2^-(b+1) / 2^J: rate r in all.  Kept with probability (2Q)^(b+1) * q^y * 2^J
 * / n, of which the product with 2^-(b+1) is q^(n - y) q^y = q^n.  b is made as
 * we go: keep with 2Q, then stop on a fair coin, or go on to b + 1. The J + 1
 * rates are equal, so there are Poisson((J+1) r) points, and each falls on a
 * uniform level.  A sum of a few dozen coins, for t up to 2^50, with no
 * approximation: [SV04] for the representation, [Dev86] X.1 for thinning.
 *
 * Fixed work: every point that the Poisson table allows is tried, every level's
 * coin is thrown, and masks decide what counts.
 */
#include "dp_impl.h"

/* --- The constants, as finely as asked ----------------------------------- */

static void power_at(const void *ctx, unsigned i, mal_dp_iv *out, unsigned l) {
    const mal_dp_noise *z = ctx;
    mal_dp_iv_exp_neg(out, z->t.den, z->t.num, l);
    while (i-- > 0)
        mal_dp_iv_mul(out, out, out, l);
}

static void digit_at(const void *ctx, unsigned i, mal_dp_iv *out, unsigned l) {
    mal_dp_iv x;
    power_at(ctx, i, &x, l);
    mal_dp_iv_odds(out, &x, l);
}

static void twice_at(const void *ctx, unsigned i, mal_dp_iv *out, unsigned l) {
    power_at(ctx, i, out, l);
    mal_dp_iv_scale(out, 2, 1, l);
}

/* P[Poisson((J+1)/k) <= m]. */
static void poisson_at(const void *ctx, unsigned m, mal_dp_iv *out,
                       unsigned l) {
    const mal_dp_noise *z = ctx;
    mal_dp_iv term, sum, none;
    mal_dp_iv_one(&term, l);
    sum = term;
    for (unsigned i = 1; i <= m; i++) {
        mal_dp_iv_scale(&term, z->levels + 1, (uint64_t)z->k * i, l);
        mal_dp_iv_add(&sum, &sum, &term, l);
    }
    mal_dp_iv_exp_neg(&none, z->levels + 1, z->k, l);
    mal_dp_iv_mul(out, &none, &sum, l);
}

static void fill_digits(mal_dp_noise *z) {
    const unsigned l = MAL_DP_LIMBS;
    mal_dp_iv x, y;
    power_at(z, 0, &x, l);
    for (unsigned i = 0; i <= z->levels; i++) {
        z->power[i] = mal_dp_prefix_of(&x, l);
        if (i < z->levels && z->k == 1) {
            mal_dp_iv_odds(&y, &x, l);
            z->digit[i] = mal_dp_prefix_of(&y, l);
        }
        if (i < z->levels)
            mal_dp_iv_mul(&x, &x, &x, l);
    }
    mal_dp_iv_scale(&x, 2, 1, l);
    z->twice = mal_dp_prefix_of(&x, l);
}

/* Thresholds up to the one that leaves less than 2^-63 above it. */
static void fill_poisson(mal_dp_noise *z) {
    const unsigned l = MAL_DP_LIMBS;
    mal_dp_iv term, sum, none, at;
    mal_dp_iv_one(&term, l);
    sum = term;
    mal_dp_iv_exp_neg(&none, z->levels + 1, z->k, l);
    for (unsigned m = 0;; m++) {
        assert(m < MAL_DP_POISSON_MAX);
        mal_dp_iv_mul(&at, &none, &sum, l);
        z->poisson[m] = mal_dp_prefix_of(&at, l);
        z->slots = m + 1;
        if (z->poisson[m].lo >= UINT64_MAX - 1)
            return;
        mal_dp_iv_scale(&term, z->levels + 1, (uint64_t)z->k * (m + 1), l);
        mal_dp_iv_add(&sum, &sum, &term, l);
    }
}

mal_err mal_dp_noise_new_levels(mal_dp_noise **noise, mal_dp_scale t,
                                unsigned share_k, unsigned levels) {
    MAL_TRY(mal_dp_scale_check(t));
    MAL_REQUIRE(share_k >= 1 && share_k <= MAL_DP_SHARE_MAX, MAL_E_LIMIT,
                "a share of 1/%u: between 1 and %d parties may share the noise",
                share_k, MAL_DP_SHARE_MAX);
    assert(levels <= MAL_DP_LEVELS_MAX);
    mal_dp_noise *z = mal_calloc(1, sizeof *z);
    if (!z)
        return MAL_E_MEMORY;
    z->t = t;
    z->k = share_k;
    z->levels = levels;
    fill_digits(z);
    if (share_k > 1)
        fill_poisson(z);
    *noise = z;
    return MAL_OK;
}

mal_err mal_dp_noise_new(mal_dp_noise **noise, mal_dp_scale t,
                         unsigned share_k) {
    MAL_TRY(mal_dp_scale_check(t));
    /* exp(-45) < 2^-64 */
    unsigned levels = 0;
    while (((mal_u128)t.den << levels) < (mal_u128)45 * t.num)
        levels++;
    return mal_dp_noise_new_levels(noise, t, share_k, levels);
}

void mal_dp_noise_free(mal_dp_noise *noise) {
    mal_free(noise);
}

void mal_dp_noise_auto(mal_dp_noise **noise) {
    mal_dp_noise_free(*noise);
    *noise = NULL;
}

/* --- Drawing ------------------------------------------------------------- */

static uint64_t coin_power(const mal_dp_noise *z, mal_dp_bits *bits,
                           unsigned i) {
    return mal_dp_coin(bits, z->power[i], (mal_dp_exact){ power_at, z, i });
}

static uint64_t coin_twice(const mal_dp_noise *z, mal_dp_bits *bits) {
    return mal_dp_coin(bits, z->twice,
                       (mal_dp_exact){ twice_at, z, z->levels });
}

static uint64_t geometric(const mal_dp_noise *z, mal_dp_bits *bits) {
    uint64_t x = 0;
    for (unsigned i = 0; i < z->levels; i++) {
        mal_dp_exact p = { digit_at, z, i };
        x |= mal_dp_coin(bits, z->digit[i], p) & (uint64_t)1 << i;
    }
    /* Above 2^J with probability Q < 2^-64. */
    while (mal_dp_rarely(coin_power(z, bits, z->levels)))
        x += (uint64_t)1 << z->levels;
    return x;
}

/* Beyond 1000 points is beyond the last limb. */
__attribute__((noinline, cold)) static uint64_t
jumps_slow(const mal_dp_noise *z, mal_dp_bits *bits, const uint64_t *word) {
    mal_dp_lazy u = { 0 };
    unsigned m = 0;
    if (word) {
        u.w[0] = *word;
        u.bits = 64;
    }
    while (m < 1000) {
        /* Beyond the table all that is known is the last threshold: it is
         * above. */
        mal_dp_prefix known = { z->poisson[z->slots - 1].lo, UINT64_MAX };
        if (m < z->slots)
            known = z->poisson[m];
        if (mal_dp_lazy_below(&u, bits, known,
                              (mal_dp_exact){ poisson_at, z, m }))
            break;
        m++;
    }
    mal_wipe(&u, sizeof u);
    return m;
}

/* How many points there are.  u below the m-th threshold means at most m. */
static uint64_t jumps(const mal_dp_noise *z, mal_dp_bits *bits) {
    if (bits->chunk != 64)
        return jumps_slow(z, bits, NULL);
    uint64_t word = mal_dp_bits_word(bits), count = 0, tie = 0;
    for (unsigned m = 0; m < z->slots; m++) {
        uint64_t above = mal_mask_lt(z->poisson[m].hi, word);
        uint64_t below = mal_mask_lt(word, z->poisson[m].lo);
        count += above & 1;
        tie |= ~(above | below);
    }
    tie |= mal_mask_eq(count, z->slots);
    if (mal_dp_rarely(tie))
        return jumps_slow(z, bits, &word);
    return count;
}

/* The rare branch at the top level: b, after the first coin of 2Q said yes. The
 * height stays below 2^62, which e^-4096 and less would pass. */
static uint64_t tail_blocks(const mal_dp_noise *z, mal_dp_bits *bits,
                            uint64_t *alive) {
    uint64_t b = 0;
    while (mal_dp_bits_take(bits, 1)) {
        b++;
        if (!coin_twice(z, bits) || b >> (61 - z->levels)) {
            *alive = 0;
            return 0;
        }
    }
    return b;
}

/* The height of one point, or 0 if it is not kept.  `real` is a mask: a point
 * that only fills its slot does the same work. */
static uint64_t jump(const mal_dp_noise *z, mal_dp_bits *bits, uint64_t real) {
    const unsigned J = z->levels;
    uint64_t level = mal_dp_bits_below(bits, J + 1),
             raw = mal_dp_bits_take(bits, J);
    uint64_t low = 0, top = 0, alive = real;
    for (unsigned i = 0; i <= J; i++) {
        uint64_t bit = (uint64_t)1 << i;
        low |= raw & bit & mal_mask_lt(i, level);
        top |= bit & mal_mask_eq(i, level);
    }

    uint64_t n = top | low, at_top = mal_mask_eq(level, J);
    /* The certificate leaves out coins that nobody looks at; else all are
     * thrown. */
    uint64_t brief = mal_mask_nonzero(bits->chunk ^ 64);
    uint64_t above = brief & ~at_top ? 0 : coin_twice(z, bits);
    alive &= above | ~at_top;
    if (mal_dp_rarely(above & at_top))
        n += tail_blocks(z, bits, &alive) << J;

    for (unsigned i = 0; i < J; i++) {
        uint64_t wanted = mal_mask_nonzero(n >> i & 1);
        if (brief & ~wanted)
            continue;
        alive &= coin_power(z, bits, i) | ~wanted;
    }
    alive &= mal_dp_coin_ratio(bits, top, n);
    return n & alive;
}

static uint64_t negative_binomial(const mal_dp_noise *z, mal_dp_bits *bits) {
    uint64_t m = jumps(z, bits), x = 0;
    uint64_t tried =
        m; /* the certificate leaves out points that do not count */
    if (bits->chunk == 64 && !mal_dp_rarely(mal_mask_lt(z->slots, m)))
        tried = z->slots;
    for (uint64_t i = 0; i < tried; i++)
        x += jump(z, bits, mal_mask_lt(i, m));
    return x;
}

uint64_t mal_dp_noise_side(const mal_dp_noise *noise, mal_dp_bits *bits) {
    return noise->k == 1 ? geometric(noise, bits)
                         : negative_binomial(noise, bits);
}

void mal_dp_noise_draw(const mal_dp_noise *noise, int64_t *out, size_t n,
                       mal_dp_source source) {
    mal_dp_bits bits;
    mal_dp_bits_init(&bits, source, 64);
    for (size_t i = 0; i < n; i++) {
        uint64_t plus = mal_dp_noise_side(noise, &bits);
        uint64_t minus = mal_dp_noise_side(noise, &bits);
        out[i] = (int64_t)(plus - minus);
    }
    mal_wipe(&bits, sizeof bits);
}

static void fill_drbg(void *ctx, uint64_t *words, size_t n) {
    mal_prim_drbg_fill(ctx, words, n * sizeof *words);
}

mal_dp_source mal_dp_source_drbg(mal_prim_drbg *drbg) {
    return (mal_dp_source){ fill_drbg, drbg };
}

mal_err mal_dp_laplace_share(int64_t *out, size_t n, uint64_t num, uint64_t den,
                             unsigned share_k, mal_prim_drbg *drbg) {
    MAL_AUTO(mal_dp_noise_auto) mal_dp_noise *noise = NULL;
    MAL_TRY(mal_dp_noise_new(&noise, (mal_dp_scale){ num, den }, share_k));
    mal_dp_noise_draw(noise, out, n, mal_dp_source_drbg(drbg));
    return MAL_OK;
}
