/* share3_impl.h - what the files of a share3 job share. */
#ifndef MALUS_ROOM_SHARE3_IMPL_H
#define MALUS_ROOM_SHARE3_IMPL_H

#include "room_impl.h"

#include <malus/oblivious.h>

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

#endif
