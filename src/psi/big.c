/* big.c - keys that wait in sealed files, a file for each bucket.
 *
 * bucket.N holds chunks: u32 records, then the records sealed by AES-256-GCM
 * under a key that is fresh for each filling, nonce bucket || chunk.  "state"
 * comes last and is written whole: while it is absent the job has no keys, and
 * whatever lies there is removed.
 */
#include "big_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BUCKET_ROWS ((uint64_t)1 << 20)
#define STATE_MAX ((size_t)1 << 20)
static const char state_magic[8] = "malpsi1";

mal_err big_path(char *path, size_t len, const mal_psi_big *big,
                 const char *name, uint64_t bucket) {
    int n = snprintf(path, len, "%s/%s.%llu", big->dir, name,
                     (unsigned long long)bucket);
    MAL_REQUIRE(n > 0 && (size_t)n < len, MAL_E_INPUT, "the path is too long");
    return MAL_OK;
}

/* --- The shape of a job --------------------------------------------------- */

static mal_err shape(mal_psi_big *b) {
    const mal_psi_big_options *o = &b->options;
    const mal_psi_params *q = &o->params;
    const uint64_t rows = o->bucket_rows ? o->bucket_rows : BUCKET_ROWS;
    const uint64_t larger =
        q->receiver_max > q->sender_max ? q->receiver_max : q->sender_max;
    MAL_REQUIRE(
        rows <= MAL_PSI_SET_MAX / 2 && q->receiver_max >= 1 &&
            q->sender_max >= 1 && larger <= rows * MAL_PSI_BIG_BUCKETS_MAX,
        MAL_E_INPUT,
        "psi of %llu and %llu keys in buckets of %llu: at most %u "
        "buckets",
        (unsigned long long)q->receiver_max, (unsigned long long)q->sender_max,
        (unsigned long long)rows, MAL_PSI_BIG_BUCKETS_MAX);
    MAL_REQUIRE(o->key.len == 32, MAL_E_INPUT, "a key of 32 bytes seals files");
    b->buckets = (uint32_t)((larger + rows - 1) / rows);
    b->receiver_max = psi_load_bound(q->receiver_max, b->buckets);
    b->sender_max = psi_load_bound(q->sender_max, b->buckets);
    uint8_t numbers[8 * 4];
    mal_store_u64le(numbers, q->receiver_max);
    mal_store_u64le(numbers + 8, q->sender_max);
    mal_store_u64le(numbers + 16, rows);
    mal_store_u64le(numbers + 24, (uint64_t)q->security << 8 | q->wide_code);
    const mal_bytes parts[] = { mal_bytes_of(q->session, MAL_PSI_SESSION),
                                mal_bytes_of(numbers, sizeof numbers) };
    mal_prim_hash route;
    mal_prim_hash_parts(&b->shape, "malus psi big", parts, 2);
    mal_prim_hash_parts(&route, "malus psi big route", parts, 2);
    mal_prim_aes_init(&b->route, route.b);
    return MAL_OK;
}

/* --- State ---------------------------------------------------------------- */

static mal_err state_path(char *path, size_t len, const mal_psi_big *b) {
    int n = snprintf(path, len, "%s/state", b->dir);
    MAL_REQUIRE(n > 0 && (size_t)n < len, MAL_E_INPUT, "the path is too long");
    return MAL_OK;
}

mal_err big_save(mal_psi_big *b) {
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 }, boxed = { 0 };
    char path[4096];
    MAL_TRY(state_path(path, sizeof path, b));
    MAL_TRY(mal_buf_put(&plain, mal_bytes_of(state_magic, 8)));
    MAL_TRY(mal_buf_put(&plain, mal_bytes_of(b->shape.b, MAL_PRIM_HASH)));
    MAL_TRY(mal_buf_put(&plain, mal_bytes_of(b->salt, sizeof b->salt)));
    MAL_TRY(mal_buf_put_u64(&plain, b->rows));
    for (uint32_t i = 0; i < b->buckets; i++) {
        MAL_TRY(mal_buf_put_u64(&plain, b->chunks[i]));
        MAL_TRY(mal_buf_put_u8(&plain, b->runs[i]));
    }
    MAL_TRY(mal_prim_box(&boxed, mal_key_view(&b->key),
                         mal_bytes_str("malus psi big state"),
                         mal_buf_view(&plain)));
    return mal_file_write(path, mal_buf_view(&boxed), 0600);
}

