/* A party that holds a message back until it has been told what it is checked
 * with.  Whoever knows the random words before its last message is sent bends
 * that message as it likes; so nobody may be told any before all that it sent
 * has come.
 *
 * The late party goes on with its left neighbour and keeps what it owes to its
 * right one until it cannot go on without.
 */
#include "../permute_impl.h"
#include "share3_parties.h"

#include <stdatomic.h>
#include <unistd.h>

#define HELD_MAX 64
#define WAIT_US 60000

typedef struct late late;
typedef struct late_chan {
    mal_chan chan; /* first */
    mal_chan *inner;
    late *all;
    bool holds;
} late_chan;

struct late {
    trio t;
    unsigned who;
    atomic_uint told; /* words that check the late party, sent to it */
    unsigned before;  /* of them when the first message was held back */
    unsigned held, kept, early; /* now, in all, told meanwhile */
    mal_buf message[HELD_MAX];
    late_chan to[2]; /* the left, the right neighbour */
    mal_err (*body)(mal_share3 *s, void *ctx);
    unsigned how, kinds; /* which messages to the late party are counted */
};

static uint32_t kind_of(mal_bytes m) {
    return mal_load_u32le(m.ptr);
}

static mal_err late_send(mal_chan *chan, mal_bytes m) {
    late_chan *c = (late_chan *)chan;
    late *l = c->all;
    const uint32_t kind = kind_of(m);
    const bool owed = kind == SHARE3_INPUT || kind == SHARE3_SHUFFLE;
    if (!c->holds || (l->held == 0 && !owed))
        return mal_chan_send(c->inner, m);
    if (l->held == 0)
        l->before = atomic_load(&l->told);
    assert(l->held < HELD_MAX);
    l->kept++;
    return mal_buf_put(&l->message[l->held++], m);
}

/* What is owed is sent at last, whatever was told by now. */
static mal_err pay(late *l) {
    mal_err err = MAL_OK;
    if (l->held == 0)
        return MAL_OK;
    usleep(WAIT_US);
    l->early += atomic_load(&l->told) != l->before;
    for (unsigned i = 0; i < l->held; i++) {
        if (err == MAL_OK)
            err = mal_chan_send(l->to[1].inner, mal_buf_view(&l->message[i]));
        mal_buf_clear(&l->message[i]);
    }
    l->held = 0;
    return err;
}

static mal_err late_recv(mal_chan *chan, mal_buf *m, size_t len_max) {
    late_chan *c = (late_chan *)chan;
    MAL_TRY(pay(c->all));
    return mal_chan_recv(c->inner, m, len_max);
}

static void late_close(mal_chan *chan) {
    mal_chan_close(&((late_chan *)chan)->inner);
}

/* What the left neighbour sends to the late party. */
static void count_told(spy *y, mal_buf *m) {
    late *l = y->edit_ctx;
    const uint32_t kind = kind_of(mal_buf_view(m));
    if (kind < 32 && l->kinds >> kind & 1)
        atomic_fetch_add(&l->told, 1);
}

static mal_err late_body(mal_share3 *s, void *ctx) {
    static const mal_chan_ops ops = { late_send, late_recv, late_close };
    late *l = ctx;
    if (s->me != l->who)
        return l->body(s, l);
    const unsigned peer[2] = { share3_prev(s), share3_next(s) };
    for (unsigned i = 0; i < 2; i++) {
        l->to[i] = (late_chan){ { &ops }, s->mesh->chan[peer[i]], l, i };
        s->mesh->chan[peer[i]] = &l->to[i].chan;
    }
    mal_err err = l->body(s, l);
    if (err == MAL_OK)
        err = pay(l);
    for (unsigned i = 0; i < 2; i++)
        s->mesh->chan[peer[i]] = l->to[i].inner;
    return err;
}

#define RANDOM (1u << SHARE3_PROOF | 1u << SHARE3_SHUFFLE_CHECK)

