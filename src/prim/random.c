/* random.c - bytes of the kernel. */
#include "prim_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void mal_prim_random(void *out, size_t len) {
    uint8_t *at = out;
    while (len) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            /* Going on without randomness would publish keys. */
            fprintf(stderr, "malus: the kernel gives no randomness\n");
            abort();
        }
        at += got;
        len -= (size_t)got;
    }
}
