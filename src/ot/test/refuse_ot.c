/* refuse_ot.c - a peer that cheats in any message is caught, or has guessed and
 * changed nothing; malformed messages and parameters are refused. */
#include "ot_wire.h"

#define N 300 /* outputs of a VOLE, and OTs after it */

typedef struct scene {
    mal_ot_params params, params_receiver;
    mal_ot_block a[N], b[N], c[N], q[N], t[N], delta;
    uint64_t choice[(N + 63) / 64];
} scene;

static mal_err sender(ot_party *p) {
    scene *s = p->ctx;
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *cot = NULL;
    MAL_TRY(mal_ot_cot_new_sender(&cot, p->chan, &s->params));
    s->delta = mal_ot_cot_delta(cot);
    MAL_TRY(mal_ot_cot_vole_send(cot, s->b, N, NULL));
    return mal_ot_cot_send(cot, s->q, N);
}

static mal_err receiver(ot_party *p) {
    scene *s = p->ctx;
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *cot = NULL;
    MAL_TRY(mal_ot_cot_new_receiver(&cot, p->chan, &s->params_receiver));
    MAL_TRY(mal_ot_cot_vole_receive(cot, s->a, s->c, N, NULL));
    return mal_ot_cot_receive(cot, s->t, s->choice, N);
}

static scene s;

static void scene_new(mal_ot_security security) {
    memset(&s, 0, sizeof s);
    s.params = (mal_ot_params){ .security = security };
    s.params.session[0] = 1;
    s.params_receiver = s.params;
    memset(s.choice, 0x5a, sizeof s.choice);
}

static bool relation_holds(void) {
    for (size_t i = 0; i < N; i++) {
        uint64_t bit = s.choice[i / 64] >> i % 64 & 1;
        mal_ot_block t = ot_xor(s.q[i], ot_and(s.delta, 0 - bit));
        mal_ot_block c = ot_xor(s.b[i], mal_ot_mul(s.delta, s.a[i]));
        if (!block_same(s.t[i], t) || !block_same(s.c[i], c))
            return false;
    }
    return true;
}

static bool all_zero(const void *p, size_t len) {
    static const uint8_t zero[sizeof(mal_ot_block) * N];
    return mal_equal(p, zero, len);
}

/* What a party gets from a call that fails is nothing. */
static void check_outputs(mal_err sender_err, mal_err receiver_err) {
    if (sender_err != MAL_OK)
        CHECK(all_zero(s.q, sizeof s.q));
    if (receiver_err != MAL_OK)
        CHECK(all_zero(s.t, sizeof s.t));
}

typedef enum { CAUGHT, HARMLESS, BROKEN } outcome;

static outcome run(wire *ws, wire *wr) {
    ot_party x = { .run = sender, .ctx = &s },
             y = { .run = receiver, .ctx = &s };
    wires_run(&x, ws, &y, wr);
    check_outputs(x.err, y.err);
    if (x.err != MAL_OK || y.err != MAL_OK) {
        CHECK(x.err == MAL_OK || x.err == MAL_E_PEER);
        CHECK(y.err == MAL_OK || y.err == MAL_E_PEER);
        return CAUGHT;
    }
    return relation_holds() ? HARMLESS : BROKEN;
}

/* Messages in malicious mode.  Sender: points; sums; hash; receiver: setup,
 * OTs of the VOLE, challenge, OTs. */
#define SENDER_MESSAGES 3
#define RECEIVER_MESSAGES 4

static unsigned flips(bool by_sender, unsigned at, unsigned tries,
                      uint64_t *rng) {
    unsigned caught = 0;
    for (unsigned i = 0; i < tries; i++) {
        wire ws = { 0 }, wr = { 0 }, *w = by_sender ? &ws : &wr;
        scene_new(MAL_OT_MALICIOUS);
        w->at = at;
        w->byte = (size_t)mal_test_rand(rng) >> 8;
        w->flip = (uint8_t)(1u << mal_test_rand(rng) % 8);
        outcome o = run(&ws, &wr);
        CHECK(w->last_len > 0);
        CHECK_THAT(o != BROKEN, "%s message %u, byte %zu of %zu",
                   by_sender ? "sender" : "receiver", at, w->byte % w->last_len,
                   w->last_len);
        caught += o == CAUGHT;
    }
    return caught;
}

