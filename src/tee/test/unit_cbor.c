/* unit_cbor.c - examples of [RFC8949] appendix A, and looking into maps. */
#include "mal_test.h"
#include "cbor.h"

static uint8_t bytes_buf[4096];

static mal_bytes bytes_of(const char *hex) {
    size_t len = strlen(hex) / 2;
    if (len > sizeof bytes_buf || mal_hex_decode(bytes_buf, len, hex) != MAL_OK)
        abort();
    return mal_bytes_of(bytes_buf, len);
}

static tee_cbor item_of(const char *hex) {
    tee_cbor item;
    CHECK_OK(tee_cbor_parse(&item, bytes_of(hex)));
    CHECK_EQ(item.raw.len, strlen(hex) / 2);
    return item;
}

TEST(integers_have_the_values_of_appendix_a) {
    static const struct {
        const char *hex;
        tee_cbor_major major;
        uint64_t n;
    } example[] = {
        { "00", TEE_CBOR_UINT, 0 },
        { "17", TEE_CBOR_UINT, 23 },
        { "1818", TEE_CBOR_UINT, 24 },
        { "1864", TEE_CBOR_UINT, 100 },
        { "1903e8", TEE_CBOR_UINT, 1000 },
        { "1a000f4240", TEE_CBOR_UINT, 1000000 },
        { "1b000000e8d4a51000", TEE_CBOR_UINT, 1000000000000 },
        { "1bffffffffffffffff", TEE_CBOR_UINT, UINT64_MAX },
        { "20", TEE_CBOR_NINT, 0 },
        { "3863", TEE_CBOR_NINT, 99 },
        { "3903e7", TEE_CBOR_NINT, 999 },
        { "3bffffffffffffffff", TEE_CBOR_NINT, UINT64_MAX },
        { "f4", TEE_CBOR_SIMPLE, TEE_CBOR_FALSE },
        { "f5", TEE_CBOR_SIMPLE, TEE_CBOR_TRUE },
        { "f6", TEE_CBOR_SIMPLE, TEE_CBOR_NULL },
    };
    for (size_t i = 0; i < sizeof example / sizeof *example; i++) {
        tee_cbor item = item_of(example[i].hex);
        CHECK_EQ(item.major, example[i].major);
        CHECK_EQ(item.n, example[i].n);
    }
}

TEST(negative_integers_compare_by_value) {
    tee_cbor item = item_of("3a000124f7"); /* -75000 */
    CHECK(tee_cbor_is_int(&item, -75000));
    CHECK(!tee_cbor_is_int(&item, -75001));
    CHECK(!tee_cbor_is_int(&item, 74999));
    item = item_of("20");
    CHECK(tee_cbor_is_int(&item, -1) && !tee_cbor_is_int(&item, 0));
    /* -2^64 is no int64_t and must not wrap to one. */
    item = item_of("3bffffffffffffffff");
    CHECK(!tee_cbor_is_int(&item, -1) && !tee_cbor_is_int(&item, 0));
}

TEST(strings_are_slices_of_the_input) {
    tee_cbor item = item_of("4401020304");
    CHECK_EQ(item.major, TEE_CBOR_BYTES);
    CHECK(item.body.ptr == bytes_buf + 1 && item.body.len == 4);
    item = item_of("6449455446");
    CHECK(tee_cbor_is_text(&item, "IETF") && !tee_cbor_is_text(&item, "IET"));
    item = item_of("64f0908591"); /* U+10151 */
    CHECK_EQ(item.major, TEE_CBOR_TEXT);
    item = item_of("40");
    CHECK_EQ(item.body.len, 0);
}

TEST(containers_hold_their_items) {
    tee_cbor item = item_of("8301820203820405"), child;
    CHECK(item.major == TEE_CBOR_ARRAY && item.n == 3);
    mal_rd rd = mal_rd_of(item.body);
    CHECK_OK(tee_cbor_read(&rd, &child));
    CHECK(tee_cbor_is_int(&child, 1));
    CHECK_OK(tee_cbor_read(&rd, &child));
    CHECK(child.major == TEE_CBOR_ARRAY && child.n == 2);
    CHECK_EQ(child.raw.len, 3);
    CHECK_OK(tee_cbor_read(&rd, &child));
    CHECK_EQ(rd.left, 0);
    item = item_of("c11a514b67b0");
    CHECK(item.major == TEE_CBOR_TAG && item.n == 1);
    CHECK_OK(tee_cbor_parse(&child, item.body));
    CHECK_EQ(child.n, 1363896240);
}

TEST(a_map_is_looked_into_by_integer_and_by_text) {
    /* {"a": 1, -3: h'00ff', 1: null} */
    tee_cbor map = item_of("a3616101224200ff01f6"), value;
    CHECK(tee_cbor_find_text(&value, &map, "a") && tee_cbor_is_int(&value, 1));
    CHECK(tee_cbor_find(&value, &map, -3) && value.body.len == 2);
    CHECK(tee_cbor_find(&value, &map, 1) && tee_cbor_is_null(&value));
    CHECK(!tee_cbor_find(&value, &map, 2));
    CHECK(!tee_cbor_find_text(&value, &map, "b"));
    CHECK(!tee_cbor_find_text(&value, &map, ""));
    tee_cbor list = item_of("820102");
    CHECK(!tee_cbor_find(&value, &list, 1));
}

TEST(a_root_map_may_end_by_a_break_where_that_is_asked_for) {
    tee_cbor map, value;
    CHECK_OK(tee_cbor_parse_map(&map, bytes_of("bf61610102a10304ff")));
    CHECK_EQ(map.n, 2);
    CHECK_EQ(map.raw.len, 9);
    CHECK(tee_cbor_find(&value, &map, 2) && value.major == TEE_CBOR_MAP);
    CHECK_OK(tee_cbor_parse_map(&map, bytes_of("bfff")));
    CHECK_EQ(map.n, 0);
    CHECK_OK(tee_cbor_parse_map(&map, bytes_of("a0")));
    CHECK_EQ(map.n, 0);
}

TEST_MAIN
