/* share3_impl.h - what the files of a share3 job share. */
#ifndef MALUS_ROOM_SHARE3_IMPL_H
#define MALUS_ROOM_SHARE3_IMPL_H

#include "room_impl.h"

#include <malus/oblivious_stages.h>

/* --- planes.c: a table as planes of bits --------------------------------- */

/* Of each column its value's planes, then its NULLs; last the rows that there
 * are.  Every plane has the declared bound of rows, whatever the table holds:
 * what is sent, stored and computed on tells the bound alone (rule 29). */
typedef struct room_shape {
    size_t rows;      /* the declared bound, at least 1 */
    unsigned n_types; /* columns */
    const mal_obl_type *types;
} room_shape;

size_t room_shape_stride(const room_shape *shape); /* words of a plane */
size_t room_shape_words(const room_shape *shape);  /* of all planes */
/* A batch of at most `rows` rows into plain planes, [room_shape_words], zeroed:
 * every value is checked against its column's type.
 *
 * Errors:  MAL_E_STATE  a value is NULL where none may be, or out of its range.
 *          MAL_E_LIMIT  more rows than were declared. */
mal_err room_planes_fill(uint64_t *planes, const room_shape *shape,
                         const mal_duck_batch *batch) MAL_MUST_CHECK;
/* Rows in the order of an identifier's bytes, all columns alike. */
mal_err room_rows_order(mal_duck_batch *rows, unsigned by,
                        mal_arena *arena) MAL_MUST_CHECK;
/* An owner without a seat sends each seat its two parts, in pieces: no piece is
 * known in whole to anybody but the owner. */
mal_err room_planes_send(mal_chan *const seats[3], const uint64_t *planes,
                         size_t words,
                         const mal_progress *progress) MAL_MUST_CHECK;
/* At a seat.  Were both holders of each part sent the same?  One round. */
mal_err room_planes_receive(mal_share3 *s, mal_share3_bits *flat,
                            mal_chan *owner, size_t words) MAL_MUST_CHECK;
/* The same, of an owner that has seat `from`; planes at that seat alone. */
mal_err room_planes_input(mal_share3 *s, mal_share3_bits *flat, unsigned from,
                          const uint64_t *planes, size_t words) MAL_MUST_CHECK;
/* The table whose columns are views of `flat`, which must outlive it. */
mal_err room_planes_table(mal_obl_table *table, const mal_share3_bits *flat,
                          const room_shape *shape) MAL_MUST_CHECK;

/* The table's planes, where they are no views already, into `flat`. */
void room_planes_put(const mal_share3_bits *flat, const room_shape *shape,
                     const mal_obl_table *table);

/* The raw table of a dataset: its columns but secrets, in order, with the types
 * that the contract declares; names[n_types]. */
mal_err room_shape_of_dataset(room_shape *shape, const char ***names,
                              mal_arena *arena,
                              const mal_policy_dataset *d) MAL_MUST_CHECK;
void room_shape_hash(uint8_t out[32], const room_shape *shape);

/* The columns `pick` of the raw table whose planes lie in `flat`. */
mal_err room_planes_pick(mal_obl_table *table, const mal_share3_bits *flat,
                         const room_shape *shape, const unsigned *pick,
                         unsigned n_pick) MAL_MUST_CHECK;

/* --- walk3.c: a released plan on shares ----------------------------------- */

/* What part i becomes. */
mal_err room_walk3_shape(room_shape *shape, mal_arena *arena,
                         const room_judged *judged, unsigned i) MAL_MUST_CHECK;
/* Keys of this job in place of pseudonyms, if the first column holds any, and
 * rows in their order: the owner sorts for free what shares sort dearly. */
mal_err room_walk3_keys(mal_duck_batch *rows, const room_shape *shape,
                        const room_job *job) MAL_MUST_CHECK;
mal_err room_walk3_clamp(mal_obl *o, mal_obl_table *table) MAL_MUST_CHECK;
/* Words [agg][cell], before noise; the tables are used up. */
mal_err room_walk3_run(mal_obl *o, mal_share3_words *out,
                       const mal_sql_physical *physical, mal_obl_table *tables,
                       const mal_sql_sizer *sizer) MAL_MUST_CHECK;

/* --- shrink.c: rule 20 ---------------------------------------------------- */

/* Does some rule let the requester's questions show a noised count? */
bool room_shrink_granted(const mal_policy_contract *c, uint32_t requester);
/* num / den of epsilon pays for the count, or for the answer's aggregates. */
void room_shrink_epsilon(uint64_t *num, uint64_t *den,
                         const mal_sql_physical *p, uint64_t epsilon_nano,
                         bool count);
