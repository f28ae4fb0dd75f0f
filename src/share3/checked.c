/* checked.c - a shuffle that a lying party cannot bend.
 *
 * One pass, by X and Y, who know the permutation pi, and T, who does not.  With
 * parts named by their holders, and y_TX, y_YT drawn by those:
 *     X -> Y: m_X = pi(x_TX) - y_TX       Y -> X: m_Y = pi(x_YT) - y_YT
 *     y_XY = pi(x_XY) + m_X + m_Y
 * T sends nothing.  So the only lie is a wrong m_X, to Y (or m_Y, to X), and Y
 * and T are then honest.
 *
 * Bits.  Rows are folded to one element of GF(2^64) each by coefficients c of
 * the lanes, F(v)_j = sum_l c_l v_jl.  Y and T draw r and c, which X does not
 * know yet; with s = pi^-1(r), that is, s_i = r_j where row i goes to j,
 *     <r, F(m_X)> + <r, F(y_TX)> = <s, F(x_TX)>.                          (*)
 * Y knows s, T knows F(x_TX), and X both once it is told the seed of r and c,
 * when both others say that they have all of its messages.  The left side are
 * shares that Y and T hold of an inner product of what one verifier knows with
 * what the other knows: X proves it together with its products (prove.c),
 * before anything is opened.
 *
 * Words, mod 2^64.  (*) is made of bits again by the carries k of m_X + y_TX:
 * with c = 2 k, pi(x_TX) = m_X ^ y_TX ^ c.  X sends Y its share k_Y = k ^ k_T
 * beside m_X; k_T is drawn [TX].  In (*), m_X ^ 2 k_Y stands for m_X and
 * y_TX ^ 2 k_T for y_TX; and that k are the carries, k = maj(m_X, y_TX, c), is
 *     (m_X ^ c) & (y_TX ^ c) = k ^ c,
 * which is one more product of X to be proved, of
 *     u = (m_X ^ 2 k_Y) ^ 2 k_T     and     v = 2 k_Y ^ (y_TX ^ 2 k_T),
 * where Y knows the first of both sums, T the second: Y holds u_Y v_Y ^ k_Y ^
 * 2 k_Y and T holds u_T v_T ^ k_T ^ 2 k_T of what u_Y v_T ^ u_T v_Y must be.
 * Bit by bit from the lowest, k is then the carry, and (*) has the sum.
 *
 * Soundness.  Let m_X be wrong by e, not 0, or by another k: then a product is
 * not what it must be (prove.c), or F is applied to what differs from pi(x_TX)
 * by some e, not 0, that was fixed before r and c were known to X.  F(e) = 0
 * with probability 2^-64, and else <r, F(e)> = 0 with 2^-64: 2^-63 for each of
 * the two messages of X, on top of the bound of the proof.
 * Privacy.  m_X, k_Y are masked by y_TX, k_T, unknown to Y.  Seeds are random;
 * what a seed told wrongly to X would do is said in prove.c.  If X is honest
 * all claims are true; if X lies, it knows by how much: whether a proof fails
 * says nothing of an honest value.
 */
#include "gf64.h"
#include "permute_impl.h"
#include "proof_bits.h"

enum { PROVER, LEFT, RIGHT, ROLES };
/* What the words of a seed serve for: r of the message to X's next party, of
 * that to its previous one, and c. */
enum { ROWS = 1, LANES = 3 };

#define FOLD_ROWS ((size_t)512)
#define FOLD_LANES 8

typedef struct checked {
    mal_share3 *s;
    const mal_share3_order *o;
    share3_lanes *l;
    share3_claims *claims;
    bool inverse;
    unsigned peer[2]; /* with whom part 0, part 1 is held */
    uint64_t told[ROLES][2];
    mal_prim_aes seed[ROLES];
    uint64_t *lane_weight[ROLES]; /* c: [n_lanes] */
    mal_share3_words store;
    uint64_t *own[2];      /* by peer: x_TX of the pass with it, [total] */
    uint64_t *send, *recv; /* m and k of a word lane, [total + words] */
    uint64_t *carry[2];    /* k_T, by the part that its holders hold, [words] */
} checked;

