/* io.c - values become shares, shares become values; shares are made anew. */
#include "share3_impl.h"

/* --- Input -----------------------------------------------------------------
 */

/* Owner o: x_o = F(k_o), known to P_(o-1) as well; x_(o+1) = x - x_o, sent to
 * P_(o+1); x_(o+2) = 0.  P_(o+1) sees x under a mask that it cannot know. */
typedef struct input {
    mal_share3 *s;
    const uint64_t *x;
    uint64_t *part[2];
    bool words;
} input;

static void make_input(void *ctx, uint64_t *out, size_t from, size_t n) {
    input *in = ctx;
    share3_draw(in->s, 0, in->part[0] + from, n);
    for (size_t i = 0; i < n; i++) {
        const uint64_t x = in->x[from + i], r = in->part[0][from + i];
        in->part[1][from + i] = out[i] = in->words ? x - r : x ^ r;
    }
}

static void take_input(void *ctx, const uint64_t *words, size_t from,
                       size_t n) {
    input *in = ctx;
    memcpy(in->part[0] + from, words, n * sizeof *words);
}

/* Nothing is opened before all have said that what comes now is well. */
static void agree_later(mal_share3 *s, size_t n) {
    s->unagreed |= n && s->options.security == MAL_SHARE3_MALICIOUS;
}

/* The parts are zero before. */
static mal_err run_input(input *in, unsigned owner, size_t n) {
    mal_share3 *s = in->s;
    const unsigned place = (s->me + 3 - owner) % 3; /* 0: the owner */
    const share3_round r = {
        .kind = SHARE3_INPUT,
        .to = share3_next(s),
        .from = share3_prev(s),
        .total = n,
        .make = place == 0 ? make_input : NULL,
        .take = place == 1 ? take_input : NULL,
        .ctx = in,
    };
    if (place == 2) /* in the steps in which the owner draws */
        for (size_t i = 0; i < n; i += SHARE3_CHUNK)
            share3_draw(s, 1, in->part[1] + i,
                        share3_least(SHARE3_CHUNK, n - i));
    agree_later(s, n); /* else it might be chosen by what is opened */
    return share3_exchange(s, &r);
}

static mal_err check_owner(const mal_share3 *s, unsigned owner, const void *x,
                           size_t n) {
    MAL_REQUIRE(owner < 3, MAL_E_INPUT, "no party %u", owner);
    MAL_REQUIRE(s->me != owner || x || n == 0, MAL_E_INPUT,
                "the owner gave no values");
    return MAL_OK;
}

mal_err mal_share3_words_input(mal_share3 *s, mal_share3_words *z,
                               unsigned owner, const uint64_t *x, size_t n) {
    MAL_TRY(check_owner(s, owner, x, n));
    MAL_TRY(share3_words_want(s, z, n));
    for (unsigned p = 0; p < 2; p++)
        memset(z->part[p], 0, n * sizeof(uint64_t));
    input in = { s, x, { z->part[0], z->part[1] }, true };
    return run_input(&in, owner, n);
}

mal_err mal_share3_bits_input(mal_share3 *s, mal_share3_bits *z, unsigned owner,
                              const uint64_t *planes, size_t n,
                              unsigned width) {
    MAL_TRY(check_owner(s, owner, planes, width * n));
    MAL_TRY(share3_bits_want(s, z, n, width));
    const size_t words = width * z->stride;
    for (unsigned p = 0; p < 2; p++)
        memset(z->part[p], 0, words * sizeof(uint64_t));
    input in = { s, planes, { z->part[0], z->part[1] }, false };
    return run_input(&in, owner, words);
}

