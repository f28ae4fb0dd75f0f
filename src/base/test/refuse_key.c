/* A key's pages: what must not be possible kills the process, so each case runs
 * in a child. */
#include "mal_test.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* The signal that ended fn in a child; 0 if it came back. */
static int died_of(void (*fn)(mal_key *)) {
    fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        struct rlimit none = { 0, 0 };
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGSEGV, SIG_DFL); /* a sanitizer may have taken it */
        signal(SIGABRT, SIG_DFL);
        if (!freopen("/dev/null", "w", stderr))
            _exit(2);
        mal_key key = { 0 };
        if (mal_key_alloc(&key, 33) != MAL_OK)
            _exit(2);
        fn(&key);
        _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void behave(mal_key *key) {
    memset(key->ptr, 1, key->len);
    mal_key_clear(key);
}
static void run_past_the_page(mal_key *key) {
    for (size_t i = 0; i < 64; i++)
        ((volatile uint8_t *)key->ptr)[i] = 1;
}
static void run_before_the_page(mal_key *key) {
    for (size_t i = 0; i < 2 * MAL_KEY_MAX; i++)
        ((volatile uint8_t *)key->ptr)[-(ptrdiff_t)i] = 1;
}
static void write_one_past(mal_key *key) {
    ((volatile uint8_t *)key->ptr)[key->len] = 0;
    mal_key_clear(key);
}
static void write_one_before(mal_key *key) {
    ((volatile uint8_t *)key->ptr)[-1] = 0;
    mal_key_clear(key);
}
static void use_after_clear(mal_key *key) {
    volatile uint8_t *old = key->ptr;
    mal_key_clear(key);
    *old = 1;
}

TEST(running_past_a_key_faults) {
    CHECK_EQ(died_of(behave), 0);
    CHECK_EQ(died_of(run_past_the_page), SIGSEGV);
}
TEST(running_before_a_key_faults) {
    CHECK_EQ(died_of(run_before_the_page), SIGSEGV);
}
TEST(one_byte_past_a_key_is_found_when_it_is_cleared) {
    CHECK_EQ(died_of(write_one_past), SIGABRT);
}
TEST(one_byte_before_a_key_is_found_when_it_is_cleared) {
    CHECK_EQ(died_of(write_one_before), SIGABRT);
}
TEST(a_cleared_key_is_gone) {
    CHECK_EQ(died_of(use_after_clear), SIGSEGV);
}

TEST(a_fork_does_not_inherit_keys) {
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    CHECK_OK(mal_key_from(&key, mal_bytes_str("a secret of the parent only")));
    fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        uint8_t seen = 0;
        for (size_t i = 0; i < key.len; i++)
            seen |= key.ptr[i];
        mal_key_clear(&key); /* the canary was wiped, too: no alarm */
        _exit(seen ? 1 : 0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(mal_equal(key.ptr, "a secret", 8));
}

TEST(sizes_outside_the_limit_are_refused) {
    mal_key key = { 0 };
    CHECK_ERR(mal_key_alloc(&key, 0), MAL_E_LIMIT);
    CHECK_ERR(mal_key_alloc(&key, MAL_KEY_MAX + 1), MAL_E_LIMIT);
    CHECK_ERR(mal_key_from(&key, mal_bytes_of(NULL, 0)), MAL_E_LIMIT);
    CHECK(!key.ptr && !key.len);
}

TEST(keys_work_where_no_memory_may_be_locked) {
    fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        struct rlimit none = { 0, 0 };
        setrlimit(RLIMIT_MEMLOCK, &none);
        if (!freopen("/dev/null", "w", stderr))
            _exit(2);
        mal_key key = { 0 };
        bool fine = mal_key_alloc(&key, 32) == MAL_OK;
        mal_key_clear(&key);
        _exit(fine ? 0 : 1);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_MAIN
