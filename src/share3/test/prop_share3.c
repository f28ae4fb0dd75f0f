/* Each call equals plain arithmetic, on random and on edge values. */
#include "share3_parties.h"

#define ROWS 1000

typedef struct example {
    size_t n;
    unsigned width;
    uint64_t x[ROWS], y[ROWS], c[ROWS];
    uint64_t z[3][ROWS]; /* what each party saw */
    mal_err (*op)(mal_share3 *, struct example *, mal_share3_words *,
                  mal_share3_words *, mal_share3_words *);
    mal_err (*bit_op)(mal_share3 *, mal_share3_bits *, const mal_share3_bits *,
                      const mal_share3_bits *, const mal_share3_bits *);
    bool is_signed;
} example;

static uint64_t low(uint64_t v, unsigned width) {
    return width == 64 ? v : v & ((UINT64_C(1) << width) - 1);
}
static int64_t extend(uint64_t v, unsigned width) {
    return width ? (int64_t)(v << (64 - width)) >> (64 - width) : 0;
}

static void fill(example *e, size_t n, unsigned width) {
    static uint64_t seed;
    static const uint64_t edge[] = { 0,
                                     1,
                                     2,
                                     ~UINT64_C(0),
                                     ~UINT64_C(0) - 1,
                                     UINT64_C(1) << 63,
                                     (UINT64_C(1) << 63) - 1,
                                     0xffffffff,
                                     UINT64_C(1) << 32 };
    if (!seed)
        seed = mal_test_seed();
    e->n = n;
    e->width = width;
    for (size_t i = 0; i < n; i++) {
        e->x[i] = mal_test_rand(&seed);
        e->y[i] = mal_test_rand(&seed);
        e->c[i] = mal_test_rand(&seed) & 1;
        const uint64_t r = mal_test_rand(&seed) % 8;
        if (r < 3)
            e->x[i] = edge[mal_test_rand(&seed) % 9];
        if (r > 1 && r < 5)
            e->y[i] = edge[mal_test_rand(&seed) % 9];
        if (r == 5)
            e->y[i] = e->x[i];
        if (r == 6)
            e->y[i] = e->x[i] ^ UINT64_C(1) << mal_test_rand(&seed) % 64;
        e->x[i] = low(e->x[i], width);
        e->y[i] = low(e->y[i], width);
    }
}

/* --- Words
 * -------------------------------------------------------------------- */

static mal_err words_body(mal_share3 *s, void *ctx) {
    example *e = ctx;
    mal_share3_words x = { 0 }, y = { 0 }, z = { 0 };
    mal_err err = mal_share3_words_input(
        s, &x, 0, mal_share3_me(s) == 0 ? e->x : NULL, e->n);
    if (err == MAL_OK)
        err = mal_share3_words_input(s, &y, 2,
                                     mal_share3_me(s) == 2 ? e->y : NULL, e->n);
    if (err == MAL_OK)
        err = e->op(s, e, &z, &x, &y);
    if (err == MAL_OK)
        err = mal_share3_words_open(s, e->z[mal_share3_me(s)], &z);
    mal_share3_words_clear(&x);
    mal_share3_words_clear(&y);
    mal_share3_words_clear(&z);
    return err;
}

static mal_err op_mul(mal_share3 *s, example *e, mal_share3_words *z,
                      mal_share3_words *x, mal_share3_words *y) {
    (void)e;
    return mal_share3_mul(s, z, x, y);
}
static mal_err op_linear(mal_share3 *s, example *e, mal_share3_words *z,
                         mal_share3_words *x, mal_share3_words *y) {
    (void)e;
    MAL_TRY(mal_share3_words_add(s, z, x, y));
    MAL_TRY(mal_share3_words_sub(s, z, z, x));
    MAL_TRY(mal_share3_words_sub(s, z, x, z));
    return mal_share3_words_affine(s, z, z, 3, 17);
}
static mal_err op_refresh(mal_share3 *s, example *e, mal_share3_words *z,
                          mal_share3_words *x, mal_share3_words *y) {
    (void)e, (void)y;
    return mal_share3_words_refresh(s, z, x);
}
static mal_err op_dot(mal_share3 *s, example *e, mal_share3_words *z,
                      mal_share3_words *x, mal_share3_words *y) {
    (void)e;
    return mal_share3_dot(s, z, x, y, 5);
}

