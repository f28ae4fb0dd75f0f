/* secret.c - wiping, and comparing without telling where. */
#include "base_impl.h"

#include <string.h>

void mal_wipe(void *block, size_t len) {
    if (!len)
        return;
    memset(block, 0, len);
    /* The compiler must believe that somebody reads the zeroes. */
    __asm__ volatile("" : : "r"(block) : "memory");
}

bool mal_equal(const void *a, const void *b, size_t len) {
    const uint8_t *x = a, *y = b;
    uint64_t differ = 0;
    for (size_t i = 0; i < len; i++)
        differ |= mal_barrier((uint64_t)(x[i] ^ y[i]));
    return mal_mask_nonzero(differ) == 0;
}

int mal_compare_vartime(const void *a, const void *b, size_t len) {
    return len ? __builtin_memcmp(a, b, len) : 0;
}
