/* Random expressions over random columns equal their meaning (docs/sql.md). */
#include "obl_parties.h"

/* --- the slow model ------------------------------------------------------- */

typedef struct value {
    int64_t v;
    bool null;
} value;

static const value null_value = { 0, true };

static value of(mal_i128 v) {
    return (value){ (int64_t)v, false };
}

static mal_i128 floor_div(mal_i128 a, mal_i128 b) {
    mal_i128 q = a / b;
    return q - (a % b != 0 && (a < 0) != (b < 0));
}

static mal_i128 round_div(mal_i128 a, mal_i128 b) {
    return a < 0 ? -((-a + b / 2) / b) : (a + b / 2) / b;
}

static mal_i128 pow10_of(int64_t digits) {
    mal_i128 p = 1;
    while (digits-- > 0)
        p *= 10;
    return p;
}

static value model(const mal_obl_expr *e, const plain *t, size_t r);

static value model_logic(const mal_obl_expr *e, const plain *t, size_t r) {
    const bool decides = e->op == MAL_OBL_OR;
    bool null = false;
    for (unsigned i = 0; i < e->n_args; i++) {
        const value a = model(e->args[i], t, r);
        if (!a.null && !!a.v == decides)
            return of(decides);
        null |= a.null;
    }
    return null ? null_value : of(!decides);
}

static value model_binary(const mal_obl_expr *e, value a, value b) {
    if (a.null || b.null)
        return null_value;
    const mal_i128 x = a.v, y = b.v;
    switch (e->op) {
    case MAL_OBL_ADD:
        return of(x + y);
    case MAL_OBL_SUB:
        return of(x - y);
    case MAL_OBL_MUL:
        return of(x * y);
    case MAL_OBL_DIV:
        return y ? of(floor_div(x * pow10_of(e->value), y)) : null_value;
    case MAL_OBL_MOD:
        return y ? of(x - y * floor_div(x, y)) : null_value;
    case MAL_OBL_EQ:
        return of(x == y);
    case MAL_OBL_NE:
        return of(x != y);
    case MAL_OBL_LT:
        return of(x < y);
    case MAL_OBL_LE:
        return of(x <= y);
    case MAL_OBL_GT:
        return of(x > y);
    default:
        return of(x >= y);
    }
}

static value model_unary(const mal_obl_expr *e, value a) {
    if (e->op == MAL_OBL_ISNULL)
        return of(a.null);
    if (a.null)
        return a;
    switch (e->op) {
    case MAL_OBL_NEG:
        return of(-(mal_i128)a.v);
    case MAL_OBL_NOT:
        return of(!a.v);
    case MAL_OBL_SCALE:
        return e->value >= 0 ? of(a.v * pow10_of(e->value))
                             : of(round_div(a.v, pow10_of(-e->value)));
    case MAL_OBL_VALUE:
    case MAL_OBL_KNOWN:
        if (a.v >= e->list[0])
            return null_value;
        return e->op == MAL_OBL_KNOWN ? a : of((mal_i128)a.v + e->value);
    case MAL_OBL_IN:
        for (unsigned i = 0; i < e->n_list; i++)
            if (e->list[i] == a.v)
                return of(1);
        return of(0);
    default:
        return of(e->list[a.v]); /* LOOKUP */
    }
}

static value model(const mal_obl_expr *e, const plain *t, size_t r) {
    switch (e->op) {
    case MAL_OBL_COL:
        return (value){ t->c[e->value].v[r], t->c[e->value].null[r] };
    case MAL_OBL_CONST:
        return (value){ e->value, e->null };
    case MAL_OBL_AND:
    case MAL_OBL_OR:
        return model_logic(e, t, r);
    case MAL_OBL_CASE:
        for (unsigned i = 0; i + 1 < e->n_args; i += 2) {
            const value when = model(e->args[i], t, r);
            if (!when.null && when.v)
                return model(e->args[i + 1], t, r);
        }
        return model(e->args[e->n_args - 1], t, r);
    case MAL_OBL_COALESCE:
        for (unsigned i = 0; i < e->n_args; i++) {
            const value a = model(e->args[i], t, r);
            if (!a.null)
                return a;
        }
        return null_value;
    default:
        break;
    }
    const value a = model(e->args[0], t, r);
    return e->n_args == 2 ? model_binary(e, a, model(e->args[1], t, r))
                          : model_unary(e, a);
}

