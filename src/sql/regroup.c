/* regroup.c - the plan with each owner's tables brought together.
 *
 * What lies under one owner runs there, in DuckDB, on plain rows; what crosses
 * owners runs on shares, at many times the cost.  So a chain of joins is taken
 * apart into its inputs and conditions, and put together again: first inside
 * each owner, along equalities that follow from others too (x = y and y = z),
 * then across owners, always along a key that is unique on one side, the
 * smallest first.  A semi-, anti- or left join moves to the input that has its
 * keys.  The meaning stays: inner joins commute with all of these. */
#include "share_impl.h"

#include <string.h>

#define GLOBALS_MAX 2048u
#define NODES_MAX 64u
#define CONDS_MAX 512u
#define GONE UINT32_MAX

/* A relation in the making, and where the cluster's columns are in it. */
typedef struct node {
    sql_r rel;
    unsigned *at; /* [GLOBALS_MAX], or GONE */
    bool live;
} node;

/* A join that is not inner: left keys over the cluster's columns. */
typedef struct half {
    sql_join_kind kind;
    sql_r right;
    unsigned n_keys, base; /* LEFT: right's columns count from base */
    sql_e left_keys[MAL_SQL_KEYS_MAX], right_keys[MAL_SQL_KEYS_MAX];
    bool done;
} half;

typedef struct cluster {
    const sql_cx *cx;
    unsigned n; /* the cluster's columns */
    sql_type types[GLOBALS_MAX];
    unsigned parent[GLOBALS_MAX]; /* of equal columns, a forest */
    bool late[GLOBALS_MAX];       /* of the right of a LEFT JOIN */
    node nodes[NODES_MAX];
    unsigned n_nodes, n_conds, n_halves;
    sql_e conds[CONDS_MAX];
    bool used[CONDS_MAX];
    half halves[NODES_MAX];
} cluster;

/* --- equal columns -------------------------------------------------------- */

static unsigned root_of(cluster *c, unsigned g) {
    while (c->parent[g] != g)
        g = c->parent[g] = c->parent[c->parent[g]];
    return g;
}

/* x = x is none: it says that x is not NULL. */
static bool plain_equality(const cluster *c, sql_e e) {
    if (e->op != SQL_E_EQ || e->args[0]->op != SQL_E_COL ||
        e->args[1]->op != SQL_E_COL)
        return false;
    unsigned a = (unsigned)e->args[0]->value, b = (unsigned)e->args[1]->value;
    return a != b && !c->late[a] && !c->late[b] &&
           sql_type_same(&c->types[a], &c->types[b]);
}

/* A column of the node that equals g; GONE if it has none. */
static unsigned stands_for(cluster *c, const node *n, unsigned g) {
    if (n->at[g] != GONE)
        return g;
    for (unsigned i = 0; i < c->n; i++)
        if (n->at[i] != GONE && root_of(c, i) == root_of(c, g))
            return i;
    return GONE;
}

static bool covers(cluster *c, const node *n, sql_e e, bool equal) {
    if (e->op == SQL_E_COL)
        return n->at[e->value] != GONE ||
               (equal && stands_for(c, n, (unsigned)e->value) != GONE);
    for (unsigned i = 0; i < e->n_args; i++)
        if (!covers(c, n, e->args[i], equal))
            return false;
    return true;
}

/* Over the cluster's columns -> over the node's. */
static mal_err over_node(cluster *c, sql_e *out, sql_e e, const node *n) {
    sql_e *cols;
    MAL_TRY(sql_alloc(c->cx, &cols, c->n, sizeof *cols));
    for (unsigned g = 0; g < c->n; g++) {
        unsigned at = stands_for(c, n, g);
        if (at != GONE)
            MAL_TRY(sql_col(c->cx, &cols[g], n->at[at],
                            &n->rel->types[n->at[at]], e->pos));
    }
    return sql_substitute(c->cx, out, e, cols);
}

/* --- taking apart --------------------------------------------------------- */

static mal_err new_columns(cluster *c, sql_r r, unsigned *base) {
    MAL_REQUIRE(c->n + r->n_columns <= GLOBALS_MAX, MAL_E_LIMIT,
                "joins of more than %u columns", GLOBALS_MAX);
    *base = c->n;
    for (unsigned i = 0; i < r->n_columns; i++) {
        c->types[c->n] = r->types[i];
        c->parent[c->n] = c->n;
        c->n++;
    }
    return MAL_OK;
}

