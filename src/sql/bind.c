/* bind.c - names and expressions of the parse tree, resolved in a scope. */
#include "bind_impl.h"

#include <stdlib.h>
#include <string.h>

#define NODE(kind) PG_QUERY__NODE__NODE_##kind

const char *sql_node_string(const pg_node *node) {
    return node && node->node_case == NODE(STRING) ? node->string->sval : NULL;
}

mal_err sql_copy_text(const sql_cx *cx, const char **out, const char *text) {
    *out = mal_arena_strdup(cx->arena, text);
    return *out ? MAL_OK : mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
}

mal_err sql_rename_columns(const sql_cx *cx, const char **names, unsigned n,
                           pg_node *const *aliases, size_t n_aliases, int pos) {
    SQL_NEED(n_aliases <= n, cx, pos, MAL_E_INPUT,
             "%zu column names for %u columns", n_aliases, n);
    for (size_t i = 0; i < n_aliases; i++) {
        const char *name = sql_node_string(aliases[i]);
        SQL_NEED(name, cx, pos, MAL_E_UNSUPPORTED, "a column alias is a name");
        MAL_TRY(sql_copy_text(cx, &names[i], name));
    }
    return MAL_OK;
}

int sql_node_pos(const pg_node *node, int otherwise) {
    if (!node)
        return otherwise;
    switch (node->node_case) {
    case NODE(A_CONST):
        return node->a_const->location;
    case NODE(COLUMN_REF):
        return node->column_ref->location;
    case NODE(FUNC_CALL):
        return node->func_call->location;
    case NODE(CASE_EXPR):
        return node->case_expr->location;
    case NODE(COALESCE_EXPR):
        return node->coalesce_expr->location;
    case NODE(MIN_MAX_EXPR):
        return node->min_max_expr->location;
    case NODE(SUB_LINK):
        return node->sub_link->location;
    case NODE(PARAM_REF):
        return node->param_ref->location;
    case NODE(TYPE_CAST):
        return sql_node_pos(node->type_cast->arg, node->type_cast->location);
    case NODE(A_EXPR):
        return sql_node_pos(node->a_expr->lexpr, node->a_expr->location);
    case NODE(BOOL_EXPR):
        return node->bool_expr->n_args ? sql_node_pos(node->bool_expr->args[0],
                                                      node->bool_expr->location)
                                       : otherwise;
    case NODE(NULL_TEST):
        return sql_node_pos(node->null_test->arg, node->null_test->location);
    case NODE(BOOLEAN_TEST):
        return sql_node_pos(node->boolean_test->arg,
                            node->boolean_test->location);
    case NODE(RES_TARGET):
        return node->res_target->location;
    case NODE(RANGE_VAR):
        return node->range_var->location;
    default:
        return otherwise;
    }
}

/* The tree's own name of the node, "sub_link", serves for what has no better.
 */
mal_err sql_node_refuse(const binder *b, const pg_node *node) {
    static const struct {
        PgQuery__Node__NodeCase node;
        const char *text;
    } known[] = {
        { NODE(MIN_MAX_EXPR), "GREATEST or LEAST: write CASE" },
        { NODE(PARAM_REF), "a parameter ($1): write the value" },
        { NODE(SQLVALUE_FUNCTION), "a value of the session or the clock" },
        { NODE(A_ARRAY_EXPR), "an array" },
        { NODE(ROW_EXPR), "a row value" },
        { NODE(A_INDIRECTION), "a field or subscript of a value" },
        { NODE(COLLATE_CLAUSE), "COLLATE: texts compare by bytes" },
        { NODE(GROUPING_FUNC), "GROUPING" },
        { NODE(GROUPING_SET), "GROUPING SETS, ROLLUP or CUBE" },
        { NODE(SET_TO_DEFAULT), "DEFAULT" },
        { NODE(RANGE_FUNCTION), "a function in FROM" },
        { NODE(RANGE_TABLE_SAMPLE), "TABLESAMPLE" },
        { NODE(RANGE_TABLE_FUNC), "XMLTABLE" },
        { NODE(XML_EXPR), "XML" },
        { NODE(CURRENT_OF_EXPR), "CURRENT OF" },
    };
    int pos = sql_node_pos(node, b->pos);
    unsigned node_case = node ? (unsigned)node->node_case : 0;
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
        if ((unsigned)known[i].node == node_case)
            SQL_FAIL(b->cx, pos, MAL_E_UNSUPPORTED, "not supported: %s",
                     known[i].text);
    const ProtobufCMessageDescriptor *d = &pg_query__node__descriptor;
    for (unsigned i = 0; i < d->n_fields; i++)
        if (d->fields[i].id == node_case)
            SQL_FAIL(b->cx, pos, MAL_E_UNSUPPORTED, "not supported: %s",
                     d->fields[i].name);
    SQL_FAIL(b->cx, pos, MAL_E_INPUT, "an empty expression");
}

