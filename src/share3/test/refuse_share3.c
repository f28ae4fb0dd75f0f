/* What must be refused: other sessions, wrong shapes, broken messages. */
#include "every_call.h"

static size_t rows = 70;

static mal_err nothing(mal_share3 *s, void *ctx) {
    (void)s, (void)ctx;
    return MAL_OK;
}

static void none_is_well(const trio *t, mal_err wanted) {
    unsigned told = 0;
    for (unsigned i = 0; i < 3; i++) {
        CHECK_THAT(t->p[i].err != MAL_OK, "party %u ended well", i);
        told += t->p[i].err == wanted;
    }
    CHECK(told > 0);
}

/* --- The greeting
 * --------------------------------------------------------------- */

TEST(a_party_at_another_session_is_refused) {
    static trio t;
    trio_init(&t);
    t.p[1].options.session[31] ^= 1;
    trio_go(&t, nothing, NULL);
    CHECK_EQ(t.p[1].err, MAL_E_PEER);
    CHECK(t.p[0].err == MAL_E_PEER || t.p[2].err == MAL_E_PEER);
}

TEST(a_greeting_with_any_other_word_is_refused) {
    static trio u;
    for (unsigned at = 0; at < 48; at += 4) { /* all but the random bytes */
        trio_init(&u);
        u.spied = true;
        u.p[1].spies[0].how = LIE_FLIP;
        u.p[1].spies[0].offset = at;
        trio_go(&u, nothing, NULL);
        CHECK_EQ(u.p[0].err, MAL_E_PEER);
    }
}

TEST(a_party_of_another_security_is_refused) {
    static trio t;
    trio_init(&t);
    t.p[2].options.security = MAL_SHARE3_MALICIOUS;
    trio_go(&t, nothing, NULL);
    none_is_well(&t, MAL_E_PEER);
}

TEST(a_mesh_of_other_than_three_is_refused) {
    mal_share3 *s = NULL;
    mal_mesh mesh = { .n = 2 };
    const mal_share3_options o = { .security = MAL_SHARE3_SEMI_HONEST };
    CHECK_ERR(mal_share3_open(&s, &mesh, &o), MAL_E_INPUT);
    mesh.n = 4;
    CHECK_ERR(mal_share3_open(&s, &mesh, &o), MAL_E_INPUT);
    CHECK(s == NULL);
}

/* --- Shapes
 * ---------------------------------------------------------------------- */

typedef mal_err (*shape)(mal_share3 *s, every *e);

static mal_err other_n(mal_share3 *s, every *e) {
    mal_share3_words v = mal_share3_words_view(&e->u, 0, 3);
    return mal_share3_mul(s, &e->w, &e->u, &v);
}
static mal_err other_z(mal_share3 *s, every *e) {
    mal_share3_words v = mal_share3_words_view(&e->u, 0, 3);
    return mal_share3_mul(s, &v, &e->u, &e->u);
}
static mal_err other_width(mal_share3 *s, every *e) {
    mal_share3_bits y = mal_share3_bits_planes(&e->x, 0, 3);
    return mal_share3_and(s, &e->z, &e->x, &y);
}
static mal_err eq_one(mal_share3 *s, every *e) {
    mal_share3_bits y = mal_share3_bits_planes(&e->x, 0, 1);
    return mal_share3_eq(s, &e->b, &e->x, &y);
}
static mal_err lt_one(mal_share3 *s, every *e) {
    mal_share3_bits y = mal_share3_bits_planes(&e->x, 0, 1);
    return mal_share3_lt(s, &e->b, &e->x, &y, false);
}
static mal_err wide_choice(mal_share3 *s, every *e) {
    mal_share3_bits c = mal_share3_bits_planes(&e->x, 0, 2);
    return mal_share3_mux(s, &e->z, &c, &e->x, &e->x);
}
static mal_err wide_bit(mal_share3 *s, every *e) {
    return mal_share3_inject(s, &e->w, &e->x, &e->u);
}
static mal_err no_owner(mal_share3 *s, every *e) {
    return mal_share3_words_input(s, &e->v, 3, NULL, 1);
}
static mal_err open_to_nobody(mal_share3 *s, every *e) {
    uint64_t x[70];
    return mal_share3_words_open_to(s, x, 3, &e->u);
}
static mal_err too_wide(mal_share3 *s, every *e) {
    mal_err err = mal_share3_bits_new(s, &e->y, 1, 65);
    return err == MAL_E_LIMIT ? MAL_E_INPUT : err;
}
static mal_err odd_dot(mal_share3 *s, every *e) {
    return mal_share3_dot(s, &e->w, &e->u, &e->u, 3);
}
static const shape shapes[] = { other_n,  other_z,        other_width, eq_one,
                                lt_one,   wide_choice,    wide_bit,    no_owner,
                                too_wide, open_to_nobody, odd_dot };