static mal_err read_state(mal_psi_big *b, mal_bytes plain, bool *ours) {
    mal_rd rd = mal_rd_of(plain);
    mal_bytes magic, hash;
    MAL_TRY(mal_rd_raw(&rd, &magic, 8));
    MAL_TRY(mal_rd_raw(&rd, &hash, MAL_PRIM_HASH));
    *ours = mal_equal(magic.ptr, state_magic, 8) &&
            mal_equal(hash.ptr, b->shape.b, MAL_PRIM_HASH);
    if (!*ours)
        return MAL_OK;
    MAL_TRY(mal_rd_copy(&rd, b->salt, sizeof b->salt));
    MAL_TRY(mal_rd_u64(&rd, &b->rows));
    for (uint32_t i = 0; i < b->buckets; i++) {
        MAL_TRY(mal_rd_u64(&rd, &b->chunks[i]));
        MAL_TRY(mal_rd_u8(&rd, &b->runs[i]));
    }
    return mal_rd_end(&rd);
}

static mal_err derive_file_key(mal_psi_big *b) {
    return mal_prim_hkdf(b->file_key, sizeof b->file_key, mal_key_view(&b->key),
                         mal_bytes_of(b->salt, sizeof b->salt),
                         mal_bytes_str("malus psi big files"));
}

/* --- Opening -------------------------------------------------------------- */

static mal_err open_buckets(mal_psi_big *b) {
    char path[4096];
    b->waiting = mal_calloc(b->buckets, sizeof *b->waiting);
    b->buffer = mal_calloc((size_t)b->buckets * BIG_CHUNK, sizeof *b->buffer);
    if (!b->waiting || !b->buffer)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (uint32_t i = 0; i < b->buckets; i++) {
        MAL_TRY(big_path(path, sizeof path, b, "bucket", i));
        b->fd[i] = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        MAL_REQUIRE(b->fd[i] >= 0, MAL_E_IO, "cannot write %s: %s", path,
                    strerror(errno));
    }
    return MAL_OK;
}

/* The state first: without it the rest is nothing. */
static mal_err remove_files(const mal_psi_big *b) {
    static const char *const names[] = { "bucket", "hits" };
    char path[4096];
    MAL_TRY(state_path(path, sizeof path, b));
    MAL_TRY(mal_file_remove(path));
    for (uint32_t i = 0; i < 2 * MAL_PSI_BIG_BUCKETS_MAX; i++) {
        MAL_TRY(big_path(path, sizeof path, b, names[i % 2], i / 2));
        MAL_TRY(mal_file_remove(path));
    }
    return MAL_OK;
}

/* A job that has no keys yet: whatever an earlier one left is of no use. */
static mal_err begin(mal_psi_big *b) {
    MAL_TRY(mal_dir_make(b->dir, 0700));
    MAL_TRY(remove_files(b));
    b->rows = 0;
    memset(b->chunks, 0, b->buckets * sizeof *b->chunks);
    memset(b->runs, 0, b->buckets);
    mal_prim_random(b->salt, sizeof b->salt);
    MAL_TRY(derive_file_key(b));
    return open_buckets(b);
}

static mal_err take_up(mal_psi_big *b, const char *path, bool *ours) {
    MAL_AUTO(mal_buf_clear) mal_buf boxed = { 0 }, plain = { 0 };
    MAL_TRY(mal_file_read(&boxed, path, STATE_MAX));
    MAL_TRY(mal_prim_unbox(&plain, mal_key_view(&b->key),
                           mal_bytes_str("malus psi big state"),
                           mal_buf_view(&boxed)));
    MAL_TRY(read_state(b, mal_buf_view(&plain), ours));
    return *ours ? derive_file_key(b) : MAL_OK;
}

