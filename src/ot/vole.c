/* vole.c - VOLE from correlated OTs: noise, trees, code [BCGI18] [WYKW21].
 *
 * t trees of L leaves; the receiver's noise is value y_j at place s_j of tree
 * j.
 *
 *     1  sender      grows its trees: leaf r_j,x is b at position j L + x
 *     2  receiver    correlated OTs with choices: the bits of s_j inverted, and
 *                    the bits of y_j (and of one more, y*, in malicious mode)
 *        both        sum of x^i times those of y_j: z_j = w_j + delta y_j
 *     3  sender      per level the sums of left and right nodes, under the pads
 *                    of the first kind; per tree sum_j = w_j + sum of r_j,x
 *        receiver    all r_j,x but x = s_j; there c = sum_j + z_j + the others
 *     4  malicious:  receiver sends a seed of chi and x* = y* + sum of chi at
 *                    the noise times y_j; the sender answers with the hash of
 *                    w* + delta x* + sum of chi b, which the receiver compares
 *                    with that of z* + sum of chi c
 *     5  both        encode: c, a and b go through the code
 */
#include "ot_impl.h"

#include <string.h>

#define THREADS_MAX 64u

typedef struct vole {
    mal_ot_cot *cot;
    ot_shape shape;
    size_t choices;       /* OTs for places: trees * depth */
    size_t values;        /* of y, with y* */
    size_t leaves;        /* L */
    mal_ot_block *ots;    /* q or t, [choices + 128 * values] */
    mal_ot_block *value;  /* w_j or z_j, [values] */
    mal_ot_block *y;      /* receiver: [values] */
    uint32_t *place;      /* receiver: s_j, [trees] */
    mal_ot_block *system; /* b or c at positions [0, k): out or own */
    mal_ot_block *own;
    mal_ot_block *parity; /* [parity][width] */
    unsigned threads;
    mal_ot_block *leaf; /* room for one tree, [threads] */
    mal_ot_block *sums; /* message: [trees][depth][2], [trees] */
    size_t sums_n;
    mal_ot_block *checked;   /* receiver: z* + sum of chi c, [threads] parts */
    mal_ot_block *a;         /* receiver: a at positions [0, k) */
    const mal_prim_aes *chi; /* receiver: if it checks */
} vole;

static void vole_clear(vole *v) {
    mal_ot_blocks_free(v->ots);
    mal_ot_blocks_free(v->value);
    mal_ot_blocks_free(v->y);
    mal_ot_blocks_free((mal_ot_block *)(void *)v->place);
    mal_ot_blocks_free(v->own);
    mal_ot_blocks_free(v->parity);
    mal_ot_blocks_free(v->leaf);
    mal_ot_blocks_free(v->checked);
    mal_ot_blocks_free(v->sums);
    mal_wipe(v, sizeof *v);
}

static mal_err vole_init(vole *v, mal_ot_cot *cot, size_t n, mal_ot_block *out,
                         unsigned width) {
    v->cot = cot;
    ot_shape_make(&v->shape, n, cot->params.code);
    const ot_shape *s = &v->shape;
    v->choices = s->trees * s->depth;
    v->values = s->trees + (cot->params.security == MAL_OT_MALICIOUS);
    v->leaves = (size_t)1 << s->depth;
    v->sums_n = 2 * v->choices + s->trees;
    v->ots = mal_ot_blocks_new(v->choices + 128 * v->values);
    v->value = mal_ot_blocks_new(v->values);
    v->y = mal_ot_blocks_new(v->values);
    v->place = (uint32_t *)(void *)mal_ot_blocks_new(s->trees / 4 + 1);
    v->own = s->k > n ? mal_ot_blocks_new(s->k) : NULL;
    v->system = s->k > n ? v->own : out;
    v->parity = mal_ot_blocks_new(s->parity * width);
    v->threads =
        cot->params.threads > THREADS_MAX ? THREADS_MAX : cot->params.threads;
    v->threads += v->threads == 0;
    v->leaf = mal_ot_blocks_new(v->threads * v->leaves);
    v->checked = mal_ot_blocks_new(v->threads);
    v->sums = mal_ot_blocks_new(v->sums_n);
    MAL_REQUIRE(v->ots && v->value && v->y && v->place && v->system &&
                    v->parity && v->leaf && v->checked && v->sums,
                MAL_E_MEMORY, "out of memory");
    return MAL_OK;
}

