/* prop_nonces.c - no key and nonce of AES-GCM twice: equal plaintexts in two
 * columns, two segments, two versions, and a version made again after it was
 * abandoned, never make equal ciphertexts. */
#include "store_test.h"

#include <stdlib.h>

#define ROWS (2 * MAL_STORE_SEGMENT_ROWS)
#define BODY                                                                   \
    "  email id normal uid2@1\n  x measure in 0 .. 9\n  y measure in 0 .. 9\n" \
    "  privacy unit email contributes at most 200000 rows\n"

static mal_err add_equal_rows(house *h) {
    static const char line[] = "a@x.org,7,7\n";
    MAL_AUTO(mal_buf_clear) mal_buf csv = { 0 };
    const char *text;
    CHECK_OK(mal_buf_put_str(&csv, "email,x,y\n"));
    for (unsigned i = 0; i < ROWS; i++)
        CHECK_OK(mal_buf_put_str(&csv, line));
    CHECK_OK(mal_buf_cstr(&csv, &text));
    return add(h, text);
}

static void read_segment(house *h, int64_t id, unsigned segment, mal_buf *out) {
    char name[64];
    snprintf(name, sizeof name, "store/data-%lld/segment-%08x", (long long)id,
             segment);
    CHECK_OK(mal_file_read(out, in_house(h, name), (size_t)1 << 24));
}

/* Ciphertext of a column of one full segment, without its tag. */
static mal_bytes part(const mal_buf *file, unsigned column) {
    const size_t rows = MAL_STORE_SEGMENT_ROWS, bits = rows / 8;
    const size_t id = bits + rows * 16, number = bits + rows * 8;
    size_t at = column == 0 ? 0 : id + 16 + (column - 1) * (number + 16);
    CHECK_EQ(file->len, id + 16 + 2 * (number + 16));
    return mal_bytes_of(file->ptr + at, column ? number : id);
}

/* The same key stream would show as equal bytes throughout. */
static void check_unlike(mal_bytes a, mal_bytes b) {
    size_t same = 0;
    CHECK_EQ(a.len, b.len);
    for (size_t i = 0; i < a.len; i++)
        same += a.ptr[i] == b.ptr[i];
    CHECK(same < a.len / 64); /* 1 in 256 by chance */
}

TEST(equal_plaintexts_never_make_equal_ciphertexts) {
    MAL_AUTO(house_clear) house h = { 0 };
    mal_buf file[4] = { { 0 } };
    house_make(&h, BODY, 200000);
    CHECK_OK(add_equal_rows(&h));
    CHECK_OK(add_equal_rows(&h));
    for (unsigned i = 0; i < 4; i++) /* versions 1 and 2, segments 0 and 1 */
        read_segment(&h, 1 + i / 2, i % 2, &file[i]);
    for (unsigned i = 0; i < 4; i++) {
        check_unlike(part(&file[i], 1), part(&file[i], 2));
        for (unsigned k = 0; k < i; k++)
            for (unsigned c = 0; c < 3; c++)
                check_unlike(part(&file[i], c), part(&file[k], c));
    }
    for (unsigned i = 0; i < 4; i++)
        mal_buf_clear(&file[i]);
}

/* What a crash leaves: a version in filling with its key, files and all. */
TEST(a_version_made_again_after_a_crash_has_another_key) {
    MAL_AUTO(house_clear) house h = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf before = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf after = { 0 };
    house_make(&h, BODY, 200000);
    CHECK_OK(add_equal_rows(&h));
    CHECK_EQ(h.report.version, 1);
    read_segment(&h, 1, 0, &before);
    store_entry e;
    CHECK_OK(mal_store_entry_find(h.store, &e, h.contract->room_id,
                                  "acme.customers", 1));
    CHECK_OK(mal_store_entry_set(h.store, &e, STORE_FILLING, -1));
    house_reopen(&h);
    CHECK_OK(add_equal_rows(&h));
    CHECK_EQ(h.report.version, 1);
    read_segment(&h, 2, 0, &after);
    for (unsigned c = 0; c < 3; c++)
        check_unlike(part(&before, c), part(&after, c));
}

TEST_MAIN