/* --- names ---------------------------------------------------------------- */

typedef struct qualified {
    const char *schema, *table, *name;
    int pos;
} qualified;

static bool names_match(const scope_column *c, const qualified *q) {
    if (strcmp(c->name, q->name) != 0)
        return false;
    if (!q->table)
        return !c->hidden;
    if (!c->table || strcmp(c->table, q->table) != 0)
        return false;
    return !q->schema || (c->schema && strcmp(c->schema, q->schema) == 0);
}

static mal_err read_name(const binder *b, qualified *q, const pg_node *node) {
    const PgQuery__ColumnRef *ref = node->column_ref;
    const char *parts[3] = { NULL, NULL, NULL };
    *q = (qualified){ .pos = ref->location };
    SQL_NEED(ref->n_fields >= 1 && ref->n_fields <= 3, b->cx, ref->location,
             MAL_E_INPUT, "a column is named owner.table.column at most");
    for (size_t i = 0; i < ref->n_fields; i++) {
        parts[i + 3 - ref->n_fields] = sql_node_string(ref->fields[i]);
        SQL_NEED(parts[i + 3 - ref->n_fields], b->cx, ref->location,
                 MAL_E_UNSUPPORTED, "* is only a whole item of SELECT");
    }
    q->schema = parts[0];
    q->table = parts[1];
    q->name = parts[2];
    return MAL_OK;
}

/* The column of that name; scope->n if there is none. */
static mal_err look_up(const binder *b, unsigned *at, const sql_scope *scope,
                       const qualified *q) {
    *at = scope->n;
    for (unsigned i = 0; i < scope->n; i++) {
        if (!names_match(&scope->columns[i], q))
            continue;
        SQL_NEED(*at == scope->n, b->cx, q->pos, MAL_E_INPUT,
                 "the column %.64s is ambiguous: write table.%.64s", q->name,
                 q->name);
        *at = i;
    }
    return MAL_OK;
}

/* A scan knows which of its columns are secret; nothing ever reads those. */
static mal_err not_secret(const binder *b, sql_r r, unsigned column, int pos) {
    while (r->op == SQL_JOIN || r->op == SQL_FILTER) {
        unsigned n_left = r->in[0]->n_columns;
        bool right = column >= n_left;
        r = r->in[right];
        column -= right ? n_left : 0;
    }
    if (r->op != SQL_SCAN)
        return MAL_OK;
    const mal_policy_dataset *d = &b->cx->contract->datasets[r->dataset];
    const mal_policy_column *c = &d->columns[r->columns[column]];
    SQL_NEED(c->role != MAL_POLICY_SECRET, b->cx, pos, MAL_E_DENIED,
             "the column %.64s of %.128s is secret: no plan reads it", c->name,
             d->name);
    return MAL_OK;
}

mal_err sql_scope_col(const binder *b, sql_e *out, unsigned at, int pos) {
    unsigned index = b->scope->columns[at].index;
    MAL_TRY(not_secret(b, b->scope->rel, index, pos));
    return sql_col(b->cx, out, index, &b->scope->rel->types[index], pos);
}

/* A subquery's WHERE sees the columns of the query around it, behind its own.
 */
static mal_err bind_column(binder *b, sql_e *out, const pg_node *node) {
    unsigned at = 0;
    qualified q;
    MAL_TRY(read_name(b, &q, node));
    MAL_TRY(look_up(b, &at, b->scope, &q));
    if (at < b->scope->n)
        return sql_scope_col(b, out, at, q.pos);
    if (b->outer) {
        MAL_TRY(look_up(b, &at, b->outer, &q));
        if (at < b->outer->n) {
            sql_r r = b->outer->rel;
            unsigned index = b->outer->columns[at].index;
            sql_expr proto = { .op = SQL_E_OUTER,
                               .type = r->types[index],
                               .value = index,
                               .pos = q.pos };
            MAL_TRY(not_secret(b, r, index, q.pos));
            return sql_make_node(b->cx, out, &proto, NULL, 0);
        }
    }
    SQL_FAIL(b->cx, q.pos, MAL_E_INPUT, "no column %.64s%s%.64s here",
             q.table ? q.table : "", q.table ? "." : "", q.name);
}

