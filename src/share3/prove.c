/* prove.c - three proofs at once, that what was multiplied is right.
 *
 * Each party proves its products to the two others, and verifies those of both.
 * P proves to L = P - 1 and R = P + 1 (proof_impl.h has the statement):
 *
 *   1. Weights theta of rows, fixed after the products.  A row is a multilinear
 *      polynomial in v variables T through its 2^v values, so that
 *          p(T) = sum_rows theta (X0(T) Y1(T) + X1(T) Y0(T))
 *      has values at the corners whose shares follow from e_L and e_R.  P sends
 *      p at the 3^v - 2^v other points.  At a challenge r, v elements, the
 *      claim becomes one inner product <a, b> = p(r): a = theta (X0(r), Y0(r))
 *      is known to P and L, b = (Y1(r), X1(r)) to P and R, p(r) = c_L + c_R.
 *   2. While it is longer than one: a, b are polynomials through 2^v pieces; P
 *      sends <a(T), b(T)> at 3^v - 1 points (the sum of the corners is the
 *      claim).  At a challenge the pieces become one.
 *   3. At last a and b get one more, random value each, at T = 1: a(r) shows
 *      nothing to R, and b(r) is nothing that L could guess.  L tells R a(r)
 *      and c_L; R checks a(r) b(r) = c_L + c_R.
 *
 * What P says is shared: R's part comes from the key of P and R and is not
 * sent, L's part is.  Challenges come from the key of L and R, which P lacks; L
 * sends them once it has P's words.  So P speaks first, and cannot speak to R
 * anew.  Before the last check P tells R what L told it.
 *
 * Soundness, one batch, [Schwartz-Zippel; over rings, exceptional sets]: 1/q
 * for the weights (2/q where they are products of two), 2/q for each variable,
 * of which a batch of 2^18 words (rows of ANDs: 2^24) has at most
 * log2(2 rows) + 1.
 *   ANDs:   q = 2^64, (1 + 2 * 26) / 2^64 < 2^-58.
 *   words:  q = 2^48, (2 + 2 * 20) / 2^48 < 2^-42.
 * Who is caught once is caught: the bound is that of one batch, for all.
 * Zero knowledge: L and R see uniform words, challenges, a(r), and a c_L that
 * follows from what R knows and the claim that is true; a challenge is never
 * zero, so a(r) is uniform.  That is not enough against verifiers that lie:
 * whether R ends the run must say nothing of b to L.  A lie of L on a(r) or c_L
 * passes if it guesses b(r), which is uniform to it: 1/q.  A lie to P on a
 * challenge, which would make P's and R's claims differ by what b is, is seen
 * by R always.
 * Source: [BBCGI19] section 5.2, [BGIN19] sections 4 and 5; the polynomials in
 * many variables of [LFKN92] in place of those in one.
 */
#include "proof_impl.h"

#define TOLD_MAX 48 /* words: 2 of the seed, one a variable */

enum { PROVER, LEFT, RIGHT, ROLES };

typedef struct step {
    uint64_t *said[ROLES];   /* [3^v] elements: values, shares of values */
    uint64_t *corner[ROLES]; /* [2^v] what corners count at r */
    uint64_t r[ROLES][PROOF_VARS_MAX * PROOF_WORDS_MAX];
} step;