void mal_share3_split(uint64_t *const parts[3], const uint64_t *x, size_t n,
                      mal_prim_drbg *drbg) {
    mal_prim_drbg_fill(drbg, parts[0], n * sizeof *x);
    mal_prim_drbg_fill(drbg, parts[1], n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        parts[2][i] = x[i] - parts[0][i] - parts[1][i];
}

void mal_share3_split_bits(uint64_t *const parts[3], const uint64_t *planes,
                           size_t words, mal_prim_drbg *drbg) {
    mal_prim_drbg_fill(drbg, parts[0], words * sizeof *planes);
    mal_prim_drbg_fill(drbg, parts[1], words * sizeof *planes);
    for (size_t i = 0; i < words; i++)
        parts[2][i] = planes[i] ^ parts[0][i] ^ parts[1][i];
}

mal_err mal_share3_words_adopt(mal_share3 *s, mal_share3_words *z,
                               const uint64_t *const part[2], size_t n) {
    MAL_TRY(share3_words_want(s, z, n));
    for (unsigned p = 0; p < 2 && n; p++)
        memcpy(z->part[p], part[p], n * sizeof(uint64_t));
    return MAL_OK;
}

mal_err mal_share3_bits_adopt(mal_share3 *s, mal_share3_bits *z,
                              const uint64_t *const part[2], size_t n,
                              unsigned width) {
    MAL_TRY(share3_bits_want(s, z, n, width));
    for (unsigned p = 0; p < 2 && n && width; p++)
        memcpy(z->part[p], part[p], width * z->stride * sizeof(uint64_t));
    return MAL_OK;
}

/* What lies past the last row has no meaning, and may hold what no row shows:
 * it neither leaves nor counts. */
static void cut_tail(const mal_share3_bits *v) {
    for (unsigned p = 0; p < 2 && v->n % 64; p++)
        for (unsigned b = 0; b < v->width; b++)
            v->part[p][(b + 1) * v->stride - 1] &=
                ~UINT64_C(0) >> (64 - v->n % 64);
}

/* --- Do both holders hold the same? ----------------------------------------
 */

typedef struct agree {
    mal_prim_hash ours[2], theirs;
    bool same;
} agree;

static void make_agree(void *ctx, uint64_t *out, size_t from, size_t n) {
    agree *a = ctx;
    memcpy(out, a->ours[1].b + 8 * from, 8 * n);
}

static void take_agree(void *ctx, const uint64_t *in, size_t from, size_t n) {
    agree *a = ctx;
    a->same = a->same && mal_equal(in, a->ours[0].b + 8 * from, 8 * n);
}

static mal_err settle_agree(mal_share3 *s, agree *a, const char *what) {
    mal_declassify(&a->same, sizeof a->same);
    if (!a->same)
        mal_err_set(MAL_E_PEER, __FILE__, __LINE__,
                    "the holders of %s share hold different ones", what);
    return share3_leave(s, a->same ? MAL_OK : MAL_E_PEER);
}

/* P_i tells P_(i+1) what it holds as x_(i+1). */
static mal_err run_agree(mal_share3 *s, uint64_t *const part[2], size_t n) {
    agree a = { .same = true };
    const mal_bytes session =
        mal_bytes_of(s->options.session, MAL_SHARE3_SESSION);
    for (unsigned p = 0; p < 2; p++) {
        const mal_bytes list[] = { session, mal_bytes_of(part[p], 8 * n) };
        mal_prim_hash_parts(&a.ours[p], "malus share3 v1 agree", list, 2);
    }
    const share3_round r = {
        .kind = SHARE3_AGREE,
        .to = share3_next(s),
        .from = share3_prev(s),
        .total = sizeof a.ours[0].b / 8,
        .make = make_agree,
        .take = take_agree,
        .ctx = &a,
    };
    agree_later(s, n);
    MAL_TRY(share3_exchange(s, &r));
    return settle_agree(s, &a, "one");
}

mal_err mal_share3_words_agree(mal_share3 *s, const mal_share3_words *v) {
    return run_agree(s, v->part, v->n);
}

mal_err mal_share3_bits_agree(mal_share3 *s, const mal_share3_bits *v) {
    cut_tail(v);
    return run_agree(s, v->part, v->width * v->stride);
}

/* --- Opening ---------------------------------------------------------------
 */

/* P_i lacks x_(i-1), which P_(i-1) holds as part 0. */
typedef struct opening {
    uint64_t *const *part;
    uint64_t *x;
    bool words;
} opening;

static void make_opening(void *ctx, uint64_t *out, size_t from, size_t n) {
    const opening *o = ctx;
    memcpy(out, o->part[0] + from, n * sizeof *out);
}

static void take_opening(void *ctx, const uint64_t *in, size_t from, size_t n) {
    const opening *o = ctx;
    const uint64_t *a = o->part[0] + from, *b = o->part[1] + from;
    uint64_t *x = o->x + from;
    for (size_t i = 0; i < n; i++)
        x[i] = o->words ? a[i] + b[i] + in[i] : a[i] ^ b[i] ^ in[i];
}

/* to: a set of parties, bit i for P_i.  Every opening passes here, and none
 * before what it rests on was verified. */
#define TO_ALL 7u

/* What P_i was sent as x_(i-1) must be what P_(i+1) holds as such: a hash
 * tells. hash[0] is of what came, hash[1] of our part 1. */
#define HASHED 512

static mal_err hash_opening(mal_share3 *s, const opening *o, bool came,
                            size_t n, mal_prim_hash *hash) {
    uint64_t words[HASHED];
    MAL_AUTO(mal_prim_sha256_auto)
    mal_prim_sha256 *state = mal_prim_sha256_new();
    if (!state)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_prim_sha256_add(state,
                        mal_bytes_of(s->options.session, MAL_SHARE3_SESSION));
    for (size_t i = 0, step; i < n; i += step) {
        const uint64_t *a = o->part[0] + i, *b = o->part[1] + i;
        step = share3_least(n - i, HASHED);
        for (size_t k = 0; k < step; k++)
            words[k] = !came      ? b[k]
                       : o->words ? o->x[i + k] - a[k] - b[k]
                                  : o->x[i + k] ^ a[k] ^ b[k];
        mal_prim_sha256_add(state, mal_bytes_of(words, 8 * step));
    }
    mal_prim_sha256_peek(state, hash);
    mal_wipe(words, sizeof words);
    return MAL_OK;
}

static void take_hash(void *ctx, const uint64_t *in, size_t from, size_t n) {
    agree *a = ctx;
    memcpy(a->theirs.b + 8 * from, in, 8 * n);
}

/* The hash goes the other way beside what is opened. */
static mal_err open_and_check(mal_share3 *s, const opening *o, unsigned to,
                              const share3_round *r) {
    const bool ours = to >> s->me & 1, tell = to >> share3_prev(s) & 1;
    agree a = { .same = true };
    if (r->total == 0)
        return MAL_OK;
    if (tell)
        MAL_TRY(hash_opening(s, o, false, r->total, &a.ours[1]));
    const share3_round hash = {
        .kind = SHARE3_AGREE,
        .to = share3_prev(s),
        .from = share3_next(s),
        .total = sizeof a.ours[0].b / 8,
        .make = tell ? make_agree : NULL,
        .take = ours ? take_hash : NULL,
        .ctx = &a,
    };
    MAL_TRY(share3_exchange_pair(s, r, &hash));
    if (ours) {
        MAL_TRY(hash_opening(s, o, true, r->total, &a.ours[0]));
        a.same = mal_equal(a.ours[0].b, a.theirs.b, sizeof a.theirs.b);
    }
    return settle_agree(s, &a, "an opened");
}

static mal_err swap_openings(mal_share3 *s, opening *o, unsigned to, size_t n) {
    const bool ours = to >> s->me & 1;
    MAL_TRY(share3_before_open(s));
    const share3_round r = {
        .kind = SHARE3_OPEN,
        .to = share3_next(s),
        .from = share3_prev(s),
        .total = n,
        .make = to >> share3_next(s) & 1 ? make_opening : NULL,
        .take = ours ? take_opening : NULL,
        .ctx = o,
    };
    s->count.opened += n;
    return s->options.security == MAL_SHARE3_MALICIOUS
               ? open_and_check(s, o, to, &r)
               : share3_exchange(s, &r);
}

/* What is not verified, or not whole, is not given out. */
static mal_err run_opening(mal_share3 *s, opening *o, unsigned to, size_t n) {
    const bool ours = to >> s->me & 1;
    MAL_REQUIRE(!ours || o->x || n == 0, MAL_E_INPUT,
                "no place for what is opened");
    mal_err err = swap_openings(s, o, to, n);
    if (err != MAL_OK && ours && n)
        mal_wipe(o->x, 8 * n);
    return err;
}

/* What the program asked for is public from here on. */
static mal_err open_public(mal_share3 *s, opening *o, unsigned to, size_t n) {
    MAL_TRY(run_opening(s, o, to, n));
    if (to >> s->me & 1 && n)
        mal_declassify(o->x, n * sizeof *o->x);
    return MAL_OK;
}

mal_err share3_open_part(mal_share3 *s, uint64_t *planes, unsigned k,
                         const mal_share3_bits *v) {
    opening o = { v->part, planes, false };
    cut_tail(v);
    return run_opening(s, &o, 1u << k | 1u << (k + 2) % 3,
                       v->width * v->stride);
}

mal_err mal_share3_words_open_to(mal_share3 *s, uint64_t *x, unsigned to,
                                 const mal_share3_words *v) {
    MAL_REQUIRE(to < 3, MAL_E_INPUT, "no party %u", to);
    opening o = { v->part, x, true };
    return open_public(s, &o, 1u << to, v->n);
}

mal_err mal_share3_bits_open_to(mal_share3 *s, uint64_t *planes, unsigned to,
                                const mal_share3_bits *v) {
    MAL_REQUIRE(to < 3, MAL_E_INPUT, "no party %u", to);
    opening o = { v->part, planes, false };
    cut_tail(v);
    return open_public(s, &o, 1u << to, v->width * v->stride);
}

mal_err mal_share3_words_open(mal_share3 *s, uint64_t *x,
                              const mal_share3_words *v) {
    opening o = { v->part, x, true };
    return open_public(s, &o, TO_ALL, v->n);
}

mal_err mal_share3_bits_open(mal_share3 *s, uint64_t *planes,
                             const mal_share3_bits *v) {
    opening o = { v->part, planes, false };
    cut_tail(v);
    return open_public(s, &o, TO_ALL, v->width * v->stride);
}

/* --- Refreshing --------------------------------------------------------------
 */

/* The product with a public one: x_i + a_i, sent as any product is. */
mal_err mal_share3_words_refresh(mal_share3 *s, mal_share3_words *z,
                                 const mal_share3_words *x) {
    MAL_AUTO(mal_share3_words_clear) mal_share3_words one = { 0 };
    MAL_TRY(mal_share3_words_new(s, &one, x->n));
    MAL_TRY(mal_share3_words_affine(s, &one, &one, 0, 1));
    return mal_share3_mul(s, z, x, &one);
}

mal_err mal_share3_bits_refresh(mal_share3 *s, mal_share3_bits *z,
                                const mal_share3_bits *x) {
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits one = { 0 };
    MAL_TRY(mal_share3_bits_new(s, &one, x->n, 1));
    MAL_TRY(mal_share3_not(s, &one, &one));
    return mal_share3_and(s, z, x, &one);
}
