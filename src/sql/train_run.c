/* train_run.c - rows on shares become a model on shares.
 *
 * Each step converts and truncates the values of all columns in one call, so
 * that its rounds, and the proofs of a malicious engine, do not grow with the
 * number of columns.
 */
#include "train_impl.h"

#include <string.h>

/* A column in [lo, hi] becomes (2 v - lo - hi) 2^20 / (hi - lo), in [-1, 1]:
 * times c = round(2^(20 + SCALE) / (hi - lo)), less 2^SCALE.  |(2 v - lo - hi)
 * c| <= 2^58 + 2^39 < 2^61, as a truncation wants; the error of c is
 * (hi - lo) / 2^(SCALE + 1) <= 2 units of 2^-20, that of the truncation 1. */
#define SCALE 38

#define AUTO_WORDS MAL_AUTO(mal_share3_words_clear) mal_share3_words
#define AUTO_BITS MAL_AUTO(mal_share3_bits_clear) mal_share3_bits

typedef struct fitting {
    const sql_cx *cx;
    const struct sql_training *t;
    mal_share3 *s;
    mal_obl_table *rows;
    size_t n, pad;           /* rows; and up to whole words of a plane */
    mal_share3_words values; /* [t->n][pad] */
    mal_share3_bits valid;
    mal_share3_words *columns; /* views: the features */
    mal_share3_bits *bins;     /* [features] */
} fitting;

static void fitting_clear(fitting *f) {
    for (unsigned j = 0; f->bins && j + 1 < f->t->n; j++)
        mal_share3_bits_clear(&f->bins[j]);
    mal_share3_words_clear(&f->values);
    mal_share3_bits_clear(&f->valid);
}

/* --- values --------------------------------------------------------------- */

unsigned sql_training_planes(const mal_obl_type *type) {
    unsigned width = mal_obl_width(type) + (type->lo >= 0); /* and a sign */
    return width < 64 ? width : 64;
}

/* Columns [from, to) side by side, as wide as the widest, signs extended. */
static mal_err beside(fitting *f, mal_share3_bits *z, unsigned from,
                      unsigned to) {
    const size_t words = f->pad / 64;
    unsigned width = 1;
    for (unsigned i = from; i < to; i++) {
        unsigned own = sql_training_planes(&f->rows->columns[i].type);
        width = own > width ? own : width;
    }
    MAL_TRY(mal_share3_bits_new(f->s, z, (to - from) * f->pad, width));
    for (unsigned i = from; i < to; i++) {
        const mal_obl_column *c = &f->rows->columns[i];
        for (unsigned b = 0; b < width; b++) {
            unsigned plane = b < c->bits.width ? b : c->bits.width - 1;
            if (b >= c->bits.width && c->type.lo >= 0)
                continue;
            for (unsigned p = 0; p < 2; p++)
                memcpy(z->part[p] + b * z->stride + (i - from) * words,
                       c->bits.part[p] + plane * c->bits.stride,
                       words * sizeof *z->part[p]);
        }
    }
    return MAL_OK;
}

/* Words that an expression made stay; the planes of others are converted. */
static mal_err convert(fitting *f, unsigned from, unsigned to) {
    AUTO_BITS planes = { 0 };
    mal_share3_words z =
        mal_share3_words_view(&f->values, from * f->pad, (to - from) * f->pad);
    for (unsigned i = from; i < to; i++)
        MAL_TRY(f->rows->columns[i].has_bits
                    ? MAL_OK
                    : mal_err_set(MAL_E_STATE, __FILE__, __LINE__,
                                  "a column without planes"));
    MAL_TRY(beside(f, &planes, from, to));
    return mal_share3_to_words(f->s, &z, &planes, true);
}

static void keep_words(fitting *f, unsigned i) {
    const mal_share3_words *w = &f->rows->columns[i].words;
    for (unsigned p = 0; p < 2; p++)
        memcpy(f->values.part[p] + i * f->pad, w->part[p],
               f->n * sizeof *w->part[p]);
}

static mal_err take_values(fitting *f) {
    const unsigned at_once =
        f->pad < SQL_TRAIN_BATCH ? (unsigned)(SQL_TRAIN_BATCH / f->pad) : 1;
    MAL_TRY(mal_share3_words_new(f->s, &f->values, f->t->n * f->pad));
    for (unsigned i = 0; i < f->t->n;) {
        unsigned to = i;
        while (to < f->t->n && to - i < at_once &&
               !f->rows->columns[to].has_words)
            to++;
        if (to > i)
            MAL_TRY(convert(f, i, to));
        else
            keep_words(f, to++);
        i = to;
    }
    return MAL_OK;
}

