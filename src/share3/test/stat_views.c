/* What one party sees is uniform, whatever the values are.
 *
 * Chi-square of the bytes, d = 255 degrees of freedom.  Above d + 2 sqrt(d t) +
 * 2 t lies at most e^-t, below d - 2 sqrt(d t) as well (Laurent and Massart,
 * Annals of Statistics 28, 2000, lemma 1): for t = 30 (2^-43) 490 and 80.
 */
#include "every_call.h"

#define CHI_MAX 490.0
#define CHI_MIN 80.0

static double chi(mal_bytes b) {
    double sum = 0, want = (double)b.len / 256;
    size_t count[256] = { 0 };
    for (size_t i = 0; i < b.len; i++)
        count[b.ptr[i]]++;
    for (unsigned v = 0; v < 256; v++)
        sum += ((double)count[v] - want) * ((double)count[v] - want) / want;
    return sum;
}

static void check_uniform(mal_bytes b, const char *what, unsigned who) {
    CHECK(b.len >= 4096);
    const double x = chi(b);
    CHECK_THAT(x < CHI_MAX && x > CHI_MIN, "%s at party %u: chi %f over %zu",
               what, who, x, b.len);
}

/* --- Messages
 * -------------------------------------------------------------------- */

typedef struct view {
    uint64_t value;
    mal_err (*op)(mal_share3 *, every *);
    mal_buf parts[3][2]; /* of the result */
} view;

static mal_err op_mul(mal_share3 *s, every *e) {
    return mal_share3_mul(s, &e->w, &e->u, &e->v);
}
static mal_err op_dot(mal_share3 *s, every *e) {
    return mal_share3_dot(s, &e->w, &e->u, &e->v, 1);
}
static mal_err op_and(mal_share3 *s, every *e) {
    return mal_share3_and(s, &e->z, &e->x, &e->y);
}
static mal_err op_lt(mal_share3 *s, every *e) {
    return mal_share3_lt(s, &e->b, &e->x, &e->y, false);
}
static mal_err op_add(mal_share3 *s, every *e) {
    return mal_share3_bits_add(s, &e->z, &e->x, &e->y);
}
static mal_err op_to_bits(mal_share3 *s, every *e) {
    return mal_share3_to_bits(s, &e->z, &e->u, 64);
}
static mal_err op_to_words(mal_share3 *s, every *e) {
    return mal_share3_to_words(s, &e->w, &e->x, false);
}
static mal_err op_inject(mal_share3 *s, every *e) {
    mal_share3_bits b = mal_share3_bits_planes(&e->x, 0, 1);
    return mal_share3_inject(s, &e->w, &b, &e->u);
}
static mal_err op_refresh(mal_share3 *s, every *e) {
    return mal_share3_words_refresh(s, &e->w, &e->u);
}

#define N 4096

/* Operands are public constants: nothing random is in them. */
static mal_err view_body(mal_share3 *s, void *ctx) {
    view *v = ctx;
    every e = { .n = N };
    static uint64_t x[3][N];
    uint64_t *mine = x[mal_share3_me(s)];
    for (size_t i = 0; i < N; i++)
        mine[i] = v->value;
    mal_err err = mal_share3_words_public(s, &e.u, mine, N);
    if (err == MAL_OK)
        err = mal_share3_words_public(s, &e.v, mine, N);
    if (err == MAL_OK)
        err = mal_share3_bits_public(s, &e.x, mine, N, 64);
    if (err == MAL_OK)
        err = mal_share3_bits_public(s, &e.y, mine, N, 64);
    if (err == MAL_OK)
        err = v->op(s, &e);
    for (unsigned p = 0; p < 2 && err == MAL_OK && e.w.n; p++)
        err = mal_buf_put(&v->parts[mal_share3_me(s)][p],
                          mal_bytes_of(e.w.part[p], 8 * N));
    every_clear(&e);
    return err;
}

static void look(mal_err (*op)(mal_share3 *, every *), uint64_t value,
                 const char *what) {
    static trio t;
    view v = { .value = value, .op = op };
    mal_buf seen[3] = { 0 };
    trio_init(&t);
    t.spied = true;
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned j = 0; j < 3; j++)
            t.p[i].spies[j].received = &seen[i];
    }
    trio_go(&t, view_body, &v);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(t.p[i].err, MAL_OK);
        /* All but the greetings, of which a part is fixed. */
        check_uniform(mal_bytes_of(seen[i].ptr + 128, seen[i].len - 128), what,
                      i);
        for (unsigned p = 0; p < 2; p++)
            if (v.parts[i][p].len)
                check_uniform(mal_buf_view(&v.parts[i][p]), what, i);
        mal_buf_clear(&seen[i]);
        mal_buf_clear(&v.parts[i][0]);
        mal_buf_clear(&v.parts[i][1]);
    }
}

#define LOOK(op)                                                               \
    do {                                                                       \
        look(op, 0, #op);                                                      \
        look(op, ~UINT64_C(0), #op);                                           \
        look(op, 0x0123456789abcdefu, #op);                                    \
    } while (0)

TEST(messages_and_results_are_uniform_for_constant_operands) {
    LOOK(op_mul);
    LOOK(op_dot);
    LOOK(op_and);
    LOOK(op_lt);
    LOOK(op_add);
    LOOK(op_to_bits);
    LOOK(op_to_words);
    LOOK(op_inject);
    LOOK(op_refresh);
}

/* --- Inputs
 * ------------------------------------------------------------------------ */

static mal_err input_body(mal_share3 *s, void *ctx) {
    (void)ctx;
    static uint64_t zero[N];
    mal_share3_words w = { 0 };
    mal_err err = mal_share3_words_input(s, &w, 0, zero, N);
    if (err == MAL_OK && mal_share3_me(s) == 1)
        check_uniform(mal_bytes_of(w.part[0], 8 * N), "input", 1);
    if (err == MAL_OK && mal_share3_me(s) == 2)
        check_uniform(mal_bytes_of(w.part[1], 8 * N), "input", 2);
    mal_share3_words_clear(&w);
    return err;
}

TEST(the_others_see_an_input_under_a_mask) {
    trio_run(input_body, NULL);
}

/* --- Masks serve once
 * ------------------------------------------------------------------ */

static mal_err twice_body(mal_share3 *s, void *ctx) {
    (void)ctx;
    mal_share3_words one = { 0 }, z[2] = { 0 };
    static const uint64_t ones[N] = { 0 };
    mal_err err = mal_share3_words_public(s, &one, ones, N);
    for (unsigned k = 0; k < 2 && err == MAL_OK; k++)
        err = mal_share3_mul(s, &z[k], &one, &one);
    if (err == MAL_OK)
        err = mal_share3_words_sub(s, &one, &z[0], &z[1]);
    for (unsigned p = 0; p < 2 && err == MAL_OK; p++)
        check_uniform(mal_bytes_of(one.part[p], 8 * N), "difference", p);
    mal_share3_words_clear(&one);
    mal_share3_words_clear(&z[0]);
    mal_share3_words_clear(&z[1]);
    return err;
}

TEST(two_products_of_the_same_words_share_no_mask) {
    trio_run(twice_body, NULL);
}

TEST_MAIN
