/* duck_impl.h - the protocol between the node and its caged child.
 *
 * A frame is a 16-byte header {magic u32, kind u32, length u64} and a payload;
 * words are little-endian.  The parent asks, the child answers; nothing is sent
 * unasked but HELLO.  Both sides distrust each other's bytes: the parent
 * because a bug in DuckDB may have taken the child over, the child out of
 * thrift.
 *
 *   parent                    child
 *                             HELLO version
 *   CREATE table, schema      OK | ERROR class, text
 *   PUT table, batch          OK | ERROR
 *   RUN sql                   OK | ERROR
 *   SCAN types, rows_max, sql OK | ERROR
 *   NEXT                      BATCH (rows = 0: the end) | ERROR
 *   STOP                      OK
 */
#ifndef DUCK_IMPL_H
#define DUCK_IMPL_H

#include <malus/duck.h>

#define DUCK_MAGIC 0x314b444du /* "MDK1" */
#define DUCK_HEADER 16u
#define DUCK_FRAME_MAX (MAL_DUCK_BATCH_BYTES + ((size_t)1 << 20))
/* What one side aims at before it sends: the largest batch plus the largest
 * cell stay below MAL_DUCK_BATCH_BYTES. */
#define DUCK_BATCH_AIM ((size_t)16 << 20)
#define DUCK_CELL_MAX ((size_t)4 << 20)
#define DUCK_NAME_MAX 63u
#define DUCK_ERROR_MAX 2048u
#define DUCK_FD_SOCKET 3
#define DUCK_FD_FILES 64

typedef enum duck_kind {
    DUCK_HELLO = 1,
    DUCK_OK,
    DUCK_ERROR,
    DUCK_BATCH,
    DUCK_CREATE,
    DUCK_PUT,
    DUCK_RUN,
    DUCK_SCAN,
    DUCK_NEXT,
    DUCK_STOP,
    DUCK_PROVOKE,
    DUCK_KINDS
} duck_kind;

/* Begin a frame in an empty buffer; end patches the length. */
mal_err mal_duck_frame_begin(mal_buf *out, duck_kind kind) MAL_MUST_CHECK;
void mal_duck_frame_end(mal_buf *out);
/* MAL_E_PEER unless it is a header of a frame of at most DUCK_FRAME_MAX. */
mal_err mal_duck_frame_header(duck_kind *kind, size_t *len,
                              const uint8_t header[16]) MAL_MUST_CHECK;

bool mal_duck_name_valid(const char *name);
/* A name as 64 bytes, zero-padded. */
mal_err mal_duck_name_put(mal_buf *out, const char *name) MAL_MUST_CHECK;
mal_err mal_duck_name_get(mal_rd *rd, char out[64]) MAL_MUST_CHECK;

/* Rows [from, from + rows) of a batch; sections are aligned to 8 bytes within
 * the frame, so that a received one can be used where it lies. */
mal_err mal_duck_batch_put(mal_buf *out, const mal_duck_batch *batch,
                           size_t from, size_t rows) MAL_MUST_CHECK;
/* How many rows from `from` on make a frame of fair size; >= 1 unless none. */
size_t mal_duck_batch_fit(const mal_duck_batch *batch, size_t from);
/* Point `batch` into the payload, which starts on an 8-byte boundary, or refuse
 * it: MAL_E_PEER.  columns has room for MAL_DUCK_COLUMNS_MAX. */
mal_err mal_duck_batch_get(mal_duck_batch *batch, mal_duck_column *columns,
                           mal_bytes payload) MAL_MUST_CHECK;

#endif
