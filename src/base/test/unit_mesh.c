#include "mal_test.h"

#define N 5

typedef struct talk {
    unsigned heard[N]; /* the sum of what came in */
    unsigned fails;    /* this party fails; N: none */
    unsigned waits;    /* this party waits for one more message; N: none */
    mal_err err[N];
} talk;

static mal_err speak(talk *t, mal_mesh *mesh) {
    const unsigned me = mesh->me;
    for (unsigned j = 0; j < mesh->n; j++)
        if (j != me)
            MAL_TRY(mal_chan_send(mesh->chan[j], mal_bytes_of(&me, sizeof me)));
    MAL_REQUIRE(me != t->fails, MAL_E_STATE, "party %u fails", me);
    for (unsigned j = 0; j < mesh->n; j++) {
        unsigned from = 0;
        if (j != me)
            MAL_TRY(mal_chan_recv_exact(mesh->chan[j], &from, sizeof from));
        t->heard[me] += from;
    }
    if (me == t->waits) {
        unsigned never;
        MAL_TRY(
            mal_chan_recv_exact(mesh->chan[t->fails], &never, sizeof never));
    }
    return MAL_OK;
}

static mal_err body(void *ctx, mal_mesh *mesh) {
    talk *t = ctx;
    return t->err[mesh->me] = speak(t, mesh);
}

TEST(every_party_hears_every_other) {
    for (unsigned n = 1; n <= N; n++) {
        talk t = { .fails = N, .waits = N };
        CHECK_OK(mal_mesh_run(n, 10000, body, &t));
        for (unsigned i = 0; i < n; i++)
            CHECK_EQ(t.heard[i], n * (n - 1) / 2 - i);
    }
}

/* Who waits for a failed party loses it at once, not at the time limit. */
TEST(the_failure_that_was_first_is_told_whoever_lost_a_peer) {
    for (unsigned fails = 0; fails < N; fails++) {
        talk t = { .fails = fails, .waits = (fails + N - 1) % N };
        char want[32];
        snprintf(want, sizeof want, "party %u fails", fails);
        CHECK_ERR(mal_mesh_run(N, 600000, body, &t), MAL_E_STATE);
        CHECK_STR(mal_err_message(), want);
        CHECK(strstr(mal_err_trail(), "unit_mesh.c"));
        CHECK_EQ(t.err[t.waits], MAL_E_PEER);
    }
}

typedef struct wrapped {
    mal_chan chan; /* first */
    mal_chan *inner;
    unsigned *closed;
} wrapped;

static mal_err wrapped_send(mal_chan *chan, mal_bytes m) {
    return mal_chan_send(((wrapped *)chan)->inner, m);
}
static mal_err wrapped_recv(mal_chan *chan, mal_buf *m, size_t len_max) {
    return mal_chan_recv(((wrapped *)chan)->inner, m, len_max);
}
static void wrapped_close(mal_chan *chan) {
    wrapped *w = (wrapped *)chan;
    mal_chan_close(&w->inner);
    ++*w->closed;
}

typedef struct wrapping {
    wrapped chan[2];
    unsigned closed[2];
    talk talk;
} wrapping;

static mal_err wrap(void *ctx, mal_mesh *mesh) {
    static const mal_chan_ops ops = { wrapped_send, wrapped_recv,
                                      wrapped_close };
    wrapping *w = ctx;
    wrapped *mine = &w->chan[mesh->me];
    mine->chan.ops = &ops;
    mine->inner = mesh->chan[1 - mesh->me];
    mine->closed = &w->closed[mesh->me];
    mesh->chan[1 - mesh->me] = &mine->chan;
    return speak(&w->talk, mesh);
}

TEST(what_a_party_lays_over_its_channels_is_closed_once) {
    wrapping w = { .talk = { .fails = N, .waits = N } };
    CHECK_OK(mal_mesh_run(2, 10000, wrap, &w));
    CHECK_EQ(w.chan[0].chan.messages_sent, 1);
    CHECK_EQ(w.closed[0], 1);
    CHECK_EQ(w.closed[1], 1);
}

TEST(a_mesh_has_a_party_and_a_limit) {
    talk t = { .fails = N, .waits = N };
    CHECK_ERR(mal_mesh_run(0, 1, body, &t), MAL_E_LIMIT);
    CHECK_ERR(mal_mesh_run(MAL_PARTIES_MAX + 1, 1, body, &t), MAL_E_LIMIT);
}

TEST_MAIN
