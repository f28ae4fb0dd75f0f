/* spill.c - shares that are not needed for a while lie encrypted on disk.
 *
 * One file without a name for an engine: it ends with the process, also under
 * kill -9.  Pieces are sealed by AES-256-GCM under a key that is drawn here,
 * lies in locked memory and is never written; a piece's nonce is its number,
 * which never returns.  What is read back is what was written, or MAL_E_AUTH.
 */
#include "share3_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE ((size_t)1 << 20) /* bytes of shares sealed at a time */
#define SEALED (PIECE + MAL_PRIM_AEAD_TAG)

struct share3_spill {
    int fd;
    mal_key key;
    uint64_t pieces; /* sealed so far: the next nonce */
    uint64_t end;    /* slots of the file in use or free */
    uint64_t *free;  /* [n_free] slots below end */
    size_t n_free, room;
    mal_buf buf;
};

struct mal_share3_parked {
    size_t bytes;
    uint64_t first;  /* nonce of piece 0; the others follow */
    uint64_t slot[]; /* where piece i lies */
};

/* --- The file ----------------------------------------------------------------
 */

/* Without a name from the start, or as soon as it is there. */
static int open_nameless(const char *dir) {
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/malus-spill-XXXXXX", dir) >=
        sizeof path)
        return -1;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

static mal_err spill_open(mal_share3 *s) {
    MAL_REQUIRE(s->options.spill_dir, MAL_E_STATE,
                "no folder for shares that do not fit was given");
    share3_spill *f = mal_calloc(1, sizeof *f);
    if (!f)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    f->fd = -1;
    s->spill = f;
    MAL_TRY(mal_key_alloc(&f->key, MAL_PRIM_AEAD_KEY));
    mal_prim_random(f->key.ptr, f->key.len);
    f->fd = open_nameless(s->options.spill_dir);
    MAL_REQUIRE(f->fd >= 0, MAL_E_IO, "cannot make a file in %s: %s",
                s->options.spill_dir, strerror(errno));
    return MAL_OK;
}

void share3_spill_close(mal_share3 *s) {
    share3_spill *f = s->spill;
    if (!f)
        return;
    mal_fd_auto(&f->fd);
    mal_key_clear(&f->key);
    mal_buf_clear(&f->buf);
    mal_free(f->free);
    mal_free(f);
    s->spill = NULL;
}

/* Slots given back are taken first; there is room for all of them. */
static uint64_t take_slot(share3_spill *f) {
    return f->n_free ? f->free[--f->n_free] : f->end++;
}

static mal_err make_room(share3_spill *f, uint64_t slots) {
    const uint64_t want = f->end + slots;
    if (want <= f->room)
        return MAL_OK;
    uint64_t *more =
        mal_realloc(f->free, f->room * sizeof *more, 2 * want * sizeof *more);
    if (!more)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    f->free = more;
    f->room = 2 * want;
    return MAL_OK;
}

/* --- Pieces
 * ------------------------------------------------------------------- */

static void nonce_of(uint8_t nonce[12], uint64_t piece) {
    memset(nonce, 0, 12);
    mal_store_u64le(nonce + 4, piece);
}

static mal_err write_piece(mal_share3 *s, const uint8_t *bytes, size_t len,
                           uint64_t piece, uint64_t slot) {
    share3_spill *f = s->spill;
    uint8_t nonce[12];
    nonce_of(nonce, piece);
    mal_buf_reset(&f->buf);
    MAL_TRY(mal_prim_gcm_seal(&f->buf, mal_key_view(&f->key), nonce,
                              mal_bytes_of(s->options.session, 32),
                              mal_bytes_of(bytes, len)));
    for (size_t done = 0; done < f->buf.len;) {
        const ssize_t n = pwrite(f->fd, f->buf.ptr + done, f->buf.len - done,
                                 (off_t)(slot * SEALED + done));
        if (n < 0 && errno == EINTR)
            continue;
        MAL_REQUIRE(n > 0, MAL_E_IO, "cannot write shares to disk: %s",
                    strerror(errno));
        done += (size_t)n;
    }
    return MAL_OK;
}

static mal_err read_piece(mal_share3 *s, uint8_t *bytes, size_t len,
                          uint64_t piece, uint64_t slot) {
    share3_spill *f = s->spill;
    MAL_AUTO(mal_buf_clear) mal_buf sealed = { 0 };
    uint8_t nonce[12];
    nonce_of(nonce, piece);
    MAL_TRY(mal_buf_reserve(&sealed, len + MAL_PRIM_AEAD_TAG));
    sealed.len = len + MAL_PRIM_AEAD_TAG;
    for (size_t done = 0; done < sealed.len;) {
        const ssize_t n = pread(f->fd, sealed.ptr + done, sealed.len - done,
                                (off_t)(slot * SEALED + done));
        if (n < 0 && errno == EINTR)
            continue;
        MAL_REQUIRE(n > 0, MAL_E_IO, "cannot read shares from disk: %s",
                    n ? strerror(errno) : "the file is short");
        done += (size_t)n;
    }
    mal_buf_reset(&f->buf);
    MAL_TRY(mal_prim_gcm_open(&f->buf, mal_key_view(&f->key), nonce,
                              mal_bytes_of(s->options.session, 32),
                              mal_buf_view(&sealed)));
    assert(f->buf.len == len);
    memcpy(bytes, f->buf.ptr, len);
    mal_wipe(f->buf.ptr, f->buf.len);
    return MAL_OK;
}

/* --- Vectors
 * ------------------------------------------------------------------- */

static size_t pieces_of(size_t bytes) {
    return (bytes + PIECE - 1) / PIECE;
}

static size_t piece_len(size_t bytes, size_t i) {
    return share3_least(PIECE, bytes - i * PIECE);
}

mal_err share3_park(mal_share3 *s, mal_share3_parked **out, const void *block,
                    size_t bytes) {
    const size_t pieces = pieces_of(bytes);
    if (!s->spill || s->spill->fd < 0) {
        share3_spill_close(s);
        MAL_TRY(spill_open(s));
    }
    MAL_TRY(make_room(s->spill, pieces));
    mal_share3_parked *p = mal_calloc(1, sizeof *p + pieces * sizeof *p->slot);
    if (!p)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    *p = (mal_share3_parked){ .bytes = bytes, .first = s->spill->pieces };
    s->spill->pieces += pieces;
    mal_err err = MAL_OK;
    for (size_t i = 0; i < pieces; i++) {
        p->slot[i] = take_slot(s->spill);
        if (err == MAL_OK)
            err = write_piece(s, (const uint8_t *)block + i * PIECE,
                              piece_len(bytes, i), p->first + i, p->slot[i]);
    }
    *out = p;
    s->count.parked += bytes;
    if (err != MAL_OK)
        share3_unpark_free(s, out);
    return err;
}

mal_err share3_unpark(mal_share3 *s, const mal_share3_parked *p, void *block) {
    for (size_t i = 0; i < pieces_of(p->bytes); i++)
        MAL_TRY(read_piece(s, (uint8_t *)block + i * PIECE,
                           piece_len(p->bytes, i), p->first + i, p->slot[i]));
    return MAL_OK;
}

void share3_unpark_free(mal_share3 *s, mal_share3_parked **p) {
    if (!*p)
        return;
    for (size_t i = 0; i < pieces_of((*p)->bytes); i++)
        s->spill->free[s->spill->n_free++] = (*p)->slot[i];
    mal_free(*p);
    *p = NULL;
}
