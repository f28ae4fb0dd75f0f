/* share_input.c - an owner's rows, padded to their declared bound and shared.
 */
#include "share_run_impl.h"

#include <string.h>

/* An owner's column, padded; an id's first byte is the most significant. */
static mal_err pad(const mal_duck_column *from, size_t rows, size_t n,
                   int64_t **values, uint8_t (**ids)[16], uint8_t **null) {
    *values = mal_calloc(n, sizeof **values);
    *ids = mal_calloc(n, sizeof **ids);
    *null = mal_calloc(n, 1);
    if (!*values || !*ids || !*null)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    memset(*ids + rows, 0xff, (n - rows) * sizeof **ids); /* last in order */
    for (size_t i = 0; i < rows; i++) {
        (*null)[i] = from->null && from->null[i];
        if ((*null)[i])
            continue;
        if (from->type == MAL_DUCK_ID)
            for (unsigned b = 0; b < 16; b++)
                (*ids)[i][b] = from->id[16 * i + 15 - b];
        else
            (*values)[i] = from->i64[i];
    }
    return MAL_OK;
}

static mal_err input_column(mal_obl *o, mal_obl_column *out,
                            const mal_obl_type *type, unsigned seat,
                            const mal_duck_column *from, size_t rows,
                            size_t n) {
    int64_t *values = NULL;
    uint8_t(*ids)[16] = NULL, *null = NULL;
    mal_err err = from ? pad(from, rows, n, &values, &ids, &null) : MAL_OK;
    if (err == MAL_OK && type->opaque)
        err = mal_obl_id_input(o, out, type, seat, (const uint8_t(*)[16])ids,
                               null, n);
    else if (err == MAL_OK)
        err = mal_obl_column_input(o, out, type, seat, values, null, n);
    mal_free(values); /* the owner's own rows, at the owner's */
    mal_free(ids);
    mal_free(null);
    MAL_TRY(err);
    return type->opaque ? MAL_OK : mal_obl_clamp(o, out);
}

static mal_err input_valid(mal_share3 *s, mal_obl_table *t, unsigned seat,
                           const mal_duck_batch *rows) {
    size_t stride = (t->n + 63) / 64;
    uint64_t *plane = mal_calloc(stride, sizeof *plane);
    if (!plane)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (size_t i = 0; rows && i < rows->rows; i++)
        plane[i / 64] |= (uint64_t)1 << (i % 64);
    mal_share3_bits_clear(&t->valid);
    mal_err err =
        mal_share3_bits_input(s, &t->valid, seat, rows ? plane : NULL, t->n, 1);
    mal_free(plane);
    return err;
}

mal_err mal_sql_share3_input(mal_obl_table *out, mal_obl *o, mal_share3 *s,
                             const mal_sql_part *part, unsigned seat,
                             const mal_duck_batch *rows) {
    size_t n = part->rows_max ? (size_t)part->rows_max : 1;
    MAL_REQUIRE(part->role == MAL_SQL_PART_ROWS, MAL_E_STATE,
                "a part of another engine");
    MAL_REQUIRE(!rows || rows->rows <= n, MAL_E_LIMIT,
                "a part of more rows than the contract bounds");
    MAL_TRY(mal_obl_table_new(o, out, n, part->n_out, n));
    mal_err err = input_valid(s, out, seat, rows);
    for (unsigned k = 0; k < part->n_out && err == MAL_OK; k++) {
        err = input_column(o, &out->columns[k], &part->out[k], seat,
                           rows ? &rows->columns[k] : NULL,
                           rows ? rows->rows : 0, n);
    }
    if (err != MAL_OK)
        mal_obl_table_clear(out);
    return err;
}