static mal_err add_cond(cluster *c, sql_e e) {
    unsigned n = e->op == SQL_E_AND ? e->n_args : 1;
    MAL_REQUIRE(c->n_conds + n <= CONDS_MAX, MAL_E_LIMIT,
                "joins under more than %u conditions", CONDS_MAX);
    for (unsigned i = 0; i < n; i++)
        c->conds[c->n_conds++] = e->op == SQL_E_AND ? e->args[i] : e;
    return MAL_OK;
}

static mal_err leaf(cluster *c, sql_r r, unsigned *map) {
    unsigned base = 0;
    MAL_REQUIRE(c->n_nodes < NODES_MAX, MAL_E_LIMIT,
                "more than %u tables in one chain of joins", NODES_MAX);
    node *n = &c->nodes[c->n_nodes++];
    n->live = true;
    MAL_TRY(sql_regroup(c->cx, &n->rel, r));
    MAL_TRY(sql_alloc(c->cx, &n->at, GLOBALS_MAX, sizeof *n->at));
    memset(n->at, 0xff, GLOBALS_MAX * sizeof *n->at);
    MAL_TRY(new_columns(c, n->rel, &base));
    for (unsigned i = 0; i < r->n_columns; i++) {
        n->at[base + i] = i;
        map[i] = base + i;
    }
    return MAL_OK;
}

/* COL(i) of r -> COL(map[i]) of the cluster. */
static mal_err lift(cluster *c, sql_e *out, sql_e e, sql_r r,
                    const unsigned *map) {
    sql_e *cols;
    MAL_TRY(sql_alloc(c->cx, &cols, r->n_columns, sizeof *cols));
    for (unsigned i = 0; i < r->n_columns; i++)
        MAL_TRY(sql_col(c->cx, &cols[i], map[i], &c->types[map[i]], e->pos));
    return sql_substitute(c->cx, out, e, cols);
}

static mal_err flatten(cluster *c, sql_r r, unsigned *map);

static mal_err flatten_half(cluster *c, sql_r r, unsigned *map) {
    unsigned keys = r->n_exprs / 2, n_left = r->in[0]->n_columns;
    MAL_REQUIRE(c->n_halves < NODES_MAX, MAL_E_LIMIT,
                "more than %u tables in one chain of joins", NODES_MAX);
    MAL_TRY(flatten(c, r->in[0], map));
    half *h = &c->halves[c->n_halves++];
    h->kind = r->join;
    h->n_keys = keys;
    MAL_TRY(sql_regroup(c->cx, &h->right, r->in[1]));
    for (unsigned k = 0; k < keys; k++) {
        MAL_TRY(lift(c, &h->left_keys[k], r->exprs[k], r->in[0], map));
        h->right_keys[k] = r->exprs[keys + k];
    }
    if (r->join != SQL_LEFT)
        return MAL_OK;
    MAL_TRY(new_columns(c, h->right, &h->base));
    for (unsigned i = 0; i < h->right->n_columns; i++) {
        c->types[h->base + i].nullable = true;
        c->late[h->base + i] = true;
        map[n_left + i] = h->base + i;
    }
    return MAL_OK;
}

/* map[i]: which of the cluster's columns r's column i is. */
static mal_err flatten(cluster *c, sql_r r, unsigned *map) {
    unsigned keys = r->n_exprs / 2;
    if (r->op == SQL_FILTER) {
        sql_e cond;
        MAL_TRY(flatten(c, r->in[0], map));
        MAL_TRY(lift(c, &cond, r->exprs[0], r, map));
        return add_cond(c, cond);
    }
    if (r->op != SQL_JOIN)
        return leaf(c, r, map);
    if (r->join != SQL_INNER)
        return flatten_half(c, r, map);
    unsigned *right = map + r->in[0]->n_columns;
    MAL_TRY(flatten(c, r->in[0], map));
    MAL_TRY(flatten(c, r->in[1], right));
    for (unsigned k = 0; k < keys; k++) {
        sql_e pair[2], eq;
        const sql_expr proto = { .op = SQL_E_EQ, .n_args = 2, .pos = -1 };
        MAL_TRY(lift(c, &pair[0], r->exprs[k], r->in[0], map));
        MAL_TRY(lift(c, &pair[1], r->exprs[keys + k], r->in[1], right));
        MAL_TRY(sql_rebuild(c->cx, &eq, &proto, pair));
        MAL_TRY(add_cond(c, eq));
    }
    return MAL_OK;
}