typedef struct proof {
    mal_share3 *s;
    const proof_ring *ring;
    share3_record *record;
    unsigned v;
    size_t blocks, n; /* n: elements of a and b */
    uint64_t *theta[ROLES];
    uint64_t *a[2], *b[2]; /* [0] as the prover; a[1] as left, b[1] as right */
    uint64_t c[ROLES][PROOF_WORDS_MAX]; /* of left and right */
    uint64_t *spare;                    /* [n] elements */
    uint64_t *coef;                     /* [3^v] */
    step step;
    uint64_t told[ROLES][TOLD_MAX]; /* seed and challenges: what we were */
    unsigned n_told;                /* told, and as right what L should */
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

/* v random words that a prover learns once it has spoken; it is not told the
 * last one, as it has no more to say. */
static mal_err challenge(proof *p, unsigned v, bool last) {
    uint64_t word[ROLES][PROOF_VARS_MAX] = { { 0 } };
    share3_draw(p->s, 0, word[LEFT], v);
    share3_draw(p->s, 1, word[RIGHT], v);
    if (!last) {
        MAL_TRY(pass(p->s, word[PROVER], word[LEFT], v, false));
        remember(p, word[PROVER], word[RIGHT], v);
    }
    for (unsigned role = 0; role < ROLES; role++)
        for (unsigned t = 0; t < v; t++)
            p->ring->challenge(p->step.r[role] + t * p->ring->words,
                               word[role][t]);
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

static void set_one(const proof *p, uint64_t *z) {
    memset(z, 0, 8 * p->ring->words);
    z[0] = 1;
}

/* One variable's part of what corner 0 and corner 1 count at r: 1 - r, r. */
static void spread_corners(proof *p, unsigned role, unsigned v) {
    uint64_t *c = p->step.corner[role];
    set_one(p, c);
    for (unsigned t = 0; t < v; t++)
        for (size_t j = 0; j < (size_t)1 << t; j++) {
            uint64_t *one = at(p, c, j + ((size_t)1 << t));
            p->ring->mul(one, at(p, c, j), at(p, p->step.r[role], t));
            p->ring->sub(at(p, c, j), at(p, c, j), one);
        }
}

/* And 0, 1, inf: 1 - r, r, r^2 - r. */
static void spread_points(proof *p, unsigned role, uint64_t *c, unsigned v) {
    set_one(p, c);
    size_t n = 1;
    for (unsigned t = 0; t < v; t++, n *= 3)
        for (size_t j = 0; j < n; j++) {
            uint64_t *one = at(p, c, j + n), *inf = at(p, c, j + 2 * n);
            p->ring->mul(one, at(p, c, j), at(p, p->step.r[role], t));
            p->ring->mul(inf, one, at(p, p->step.r[role], t));
            p->ring->sub(inf, inf, one);
            p->ring->sub(at(p, c, j), at(p, c, j), one);
        }
}

static bool is_corner(size_t point) {
    for (; point > 0; point /= 3)
        if (point % 3 == 2)
            return false;
    return true;
}

/* c += the value at r, of values at all points but those that `skip` says. */
static void add_value(proof *p, unsigned role, unsigned v, bool corners) {
    uint64_t *coef = p->coef;
    const size_t n = share3_points(v);
    spread_points(p, role, coef, v);
    for (size_t i = 0; i < n; i++)
        if (corners || !is_corner(i))
            add_product(p, p->c[role], at(p, p->step.said[role], i),
                        at(p, coef, i));
}

/* --- Step 1 -----------------------------------------------------------------
 */

static mal_err draw_weights(proof *p) {
    uint64_t seed[ROLES][2];
    share3_draw(p->s, 0, seed[LEFT], 2);
    share3_draw(p->s, 1, seed[RIGHT], 2);
    MAL_TRY(pass(p->s, seed[PROVER], seed[LEFT], 2, false));
    remember(p, seed[PROVER], seed[RIGHT], 2);
    for (unsigned role = 0; role < ROLES; role++) {
        mal_prim_aes aes;
        mal_prim_aes_init(&aes, (const uint8_t *)seed[role]);
        mal_prim_aes_ctr(p->theta[role], PROOF_LANES / 2 * p->blocks, &aes, 0,
                         0);
    }
    return MAL_OK;
}

/* The points that are no corners, to the front, or back to their places. */
static size_t pack(proof *p, uint64_t *said, unsigned v) {
    size_t n = 0;
    for (size_t i = 0; i < share3_points(v); i++)
        if (!is_corner(i))
            memmove(at(p, said, n++), at(p, said, i), 8 * p->ring->words);
    return n;
}

static void unpack(proof *p, uint64_t *said, unsigned v) {
    size_t n = share3_points(v) - ((size_t)1 << v);
    for (size_t i = share3_points(v); i-- > 0;)
        if (!is_corner(i))
            memmove(at(p, said, i), at(p, said, --n), 8 * p->ring->words);
}

/* The values at r of two operands, half and half. */
static void evaluate(proof *p, unsigned role, uint64_t *out,
                     const uint64_t *first, const uint64_t *second,
                     bool weighed) {
    const uint64_t *const in[2] = { first, second };
    for (unsigned h = 0; h < 2; h++) {
        uint64_t *half = at(p, out, h * (p->n / 2));
        p->ring->evaluate(half, in[h], p->step.corner[role], p->v, p->blocks);
        if (weighed)
            p->ring->weigh(half, p->theta[role], p->blocks);
    }
}

static void claim(proof *p, unsigned role, const uint64_t *e) {
    p->ring->claim(p->c[role], e, p->step.corner[role], p->theta[role], p->v,
                   p->blocks);
    unpack(p, p->step.said[role], p->v);
    add_value(p, role, p->v, false);
}

static mal_err begin(proof *p) {
    const share3_record *q = p->record;
    step *w = &p->step;
    MAL_TRY(draw_weights(p));
    MAL_TRY(
        p->ring->points(w->said[PROVER], q, p->theta[PROVER], p->v, p->blocks));
    MAL_TRY(say(p, w->said, pack(p, w->said[PROVER], p->v)));
    MAL_TRY(challenge(p, p->v, false));
    for (unsigned role = 0; role < ROLES; role++)
        spread_corners(p, role, p->v);
    evaluate(p, PROVER, p->a[0], q->x[0], q->y[0], true);
    evaluate(p, PROVER, p->b[0], q->y[1], q->x[1], false);
    evaluate(p, LEFT, p->a[1], q->x[1], q->y[1], true);
    evaluate(p, RIGHT, p->b[1], q->y[0], q->x[0], false);
    claim(p, LEFT, q->e[1]);
    claim(p, RIGHT, q->e[0]);
    return MAL_OK;
}

/* --- Step 2 -----------------------------------------------------------------
 */

/* Zeros behind the n elements, up to a multiple of 2^v. */
static size_t pad(const proof *p, unsigned v) {
    const size_t full = ((p->n - 1) >> v) + 1;
    uint64_t *const all[4] = { p->a[0], p->b[0], p->a[1], p->b[1] };
    for (unsigned i = 0; i < 4; i++)
        memset(at(p, all[i], p->n), 0,
               8 * p->ring->words * ((full << v) - p->n));
    return full;
}

static void fold_one(proof *p, unsigned role, uint64_t **vector, unsigned v,
                     size_t m) {
    p->ring->fold(p->spare, *vector, p->step.corner[role], v, m);
    uint64_t *folded = p->spare;
    p->spare = *vector;
    *vector = folded;
}

/* The corners' values sum to the claim: the first follows from the others. */
static void fold_claim(proof *p, unsigned role, unsigned v) {
    uint64_t *said = p->step.said[role];
    memcpy(said, p->c[role], 8 * p->ring->words);
    for (size_t i = 1; i < share3_points(v); i++)
        if (is_corner(i))
            p->ring->sub(said, said, at(p, said, i));
    memset(p->c[role], 0, sizeof p->c[role]);
    add_value(p, role, v, true);
}

static mal_err fold(proof *p) {
    const unsigned v = p->ring->fold_vars(p->n);
    const size_t m = pad(p, v);
    uint64_t *said[ROLES];
    MAL_TRY(p->ring->fold_points(p->step.said[PROVER], p->a[0], p->b[0], v, m));
    for (unsigned role = 0; role < ROLES; role++)
        said[role] = at(p, p->step.said[role], 1);
    MAL_TRY(say(p, said, share3_points(v) - 1));
    MAL_TRY(challenge(p, v, false));
    for (unsigned role = 0; role < ROLES; role++)
        spread_corners(p, role, v);
    fold_claim(p, LEFT, v);
    fold_claim(p, RIGHT, v);
    fold_one(p, PROVER, &p->a[0], v, m);
    fold_one(p, PROVER, &p->b[0], v, m);
    fold_one(p, LEFT, &p->a[1], v, m);
    fold_one(p, RIGHT, &p->b[1], v, m);
    p->n = m;
    return MAL_OK;
}

/* --- Step 3 -----------------------------------------------------------------
 */

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
static mal_err last_check(proof *p) {
    const proof_ring *ring = p->ring;
    const unsigned words = ring->words;
    uint64_t ours[2 * PROOF_WORDS_MAX], theirs[2 * PROOF_WORDS_MAX],
        b[PROOF_WORDS_MAX];
    ring->fold(ours, p->a[1], p->step.corner[LEFT], 1, 1);
    memcpy(ours + words, p->c[LEFT], 8 * words);
    MAL_TRY(pass(p->s, theirs, ours, 2 * words, true));
    ring->fold(b, p->b[1], p->step.corner[RIGHT], 1, 1);
    ring->mul(b, b, theirs);
    ring->sub(b, b, theirs + words);
    bool right = mal_equal(b, p->c[RIGHT], 8 * words);
    mal_wipe(b, sizeof b);
    mal_wipe(ours, sizeof ours);
    mal_declassify(&right, sizeof right);
    if (!right)
        mal_err_set(MAL_E_PEER, __FILE__, __LINE__, SHARE3_BROKE);
    return share3_leave(p->s, right ? MAL_OK : MAL_E_PEER);
}

/* The claim is the value at 0; what is said are those at 1 and inf. */
static mal_err last(proof *p) {
    const unsigned words = p->ring->words;
    uint64_t *said[ROLES];
    share3_draw(p->s, 0, at(p, p->a[0], 1), words);
    share3_draw(p->s, 1, at(p, p->a[1], 1), words);
    share3_draw(p->s, 1, at(p, p->b[0], 1), words);
    share3_draw(p->s, 0, at(p, p->b[1], 1), words);
    MAL_TRY(p->ring->fold_points(p->step.said[PROVER], p->a[0], p->b[0], 1, 1));
    for (unsigned role = 0; role < ROLES; role++)
        said[role] = at(p, p->step.said[role], 1);
    MAL_TRY(say(p, said, 2));
    MAL_TRY(challenge(p, 1, true));
    for (unsigned role = LEFT; role <= RIGHT; role++) {
        spread_corners(p, role, 1);
        memcpy(p->step.said[role], p->c[role], 8 * words);
        memset(p->c[role], 0, sizeof p->c[role]);
        add_value(p, role, 1, true);
    }
    MAL_TRY(check_told(p));
    return last_check(p);
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

static size_t take(size_t *at, size_t n) {
    const size_t from = *at;
    *at += n;
    return from;
}

/* Where in the memory of a proof its parts lie, in words. */
static mal_err set_up(proof *p) {
    const proof_ring *ring = p->ring;
    share3_record *q = p->record;
    p->v = ring->group_vars(q->n);
    const size_t block = (size_t)PROOF_LANES << p->v;
    p->blocks = (q->n + block - 1) / block;
    p->n = 2 * PROOF_LANES * ring->rows * p->blocks;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t *const all[3] = { q->x[i], q->y[i], q->e[i] };
        for (unsigned k = 0; k < 3; k++)
            memset(all[k] + q->n, 0, 8 * (p->blocks * block - q->n));
    }
    size_t end = 0, theta[ROLES], said[ROLES], corner[ROLES], vector[5];
    for (unsigned i = 0; i < ROLES; i++) {
        theta[i] = take(&end, PROOF_LANES * p->blocks);
        said[i] = take(&end, PROOF_POINTS_MAX * ring->words);
        corner[i] = take(&end, PROOF_CORNERS_MAX * ring->words);
    }
    const size_t coef = take(&end, PROOF_POINTS_MAX * ring->words);
    for (unsigned i = 0; i < 5; i++)
        vector[i] = take(&end, (p->n + PROOF_CORNERS_MAX) * ring->words);
    uint64_t *memory = NULL;
    MAL_TRY(want(p->s, &memory, end));
    for (unsigned i = 0; i < ROLES; i++) {
        p->theta[i] = memory + theta[i];
        p->step.said[i] = memory + said[i];
        p->step.corner[i] = memory + corner[i];
    }
    p->coef = memory + coef;
    for (unsigned i = 0; i < 2; i++) {
        p->a[i] = memory + vector[2 * i];
        p->b[i] = memory + vector[2 * i + 1];
    }
    p->spare = memory + vector[4];
    return MAL_OK;
}

static mal_err run(proof *p) {
    MAL_TRY(set_up(p));
    MAL_TRY(begin(p));
    while (p->n > 1)
        MAL_TRY(fold(p));
    return last(p);
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
