/* What the ledger refuses, and that a refusal leaves no trace. */
#include "ledger_case.h"

#define HALF (MAL_DP_NANO / 2)

static void check_untouched(world *w) {
    for (size_t i = 0; i < 2; i++) {
        mal_dp_balance b = balance_at(w, i, NOW);
        CHECK_EQ(b.held_nano + b.spent_nano, 0);
        CHECK_EQ(b.delta_64, 0);
    }
}

TEST(the_ledger_refuses_the_release_that_would_overdraw_it) {
    world w;
    world_open(&w, ":memory:");
    for (uint64_t i = 1; i <= 4; i++)
        CHECK_OK(hold_at(&w, i, NOW));
    CHECK_ERR(hold_at(&w, 5, NOW), MAL_E_BUDGET);
    CHECK(strstr(mal_err_message(), "total budget of customers@1"));
    CHECK(strstr(mal_err_message(), "0.000000000 left"));
    CHECK_EQ(balance_at(&w, 0, NOW).left_nano, 0);
    world_close(&w);
}

TEST(a_third_of_a_budget_fits_it_three_times_and_not_a_nano_more) {
    world w;
    world_open(&w, ":memory:");
    w.charges[0].loss = loss_of(1, 3);
    w.limits[0].epsilon_nano = MAL_DP_NANO;
    CHECK_OK(hold_at(&w, 1, NOW));
    CHECK_OK(hold_at(&w, 2, NOW));
    CHECK_ERR(hold_at(&w, 3, NOW),
              MAL_E_BUDGET); /* rounded up: never too much */
    w.limits[0].epsilon_nano = MAL_DP_NANO + 2;
    CHECK_OK(hold_at(&w, 3, NOW));
    world_close(&w);
}

TEST(when_one_lineage_is_short_the_other_is_not_charged) {
    world w;
    world_open(&w, ":memory:");
    w.hold.n_charges = 2;
    w.limits[1].epsilon_nano = MAL_DP_NANO / 4 - 1;
    CHECK_ERR(hold_at(&w, 1, NOW), MAL_E_BUDGET);
    check_untouched(&w);
    world_close(&w);
}

TEST(a_delta_that_does_not_fit_is_refused) {
    world w;
    world_open(&w, ":memory:");
    w.limits[0].delta_64 = 19;
    CHECK_OK(hold_at(&w, 1, NOW));
    CHECK_ERR(hold_at(&w, 2, NOW), MAL_E_BUDGET);
    world_close(&w);
}

TEST(a_budget_without_a_total_is_refused) {
    world w;
    world_open(&w, ":memory:");
    w.limits[0].window_s = 30 * DAY;
    CHECK_ERR(hold_at(&w, 1, NOW), MAL_E_INPUT);
    w.limits[0].window_s = 0;
    w.limits[0].scope = MAL_DP_SCOPE_ANALYST;
    CHECK_ERR(hold_at(&w, 1, NOW), MAL_E_INPUT);
    w.n_limits = 0;
    CHECK_ERR(hold_at(&w, 1, NOW), MAL_E_INPUT);
    check_untouched(&w);
    world_close(&w);
}

TEST(another_room_and_analyst_do_not_widen_the_total) {
    world w;
    world_open(&w, ":memory:");
    for (uint64_t i = 1; i <= 4; i++)
        CHECK_OK(hold_at(&w, i, NOW));
    w.hold.room = "other room";
    w.hold.analyst = "bureau";
    w.hold.purpose = "research";
    CHECK_ERR(hold_at(&w, 5, NOW), MAL_E_BUDGET);
    world_close(&w);
}

TEST(an_exact_release_without_the_owners_clause_is_refused) {
    world w;
    world_open(&w, ":memory:");
    w.charges[0].loss = (mal_dp_loss){ .mechanism = MAL_DP_EXACT,
                                       .eps_den = 1,
                                       .parties = 1,
                                       .share_k = 1,
                                       .unit = "u" };
    CHECK_ERR(hold_at(&w, 1, NOW), MAL_E_BUDGET);
    CHECK_EQ(balance_at(&w, 0, NOW).exact, 0);
    world_close(&w);
}

TEST(a_used_job_id_is_refused) {
    world w;
    world_open(&w, ":memory:");
    CHECK_OK(hold_at(&w, 1, NOW));
    w.charges[0].loss = loss_of(1, 5);
    CHECK_ERR(hold_at(&w, 1, NOW), MAL_E_STATE); /* other content */
    w.charges[0].loss = loss_of(1, 2);
    CHECK_OK(spend_at(&w, NOW));
    CHECK_ERR(hold_at(&w, 1, NOW), MAL_E_STATE); /* spent */
    CHECK_OK(hold_at(&w, 2, NOW));
    CHECK_OK(void_now(&w, NOW));
    CHECK_ERR(hold_at(&w, 2, NOW), MAL_E_STATE); /* voided */
    CHECK_EQ(balance_at(&w, 0, NOW).spent_nano, HALF);
    world_close(&w);
}

