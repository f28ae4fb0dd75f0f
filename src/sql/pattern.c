/* pattern.c - LIKE and substring, worked out over a domain's labels.
 *
 * A text is the code of a declared value, so what a function of texts yields is
 * known for each code when the plan is made: LIKE is a set of codes, substring
 * a map into a domain of its own.  `other` is like nothing, and its substring
 * is the new domain's `other`. */
#include "bind_impl.h"

#include <stdlib.h>
#include <string.h>

static const char *constant_text(sql_e e) {
    return sql_is_const(e) && e->type.kind == SQL_TEXT ? e->text : NULL;
}

static mal_err need_labels(const sql_cx *cx, sql_e a, const char *what,
                           int pos) {
    SQL_NEED(a->type.kind == MAL_SQL_CODE &&
                 !sql_domain_is_range(a->type.domain),
             cx, pos, MAL_E_UNSUPPORTED,
             "%s of a column without a list of values: an open text has none "
             "to compare; declare it as a dim over a list",
             what);
    return MAL_OK;
}

/* --- LIKE ----------------------------------------------------------------- */

/* One pass with one resumption point: `%` takes as little as it can, and one
 * more when what follows fails.  _ is one character of UTF-8. */
static bool like(const char *text, const char *pattern) {
    const char *resume_text = NULL, *resume = NULL;
    while (*text) {
        size_t n = sql_utf8_at((const uint8_t *)text, strlen(text));
        if (*pattern == '%') {
            resume = ++pattern;
            resume_text = text;
            continue;
        }
        n = n ? n : 1;
        if (*pattern == '_') {
            text += n;
            pattern++;
            continue;
        }
        const char *literal =
            pattern[0] == '\\' && pattern[1] ? pattern + 1 : pattern;
        if (*literal && *literal == *text) {
            text++;
            pattern = literal + 1;
            continue;
        }
        if (!resume)
            return false;
        n = sql_utf8_at((const uint8_t *)resume_text, strlen(resume_text));
        resume_text += n ? n : 1;
        text = resume_text;
        pattern = resume;
    }
    while (*pattern == '%')
        pattern++;
    return !*pattern;
}

mal_err sql_like(const sql_cx *cx, sql_e *out, sql_e a, sql_e pattern,
                 int pos) {
    const sql_type boolean = { .kind = MAL_SQL_BOOL };
    const char *p = constant_text(pattern);
    sql_e *items;
    unsigned n = 0;
    if (sql_is_null(a) || sql_is_null(pattern))
        return sql_const(cx, out, &boolean, 0, true, pos);
    SQL_NEED(p, cx, pos, MAL_E_UNSUPPORTED,
             "not supported: LIKE with a computed pattern; write a text");
    MAL_TRY(need_labels(cx, a, "LIKE", pos));
    const mal_policy_column *domain = a->type.domain;
    MAL_TRY(sql_alloc(cx, &items, domain->n_codes, sizeof *items));
    for (uint32_t i = 0; i < domain->n_codes; i++)
        if (like(domain->codes[i], p)) {
            sql_expr *e;
            MAL_TRY(sql_alloc(cx, &e, 1, sizeof *e));
            *e = (sql_expr){ .op = SQL_E_CONST,
                             .type = { .kind = SQL_TEXT },
                             .text = domain->codes[i],
                             .size = 1,
                             .depth = 1,
                             .pos = pos };
            items[n++] = e;
        }
    return sql_in_labels(cx, out, a, items, n, pos);
}

/* --- substring ------------------------------------------------------------ */

typedef struct label {
    const char *text;
    uint32_t code; /* of the domain it came from */
} label;

static int by_text(const void *a, const void *b) {
    return strcmp(((const label *)a)->text, ((const label *)b)->text);
}

/* PostgreSQL's: characters from `from` (1 is the first) on, `n` of them; what
 * lies before the text counts too. */
static const char *cut(const sql_cx *cx, const char *text, int64_t from,
                       int64_t n) {
    const char *begin = text, *end;
    for (int64_t at = 1; *begin && at < from; at++)
        begin += sql_utf8_at((const uint8_t *)begin, strlen(begin));
    n -= from < 1 ? 1 - from : 0;
    for (end = begin; *end && n > 0; n--)
        end += sql_utf8_at((const uint8_t *)end, strlen(end));
    return mal_arena_strndup(cx->arena, begin, (size_t)(end - begin));
}

/* The domain of what the labels become, in order of bytes; map[code]. */
static mal_err cut_domain(const sql_cx *cx, mal_policy_column **out,
                          int64_t *map, const mal_policy_column *domain,
                          const int64_t range[2]) {
    mal_policy_column *d;
    label *all;
    const char **codes;
    MAL_TRY(sql_alloc(cx, &all, domain->n_codes, sizeof *all));
    MAL_TRY(sql_alloc(cx, &codes, domain->n_codes, sizeof *codes));
    MAL_TRY(sql_alloc(cx, &d, 1, sizeof *d));
    for (uint32_t i = 0; i < domain->n_codes; i++) {
        all[i] = (label){ cut(cx, domain->codes[i], range[0], range[1]), i };
        MAL_REQUIRE(all[i].text, MAL_E_MEMORY, "no memory for a label");
    }
    qsort(all, domain->n_codes, sizeof *all, by_text);
    *d = (mal_policy_column){ .role = MAL_POLICY_DIM, .codes = codes };
    d->name = mal_arena_printf(cx->arena, "substring(%s)", domain->name);
    MAL_REQUIRE(d->name, MAL_E_MEMORY, "no memory for a name");
    for (uint32_t i = 0; i < domain->n_codes; i++) {
        if (i == 0 || strcmp(all[i].text, all[i - 1].text) != 0)
            codes[d->n_codes++] = all[i].text;
        map[all[i].code] = d->n_codes - 1;
    }
    *out = d;
    return MAL_OK;
}

mal_err sql_substring(const sql_cx *cx, sql_e *out, const sql_e *args,
                      unsigned n, int pos) {
    int64_t range[2] = { 1, INT32_MAX }, *map;
    mal_policy_column *domain = NULL;
    for (unsigned i = 1; i < n; i++) {
        SQL_NEED(sql_is_const(args[i]) && args[i]->type.kind == MAL_SQL_INT &&
                     args[i]->type.scale == 0 && !args[i]->null,
                 cx, pos, MAL_E_UNSUPPORTED,
                 "substring takes a column, a first place and a length, both "
                 "plain numbers");
        range[i - 1] = args[i]->value;
    }
    SQL_NEED(n == 3 || n == 2, cx, pos, MAL_E_INPUT,
             "substring(text FROM first FOR length)");
    SQL_NEED(range[1] >= 0 && range[0] >= INT32_MIN && range[0] <= INT32_MAX,
             cx, pos, MAL_E_INPUT, "a substring of negative length");
    MAL_TRY(need_labels(cx, args[0], "substring", pos));
    const mal_policy_column *from = args[0]->type.domain;
    MAL_TRY(sql_alloc(cx, &map, from->n_codes, sizeof *map));
    MAL_TRY(cut_domain(cx, &domain, map, from, range));
    sql_expr proto = { .op = SQL_E_MAP,
                       .type = { .kind = MAL_SQL_CODE, .domain = domain },
                       .list = map,
                       .n_list = from->n_codes,
                       .pos = pos };
    return sql_make_node(cx, out, &proto, args, 1);
}