/* --- putting together ----------------------------------------------------- */

/* Filter a node by every condition that it can decide by now. */
static mal_err apply_conds(cluster *c, node *n) {
    for (unsigned i = 0; i < c->n_conds; i++) {
        sql_e cond;
        if (c->used[i] || !covers(c, n, c->conds[i], false))
            continue;
        c->used[i] = true;
        MAL_TRY(over_node(c, &cond, c->conds[i], n));
        MAL_TRY(sql_filter(c->cx, &n->rel, n->rel, cond));
    }
    return MAL_OK;
}

/* Columns that equal each other are equal inside of every node from the start;
 * each join then adds one equality a class, and the conditions themselves are
 * spent. */
static mal_err equate(cluster *c) {
    for (unsigned i = 0; i < c->n_conds; i++)
        if (plain_equality(c, c->conds[i])) {
            unsigned a = root_of(c, (unsigned)c->conds[i]->args[0]->value);
            unsigned b = root_of(c, (unsigned)c->conds[i]->args[1]->value);
            c->parent[a > b ? a : b] = a > b ? b : a;
            c->used[i] = true;
        }
    for (unsigned k = 0; k < c->n_nodes; k++) {
        node *n = &c->nodes[k];
        for (unsigned a = 0; a < c->n; a++)
            for (unsigned b = a + 1; b < c->n && n->at[a] != GONE; b++) {
                sql_e pair[2], eq;
                const sql_expr proto = { .op = SQL_E_EQ,
                                         .n_args = 2,
                                         .pos = -1 };
                if (n->at[b] == GONE || root_of(c, a) != root_of(c, b))
                    continue;
                MAL_TRY(sql_col(c->cx, &pair[0], n->at[a], &c->types[a], -1));
                MAL_TRY(sql_col(c->cx, &pair[1], n->at[b], &c->types[b], -1));
                MAL_TRY(sql_rebuild(c->cx, &eq, &proto, pair));
                MAL_TRY(sql_filter(c->cx, &n->rel, n->rel, eq));
                break; /* the next of the class follows from b */
            }
        MAL_TRY(apply_conds(c, n));
    }
    return MAL_OK;
}

typedef struct link {
    sql_e keys[2 * MAL_SQL_KEYS_MAX]; /* a's, then b's */
    unsigned n;
    unsigned conds[MAL_SQL_KEYS_MAX], n_conds; /* spent by this join */
} link;

static mal_err link_classes(cluster *c, link *l, sql_e *rights, const node *a,
                            const node *b) {
    for (unsigned g = 0; g < c->n && l->n < MAL_SQL_KEYS_MAX; g++) {
        bool first = a->at[g] != GONE;
        for (unsigned i = 0; i < g && first; i++)
            first = a->at[i] == GONE || root_of(c, i) != root_of(c, g);
        if (!first)
            continue;
        for (unsigned i = 0; i < c->n; i++) {
            if (b->at[i] == GONE || root_of(c, i) != root_of(c, g))
                continue;
            MAL_TRY(sql_col(c->cx, &l->keys[l->n], a->at[g],
                            &a->rel->types[a->at[g]], -1));
            MAL_TRY(sql_col(c->cx, &rights[l->n], b->at[i],
                            &b->rel->types[b->at[i]], -1));
            l->n++;
            break;
        }
    }
    return MAL_OK;
}

static mal_err link_conds(cluster *c, link *l, sql_e *rights, const node *a,
                          const node *b) {
    for (unsigned i = 0; i < c->n_conds && l->n < MAL_SQL_KEYS_MAX; i++) {
        sql_e e = c->conds[i];
        if (c->used[i] || e->op != SQL_E_EQ)
            continue;
        bool forward =
            covers(c, a, e->args[0], false) && covers(c, b, e->args[1], false);
        bool turned =
            covers(c, a, e->args[1], false) && covers(c, b, e->args[0], false);
        bool any = false;
        sql_expr_within(e->args[0], 0, 0, &any);
        bool both = any;
        any = false;
        sql_expr_within(e->args[1], 0, 0, &any);
        if (!(both && any) || !(forward || turned))
            continue;
        MAL_TRY(over_node(c, &l->keys[l->n], e->args[forward ? 0 : 1], a));
        MAL_TRY(over_node(c, &rights[l->n], e->args[forward ? 1 : 0], b));
        l->n++;
        l->conds[l->n_conds++] = i;
    }
    return MAL_OK;
}

