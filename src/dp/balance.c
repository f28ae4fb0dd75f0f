/* balance.c - what is held, spent and left; and the list of jobs. */
#include "ledger_impl.h"

/* What was spent at or before this instant no longer counts in a rolling
 * window; what a clock that ran ahead has dated into the future still does. */
static int64_t window_start(const mal_dp_limit *limit, uint64_t now) {
    if (limit->window_s == 0 || now < limit->window_s)
        return -1;
    return (int64_t)(now - limit->window_s);
}

static const char *scope_value(mal_dp_scope scope, mal_dp_whose whose) {
    switch (scope) {
    case MAL_DP_SCOPE_ANALYST:
        return whose.analyst;
    case MAL_DP_SCOPE_ROOM:
        return whose.room;
    case MAL_DP_SCOPE_PURPOSE:
        return whose.purpose;
    case MAL_DP_SCOPE_TOTAL:
        break;
    }
    return "";
}

/* Sums stay below the total limit that admitted them, 2^62: SQLite's checked
 * sum cannot overflow, and would fail rather than wrap. */
mal_err mal_dp_sum_read(mal_dp_ledger *ledger, mal_dp_sum *sum,
                        const char *lineage, const mal_dp_limit *limit,
                        mal_dp_whose whose, uint64_t now) {
    static const char *const sql[] = {
        [MAL_DP_SCOPE_TOTAL] = "?3 = ?3",
        [MAL_DP_SCOPE_ANALYST] = "j.analyst = ?3",
        [MAL_DP_SCOPE_ROOM] = "j.room = ?3",
        [MAL_DP_SCOPE_PURPOSE] = "j.purpose = ?3",
    };
    const char *value = scope_value(limit->scope, whose);
    MAL_REQUIRE(value, MAL_E_INPUT, "a limit per %s, and no %s is named",
                mal_dp_scope_name(limit->scope),
                mal_dp_scope_name(limit->scope));
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    const char *query;
    MAL_TRY(mal_buf_put_fmt(
        &text,
        "SELECT COALESCE(SUM(CASE j.state WHEN 1 THEN c.epsilon_nano ELSE 0 "
        "END), 0), "
        "COALESCE(SUM(CASE j.state WHEN 1 THEN 0 ELSE c.epsilon_nano END), 0), "
        "COALESCE(SUM(c.delta_64), 0), COALESCE(SUM(c.exact), 0) "
        "FROM charge c JOIN job j ON c.job = j.seq "
        "WHERE c.lineage = ?1 AND j.state <> 3 AND j.at > ?2 AND %s",
        sql[limit->scope]));
    MAL_TRY(mal_buf_cstr(&text, &query));
    MAL_TRY(mal_db_prepare(&s, ledger->db, query));
    MAL_TRY(mal_db_bind_text(s, 1, lineage));
    MAL_TRY(mal_db_bind_int(s, 2, window_start(limit, now)));
    MAL_TRY(mal_db_bind_text(s, 3, value));
    MAL_TRY(mal_db_one(s));
    *sum = (mal_dp_sum){
        .held = (uint64_t)mal_db_col_int(s, 0),
        .spent = (uint64_t)mal_db_col_int(s, 1),
        .delta = (uint64_t)mal_db_col_int(s, 2),
        .exact = (uint64_t)mal_db_col_int(s, 3),
    };
    return MAL_OK;
}

static mal_dp_balance balance_of(const mal_dp_sum *sum,
                                 const mal_dp_limit *limit) {
    uint64_t used = sum->held + sum->spent;
    return (mal_dp_balance){
        .held_nano = sum->held,
        .spent_nano = sum->spent,
        .left_nano =
            limit->epsilon_nano > used ? limit->epsilon_nano - used : 0,
        .delta_64 = sum->delta,
        .delta_left_64 =
            limit->delta_64 > sum->delta ? limit->delta_64 - sum->delta : 0,
        .exact = sum->exact,
    };
}

mal_err mal_dp_ledger_balance(mal_dp_ledger *ledger, mal_dp_balance *balance,
                              const mal_dp_limit *limit, const char *analyst,
                              const char *room, const char *purpose,
                              uint64_t now) {
    MAL_TRY(mal_dp_limit_check(limit));
    MAL_REQUIRE(now < LEDGER_NUMBER_MAX, MAL_E_INPUT, "a time beyond 2^62");
    LEDGER_LOCKED(held, ledger);
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, held->db,
                           "SELECT lineage FROM descent WHERE version = ?1"));
    MAL_TRY(mal_db_bind_text(s, 1, limit->version));
    bool row, any = false;
    mal_dp_balance least = { 0 };
    for (;;) {
        mal_dp_sum sum;
        MAL_TRY(mal_db_step(s, &row));
        if (!row)
            break;
        MAL_TRY(mal_dp_sum_read(held, &sum, mal_db_col_text(s, 0), limit,
                                (mal_dp_whose){ analyst, room, purpose }, now));
        mal_dp_balance b = balance_of(&sum, limit);
        if (!any || b.left_nano < least.left_nano)
            least = b;
        any = true;
    }
    MAL_REQUIRE(any, MAL_E_MISSING,
                "the ledger does not know the dataset version %s",
                limit->version);
    *balance = least;
    return MAL_OK;
}

/* --- The list ------------------------------------------------------------ */

static const char LIST[] =
    "SELECT j.id, j.state, j.room, j.analyst, j.purpose, j.aborted_by, j.at,"
    " j.deadline, (SELECT max(e) FROM (SELECT sum(epsilon_nano) AS e FROM "
    "charge"
    "  WHERE job = j.seq GROUP BY lineage)),"
    " (SELECT max(exact) FROM charge WHERE job = j.seq)"
    " FROM job j WHERE ?1 IS NULL OR EXISTS (SELECT 1 FROM charge c JOIN "
    "descent d"
    "  ON c.lineage = d.lineage WHERE d.version = ?1 AND c.job = j.seq)"
    " ORDER BY j.at, j.seq";

mal_err mal_dp_ledger_list(mal_dp_ledger *ledger, const char *version,
                           mal_err (*each)(void *ctx, const mal_dp_job *job),
                           void *ctx) {
    LEDGER_LOCKED(held, ledger);
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, held->db, LIST));
    MAL_TRY(mal_db_bind_text(s, 1, version));
    for (;;) {
        bool row;
        MAL_TRY(mal_db_step(s, &row));
        if (!row)
            return MAL_OK;
        mal_dp_job job = {
            .state = (mal_dp_state)mal_db_col_int(s, 1),
            .room = mal_db_col_text(s, 2),
            .analyst = mal_db_col_text(s, 3),
            .purpose = mal_db_col_text(s, 4),
            .aborted_by = mal_db_col_text(s, 5),
            .at = (uint64_t)mal_db_col_int(s, 6),
            .deadline = (uint64_t)mal_db_col_int(s, 7),
            .epsilon_nano = mal_db_col_int(s, 9)
                                ? MAL_DP_UNBOUNDED
                                : (uint64_t)mal_db_col_int(s, 8),
        };
        MAL_TRY(mal_db_col_copy(s, 0, job.job_id, sizeof job.job_id));
        MAL_TRY(each(ctx, &job));
    }
}
