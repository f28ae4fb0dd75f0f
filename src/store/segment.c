/* segment.c - column segments on disk: sealed, and bound to their place.
 *
 * A file holds one segment of all columns, one after the other; each column is
 * NULL bits, then words, under AES-256-GCM.  The associated data name room,
 * dataset, version, column, segment and the number of segments, so that a
 * segment opens in its own place and nowhere else.  The nonce is (column,
 * segment) under a key that belongs to one version.
 */
#include "store_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

mal_err mal_store_keys_derive(store_keys *keys, const mal_key *data) {
    static const struct {
        size_t offset;
        const char *info;
    } parts[] = {
        { offsetof(store_keys, segment), "malus store segment key v1" },
        { offsetof(store_keys, manifest), "malus store manifest key v1" },
        { offsetof(store_keys, salt), "malus store commitment salt v1" },
    };
    for (size_t i = 0; i < 3; i++) {
        mal_key *k = (mal_key *)(void *)((uint8_t *)keys + parts[i].offset);
        MAL_TRY(mal_key_alloc(k, 32));
        MAL_TRY(mal_prim_hkdf(k->ptr, 32, mal_key_view(data),
                              mal_bytes_of(NULL, 0),
                              mal_bytes_str(parts[i].info)));
    }
    return MAL_OK;
}

void mal_store_keys_clear(store_keys *keys) {
    mal_key_clear(&keys->segment);
    mal_key_clear(&keys->manifest);
    mal_key_clear(&keys->salt);
}

uint32_t mal_store_segments(uint64_t rows) {
    return (uint32_t)((rows + MAL_STORE_SEGMENT_ROWS - 1) /
                      MAL_STORE_SEGMENT_ROWS);
}

size_t mal_store_segment_rows(uint64_t rows, uint32_t segment) {
    uint64_t left = rows - (uint64_t)segment * MAL_STORE_SEGMENT_ROWS;
    return left < MAL_STORE_SEGMENT_ROWS ? (size_t)left
                                         : MAL_STORE_SEGMENT_ROWS;
}

static size_t sealed_size(mal_duck_type kind, size_t rows) {
    return (rows + 7) / 8 + rows * mal_store_width(kind) + MAL_PRIM_AEAD_TAG;
}

static mal_err put_place(mal_buf *ad, const char *what,
                         const store_place *place) {
    MAL_TRY(mal_buf_put_blob_str(ad, what));
    MAL_TRY(mal_buf_put(ad, mal_bytes_of(place->room, 32)));
    MAL_TRY(mal_buf_put_blob_str(ad, place->dataset));
    return mal_buf_put_u32(ad, place->version);
}

static mal_err segment_ad(mal_buf *ad, const store_place *place,
                          const char *column, unsigned at, uint32_t segment) {
    mal_buf_reset(ad);
    MAL_TRY(put_place(ad, "malus.segment/v1 aes-256-gcm", place));
    MAL_TRY(mal_buf_put_u32(ad, at));
    MAL_TRY(mal_buf_put_blob_str(ad, column));
    MAL_TRY(mal_buf_put_u32(ad, segment));
    return mal_buf_put_u32(ad, place->segments);
}

static void segment_nonce(uint8_t nonce[12], unsigned column,
                          uint32_t segment) {
    memset(nonce, 0, 12);
    mal_store_u32le(nonce, column);
    mal_store_u32le(nonce + 4, segment);
}

static void segment_path(char path[4096], const char *dir, uint32_t segment) {
    snprintf(path, 4096, "%s/segment-%08x", dir, segment);
}

static mal_err column_plain(mal_buf *plain, const store_block *b, unsigned c) {
    size_t bits = (b->rows + 7) / 8;

    mal_buf_reset(plain);
    MAL_TRY(mal_buf_reserve(plain, bits));
    memset(plain->ptr, 0, bits);
    for (size_t i = 0; i < b->rows; i++)
        plain->ptr[i / 8] |= (uint8_t)(b->col[c].null[i] << (i % 8));
    plain->len = bits;
    return mal_buf_put(plain,
                       mal_bytes_of(b->col[c].words,
                                    b->rows * mal_store_width(b->col[c].kind)));
}

