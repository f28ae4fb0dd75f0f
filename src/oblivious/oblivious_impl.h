/* oblivious_impl.h - shared inside the folder: shares by short names, what is
 * local, what costs a round.
 *
 * Everything below works on a dry engine, too: then shares have shapes and no
 * memory, and only the counters move.  So an operator is its own cost model.
 */
#ifndef MAL_OBLIVIOUS_IMPL_H
#define MAL_OBLIVIOUS_IMPL_H

#include <malus/oblivious_stages.h>

typedef mal_share3_bits bits;
typedef mal_share3_words words;

struct mal_obl {
    mal_share3 *s; /* NULL: dry */
    unsigned me;
    mal_share3_security security;
    mal_obl_rates rates;
    mal_obl_cost cost;                 /* dry; bytes stand below */
    mal_share3_cost meter;             /* dry: what waits to be proved */
    uint64_t sent[MAL_SHARE3_PARTIES]; /* dry: by each party */
    unsigned orders;                   /* dry: made so far */
    /* Verdicts not yet opened: any set bit is a broken promise. */
    unsigned n_broken;
    bits *broken;
    const mal_obl_stages *stages;
};

#define MAL_OBL_PROMISES_MAX 4096
#define MAL_OBL_DEPTH_MAX 256 /* of an expression */

#define OBL_AUTO_BITS MAL_AUTO(mal_share3_bits_clear) bits
#define OBL_AUTO_WORDS MAL_AUTO(mal_share3_words_clear) words

static inline size_t obl_stride(size_t n) {
    return (n + 63) / 64;
}
/* Depth of a scan over groups of at most n rows: least d with 2^d >= n. */
unsigned obl_log2_up(size_t n);

/* --- shapes and local work (local.c) -------------------------------------- */

mal_err obl_bits_new(mal_obl *o, bits *z, size_t n,
                     unsigned width) MAL_MUST_CHECK;
mal_err obl_words_new(mal_obl *o, words *z, size_t n) MAL_MUST_CHECK;
/* Planes [from, from + count) of v, borrowed: never cleared. */
bits obl_planes(const bits *v, unsigned from, unsigned count);
/* Planes of x into planes from `at` of z: equal n. */
void obl_planes_put(bits *z, unsigned at, const bits *x);
mal_err obl_bits_copy(mal_obl *o, bits *z, const bits *x) MAL_MUST_CHECK;
mal_err obl_words_copy(mal_obl *o, words *z, const words *x) MAL_MUST_CHECK;
/* To more or fewer planes, by zero or by the top plane. */
mal_err obl_extend(mal_obl *o, bits *z, const bits *x, unsigned width,
                   bool is_signed) MAL_MUST_CHECK;
/* z ^= x, plane by plane; x of one plane goes into all. */
void obl_xor_in(bits *z, const bits *x);
void obl_not_in(const mal_obl *o, bits *z);
void obl_plane_xor_public(const mal_obl *o, bits *z, unsigned plane, bool bit);
/* Every row is the value. */
mal_err obl_public_bits(mal_obl *o, bits *z, size_t n, unsigned width,
                        int64_t value) MAL_MUST_CHECK;
mal_err obl_public_words(mal_obl *o, words *z, size_t n,
                         int64_t value) MAL_MUST_CHECK;
void obl_words_add_public(const mal_obl *o, words *z, uint64_t value);
void obl_words_add_in(words *z, const words *x, uint64_t factor);
void obl_words_scale_in(words *z, uint64_t factor);
/* Rows past n are cleared. */
void obl_mask_tail(bits *z);
/* z[r] = x[r - by], the first `by` rows 0; and z[r] = x[r + by]. */
mal_err obl_rows_down(mal_obl *o, bits *z, const bits *x,
                      size_t by) MAL_MUST_CHECK;
mal_err obl_rows_up(mal_obl *o, bits *z, const bits *x,
                    size_t by) MAL_MUST_CHECK;
/* z[r] = x[from + r], r < n. */
mal_err obl_rows_slice(mal_obl *o, bits *z, const bits *x, size_t from,
                       size_t n) MAL_MUST_CHECK;
/* x's rows into z's from row `at`; the rest of z stays.  Equal width. */
void obl_rows_put(bits *z, size_t at, const bits *x);
mal_err obl_rows_reverse(mal_obl *o, bits *z, const bits *x) MAL_MUST_CHECK;
mal_err obl_words_slice(mal_obl *o, words *z, const words *x, size_t from,
                        size_t n) MAL_MUST_CHECK;
/* z[r] = z[0] + .. + z[r]. */
void obl_words_prefix(words *z);

/* z[r] = bit[r] ? r : 0, in as many planes as n - 1 has. */
mal_err obl_times_row(mal_obl *o, bits *z, const bits *bit) MAL_MUST_CHECK;

/* --- prices of a dry engine (cost.c) ---------------------------------------
 */

