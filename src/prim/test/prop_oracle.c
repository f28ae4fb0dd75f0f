/* Each way to hash many short messages against SHA-256 of the whole. */
#include "mal_test.h"

#include "../oracle_impl.h"

static void slow(uint8_t out[16], const char *label, mal_bytes session,
                 const uint8_t *in, size_t len) {
    uint8_t whole[PREFIX + MAL_PRIM_ORACLE_IN_MAX] = { 0 };
    mal_prim_hash h;
    mal_prim_hash_parts(&h, label, &session, 1);
    memcpy(whole, h.b, sizeof h.b);
    memcpy(whole + PREFIX, in, len);
    mal_prim_sha256_of(&h, mal_bytes_of(whole, PREFIX + len));
    memcpy(out, h.b, 16);
}

TEST(every_way_is_sha256_of_prefix_and_message) {
    enum { MANY = 9 };
    uint8_t in[MANY * MAL_PRIM_ORACLE_IN_MAX], out[16 * MANY + 1], want[16];
    uint64_t seed = mal_test_seed();
    mal_prim_oracle oracle;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)mal_test_rand(&seed);
    mal_prim_oracle_init(&oracle, "test", mal_bytes_of(in, 32));
    for (size_t w = 0; w < prim_oracle_ways_n; w++) {
        if (!prim_oracle_ways[w]->usable())
            continue;
        printf("# %s\n", prim_oracle_ways[w]->name);
        for (size_t len = 0; len <= MAL_PRIM_ORACLE_IN_MAX; len++)
            for (size_t n = 0; n <= MANY; n++) {
                out[16 * n] = 0x5a;
                prim_oracle_ways[w]->many(out, in, len, n, &oracle);
                CHECK_EQ(out[16 * n], 0x5a);
                for (size_t i = 0; i < n; i++) {
                    slow(want, "test", mal_bytes_of(in, 32), in + i * len, len);
                    CHECK(mal_equal(out + 16 * i, want, 16));
                }
            }
    }
}

TEST(labels_and_sessions_give_other_oracles) {
    mal_prim_oracle a, b, c;
    mal_prim_oracle_init(&a, "x", mal_bytes_str("y"));
    mal_prim_oracle_init(&b, "xy", mal_bytes_str(""));
    mal_prim_oracle_init(&c, "x", mal_bytes_str("z"));
    CHECK(!mal_equal(a.state, b.state, sizeof a.state));
    CHECK(!mal_equal(a.state, c.state, sizeof a.state));
}

TEST_MAIN