/* The role of what we verify of X. */
static unsigned role_of(const checked *k, unsigned x) {
    return x == k->peer[1] ? LEFT : RIGHT;
}

/* What X sends to its next party comes first. */
static unsigned slot_of(unsigned x, unsigned y) {
    return y == (x + 1) % 3 ? 0 : 1;
}

/* The claims of X have n elements of x and y of their own.  P and L know x_P, F
 * of the first message, and y_P, s of the second; P and R the other two.  x is
 * us or holds part p too. */
static uint64_t *x_of(const checked *k, unsigned p, unsigned x) {
    return k->claims->x[p][x != k->s->me] + k->claims->n;
}

static uint64_t *y_of(const checked *k, unsigned p, unsigned x) {
    return k->claims->y[p][x != k->s->me] + k->claims->n;
}

/* --- Folds -----------------------------------------------------------------
 */

/* Words [from, from + n) of a stream; from is even. */
static void stream(uint64_t *out, const mal_prim_aes *key, uint64_t tweak,
                   size_t from, size_t n) {
    mal_prim_aes_ctr(out, n / 2, key, from / 2, tweak);
    if (n % 2) {
        uint64_t last[2];
        mal_prim_aes_ctr(last, 1, key, (from + n) / 2, tweak);
        out[n - 1] = last[0];
        mal_wipe(last, sizeof last);
    }
}

#define DEFINE_EXPAND(T)                                                       \
    static void expand_##T(uint64_t *out, const void *lane, size_t from,       \
                           size_t n) {                                         \
        const T *in = (const T *)lane + from;                                  \
        for (size_t i = 0; i < n; i++)                                         \
            out[i] = in[i];                                                    \
    }
DEFINE_EXPAND(uint8_t)
DEFINE_EXPAND(uint16_t)
DEFINE_EXPAND(uint32_t)
DEFINE_EXPAND(uint64_t)

static void expand(uint64_t *out, const uint64_t *lane, unsigned log_bytes,
                   size_t from, size_t n) {
    static void (*const all[])(uint64_t *, const void *, size_t,
                               size_t) = { expand_uint8_t, expand_uint16_t,
                                           expand_uint32_t, expand_uint64_t };
    all[log_bytes](out, lane, from, n);
}

/* out [n] = F(v) of rows [from, from + n), n <= FOLD_ROWS; the scratch's first
 * five blocks are used. */
static void fold_rows(checked *k, uint64_t *out, unsigned role,
                      const uint64_t *v, size_t from, size_t n) {
    uint64_t *in = k->s->scratch, *sum = in + FOLD_LANES * FOLD_ROWS;
    memset(out, 0, n * sizeof *out);
    for (unsigned at = 0, vars; at < k->l->n_lanes; at += 1u << vars) {
        const unsigned left = k->l->n_lanes - at;
        vars = left >= 8 ? 3 : left >= 4 ? 2 : left >= 2 ? 1 : 0;
        for (unsigned i = 0; i < 1u << vars; i++)
            expand(in + i * n, v + k->l->lane[at + i].at,
                   k->l->lane[at + i].log_bytes, from, n);
        share3_proof_bits()->fold(sum, in, k->lane_weight[role] + at, vars, n);
        for (size_t i = 0; i < n; i++)
            out[i] ^= sum[i];
    }
}

/* out [n] = F(v) */
static void fold(checked *k, uint64_t *out, unsigned role, const uint64_t *v) {
    for (size_t i = 0; i < k->l->n; i += FOLD_ROWS)
        fold_rows(k, out + i, role, v, i, share3_least(FOLD_ROWS, k->l->n - i));
}

