/* mal_test.h - the test harness: cases are sentences about behaviour.
 *
 *     #include "mal_test.h"
 *     TEST(ledger_refuses_the_release_that_would_overdraw_it) {
 *         CHECK_ERR(mal_dp_ledger_hold(...), MAL_E_BUDGET);
 *     }
 *     TEST_MAIN
 *
 * Output is TAP.  A random test takes its seed from mal_test_seed(), which
 * prints it and takes it back from MAL_SEED.  Published vectors lie in
 * MALUS_VECTORS, or beside the checkout; where they are absent a test says SKIP
 * and why.
 */
#ifndef MAL_TEST_H
#define MAL_TEST_H

#include <malus/base.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct mal_test_case {
    const char *name;
    void (*run)(void);
    struct mal_test_case *next;
} mal_test_case;

static mal_test_case *mal_test_first, **mal_test_last = &mal_test_first;
static jmp_buf mal_test_exit;
static const char *mal_test_skip;

#define TEST(sentence)                                                         \
    static void test_##sentence(void);                                         \
    static mal_test_case case_##sentence = { #sentence, test_##sentence, 0 };  \
    __attribute__((constructor)) static void add_##sentence(void) {            \
        *mal_test_last = &case_##sentence;                                     \
        mal_test_last = &case_##sentence.next;                                 \
    }                                                                          \
    static void test_##sentence(void)

/* On failure: say where and leave the case.  (Owners in it leak; a failing test
 * may.) */
#define CHECK_THAT(cond, ...)                                                  \
    do {                                                                       \
        if (!(cond)) {                                                         \
            printf("# %s:%d: ", __FILE__, __LINE__);                           \
            printf(__VA_ARGS__);                                               \
            printf("\n");                                                      \
            longjmp(mal_test_exit, 1);                                         \
        }                                                                      \
    } while (0)
#define CHECK(cond) CHECK_THAT(cond, "not true: %s", #cond)
#define CHECK_EQ(a, b)                                                         \
    do {                                                                       \
        long long a_ = (long long)(a), b_ = (long long)(b);                    \
        CHECK_THAT(a_ == b_, "%s is %lld, not %lld", #a, a_, b_);              \
    } while (0)
#define CHECK_STR(a, b)                                                        \
    do {                                                                       \
        const char *a_ = (a), *b_ = (b);                                       \
        CHECK_THAT(a_ != NULL && b_ != NULL && strcmp(a_, b_) == 0,            \
                   "%s is \"%s\", not \"%s\"", #a, a_ ? a_ : "(null)",         \
                   b_ ? b_ : "(null)");                                        \
    } while (0)
#define CHECK_OK(call)                                                         \
    do {                                                                       \
        mal_err e_ = (call);                                                   \
        CHECK_THAT(e_ == MAL_OK, "%s: %s\n# %s", #call, mal_err_name(e_),      \
                   mal_err_trail());                                           \
    } while (0)
#define CHECK_ERR(call, wanted)                                                \
    do {                                                                       \
        mal_err e_ = (call);                                                   \
        CHECK_THAT(e_ == (wanted), "%s: %s, not %s (%s)", #call,               \
                   mal_err_name(e_), mal_err_name(wanted), mal_err_message()); \
    } while (0)
#define SKIP(why)                                                              \
    do {                                                                       \
        mal_test_skip = (why);                                                 \
        longjmp(mal_test_exit, 2);                                             \
    } while (0)

__attribute__((unused)) static uint64_t mal_test_seed(void) {
    static uint64_t seed;
    const char *given = getenv("MAL_SEED");
    if (!seed) {
        seed = given ? strtoull(given, NULL, 0) : mal_time_monotonic_ns() | 1;
        printf("# MAL_SEED=%llu\n", (unsigned long long)seed);
    }
    return seed;
}
/* splitmix64: for test data only. */
__attribute__((unused)) static uint64_t mal_test_rand(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}
/* Random words, from that seed. */
__attribute__((unused)) static void mal_test_fill(uint64_t *v, size_t n) {
    static uint64_t state;
    if (!state)
        state = mal_test_seed();
    for (size_t i = 0; i < n; i++)
        v[i] = mal_test_rand(&state);
}
/* Path of a vector file, or SKIP.  `name` as "tlog/signed-notes.json". */
__attribute__((unused)) static const char *mal_test_vector(const char *name) {
    static char path[4096];
    const char *root = getenv("MALUS_VECTORS");
    if (root)
        snprintf(path, sizeof path, "%s/%s", root, name);
    else
        snprintf(path, sizeof path, "%s/../shared/vectors/%s",
                 MAL_TEST_SOURCE_ROOT, name);
    if (access(path, R_OK) != 0)
        SKIP("published vectors are absent: set MALUS_VECTORS");
    return path;
}
/* A fresh folder under the build's temporary folder; nobody else removes it. */
__attribute__((unused)) static const char *mal_test_dir(void) {
    static char path[4096];
    const char *tmp = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/malus-test-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(path))
        abort();
    return path;
}

static int mal_test_main(int argc, char **argv) {
    static int n, failed; /* static: longjmp would clobber locals */
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (mal_test_case *t = mal_test_first; t; t = t->next)
        n += argc < 2 || strstr(t->name, argv[1]);
    printf("1..%d\n", n);
    n = 0;
    for (mal_test_case *t = mal_test_first; t; t = t->next) {
        if (argc >= 2 && !strstr(t->name, argv[1]))
            continue;
        n++;
        mal_err_forget();
        int how = setjmp(mal_test_exit);
        if (how == 0)
            t->run();
        failed += how == 1;
        printf("%s %d - %s%s%s\n", how == 1 ? "not ok" : "ok", n, t->name,
               how == 2 ? " # SKIP " : "", how == 2 ? mal_test_skip : "");
    }
    return failed != 0;
}
#define TEST_MAIN                                                              \
    int main(int argc, char **argv) {                                          \
        return mal_test_main(argc, argv);                                      \
    }

#endif