/* --- random expressions with proved ranges -------------------------------- */

typedef struct maker {
    mal_arena *arena;
    uint64_t seed;
    const plain *t;
} maker;

#define RANGE_MAX ((mal_i128)1 << 44)
#define CODES 5 /* the last column is a code in [0, CODES] */

static uint64_t dice(maker *m, uint64_t n) {
    return mal_test_rand(&m->seed) % n;
}

static mal_obl_expr *node(maker *m, mal_obl_op op, unsigned n,
                          const mal_obl_expr **args) {
    mal_obl_expr *e = mal_arena_calloc(m->arena, 1, sizeof *e);
    const mal_obl_expr **kept = mal_arena_calloc(m->arena, n + 1, sizeof *kept);
    for (unsigned i = 0; i < n; i++) {
        kept[i] = args[i];
        e->type.nullable |= args[i]->type.nullable;
    }
    e->op = op;
    e->n_args = n;
    e->args = kept;
    e->type.hi = 1;
    return e;
}

static const mal_obl_expr *leaf(maker *m) {
    mal_obl_expr *e = node(m, MAL_OBL_COL, 0, NULL);
    if (dice(m, 3)) {
        e->value = (int64_t)dice(m, m->t->n_columns);
        e->type = m->t->c[e->value].type;
        return e;
    }
    e->op = MAL_OBL_CONST;
    e->value = rand_in(&m->seed, -50, 50);
    e->null = dice(m, 6) == 0;
    e->type = (mal_obl_type){ .lo = e->null ? 0 : e->value,
                              .hi = e->null ? 0 : e->value,
                              .nullable = e->null };
    return e;
}

static bool span(mal_obl_expr *e, const mal_i128 *at, unsigned n) {
    mal_i128 lo = at[0], hi = at[0];
    for (unsigned i = 1; i < n; i++) {
        lo = at[i] < lo ? at[i] : lo;
        hi = at[i] > hi ? at[i] : hi;
    }
    e->type.lo = (int64_t)lo;
    e->type.hi = (int64_t)hi;
    return lo > -RANGE_MAX && hi < RANGE_MAX;
}

static const mal_obl_expr *number(maker *m, unsigned depth);
static const mal_obl_expr *boolean(maker *m, unsigned depth);

/* NULL: out of range, take a leaf. */
static mal_obl_expr *arithmetic(maker *m, unsigned depth) {
    static const mal_obl_op ops[] = { MAL_OBL_ADD,  MAL_OBL_SUB, MAL_OBL_MUL,
                                      MAL_OBL_DIV,  MAL_OBL_MOD, MAL_OBL_NEG,
                                      MAL_OBL_SCALE };
    const mal_obl_op op = ops[dice(m, 7)];
    const mal_obl_expr *args[2] = { number(m, depth - 1), NULL };
    const unsigned n = op == MAL_OBL_NEG || op == MAL_OBL_SCALE ? 1 : 2;
    if (n == 2)
        args[1] = number(m, depth - 1);
    mal_obl_expr *e = node(m, op, n, args);
    const mal_i128 al = args[0]->type.lo, ah = args[0]->type.hi;
    const mal_i128 bl = n == 2 ? args[1]->type.lo : 0;
    const mal_i128 bh = n == 2 ? args[1]->type.hi : 0;
    const mal_i128 big = -al > ah ? -al : ah;
    mal_i128 f, b_big = -bl > bh ? -bl : bh;
    switch (op) {
    case MAL_OBL_ADD:
        return span(e, (mal_i128[]){ al + bl, ah + bh }, 2) ? e : NULL;
    case MAL_OBL_SUB:
        return span(e, (mal_i128[]){ al - bh, ah - bl }, 2) ? e : NULL;
    case MAL_OBL_MUL:
        return span(e, (mal_i128[]){ al * bl, al * bh, ah * bl, ah * bh }, 4)
                   ? e
                   : NULL;
    case MAL_OBL_DIV:
        e->value = (int64_t)dice(m, 3);
        e->type.nullable = true;
        f = big * pow10_of(e->value);
        return span(e, (mal_i128[]){ -f - 1, f }, 2) ? e : NULL;
    case MAL_OBL_MOD:
        e->type.nullable = true;
        return span(e, (mal_i128[]){ bl < 0 ? -b_big : 0, b_big }, 2) ? e
                                                                      : NULL;
    case MAL_OBL_NEG:
        return span(e, (mal_i128[]){ -ah, -al }, 2) ? e : NULL;
    default:
        e->value = (int64_t)dice(m, 5) - 2;
        f = pow10_of(e->value);
        return span(e,
                    (mal_i128[]){ e->value < 0 ? 0 : al * f, al * f, ah * f },
                    3)
                   ? e
                   : NULL;
    }
}

