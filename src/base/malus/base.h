/* malus/base.h - memory, errors, bytes, threads, io, and the channel interface.
 *
 * The one header that everybody includes.  Nothing here knows cryptography; it
 * gives the floors above a common way to fail, to own memory, to hold bytes and
 * keys, to write files that survive a crash, and to speak to a peer.
 *
 * Three words, three meanings.  MAL_TRY(call) passes on a failure.
 * MAL_REQUIRE(cond, err, ...) checks what others gave us.  assert(cond) states
 * what we believe, stays on in release, and is never false.
 */
#ifndef MALUS_BASE_H
#define MALUS_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef NDEBUG
#error "assertions stay on: do not define NDEBUG"
#endif

/* --- Errors ------------------------------------------------------------- */

/* The classes that callers act on.  People read the trail. */
#define MAL_ERR_MAP(X)                                                         \
    X(MAL_OK, 0, "ok")                                                         \
    X(MAL_E_INPUT, 1, "malformed input")                                       \
    X(MAL_E_LIMIT, 2, "a limit was exceeded")                                  \
    X(MAL_E_MEMORY, 3, "out of memory")                                        \
    X(MAL_E_IO, 4, "input or output failed")                                   \
    X(MAL_E_AUTH, 5, "a tag, signature or proof does not verify")              \
    X(MAL_E_DENIED, 6, "the contract does not permit it")                      \
    X(MAL_E_BUDGET, 7, "the privacy budget does not cover it")                 \
    X(MAL_E_STATE, 8, "not possible in this state")                            \
    X(MAL_E_PEER, 9, "a peer broke the protocol or went away")                 \
    X(MAL_E_TIMEOUT, 10, "time ran out")                                       \
    X(MAL_E_CANCEL, 11, "cancelled")                                           \
    X(MAL_E_UNSUPPORTED, 12, "not supported")                                  \
    X(MAL_E_MISSING, 13, "no such thing")

typedef enum mal_err {
#define X(name, value, text) name = value,
    MAL_ERR_MAP(X)
#undef X
} mal_err;

#define MAL_MUST_CHECK __attribute__((warn_unused_result))
#define MAL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
/* Who declares an owner writes MAL_AUTO(clear) on it: each exit is clean. */
#define MAL_AUTO(clear) __attribute__((cleanup(clear), unused))

/* Record why, and return the class.  The message of the innermost failure is
 * what a person reads; each MAL_TRY adds a file and line.  Thread-local. */
mal_err mal_err_set(mal_err err, const char *file, int line, const char *fmt,
                    ...) MAL_PRINTF(4, 5);
mal_err mal_err_trace(mal_err err, const char *file, int line);
/* The innermost message of this thread's last failure; "" if there is none. */
const char *mal_err_message(void);
/* The trail, one line a frame, for a log.  Valid until the next failure. */
const char *mal_err_trail(void);
/* The class's own text, from the table above. */
const char *mal_err_text(mal_err err);
/* The class's symbolic name without MAL_ ("E_INPUT"), for --json. */
const char *mal_err_name(mal_err err);
void mal_err_forget(void);

/* The class itself is returned, not what the call answers, so that a compiler
 * sees that a failure is not MAL_OK. */
#define MAL_FAIL(err, ...)                                                     \
    do {                                                                       \
        mal_err_set((err), __FILE__, __LINE__, __VA_ARGS__);                   \
        return (err);                                                          \
    } while (0)
#define MAL_TRY(call)                                                          \
    do {                                                                       \
        mal_err mal_try_err_ = (call);                                         \
        if (mal_try_err_ != MAL_OK) {                                          \
            mal_err_trace(mal_try_err_, __FILE__, __LINE__);                   \
            return mal_try_err_;                                               \
        }                                                                      \
    } while (0)
