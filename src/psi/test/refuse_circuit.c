/* Whatever a peer sends instead of its message ends the run on both sides with
 * one error that does not say why and without an answer, or, where any bytes
 * are a message of the protocol, gives an answer that is as wrong as a lying
 * peer can make it: nothing worse. */
#include "circuit_parties.h"

static bool gone(mal_err err) {
    return err == MAL_E_PEER || err == MAL_E_TIMEOUT;
}

static void small_run(circuit_run *r, uint64_t *seed) {
    run_new(r, 4, 5, 2, 2, seed);
    r->filter_params.filter_max = r->payload_params.filter_max = 6;
    r->filter_params.payload_max = r->payload_params.payload_max = 7;
}

static void check_no_answer(const circuit_run *r) {
    static const mal_psi_circuit_report none;
    if (r->err1 != MAL_OK)
        CHECK(r->y1[0] == 0 && r->y1[1] == 0 &&
              mal_equal(&r->report1, &none, sizeof none));
    if (r->err2 != MAL_OK)
        CHECK(r->y2[0] == 0 && r->y2[1] == 0 &&
              mal_equal(&r->report2, &none, sizeof none));
}

static void count_messages(unsigned sent[2], uint64_t *seed) {
    circuit_run r;
    small_run(&r, seed);
    run_go(&r);
    run_check(&r);
    sent[0] = r.p1.sent;
    sent[1] = r.p2.sent;
    run_done(&r);
}

/* Message number m of party p (0: filter) is tampered with. */
static void tampered_run(circuit_run *r, tamper how, unsigned p, unsigned m,
                         uint64_t *seed) {
    small_run(r, seed);
    spy *s = p ? &r->p2 : &r->p1;
    s->how = how;
    s->at = m;
    run_go(r);
    check_no_answer(r);
}

static void refuse_each_message(tamper how) {
    uint64_t seed = mal_test_seed();
    unsigned sent[2];
    count_messages(sent, &seed);
    CHECK(sent[0] >= 5 && sent[1] >= 5);
    for (unsigned p = 0; p < 2; p++)
        for (unsigned m = 0; m < sent[p]; m++) {
            circuit_run r;
            tampered_run(&r, how, p, m, &seed);
            const mal_err receiver = p ? r.err1 : r.err2;
            const mal_err sender = p ? r.err2 : r.err1;
            CHECK_THAT(gone(receiver), "message %u of %u: the receiver: %s", m,
                       p, mal_err_name(receiver));
            CHECK_THAT(gone(sender) || (m == sent[p] - 1 && sender == MAL_OK),
                       "message %u of %u: the sender: %s", m, p,
                       mal_err_name(sender));
            run_done(&r);
        }
}

TEST(refuses_a_short_message) {
    refuse_each_message(TAMPER_SHORT);
}

TEST(refuses_a_long_message) {
    refuse_each_message(TAMPER_LONG);
}

TEST(a_peer_that_closes_at_each_message_ends_both_sides) {
    refuse_each_message(TAMPER_CLOSE);
}

TEST(a_missing_message_ends_both_sides) {
    run_timeout_ms = 300;
    refuse_each_message(TAMPER_SKIP);
    run_timeout_ms = 3000;
}

TEST(random_bytes_in_any_message_do_no_more_than_spoil_the_answer) {
    uint64_t seed = mal_test_seed();
    unsigned sent[2];
    count_messages(sent, &seed);
    for (unsigned p = 0; p < 2; p++)
        for (unsigned m = 0; m < sent[p]; m++) {
            circuit_run r;
            tampered_run(&r, TAMPER_RANDOM, p, m, &seed);
            CHECK(r.err1 == MAL_OK || gone(r.err1));
            CHECK(r.err2 == MAL_OK || gone(r.err2));
            if (r.err1 == MAL_OK && r.err2 == MAL_OK) /* they see it */
                CHECK(!mal_equal(&r.report1, &r.report2, sizeof r.report1));
            run_done(&r);
        }
}

/* The filter's transfers for the noise of its correlations: 11 for each of
 * 1,024 trees, some bytes each.  One wrong bit would show it bits of delta, and
 * with delta all rows. */
