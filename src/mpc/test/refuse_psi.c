/* Whatever a peer sends instead of its message ends the run on both sides, with
 * one error that does not say why, and without an answer. */
#include "psi_parties.h"

#define P1_MESSAGES 3 /* masked keys, randomiser, sums */
#define P2_MESSAGES 4 /* remasked keys, public keys, rows, done */

/* 4 + 5 keys of bounds 6 and 7, 2 words: all fits one message each. */
static void small_run(psi_run *r, uint64_t *seed) {
    psi_new(r, 4, 5, 2, 2, 1, seed);
    r->filter_params.filter_max = r->payload_params.filter_max = 6;
    r->filter_params.payload_max = r->payload_params.payload_max = 7;
}

static bool gone(mal_err err) {
    return err == MAL_E_PEER || err == MAL_E_TIMEOUT;
}

/* The receiver refuses; the sender ends too, unless it was done. */
static void check_refused(psi_run *r, bool by_p1, bool sender_done) {
    psi_go(r);
    mal_err sender = by_p1 ? r->err1 : r->err2;
    mal_err receiver = by_p1 ? r->err2 : r->err1;
    CHECK_THAT(gone(receiver), "the receiver: %s", mal_err_name(receiver));
    CHECK_THAT(gone(sender) || (sender_done && sender == MAL_OK),
               "the sender: %s", mal_err_name(sender));
    CHECK(r->err2 == MAL_OK || r->ciphertexts.len == 0);
    CHECK_EQ(r->report1.matches, 0);
}

static spy *spy_of(psi_run *r, bool p1) {
    return p1 ? &r->p1 : &r->p2;
}

static void tamper_each_message(tamper how, size_t offset) {
    uint64_t seed = mal_test_seed();
    for (unsigned m = 0; m < P1_MESSAGES + P2_MESSAGES; m++) {
        const bool p1 = m < P1_MESSAGES;
        psi_run r;
        small_run(&r, &seed);
        spy *s = spy_of(&r, p1);
        s->how = how;
        s->at = p1 ? m : m - P1_MESSAGES;
        s->offset = offset;
        check_refused(&r, p1, m == P1_MESSAGES + P2_MESSAGES - 1);
        psi_done(&r);
    }
}

TEST(the_messages_are_those_this_test_knows) {
    uint64_t seed = mal_test_seed();
    psi_run r;
    small_run(&r, &seed);
    psi_go(&r);
    CHECK_EQ(r.err1, MAL_OK);
    CHECK_EQ(r.p1.sent, P1_MESSAGES);
    CHECK_EQ(r.p2.sent, P2_MESSAGES);
    const size_t p1[] = { 48 + 6 * 32, 48 + 32, 48 + 2 * 64 };
    const size_t p2[] = { 48 + 6 * 32, 48 + 2 * 32, 48 + 7 * 4 * 32, 48 };
    for (int i = 0; i < P1_MESSAGES; i++)
        CHECK_EQ(r.p1.trace[i], p1[i]);
    for (int i = 0; i < P2_MESSAGES; i++)
        CHECK_EQ(r.p2.trace[i], p2[i]);
    psi_done(&r);
}

TEST(refuses_a_short_message) {
    tamper_each_message(TAMPER_SHORT, 0);
}

TEST(refuses_a_long_message) {
    tamper_each_message(TAMPER_LONG, 0);
}

TEST(refuses_a_changed_header) {
    for (size_t at = 0; at < 48; at += 5)
        tamper_each_message(TAMPER_FLIP, at);
}

TEST(a_missing_message_ends_both_sides) {
    psi_timeout_ms = 100;
    tamper_each_message(TAMPER_SKIP, 0);
    psi_timeout_ms = 3000;
}

TEST(a_peer_that_closes_at_each_message_ends_both_sides) {
    tamper_each_message(TAMPER_CLOSE, 0);
}

/* --- Points --------------------------------------------------------------- */

/* Overwrite the `index`-th point of a body of any message that has points. */
static void put_point_everywhere(const uint8_t bytes[32]) {
    uint64_t seed = mal_test_seed();
    static const unsigned points[] = { 6, 1, 4, 6, 2, 28 };
    for (unsigned m = 0; m < 6; m++) {
        const bool p1 = m < P1_MESSAGES;
        for (unsigned at = 0; at < points[m]; at++) {
            psi_run r;
            small_run(&r, &seed);
            spy *s = spy_of(&r, p1);
            s->how = TAMPER_BODY;
            s->at = p1 ? m : m - P1_MESSAGES;
            s->offset = 48 + 32 * at;
            s->replay = mal_bytes_of(bytes, 32);
            check_refused(&r, p1, false);
            psi_done(&r);
        }
    }
}

