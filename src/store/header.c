/* header.c - the first line of a CSV file [RFC4180]: names of columns. */
#include "source.h"

#include <string.h>

/* A quoted cell from *at on; the inside, with "" as one quote. */
static mal_err quoted(mal_bytes *cell, mal_arena *arena, mal_bytes line,
                      size_t *at) {
    uint8_t *out = mal_arena_alloc(arena, line.len - *at + 1);
    size_t n = 0, i = *at + 1;

    MAL_REQUIRE(out, MAL_E_MEMORY, "no room for the header");
    for (;; i++) {
        MAL_REQUIRE(i < line.len, MAL_E_INPUT,
                    "a quote in the header does not end on its line");
        if (line.ptr[i] == '"' && (i + 1 == line.len || line.ptr[i + 1] != '"'))
            break;
        i += line.ptr[i] == '"'; /* the second of two */
        out[n++] = line.ptr[i];
    }
    *cell = mal_bytes_of(out, n);
    *at = i + 1;
    return MAL_OK;
}

static mal_bytes bare(mal_bytes line, size_t *at, char delimiter) {
    size_t from = *at;
    while (*at < line.len && line.ptr[*at] != (uint8_t)delimiter)
        ++*at;
    return mal_bytes_of(line.ptr + from, *at - from);
}

mal_err mal_store_header_split(mal_bytes *cells, unsigned *n, unsigned max,
                               mal_arena *arena, mal_bytes line,
                               char delimiter) {
    static const uint8_t bom[3] = { 0xef, 0xbb, 0xbf };
    size_t at = 0;

    if (line.len >= 3 && mal_compare_vartime(line.ptr, bom, 3) == 0)
        line = mal_bytes_of(line.ptr + 3, line.len - 3);
    while (line.len && (line.ptr[line.len - 1] == '\r'))
        line.len--;
    for (*n = 0;; at++) {
        MAL_REQUIRE(*n < max, MAL_E_LIMIT, "the header has over %u columns",
                    max);
        if (at < line.len && line.ptr[at] == '"')
            MAL_TRY(quoted(&cells[*n], arena, line, &at));
        else
            cells[*n] = bare(line, &at, delimiter);
        ++*n;
        if (at >= line.len)
            return MAL_OK;
        MAL_REQUIRE(line.ptr[at] == (uint8_t)delimiter, MAL_E_INPUT,
                    "the header goes on after a closing quote");
    }
}