static mal_err find_link(cluster *c, link *l, const node *a, const node *b) {
    sql_e rights[MAL_SQL_KEYS_MAX];
    l->n = l->n_conds = 0;
    MAL_TRY(link_classes(c, l, rights, a, b));
    MAL_TRY(link_conds(c, l, rights, a, b));
    memcpy(l->keys + l->n, rights, l->n * sizeof *rights);
    return MAL_OK;
}

static mal_err merge(cluster *c, node *a, node *b, const link *l) {
    const sql_joined join = { SQL_INNER, a->rel, b->rel };
    unsigned n_left = a->rel->n_columns;
    MAL_TRY(sql_join_on(c->cx, &a->rel, &join, l->keys, l->n));
    for (unsigned g = 0; g < c->n; g++)
        if (a->at[g] == GONE && b->at[g] != GONE)
            a->at[g] = n_left + b->at[g];
    for (unsigned i = 0; i < l->n_conds; i++)
        c->used[l->conds[i]] = true;
    b->live = false;
    return apply_conds(c, a);
}

static bool covers_half(cluster *c, const node *n, const half *h) {
    for (unsigned k = 0; k < h->n_keys; k++)
        if (!covers(c, n, h->left_keys[k], true))
            return false;
    return true;
}

static mal_err attach(cluster *c, node *n, half *h) {
    sql_e keys[2 * MAL_SQL_KEYS_MAX];
    unsigned n_left = n->rel->n_columns;
    for (unsigned k = 0; k < h->n_keys; k++) {
        MAL_TRY(over_node(c, &keys[k], h->left_keys[k], n));
        keys[h->n_keys + k] = h->right_keys[k];
    }
    const sql_joined join = { h->kind, n->rel, h->right };
    MAL_TRY(sql_join_on(c->cx, &n->rel, &join, keys, h->n_keys));
    if (h->kind == SQL_LEFT)
        for (unsigned i = 0; i < h->right->n_columns; i++)
            n->at[h->base + i] = n_left + i;
    h->done = true;
    return apply_conds(c, n);
}

static mal_policy_set owners(const cluster *c, sql_r r) {
    return sql_owners_of(c->cx->contract, r);
}

static mal_err attach_home(cluster *c) {
    for (unsigned i = 0; i < c->n_halves; i++)
        for (unsigned k = 0; k < c->n_nodes && !c->halves[i].done; k++) {
            mal_policy_set mine = owners(c, c->nodes[k].rel);
            if (c->nodes[k].live && (mine & (mine - 1)) == 0 &&
                mine == owners(c, c->halves[i].right) &&
                c->halves[i].n_keys > 0 &&
                covers_half(c, &c->nodes[k], &c->halves[i]))
                MAL_TRY(attach(c, &c->nodes[k], &c->halves[i]));
        }
    return MAL_OK;
}

/* Two nodes of one owner, unless they would become more rows than they are. */
static mal_err merge_home(cluster *c, bool *merged) {
    *merged = false;
    for (unsigned i = 0; i < c->n_nodes; i++)
        for (unsigned k = i + 1; k < c->n_nodes; k++) {
            node *a = &c->nodes[i], *b = &c->nodes[k];
            mal_policy_set mine = owners(c, a->rel);
            link l;
            if (!a->live || !b->live || (mine & (mine - 1)) != 0 ||
                mine != owners(c, b->rel))
                continue;
            MAL_TRY(find_link(c, &l, a, b));
            uint64_t most = a->rel->rows_max > b->rel->rows_max
                                ? a->rel->rows_max
                                : b->rel->rows_max;
            bool small =
                a->rel->rows_max <= 1 || b->rel->rows_max <= 1 ||
                (l.n > 0 && (sql_matches(a->rel, l.keys, l.n) <= 1 ||
                             sql_matches(b->rel, l.keys + l.n, l.n) <= 1));
            if (!small || most == UINT64_MAX)
                continue;
            MAL_TRY(merge(c, a, b, &l));
            *merged = true;
            return attach_home(c);
        }
    return MAL_OK;
}

