/* fail_json.c - the n-th allocation fails, for every n. */
#include "mal_test.h"
#include <malus/json.h>

static mal_err work(void) {
    MAL_AUTO(mal_json_auto) mal_json *o = NULL;
    MAL_AUTO(mal_json_auto) mal_json *c = NULL;
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    mal_json *child;
    MAL_TRY(mal_json_parse(
        &o, mal_bytes_str("{\"a\":[1,\"x\",{\"b\":2.5}],\"c\":null}"), 1000));
    MAL_TRY(mal_json_copy(&c, o));
    MAL_TRY(mal_json_put_str(c, "s", "t"));
    MAL_TRY(mal_json_put_hex(c, "h", mal_bytes_of("ab", 2)));
    MAL_TRY(mal_json_put_base64(c, "b", mal_bytes_of("ab", 2)));
    MAL_TRY(mal_json_put_object(c, "o", &child));
    MAL_TRY(mal_json_put_array(child, "l", &child));
    MAL_TRY(mal_json_add_str(child, "t"));
    MAL_TRY(mal_json_dump(&out, c));
    return mal_json_dump_pretty(&out, c);
}

TEST(every_failed_allocation_is_reported_and_leaves_nothing_behind) {
    CHECK_OK(work());
    uint64_t before = mal_alloc_count();
    CHECK_OK(work());
    uint64_t n = mal_alloc_count() - before;
    CHECK(n > 10);
    for (uint64_t i = 1; i <= n; i++) {
        mal_alloc_fail_at(i);
        mal_err err = work();
        mal_alloc_fail_at(0);
        CHECK_THAT(err == MAL_E_MEMORY || err == MAL_OK, "allocation %llu: %s",
                   (unsigned long long)i, mal_err_trail());
    }
}

TEST_MAIN
