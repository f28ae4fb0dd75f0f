/* Laws of the canonical text, on random rooms. */
#include "policy_gen.h"

#define ROOMS 1500

TEST(canonical_text_is_a_fixed_point_whatever_order_and_blanks_were) {
    gen_state = mal_test_seed();
    for (unsigned i = 0; i < ROOMS; i++) {
        mal_arena *arena = mal_arena_new((size_t)64 << 20);
        room_text t;
        gen_room(&t, arena);
        mal_policy_contract *c = gen_parse(&t, arena), *again;
        CHECK_OK(mal_policy_parse(&again, arena, c->canonical));
        CHECK(mal_bytes_same_vartime(c->canonical, again->canonical));
        gen_shuffle(&t);
        again = gen_parse(&t, arena);
        CHECK(mal_equal(c->hash, again->hash, 32));
        CHECK(mal_bytes_same_vartime(c->canonical, again->canonical));
        mal_arena_free(arena);
    }
}

TEST(leaving_a_rule_or_budget_out_changes_the_hash) {
    gen_state = mal_test_seed() + 1;
    for (unsigned i = 0; i < ROOMS / 3; i++) {
        mal_arena *arena = mal_arena_new((size_t)64 << 20);
        room_text t;
        gen_room(&t, arena);
        mal_policy_contract *c = gen_parse(&t, arena);
        for (unsigned k = 9; k + 3 < t.n; k++) { /* after parties and data */
            room_text less = t;
            less.statement[k] = (char[]){ "" };
            CHECK(!mal_equal(c->hash, gen_parse(&less, arena)->hash, 32));
        }
        mal_arena_free(arena);
    }
}

/* Any byte of the canonical text changed: refused, or another hash, or (never)
 * the same text again. */
TEST(a_changed_byte_is_an_error_or_another_contract) {
    gen_state = mal_test_seed() + 2;
    static char text[1 << 16];
    for (unsigned i = 0; i < 4000; i++) {
        static mal_policy_contract *c;
        static mal_arena *arena, *work;
        if (i % 200 == 0) {
            mal_arena_free(arena);
            arena = mal_arena_new((size_t)64 << 20);
            room_text t;
            gen_room(&t, arena);
            c = gen_parse(&t, arena);
            CHECK(c->canonical.len < sizeof text);
        }
        memcpy(text, c->canonical.ptr, c->canonical.len);
        size_t at = (size_t)(mal_test_rand(&gen_state) % c->canonical.len);
        text[at] = (char)mal_test_rand(&gen_state);
        work = mal_arena_new((size_t)64 << 20);
        mal_policy_contract *other;
        if (mal_policy_parse(&other, work,
                             mal_bytes_of(text, c->canonical.len)) == MAL_OK)
            CHECK(mal_bytes_same_vartime(other->canonical, c->canonical) ==
                  mal_equal(other->hash, c->hash, 32));
        mal_arena_free(work);
    }
}

TEST_MAIN