TEST(a_spend_before_every_owner_has_signed_is_refused) {
    world w;
    world_open(&w, ":memory:");
    w.peers[1] = "bank";
    w.hold.n_peers = 2;
    CHECK_OK(hold_at(&w, 1, NOW));
    CHECK_ERR(mal_dp_ledger_spend(w.ledger, w.hold.job_id, NOW), MAL_E_STATE);
    CHECK_OK(sign_hold(&w, "retail"));
    CHECK_ERR(mal_dp_ledger_spend(w.ledger, w.hold.job_id, NOW), MAL_E_STATE);
    CHECK(strstr(mal_err_message(), "bank"));
    CHECK_EQ(state_of(&w), MAL_DP_HELD);
    world_close(&w);
}

TEST(a_late_spend_is_refused_and_the_hold_counts_as_spent) {
    world w;
    world_open(&w, ":memory:");
    CHECK_OK(hold_at(&w, 1, NOW));
    CHECK_ERR(spend_at(&w, NOW + 60), MAL_E_STATE);
    CHECK_EQ(state_of(&w), MAL_DP_EXPIRED);
    CHECK_ERR(spend_at(&w, NOW), MAL_E_STATE);
    CHECK_EQ(balance_at(&w, 0, NOW).spent_nano, HALF);
    world_close(&w);
}

TEST(a_void_needs_every_other_owner) {
    world w;
    world_open(&w, ":memory:");
    w.peers[1] = "bank";
    w.hold.n_peers = 2;
    CHECK_OK(hold_at(&w, 1, NOW));
    CHECK_ERR(void_now(&w, NOW), MAL_E_DENIED);
    CHECK_ERR(mal_dp_ledger_void(w.ledger, w.hold.job_id, NULL, 0, NOW),
              MAL_E_DENIED);
    mal_dp_void v[2] = { { "retail", true, mal_bytes_str("a") },
                         { "bank", false, mal_bytes_str("b") } };
    CHECK_ERR(mal_dp_ledger_void(w.ledger, w.hold.job_id, v, 2, NOW),
              MAL_E_DENIED);
    CHECK_EQ(state_of(&w), MAL_DP_HELD);
    v[1].verified = true;
    CHECK_OK(mal_dp_ledger_void(w.ledger, w.hold.job_id, v, 2, NOW));
    world_close(&w);
}

TEST(what_is_spent_or_late_is_never_voided) {
    world w;
    world_open(&w, ":memory:");
    CHECK_OK(hold_at(&w, 1, NOW));
    CHECK_OK(spend_at(&w, NOW));
    CHECK_ERR(void_now(&w, NOW), MAL_E_STATE);
    CHECK_OK(hold_at(&w, 2, NOW));
    CHECK_ERR(void_now(&w, NOW + 60), MAL_E_STATE);
    CHECK_EQ(balance_at(&w, 0, NOW).spent_nano, 2 * HALF);
    CHECK_OK(hold_at(&w, 3, NOW));
    CHECK_OK(void_now(&w, NOW));
    CHECK_ERR(spend_at(&w, NOW), MAL_E_STATE);
    world_close(&w);
}

TEST(a_void_is_not_smuggled_in_as_a_blob) {
    world w;
    world_open(&w, ":memory:");
    CHECK_OK(hold_at(&w, 1, NOW));
    CHECK_ERR(mal_dp_ledger_attach(w.ledger, w.hold.job_id, "void", "retail",
                                   mal_bytes_str("x")),
              MAL_E_INPUT);
    world_close(&w);
}

TEST(a_second_different_signature_is_refused) {
    world w;
    world_open(&w, ":memory:");
    CHECK_OK(hold_at(&w, 1, NOW));
    CHECK_OK(sign_hold(&w, "retail"));
    CHECK_ERR(mal_dp_ledger_attach(w.ledger, w.hold.job_id, "hold", "retail",
                                   mal_bytes_str("other")),
              MAL_E_STATE);
    CHECK_ERR(sign_hold(&w, "stranger"), MAL_E_DENIED);
    CHECK_ERR(mal_dp_ledger_attach(w.ledger, w.hold.job_id, "hold", "retail",
                                   mal_bytes_str("")),
              MAL_E_LIMIT);
    world_close(&w);
}

TEST(a_peer_whose_aborts_have_cost_too_much_is_not_served) {
    world w;
    world_open(&w, ":memory:");
    w.hold.abort_nano_max = HALF;
    for (uint64_t i = 1; i <= 2; i++) {
        CHECK_OK(hold_at(&w, i, NOW));
        CHECK_ERR(mal_dp_ledger_abort(w.ledger, w.hold.job_id, "agency"),
                  MAL_E_STATE);
        CHECK_OK(spend_at(&w, NOW));
        CHECK_OK(mal_dp_ledger_abort(w.ledger, w.hold.job_id, "agency"));
        CHECK_ERR(mal_dp_ledger_abort(w.ledger, w.hold.job_id, "retail"),
                  MAL_E_STATE);
    }
    CHECK_ERR(hold_at(&w, 3, NOW), MAL_E_BUDGET);
    CHECK(strstr(mal_err_message(), "agency broke off"));
    w.hold.analyst = "bureau";
    CHECK_OK(hold_at(&w, 4, NOW));
    world_close(&w);
}

