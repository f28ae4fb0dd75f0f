/* vec_merkle.c - published proofs, and our own against a plain recursion. */
#include "prim_test.h"

#include <inttypes.h>

/* The value of "key" in a one-line object: what these files need, no more. */
static const char *value_of(const char *line, const char *key) {
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\": ", key);
    const char *at = strstr(line, quoted);
    CHECK_THAT(at, "no %s in %s", key, line);
    return at + strlen(quoted);
}

static uint64_t number_of(const char *line, const char *key) {
    return strtoull(value_of(line, key), NULL, 10);
}

/* A quoted base64 string at `at`.  Some cases say "don't care" where a hash is
 * wanted: it is hashed, which keeps equal equal and different different. */
static bool hash_at(mal_prim_hash *out, const char *at) {
    MAL_AUTO(mal_buf_clear) mal_buf raw = { 0 };
    const char *end = *at == '"' ? strchr(at + 1, '"') : NULL;
    if (!end ||
        mal_base64_decode(&raw, mal_bytes_of(at + 1, (size_t)(end - at - 1))))
        return false;
    if (raw.len == 0)
        return false;
    if (raw.len == sizeof out->b)
        memcpy(out->b, raw.ptr, sizeof out->b);
    else
        mal_prim_hash_parts(out, "not a hash", &(mal_bytes){ raw.ptr, raw.len },
                            1);
    return true;
}

/* null, [] or a list of hashes; false if one of them is not a hash. */
static bool path_at(mal_prim_hash path[128], size_t *n, const char *at) {
    *n = 0;
    if (*at != '[')
        return true;
    for (at++; *at != ']'; at = strchr(at + 1, '"') + 1) {
        while (*at == ',' || *at == ' ')
            at++;
        CHECK(*n < 128);
        if (!hash_at(&path[(*n)++], at))
            return false;
    }
    return true;
}

static bool inclusion_holds(const char *line) {
    mal_prim_hash root, leaf, path[128];
    size_t n;
    return hash_at(&root, value_of(line, "root")) &&
           hash_at(&leaf, value_of(line, "leafHash")) &&
           path_at(path, &n, value_of(line, "proof")) &&
           mal_prim_merkle_verify_inclusion(&root, number_of(line, "treeSize"),
                                            &leaf, number_of(line, "leafIdx"),
                                            path, n) == MAL_OK;
}

static bool consistency_holds(const char *line) {
    mal_prim_hash root1, root2, path[128];
    size_t n;
    return hash_at(&root1, value_of(line, "root1")) &&
           hash_at(&root2, value_of(line, "root2")) &&
           path_at(path, &n, value_of(line, "proof")) &&
           mal_prim_merkle_verify_consistency(&root1, number_of(line, "size1"),
                                              &root2, number_of(line, "size2"),
                                              path, n) == MAL_OK;
}

static void run_file(const char *name, bool (*holds)(const char *line)) {
    static char line[16384];
    int cases = 0, good = 0;
    FILE *file = fopen(mal_test_vector(name), "r");
    CHECK(file);
    while (fgets(line, sizeof line, file)) {
        bool wanted = strncmp(value_of(line, "wantErr"), "false", 5) == 0;
        CHECK_THAT(holds(line) == wanted, "%s", line);
        cases++;
        good += wanted;
    }
    fclose(file);
    printf("# %d proofs, %d good\n", cases, good);
    CHECK_EQ(cases, 98);
    CHECK_EQ(good, 6);
}

TEST(inclusion_proofs_of_transparency_dev_are_judged_right) {
    run_file("tlog/merkle-proofs/inclusion.jsonl", inclusion_holds);
}

TEST(consistency_proofs_of_transparency_dev_are_judged_right) {
    run_file("tlog/merkle-proofs/consistency.jsonl", consistency_holds);
}

/* The eight leaves and nine roots of Certificate Transparency's tests. */
TEST(roots_are_those_of_the_golden_tree) {
    static const char *const leaves[8] = {
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    };
    static const char *const roots[9] = {
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    };
    mal_prim_hash hashes[8], root;
    for (int i = 0; i < 8; i++)
        mal_prim_merkle_leaf(&hashes[i], hex(leaves[i]));
    for (size_t n = 0; n <= 8; n++) {
        mal_prim_merkle_root(&root, hashes, n);
        CHECK_HEX(root.b, 32, roots[n]);
    }
}

