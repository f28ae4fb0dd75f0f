/* Known ways to lose a secret in protocols like this one, each by its number in
 * docs/security/pitfalls.md: they are tried, and must not work.
 *
 * The header of a message says its kind and its place in the run, so that a
 * test can look at what was sent, when.
 */
#include "every_call.h"

/* --- What a party sent -------------------------------------------------------
 */

typedef struct sent {
    uint32_t kind;
    uint64_t place;
} sent;

typedef struct watch {
    trio t;
    sent *sent[3]; /* by party, in its order */
    size_t n[3], cap[3];
    unsigned liar;
    uint32_t kind; /* the liar's messages of this kind are counted */
    uint64_t at;   /* and this one is a lie; counted so far, and its place */
    uint64_t met, lied;
} watch;

static bool is_greeting(const mal_buf *m) {
    return mal_load_u32le(m->ptr) > 64;
}

static void look(spy *y, mal_buf *m) {
    watch *w = y->edit_ctx;
    unsigned me = 0;
    while (y < w->t.p[me].spies || y >= w->t.p[me].spies + 3)
        me++;
    if (is_greeting(m))
        return;
    if (w->n[me] == w->cap[me]) {
        w->cap[me] = w->cap[me] ? 2 * w->cap[me] : 256;
        w->sent[me] = realloc(w->sent[me], w->cap[me] * sizeof *w->sent[me]);
        if (!w->sent[me])
            abort();
    }
    const sent s = { mal_load_u32le(m->ptr), mal_load_u64le(m->ptr + 8) };
    w->sent[me][w->n[me]++] = s;
    if (me != w->liar || s.kind != w->kind)
        return;
    if (w->met++ == w->at) {
        m->ptr[SHARE3_HEADER] ^= 1;
        w->lied = s.place;
    }
}

/* Malicious security; liar 3 is nobody. */
static void watch_run(watch *w, unsigned liar, uint32_t kind, uint64_t at,
                      mal_err (*body)(mal_share3 *, void *), void *ctx) {
    trio_init(&w->t);
    w->liar = liar;
    w->kind = kind;
    w->at = at;
    w->met = 0;
    w->lied = UINT64_MAX;
    w->t.spied = true;
    for (unsigned i = 0; i < 3; i++) {
        w->n[i] = 0;
        w->t.p[i].options.security = MAL_SHARE3_MALICIOUS;
        for (unsigned j = 0; j < 3; j++) {
            w->t.p[i].spies[j].edit = look;
            w->t.p[i].spies[j].edit_ctx = w;
        }
    }
    trio_go(&w->t, body, ctx);
}

static void watch_clear(watch *w) {
    for (unsigned i = 0; i < 3; i++)
        free(w->sent[i]);
    memset(w->sent, 0, sizeof w->sent);
    memset(w->cap, 0, sizeof w->cap);
}

static void all_well(const watch *w) {
    for (unsigned i = 0; i < 3; i++)
        CHECK_THAT(w->t.p[i].err == MAL_OK, "party %u: %s", i, w->t.p[i].why);
}

static size_t count_kind(const watch *w, unsigned who, uint32_t kind) {
    size_t n = 0;
    for (size_t k = 0; k < w->n[who]; k++)
        n += w->sent[who][k].kind == kind;
    return n;
}

static const uint32_t gates[] = { SHARE3_AND, SHARE3_MUL, SHARE3_DOT,
                                  SHARE3_SHUFFLE };
#define GATES (sizeof gates / sizeof *gates)

static bool is_gate(uint32_t kind) {
    return kind == SHARE3_AND || kind == SHARE3_MUL || kind == SHARE3_DOT;
}

/* Does every opening of every party stand behind a proof of its products and
 * shuffles? */
static void openings_come_last(const watch *w) {
    for (unsigned i = 0; i < 3; i++) {
        bool product = false, shuffle = false;
        size_t opened = 0;
        for (size_t k = 0; k < w->n[i]; k++) {
            const uint32_t kind = w->sent[i][k].kind;
            product |= is_gate(kind);
            shuffle |= kind == SHARE3_SHUFFLE;
            product &= kind != SHARE3_PROOF;
            shuffle &= kind != SHARE3_PROOF;
            if (kind != SHARE3_OPEN)
                continue;
            opened++;
            CHECK_THAT(!product && !shuffle,
                       "party %u opens at %llu what is not proved", i,
                       (unsigned long long)w->sent[i][k].place);
        }
        CHECK(opened > 0);
    }
}