static void run_late(mal_err (*body)(mal_share3 *, void *), unsigned how,
                     unsigned kinds) {
    static late l;
    for (unsigned who = 0; who < 3; who++) {
        memset(&l, 0, sizeof l);
        l.who = who;
        l.body = body;
        l.how = how;
        l.kinds = kinds;
        trio_init(&l.t);
        l.t.spied = true;
        spy *y = &l.t.p[(who + 2) % 3].spies[who];
        y->edit = count_told;
        y->edit_ctx = &l;
        for (unsigned i = 0; i < 3; i++)
            l.t.p[i].options.security = MAL_SHARE3_MALICIOUS;
        trio_go(&l.t, late_body, &l);
        for (unsigned i = 0; i < 3; i++)
            CHECK_THAT(l.t.p[i].err == MAL_OK, "party %u: %s", i, l.t.p[i].why);
        CHECK(l.kept > 0);
        CHECK_THAT(l.early == 0,
                   "party %u was told before all that it sent came (%u of %u)",
                   who, l.early, l.kept);
    }
}

/* --- Inputs, then products of them -------------------------------------------
 */

static const uint64_t x[64] = { 1, 2, 3, 5, 8 };

static mal_err products(mal_share3 *s, void *ctx) {
    MAL_AUTO(mal_share3_words_clear) mal_share3_words w = { 0 }, z = { 0 };
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits b = { 0 }, c = { 0 };
    late *l = ctx;
    if (l->how) {
        MAL_TRY(mal_share3_words_input(s, &w, l->who, x, 64));
        MAL_TRY(mal_share3_mul(s, &z, &w, &w));
    } else {
        MAL_TRY(mal_share3_bits_input(s, &b, l->who, x, 64, 64));
        MAL_TRY(mal_share3_and(s, &c, &b, &b));
    }
    return mal_share3_verify(s);
}

TEST(no_proof_begins_before_each_input_has_come) {
    run_late(products, 0, RANDOM);
    run_late(products, 1, RANDOM);
}

/* --- Shuffles ----------------------------------------------------------------
 */

static mal_err shuffles(mal_share3 *s, void *ctx) {
    const late *l = ctx;
    MAL_AUTO(mal_share3_bits_clear) mal_share3_bits b = { 0 };
    MAL_AUTO(mal_share3_words_clear) mal_share3_words w = { 0 };
    MAL_TRY(mal_share3_bits_public(s, &b, x, 64, 64));
    MAL_TRY(mal_share3_words_public(s, &w, x, 64));
    const mal_share3_column column[2] = { { .bits = &b }, { .words = &w } };
    for (unsigned i = 0; i < 3; i++) { /* each party is each role once */
        MAL_AUTO(mal_share3_order_free) mal_share3_order *order = NULL;
        MAL_TRY(mal_share3_order_random(s, &order, 64));
        MAL_TRY(mal_share3_order_apply(s, order, column, l->how & 2 ? 2 : 1,
                                       l->how & 1));
    }
    return mal_share3_verify(s);
}

TEST(nobody_is_told_a_seed_before_its_messages_of_the_shuffle_came) {
    for (unsigned how = 0; how < 4; how++)
        run_late(shuffles, how, RANDOM);
}

/* --- Openings ----------------------------------------------------------------
 */

/* Were something opened before, an input could be chosen by what it says. */
static mal_err sums(mal_share3 *s, void *ctx) {
    MAL_AUTO(mal_share3_words_clear) mal_share3_words w = { 0 }, z = { 0 };
    late *l = ctx;
    uint64_t out[64];
    MAL_TRY(mal_share3_words_input(s, &z, (l->who + 1) % 3, x, 64));
    MAL_TRY(mal_share3_words_input(s, &w, l->who, x, 64));
    MAL_TRY(mal_share3_words_add(s, &z, &z, &w));
    return mal_share3_words_open(s, out, &z);
}

TEST(nothing_is_opened_before_each_input_has_come) {
    run_late(sums, 0, 1u << SHARE3_OPEN);
}

TEST_MAIN