/* MAL_REQUIRE(cond, class, "what is wrong, and what to do", ...) */
#define MAL_REQUIRE(cond, err, ...)                                            \
    do {                                                                       \
        if (!(cond)) {                                                         \
            mal_err_set((err), __FILE__, __LINE__, __VA_ARGS__);               \
            return (err);                                                      \
        }                                                                      \
    } while (0)

/* --- Memory ------------------------------------------------------------- */

/* Zeroed memory, or NULL with MAL_E_MEMORY recorded; so if n * size wraps. */
void *mal_calloc(size_t n, size_t size);
/* Grow or shrink; the old block stays valid on NULL.  New bytes are zero. */
void *mal_realloc(void *old, size_t old_size, size_t new_size);
void mal_free(void *block);
/* The same for blocks that may have megabytes and are written all over, from
 * the system in huge pages where it has them.  The block is given back as zeros
 * (wiped where it was written); up to 96 MiB are kept for the next ones. */
void *mal_large_new(size_t bytes);
void mal_large_free(void *block, size_t bytes);
/* At start: tell the C library's heap at once what it would learn, so that
 * blocks of 64 KiB do not cost their page faults anew each time. */
void mal_heap_settle(void);
/* Test hook: the n-th allocation from now fails (1 = the next); 0 = never. */
void mal_alloc_fail_at(uint64_t n);
uint64_t mal_alloc_count(void);

/* An arena owns what belongs to one query, job or connection, and frees it at
 * once.  Limit: the total bytes it may hold. */
typedef struct mal_arena mal_arena;
mal_arena *mal_arena_new(size_t bytes_max);
void mal_arena_free(mal_arena *arena);
void mal_arena_auto(mal_arena **arena); /* for MAL_AUTO */
/* Zeroed, 16-byte aligned; NULL (recorded) past the limit or out of memory. */
void *mal_arena_alloc(mal_arena *arena, size_t size);
void *mal_arena_calloc(mal_arena *arena, size_t n, size_t size);
/* NUL-terminated copy; NULL (recorded) on failure. */
char *mal_arena_strndup(mal_arena *arena, const char *text, size_t len);
char *mal_arena_strdup(mal_arena *arena, const char *text);
char *mal_arena_printf(mal_arena *arena, const char *fmt, ...) MAL_PRINTF(2, 3);
size_t mal_arena_used(const mal_arena *arena);

/* --- Bytes -------------------------------------------------------------- */

/* A borrowed view. */
typedef struct mal_bytes {
    const uint8_t *ptr;
    size_t len;
} mal_bytes;

#define MAL_BUF_MAX_DEFAULT ((size_t)1 << 30)

/* Owned bytes that never grow past max.  { 0 } is an empty buffer whose max is
 * MAL_BUF_MAX_DEFAULT.  Wiped when cleared. */
typedef struct mal_buf {
    uint8_t *ptr;
    size_t len;
    size_t cap;
    size_t max;
} mal_buf;

mal_bytes mal_bytes_of(const void *ptr, size_t len);
mal_bytes mal_bytes_str(const char *text); /* without the NUL */
mal_bytes mal_buf_view(const mal_buf *buf);
bool mal_bytes_same_vartime(mal_bytes a, mal_bytes b);

void mal_buf_init(mal_buf *buf, size_t max);
void mal_buf_clear(mal_buf *buf);
void mal_buf_reset(mal_buf *buf); /* empty, keeps the memory */
mal_err mal_buf_reserve(mal_buf *buf, size_t more) MAL_MUST_CHECK;
mal_err mal_buf_put(mal_buf *buf, mal_bytes bytes) MAL_MUST_CHECK;
mal_err mal_buf_put_str(mal_buf *buf, const char *text) MAL_MUST_CHECK;
mal_err mal_buf_put_fmt(mal_buf *buf, const char *fmt, ...)
    MAL_PRINTF(2, 3) MAL_MUST_CHECK;
