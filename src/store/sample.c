/* sample.c - at most N rows of a privacy unit, chosen by a keyed hash.
 *
 * Every row gets a rank, a keyed hash of its content; a unit keeps its N rows
 * of least rank.  So which rows stay depends neither on the order of the file
 * nor on anybody's wishes, and the same rows give the same choice again.  Equal
 * rows have equal ranks, and which of them stays makes no difference.
 *
 * Memory is bounded: rows are taken PASS_ROWS at a time, by a share of the
 * units' hashes, and read again for the next share.
 */
#include "store_impl.h"

#include <stdlib.h>
#include <string.h>

#define PASS_ROWS ((uint64_t)4 << 20)
#define BUCKETS ((size_t)1 << 16)

typedef struct ranked {
    uint64_t unit, rank, row;
} ranked;

typedef struct sampler {
    store_stage *stage;
    const store_schema *schema;
    const uint8_t *key;
    uint64_t pass, passes;
    store_block *block;
    mal_buf rows; /* of ranked */
    mal_buf *dropped;
    uint64_t n_dropped, n_units;
} sampler;

static size_t row_bytes(const store_block *b, size_t row, uint8_t *out) {
    uint8_t *p = out;
    for (unsigned i = 0; i < b->n; i++) {
        size_t w = mal_store_width(b->col[i].kind);
        memcpy(p, (const uint8_t *)b->col[i].words + row * w, w);
        p += w;
        *p++ = b->col[i].null[row];
    }
    return (size_t)(p - out);
}

/* The rows of this pass's units. */
static mal_err collect(sampler *s, const mal_progress *progress) {
    uint8_t row[MAL_STORE_COLUMNS_MAX * 17];
    size_t blocks = mal_store_stage_blocks(s->stage);
    uint64_t first = 0;

    mal_buf_reset(&s->rows);
    for (size_t i = 0; i < blocks; i++) {
        MAL_TRY(mal_progress_step(progress, "bound contributions",
                                  s->pass * blocks + i, s->passes * blocks));
        MAL_TRY(mal_store_stage_read(s->stage, s->block, i));
        MAL_TRY(mal_buf_reserve(&s->rows, s->block->rows * sizeof(ranked)));
        const uint8_t *ids = s->block->col[s->schema->unit].words;
        for (size_t r = 0; r < s->block->rows; r++) {
            ranked k = { .unit = mal_store_siphash(s->key, ids + r * 16, 16),
                         .row = first + r };
            if (k.unit % s->passes != s->pass)
                continue;
            k.rank =
                mal_store_siphash(s->key, row, row_bytes(s->block, r, row));
            MAL_TRY(mal_buf_put(&s->rows, mal_bytes_of(&k, sizeof k)));
        }
        first += s->block->rows;
    }
    return MAL_OK;
}

static int by_unit_and_rank(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->unit != y->unit)
        return x->unit < y->unit ? -1 : 1;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static size_t bucket_of(const ranked *r) {
    return (size_t)(r->unit >> 48);
}

/* Scatter by the top bits of the unit, then sort each small bucket. */
static mal_err sort_rows(ranked *out, const ranked *in, size_t n) {
    size_t *start = mal_calloc(BUCKETS + 1, sizeof *start);

    MAL_REQUIRE(start, MAL_E_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++)
        start[bucket_of(&in[i]) + 1]++;
    for (size_t b = 0; b < BUCKETS; b++)
        start[b + 1] += start[b];
    for (size_t i = 0; i < n; i++)
        out[start[bucket_of(&in[i])]++] = in[i];
    /* start[b] is now where bucket b ends. */
    for (size_t b = 0, from = 0; b < BUCKETS; from = start[b++])
        if (start[b] - from > 1)
            qsort(out + from, start[b] - from, sizeof *out, by_unit_and_rank);
    mal_free(start);
    return MAL_OK;
}

static mal_err drop_row(sampler *s, uint64_t row) {
    if (s->dropped->len == 0) {
        size_t bytes = (size_t)(mal_store_stage_rows(s->stage) / 8 + 1);
        MAL_TRY(mal_buf_reserve(s->dropped, bytes));
        memset(s->dropped->ptr, 0, bytes);
        s->dropped->len = bytes;
    }
    s->dropped->ptr[row / 8] |= (uint8_t)(1u << (row % 8));
    s->n_dropped++;
    return MAL_OK;
}

static mal_err one_pass(sampler *s, const mal_progress *progress) {
    MAL_AUTO(mal_buf_clear) mal_buf sorted = { 0 };

    MAL_TRY(collect(s, progress));
    size_t n = s->rows.len / sizeof(ranked);
    MAL_TRY(mal_buf_reserve(&sorted, s->rows.len + 1));
    ranked *r = (ranked *)(void *)sorted.ptr;
    MAL_TRY(sort_rows(r, (const ranked *)(const void *)s->rows.ptr, n));
    uint64_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool again = i > 0 && r[i].unit == r[i - 1].unit;
        kept = again ? kept : 0;
        s->n_units += !again;
        if (kept < s->schema->contributes_max)
            kept++;
        else
            MAL_TRY(drop_row(s, r[i].row));
    }
    return MAL_OK;
}

mal_err mal_store_sample(mal_buf *dropped, uint64_t *n_dropped,
                         store_stage *stage, const store_schema *schema,
                         const uint8_t key[16], const mal_progress *progress) {
    MAL_AUTO(mal_store_block_auto) store_block *block = NULL;
    sampler s = {
        .stage = stage, .schema = schema, .key = key, .dropped = dropped
    };
    uint64_t rows = mal_store_stage_rows(stage);
    mal_err err = MAL_OK;

    *n_dropped = 0;
    if (schema->unit == STORE_NONE ||
        (rows <= schema->contributes_max && rows <= schema->units_max))
        return MAL_OK;
    MAL_TRY(mal_store_block_new(&block, schema));
    s.block = block;
    s.passes = rows / PASS_ROWS + 1;
    /* A unit's rows are together in one pass; an uneven share may double it. */
    mal_buf_init(&s.rows, (size_t)rows * sizeof(ranked) + 64);
    for (s.pass = 0; err == MAL_OK && s.pass < s.passes; s.pass++)
        err = one_pass(&s, progress);
    mal_buf_clear(&s.rows);
    *n_dropped = s.n_dropped;
    MAL_TRY(err);
    /* An engine sizes its messages by this bound: were it passed, a question
     * would fail, and its failing would tell of the data. */
    MAL_REQUIRE(s.n_units <= schema->units_max ||
                    schema->units_max >=
                        schema->rows_max, /* rows are bound too */
                MAL_E_LIMIT,
                "%s declares at most %llu units, and the file has %llu; amend "
                "the contract",
                schema->dataset, (unsigned long long)schema->units_max,
                (unsigned long long)s.n_units);
    return MAL_OK;
}