/* The liar lies once.  Its lie is seen, and no honest party opens anything
 * after it. */
static void nothing_opened_after(watch *w, unsigned liar, uint32_t kind,
                                 uint64_t at,
                                 mal_err (*body)(mal_share3 *, void *),
                                 void *ctx) {
    bool told = false;
    watch_run(w, liar, kind, at, body, ctx);
    if (w->lied == UINT64_MAX)
        return; /* a sort may have had fewer messages this time */
    for (unsigned i = 0; i < 3; i++) {
        if (i == liar)
            continue;
        told |= w->t.p[i].err == MAL_E_PEER;
        for (size_t k = 0; k < w->n[i]; k++)
            CHECK_THAT(w->sent[i][k].kind != SHARE3_OPEN ||
                           w->sent[i][k].place < w->lied,
                       "party %u opened at %llu after the lie of %u at %llu", i,
                       (unsigned long long)w->sent[i][k].place, liar,
                       (unsigned long long)w->lied);
    }
    CHECK_THAT(told, "nobody saw the lie of %u in message %llu of kind %u",
               liar, (unsigned long long)at, kind);
}

/* Every message of every kind of gate, or some 12 of them. */
static void lie_everywhere(mal_err (*body)(mal_share3 *, void *), void *ctx) {
    static watch w;
    uint64_t seed = mal_test_seed();
    watch_run(&w, 3, 0, 0, body, ctx);
    all_well(&w);
    openings_come_last(&w);
    for (unsigned liar = 0; liar < 3; liar++)
        for (size_t g = 0; g < GATES; g++) {
            watch_run(&w, 3, 0, 0, body, ctx);
            const size_t n = count_kind(&w, liar, gates[g]);
            const size_t step = n / 12 + 1;
            for (size_t at = mal_test_rand(&seed) % step; at < n; at += step)
                nothing_opened_after(&w, liar, gates[g], at, body, ctx);
        }
    watch_clear(&w);
}

/* --- 1: consistency is checked before a message depends on it ----------------
 */

static mal_err every_and_more(mal_share3 *s, void *ctx) {
    every e = { .n = 128 };
    uint64_t rows[64 * 2 + 128], out[64 * 2 + 128];
    (void)ctx;
    for (size_t i = 0; i < sizeof rows / 8; i++)
        rows[i] = i * UINT64_C(0x9e3779b97f4a7c15);
    mal_err err = every_step(s, &e, rows, rows, out);
    every_clear(&e);
    return err;
}

TEST(pitfall_01_no_opening_is_sent_before_its_products_are_proved) {
    lie_everywhere(every_and_more, NULL);
}

typedef struct told {
    uint64_t x[3][8];
} told;