void obl_pay(mal_obl *o, mal_share3_call call, size_t n, unsigned width);
void obl_pay_dot(mal_obl *o, size_t n, size_t len);
void obl_pay_input(mal_obl *o, unsigned owner, size_t n, unsigned width);
/* Whose turn is it to send most?  One order after the other. */
unsigned obl_pay_turn(mal_obl *o);
void obl_pay_move(mal_obl *o, unsigned turn, size_t n, unsigned columns,
                  unsigned planes);
void obl_pay_sort(mal_obl *o, unsigned turn, size_t n, unsigned width);

/* --- rounds (rounds.c): the engine, or its cost --------------------------- */

mal_err obl_and(mal_obl *o, bits *z, const bits *x,
                const bits *y) MAL_MUST_CHECK; /* z new; y may have one plane */
mal_err obl_or(mal_obl *o, bits *z, const bits *x,
               const bits *y) MAL_MUST_CHECK;
/* c ? x : y; c of one plane. */
mal_err obl_mux(mal_obl *o, bits *z, const bits *c, const bits *x,
                const bits *y) MAL_MUST_CHECK;
mal_err obl_eq(mal_obl *o, bits *z, const bits *x,
               const bits *y) MAL_MUST_CHECK;
mal_err obl_lt(mal_obl *o, bits *z, const bits *x, const bits *y,
               bool is_signed) MAL_MUST_CHECK;
/* Unsigned, of any number of planes. */
mal_err obl_less(mal_obl *o, bits *z, const bits *x,
                 const bits *y) MAL_MUST_CHECK;
mal_err obl_bits_add(mal_obl *o, bits *z, const bits *x,
                     const bits *y) MAL_MUST_CHECK;
mal_err obl_bits_sub(mal_obl *o, bits *z, const bits *x,
                     const bits *y) MAL_MUST_CHECK;
mal_err obl_mul(mal_obl *o, words *z, const words *x,
                const words *y) MAL_MUST_CHECK;
/* z[j]: the sum of products of run j of len rows; one word each. */
mal_err obl_dot(mal_obl *o, words *z, const words *x, const words *y,
                size_t len) MAL_MUST_CHECK;
mal_err obl_to_bits(mal_obl *o, bits *z, const words *x,
                    unsigned width) MAL_MUST_CHECK;
mal_err obl_to_words(mal_obl *o, words *z, const bits *x,
                     bool is_signed) MAL_MUST_CHECK;
mal_err obl_inject(mal_obl *o, words *z, const bits *bit,
                   const words *x) MAL_MUST_CHECK;
/* A secret permutation of n rows, to be applied in this job any number of
 * times. */
typedef struct obl_order {
    size_t n;
    mal_share3_order *order; /* NULL: dry */
    unsigned turn;           /* dry: who sends most */
} obl_order;
#define OBL_AUTO_ORDER MAL_AUTO(obl_order_clear) obl_order
void obl_order_clear(obl_order *order);
/* The stable order of the key, plane 0 least. */
mal_err obl_order_sort(mal_obl *o, obl_order *z,
                       const bits *key) MAL_MUST_CHECK;
/* Columns in place: row r goes where the order puts it, or back.  They may rest,
 * before and after. */
mal_err obl_order_move(mal_obl *o, const obl_order *order,
                       mal_share3_column *columns, unsigned n,
                       bool inverse) MAL_MUST_CHECK;
/* Any number of planes. */
mal_err obl_move_bits(mal_obl *o, const obl_order *order, bits *x,
                      bool inverse) MAL_MUST_CHECK;
/* As shared words, place[r] being where row r goes, and back. */
mal_err obl_order_words(mal_obl *o, words *place,
                        const obl_order *order) MAL_MUST_CHECK;
mal_err obl_order_of(mal_obl *o, obl_order *z,
                     const words *place) MAL_MUST_CHECK;
mal_err obl_input(mal_obl *o, bits *z, unsigned owner, const uint64_t *planes,
                  size_t n, unsigned width) MAL_MUST_CHECK;
mal_err obl_open_bits(mal_obl *o, uint64_t *planes,
                      const bits *x) MAL_MUST_CHECK;
mal_err obl_open_words(mal_obl *o, uint64_t *values,
                       const words *x) MAL_MUST_CHECK;

/* --- built from these (combine.c) ----------------------------------------- */

/* One row: is any bit of any row and plane set? */
mal_err obl_any(mal_obl *o, bits *z, const bits *x) MAL_MUST_CHECK;
/* One plane of x's rows: is any plane set? */
mal_err obl_any_plane(mal_obl *o, bits *z, const bits *x) MAL_MUST_CHECK;
/* Any set bit breaks a promise; takes x. */
mal_err obl_promise(mal_obl *o, bits *x) MAL_MUST_CHECK;
/* v[r] ^= v[r - 1] where link[r], from top to bottom: what a row starts with
 * flows down to all that hang on it, at most 2^depth - 1 rows.  v must be 0
 * where link is 1.  Out: link is left where a row hangs on 2^depth above it. */
mal_err obl_copy_down(mal_obl *o, bits *v, bits *link,
                      unsigned depth) MAL_MUST_CHECK;
/* same[r]: the key of row r is that of row r - 1; same[0] = 0. */
mal_err obl_same_as_above(mal_obl *o, bits *same,
                          const bits *key) MAL_MUST_CHECK;
