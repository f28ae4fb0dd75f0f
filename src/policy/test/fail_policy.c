/* The n-th allocation fails, for every n: an error, no leak, nothing half. */
#include "policy_test.h"

static mal_err all_of_it(mal_arena *arena, mal_buf *out) {
    mal_policy_contract *c;
    mal_policy_findings f;
    MAL_TRY(mal_policy_parse(&c, arena, mal_bytes_str(ROOM)));
    MAL_TRY(mal_policy_check(&f, arena, c));
    MAL_TRY(mal_policy_print(out, c));
    MAL_TRY(mal_policy_learn(out, c, AGENCY));
    return mal_policy_successor_check(c, c) == MAL_E_DENIED ? MAL_OK
                                                            : MAL_E_MEMORY;
}

TEST(every_allocation_may_fail) {
    bool whole = false;
    for (uint64_t n = 1; !whole; n++) {
        mal_arena *arena = mal_arena_new((size_t)16 << 20);
        MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
        mal_alloc_fail_at(n);
        mal_err err = all_of_it(arena, &out);
        mal_alloc_fail_at(0);
        mal_arena_free(arena);
        whole = err == MAL_OK;
        CHECK(whole || err == MAL_E_MEMORY);
        CHECK(n < 10000);
    }
}

TEST(a_small_arena_is_an_error_and_not_a_crash) {
    for (size_t size = 0; size < 40000; size += 211) {
        mal_arena *arena = mal_arena_new(size);
        MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
        mal_err err = all_of_it(arena, &out);
        CHECK(err == MAL_OK || err == MAL_E_MEMORY || err == MAL_E_LIMIT);
        mal_arena_free(arena);
    }
}

TEST(a_judgement_allocates_nothing) {
    mal_policy_contract *c = parse(ROOM);
    plan p;
    mal_policy_verdict v;
    plan_good(&p);
    uint64_t before = mal_alloc_count();
    mal_policy_decide(&v, c, &p.f);
    p.f.epsilon_nano = UINT64_MAX;
    mal_policy_decide(&v, c, &p.f);
    CHECK_EQ(mal_alloc_count(), before);
}

TEST_MAIN
