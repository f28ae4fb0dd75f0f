#include "mal_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char *at(const char *dir, const char *name) {
    static char path[2][5000];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

TEST(a_file_is_written_replaced_and_read_back) {
    const char *dir = mal_test_dir();
    const char *path = at(dir, "state");
    CHECK(!mal_file_exists(path));
    CHECK_OK(mal_file_write(path, mal_bytes_str("one"), 0600));
    CHECK_OK(mal_file_write(path, mal_bytes_str("two!"), 0640));
    struct stat st;
    CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0640);
    MAL_AUTO(mal_buf_clear) mal_buf b = { 0 };
    CHECK_OK(mal_buf_put_str(&b, "> "));
    CHECK_OK(mal_file_read(&b, path, 4));
    CHECK(mal_bytes_same_vartime(mal_buf_view(&b), mal_bytes_str("> two!")));
    CHECK_OK(mal_file_remove(path));
    CHECK(!mal_file_exists(path));
    CHECK_OK(mal_file_remove(path));
    CHECK_OK(mal_dir_remove(dir));
}

TEST(an_empty_file_and_a_file_without_a_known_size_are_read) {
    const char *dir = mal_test_dir();
    CHECK_OK(mal_file_write(at(dir, "e"), mal_bytes_of(NULL, 0), 0600));
    MAL_AUTO(mal_buf_clear) mal_buf b = { 0 };
    CHECK_OK(mal_file_read(&b, at(dir, "e"), 0));
    CHECK_EQ(b.len, 0);
    CHECK_OK(mal_file_read(&b, "/proc/self/status", 1 << 20));
    CHECK(b.len > 100);
    CHECK_OK(mal_dir_remove(dir));
}

TEST(a_large_file_comes_back_whole) {
    const char *dir = mal_test_dir();
    MAL_AUTO(mal_buf_clear) mal_buf in = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    for (uint64_t i = 0; i < 400000; i++)
        CHECK_OK(mal_buf_put_u64(&in, i));
    CHECK_OK(mal_file_write(at(dir, "big"), mal_buf_view(&in), 0600));
    mal_buf_init(&out, in.len + 1);
    CHECK_OK(mal_file_read(&out, at(dir, "big"), in.len));
    CHECK(mal_bytes_same_vartime(mal_buf_view(&in), mal_buf_view(&out)));
    CHECK_OK(mal_dir_remove(dir));
}

TEST(a_tree_is_made_and_removed_but_links_are_not_followed) {
    const char *dir = mal_test_dir();
    char tree[5000], outside[5000];
    snprintf(tree, sizeof tree, "%s/a//b/c/", dir);
    CHECK_OK(mal_dir_make(tree, 0700));
    CHECK_OK(mal_dir_make(tree, 0700));
    CHECK(mal_file_exists(tree));
    snprintf(outside, sizeof outside, "%s/keep", dir);
    CHECK_OK(mal_file_write(outside, mal_bytes_str("x"), 0600));
    CHECK_OK(mal_file_write(at(dir, "a/b/file"), mal_bytes_str("y"), 0600));
    CHECK(symlink(dir, at(dir, "a/link")) == 0);
    CHECK_OK(mal_dir_remove(at(dir, "a")));
    CHECK(!mal_file_exists(at(dir, "a")) && mal_file_exists(outside));
    CHECK_OK(mal_dir_remove(at(dir, "a")));
    CHECK_OK(mal_dir_remove(dir));
}

TEST(a_descriptor_is_written_and_read_in_full) {
    int fd[2];
    CHECK(pipe(fd) == 0);
    CHECK_OK(mal_fd_write(fd[1], mal_bytes_str("hello")));
    char got[5];
    CHECK_OK(mal_fd_read(fd[0], got, 5));
    CHECK(mal_equal(got, "hello", 5));
    mal_fd_auto(&fd[1]);
    CHECK_EQ(fd[1], -1);
    CHECK_ERR(mal_fd_read(fd[0], got, 1), MAL_E_IO);
    mal_fd_auto(&fd[0]);
}

TEST(what_cannot_be_read_or_written_says_so) {
    MAL_AUTO(mal_buf_clear) mal_buf b = { 0 };
    CHECK_ERR(mal_file_read(&b, "/nonexistent", 9), MAL_E_MISSING);
    CHECK_ERR(mal_file_read(&b, "/", 9), MAL_E_IO);
    CHECK_ERR(mal_file_read(&b, "/proc/self/status", 9), MAL_E_LIMIT);
    CHECK_EQ(b.len, 0);
    CHECK_ERR(mal_file_write("/nonexistent/x", mal_bytes_str(""), 0600),
              MAL_E_MISSING);
    CHECK_ERR(mal_dir_make("/dev/null/x", 0700), MAL_E_IO);
    CHECK_ERR(mal_dir_make("", 0700), MAL_E_LIMIT);
    CHECK_ERR(mal_dir_sync("/nonexistent"), MAL_E_MISSING);
    CHECK_ERR(mal_fd_write(-1, mal_bytes_str("x")), MAL_E_IO);
}

TEST(a_failed_write_leaves_the_old_file_and_nothing_else) {
    const char *dir = mal_test_dir();
    CHECK_OK(mal_dir_make(at(dir, "target/inner"), 0700));
    CHECK_ERR(mal_file_write(at(dir, "target"), mal_bytes_str("x"), 0600),
              MAL_E_IO);
    CHECK(mal_file_exists(at(dir, "target/inner")));
    CHECK_OK(mal_dir_remove(at(dir, "target")));
    CHECK(rmdir(dir) == 0); /* no temporary file is left */
}

/* The child writes two contents in turn until it is killed; whenever that is,
 * the file holds one of them. */
TEST(a_killed_writer_leaves_one_whole_content) {
    const char *dir = mal_test_dir();
    const char *path = at(dir, "ledger");
    uint64_t state = mal_test_seed();
    static uint8_t content[2][20000];
    memset(content[1], 0xff, sizeof content[1]);
    CHECK_OK(mal_file_write(path, mal_bytes_of(content[0], 20000), 0600));
    for (int round = 0; round < 30; round++) {
        fflush(stdout);
        pid_t pid = fork();
        CHECK(pid >= 0);
        bool child = pid == 0;
        for (int i = 0; child; child = ++i > 0)
            if (mal_file_write(path, mal_bytes_of(content[i % 2], 20000),
                               0600) != MAL_OK)
                _exit(1);
        usleep((useconds_t)(500 + mal_test_rand(&state) % 5000));
        CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
        MAL_AUTO(mal_buf_clear) mal_buf b = { 0 };
        CHECK_OK(mal_file_read(&b, path, 20000));
        CHECK_EQ(b.len, 20000);
        CHECK(mal_equal(b.ptr, content[b.ptr[0] ? 1 : 0], 20000));
    }
    CHECK_OK(mal_dir_remove(dir));
}

TEST_MAIN