TEST(a_clock_that_runs_back_frees_nothing) {
    world w;
    world_open(&w, ":memory:");
    w.limits[2] =
        (mal_dp_limit){ "customers@1", MAL_DP_SCOPE_TOTAL, 30 * DAY, HALF, 1000,
                        false };
    w.n_limits = 3;
    CHECK_OK(hold_at(&w, 1, NOW));
    CHECK_OK(spend_at(&w, NOW));
    CHECK_ERR(hold_at(&w, 2, 1000), MAL_E_BUDGET);
    CHECK_OK(mal_dp_ledger_spend(w.ledger, (uint8_t[32]){ 1 }, 1000));
    CHECK_ERR(hold_at(&w, 2, NOW + 1), MAL_E_BUDGET);
    world_close(&w);
}

TEST(a_lineage_cannot_be_rewritten_or_invented) {
    world w;
    world_open(&w, ":memory:");
    const char *from = "visits@1", *unknown = "nothing@1", *self = "self@1";
    CHECK_ERR(mal_dp_ledger_register(w.ledger, "customers@1", &from, 1, NULL),
              MAL_E_STATE);
    CHECK_ERR(mal_dp_ledger_register(w.ledger, "a@2", &unknown, 1, NULL),
              MAL_E_MISSING);
    CHECK_ERR(mal_dp_ledger_register(w.ledger, "self@1", &self, 1, NULL),
              MAL_E_MISSING);
    CHECK_ERR(mal_dp_ledger_register(w.ledger, "a@2", &from, 1, "and new"),
              MAL_E_INPUT);
    CHECK_ERR(mal_dp_ledger_register(w.ledger, "a@2", NULL, 0, NULL),
              MAL_E_INPUT);
    CHECK_ERR(mal_dp_ledger_register(w.ledger, "", NULL, 0, "new"),
              MAL_E_INPUT);
    w.charges[0].version = "a@2";
    CHECK_ERR(hold_at(&w, 1, NOW), MAL_E_MISSING);
    world_close(&w);
}

TEST(malformed_holds_are_refused) {
    world w;
    world_open(&w, ":memory:");
    set_job(&w, 1);
    w.hold.deadline = NOW;
    CHECK_ERR(mal_dp_ledger_hold(w.ledger, &w.hold, w.limits, 2, NOW),
              MAL_E_INPUT);
    w.hold.n_charges = 0;
    CHECK_ERR(hold_at(&w, 1, NOW), MAL_E_LIMIT);
    w.hold.n_charges = 1;
    w.hold.analyst = "";
    CHECK_ERR(hold_at(&w, 1, NOW), MAL_E_INPUT);
    w.hold.analyst = "agency";
    w.peers[1] = "retail";
    w.hold.n_peers = 2;
    CHECK_ERR(hold_at(&w, 1, NOW), MAL_E_INPUT);
    w.hold.n_peers = 1;
    w.charges[0].loss.sensitivity = 0;
    CHECK_ERR(hold_at(&w, 1, NOW), MAL_E_INPUT);
    w.charges[0].loss = loss_of(1, 2);
    w.limits[0].epsilon_nano = UINT64_MAX;
    CHECK_ERR(hold_at(&w, 1, NOW), MAL_E_INPUT);
    w.limits[0].epsilon_nano = 2 * MAL_DP_NANO;
    check_untouched(&w);
    world_close(&w);
}

TEST(a_job_nobody_held_is_missing) {
    world w;
    mal_dp_state s;
    world_open(&w, ":memory:");
    set_job(&w, 7);
    CHECK_ERR(mal_dp_ledger_spend(w.ledger, w.hold.job_id, NOW), MAL_E_MISSING);
    CHECK_ERR(void_now(&w, NOW), MAL_E_MISSING);
    CHECK_ERR(sign_hold(&w, "retail"), MAL_E_MISSING);
    CHECK_ERR(mal_dp_ledger_state(w.ledger, &s, w.hold.job_id), MAL_E_MISSING);
    world_close(&w);
}

TEST(a_file_that_is_no_ledger_is_refused) {
    mal_dp_ledger *ledger = NULL;
    char path[4200];
    snprintf(path, sizeof path, "%s/text", mal_test_dir());
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 200; i++)
        fputs("this is not a database at all\n", f);
    fclose(f);
    CHECK_ERR(mal_dp_ledger_open(&ledger, path), MAL_E_IO);
    CHECK(!ledger);
}

TEST_MAIN