/* The cheapest pair: along a unique key, of the fewest rows. */
static mal_err merge_across(cluster *c, bool *merged) {
    uint64_t least = UINT64_MAX;
    node *best[2] = { NULL, NULL };
    link chosen = { .n = 0 };
    *merged = false;
    for (unsigned i = 0; i < c->n_nodes; i++)
        for (unsigned k = i + 1; k < c->n_nodes; k++) {
            node *a = &c->nodes[i], *b = &c->nodes[k];
            link l;
            if (!a->live || !b->live)
                continue;
            MAL_TRY(find_link(c, &l, a, b));
            bool one = a->rel->rows_max <= 1 || b->rel->rows_max <= 1;
            bool unique =
                one ||
                (l.n > 0 && (sql_matches(a->rel, l.keys, l.n) <= 1 ||
                             sql_matches(b->rel, l.keys + l.n, l.n) <= 1));
            uint64_t cost = sql_add_sat(a->rel->rows_max, b->rel->rows_max);
            if (!unique)
                cost = l.n ? sql_mul_sat(cost, 1u << 20) : UINT64_MAX;
            if (cost >= least)
                continue;
            least = cost;
            best[0] = a;
            best[1] = b;
            chosen = l;
            *merged = true;
        }
    return *merged ? merge(c, best[0], best[1], &chosen) : MAL_OK;
}

/* The first pending join whose keys some node has. */
static mal_err attach_one(cluster *c, bool *attached) {
    *attached = false;
    for (unsigned i = 0; i < c->n_halves; i++)
        for (unsigned k = 0; k < c->n_nodes; k++) {
            half *h = &c->halves[i];
            node *n = &c->nodes[k];
            if (h->done || !n->live || !covers_half(c, n, h))
                continue;
            *attached = true;
            return attach(c, n, h);
        }
    return MAL_OK;
}

static mal_err put_together(cluster *c, node **out) {
    bool more = true, attached = true;
    MAL_TRY(equate(c));
    MAL_TRY(attach_home(c));
    while (more)
        MAL_TRY(merge_home(c, &more));
    while (attached) { /* an inner join may read what a LEFT JOIN yields */
        for (more = true; more;)
            MAL_TRY(merge_across(c, &more));
        MAL_TRY(attach_one(c, &attached));
    }
    *out = &c->nodes[0];
    for (unsigned k = 1; k < c->n_nodes; k++)
        MAL_REQUIRE(!c->nodes[k].live, MAL_E_UNSUPPORTED,
                    "tables that no equality connects");
    for (unsigned i = 0; i < c->n_conds; i++)
        MAL_REQUIRE(c->used[i], MAL_E_STATE, "a condition was left behind");
    return MAL_OK;
}

static mal_err regroup_cluster(const sql_cx *cx, sql_r *out, sql_r r) {
    cluster *c;
    node *n = NULL;
    unsigned *map;
    sql_e *exprs;
    MAL_TRY(sql_alloc(cx, &c, 1, sizeof *c));
    MAL_TRY(
        sql_alloc(cx, &map, MAL_SQL_COLUMNS_MAX + r->n_columns, sizeof *map));
    c->cx = cx;
    MAL_TRY(flatten(c, r, map));
    MAL_TRY(put_together(c, &n));
    MAL_TRY(sql_alloc(cx, &exprs, r->n_columns, sizeof *exprs));
    for (unsigned i = 0; i < r->n_columns; i++) {
        unsigned at = stands_for(c, n, map[i]);
        assert(at != GONE);
        MAL_TRY(
            sql_col(cx, &exprs[i], n->at[at], &n->rel->types[n->at[at]], -1));
    }
    return sql_project(cx, out, n->rel, exprs, r->n_columns);
}

/* --- the other operators -------------------------------------------------- */

/* Expressions over an input whose columns may have become narrower types. */
static mal_err retyped(const sql_cx *cx, sql_e **out, const sql_e *exprs,
                       unsigned n, sql_r in) {
    sql_e *cols;
    MAL_TRY(sql_alloc(cx, &cols, in->n_columns, sizeof *cols));
    MAL_TRY(sql_alloc(cx, out, n, sizeof **out));
    for (unsigned i = 0; i < in->n_columns; i++)
        MAL_TRY(sql_col(cx, &cols[i], i, &in->types[i], -1));
    for (unsigned i = 0; i < n; i++)
        MAL_TRY(sql_substitute(cx, &(*out)[i], exprs[i], cols));
    return MAL_OK;
}

/* An average is a sum and a count: their quotient is taken as late as it can
 * be. */
