/* checked.c - a shuffle that a lying party cannot bend, for columns of bits.
 *
 * One pass, by X and Y, who know the permutation pi, and T, who does not.  With
 * parts named by their holders, and y_TX, y_YT drawn by those:
 *     X -> Y: m_X = pi(x_TX) + y_TX       Y -> X: m_Y = pi(x_YT) + y_YT
 *     y_XY = pi(x_XY) + m_X + m_Y
 * T sends nothing.  So the only lie is a wrong m_X, to Y (or m_Y, to X), and
 * Y and T are then honest.  Rows are folded to one element of GF(2^64) each by
 * coefficients c of the lanes, F(v)_j = sum_l c_l v_jl.  Y and T check, for
 * random r and s = pi^-1(r), that is, s_i = r_j where row i goes to j:
 *     <r, F(m_X)> + <r, F(y_TX)> = <s, F(x_TX)>.                          (*)
 * Y knows s, T knows x_TX; the product of both is Beaver's [Bea91], dealt by X,
 * who gains nothing by dealing wrong, as r is drawn later:
 *     a [XY], b [TX], g_T [TX] drawn; X -> Y with m_X: g_Y = <a, b> + g_T
 *     Y -> X, once m_X is here: the seed of r and c, drawn [YT]
 *     Y -> T: S = s + a     T -> Y: B = F(x_TX) + b      X hashes both
 *     Y: z_Y = <r, F(m_X)> + <a, B> + g_Y
 *     T: z_T = <r, F(y_TX)> + <S, F(x_TX)> + g_T         z_Y = z_T ?
 *
 * Soundness.  Let m_X be wrong by e, not 0, and g_Y by d.  Then z_Y + z_T =
 * <r, F(e)> + d, where r and c were drawn by Y and T, independently of e and d:
 * F(e) = 0 with probability 2^-64, and else the sum is 0 with 2^-64.  A
 * party is X in two checks and must forge a hash in four: 8 * 2^-64 = 2^-61 a
 * shuffle.
 * Privacy.  S and B are masked by a, unknown to T, and b, unknown to Y.  Could
 * Y send another S, then z_T would tell it <S - S', x_TX>: so X, who knows both
 * vectors, sends T a hash of S and Y a hash of B.  The hash is the inner
 * product with words drawn [XT] for S, [XY] for B, which the sender does not
 * know: a forgery passes with 2^-64.  So if X is honest, S and B are right, z_Y
 * = z_T whatever is sent, and nothing is learned; if X lies, it knows all but
 * r. Whether a check fails depends on the lie alone, never on an honest value.
 * Only when all three have said that all is well does the shuffle end.
 */
#include "gf64.h"
#include "permute_impl.h"

/* What the words of a pair's key serve for, in one shuffle. */
enum { ALPHA = 1, BETA, HASH_S, HASH_B, GAMMA, SEED };
/* And those of a seed. */
enum { ROWS = 1, LANES };

typedef struct checked {
    mal_share3 *s;
    const mal_share3_order *o;
    share3_lanes *l;
    bool inverse;
    unsigned peer[2];     /* with whom part 0, part 1 is held */
    mal_prim_aes sub[2];  /* of the part's holders, for this shuffle */
    mal_prim_aes seed[2]; /* by peer: of the check of what we sent to it */
    mal_share3_words store;
    /* By peer: what we moved in the pass with it (the other part), what it
     * sent; of the pass that we did not know: parts before and after. */
    uint64_t *own[2], *got[2], *before[2], *after[2];
    uint64_t gamma[2], gamma_got[2];
    uint64_t *send[2], *recv[2]; /* by peer: [2 n + 2] */
    uint64_t *fold, *row, *more; /* [n] */
} checked;

/* --- Streams ---------------------------------------------------------------
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

/* A purpose in the check of what x sent to y. */
static uint64_t use(unsigned purpose, unsigned x, unsigned y) {
    return purpose * 16 + x * 3 + y;
}

