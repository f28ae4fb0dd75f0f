/* Peers that lie, differ, or send what does not belong: no answer comes of it.
 */
#include "psi_scene.h"

static bool no_hits(const psi_scene *c) {
    uint64_t any = 0;
    for (size_t i = 0; i < c->x.n / 64 + 1; i++)
        any |= c->hits[i];
    return !any;
}

static void both_fail(psi_scene *c) {
    psi_scene_go(c);
    CHECK(c->r_err != MAL_OK && c->s_err != MAL_OK);
    CHECK(c->r_err == MAL_E_PEER || c->s_err == MAL_E_PEER);
    CHECK(no_hits(c));
    psi_scene_done(c);
}

/* Pitfall 16. */
TEST(pitfall_16_refuses_a_peer_of_another_session_or_with_other_parameters) {
    for (unsigned what = 0; what < 5; what++) {
        psi_scene c;
        psi_scene_new(&c, 50, 60, 10, MAL_PSI_MALICIOUS);
        if (what == 0)
            c.sp.session[31] ^= 1;
        if (what == 1)
            c.sp.receiver_max++;
        if (what == 2)
            c.sp.sender_max++;
        if (what == 3)
            c.sp.security = MAL_PSI_SEMI_HONEST;
        if (what == 4)
            c.sp.wide_code = true;
        psi_timeout_ms = 2000;
        psi_scene_go(&c);
        CHECK(c.r_err != MAL_OK && c.s_err != MAL_OK);
        CHECK(no_hits(&c));
        psi_scene_done(&c);
    }
}

TEST(refuses_more_keys_than_declared) {
    psi_scene c;
    psi_scene_new(&c, 50, 60, 10, MAL_PSI_MALICIOUS);
    c.rp.receiver_max = c.sp.receiver_max = 49;
    psi_scene_go(&c);
    CHECK_EQ(c.r_err, MAL_E_INPUT);
    CHECK(c.s_err != MAL_OK);
    psi_scene_done(&c);
    psi_scene_new(&c, 50, 60, 10, MAL_PSI_MALICIOUS);
    c.rp.sender_max = c.sp.sender_max = 59;
    psi_scene_go(&c);
    CHECK_EQ(c.s_err, MAL_E_INPUT);
    CHECK(c.r_err != MAL_OK);
    psi_scene_done(&c);
}

/* Pitfall 10: sizes are capped. */
TEST(pitfall_10_refuses_bounds_beyond_the_cap) {
    for (unsigned what = 0; what < 5; what++) {
        psi_scene c;
        psi_scene_new(&c, 5, 5, 0, MAL_PSI_MALICIOUS);
        mal_psi_params *q = &c.rp;
        if (what < 2)
            q->receiver_max = what ? MAL_PSI_SET_MAX + 1 : 0;
        else if (what < 4)
            q->sender_max = what == 2 ? MAL_PSI_SET_MAX + 1 : 0;
        else
            q->security = (mal_psi_security)7;
        CHECK_ERR(mal_psi_receive(c.hits, &c.r.chan, q, &c.x, NULL),
                  MAL_E_INPUT);
        CHECK_ERR(mal_psi_send(&c.s.chan, q, &c.y, NULL), MAL_E_INPUT);
        psi_scene_done(&c);
    }
}

/* A sender that opens another w_s than it committed to. */
TEST(refuses_a_w_that_was_not_committed_to) {
    for (size_t byte = 0; byte < 16; byte += 5) {
        psi_scene c;
        psi_scene_new(&c, 50, 60, 10, MAL_PSI_MALICIOUS);
        c.s.flip_type = PSI_REVEAL;
        c.s.flip_at = 1;
        c.s.flip_byte = PSI_HEADER + byte;
        psi_scene_go(&c);
        CHECK_EQ(c.r_err, MAL_E_PEER);
        CHECK(no_hits(&c));
        psi_scene_done(&c);
    }
    psi_scene c;
    psi_scene_new(&c, 50, 60, 10, MAL_PSI_MALICIOUS);
    c.s.flip_type = PSI_HELLO;
    c.s.flip_at = 1;
    c.s.flip_byte = PSI_HEADER;
    psi_scene_go(&c);
    CHECK_EQ(c.r_err, MAL_E_PEER);
    psi_scene_done(&c);
}

TEST(refuses_bucket_sizes_that_do_not_add_up) {
    psi_scene c;
    psi_scene_new(&c, 500, 600, 10, MAL_PSI_SEMI_HONEST);
    c.s.flip_type = PSI_COUNTS;
    c.s.flip_at = 1;
    c.s.flip_byte = PSI_HEADER + 3;
    psi_scene_go(&c);
    CHECK_EQ(c.r_err, MAL_E_PEER);
    CHECK(no_hits(&c));
    psi_scene_done(&c);
}

