/* tree.c - trees of seeds, whole and with a hole [GGM86] [BCGI18].
 *
 *     child_b(s) = pi_b(s) + s      pi_b: AES-128 under a public key of this
 * tree
 *
 * Left children replace their parents, right ones stand behind them all, so
 * that a level is two passes over neighbouring blocks.  The holder of a hole
 * keeps 0 in its place: what grows from it is then pi_b(0), known to all, and
 * the hole's sibling is the sum of its side less that of the others.  Every
 * block of a level is touched whatever the hole.
 */
#include "ot_impl.h"

#include <string.h>

void ot_tree_init(ot_tree *tree, const mal_ot_cot *cot, uint64_t number,
                  unsigned depth) {
    uint8_t key[16];
    tree->depth = depth;
    for (unsigned b = 0; b < 2; b++) {
        ot_public_key(key, "malus ot vole tree", cot->params.session,
                      cot->voles, 2 * number + b);
        mal_prim_aes_init(&tree->child[b], key);
    }
}

/* Four at a time, so that loads need not wait for each other. */
static mal_ot_block sum_of(const mal_ot_block *v, size_t n) {
    mal_ot_block s[4] = { { { 0 } } };
    size_t i = 0;
    for (; n - i >= 4; i += 4)
        for (unsigned j = 0; j < 4; j++)
            s[j] = ot_xor(s[j], v[i + j]);
    for (; i < n; i++)
        s[0] = ot_xor(s[0], v[i]);
    return ot_xor(ot_xor(s[0], s[1]), ot_xor(s[2], s[3]));
}

static void level(const ot_tree *tree, mal_ot_block *node, size_t m) {
    mal_prim_aes_mmo(node + m, node, m, &tree->child[1]);
    mal_prim_aes_mmo(node, node, m, &tree->child[0]);
}

mal_ot_block ot_tree_grow(const ot_tree *tree, mal_ot_block *leaf,
                          mal_ot_block seed, mal_ot_block (*sum)[2]) {
    leaf[0] = seed;
    for (unsigned l = 0; l < tree->depth; l++) {
        size_t m = (size_t)1 << l;
        level(tree, leaf, m);
        sum[l][0] = sum_of(leaf, m);
        sum[l][1] = sum_of(leaf + m, m);
    }
    return ot_xor(sum[tree->depth - 1][0], sum[tree->depth - 1][1]);
}

/* node[at] += left, node[m + at] += right, for a secret at < m. */
static void add_at(mal_ot_block *node, size_t m, uint64_t at, mal_ot_block left,
                   mal_ot_block right) {
    for (size_t i = 0; i < m; i++) {
        uint64_t here = mal_mask_eq(i, at);
        node[i] = ot_xor(node[i], ot_and(left, here));
        node[m + i] = ot_xor(node[m + i], ot_and(right, here));
    }
}

mal_ot_block ot_tree_regrow(const ot_tree *tree, mal_ot_block *leaf,
                            uint64_t hole, const mal_ot_block *sum) {
    mal_ot_block of_zero[2] = { { { 0 } } }, all[2] = { { { 0 } } };
    mal_prim_aes_mmo(&of_zero[0], &of_zero[0], 1, &tree->child[0]);
    mal_prim_aes_mmo(&of_zero[1], &of_zero[1], 1, &tree->child[1]);
    leaf[0] = (mal_ot_block){ { 0 } };
    for (unsigned l = 0; l < tree->depth; l++) {
        size_t m = (size_t)1 << l;
        uint64_t right = mal_barrier(0 - (hole >> l & 1)); /* the hole's side */
        level(tree, leaf, m);
        all[0] = sum_of(leaf, m);
        all[1] = sum_of(leaf + m, m);
        /* On the sibling's side of_zero becomes sum - others, where others =
         * all - of_zero; so sum - all is to be added.  On the hole's, 0. */
        mal_ot_block d[2];
        for (unsigned b = 0; b < 2; b++) {
            uint64_t hole_side = b ? right : ~right;
            mal_ot_block sibling = ot_xor(sum[l], all[b]);
            d[b] = ot_xor(ot_and(of_zero[b], hole_side),
                          ot_and(sibling, ~hole_side));
            all[b] = ot_xor(all[b], d[b]);
        }
        add_at(leaf, m, hole & (m - 1), d[0], d[1]);
    }
    return ot_xor(all[0], all[1]);
}