TEST(refuses_the_identity_wherever_a_point_belongs) {
    const uint8_t identity[32] = { 0 };
    put_point_everywhere(identity);
}

TEST(refuses_a_string_that_is_no_point) {
    uint8_t garbled[32];
    memset(garbled, 0xff, 32);
    put_point_everywhere(garbled);
}

TEST(refuses_a_point_with_a_second_encoding) {
    uint8_t twin[32];
    CHECK_OK(mal_hex_decode(twin, 32,
                            "e2f2ae0a6abc4e71a884a961c500515f"
                            "58e30b6aa582dd8db6a65945e08d2df6"));
    put_point_everywhere(twin);
}

TEST(refuses_a_masked_key_that_comes_twice) {
    uint64_t seed = mal_test_seed();
    for (unsigned m = 0; m < 2; m++) { /* P1's keys; P2's answer */
        psi_run r;
        small_run(&r, &seed);
        spy *s = spy_of(&r, m == 0);
        s->how = TAMPER_DUPLICATE;
        s->at = 0;
        s->offset = 48 + 32;
        check_refused(&r, m == 0, false);
        psi_done(&r);
    }
}

TEST(refuses_a_row_whose_key_comes_twice) {
    uint64_t seed = mal_test_seed();
    psi_run r, other;
    mal_buf rows = { 0 };
    small_run(&other, &seed);
    /* Row 1 gets row 0's masked key: copy 32 bytes four points further. */
    small_run(&r, &seed);
    other.p2.keep = &rows;
    other.p2.at = 2;
    psi_go(&other);
    CHECK_EQ(other.err1, MAL_OK);
    memcpy(rows.ptr + 48 + 128, rows.ptr + 48, 32);
    memcpy(r.filter_params.session, other.filter_params.session, 32);
    r.p2.how = TAMPER_BODY;
    r.p2.at = 2;
    r.p2.offset = 48;
    r.p2.replay = mal_bytes_of(rows.ptr + 48, rows.len - 48);
    check_refused(&r, false, false);
    mal_buf_clear(&rows);
    psi_done(&r);
    psi_done(&other);
}

/* --- Sessions and parameters ---------------------------------------------- */

TEST(refuses_each_message_of_another_session) {
    uint64_t seed = mal_test_seed();
    for (unsigned m = 0; m < P1_MESSAGES + P2_MESSAGES; m++) {
        const bool p1 = m < P1_MESSAGES;
        psi_run r, other;
        mal_buf kept = { 0 };
        small_run(&other, &seed);
        small_run(&r, &seed);
        memset(other.filter_params.session, 9, 32);
        memset(other.payload_params.session, 9, 32);
        spy *s = spy_of(&other, p1);
        s->at = p1 ? m : m - P1_MESSAGES;
        s->keep = &kept;
        psi_go(&other);
        CHECK_EQ(other.err1, MAL_OK);
        s = spy_of(&r, p1);
        s->at = p1 ? m : m - P1_MESSAGES;
        s->how = TAMPER_REPLAY;
        s->replay = mal_buf_view(&kept);
        check_refused(&r, p1, m == P1_MESSAGES + P2_MESSAGES - 1);
        mal_buf_clear(&kept);
        psi_done(&r);
        psi_done(&other);
    }
}

TEST(parties_that_differ_in_any_parameter_part) {
    uint64_t seed = mal_test_seed();
    for (int what = 0; what < 6; what++) {
        psi_run r;
        small_run(&r, &seed);
        mal_mpc_psi_params *q = &r.payload_params;
        MAL_AUTO(mal_key_clear) mal_key sec = { 0 };
        switch (what) {
        case 0:
            q->session[31] ^= 1;
            break;
        case 1:
            q->filter_max++;
            break;
        case 2:
            q->payload_max++;
            break;
        case 3: /* 2 cells of 1 become 1 cell of 2: the same sizes */
            q->cells = 1;
            q->aggs = 2;
            break;
        case 4:
            CHECK_OK(mal_mpc_psi_recipient_keygen(q->recipient, &sec));
            break;
        case 5:
            q->aggs = 2;
            r.values = realloc(r.values, 8 * 64);
            memset(r.values, 0, 8 * 64);
            r.payload.values = r.values;
            r.payload.noise = NULL;
            break;
        }
        check_refused(&r, true, false);
        psi_done(&r);
    }
}

