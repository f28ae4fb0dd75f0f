/* setup.c - from 128 base OTs to trees of which one leaf is unknown.
 *
 * Per tree i of depth k, the owner (the receiver of correlated OTs) expands a
 * seed to 2^k leaves; the guest (their sender) learns all but leaf delta_i, k
 * bits of delta.  At each level the owner sends, under the two keys of a base
 * OT, the sum of all nodes that are left children and the sum of all right
 * ones; the guest opens the sum on the side that its path does not take.
 *
 *     guest's node x is the owner's node x ^ (the path so far)
 *
 * so that the unknown node is always number 0, and nothing here is addressed by
 * delta.  In malicious mode the owner also sends the sum and the hash of a
 * fingerprint of every leaf [Roy22] figure 14: sums that do not come from one
 * tree pass for at most one guess of delta_i.
 */
#include "ot_impl.h"

#include <string.h>

#define LEAVES_MAX (1u << OT_FOLD_MAX)
#define PRINT 32 /* SHA-256 of a leaf; and of all prints */

typedef struct tree_keys {
    mal_prim_aes child[2], leaf;
} tree_keys;

void ot_public_key(uint8_t out[16], const char *label,
                   const uint8_t session[MAL_OT_SESSION], uint64_t a,
                   uint64_t b) {
    uint8_t numbers[16];
    mal_prim_hash h;
    mal_store_u64le(numbers, a);
    mal_store_u64le(numbers + 8, b);
    const mal_bytes parts[] = { mal_bytes_of(session, MAL_OT_SESSION),
                                mal_bytes_of(numbers, 16) };
    mal_prim_hash_parts(&h, label, parts, 2);
    memcpy(out, h.b, 16);
}

static void keys_init(tree_keys *keys, const mal_ot_cot *cot, unsigned i) {
    uint8_t key[16];
    for (unsigned j = 0; j < 3; j++) {
        ot_public_key(key, "malus ot setup tree", cot->params.session, i, j);
        mal_prim_aes_init(j < 2 ? &keys->child[j] : &keys->leaf, key);
    }
}

size_t ot_setup_bytes(unsigned k, mal_ot_security security) {
    size_t per_tree = k * 2 * BLOCK;
    if (security == MAL_OT_MALICIOUS)
        per_tree += 2 * PRINT;
    return KAPPA / k * per_tree;
}

static void fingerprint(uint8_t out[PRINT], const mal_ot_cot *cot, unsigned i,
                        const mal_ot_block *leaf) {
    mal_prim_hash h;
    uint8_t tree[8];
    mal_store_u64le(tree, i);
    const mal_bytes parts[] = {
        mal_bytes_of(cot->params.session, MAL_OT_SESSION),
        mal_bytes_of(tree, 8), mal_bytes_of(leaf, BLOCK)
    };
    mal_prim_hash_parts(&h, "malus ot setup leaf", parts, 3);
    memcpy(out, h.b, PRINT);
}

static void print_all(uint8_t out[PRINT], uint8_t (*print)[PRINT], size_t n) {
    mal_prim_hash h;
    mal_bytes all = mal_bytes_of(print, n * PRINT);
    mal_prim_hash_parts(&h, "malus ot setup prints", &all, 1);
    memcpy(out, h.b, PRINT);
}

static void xor_bytes(uint8_t *to, const uint8_t *from, size_t len) {
    for (size_t i = 0; i < len; i++)
        to[i] ^= from[i];
}

/* The streams' keys are another function of the leaves than their prints. */
static void leaves_finish(mal_ot_cot *cot, unsigned i, const tree_keys *keys,
                          mal_ot_block *node) {
    size_t n = (size_t)1 << cot->k;
    mal_prim_aes_mmo(node, node, n, &keys->leaf);
    for (size_t x = 0; x < n; x++) {
        uint8_t key[16];
        memcpy(key, &node[x], sizeof key);
        mal_prim_aes_init(&cot->leaf[((size_t)i << cot->k) + x], key);
        mal_wipe(key, sizeof key);
    }
    mal_wipe(node, n * BLOCK);
}

/* --- The owner --------------------------------------------------------------
 */

/* node[0 .. m) -> node[0 .. 2m), children of x at 2x and 2x + 1. */
static void children(mal_ot_block *left, mal_ot_block *right,
                     const mal_ot_block *node, size_t m,
                     const tree_keys *keys) {
    mal_prim_aes_mmo(left, node, m, &keys->child[0]);
    mal_prim_aes_mmo(right, node, m, &keys->child[1]);
}

static mal_err owner_prints(const mal_ot_cot *cot, mal_buf *message, unsigned i,
                            const mal_ot_block *node) {
    uint8_t print[LEAVES_MAX][PRINT], sum[PRINT] = { 0 }, hash[PRINT];
    size_t n = (size_t)1 << cot->k;
    for (size_t x = 0; x < n; x++) {
        fingerprint(print[x], cot, i, &node[x]);
        xor_bytes(sum, print[x], PRINT);
    }
    print_all(hash, print, n);
    mal_wipe(print, sizeof print);
    MAL_TRY(mal_buf_put(message, mal_bytes_of(sum, PRINT)));
    return mal_buf_put(message, mal_bytes_of(hash, PRINT));
}

