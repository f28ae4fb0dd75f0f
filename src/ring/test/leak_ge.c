/* Secret scalars and points do not steer: run again under valgrind, with the
 * secrets undefined. */
#include <malus/ring.h>
#include "mal_test.h"
#include <sys/wait.h>

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define RUNNING_ON_VALGRIND 0
#define VALGRIND_MAKE_MEM_UNDEFINED(p, n) ((void)(p), (void)(n))
#define VALGRIND_MAKE_MEM_DEFINED(p, n) ((void)(p), (void)(n))
#endif

static void secret_work(void) {
    mal_ring_ge g, p, q[4];
    mal_ring_fe scratch[4];
    uint8_t s[32], out[4][32];
    MAL_AUTO(mal_ring_comb_auto) mal_ring_comb *comb = NULL;
    mal_ring_ge_base(&g);
    CHECK_OK(mal_ring_comb_new(&comb, &g));
    for (int i = 0; i < 32; i++)
        s[i] = (uint8_t)(i * 37 + 11);
    s[31] = 0x0a;
    VALGRIND_MAKE_MEM_UNDEFINED(s, sizeof s);
    for (int i = 0; i < 4; i++) {
        mal_ring_comb_mul(&q[i], comb, s);
        s[i] ^= 0x5a;
    }
    mal_ring_ge_add(&p, &q[0], &q[1]);
    mal_ring_ge_sub(&p, &p, &q[2]);
    mal_ring_ge_neg(&p, &p);
    mal_ring_ge_double(&q[3], &p);
    mal_ring_ge_encode(out[0], &p);
    mal_ring_ge_encode_doubled(out, q, scratch, 4);
    VALGRIND_MAKE_MEM_DEFINED(out, sizeof out);
    uint64_t equal = mal_ring_ge_mask_eq(&p, &q[0]);
    VALGRIND_MAKE_MEM_DEFINED(&equal, sizeof equal);
    CHECK(!equal);
}

TEST(secret_scalars_and_points_do_not_steer) {
    if (RUNNING_ON_VALGRIND) {
        secret_work();
        return;
    }
    secret_work(); /* its result, at least */
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        char self[4096];
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
        self[n < 0 ? 0 : n] = 0;
        (void)!freopen("/dev/null", "w", stdout);
        execlp("valgrind", "valgrind", "-q", "--error-exitcode=99", self,
               (char *)NULL);
        _exit(98);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 98)
        SKIP("valgrind is not installed");
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_MAIN
