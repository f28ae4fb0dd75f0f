/* What is predicted is what the counters show, to the byte. */
#include "share3_parties.h"

typedef struct job {
    mal_share3_call call;
    size_t n;
    unsigned width;
    bool malicious;
    mal_share3_cost seen[3];
} job;

typedef struct values {
    mal_share3_words u, v, w;
    mal_share3_bits x, y, z, b;
} values;

static const uint64_t zeros[64 * 800 + 10000];

static mal_err call(mal_share3 *s, const job *j, values *v, uint64_t *out) {
    switch (j->call) {
    case MAL_SHARE3_CALL_INPUT:
        return mal_share3_words_input(s, &v->w, 0, zeros, j->n);
    case MAL_SHARE3_CALL_BITS_INPUT:
        return mal_share3_bits_input(s, &v->z, 0, zeros, j->n, j->width);
    case MAL_SHARE3_CALL_OPEN:
        return mal_share3_words_open(s, out, &v->u);
    case MAL_SHARE3_CALL_BITS_OPEN:
        return mal_share3_bits_open(s, out, &v->x);
    case MAL_SHARE3_CALL_AGREE:
        return mal_share3_words_agree(s, &v->u);
    case MAL_SHARE3_CALL_MUL:
        return mal_share3_mul(s, &v->w, &v->u, &v->v);
    case MAL_SHARE3_CALL_AND:
        return mal_share3_and(s, &v->z, &v->x, &v->y);
    case MAL_SHARE3_CALL_EQ:
        return mal_share3_eq(s, &v->z, &v->x, &v->y);
    case MAL_SHARE3_CALL_LT:
        return mal_share3_lt(s, &v->z, &v->x, &v->y, true);
    case MAL_SHARE3_CALL_BITS_ADD:
        return mal_share3_bits_add(s, &v->z, &v->x, &v->y);
    case MAL_SHARE3_CALL_TO_BITS:
        return mal_share3_to_bits(s, &v->z, &v->u, j->width);
    case MAL_SHARE3_CALL_TO_WORDS:
        return mal_share3_to_words(s, &v->w, &v->x, true);
    case MAL_SHARE3_CALL_INJECT_ONE:
        return mal_share3_inject(s, &v->w, &v->b, NULL);
    case MAL_SHARE3_CALL_INJECT:
        return mal_share3_words_mux(s, &v->w, &v->b, &v->u, &v->v);
    case MAL_SHARE3_CALL_TRUNCATE:
        return mal_share3_truncate(s, &v->w, &v->u, 5);
    case MAL_SHARE3_CALL_FLOOR_SHIFT:
        return mal_share3_floor_shift(s, &v->w, &v->u, j->width);
    case MAL_SHARE3_CALL_DIVIDE:
        return mal_share3_divide(s, &v->z, NULL, &v->x, &v->y, false);
    case MAL_SHARE3_CALL_DIVIDE_SIGNED:
        return mal_share3_divide(s, &v->z, NULL, &v->x, &v->y, true);
    case MAL_SHARE3_CALLS:
        break;
    }
    return MAL_E_STATE;
}

static mal_err body(mal_share3 *s, void *ctx) {
    job *j = ctx;
    values v = { 0 };
    uint64_t *out = calloc(sizeof zeros, 1);
    const unsigned w = j->call == MAL_SHARE3_CALL_FLOOR_SHIFT ? 64 : j->width;
    mal_err err = mal_share3_words_public(s, &v.u, zeros, j->n);
    if (err == MAL_OK)
        err = mal_share3_words_public(s, &v.v, zeros, j->n);
    if (err == MAL_OK)
        err = mal_share3_bits_public(s, &v.x, zeros, j->n, w);
    if (err == MAL_OK)
        err = mal_share3_bits_public(s, &v.y, zeros, j->n, w);
    if (err == MAL_OK)
        err = mal_share3_bits_public(s, &v.b, zeros, j->n, 1);
    const mal_share3_counters a = mal_share3_count(s);
    if (err == MAL_OK)
        err = call(s, j, &v, out);
    if (err == MAL_OK) /* what is left to prove, if malicious */
        err = mal_share3_verify(s);
    const mal_share3_counters b = mal_share3_count(s);
    j->seen[mal_share3_me(s)] = (mal_share3_cost){
        .rounds = b.rounds - a.rounds,
        .messages = b.messages - a.messages,
        .bytes = b.bytes - a.bytes,
        .products = b.products - a.products,
    };
    mal_share3_words_clear(&v.u);
    mal_share3_words_clear(&v.v);
    mal_share3_words_clear(&v.w);
    mal_share3_bits_clear(&v.x);
    mal_share3_bits_clear(&v.y);
    mal_share3_bits_clear(&v.z);
    mal_share3_bits_clear(&v.b);
    free(out);
    return err;
}