/* --- constants ------------------------------------------------------------ */

/* "12.50" -> 1250 with two digits.  The grammar folds a minus into it. */
static mal_err bind_decimal(binder *b, sql_e *out, const char *text, int pos) {
    mal_i128 v = 0;
    unsigned scale = 0;
    bool point = false, minus = *text == '-';
    for (const char *c = text + minus; *c; c++) {
        if (*c == '.' && !point) {
            point = true;
            continue;
        }
        SQL_NEED(*c >= '0' && *c <= '9', b->cx, pos, MAL_E_UNSUPPORTED,
                 "the number %.40s: write plain digits, without exponent",
                 text);
        v = 10 * v + (*c - '0');
        scale += point;
        SQL_NEED(sql_fits(v) && scale <= MAL_SQL_SCALE_MAX, b->cx, pos,
                 MAL_E_LIMIT, "the number %.40s does not fit 64 bits", text);
    }
    return sql_int(b->cx, out, (int64_t)(minus ? -v : v), scale, pos);
}

static mal_err bind_text(binder *b, sql_e *out, const char *text, int pos) {
    sql_expr *e;
    MAL_TRY(sql_alloc(b->cx, &e, 1, sizeof *e));
    *e = (sql_expr){ .op = SQL_E_CONST,
                     .type = { .kind = SQL_TEXT },
                     .text = mal_arena_strdup(b->cx->arena, text),
                     .size = 1,
                     .depth = 1,
                     .pos = pos };
    if (!e->text)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    *out = e;
    return MAL_OK;
}

static mal_err bind_const(binder *b, sql_e *out, const PgQuery__AConst *c) {
    const sql_type null = { .kind = SQL_NULL };
    if (c->isnull)
        return sql_const(b->cx, out, &null, 0, true, c->location);
    switch (c->val_case) {
    case PG_QUERY__A__CONST__VAL_IVAL:
        return sql_int(b->cx, out, c->ival->ival, 0, c->location);
    case PG_QUERY__A__CONST__VAL_FVAL:
        return bind_decimal(b, out, c->fval->fval, c->location);
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
        return sql_bool(b->cx, out, c->boolval->boolval, c->location);
    case PG_QUERY__A__CONST__VAL_SVAL:
        return bind_text(b, out, c->sval->sval, c->location);
    default:
        SQL_FAIL(b->cx, c->location, MAL_E_UNSUPPORTED,
                 "not supported: a bit string");
    }
}

/* --- operators ------------------------------------------------------------ */

static const struct {
    const char *symbol;
    sql_expr_op op;
    bool compares;
} OPERATORS[] = {
    { "+", SQL_E_ADD, false }, { "-", SQL_E_SUB, false },
    { "*", SQL_E_MUL, false }, { "/", SQL_E_DIV, false },
    { "%", SQL_E_MOD, false }, { "=", SQL_E_EQ, true },
    { "<>", SQL_E_NE, true },  { "<", SQL_E_LT, true },
    { "<=", SQL_E_LE, true },  { ">", SQL_E_GT, true },
    { ">=", SQL_E_GE, true },
};

static mal_err bind_unary(binder *b, sql_e *out, const PgQuery__AExpr *x,
                          const char *symbol) {
    sql_e a;
    MAL_TRY(sql_bind_expr(b, &a, x->rexpr));
    if (strcmp(symbol, "-") == 0)
        return sql_arith(b->cx, out, SQL_E_NEG, a, NULL, x->location);
    SQL_NEED(strcmp(symbol, "+") == 0, b->cx, x->location, MAL_E_UNSUPPORTED,
             "not supported: the operator %.16s", symbol);
    return sql_as_int(b->cx, out, a, "+", x->location);
}

static mal_err bind_operator(binder *b, sql_e *out, const PgQuery__AExpr *x) {
    const char *symbol = x->n_name == 1 ? sql_node_string(x->name[0]) : NULL;
    sql_e l, r;
    SQL_NEED(symbol, b->cx, x->location, MAL_E_UNSUPPORTED,
             "not supported: OPERATOR(..)");
    if (!x->lexpr)
        return bind_unary(b, out, x, symbol);
    for (unsigned i = 0; i < sizeof OPERATORS / sizeof OPERATORS[0]; i++) {
        if (strcmp(symbol, OPERATORS[i].symbol) != 0)
            continue;
        if ((OPERATORS[i].op == SQL_E_ADD || OPERATORS[i].op == SQL_E_SUB) &&
            sql_node_is_interval(x->rexpr))
            return sql_bind_shift(b, out, x, OPERATORS[i].op == SQL_E_SUB);
        MAL_TRY(sql_bind_expr(b, &l, x->lexpr));
        MAL_TRY(sql_bind_expr(b, &r, x->rexpr));
        if (OPERATORS[i].compares)
            return sql_compare(b->cx, out, OPERATORS[i].op, l, r, x->location);
        return sql_arith(b->cx, out, OPERATORS[i].op, l, r, x->location);
    }
    SQL_FAIL(b->cx, x->location, MAL_E_UNSUPPORTED,
             "not supported: the operator %.16s", symbol);
}