TEST(honest_parties_agree_over_the_wires) {
    wire ws = { 0 }, wr = { 0 };
    scene_new(MAL_OT_MALICIOUS);
    CHECK_EQ(run(&ws, &wr), HARMLESS);
    CHECK_EQ(ws.sent, SENDER_MESSAGES);
    CHECK_EQ(wr.sent, RECEIVER_MESSAGES);
}

/* A flip that passes was a right guess: of a sum that the peer did not open, or
 * of bits of delta that are all 0. */
TEST(a_sender_that_cheats_in_any_message_is_caught_or_changes_nothing) {
    uint64_t rng = mal_test_seed();
    for (unsigned at = 0; at < SENDER_MESSAGES; at++) {
        unsigned caught = flips(true, at, 8, &rng);
        printf("# sender message %u: %u of 8 caught\n", at, caught);
        CHECK(caught >= 1); /* half is the worst: 2^-8 to see none */
    }
}

TEST(a_receiver_that_cheats_in_any_message_is_caught_or_changes_nothing) {
    uint64_t rng = mal_test_seed();
    for (unsigned at = 0; at < RECEIVER_MESSAGES; at++) {
        unsigned caught = flips(false, at, 8, &rng);
        printf("# receiver message %u: %u of 8 caught\n", at, caught);
        CHECK(caught >= 1);
    }
}

/* The control: without the checks the same flips break the relation. */
TEST(semi_honest_mode_does_not_see_a_flipped_choice) {
    wire ws = { 0 }, wr = { .at = 1, .flip = 1 };
    mal_ot_block ones = { { UINT64_MAX, UINT64_MAX } };
    scene_new(MAL_OT_SEMI_HONEST);
    s.params.delta = &ones;
    CHECK_EQ(run(&ws, &wr), BROKEN);
}

/* A receiver that sends d_0 for another choice of OT 0 in tree 0 alone, and
 * answers the check as well as it can. */
static mal_err cheating_receiver(ot_party *p) {
    scene *z = p->ctx;
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *cot = NULL;
    MAL_AUTO(mal_buf_clear) mal_buf m = { 0 };
    const size_t blocks = (N + 127) / 128 + 1;
    mal_ot_block u[(N + 127) / 128 + 1], t[128 * ((N + 127) / 128 + 1)];
    MAL_TRY(mal_ot_cot_new_receiver(&cot, p->chan, &z->params_receiver));
    const size_t bytes = cot->trees * blocks * BLOCK;
    MAL_TRY(mal_buf_reserve(&m, bytes + OT_CHECK_BYTES));
    mal_prim_random(u, sizeof u);
    memcpy(z->choice, u, sizeof z->choice);
    ot_receive_columns(cot, m.ptr, u, blocks);
    m.ptr[0] ^= 1;
    ot_check_make(cot, (mal_ot_block *)(void *)(m.ptr + bytes), m.ptr, u,
                  blocks);
    m.len = bytes + OT_CHECK_BYTES;
    ot_transpose(OT_WAY_PLAIN, t, cot->column, blocks);
    memcpy(z->t, t, sizeof z->t);
    return mal_chan_send(p->chan, mal_buf_view(&m));
}

static mal_err cot_sender(ot_party *p) {
    scene *z = p->ctx;
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *cot = NULL;
    MAL_TRY(mal_ot_cot_new_sender(&cot, p->chan, &z->params));
    z->delta = mal_ot_cot_delta(cot);
    return mal_ot_cot_send(cot, z->q, N);
}

static mal_err cheat_with(const mal_ot_block *delta) {
    ot_party x = { .run = cot_sender, .ctx = &s },
             y = { .run = cheating_receiver, .ctx = &s };
    scene_new(MAL_OT_MALICIOUS);
    s.params.delta = delta;
    parties_run(&x, &y);
    CHECK_THAT(y.err == MAL_OK, "%s", y.message);
    return x.err;
}

