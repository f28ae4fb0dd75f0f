/* What the ledger does when all goes well. */
#include "ledger_case.h"

#define HALF (MAL_DP_NANO / 2)

TEST(a_hold_counts_at_once_and_a_spend_changes_nothing_of_the_sum) {
    world w;
    world_open(&w, ":memory:");
    CHECK_OK(hold_at(&w, 1, NOW));
    mal_dp_balance b = balance_at(&w, 0, NOW);
    CHECK_EQ(b.held_nano, HALF);
    CHECK_EQ(b.spent_nano, 0);
    CHECK_EQ(b.left_nano, 3 * HALF);
    CHECK_EQ(b.delta_64, 10);
    CHECK_OK(spend_at(&w, NOW + 1));
    b = balance_at(&w, 0, NOW);
    CHECK_EQ(b.held_nano, 0);
    CHECK_EQ(b.spent_nano, HALF);
    CHECK_EQ(b.left_nano, 3 * HALF);
    CHECK_EQ(state_of(&w), MAL_DP_SPENT);
    world_close(&w);
}

TEST(hold_spend_and_void_are_idempotent) {
    world w;
    world_open(&w, ":memory:");
    CHECK_OK(hold_at(&w, 1, NOW));
    CHECK_OK(hold_at(&w, 1, NOW));
    CHECK_OK(spend_at(&w, NOW));
    CHECK_OK(spend_at(&w, NOW + 9999));
    CHECK_EQ(balance_at(&w, 0, NOW).spent_nano, HALF);
    CHECK_OK(hold_at(&w, 2, NOW));
    CHECK_OK(void_now(&w, NOW));
    CHECK_OK(void_now(&w, NOW));
    CHECK_EQ(balance_at(&w, 0, NOW).left_nano, 3 * HALF);
    world_close(&w);
}

TEST(several_losses_and_lineages_are_one_reservation) {
    world w;
    world_open(&w, ":memory:");
    w.hold.n_charges = 3;
    w.charges[2] = (mal_dp_charge){ "customers@1", loss_of(1, 3) };
    CHECK_OK(hold_at(&w, 1, NOW));
    CHECK_EQ(balance_at(&w, 0, NOW).held_nano, HALF + 333333334);
    CHECK_EQ(balance_at(&w, 1, NOW).held_nano, MAL_DP_NANO / 4);
    world_close(&w);
}

TEST(a_new_version_inherits_the_spend) {
    world w;
    world_open(&w, ":memory:");
    CHECK_OK(hold_at(&w, 1, NOW));
    const char *from = "customers@1";
    CHECK_OK(mal_dp_ledger_register(w.ledger, "customers@2", &from, 1, NULL));
    CHECK_OK(mal_dp_ledger_register(w.ledger, "customers@2", &from, 1, NULL));
    w.limits[2] = w.limits[0];
    w.limits[2].version = "customers@2";
    CHECK_EQ(balance_at(&w, 2, NOW).left_nano, 3 * HALF);
    world_close(&w);
}

TEST(a_merged_version_charges_every_lineage_it_comes_from) {
    world w;
    world_open(&w, ":memory:");
    const char *from[] = { "customers@1", "visits@1" };
    CHECK_OK(mal_dp_ledger_register(w.ledger, "both@1", from, 2, NULL));
    w.charges[0].version = "both@1";
    CHECK_OK(hold_at(&w, 1, NOW));
    CHECK_EQ(balance_at(&w, 0, NOW).held_nano, HALF);
    CHECK_EQ(balance_at(&w, 1, NOW).held_nano, HALF);
    world_close(&w);
}

TEST(a_rolling_window_frees_what_has_left_it_and_the_total_does_not) {
    world w;
    world_open(&w, ":memory:");
    w.limits[2] =
        (mal_dp_limit){ "customers@1", MAL_DP_SCOPE_TOTAL, 30 * DAY, HALF, 1000,
                        false };
    w.n_limits = 3;
    CHECK_OK(hold_at(&w, 1, NOW));
    CHECK_OK(spend_at(&w, NOW));
    CHECK_ERR(hold_at(&w, 2, NOW + 30 * DAY - 1), MAL_E_BUDGET);
    CHECK_OK(hold_at(&w, 3, NOW + 30 * DAY));
    CHECK_EQ(balance_at(&w, 0, NOW + 30 * DAY).left_nano, 2 * HALF);
    world_close(&w);
}

