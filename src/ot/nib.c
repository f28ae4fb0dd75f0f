/* nib.c - transfers of one of sixteen, without a byte each [BCGI18] [RRT23].
 *
 *     sender: delta, b[i]     receiver: a[i] in GF(16), c[i] = b[i] + delta
 * a[i]
 *
 * A block is a vector of 32 elements of GF(16) = GF(2)[x] / (x^4 + x + 1), one
 * a nibble.  As vole.c, over the smaller field: noise of t places under
 * punctured trees, then a linear code; four instances ("lanes") lie side by
 * side, so that one step of the code is one vector of 64 bytes, and one index
 * serves four.
 *
 *     1  sender    grows the trees of all lanes
 *     2  receiver  correlated OTs with choices: the bits of s_q inverted, the
 *                  four bits of y_q != 0;  both: z_q = w_q + delta y_q, as
 *                  multiplying by x^i is linear: sum of x^i times the OTs
 *     3  sender    sums under pads; per tree w_q + sum of r_q,x
 *     4  both      encode
 *
 * The first element of b, the top nibble, is 0, and delta's is 1: so c's is a.
 * What is left of delta to guess has 124 bits.
 */
#include "ot_impl.h"

#include <string.h>

#define LANES 4u
#define LOG_MIN 14u
#define LOG_MAX 18u
#define TREES 256u /* of a lane: a margin, docs/security/ot.md section 5 */
#define VALUE 4u   /* bits of y */
#define TOP ((uint64_t)15 << 60)

struct mal_ot_nib {
    mal_ot_cot *cot; /* borrowed */
    size_t k;        /* outputs of a lane; 2 k positions */
    unsigned depth;
    mal_ot_block *x;    /* [2 k][LANES] */
    mal_ot_block *leaf; /* [LANES][2^depth] */
    mal_ot_block *ots, *pads, *sums;
    uint32_t *place; /* receiver: [TREES * LANES] */
    uint8_t *y;
    size_t left; /* outputs that nobody took, at the end of x's first half */
    mal_prim_aes hash;
    uint64_t served;
};

/* --- GF(16) --------------------------------------------------------------- */

static inline uint64_t times_x(uint64_t w) {
    const uint64_t over = w >> 3 & 0x1111111111111111;
    return (w << 1 & 0xeeeeeeeeeeeeeeee) ^ over ^ (over << 1);
}

/* Sum of x^i times v[i]. */
static mal_ot_block weigh(const mal_ot_block v[VALUE]) {
    mal_ot_block sum = v[VALUE - 1];
    for (unsigned i = VALUE - 1; i-- > 0;)
        sum = ot_xor((mal_ot_block){ { times_x(sum.w[0]), times_x(sum.w[1]) } },
                     v[i]);
    return sum;
}

mal_ot_block mal_ot_nib_times(mal_ot_block delta, unsigned y) {
    mal_ot_block v[VALUE];
    for (unsigned i = 0; i < VALUE; i++)
        v[i] = ot_and(delta, 0 - (uint64_t)(y >> i & 1));
    return weigh(v);
}

mal_ot_block mal_ot_nib_delta(void) {
    mal_ot_block delta;
    mal_prim_random(&delta, BLOCK);
    delta.w[1] = (delta.w[1] & ~TOP) | (uint64_t)1 << 60;
    return delta;
}

/* --- Making --------------------------------------------------------------- */

static size_t trees_of(void) {
    return (size_t)TREES * LANES;
}
static size_t choices_of(const mal_ot_nib *n) {
    return trees_of() * n->depth;
}
static size_t sums_of(const mal_ot_nib *n) {
    return 2 * choices_of(n) + trees_of();
}

size_t mal_ot_nib_batch(size_t outputs) {
    unsigned log = LOG_MIN;
    while (log < LOG_MAX && (size_t)LANES << log < outputs)
        log++;
    return (size_t)LANES << log;
}

mal_err mal_ot_nib_new(mal_ot_nib **out, mal_ot_cot *cot, size_t outputs) {
    uint8_t key[16];
    *out = NULL;
    uint64_t top = cot->delta.w[1] & TOP; /* known to the receiver, too */
    mal_declassify(&top, sizeof top);
    MAL_REQUIRE(!cot->sender || top == (uint64_t)1 << 60, MAL_E_INPUT,
                "a delta that mal_ot_nib_delta did not draw");
    MAL_AUTO(mal_ot_nib_auto) mal_ot_nib *n = mal_calloc(1, sizeof *n);
    MAL_REQUIRE(n, MAL_E_MEMORY, "out of memory");
    n->cot = cot;
    n->k = mal_ot_nib_batch(outputs) / LANES;
    for (n->depth = 0; 2 * n->k >> n->depth > TREES;)
        n->depth++;
    n->x = mal_ot_blocks_new(2 * n->k * LANES);
    n->leaf = mal_ot_blocks_new(LANES << n->depth);
    n->ots = mal_ot_blocks_new(choices_of(n) + VALUE * trees_of());
    n->pads = mal_ot_blocks_new(choices_of(n));
    n->sums = mal_ot_blocks_new(sums_of(n));
    n->place = (uint32_t *)(void *)mal_ot_blocks_new(trees_of() / 4);
    n->y = (uint8_t *)(void *)mal_ot_blocks_new(trees_of() / 16);
    MAL_REQUIRE(n->x && n->leaf && n->ots && n->pads && n->sums && n->place &&
                    n->y,
                MAL_E_MEMORY, "out of memory");
    ot_public_key(key, "malus ot nibble pads", cot->params.session, cot->voles,
                  0);
    mal_prim_aes_init(&n->hash, key);
    *out = n;
    n = NULL;
    return MAL_OK;
}

