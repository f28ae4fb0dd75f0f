/* coin.h - random bits, and exact coins made of them. */
#ifndef MALUS_DP_COIN_H
#define MALUS_DP_COIN_H

#include "fixed.h"

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
/* Of what lies in x, a probability; 1 counts as the greatest below it. */
mal_dp_prefix mal_dp_prefix_of(const mal_dp_iv *x, unsigned l);

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

#endif