static const mal_obl_expr *choice(maker *m, unsigned depth) {
    const bool is_case = dice(m, 2);
    const mal_obl_expr *args[5];
    const unsigned n =
        is_case ? 3 + 2 * (unsigned)dice(m, 2) : 1 + (unsigned)dice(m, 3);
    mal_i128 at[10];
    unsigned k = 0;
    for (unsigned i = 0; i < n; i++) {
        const bool when = is_case && i % 2 == 0 && i + 1 < n;
        args[i] = when ? boolean(m, depth - 1) : number(m, depth - 1);
        if (when)
            continue;
        at[k++] = args[i]->type.lo;
        at[k++] = args[i]->type.hi;
    }
    mal_obl_expr *e =
        node(m, is_case ? MAL_OBL_CASE : MAL_OBL_COALESCE, n, args);
    span(e, at, k);
    return e;
}

static const mal_obl_expr *of_code(maker *m) {
    static const mal_obl_op ops[] = { MAL_OBL_KNOWN, MAL_OBL_VALUE,
                                      MAL_OBL_LOOKUP };
    mal_obl_expr *col = node(m, MAL_OBL_COL, 0, NULL);
    col->value = m->t->n_columns - 1;
    col->type = m->t->c[col->value].type;
    const mal_obl_expr *args[1] = { col };
    mal_obl_expr *e = node(m, ops[dice(m, 3)], 1, args);
    int64_t *list = mal_arena_calloc(m->arena, CODES + 1, sizeof *list);
    e->list = list;
    if (e->op == MAL_OBL_LOOKUP) {
        e->n_list = CODES + 1;
        for (unsigned i = 0; i <= CODES; i++)
            list[i] = rand_in(&m->seed, -9, 20);
        e->type.lo = -9;
        e->type.hi = 20;
        return e;
    }
    list[0] = CODES;
    e->n_list = 1;
    e->value = e->op == MAL_OBL_VALUE ? rand_in(&m->seed, -3, 12) : 0;
    e->type = (mal_obl_type){ .lo = e->value,
                              .hi = e->value + CODES - 1,
                              .nullable = true };
    return e;
}

static const mal_obl_expr *number(maker *m, unsigned depth) {
    const mal_obl_expr *e = NULL;
    const uint64_t how = dice(m, 6);
    if (depth == 0 || how == 0)
        return leaf(m);
    if (how == 1)
        return choice(m, depth);
    if (how == 2)
        return of_code(m);
    if (how == 3)
        return boolean(m, depth - 1);
    e = arithmetic(m, depth);
    return e ? e : leaf(m);
}

static const mal_obl_expr *in_list(maker *m, unsigned depth) {
    const mal_obl_expr *args[1] = { number(m, depth - 1) };
    mal_obl_expr *e = node(m, MAL_OBL_IN, 1, args);
    int64_t *list = mal_arena_calloc(m->arena, 40, sizeof *list);
    int64_t at = args[0]->type.lo - 3;
    e->n_list = (unsigned)dice(m, 40);
    for (unsigned i = 0; i < e->n_list; i++)
        list[i] = at += 1 + (int64_t)dice(m, 3);
    e->list = list;
    return e;
}