/* A row counts if it is there, and no column of it is NULL. */
static mal_err take_valid(fitting *f) {
    AUTO_BITS nulls = { 0 };
    AUTO_BITS known = { 0 };
    const size_t words = f->pad / 64;
    unsigned n = 0;
    for (unsigned i = 0; i < f->t->n; i++)
        n += f->rows->columns[i].type.nullable;
    if (n == 0)
        return mal_share3_bits_copy(f->s, &f->valid, &f->rows->valid);
    MAL_TRY(mal_share3_bits_new(f->s, &nulls, f->n, n));
    for (unsigned i = 0, b = 0; i < f->t->n; i++) {
        const mal_obl_column *c = &f->rows->columns[i];
        for (unsigned p = 0; p < 2 && c->type.nullable; p++)
            memcpy(nulls.part[p] + b * nulls.stride, c->null.part[p],
                   words * sizeof *nulls.part[p]);
        b += c->type.nullable;
    }
    MAL_TRY(mal_share3_is_zero(f->s, &known, &nulls));
    return mal_share3_and(f->s, &f->valid, &known, &f->rows->valid);
}

/* --- linear and logistic -------------------------------------------------- */

static mal_share3_words column(const fitting *f, unsigned i) {
    return mal_share3_words_view(&f->values, i * f->pad, f->pad);
}

static int64_t least(const fitting *f, unsigned i) {
    const sql_type *t = &f->t->columns[i]->type;
    return t->kind == MAL_SQL_BOOL ? 0 : t->lo;
}

static uint64_t range_of(const struct sql_training *t, unsigned i) {
    const sql_type *type = &t->columns[i]->type;
    return type->kind == MAL_SQL_BOOL ? 1
                                      : (uint64_t)type->hi - (uint64_t)type->lo;
}

static uint64_t range(const fitting *f, unsigned i) {
    return range_of(f->t, i);
}

unsigned sql_training_range_width(const struct sql_training *t) {
    unsigned width = 1;
    for (unsigned i = 0; i < t->n; i++)
        while (range_of(t, i) >> width)
            width++;
    return width;
}

static mal_err scale(fitting *f, bool classes) {
    for (unsigned i = 0; i < f->t->n; i++) {
        mal_share3_words v = column(f, i);
        uint64_t lo = (uint64_t)least(f, i), r = range(f, i);
        uint64_t c =
            ((UINT64_C(1) << (MAL_TRAIN_VALUE_BITS + SCALE)) + r / 2) / r;
        if (i == f->t->target && classes) /* 0 or 1, once truncated */
            MAL_TRY(mal_share3_words_affine(
                f->s, &v, &v, UINT64_C(1) << (MAL_TRAIN_VALUE_BITS + SCALE),
                0 - (lo << (MAL_TRAIN_VALUE_BITS + SCALE))));
        else
            MAL_TRY(mal_share3_words_affine(f->s, &v, &v, 2 * c,
                                            0 - c * (2 * lo + r)));
    }
    for (size_t at = 0; at < f->values.n; at += SQL_TRAIN_BATCH) {
        size_t n = f->values.n - at < SQL_TRAIN_BATCH ? f->values.n - at
                                                      : SQL_TRAIN_BATCH;
        mal_share3_words v = mal_share3_words_view(&f->values, at, n);
        MAL_TRY(mal_share3_truncate(f->s, &v, &v, SCALE));
    }
    return MAL_OK;
}

static mal_share3_words first(const mal_share3_words *v, size_t n) {
    return mal_share3_words_view(v, 0, n);
}

static mal_err fit_weights(fitting *f, mal_share3_words *model,
                           const int64_t *noise) {
    const struct sql_training *t = f->t;
    const bool logistic = t->model == SQL_LOGISTIC;
    mal_share3_words *columns, label;
    MAL_TRY(scale(f, logistic));
    MAL_TRY(sql_alloc(f->cx, &columns, t->n, sizeof *columns));
    for (unsigned j = 0; j + 1 < t->n; j++) {
        mal_share3_words v = column(f, sql_training_feature(t, j));
        columns[j] = first(&v, f->n);
    }
    label = column(f, t->target);
    label = first(&label, f->n);
    const mal_train_data data = { .rows = f->n,
                                  .features = t->n - 1,
                                  .columns = columns,
                                  .label = &label,
                                  .valid = &f->valid };
    const mal_train_options options = { .steps = t->steps,
                                        .ridge_nano = t->ridge_nano,
                                        .noised = true,
                                        .noise = noise };
    return (logistic ? mal_train_logistic : mal_train_linear)(f->s, model,
                                                              &data, &options);
}

/* --- trees ---------------------------------------------------------------- */

/* Planes [shift, shift + bin_bits) of (v - lo), of all columns at once. */
static mal_err take_bins(fitting *f) {
    AUTO_BITS all = { 0 };
    const struct sql_training *t = f->t;
    const size_t words = f->pad / 64;
    const unsigned width = sql_training_range_width(t);
    for (unsigned i = 0; i < t->n; i++) {
        mal_share3_words v = column(f, i);
        MAL_TRY(mal_share3_words_affine(f->s, &v, &v, 1,
                                        0 - (uint64_t)least(f, i)));
    }
    MAL_TRY(mal_share3_to_bits(f->s, &all, &f->values, width));
    MAL_TRY(sql_alloc(f->cx, &f->bins, t->n, sizeof *f->bins));
    for (unsigned j = 0; j + 1 < t->n; j++) {
        const unsigned i = sql_training_feature(t, j);
        const unsigned shift = sql_training_shift(t, i);
        mal_share3_bits *z = &f->bins[j];
        MAL_TRY(mal_share3_bits_new(f->s, z, f->n, t->bin_bits));
        for (unsigned b = 0; b < t->bin_bits && shift + b < width; b++)
            for (unsigned p = 0; p < 2; p++)
                memcpy(z->part[p] + b * z->stride,
                       all.part[p] + (shift + b) * all.stride + i * words,
                       words * sizeof *z->part[p]);
    }
    return MAL_OK;
}