static mal_err list_of(binder *b, const PgQuery__List **list,
                       const pg_node *node, int pos) {
    SQL_NEED(node && node->node_case == NODE(LIST), b->cx, pos,
             MAL_E_UNSUPPORTED, "not supported: IN over a subquery or array");
    *list = node->list;
    return MAL_OK;
}

static mal_err bind_in(binder *b, sql_e *out, const PgQuery__AExpr *x) {
    const PgQuery__List *list = NULL;
    const char *symbol = x->n_name == 1 ? sql_node_string(x->name[0]) : NULL;
    sql_e a, *items;
    MAL_TRY(list_of(b, &list, x->rexpr, x->location));
    MAL_TRY(sql_bind_expr(b, &a, x->lexpr));
    MAL_TRY(sql_alloc(b->cx, &items, list->n_items, sizeof *items));
    for (size_t i = 0; i < list->n_items; i++)
        MAL_TRY(sql_bind_expr(b, &items[i], list->items[i]));
    MAL_TRY(sql_in(b->cx, out, a, items, (unsigned)list->n_items, x->location));
    if (symbol && strcmp(symbol, "<>") == 0)
        return sql_not(b->cx, out, *out, x->location);
    return MAL_OK;
}

static mal_err bind_between(binder *b, sql_e *out, const PgQuery__AExpr *x,
                            bool negated) {
    const PgQuery__List *list = NULL;
    sql_e a, lo, hi, both[2];
    MAL_TRY(list_of(b, &list, x->rexpr, x->location));
    SQL_NEED(list->n_items == 2, b->cx, x->location, MAL_E_INPUT,
             "BETWEEN takes two bounds");
    MAL_TRY(sql_bind_expr(b, &a, x->lexpr));
    MAL_TRY(sql_bind_expr(b, &lo, list->items[0]));
    MAL_TRY(sql_bind_expr(b, &hi, list->items[1]));
    MAL_TRY(sql_compare(b->cx, &both[0], SQL_E_GE, a, lo, x->location));
    MAL_TRY(sql_compare(b->cx, &both[1], SQL_E_LE, a, hi, x->location));
    MAL_TRY(sql_logic(b->cx, out, SQL_E_AND, both, 2, x->location));
    return negated ? sql_not(b->cx, out, *out, x->location) : MAL_OK;
}

/* NULLIF(a, b) is CASE WHEN a = b THEN NULL ELSE a END. */
static mal_err bind_nullif(binder *b, sql_e *out, const PgQuery__AExpr *x) {
    const sql_type null = { .kind = SQL_NULL };
    sql_e l, r, parts[3];
    MAL_TRY(sql_bind_expr(b, &l, x->lexpr));
    MAL_TRY(sql_bind_expr(b, &r, x->rexpr));
    MAL_TRY(sql_compare(b->cx, &parts[0], SQL_E_EQ, l, r, x->location));
    MAL_TRY(sql_const(b->cx, &parts[1], &null, 0, true, x->location));
    parts[2] = l;
    return sql_case(b->cx, out, parts, 3, x->location);
}

/* The grammar writes NOT LIKE as !~~. */
static mal_err bind_like(binder *b, sql_e *out, const PgQuery__AExpr *x) {
    const char *symbol = x->n_name == 1 ? sql_node_string(x->name[0]) : NULL;
    sql_e a, pattern;
    MAL_TRY(sql_bind_expr(b, &a, x->lexpr));
    MAL_TRY(sql_bind_expr(b, &pattern, x->rexpr));
    MAL_TRY(sql_like(b->cx, out, a, pattern, x->location));
    return symbol && strcmp(symbol, "!~~") == 0
               ? sql_not(b->cx, out, *out, x->location)
               : MAL_OK;
}

