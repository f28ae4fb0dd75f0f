/* date.c - dates are days since 1970-01-01: DATE '..', INTERVAL, EXTRACT.
 *
 * A month has no length, so an interval of months or years is added to a
 * constant date only, when the plan is made; days are added to anything. */
#include "bind_impl.h"

#include <stdlib.h>
#include <string.h>

#define NODE(kind) PG_QUERY__NODE__NODE_##kind
#define YEAR_MIN 1
#define YEAR_MAX 9999
#define YEARS_MAX 400u /* of one EXTRACT: a case each */

typedef struct civil {
    int64_t year;
    unsigned month, day; /* from 1 */
} civil;

static bool leap(int64_t y) {
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static unsigned days_in(int64_t y, unsigned month) {
    static const uint8_t days[] = { 31, 28, 31, 30, 31, 30,
                                    31, 31, 30, 31, 30, 31 };
    return days[month - 1] + (month == 2 && leap(y));
}

/* Days from 0001-01-01 to y-01-01: 365 a year, and the leap days before it. */
static int64_t days_before_year(int64_t y) {
    int64_t n = y - 1;
    return 365 * n + n / 4 - n / 100 + n / 400;
}

/* 1970-01-01 is day 719162 from 0001-01-01. */
#define EPOCH 719162

static int64_t days_of(civil c) {
    int64_t days = days_before_year(c.year) - EPOCH + c.day - 1;
    for (unsigned m = 1; m < c.month; m++)
        days += days_in(c.year, m);
    return days;
}

static int64_t year_of(int64_t days) {
    int64_t y = (days + EPOCH) / 366 + 1; /* never too late */
    while (days_before_year(y + 1) - EPOCH <= days)
        y++;
    return y;
}

static civil civil_of(int64_t days) {
    civil c = { .year = year_of(days), .month = 1 };
    int64_t left = days - (days_before_year(c.year) - EPOCH);
    while (left >= days_in(c.year, c.month))
        left -= days_in(c.year, c.month++);
    c.day = (unsigned)left + 1;
    return c;
}

/* n digits, no sign; 0 if they are not there. */
static unsigned digits(const char *text, unsigned n) {
    unsigned v = 0;
    for (unsigned i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        v = 10 * v + (unsigned)(text[i] - '0');
    }
    return v;
}

static const char *constant_text(const pg_node *node) {
    return node && node->node_case == NODE(A_CONST) && !node->a_const->isnull &&
                   node->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL
               ? node->a_const->sval->sval
               : NULL;
}

mal_err sql_bind_date(binder *b, sql_e *out, const PgQuery__TypeCast *x) {
    const char *t = constant_text(x->arg);
    SQL_NEED(t, b->cx, x->location, MAL_E_UNSUPPORTED,
             "not supported: a cast to date of something else than 'YYYY-MM-DD'"
             "; dates are days since 1970-01-01");
    bool shape = strlen(t) == 10 && t[4] == '-' && t[7] == '-';
    civil c = { .year = shape ? digits(t, 4) : 0 };
    c.month = shape ? digits(t + 5, 2) : 0;
    c.day = shape ? digits(t + 8, 2) : 0;
    SQL_NEED(c.year >= YEAR_MIN && c.month >= 1 && c.month <= 12 &&
                 c.day >= 1 && c.day <= days_in(c.year, c.month),
             b->cx, x->location, MAL_E_INPUT,
             "'%.40s' is no date; write 'YYYY-MM-DD'", t);
    return sql_int(b->cx, out, days_of(c), 0, x->location);
}

/* --- intervals ------------------------------------------------------------ */

static const char *type_name(const pg_node *node) {
    if (!node || node->node_case != NODE(TYPE_CAST))
        return NULL;
    const PgQuery__TypeName *t = node->type_cast->type_name;
    return t && t->n_names ? sql_node_string(t->names[t->n_names - 1]) : NULL;
}

bool sql_node_is_interval(const pg_node *node) {
    const char *name = type_name(node);
    return name && strcmp(name, "interval") == 0;
}

typedef enum unit { DAYS = 1, MONTHS = 2 } unit;

typedef struct interval {
    unit unit;
    int64_t n;
} interval;

/* PostgreSQL's INTERVAL_MASK(YEAR), (MONTH), (DAY): 1 << 2, 1 << 1, 1 << 3. */
static const struct {
    const char *name;
    int mask;
    unit unit;
    int64_t times;
} UNITS[] = {
    { "year", 1 << 2, MONTHS, 12 },
    { "month", 1 << 1, MONTHS, 1 },
    { "day", 1 << 3, DAYS, 1 },
    { "week", 0, DAYS, 7 },
};

/* INTERVAL '3' MONTH, INTERVAL '3 months' */
static mal_err read_interval(binder *b, interval *out, const pg_node *node) {
    const PgQuery__TypeCast *x = node->type_cast;
    const PgQuery__TypeName *t = x->type_name;
    const char *text = constant_text(x->arg);
    int mask = 0;
    char *end = NULL;
    if (t->n_typmods > 0 && t->typmods[0]->node_case == NODE(A_CONST) &&
        t->typmods[0]->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL)
        mask = t->typmods[0]->a_const->ival->ival;
    out->n = text ? strtoll(text, &end, 10) : 0;
    bool number = text && end != text && out->n >= -100000 && out->n <= 100000;
    while (number && *end == ' ')
        end++;
    for (unsigned i = 0; number && i < sizeof UNITS / sizeof UNITS[0]; i++) {
        size_t len = strlen(UNITS[i].name);
        bool named = strncmp(end, UNITS[i].name, len) == 0 &&
                     (!end[len] || strcmp(end + len, "s") == 0);
        if (*end ? !named : mask == 0 || mask != UNITS[i].mask)
            continue;
        out->unit = UNITS[i].unit;
        out->n *= UNITS[i].times;
        return MAL_OK;
    }
    SQL_FAIL(b->cx, x->location, MAL_E_UNSUPPORTED,
             "not supported: this INTERVAL; write INTERVAL '90' DAY, '3' MONTH "
             "or '1' YEAR");
}

/* The last day of a shorter month stands for the days it lacks, as in
 * PostgreSQL: January 31 and a month is February 28. */
static mal_err add_months(binder *b, sql_e *out, sql_e date, int64_t n,
                          int pos) {
    const int64_t last = days_of((civil){ YEAR_MAX, 12, 31 });
    SQL_NEED(sql_is_const(date) && !date->null && date->type.scale == 0 &&
                 date->value >= -EPOCH && date->value <= last,
             b->cx, pos, MAL_E_UNSUPPORTED,
             "not supported: months or years added to a column: a month has no "
             "length; add them to a DATE");
    civil c = civil_of(date->value);
    int64_t months = 12 * c.year + c.month - 1 + n;
    SQL_NEED(months >= 12 * YEAR_MIN && months < 12 * (YEAR_MAX + 1), b->cx,
             pos, MAL_E_LIMIT, "a date outside of the years %d to %d", YEAR_MIN,
             YEAR_MAX);
    c.year = months / 12;
    c.month = (unsigned)(months % 12) + 1;
    unsigned most = days_in(c.year, c.month);
    c.day = c.day < most ? c.day : most;
    return sql_int(b->cx, out, days_of(c), 0, pos);
}

mal_err sql_bind_shift(binder *b, sql_e *out, const PgQuery__AExpr *x,
                       bool minus) {
    interval by = { 0 };
    sql_e date, days;
    MAL_TRY(sql_bind_expr(b, &date, x->lexpr));
    MAL_TRY(sql_as_int(b->cx, &date, date, "a date", x->location));
    MAL_TRY(read_interval(b, &by, x->rexpr));
    by.n = minus ? -by.n : by.n;
    if (by.unit == MONTHS)
        return add_months(b, out, date, by.n, x->location);
    MAL_TRY(sql_int(b->cx, &days, by.n, 0, x->location));
    return sql_arith(b->cx, out, SQL_E_ADD, date, days, x->location);
}

/* --- EXTRACT -------------------------------------------------------------- */

/* CASE WHEN d < 1993-01-01 THEN 1992 WHEN .. ELSE 1998 END: the years that the
 * proved range of d allows, so the year's own range is exact. */
mal_err sql_bind_extract(binder *b, sql_e *out, const PgQuery__FuncCall *f) {
    const char *field = f->n_args == 2 ? constant_text(f->args[0]) : NULL;
    const sql_type integer = { .kind = MAL_SQL_INT };
    const sql_cx *cx = b->cx;
    sql_e d, *parts;
    unsigned n = 0;
    SQL_NEED(field && strcmp(field, "year") == 0, cx, f->location,
             MAL_E_UNSUPPORTED,
             "not supported: EXTRACT of another field than "
             "YEAR");
    MAL_TRY(sql_bind_expr(b, &d, f->args[1]));
    MAL_TRY(sql_as_int(cx, &d, d, "EXTRACT", f->location));
    const int64_t last = days_of((civil){ YEAR_MAX, 12, 31 });
    SQL_NEED(d->type.scale == 0 && d->type.lo >= -EPOCH && d->type.hi <= last,
             cx, f->location, MAL_E_INPUT,
             "EXTRACT takes a date: whole days since 1970-01-01, within the "
             "years %d to %d",
             YEAR_MIN, YEAR_MAX);
    int64_t from = year_of(d->type.lo), to = year_of(d->type.hi);
    SQL_NEED(to - from < (int64_t)YEARS_MAX, cx, f->location, MAL_E_LIMIT,
             "EXTRACT over more than %u years: declare a narrower range",
             YEARS_MAX);
    if (from == to && !d->type.nullable)
        return sql_int(cx, out, from, 0, f->location);
    MAL_TRY(sql_alloc(cx, &parts, 2 * (size_t)(to - from) + 3, sizeof *parts));
    if (d->type.nullable) {
        MAL_TRY(sql_isnull(cx, &parts[n++], d, f->location));
        MAL_TRY(sql_const(cx, &parts[n++], &integer, 0, true, f->location));
    }
    for (int64_t y = from; y < to; y++) {
        sql_e next;
        MAL_TRY(sql_int(cx, &next, days_of((civil){ y + 1, 1, 1 }), 0,
                        f->location));
        MAL_TRY(sql_compare(cx, &parts[n++], SQL_E_LT, d, next, f->location));
        MAL_TRY(sql_int(cx, &parts[n++], y, 0, f->location));
    }
    MAL_TRY(sql_int(cx, &parts[n++], to, 0, f->location));
    return sql_case(cx, out, parts, n, f->location);
}
