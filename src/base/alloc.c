/* alloc.c - heap memory: zeroed, counted, and able to fail on demand. */
#include "base_impl.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((uintptr_t)2 << 20)

static _Atomic uint64_t count;
static _Atomic uint64_t fail_at; /* the count that must fail; 0: none */

bool mal_alloc_must_fail(void) {
    uint64_t mine = atomic_fetch_add(&count, 1) + 1;
    return mine == atomic_load(&fail_at);
}

void mal_alloc_fail_at(uint64_t n) {
    atomic_store(&fail_at, n ? atomic_load(&count) + n : 0);
}

uint64_t mal_alloc_count(void) {
    return atomic_load(&count);
}

static void *out_of_memory(size_t n, size_t size) {
    mal_err_set(MAL_E_MEMORY, __FILE__, __LINE__,
                "out of memory: %zu x %zu bytes were asked for", n, size);
    return NULL;
}

/* A large block's pages are made 2 MiB at a time where the system can: a fault
 * for each 4 KiB costs more than to fill them. */
static void want_huge_pages(void *block, size_t size) {
#ifdef MADV_HUGEPAGE
    uintptr_t from = ((uintptr_t)block + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
    uintptr_t to = ((uintptr_t)block + size) & ~(HUGE_PAGE - 1);
    (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
#else
    (void)block, (void)size;
#endif
}

void *mal_calloc(size_t n, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(n, size, &total) || mal_alloc_must_fail())
        return out_of_memory(n, size);
    void *block = calloc(total ? total : 1, 1);
    if (block && total >= 2 * HUGE_PAGE)
        want_huge_pages(block, total);
    return block ? block : out_of_memory(n, size);
}

/* Never realloc(): it may leave a copy of a secret behind. */
void *mal_realloc(void *old, size_t old_size, size_t new_size) {
    void *block = mal_calloc(new_size, 1);
    if (!block || !old)
        return block;
    memcpy(block, old, old_size < new_size ? old_size : new_size);
    mal_wipe(old, old_size);
    free(old);
    return block;
}

void mal_free(void *block) {
    free(block);
}

/* glibc's heap gives memory back to the system, page by page, whenever 128 KiB
 * lie free at its end, until it has seen a block of up to 32 MiB go. */
void mal_heap_settle(void) {
#ifdef __GLIBC__
    (void)mallopt(M_MMAP_THRESHOLD, 32 << 20);
    (void)mallopt(M_TRIM_THRESHOLD, 64 << 20);
#endif
}
