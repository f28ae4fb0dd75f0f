/* expr_impl.h - the evaluator's own: value.c, arith.c (numbers), expr.c (truth,
 * choices, and the recursion). */
#ifndef MAL_OBLIVIOUS_EXPR_IMPL_H
#define MAL_OBLIVIOUS_EXPR_IMPL_H

#include "oblivious_impl.h"

typedef struct expr_cx {
    mal_obl *o;
    table *t;
    unsigned depth;
} expr_cx;

/* What the reader of a value wants; ANY: what is cheap. */
typedef enum expr_form { EXPR_ANY, EXPR_BITS, EXPR_WORDS } expr_form;

/* A value: its type is what its planes are cut to; it may borrow shares. */
mal_err expr_eval(expr_cx *cx, column *out, const mal_obl_expr *e,
                  expr_form want) MAL_MUST_CHECK;
/* e of values a and b; out has e's type and their NULLs. */
mal_err expr_arith(expr_cx *cx, column *out, const mal_obl_expr *e, column *a,
                   column *b, expr_form want) MAL_MUST_CHECK;
mal_err expr_const(expr_cx *cx, column *out,
                   const mal_obl_expr *e) MAL_MUST_CHECK;
mal_err expr_want(expr_cx *cx, column *c, expr_form want) MAL_MUST_CHECK;
/* out's NULLs are a's and b's; b may be NULL. */
mal_err expr_nulls(expr_cx *cx, column *out, const column *a,
                   const column *b) MAL_MUST_CHECK;
mal_err expr_null_or(expr_cx *cx, column *out, const bits *null) MAL_MUST_CHECK;
mal_err expr_planes(expr_cx *cx, bits *z, column *c,
                    unsigned width) MAL_MUST_CHECK;

/* --- slices (slice.c) ----------------------------------------------------- */

#define EXPR_LIST_CHUNK 32 /* numbers of a list compared at once */

bool expr_reads(const mal_obl_expr *e, unsigned at);
/* About so many words a row, beside the columns. */
size_t expr_words(const mal_obl_expr *e);
/* e of all rows of t, owned. */
typedef mal_err (*expr_rows)(mal_obl *o, column *out, table *t,
                             const mal_obl_expr *e);
/* The same, a slice of rows at a time if so many words a row are too many. */
mal_err expr_by_slices(mal_obl *o, column *out, table *t, const mal_obl_expr *e,
                       size_t words, expr_rows rows) MAL_MUST_CHECK;

#endif