static uint64_t most(const job *j, size_t field) {
    uint64_t v[3];
    for (unsigned i = 0; i < 3; i++)
        memcpy(&v[i], (const uint8_t *)&j->seen[i] + field, 8);
    return v[0] > v[1] ? v[0] > v[2] ? v[0] : v[2] : v[1] > v[2] ? v[1] : v[2];
}

#define SAME(field)                                                            \
    CHECK_THAT(c.field == most(&j, offsetof(mal_share3_cost, field)),          \
               "call %d, %zu rows of %u: %s of %llu, predicted %llu", what, n, \
               width, #field,                                                  \
               (unsigned long long)most(&j, offsetof(mal_share3_cost, field)), \
               (unsigned long long)c.field)

static void run_job(job *j) {
    static trio t;
    trio_init(&t);
    for (unsigned i = 0; i < 3 && j->malicious; i++)
        t.p[i].options.security = MAL_SHARE3_MALICIOUS;
    trio_go(&t, body, j);
    for (unsigned i = 0; i < 3; i++)
        CHECK_THAT(t.p[i].err == MAL_OK, "party %u: %s", i, t.p[i].why);
}

static void compare(int what, size_t n, unsigned width) {
    static job j;
    for (unsigned malicious = 0; malicious < 2; malicious++) {
        mal_share3_cost c = { .malicious = malicious };
        j = (job){ .call = (mal_share3_call)what,
                   .n = n,
                   .width = width,
                   .malicious = malicious };
        run_job(&j);
        mal_share3_cost_add(&c, j.call, n, width);
        mal_share3_cost_verify(&c);
        SAME(rounds);
        SAME(messages);
        SAME(bytes);
        SAME(products);
    }
}

TEST(costs_are_predicted_to_the_byte_for_all_widths) {
    for (int what = 0; what < MAL_SHARE3_CALLS; what++)
        for (unsigned width = 1; width <= 64; width += width < 10 ? 1 : 9)
            compare(what, 70,
                    what == MAL_SHARE3_CALL_FLOOR_SHIFT ? width - 1 : width);
}

TEST(costs_are_predicted_to_the_byte_when_rounds_have_many_chunks) {
    for (int what = 0; what < MAL_SHARE3_CALLS; what++)
        if (what != MAL_SHARE3_CALL_DIVIDE_SIGNED)
            compare(what, 20001, 33);
}

/* Shuffles of words and bits, products between them, one opening at the end:
 * what waits is carried along, and verified when there is no more room. */
#define MOVES 10
#define MOVED 700

static mal_err moves(mal_share3 *s, void *ctx) {
    job *j = ctx;
    MAL_AUTO(mal_share3_words_clear) mal_share3_words w = { 0 }, u = { 0 };
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits x = { 0 }, y = { 0 };
    const mal_share3_column columns[] = { { .words = &w }, { .bits = &x } };
    uint64_t *out = calloc(sizeof zeros, 1);
    MAL_TRY(mal_share3_words_public(s, &w, zeros, MOVED));
    MAL_TRY(mal_share3_bits_public(s, &x, zeros, MOVED, 21));
    MAL_TRY(mal_share3_bits_new(s, &y, j->n, 1));
    const mal_share3_counters a = mal_share3_count(s);
    for (unsigned i = 0; i < MOVES; i++) {
        MAL_TRY(mal_share3_shuffle(s, columns, 2));
        MAL_TRY(mal_share3_mul(s, &u, &w, &w));
    }
    MAL_TRY(mal_share3_and(s, &y, &y, &y));
    MAL_TRY(mal_share3_words_open(s, out, &w));
    const mal_share3_counters b = mal_share3_count(s);
    j->seen[mal_share3_me(s)] = (mal_share3_cost){
        .rounds = b.rounds - a.rounds,
        .messages = b.messages - a.messages,
        .bytes = b.bytes - a.bytes,
        .products = b.products - a.products,
    };
    free(out);
    return MAL_OK;
}

TEST(what_waits_to_be_proved_is_carried_from_call_to_call) {
    static trio t;
    const int what = MAL_SHARE3_CALLS;
    const unsigned width = 1;
    const size_t sizes[] = { 1, 64 * SHARE3_RECORD_MAX + 100 };
    for (unsigned k = 0; k < 2; k++) {
        const size_t n = sizes[k];
        mal_share3_cost c = { .malicious = true };
        job j = { .n = n };
        trio_init(&t);
        for (unsigned i = 0; i < 3; i++)
            t.p[i].options.security = MAL_SHARE3_MALICIOUS;
        trio_go(&t, moves, &j);
        for (unsigned i = 0; i < 3; i++)
            CHECK_THAT(t.p[i].err == MAL_OK, "party %u: %s", i, t.p[i].why);
        for (unsigned i = 0; i < MOVES; i++) {
            mal_share3_cost_move(&c, MOVED, 1, 21);
            mal_share3_cost_add(&c, MAL_SHARE3_CALL_MUL, MOVED, 64);
        }
        mal_share3_cost_add(&c, MAL_SHARE3_CALL_AND, n, 1);
        mal_share3_cost_add(&c, MAL_SHARE3_CALL_OPEN, MOVED, 64);
        SAME(rounds);
        SAME(messages);
        SAME(bytes);
        SAME(products);
        CHECK(c.pending[0] == 0 && c.pending[1] == 0 && c.claims == 0);
    }
}

