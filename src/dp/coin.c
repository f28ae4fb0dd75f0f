/* coin.c - exact coins: a uniform real against a probability, bit by bit.
 *
 * A coin of probability p is "u < p" for a uniform real u.  The first 64 bits
 * of u decide unless they equal those of p; then more bits of both are made
 * until they differ.  The coin is exact however p is given, as long as p can be
 * bounded as finely as asked.  At 64 limbs (4096 bits) we stop and say no: a
 * statistical distance below 2^-3900 in all, that nobody will see.
 */
#include "coin.h"

static uint64_t chunk_mask(unsigned chunk) {
    return chunk >= 64 ? UINT64_MAX : ((uint64_t)1 << chunk) - 1;
}

static uint64_t next_chunk(mal_dp_bits *bits) {
    return mal_dp_bits_word(bits) & chunk_mask(bits->chunk);
}

/* chunk divides 64, so that a chunk never straddles two words. */
static void lazy_grow(mal_dp_lazy *u, mal_dp_bits *bits) {
    assert(u->bits + bits->chunk <= 64 * MAL_DP_LIMBS_MAX &&
           64 % bits->chunk == 0);
    unsigned word = u->bits / 64, used = u->bits % 64;
    u->w[word] |= next_chunk(bits) << (64 - used - bits->chunk);
    u->bits += bits->chunk;
}

/* The bits of u against those of x in [0, 1), as far as both go: -1, 0, 1. */
static int lazy_compare(const mal_dp_lazy *u, const uint64_t *x, unsigned l) {
    for (unsigned i = 0; i < l && i * 64 < u->bits; i++) {
        unsigned known = u->bits - 64 * i;
        uint64_t mask = known >= 64 ? UINT64_MAX : ~(UINT64_MAX >> known);
        uint64_t ours = u->w[i] & mask, theirs = x[l - 1 - i] & mask;
        if (ours != theirs)
            return ours < theirs ? -1 : 1;
    }
    return 0;
}

mal_dp_prefix mal_dp_prefix_of(const mal_dp_iv *x, unsigned l) {
    mal_dp_prefix out = { x->lo[l - 1], x->hi[l - 1] };
    if (x->lo[l])
        out.lo = UINT64_MAX;
    if (x->hi[l])
        out.hi = UINT64_MAX;
    return out;
}

uint64_t mal_dp_lazy_below(mal_dp_lazy *u, mal_dp_bits *bits,
                           mal_dp_prefix prefix, mal_dp_exact p) {
    /* All bits known so far are below p's: so is u.  Above: so is u. */
    for (;; lazy_grow(u, bits)) {
        if (lazy_compare(u, &prefix.lo, 1) < 0)
            return UINT64_MAX;
        if (lazy_compare(u, &prefix.hi, 1) > 0)
            return 0;
        if (u->bits >= 64)
            break;
    }
    for (unsigned l = MAL_DP_LIMBS; l <= MAL_DP_LIMBS_MAX; l *= 2) {
        mal_dp_iv at;
        p.at(p.ctx, p.index, &at, l);
        while (u->bits <= 64 * l) {
            /* An end of 1 is above every u. */
            if (at.lo[l] != 0 || lazy_compare(u, at.lo, l) < 0)
                return UINT64_MAX;
            if (at.hi[l] == 0 && lazy_compare(u, at.hi, l) > 0)
                return 0;
            if (u->bits == 64 * l)
                break;
            lazy_grow(u, bits);
        }
    }
    return 0;
}

uint64_t mal_dp_coin_slow(mal_dp_bits *bits, const uint64_t *word,
                          mal_dp_prefix prefix, mal_dp_exact p) {
    mal_dp_lazy u = { 0 };
    if (word) {
        u.w[0] = *word;
        u.bits = 64;
    }
    uint64_t answer = mal_dp_lazy_below(&u, bits, prefix, p);
    mal_wipe(&u, sizeof u);
    return answer;
}

/* Is u < a / b, that is u * b < a?  After one chunk c of u, that is c * b +
 * (the rest of u) * b < a * 2^chunk: no if c * b is not below, yes if (c + 1) *
 * b is not above, and else the same question about the rest and a' = a *
 * 2^chunk - c * b. No division, and exact without a last limb. */
uint64_t mal_dp_coin_ratio(mal_dp_bits *bits, uint64_t a, uint64_t b) {
    assert(!mal_dp_rarely(b >> 63)); /* never */
    for (;;) {
        mal_u128 limit = (mal_u128)a << bits->chunk;
        mal_u128 below = (mal_u128)next_chunk(bits) * b;
        uint64_t no = (uint64_t)0 - (uint64_t)(below >= limit);
        uint64_t yes = (uint64_t)0 - (uint64_t)(below + b <= limit);
        if (!mal_dp_rarely(~(yes | no)))
            return mal_barrier(yes);
        a = (uint64_t)(limit - below); /* < b */
    }
}

uint64_t mal_dp_bits_take(mal_dp_bits *bits, unsigned n) {
    assert(n <= 63);
    if (bits->chunk == 64)
        return mal_dp_bits_word(bits) & chunk_mask(n);
    uint64_t out = 0;
    for (unsigned got = 0; got < n; got += bits->chunk)
        out = out << bits->chunk | next_chunk(bits);
    return out & chunk_mask(n);
}

/* [Lem19]: the high word of word * bound, unless the low word lies in the
 * remainder.  A rejected word says nothing about the accepted one. */
uint64_t mal_dp_bits_below(mal_dp_bits *bits, uint64_t bound) {
    assert(bound >= 1 && bound <= (uint64_t)1 << 16);
    if (bits->chunk == 64) {
        uint64_t rest = ((uint64_t)0 - bound) % bound;
        for (;;) {
            mal_u128 m = (mal_u128)mal_dp_bits_word(bits) * bound;
            if (!mal_dp_rarely(mal_mask_lt((uint64_t)m, rest)))
                return (uint64_t)(m >> 64);
        }
    }
    unsigned n = 0;
    while ((uint64_t)1 << n < bound)
        n++;
    for (;;) {
        uint64_t v = mal_dp_bits_take(bits, n);
        if (v < bound)
            return v;
    }
}