/* Little-endian words: the house's canonical encodings are made of them. */
mal_err mal_buf_put_u8(mal_buf *buf, uint8_t v) MAL_MUST_CHECK;
mal_err mal_buf_put_u16(mal_buf *buf, uint16_t v) MAL_MUST_CHECK;
mal_err mal_buf_put_u32(mal_buf *buf, uint32_t v) MAL_MUST_CHECK;
mal_err mal_buf_put_u64(mal_buf *buf, uint64_t v) MAL_MUST_CHECK;
/* u32 length, then the bytes. */
mal_err mal_buf_put_blob(mal_buf *buf, mal_bytes bytes) MAL_MUST_CHECK;
mal_err mal_buf_put_blob_str(mal_buf *buf, const char *text) MAL_MUST_CHECK;
/* Ensures a NUL after the last byte (not counted) and returns the text. */
mal_err mal_buf_cstr(mal_buf *buf, const char **text) MAL_MUST_CHECK;

/* A cursor over foreign bytes: every read is bounds-checked (MAL_E_INPUT). */
typedef struct mal_rd {
    const uint8_t *ptr;
    size_t left;
} mal_rd;
mal_rd mal_rd_of(mal_bytes bytes);
mal_err mal_rd_u8(mal_rd *rd, uint8_t *v) MAL_MUST_CHECK;
mal_err mal_rd_u16(mal_rd *rd, uint16_t *v) MAL_MUST_CHECK;
mal_err mal_rd_u32(mal_rd *rd, uint32_t *v) MAL_MUST_CHECK;
mal_err mal_rd_u64(mal_rd *rd, uint64_t *v) MAL_MUST_CHECK;
mal_err mal_rd_raw(mal_rd *rd, mal_bytes *out, size_t len) MAL_MUST_CHECK;
mal_err mal_rd_copy(mal_rd *rd, void *out, size_t len) MAL_MUST_CHECK;
mal_err mal_rd_blob(mal_rd *rd, mal_bytes *out, size_t len_max) MAL_MUST_CHECK;
/* NUL-terminated copy of a blob without NULs, in the arena. */
mal_err mal_rd_str(mal_rd *rd, char **out, mal_arena *arena,
                   size_t len_max) MAL_MUST_CHECK;
mal_err mal_rd_end(const mal_rd *rd) MAL_MUST_CHECK; /* nothing may be left */

void mal_store_u32le(uint8_t *out, uint32_t v);
void mal_store_u64le(uint8_t *out, uint64_t v);
uint32_t mal_load_u32le(const uint8_t *in);
uint64_t mal_load_u64le(const uint8_t *in);
void mal_store_u64be(uint8_t *out, uint64_t v);
uint64_t mal_load_u64be(const uint8_t *in);

/* out has room for 2 * len + 1.  Lower case.  Constant time. */
void mal_hex_encode(char *out, mal_bytes in);
/* Exactly out_len bytes, either case, nothing else: MAL_E_INPUT. */
mal_err mal_hex_decode(uint8_t *out, size_t out_len,
                       const char *text) MAL_MUST_CHECK;
/* RFC 4648 standard alphabet with padding; decoding is strict (canonical). */
mal_err mal_base64_encode(mal_buf *out, mal_bytes in) MAL_MUST_CHECK;
mal_err mal_base64_decode(mal_buf *out, mal_bytes text) MAL_MUST_CHECK;

/* --- Secrets: masks, wiping, comparing ---------------------------------- */

__extension__ typedef __int128 mal_i128;
__extension__ typedef unsigned __int128 mal_u128;