/* --- Products of matrices ---------------------------------------------------
 */

typedef struct shape {
    size_t rows, len, vectors;
} shape;

typedef struct matrices {
    job j;
    shape shape;
} matrices;

/* Two of them, and what else waits to be proved with them. */
static mal_err multiply(mal_share3 *s, void *ctx) {
    matrices *m = ctx;
    const shape *h = &m->shape;
    MAL_AUTO(mal_share3_words_clear)
    mal_share3_words a = { 0 }, x = { 0 }, z = { 0 }, u = { 0 };
    MAL_TRY(mal_share3_words_new(s, &a, h->rows * h->len));
    MAL_TRY(mal_share3_words_new(s, &x, h->vectors * h->len));
    const mal_share3_counters before = mal_share3_count(s);
    MAL_TRY(mal_share3_matmul(s, &z, &a, &x, h->len));
    MAL_TRY(mal_share3_mul(s, &u, &x, &x));
    MAL_TRY(mal_share3_matmul(s, &z, &a, &x, h->len));
    MAL_TRY(mal_share3_verify(s));
    const mal_share3_counters after = mal_share3_count(s);
    m->j.seen[mal_share3_me(s)] = (mal_share3_cost){
        .rounds = after.rounds - before.rounds,
        .messages = after.messages - before.messages,
        .bytes = after.bytes - before.bytes,
        .products = after.products - before.products,
    };
    return MAL_OK;
}

static void compare_matmul(shape h, bool malicious) {
    static trio t;
    matrices m = { .shape = h };
    mal_share3_cost c = { .malicious = malicious };
    const int what = MAL_SHARE3_CALLS;
    const size_t n = h.rows * h.len;
    const unsigned width = (unsigned)h.vectors;
    trio_init(&t);
    for (unsigned i = 0; i < 3 && malicious; i++)
        t.p[i].options.security = MAL_SHARE3_MALICIOUS;
    trio_go(&t, multiply, &m);
    for (unsigned i = 0; i < 3; i++)
        CHECK_THAT(t.p[i].err == MAL_OK, "party %u: %s", i, t.p[i].why);
    const job j = m.j;
    mal_share3_cost_matmul(&c, h.rows, h.len, h.vectors);
    mal_share3_cost_add(&c, MAL_SHARE3_CALL_MUL, h.vectors * h.len, 64);
    mal_share3_cost_matmul(&c, h.rows, h.len, h.vectors);
    mal_share3_cost_verify(&c);
    SAME(rounds);
    SAME(messages);
    SAME(bytes);
    SAME(products);
    CHECK(c.matrices[0] + c.matrices[1] + c.matrices[2] == 0);
}

TEST(products_of_matrices_are_predicted_to_the_byte) {
    static const shape shapes[] = {
        { 1, 1, 1 },
        { 31, 427, 1 },
        { 427, 31, 3 },
        { 3, 5, 100 },                           /* many claims */
        { 9, SHARE3_MATRIX_LEN + 5, 1 },         /* two pieces of a row */
        { 70, 4001, 9 },                         /* more words than are held */
        { 5000, 2, SHARE3_MATRIX_VECTORS * 10 }, /* more results */
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (unsigned malicious = 0; malicious < 2; malicious++)
            compare_matmul(shapes[i], malicious);
}

TEST(nothing_costs_nothing) {
    for (int what = 0; what < MAL_SHARE3_CALLS; what++)
        if (what != MAL_SHARE3_CALL_AGREE)
            compare(what, 0, 8);
}

/* The table in README.md. */
TEST(bits_a_row_are_what_the_essay_says) {
    static const struct {
        mal_share3_call call;
        uint64_t products, rounds;
    } want[] = {
        { MAL_SHARE3_CALL_EQ, 63, 6 },
        { MAL_SHARE3_CALL_LT, 121, 7 },
        { MAL_SHARE3_CALL_BITS_ADD, 321, 6 },
        { MAL_SHARE3_CALL_TO_BITS, 384, 7 },
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        mal_share3_cost c = { 0 };
        mal_share3_cost_add(&c, want[i].call, 64, 64);
        CHECK_EQ(c.products, want[i].products);
        CHECK_EQ(c.rounds, want[i].rounds);
    }
}

TEST_MAIN
