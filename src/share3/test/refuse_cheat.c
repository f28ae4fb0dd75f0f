/* One party lies in one message of a malicious run: an honest party says so,
 * and whoever ends well has the right values. */
#include "every_call.h"

#define ROWS 128 /* whole words: what lies past the last row is nobody's */
#define OUT (64 * 2 + ROWS)

/* What each party opened, by the order of its openings. */
typedef struct opened {
    uint64_t w[ROWS], z[128];
} opened;

static opened seen[3], right[3];

static mal_err body(mal_share3 *s, void *ctx) {
    (void)ctx;
    every e = { .n = ROWS };
    uint64_t rows[OUT], out[OUT];
    opened *o = &seen[mal_share3_me(s)];
    memset(o, 0, sizeof *o);
    for (size_t i = 0; i < OUT; i++)
        rows[i] = i * UINT64_C(0x9e3779b97f4a7c15);
    mal_err err = every_step(s, &e, rows, rows, out);
    if (err == MAL_OK) /* what was truncated is right but for a unit */
        err = mal_share3_mul(s, &e.w, &e.u, &e.v);
    for (unsigned p = 0; p < 2 && err == MAL_OK; p++)
        for (size_t i = 0; i < ROWS; i++)
            e.w.part[p][i] +=
                e.m.part[p][i] + 3 * e.m.part[p][ROWS + i] + 5 * e.d.part[p][0];
    if (err == MAL_OK)
        err = mal_share3_words_open(s, o->w, &e.w);
    if (err == MAL_OK)
        err = mal_share3_bits_open(s, o->z, &e.z);
    every_clear(&e);
    return err;
}

static void start(trio *t) {
    trio_init(t);
    for (unsigned i = 0; i < 3; i++)
        t->p[i].options.security = MAL_SHARE3_MALICIOUS;
    t->spied = true;
}

static uint64_t sent[3][3];

TEST(an_honest_run_ends_well) {
    static trio t;
    start(&t);
    trio_go(&t, body, NULL);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_THAT(t.p[i].err == MAL_OK, "party %u: %s", i, t.p[i].why);
        for (unsigned j = 0; j < 3; j++)
            sent[i][j] = t.p[i].spies[j].sent;
    }
    memcpy(right, seen, sizeof right);
    CHECK(mal_equal(&right[0], &right[1], sizeof right[0]));
    CHECK(mal_equal(&right[0], &right[2], sizeof right[0]));
}

static void cheat(unsigned who, unsigned whom, uint64_t at, size_t offset) {
    static trio t;
    unsigned told = 0;
    start(&t);
    t.p[who].spies[whom].how = LIE_FLIP;
    t.p[who].spies[whom].at = at;
    t.p[who].spies[whom].offset = SHARE3_HEADER + offset;
    trio_go(&t, body, NULL);
    for (unsigned i = 0; i < 3; i++) {
        if (i == who)
            continue;
        told += t.p[i].err == MAL_E_PEER;
        CHECK_THAT(t.p[i].err != MAL_OK ||
                       mal_equal(&seen[i], &right[i], sizeof seen[i]),
                   "party %u took a lie of %u to %u in message %llu", i, who,
                   whom, (unsigned long long)at);
    }
    CHECK_THAT(told > 0, "nobody saw the lie of %u to %u in message %llu", who,
               whom, (unsigned long long)at);
}

TEST(a_lie_in_any_message_is_seen) {
    uint64_t seed = mal_test_seed();
    for (unsigned who = 0; who < 3; who++)
        for (unsigned k = 1; k < 3; k++) {
            const unsigned whom = (who + k) % 3;
            CHECK_THAT(sent[who][whom] > 20, "%llu messages",
                       (unsigned long long)sent[who][whom]);
            for (uint64_t at = 1; at < sent[who][whom]; at++)
                cheat(who, whom, at, mal_test_rand(&seed) % 48);
        }
}

/* --- Nobody's lie may hide behind a zero -------------------------------------
 */

/* Shares of public values are zero in two of three parts: what a verifier
 * knows is zero, and so is its product with whatever the other one says.  Were
 * such a lie seen or not as these parts are, it would tell what they are. */
typedef enum gate { ANDS, WORDS, MATRICES, GATES } gate;
static const char *const gate_name[GATES] = { "ANDs", "words", "matrices" };

static mal_err zeros(mal_share3 *s, void *ctx) {
    static const uint64_t one[1] = { 1 };
    const gate g = *(const gate *)ctx;
    MAL_AUTO(mal_share3_words_clear) mal_share3_words w = { 0 };
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits b = { 0 };
    MAL_AUTO(mal_share3_words_clear) mal_share3_words z = { 0 };
    if (g == MATRICES) {
        MAL_TRY(mal_share3_words_public(s, &w, one, 1));
        MAL_TRY(mal_share3_matmul(s, &z, &w, &w, 1));
    } else if (g == WORDS) {
        MAL_TRY(mal_share3_words_public(s, &w, one, 1));
        MAL_TRY(mal_share3_mul(s, &w, &w, &w));
    } else {
        MAL_TRY(mal_share3_bits_public(s, &b, one, 64, 1));
        MAL_TRY(mal_share3_and(s, &b, &b, &b));
    }
    return mal_share3_verify(s);
}

static bool is_seen(unsigned who, unsigned whom, uint64_t at, gate g,
                    uint64_t *messages) {
    static trio t;
    start(&t);
    t.p[who].spies[whom].how = at ? LIE_FLIP : LIE_NONE;
    t.p[who].spies[whom].at = at;
    t.p[who].spies[whom].offset = SHARE3_HEADER;
    trio_go(&t, zeros, &g);
    *messages = t.p[who].spies[whom].sent;
    return t.p[(who + 1) % 3].err == MAL_E_PEER ||
           t.p[(who + 2) % 3].err == MAL_E_PEER;
}

TEST(a_verifier_s_lie_is_seen_whatever_the_shares_are) {
    for (unsigned i = 0; i < 6 * GATES; i++) {
        const unsigned who = i % 3, whom = (who + 1 + i / 3 % 2) % 3;
        const gate g = (gate)(i / 6);
        uint64_t messages, ignored;
        CHECK(!is_seen(who, whom, 0, g, &messages));
        CHECK(messages > 3);
        for (uint64_t at = 1; at < messages; at++)
            CHECK_THAT(is_seen(who, whom, at, g, &ignored),
                       "nobody saw the lie of %u to %u in message %llu of %s",
                       who, whom, (unsigned long long)at, gate_name[g]);
    }
}

TEST_MAIN