static mal_ot_block *sums_of(const vole *v, size_t tree) {
    return v->sums + tree * v->shape.depth * 2;
}
static mal_ot_block *total_of(const vole *v, size_t tree) {
    return v->sums + 2 * v->choices + tree;
}

/* w_j or z_j from the OTs of its bits. */
static void compose_values(vole *v) {
    for (size_t j = 0; j < v->values; j++)
        v->value[j] = ot_compose(v->ots + v->choices + 128 * j);
}

/* --- The check
 * ------------------------------------------------------------------
 */

#define CHI 512 /* at a time */

/* Sum of chi_{at + i} v[i]. */
static mal_ot_block weigh(const mal_prim_aes *seed, const mal_ot_block *v,
                          size_t at, size_t n) {
    mal_ot_block chi[CHI], sum = { { 0 } };
    for (size_t i = 0; i < n; i += CHI) {
        size_t m = n - i < CHI ? n - i : CHI;
        mal_prim_aes_ctr(chi, m, seed, at + i, 0);
        sum = ot_xor(sum, ot_inner(chi, v + i, m));
    }
    return sum;
}

static void check_hash(const vole *v, mal_prim_hash *out, mal_ot_block sum) {
    uint8_t number[8];
    mal_store_u64le(number, v->cot->voles);
    const mal_bytes parts[] = {
        mal_bytes_of(v->cot->params.session, MAL_OT_SESSION),
        mal_bytes_of(number, 8), mal_bytes_of(&sum, BLOCK)
    };
    mal_prim_hash_parts(out, "malus ot vole check", parts, 3);
}

typedef struct challenge {
    uint8_t seed[16];
    mal_ot_block x;
} challenge;

static mal_err check_answer(vole *v) {
    challenge c;
    mal_prim_aes chi;
    mal_prim_hash hash;
    const ot_shape *s = &v->shape;
    MAL_TRY(mal_chan_recv_exact(v->cot->chan, &c, sizeof c));
    mal_prim_aes_init(&chi, c.seed);
    mal_ot_block sum = v->value[s->trees];
    sum = ot_xor(sum, mal_ot_mul(v->cot->delta, c.x));
    sum = ot_xor(sum, weigh(&chi, v->system, 0, s->k));
    sum = ot_xor(sum, weigh(&chi, v->parity, s->k, s->total - s->k));
    check_hash(v, &hash, sum);
    return mal_chan_send(v->cot->chan, mal_bytes_of(hash.b, sizeof hash.b));
}

static mal_err check_ask(vole *v, mal_prim_aes *chi) {
    challenge c;
    const ot_shape *s = &v->shape;
    mal_prim_random(c.seed, sizeof c.seed);
    mal_prim_aes_init(chi, c.seed);
    c.x = v->y[s->trees];
    for (size_t j = 0; j < s->trees; j++) { /* the counter is secret: AES */
        mal_ot_block at;
        mal_prim_aes_ctr(&at, 1, chi, j * v->leaves + v->place[j], 0);
        c.x = ot_xor(c.x, mal_ot_mul(at, v->y[j]));
    }
    v->checked[0] = v->value[s->trees];
    mal_declassify(&c, sizeof c);
    return mal_chan_send(v->cot->chan, mal_bytes_of(&c, sizeof c));
}

static mal_err check_compare(vole *v) {
    mal_prim_hash mine, theirs;
    for (unsigned i = 1; i < v->threads; i++)
        v->checked[0] = ot_xor(v->checked[0], v->checked[i]);
    MAL_TRY(mal_chan_recv_exact(v->cot->chan, theirs.b, sizeof theirs.b));
    check_hash(v, &mine, v->checked[0]);
    bool good = mal_equal(&mine, &theirs, sizeof mine);
    mal_declassify(&good, sizeof good);
    MAL_REQUIRE(good, MAL_E_PEER, "the peer's trees do not agree");
    return MAL_OK;
}

/* --- The sender
 * -------------------------------------------------------------------
 */