/* <stream, v> */
static uint64_t dot_stream(checked *k, const mal_prim_aes *key, uint64_t tweak,
                           const uint64_t *v, size_t n) {
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i += SHARE3_BLOCK) {
        const size_t m = share3_least(SHARE3_BLOCK, n - i);
        stream(k->s->scratch, key, tweak, i, m);
        sum ^= share3_gf_dot(k->s->scratch, v + i, m);
    }
    return sum;
}

static void add_stream(checked *k, uint64_t *v, const mal_prim_aes *key,
                       uint64_t tweak, size_t n) {
    for (size_t i = 0; i < n; i += SHARE3_BLOCK) {
        const size_t m = share3_least(SHARE3_BLOCK, n - i);
        stream(k->s->scratch, key, tweak, i, m);
        for (size_t j = 0; j < m; j++)
            v[i + j] ^= k->s->scratch[j];
    }
}

/* The seed of the check of what x sent to y, drawn by y and t, one of them us:
 * part p is theirs. */
static void seed_words(const checked *k, uint64_t out[2], unsigned p,
                       unsigned x, unsigned y) {
    stream(out, &k->sub[p], use(SEED, x, y), 0, 2);
}

static void seed_of(const checked *k, mal_prim_aes *seed, unsigned p,
                    unsigned x, unsigned y) {
    uint64_t words[2];
    seed_words(k, words, p, x, y);
    mal_prim_aes_init(seed, (const uint8_t *)(const void *)words);
    mal_wipe(words, sizeof words);
}

/* --- The passes ------------------------------------------------------------
 */

static void move(checked *k, uint64_t *data, unsigned p) {
    for (unsigned i = 0; i < k->l->n_lanes; i++)
        share3_perm_apply(&k->o->perm[p], data + k->l->lane[i].at, k->l->tmp,
                          k->l->lane[i].log_bytes, k->inverse);
}

typedef struct pass {
    checked *k;
    unsigned p; /* the part held with the peer at work; 1 - p: the other */
} pass;

/* m_X = pi(x_TX) + y_TX, and after all of it g_Y. */
static void make_pass(void *ctx, uint64_t *out, size_t from, size_t n) {
    const pass *w = ctx;
    checked *k = w->k;
    const size_t total = k->l->total;
    const size_t m = share3_least(n, total - from);
    uint64_t *moved = k->l->part[1 - w->p] + from;
    uint64_t *kept = k->l->part[w->p] + from;
    share3_draw(k->s, 1 - w->p, out, m);
    for (size_t i = 0; i < m; i++) {
        const uint64_t y = out[i];
        out[i] ^= moved[i];
        moved[i] = y;
        kept[i] ^= out[i];
    }
    if (m < n)
        out[m] = k->gamma[w->p];
}

static void take_pass(void *ctx, const uint64_t *in, size_t from, size_t n) {
    const pass *w = ctx;
    checked *k = w->k;
    const size_t m = share3_least(n, k->l->total - from);
    memcpy(k->got[w->p] + from, in, m * sizeof *in);
    for (size_t i = 0; i < m; i++)
        k->l->part[w->p][from + i] ^= in[i];
    if (m < n)
        k->gamma_got[w->p] = in[m];
}

static mal_err run_pair(checked *k, unsigned p) {
    pass w = { k, p };
    const share3_round r = {
        .kind = SHARE3_SHUFFLE,
        .to = k->peer[p],
        .from = k->peer[p],
        .total = k->l->total + 1,
        .make = make_pass,
        .take = take_pass,
        .ctx = &w,
    };
    memcpy(k->own[p], k->l->part[1 - p], k->l->total * sizeof(uint64_t));
    move(k, k->l->part[0], p);
    move(k, k->l->part[1], p);
    return share3_exchange(k->s, &r);
}