mal_err mal_store_segment_write(const char *dir, const store_keys *keys,
                                const store_place *place, uint32_t segment,
                                const store_block *b,
                                const store_column *columns) {
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf sealed = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf ad = { 0 };
    uint8_t nonce[12];
    char path[4096];

    for (unsigned c = 0; c < b->n; c++) {
        MAL_TRY(column_plain(&plain, b, c));
        MAL_TRY(segment_ad(&ad, place, columns[c].name, c, segment));
        segment_nonce(nonce, c, segment);
        MAL_TRY(mal_prim_gcm_seal(&sealed, mal_key_view(&keys->segment), nonce,
                                  mal_buf_view(&ad), mal_buf_view(&plain)));
    }
    segment_path(path, dir, segment);
    MAL_AUTO(mal_fd_auto)
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    MAL_REQUIRE(fd >= 0, MAL_E_IO, "cannot create %s: %s", path,
                strerror(errno));
    MAL_TRY(mal_fd_write(fd, mal_buf_view(&sealed)));
    MAL_REQUIRE(fdatasync(fd) == 0, MAL_E_IO, "cannot make %s durable: %s",
                path, strerror(errno));
    return MAL_OK;
}

/* The bytes of one column in a file whose size must be exactly right. */
static mal_err read_sealed(mal_buf *out, const char *path,
                           const store_manifest *m, size_t rows,
                           unsigned column) {
    MAL_AUTO(mal_fd_auto) int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint64_t at = 0, size = 0;
    struct stat st;

    MAL_REQUIRE(fd >= 0 && fstat(fd, &st) == 0, MAL_E_AUTH,
                "a segment is missing: %s", path);
    for (unsigned c = 0; c < m->n; c++) {
        at += c < column ? sealed_size(m->columns[c].kind, rows) : 0;
        size += sealed_size(m->columns[c].kind, rows);
    }
    MAL_REQUIRE((uint64_t)st.st_size == size, MAL_E_AUTH,
                "a segment was cut or lengthened: %s", path);
    size_t len = sealed_size(m->columns[column].kind, rows);
    mal_buf_reset(out);
    MAL_TRY(mal_buf_reserve(out, len));
    MAL_REQUIRE(lseek(fd, (off_t)at, SEEK_SET) == (off_t)at, MAL_E_IO,
                "cannot read %s", path);
    MAL_TRY(mal_fd_read(fd, out->ptr, len));
    out->len = len;
    return MAL_OK;
}

mal_err mal_store_segment_read(mal_buf *plain, const char *dir,
                               const store_keys *keys, const store_place *place,
                               const store_manifest *m, uint32_t segment,
                               unsigned column) {
    MAL_AUTO(mal_buf_clear) mal_buf sealed = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf ad = { 0 };
    size_t rows = mal_store_segment_rows(m->rows, segment);
    uint8_t nonce[12];
    char path[4096];

    assert(column < m->n);
    segment_path(path, dir, segment);
    MAL_TRY(read_sealed(&sealed, path, m, rows, column));
    MAL_TRY(segment_ad(&ad, place, m->columns[column].name, column, segment));
    segment_nonce(nonce, column, segment);
    mal_buf_reset(plain);
    MAL_REQUIRE(mal_prim_gcm_open(plain, mal_key_view(&keys->segment), nonce,
                                  mal_buf_view(&ad),
                                  mal_buf_view(&sealed)) == MAL_OK,
                MAL_E_AUTH,
                "segment %u of %s, column %s, was altered, moved, or belongs "
                "to another key",
                segment, place->dataset, m->columns[column].name);
    return MAL_OK;
}

/* --- Manifest ------------------------------------------------------------ */

#define MANIFEST_LABEL "malus.manifest/v1 xchacha20-poly1305"
#define MANIFEST_MAX ((size_t)256 << 10)

static mal_err encode_manifest(mal_buf *out, const store_manifest *m) {
    MAL_TRY(mal_buf_put_u64(out, m->rows));
    MAL_TRY(mal_buf_put_u64(out, m->rows_max));
    MAL_TRY(mal_buf_put_u64(out, m->contributes_max));
    MAL_TRY(mal_buf_put_u64(out, m->units_max));
    MAL_TRY(mal_buf_put_u32(out, m->unit));
    MAL_TRY(mal_buf_put_u32(out, m->n));
    for (unsigned i = 0; i < m->n; i++) {
        const store_column *c = &m->columns[i];
        MAL_TRY(mal_buf_put_blob_str(out, c->name));
        MAL_TRY(mal_buf_put_u8(out, (uint8_t)c->role));
        MAL_TRY(mal_buf_put_u8(out, (uint8_t)c->kind));
        MAL_TRY(mal_buf_put_u8(out, c->nullable));
        MAL_TRY(mal_buf_put_u8(out, c->scale));
        MAL_TRY(mal_buf_put_u64(out, (uint64_t)c->lo));
        MAL_TRY(mal_buf_put_u64(out, (uint64_t)c->hi));
        MAL_TRY(mal_buf_put_u32(out, c->n_codes));
        MAL_TRY(mal_buf_put_blob_str(out, c->profile));
        MAL_TRY(mal_buf_put_blob_str(out, c->domain));
    }
    return MAL_OK;
}