static mal_err shapes_body(mal_share3 *s, void *ctx) {
    every e = { .n = 70 };
    mal_err err = mal_share3_words_new(s, &e.u, e.n);
    if (err == MAL_OK)
        err = mal_share3_bits_new(s, &e.x, e.n, 64);
    if (err == MAL_OK)
        err = (*(const shape *)ctx)(s, &e);
    every_clear(&e);
    /* A refusal of our own arguments is not the end of the engine. */
    MAL_REQUIRE(share3_enter(s) == MAL_OK, MAL_E_STATE, "dead of a refusal");
    return err;
}

TEST(operands_that_do_not_fit_are_refused) {
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        static trio t;
        shape f = shapes[k];
        trio_init(&t);
        trio_go(&t, shapes_body, &f);
        for (unsigned i = 0; i < 3; i++)
            CHECK_THAT(t.p[i].err == MAL_E_INPUT, "shape %zu: %s", k,
                       mal_err_name(t.p[i].err));
    }
}

static mal_err limit_body(mal_share3 *s, void *ctx) {
    mal_share3_words v = { 0 }, w = { 0 };
    (void)ctx;
    MAL_TRY(mal_share3_words_new(s, &v, 60));
    mal_err err = mal_share3_words_new(s, &w, 60);
    CHECK(mal_share3_count(s).held == 960);
    mal_share3_words_clear(&w);
    mal_share3_words_clear(&v);
    return err;
}

TEST(shares_beyond_the_limit_of_memory_are_refused) {
    static trio t;
    trio_init(&t);
    for (unsigned i = 0; i < 3; i++)
        t.p[i].options.memory_max = 1900;
    trio_go(&t, limit_body, NULL);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(t.p[i].err, MAL_E_LIMIT);
}

/* --- Messages
 * --------------------------------------------------------------------- */

/* How many messages party 0 sends to each peer in every_body. */
static void count_messages(uint64_t to[3]) {
    static trio t;
    trio_init(&t);
    t.spied = true;
    trio_go(&t, every_body, &rows);
    for (unsigned j = 1; j < 3; j++) {
        CHECK_EQ(t.p[j].err, MAL_OK);
        to[j] = t.p[0].spies[j].sent;
    }
}

static void lie_once(unsigned to, uint64_t at, lie how, size_t offset) {
    static trio t;
    trio_init(&t);
    t.spied = true;
    t.p[0].spies[to].how = how;
    t.p[0].spies[to].at = at;
    t.p[0].spies[to].offset = offset;
    trio_go(&t, every_body, &rows);
    CHECK_THAT(t.p[to].err == MAL_E_PEER,
               "message %llu to party %u, lie %d: party %u says %s",
               (unsigned long long)at, to, (int)how, to,
               mal_err_name(t.p[to].err));
}

TEST(a_garbled_message_anywhere_ends_the_run_as_the_peers_fault) {
    uint64_t to[3] = { 0 };
    static const lie how[] = { LIE_SHORT, LIE_LONG, LIE_EMPTY, LIE_FLIP };
    count_messages(to);
    CHECK(to[1] > 5 && to[2] > 30);
    for (unsigned j = 1; j < 3; j++)
        for (uint64_t at = 0; at + 1 < to[j]; at++)
            for (unsigned k = 0; k < 4; k++)
                lie_once(j, at, how[k], at % SHARE3_HEADER);
}