static mal_err bind_a_expr(binder *b, sql_e *out, const PgQuery__AExpr *x) {
    const char *name = "this operator";
    switch (x->kind) {
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP:
        return bind_operator(b, out, x);
    case PG_QUERY__A__EXPR__KIND__AEXPR_IN:
        return bind_in(b, out, x);
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
        return bind_between(b, out, x, false);
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN:
        return bind_between(b, out, x, true);
    case PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF:
        return bind_nullif(b, out, x);
    case PG_QUERY__A__EXPR__KIND__AEXPR_LIKE:
        return bind_like(b, out, x);
    case PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE:
        name = "ILIKE: write LIKE";
        break;
    case PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR:
        name = "SIMILAR TO: write LIKE";
        break;
    case PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT:
        name = "IS DISTINCT FROM: write = and IS NULL";
        break;
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM:
        name = "BETWEEN SYMMETRIC: write BETWEEN";
        break;
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY:
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL:
        name = "ANY or ALL: write IN";
        break;
    default:
        break;
    }
    SQL_FAIL(b->cx, x->location, MAL_E_UNSUPPORTED, "not supported: %s", name);
}

/* --- logic, choice -------------------------------------------------------- */

static mal_err bind_all(binder *b, sql_e **out, pg_node *const *nodes,
                        size_t n) {
    MAL_TRY(sql_alloc(b->cx, out, n, sizeof **out));
    for (size_t i = 0; i < n; i++)
        MAL_TRY(sql_bind_expr(b, &(*out)[i], nodes[i]));
    return MAL_OK;
}

static mal_err bind_bool(binder *b, sql_e *out, const PgQuery__BoolExpr *x) {
    sql_e *args;
    SQL_NEED(x->n_args >= 1, b->cx, x->location, MAL_E_INPUT,
             "an empty condition");
    MAL_TRY(bind_all(b, &args, x->args, x->n_args));
    if (x->boolop == PG_QUERY__BOOL_EXPR_TYPE__NOT_EXPR)
        return sql_not(b->cx, out, args[0], x->location);
    return sql_logic(b->cx, out,
                     x->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR ? SQL_E_AND
                                                                     : SQL_E_OR,
                     args, (unsigned)x->n_args, x->location);
}

static mal_err bind_null_test(binder *b, sql_e *out,
                              const PgQuery__NullTest *x) {
    sql_e a;
    MAL_TRY(sql_bind_expr(b, &a, x->arg));
    MAL_TRY(sql_isnull(b->cx, out, a, x->location));
    if (x->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NOT_NULL)
        return sql_not(b->cx, out, *out, x->location);
    return MAL_OK;
}

static mal_err is_true(binder *b, sql_e *out, sql_e a, int pos) {
    sql_e parts[3] = { a, NULL, NULL };
    MAL_TRY(sql_bool(b->cx, &parts[1], true, pos));
    MAL_TRY(sql_bool(b->cx, &parts[2], false, pos));
    return sql_case(b->cx, out, parts, 3, pos);
}

static mal_err bind_boolean_test(binder *b, sql_e *out,
                                 const PgQuery__BooleanTest *x) {
    sql_e a;
    bool negated = false;
    MAL_TRY(sql_bind_expr(b, &a, x->arg));
    MAL_TRY(sql_as_bool(b->cx, &a, a, "IS TRUE", x->location));
    switch (x->booltesttype) {
    case PG_QUERY__BOOL_TEST_TYPE__IS_NOT_TRUE:
        negated = true; /* fall through */
    case PG_QUERY__BOOL_TEST_TYPE__IS_TRUE:
        MAL_TRY(is_true(b, out, a, x->location));
        break;
    case PG_QUERY__BOOL_TEST_TYPE__IS_NOT_FALSE:
        negated = true; /* fall through */
    case PG_QUERY__BOOL_TEST_TYPE__IS_FALSE:
        MAL_TRY(sql_not(b->cx, &a, a, x->location));
        MAL_TRY(is_true(b, out, a, x->location));
        break;
    default:
        negated = x->booltesttype == PG_QUERY__BOOL_TEST_TYPE__IS_NOT_UNKNOWN;
        MAL_TRY(sql_isnull(b->cx, out, a, x->location));
    }
    return negated ? sql_not(b->cx, out, *out, x->location) : MAL_OK;
}