static mal_err decode_column(store_column *c, mal_arena *arena, mal_rd *rd) {
    uint8_t role, kind, nullable;
    uint64_t lo, hi;
    char *name, *profile, *domain;

    MAL_TRY(mal_rd_str(rd, &name, arena, MAL_STORE_NAME_MAX));
    MAL_TRY(mal_rd_u8(rd, &role));
    MAL_TRY(mal_rd_u8(rd, &kind));
    MAL_TRY(mal_rd_u8(rd, &nullable));
    MAL_TRY(mal_rd_u8(rd, &c->scale));
    MAL_TRY(mal_rd_u64(rd, &lo));
    MAL_TRY(mal_rd_u64(rd, &hi));
    MAL_TRY(mal_rd_u32(rd, &c->n_codes));
    MAL_TRY(mal_rd_str(rd, &profile, arena, MAL_STORE_NAME_MAX));
    MAL_TRY(mal_rd_str(rd, &domain, arena, MAL_STORE_NAME_MAX));
    MAL_REQUIRE(kind == MAL_DUCK_I64 || kind == MAL_DUCK_ID, MAL_E_INPUT,
                "a manifest names an unknown type");
    c->name = name;
    c->role = (mal_policy_role)role;
    c->kind = (mal_duck_type)kind;
    c->nullable = nullable;
    c->lo = (int64_t)lo;
    c->hi = (int64_t)hi;
    c->profile = profile;
    c->domain = domain;
    return MAL_OK;
}

static mal_err decode_manifest(store_manifest *m, mal_arena *arena,
                               mal_bytes bytes) {
    mal_rd rd = mal_rd_of(bytes);

    MAL_TRY(mal_rd_u64(&rd, &m->rows));
    MAL_TRY(mal_rd_u64(&rd, &m->rows_max));
    MAL_TRY(mal_rd_u64(&rd, &m->contributes_max));
    MAL_TRY(mal_rd_u64(&rd, &m->units_max));
    MAL_TRY(mal_rd_u32(&rd, &m->unit));
    MAL_TRY(mal_rd_u32(&rd, &m->n));
    MAL_REQUIRE(m->n <= MAL_STORE_COLUMNS_MAX && m->rows <= m->rows_max &&
                    m->rows_max <= MAL_STORE_ROWS_MAX,
                MAL_E_INPUT, "a manifest is out of bounds");
    m->columns = mal_arena_calloc(arena, m->n, sizeof *m->columns);
    MAL_REQUIRE(m->columns, MAL_E_MEMORY, "out of memory");
    for (unsigned i = 0; i < m->n; i++)
        MAL_TRY(decode_column(&m->columns[i], arena, &rd));
    return mal_rd_end(&rd);
}

mal_err mal_store_manifest_write(const char *dir, const store_keys *keys,
                                 const store_place *place,
                                 const store_manifest *m) {
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf sealed = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf ad = { 0 };
    char path[4096];

    MAL_TRY(encode_manifest(&plain, m));
    MAL_TRY(put_place(&ad, MANIFEST_LABEL, place));
    MAL_TRY(mal_prim_box(&sealed, mal_key_view(&keys->manifest),
                         mal_buf_view(&ad), mal_buf_view(&plain)));
    snprintf(path, sizeof path, "%s/manifest", dir);
    return mal_file_write(path, mal_buf_view(&sealed), 0600);
}

mal_err mal_store_manifest_read(store_manifest *m, mal_arena *arena,
                                const char *dir, const store_keys *keys,
                                const store_place *place) {
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf sealed = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf ad = { 0 };
    char path[4096];

    snprintf(path, sizeof path, "%s/manifest", dir);
    MAL_REQUIRE(mal_file_read(&sealed, path, MANIFEST_MAX) == MAL_OK,
                MAL_E_AUTH, "the manifest of %s is missing", place->dataset);
    MAL_TRY(put_place(&ad, MANIFEST_LABEL, place));
    MAL_REQUIRE(mal_prim_unbox(&plain, mal_key_view(&keys->manifest),
                               mal_buf_view(&ad),
                               mal_buf_view(&sealed)) == MAL_OK,
                MAL_E_AUTH,
                "the manifest of %s was altered, moved, or belongs to another "
                "key",
                place->dataset);
    return decode_manifest(m, arena, mal_buf_view(&plain));
}