TEST(an_analysts_limit_counts_that_analyst_alone) {
    world w;
    world_open(&w, ":memory:");
    w.limits[2] =
        (mal_dp_limit){ "customers@1", MAL_DP_SCOPE_ANALYST, 0, HALF, 1000,
                        false };
    w.n_limits = 3;
    CHECK_OK(hold_at(&w, 1, NOW));
    CHECK_ERR(hold_at(&w, 2, NOW), MAL_E_BUDGET);
    w.hold.analyst = "bureau";
    CHECK_OK(hold_at(&w, 3, NOW));
    world_close(&w);
}

TEST(a_hold_past_its_deadline_is_spent_without_anybody_saying_so) {
    world w;
    size_t n;
    world_open(&w, ":memory:");
    CHECK_OK(hold_at(&w, 1, NOW));
    CHECK_OK(mal_dp_ledger_expire(w.ledger, NOW + 59, &n));
    CHECK_EQ(n, 0);
    CHECK_OK(mal_dp_ledger_expire(w.ledger, NOW + 60, &n));
    CHECK_EQ(n, 1);
    CHECK_EQ(state_of(&w), MAL_DP_EXPIRED);
    CHECK_EQ(balance_at(&w, 0, NOW).spent_nano, HALF);
    world_close(&w);
}

TEST(an_exact_release_is_booked_as_unbounded_where_the_owner_signed_for_it) {
    world w;
    world_open(&w, ":memory:");
    w.charges[0].loss = (mal_dp_loss){ .mechanism = MAL_DP_EXACT,
                                       .eps_den = 1,
                                       .parties = 1,
                                       .share_k = 1,
                                       .unit = "acme.customers.email" };
    w.limits[0].exact = true;
    CHECK_OK(hold_at(&w, 1, NOW));
    mal_dp_balance b = balance_at(&w, 0, NOW);
    CHECK_EQ(b.exact, 1);
    CHECK_EQ(b.left_nano, 4 * HALF);
    world_close(&w);
}

static mal_err count_jobs(void *ctx, const mal_dp_job *job) {
    uint64_t *sum = ctx;
    sum[0]++;
    sum[1] += job->epsilon_nano;
    sum[2] += strcmp(job->aborted_by, "retail") == 0;
    return MAL_OK;
}

TEST(the_list_tells_jobs_costs_and_who_broke_them_off) {
    world w;
    uint64_t sum[3] = { 0 };
    world_open(&w, ":memory:");
    w.hold.n_charges = 2;
    CHECK_OK(hold_at(&w, 1, NOW));
    CHECK_OK(spend_at(&w, NOW));
    CHECK_OK(mal_dp_ledger_abort(w.ledger, w.hold.job_id, "retail"));
    CHECK_OK(mal_dp_ledger_abort(w.ledger, w.hold.job_id, "retail"));
    CHECK_OK(hold_at(&w, 2, NOW + 1));
    CHECK_OK(mal_dp_ledger_list(w.ledger, "visits@1", count_jobs, sum));
    CHECK_EQ(sum[0], 2);
    CHECK_EQ(sum[1], 2 * HALF);
    CHECK_EQ(sum[2], 1);
    sum[0] = 0;
    CHECK_OK(mal_dp_ledger_list(w.ledger, NULL, count_jobs, sum));
    CHECK_EQ(sum[0], 2);
    world_close(&w);
}

TEST(signatures_are_kept_with_their_job) {
    world w;
    MAL_AUTO(mal_buf_clear) mal_buf blob = { 0 };
    world_open(&w, ":memory:");
    CHECK_OK(hold_at(&w, 1, NOW));
    CHECK_OK(sign_hold(&w, "retail"));
    CHECK_OK(sign_hold(&w, "retail"));
    CHECK_OK(mal_dp_ledger_attach(w.ledger, w.hold.job_id, "intent", "agency",
                                  mal_bytes_str("cosigned")));
    CHECK_OK(mal_dp_ledger_attached(w.ledger, &blob, w.hold.job_id, "hold",
                                    "retail"));
    CHECK(mal_bytes_same_vartime(mal_buf_view(&blob), mal_bytes_str("signed")));
    world_close(&w);
}

TEST(a_ledger_opened_again_remembers) {
    world w;
    char path[4200];
    snprintf(path, sizeof path, "%s/ledger", mal_test_dir());
    world_open(&w, path);
    CHECK_OK(hold_at(&w, 1, NOW));
    CHECK_OK(spend_at(&w, NOW));
    world_close(&w);
    CHECK_OK(mal_dp_ledger_open(&w.ledger, path));
    CHECK_EQ(balance_at(&w, 0, NOW).spent_nano, HALF);
    world_close(&w);
}

TEST_MAIN