static mal_err open_job(mal_psi_big *b) {
    char path[4096];
    MAL_TRY(mal_prim_init());
    MAL_TRY(shape(b));
    MAL_TRY(mal_key_from(&b->key, b->options.key));
    const size_t len = strlen(b->options.dir);
    b->dir = mal_calloc(len + 1, 1);
    b->chunks = mal_calloc(b->buckets, sizeof *b->chunks);
    b->runs = mal_calloc(b->buckets, sizeof *b->runs);
    b->fd = mal_calloc(b->buckets, sizeof *b->fd);
    if (!b->dir || !b->chunks || !b->runs || !b->fd)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (uint32_t i = 0; i < b->buckets; i++)
        b->fd[i] = -1;
    memcpy(b->dir, b->options.dir, len);
    MAL_TRY(state_path(path, sizeof path, b));
    if (mal_file_exists(path))
        MAL_TRY(take_up(b, path, &b->filled));
    return b->filled ? MAL_OK : begin(b);
}

mal_err mal_psi_big_open(mal_psi_big **big,
                         const mal_psi_big_options *options) {
    mal_psi_big *b = mal_calloc(1, sizeof *b);
    *big = NULL;
    if (!b)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    b->options = *options;
    mal_err err = open_job(b);
    if (err == MAL_OK)
        *big = b;
    else
        mal_psi_big_close(b);
    return err;
}

static void drop_buffers(mal_psi_big *b) {
    for (uint32_t i = 0; b->fd && i < b->buckets; i++)
        mal_fd_auto(&b->fd[i]);
    if (b->buffer)
        mal_wipe(b->buffer, (size_t)b->buckets * BIG_CHUNK * sizeof *b->buffer);
    mal_free(b->buffer);
    mal_free(b->waiting);
    b->buffer = NULL;
    b->waiting = NULL;
}

void mal_psi_big_close(mal_psi_big *b) {
    if (!b)
        return;
    drop_buffers(b);
    mal_free(b->dir);
    mal_free(b->chunks);
    mal_free(b->runs);
    mal_free(b->fd);
    mal_key_clear(&b->key);
    mal_buf_clear(&b->sealed);
    mal_wipe(b, sizeof *b);
    mal_free(b);
}

void mal_psi_big_auto(mal_psi_big **big) {
    mal_psi_big_close(*big);
    *big = NULL;
}

bool mal_psi_big_filled(const mal_psi_big *b) {
    return b->filled;
}

uint64_t mal_psi_big_rows(const mal_psi_big *b) {
    return b->rows;
}

/* --- Filling -------------------------------------------------------------- */

static void nonce_of(uint8_t nonce[12], uint32_t bucket, uint64_t chunk) {
    mal_store_u32le(nonce, bucket);
    mal_store_u64le(nonce + 4, chunk);
}

static mal_err flush(mal_psi_big *b, uint32_t bucket) {
    uint8_t nonce[12], len[4];
    const mal_bytes plain =
        mal_bytes_of(b->buffer + (size_t)bucket * BIG_CHUNK,
                     b->waiting[bucket] * sizeof *b->buffer);
    nonce_of(nonce, bucket, b->chunks[bucket]++);
    mal_store_u32le(len, b->waiting[bucket]);
    mal_buf_reset(&b->sealed);
    MAL_TRY(mal_buf_put(&b->sealed, mal_bytes_of(len, sizeof len)));
    MAL_TRY(mal_prim_gcm_seal(&b->sealed,
                              mal_bytes_of(b->file_key, sizeof b->file_key),
                              nonce, mal_bytes_of(len, sizeof len), plain));
    b->waiting[bucket] = 0;
    return mal_fd_write(b->fd[bucket], mal_buf_view(&b->sealed));
}

mal_err mal_psi_big_add(mal_psi_big *b, const mal_psi_key *keys, size_t n) {
    mal_psi_block h[PSI_BATCH];
    MAL_REQUIRE(!b->filled && b->buffer, MAL_E_STATE,
                "the keys of this job are there already");
    for (size_t at = 0; at < n; at += PSI_BATCH) {
        const size_t len = n - at < PSI_BATCH ? n - at : PSI_BATCH;
        mal_prim_aes_ecb(h, keys + at, len, &b->route);
        for (size_t i = 0; i < len; i++) {
            const uint32_t to =
                (uint32_t)(((mal_u128)h[i].w[0] * b->buckets) >> 64);
            b->buffer[(size_t)to * BIG_CHUNK + b->waiting[to]++] =
                (big_record){ keys[at + i], b->rows++ };
            if (b->waiting[to] == BIG_CHUNK)
                MAL_TRY(flush(b, to));
        }
    }
    return MAL_OK;
}