/* Positions [at, at + L) of the noise vector belong to [0, k) or [k, N). */
static mal_err grow_tree(void *ctx, size_t j) {
    vole *v = ctx;
    const ot_shape *s = &v->shape;
    size_t at = j * v->leaves;
    ot_tree tree;
    mal_ot_block seed, *leaf = v->leaf;
    bool straddles = at < s->k && at + v->leaves > s->k;
    if (!straddles)
        leaf = at < s->k ? v->system + at : v->parity + (at - s->k);
    ot_tree_init(&tree, v->cot, j, s->depth);
    mal_prim_random(&seed, BLOCK);
    *total_of(v, j) =
        ot_tree_grow(&tree, leaf, seed, (mal_ot_block(*)[2])sums_of(v, j));
    if (straddles) {
        memcpy(v->system + at, leaf, (s->k - at) * BLOCK);
        memcpy(v->parity, leaf + (s->k - at), (at + v->leaves - s->k) * BLOCK);
    }
    mal_wipe(&seed, sizeof seed);
    return MAL_OK;
}

/* The sums under their pads: choice 0 opens the left one. */
static mal_err send_sums(vole *v) {
    uint64_t first = v->cot->served;
    size_t wanted = v->choices + 128 * v->values;
    mal_ot_block *pad;
    MAL_TRY(mal_ot_cot_send(v->cot, v->ots, wanted));
    compose_values(v);
    MAL_AUTO(mal_ot_blocks_auto)
    mal_ot_block *pads = mal_ot_blocks_new(2 * v->choices);
    MAL_REQUIRE(pads, MAL_E_MEMORY, "out of memory");
    pad = pads + v->choices;
    for (size_t i = 0; i < v->choices; i++)
        pad[i] = ot_xor(v->ots[i], v->cot->delta);
    mal_ot_cot_hash(v->cot, pads, v->ots, v->choices, first);
    mal_ot_cot_hash(v->cot, pad, pad, v->choices, first);
    for (size_t i = 0; i < v->choices; i++) {
        v->sums[2 * i] = ot_xor(v->sums[2 * i], pads[i]);
        v->sums[2 * i + 1] = ot_xor(v->sums[2 * i + 1], pad[i]);
    }
    for (size_t j = 0; j < v->shape.trees; j++)
        *total_of(v, j) = ot_xor(*total_of(v, j), v->value[j]);
    mal_declassify(v->sums, v->sums_n * BLOCK);
    return mal_chan_send(v->cot->chan,
                         mal_bytes_of(v->sums, v->sums_n * BLOCK));
}

static mal_err vole_send(vole *v, mal_ot_block *b,
                         const mal_progress *progress) {
    const ot_shape *s = &v->shape;
    MAL_TRY(mal_parallel(v->threads, s->trees, grow_tree, v));
    MAL_TRY(mal_progress_step(progress, "vole", 1, 4));
    if (v->cot->chooser) /* the trees grew while the peer answered */
        MAL_TRY(ot_sender_end(v->cot));
    MAL_TRY(send_sums(v));
    MAL_TRY(mal_progress_step(progress, "vole", 2, 4));
    if (v->cot->params.security == MAL_OT_MALICIOUS)
        MAL_TRY(check_answer(v));
    ot_code_convolve(ot_best_way(), s, v->parity, 1);
    MAL_TRY(mal_progress_step(progress, "vole", 3, 4));
    if (v->system != b)
        memcpy(b, v->system, s->n * BLOCK);
    const ot_expansion e = { ot_best_way(), s, b, NULL, v->parity, 1 };
    MAL_TRY(ot_code_expand(&e, v->threads));
    return mal_progress_step(progress, "vole", 4, 4);
}

/* --- The receiver
 * -------------------------------------------------------------------
 */

/* Random places and values, as choices of the OTs: OT j * depth + l opens the
 * side that bit l of s_j does not take. */