/* Selective failure, exactly: the cheat passes if and only if the bits of delta
 * of tree 0 are 0, and then the relation still holds.  It has learnt these four
 * bits; else the run ends. */
TEST(an_unequal_choice_passes_only_if_it_guessed_delta) {
    mal_ot_block delta = { { ~UINT64_C(0xf), 77 } };
    CHECK_EQ(cheat_with(&delta), MAL_OK);
    CHECK(relation_holds()); /* the VOLE part is all zero */
    for (unsigned b = 0; b < 4; b++) {
        delta.w[0] = UINT64_C(1) << b;
        CHECK_EQ(cheat_with(&delta), MAL_E_PEER);
    }
}

/* The same of the noise: a wrong sum of left nodes at the first level of a tree
 * is opened for half of the places.  16 runs: 2^-15 that all end alike. */
TEST(pitfall_07_a_wrong_sum_passes_only_if_it_guessed_the_path) {
    unsigned caught = 0;
    for (unsigned i = 0; i < 16; i++) {
        wire ws = { .at = 1, .byte = 3, .flip = 4 }, wr = { 0 };
        scene_new(MAL_OT_MALICIOUS);
        outcome o = run(&ws, &wr);
        CHECK(o != BROKEN);
        caught += o == CAUGHT;
    }
    printf("# %u of 16 caught\n", caught);
    CHECK(caught >= 1 && caught <= 15);
}

TEST(messages_of_another_length_are_refused) {
    for (int longer = -1; longer <= 1; longer += 2) {
        for (unsigned at = 0; at < SENDER_MESSAGES; at++) {
            wire ws = { .at = at, .longer = longer }, wr = { 0 };
            scene_new(MAL_OT_MALICIOUS);
            CHECK_EQ(run(&ws, &wr), CAUGHT);
        }
        for (unsigned at = 0; at < RECEIVER_MESSAGES; at++) {
            wire ws = { 0 }, wr = { .at = at, .longer = longer };
            scene_new(MAL_OT_MALICIOUS);
            CHECK_EQ(run(&ws, &wr), CAUGHT);
        }
    }
}

/* Pitfall 14 of the research: session ids are in every hash. */
TEST(pitfall_14_another_session_does_not_meet) {
    wire ws = { 0 }, wr = { 0 };
    scene_new(MAL_OT_MALICIOUS);
    s.params_receiver.session[31] ^= 1;
    CHECK_EQ(run(&ws, &wr), CAUGHT);
}

/* Pitfall 14: points are validated. */
TEST(pitfall_14_points_that_are_no_elements_are_refused) {
    mal_ot_block key[KAPPA][2], mine[KAPPA];
    static uint8_t points[OT_BASE_CHOOSE_BYTES];
    uint8_t session[32] = { 3 }, point[32];
    static ot_base_chooser c;
    mal_ot_block choice = { { 5, 6 } };
    CHECK_OK(ot_base_choose(&c, session, choice));
    memcpy(points, c.points, sizeof points);
    CHECK_OK(ot_base_answer(key, point, session, points));
    memset(points + 64 * 9, 0xff, 32); /* not canonical */
    CHECK_ERR(ot_base_answer(key, point, session, points), MAL_E_PEER);
    memcpy(points, c.points, sizeof points);
    points[64 * 127 + 63] |= 0x80; /* the top bit that libsodium ignores */
    CHECK_ERR(ot_base_answer(key, point, session, points), MAL_E_PEER);
    memset(point, 0, 32); /* the identity */
    CHECK_ERR(ot_base_chosen(mine, &c, point), MAL_E_PEER);
    memset(point, 0xff, 32);
    CHECK_ERR(ot_base_chosen(mine, &c, point), MAL_E_PEER);
}

