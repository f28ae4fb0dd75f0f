/* shuffle.c - all columns by one secret permutation, in three passes.
 *
 * [AHIKNP22] section 4.1 shuffles by three permutations, each known to one
 * pair. We keep the rows in an additive sharing of the pair at work, as
 * [AFOPRT21] do, and return to three parts at the end only.  With pairs AB, BC,
 * CA, where r, r', y, y' are fresh and pseudo-random, drawn by the pair in
 * brackets:
 *
 *   start   A: a = x_AB + x_CA           B: b = x_BC
 *   1 (AB)  A -> C: a1 = s1(a) - r       B: b1 = s1(b) + r            [r: AB]
 *   2 (BC)  B -> A: b2 = s2(b1) - r'     C: c2 = s2(a1) + r'          [r': BC]
 *   3 (CA)  A -> C: u = s3(b2) - y       C -> A: v = s3(c2) - y'
 *   end     x_AB = y [AB], x_BC = y' [BC], x_CA = u + v
 *
 * What a party sees.  A: b2 is masked by r', v by y', both keyed by BC.  C: a1
 * is masked by r, u by y, both keyed by AB.  B receives nothing.  Each mask
 * serves once, so that all received words are uniform to their receiver, and
 * the output's parts are fresh: x_AB and x_BC are drawn, x_CA is what is left.
 * A does not know s2, B not s3, C not s1, and each is uniform: to any one party
 * s3 s2 s1 is uniform.  Of a row of w bytes A sends 2 w, B and C w each; who
 * is A goes around.
 *
 * Backwards, the same with s1^-1 last: the pairs come as AC, CB, BA.
 */
#include "permute_impl.h"

enum { A, B, C };

/* --- Masks -----------------------------------------------------------------
 */

static void add(uint64_t *x, const uint64_t *y, size_t from, size_t n,
                size_t words) {
    const size_t mid = words > from ? share3_least(words - from, n) : 0;
    for (size_t i = 0; i < mid; i++)
        x[i] += y[i];
    for (size_t i = mid; i < n; i++)
        x[i] ^= y[i];
}

static void subtract(uint64_t *x, const uint64_t *y, size_t from, size_t n,
                     size_t words) {
    const size_t mid = words > from ? share3_least(words - from, n) : 0;
    for (size_t i = 0; i < mid; i++)
        x[i] -= y[i];
    for (size_t i = mid; i < n; i++)
        x[i] ^= y[i];
}

/* x += fresh words that the holders of part p draw; [total], words first. */
static void add_draw(mal_share3 *s, unsigned p, uint64_t *x, size_t total,
                     size_t words) {
    for (size_t at = 0; at < total; at += SHARE3_BLOCK) {
        const size_t n = share3_least(SHARE3_BLOCK, total - at);
        share3_draw(s, p, s->scratch, n);
        add(x + at, s->scratch, at, n, words);
    }
}

/* --- Rounds ----------------------------------------------------------------
 */

typedef struct pass {
    mal_share3 *s;
    share3_lanes *lanes;
    unsigned draw;  /* part whose holders draw the mask */
    uint64_t *x;    /* what is moved */
    uint64_t *mask; /* NULL, or keeps the mask: a part of the result */
} pass;

/* x - mask, which is kept, and x with it, in the last pass. */
static void make_masked(void *ctx, uint64_t *out, size_t from, size_t n) {
    pass *p = ctx;
    for (size_t i = 0; i < n; i += SHARE3_BLOCK) {
        const size_t m = share3_least(SHARE3_BLOCK, n - i);
        uint64_t *mask = p->mask ? p->mask + from + i : p->s->scratch;
        share3_draw(p->s, p->draw, mask, m);
        memcpy(out + i, p->x + from + i, m * sizeof *out);
        subtract(out + i, mask, from + i, m, p->lanes->words);
    }
    if (p->mask)
        memcpy(p->x + from, out, n * sizeof *out);
}

static void take_plain(void *ctx, const uint64_t *in, size_t from, size_t n) {
    pass *p = ctx;
    memcpy(p->x + from, in, n * sizeof *in);
}

static void take_added(void *ctx, const uint64_t *in, size_t from, size_t n) {
    pass *p = ctx;
    add(p->x + from, in, from, n, p->lanes->words);
}

typedef void make_fn(void *ctx, uint64_t *out, size_t from, size_t n);
typedef void take_fn(void *ctx, const uint64_t *in, size_t from, size_t n);

/* One round of the pass with `peer`; who neither makes nor takes only counts.
 */
