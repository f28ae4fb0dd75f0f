/* blocks.c - memory for many blocks, in huge pages. */
#include "ot_impl.h"

#include <string.h>
#include <sys/mman.h>

#define ALIGN ((size_t)64)
#define HUGE_PAGE ((size_t)2 << 20)

/* What lies just before the blocks. */
typedef struct head {
    void *start;
    size_t bytes; /* from the blocks on */
} head;
_Static_assert(sizeof(head) <= ALIGN, "the head fits before the blocks");

mal_ot_block *mal_ot_blocks_new(size_t n) {
    size_t bytes = n * sizeof(mal_ot_block);
    size_t align = bytes >= 4 * HUGE_PAGE ? HUGE_PAGE : ALIGN;
    if (n > SIZE_MAX / 64) {
        mal_err_set(MAL_E_MEMORY, __FILE__, __LINE__, "%zu blocks", n);
        return NULL;
    }
    uint8_t *start = mal_calloc(1, bytes + align + ALIGN);
    if (!start)
        return NULL;
    uintptr_t at = ((uintptr_t)start + ALIGN + align - 1) / align * align;
    if (align == HUGE_PAGE) /* best effort: pages that nobody has touched yet */
        (void)madvise((void *)at, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
    head *h = (head *)(at - sizeof(head));
    h->start = start;
    h->bytes = bytes;
    return (mal_ot_block *)at;
}

void mal_ot_blocks_free(mal_ot_block *blocks) {
    if (!blocks)
        return;
    head h = ((head *)(void *)blocks)[-1];
    mal_wipe(blocks, h.bytes);
    mal_free(h.start);
}

void mal_ot_blocks_auto(mal_ot_block **blocks) {
    mal_ot_blocks_free(*blocks);
    *blocks = NULL;
}