void mal_ot_nib_free(mal_ot_nib *n) {
    if (!n)
        return;
    mal_ot_blocks_free(n->x);
    mal_ot_blocks_free(n->leaf);
    mal_ot_blocks_free(n->ots);
    mal_ot_blocks_free(n->pads);
    mal_ot_blocks_free(n->sums);
    mal_ot_blocks_free((mal_ot_block *)(void *)n->place);
    mal_ot_blocks_free((mal_ot_block *)(void *)n->y);
    mal_wipe(n, sizeof *n);
    mal_free(n);
}

void mal_ot_nib_auto(mal_ot_nib **n) {
    mal_ot_nib_free(*n);
    *n = NULL;
}

/* Outputs of a round: pads of 2 sums a level and the sum of a tree; an OT for
 * each level and each bit of y, and what the extender adds in malicious mode.
 */
void mal_ot_nib_cost(uint64_t *bytes, uint64_t *rounds, size_t outputs,
                     unsigned fold) {
    const size_t batch = mal_ot_nib_batch(outputs);
    unsigned depth = 0;
    while (2 * batch / LANES >> depth > TREES)
        depth++;
    const uint64_t ots = (uint64_t)TREES * LANES * (depth + VALUE);
    *rounds = (outputs + batch - 1) / batch;
    *bytes = *rounds * (ots * 16 / fold + (ots + 32639) / 32640 * 2576 +
                        (uint64_t)TREES * LANES * (2 * depth + 1) * BLOCK);
}

/* --- The sender ----------------------------------------------------------- */

/* Tree j of each lane into positions [j L, (j + 1) L). */
static void grow_trees(mal_ot_nib *n, size_t j) {
    const size_t leaves = (size_t)1 << n->depth;
    mal_ot_block *to = n->x + j * leaves * LANES, seed;
    for (unsigned lane = 0; lane < LANES; lane++) {
        const size_t q = j * LANES + lane;
        ot_tree tree;
        ot_tree_init(&tree, n->cot, q, n->depth);
        mal_prim_random(&seed, BLOCK);
        mal_ot_block total =
            ot_tree_grow(&tree, n->leaf + lane * leaves, seed,
                         (mal_ot_block(*)[2])(n->sums + 2 * q * n->depth));
        total.w[1] &= ~TOP;
        n->sums[2 * choices_of(n) + q] = total;
    }
    mal_wipe(&seed, sizeof seed);
    for (size_t i = 0; i < leaves; i++)
        for (unsigned lane = 0; lane < LANES; lane++) {
            mal_ot_block v = n->leaf[lane * leaves + i];
            v.w[1] &= ~TOP;
            to[i * LANES + lane] = v;
        }
}

static mal_err send_sums(mal_ot_nib *n) {
    const size_t choices = choices_of(n);
    const uint64_t first = n->cot->served;
    const mal_ot_block delta = n->cot->delta;
    MAL_TRY(mal_ot_cot_send(n->cot, n->ots, choices + VALUE * trees_of()));
    mal_ot_cot_hash(n->cot, n->pads, n->ots, choices, first);
    for (size_t i = 0; i < choices; i++) {
        n->sums[2 * i] = ot_xor(n->sums[2 * i], n->pads[i]);
        n->pads[i] = ot_xor(n->ots[i], delta);
    }
    mal_ot_cot_hash(n->cot, n->pads, n->pads, choices, first);
    for (size_t i = 0; i < choices; i++)
        n->sums[2 * i + 1] = ot_xor(n->sums[2 * i + 1], n->pads[i]);
    for (size_t q = 0; q < trees_of(); q++)
        n->sums[2 * choices + q] = ot_xor(n->sums[2 * choices + q],
                                          weigh(n->ots + choices + VALUE * q));
    mal_declassify(n->sums, sums_of(n) * BLOCK);
    return mal_chan_send(n->cot->chan,
                         mal_bytes_of(n->sums, sums_of(n) * BLOCK));
}

/* --- The receiver --------------------------------------------------------- */