/* Hide a value from the optimiser, so that masks stay masks. */
static inline uint64_t mal_barrier(uint64_t v) {
    __asm__("" : "+r"(v));
    return v;
}
/* All ones if the condition holds, else 0.  Constant time. */
static inline uint64_t mal_mask_nonzero(uint64_t v) {
    v = mal_barrier(v);
    return mal_barrier((uint64_t)0 - ((v | ((uint64_t)0 - v)) >> 63));
}
static inline uint64_t mal_mask_eq(uint64_t a, uint64_t b) {
    return ~mal_mask_nonzero(a ^ b);
}
static inline uint64_t mal_mask_lt(uint64_t a,
                                   uint64_t b) { /* unsigned a < b */
    return mal_barrier((uint64_t)0 -
                       (((~a & b) | ((~(a ^ b)) & (a - b))) >> 63));
}
static inline uint64_t mal_mask_lt_signed(int64_t a, int64_t b) {
    const uint64_t flip = (uint64_t)1 << 63;
    return mal_mask_lt((uint64_t)a ^ flip, (uint64_t)b ^ flip);
}
static inline uint64_t mal_select(uint64_t mask, uint64_t yes, uint64_t no) {
    return no ^ (mask & (yes ^ no));
}
/* Say that these bytes are public from here on, although they were computed
 * from secrets: what a release, a tag or a verdict tells.  Costs nothing; the
 * leak tests hear it (tests/harness/mal_leak.h). */
#ifdef MAL_LEAK_TEST
void mal_declassify(const void *block, size_t len);
#else
static inline void mal_declassify(const void *block, size_t len) {
    (void)block;
    (void)len;
}
#endif
void mal_wipe(void *block, size_t len);                   /* not elided */
bool mal_equal(const void *a, const void *b, size_t len); /* constant time */
int mal_compare_vartime(const void *a, const void *b, size_t len);

/* Key bytes in locked, guarded pages: a canary page on both sides, not dumped,
 * wiped on fork.  No printer, no copy.  { 0 } is no key. */
typedef struct mal_key {
    uint8_t *ptr; /* NULL, or len bytes */
    size_t len;
} mal_key;
#define MAL_KEY_MAX ((size_t)4096)
mal_err mal_key_alloc(mal_key *key, size_t len) MAL_MUST_CHECK; /* zeroed */
mal_err mal_key_from(mal_key *key, mal_bytes bytes) MAL_MUST_CHECK;
void mal_key_clear(mal_key *key);
mal_bytes mal_key_view(const mal_key *key);

/* --- Time --------------------------------------------------------------- */

uint64_t mal_time_unix(void); /* seconds since 1970 */
uint64_t mal_time_unix_ms(void);
uint64_t mal_time_monotonic_ns(void);
uint64_t mal_time_cpu_ns(void);    /* of this process */
uint64_t mal_time_thread_ns(void); /* CPU of the calling thread */
/* RFC 3339 UTC, "2026-11-22T13:04:34Z"; out has room for 21 bytes. */
void mal_time_format(char *out, uint64_t unix_seconds);
mal_err mal_time_parse_date(uint64_t *unix_seconds, const char *text)
    MAL_MUST_CHECK; /* "YYYY-MM-DD", the start of that day, UTC */
/* "2026-11-22T13:04:34Z": RFC 3339 in UTC, to the second, nothing else. */
mal_err mal_time_parse(uint64_t *unix_seconds, const char *text) MAL_MUST_CHECK;

/* --- Threads ------------------------------------------------------------ */

typedef struct mal_thread mal_thread;
mal_err mal_thread_start(mal_thread **thread, void (*run)(void *),
                         void *arg) MAL_MUST_CHECK;
void mal_thread_join(mal_thread **thread); /* waits; NULL is fine */
/* Run body(ctx, i) for i in [0, n) on up to `threads` threads.  The first
 * failure is returned, with its trail, after all have stopped. */
mal_err mal_parallel(unsigned threads, size_t n,
                     mal_err (*body)(void *ctx, size_t i),
                     void *ctx) MAL_MUST_CHECK;
unsigned mal_cpus(void);

/* --- Files -------------------------------------------------------------- */

mal_err mal_file_read(mal_buf *out, const char *path,
                      size_t len_max) MAL_MUST_CHECK; /* appends */
bool mal_file_exists(const char *path);
/* Whole or absent, also under kill -9: temporary file in the same folder,
 * fsync, rename, fsync of the folder.  mode e.g. 0600. */
