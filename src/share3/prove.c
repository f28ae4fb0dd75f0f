/* prove.c - three proofs at once, that what was multiplied is right.
 *
 * Each party proves its products to the two others, and verifies those of both.
 * P proves to L = P - 1 and R = P + 1 (proof_impl.h has the statement):
 *
 *   1. Weights theta_g for groups g, fixed after the products.  A group is a
 *      polynomial through its values at node(0 .. S - 1), so that
 *          p(T) = sum_g theta_g (X0_g(T) Y1_g(T) + X1_g(T) Y0_g(T))
 *      has values there whose shares follow from e_L and e_R.  P sends p at the
 *      S - 1 further nodes that determine it.  At a challenge r the claim
 *      becomes one inner product <a, b> = p(r): a = theta (X0(r), Y0(r)) is
 *      known to P and L, b = (Y1(r), X1(r)) to P and R, p(r) = c_L + c_R.
 *   2. While it is longer than K: a, b are polynomials through K pieces; P
 * sends <a(T), b(T)> at 2K - 2 nodes (the sum of the first K is the claim).  At
 * a challenge the pieces become one.
 *   3. At last a and b get one more, random value each: a(r) shows nothing to
 *      R, and b(r) is nothing that L could guess.  L tells R a(r) and c_L; R
 *      checks a(r) b(r) = c_L + c_R.
 *
 * What P says is shared: R's part comes from the key of P and R and is not
 * sent, L's part is.  Challenges come from the key of L and R, which P lacks; L
 * sends them once it has P's words.  So P speaks first, and cannot speak to R
 * anew.  Before the last check P tells R what L told it.
 *
 * Soundness, one batch: 1/q for the weights, (2S - 2)/q for step 1, 14/q for
 * each fold, 16/q at last [Schwartz-Zippel; over rings, exceptional sets].
 * For ANDs a challenge that is a node is moved to one that then comes up twice
 * as often.
 *   ANDs:   q = 2^64, S = 64, at most 6 folds: 2 * 227 / 2^64 < 2^-55.
 *   words:  q = 2^48, S = 32, at most 4 folds: 135 / 2^48 < 2^-40.
 * Who is caught once is caught: the bound is that of one batch, for all.
 * Zero knowledge: L and R see uniform words, challenges, a(r), and a c_L that
 * follows from what R knows and the claim that is true.  That is not enough
 * against verifiers that lie: whether R ends the run must say nothing of b to
 * L.  A lie of L on a(r) or c_L passes if it guesses b(r), which is uniform to
 * it: 1/q.  A lie to P on a challenge, which would make P's and R's claims
 * differ by what b is, is seen by R always.
 * Source: [BBCGI19] section 5.2, [BGIN19] sections 4 and 5.
 */
#include "proof_impl.h"

#define K PROOF_FOLD
#define NODES_FOLD (2 * K - 1)
#define NODES_LAST (2 * K + 1)
#define TOLD_MAX 16 /* words: 2 of the seed, one a challenge but the last */

enum { PROVER, LEFT, RIGHT, ROLES };

typedef struct proof {
    mal_share3 *s;
    const proof_ring *ring;
    share3_record *record;
    size_t groups, n; /* n: elements of a and b */
    uint64_t *theta[ROLES];
    uint64_t *a[2], *b[2]; /* [0] as the prover; a[1] as left, b[1] as right */
    uint64_t c[ROLES][PROOF_WORDS_MAX]; /* of left and right */
    uint64_t *spare;                    /* [n] elements */
    uint64_t told[ROLES][TOLD_MAX];     /* seed and challenges: what we were */
    unsigned n_told;                    /* told, and as right what L should */
} proof;

/* --- Messages ---------------------------------------------------------------
 */

typedef struct swap {
    const uint64_t *out;
    uint64_t *in;
} swap;

static void make_swap(void *ctx, uint64_t *out, size_t from, size_t n) {
    memcpy(out, ((swap *)ctx)->out + from, 8 * n);
}

static void take_swap(void *ctx, const uint64_t *in, size_t from, size_t n) {
    memcpy(((swap *)ctx)->in + from, in, 8 * n);
}

static mal_err pass(mal_share3 *s, uint64_t *in, const uint64_t *out, size_t n,
                    bool backward) {
    swap w = { out, in };
    const share3_round r = {
        .kind = SHARE3_PROOF,
        .to = backward ? share3_prev(s) : share3_next(s),
        .from = backward ? share3_next(s) : share3_prev(s),
        .total = n,
        .make = make_swap,
        .take = take_swap,
        .ctx = &w,
    };
    return share3_exchange(s, &r);
}

