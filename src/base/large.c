/* large.c - large blocks, straight from the system.
 *
 * A page that the system has just made costs more than a small calculation on
 * it.  So what is given back, as zeros, is kept for who asks next.
 */
#include "base_impl.h"

#include <pthread.h>
#include <sys/mman.h>

/* Below, the heap serves; a huge page of x86-64 and most others. */
#define LARGE ((size_t)1 << 20)
#define HUGE_PAGE ((size_t)2 << 20)

/* What is kept for the next ones: the newest, of all threads. */
#define KEPT 16
#define KEPT_BYTES ((size_t)96 << 20)

typedef struct span {
    void *at;
    size_t bytes;
} span;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static span kept[KEPT];
static unsigned n_kept;
static size_t kept_bytes;

static size_t span_of(size_t bytes) {
    return (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

/* Where huge pages can lie, the block begins on one. */
static void *map(size_t bytes) {
    uint8_t *at = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    const size_t before = (HUGE_PAGE - (uintptr_t)at % HUGE_PAGE) % HUGE_PAGE;
    if (before)
        (void)munmap(at, before);
    (void)munmap(at + before + bytes, HUGE_PAGE - before);
#ifdef MADV_HUGEPAGE
    (void)madvise(at + before, bytes, MADV_HUGEPAGE);
#endif
    return at + before;
}

static span take_out(unsigned i) {
    const span s = kept[i];
    kept_bytes -= s.bytes;
    memmove(&kept[i], &kept[i + 1], (--n_kept - i) * sizeof *kept);
    return s;
}

/* Of just this size, the last one given back. */
static void *reuse(size_t bytes) {
    void *at = NULL;
    pthread_mutex_lock(&lock);
    for (unsigned i = n_kept; i-- > 0 && !at;)
        if (kept[i].bytes == bytes)
            at = take_out(i).at;
    pthread_mutex_unlock(&lock);
    return at;
}

/* The oldest give way. */
static void keep(void *at, size_t bytes) {
    span gone[KEPT];
    unsigned n = 0;
    pthread_mutex_lock(&lock);
    while (n_kept && (n_kept == KEPT || kept_bytes + bytes > KEPT_BYTES))
        gone[n++] = take_out(0);
    kept[n_kept++] = (span){ at, bytes };
    kept_bytes += bytes;
    pthread_mutex_unlock(&lock);
    while (n > 0) {
        n--;
        (void)munmap(gone[n].at, gone[n].bytes);
    }
}

void *mal_large_new(size_t bytes) {
    if (bytes < LARGE)
        return mal_calloc(bytes, 1);
    void *block = NULL;
    if (bytes <= SIZE_MAX / 2 && !mal_alloc_must_fail()) {
        block = reuse(span_of(bytes));
        block = block ? block : map(span_of(bytes));
    }
    if (!block)
        mal_err_set(MAL_E_MEMORY, __FILE__, __LINE__,
                    "out of memory: %zu bytes were asked for", bytes);
    return block;
}

void mal_large_free(void *block, size_t bytes) {
    if (bytes < LARGE)
        mal_free(block);
    else if (block && span_of(bytes) > KEPT_BYTES)
        (void)munmap(block, span_of(bytes));
    else if (block)
        keep(block, span_of(bytes));
}
