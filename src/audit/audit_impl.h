/* audit_impl.h - shared inside the folder: lines, decimals, hashes as text. */
#ifndef MAL_AUDIT_IMPL_H
#define MAL_AUDIT_IMPL_H

#include <malus/audit.h>

/* Cut the first line (without its newline) off *rest; false if *rest holds no
 * newline any more. */
bool audit_line(mal_bytes *line, mal_bytes *rest);
/* Does text start with prefix?  Then *rest is what follows. */
bool audit_prefix(mal_bytes *rest, mal_bytes text, const char *prefix);
/* Digits only, no leading zero, < 2^63. */
mal_err audit_decimal(uint64_t *value, mal_bytes text) MAL_MUST_CHECK;
/* Standard base64 of exactly 32 bytes. */
mal_err audit_hash_read(mal_prim_hash *hash, mal_bytes text) MAL_MUST_CHECK;
mal_err audit_hash_put(mal_buf *out, const mal_prim_hash *hash) MAL_MUST_CHECK;
/* UTF-8 without control characters other than newline. */
bool audit_text_valid(mal_bytes text);
/* Not empty, no Unicode space, no "+", at most MAL_AUDIT_NAME_MAX bytes. */
bool audit_name_valid(mal_bytes name);
bool audit_bytes_equal_str(mal_bytes a, const char *b);
/* [a-z0-9_.-]{1,63}: parties, fields, kinds. */
bool audit_word_valid(const char *word);

/* --- The tree's right edge and its tiles (tile.c) ------------------------ */

#define AUDIT_TILE 256 /* hashes in a full tile */
#define AUDIT_LEVELS 8 /* 256^8 > 2^63 */
#define AUDIT_TILE_BYTES ((size_t)AUDIT_TILE * MAL_PRIM_HASH)
/* 256 entries with their 16-bit lengths. */
#define AUDIT_BUNDLE_MAX ((size_t)AUDIT_TILE * (2 + MAL_AUDIT_ENTRY_MAX))

/* tile[l] holds the (size >> 8l) & 255 hashes of level l's partial tile. */
typedef struct audit_edge {
    uint64_t size;
    mal_prim_hash tile[AUDIT_LEVELS][AUDIT_TILE];
    mal_buf bundle; /* the last, partial entry bundle */
} audit_edge;
static inline unsigned audit_width(uint64_t size, unsigned level) {
    return (unsigned)(size >> (8 * level)) & 255;
}
/* Called with each tile that becomes full; level -1: an entry bundle. */
typedef mal_err (*audit_full)(void *ctx, int level, uint64_t index,
                              mal_bytes bytes);
mal_err audit_edge_add(audit_edge *edge, mal_bytes entry, audit_full full,
                       void *ctx) MAL_MUST_CHECK;
void audit_edge_root(const audit_edge *edge, mal_prim_hash *root);
mal_err audit_edge_copy(audit_edge *to, const audit_edge *from) MAL_MUST_CHECK;
/* The next entry of a bundle: 16-bit big-endian length, then the bytes. */
mal_err audit_bundle_next(mal_rd *bundle, mal_bytes *entry) MAL_MUST_CHECK;

/* --- The log's own files (log.c) ----------------------------------------- */

/* A full tile with all of its inner nodes: node[0..256) are its hashes, then
 * 128, 64, ... 1. */
typedef struct audit_nodes {
    bool used;
    unsigned level;
    uint64_t index;
    mal_prim_hash node[2 * AUDIT_TILE - 1];
} audit_nodes;
#define AUDIT_CACHE 64

struct mal_audit_log; /* fields in log_impl.h */

#endif