/* Our share of a claim: += <r, F(v)>. */
static void claim(checked *k, unsigned role, unsigned slot, const uint64_t *v) {
    uint64_t *folded = k->s->scratch + (FOLD_LANES + 1) * FOLD_ROWS;
    uint64_t *r = folded + FOLD_ROWS, sum = 0;
    for (size_t i = 0; i < k->l->n; i += FOLD_ROWS) {
        const size_t n = share3_least(FOLD_ROWS, k->l->n - i);
        fold_rows(k, folded, role, v, i, n);
        stream(r, &k->seed[role], ROWS + slot, i, n);
        sum ^= share3_gf_dot(r, folded, n);
    }
    k->claims->c[role == RIGHT] ^= sum;
}

/* out = s, by the permutation known with the holder of part p. */
static void rows_before(checked *k, uint64_t *out, unsigned role, unsigned slot,
                        unsigned p) {
    stream(out, &k->seed[role], ROWS + slot, 0, k->l->n);
    share3_perm_apply(&k->o->perm[p], out, k->l->tmp, 3, !k->inverse);
}

/* --- Carries ---------------------------------------------------------------
 */

/* One verifier's half of a product: w is m and k is k_Y, or y and k_T. */
typedef struct half {
    const uint64_t *w, *k;
    bool is_y;
} half;

static void write_half(share3_record *r, unsigned p, size_t at, const half *h,
                       size_t from, size_t n, bool verifies) {
    for (size_t i = 0; i < n; i++) {
        const uint64_t k = h->k[from + i], c = k << 1;
        const uint64_t w = h->w[from + i] ^ c;
        r->x[p][at + i] = h->is_y ? w : c;
        r->y[p][at + i] = h->is_y ? c : w;
        r->e[p][at + i] = verifies ? (w & c) ^ k ^ c : 0;
    }
}

static void write_none(share3_record *r, unsigned p, size_t at, size_t n) {
    memset(r->x[p] + at, 0, n * sizeof(uint64_t));
    memset(r->y[p] + at, 0, n * sizeof(uint64_t));
    memset(r->e[p] + at, 0, n * sizeof(uint64_t));
}

/* X's products, as part of the record of all: what the two others would prove
 * there is that zero is zero.  halves: of part 0 and of part 1, NULL if not
 * known here. */
static mal_err record_carries(checked *k, const half *const halves[2]) {
    const size_t words = k->l->words;
    const bool verifies = !halves[0] || !halves[1];
    for (size_t from = 0, n; from < words; from += n) {
        share3_record *r;
        n = words - from;
        MAL_TRY(share3_record_room(k->s, SHARE3_AND, &r, &n));
        for (unsigned p = 0; p < 2; p++) {
            if (halves[p])
                write_half(r, p, r->n, halves[p], from, n, verifies);
            else
                write_none(r, p, r->n, n);
        }
        r->n += n;
    }
    return MAL_OK;
}

/* X = us: Y's half is of the part that Y holds too, T's of the other. */
static mal_err record_ours(checked *k, unsigned p) {
    const half y = { k->send, k->send + k->l->total, true };
    const half t = { k->l->part[1 - p], k->carry[1 - p], false };
    return record_carries(k, p ? (const half *const[2]){ &t, &y }
                               : (const half *const[2]){ &y, &t });
}

/* As a verifier of X, who holds part p with us. */
static mal_err record_theirs(checked *k, unsigned p, const half *h) {
    return record_carries(k, p ? (const half *const[2]){ NULL, h }
                               : (const half *const[2]){ h, NULL });
}

/* --- The passes ------------------------------------------------------------
 */

static void move(checked *k, uint64_t *data, unsigned p) {
    for (unsigned i = 0; i < k->l->n_lanes; i++)
        share3_perm_apply(&k->o->perm[p], data + k->l->lane[i].at, k->l->tmp,
                          k->l->lane[i].log_bytes, k->inverse);
}

static void add(const checked *k, uint64_t *x, const uint64_t *m) {
    for (size_t i = 0; i < k->l->words; i++)
        x[i] += m[i];
    for (size_t i = k->l->words; i < k->l->total; i++)
        x[i] ^= m[i];
}