/* k planes: plane i is set where the number x is i. */
mal_err obl_one_hot(mal_obl *o, bits *z, const bits *x,
                    size_t k) MAL_MUST_CHECK;
/* Floor division and remainder of two's complement numbers of equal width;
 * undefined where b = 0.  Either output may be NULL. */
mal_err obl_floor_divide(mal_obl *o, bits *quotient, bits *remainder,
                         const bits *a, const bits *b) MAL_MUST_CHECK;
/* a / by, half away from zero; by >= 2 and even, as powers of ten are. */
mal_err obl_round_divide(mal_obl *o, bits *z, const bits *a,
                         int64_t by) MAL_MUST_CHECK;
/* Sums of the rows of k groups of planes, each `width` wide: words [k]. */
mal_err obl_sum_rows(mal_obl *o, words *sums, const bits *x, unsigned k,
                     bool is_signed) MAL_MUST_CHECK;

/* --- merging sorted lists (merge.c) --------------------------------------- */

#define OBL_MERGE_STAGES 40
typedef struct obl_merge {
    size_t first, second; /* rows of each list */
    unsigned n_stages;
    bits swap[OBL_MERGE_STAGES];
} obl_merge;
void obl_merge_clear(obl_merge *m);
/* z: the rows of both in the order of planes [0, key_width), unsigned, and rows
 * of all ones up to 128.  Both lists rise. */
mal_err obl_merge_forth(mal_obl *o, obl_merge *m, bits *z, const bits *first,
                        const bits *second, unsigned key_width) MAL_MUST_CHECK;
/* second: the rows of z that stand where the second list's went. */
mal_err obl_merge_back(mal_obl *o, const obl_merge *m, bits *second,
                       bits *z) MAL_MUST_CHECK;

/* --- columns (table.c) ---------------------------------------------------- */

typedef mal_obl_column column;
typedef mal_obl_table table;

static inline bool obl_signed(const mal_obl_type *t) {
    return t->lo < 0;
}
mal_err obl_column_copy(mal_obl *o, column *z, const column *x) MAL_MUST_CHECK;
mal_err obl_columns_new(table *t, unsigned n_columns) MAL_MUST_CHECK;
/* Nobody looks at it for a while: it may be parked.  Views stay. */
mal_err obl_column_rest(mal_obl *o, column *c) MAL_MUST_CHECK;
mal_err obl_column_wake(mal_obl *o, column *c) MAL_MUST_CHECK;
mal_err obl_columns_rest(mal_obl *o, table *t) MAL_MUST_CHECK;
mal_err obl_bits_rest(mal_obl *o, bits *x) MAL_MUST_CHECK;
mal_err obl_bits_wake(mal_obl *o, bits *x) MAL_MUST_CHECK;
mal_err obl_words_rest(mal_obl *o, words *x) MAL_MUST_CHECK;
mal_err obl_words_wake(mal_obl *o, words *x) MAL_MUST_CHECK;
/* Planes of the column in another type's width. */
mal_err obl_column_planes(mal_obl *o, bits *z, column *c,
                          const mal_obl_type *as) MAL_MUST_CHECK;
mal_obl_type obl_type_join(const mal_obl_type *a, const mal_obl_type *b);
/* not NULL, one plane; false if the column is never NULL (z untouched). */
mal_err obl_not_null(mal_obl *o, bits *z, const column *c) MAL_MUST_CHECK;
/* Rows of a whole table. */
mal_err obl_table_move(mal_obl *o, table *t,
                       const obl_order *order) MAL_MUST_CHECK;
/* One more column, of x's planes. */
mal_err obl_append_column(mal_obl *o, table *t, bits *planes,
                          const mal_obl_type *type) MAL_MUST_CHECK;
mal_err obl_table_slice(mal_obl *o, table *t, size_t from,
                        size_t n) MAL_MUST_CHECK;

/* --- orders (order.c) ----------------------------------------------------- */

/* Planes whose unsigned order is the keys' (NULLs masked, directions applied),
 * the last key lowest; then one on top if valid is given: invalid rows last. */
mal_err obl_key_planes(mal_obl *o, bits *z, table *t, const mal_obl_key *keys,
                       unsigned n, const bits *valid) MAL_MUST_CHECK;

/* One more column: the place of a valid row among those of its key, from 1. */
mal_err obl_row_number(mal_obl *o, table *t, const mal_obl_key *keys,
                       unsigned n_keys) MAL_MUST_CHECK;
/* The order of a table's rank; of all rows, if it is not in place. */
mal_err obl_rank_order(mal_obl *o, obl_order *z,
                       const mal_obl_rank *rank) MAL_MUST_CHECK;

/* --- groups --------------------------------------------------------------- */

/* The type of a count or a sum over the table. */
mal_err obl_agg_type(mal_obl_type *z, const table *in,
                     const mal_obl_agg *a) MAL_MUST_CHECK;
/* GROUP BY nothing. */
mal_err obl_total(mal_obl *o, table *out, table *in,
                  const mal_obl_group_options *options) MAL_MUST_CHECK;

#endif
