/* Parked shares come back as they were, and their disk shows nothing. */
#include "share3_parties.h"

#include <dirent.h>
#include <fcntl.h>

#define N 300000 /* 4.8 MB: five pieces */

static mal_err park_body(mal_share3 *s, void *ctx) {
    mal_share3_words v = { 0 }, w = { 0 };
    mal_share3_bits b = { 0 };
    (void)ctx;
    mal_err err = mal_share3_words_new(s, &v, N);
    if (err == MAL_OK)
        err = mal_share3_bits_new(s, &b, 1000, 3);
    for (size_t i = 0; i < N && err == MAL_OK; i++)
        v.part[1][i] = 3 * (v.part[0][i] = i * UINT64_C(0x9e3779b97f4a7c15));
    for (size_t i = 0; i < 3 * b.stride && err == MAL_OK; i++)
        b.part[0][i] = ~(b.part[1][i] = i);
    for (unsigned turn = 0; turn < 3 && err == MAL_OK; turn++) {
        CHECK_OK(mal_share3_words_park(s, &v));
        CHECK_OK(mal_share3_words_park(s, &v));
        CHECK_OK(mal_share3_bits_park(s, &b));
        CHECK(mal_share3_count(s).held == 0 && !v.part[0] && !b.part[0]);
        CHECK_OK(mal_share3_words_new(s, &w, N)); /* in its place */
        mal_share3_words_clear(&w);
        CHECK_OK(mal_share3_bits_unpark(s, &b));
        CHECK_OK(mal_share3_words_unpark(s, &v));
        CHECK_OK(mal_share3_words_unpark(s, &v));
    }
    for (size_t i = 0; i < N; i++)
        CHECK(v.part[0][i] == i * UINT64_C(0x9e3779b97f4a7c15) &&
              v.part[1][i] == 3 * v.part[0][i]);
    for (size_t i = 0; i < 3 * b.stride; i++)
        CHECK(b.part[1][i] == i && b.part[0][i] == ~i);
    CHECK_OK(mal_share3_words_park(s, &v)); /* cleared while parked */
    mal_share3_words_clear(&v);
    mal_share3_bits_clear(&b);
    return err;
}