TEST(base_ots_give_the_chosen_key_and_not_the_other) {
    uint64_t rng = mal_test_seed();
    mal_ot_block key[KAPPA][2], mine[KAPPA], choice = block_rand(&rng);
    uint8_t session[32] = { 4 }, point[32];
    static ot_base_chooser c;
    CHECK_OK(ot_base_choose(&c, session, choice));
    CHECK_OK(ot_base_answer(key, point, session, &c.points[0][0][0]));
    CHECK_OK(ot_base_chosen(mine, &c, point));
    for (unsigned i = 0; i < KAPPA; i++) {
        unsigned x = (unsigned)(ot_mask_bit(choice, i) & 1);
        CHECK(block_same(mine[i], key[i][x]));
        CHECK(!block_same(mine[i], key[i][1 - x]));
    }
}

TEST(parameters_out_of_range_are_refused) {
    mal_ot_cot *cot = NULL;
    mal_ot_params p = { .security = MAL_OT_MALICIOUS }, q = p;
    q.security = 0;
    CHECK_ERR(mal_ot_cot_new_sender(&cot, NULL, &q), MAL_E_INPUT);
    q = p;
    q.security = 3;
    CHECK_ERR(mal_ot_cot_new_receiver(&cot, NULL, &q), MAL_E_INPUT);
    q = p;
    q.fold = 3;
    CHECK_ERR(mal_ot_cot_new_sender(&cot, NULL, &q), MAL_E_INPUT);
    q.fold = 16;
    CHECK_ERR(mal_ot_cot_new_sender(&cot, NULL, &q), MAL_E_INPUT);
    q = p;
    q.code = 3;
    CHECK_ERR(mal_ot_cot_new_receiver(&cot, NULL, &q), MAL_E_INPUT);
    CHECK(cot == NULL);
}

TEST(a_vole_of_no_or_of_too_many_outputs_is_refused) {
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *cot = NULL;
    mal_ot_params p = { .security = MAL_OT_MALICIOUS };
    mal_ot_block out[1];
    CHECK_OK(ot_cot_make(&cot, NULL, &p, true));
    CHECK_ERR(mal_ot_cot_vole_send(cot, out, 0, NULL), MAL_E_INPUT);
    CHECK_ERR(mal_ot_cot_vole_send(cot, out, MAL_OT_VOLE_MAX + 1, NULL),
              MAL_E_INPUT);
}

/* The receiver reads what the noise was off the top nibble. */
TEST(a_delta_for_other_uses_is_refused_by_one_of_sixteen) {
    mal_ot_params params = { .security = MAL_OT_SEMI_HONEST };
    mal_ot_cot *cot;
    mal_ot_nib *nib;
    CHECK_OK(mal_prim_init());
    CHECK_OK(ot_cot_make(&cot, NULL, &params, true));
    for (unsigned top = 0; top < 16; top++) {
        cot->delta = mal_ot_nib_delta();
        CHECK_EQ(cot->delta.w[1] >> 60, 1);
        cot->delta.w[1] ^= (uint64_t)(top ^ 1) << 60;
        if (top == 1)
            continue;
        CHECK_ERR(mal_ot_nib_new(&nib, cot, 1), MAL_E_INPUT);
        CHECK(nib == NULL);
    }
    mal_ot_cot_free(cot);
}

TEST(a_failed_extender_serves_no_more) {
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *cot = NULL;
    mal_ot_params p = { .security = MAL_OT_MALICIOUS };
    mal_ot_block out[4];
    mal_chan *a = NULL, *b = NULL;
    CHECK_OK(mal_chan_pair(&a, &b, 100));
    CHECK_OK(ot_cot_make(&cot, a, &p, true));
    CHECK_OK(mal_chan_send(b, mal_bytes_str("no")));
    CHECK_ERR(mal_ot_cot_send(cot, out, 4), MAL_E_PEER);
    CHECK_ERR(mal_ot_cot_send(cot, out, 4), MAL_E_STATE);
    CHECK_ERR(mal_ot_cot_vole_send(cot, out, 4, NULL), MAL_E_STATE);
    mal_chan_close(&a);
    mal_chan_close(&b);
}

TEST_MAIN
