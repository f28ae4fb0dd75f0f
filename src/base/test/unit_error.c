#include "mal_test.h"

static mal_err innermost(int wanted) {
    MAL_REQUIRE(wanted == 7, MAL_E_DENIED, "wanted is %d, not 7", wanted);
    return MAL_OK;
}
static mal_err middle(int wanted) {
    MAL_TRY(innermost(wanted));
    return MAL_OK;
}

TEST(a_failure_keeps_its_class_its_message_and_its_trail) {
    CHECK_EQ(middle(8), MAL_E_DENIED);
    CHECK_STR(mal_err_message(), "wanted is 8, not 7");
    const char *trail = mal_err_trail();
    CHECK(strstr(trail, "unit_error.c:4: E_DENIED: wanted is 8, not 7\n"));
    CHECK(strstr(trail, "unit_error.c:8: E_DENIED"));
    mal_err_forget();
    CHECK_STR(mal_err_message(), "");
    CHECK_STR(mal_err_trail(), "");
}

TEST(a_failure_may_quote_the_message_before_it) {
    CHECK_EQ(middle(8), MAL_E_DENIED);
    mal_err_set(MAL_E_PEER, "x.c", 1, "peer: %s", mal_err_message());
    CHECK_STR(mal_err_message(), "peer: wanted is 8, not 7");
}

TEST(a_success_leaves_no_message) {
    CHECK_EQ(middle(7), MAL_OK);
    CHECK_STR(mal_err_message(), "");
}

TEST(a_very_long_trail_and_message_are_cut_not_overrun) {
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    mal_err_set(MAL_E_INPUT, __FILE__, __LINE__, "%s", text);
    for (int i = 0; i < 1000; i++)
        mal_err_trace(MAL_E_INPUT, __FILE__, __LINE__);
    CHECK_EQ(strlen(mal_err_message()), 1023);
    CHECK(strlen(mal_err_trail()) < 4096);
}

TEST(every_class_has_a_name_and_a_text) {
    CHECK_STR(mal_err_name(MAL_E_BUDGET), "E_BUDGET");
    CHECK_STR(mal_err_name(MAL_OK), "OK");
    CHECK_STR(mal_err_text(MAL_E_TIMEOUT), "time ran out");
    CHECK_STR(mal_err_name((mal_err)99), "E_UNKNOWN");
}

static mal_err cancel_at_three(void *ctx, const char *stage, uint64_t done,
                               uint64_t total) {
    (void)total;
    *(const char **)ctx = stage;
    MAL_REQUIRE(done < 3, MAL_E_CANCEL, "cancelled by the user");
    return MAL_OK;
}

TEST(progress_is_told_and_may_cancel) {
    const char *stage = NULL;
    mal_progress progress = { cancel_at_three, &stage };
    CHECK_OK(mal_progress_step(&progress, "read", 2, 9));
    CHECK_STR(stage, "read");
    CHECK_ERR(mal_progress_step(&progress, "read", 3, 9), MAL_E_CANCEL);
    CHECK_OK(mal_progress_step(NULL, "read", 3, 9));
}

TEST_MAIN