static mal_err fit_trees(fitting *f, mal_share3_words *model,
                         const int64_t *noise) {
    const struct sql_training *t = f->t;
    mal_share3_words label = column(f, t->target);
    mal_train_trees_options options = t->trees;
    MAL_TRY(take_bins(f));
    uint64_t r = range(f, t->target);
    uint64_t c = (UINT64_C(1) << (MAL_TRAIN_VALUE_BITS + SCALE)) / r;
    label = first(&label, f->n);
    if (t->trees.logistic) {
        MAL_TRY(mal_share3_words_affine(
            f->s, &label, &label, UINT64_C(1) << MAL_TRAIN_VALUE_BITS, 0));
    } else {
        MAL_TRY(
            mal_share3_words_affine(f->s, &label, &label, 2 * c, 0 - c * r));
        MAL_TRY(mal_share3_truncate(f->s, &label, &label, SCALE));
    }
    const mal_train_bins data = { .rows = f->n,
                                  .features = t->n - 1,
                                  .bin_bits = t->bin_bits,
                                  .columns = f->bins,
                                  .label = &label,
                                  .valid = &f->valid };
    options.noised = true;
    options.noise = noise;
    return mal_train_trees(f->s, model, &data, &options);
}

/* --- all of it ------------------------------------------------------------ */

/* The sum of the rows that count, and each party's own word of noise. */
static mal_err count_rows(fitting *f, mal_share3_words *z,
                          const int64_t *noise) {
    AUTO_WORDS ones = { 0 };
    MAL_TRY(mal_share3_inject(f->s, &ones, &f->valid, NULL));
    for (unsigned p = 0; p < 2; p++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < f->n; i++)
            sum += ones.part[p][i];
        *z->part[p] = sum;
    }
    for (unsigned i = 0; i < MAL_SHARE3_PARTIES; i++) {
        AUTO_WORDS one = { 0 };
        const uint64_t *own = (const uint64_t *)noise;
        MAL_TRY(mal_share3_words_input(
            f->s, &one, i, mal_share3_me(f->s) == i ? own : NULL, 1));
        MAL_TRY(mal_share3_words_add(f->s, z, z, &one));
    }
    return MAL_OK;
}

static mal_err fit(fitting *f, mal_share3_words *out, const mal_sql_physical *p,
                   const int64_t *noise) {
    AUTO_WORDS model = { 0 };
    const size_t words = sql_training_words(f->t);
    f->n = f->rows->n;
    f->pad = (f->n + 63) / 64 * 64;
    MAL_REQUIRE(f->n <= MAL_TRAIN_ROWS_MAX && f->rows->n_columns == f->t->n,
                MAL_E_STATE, "rows of another plan");
    MAL_TRY(take_values(f));
    MAL_TRY(take_valid(f));
    MAL_TRY(
        (f->t->model == SQL_TREES ? fit_trees : fit_weights)(f, &model, noise));
    MAL_REQUIRE(model.n == words && p->n_cells == words + p->training->counted,
                MAL_E_STATE, "a model of another size");
    MAL_TRY(mal_share3_words_new(f->s, out, p->n_cells));
    for (unsigned k = 0; k < 2; k++)
        memcpy(out->part[k], model.part[k], words * sizeof *out->part[k]);
    if (!p->training->counted)
        return MAL_OK;
    mal_share3_words last = mal_share3_words_view(out, words, 1);
    return count_rows(f, &last, noise + p->training->release.words);
}

mal_err mal_sql_train_share3(mal_share3_words *model, mal_obl *o, mal_share3 *s,
                             const mal_sql_physical *physical,
                             mal_obl_table *inputs, const int64_t *noise) {
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new((size_t)256 << 20);
    MAL_AUTO(mal_obl_table_clear) mal_obl_table rows = { 0 };
    const mal_sql_plan *plan = physical->plan;
    sql_cx cx = { .arena = arena, .contract = plan->contract };
    sql_share_plan share;
    if (!arena)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    MAL_REQUIRE(physical->training, MAL_E_STATE, "a plan that trains nothing");
    MAL_TRY(sql_training_rows(&cx, &share, plan));
    MAL_REQUIRE(share.n_parts == physical->n_parts, MAL_E_STATE,
                "a physical plan of another plan");
    MAL_TRY(sql_share_run(&cx, &rows, o, &share, inputs));
    fitting f = { .cx = &cx, .t = plan->training, .s = s, .rows = &rows };
    mal_err err = fit(&f, model, physical, noise);
    fitting_clear(&f);
    return err;
}
