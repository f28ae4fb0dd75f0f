/* dp_impl.h - what the files of dp share: fixed-point intervals, and the coins.
 *
 * No file that includes this can say float or double.
 */
#ifndef MALUS_DP_IMPL_H
#define MALUS_DP_IMPL_H

#include <malus/dp.h>
#include <string.h>

#pragma GCC poison float double

/* --- Fixed point (fixed.c) ------------------------------------------------ */

/* A number in [0, 2^64) with L fraction limbs: v[0] is the least significant,
 * v[L] the integer part.  L is passed along, at most LIMBS_MAX. */
#define MAL_DP_LIMBS_MAX 64
#define MAL_DP_LIMBS 4 /* of the tables: 128 + 64 bits of guard, and more */

/* lo <= the true value <= hi. */
typedef struct mal_dp_iv {
    uint64_t lo[MAL_DP_LIMBS_MAX + 1];
    uint64_t hi[MAL_DP_LIMBS_MAX + 1];
} mal_dp_iv;

int mal_dp_fx_cmp(const uint64_t *a, const uint64_t *b, unsigned l);
void mal_dp_iv_one(mal_dp_iv *out, unsigned l);
/* a / b of integers. */
void mal_dp_iv_ratio(mal_dp_iv *out, uint64_t a, uint64_t b, unsigned l);
/* Nonnegative operands; out may be an operand. */
void mal_dp_iv_mul(mal_dp_iv *out, const mal_dp_iv *a, const mal_dp_iv *b,
                   unsigned l);
void mal_dp_iv_add(mal_dp_iv *out, const mal_dp_iv *a, const mal_dp_iv *b,
                   unsigned l);
void mal_dp_iv_scale(mal_dp_iv *out, uint64_t a, uint64_t b,
                     unsigned l); /* *= a / b */
/* exp(-a / b), b >= 1, a / b <= 2^6. */
void mal_dp_iv_exp_neg(mal_dp_iv *out, uint64_t a, uint64_t b, unsigned l);
/* x / (1 + x) for x in [0, 1]. */
void mal_dp_iv_odds(mal_dp_iv *out, const mal_dp_iv *x, unsigned l);

/* --- Coins (coin.c) ------------------------------------------------------ */

/* Where random bits come from: `chunk` of them a call, the low bits of the
 * word. 64 but in the exactness certificate, which enumerates bit by bit. */
#define MAL_DP_WORDS 256
typedef struct mal_dp_bits {
    mal_dp_source source;
    unsigned chunk;
    unsigned left; /* words not yet used, at the end */
    uint64_t words[MAL_DP_WORDS];
} mal_dp_bits;

static inline void mal_dp_bits_init(mal_dp_bits *bits, mal_dp_source source,
                                    unsigned chunk) {
    *bits = (mal_dp_bits){ .source = source, .chunk = chunk };
}

static inline uint64_t mal_dp_bits_word(mal_dp_bits *bits) {
    if (__builtin_expect(bits->left == 0, 0)) {
        bits->left = bits->chunk == 64 ? MAL_DP_WORDS : 1;
        bits->source.fill(bits->source.ctx, bits->words, bits->left);
    }
    return bits->words[--bits->left];
}

/* A probability known as finely as asked: at(ctx, index) computes it to l
 * limbs. */
typedef struct mal_dp_exact {
    void (*at)(const void *ctx, unsigned index, mal_dp_iv *out, unsigned l);
    const void *ctx;
    unsigned index;
} mal_dp_exact;

/* Its leading bits, for the comparison that nearly always decides. */
typedef struct mal_dp_prefix {
    uint64_t lo, hi;
} mal_dp_prefix;

/* A uniform real whose bits are drawn when they are needed. */
typedef struct mal_dp_lazy {
    uint64_t w[MAL_DP_LIMBS_MAX]; /* w[0] holds the most significant bits */
    unsigned bits;
} mal_dp_lazy;

/* All ones if u < p.  u grows as needed. */
uint64_t mal_dp_lazy_below(mal_dp_lazy *u, mal_dp_bits *bits,
                           mal_dp_prefix prefix, mal_dp_exact p);
/* Is the mask set?  What happens with probability below 2^-50 a draw is allowed
 * to show in the time: the README counts these branches. */
static inline bool mal_dp_rarely(uint64_t mask) {
    mal_declassify(&mask, sizeof mask);
    return __builtin_expect(mask != 0, 0);
}
/* A coin from the first on, or after a first word that ties with p. */
__attribute__((cold)) uint64_t mal_dp_coin_slow(mal_dp_bits *bits,
                                                const uint64_t *word,
                                                mal_dp_prefix prefix,
                                                mal_dp_exact p);
/* All ones with probability p: one word, but for ties (2^-63). */
static inline uint64_t mal_dp_coin(mal_dp_bits *bits, mal_dp_prefix prefix,
                                   mal_dp_exact p) {
    if (__builtin_expect(bits->chunk != 64, 0))
        return mal_dp_coin_slow(bits, NULL, prefix, p);
    uint64_t word = mal_dp_bits_word(bits);
    uint64_t yes = mal_mask_lt(word, prefix.lo);
    if (mal_dp_rarely(~(yes | mal_mask_lt(prefix.hi, word))))
        return mal_dp_coin_slow(bits, &word, prefix, p);
    return yes;
}
/* All ones with probability a / b, 1 <= a <= b < 2^63. */
uint64_t mal_dp_coin_ratio(mal_dp_bits *bits, uint64_t a, uint64_t b);
/* Uniform in [0, 2^n), n <= 63. */
uint64_t mal_dp_bits_take(mal_dp_bits *bits, unsigned n);
/* Uniform in [0, bound), 1 <= bound <= 2^16. */
uint64_t mal_dp_bits_below(mal_dp_bits *bits, uint64_t bound);

/* --- Noise (noise.c) ----------------------------------------------------- */

#define MAL_DP_LEVELS_MAX 57 /* 2^56 / 2^50 = 64 >= 45 */
#define MAL_DP_POISSON_MAX 160

struct mal_dp_noise {
    mal_dp_scale t;
    unsigned k;
    unsigned
        levels;     /* J: binary digits below 2^J, and a tail of odds q^(2^J) */
    unsigned slots; /* thresholds in the Poisson table, and jumps tried */
    mal_dp_prefix power[MAL_DP_LEVELS_MAX + 1]; /* q^(2^i) */
    mal_dp_prefix digit[MAL_DP_LEVELS_MAX];     /* q^(2^i) / (1 + q^(2^i)) */
    mal_dp_prefix twice;                        /* 2 q^(2^J) */
    mal_dp_prefix poisson[MAL_DP_POISSON_MAX];  /* P[Poisson((J+1)/k) <= m] */
};

/* As mal_dp_noise_new with J given: any J with 2 q^(2^J) <= 1 is exact, and a
 * small one lets the certificate reach the tail. */
mal_err mal_dp_noise_new_levels(mal_dp_noise **noise, mal_dp_scale t,
                                unsigned share_k,
                                unsigned levels) MAL_MUST_CHECK;
/* One geometric (k = 1) or one negative binomial variable of order 1/k. */
uint64_t mal_dp_noise_side(const mal_dp_noise *noise, mal_dp_bits *bits);
/* The sources of lazily extended thresholds: power, digit, twice, poisson. */
mal_err mal_dp_scale_check(mal_dp_scale t) MAL_MUST_CHECK;

#endif