/* v ^= 2 k, of words. */
static void add_carries(const checked *k, uint64_t *v, const uint64_t *carry) {
    for (size_t i = 0; i < k->l->words; i++)
        v[i] ^= carry[i] << 1;
}

/* y and k_T, drawn with the other holder of part p, who is X or T. */
static void draw_part(checked *k, unsigned p) {
    share3_draw(k->s, p, k->l->part[p], k->l->total);
    share3_draw(k->s, p, k->carry[p], k->l->words);
}

/* send = m and k_Y; the part that is left becomes y. */
static void write_message(checked *k, unsigned p) {
    const size_t total = k->l->total, words = k->l->words;
    const uint64_t *y = k->l->part[1 - p];
    memcpy(k->send, y, total * sizeof *y);
    draw_part(k, 1 - p);
    for (size_t i = 0; i < words; i++) {
        const uint64_t x = k->send[i], m = x - y[i], c = x ^ m ^ y[i];
        k->send[i] = m;
        k->send[total + i] =
            ((m & y[i]) | ((m ^ y[i]) & c)) ^ k->carry[1 - p][i];
    }
    for (size_t i = words; i < total; i++)
        k->send[i] ^= y[i];
}

/* What came, as Y. */
static void verify_message(checked *k, unsigned p) {
    const unsigned x = k->peer[p], role = role_of(k, x);
    const unsigned slot = slot_of(x, k->s->me);
    add_carries(k, k->recv, k->recv + k->l->total);
    claim(k, role, slot, k->recv);
    rows_before(k, y_of(k, p, x), role, slot, p);
}

static mal_err run_pair(checked *k, unsigned p) {
    share3_lanes *l = k->l;
    const share3_swap w = { SHARE3_SHUFFLE, k->peer[p], k->peer[p],
                            k->send,        k->recv,    l->total + l->words };
    memcpy(k->own[p], l->part[1 - p], l->total * sizeof(uint64_t));
    move(k, l->part[0], p);
    move(k, l->part[1], p);
    write_message(k, p);
    add(k, l->part[p], k->send);
    MAL_TRY(share3_swap_words(k->s, &w));
    add(k, l->part[p], k->recv);
    const half h = { k->recv, k->recv + l->total, true };
    const bool first = k->s->me < k->peer[p];
    if (first)
        MAL_TRY(record_ours(k, p));
    MAL_TRY(record_theirs(k, p, &h));
    if (!first)
        MAL_TRY(record_ours(k, p));
    verify_message(k, p);
    return MAL_OK;
}

/* What the holder of part p sent to the other one, as T. */
static void verify_drawn(checked *k, unsigned p) {
    const unsigned x = k->peer[p], role = role_of(k, x);
    memcpy(k->send, k->l->part[p], k->l->total * sizeof(uint64_t));
    add_carries(k, k->send, k->carry[p]);
    claim(k, role, slot_of(x, k->peer[1 - p]), k->send);
}

static mal_err run_third(checked *k) {
    share3_lanes *l = k->l;
    const share3_round r = { .kind = SHARE3_SHUFFLE,
                             .total = l->total + l->words };
    for (unsigned p = 0; p < 2; p++) {
        const unsigned x = k->peer[p];
        fold(k, x_of(k, p, x), role_of(k, x), l->part[p]);
        draw_part(k, p);
        verify_drawn(k, p);
    }
    MAL_TRY(share3_exchange(k->s, &r));
    const unsigned low = k->peer[0] < k->peer[1] ? 0 : 1;
    for (unsigned i = 0; i < 2; i++) {
        const unsigned p = i ^ low;
        const half h = { l->part[p], k->carry[p], false };
        MAL_TRY(record_theirs(k, p, &h));
    }
    return MAL_OK;
}

static mal_err run_passes(checked *k) {
    for (unsigned i = 0; i < 3; i++) {
        /* AB, BC, CA: the third is C, A, B; backwards B, A, C. */
        const unsigned step = k->inverse ? 2 - i : i;
        const unsigned third = (k->o->turn + 2 + step) % 3;
        if (third == k->s->me)
            MAL_TRY(run_third(k));
        else
            MAL_TRY(run_pair(k, third == k->peer[0] ? 1 : 0));
    }
    return MAL_OK;
}