static const size_t sizes[] = { 0, 1, 2, 63, 64, 65, 128, 257, 1000 };
#define SIZES (sizeof sizes / sizeof *sizes)

#define CHECK_WORDS(e, count, want)                                            \
    for (unsigned who = 0; who < 3; who++)                                     \
        for (size_t i = 0; i < (count); i++)                                   \
    CHECK_THAT((e).z[who][i] == (want),                                        \
               "n %zu width %u row %zu: %llx, not %llx of %llx, %llx", (e).n,  \
               (e).width, i, (unsigned long long)(e).z[who][i],                \
               (unsigned long long)(want), (unsigned long long)(e).x[i],       \
               (unsigned long long)(e).y[i])

TEST(products_of_words) {
    static example e;
    for (unsigned k = 0; k < SIZES; k++) {
        fill(&e, sizes[k], 64);
        e.op = op_mul;
        trio_run(words_body, &e);
        CHECK_WORDS(e, e.n, e.x[i] * e.y[i]);
    }
}

TEST(sums_differences_and_constants) {
    static example e;
    fill(&e, 100, 64);
    e.op = op_linear;
    trio_run(words_body, &e);
    CHECK_WORDS(e, e.n, 3 * (e.x[i] - e.y[i]) + 17);
}

TEST(refreshed_words_are_the_same) {
    static example e;
    fill(&e, 100, 64);
    e.op = op_refresh;
    trio_run(words_body, &e);
    CHECK_WORDS(e, e.n, e.x[i]);
}

TEST(sums_of_products) {
    static example e;
    fill(&e, 1000, 64);
    e.op = op_dot;
    trio_run(words_body, &e);
    for (size_t j = 0; j < 200; j++) {
        uint64_t want = 0;
        for (size_t k = 0; k < 5; k++)
            want += e.x[5 * j + k] * e.y[5 * j + k];
        CHECK(e.z[0][j] == want && e.z[1][j] == want && e.z[2][j] == want);
    }
}

/* --- Bits
 * ---------------------------------------------------------------------- */

static mal_err bits_in(mal_share3 *s, mal_share3_bits *v, unsigned owner,
                       const uint64_t *rows, size_t n, unsigned width) {
    static _Thread_local uint64_t planes[64 * (ROWS / 64 + 1)];
    if (mal_share3_me(s) == owner)
        mal_share3_planes_of(planes, rows, n, width);
    return mal_share3_bits_input(s, v, owner, planes, n, width);
}

static mal_err bits_out(mal_share3 *s, uint64_t *rows,
                        const mal_share3_bits *v) {
    static _Thread_local uint64_t planes[64 * (ROWS / 64 + 1)];
    MAL_TRY(mal_share3_bits_open(s, planes, v));
    mal_share3_rows_of(rows, planes, v->n, v->width, false);
    return MAL_OK;
}

static mal_err bits_body(mal_share3 *s, void *ctx) {
    example *e = ctx;
    mal_share3_bits x = { 0 }, y = { 0 }, z = { 0 }, c = { 0 };
    mal_err err = bits_in(s, &x, 1, e->x, e->n, e->width);
    if (err == MAL_OK)
        err = bits_in(s, &y, 0, e->y, e->n, e->width);
    if (err == MAL_OK)
        err = bits_in(s, &c, 2, e->c, e->n, 1);
    if (err == MAL_OK)
        err = e->bit_op(s, &z, &x, &y, &c);
    if (err == MAL_OK)
        err = bits_out(s, e->z[mal_share3_me(s)], &z);
    mal_share3_bits_clear(&x);
    mal_share3_bits_clear(&y);
    mal_share3_bits_clear(&z);
    mal_share3_bits_clear(&c);
    return err;
}

#define BIT_OP(name, call)                                                     \
    static mal_err name(mal_share3 *s, mal_share3_bits *z,                     \
                        const mal_share3_bits *x, const mal_share3_bits *y,    \
                        const mal_share3_bits *c) {                            \
        (void)s, (void)z, (void)x, (void)y, (void)c;                           \
        return call;                                                           \
    }