static mal_err draw_noise(vole *v) {
    const ot_shape *s = &v->shape;
    size_t words = (v->choices + 128 * v->values + 63) / 64 + 2;
    MAL_AUTO(mal_ot_blocks_auto)
    mal_ot_block *room = mal_ot_blocks_new(words / 2 + 1);
    uint64_t *bits = (uint64_t *)(void *)room;
    MAL_REQUIRE(room, MAL_E_MEMORY, "out of memory");
    mal_prim_random(v->place, s->trees * sizeof *v->place);
    mal_prim_random(v->y, v->values * BLOCK);
    for (size_t j = 0; j < s->trees; j++) {
        v->place[j] &= (uint32_t)(v->leaves - 1);
        for (unsigned l = 0; l < s->depth; l++) {
            size_t i = j * s->depth + l;
            bits[i / 64] |= (uint64_t)(~v->place[j] >> l & 1) << (i % 64);
        }
    }
    for (size_t i = 0; i < 128 * v->values; i++) {
        size_t at = v->choices + i;
        bits[at / 64] |= (v->y[i / 128].w[i / 64 % 2] >> (i % 64) & 1)
                         << (at % 64);
    }
    return mal_ot_cot_receive(v->cot, v->ots, bits,
                              v->choices + 128 * v->values);
}

/* Of each pair of sums, the one beside the path; the pad hides the other. */
static mal_err receive_sums(vole *v, uint64_t first) {
    const ot_shape *s = &v->shape;
    MAL_TRY(mal_chan_recv_exact(v->cot->chan, v->sums, v->sums_n * BLOCK));
    compose_values(v);
    mal_ot_cot_hash(v->cot, v->ots, v->ots, v->choices, first);
    for (size_t i = 0; i < v->choices; i++) {
        uint64_t left =
            0 - (uint64_t)(v->place[i / s->depth] >> (i % s->depth) & 1);
        mal_ot_block *sum = v->sums + 2 * i;
        left = mal_barrier(left); /* the path goes right: open the left sum */
        v->ots[i] = ot_xor(
            v->ots[i], ot_xor(sum[1], ot_and(ot_xor(sum[0], sum[1]), left)));
    }
    return MAL_OK;
}

/* A stretch of one tree goes to its place in c and a: y at the hole, 0 besides.
 */
static void put_leaves(const mal_ot_block *leaf, mal_ot_block *c,
                       mal_ot_block *a, unsigned stride, uint64_t hole,
                       mal_ot_block y, size_t from, size_t to) {
    for (size_t x = from; x < to; x++) {
        c[(x - from) * stride] = leaf[x];
        a[(x - from) * stride] = ot_and(y, mal_mask_eq(x, hole));
    }
}

/* leaf[hole] = value, for a secret hole. */
static void fill_hole(mal_ot_block *leaf, size_t n, uint64_t hole,
                      mal_ot_block value) {
    for (size_t x = 0; x < n; x++)
        leaf[x] = ot_xor(leaf[x], ot_and(value, mal_mask_eq(x, hole)));
}

static void regrow_tree(vole *v, size_t j, unsigned slice) {
    const ot_shape *s = &v->shape;
    size_t at = j * v->leaves, cut = 0; /* leaves before k */
    mal_ot_block *leaf = v->leaf + slice * v->leaves;
    ot_tree tree;
    ot_tree_init(&tree, v->cot, j, s->depth);
    mal_ot_block rest =
        ot_tree_regrow(&tree, leaf, v->place[j], v->ots + j * s->depth);
    /* sum_j + z_j + the others = r_j,s + w_j + z_j = r_j,s + delta y_j */
    mal_ot_block there = ot_xor(rest, ot_xor(*total_of(v, j), v->value[j]));
    fill_hole(leaf, v->leaves, v->place[j], there);
    if (v->chi)
        v->checked[slice] =
            ot_xor(v->checked[slice], weigh(v->chi, leaf, at, v->leaves));
    if (at < s->k)
        cut = s->k - at < v->leaves ? s->k - at : v->leaves;
    if (cut)
        put_leaves(leaf, v->system + at, v->a + at, 1, v->place[j], v->y[j], 0,
                   cut);
    if (cut < v->leaves) {
        mal_ot_block *p = v->parity + 2 * (at + cut - s->k);
        put_leaves(leaf, p, p + 1, 2, v->place[j], v->y[j], cut, v->leaves);
    }
}

/* Every so many-th tree: a slice has room for one. */
static mal_err regrow_slice(void *ctx, size_t slice) {
    vole *v = ctx;
    for (size_t j = slice; j < v->shape.trees; j += v->threads)
        regrow_tree(v, j, (unsigned)slice);
    return MAL_OK;
}

