/* statement.c - the public words about a dataset: {suite, root, parameters}.
 *
 *     "malus.dataset/v1" | room | contract | dataset | version | epoch |
 *     rows_max | contributes_max | unit | pseudonym commitment |
 *     n columns {name kind nullable scale lo hi profile domain} |
 *     n commitments {suite root leaf_rows}
 *
 * Blobs carry a length, words are little-endian.  A later suite is one more
 * commitment over the same columns (rule 28).  No count of real rows.
 */
#include "store_impl.h"

#include <string.h>

#define LABEL "malus.dataset/v1"
#define SUITE "sha256-merkle@1"
#define COMMITMENTS_MAX 8u
#define NAME_MAX_BYTES 1024u

static mal_err put_column(mal_buf *out, const store_column *c) {
    bool id = c->kind == MAL_DUCK_ID;
    bool dim = c->role == MAL_POLICY_DIM;

    MAL_TRY(mal_buf_put_blob_str(out, c->name));
    MAL_TRY(mal_buf_put_u8(out, (uint8_t)c->kind));
    MAL_TRY(mal_buf_put_u8(out, c->nullable));
    MAL_TRY(mal_buf_put_u8(out, c->scale));
    /* The stored words of a dim are codes, `other` the last. */
    MAL_TRY(mal_buf_put_u64(out, id || dim ? 0 : (uint64_t)c->lo));
    MAL_TRY(mal_buf_put_u64(out, id ? 0 : dim ? c->n_codes : (uint64_t)c->hi));
    MAL_TRY(mal_buf_put_blob_str(out, c->profile));
    return mal_buf_put_blob_str(out, c->domain);
}

mal_err mal_store_statement_encode(mal_buf *out, const store_schema *s,
                                   uint32_t version,
                                   const mal_prim_hash *pseudonym,
                                   const mal_prim_hash *root) {
    MAL_TRY(mal_buf_put_blob_str(out, LABEL));
    MAL_TRY(mal_buf_put(out, mal_bytes_of(s->room, 32)));
    MAL_TRY(mal_buf_put(out, mal_bytes_of(s->contract, 32)));
    MAL_TRY(mal_buf_put_blob_str(out, s->dataset));
    MAL_TRY(mal_buf_put_u32(out, version));
    MAL_TRY(mal_buf_put_u32(out, MAL_STORE_EPOCH));
    MAL_TRY(mal_buf_put_u64(out, s->rows_max));
    MAL_TRY(
        mal_buf_put_u64(out, s->unit == STORE_NONE ? 0 : s->contributes_max));
    MAL_TRY(mal_buf_put_blob_str(
        out, s->unit == STORE_NONE ? "" : s->columns[s->unit].name));
    MAL_TRY(mal_buf_put(out, mal_bytes_of(pseudonym->b, 32)));
    MAL_TRY(mal_buf_put_u32(out, s->n));
    for (unsigned i = 0; i < s->n; i++)
        MAL_TRY(put_column(out, &s->columns[i]));
    MAL_TRY(mal_buf_put_u32(out, 1));
    MAL_TRY(mal_buf_put_blob_str(out, SUITE));
    MAL_TRY(mal_buf_put(out, mal_bytes_of(root->b, 32)));
    return mal_buf_put_u32(out, MAL_STORE_LEAF_ROWS);
}

static mal_err get_column(mal_store_statement_column *c, mal_arena *arena,
                          mal_rd *rd) {
    uint8_t nullable;
    uint64_t lo, hi;

    MAL_TRY(mal_rd_str(rd, &c->name, arena, NAME_MAX_BYTES));
    MAL_TRY(mal_rd_u8(rd, &c->kind));
    MAL_TRY(mal_rd_u8(rd, &nullable));
    MAL_TRY(mal_rd_u8(rd, &c->scale));
    MAL_TRY(mal_rd_u64(rd, &lo));
    MAL_TRY(mal_rd_u64(rd, &hi));
    MAL_TRY(mal_rd_str(rd, &c->profile, arena, NAME_MAX_BYTES));
    MAL_TRY(mal_rd_str(rd, &c->domain, arena, NAME_MAX_BYTES));
    c->nullable = nullable;
    c->lo = (int64_t)lo;
    c->hi = (int64_t)hi;
    bool id = c->kind == MAL_DUCK_ID;
    MAL_REQUIRE((id || c->kind == MAL_DUCK_I64) && nullable <= 1 &&
                    c->scale <= MAL_POLICY_SCALE_MAX && c->lo <= c->hi &&
                    (!id || (c->lo == 0 && c->hi == 0 && c->profile[0])) &&
                    (id || (!c->profile[0] && !c->domain[0])) && c->name[0],
                MAL_E_INPUT, "a dataset statement has a malformed column");
    return MAL_OK;
}