static mal_err run_pass(pass *p, unsigned peer, make_fn *make, take_fn *take) {
    const share3_round r = {
        .kind = SHARE3_SHUFFLE,
        .to = peer,
        .from = peer,
        .total = p->lanes->total,
        .make = make,
        .take = take,
        .ctx = p,
    };
    return share3_exchange(p->s, &r);
}

/* --- Roles -----------------------------------------------------------------
 */

/* One party in one shuffle: its role, who the others are, what it shares with
 * each. */
typedef struct seat {
    unsigned role;
    unsigned party[3]; /* by role */
    unsigned part[3];  /* by role: the part held with it; own: unused */
} seat;

static seat take_seat(const mal_share3 *s, unsigned turn, bool inverse) {
    seat t = { 0 };
    for (unsigned k = 0; k < 3; k++) {
        const unsigned step = inverse ? 3 - k : k;
        t.party[k] = (turn + step) % 3;
        t.part[k] = t.party[k] == share3_next(s);
        if (t.party[k] == s->me)
            t.role = k;
    }
    return t;
}

static void move(const mal_share3_order *o, share3_lanes *l, unsigned part,
                 bool inverse) {
    for (unsigned k = 0; k < l->n_lanes; k++)
        share3_perm_apply(&o->perm[part], l->part[0] + l->lane[k].at, l->tmp,
                          l->lane[k].log_bytes, inverse);
}

/* Part [0] as made is the one held with role q. */
static void name_parts(share3_lanes *l, const seat *t, unsigned q) {
    if (t->part[q] == 0)
        return;
    uint64_t *swap = l->part[0];
    l->part[0] = l->part[1];
    l->part[1] = swap;
}

static mal_err run_a(const mal_share3_order *o, pass *p, const seat *t,
                     bool inverse) {
    move(o, p->lanes, t->part[B], inverse);
    p->draw = t->part[B];
    MAL_TRY(run_pass(p, t->party[C], make_masked, NULL));
    MAL_TRY(run_pass(p, t->party[B], NULL, take_plain));
    move(o, p->lanes, t->part[C], inverse);
    p->mask = p->lanes->part[1]; /* x_AB; what is left in [0] is x_CA */
    MAL_TRY(run_pass(p, t->party[C], make_masked, take_added));
    name_parts(p->lanes, t, C);
    return MAL_OK;
}

static mal_err run_b(const mal_share3_order *o, pass *p, const seat *t,
                     bool inverse) {
    share3_lanes *l = p->lanes;
    const size_t bytes = l->total * sizeof(uint64_t);
    move(o, l, t->part[A], inverse);
    add_draw(p->s, t->part[A], l->part[0], l->total, l->words);
    MAL_TRY(run_pass(p, t->party[A], NULL, NULL));
    move(o, l, t->part[C], inverse);
    p->draw = t->part[C];
    MAL_TRY(run_pass(p, t->party[A], make_masked, NULL));
    memset(l->part[0], 0, bytes);
    memset(l->part[1], 0, bytes);
    add_draw(p->s, t->part[A], l->part[0], l->total, l->words);
    add_draw(p->s, t->part[C], l->part[1], l->total, l->words);
    MAL_TRY(run_pass(p, t->party[A], NULL, NULL));
    name_parts(l, t, A);
    return MAL_OK;
}

static mal_err run_c(const mal_share3_order *o, pass *p, const seat *t,
                     bool inverse) {
    share3_lanes *l = p->lanes;
    MAL_TRY(run_pass(p, t->party[A], NULL, take_plain));
    move(o, l, t->part[B], inverse);
    add_draw(p->s, t->part[B], l->part[0], l->total, l->words);
    MAL_TRY(run_pass(p, t->party[A], NULL, NULL));
    move(o, l, t->part[A], inverse);
    p->draw = t->part[B];
    p->mask = l->part[1]; /* x_BC; what is left in [0] is x_CA */
    MAL_TRY(run_pass(p, t->party[A], make_masked, take_added));
    name_parts(l, t, A);
    return MAL_OK;
}

mal_err share3_shuffle_lanes(mal_share3 *s, const mal_share3_order *o,
                             share3_lanes *l, const mal_share3_column *columns,
                             const uint32_t *first, bool inverse) {
    if (s->options.security == MAL_SHARE3_MALICIOUS)
        return share3_shuffle_checked(s, o, l, columns, first, inverse);
    const seat t = take_seat(s, o->turn, inverse);
    pass p = { .s = s, .lanes = l, .x = l->part[0] };
    MAL_TRY(share3_enter(s));
    assert(l->n == o->n);
    if (t.role == A)
        share3_lanes_load(l, 0, columns, SHARE3_BOTH);
    if (t.role == B)
        share3_lanes_load(l, 0, columns, t.part[C]);
    if (first && t.role != C)
        share3_lanes_gather(l, 0, first);
    if (t.role == A)
        return share3_leave(s, run_a(o, &p, &t, inverse));
    if (t.role == B)
        return share3_leave(s, run_b(o, &p, &t, inverse));
    return share3_leave(s, run_c(o, &p, &t, inverse));
}

