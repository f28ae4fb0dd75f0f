/* Shares at rest: what is written comes back, in its own place and nowhere
 * else; it is whole or absent; and it is gone with its key. */
#include "store_test.h"

#include <sys/stat.h>

#define WORDS 200000 /* more than a segment, and no whole number of them */

static uint64_t *part[2], *back[2];

static mal_store_shares shares_of(const house *h, const char *dataset) {
    mal_store_shares s = { .version = 1, .seat = 2, .words = WORDS };
    memcpy(s.room, h->contract->room_id, 32);
    memcpy(s.contract, h->contract->hash, 32);
    snprintf(s.dataset, sizeof s.dataset, "%s", dataset);
    memset(s.root, 1, 32);
    memset(s.upload, 2, 32);
    memset(s.shape, 3, 32);
    return s;
}

static void start(house *h) {
    house_make(h, CUSTOMERS, 1000);
    for (unsigned k = 0; k < 2; k++) {
        mal_free(part[k]);
        mal_free(back[k]);
        part[k] = mal_calloc(WORDS, 8);
        back[k] = mal_calloc(WORDS, 8);
        mal_prim_random(part[k], (size_t)WORDS * 8);
    }
}

/* In pieces of any length, across the border of the two parts. */
static mal_err put(house *h, const mal_store_shares *s, size_t piece) {
    mal_store_shares_writer *w;
    uint64_t *all = mal_calloc(2 * (size_t)WORDS, 8);
    memcpy(all, part[0], (size_t)WORDS * 8);
    memcpy(all + WORDS, part[1], (size_t)WORDS * 8);
    MAL_TRY(mal_store_shares_begin(h->store, &w, s));
    for (size_t at = 0; at < 2 * (size_t)WORDS; at += piece) {
        size_t left = 2 * (size_t)WORDS - at;
        MAL_TRY(
            mal_store_shares_write(w, all + at, left < piece ? left : piece));
    }
    mal_free(all);
    return mal_store_shares_commit(&w);
}

static void check_back(house *h, const mal_store_shares *s) {
    CHECK_OK(mal_store_shares_read(h->store, back, s));
    for (unsigned k = 0; k < 2; k++)
        CHECK(mal_equal(part[k], back[k], (size_t)WORDS * 8));
}

static size_t count(house *h) {
    mal_store_shares *list;
    size_t n;
    CHECK_OK(mal_store_shares_list(h->store, &list, &n, h->arena));
    return n;
}

TEST(shares_come_back_as_they_were_whatever_the_pieces) {
    MAL_AUTO(house_clear) house h = { 0 };
    start(&h);
    static const size_t pieces[] = { 1 << 17, WORDS, 77777, 2 * WORDS };
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        mal_store_shares s = shares_of(&h, "retail.visits");
        s.epoch = i;
        CHECK_OK(put(&h, &s, pieces[i]));
        check_back(&h, &s);
    }
    CHECK_EQ(count(&h), 4);
    house_reopen(&h);
    mal_store_shares s = shares_of(&h, "retail.visits");
    check_back(&h, &s);
    mal_store_shares *list;
    size_t n;
    CHECK_OK(mal_store_shares_list(h.store, &list, &n, h.arena));
    CHECK_EQ(list[0].epoch, 3);
    CHECK_EQ(list[0].seat, 2);
    CHECK_EQ(list[0].words, WORDS);
    CHECK(mal_equal(list[0].upload, s.upload, 32));
}

TEST(what_is_not_whole_is_absent) {
    MAL_AUTO(house_clear) house h = { 0 };
    start(&h);
    mal_store_shares s = shares_of(&h, "retail.visits");
    static mal_store_shares_writer *w; /* the last one is lost in a crash */
    CHECK_OK(mal_store_shares_begin(h.store, &w, &s));
    CHECK_OK(mal_store_shares_write(w, part[0], WORDS));
    CHECK_ERR(mal_store_shares_commit(&w), MAL_E_INPUT);
    CHECK(!w);
    CHECK_OK(mal_store_shares_begin(h.store, &w, &s));
    CHECK_OK(mal_store_shares_write(w, part[0], WORDS));
    CHECK_OK(mal_store_shares_write(w, part[1], WORDS));
    CHECK_ERR(mal_store_shares_write(w, part[1], 1), MAL_E_LIMIT);
    mal_store_shares_abandon(&w);
    CHECK_OK(mal_store_shares_begin(h.store, &w, &s));
    CHECK_OK(mal_store_shares_write(w, part[0], WORDS));
    CHECK_EQ(count(&h), 0); /* a crash here: */
    CHECK(access(in_house(&h, "store/share-3"), F_OK) == 0);
    house_reopen(&h);
    CHECK_EQ(count(&h), 0);
    CHECK(access(in_house(&h, "store/share-3"), F_OK) != 0);
}

/* One bit in each segment, then a cut, then the two parts in each other's
 * place. */
