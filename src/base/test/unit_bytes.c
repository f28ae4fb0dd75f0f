#include "mal_test.h"

TEST(words_are_little_endian) {
    MAL_AUTO(mal_buf_clear) mal_buf b = { 0 };
    CHECK_OK(mal_buf_put_u8(&b, 0x01));
    CHECK_OK(mal_buf_put_u16(&b, 0x0302));
    CHECK_OK(mal_buf_put_u32(&b, 0x07060504));
    CHECK_OK(mal_buf_put_u64(&b, 0x0f0e0d0c0b0a0908));
    CHECK_EQ(b.len, 15);
    for (unsigned i = 0; i < 15; i++)
        CHECK_EQ(b.ptr[i], i + 1);
    CHECK_EQ(mal_load_u32le(b.ptr), 0x04030201);
    CHECK_EQ(mal_load_u64le(b.ptr), 0x0807060504030201);
    CHECK_EQ(mal_load_u64be(b.ptr), 0x0102030405060708);
    uint8_t out[8];
    mal_store_u64be(out, 0x0102030405060708);
    CHECK(mal_equal(out, b.ptr, 8));
    mal_store_u32le(out, 0x04030201);
    CHECK(mal_equal(out, b.ptr, 4));
}

TEST(what_is_put_is_read_back) {
    MAL_AUTO(mal_buf_clear) mal_buf b = { 0 };
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1000);
    CHECK_OK(mal_buf_put_u8(&b, 9));
    CHECK_OK(mal_buf_put_u16(&b, 999));
    CHECK_OK(mal_buf_put_u32(&b, 99999));
    CHECK_OK(mal_buf_put_u64(&b, UINT64_MAX));
    CHECK_OK(mal_buf_put_blob(&b, mal_bytes_str("blob")));
    CHECK_OK(mal_buf_put_blob_str(&b, ""));
    CHECK_OK(mal_buf_put_blob_str(&b, "text"));
    mal_rd rd = mal_rd_of(mal_buf_view(&b));
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    mal_bytes blob;
    char *text;
    CHECK_OK(mal_rd_u8(&rd, &u8));
    CHECK_OK(mal_rd_u16(&rd, &u16));
    CHECK_OK(mal_rd_u32(&rd, &u32));
    CHECK_OK(mal_rd_u64(&rd, &u64));
    CHECK(u8 == 9 && u16 == 999 && u32 == 99999 && u64 == UINT64_MAX);
    CHECK_OK(mal_rd_blob(&rd, &blob, 4));
    CHECK(mal_bytes_same_vartime(blob, mal_bytes_str("blob")));
    CHECK_OK(mal_rd_blob(&rd, &blob, 0));
    CHECK_EQ(blob.len, 0);
    CHECK_OK(mal_rd_str(&rd, &text, arena, 10));
    CHECK_STR(text, "text");
    CHECK_OK(mal_rd_end(&rd));
}

TEST(a_buffer_formats_text_and_gives_it_back) {
    MAL_AUTO(mal_buf_clear) mal_buf b = { 0 };
    const char *text;
    CHECK_OK(mal_buf_cstr(&b, &text));
    CHECK_STR(text, "");
    CHECK_OK(mal_buf_put_fmt(&b, "%s has %d rows", "jfk", 111279));
    CHECK_OK(mal_buf_put_str(&b, "."));
    CHECK_OK(mal_buf_cstr(&b, &text));
    CHECK_STR(text, "jfk has 111279 rows.");
    CHECK_EQ(b.len, 20);
    mal_buf_reset(&b);
    CHECK_OK(mal_buf_cstr(&b, &text));
    CHECK_STR(text, "");
}

TEST(a_buffer_can_be_appended_to_itself) {
    MAL_AUTO(mal_buf_clear) mal_buf b = { 0 };
    const char *text;
    CHECK_OK(mal_buf_put_str(&b, "abc"));
    for (int i = 0; i < 8; i++)
        CHECK_OK(mal_buf_put(&b, mal_buf_view(&b)));
    CHECK_EQ(b.len, 3 * 256);
    CHECK_OK(mal_buf_cstr(&b, &text));
    for (int i = 0; i < 3 * 256; i++)
        CHECK_EQ(text[i], "abc"[i % 3]);
}

TEST(hexadecimal_follows_the_published_examples) { /* [RFC4648] section 10 */
    char out[13];
    uint8_t back[6];
    mal_hex_encode(out, mal_bytes_str("foobar"));
    CHECK_STR(out, "666f6f626172");
    CHECK_OK(mal_hex_decode(back, 6, "666F6f626172"));
    CHECK(mal_equal(back, "foobar", 6));
    mal_hex_encode(out, mal_bytes_of(NULL, 0));
    CHECK_STR(out, "");
    CHECK_OK(mal_hex_decode(back, 0, ""));
}

TEST(base64_follows_the_published_examples) { /* [RFC4648] section 10 */
    static const char *const pair[][2] = {
        { "", "" },
        { "f", "Zg==" },
        { "fo", "Zm8=" },
        { "foo", "Zm9v" },
        { "foob", "Zm9vYg==" },
        { "fooba", "Zm9vYmE=" },
        { "foobar", "Zm9vYmFy" },
        { "\xfb\xff\xbf", "+/+/" },
    };
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        MAL_AUTO(mal_buf_clear) mal_buf there = { 0 };
        MAL_AUTO(mal_buf_clear) mal_buf back = { 0 };
        const char *text;
        CHECK_OK(mal_base64_encode(&there, mal_bytes_str(pair[i][0])));
        CHECK_OK(mal_buf_cstr(&there, &text));
        CHECK_STR(text, pair[i][1]);
        CHECK_OK(mal_base64_decode(&back, mal_buf_view(&there)));
        CHECK_OK(mal_buf_cstr(&back, &text));
        CHECK_STR(text, pair[i][0]);
    }
}

TEST(time_is_told_in_one_form) {
    char out[21];
    mal_time_format(out, 0);
    CHECK_STR(out, "1970-01-01T00:00:00Z");
    mal_time_format(out, 1795352674);
    CHECK_STR(out, "2026-11-22T13:04:34Z");
    mal_time_format(out, UINT64_MAX);
    CHECK_STR(out, "9999-12-31T23:59:59Z");
    uint64_t t;
    CHECK_OK(mal_time_parse_date(&t, "2027-06-30"));
    mal_time_format(out, t);
    CHECK_STR(out, "2027-06-30T00:00:00Z");
    CHECK_OK(mal_time_parse_date(&t, "2028-02-29"));
    CHECK_OK(mal_time_parse_date(&t, "1970-01-01"));
    CHECK_EQ(t, 0);
    CHECK_OK(mal_time_parse(&t, "2026-11-22T13:04:34Z"));
    CHECK_EQ(t, 1795352674);
    mal_time_format(out, t);
    CHECK_STR(out, "2026-11-22T13:04:34Z");
}

TEST(clocks_run) {
    uint64_t a = mal_time_monotonic_ns();
    CHECK(mal_time_monotonic_ns() >= a);
    CHECK(mal_time_unix() > 1700000000);
    CHECK(mal_time_unix_ms() / 1000 - mal_time_unix() < 2);
    CHECK(mal_time_cpu_ns() > 0);
}

TEST_MAIN