/* --- Orders ----------------------------------------------------------------
 */

mal_err share3_order_new(mal_share3 *s, mal_share3_order **order, size_t n) {
    *order = NULL;
    MAL_TRY(share3_enter(s));
    MAL_REQUIRE(n < MAL_SHARE3_ROWS_MAX, MAL_E_LIMIT,
                "%zu rows to permute, at most %zu", n, MAL_SHARE3_ROWS_MAX - 1);
    mal_share3_order *o = mal_calloc(1, sizeof *o);
    if (!o)
        return share3_leave(s, mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__));
    o->n = n;
    o->turn = (unsigned)(s->shuffles++ % 3);
    mal_err err = MAL_OK;
    for (unsigned p = 0; p < 2 && err == MAL_OK; p++)
        err = share3_perm_draw(s, p, &o->perm[p], n);
    if (err != MAL_OK)
        mal_share3_order_free(&o);
    *order = o;
    return share3_leave(s, err);
}

mal_err share3_order_set(mal_share3_order *o, const uint64_t *p) {
    const size_t n = o->n;
    o->to = mal_calloc(n ? n : 1, sizeof *o->to);
    o->from = mal_calloc(n ? n : 1, sizeof *o->from);
    if (!o->to || !o->from)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    memset(o->from, 0xff, n * sizeof *o->from);
    for (size_t i = 0; i < n; i++) {
        MAL_REQUIRE(p[i] < n && o->from[p[i]] == UINT32_MAX, MAL_E_INPUT,
                    "the words are not a permutation of %zu rows", n);
        o->to[i] = (uint32_t)p[i];
        o->from[p[i]] = (uint32_t)i;
    }
    return MAL_OK;
}

void mal_share3_order_free(mal_share3_order **order) {
    if (!order || !*order)
        return;
    mal_share3_order *o = *order;
    for (unsigned p = 0; p < 2; p++)
        share3_perm_clear(&o->perm[p]);
    mal_free(o->to);
    mal_free(o->from);
    mal_free(o);
    *order = NULL;
}

mal_err mal_share3_order_random(mal_share3 *s, mal_share3_order **order,
                                size_t n) {
    return share3_order_new(s, order, n);
}

static mal_err apply(mal_share3 *s, const mal_share3_order *o, share3_lanes *l,
                     const mal_share3_column *columns, bool inverse) {
    MAL_TRY(share3_shuffle_lanes(s, o, l, columns, inverse ? o->to : NULL,
                                 inverse));
    for (unsigned p = 0; o->from && !inverse && p < 2; p++)
        share3_lanes_gather(l, p, o->from);
    share3_lanes_store(l, columns);
    return MAL_OK;
}

static mal_err apply_columns(mal_share3 *s, const mal_share3_order *order,
                             const mal_share3_column *columns,
                             unsigned n_columns, bool inverse) {
    share3_lanes lanes;
    mal_err err = share3_lanes_new(s, &lanes, columns, n_columns);
    if (err == MAL_OK)
        err = apply(s, order, &lanes, columns, inverse);
    share3_lanes_clear(&lanes);
    return err;
}

mal_err mal_share3_order_apply(mal_share3 *s, const mal_share3_order *order,
                               const mal_share3_column *columns,
                               unsigned n_columns, bool inverse) {
    size_t n;
    MAL_TRY(share3_enter(s));
    MAL_TRY(share3_columns_check(&n, columns, n_columns));
    if (n_columns == 0)
        return MAL_OK;
    MAL_REQUIRE(n == order->n, MAL_E_INPUT,
                "an order of %zu rows for columns of %zu", order->n, n);
    return share3_leave(s,
                        apply_columns(s, order, columns, n_columns, inverse));
}

mal_err mal_share3_shuffle(mal_share3 *s, const mal_share3_column *columns,
                           unsigned n_columns) {
    mal_share3_order *order = NULL;
    size_t n;
    MAL_TRY(share3_enter(s));
    MAL_TRY(share3_columns_check(&n, columns, n_columns));
    if (n_columns == 0)
        return MAL_OK;
    mal_err err = share3_order_new(s, &order, n);
    if (err == MAL_OK)
        err = mal_share3_order_apply(s, order, columns, n_columns, false);
    mal_share3_order_free(&order);
    return err;
}