static mal_err run_third(checked *k) {
    const size_t total = k->l->total;
    const share3_round r = { .kind = SHARE3_SHUFFLE, .total = total + 1 };
    for (unsigned p = 0; p < 2; p++) {
        memcpy(k->before[p], k->l->part[p], total * sizeof(uint64_t));
        share3_draw(k->s, p, k->l->part[p], total);
        memcpy(k->after[p], k->l->part[p], total * sizeof(uint64_t));
    }
    return share3_exchange(k->s, &r);
}

/* g_Y = <a, b> + g_T for what we send to each peer. */
static void deal(checked *k) {
    const unsigned me = k->s->me;
    for (unsigned p = 0; p < 2; p++) {
        const unsigned y = k->peer[p];
        memset(k->fold, 0, k->l->n * sizeof *k->fold);
        add_stream(k, k->fold, &k->sub[1 - p], use(BETA, me, y), k->l->n);
        const uint64_t ab =
            dot_stream(k, &k->sub[p], use(ALPHA, me, y), k->fold, k->l->n);
        uint64_t g;
        stream(&g, &k->sub[1 - p], use(GAMMA, me, y), 0, 1);
        k->gamma[p] = ab ^ g;
    }
}

static mal_err run_passes(checked *k) {
    deal(k);
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

/* --- Vectors of a check ----------------------------------------------------
 */

static void expand(uint64_t *out, const uint64_t *lane, unsigned log_bytes,
                   size_t n) {
    const uint8_t *in = (const uint8_t *)lane;
    for (size_t i = 0; i < n; i++) {
        uint64_t v = 0; /* little-endian, as the lanes are */
        memcpy(&v, in + (i << log_bytes), (size_t)1 << log_bytes);
        out[i] = v;
    }
}

/* out = F(v) under the seed. */
static void fold(checked *k, uint64_t *out, const mal_prim_aes *seed,
                 const uint64_t *v) {
    const size_t n = k->l->n;
    memset(out, 0, n * sizeof *out);
    for (unsigned i = 0; i < k->l->n_lanes; i++) {
        const share3_lane *lane = &k->l->lane[i];
        uint64_t c[2];
        stream(c, seed, LANES, 2 * (size_t)i, 2);
        expand(k->more, v + lane->at, lane->log_bytes, n);
        share3_gf_add_scaled(out, c[0], k->more, n);
    }
}

/* k->row = s + a: the rows' words moved back by the permutation known with the
 * holder of part p, masked for the check of what x sent to y. */
static void masked_rows(checked *k, const mal_prim_aes *seed, unsigned p,
                        unsigned x, unsigned y) {
    const size_t n = k->l->n;
    stream(k->row, seed, ROWS, 0, n);
    share3_perm_apply(&k->o->perm[p], k->row, k->l->tmp, 3, !k->inverse);
    add_stream(k, k->row, &k->sub[p], use(ALPHA, x, y), n);
}

/* --- The check -------------------------------------------------------------
 */

typedef struct edges {
    checked *k;
    uint64_t *const *send, *const *recv; /* by peer */
    unsigned p;
} edges;

static void make_edge(void *ctx, uint64_t *out, size_t from, size_t n) {
    const edges *e = ctx;
    memcpy(out, e->send[e->p] + from, n * sizeof *out);
}
static void take_edge(void *ctx, const uint64_t *in, size_t from, size_t n) {
    const edges *e = ctx;
    memcpy(e->recv[1 - e->p] + from, in, n * sizeof *in);
}

/* `words` to each peer, and from each: around one way, then the other. */
static mal_err exchange(checked *k, uint64_t *const send[2],
                        uint64_t *const recv[2], size_t words) {
    for (unsigned p = 0; p < 2; p++) {
        edges e = { k, send, recv, p };
        const share3_round r = {
            .kind = SHARE3_SHUFFLE_CHECK,
            .to = k->peer[p],
            .from = k->peer[1 - p],
            .total = words,
            .make = make_edge,
            .take = take_edge,
            .ctx = &e,
        };
        MAL_TRY(share3_exchange(k->s, &r));
    }
    return MAL_OK;
}

/* To X the seed of the check of what it sent to us. */
static mal_err exchange_seeds(checked *k) {
    uint64_t ours[2][2], theirs[2][2];
    uint64_t *const send[2] = { ours[0], ours[1] };
    uint64_t *const recv[2] = { theirs[0], theirs[1] };
    for (unsigned p = 0; p < 2; p++)
        seed_words(k, ours[p], 1 - p, k->peer[p], k->s->me);
    MAL_TRY(exchange(k, send, recv, 2));
    for (unsigned p = 0; p < 2; p++)
        mal_prim_aes_init(&k->seed[p],
                          (const uint8_t *)(const void *)theirs[p]);
    mal_wipe(ours, sizeof ours);
    mal_wipe(theirs, sizeof theirs);
    return MAL_OK;
}

/* To peer p, where o is the other one:
 *   [0]            X = us, Y = p, T = o: the hash of B
 *   [1, n]         X = o, Y = p, T = us: B
 *   [n + 1, 2 n]   X = o, Y = us, T = p: S
 *   [2 n + 1]      X = us, Y = o, T = p: the hash of S */
static void write_vectors(checked *k, unsigned p) {
    const unsigned q = 1 - p, me = k->s->me;
    const unsigned e = k->peer[p], o = k->peer[q];
    const size_t n = k->l->n;
    uint64_t *out = k->send[p];
    mal_prim_aes seed;

    fold(k, k->fold, &k->seed[p], k->own[p]);
    add_stream(k, k->fold, &k->sub[q], use(BETA, me, e), n);
    out[0] = dot_stream(k, &k->sub[p], use(HASH_B, me, e), k->fold, n);

    seed_of(k, &seed, p, o, e);
    fold(k, out + 1, &seed, k->before[q]);
    add_stream(k, out + 1, &k->sub[q], use(BETA, o, e), n);

    seed_of(k, &seed, p, o, me);
    masked_rows(k, &seed, q, o, me);
    if (n)
        memcpy(out + 1 + n, k->row, n * sizeof *out);

    masked_rows(k, &k->seed[q], q, me, o);
    out[2 * n + 1] = dot_stream(k, &k->sub[p], use(HASH_S, me, o), k->row, n);
    mal_prim_aes_clear(&seed);
}

/* We are Y, T is peer p, X the other, o. */
static uint64_t check_as_y(checked *k, unsigned p, uint64_t *wrong) {
    const unsigned q = 1 - p, me = k->s->me, o = k->peer[q];
    const uint64_t *b = k->recv[p] + 1;
    const size_t n = k->l->n;
    mal_prim_aes seed;
    *wrong |=
        dot_stream(k, &k->sub[q], use(HASH_B, o, me), b, n) ^ k->recv[q][0];
    seed_of(k, &seed, p, o, me);
    fold(k, k->fold, &seed, k->got[q]);
    const uint64_t z = dot_stream(k, &seed, ROWS, k->fold, n) ^
                       dot_stream(k, &k->sub[q], use(ALPHA, o, me), b, n) ^
                       k->gamma_got[q];
    mal_prim_aes_clear(&seed);
    return z;
}

/* We are T, Y is peer p, X the other, o. */
static uint64_t check_as_t(checked *k, unsigned p, uint64_t *wrong) {
    const unsigned q = 1 - p, e = k->peer[p], o = k->peer[q];
    const size_t n = k->l->n;
    const uint64_t *s = k->recv[p] + 1 + n;
    mal_prim_aes seed;
    uint64_t g;
    *wrong |= dot_stream(k, &k->sub[q], use(HASH_S, o, e), s, n) ^
              k->recv[q][2 * n + 1];
    seed_of(k, &seed, p, o, e);
    fold(k, k->fold, &seed, k->after[q]);
    uint64_t z = dot_stream(k, &seed, ROWS, k->fold, n);
    fold(k, k->fold, &seed, k->before[q]);
    z ^= share3_gf_dot(s, k->fold, n);
    stream(&g, &k->sub[q], use(GAMMA, o, e), 0, 1);
    mal_prim_aes_clear(&seed);
    return z ^ g;
}

/* Whether a check failed is public, and depends on the lie alone. */
static mal_err require_none(uint64_t wrong) {
    mal_declassify(&wrong, sizeof wrong);
    REQUIRE_PEER(wrong == 0);
    return MAL_OK;
}

static mal_err verdict(checked *k, uint64_t wrong) {
    MAL_TRY(require_none(wrong));
    /* All is well here: is it everywhere? */
    uint64_t ok[2] = { SHARE3_SHUFFLE_CHECK, SHARE3_SHUFFLE_CHECK }, got[2];
    uint64_t *const send[2] = { &ok[0], &ok[1] };
    uint64_t *const recv[2] = { &got[0], &got[1] };
    MAL_TRY(exchange(k, send, recv, 1));
    REQUIRE_PEER(got[0] == ok[0] && got[1] == ok[1]);
    return MAL_OK;
}

static mal_err check(checked *k) {
    uint64_t ours[2][2], theirs[2][2];
    uint64_t *const send[2] = { ours[0], ours[1] };
    uint64_t *const recv[2] = { theirs[0], theirs[1] };
    uint64_t wrong = 0;
    MAL_TRY(exchange_seeds(k));
    for (unsigned p = 0; p < 2; p++)
        write_vectors(k, p);
    MAL_TRY(exchange(k, k->send, k->recv, 2 * k->l->n + 2));
    for (unsigned p = 0; p < 2; p++) {
        ours[p][0] = check_as_y(k, p, &wrong);
        ours[p][1] = check_as_t(k, p, &wrong);
    }
    MAL_TRY(require_none(wrong)); /* before z: a wrong S or B would tell */
    MAL_TRY(exchange(k, send, recv, 2));
    for (unsigned p = 0; p < 2; p++)
        wrong |= (ours[p][0] ^ theirs[p][1]) | (ours[p][1] ^ theirs[p][0]);
    return verdict(k, wrong);
}

/* --- The whole -------------------------------------------------------------
 */

static mal_err checked_new(checked *k) {
    const size_t n = k->l->n, total = k->l->total;
    const size_t edge = 2 * n + 2;
    MAL_TRY(mal_share3_words_new(k->s, &k->store,
                                 4 * total + 2 * edge + 2 * n + 2));
    for (unsigned p = 0; p < 2; p++) {
        uint64_t *at = k->store.part[p];
        k->own[p] = at;
        k->got[p] = at + total;
        k->before[p] = at + 2 * total;
        k->after[p] = at + 3 * total;
        k->send[p] = at + 4 * total;
        k->recv[p] = k->send[p] + edge;
    }
    k->fold = k->recv[0] + edge;
    k->row = k->recv[1] + edge;
    k->more = k->row + n;
    for (unsigned p = 0; p < 2; p++) {
        uint64_t words[2];
        share3_draw(k->s, p, words, 2);
        mal_prim_aes_init(&k->sub[p], (const uint8_t *)(const void *)words);
        mal_wipe(words, sizeof words);
    }
    return MAL_OK;
}

mal_err share3_shuffle_checked(mal_share3 *s, const mal_share3_order *order,
                               share3_lanes *l,
                               const mal_share3_column *columns,
                               const uint32_t *first, bool inverse) {
    checked k = { .s = s, .o = order, .l = l, .inverse = inverse };
    MAL_TRY(share3_enter(s));
    assert(l->n == order->n && l->words == 0);
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
        err = check(&k);
    mal_share3_words_clear(&k.store);
    for (unsigned p = 0; p < 2; p++) {
        mal_prim_aes_clear(&k.sub[p]);
        mal_prim_aes_clear(&k.seed[p]);
    }
    return share3_leave(s, err);
}
