/* arena.c - memory that is freed at once with its owner.
 *
 * Chunks double from 4 KiB to 1 MiB; a larger request gets a chunk of its own.
 * Memory is handed out once, so a chunk's zeroes from calloc() serve.
 */
#include "base_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ALIGN ((size_t)16)
#define CHUNK_MIN ((size_t)4 << 10)
#define CHUNK_MAX ((size_t)1 << 20)

typedef struct chunk {
    struct chunk *next;
    size_t used, cap; /* of data */
    _Alignas(16) uint8_t data[];
} chunk;

struct mal_arena {
    chunk *first; /* the one that is being filled */
    size_t used, max;
    size_t chunk_size; /* of the next chunk */
};

mal_arena *mal_arena_new(size_t bytes_max) {
    mal_arena *arena = mal_calloc(1, sizeof *arena);
    if (arena) {
        arena->max = bytes_max;
        arena->chunk_size = CHUNK_MIN;
    }
    return arena;
}

void mal_arena_free(mal_arena *arena) {
    if (!arena)
        return;
    for (chunk *c = arena->first, *next; c; c = next) {
        next = c->next;
        mal_wipe(c->data, c->used);
        mal_free(c);
    }
    mal_free(arena);
}

void mal_arena_auto(mal_arena **arena) {
    mal_arena_free(*arena);
    *arena = NULL;
}

static chunk *add_chunk(mal_arena *arena, size_t size) {
    size_t cap = size > arena->chunk_size ? size : arena->chunk_size;
    chunk *c = mal_calloc(1, sizeof *c + cap);
    if (!c)
        return NULL;
    c->cap = cap;
    if (arena->chunk_size < CHUNK_MAX)
        arena->chunk_size *= 2;
    /* A chunk that its first request fills goes second: the one in front may
     * still have room. */
    if (size == cap && arena->first) {
        c->next = arena->first->next;
        arena->first->next = c;
    } else {
        c->next = arena->first;
        arena->first = c;
    }
    return c;
}

void *mal_arena_alloc(mal_arena *arena, size_t size) {
    size_t left = arena->max - arena->used;
    size_t rounded = size ? (size + ALIGN - 1) & ~(ALIGN - 1) : ALIGN;
    if (rounded < size || rounded > left) {
        mal_err_set(MAL_E_LIMIT, __FILE__, __LINE__,
                    "the work needs more than its limit of %zu bytes of memory",
                    arena->max);
        return NULL;
    }
    chunk *c = arena->first;
    if (!c || c->cap - c->used < rounded)
        c = add_chunk(arena, rounded);
    if (!c)
        return NULL;
    void *block = c->data + c->used;
    c->used += rounded;
    arena->used += rounded;
    return block;
}

void *mal_arena_calloc(mal_arena *arena, size_t n, size_t size) {
    size_t total;
    /* An overflow asks for more than any limit. */
    if (__builtin_mul_overflow(n, size, &total))
        total = SIZE_MAX;
    return mal_arena_alloc(arena, total);
}

char *mal_arena_strndup(mal_arena *arena, const char *text, size_t len) {
    char *copy = mal_arena_alloc(arena, len == SIZE_MAX ? len : len + 1);
    if (copy && len)
        memcpy(copy, text, len);
    return copy;
}

char *mal_arena_strdup(mal_arena *arena, const char *text) {
    return mal_arena_strndup(arena, text, strlen(text));
}

char *mal_arena_printf(mal_arena *arena, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(len >= 0);
    char *text = mal_arena_alloc(arena, (size_t)len + 1);
    if (text) {
        va_start(args, fmt);
        vsnprintf(text, (size_t)len + 1, fmt, args);
        va_end(args);
    }
    return text;
}

size_t mal_arena_used(const mal_arena *arena) {
    return arena->used;
}