/* What we prove, n elements, becomes shares at L and R; ours come in. */
static mal_err say(proof *p, uint64_t *said[ROLES], size_t n) {
    const size_t words = n * p->ring->words;
    uint64_t *mask = mal_calloc(words, sizeof *mask);
    if (!mask)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    share3_draw(p->s, 1, mask, words);
    share3_draw(p->s, 0, said[RIGHT], words);
    for (size_t i = 0; i < n; i++)
        p->ring->sub(said[PROVER] + i * p->ring->words,
                     said[PROVER] + i * p->ring->words,
                     mask + i * p->ring->words);
    mal_wipe(mask, 8 * words);
    mal_free(mask);
    return pass(p->s, said[LEFT], said[PROVER], words, true);
}

/* What P was told, and what R knows it to be. */
static void remember(proof *p, const uint64_t *prover, const uint64_t *right,
                     unsigned n) {
    assert(p->n_told + n <= TOLD_MAX);
    memcpy(p->told[PROVER] + p->n_told, prover, n * sizeof *prover);
    memcpy(p->told[RIGHT] + p->n_told, right, n * sizeof *right);
    p->n_told += n;
}

/* Random words that a prover learns once it has spoken. */
/* P is not told the last one: it has no more to say. */
static mal_err challenge(proof *p, uint64_t r[ROLES][PROOF_WORDS_MAX],
                         bool last) {
    uint64_t word[ROLES][2] = { { 0 } };
    const uint64_t mask = ~UINT64_C(0) >> (64 - p->ring->challenge_bits);
    share3_draw(p->s, 0, word[LEFT], 2);
    share3_draw(p->s, 1, word[RIGHT], 2);
    word[LEFT][0] &= mask;
    word[RIGHT][0] &= mask;
    if (!last)
        MAL_TRY(pass(p->s, word[PROVER], word[LEFT], 1, false));
    if (word[PROVER][0] & ~mask)
        mal_err_set(MAL_E_PEER, __FILE__, __LINE__, SHARE3_BROKE);
    MAL_TRY(share3_leave(p->s, word[PROVER][0] & ~mask ? MAL_E_PEER : MAL_OK));
    if (!last)
        remember(p, word[PROVER], word[RIGHT], 1);
    for (unsigned role = 0; role < ROLES; role++)
        p->ring->challenge(r[role], word[role][0]);
    return MAL_OK;
}

/* --- Elements ---------------------------------------------------------------
 */

static uint64_t *at(const proof *p, uint64_t *v, size_t i) {
    return v + i * p->ring->words;
}

/* z += x y */
static void add_product(const proof *p, uint64_t *z, const uint64_t *x,
                        const uint64_t *y) {
    uint64_t product[PROOF_WORDS_MAX];
    p->ring->mul(product, x, y);
    p->ring->add(z, z, product);
}

/* The claim at r, from its shares [n] at nodes. */
static void reclaim(proof *p, unsigned role, uint64_t *values, uint64_t *lambda,
                    unsigned n) {
    memset(p->c[role], 0, sizeof p->c[role]);
    for (unsigned k = 0; k < n; k++)
        add_product(p, p->c[role], at(p, values, k), at(p, lambda, k));
}

/* values[0] = c - values[1] - .. - values[K - 1] */
static void first_value(const proof *p, unsigned role, uint64_t *values) {
    memcpy(values, p->c[role], 8 * p->ring->words);
    for (unsigned k = 1; k < K; k++)
        p->ring->sub(values, values, at(p, values, k));
}

/* --- Step 1 -----------------------------------------------------------------
 */

static mal_err weigh(proof *p) {
    const size_t words = p->groups * p->ring->words;
    uint64_t seed[ROLES][2];
    share3_draw(p->s, 0, seed[LEFT], 2);
    share3_draw(p->s, 1, seed[RIGHT], 2);
    MAL_TRY(pass(p->s, seed[PROVER], seed[LEFT], 2, false));
    remember(p, seed[PROVER], seed[RIGHT], 2);
    for (unsigned role = 0; role < ROLES; role++) {
        mal_prim_aes aes;
        mal_prim_aes_init(&aes, (const uint8_t *)seed[role]);
        mal_prim_aes_ctr(p->theta[role], (words + 1) / 2, &aes, 0, 0);
        if (role != PROVER) /* whose further values take them as drawn */
            p->ring->weights(p->theta[role], p->groups);
    }
    return MAL_OK;
}