static mal_err tell_body(mal_share3 *s, void *ctx) {
    static const uint64_t x[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    MAL_AUTO(mal_share3_words_clear) mal_share3_words w = { 0 };
    MAL_TRY(mal_share3_words_public(s, &w, x, 8));
    MAL_TRY(mal_share3_words_refresh(s, &w, &w));
    return mal_share3_words_open(s, ((told *)ctx)->x[mal_share3_me(s)], &w);
}

/* The greeting's last 32 bytes.  Were a key the choice of one of its holders,
 * the other would not care which bytes came: masks would still cancel. */
TEST(pitfall_01_each_key_holds_randomness_of_both_its_holders) {
    told right, got;
    trio_run(tell_body, &right);
    for (unsigned k = 0; k < 8; k++)
        CHECK_EQ(right.x[0][k], k + 1);
    for (unsigned i = 0; i < 12; i++) {
        static trio t;
        const unsigned from = i % 3, to = (from + 1 + i / 3 % 2) % 3;
        trio_init(&t);
        t.spied = true;
        t.p[from].spies[to].how = LIE_FLIP;
        t.p[from].spies[to].offset = i < 6 ? 56 : 87;
        trio_go(&t, tell_body, &got);
        for (unsigned p = 0; p < 3; p++)
            for (unsigned k = 0; k < 8; k++)
                CHECK_THAT(got.x[p][k] != right.x[p][k],
                           "the key of %u and %u is not of both", from, to);
    }
}

/* --- 2: what a sort opens is verified first ----------------------------------
 */

static mal_err sort_body(mal_share3 *s, void *ctx) {
    const unsigned width = *(const unsigned *)ctx;
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits key = { 0 };
    MAL_AUTO(mal_share3_order_free) mal_share3_order *order = NULL;
    uint64_t rows[64], planes[16];
    for (size_t i = 0; i < 64; i++)
        rows[i] = i * 37 % 53;
    mal_share3_planes_of(planes, rows, 64, width);
    MAL_TRY(mal_share3_bits_input(s, &key, 0, planes, 64, width));
    const mal_share3_sort_key k = { .bits = &key };
    MAL_TRY(mal_share3_order_sort(s, &order, &k, 1));
    const mal_share3_column column = { .bits = &key };
    MAL_TRY(mal_share3_order_apply(s, order, &column, 1, false));
    return mal_share3_bits_open(s, planes, &key);
}

TEST(pitfall_02_a_sort_opens_no_comparison_that_is_not_proved) {
    unsigned width = 6;
    lie_everywhere(sort_body, &width);
}

TEST(pitfall_02_a_sort_of_few_bits_opens_no_place_that_is_not_proved) {
    unsigned width = 2;
    lie_everywhere(sort_body, &width);
}

/* --- 3: what other engines once forgot to check ------------------------------
 */

static mal_err truncate_body(mal_share3 *s, void *ctx) {
    uint64_t x[64], out[64];
    MAL_AUTO(mal_share3_words_clear) mal_share3_words w = { 0 };
    (void)ctx;
    for (size_t i = 0; i < 64; i++)
        x[i] = i << 20;
    MAL_TRY(mal_share3_words_input(s, &w, 0, x, 64));
    MAL_TRY(mal_share3_truncate(s, &w, &w, 12));
    return mal_share3_words_open(s, out, &w);
}

TEST(pitfall_03_a_lie_in_a_truncation_is_seen) {
    lie_everywhere(truncate_body, NULL);
}

static mal_err shuffle_body(mal_share3 *s, void *ctx) {
    uint64_t planes[64] = { 1, 2, 3 };
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits b = { 0 };
    (void)ctx;
    MAL_TRY(mal_share3_bits_input(s, &b, 1, planes, 64, 64));
    MAL_TRY(mal_share3_shuffle(s, &(const mal_share3_column){ .bits = &b }, 1));
    return mal_share3_bits_open(s, planes, &b);
}

TEST(pitfall_03_a_shuffle_is_checked_before_what_it_moved_is_opened) {
    lie_everywhere(shuffle_body, NULL);
}

#define AT_ONCE 6
static watch many[AT_ONCE];

static void one_of_many(void *arg) {
    watch *w = arg;
    const unsigned i = (unsigned)(w - many);
    for (unsigned k = 0; k < 4; k++) {
        watch_run(w, i % 2 ? i % 3 : 3, SHARE3_MUL, 0, truncate_body, NULL);
        for (unsigned p = 0; p < 3; p++)
            if (w->t.p[p].err != (i % 2 ? MAL_E_PEER : MAL_OK) && p != w->liar)
                w->met = UINT64_MAX; /* checks are the main thread's */
    }
}

/* A proof belongs to its run, though runs share a process. */
TEST(pitfall_03_runs_at_once_are_each_verified_for_themselves) {
    mal_thread *thread[AT_ONCE] = { 0 };
    for (unsigned i = 0; i < AT_ONCE; i++)
        CHECK_OK(mal_thread_start(&thread[i], one_of_many, &many[i]));
    for (unsigned i = 0; i < AT_ONCE; i++)
        mal_thread_join(&thread[i]);
    for (unsigned i = 0; i < AT_ONCE; i++) {
        CHECK_THAT(many[i].met != UINT64_MAX, "run %u", i);
        watch_clear(&many[i]);
    }
}

typedef struct leaving {
    bool fresh;
    uint64_t part[3][2][256];
} leaving;

/* A result whose parts are known to whoever knows the plan: public words. */
static mal_err leaving_body(mal_share3 *s, void *ctx) {
    static const uint64_t zero[256];
    leaving *l = ctx;
    MAL_AUTO(mal_share3_words_clear) mal_share3_words w = { 0 };
    MAL_TRY(mal_share3_words_public(s, &w, zero, 256));
    if (l->fresh)
        MAL_TRY(mal_share3_words_refresh(s, &w, &w));
    MAL_TRY(mal_share3_verify(s));
    for (unsigned p = 0; p < 2; p++)
        memcpy(l->part[mal_share3_me(s)][p], w.part[p], 8 * 256);
    return MAL_OK;
}

/* A recipient gets all three parts; a part must not tell how the sum was made.
 */
TEST(pitfall_03_parts_are_made_anew_before_they_leave) {
    static leaving old = { false, { { { 0 } } } }, a = { true, { { { 0 } } } },
                   b = { true, { { { 0 } } } };
    trio_run(leaving_body, &old);
    trio_run(leaving_body, &a);
    trio_run(leaving_body, &b);
    for (unsigned i = 0; i < 3; i++)
        for (unsigned p = 0; p < 2; p++)
            for (size_t k = 0; k < 256; k++) {
                CHECK(old.part[i][p][k] == 0);
                CHECK(a.part[i][p][k] != 0);
                CHECK(a.part[i][p][k] != b.part[i][p][k]);
            }
}

/* --- 16: what one party is told, another one knows too
 * ------------------------
 */

TEST(pitfall_16_who_opens_two_values_to_two_parties_is_found) {
    static watch w;
    for (unsigned liar = 0; liar < 3; liar++) {
        watch_run(&w, 3, 0, 0, every_and_more, NULL);
        all_well(&w);
        const size_t n = count_kind(&w, liar, SHARE3_OPEN);
        CHECK(n > 1);
        for (size_t at = 0; at < n; at++) {
            watch_run(&w, liar, SHARE3_OPEN, at, every_and_more, NULL);
            CHECK(w.lied != UINT64_MAX);
            /* It goes to one party, which asks the other holder. */
            CHECK_EQ(w.t.p[(liar + 1) % 3].err, MAL_E_PEER);
        }
    }
    watch_clear(&w);
}

/* A run's messages, written down, sent again in another session. */
typedef struct tape {
    mal_buf message[512];
    size_t n, at;
    bool play;
    size_t from; /* where the tape begins to be played */
} tape;

static void record_or_play(spy *y, mal_buf *m) {
    tape *t = y->edit_ctx;
    if (!t->play && t->n < 512) {
        if (mal_buf_put(&t->message[t->n++], mal_buf_view(m)) != MAL_OK)
            abort();
        return;
    }
    const size_t at = t->at++;
    if (at < t->from || at >= t->n)
        return;
    mal_buf_reset(m);
    if (mal_buf_put(m, mal_buf_view(&t->message[at])) != MAL_OK)
        abort();
}

static void run_tape(tape *t, mal_share3_security security, uint8_t session,
                     mal_err err[3]) {
    static trio u;
    trio_init(&u);
    u.spied = true;
    for (unsigned i = 0; i < 3; i++) {
        u.p[i].options.security = security;
        u.p[i].options.session[0] = session;
    }
    t->at = 0;
    for (unsigned j = 0; j < 3; j++) {
        u.p[0].spies[j].edit = record_or_play;
        u.p[0].spies[j].edit_ctx = &t[j];
        t[j].at = 0;
    }
    trio_go(&u, truncate_body, NULL);
    for (unsigned i = 0; i < 3; i++)
        err[i] = u.p[i].err;
}

static void replay(mal_share3_security security, size_t from, bool other) {
    static tape t[3];
    mal_err err[3];
    for (unsigned j = 0; j < 3; j++)
        t[j] = (tape){ .from = from };
    run_tape(t, security, 1, err);
    CHECK(err[0] == MAL_OK && err[1] == MAL_OK && err[2] == MAL_OK);
    for (unsigned j = 0; j < 3; j++)
        t[j].play = true;
    run_tape(t, security, other ? 2 : 1, err);
    CHECK_THAT(err[1] == MAL_E_PEER || err[2] == MAL_E_PEER,
               "a replay from message %zu passed", from);
    for (unsigned j = 0; j < 3; j++)
        for (size_t k = 0; k < t[j].n; k++)
            mal_buf_clear(&t[j].message[k]);
}

/* Party 0 says in a second run what it said in the first: all, greeting
 * included, in a run of another session; all behind the greeting, even in a run
 * of the same one, as keys hold fresh randomness of the others. */
TEST(pitfall_16_messages_of_another_run_are_refused) {
    replay(MAL_SHARE3_SEMI_HONEST, 0, true);
    replay(MAL_SHARE3_MALICIOUS, 0, true);
    for (size_t from = 0; from < 4; from++)
        replay(MAL_SHARE3_MALICIOUS, from, false);
}

TEST_MAIN
