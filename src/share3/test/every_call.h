/* every_call.h - one small calculation in which each call has its part. */
#ifndef EVERY_CALL_H
#define EVERY_CALL_H

#include "share3_parties.h"

typedef struct every {
    size_t n;
    mal_share3_words u, v, w, t, m, d;
    mal_share3_bits x, y, z, b, q;
} every;

__attribute__((unused)) static void every_clear(every *e) {
    mal_share3_words_clear(&e->u);
    mal_share3_words_clear(&e->v);
    mal_share3_words_clear(&e->w);
    mal_share3_words_clear(&e->t);
    mal_share3_words_clear(&e->m);
    mal_share3_words_clear(&e->d);
    mal_share3_bits_clear(&e->x);
    mal_share3_bits_clear(&e->y);
    mal_share3_bits_clear(&e->z);
    mal_share3_bits_clear(&e->b);
    mal_share3_bits_clear(&e->q);
}

/* rows: [n], planes: [64 * stride], out: [64 * stride] */
static mal_err every_step(mal_share3 *s, every *e, const uint64_t *rows,
                          const uint64_t *planes, uint64_t *out) {
    const size_t n = e->n;
    MAL_TRY(mal_share3_words_input(s, &e->u, 0, rows, n));
    MAL_TRY(mal_share3_words_input(s, &e->v, 1, rows, n));
    MAL_TRY(mal_share3_bits_input(s, &e->x, 2, planes, n, 64));
    MAL_TRY(mal_share3_bits_input(s, &e->y, 0, planes, n, 64));
    MAL_TRY(mal_share3_words_agree(s, &e->u));
    MAL_TRY(mal_share3_bits_agree(s, &e->x));
    MAL_TRY(mal_share3_mul(s, &e->w, &e->u, &e->v));
    MAL_TRY(mal_share3_dot(s, &e->t, &e->u, &e->v, 1));
    MAL_TRY(mal_share3_words_refresh(s, &e->t, &e->t));
    const mal_share3_words two = mal_share3_words_view(&e->v, 0, n < 2 ? n : 2);
    MAL_TRY(mal_share3_matmul(s, &e->m, &e->u, &two, 1));
    MAL_TRY(mal_share3_matmul(s, &e->d, &e->u, &e->v, n));
    MAL_TRY(mal_share3_and(s, &e->z, &e->x, &e->y));
    MAL_TRY(mal_share3_or(s, &e->z, &e->z, &e->y));
    MAL_TRY(mal_share3_bits_refresh(s, &e->z, &e->z));
    MAL_TRY(mal_share3_eq(s, &e->b, &e->x, &e->y));
    MAL_TRY(mal_share3_is_zero(s, &e->b, &e->x));
    MAL_TRY(mal_share3_lt(s, &e->b, &e->x, &e->y, true));
    MAL_TRY(mal_share3_mux(s, &e->z, &e->b, &e->x, &e->y));
    MAL_TRY(mal_share3_bits_add(s, &e->z, &e->x, &e->y));
    MAL_TRY(mal_share3_bits_sub(s, &e->z, &e->z, &e->y));
    MAL_TRY(mal_share3_to_bits(s, &e->z, &e->u, 64));
    MAL_TRY(mal_share3_to_words(s, &e->w, &e->z, false));
    MAL_TRY(mal_share3_inject(s, &e->w, &e->b, &e->u));
    MAL_TRY(mal_share3_words_mux(s, &e->w, &e->b, &e->u, &e->v));
    MAL_TRY(mal_share3_truncate(s, &e->w, &e->u, 7));
    mal_share3_bits x = mal_share3_bits_planes(&e->x, 0, 3);
    mal_share3_bits y = mal_share3_bits_planes(&e->y, 3, 3);
    MAL_TRY(mal_share3_divide(s, &e->q, NULL, &x, &y, true));
    MAL_TRY(mal_share3_words_open(s, out, &e->w));
    MAL_TRY(mal_share3_words_open_to(s, out, 1, &e->w));
    MAL_TRY(mal_share3_bits_open(s, out, &e->z));
    return mal_share3_bits_open_to(s, out, 2, &e->z);
}

__attribute__((unused)) static mal_err every_body(mal_share3 *s, void *ctx) {
    const size_t n = *(size_t *)ctx;
    every e = { .n = n };
    const size_t words = 64 * share3_stride(n) + n;
    uint64_t *rows = calloc(words + 1, 8), *out = calloc(words + 1, 8);
    if (!rows || !out)
        abort();
    for (size_t i = 0; i < words; i++)
        rows[i] = i * UINT64_C(0x9e3779b97f4a7c15);
    mal_err err = every_step(s, &e, rows, rows, out);
    every_clear(&e);
    free(rows);
    free(out);
    return err;
}

#endif
