/* alloc.c - heap memory: zeroed, counted, and able to fail on demand. */
#include "base_impl.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

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

void *mal_calloc(size_t n, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(n, size, &total) || mal_alloc_must_fail())
        return out_of_memory(n, size);
    void *block = calloc(total ? total : 1, 1);
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