TEST(a_peer_that_goes_away_ends_the_run) {
    uint64_t to[3] = { 0 };
    count_messages(to);
    for (unsigned j = 1; j < 3; j++)
        for (uint64_t at = 0; at + 1 < to[j]; at++) {
            static trio t;
            trio_init(&t);
            t.spied = true;
            t.p[0].spies[j].how = at % 2 ? LIE_CLOSE : LIE_FAIL;
            t.p[0].spies[j].at = at;
            trio_go(&t, every_body, &rows);
            CHECK_EQ(t.p[0].err, MAL_E_IO);
            none_is_well(&t, MAL_E_PEER);
        }
}

/* --- After a failure
 * ---------------------------------------------------------------- */

static mal_err dead_body(mal_share3 *s, void *ctx) {
    every e = { .n = 1 };
    uint64_t x[64] = { 0 };
    (void)ctx;
    mal_err err = every_step(s, &e, x, x, x);
    CHECK(err != MAL_OK);
    mal_err after = mal_share3_words_copy(s, &e.t, &e.u);
    CHECK(mal_share3_verify(s) == MAL_E_STATE);
    CHECK(mal_share3_words_open(s, x, &e.u) == MAL_E_STATE);
    every_clear(&e);
    return after;
}

TEST(nothing_goes_on_after_a_failure) {
    static trio t;
    trio_init(&t);
    t.spied = true;
    t.p[0].spies[2].how = LIE_SHORT;
    t.p[0].spies[2].at = 9;
    t.p[1].spies[2].how = LIE_CLOSE;
    t.p[1].spies[2].at = 9;
    trio_go(&t, dead_body, NULL);
    CHECK_EQ(t.p[2].err, MAL_E_STATE);
}

/* --- Cancelling
 * ----------------------------------------------------------------------- */

static mal_err cancel_step(void *ctx, const char *stage, uint64_t done,
                           uint64_t total) {
    int *left = ctx;
    CHECK(stage && done <= total);
    return --*left > 0 ? MAL_OK : MAL_E_CANCEL;
}

TEST(a_cancelled_run_ends_at_all_three) {
    for (int left = 1; left < 40; left += 7) {
        static trio t;
        int count = left;
        const mal_progress progress = { cancel_step, &count };
        trio_init(&t);
        t.p[1].options.progress = &progress;
        trio_go(&t, every_body, &rows);
        CHECK_EQ(t.p[1].err, MAL_E_CANCEL);
        none_is_well(&t, MAL_E_CANCEL);
    }
}

/* --- Owners who lie
 * --------------------------------------------------------------------- */

static mal_err split_body(mal_share3 *s, void *ctx) {
    const unsigned me = mal_share3_me(s), bad = *(unsigned *)ctx;
    uint64_t x[3][2] = { { 1, 2 }, { 3, 4 }, { 5, 6 } };
    mal_share3_words z = { 0 };
    if (me == bad)
        x[me][1] ^= 1; /* the two holders of this part get different ones */
    const uint64_t *const part[2] = { x[me], x[(me + 1) % 3] };
    mal_err err = mal_share3_words_adopt(s, &z, part, 2);
    if (err == MAL_OK)
        err = mal_share3_words_agree(s, &z);
    mal_share3_words_clear(&z);
    return err;
}

TEST(an_owner_who_sends_two_versions_of_a_part_is_found) {
    for (unsigned bad = 0; bad < 4; bad++) {
        static trio t;
        trio_init(&t);
        trio_go(&t, split_body, &bad);
        for (unsigned i = 0; i < 3; i++)
            CHECK_EQ(t.p[i].err, i == bad ? MAL_E_PEER : MAL_OK);
    }
}

TEST_MAIN