static mal_err bind_case(binder *b, sql_e *out, const PgQuery__CaseExpr *x) {
    const sql_type null = { .kind = SQL_NULL };
    sql_e *parts, subject = NULL;
    unsigned n = 0;
    MAL_TRY(sql_alloc(b->cx, &parts, 2 * x->n_args + 1, sizeof *parts));
    if (x->arg)
        MAL_TRY(sql_bind_expr(b, &subject, x->arg));
    for (size_t i = 0; i < x->n_args; i++) {
        const PgQuery__CaseWhen *when = x->args[i]->case_when;
        MAL_TRY(sql_bind_expr(b, &parts[n], when->expr));
        if (subject)
            MAL_TRY(sql_compare(b->cx, &parts[n], SQL_E_EQ, subject, parts[n],
                                when->location));
        n++;
        MAL_TRY(sql_bind_expr(b, &parts[n++], when->result));
    }
    if (x->defresult)
        MAL_TRY(sql_bind_expr(b, &parts[n++], x->defresult));
    else
        MAL_TRY(sql_const(b->cx, &parts[n++], &null, 0, true, x->location));
    return sql_case(b->cx, out, parts, n, x->location);
}

/* --- casts ---------------------------------------------------------------- */

typedef struct cast_to {
    const char *name; /* PostgreSQL's */
    mal_i128 limit;   /* |value| < limit; 0: 64 bits */
    bool boolean;
} cast_to;

static mal_err in_range(binder *b, sql_e e, mal_i128 limit, const char *name,
                        int pos) {
    SQL_NEED(limit == 0 || (e->type.lo > -limit && e->type.hi < limit), b->cx,
             pos, MAL_E_LIMIT,
             "the cast to %s may not fit for some values in the declared "
             "ranges: cast to a wider type",
             name);
    return MAL_OK;
}

static mal_err typmod(binder *b, int *out, const pg_node *node, int pos) {
    SQL_NEED(node->node_case == NODE(A_CONST) &&
                 node->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL,
             b->cx, pos, MAL_E_UNSUPPORTED,
             "not supported: a type with other parameters than digits");
    *out = node->a_const->ival->ival;
    return MAL_OK;
}

static mal_err cast_numeric(binder *b, sql_e *out, sql_e a,
                            const PgQuery__TypeName *t, int pos) {
    int digits = 0, scale = 0;
    if (t->n_typmods == 0) {
        *out = a;
        return MAL_OK;
    }
    MAL_TRY(typmod(b, &digits, t->typmods[0], pos));
    if (t->n_typmods > 1)
        MAL_TRY(typmod(b, &scale, t->typmods[1], pos));
    SQL_NEED(t->n_typmods <= 2 && digits >= 1 && digits <= 38 && scale >= 0 &&
                 scale <= (int)MAL_SQL_SCALE_MAX && scale <= digits,
             b->cx, pos, MAL_E_LIMIT,
             "numeric(digits, scale): 1 to 38 digits, of which at most %u "
             "decimal",
             MAL_SQL_SCALE_MAX);
    MAL_TRY(sql_rescale(b->cx, out, a, (unsigned)scale, pos));
    return digits > 18
               ? MAL_OK
               : in_range(b, *out, sql_pow10((unsigned)digits), "numeric", pos);
}

/* A truth value as a number: 1, 0, NULL. */
static mal_err bool_to_int(binder *b, sql_e *out, sql_e a, int pos) {
    sql_e parts[5] = { a };
    MAL_TRY(sql_int(b->cx, &parts[1], 1, 0, pos));
    MAL_TRY(sql_not(b->cx, &parts[2], a, pos));
    MAL_TRY(sql_int(b->cx, &parts[3], 0, 0, pos));
    const sql_type integer = { .kind = MAL_SQL_INT };
    MAL_TRY(sql_const(b->cx, &parts[4], &integer, 0, true, pos));
    return sql_case(b->cx, out, parts, 5, pos);
}

static mal_err cast_integer(binder *b, sql_e *out, sql_e a, mal_i128 limit,
                            const char *name, int pos) {
    if (a->type.kind == MAL_SQL_BOOL) {
        SQL_NEED(strcmp(name, "integer") == 0, b->cx, pos, MAL_E_INPUT,
                 "a truth value is only cast to integer");
        return bool_to_int(b, out, a, pos);
    }
    MAL_TRY(sql_as_int(b->cx, out, a, "a cast", pos));
    MAL_TRY(sql_rescale(b->cx, out, *out, 0, pos));
    return in_range(b, *out, limit, name, pos);
}