/* out = (weighted) values at r of the two operands, half and half. */
static void at_challenge(proof *p, uint64_t *out, const uint64_t *const in[2],
                         const uint64_t *coef, const uint64_t *theta) {
    const proof_ring *ring = p->ring;
    for (unsigned h = 0; h < 2; h++) {
        uint64_t *half = at(p, out, h * p->groups);
        ring->evaluate(theta ? p->spare : half, in[h], coef, p->groups);
        if (theta)
            ring->scale(half, theta, p->spare, p->groups);
    }
}

static mal_err claim_one(proof *p, unsigned role, const uint64_t *e,
                         uint64_t *said, const uint64_t *r) {
    const proof_ring *ring = p->ring;
    uint64_t lambda[PROOF_NODES_MAX * PROOF_WORDS_MAX];
    const unsigned s = ring->skip;
    MAL_TRY(share3_lagrange(ring, lambda, 2 * s - 1, r));
    ring->evaluate(p->spare, e, lambda, p->groups);
    ring->dot(p->c[role], p->theta[role], p->spare, p->groups);
    for (unsigned u = 0; u < s - 1; u++)
        add_product(p, p->c[role], at(p, said, u), at(p, lambda, s + u));
    return MAL_OK;
}

static mal_err skip_said(proof *p, uint64_t *said[ROLES]) {
    const share3_record *q = p->record;
    uint64_t r[ROLES][PROOF_WORDS_MAX], coef[PROOF_SKIP_MAX * PROOF_WORDS_MAX];
    MAL_TRY(p->ring->further(said[PROVER], q, p->theta[PROVER], p->groups));
    p->ring->weights(p->theta[PROVER], p->groups);
    MAL_TRY(say(p, said, p->ring->skip - 1));
    MAL_TRY(challenge(p, r, false));
    MAL_TRY(share3_lagrange(p->ring, coef, p->ring->skip, r[PROVER]));
    at_challenge(p, p->a[0], (const uint64_t *const[2]){ q->x[0], q->y[0] },
                 coef, p->theta[PROVER]);
    at_challenge(p, p->b[0], (const uint64_t *const[2]){ q->y[1], q->x[1] },
                 coef, NULL);
    MAL_TRY(share3_lagrange(p->ring, coef, p->ring->skip, r[LEFT]));
    at_challenge(p, p->a[1], (const uint64_t *const[2]){ q->x[1], q->y[1] },
                 coef, p->theta[LEFT]);
    MAL_TRY(share3_lagrange(p->ring, coef, p->ring->skip, r[RIGHT]));
    at_challenge(p, p->b[1], (const uint64_t *const[2]){ q->y[0], q->x[0] },
                 coef, NULL);
    MAL_TRY(claim_one(p, LEFT, q->e[1], said[LEFT], r[LEFT]));
    return claim_one(p, RIGHT, q->e[0], said[RIGHT], r[RIGHT]);
}

static mal_err skip(proof *p) {
    const size_t words = (size_t)PROOF_SKIP_MAX * p->ring->words;
    uint64_t *block = mal_calloc(ROLES * words, sizeof *block);
    uint64_t *said[ROLES] = { block, block + words, block + 2 * words };
    if (!block)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_err err = skip_said(p, said);
    mal_wipe(block, 8 * ROLES * words);
    mal_free(block);
    p->n = 2 * p->groups;
    return err;
}

/* --- Step 2 -----------------------------------------------------------------
 */

typedef struct values {
    uint64_t v[ROLES][NODES_LAST * PROOF_WORDS_MAX];
    uint64_t lambda[NODES_LAST * PROOF_WORDS_MAX];
    uint64_t coef[(K + 1) * PROOF_WORDS_MAX];
    uint64_t corner[K * K * PROOF_WORDS_MAX];
    uint64_t r[ROLES][PROOF_WORDS_MAX];
} values;

/* v[u] = sum over s, t of coef_s coef_t corner_(s,t), coef those of node(u). */
static mal_err fold_values(const proof *p, values *w) {
    uint64_t node[PROOF_WORDS_MAX], inner[PROOF_WORDS_MAX];
    const unsigned words = p->ring->words;
    for (unsigned u = 1; u < NODES_FOLD; u++) {
        uint64_t *v = w->v[PROVER] + u * words;
        if (u < K) {
            memcpy(v, w->corner + u * (K + 1) * words, 8 * words);
            continue;
        }
        p->ring->node(node, u);
        MAL_TRY(share3_lagrange(p->ring, w->coef, K, node));
        memset(v, 0, 8 * words);
        for (unsigned s = 0; s < K; s++) {
            p->ring->dot(inner, w->coef, w->corner + s * K * words, K);
            add_product(p, v, inner, w->coef + s * words);
        }
    }
    return MAL_OK;
}