TEST(refuses_parameters_out_of_range) {
    uint64_t seed = mal_test_seed();
    for (int what = 0; what < 8; what++) {
        psi_run r;
        small_run(&r, &seed);
        mal_mpc_psi_params *q = &r.filter_params;
        switch (what) {
        case 0:
            q->filter_max = 0;
            break;
        case 1:
            q->payload_max = 0;
            break;
        case 2:
            q->filter_max = MAL_MPC_PSI_ROWS_MAX + 1;
            break;
        case 3:
            q->cells = 0;
            break;
        case 4:
            q->aggs = 0;
            break;
        case 5:
            q->cells = 1u << 31;
            q->aggs = 1u << 31;
            break;
        case 6:
            memset(q->recipient, 0, 32);
            break;
        case 7:
            q->filter_max = 3; /* and there are 4 keys */
            break;
        }
        psi_go(&r);
        CHECK_EQ(r.err1, MAL_E_INPUT);
        CHECK(gone(r.err2));
        psi_done(&r);
    }
}

TEST(refuses_own_keys_that_repeat) {
    uint64_t seed = mal_test_seed();
    for (int side = 0; side < 2; side++) {
        psi_run r;
        small_run(&r, &seed);
        memcpy(side ? r.w[1] : r.v[1], side ? r.w[0] : r.v[0], 16);
        psi_go(&r);
        CHECK_EQ(side ? r.err2 : r.err1, MAL_E_INPUT);
        CHECK(gone(side ? r.err1 : r.err2));
        psi_done(&r);
    }
}

/* --- The recipient -------------------------------------------------------- */

TEST(refuses_to_open_what_are_not_ciphertexts_or_not_ours) {
    uint64_t seed = mal_test_seed();
    psi_run r;
    int64_t answer[2] = { 1, 1 };
    mal_mpc_psi_open_options options = { 1 << 22, 1 };
    MAL_AUTO(mal_key_clear) mal_key other = { 0 };
    uint8_t pub[32];
    CHECK_OK(mal_mpc_psi_recipient_keygen(pub, &other));
    small_run(&r, &seed);
    psi_go(&r);
    mal_bytes good = mal_buf_view(&r.ciphertexts);
    CHECK_ERR(mal_mpc_psi_open(answer, &r.sec, mal_bytes_of(good.ptr, 127),
                               &options, NULL),
              MAL_E_INPUT);
    CHECK_ERR(mal_mpc_psi_open(answer, &r.sec, mal_bytes_of(good.ptr, 0),
                               &options, NULL),
              MAL_E_INPUT);
    CHECK_ERR(mal_mpc_psi_open(answer, &other, good, &options, NULL),
              MAL_E_INPUT);
    CHECK_EQ(answer[0], 0);
    options.bound = 0;
    CHECK_ERR(mal_mpc_psi_open(answer, &r.sec, good, &options, NULL),
              MAL_E_INPUT);
    options.bound = MAL_MPC_PSI_BOUND_MAX + 1;
    CHECK_ERR(mal_mpc_psi_open(answer, &r.sec, good, &options, NULL),
              MAL_E_INPUT);
    options.bound = 1 << 22;
    r.ciphertexts.ptr[0] ^= 1;
    CHECK_ERR(mal_mpc_psi_open(answer, &r.sec, good, &options, NULL),
              MAL_E_INPUT);
    psi_done(&r);
}

TEST(an_answer_beyond_the_bound_is_refused_and_the_bound_is_named) {
    uint64_t seed = mal_test_seed();
    psi_run r;
    int64_t answer[1];
    const mal_mpc_psi_open_options options = { 1000, 1 };
    psi_new(&r, 1, 1, 0, 1, 1, &seed);
    r.values[0] = 1000;
    r.filter.noise = r.payload.noise = NULL;
    psi_go(&r);
    CHECK_ERR(mal_mpc_psi_open(answer, &r.sec, mal_buf_view(&r.ciphertexts),
                               &options, NULL),
              MAL_E_INPUT);
    CHECK(strstr(mal_err_message(), "1000"));
    psi_done(&r);
}

TEST_MAIN