static mal_err bind_cast(binder *b, sql_e *out, const PgQuery__TypeCast *x) {
    const PgQuery__TypeName *t = x->type_name;
    const char *name =
        t && t->n_names > 0 ? sql_node_string(t->names[t->n_names - 1]) : NULL;
    sql_e a;
    SQL_NEED(name && t->n_array_bounds == 0 && !t->setof, b->cx, x->location,
             MAL_E_UNSUPPORTED, "not supported: a cast to an array");
    if (strcmp(name, "date") == 0)
        return sql_bind_date(b, out, x);
    SQL_NEED(strcmp(name, "interval") != 0, b->cx, x->location,
             MAL_E_UNSUPPORTED,
             "not supported: an INTERVAL by itself; add it to a date");
    MAL_TRY(sql_bind_expr(b, &a, x->arg));
    if (strcmp(name, "int8") == 0)
        return cast_integer(b, out, a, 0, "bigint", x->location);
    if (strcmp(name, "int4") == 0)
        return cast_integer(b, out, a, (mal_i128)1 << 31, "integer",
                            x->location);
    if (strcmp(name, "int2") == 0)
        return cast_integer(b, out, a, (mal_i128)1 << 15, "smallint",
                            x->location);
    if (strcmp(name, "bool") == 0)
        return sql_as_bool(b->cx, out, a, "a cast to boolean", x->location);
    SQL_NEED(strcmp(name, "numeric") == 0, b->cx, x->location,
             MAL_E_UNSUPPORTED,
             "not supported: a cast to %.40s; numbers are integer, bigint or "
             "numeric(digits, scale)",
             name);
    MAL_TRY(sql_as_int(b->cx, &a, a, "a cast to numeric", x->location));
    return cast_numeric(b, out, a, t, x->location);
}

/* --- functions ------------------------------------------------------------ */

static mal_err add_agg(binder *b, sql_e *out, sql_agg *agg) {
    unsigned i = 0;
    MAL_TRY(sql_agg_type(b->cx, agg, b->scope->rel->rows_max));
    for (; i < b->n_aggs; i++)
        if (b->aggs[i].kind == agg->kind &&
            (b->aggs[i].arg == agg->arg ||
             (agg->arg && sql_expr_same(b->aggs[i].arg, agg->arg))))
            break;
    SQL_NEED(i < BIND_AGGS_MAX, b->cx, agg->pos, MAL_E_LIMIT,
             "more than %u aggregates", BIND_AGGS_MAX);
    if (i == b->n_aggs)
        b->aggs[b->n_aggs++] = *agg;
    sql_expr *e;
    MAL_TRY(sql_alloc(b->cx, &e, 1, sizeof *e));
    *e = (sql_expr){ .op = SQL_E_AGG,
                     .type = agg->type,
                     .value = i,
                     .size = 1,
                     .depth = 1,
                     .pos = agg->pos };
    *out = e;
    return MAL_OK;
}

static mal_err refuse_modifiers(binder *b, const PgQuery__FuncCall *f) {
    const char *name = NULL;
    if (f->agg_filter)
        name = "FILTER: write sum(CASE WHEN .. THEN .. END)";
    else if (f->agg_within_group)
        name = "WITHIN GROUP";
    else if (f->n_agg_order)
        name = "ORDER BY inside an aggregate";
    else if (f->func_variadic)
        name = "VARIADIC";
    SQL_NEED(!name, b->cx, f->location, MAL_E_UNSUPPORTED, "not supported: %s",
             name);
    return MAL_OK;
}

static mal_err bind_agg(binder *b, sql_e *out, const PgQuery__FuncCall *f,
                        sql_agg_kind kind, const char *name) {
    sql_agg agg = { .kind = kind, .pos = f->location };
    SQL_NEED(b->aggs_allowed, b->cx, f->location, MAL_E_INPUT,
             "no aggregate may stand in %s", b->clause);
    if (f->agg_star) {
        SQL_NEED(kind == SQL_COUNT, b->cx, f->location, MAL_E_INPUT,
                 "%s(*): only count takes *", name);
        agg.kind = SQL_COUNT_ROWS;
        return add_agg(b, out, &agg);
    }
    SQL_NEED(f->n_args == 1, b->cx, f->location, MAL_E_INPUT,
             "%s takes one argument", name);
    if (f->agg_distinct) {
        SQL_NEED(kind == SQL_COUNT, b->cx, f->location, MAL_E_UNSUPPORTED,
                 "not supported: %s(DISTINCT ..)", name);
        agg.kind = SQL_DISTINCT;
    }
    binder inner = *b;
    inner.aggs_allowed = false;
    inner.overs = NULL;
    inner.clause = "the argument of an aggregate";
    MAL_TRY(sql_bind_expr(&inner, &agg.arg, f->args[0]));
    SQL_NEED(agg.arg->type.kind != SQL_TEXT && agg.arg->type.kind != SQL_NULL,
             b->cx, f->location, MAL_E_UNSUPPORTED,
             "not supported: %s of a text or NULL constant", name);
    return add_agg(b, out, &agg);
}