BIT_OP(bit_and, mal_share3_and(s, z, x, y))
BIT_OP(bit_and_one, mal_share3_and(s, z, x, c))
BIT_OP(bit_or, mal_share3_or(s, z, x, y))
BIT_OP(bit_xor, mal_share3_xor(s, z, x, y))
BIT_OP(bit_not, mal_share3_not(s, z, x))
BIT_OP(bit_mux, mal_share3_mux(s, z, c, x, y))
BIT_OP(bit_eq, mal_share3_eq(s, z, x, y))
BIT_OP(bit_is_zero, mal_share3_is_zero(s, z, x))
BIT_OP(bit_all, mal_share3_all(s, z, x))
BIT_OP(bit_lt, mal_share3_lt(s, z, x, y, false))
BIT_OP(bit_lt_signed, mal_share3_lt(s, z, x, y, true))
BIT_OP(bit_add, mal_share3_bits_add(s, z, x, y))
BIT_OP(bit_sub, mal_share3_bits_sub(s, z, x, y))
BIT_OP(bit_refresh, mal_share3_bits_refresh(s, z, x))

#define EACH_WIDTH(from, function, want)                                       \
    do {                                                                       \
        static example e;                                                      \
        for (unsigned w = (from); w <= 64; w++) {                              \
            fill(&e, w == 64 ? 1000 : sizes[w % SIZES], w);                    \
            e.bit_op = (function);                                             \
            trio_run(bits_body, &e);                                           \
            CHECK_WORDS(e, e.n, (want));                                       \
        }                                                                      \
    } while (0)

TEST(gates_on_planes_of_all_widths) {
    EACH_WIDTH(1, bit_and, e.x[i] & e.y[i]);
    EACH_WIDTH(1, bit_and_one, e.c[i] ? e.x[i] : 0);
    EACH_WIDTH(1, bit_or, e.x[i] | e.y[i]);
    EACH_WIDTH(1, bit_xor, e.x[i] ^ e.y[i]);
    EACH_WIDTH(1, bit_not, low(~e.x[i], w));
    EACH_WIDTH(1, bit_mux, e.c[i] ? e.x[i] : e.y[i]);
    EACH_WIDTH(1, bit_refresh, e.x[i]);
}

TEST(equality_of_all_widths) {
    EACH_WIDTH(1, bit_eq, e.x[i] == e.y[i]);
    EACH_WIDTH(1, bit_is_zero, e.x[i] == 0);
    EACH_WIDTH(1, bit_all, e.x[i] == low(~UINT64_C(0), w));
}

TEST(order_of_all_widths) {
    EACH_WIDTH(1, bit_lt, e.x[i] < e.y[i]);
    EACH_WIDTH(1, bit_lt_signed, extend(e.x[i], w) < extend(e.y[i], w));
}

TEST(sums_and_differences_of_all_widths) {
    EACH_WIDTH(1, bit_add, low(e.x[i] + e.y[i], w));
    EACH_WIDTH(1, bit_sub, low(e.x[i] - e.y[i], w));
}

/* --- Conversions
 * ----------------------------------------------------------------- */

static mal_err to_bits_body(mal_share3 *s, void *ctx) {
    example *e = ctx;
    mal_share3_words x = { 0 };
    mal_share3_bits z = { 0 };
    mal_err err = mal_share3_words_input(s, &x, 1, e->x, e->n);
    if (err == MAL_OK)
        err = mal_share3_to_bits(s, &z, &x, e->width);
    if (err == MAL_OK)
        err = bits_out(s, e->z[mal_share3_me(s)], &z);
    mal_share3_words_clear(&x);
    mal_share3_bits_clear(&z);
    return err;
}

static mal_err to_words_body(mal_share3 *s, void *ctx) {
    example *e = ctx;
    mal_share3_bits x = { 0 };
    mal_share3_words z = { 0 };
    mal_err err = bits_in(s, &x, 1, e->x, e->n, e->width);
    if (err == MAL_OK)
        err = mal_share3_to_words(s, &z, &x, e->is_signed);
    if (err == MAL_OK)
        err = mal_share3_words_open(s, e->z[mal_share3_me(s)], &z);
    mal_share3_bits_clear(&x);
    mal_share3_words_clear(&z);
    return err;
}

