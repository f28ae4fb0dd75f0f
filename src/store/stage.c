/* stage.c - judged rows, until it is known which of them stay. */
#include "store_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct staged {
    uint64_t offset;
    uint32_t sealed, rows;
} staged;

struct store_stage {
    const store_schema *schema;
    int fd;
    mal_key key; /* random, never stored */
    uint64_t end, rows;
    size_t n, cap;
    staged *blocks;
    mal_buf plain, sealed;
};

/* A file without a name where the file system can, else one that is unlinked at
 * once. */
static mal_err open_nameless(int *fd, const char *dir) {
    char path[4096];

    *fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*fd >= 0)
        return MAL_OK;
    snprintf(path, sizeof path, "%s/stage-XXXXXX", dir);
    *fd = mkostemp(path, O_CLOEXEC);
    MAL_REQUIRE(*fd >= 0, MAL_E_IO, "no temporary file in %s: %s", dir,
                strerror(errno));
    unlink(path);
    return MAL_OK;
}

mal_err mal_store_stage_new(store_stage **out, const char *dir,
                            const store_schema *schema) {
    MAL_AUTO(mal_store_stage_auto)
    store_stage *s = mal_calloc(1, sizeof *s);
    uint8_t random[MAL_PRIM_AEAD_KEY];

    MAL_REQUIRE(s, MAL_E_MEMORY, "out of memory");
    s->fd = -1;
    s->schema = schema;
    mal_prim_random(random, sizeof random);
    mal_err err = mal_key_from(&s->key, mal_bytes_of(random, sizeof random));
    mal_wipe(random, sizeof random);
    MAL_TRY(err);
    MAL_TRY(open_nameless(&s->fd, dir));
    *out = s;
    s = NULL;
    return MAL_OK;
}

void mal_store_stage_auto(store_stage **stage) {
    store_stage *s = *stage;

    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    mal_key_clear(&s->key);
    mal_buf_clear(&s->plain);
    mal_buf_clear(&s->sealed);
    mal_free(s->blocks);
    mal_free(s);
    *stage = NULL;
}

size_t mal_store_stage_blocks(const store_stage *stage) {
    return stage->n;
}

uint64_t mal_store_stage_rows(const store_stage *stage) {
    return stage->rows;
}

static void nonce_of(uint8_t nonce[12], size_t i) {
    memset(nonce, 0, 12);
    mal_store_u64le(nonce, i);
}

mal_err mal_store_stage_add(store_stage *s, const store_block *b) {
    uint8_t nonce[12];

    if (b->rows == 0)
        return MAL_OK;
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 64;
        staged *grown =
            mal_realloc(s->blocks, s->cap * sizeof *grown, cap * sizeof *grown);
        MAL_REQUIRE(grown, MAL_E_MEMORY, "out of memory");
        s->blocks = grown;
        s->cap = cap;
    }
    mal_buf_reset(&s->plain);
    mal_buf_reset(&s->sealed);
    for (unsigned i = 0; i < b->n; i++) {
        size_t w = mal_store_width(b->col[i].kind);
        MAL_TRY(
            mal_buf_put(&s->plain, mal_bytes_of(b->col[i].words, b->rows * w)));
        MAL_TRY(mal_buf_put(&s->plain, mal_bytes_of(b->col[i].null, b->rows)));
    }
    nonce_of(nonce, s->n);
    MAL_TRY(mal_prim_gcm_seal(&s->sealed, mal_key_view(&s->key), nonce,
                              mal_bytes_of(NULL, 0), mal_buf_view(&s->plain)));
    MAL_TRY(mal_fd_write(s->fd, mal_buf_view(&s->sealed)));
    s->blocks[s->n++] = (staged){
        .offset = s->end,
        .sealed = (uint32_t)s->sealed.len,
        .rows = (uint32_t)b->rows,
    };
    s->end += s->sealed.len;
    s->rows += b->rows;
    return MAL_OK;
}

static mal_err read_at(int fd, uint8_t *out, size_t len, uint64_t offset) {
    for (size_t at = 0; at < len;) {
        ssize_t n = pread(fd, out + at, len - at, (off_t)(offset + at));
        if (n < 0 && errno == EINTR)
            continue;
        MAL_REQUIRE(n > 0, MAL_E_IO, "the staged rows cannot be read back");
        at += (size_t)n;
    }
    return MAL_OK;
}

mal_err mal_store_stage_read(store_stage *s, store_block *b, size_t i) {
    const staged *at = &s->blocks[i];
    uint8_t nonce[12];

    assert(i < s->n);
    mal_buf_reset(&s->plain);
    mal_buf_reset(&s->sealed);
    MAL_TRY(mal_buf_reserve(&s->sealed, at->sealed));
    MAL_TRY(read_at(s->fd, s->sealed.ptr, at->sealed, at->offset));
    s->sealed.len = at->sealed;
    nonce_of(nonce, i);
    MAL_TRY(mal_prim_gcm_open(&s->plain, mal_key_view(&s->key), nonce,
                              mal_bytes_of(NULL, 0), mal_buf_view(&s->sealed)));
    const uint8_t *p = s->plain.ptr;
    b->rows = at->rows;
    for (unsigned c = 0; c < b->n; c++) {
        size_t w = mal_store_width(b->col[c].kind);
        memcpy(b->col[c].words, p, b->rows * w);
        p += b->rows * w;
        memcpy(b->col[c].null, p, b->rows);
        p += b->rows;
    }
    assert(p == s->plain.ptr + s->plain.len);
    return MAL_OK;
}