TEST(refuses_every_changed_header) {
    static const uint32_t from_receiver[] = { PSI_OPEN, PSI_STORE };
    static const uint32_t from_sender[] = { PSI_HELLO, PSI_REVEAL, PSI_COUNTS,
                                            PSI_MASKS };
    for (size_t byte = 8; byte < PSI_HEADER; byte += 13)
        for (unsigned i = 0; i < 6; i++) {
            psi_scene c;
            psi_timeout_ms = 2000;
            psi_scene_new(&c, 20, 20, 10, MAL_PSI_MALICIOUS);
            psi_spy *s = i < 2 ? &c.r : &c.s;
            s->flip_type = i < 2 ? from_receiver[i] : from_sender[i - 2];
            s->flip_at = 1;
            s->flip_byte = byte;
            psi_scene_go(&c);
            CHECK_EQ(i < 2 ? c.s_err : c.r_err, MAL_E_PEER);
            CHECK(no_hits(&c));
            psi_scene_done(&c);
        }
}

/* Pitfall 7: the VOLE is checked; whatever one bit of whatever message: the
 * runs end, and no key is called common that is not. */
TEST(pitfall_07_a_disturbed_message_never_makes_a_false_hit) {
    uint64_t seed = mal_test_seed();
    unsigned refused = 0, runs = 0;
    for (unsigned side = 0; side < 2; side++)
        for (uint64_t at = 1; at < 40; at++, runs++) {
            psi_scene c;
            psi_timeout_ms = 1000;
            psi_scene_new(&c, 30, 30, 10, MAL_PSI_MALICIOUS);
            psi_spy *s = side ? &c.s : &c.r;
            s->flip_at = at;
            s->flip_byte = mal_test_rand(&seed) % 100000;
            psi_scene_go(&c);
            const bool met = s->sent >= at;
            refused += c.r_err != MAL_OK || c.s_err != MAL_OK;
            for (size_t i = 0; i < c.x.n; i++)
                CHECK(!psi_scene_hit(&c, i) || i >= 10);
            CHECK(c.r_err == MAL_OK || no_hits(&c));
            psi_scene_done(&c);
            if (!met)
                break;
        }
    printf("# %u of %u runs were refused\n", refused, runs);
    CHECK(refused > 0);
}

/* A receiver whose store holds nothing it knows learns nothing false. */
TEST(a_receiver_with_a_wrong_store_gets_no_hit) {
    for (unsigned s = 0; s < 2; s++) {
        psi_scene c;
        psi_scene_new(&c, 200, 200, 0,
                      s ? MAL_PSI_SEMI_HONEST : MAL_PSI_MALICIOUS);
        c.r.flip_type = PSI_OPEN; /* another seed: every row is another */
        c.r.flip_at = 1;
        c.r.flip_byte = PSI_HEADER;
        psi_scene_go(&c);
        CHECK_OK(c.r_err);
        CHECK_OK(c.s_err);
        CHECK(no_hits(&c));
        psi_scene_done(&c);
    }
}

TEST(a_party_alone_ends_with_an_error) {
    psi_scene c;
    psi_scene_new(&c, 20, 20, 0, MAL_PSI_MALICIOUS);
    mal_chan_close(&c.s.inner);
    CHECK_ERR(mal_psi_receive(c.hits, &c.r.chan, &c.rp, &c.x, NULL),
              MAL_E_PEER);
    psi_scene_done(&c);
    psi_scene_new(&c, 20, 20, 0, MAL_PSI_MALICIOUS);
    mal_chan_close(&c.r.inner);
    CHECK_ERR(mal_psi_send(&c.s.chan, &c.sp, &c.y, NULL), MAL_E_PEER);
    psi_scene_done(&c);
    psi_scene_new(&c, 20, 20, 0, MAL_PSI_MALICIOUS);
    c.sp.session[0] ^= 1;
    both_fail(&c);
}

static mal_err cancel(void *ctx, const char *stage, uint64_t done,
                      uint64_t total) {
    (void)done, (void)total;
    if (strstr(stage, ctx))
        MAL_FAIL(MAL_E_CANCEL, "cancelled while %s", stage);
    return MAL_OK;
}

TEST(a_cancelled_party_stops_and_its_peer_too) {
    static char *const stages[] = { "own keys", "store", "own masks",
                                    "matching", "masking" };
    for (unsigned i = 0; i < 5; i++) {
        psi_scene c;
        mal_progress p = { cancel, stages[i] };
        psi_scene_new(&c, 20, 20, 0, MAL_PSI_MALICIOUS);
        if (i < 4)
            c.r_progress = &p;
        else
            c.s_progress = &p;
        psi_scene_go(&c);
        CHECK_EQ(i < 4 ? c.r_err : c.s_err, MAL_E_CANCEL);
        CHECK(no_hits(&c));
        psi_scene_done(&c);
    }
}

TEST_MAIN
