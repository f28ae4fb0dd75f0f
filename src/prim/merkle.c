/* merkle.c - Merkle trees [RFC6962] and their proofs [RFC9162]. */
#include "prim_impl.h"

#include <string.h>

void mal_prim_merkle_leaf(mal_prim_hash *out, mal_bytes entry) {
    static const uint8_t zero = 0;
    const mal_bytes parts[] = { mal_bytes_of(&zero, 1), entry };
    prim_sha256_concat(out, parts, 2);
}

void mal_prim_merkle_node(mal_prim_hash *out, const mal_prim_hash *left,
                          const mal_prim_hash *right) {
    uint8_t both[1 + 2 * MAL_PRIM_HASH];
    both[0] = 1;
    memcpy(both + 1, left->b, MAL_PRIM_HASH);
    memcpy(both + 1 + MAL_PRIM_HASH, right->b, MAL_PRIM_HASH);
    mal_prim_sha256_of(out, mal_bytes_of(both, sizeof both));
}

/* [RFC9162] section 2.1.2: a stack of the roots of full subtrees, the tallest
 * below; each new leaf closes as many as its index has trailing ones. */
void mal_prim_merkle_root(mal_prim_hash *out, const mal_prim_hash *leaves,
                          size_t n) {
    mal_prim_hash stack[MAL_PRIM_MERKLE_PATH_MAX + 1];
    size_t top = 0;

    if (n == 0) {
        mal_prim_sha256_of(out, mal_bytes_of(NULL, 0));
        return;
    }
    for (size_t i = 0; i < n; i++) {
        stack[top++] = leaves[i];
        for (size_t closed = i; closed & 1; closed >>= 1, top--)
            mal_prim_merkle_node(&stack[top - 2], &stack[top - 2],
                                 &stack[top - 1]);
    }
    for (; top > 1; top--)
        mal_prim_merkle_node(&stack[top - 2], &stack[top - 2], &stack[top - 1]);
    *out = stack[0];
}

/* [RFC9162] section 2.1.3.2, in its variable names. */
mal_err mal_prim_merkle_verify_inclusion(const mal_prim_hash *root,
                                         uint64_t size,
                                         const mal_prim_hash *leaf,
                                         uint64_t index,
                                         const mal_prim_hash *path, size_t n) {
    uint64_t fn = index, sn = size - 1;
    mal_prim_hash r = *leaf;

    MAL_REQUIRE(index < size, MAL_E_AUTH,
                "the inclusion proof names a leaf outside of the tree");
    for (size_t i = 0; i < n; i++) {
        MAL_REQUIRE(sn != 0, MAL_E_AUTH, "the inclusion proof is too long");
        if ((fn & 1) || fn == sn) {
            mal_prim_merkle_node(&r, &path[i], &r);
            while (!(fn & 1) && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            mal_prim_merkle_node(&r, &r, &path[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    MAL_REQUIRE(sn == 0, MAL_E_AUTH, "the inclusion proof is too short");
    MAL_REQUIRE(mal_equal(r.b, root->b, sizeof r.b), MAL_E_AUTH,
                "the inclusion proof leads to another root");
    return MAL_OK;
}

/* [RFC9162] section 2.1.4.2, steps 3 to 6, for 0 < size1 < size2. */
static mal_err walk_consistency(const mal_prim_hash *root1, uint64_t size1,
                                const mal_prim_hash *root2, uint64_t size2,
                                const mal_prim_hash *path, size_t n) {
    uint64_t fn = size1 - 1, sn = size2 - 1;
    size_t i = 0;

    while (fn & 1) {
        fn >>= 1;
        sn >>= 1;
    }
    /* A size1 that is a power of two is a node of the larger tree: its own root
     * starts the walk, and is left out of the proof. */
    bool whole = (size1 & (size1 - 1)) == 0;
    MAL_REQUIRE(whole || n > 0, MAL_E_AUTH, "the consistency proof is empty");
    mal_prim_hash fr = whole ? *root1 : path[i++];
    mal_prim_hash sr = fr;
    for (; i < n; i++) {
        MAL_REQUIRE(sn != 0, MAL_E_AUTH, "the consistency proof is too long");
        if ((fn & 1) || fn == sn) {
            mal_prim_merkle_node(&fr, &path[i], &fr);
            mal_prim_merkle_node(&sr, &path[i], &sr);
            while (!(fn & 1) && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            mal_prim_merkle_node(&sr, &sr, &path[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    MAL_REQUIRE(sn == 0, MAL_E_AUTH, "the consistency proof is too short");
    MAL_REQUIRE(mal_equal(fr.b, root1->b, sizeof fr.b) &&
                    mal_equal(sr.b, root2->b, sizeof sr.b),
                MAL_E_AUTH, "the consistency proof leads to other roots");
    return MAL_OK;
}

mal_err
mal_prim_merkle_verify_consistency(const mal_prim_hash *root1, uint64_t size1,
                                   const mal_prim_hash *root2, uint64_t size2,
                                   const mal_prim_hash *path, size_t n) {
    /* From the empty tree everything is consistent, so it proves nothing; a
     * caller that means this has to say so itself. */
    MAL_REQUIRE(size1 != 0 && size1 <= size2, MAL_E_AUTH,
                "a consistency proof goes from a tree to a larger one");
    if (size1 == size2) {
        MAL_REQUIRE(n == 0 && mal_equal(root1->b, root2->b, sizeof root1->b),
                    MAL_E_AUTH, "two roots for one size of the tree");
        return MAL_OK;
    }
    MAL_TRY(walk_consistency(root1, size1, root2, size2, path, n));
    return MAL_OK;
}

/* The largest power of two below n, n > 1. */
static size_t split_of(size_t n) {
    size_t k = 1;
    while (k < n - k)
        k <<= 1;
    return k;
}

/* [RFC9162] section 2.1.3.1: PATH(m, D_n), from the root down, then turned. */
mal_err mal_prim_merkle_prove(mal_prim_hash *path, size_t *n,
                              const mal_prim_hash *leaves, size_t size,
                              size_t index) {
    size_t len = 0;
    MAL_REQUIRE(index < size, MAL_E_INPUT, "leaf %zu of a tree of %zu", index,
                size);
    while (size > 1) {
        size_t k = split_of(size);
        assert(len < MAL_PRIM_MERKLE_PATH_MAX);
        if (index < k) {
            mal_prim_merkle_root(&path[len++], leaves + k, size - k);
            size = k;
        } else {
            mal_prim_merkle_root(&path[len++], leaves, k);
            leaves += k;
            size -= k;
            index -= k;
        }
    }
    for (size_t i = 0; i < len / 2; i++) {
        mal_prim_hash swap = path[i];
        path[i] = path[len - 1 - i];
        path[len - 1 - i] = swap;
    }
    *n = len;
    return MAL_OK;
}