TEST(altered_cut_or_moved_shares_do_not_open) {
    MAL_AUTO(house_clear) house h = { 0 };
    start(&h);
    mal_store_shares s = shares_of(&h, "retail.visits");
    CHECK_OK(put(&h, &s, WORDS));
    MAL_AUTO(mal_buf_clear) mal_buf file = { 0 };
    const char *path = in_house(&h, "store/share-1/part-1");
    CHECK_OK(mal_file_read(&file, path, 64 << 20));
    size_t at[] = { 0, (8u << 17) + 16 + 5, file.len - 1 };
    for (size_t i = 0; i < 3; i++) {
        file.ptr[at[i]] ^= 1;
        CHECK_OK(mal_file_write(path, mal_buf_view(&file), 0600));
        CHECK_ERR(mal_store_shares_read(h.store, back, &s), MAL_E_AUTH);
        file.ptr[at[i]] ^= 1;
    }
    CHECK_OK(mal_file_write(path, mal_bytes_of(file.ptr, file.len - 9), 0600));
    CHECK_ERR(mal_store_shares_read(h.store, back, &s), MAL_E_AUTH);
    MAL_AUTO(mal_buf_clear) mal_buf other = { 0 };
    CHECK_OK(
        mal_file_read(&other, in_house(&h, "store/share-1/part-0"), 64 << 20));
    CHECK_OK(mal_file_write(path, mal_buf_view(&other), 0600));
    CHECK_ERR(mal_store_shares_read(h.store, back, &s), MAL_E_AUTH);
    CHECK_OK(mal_file_write(path, mal_buf_view(&file), 0600));
    check_back(&h, &s);
}

TEST(shares_of_another_upload_epoch_or_table_are_not_these) {
    MAL_AUTO(house_clear) house h = { 0 };
    start(&h);
    mal_store_shares s = shares_of(&h, "retail.visits"), t = s;
    CHECK_OK(put(&h, &s, WORDS));
    t.epoch = 1;
    CHECK_ERR(mal_store_shares_read(h.store, back, &t), MAL_E_MISSING);
    t = s;
    t.upload[5] ^= 1;
    CHECK_ERR(mal_store_shares_read(h.store, back, &t), MAL_E_MISSING);
    t = shares_of(&h, "acme.customers");
    CHECK_ERR(mal_store_shares_read(h.store, back, &t), MAL_E_MISSING);
}

TEST(a_refresh_drops_an_epoch_and_keeps_the_key) {
    MAL_AUTO(house_clear) house h = { 0 };
    start(&h);
    mal_store_shares s = shares_of(&h, "retail.visits"), next = s;
    CHECK_OK(put(&h, &s, WORDS));
    next.epoch = 1;
    CHECK_OK(put(&h, &next, WORDS));
    CHECK_OK(mal_store_shares_drop(h.store, &s));
    CHECK_ERR(mal_store_shares_read(h.store, back, &s), MAL_E_MISSING);
    check_back(&h, &next);
}

TEST(removed_shares_are_erased_with_their_key) {
    MAL_AUTO(house_clear) house h = { 0 };
    start(&h);
    mal_store_shares s = shares_of(&h, "retail.visits"), two = s;
    two.version = 2;
    size_t n;
    CHECK_OK(put(&h, &s, WORDS));
    CHECK_OK(put(&h, &two, WORDS));
    MAL_AUTO(mal_buf_clear) mal_buf copy = { 0 };
    CHECK_OK(
        mal_file_read(&copy, in_house(&h, "store/share-1/part-0"), 64 << 20));
    CHECK_OK(mal_store_shares_remove(h.store, s.room, s.dataset, 1, &n));
    CHECK_EQ(n, 1);
    CHECK_EQ(count(&h), 1);
    check_back(&h, &two);
    mal_kms_binding b = { .dataset = s.dataset, .version = 1 };
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    memcpy(b.room, s.room, 32);
    memcpy(b.contract, s.contract, 32);
    CHECK_ERR(mal_kms_data_key(h.kms, &key, &b), MAL_E_MISSING);
    CHECK_OK(mal_store_shares_remove(h.store, s.room, s.dataset, 0, &n));
    CHECK_EQ(count(&h), 0);
    CHECK_OK(mal_store_shares_remove(h.store, s.room, s.dataset, 0, &n));
    CHECK_EQ(n, 0);
}

TEST(an_amendment_rewraps_the_key_of_shares) {
    MAL_AUTO(house_clear) house h = { 0 };
    start(&h);
    mal_store_shares s = shares_of(&h, "retail.visits");
    CHECK_OK(put(&h, &s, WORDS));
    mal_policy_contract *next = contract_of(&h, CUSTOMERS, 999, h.contract);
    CHECK_OK(mal_store_rewrap(h.store, next));
    CHECK_OK(mal_store_rewrap(h.store, next));
    check_back(&h, &s);
    mal_store_shares *list;
    size_t n;
    CHECK_OK(mal_store_shares_list(h.store, &list, &n, h.arena));
    CHECK(mal_equal(list[0].contract, next->hash, 32));
}

TEST_MAIN