/* --- Claims ----------------------------------------------------------------
 */

static void set_seed(checked *k, unsigned role) {
    mal_prim_aes_init(&k->seed[role],
                      (const uint8_t *)(const void *)k->told[role]);
    stream(k->lane_weight[role], &k->seed[role], LANES, 0, k->l->n_lanes);
}

/* The previous party is told the seed that its verifiers drew; we are it to the
 * next one. */
static mal_err tell_seeds(checked *k) {
    const share3_swap w = { SHARE3_SHUFFLE_CHECK, share3_next(k->s),
                            share3_prev(k->s),    k->told[LEFT],
                            k->told[PROVER],      2 };
    MAL_TRY(share3_wait_all_came(k->s));
    MAL_TRY(share3_swap_words(k->s, &w));
    set_seed(k, PROVER);
    return MAL_OK;
}

/* As X, to the holder of part p: the other one is T. */
static void claim_ours(checked *k) {
    share3_claims *c = k->claims;
    const unsigned me = k->s->me;
    for (unsigned p = 0; p < 2; p++) {
        fold(k, x_of(k, 1 - p, me), PROVER, k->own[p]);
        rows_before(k, y_of(k, p, me), PROVER, slot_of(me, k->peer[p]), p);
    }
    memcpy(c->told[0] + c->n_told, k->told[PROVER], sizeof k->told[PROVER]);
    memcpy(c->told[1] + c->n_told, k->told[RIGHT], sizeof k->told[RIGHT]);
    c->n_told += 2;
    c->n += k->l->n;
}

/* --- The whole -------------------------------------------------------------
 */

static mal_err checked_new(checked *k) {
    const share3_lanes *l = k->l;
    MAL_TRY(mal_share3_words_new(k->s, &k->store,
                                 2 * (l->total + l->words) + l->n_lanes * 2));
    for (unsigned p = 0; p < 2; p++) {
        k->own[p] = k->store.part[p];
        k->carry[p] = k->own[p] + l->total;
    }
    k->send = k->carry[0] + l->words;
    k->recv = k->carry[1] + l->words;
    k->lane_weight[PROVER] = k->send + l->total + l->words;
    k->lane_weight[LEFT] = k->recv + l->total + l->words;
    k->lane_weight[RIGHT] = k->lane_weight[LEFT] + l->n_lanes;
    share3_draw(k->s, 0, k->told[LEFT], 2);
    share3_draw(k->s, 1, k->told[RIGHT], 2);
    set_seed(k, LEFT);
    set_seed(k, RIGHT);
    return MAL_OK;
}

static void checked_clear(checked *k) {
    mal_share3_words_clear(&k->store);
    for (unsigned role = 0; role < ROLES; role++)
        mal_prim_aes_clear(&k->seed[role]);
    mal_wipe(k->told, sizeof k->told);
}

mal_err share3_shuffle_checked(mal_share3 *s, const mal_share3_order *order,
                               share3_lanes *l,
                               const mal_share3_column *columns,
                               const uint32_t *first, bool inverse) {
    checked k = { .s = s, .o = order, .l = l, .inverse = inverse };
    assert(l->n == order->n);
    if (l->n == 0)
        return MAL_OK;
    MAL_TRY(share3_claims_room(s, &k.claims, l->n));
    k.peer[0] = share3_prev(s);
    k.peer[1] = share3_next(s);
    for (unsigned p = 0; p < 2; p++) {
        share3_lanes_load(l, p, columns, p);
        if (first)
            share3_lanes_gather(l, p, first);
    }
    mal_err err = checked_new(&k);
    if (err == MAL_OK)
        err = run_passes(&k);
    if (err == MAL_OK)
        err = tell_seeds(&k);
    if (err == MAL_OK)
        claim_ours(&k);
    checked_clear(&k);
    return share3_leave(s, err);
}
