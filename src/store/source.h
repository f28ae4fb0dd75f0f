/* source.h - a file as batches of text cells. */
#ifndef STORE_SOURCE_H
#define STORE_SOURCE_H

#include "store_impl.h"

typedef struct store_source {
    mal_duck *duck;
    int fd; /* -1: none */
    bool parquet, strict;
    char delimiter;
    uint64_t bytes;
    unsigned at[MAL_STORE_COLUMNS_MAX]; /* position in the file */
} store_source;

mal_err mal_store_source_open(store_source *source, const char *path,
                              const mal_store_options *options) MAL_MUST_CHECK;
void mal_store_source_clear(store_source *source);
/* Match the header with the schema and start reading. */
mal_err mal_store_source_begin(store_source *source,
                               const store_schema *schema) MAL_MUST_CHECK;
mal_err mal_store_source_next(store_source *source,
                              mal_duck_batch *cells) MAL_MUST_CHECK;
mal_err mal_store_source_end(store_source *source,
                             uint64_t *malformed) MAL_MUST_CHECK;

/* header.c: the cells of one CSV line, unquoted; quoted ones in the arena. */
mal_err mal_store_header_split(mal_bytes *cells, unsigned *n, unsigned max,
                               mal_arena *arena, mal_bytes line,
                               char delimiter) MAL_MUST_CHECK;

#endif