static mal_err fold_one(proof *p, values *w, unsigned role, uint64_t **vector,
                        size_t m) {
    MAL_TRY(share3_lagrange(p->ring, w->coef, K, w->r[role]));
    p->ring->fold(p->spare, *vector, w->coef, m);
    uint64_t *folded = p->spare;
    p->spare = *vector;
    *vector = folded;
    return MAL_OK;
}

static mal_err fold_claim(proof *p, values *w, unsigned role) {
    first_value(p, role, w->v[role]);
    MAL_TRY(share3_lagrange(p->ring, w->lambda, NODES_FOLD, w->r[role]));
    reclaim(p, role, w->v[role], w->lambda, NODES_FOLD);
    return MAL_OK;
}

/* Zeros behind the n elements, up to a multiple of K. */
static size_t pad(const proof *p, uint64_t *v) {
    const size_t full = (p->n + K - 1) / K * K;
    memset(at(p, v, p->n), 0, 8 * p->ring->words * (full - p->n));
    return full;
}

static size_t pad_all(proof *p) {
    (void)pad(p, p->a[0]);
    (void)pad(p, p->b[0]);
    (void)pad(p, p->a[1]);
    return pad(p, p->b[1]);
}

static mal_err fold(proof *p, values *w) {
    const unsigned words = p->ring->words;
    const size_t m = pad_all(p) / K;
    uint64_t *said[ROLES];
    p->ring->corner(w->corner, p->a[0], p->b[0], m);
    MAL_TRY(fold_values(p, w));
    for (unsigned role = 0; role < ROLES; role++)
        said[role] = w->v[role] + words;
    MAL_TRY(say(p, said, NODES_FOLD - 1));
    MAL_TRY(challenge(p, w->r, false));
    MAL_TRY(fold_claim(p, w, LEFT));
    MAL_TRY(fold_claim(p, w, RIGHT));
    MAL_TRY(fold_one(p, w, PROVER, &p->a[0], m));
    MAL_TRY(fold_one(p, w, PROVER, &p->b[0], m));
    MAL_TRY(fold_one(p, w, LEFT, &p->a[1], m));
    MAL_TRY(fold_one(p, w, RIGHT, &p->b[1], m));
    p->n = m;
    return MAL_OK;
}

/* --- Step 3 -----------------------------------------------------------------
 */

/* The product of a and b, of K + 1 values each, at the nodes 1 .. 2K. */
static mal_err last_values(const proof *p, values *w) {
    uint64_t node[PROOF_WORDS_MAX], x[PROOF_WORDS_MAX], y[PROOF_WORDS_MAX];
    const unsigned words = p->ring->words;
    uint64_t *v = w->v[PROVER] + words;
    for (unsigned u = 1; u < NODES_LAST; u++) {
        p->ring->node(node, u);
        MAL_TRY(share3_lagrange(p->ring, w->coef, K + 1, node));
        p->ring->dot(x, w->coef, p->a[0], K + 1);
        p->ring->dot(y, w->coef, p->b[0], K + 1);
        p->ring->mul(v, x, y);
        v += words;
    }
    return MAL_OK;
}

static mal_err last_claim(proof *p, values *w, unsigned role) {
    first_value(p, role, w->v[role]);
    MAL_TRY(share3_lagrange(p->ring, w->lambda, NODES_LAST, w->r[role]));
    reclaim(p, role, w->v[role], w->lambda, NODES_LAST);
    return MAL_OK;
}

/* P tells R = P + 1 what L told it: words that both verifiers know. */
static mal_err check_told(proof *p) {
    uint64_t theirs[TOLD_MAX];
    MAL_TRY(pass(p->s, theirs, p->told[PROVER], p->n_told, false));
    bool same = mal_equal(theirs, p->told[RIGHT], 8 * p->n_told);
    mal_declassify(&same, sizeof same);
    if (!same)
        mal_err_set(MAL_E_PEER, __FILE__, __LINE__, SHARE3_BROKE);
    return share3_leave(p->s, same ? MAL_OK : MAL_E_PEER);
}