mal_err mal_psi_big_seal(mal_psi_big *b) {
    MAL_REQUIRE(!b->filled && b->buffer, MAL_E_STATE,
                "the keys of this job are there already");
    for (uint32_t i = 0; i < b->buckets; i++) {
        if (b->waiting[i])
            MAL_TRY(flush(b, i));
        MAL_REQUIRE(fsync(b->fd[i]) == 0, MAL_E_IO, "cannot keep a bucket: %s",
                    strerror(errno));
    }
    drop_buffers(b);
    MAL_TRY(mal_dir_sync(b->dir));
    MAL_TRY(big_save(b));
    b->filled = true;
    return MAL_OK;
}

/* --- Reading back --------------------------------------------------------- */

typedef struct reading {
    int fd;
    big_record *record;
    size_t n, cap;
    mal_buf sealed, plain;
} reading;

static void reading_clear(reading *r) {
    mal_fd_auto(&r->fd);
    if (r->record)
        mal_wipe(r->record, r->n * sizeof *r->record);
    mal_free(r->record);
    mal_buf_clear(&r->sealed);
    mal_buf_clear(&r->plain);
}

static mal_err read_chunk(mal_psi_big *b, reading *r, uint32_t bucket,
                          uint64_t chunk) {
    uint8_t nonce[12], len[4];
    MAL_TRY(mal_fd_read(r->fd, len, sizeof len));
    const size_t n = mal_load_u32le(len);
    MAL_REQUIRE(n <= BIG_CHUNK && n <= r->cap - r->n, MAL_E_AUTH,
                "a bucket file was changed");
    const size_t bytes = n * sizeof *r->record;
    mal_buf_reset(&r->sealed);
    mal_buf_reset(&r->plain);
    MAL_TRY(mal_buf_reserve(&r->sealed, bytes + MAL_PRIM_AEAD_TAG));
    r->sealed.len = bytes + MAL_PRIM_AEAD_TAG;
    MAL_TRY(mal_fd_read(r->fd, r->sealed.ptr, r->sealed.len));
    nonce_of(nonce, bucket, chunk);
    MAL_TRY(mal_prim_gcm_open(
        &r->plain, mal_bytes_of(b->file_key, sizeof b->file_key), nonce,
        mal_bytes_of(len, sizeof len), mal_buf_view(&r->sealed)));
    memcpy(r->record + r->n, r->plain.ptr, bytes);
    r->n += n;
    return MAL_OK;
}

mal_err big_load(mal_psi_big *b, uint32_t bucket, mal_psi_key **keys,
                 uint64_t **rows, size_t *n) {
    MAL_AUTO(reading_clear) reading r = { .fd = -1 };
    char path[4096];
    MAL_TRY(big_path(path, sizeof path, b, "bucket", bucket));
    r.cap = (size_t)b->chunks[bucket] * BIG_CHUNK;
    r.record = mal_calloc(r.cap + 1, sizeof *r.record);
    if (!r.record)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    r.fd = open(path, O_RDONLY | O_CLOEXEC);
    MAL_REQUIRE(r.fd >= 0, MAL_E_IO, "cannot read %s: %s", path,
                strerror(errno));
    for (uint64_t c = 0; c < b->chunks[bucket]; c++)
        MAL_TRY(read_chunk(b, &r, bucket, c));
    *keys = mal_calloc(r.n + 1, sizeof **keys);
    *rows = mal_calloc(r.n + 1, sizeof **rows);
    *n = r.n;
    if (!*keys || !*rows)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (size_t i = 0; i < r.n; i++) {
        (*keys)[i] = r.record[i].key;
        (*rows)[i] = r.record[i].row;
    }
    return MAL_OK;
}