static mal_err owner_tree(mal_ot_cot *cot, mal_buf *message, unsigned i,
                          mal_ot_block (*key)[2]) {
    mal_ot_block node[LEAVES_MAX], left[LEAVES_MAX / 2], right[LEAVES_MAX / 2];
    tree_keys keys;
    keys_init(&keys, cot, i);
    mal_prim_random(&node[0], BLOCK);
    for (unsigned level = 0; level < cot->k; level++) {
        size_t m = (size_t)1 << level;
        mal_ot_block sum[2] = { key[level][0], key[level][1] };
        children(left, right, node, m, &keys);
        for (size_t x = 0; x < m; x++) {
            sum[0] = ot_xor(sum[0], node[2 * x] = left[x]);
            sum[1] = ot_xor(sum[1], node[2 * x + 1] = right[x]);
        }
        MAL_TRY(mal_buf_put(message, mal_bytes_of(sum, sizeof sum)));
    }
    if (cot->params.security == MAL_OT_MALICIOUS)
        MAL_TRY(owner_prints(cot, message, i, node));
    leaves_finish(cot, i, &keys, node);
    mal_wipe(left, sizeof left);
    mal_wipe(right, sizeof right);
    return MAL_OK;
}

mal_err ot_setup_owner(mal_ot_cot *cot, mal_buf *message,
                       mal_ot_block (*key)[2]) {
    for (unsigned i = 0; i < cot->trees; i++)
        MAL_TRY(owner_tree(cot, message, i, key + i * cot->k));
    return MAL_OK;
}

/* --- The guest --------------------------------------------------------------
 */

/* Bit of delta that tree i's path takes at this level, as a mask: the path has
 * its first bit on top, since children of x are 2x and 2x + 1. */
static uint64_t path(const mal_ot_cot *cot, unsigned i, unsigned level) {
    return ot_mask_bit(cot->delta, i * cot->k + cot->k - 1 - level);
}

/* Guest's order is relative to the path: child bit 0 is on the path. */
static void guest_level(mal_ot_block *node, size_t m, uint64_t on,
                        mal_ot_block sibling_sum, const tree_keys *keys) {
    mal_ot_block left[LEAVES_MAX / 2], right[LEAVES_MAX / 2];
    mal_ot_block rest = { { 0 } };
    children(left, right, node, m, keys);
    for (size_t x = 1; x < m; x++) {
        mal_ot_block t = ot_and(ot_xor(left[x], right[x]), on);
        node[2 * x] = ot_xor(left[x], t);
        node[2 * x + 1] = ot_xor(right[x], t);
        rest = ot_xor(rest, node[2 * x + 1]);
    }
    node[0] = (mal_ot_block){ { 0 } };
    node[1] = ot_xor(sibling_sum, rest);
    mal_wipe(left, sizeof left);
    mal_wipe(right, sizeof right);
}

/* Relative order to the owner's: exchange x and x ^ 2^b where bit b of delta_i
 * is set. */
static void to_owner_order(const mal_ot_cot *cot, unsigned i,
                           uint8_t (*print)[PRINT]) {
    for (unsigned b = 0; b < cot->k; b++) {
        uint8_t on = (uint8_t)ot_mask_bit(cot->delta, i * cot->k + b);
        for (size_t x = 0; x < (size_t)1 << cot->k; x++)
            for (unsigned j = 0; !(x >> b & 1) && j < PRINT; j++) {
                size_t y = x | (size_t)1 << b;
                uint8_t t = on & (print[x][j] ^ print[y][j]);
                print[x][j] ^= t;
                print[y][j] ^= t;
            }
    }
}

static mal_err guest_prints(const mal_ot_cot *cot, mal_bytes sent, unsigned i,
                            const mal_ot_block *node) {
    uint8_t print[LEAVES_MAX][PRINT], hash[PRINT];
    size_t n = (size_t)1 << cot->k;
    memcpy(print[0], sent.ptr, PRINT);
    for (size_t x = 1; x < n; x++) {
        fingerprint(print[x], cot, i, &node[x]);
        xor_bytes(print[0], print[x], PRINT);
    }
    to_owner_order(cot, i, print);
    print_all(hash, print, n);
    bool good = mal_equal(hash, sent.ptr + PRINT, PRINT);
    mal_wipe(print, sizeof print);
    mal_declassify(&good, sizeof good);
    MAL_REQUIRE(good, MAL_E_PEER, "the peer's setup is not consistent");
    return MAL_OK;
}

static mal_err guest_tree(mal_ot_cot *cot, mal_rd *rd, unsigned i,
                          const mal_ot_block *key) {
    mal_ot_block node[LEAVES_MAX], sum[2];
    mal_bytes prints;
    tree_keys keys;
    keys_init(&keys, cot, i);
    memset(node, 0, sizeof node);
    for (unsigned level = 0; level < cot->k; level++) {
        uint64_t on = path(cot, i, level);
        MAL_TRY(mal_rd_copy(rd, sum, sizeof sum));
        /* The sum on the other side, under the key that was chosen. */
        sum[0] = ot_xor(sum[0], ot_and(ot_xor(sum[0], sum[1]), ~on));
        guest_level(node, (size_t)1 << level, on, ot_xor(sum[0], key[level]),
                    &keys);
    }
    if (cot->params.security == MAL_OT_MALICIOUS) {
        MAL_TRY(mal_rd_raw(rd, &prints, (size_t)2 * PRINT));
        MAL_TRY(guest_prints(cot, prints, i, node));
    }
    leaves_finish(cot, i, &keys, node);
    return MAL_OK;
}

mal_err ot_setup_guest(mal_ot_cot *cot, mal_bytes message,
                       const mal_ot_block key[KAPPA]) {
    mal_rd rd = mal_rd_of(message);
    for (unsigned i = 0; i < cot->trees; i++)
        MAL_TRY(guest_tree(cot, &rd, i, key + i * cot->k));
    return mal_rd_end(&rd);
}