static size_t files_in(const char *dir) {
    size_t n = 0;
    DIR *d = opendir(dir);
    CHECK(d);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* One party's engine is enough, with the two others as dead channels. */
static mal_share3 *alone(const char *dir, size_t memory_max) {
    mal_share3 *s = aligned_alloc(64, (sizeof *s + 63) / 64 * 64);
    CHECK(s);
    memset(s, 0, sizeof *s);
    s->options.spill_dir = dir;
    s->options.memory_max = memory_max;
    return s;
}

static void alone_done(mal_share3 *s) {
    CHECK(s->memory == 0 && s->n_resting == 0);
    share3_kept_clear(s);
    mal_free(s->resting);
    share3_spill_close(s);
    free(s);
}

TEST(parked_shares_come_back_as_they_were_and_the_file_has_no_name) {
    mal_share3 *s = alone(mal_test_dir(), 5000000);
    CHECK_OK(park_body(s, NULL));
    CHECK(files_in(s->options.spill_dir) == 0);
    alone_done(s);
}

/* --- Resting --- */

static void fill(mal_share3_words *v) {
    for (size_t i = 0; i < v->n; i++)
        v->part[1][i] = ~(v->part[0][i] = 7 * i);
}

static bool is_filled(const mal_share3_words *v) {
    for (size_t i = 0; i < v->n; i++)
        if (v->part[0][i] != 7 * i || v->part[1][i] != ~(7 * i))
            return false;
    return true;
}

TEST(what_rests_goes_to_disk_when_another_would_not_fit) {
    mal_share3 *s = alone(mal_test_dir(), 5000000);
    mal_share3_words v = { 0 }, w = { 0 }, more = { 0 };
    mal_share3_bits small = { 0 };
    CHECK_OK(mal_share3_words_new(s, &v, N));
    fill(&v);
    CHECK_OK(mal_share3_words_rest(s, &v));
    CHECK_OK(mal_share3_bits_new(s, &small, 1000, 3)); /* there is room */
    CHECK_OK(mal_share3_bits_rest(s, &small));
    CHECK(v.part[0] && small.part[0]);
    CHECK_OK(mal_share3_words_new(s, &w, N));
    CHECK(!v.part[0] && small.part[0]); /* no more than must */
    fill(&w);
    CHECK(mal_share3_words_new(s, &more, N) == MAL_E_LIMIT); /* w works */
    CHECK_OK(mal_share3_words_rest(s, &w));
    CHECK_OK(mal_share3_words_unpark(s, &v));
    CHECK(!w.part[0] && v.part[0] && is_filled(&v));
    CHECK(mal_share3_words_new(s, &more, N) == MAL_E_LIMIT); /* v woke */
    mal_share3_words_clear(&v);
    CHECK_OK(mal_share3_words_unpark(s, &w));
    CHECK(is_filled(&w) && mal_share3_count(s).held <= 5000000);
    mal_share3_words_clear(&w);
    mal_share3_bits_clear(&small); /* cleared while it rests */
    alone_done(s);
}

TEST(without_a_folder_the_bound_stands) {
    mal_share3 *s = alone(NULL, 5000000);
    mal_share3_words v = { 0 }, w = { 0 };
    CHECK_OK(mal_share3_words_new(s, &v, N));
    fill(&v);
    CHECK_OK(mal_share3_words_rest(s, &v));
    CHECK(mal_share3_words_new(s, &w, N) == MAL_E_LIMIT);
    CHECK(strstr(mal_err_message(), "over the limit of 5000000"));
    CHECK(is_filled(&v));
    mal_share3_words_clear(&v);
    alone_done(s);
}

/* --- The disk
 * -------------------------------------------------------------------- */

/* The file that the engine holds, by way of /proc. */
static int spill_fd(const mal_share3 *s) {
    char path[64], target[4096];
    for (int fd = 3; fd < 200; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        const ssize_t n = readlink(path, target, sizeof target - 1);
        if (n < 0)
            continue;
        target[n] = 0;
        if (strstr(target, s->options.spill_dir))
            return fd;
    }
    return -1;
}

TEST(the_disk_holds_neither_the_shares_nor_the_same_bytes_twice) {
    mal_share3 *s = alone(mal_test_dir(), 0);
    mal_share3_words v = { 0 }, w = { 0 };
    static uint8_t disk[2][1 << 16];
    CHECK_OK(mal_share3_words_new(s, &v, 4096)); /* zeros, 64 KiB each */
    CHECK_OK(mal_share3_words_new(s, &w, 4096));
    CHECK_OK(mal_share3_words_park(s, &v));
    CHECK_OK(mal_share3_words_park(s, &w));
    const int fd = spill_fd(s);
    if (fd < 0)
        SKIP("/proc is not there");
    const off_t second = (1 << 20) + 16;
    CHECK(pread(fd, disk[0], sizeof disk[0], 0) == sizeof disk[0]);
    CHECK(pread(fd, disk[1], sizeof disk[1], second) == sizeof disk[1]);
    CHECK(memcmp(disk[0], disk[1], sizeof disk[0]) != 0);
    for (unsigned k = 0; k < 2; k++) {
        size_t zeros = 0;
        for (size_t i = 0; i < sizeof disk[0]; i++)
            zeros += disk[k][i] == 0;
        CHECK(zeros > 100 && zeros < 500); /* 256 +- 15 deviations */
    }
    mal_share3_words_clear(&v);
    mal_share3_words_clear(&w);
    alone_done(s);
}

TEST(a_byte_changed_on_disk_is_found) {
    for (unsigned k = 0; k < 3; k++) {
        mal_share3 *s = alone(mal_test_dir(), 0);
        mal_share3_words v = { 0 };
        uint8_t byte;
        CHECK_OK(mal_share3_words_new(s, &v, 200000)); /* 3.2 MB */
        CHECK_OK(mal_share3_words_park(s, &v));
        const int fd = spill_fd(s);
        if (fd < 0)
            SKIP("/proc is not there");
        const off_t at = (off_t[]){ 0, (1 << 20) + 3, 3000000 }[k];
        CHECK(pread(fd, &byte, 1, at) == 1);
        byte ^= 1;
        CHECK(pwrite(fd, &byte, 1, at) == 1);
        CHECK_ERR(mal_share3_words_unpark(s, &v), MAL_E_AUTH);
        CHECK(s->memory == 0);
        if (k == 2) {
            CHECK(ftruncate(fd, 100) == 0);
            CHECK_ERR(mal_share3_words_unpark(s, &v), MAL_E_IO);
        }
        mal_share3_words_clear(&v);
        alone_done(s);
    }
}

TEST(two_pieces_exchanged_on_disk_are_found) {
    mal_share3 *s = alone(mal_test_dir(), 0);
    mal_share3_words v = { 0 };
    static uint8_t piece[2][(1 << 20) + 16];
    CHECK_OK(mal_share3_words_new(s, &v, 200000));
    CHECK_OK(mal_share3_words_park(s, &v));
    const int fd = spill_fd(s);
    if (fd < 0)
        SKIP("/proc is not there");
    for (unsigned k = 0; k < 2; k++)
        CHECK(pread(fd, piece[k], sizeof piece[k],
                    (off_t)(k * sizeof piece[k])) == sizeof piece[k]);
    for (unsigned k = 0; k < 2; k++)
        CHECK(pwrite(fd, piece[1 - k], sizeof piece[k],
                     (off_t)(k * sizeof piece[k])) == sizeof piece[k]);
    CHECK_ERR(mal_share3_words_unpark(s, &v), MAL_E_AUTH);
    mal_share3_words_clear(&v);
    alone_done(s);
}

/* --- Refusals
 * --------------------------------------------------------------------- */

TEST(without_a_folder_or_with_one_that_is_not_there_nothing_is_parked) {
    mal_share3 *s = alone(NULL, 0);
    mal_share3_words v = { 0 };
    CHECK_OK(mal_share3_words_new(s, &v, 10));
    mal_share3_words view = mal_share3_words_view(&v, 1, 3);
    CHECK_ERR(mal_share3_words_park(s, &v), MAL_E_STATE);
    s->options.spill_dir = "/nonexistent/folder";
    CHECK_ERR(mal_share3_words_park(s, &v), MAL_E_IO);
    CHECK_ERR(mal_share3_words_park(s, &view), MAL_E_INPUT);
    s->options.spill_dir = mal_test_dir();
    CHECK_OK(mal_share3_words_park(s, &v)); /* and now it is */
    mal_share3_words_clear(&v);
    alone_done(s);
}

TEST(each_failed_allocation_leaves_the_shares_where_they_were) {
    mal_err err = MAL_E_MEMORY;
    for (uint64_t n = 1; err != MAL_OK; n++) {
        mal_share3 *s = alone(mal_test_dir(), 0);
        mal_share3_words v = { 0 };
        CHECK_OK(mal_share3_words_new(s, &v, 10));
        v.part[0][9] = 7;
        mal_alloc_fail_at(n);
        err = mal_share3_words_park(s, &v);
        if (err == MAL_OK)
            err = mal_share3_words_unpark(s, &v);
        mal_alloc_fail_at(0);
        CHECK(err == MAL_OK || err == MAL_E_MEMORY);
        CHECK_OK(mal_share3_words_unpark(s, &v));
        CHECK(v.part[0][9] == 7);
        mal_share3_words_clear(&v);
        alone_done(s);
        CHECK(n < 100);
    }
}

TEST_MAIN
