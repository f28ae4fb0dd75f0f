#include "mal_test.h"

TEST(a_buffer_never_grows_past_its_limit) {
    MAL_AUTO(mal_buf_clear) mal_buf b = { 0 };
    mal_buf_init(&b, 10);
    CHECK_OK(mal_buf_put_str(&b, "0123456"));
    CHECK_ERR(mal_buf_put_u32(&b, 1), MAL_E_LIMIT);
    CHECK_ERR(mal_buf_put_blob_str(&b, ""), MAL_E_LIMIT);
    CHECK_ERR(mal_buf_put_fmt(&b, "%d", 1000), MAL_E_LIMIT);
    CHECK_ERR(mal_buf_reserve(&b, SIZE_MAX), MAL_E_LIMIT);
    CHECK_EQ(b.len, 7);
    CHECK_OK(mal_buf_put_str(&b, "789"));
    CHECK_ERR(mal_buf_put_u8(&b, 0), MAL_E_LIMIT);
    CHECK_EQ(b.cap, 10);
}

TEST(a_blob_that_does_not_fit_leaves_no_length_behind) {
    MAL_AUTO(mal_buf_clear) mal_buf b = { 0 };
    mal_buf_init(&b, 6);
    CHECK_ERR(mal_buf_put_blob_str(&b, "abc"), MAL_E_LIMIT);
    CHECK_EQ(b.len, 0);
}

TEST(an_arena_refuses_past_its_limit_and_a_size_that_wraps) {
    MAL_AUTO(mal_arena_auto) mal_arena *a = mal_arena_new(1000);
    CHECK(!mal_arena_alloc(a, 1001));
    CHECK(!mal_arena_alloc(a, SIZE_MAX));
    CHECK(!mal_arena_alloc(a, SIZE_MAX - 3));
    CHECK(!mal_arena_calloc(a, SIZE_MAX / 2, 3));
    CHECK(!mal_arena_strndup(a, "", SIZE_MAX));
    CHECK(strstr(mal_err_message(), "1000"));
    CHECK_EQ(mal_arena_used(a), 0);
    CHECK(!mal_calloc(SIZE_MAX / 2, 3));
}

TEST(a_reader_refuses_what_is_cut_off) {
    const uint8_t in[] = { 3, 0, 0, 0, 'a', 'b' };
    for (size_t len = 0; len < sizeof in; len++) {
        mal_rd rd = mal_rd_of(mal_bytes_of(in, len));
        mal_bytes out;
        CHECK_ERR(mal_rd_blob(&rd, &out, 100), MAL_E_INPUT);
        CHECK_EQ(rd.left, len);
    }
    mal_rd rd = mal_rd_of(mal_bytes_of(in, 0));
    uint8_t v[8];
    CHECK_ERR(mal_rd_u8(&rd, v), MAL_E_INPUT);
    CHECK_ERR(mal_rd_copy(&rd, v, 1), MAL_E_INPUT);
    CHECK_OK(mal_rd_copy(&rd, v, 0));
}

TEST(a_reader_refuses_a_field_over_its_limit) {
    const uint8_t in[] = { 255, 255, 255, 255, 'a' },
                  two[] = { 2, 0, 0, 0, 1, 2 };
    mal_rd rd = mal_rd_of(mal_bytes_of(in, sizeof in));
    mal_bytes out;
    CHECK_ERR(mal_rd_blob(&rd, &out, SIZE_MAX), MAL_E_INPUT);
    rd = mal_rd_of(mal_bytes_of(two, sizeof two));
    CHECK_ERR(mal_rd_blob(&rd, &out, 1), MAL_E_INPUT);
    CHECK_OK(mal_rd_blob(&rd, &out, 2));
}

TEST(a_reader_refuses_a_zero_byte_in_a_text) {
    const uint8_t in[] = { 3, 0, 0, 0, 'a', 0, 'b' };
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1000);
    mal_rd rd = mal_rd_of(mal_bytes_of(in, sizeof in));
    char *text;
    CHECK_ERR(mal_rd_str(&rd, &text, arena, 100), MAL_E_INPUT);
    CHECK_EQ(rd.left, sizeof in);
}

TEST(a_reader_refuses_bytes_left_over) {
    mal_rd rd = mal_rd_of(mal_bytes_str("x"));
    CHECK_ERR(mal_rd_end(&rd), MAL_E_INPUT);
}

TEST(hexadecimal_refuses_other_lengths_and_letters) {
    static const char *const bad[] = { "",       "0",      "00",     "000",
                                       "0000g0", "00 000", "0x0000", "00000G",
                                       "00:00:", "-10000", "0000000" };
    uint8_t out[3] = { 1, 1, 1 };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_ERR(mal_hex_decode(out, 3, bad[i]), MAL_E_INPUT);
    CHECK(out[0] == 0 && out[1] == 0 && out[2] == 0);
    for (int c = 1; c < 256; c++) {
        char text[3] = { '0', (char)c, 0 };
        bool digit = strchr("0123456789abcdefABCDEF", c) != NULL;
        CHECK((mal_hex_decode(out, 1, text) == MAL_OK) == digit);
    }
}

TEST(base64_refuses_every_other_spelling) {
    static const char *const bad[] = {
        "Zg",   "Zg=",   "Zh==",     "Zm9=",
        "Z===", "====",  "=",        "Zm9v\n",
        "Zm 9", "Zm9-",  "Zm9_",     "Zg==Zg==",
        "Zg=v", "Zm9vZ", "Zm8=Zm8=", "\xff\xff\xff\xff",
        "AA=A", "=AAA",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
        CHECK_OK(mal_buf_put_str(&out, "kept"));
        CHECK_ERR(mal_base64_decode(&out, mal_bytes_str(bad[i])), MAL_E_INPUT);
        CHECK_EQ(out.len, 4);
    }
    for (int c = 0; c < 256; c++) {
        const char text[4] = { 'A', 'A', (char)c, 'A' };
        bool digit = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     (c >= '0' && c <= '9') || c == '+' || c == '/';
        MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
        CHECK((mal_base64_decode(&out, mal_bytes_of(text, 4)) == MAL_OK) ==
              digit);
    }
}

TEST(dates_that_no_calendar_has_are_refused) {
    static const char *const bad[] = {
        "",           "2026",       "2026-1-01",   "2026-13-01",
        "2026-00-01", "2026-02-29", "2026-06-31",  "2026-06-00",
        "1969-12-31", "2026/06/30", "2026-06-3a",  "2026-06-30T",
        " 026-06-30", "-026-06-30", "2026-06-30 ", "2100-02-29",
    };
    uint64_t t = 42;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_ERR(mal_time_parse_date(&t, bad[i]), MAL_E_INPUT);
    CHECK_EQ(t, 42);
}

TEST(times_that_are_not_to_the_second_in_utc_are_refused) {
    static const char *const bad[] = {
        "",
        "2026-11-22",
        "2026-11-22T13:04:34",
        "2026-11-22T13:04:34+00:00",
        "2026-11-22t13:04:34Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T13:60:34Z",
        "2026-11-22T13:04:60Z",
        "2026-11-31T13:04:34Z",
        "1969-12-31T23:59:59Z",
        "2026-11-22T13:04:3 Z",
        "2026-11-22T13:04:34.5Z",
    };
    uint64_t t = 42;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_ERR(mal_time_parse(&t, bad[i]), MAL_E_INPUT);
    CHECK_EQ(t, 42);
}

TEST_MAIN
