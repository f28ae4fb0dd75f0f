/* unit_random.c - the generator: its stream, its erasure, forks. */
#include "prim_test.h"

#include <signal.h>
#include <sys/wait.h>

#define SEED "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* [FIPS197] appendix C.3: AES-256 of one block.  Our stream's first block is
 * AES(key, nonce || 0), so the inverse question is asked of zero: NIST's GCM
 * case 13 has H = AES(0, 0). */
TEST(prg_is_aes_256_in_counter_mode) {
    uint8_t out[64], key[32] = { 0 };
    CHECK_OK(mal_prim_prg(out, 16, key, 0));
    /* [McGrewViega] test case 13: H */
    CHECK_HEX(out, 16, "dc95c078a2408989ad48a21492842087");
    /* Case 14 encrypts under counters 1 and 2 of a zero nonce: E(K, Y0) = 1 */
    CHECK_OK(mal_prim_prg(out, 48, key, 0));
    CHECK_HEX(out + 16, 16, "530f8afbc74536b9a963b4f1c4cb738b");
    CHECK_HEX(out + 32, 16, "cea7403d4d606b6e074ec5d3baf39d18");
}

TEST(prg_streams_have_prefixes_and_depend_on_key_and_nonce) {
    static uint8_t a[100000], b[100000];
    uint8_t key[32] = { 1 }, other[32] = { 2 };
    CHECK_OK(mal_prim_prg(a, sizeof a, key, 7));
    for (size_t len = 0; len < sizeof b; len = len * 3 + 1) {
        CHECK_OK(mal_prim_prg(b, len, key, 7));
        CHECK(mal_equal(a, b, len));
    }
    CHECK_OK(mal_prim_prg(b, 32, key, 8));
    CHECK(!mal_equal(a, b, 32));
    CHECK_OK(mal_prim_prg(b, 32, other, 7));
    CHECK(!mal_equal(a, b, 32));
}

/* The listing of drbg.c, written again with mal_prim_prg. */
TEST(drbg_erases_its_key_at_each_refill) {
    enum { POOL = 4096 - 48 };
    static uint8_t model[32 + POOL], out[3 * POOL];
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = NULL;
    mal_bytes seed = hex(SEED);
    uint8_t key[32];
    memcpy(key, seed.ptr, 32);
    CHECK_OK(mal_prim_drbg_new(&drbg, seed));
    for (size_t i = 0; i < 3 * POOL; i += 8)
        mal_prim_drbg_fill(drbg, out + i, 8);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(mal_prim_prg(model, sizeof model, key, 0));
        CHECK(mal_equal(model + 32, out + i * POOL, POOL));
        memcpy(key, model, 32);
    }
    /* a long request: one step of its own */
    mal_prim_drbg_fill(drbg, out, 2 * POOL);
    CHECK_OK(mal_prim_prg(out + 2 * POOL, 64, key, 0));
    CHECK(mal_equal(out, out + 2 * POOL + 32, 32));
}

TEST(drbg_is_determined_by_its_seed_whatever_the_pieces) {
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *a = NULL;
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *b = NULL;
    uint8_t x[100], y[100];
    CHECK_OK(mal_prim_drbg_new(&a, hex(SEED)));
    CHECK_OK(mal_prim_drbg_new(&b, hex(SEED)));
    mal_prim_drbg_fill(a, x, 100);
    for (int i = 0; i < 100; i += 5)
        mal_prim_drbg_fill(b, y + i, 5);
    CHECK(mal_equal(x, y, 100));
    CHECK(mal_prim_drbg_u64(a) == mal_prim_drbg_u64(b));
    mal_prim_drbg_fill(a, x, 0);
}

TEST(drbg_below_stays_below_and_reaches_all) {
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = NULL;
    unsigned seen[7] = { 0 };
    CHECK_OK(mal_prim_drbg_new(&drbg, hex(SEED)));
    for (int i = 0; i < 70000; i++) {
        uint64_t v = mal_prim_drbg_below(drbg, 7);
        CHECK(v < 7);
        seen[v]++;
    }
    /* Each of 7 counts is within 10 sigma (sigma < 93) of 10,000: it fails by
     * chance with probability below 2^-70; the seed is fixed anyway. */
    for (int i = 0; i < 7; i++)
        CHECK(seen[i] > 9070 && seen[i] < 10930);
    CHECK_EQ(mal_prim_drbg_below(drbg, 1), 0);
    for (int i = 0; i < 100; i++)
        CHECK(mal_prim_drbg_below(drbg, (UINT64_C(1) << 63) + 1) <= UINT64_C(1)
                                                                        << 63);
}

/* Returns how the child ended. */
static int in_child(void (*body)(mal_prim_drbg *), mal_prim_drbg *drbg) {
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        fclose(stderr);
        body(drbg);
        _exit(0);
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    return status;
}

static void use(mal_prim_drbg *drbg) {
    (void)mal_prim_drbg_u64(drbg);
}

static void drop(mal_prim_drbg *drbg) {
    mal_prim_drbg_free(drbg);
}

TEST(refuse_to_draw_after_a_fork) {
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = NULL;
    CHECK_OK(mal_prim_drbg_new(&drbg, hex(SEED)));
    uint64_t before = mal_prim_drbg_u64(drbg);
    int status = in_child(use, drbg);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    status = in_child(drop, drbg); /* but it may be freed */
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(mal_prim_drbg_u64(drbg) != before); /* the parent goes on */
}

TEST(refuse_seeds_that_are_not_32_bytes) {
    mal_prim_drbg *drbg = NULL;
    CHECK_ERR(mal_prim_drbg_new(&drbg, hex("00")), MAL_E_INPUT);
    CHECK_ERR(mal_prim_drbg_new(&drbg, mal_bytes_of(NULL, 0)), MAL_E_INPUT);
    CHECK(drbg == NULL);
    mal_prim_drbg_free(NULL);
}

TEST(random_differs_each_time) {
    uint8_t a[4096] = { 0 }, b[4096] = { 0 };
    mal_prim_random(a, sizeof a);
    mal_prim_random(b, sizeof b);
    mal_prim_random(b, 0);
    CHECK(!mal_equal(a, b, 4096) && !mal_equal(a, a + 2048, 2048));
}

TEST(init_may_run_twice) {
    CHECK_OK(mal_prim_init());
    CHECK_OK(mal_prim_init());
}

TEST_MAIN
