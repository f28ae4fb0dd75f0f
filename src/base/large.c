/* large.c - large blocks, straight from the system. */
#include "base_impl.h"

#include <sys/mman.h>

/* Below, the heap serves; a huge page of x86-64 and most others. */
#define LARGE ((size_t)1 << 20)
#define HUGE_PAGE ((size_t)2 << 20)

/* Where huge pages can lie, the block begins on one. */
static size_t span_of(size_t bytes) {
    return (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

static void *map(size_t span) {
    uint8_t *at = mmap(NULL, span + HUGE_PAGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    const size_t before = (HUGE_PAGE - (uintptr_t)at % HUGE_PAGE) % HUGE_PAGE;
    if (before)
        (void)munmap(at, before);
    (void)munmap(at + before + span, HUGE_PAGE - before);
#ifdef MADV_HUGEPAGE
    (void)madvise(at + before, span, MADV_HUGEPAGE);
#endif
    return at + before;
}

void *mal_large_new(size_t bytes) {
    if (bytes < LARGE)
        return mal_calloc(bytes, 1);
    void *block = bytes > SIZE_MAX / 2 || mal_alloc_must_fail()
                      ? NULL
                      : map(span_of(bytes));
    if (!block)
        mal_err_set(MAL_E_MEMORY, __FILE__, __LINE__,
                    "out of memory: %zu bytes were asked for", bytes);
    return block;
}

void mal_large_free(void *block, size_t bytes) {
    if (bytes < LARGE)
        mal_free(block);
    else if (block)
        (void)munmap(block, span_of(bytes));
}
