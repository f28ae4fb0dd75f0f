/* mal_leak.h - the harness of leak tests: secrets are undefined memory.
 *
 *     #include "mal_leak.h"
 *     LEAK(comparing_keys_does_not_branch) {
 *         mal_leak_secret(key, 32);
 *         r = mal_equal(key, other, 32);
 *         mal_declassify(&r, sizeof r);
 *     }
 *     LEAK_CONTROL(a_branch_is_seen) { ... leaks on purpose, and must be caught
 * ... } LEAK_MAIN
 *
 * valgrind's memcheck reports each branch and each address that depends on
 * undefined bytes [secp256k1 ctime_tests.c].  A LEAK case passes with no
 * report, a LEAK_CONTROL with at least one.  Run by tools/leak_test.py, which
 * builds test and sources with gcc and clang at -O1 to -O3.  Outside valgrind
 * all cases SKIP.
 */
#ifndef MAL_LEAK_H
#define MAL_LEAK_H

#include <malus/base.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/memcheck.h>

#ifndef MAL_LEAK_TEST
#error "leak tests are built by tools/leak_test.py, which defines MAL_LEAK_TEST"
#endif

typedef struct mal_leak_case {
    const char *name;
    void (*run)(void);
    bool control;
    struct mal_leak_case *next;
} mal_leak_case;

static mal_leak_case *mal_leak_first, **mal_leak_last = &mal_leak_first;

#define MAL_LEAK_CASE(sentence, is_control)                                    \
    static void leak_##sentence(void);                                         \
    static mal_leak_case case_##sentence = { #sentence, leak_##sentence,       \
                                             is_control, 0 };                  \
    __attribute__((constructor)) static void add_##sentence(void) {            \
        *mal_leak_last = &case_##sentence;                                     \
        mal_leak_last = &case_##sentence.next;                                 \
    }                                                                          \
    static void leak_##sentence(void)
#define LEAK(sentence) MAL_LEAK_CASE(sentence, false)
#define LEAK_CONTROL(sentence) MAL_LEAK_CASE(sentence, true)

/* From here on these bytes are secret: nothing observable may depend on them.
 */
__attribute__((unused)) static void mal_leak_secret(const void *block,
                                                    size_t len) {
    (void)VALGRIND_MAKE_MEM_UNDEFINED(block, len);
}

void mal_declassify(const void *block, size_t len) {
    (void)VALGRIND_MAKE_MEM_DEFINED(block, len);
}

/* The compiler must believe that a result is used; nobody looks at it. */
__attribute__((unused)) static void mal_leak_sink(const void *block) {
    __asm__ volatile("" : : "r"(block) : "memory");
}

/* The control of code on shares, which has no branch to take. */
#define LEAK_CONTROL_SHARE                                                     \
    LEAK_CONTROL(a_branch_on_a_share_is_seen) {                                \
        uint64_t share = 5;                                                    \
        mal_leak_secret(&share, sizeof share);                                 \
        if (mal_barrier(share) == 5)                                           \
            mal_leak_sink(&share);                                             \
    }

#define LEAK_MAIN                                                              \
    int main(void) {                                                           \
        int n = 0, failed = 0;                                                 \
        for (mal_leak_case *t = mal_leak_first; t; t = t->next)                \
            n++;                                                               \
        printf("1..%d\n", n);                                                  \
        n = 0;                                                                 \
        for (mal_leak_case *t = mal_leak_first; t; t = t->next) {              \
            n++;                                                               \
            if (!RUNNING_ON_VALGRIND) {                                        \
                printf("ok %d - %s # SKIP not under valgrind\n", n, t->name);  \
                continue;                                                      \
            }                                                                  \
            unsigned before = (unsigned)VALGRIND_COUNT_ERRORS;                 \
            t->run();                                                          \
            unsigned seen = (unsigned)VALGRIND_COUNT_ERRORS - before;          \
            bool good = t->control ? seen > 0 : seen == 0;                     \
            failed += !good;                                                   \
            printf("%s %d - %s\n", good ? "ok" : "not ok", n, t->name);        \
            if (!good)                                                         \
                printf("# %u leaks were seen, %s\n", seen,                     \
                       t->control ? "at least one must be" : "none may be");   \
        }                                                                      \
        return failed != 0;                                                    \
    }

#endif
