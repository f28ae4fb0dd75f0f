/* block.c - typed rows in memory, a segment at most. */
#include "store_impl.h"

#include <string.h>

size_t mal_store_width(mal_duck_type kind) {
    return kind == MAL_DUCK_ID ? 16 : 8;
}

static mal_err alloc_columns(store_block *b, const store_schema *schema) {
    b->n = schema->n;
    for (unsigned i = 0; i < b->n; i++) {
        b->col[i].kind = schema->columns[i].kind;
        b->col[i].words =
            mal_calloc(MAL_STORE_SEGMENT_ROWS, mal_store_width(b->col[i].kind));
        b->col[i].null = mal_calloc(MAL_STORE_SEGMENT_ROWS, 1);
        MAL_REQUIRE(b->col[i].words && b->col[i].null, MAL_E_MEMORY,
                    "no memory for %u rows", MAL_STORE_SEGMENT_ROWS);
    }
    return MAL_OK;
}

mal_err mal_store_block_new(store_block **block, const store_schema *schema) {
    MAL_AUTO(mal_store_block_auto) store_block *b = mal_calloc(1, sizeof *b);

    MAL_REQUIRE(b, MAL_E_MEMORY, "out of memory");
    MAL_TRY(alloc_columns(b, schema));
    *block = b;
    b = NULL;
    return MAL_OK;
}

void mal_store_block_auto(store_block **block) {
    store_block *b = *block;

    if (!b)
        return;
    for (unsigned i = 0; i < b->n; i++) {
        if (b->col[i].words)
            mal_wipe(b->col[i].words,
                     MAL_STORE_SEGMENT_ROWS * mal_store_width(b->col[i].kind));
        mal_free(b->col[i].words);
        mal_free(b->col[i].null);
    }
    mal_free(b);
    *block = NULL;
}

void mal_store_block_copy(store_block *dst, const store_block *src, size_t from,
                          size_t n) {
    assert(dst->n == src->n && dst->rows + n <= MAL_STORE_SEGMENT_ROWS);
    for (unsigned i = 0; i < dst->n; i++) {
        size_t w = mal_store_width(dst->col[i].kind);
        memcpy((uint8_t *)dst->col[i].words + dst->rows * w,
               (const uint8_t *)src->col[i].words + from * w, n * w);
        memcpy(dst->col[i].null + dst->rows, src->col[i].null + from, n);
    }
    dst->rows += n;
}