static const mal_obl_expr *boolean(maker *m, unsigned depth) {
    const uint64_t how = dice(m, 10);
    const mal_obl_expr *args[4];
    if (depth == 0 || how < 4) {
        const unsigned d = depth ? depth - 1 : 0;
        args[0] = number(m, d);
        args[1] = dice(m, 4) ? number(m, d) : args[0];
        return node(m, (mal_obl_op)(MAL_OBL_EQ + dice(m, 6)), 2, args);
    }
    if (how == 4)
        return in_list(m, depth);
    if (how == 5) {
        args[0] = number(m, depth - 1);
        mal_obl_expr *e = node(m, MAL_OBL_ISNULL, 1, args);
        e->type.nullable = false;
        return e;
    }
    if (how == 6) {
        args[0] = boolean(m, depth - 1);
        return node(m, MAL_OBL_NOT, 1, args);
    }
    const unsigned n = 1 + (unsigned)dice(m, 4);
    for (unsigned i = 0; i < n; i++)
        args[i] = boolean(m, depth - 1);
    return node(m, how < 9 ? MAL_OBL_AND : MAL_OBL_OR, n, args);
}

/* --- the test ------------------------------------------------------------- */

#define EXPRS 6

typedef struct example {
    plain in, out;
    const mal_obl_expr *e[EXPRS];
    unsigned n;
    mal_obl_cost cost[3], dry;
} example;

static mal_err body(mal_obl *o, void *ctx) {
    example *x = ctx;
    MAL_AUTO(mal_obl_table_clear) table in = { 0 };
    MAL_AUTO(mal_obl_table_clear) table out = { 0 };
    const mal_obl_cost before = mal_obl_cost_so_far(o);
    MAL_TRY(plain_share(o, &in, &x->in));
    MAL_TRY(mal_obl_project(o, &out, &in, x->e, x->n));
    mal_obl_cost *cost = o->s ? &x->cost[o->me] : &x->dry;
    *cost = mal_obl_cost_so_far(o);
    cost->rounds -= before.rounds;
    cost->bytes -= before.bytes;
    return plain_open(o, &x->out, &out);
}

static void make_columns(plain *t, uint64_t *seed) {
    static const int64_t lo[] = { 0, -1000, 0, -7, 1, 0 };
    static const int64_t hi[] = { 1, 1000, 100000, 0, 9, CODES };
    t->n_columns = 6;
    for (unsigned i = 0; i < t->n_columns; i++)
        t->c[i].type = (mal_obl_type){ .lo = lo[i],
                                       .hi = hi[i],
                                       .nullable = mal_test_rand(seed) % 2 };
}

static void check_expr(const example *x, unsigned i) {
    for (size_t r = 0; r < x->in.n; r++) {
        const value want = model(x->e[i], &x->in, r);
        if (!x->in.valid[r])
            continue;
        CHECK_EQ(x->out.c[i].null[r], want.null);
        CHECK_THAT(want.null || x->out.c[i].v[r] == want.v,
                   "op %d row %zu: %lld, not %lld", (int)x->e[i]->op, r,
                   (long long)x->out.c[i].v[r], (long long)want.v);
        CHECK(want.null ||
              (want.v >= x->e[i]->type.lo && want.v <= x->e[i]->type.hi));
    }
}

static void fill_example(example *x, maker *m, uint64_t *seed, size_t rows) {
    memset(x, 0, sizeof *x);
    m->t = &x->in;
    m->seed = mal_test_rand(seed);
    x->in.n = rows;
    make_columns(&x->in, seed);
    plain_fill(&x->in, seed);
    x->n = EXPRS;
    for (unsigned i = 0; i < x->n; i++)
        x->e[i] = i % 2 ? number(m, 3) : boolean(m, 3);
}