static mal_err vole_receive(vole *v, mal_ot_block *a, mal_ot_block *a_system,
                            mal_ot_block *c, const mal_progress *progress) {
    const ot_shape *s = &v->shape;
    bool check = v->cot->params.security == MAL_OT_MALICIOUS;
    uint64_t first = v->cot->served;
    mal_prim_aes chi;
    MAL_TRY(draw_noise(v));
    MAL_TRY(mal_progress_step(progress, "vole", 1, 4));
    MAL_TRY(receive_sums(v, first));
    if (check)
        MAL_TRY(check_ask(v, &chi));
    v->chi = check ? &chi : NULL;
    v->a = a_system;
    MAL_TRY(mal_parallel(v->threads, v->threads, regrow_slice, v));
    MAL_TRY(mal_progress_step(progress, "vole", 2, 4));
    if (check)
        MAL_TRY(check_compare(v));
    ot_code_convolve(ot_best_way(), s, v->parity, 2);
    MAL_TRY(mal_progress_step(progress, "vole", 3, 4));
    if (v->system != c) {
        memcpy(c, v->system, s->n * BLOCK);
        memcpy(a, a_system, s->n * BLOCK);
    }
    const ot_expansion e = { ot_best_way(), s, c, a, v->parity, 2 };
    MAL_TRY(ot_code_expand(&e, v->threads));
    return mal_progress_step(progress, "vole", 4, 4);
}

/* --- Both
 * ------------------------------------------------------------------------
 */

static mal_err check_n(const mal_ot_cot *cot, size_t n) {
    MAL_REQUIRE(!cot->failed, MAL_E_STATE, "an earlier batch failed");
    MAL_REQUIRE(n >= 1 && n <= MAL_OT_VOLE_MAX, MAL_E_INPUT,
                "a VOLE has 1 to %zu outputs, not %zu", MAL_OT_VOLE_MAX, n);
    return MAL_OK;
}

mal_err mal_ot_cot_vole_send(mal_ot_cot *cot, mal_ot_block *b, size_t n,
                             const mal_progress *progress) {
    MAL_AUTO(vole_clear) vole v = { 0 };
    assert(cot->sender);
    MAL_TRY(check_n(cot, n));
    MAL_TRY(vole_init(&v, cot, n, b, 1));
    mal_err err = vole_send(&v, b, progress);
    cot->voles++;
    if (err != MAL_OK) {
        cot->failed = true;
        memset(b, 0, n * BLOCK);
        return mal_err_trace(err, __FILE__, __LINE__);
    }
    return MAL_OK;
}

mal_err mal_ot_cot_vole_receive(mal_ot_cot *cot, mal_ot_block *a,
                                mal_ot_block *c, size_t n,
                                const mal_progress *progress) {
    MAL_AUTO(vole_clear) vole v = { 0 };
    MAL_AUTO(mal_ot_blocks_auto) mal_ot_block *a_own = NULL;
    assert(!cot->sender);
    MAL_TRY(check_n(cot, n));
    MAL_TRY(vole_init(&v, cot, n, c, 2));
    if (v.shape.k > n) {
        a_own = mal_ot_blocks_new(v.shape.k);
        MAL_REQUIRE(a_own, MAL_E_MEMORY, "out of memory");
    }
    mal_err err = vole_receive(&v, a, a_own ? a_own : a, c, progress);
    cot->voles++;
    if (err != MAL_OK) {
        cot->failed = true;
        memset(a, 0, n * BLOCK);
        memset(c, 0, n * BLOCK);
        return mal_err_trace(err, __FILE__, __LINE__);
    }
    return MAL_OK;
}

mal_err mal_ot_vole_send(mal_ot_block *delta, mal_ot_block *b, size_t n,
                         mal_chan *chan, const mal_ot_params *params,
                         const mal_progress *progress) {
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *cot = NULL;
    *delta = (mal_ot_block){ { 0 } };
    MAL_TRY(ot_sender_begin(&cot, chan, params));
    MAL_TRY(mal_ot_cot_vole_send(cot, b, n, progress));
    *delta = mal_ot_cot_delta(cot);
    return MAL_OK;
}

mal_err mal_ot_vole_receive(mal_ot_block *a, mal_ot_block *c, size_t n,
                            mal_chan *chan, const mal_ot_params *params,
                            const mal_progress *progress) {
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *cot = NULL;
    MAL_TRY(mal_ot_cot_new_receiver(&cot, chan, params));
    return mal_ot_cot_vole_receive(cot, a, c, n, progress);
}