/* [RFC6962] section 2.1, word for word. */
static void mth(mal_prim_hash *out, const mal_prim_hash *d, size_t n) {
    mal_prim_hash l, r;
    size_t k = 1;
    if (n == 1) {
        *out = d[0];
        return;
    }
    while (2 * k < n)
        k *= 2;
    mth(&l, d, k);
    mth(&r, d + k, n - k);
    mal_prim_merkle_node(out, &l, &r);
}

TEST(paths_prove_each_leaf_and_nothing_else) {
    enum { N = 70 };
    mal_prim_hash leaves[N], root, slow, path[MAL_PRIM_MERKLE_PATH_MAX];
    for (uint32_t i = 0; i < N; i++)
        mal_prim_merkle_leaf(&leaves[i], mal_bytes_of(&i, sizeof i));
    for (size_t size = 1; size <= N; size++) {
        mal_prim_merkle_root(&root, leaves, size);
        mth(&slow, leaves, size);
        CHECK(mal_equal(root.b, slow.b, 32));
        for (size_t i = 0; i < size; i++) {
            size_t n;
            CHECK_OK(mal_prim_merkle_prove(path, &n, leaves, size, i));
            CHECK_OK(mal_prim_merkle_verify_inclusion(&root, size, &leaves[i],
                                                      i, path, n));
            size_t other = (i + 1) % size;
            if (other != i) {
                CHECK_ERR(mal_prim_merkle_verify_inclusion(
                              &root, size, &leaves[i], other, path, n),
                          MAL_E_AUTH);
                CHECK_ERR(mal_prim_merkle_verify_inclusion(
                              &root, size, &leaves[other], i, path, n),
                          MAL_E_AUTH);
                path[n - 1].b[0] ^= 1;
                CHECK_ERR(mal_prim_merkle_verify_inclusion(
                              &root, size, &leaves[i], i, path, n),
                          MAL_E_AUTH);
            }
        }
    }
}

TEST(refuse_proofs_that_are_too_long_or_outside) {
    mal_prim_hash leaf, path[65];
    size_t n;
    memset(path, 0, sizeof path);
    mal_prim_merkle_leaf(&leaf, mal_bytes_str("x"));
    CHECK_ERR(mal_prim_merkle_verify_inclusion(&leaf, 1, &leaf, 0, path, 1),
              MAL_E_AUTH);
    CHECK_ERR(mal_prim_merkle_verify_inclusion(&leaf, 1, &leaf, 1, path, 0),
              MAL_E_AUTH);
    CHECK_ERR(mal_prim_merkle_verify_inclusion(&leaf, 0, &leaf, 0, path, 0),
              MAL_E_AUTH);
    CHECK_ERR(mal_prim_merkle_verify_inclusion(&leaf, UINT64_MAX, &leaf,
                                               UINT64_MAX - 1, path, 65),
              MAL_E_AUTH);
    CHECK_ERR(mal_prim_merkle_prove(path, &n, &leaf, 1, 1), MAL_E_INPUT);
    CHECK_ERR(mal_prim_merkle_prove(path, &n, &leaf, 0, 0), MAL_E_INPUT);
}

TEST(refuse_consistency_from_nothing_backwards_and_with_two_roots) {
    mal_prim_hash a, b;
    mal_prim_merkle_leaf(&a, mal_bytes_str("a"));
    mal_prim_merkle_leaf(&b, mal_bytes_str("b"));
    CHECK_OK(mal_prim_merkle_verify_consistency(&a, 5, &a, 5, NULL, 0));
    CHECK_ERR(mal_prim_merkle_verify_consistency(&a, 5, &b, 5, NULL, 0),
              MAL_E_AUTH);
    CHECK_ERR(mal_prim_merkle_verify_consistency(&a, 5, &a, 5, &b, 1),
              MAL_E_AUTH);
    CHECK_ERR(mal_prim_merkle_verify_consistency(&a, 0, &a, 0, NULL, 0),
              MAL_E_AUTH);
    CHECK_ERR(mal_prim_merkle_verify_consistency(&a, 2, &b, 1, NULL, 0),
              MAL_E_AUTH);
    CHECK_ERR(mal_prim_merkle_verify_consistency(&a, 3, &b, 7, NULL, 0),
              MAL_E_AUTH);
}

TEST_MAIN
