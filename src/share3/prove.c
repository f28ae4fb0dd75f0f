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
 *      claim becomes <theta X0(r), Y1(r)> + <Y0(r), theta X1(r)> = p(r), where
 *      L knows X0 and Y0, R knows X1 and Y1, p(r) = c_L + c_R.
 *   2. While the vectors are longer than what is quickly sent (`last` of a
 *      ring): they are polynomials through 2^v pieces; P sends the same sum at
 *      3^v - 1 points (that of the corners is the claim).  At a challenge the
 *      pieces become one.
 *   3. At last each element gets one more, random value, at T = 1, known as the
 *      vector is: what is at r shows nothing of X0, Y0 to R, and nothing that L
 *      could guess of X1, Y1.  L tells R its vectors at r and c_L; R checks.
 *
 * What P says is shared: R's part comes from the key of P and R and is not
 * sent, L's part is.
 *
 * The coin.  All three proofs have the same challenges: the sum of three words,
 * each drawn from the key of two parties.  P lacks that of L and R; L tells it
 * once it has P's words, and R, before the proof began, all that P sent it:
 * inputs, messages of shuffles, which what is proved depends on.  So P speaks
 * first, and cannot speak to R anew.  A
 * vector is then the same in the two proofs that it serves in: X1, Y1 of P are
 * X0, Y0 of P + 1, and are evaluated and folded once.  (The last challenge is
 * each proof's own: P needs none.)  Who was told wrongly would verify at
 * another r, and what it says last would differ from what the prover says by a
 * sum of secrets: so before that P tells R what L told it, and waits for R's
 * word.
 *
 * What a shuffle claims (checked.c) is an inner product from the start: it
 * joins in step 2.  Its own words were random after its lie, and a lie in
 * products does not cancel it: theta is drawn later.  What a product of
 * matrices claims (proof_matrix.c) becomes one by weights of its own, drawn
 * with theta.
 *
 * Soundness, one batch, [Schwartz-Zippel; over rings, exceptional sets]: 1/q
 * for the weights, 2/q for each variable, of which a batch of 2^18 words has
 * at most log2(2^18 rows) + 1; 3/q for ANDs, where one stands for zero too.
 * Beside words, matrices of 2^13 elements make two more: both are made whole in
 * one fold.  As what is left last is not folded, fewer are drawn than counted
 * here: 16 for 25 and for 19, 18 for 21, 27 for 35.
 *   ANDs:   q = 2^64, (1 + 3 * 25) / 2^64 < 2^-57; with claims, 2^28 elements
 *           in all, (1 + 3 * (6 + 28 + 1)) / 2^64 < 2^-57.
 *   words:  q = 2^48, (1 + 2 * 21) / 2^48 < 2^-42.
 * Who is caught once is caught: the bound is that of one batch, for all.
 * Zero knowledge: L and R see uniform words, challenges, values at r, and a c_L
 * that follows from what R knows and the claim that is true; a challenge is
 * never zero, so values at r are uniform.  That is not enough against verifiers
 * that lie: whether R ends the run must say nothing of X1, Y1 to L.  A lie of L
 * on what it says last passes if it guesses what R has at r, which is uniform
 * to it: 1/q.  A lie of L to P on a challenge is seen by R always, before
 * anything else is said that depends on it and is not masked for L by R.
 * Source: [BBCGI19] section 5.2, [BGIN19] sections 4 and 5; the polynomials in
 * many variables of [LFKN92] in place of those in one.
 */
#include "proof_matrix.h"

/* Words: 2 of the seed, one a variable, and those of claims. */
#define TOLD_MAX (48 + SHARE3_CLAIMS_TOLD)

enum { PROVER, LEFT, RIGHT, ROLES };

typedef struct proof {
    mal_share3 *s;
    const proof_ring *ring;
    share3_record *record;
    share3_claims *claims; /* NULL: none of this ring */
    share3_matrices *matrices;
    unsigned v;
    size_t blocks, n;      /* n: elements of a vector */
    uint64_t *theta;       /* weights */
    uint64_t *x[2], *y[2]; /* by part; x weighed */
    size_t n_matrices;     /* elements that are still of these */
    uint64_t *u[2];
    uint64_t *ends;                     /* of the last step */
    uint64_t *said[ROLES];              /* [3^v]: values, shares of values */
    uint64_t *corner, *point;           /* [2^v], [3^v]: what they count at r */
    uint64_t c[ROLES][PROOF_WORDS_MAX]; /* of left and right */
    uint64_t told[ROLES][TOLD_MAX];     /* seed and challenges: what we were */
    unsigned n_told;                    /* told, and as right what L should */
} proof;

/* --- Messages ---------------------------------------------------------------
 */

static share3_swap pass_of(const mal_share3 *s, uint64_t *in,
                           const uint64_t *out, size_t n, bool backward) {
    const unsigned peer[2] = { share3_next(s), share3_prev(s) };
    return (share3_swap){
        SHARE3_PROOF, peer[backward], peer[!backward], out, in, n
    };
}

static mal_err pass(mal_share3 *s, uint64_t *in, const uint64_t *out, size_t n,
                    bool backward) {
    const share3_swap w = pass_of(s, in, out, n, backward);
    return share3_swap_words(s, &w);
}

/* What we prove, n elements from the first one on, becomes shares of L and R;
 * ours as R too. */
static mal_err share_said(proof *p, size_t first, size_t n) {
    const size_t from = first * p->ring->words, words = n * p->ring->words;
    uint64_t *mask = mal_calloc(words, sizeof *mask);
    if (!mask)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    share3_draw(p->s, 1, mask, words);
    share3_draw(p->s, 0, p->said[RIGHT] + from, words);
    for (size_t i = 0; i < n; i++) {
        uint64_t *z = p->said[PROVER] + from + i * p->ring->words;
        p->ring->sub(z, z, mask + i * p->ring->words);
    }
    mal_wipe(mask, 8 * words);
    mal_free(mask);
    return MAL_OK;
}

/* And go to L, as ours come in. */
static mal_err say(proof *p, size_t first, size_t n) {
    const size_t from = first * p->ring->words;
    MAL_TRY(share_said(p, first, n));
    return pass(p->s, p->said[LEFT] + from, p->said[PROVER] + from,
                n * p->ring->words, true);
}

/* What P was told, and what R knows it to be. */
static void remember(proof *p, const uint64_t *prover, const uint64_t *right,
                     unsigned n) {
    assert(p->n_told + n <= TOLD_MAX);
    memcpy(p->told[PROVER] + p->n_told, prover, n * sizeof *prover);
    memcpy(p->told[RIGHT] + p->n_told, right, n * sizeof *right);
    p->n_told += n;
}

/* The coin: n words that nobody knew before it had spoken. */
static mal_err toss(proof *p, uint64_t *coin, unsigned n) {
    uint64_t word[ROLES][PROOF_VARS_MAX];
    share3_draw(p->s, 0, word[LEFT], n);
    share3_draw(p->s, 1, word[RIGHT], n);
    MAL_TRY(pass(p->s, word[PROVER], word[LEFT], n, false));
    remember(p, word[PROVER], word[RIGHT], n);
    for (unsigned i = 0; i < n; i++)
        coin[i] = word[PROVER][i] ^ word[LEFT][i] ^ word[RIGHT][i];
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

/* What corners count at r: 1 - r, r for each variable. */
static void spread_corners(proof *p, const uint64_t *r, unsigned v) {
    uint64_t *c = p->corner;
    set_one(p, c);
    for (unsigned t = 0; t < v; t++, r += p->ring->words)
        for (size_t j = 0; j < (size_t)1 << t; j++) {
            uint64_t *one = at(p, c, j + ((size_t)1 << t));
            p->ring->mul(one, at(p, c, j), r);
            p->ring->sub(at(p, c, j), at(p, c, j), one);
        }
}

/* What points do, for 0, 1, inf: 1 - r, r, r^2 - r. */
static void spread_points(proof *p, const uint64_t *r, unsigned v) {
    uint64_t *c = p->point;
    size_t n = 1;
    set_one(p, c);
    for (unsigned t = 0; t < v; t++, n *= 3, r += p->ring->words)
        for (size_t j = 0; j < n; j++) {
            uint64_t *one = at(p, c, j + n), *inf = at(p, c, j + 2 * n);
            p->ring->mul(one, at(p, c, j), r);
            p->ring->mul(inf, one, r);
            p->ring->sub(inf, inf, one);
            p->ring->sub(at(p, c, j), at(p, c, j), one);
        }
}

static mal_err challenge(proof *p, unsigned v) {
    uint64_t coin[PROOF_VARS_MAX], r[PROOF_VARS_MAX * PROOF_WORDS_MAX];
    MAL_TRY(toss(p, coin, v));
    for (unsigned t = 0; t < v; t++)
        p->ring->challenge(at(p, r, t), coin[t]);
    spread_corners(p, r, v);
    spread_points(p, r, v);
    return MAL_OK;
}

static bool is_corner(size_t point) {
    for (; point > 0; point /= 3)
        if (point % 3 == 2)
            return false;
    return true;
}

/* c += the value at r, of values at all points, or at those not corners. */
static void add_value(proof *p, unsigned role, unsigned v, bool corners) {
    for (size_t i = 0; i < share3_points(v); i++)
        if (corners || !is_corner(i))
            add_product(p, p->c[role], at(p, p->said[role], i),
                        at(p, p->point, i));
}

/* --- Step 1 -----------------------------------------------------------------
 */

/* Of groups, then of rows of matrices. */
static size_t thetas_of(const proof *p) {
    const size_t rows = p->matrices ? p->matrices->rows : 0;
    return PROOF_LANES * p->blocks + (rows + 1) / 2 * 2;
}

static mal_err draw_weights(proof *p) {
    uint64_t seed[2];
    mal_prim_aes aes;
    MAL_TRY(toss(p, seed, 2));
    mal_prim_aes_init(&aes, (const uint8_t *)(const void *)seed);
    mal_prim_aes_ctr(p->theta, thetas_of(p) / 2, &aes, 0, 0);
    return MAL_OK;
}

/* The points that are no corners, to the front, or back to their places. */
static size_t pack(proof *p, uint64_t *said) {
    size_t n = 0;
    for (size_t i = 0; i < share3_points(p->v); i++)
        if (!is_corner(i))
            memmove(at(p, said, n++), at(p, said, i), 8 * p->ring->words);
    return n;
}

static void unpack(proof *p, uint64_t *said) {
    size_t n = share3_points(p->v) - ((size_t)1 << p->v);
    for (size_t i = share3_points(p->v); i-- > 0;)
        if (!is_corner(i))
            memmove(at(p, said, i), at(p, said, --n), 8 * p->ring->words);
}

static void claim(proof *p, unsigned role, const uint64_t *e) {
    p->ring->claim(p->c[role], e, p->corner, p->theta, p->v, p->blocks);
    unpack(p, p->said[role]);
    add_value(p, role, p->v, false);
}

/* Weighed while it lies in the cache. */
static void evaluate(proof *p, uint64_t *z, const uint64_t *in, bool weighed) {
    const size_t tile = 64, rows = PROOF_LANES * p->ring->rows;
    for (size_t b = 0; b < p->blocks; b += tile) {
        const size_t n = share3_least(tile, p->blocks - b);
        p->ring->evaluate(at(p, z, b * rows), in + (b * PROOF_LANES << p->v),
                          p->corner, p->v, n);
        if (weighed)
            p->ring->weigh(at(p, z, b * rows), p->theta + b * PROOF_LANES, n);
    }
}

static mal_err begin(proof *p) {
    const proof_ring *ring = p->ring;
    const share3_record *q = p->record;
    MAL_TRY(ring->points(p->said[PROVER], q, p->theta, p->v, p->blocks));
    MAL_TRY(say(p, 0, pack(p, p->said[PROVER])));
    MAL_TRY(challenge(p, p->v));
    for (unsigned i = 0; i < 2; i++) {
        evaluate(p, p->x[i], q->x[i], true);
        evaluate(p, p->y[i], q->y[i], false);
    }
    claim(p, LEFT, q->e[1]);
    claim(p, RIGHT, q->e[0]);
    return MAL_OK;
}

/* Nor need products of matrices any challenge before. */
static void take_matrices(proof *p) {
    const share3_matrices *m = p->matrices;
    const uint64_t *theta = p->theta + PROOF_LANES * p->blocks;
    if (!p->n_matrices)
        return;
    for (unsigned i = 0; i < 2; i++)
        share3_matrices_weigh(p->u[i], m, i, theta);
    share3_matrices_claim(p->c[LEFT], m, 1, theta);
    share3_matrices_less(p->c[LEFT], m, 1, p->u[1]);
    share3_matrices_claim(p->c[RIGHT], m, 0, theta);
}

/* --- Step 2 -----------------------------------------------------------------
 */

/* What is folded by itself, and lies behind what was before it from then on:
 * the vectors of products, and at first those of each party's claims, which are
 * inner products over the same ring (checked.c). */
typedef struct piece {
    size_t n;
    uint64_t *x[2], *y[2]; /* by part; NULL: zeros */
} piece;
#define PIECES 4

static piece piece_of(const share3_claims *q, bool ours, unsigned part) {
    piece z = { .n = q->n };
    for (unsigned p = 0; p < 2; p++)
        if (ours || p == part) {
            z.x[p] = q->x[p][!ours];
            z.y[p] = q->y[p][!ours];
        }
    return z;
}

/* All three have them in one order. */
static unsigned set_pieces(const proof *p, piece *pieces) {
    const share3_claims *q = p->claims;
    unsigned n = 0;
    if (p->n)
        pieces[n++] =
            (piece){ p->n, { p->x[0], p->x[1] }, { p->y[0], p->y[1] } };
    for (unsigned i = 0; i < 3 && q && q->n; i++)
        pieces[n++] = piece_of(q, i == p->s->me, i == share3_next(p->s));
    return n;
}

static void take_claims(proof *p) {
    const share3_claims *q = p->claims;
    if (!q)
        return;
    p->ring->add(p->c[LEFT], p->c[LEFT], &q->c[0]);
    p->ring->add(p->c[RIGHT], p->c[RIGHT], &q->c[1]);
    remember(p, q->told[0], q->told[1], q->n_told);
}

static size_t folded(size_t n, unsigned v) {
    return n ? ((n - 1) >> v) + 1 : 0;
}

/* Zeros behind the elements. */
static void fill_up(const proof *p, const piece *q, unsigned v) {
    const size_t bytes = 8 * p->ring->words * ((folded(q->n, v) << v) - q->n);
    for (unsigned i = 0; i < 2; i++) {
        if (q->x[i])
            memset(at(p, q->x[i], q->n), 0, bytes);
        if (q->y[i])
            memset(at(p, q->y[i], q->n), 0, bytes);
    }
}

/* z += the sum over numbers of a b, at all points. */
static mal_err add_points(proof *p, uint64_t *z, const uint64_t *a,
                          const uint64_t *b, unsigned v, size_t m) {
    const proof_ring *ring = p->ring;
    MAL_TRY(ring->fold_points(p->point, a, b, v, m));
    for (size_t i = 0; i < share3_points(v); i++)
        ring->add(at(p, z, i), at(p, z, i), at(p, p->point, i));
    return MAL_OK;
}

/* Of X0 Y1 + Y0 X1; one of both factors is zero where we do not prove. */
static mal_err points_of_all(proof *p, const piece *q, unsigned n, unsigned v) {
    uint64_t *z = p->said[PROVER];
    memset(z, 0, 8 * p->ring->words * share3_points(v));
    for (; n-- > 0; q++) {
        const size_t m = folded(q->n, v);
        fill_up(p, q, v);
        if (!q->x[0] || !q->x[1])
            continue;
        MAL_TRY(add_points(p, z, q->x[0], q->y[1], v, m));
        MAL_TRY(add_points(p, z, q->y[0], q->x[1], v, m));
    }
    return MAL_OK;
}

/* And of what is still of matrices, once. */
static mal_err points_of_matrices(proof *p, unsigned v) {
    const size_t n = p->n_matrices, m = folded(n, v), more = (m << v) - n;
    for (unsigned i = 0; i < 2 && m; i++) {
        memset(at(p, p->u[i], n), 0, 8 * p->ring->words * more);
        memset(p->matrices->x[i] + n * SHARE3_MATRIX_VECTORS, 0,
               8 * SHARE3_MATRIX_VECTORS * more);
    }
    for (unsigned i = 0; i < 2 && m; i++)
        MAL_TRY(share3_matrices_points(p->said[PROVER], p->matrices, 1 - i,
                                       p->u[i], v, m));
    return MAL_OK;
}

static void fold_matrices(proof *p, unsigned v) {
    const size_t m = folded(p->n_matrices, v);
    for (unsigned i = 0; i < 2 && m; i++) {
        p->ring->fold(at(p, p->x[i], p->n), p->u[i], p->corner, v, m);
        share3_matrices_fold(at(p, p->y[i], p->n), p->matrices, i, p->corner, v,
                             m);
    }
    p->n += m;
    p->n_matrices = 0;
}

static void fold_one(const proof *p, uint64_t *z, const uint64_t *a, unsigned v,
                     size_t m) {
    if (a)
        p->ring->fold(z, a, p->corner, v, m);
    else
        memset(z, 0, 8 * p->ring->words * m);
}

/* The first one in its place. */
static void fold_all(proof *p, const piece *q, unsigned n, unsigned v) {
    for (p->n = 0; n-- > 0; q++) {
        const size_t m = folded(q->n, v);
        for (unsigned i = 0; i < 2; i++) {
            fold_one(p, at(p, p->x[i], p->n), q->x[i], v, m);
            fold_one(p, at(p, p->y[i], p->n), q->y[i], v, m);
        }
        p->n += m;
    }
}

/* The corners' values sum to the claim: the first follows from the others. */
static void fold_claim(proof *p, unsigned role, unsigned v) {
    uint64_t *said = p->said[role];
    memcpy(said, p->c[role], 8 * p->ring->words);
    for (size_t i = 1; i < share3_points(v); i++)
        if (is_corner(i))
            p->ring->sub(said, said, at(p, said, i));
    memset(p->c[role], 0, sizeof p->c[role]);
    add_value(p, role, v, true);
}

static mal_err fold(proof *p) {
    piece pieces[PIECES];
    const unsigned n = set_pieces(p, pieces);
    size_t left = p->n_matrices;
    for (unsigned i = 0; i < n; i++)
        left += pieces[i].n;
    const unsigned v = p->ring->fold_vars(left);
    MAL_TRY(points_of_all(p, pieces, n, v));
    MAL_TRY(points_of_matrices(p, v));
    MAL_TRY(say(p, 1, share3_points(v) - 1));
    MAL_TRY(challenge(p, v));
    fold_claim(p, LEFT, v);
    fold_claim(p, RIGHT, v);
    fold_all(p, pieces, n, v);
    fold_matrices(p, v);
    p->claims = NULL; /* from here on behind the products */
    return MAL_OK;
}

/* --- Step 3 -----------------------------------------------------------------
 */

#define TOLD_RIGHT UINT64_C(0x6465746e61726720)

static mal_err require(proof *p, bool right) {
    mal_declassify(&right, sizeof right);
    if (!right)
        mal_err_set(MAL_E_PEER, __FILE__, __LINE__, SHARE3_BROKE);
    return share3_leave(p->s, right ? MAL_OK : MAL_E_PEER);
}

/* P speaks for the last time, and tells R = P + 1 what L told it, words that
 * both verifiers know; it waits until R finds them right. */
static mal_err say_and_check_told(proof *p) {
    uint64_t theirs[TOLD_MAX];
    const unsigned words = p->ring->words;
    MAL_TRY(share_said(p, 1, 2));
    const share3_swap said = pass_of(p->s, p->said[LEFT] + words,
                                     p->said[PROVER] + words, 2 * words, true);
    const share3_swap told =
        pass_of(p->s, theirs, p->told[PROVER], p->n_told, false);
    MAL_TRY(share3_swap_pair(p->s, &said, &told));
    MAL_TRY(require(p, mal_equal(theirs, p->told[RIGHT], 8 * p->n_told)));
    return share3_same_word(p->s, SHARE3_PROOF, TOLD_RIGHT, false);
}

/* Each proof's last vectors: 2 n numbers, the values at 0 and those at 1. */
typedef struct ends {
    size_t n;
    uint64_t *a[2], *b[2]; /* [4 n]: as prover, as left; as prover, as right */
    uint64_t *ours, *theirs; /* [2 n + 1]: at r as left, and a share */
    uint64_t *at_r;          /* [2 n]: as right */
} ends;
#define ENDS(last) (22 * (last) + 2) /* elements */

static void set_end(proof *p, uint64_t *z, const uint64_t *first,
                    const uint64_t *second, unsigned key) {
    const size_t words = p->n * p->ring->words;
    memcpy(z, first, 8 * words);
    memcpy(z + words, second, 8 * words);
    share3_draw(p->s, key, z + 2 * words, 2 * words);
}

static void set_ends(proof *p, ends *w) {
    const size_t n = w->n = p->n;
    uint64_t *next = p->ends;
    for (unsigned i = 0; i < 2; i++, next = at(p, next, 8 * n)) {
        w->a[i] = next;
        w->b[i] = at(p, next, 4 * n);
    }
    w->at_r = next;
    w->ours = at(p, next, 2 * n);
    w->theirs = at(p, w->ours, 2 * n + 1);
    set_end(p, w->a[0], p->x[0], p->y[0], 0);
    set_end(p, w->a[1], p->x[1], p->y[1], 1);
    set_end(p, w->b[0], p->y[1], p->x[1], 1);
    set_end(p, w->b[1], p->y[0], p->x[0], 0);
}

/* L = P - 1 tells R = P + 1, which is the party before L. */
static mal_err last_check(proof *p, const ends *w) {
    const proof_ring *ring = p->ring;
    uint64_t sum[PROOF_WORDS_MAX];
    memcpy(at(p, w->ours, 2 * w->n), p->c[LEFT], 8 * ring->words);
    MAL_TRY(pass(p->s, w->theirs, w->ours, (2 * w->n + 1) * ring->words, true));
    MAL_TRY(ring->fold_points(sum, w->theirs, w->at_r, 0, 2 * w->n));
    ring->sub(sum, sum, at(p, w->theirs, 2 * w->n));
    return require(p, mal_equal(sum, p->c[RIGHT], 8 * ring->words));
}

/* The claim is the value at 0; what is said are those at 1 and inf.  Each proof
 * has a challenge of its own, of which its prover hears nothing. */
static mal_err last(proof *p) {
    const unsigned words = p->ring->words;
    ends w;
    set_ends(p, &w);
    MAL_TRY(p->ring->fold_points(p->said[PROVER], w.a[0], w.b[0], 1, 2 * w.n));
    MAL_TRY(say_and_check_told(p));
    for (unsigned role = LEFT; role <= RIGHT; role++) {
        uint64_t random, r[PROOF_WORDS_MAX];
        share3_draw(p->s, role == RIGHT, &random, 1);
        p->ring->challenge(r, random);
        spread_corners(p, r, 1);
        spread_points(p, r, 1);
        memcpy(p->said[role], p->c[role], 8 * words);
        memset(p->c[role], 0, sizeof p->c[role]);
        add_value(p, role, 1, true);
        p->ring->fold(role == LEFT ? w.ours : w.at_r,
                      role == LEFT ? w.a[1] : w.b[1], p->corner, 1, 2 * w.n);
    }
    return last_check(p, &w);
}

/* --- All --------------------------------------------------------------------
 */

void share3_proof_clear(mal_share3 *s) {
    if (s->proof)
        mal_wipe(s->proof, 8 * s->proof_used);
    mal_large_free(s->proof, 8 * s->proof_words);
    s->proof = NULL;
    s->proof_words = s->proof_used = 0;
}

/* Fresh pages cost more than a small proof. */
static mal_err want(mal_share3 *s, uint64_t **memory, size_t words) {
    const size_t wanted = words + SHARE3_LINE;
    if (s->proof_words < wanted) {
        words = 1024;
        while (words < wanted)
            words *= 2; /* of a size that was kept, perhaps */
        share3_proof_clear(s);
        s->proof = mal_large_new(8 * words);
        if (!s->proof)
            return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
        s->proof_words = words;
    }
    if (s->proof_used < wanted)
        s->proof_used = wanted;
    *memory = share3_align(s->proof);
    return MAL_OK;
}

static uint64_t *take(uint64_t **next, size_t words) {
    uint64_t *from = *next;
    *next += words;
    return from;
}

/* Elements of a vector: of products, or of all when each is folded. */
static size_t vector_of(const proof *p) {
    const size_t claims = p->claims ? p->claims->n : 0;
    const size_t n = (p->n + 3 * claims + p->n_matrices) / 4 + PIECES +
                     1; /* two variables */
    return (n < p->n ? p->n : n) + PROOF_CORNERS_MAX;
}

/* Where in the memory of a proof its parts lie. */
static mal_err set_up(proof *p) {
    const proof_ring *ring = p->ring;
    share3_record *q = p->record;
    p->v = ring->group_vars(q->n);
    const size_t block = (size_t)PROOF_LANES << p->v;
    p->blocks = (q->n + block - 1) / block;
    p->n = PROOF_LANES * ring->rows * p->blocks;
    p->n_matrices = p->matrices ? p->matrices->held.len : 0;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t *const all[3] = { q->x[i], q->y[i], q->e[i] };
        const size_t rest = p->blocks * block - q->n;
        for (unsigned k = 0; rest && k < 3; k++)
            memset(all[k] + q->n, 0, 8 * rest);
    }
    const size_t theta = (thetas_of(p) + 7) / 8 * 8;
    const unsigned most = p->v < ring->fold_max ? ring->fold_max : p->v;
    const size_t said = (share3_points(most) + 7) / 8 * 8 * ring->words;
    const size_t corner = ring->words << most;
    const size_t vector = vector_of(p) * ring->words;
    const size_t last_words = ENDS(ring->last) * ring->words;
    const size_t u =
        p->n_matrices ? (p->n_matrices + SHARE3_MATRIX_PAD) * ring->words : 0;
    uint64_t *next = NULL;
    MAL_TRY(want(p->s, &next,
                 theta + 4 * said + corner + 4 * vector + 2 * u + last_words));
    for (unsigned i = 0; i < ROLES; i++)
        p->said[i] = take(&next, said);
    p->theta = take(&next, theta);
    p->point = take(&next, said);
    p->corner = take(&next, corner);
    for (unsigned i = 0; i < 2; i++) {
        p->x[i] = take(&next, vector);
        p->y[i] = take(&next, vector);
        p->u[i] = take(&next, u);
    }
    p->ends = next;
    return MAL_OK;
}

static mal_err run(proof *p) {
    MAL_TRY(set_up(p));
    MAL_TRY(share3_wait_all_came(p->s));
    if (p->blocks || p->n_matrices)
        MAL_TRY(draw_weights(p));
    if (p->blocks)
        MAL_TRY(begin(p));
    take_claims(p);
    take_matrices(p);
    while (p->n > p->ring->last || (p->claims && p->claims->n) || p->n_matrices)
        MAL_TRY(fold(p));
    return last(p);
}

mal_err share3_prove(mal_share3 *s, const proof_ring *ring,
                     share3_record *record, share3_claims *claims,
                     share3_matrices *matrices) {
    proof p = { .s = s,
                .ring = ring,
                .record = record,
                .claims = claims,
                .matrices = matrices };
    if (record->n == 0 && (!claims || claims->n == 0) &&
        (!matrices || matrices->n == 0))
        return MAL_OK;
    s->unagreed = true;
    mal_err err = run(&p);
    mal_wipe(p.c, sizeof p.c);
    record->n = 0;
    if (claims) {
        claims->n = claims->n_told = 0;
        claims->c[0] = claims->c[1] = 0;
    }
    if (matrices)
        share3_matrices_forget(matrices);
    return share3_leave(s, err);
}