/* --- Orders and words ------------------------------------------------------
 */

unsigned share3_index_width(size_t n) {
    unsigned width = 1;
    while (n > (size_t)1 << width)
        width++;
    return width;
}

/* Row i goes to to[sigma(i)]: the public words to, moved by sigma^-1. */
static mal_err words_of(mal_share3 *s, mal_share3_words *pi,
                        const mal_share3_order *order, const uint64_t *to) {
    const mal_share3_column column = { .words = pi };
    share3_lanes lanes;
    MAL_TRY(mal_share3_words_public(s, pi, to, order->n));
    mal_err err = share3_lanes_new(s, &lanes, &column, 1);
    if (err == MAL_OK)
        err = share3_shuffle_lanes(s, order, &lanes, &column, NULL, true);
    if (err == MAL_OK)
        share3_lanes_store(&lanes, &column);
    share3_lanes_clear(&lanes);
    return err;
}

mal_err mal_share3_order_words(mal_share3 *s, mal_share3_words *pi,
                               const mal_share3_order *order) {
    MAL_TRY(share3_words_want(s, pi, order->n));
    uint64_t *to = mal_calloc(order->n + 1, sizeof *to);
    for (size_t i = 0; to && i < order->n; i++)
        to[i] = order->to ? order->to[i] : i;
    mal_err err = to ? words_of(s, pi, order, to)
                     : mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_free(to);
    return share3_leave(s, err);
}

/* [AHIKNP22] ApplyPerm: shuffle pi by a fresh sigma and open it.  What is seen
 * is pi sigma^-1: uniform, as sigma is to any one party. */
static mal_err open_words(mal_share3 *s, uint64_t *open, mal_share3_order *o,
                          const mal_share3_words *pi) {
    MAL_AUTO(mal_share3_words_clear) mal_share3_words moved = { 0 };
    MAL_TRY(mal_share3_words_copy(s, &moved, pi));
    MAL_TRY(apply_columns(s, o, &(const mal_share3_column){ .words = &moved },
                          1, false));
    return mal_share3_words_open(s, open, &moved);
}

/* The same of words below n: their lowest planes, which follow from the parts'
 * lowest bits, say as much.  To make these and move them costs two ANDs of 64
 * bits a row, where the carries of words are six. */
static mal_err open_planes(mal_share3 *s, uint64_t *open, mal_share3_order *o,
                           const mal_share3_words *pi) {
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits moved = { 0 };
    const unsigned width = share3_index_width(o->n);
    MAL_TRY(mal_share3_to_bits(s, &moved, pi, width));
    MAL_TRY(apply_columns(s, o, &(const mal_share3_column){ .bits = &moved }, 1,
                          false));
    uint64_t *planes = mal_calloc(width * moved.stride + 1, sizeof *planes);
    if (!planes)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_err err = mal_share3_bits_open(s, planes, &moved);
    if (err == MAL_OK)
        mal_share3_rows_of(open, planes, o->n, width, false);
    mal_free(planes);
    return err;
}

static mal_err open_order(mal_share3 *s, mal_share3_order *o,
                          const mal_share3_words *pi, bool planes) {
    uint64_t *open = mal_calloc(o->n + 1, sizeof *open);
    if (!open)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_err err = (planes ? open_planes : open_words)(s, open, o, pi);
    if (err == MAL_OK)
        err = share3_order_set(o, open);
    mal_free(open);
    return err;
}

static mal_err order_of(mal_share3 *s, mal_share3_order **order,
                        const mal_share3_words *pi, bool planes) {
    MAL_TRY(share3_order_new(s, order, pi->n));
    mal_err err = open_order(s, *order, pi, planes);
    if (err != MAL_OK)
        mal_share3_order_free(order);
    return share3_leave(s, err);
}

mal_err mal_share3_order_of(mal_share3 *s, mal_share3_order **order,
                            const mal_share3_words *pi) {
    return order_of(s, order, pi, false);
}

mal_err share3_order_of_places(mal_share3 *s, mal_share3_order **order,
                               const mal_share3_words *pi) {
    return order_of(s, order, pi, s->options.security == MAL_SHARE3_MALICIOUS);
}

mal_err mal_share3_permute(mal_share3 *s, const mal_share3_column *columns,
                           unsigned n_columns, const mal_share3_words *pi,
                           bool inverse) {
    MAL_AUTO(mal_share3_order_free) mal_share3_order *order = NULL;
    MAL_TRY(mal_share3_order_of(s, &order, pi));
    return mal_share3_order_apply(s, order, columns, n_columns, inverse);
}