static void run_dry(example *x) {
    mal_obl *dry = NULL;
    CHECK_OK(mal_obl_open_dry(&dry, MAL_SHARE3_SEMI_HONEST, NULL));
    CHECK_OK(body(dry, x));
    mal_obl_close(&dry);
}

static void check_dry(example *x) {
    run_dry(x);
    uint64_t bytes = 0;
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(x->dry.rounds, x->cost[i].rounds);
        bytes = x->cost[i].bytes > bytes ? x->cost[i].bytes : bytes;
    }
    CHECK_EQ(x->dry.bytes, bytes);
}

static void one_example(uint64_t *seed) {
    static example x;
    mal_arena *arena = mal_arena_new(1 << 24);
    maker m = { .arena = arena };
    fill_example(&x, &m, seed, 1 + mal_test_rand(seed) % 150);
    obl_run(body, &x);
    for (unsigned i = 0; i < x.n; i++)
        check_expr(&x, i);
    check_dry(&x);
    mal_arena_free(arena);
}

TEST(an_expression_equals_its_meaning_and_costs_what_the_dry_run_says) {
    uint64_t seed = mal_test_seed();
    for (unsigned i = 0; i < 40; i++)
        one_example(&seed);
}

/* Limits differ, as those of three nodes do: the least counts.  Each slice
 * takes rounds of its own, by which it is seen. */
TEST(in_slices_an_expression_is_the_same) {
    static example x;
    uint64_t seed = mal_test_seed(), sliced = 0;
    for (unsigned i = 0; i < 16; i++) {
        mal_arena *arena = mal_arena_new(1 << 24);
        maker m = { .arena = arena };
        fill_example(&x, &m, &seed, PLAIN_ROWS - mal_test_rand(&seed) % 200);
        memcpy(obl_memory, (size_t[]){ 400000, 0, 1000000 }, sizeof obl_memory);
        obl_memory[i % 3] = 300000;
        if (i % 4 == 3)
            obl_run_malicious(body, &x);
        else
            obl_run(body, &x);
        memset(obl_memory, 0, sizeof obl_memory);
        for (unsigned k = 0; k < x.n; k++)
            check_expr(&x, k);
        run_dry(&x);
        sliced += i % 4 != 3 && x.cost[0].rounds > 2 * x.dry.rounds;
        mal_arena_free(arena);
    }
    CHECK(sliced >= 6);
}

/* --- clamps --------------------------------------------------------------- */

typedef struct clamped {
    plain in, out;
} clamped;

static mal_err clamp_body(mal_obl *o, void *ctx) {
    clamped *x = ctx;
    MAL_AUTO(mal_obl_table_clear) table t = { 0 };
    MAL_TRY(plain_share(o, &t, &x->in));
    for (unsigned i = 0; i < t.n_columns; i++)
        MAL_TRY(mal_obl_clamp(o, &t.columns[i]));
    return plain_open(o, &x->out, &t);
}

TEST(a_clamp_brings_what_an_owner_shared_into_its_range) {
    static clamped x;
    uint64_t seed = mal_test_seed();
    x.in.n = 200;
    x.in.n_columns = 2;
    x.in.c[0].type = (mal_obl_type){ .lo = 3, .hi = 10 };
    x.in.c[1].type = (mal_obl_type){ .lo = -5, .hi = 4 };
    plain_fill(&x.in, &seed);
    for (size_t r = 0; r < x.in.n; r++) { /* what fits into the planes */
        x.in.c[0].v[r] = rand_in(&seed, 0, 15);
        x.in.c[1].v[r] = rand_in(&seed, -8, 7);
        x.in.valid[r] = 1;
    }
    obl_run(clamp_body, &x);
    for (unsigned i = 0; i < 2; i++)
        for (size_t r = 0; r < x.in.n; r++) {
            const mal_obl_type *t = &x.in.c[i].type;
            const int64_t v = x.in.c[i].v[r];
            CHECK_EQ(x.out.c[i].v[r], v < t->lo   ? t->lo
                                      : v > t->hi ? t->hi
                                                  : v);
        }
}

TEST_MAIN
