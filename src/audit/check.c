/* check.c - recompute a closed log folder from its entries. */
#include "audit_impl.h"

#include <stdio.h>
#include <string.h>

typedef struct checking {
    const char *dir;
    uint64_t tiles;
} checking;

static mal_err read_file(mal_buf *out, const char *dir, int level,
                         uint64_t index, unsigned width) {
    MAL_AUTO(mal_buf_clear) mal_buf path = { 0 };
    const char *text;
    MAL_TRY(mal_buf_put_fmt(&path, "%s/", dir));
    MAL_TRY(mal_audit_tile_path(&path, level, index, width));
    MAL_TRY(mal_buf_cstr(&path, &text));
    return mal_file_read(out, text, AUDIT_BUNDLE_MAX);
}

static mal_err same_file(const char *dir, int level, uint64_t index,
                         unsigned width, mal_bytes wanted) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    MAL_TRY(read_file(&bytes, dir, level, index, width));
    MAL_REQUIRE(mal_bytes_same_vartime(mal_buf_view(&bytes), wanted),
                MAL_E_AUTH,
                "tile %llu of level %d does not follow from the "
                "entries",
                (unsigned long long)index, level);
    return MAL_OK;
}

static mal_err check_full(void *ctx, int level, uint64_t index,
                          mal_bytes bytes) {
    checking *c = ctx;
    c->tiles++;
    return same_file(c->dir, level, index, AUDIT_TILE, bytes);
}

static mal_err add_bundle(audit_edge *edge, checking *c, uint64_t index,
                          unsigned width) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    MAL_TRY(read_file(&bytes, c->dir, -1, index, width));
    mal_rd rd = mal_rd_of(mal_buf_view(&bytes));
    for (unsigned i = 0; i < width; i++) {
        mal_bytes entry;
        MAL_TRY(audit_bundle_next(&rd, &entry));
        MAL_TRY(audit_edge_add(edge, entry, check_full, c));
    }
    return mal_rd_end(&rd);
}

static mal_err check_edge(audit_edge *edge, checking *c,
                          const mal_audit_checkpoint *cp) {
    mal_prim_hash root;
    for (uint64_t i = 0; i < cp->size >> 8; i++)
        MAL_TRY(add_bundle(edge, c, i, AUDIT_TILE));
    if (cp->size & 255)
        MAL_TRY(add_bundle(edge, c, cp->size >> 8, cp->size & 255));
    for (unsigned l = 0; l < AUDIT_LEVELS; l++) {
        unsigned width = audit_width(cp->size, l);
        if (width > 0)
            MAL_TRY(same_file(
                c->dir, (int)l, cp->size >> (8 * l) >> 8, width,
                mal_bytes_of(edge->tile[l], width * sizeof(mal_prim_hash))));
    }
    audit_edge_root(edge, &root);
    MAL_REQUIRE(mal_equal(root.b, cp->root.b, sizeof root.b), MAL_E_AUTH,
                "the checkpoint's root does not follow from the entries");
    return MAL_OK;
}

mal_err mal_audit_log_check(const char *dir, const mal_audit_vkey *vkey,
                            uint64_t *size) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    char path[4096];
    mal_audit_note note;
    mal_audit_checkpoint cp;
    checking c = { .dir = dir };

    int n = snprintf(path, sizeof path, "%s/checkpoint", dir);
    MAL_REQUIRE(n > 0 && (size_t)n < sizeof path, MAL_E_LIMIT,
                "the log's path is too long");
    MAL_TRY(mal_file_read(&bytes, path, MAL_AUDIT_NOTE_MAX));
    MAL_TRY(mal_audit_note_parse(&note, mal_buf_view(&bytes)));
    MAL_TRY(mal_audit_note_verify(NULL, NULL, &note, vkey, 1));
    MAL_TRY(mal_audit_checkpoint_parse(&cp, note.text));
    MAL_REQUIRE(strcmp(cp.origin, vkey->name) == 0, MAL_E_AUTH,
                "the checkpoint is of the log %s, not %s", cp.origin,
                vkey->name);
    audit_edge *edge = mal_calloc(1, sizeof *edge);
    MAL_REQUIRE(edge, MAL_E_MEMORY, "out of memory");
    mal_err err = check_edge(edge, &c, &cp);
    mal_buf_clear(&edge->bundle);
    mal_free(edge);
    MAL_TRY(err);
    if (size)
        *size = cp.size;
    return MAL_OK;
}
