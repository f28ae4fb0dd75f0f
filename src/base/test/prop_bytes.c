/* Laws on random input: texts and words come back, masks agree with operators.
 */
#include "mal_test.h"

static size_t random_bytes(uint8_t *out, size_t max, uint64_t *state) {
    size_t len = mal_test_rand(state) % (max + 1);
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)mal_test_rand(state);
    return len;
}

TEST(texts_come_back_from_hexadecimal_and_base64) {
    uint64_t state = mal_test_seed();
    for (int round = 0; round < 3000; round++) {
        uint8_t in[80], back[80];
        char hex[161];
        size_t len = random_bytes(in, sizeof in, &state);
        mal_bytes view = mal_bytes_of(in, len);
        mal_hex_encode(hex, view);
        CHECK_OK(mal_hex_decode(back, len, hex));
        CHECK(mal_equal(in, back, len));
        MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
        MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
        CHECK_OK(mal_base64_encode(&text, view));
        CHECK_EQ(text.len, (len + 2) / 3 * 4);
        CHECK_OK(mal_base64_decode(&bytes, mal_buf_view(&text)));
        CHECK(mal_bytes_same_vartime(mal_buf_view(&bytes), view));
    }
}

TEST(a_value_has_one_base64_text_only) {
    uint64_t state = mal_test_seed();
    int accepted = 0;
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklm"
                                   "nopqrstuvwxyz0123456789+/==-_ ";
    for (int round = 0; round < 30000; round++) {
        char in[8];
        for (size_t i = 0; i < sizeof in; i++)
            in[i] = alphabet[mal_test_rand(&state) % (sizeof alphabet - 1)];
        if (round % 2)
            in[6] = in[7] = '=';
        MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
        MAL_AUTO(mal_buf_clear) mal_buf again = { 0 };
        if (mal_base64_decode(&bytes, mal_bytes_of(in, 8)) != MAL_OK)
            continue;
        accepted++;
        CHECK_OK(mal_base64_encode(&again, mal_buf_view(&bytes)));
        CHECK(mal_equal(again.ptr, in, 8));
    }
    CHECK(accepted > 100);
}

TEST(masks_agree_with_the_operators_they_replace) {
    static const uint64_t edge[] = { 0,          1,           2,
                                     INT64_MAX,  INT64_MIN,   UINT64_MAX,
                                     UINT32_MAX, 0x100000000, UINT64_MAX - 1 };
    const size_t n = sizeof edge / sizeof *edge;
    uint64_t state = mal_test_seed();
    for (int round = 0; round < 20000; round++) {
        uint64_t a = mal_test_rand(&state), b = mal_test_rand(&state);
        if (round % 4 == 1)
            a = edge[a % n];
        if (round % 4 == 2)
            b = edge[b % n];
        if (round % 4 == 3)
            b = a + b % 3 - 1;
        CHECK(mal_mask_nonzero(a) == (a ? UINT64_MAX : 0));
        CHECK(mal_mask_eq(a, b) == (a == b ? UINT64_MAX : 0));
        CHECK(mal_mask_eq(a, a) == UINT64_MAX);
        CHECK(mal_mask_lt(a, b) == (a < b ? UINT64_MAX : 0));
        CHECK(mal_mask_lt_signed((int64_t)a, (int64_t)b) ==
              ((int64_t)a < (int64_t)b ? UINT64_MAX : 0));
        CHECK(mal_select(mal_mask_lt(a, b), a, b) == (a < b ? a : b));
    }
}

TEST(a_reader_never_leaves_its_input) {
    uint64_t state = mal_test_seed();
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(16 << 20);
    for (int round = 0; round < 20000; round++) {
        uint8_t in[24];
        mal_rd rd = mal_rd_of(mal_bytes_of(in, random_bytes(in, 24, &state)));
        for (int step = 0; step < 10; step++) {
            mal_rd before = rd;
            uint64_t v;
            uint8_t small;
            mal_bytes out;
            char *text;
            mal_err err;
            switch (mal_test_rand(&state) % 5) {
            case 0:
                err = mal_rd_u64(&rd, &v);
                break;
            case 1:
                err = mal_rd_u8(&rd, &small);
                break;
            case 2:
                err = mal_rd_blob(&rd, &out, 100);
                break;
            case 3:
                err = mal_rd_str(&rd, &text, arena, 100);
                break;
            default:
                err = mal_rd_raw(&rd, &out, mal_test_rand(&state) % 9);
            }
            /* It moves forward within the input, or not at all. */
            CHECK(rd.left <= before.left);
            CHECK(rd.ptr - before.ptr == (ptrdiff_t)(before.left - rd.left));
            CHECK(err == MAL_OK || rd.ptr == before.ptr);
        }
    }
}

TEST_MAIN