static mal_err get_columns(mal_store_statement_view *v, mal_arena *arena,
                           mal_rd *rd) {
    uint32_t n;

    MAL_TRY(mal_rd_u32(rd, &n));
    MAL_REQUIRE(n > 0 && n <= MAL_STORE_COLUMNS_MAX, MAL_E_INPUT,
                "a dataset statement has %u columns", n);
    v->n_columns = n;
    v->columns = mal_arena_calloc(arena, n, sizeof *v->columns);
    MAL_REQUIRE(v->columns, MAL_E_MEMORY, "out of memory");
    bool unit = v->unit[0] == 0;
    for (uint32_t i = 0; i < n; i++) {
        MAL_TRY(get_column(&v->columns[i], arena, rd));
        unit |= v->columns[i].kind == MAL_DUCK_ID &&
                strcmp(v->columns[i].name, v->unit) == 0;
    }
    MAL_REQUIRE(unit, MAL_E_INPUT,
                "a dataset statement's privacy unit is none of its columns");
    return MAL_OK;
}

static mal_err get_commitments(mal_store_statement_view *v, mal_arena *arena,
                               mal_rd *rd) {
    uint32_t n;

    MAL_TRY(mal_rd_u32(rd, &n));
    MAL_REQUIRE(n > 0 && n <= COMMITMENTS_MAX, MAL_E_INPUT,
                "a dataset statement has %u commitments", n);
    v->n_commitments = n;
    v->commitments = mal_arena_calloc(arena, n, sizeof *v->commitments);
    MAL_REQUIRE(v->commitments, MAL_E_MEMORY, "out of memory");
    for (uint32_t i = 0; i < n; i++) {
        mal_store_commitment *c = &v->commitments[i];
        MAL_TRY(mal_rd_str(rd, &c->suite, arena, NAME_MAX_BYTES));
        MAL_TRY(mal_rd_copy(rd, c->root, 32));
        MAL_TRY(mal_rd_u32(rd, &c->leaf_rows));
        MAL_REQUIRE(c->suite[0] && c->leaf_rows > 0, MAL_E_INPUT,
                    "a dataset statement has a malformed commitment");
    }
    return MAL_OK;
}

mal_err mal_store_statement_decode(mal_store_statement_view *v,
                                   mal_arena *arena, mal_bytes bytes) {
    mal_rd rd = mal_rd_of(bytes);
    mal_bytes label;

    *v = (mal_store_statement_view){ 0 };
    MAL_TRY(mal_rd_blob(&rd, &label, sizeof LABEL));
    MAL_REQUIRE(mal_bytes_same_vartime(label, mal_bytes_str(LABEL)),
                MAL_E_INPUT, "these bytes are no dataset statement");
    MAL_TRY(mal_rd_copy(&rd, v->room, 32));
    MAL_TRY(mal_rd_copy(&rd, v->contract_hash, 32));
    MAL_TRY(mal_rd_str(&rd, &v->dataset, arena, NAME_MAX_BYTES));
    MAL_TRY(mal_rd_u32(&rd, &v->version));
    MAL_TRY(mal_rd_u32(&rd, &v->epoch));
    MAL_TRY(mal_rd_u64(&rd, &v->rows_max));
    MAL_TRY(mal_rd_u64(&rd, &v->contributes_max));
    MAL_TRY(mal_rd_str(&rd, &v->unit, arena, NAME_MAX_BYTES));
    MAL_TRY(mal_rd_copy(&rd, v->pseudonym_commitment, 32));
    MAL_REQUIRE(v->version > 0 && v->epoch > 0 && v->dataset[0] &&
                    v->rows_max > 0 && v->rows_max <= MAL_STORE_ROWS_MAX &&
                    (v->unit[0] != 0) == (v->contributes_max != 0),
                MAL_E_INPUT, "a dataset statement is out of bounds");
    MAL_TRY(get_columns(v, arena, &rd));
    MAL_TRY(get_commitments(v, arena, &rd));
    return mal_rd_end(&rd);
}