mal_err room_shrink_noise(room_noise *noise, const room_judged *j,
                          const mal_sql_physical *p,
                          uint64_t epsilon_nano) MAL_MUST_CHECK;
/* Where the plan, split with these options, shrinks best; 0: nowhere. */
mal_err room_shrink_choose(unsigned *at, const room_judged *j, mal_arena *arena,
                           const mal_policy_contract *c,
                           const mal_sql_split_options *options,
                           uint64_t epsilon_nano) MAL_MUST_CHECK;
typedef struct room_sizing { /* at seat `seat`, in one job */
    mal_obl *obl;
    mal_share3 *engine;
    unsigned seat;
    int64_t noise;  /* this seat's part */
    uint64_t shift; /* noise is above -shift but for 2^-64 */
} room_sizing;
/* As mal_sql_sizer has it, ctx a room_sizing.  The seats see the noised count,
 * and before it the one bit whether promises were kept so far. */
mal_err room_shrink_size(void *ctx, uint64_t *rows, uint64_t rows_max,
                         mal_share3_words *count) MAL_MUST_CHECK;

/* --- stages.c: what a seat keeps of a running job ------------------------ */

typedef struct room_stage {
    unsigned at;         /* of the plan: mal_obl_stages; 0: none */
    unsigned attempt;    /* by which it was written */
    uint8_t session[32]; /* of that run */
} room_stage;

typedef struct room_stages {
    mal_room *room;
    room_job *job;
    mal_mesh *mesh;
    mal_share3 *engine;
    mal_obl *obl;
    uint8_t session[32]; /* of this run */
    room_stage from;     /* of a later attempt: where it begins */
    mal_obl_stages hooks;
    bool left; /* behind the point of no return */
    struct room_stage_file *file;
} room_stages;

void room_stages_init(room_stages *r);
/* A later attempt, before the engine: which stage all three hold; a new
 * session. MAL_E_AUTH: a file here is not what we wrote.  MAL_E_STATE: none. */
mal_err room_stages_agree(room_stages *r) MAL_MUST_CHECK;
/* Before an output leaves: from here on the job begins nowhere again. */
mal_err room_stages_leave(room_stages *r) MAL_MUST_CHECK;
mal_err room_stages_meet(room_stages *r, const char *what,
                         uint32_t at) MAL_MUST_CHECK;

/* --- Shares that rest at the seats --------------------------------------- */

/* upload.c makes a bundle for each seat, receive.c takes it: a head, signed by
 * the owner, and pieces of 1 MiB at most, in order.  docs/job.md. */
#define ROOM_SHARE_PIECE_WORDS ((size_t)1 << 17)
#define ROOM_SHARE_HEAD_MAX 4096

typedef struct room_share_head {
    char dataset[MAL_STORE_NAME_MAX + 1];
    uint32_t version, seat, pieces;
    uint8_t root[32], upload[32], shape[32];
    uint64_t words;   /* of each of the two parts */
    mal_bytes sealed; /* HPKE to the seat: the key of the pieces */
} room_share_head;
mal_err room_share_head_encode(mal_buf *out,
                               const room_share_head *head) MAL_MUST_CHECK;
mal_err room_share_head_decode(room_share_head *head,
                               mal_bytes in) MAL_MUST_CHECK;
uint32_t room_share_pieces(uint64_t words); /* of both parts */
/* Seal or open piece `index` (from 1) of the bundle whose head message hashes
 * to `head`. */
mal_err room_share_piece_seal(mal_buf *out, const mal_key *key,
                              const mal_prim_hash *head, uint32_t index,
                              mal_bytes plain) MAL_MUST_CHECK;
mal_err room_share_piece_open(mal_buf *out, const mal_key *key,
                              const mal_prim_hash *head, uint32_t index,
                              mal_bytes sealed) MAL_MUST_CHECK;
/* shares.c, at a seat: what it holds of that version, the newest epoch;
 * MAL_E_MISSING. */
mal_err room_share_find(mal_room *room, mal_store_shares *out, mal_arena *arena,
                        const char *dataset, uint32_t version,
                        const uint8_t root[32]) MAL_MUST_CHECK;
/* The seats say which epoch of which upload they hold, and take the newest that
 * all do: MAL_E_STATE if their uploads differ. */
mal_err room_share_epoch(mal_mesh *mesh,
                         mal_store_shares *shares) MAL_MUST_CHECK;

#endif
