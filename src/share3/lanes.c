/* lanes.c - columns row by row, as they are permuted and sent. */
#include "permute_impl.h"

/* --- Layout ----------------------------------------------------------------
 */

/* The elements that hold `planes` planes: 64 at a time, then the fewest bytes
 * in one or two elements. */
static unsigned next_log_bytes(unsigned planes) {
    return planes > 48 ? 3 : planes > 16 ? 2 : planes > 8 ? 1 : 0;
}

uint64_t share3_lanes_words(size_t n, unsigned planes) {
    uint64_t total = 0;
    while (planes) {
        const unsigned log_bytes = next_log_bytes(planes);
        total += share3_lane_words(n, log_bytes);
        planes = planes > 8u << log_bytes ? planes - (8u << log_bytes) : 0;
    }
    return total;
}

static void add_lane(share3_lanes *l, unsigned log_bytes, unsigned from,
                     unsigned width) {
    l->lane[l->n_lanes++] = (share3_lane){ l->total, log_bytes, from, width };
    l->total += share3_lane_words(l->n, log_bytes);
}

static void lay_out(share3_lanes *l, unsigned n_words) {
    for (unsigned i = 0; i < n_words; i++)
        add_lane(l, 3, 0, 0);
    l->words = l->total;
    for (unsigned at = 0, width; at < l->n_planes; at += width) {
        const unsigned left = l->n_planes - at;
        const unsigned log_bytes = next_log_bytes(left);
        width = 8u << log_bytes < left ? 8u << log_bytes : left;
        add_lane(l, log_bytes, at, width);
    }
}

mal_err share3_columns_check(size_t *n, const mal_share3_column *columns,
                             unsigned n_columns) {
    *n = 0;
    for (unsigned c = 0; c < n_columns; c++) {
        const mal_share3_column *k = &columns[c];
        MAL_REQUIRE(!k->words != !k->bits, MAL_E_INPUT,
                    "column %u is neither words nor bits, or both", c);
        const size_t rows = k->words ? k->words->n : k->bits->n;
        MAL_REQUIRE(c == 0 || rows == *n, MAL_E_INPUT,
                    "column %u has %zu rows, column 0 has %zu", c, rows, *n);
        *n = rows;
    }
    MAL_REQUIRE(*n < MAL_SHARE3_ROWS_MAX, MAL_E_LIMIT,
                "%zu rows to permute, at most %zu", *n,
                MAL_SHARE3_ROWS_MAX - 1);
    return MAL_OK;
}

/* The planes of every bit column, in order. */
static void list_planes(share3_lanes *l, const mal_share3_column *columns,
                        unsigned n_columns) {
    unsigned at = 0;
    for (unsigned c = 0; c < n_columns; c++) {
        const mal_share3_bits *v = columns[c].bits;
        for (unsigned b = 0; v && b < v->width; b++, at++)
            for (unsigned p = 0; p < 2; p++)
                l->plane[p][at] = v->part[p] + b * v->stride;
    }
}

mal_err share3_lanes_new(mal_share3 *s, share3_lanes *l,
                         const mal_share3_column *columns, unsigned n_columns) {
    unsigned n_words = 0;
    *l = (share3_lanes){ 0 };
    MAL_TRY(share3_columns_check(&l->n, columns, n_columns));
    for (unsigned c = 0; c < n_columns; c++) {
        n_words += columns[c].words != NULL;
        l->n_planes += columns[c].bits ? columns[c].bits->width : 0;
    }
    /* After whole lanes of 64 planes at most 2 shorter ones follow. */
    l->lane = mal_calloc(n_words + l->n_planes / 64 + 2, sizeof *l->lane);
    l->plane[0] = mal_calloc(2 * (size_t)l->n_planes + 1, sizeof **l->plane);
    l->tmp = mal_calloc(l->n + 1, sizeof *l->tmp);
    if (!l->lane || !l->plane[0] || !l->tmp)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    l->plane[1] = l->plane[0] + l->n_planes;
    list_planes(l, columns, n_columns);
    lay_out(l, n_words);
    MAL_TRY(mal_share3_words_new(s, &l->store, l->total));
    l->part[0] = l->store.part[0];
    l->part[1] = l->store.part[1];
    return MAL_OK;
}

void share3_lanes_clear(share3_lanes *l) {
    mal_free(l->lane);
    mal_free(l->plane[0]);
    if (l->tmp)
        mal_wipe(l->tmp, l->n * sizeof *l->tmp);
    mal_free(l->tmp);
    mal_share3_words_clear(&l->store);
    *l = (share3_lanes){ 0 };
}

/* --- Columns to lanes and back ---------------------------------------------
 */

static void load_words(uint64_t *out, const mal_share3_words *v,
                       unsigned from) {
    if (from == SHARE3_BOTH)
        for (size_t i = 0; i < v->n; i++)
            out[i] = v->part[0][i] + v->part[1][i];
    else if (v->n)
        memcpy(out, v->part[from], v->n * sizeof *out);
}

void share3_lanes_load(share3_lanes *l, unsigned to,
                       const mal_share3_column *columns, unsigned from) {
    const bool both = from == SHARE3_BOTH;
    for (unsigned k = 0, c = 0; k < l->n_lanes; k++) {
        const share3_lane *lane = &l->lane[k];
        uint64_t *out = l->part[to] + lane->at;
        if (lane->width) {
            share3_rows_of_planes(out, l->plane[both ? 0 : from] + lane->from,
                                  both ? l->plane[1] + lane->from : NULL,
                                  lane->width, l->n, lane->log_bytes);
            continue;
        }
        while (!columns[c].words)
            c++;
        load_words(out, columns[c++].words, from);
    }
}

void share3_lanes_store(share3_lanes *l, const mal_share3_column *columns) {
    for (unsigned p = 0; p < 2; p++)
        for (unsigned k = 0, c = 0; k < l->n_lanes; k++) {
            const share3_lane *lane = &l->lane[k];
            const uint64_t *in = l->part[p] + lane->at;
            if (lane->width) {
                share3_planes_of_rows(l->plane[p] + lane->from, in, lane->width,
                                      l->n, lane->log_bytes);
                continue;
            }
            while (!columns[c].words)
                c++;
            if (l->n)
                memcpy(columns[c].words->part[p], in, l->n * sizeof *in);
            c++;
        }
}

void share3_lanes_gather(share3_lanes *l, unsigned p, const uint32_t *from) {
    for (unsigned k = 0; k < l->n_lanes; k++) {
        const share3_lane *lane = &l->lane[k];
        uint64_t *x = l->part[p] + lane->at;
        share3_gather(l->tmp, x, from, l->n, lane->log_bytes);
        memcpy(x, l->tmp, share3_lane_words(l->n, lane->log_bytes) * 8);
    }
}