mal_err mal_file_write(const char *path, mal_bytes bytes,
                       unsigned mode) MAL_MUST_CHECK;
mal_err mal_file_remove(const char *path) MAL_MUST_CHECK; /* absent is fine */
mal_err mal_dir_make(const char *path, unsigned mode) MAL_MUST_CHECK; /* -p */
mal_err mal_dir_sync(const char *path) MAL_MUST_CHECK;
mal_err mal_dir_remove(const char *path) MAL_MUST_CHECK; /* the whole tree */
/* Read or write all of len, restarting after signals. */
mal_err mal_fd_write(int fd, mal_bytes bytes) MAL_MUST_CHECK;
mal_err mal_fd_read(int fd, void *out, size_t len) MAL_MUST_CHECK;
void mal_fd_auto(int *fd); /* for MAL_AUTO: closes if >= 0 */

/* --- Channels ----------------------------------------------------------- */

/* An ordered stream of messages to one peer.  net implements it with TLS, tests
 * with a pair in memory, room wraps it to hash and to count.  A message is
 * received whole; its length is public. */
typedef struct mal_chan mal_chan;
typedef struct mal_chan_ops {
    mal_err (*send)(mal_chan *chan, mal_bytes message);
    /* Replaces *message.  Longer than len_max: MAL_E_PEER, the channel is dead.
     */
    mal_err (*recv)(mal_chan *chan, mal_buf *message, size_t len_max);
    void (*close)(mal_chan *chan); /* frees; both ends see MAL_E_PEER after */
} mal_chan_ops;
struct mal_chan {
    const mal_chan_ops *ops;
    uint64_t bytes_sent, bytes_received, messages_sent, messages_received;
};
#define MAL_CHAN_MESSAGE_MAX ((size_t)64 << 20)
mal_err mal_chan_send(mal_chan *chan, mal_bytes message) MAL_MUST_CHECK;
mal_err mal_chan_recv(mal_chan *chan, mal_buf *message,
                      size_t len_max) MAL_MUST_CHECK;
/* Exactly len bytes, or MAL_E_PEER. */
mal_err mal_chan_recv_exact(mal_chan *chan, void *out,
                            size_t len) MAL_MUST_CHECK;
void mal_chan_close(mal_chan **chan); /* NULL is fine */
/* Two ends in memory; a receive waits at most timeout_ms (MAL_E_TIMEOUT). */
mal_err mal_chan_pair(mal_chan **a, mal_chan **b,
                      unsigned timeout_ms) MAL_MUST_CHECK;

/* The parties of one run: chan[me] is NULL. */
#define MAL_PARTIES_MAX 64
typedef struct mal_mesh {
    unsigned n, me;
    mal_chan *chan[MAL_PARTIES_MAX];
} mal_mesh;
void mal_mesh_close(mal_mesh *mesh); /* all of its channels */
/* All n parties in this process: body(ctx, mesh) for each, in threads of their
 * own but the last party's, over channels in memory.  A body may put channels
 * of its own over those of its mesh; whatever lies there when it ends is
 * closed.  The failure that is returned, with its trail, is of the lowest party
 * that did not merely lose a peer. */
mal_err mal_mesh_run(unsigned n, unsigned timeout_ms,
                     mal_err (*body)(void *ctx, mal_mesh *mesh),
                     void *ctx) MAL_MUST_CHECK;

/* --- Progress and cancelling -------------------------------------------- */

/* Long work reports through this; a non-OK answer stops it. */
typedef struct mal_progress {
    mal_err (*step)(void *ctx, const char *stage, uint64_t done,
                    uint64_t total);
    void *ctx;
} mal_progress;
/* NULL progress is fine. */
mal_err mal_progress_step(const mal_progress *progress, const char *stage,
                          uint64_t done, uint64_t total) MAL_MUST_CHECK;

#endif