TEST(words_become_bits_of_all_widths) {
    static example e;
    for (unsigned w = 1; w <= 64; w++) {
        fill(&e, w == 64 ? 1000 : sizes[w % SIZES], 64);
        e.width = w;
        trio_run(to_bits_body, &e);
        CHECK_WORDS(e, e.n, low(e.x[i], w));
    }
}

TEST(bits_of_all_widths_become_words) {
    static example e;
    for (unsigned w = 1; w <= 64; w++) {
        fill(&e, w == 64 ? 1000 : sizes[w % SIZES], w);
        e.is_signed = w % 2;
        trio_run(to_words_body, &e);
        CHECK_WORDS(e, e.n, e.is_signed ? (uint64_t)extend(e.x[i], w) : e.x[i]);
        e.is_signed = !e.is_signed;
        trio_run(to_words_body, &e);
        CHECK_WORDS(e, e.n, e.is_signed ? (uint64_t)extend(e.x[i], w) : e.x[i]);
    }
}

static mal_err mux_body(mal_share3 *s, void *ctx) {
    example *e = ctx;
    mal_share3_words x = { 0 }, y = { 0 }, z = { 0 };
    mal_share3_bits c = { 0 };
    mal_err err = mal_share3_words_input(s, &x, 0, e->x, e->n);
    if (err == MAL_OK)
        err = mal_share3_words_input(s, &y, 1, e->y, e->n);
    if (err == MAL_OK)
        err = bits_in(s, &c, 2, e->c, e->n, 1);
    if (err == MAL_OK)
        err = e->width ? mal_share3_words_mux(s, &z, &c, &x, &y)
                       : mal_share3_inject(s, &z, &c, &x);
    if (err == MAL_OK)
        err = mal_share3_words_open(s, e->z[mal_share3_me(s)], &z);
    mal_share3_words_clear(&x);
    mal_share3_words_clear(&y);
    mal_share3_words_clear(&z);
    mal_share3_bits_clear(&c);
    return err;
}

TEST(a_bit_times_a_word_and_a_choice_of_words) {
    static example e;
    for (unsigned k = 0; k < SIZES; k++) {
        fill(&e, sizes[k], 64);
        trio_run(mux_body, &e);
        CHECK_WORDS(e, e.n, e.c[i] ? e.x[i] : e.y[i]);
        e.width = 0;
        trio_run(mux_body, &e);
        CHECK_WORDS(e, e.n, e.c[i] ? e.x[i] : 0);
    }
}

/* --- Owners without a seat
 * --------------------------------------------------------- */

static mal_err adopt_body(mal_share3 *s, void *ctx) {
    example *e = ctx;
    static uint64_t parts[3][ROWS];
    const unsigned me = mal_share3_me(s);
    mal_share3_words z = { 0 };
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = NULL;
    static const uint8_t seed[32] = { 9 }; /* each plays the same owner */
    static _Thread_local uint64_t mine[3][ROWS];
    uint64_t *const to[3] = { mine[0], mine[1], mine[2] };
    (void)parts;
    MAL_TRY(mal_prim_drbg_new(&drbg, mal_bytes_of(seed, 32)));
    mal_share3_split(to, e->x, e->n, drbg);
    const uint64_t *const part[2] = { mine[me], mine[(me + 1) % 3] };
    mal_err err = mal_share3_words_adopt(s, &z, part, e->n);
    if (err == MAL_OK)
        err = mal_share3_words_agree(s, &z);
    if (err == MAL_OK)
        err = mal_share3_words_open(s, e->z[me], &z);
    mal_share3_words_clear(&z);
    return err;
}

TEST(an_owner_without_a_seat_splits_its_words) {
    static example e;
    fill(&e, 500, 64);
    trio_run(adopt_body, &e);
    CHECK_WORDS(e, e.n, e.x[i]);
}

TEST_MAIN
