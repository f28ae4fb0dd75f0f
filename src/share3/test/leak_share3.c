/* Shares do not steer: a whole run of every call with its inputs undefined, and
 * the transposition by itself. */
#include "mal_leak.h"

#include "../share3_impl.h"

#define N 3
#define WORDS 64

typedef struct seat {
    uint64_t rows[N], planes[WORDS], out[WORDS];
} seat;

typedef struct job {
    mal_share3_words u, v, w;
    mal_share3_bits x, y, z, b, q;
} job;

static void must(mal_err err) {
    if (err != MAL_OK)
        abort();
}

static void calculate(mal_share3 *s, seat *p, job *j) {
    must(mal_share3_words_input(s, &j->u, 0, p->rows, N));
    must(mal_share3_words_input(s, &j->v, 1, p->rows, N));
    must(mal_share3_bits_input(s, &j->x, 2, p->planes, N, 64));
    must(mal_share3_bits_input(s, &j->y, 0, p->planes, N, 64));
    must(mal_share3_words_agree(s, &j->u));
    must(mal_share3_mul(s, &j->w, &j->u, &j->v));
    must(mal_share3_dot(s, &j->w, &j->u, &j->v, 1));
    mal_share3_words_clear(&j->w);
    must(mal_share3_matmul(s, &j->w, &j->u, &j->v, N));
    mal_share3_words_clear(&j->w);
    must(mal_share3_and(s, &j->z, &j->x, &j->y));
    must(mal_share3_eq(s, &j->b, &j->x, &j->y));
    must(mal_share3_lt(s, &j->b, &j->x, &j->y, true));
    must(mal_share3_mux(s, &j->z, &j->b, &j->x, &j->y));
    must(mal_share3_bits_sub(s, &j->z, &j->x, &j->y));
    must(mal_share3_to_bits(s, &j->z, &j->u, 64));
    must(mal_share3_to_words(s, &j->w, &j->z, true));
    must(mal_share3_inject(s, &j->w, &j->b, &j->u));
    must(mal_share3_words_mux(s, &j->w, &j->b, &j->u, &j->v));
    must(mal_share3_truncate(s, &j->w, &j->u, 7));
    const mal_share3_bits x = mal_share3_bits_planes(&j->x, 0, 3);
    const mal_share3_bits y = mal_share3_bits_planes(&j->y, 3, 3);
    must(mal_share3_divide(s, &j->q, NULL, &x, &y, true));
    must(mal_share3_words_open(s, p->out, &j->w));
}

/* Which rows are compared follows from what was opened, and from nothing else.
 * The permutations themselves are their holders' own: they are not undefined
 * here. */
static void arrange(mal_share3 *s, job *j) {
    mal_share3_order *order = NULL;
    mal_share3_words pi = { 0 };
    const mal_share3_bits digit = mal_share3_bits_planes(&j->y, 0, 2);
    const mal_share3_column columns[2] = { { .words = &j->u },
                                           { .bits = &j->x } };
    const mal_share3_sort_key keys[2] = { { .bits = &j->x, .is_signed = true },
                                          { .bits = &digit } };
    must(mal_share3_shuffle(s, columns, 2));
    /* One that is verified; the rest of the engine is semi-honest here. */
    s->options.security = MAL_SHARE3_MALICIOUS;
    must(mal_share3_shuffle(s, columns, 2));
    must(mal_share3_matmul(s, &pi, &j->u, &j->v, 1));
    mal_share3_words_clear(&pi);
    must(mal_share3_verify(s));
    s->options.security = MAL_SHARE3_SEMI_HONEST;
    must(mal_share3_order_sort(s, &order, keys, 2));
    must(mal_share3_order_apply(s, order, columns, 2, false));
    mal_share3_order_free(&order);
    must(mal_share3_order_sort(s, &order, keys + 1, 1));
    must(mal_share3_order_words(s, &pi, order));
    must(mal_share3_permute(s, columns, 2, &pi, true));
    mal_share3_words_clear(&pi);
    mal_share3_order_free(&order);
}

static mal_err sit(void *ctx, mal_mesh *mesh) {
    seat *p = (seat *)ctx + mesh->me;
    job j = { 0 };
    mal_share3 *s = NULL;
    const mal_share3_options options = { .security = MAL_SHARE3_SEMI_HONEST };
    mal_leak_secret(p->rows, sizeof p->rows);
    mal_leak_secret(p->planes, sizeof p->planes);
    must(mal_share3_open(&s, mesh, &options));
    calculate(s, p, &j);
    arrange(s, &j);
    mal_share3_words_clear(&j.u);
    mal_share3_words_clear(&j.v);
    mal_share3_words_clear(&j.w);
    mal_share3_bits_clear(&j.x);
    mal_share3_bits_clear(&j.y);
    mal_share3_bits_clear(&j.z);
    mal_share3_bits_clear(&j.b);
    mal_share3_bits_clear(&j.q);
    mal_share3_close(&s);
    return MAL_OK;
}

LEAK(a_run_of_every_call_does_not_look_at_its_values) {
    static seat p[3];
    must(mal_mesh_run(3, 60000, sit, p));
}

LEAK(turning_rows_to_planes_does_not_look_at_them) {
    uint64_t rows[70] = { 0 }, planes[WORDS * 2];
    mal_leak_secret(rows, sizeof rows);
    mal_share3_planes_of(planes, rows, 70, 64);
    mal_share3_rows_of(rows, planes, 70, 13, true);
    mal_leak_sink(rows);
}

LEAK_CONTROL_SHARE

LEAK_MAIN