/* y is uniform among 1 .. 15 but for 2^-60. */
static mal_err draw_noise(mal_ot_nib *n) {
    const size_t choices = choices_of(n), all = choices + VALUE * trees_of();
    MAL_AUTO(mal_ot_blocks_auto)
    mal_ot_block *room = mal_ot_blocks_new(all / 128 + 1);
    uint64_t *bits = (uint64_t *)(void *)room, random[64];
    MAL_REQUIRE(room, MAL_E_MEMORY, "out of memory");
    mal_prim_random(n->place, trees_of() * sizeof *n->place);
    for (size_t q = 0; q < trees_of(); q++) {
        if (q % 64 == 0)
            mal_prim_random(random, sizeof random);
        n->place[q] &= (1u << n->depth) - 1;
        n->y[q] =
            (uint8_t)(1 + (uint64_t)((mal_u128)random[q % 64] * 15 >> 64));
        for (unsigned l = 0; l < n->depth; l++) {
            const size_t i = q * n->depth + l;
            bits[i / 64] |= (uint64_t)(~n->place[q] >> l & 1) << (i % 64);
        }
        for (unsigned b = 0; b < VALUE; b++) {
            const size_t i = choices + VALUE * q + b;
            bits[i / 64] |= (uint64_t)(n->y[q] >> b & 1) << (i % 64);
        }
    }
    mal_wipe(random, sizeof random);
    return mal_ot_cot_receive(n->cot, n->ots, bits, all);
}

/* Of each pair of sums, the one beside the path. */
static mal_err receive_sums(mal_ot_nib *n, uint64_t first) {
    const size_t choices = choices_of(n);
    MAL_TRY(mal_chan_recv_exact(n->cot->chan, n->sums, sums_of(n) * BLOCK));
    mal_ot_cot_hash(n->cot, n->pads, n->ots, choices, first);
    for (size_t i = 0; i < choices; i++) {
        const uint64_t left = mal_barrier(
            0 - (uint64_t)(n->place[i / n->depth] >> (i % n->depth) & 1));
        const mal_ot_block *sum = n->sums + 2 * i;
        n->pads[i] = ot_xor(
            n->pads[i], ot_xor(sum[1], ot_and(ot_xor(sum[0], sum[1]), left)));
    }
    return MAL_OK;
}

static void regrow_trees(mal_ot_nib *n, size_t j) {
    const size_t leaves = (size_t)1 << n->depth, choices = choices_of(n);
    mal_ot_block *to = n->x + j * leaves * LANES, there[LANES];
    for (unsigned lane = 0; lane < LANES; lane++) {
        const size_t q = j * LANES + lane;
        ot_tree tree;
        ot_tree_init(&tree, n->cot, q, n->depth);
        mal_ot_block rest = ot_tree_regrow(&tree, n->leaf + lane * leaves,
                                           n->place[q], n->pads + q * n->depth);
        rest.w[1] &= ~TOP;
        /* sum + z + the others = r + w + z = r + delta y */
        there[lane] = ot_xor(ot_xor(rest, n->sums[2 * choices + q]),
                             weigh(n->ots + choices + VALUE * q));
    }
    for (size_t i = 0; i < leaves; i++)
        for (unsigned lane = 0; lane < LANES; lane++) {
            const uint64_t here = mal_mask_eq(i, n->place[j * LANES + lane]);
            mal_ot_block v = n->leaf[lane * leaves + i];
            v.w[1] &= ~TOP;
            to[i * LANES + lane] = ot_xor(v, ot_and(there[lane], here));
        }
    mal_wipe(there, sizeof there);
}

/* --- Both ----------------------------------------------------------------- */

static mal_err refill(mal_ot_nib *n) {
    const uint64_t first = n->cot->served;
    if (n->cot->sender) {
        for (size_t j = 0; j < TREES; j++)
            grow_trees(n, j);
        MAL_TRY(send_sums(n));
    } else {
        MAL_TRY(draw_noise(n));
        MAL_TRY(receive_sums(n, first));
        for (size_t j = 0; j < TREES; j++)
            regrow_trees(n, j);
    }
    n->cot->voles++;
    ot_nib_encode(ot_best_way(), n->x, n->k);
    n->left = LANES * n->k;
    return MAL_OK;
}

mal_err mal_ot_nib_next(mal_ot_nib *n, mal_ot_block *out, size_t count) {
    MAL_REQUIRE(!n->cot->failed, MAL_E_STATE, "an earlier batch failed");
    n->served += count;
    while (count > 0) {
        if (n->left == 0) {
            mal_err err = refill(n);
            n->cot->failed |= err != MAL_OK;
            MAL_TRY(err);
        }
        const size_t m = count < n->left ? count : n->left;
        memcpy(out, n->x + LANES * n->k - n->left, m * BLOCK);
        n->left -= m;
        out += m;
        count -= m;
    }
    return MAL_OK;
}

uint64_t mal_ot_nib_count(const mal_ot_nib *n) {
    return n->served;
}

void mal_ot_nib_hash(const mal_ot_nib *n, mal_ot_block *out,
                     const mal_ot_block *in, size_t count, uint64_t first) {
    ot_pads(&n->hash, out, in, count, first);
}