/* L = P - 1 tells R = P + 1, which is the party before L. */
static mal_err last_check(proof *p, values *w) {
    const unsigned words = p->ring->words;
    uint64_t ours[2 * PROOF_WORDS_MAX], theirs[2 * PROOF_WORDS_MAX],
        b[PROOF_WORDS_MAX];
    MAL_TRY(share3_lagrange(p->ring, w->coef, K + 1, w->r[LEFT]));
    p->ring->dot(ours, w->coef, p->a[1], K + 1);
    memcpy(ours + words, p->c[LEFT], 8 * words);
    MAL_TRY(pass(p->s, theirs, ours, 2 * words, true));
    MAL_TRY(share3_lagrange(p->ring, w->coef, K + 1, w->r[RIGHT]));
    p->ring->dot(b, w->coef, p->b[1], K + 1);
    p->ring->mul(b, b, theirs);
    p->ring->sub(b, b, theirs + words);
    bool right = mal_equal(b, p->c[RIGHT], 8 * words);
    mal_wipe(b, sizeof b);
    mal_declassify(&right, sizeof right);
    if (!right)
        mal_err_set(MAL_E_PEER, __FILE__, __LINE__, SHARE3_BROKE);
    return share3_leave(p->s, right ? MAL_OK : MAL_E_PEER);
}

static mal_err last(proof *p, values *w) {
    const unsigned words = p->ring->words;
    uint64_t *said[ROLES];
    (void)pad_all(p);
    share3_draw(p->s, 0, at(p, p->a[0], K), words);
    share3_draw(p->s, 1, at(p, p->a[1], K), words);
    share3_draw(p->s, 1, at(p, p->b[0], K), words);
    share3_draw(p->s, 0, at(p, p->b[1], K), words);
    MAL_TRY(last_values(p, w));
    for (unsigned role = 0; role < ROLES; role++)
        said[role] = w->v[role] + words;
    MAL_TRY(say(p, said, NODES_LAST - 1));
    MAL_TRY(challenge(p, w->r, true));
    MAL_TRY(last_claim(p, w, LEFT));
    MAL_TRY(last_claim(p, w, RIGHT));
    MAL_TRY(check_told(p));
    return last_check(p, w);
}

/* --- All --------------------------------------------------------------------
 */

void share3_proof_clear(mal_share3 *s) {
    if (s->proof)
        mal_wipe(s->proof, 8 * s->proof_words);
    mal_free(s->proof);
    s->proof = NULL;
    s->proof_words = 0;
}

/* Fresh pages cost more than a small proof. */
static mal_err want(mal_share3 *s, uint64_t **memory, size_t words) {
    if (s->proof_words < words) {
        share3_proof_clear(s);
        s->proof = mal_calloc(words, sizeof *s->proof);
        if (!s->proof)
            return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
        s->proof_words = words;
    }
    *memory = s->proof;
    return MAL_OK;
}

static mal_err set_up(proof *p) {
    const proof_ring *ring = p->ring;
    share3_record *q = p->record;
    p->groups = (q->n + ring->group - 1) / ring->group;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t *const all[3] = { q->x[i], q->y[i], q->e[i] };
        for (unsigned k = 0; k < 3; k++)
            memset(all[k] + q->n, 0, 8 * (p->groups * ring->group - q->n));
    }
    const size_t theta = (p->groups * ring->words + 1) & ~(size_t)1;
    const size_t vector = (2 * p->groups + 2 * K) * ring->words;
    uint64_t *memory = NULL;
    MAL_TRY(want(p->s, &memory, ROLES * theta + 5 * vector));
    for (unsigned role = 0; role < ROLES; role++)
        p->theta[role] = memory + role * theta;
    uint64_t *v = memory + ROLES * theta;
    for (unsigned i = 0; i < 2; i++) {
        p->a[i] = v + 2 * i * vector;
        p->b[i] = v + (2 * i + 1) * vector;
    }
    p->spare = v + 4 * vector;
    return MAL_OK;
}

static mal_err run(proof *p) {
    values *w = mal_calloc(1, sizeof *w);
    mal_err err = w ? set_up(p) : MAL_E_MEMORY;
    if (err == MAL_OK)
        err = weigh(p);
    if (err == MAL_OK)
        err = skip(p);
    while (err == MAL_OK && p->n > K)
        err = fold(p, w);
    if (err == MAL_OK)
        err = last(p, w);
    if (w)
        mal_wipe(w, sizeof *w);
    mal_free(w);
    return err;
}

mal_err share3_prove(mal_share3 *s, const proof_ring *ring,
                     share3_record *record) {
    proof p = { .s = s, .ring = ring, .record = record };
    if (record->n == 0)
        return MAL_OK;
    mal_err err = run(&p);
    mal_wipe(p.c, sizeof p.c);
    record->n = 0;
    return share3_leave(s, err);
}