static mal_err split_mean(const sql_cx *cx, sql_r *out, sql_r r, sql_r in,
                          const sql_e *groups, const sql_agg *aggs) {
    sql_agg *parts;
    sql_e *exprs;
    unsigned *first, n = 0;
    uint64_t rows =
        r->in[0]->rows_max < in->rows_max ? r->in[0]->rows_max : in->rows_max;
    MAL_TRY(sql_alloc(cx, &parts, 2 * r->n_aggs, sizeof *parts));
    MAL_TRY(sql_alloc(cx, &first, r->n_aggs, sizeof *first));
    MAL_TRY(sql_alloc(cx, &exprs, r->n_columns, sizeof *exprs));
    for (unsigned i = 0; i < r->n_aggs; i++) {
        first[i] = n;
        parts[n++] = aggs[i];
        if (aggs[i].kind != SQL_AVG)
            continue;
        parts[n - 1].kind = SQL_SUM;
        MAL_TRY(sql_agg_type(cx, &parts[n - 1], rows));
        parts[n] = (sql_agg){ .kind = SQL_COUNT, .arg = aggs[i].arg };
        MAL_TRY(sql_agg_type(cx, &parts[n++], rows));
    }
    MAL_TRY(sql_aggregate(cx, out, in, groups, r->n_exprs, parts, n));
    for (unsigned i = 0; i < r->n_columns; i++) {
        sql_e pair[2];
        unsigned at = i < r->n_exprs ? i : r->n_exprs + first[i - r->n_exprs];
        MAL_TRY(sql_col(cx, &exprs[i], at, &(*out)->types[at], -1));
        if (i < r->n_exprs || r->aggs[i - r->n_exprs].kind != SQL_AVG)
            continue;
        const sql_agg *avg = &r->aggs[i - r->n_exprs];
        sql_expr mean = { .op = SQL_E_MEAN, .type = avg->type, .pos = -1 };
        mean.value = avg->type.scale - avg->arg->type.scale;
        pair[0] = exprs[i];
        MAL_TRY(sql_col(cx, &pair[1], at + 1, &(*out)->types[at + 1], -1));
        MAL_TRY(sql_make_node(cx, &exprs[i], &mean, pair, 2));
    }
    return sql_project(cx, out, *out, exprs, r->n_columns);
}

static mal_err regroup_aggregate(const sql_cx *cx, sql_r *out, sql_r r,
                                 sql_r in) {
    sql_e *groups, *arg;
    sql_agg *aggs;
    MAL_TRY(retyped(cx, &groups, r->exprs, r->n_exprs, in));
    MAL_TRY(sql_alloc(cx, &aggs, r->n_aggs, sizeof *aggs));
    for (unsigned i = 0; i < r->n_aggs; i++) {
        aggs[i] = r->aggs[i];
        if (!aggs[i].arg)
            continue;
        MAL_TRY(retyped(cx, &arg, &aggs[i].arg, 1, in));
        aggs[i].arg = arg[0];
    }
    for (unsigned i = 0; i < r->n_aggs; i++)
        if (aggs[i].kind == SQL_AVG)
            return split_mean(cx, out, r, in, groups, aggs);
    return sql_aggregate(cx, out, in, groups, r->n_exprs, aggs, r->n_aggs);
}

mal_err sql_regroup(const sql_cx *cx, sql_r *out, sql_r r) {
    sql_r *in;
    sql_e *exprs;
    mal_policy_set all = sql_owners_of(cx->contract, r);
    *out = r;
    if (r->op == SQL_SCAN || (all & (all - 1)) == 0)
        return MAL_OK; /* one owner's: it runs at home as it stands */
    if (r->op == SQL_JOIN || r->op == SQL_FILTER)
        return regroup_cluster(cx, out, r);
    MAL_TRY(sql_alloc(cx, &in, r->n_in, sizeof *in));
    for (unsigned i = 0; i < r->n_in; i++)
        MAL_TRY(sql_regroup(cx, &in[i], r->in[i]));
    switch (r->op) {
    case SQL_PROJECT:
        MAL_TRY(retyped(cx, &exprs, r->exprs, r->n_exprs, in[0]));
        return sql_project(cx, out, in[0], exprs, r->n_exprs);
    case SQL_AGGREGATE:
        return regroup_aggregate(cx, out, r, in[0]);
    case SQL_UNION:
        return sql_union_of(cx, out, in, r->n_in);
    case SQL_SORT:
        return sql_sort(cx, out, in[0], r->keys, r->n_keys);
    case SQL_WINDOW:
        return sql_window(cx, out, in[0], r->keys, r->n_keys, r->n_part);
    default:
        assert(r->op == SQL_LIMIT);
        return sql_limit(cx, out, in[0], r->limit, r->offset);
    }
}