static mal_err bind_substring(binder *b, sql_e *out,
                              const PgQuery__FuncCall *f) {
    sql_e *args;
    SQL_NEED(f->n_args >= 2 && f->n_args <= 3, b->cx, f->location, MAL_E_INPUT,
             "substring(text FROM first FOR length)");
    MAL_TRY(bind_all(b, &args, f->args, f->n_args));
    return sql_substring(b->cx, out, args, (unsigned)f->n_args, f->location);
}

/* --- functions, by name --------------------------------------------------- */

static mal_err bind_function(binder *b, sql_e *out,
                             const PgQuery__FuncCall *f) {
    static const struct {
        const char *name;
        sql_agg_kind kind;
    } aggregates[] = { { "count", SQL_COUNT },
                       { "sum", SQL_SUM },
                       { "avg", SQL_AVG },
                       { "min", SQL_MIN },
                       { "max", SQL_MAX } };
    const char *name =
        f->n_funcname ? sql_node_string(f->funcname[f->n_funcname - 1]) : NULL;
    MAL_TRY(refuse_modifiers(b, f));
    if (f->over)
        return sql_bind_over(b, out, f, name);
    for (unsigned i = 0; name && f->n_funcname == 1 && i < 5; i++)
        if (strcmp(name, aggregates[i].name) == 0)
            return bind_agg(b, out, f, aggregates[i].kind, name);
    if (name && strcmp(name, "extract") == 0)
        return sql_bind_extract(b, out, f);
    if (name && (strcmp(name, "substring") == 0 || strcmp(name, "substr") == 0))
        return bind_substring(b, out, f);
    SQL_FAIL(b->cx, f->location, MAL_E_UNSUPPORTED,
             "not supported: the function %.64s; there are count, sum, avg, "
             "min, max, EXTRACT, substring, COALESCE, NULLIF and CASE",
             name ? name : "?");
}

/* --- the switch ----------------------------------------------------------- */

static mal_err bind_node(binder *b, sql_e *out, const pg_node *node) {
    switch (node->node_case) {
    case NODE(A_CONST):
        return bind_const(b, out, node->a_const);
    case NODE(COLUMN_REF):
        return bind_column(b, out, node);
    case NODE(A_EXPR):
        return bind_a_expr(b, out, node->a_expr);
    case NODE(BOOL_EXPR):
        return bind_bool(b, out, node->bool_expr);
    case NODE(NULL_TEST):
        return bind_null_test(b, out, node->null_test);
    case NODE(BOOLEAN_TEST):
        return bind_boolean_test(b, out, node->boolean_test);
    case NODE(CASE_EXPR):
        return bind_case(b, out, node->case_expr);
    case NODE(COALESCE_EXPR): {
        sql_e *args;
        const PgQuery__CoalesceExpr *x = node->coalesce_expr;
        MAL_TRY(bind_all(b, &args, x->args, x->n_args));
        return sql_coalesce(b->cx, out, args, (unsigned)x->n_args, x->location);
    }
    case NODE(TYPE_CAST):
        return bind_cast(b, out, node->type_cast);
    case NODE(FUNC_CALL):
        return bind_function(b, out, node->func_call);
    case NODE(SUB_LINK):
        return sql_bind_value_query(b, out, node->sub_link);
    default:
        return sql_node_refuse(b, node);
    }
}

mal_err sql_bind_expr(binder *b, sql_e *out, const pg_node *node) {
    SQL_NEED(node, b->cx, b->pos, MAL_E_INPUT, "an empty expression");
    b->pos = sql_node_pos(node, b->pos);
    SQL_NEED(++b->cx->nodes <= MAL_SQL_NODES_MAX &&
                 ++b->cx->depth <= MAL_SQL_DEPTH_MAX,
             b->cx, b->pos, MAL_E_LIMIT,
             "nested deeper than %u, or more than %u expressions: simplify it",
             MAL_SQL_DEPTH_MAX, MAL_SQL_NODES_MAX);
    MAL_TRY(bind_node(b, out, node));
    b->cx->depth--;
    return MAL_OK;
}

mal_err sql_bind_cond(binder *b, sql_e *out, const pg_node *node) {
    MAL_TRY(sql_bind_expr(b, out, node));
    return sql_as_bool(b->cx, out, *out, b->clause, (*out)->pos);
}