TEST(a_filter_that_lies_in_its_transfers_ends_the_run) {
    uint64_t seed = mal_test_seed();
    circuit_run r;
    small_run(&r, &seed);
    run_go(&r);
    run_check(&r);
    const unsigned sent = r.p1.sent;
    size_t length[TRACE_MAX];
    memcpy(length, r.p1.trace, sizeof length);
    run_done(&r);
    unsigned found = 0;
    for (unsigned m = 0; m < sent; m++) {
        if (length[m] < 40 * 512 * 2)
            continue;
        tampered_run(&r, TAMPER_FLIP, 0, m, &seed);
        CHECK_EQ(r.err2, MAL_E_PEER);
        CHECK(gone(r.err1));
        run_done(&r);
        found++;
    }
    CHECK(found >= 1);
}

/* --- Sessions and parameters ---------------------------------------------- */

TEST(refuses_the_first_message_of_another_session) {
    uint64_t seed = mal_test_seed();
    for (unsigned p = 0; p < 2; p++) {
        circuit_run r, other;
        MAL_AUTO(mal_buf_clear) mal_buf kept = { 0 };
        small_run(&other, &seed);
        small_run(&r, &seed);
        memset(other.filter_params.session, 9, 32);
        memset(other.payload_params.session, 9, 32);
        (p ? &other.p2 : &other.p1)->keep = &kept;
        run_go(&other);
        run_check(&other);
        spy *s = p ? &r.p2 : &r.p1;
        s->at = 0;
        s->how = TAMPER_REPLAY;
        s->replay = mal_bytes_of(kept.ptr, 64);
        run_go(&r);
        CHECK(gone(p ? r.err1 : r.err2) && gone(p ? r.err2 : r.err1));
        check_no_answer(&r);
        run_done(&r);
        run_done(&other);
    }
}

TEST(parties_that_differ_in_any_parameter_part) {
    uint64_t seed = mal_test_seed();
    for (int what = 0; what < 4; what++) {
        circuit_run r;
        small_run(&r, &seed);
        mal_psi_circuit_params *q = &r.payload_params;
        q->session[31] ^= what == 0;
        q->filter_max += what == 1;
        q->payload_max += what == 2;
        q->words -= what == 3;
        run_go(&r);
        CHECK(gone(r.err1) && gone(r.err2));
        check_no_answer(&r);
        run_done(&r);
    }
}

TEST(refuses_parameters_out_of_range) {
    uint64_t seed = mal_test_seed();
    for (int what = 0; what < 6; what++) {
        circuit_run r;
        small_run(&r, &seed);
        mal_psi_circuit_params *q = &r.filter_params;
        switch (what) {
        case 0:
            q->filter_max = 0;
            break;
        case 1:
            q->payload_max = 0;
            break;
        case 2:
            q->filter_max = MAL_PSI_CIRCUIT_ROWS_MAX + 1;
            break;
        case 3:
            q->words = 0;
            break;
        case 4:
            q->words = MAL_PSI_CIRCUIT_WORDS_MAX + 1;
            break;
        case 5: /* and there are 4 keys */
            q->filter_max = r.payload_params.filter_max = 3;
            break;
        }
        run_go(&r);
        CHECK_EQ(r.err1, MAL_E_INPUT);
        CHECK(gone(r.err2));
        run_done(&r);
    }
}

/* Pitfall 5: a repeat would make the store's system singular, and would count
 * twice. */
TEST(refuses_own_keys_that_repeat) {
    uint64_t seed = mal_test_seed();
    for (int side = 0; side < 2; side++) {
        circuit_run r;
        small_run(&r, &seed);
        memcpy(side ? r.w[4] : r.v[3], side ? r.w[0] : r.v[0],
               MAL_PSI_CIRCUIT_KEY);
        run_go(&r);
        CHECK_EQ(side ? r.err2 : r.err1, MAL_E_INPUT);
        CHECK(gone(side ? r.err1 : r.err2));
        check_no_answer(&r);
        run_done(&r);
    }
}

TEST_MAIN
