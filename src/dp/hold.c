/* hold.c - reserve a job's whole cost, or nothing of it.
 *
 * Inside one transaction the job and its charges are written first and the
 * limits are read after, with the new charges in their sums; a limit that is
 * passed rolls everything back.  What is checked is so exactly what is kept.
 */
#include "ledger_impl.h"

/* --- Is it well formed? -------------------------------------------------- */

static mal_err check_hold(const mal_dp_hold *hold, uint64_t now) {
    MAL_TRY(mal_dp_name_check("room", hold->room));
    MAL_TRY(mal_dp_name_check("analyst", hold->analyst));
    MAL_TRY(mal_dp_name_check("purpose", hold->purpose));
    MAL_REQUIRE(hold->n_charges >= 1 && hold->n_charges <= MAL_DP_CHARGES_MAX,
                MAL_E_LIMIT, "a job of %zu charges: between 1 and %d",
                hold->n_charges, MAL_DP_CHARGES_MAX);
    MAL_REQUIRE(hold->n_peers <= MAL_PARTIES_MAX, MAL_E_LIMIT,
                "more than %d owners", MAL_PARTIES_MAX);
    for (size_t i = 0; i < hold->n_peers; i++) {
        MAL_TRY(mal_dp_name_check("owner", hold->peers[i]));
        for (size_t j = 0; j < i; j++)
            MAL_REQUIRE(strcmp(hold->peers[i], hold->peers[j]) != 0,
                        MAL_E_INPUT, "the owner %s is named twice",
                        hold->peers[i]);
    }
    for (size_t i = 0; i < hold->n_charges; i++)
        MAL_TRY(mal_dp_name_check("dataset version", hold->charges[i].version));
    MAL_REQUIRE(now < LEDGER_NUMBER_MAX && hold->deadline < LEDGER_NUMBER_MAX &&
                    hold->deadline > now,
                MAL_E_INPUT, "a hold's deadline lies in the future");
    return MAL_OK;
}

/* The content that a job id stands for, from now on. */
static mal_err digest_of(mal_prim_hash *out, const mal_dp_hold *hold) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    MAL_TRY(mal_buf_put_blob_str(&text, "malus.dp.hold/v1"));
    MAL_TRY(mal_buf_put_blob_str(&text, hold->room));
    MAL_TRY(mal_buf_put_blob_str(&text, hold->analyst));
    MAL_TRY(mal_buf_put_blob_str(&text, hold->purpose));
    MAL_TRY(mal_buf_put_u64(&text, hold->deadline));
    MAL_TRY(mal_buf_put_u64(&text, hold->abort_nano_max));
    MAL_TRY(mal_buf_put_u32(&text, (uint32_t)hold->n_peers));
    for (size_t i = 0; i < hold->n_peers; i++)
        MAL_TRY(mal_buf_put_blob_str(&text, hold->peers[i]));
    MAL_TRY(mal_buf_put_u32(&text, (uint32_t)hold->n_charges));
    for (size_t i = 0; i < hold->n_charges; i++) {
        MAL_TRY(mal_buf_put_blob_str(&text, hold->charges[i].version));
        MAL_TRY(mal_dp_loss_encode(&text, &hold->charges[i].loss));
    }
    mal_prim_sha256_of(out, mal_buf_view(&text));
    return MAL_OK;
}

/* --- Write it ------------------------------------------------------------ */

static mal_err insert_job(mal_db *db, const mal_dp_hold *hold,
                          const mal_prim_hash *digest, uint64_t now,
                          int64_t *seq) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(
        &s, db,
        "INSERT INTO job (id, digest, state, room, analyst, "
        "purpose, at, deadline) VALUES (?1,?2,1,?3,?4,?5,?6,?7)"));
    MAL_TRY(mal_db_bind_blob(s, 1, mal_bytes_of(hold->job_id, MAL_DP_JOB_ID)));
    MAL_TRY(mal_db_bind_blob(s, 2, mal_bytes_of(digest->b, sizeof digest->b)));
    MAL_TRY(mal_db_bind_text(s, 3, hold->room));
    MAL_TRY(mal_db_bind_text(s, 4, hold->analyst));
    MAL_TRY(mal_db_bind_text(s, 5, hold->purpose));
    MAL_TRY(mal_db_bind_int(s, 6, (int64_t)now));
    MAL_TRY(mal_db_bind_int(s, 7, (int64_t)hold->deadline));
    MAL_TRY(mal_db_run(s));
    *seq = mal_db_last_id(db);
    for (size_t i = 0; i < hold->n_peers; i++) {
        MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *p = NULL;
        MAL_TRY(mal_db_prepare(&p, db, "INSERT INTO peer VALUES (?1, ?2)"));
        MAL_TRY(mal_db_bind_int(p, 1, *seq));
        MAL_TRY(mal_db_bind_text(p, 2, hold->peers[i]));
        MAL_TRY(mal_db_run(p));
    }
    return MAL_OK;
}

/* One charge lands on every lineage of its dataset version. */
static mal_err insert_charge(mal_db *db, int64_t seq, size_t n,
                             const mal_dp_charge *charge) {
    MAL_AUTO(mal_buf_clear) mal_buf record = { 0 };
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    uint64_t nano;
    MAL_TRY(mal_dp_loss_encode(&record, &charge->loss));
    MAL_TRY(mal_dp_loss_epsilon(&nano, &charge->loss));
    bool exact = nano == MAL_DP_UNBOUNDED;
    MAL_TRY(mal_db_prepare(
        &s, db,
        "INSERT INTO charge SELECT ?1, ?2, lineage, ?3, ?4, ?5, ?6 "
        "FROM descent WHERE version = ?7"));
    MAL_TRY(mal_db_bind_int(s, 1, seq));
    MAL_TRY(mal_db_bind_int(s, 2, (int64_t)n));
    MAL_TRY(mal_db_bind_int(s, 3, exact ? 0 : (int64_t)nano));
    MAL_TRY(mal_db_bind_int(s, 4, (int64_t)charge->loss.delta_64));
    MAL_TRY(mal_db_bind_int(s, 5, exact));
    MAL_TRY(mal_db_bind_blob(s, 6, mal_buf_view(&record)));
    MAL_TRY(mal_db_bind_text(s, 7, charge->version));
    MAL_TRY(mal_db_run(s));
    MAL_REQUIRE(mal_db_changes(db) >= 1, MAL_E_MISSING,
                "the ledger does not know the dataset version %s: register it",
                charge->version);
    return MAL_OK;
}

/* --- Does it fit? -------------------------------------------------------- */

/* What this job adds to one lineage. */
typedef struct added {
    uint64_t nano, delta, exact;
} added;

static mal_err added_to(mal_db *db, added *out, int64_t seq,
                        const char *lineage) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(
        mal_db_prepare(&s, db,
                       "SELECT COALESCE(SUM(epsilon_nano), 0), "
                       "COALESCE(SUM(delta_64), 0), COALESCE(SUM(exact), 0) "
                       "FROM charge WHERE lineage = ?1 AND job = ?2"));
    MAL_TRY(mal_db_bind_text(s, 1, lineage));
    MAL_TRY(mal_db_bind_int(s, 2, seq));
    MAL_TRY(mal_db_one(s));
    out->nano = (uint64_t)mal_db_col_int(s, 0);
    out->delta = (uint64_t)mal_db_col_int(s, 1);
    out->exact = (uint64_t)mal_db_col_int(s, 2);
    return MAL_OK;
}

static mal_err check_limit(mal_dp_ledger *ledger, const mal_dp_hold *hold,
                           int64_t seq, const mal_dp_limit *limit,
                           const char *lineage, uint64_t now) {
    mal_dp_sum sum;
    added ours;
    MAL_TRY(mal_dp_sum_read(
        ledger, &sum, lineage, limit,
        (mal_dp_whose){ hold->analyst, hold->room, hold->purpose }, now));
    MAL_TRY(added_to(ledger->db, &ours, seq, lineage));
    uint64_t before = sum.held + sum.spent - ours.nano;
    uint64_t left =
        limit->epsilon_nano > before ? limit->epsilon_nano - before : 0;
    MAL_REQUIRE(
        ours.nano <= left, MAL_E_BUDGET,
        "the %s budget of %s%s has epsilon %llu.%09llu left, and this asks "
        "for %llu.%09llu: ask with a smaller epsilon",
        mal_dp_scope_name(limit->scope), limit->version,
        limit->window_s ? " (rolling)" : "",
        (unsigned long long)(left / MAL_DP_NANO),
        (unsigned long long)(left % MAL_DP_NANO),
        (unsigned long long)(ours.nano / MAL_DP_NANO),
        (unsigned long long)(ours.nano % MAL_DP_NANO));
    MAL_REQUIRE(
        sum.delta <= limit->delta_64, MAL_E_BUDGET,
        "the %s budget of %s has too little delta left: %llu of %llu in "
        "2^-64 are spent, and this asks for %llu",
        mal_dp_scope_name(limit->scope), limit->version,
        (unsigned long long)(sum.delta - ours.delta),
        (unsigned long long)limit->delta_64, (unsigned long long)ours.delta);
    MAL_REQUIRE(
        ours.exact == 0 || limit->scope != MAL_DP_SCOPE_TOTAL || limit->exact,
        MAL_E_BUDGET,
        "an exact release of %s has unbounded cost, and its total budget "
        "admits none: the owner must sign an `exact` clause",
        limit->version);
    return MAL_OK;
}

static mal_err is_descent(mal_db *db, bool *is, const char *version,
                          const char *lineage) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(
        &s, db, "SELECT 1 FROM descent WHERE version = ?1 AND lineage = ?2"));
    MAL_TRY(mal_db_bind_text(s, 1, version));
    MAL_TRY(mal_db_bind_text(s, 2, lineage));
    return mal_db_step(s, is);
}

/* Rule 19: aborts are charged to the job; here they are counted against whoever
 * made them. */
static mal_err check_aborts(mal_dp_ledger *ledger, const mal_dp_hold *hold,
                            const char *lineage, const char *peer) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(
        mal_db_prepare(&s, ledger->db,
                       "SELECT COALESCE(SUM(c.epsilon_nano), 0) FROM charge c "
                       "JOIN job j ON c.job = j.seq WHERE c.lineage = ?1 "
                       "AND j.aborted_by = ?2"));
    MAL_TRY(mal_db_bind_text(s, 1, lineage));
    MAL_TRY(mal_db_bind_text(s, 2, peer));
    MAL_TRY(mal_db_one(s));
    uint64_t cost = (uint64_t)mal_db_col_int(s, 0);
    MAL_REQUIRE(
        cost <= hold->abort_nano_max, MAL_E_BUDGET,
        "jobs that %s broke off have cost epsilon %llu.%09llu of %s, more "
        "than the contract grants it",
        peer, (unsigned long long)(cost / MAL_DP_NANO),
        (unsigned long long)(cost % MAL_DP_NANO), lineage);
    return MAL_OK;
}

static mal_err check_lineage(mal_dp_ledger *ledger, const mal_dp_hold *hold,
                             int64_t seq, const char *lineage,
                             const mal_dp_limit *limits, size_t n_limits,
                             uint64_t now) {
    bool total = false;
    for (size_t i = 0; i < n_limits; i++) {
        bool applies;
        MAL_TRY(is_descent(ledger->db, &applies, limits[i].version, lineage));
        if (!applies)
            continue;
        total |=
            limits[i].scope == MAL_DP_SCOPE_TOTAL && limits[i].window_s == 0;
        MAL_TRY(check_limit(ledger, hold, seq, &limits[i], lineage, now));
    }
    MAL_REQUIRE(total, MAL_E_INPUT,
                "no budget bounds the total of %s: a budget always has a total",
                lineage);
    for (size_t i = 0; i < hold->n_peers; i++)
        MAL_TRY(check_aborts(ledger, hold, lineage, hold->peers[i]));
    return check_aborts(ledger, hold, lineage, hold->analyst);
}

static mal_err check_all(mal_dp_ledger *ledger, const mal_dp_hold *hold,
                         int64_t seq, const mal_dp_limit *limits,
                         size_t n_limits, uint64_t now) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(
        &s, ledger->db, "SELECT DISTINCT lineage FROM charge WHERE job = ?1"));
    MAL_TRY(mal_db_bind_int(s, 1, seq));
    for (;;) {
        bool row;
        MAL_TRY(mal_db_step(s, &row));
        if (!row)
            return MAL_OK;
        MAL_TRY(check_lineage(ledger, hold, seq, mal_db_col_text(s, 0), limits,
                              n_limits, now));
    }
}

/* *again: the very same hold is there, and held. */
static mal_err find_again(mal_dp_ledger *ledger, bool *again,
                          const mal_dp_hold *hold, const mal_prim_hash *digest,
                          uint64_t now) {
    mal_dp_row row;
    mal_err err = mal_dp_job_read(ledger, &row, hold->job_id);
    *again = err == MAL_OK;
    if (err == MAL_E_MISSING) {
        mal_err_forget();
        return MAL_OK;
    }
    MAL_TRY(err);
    MAL_REQUIRE(
        mal_equal(row.digest, digest->b, sizeof row.digest), MAL_E_STATE,
        "this job id was used with other content: an attempt has a new id");
    MAL_REQUIRE(row.state == MAL_DP_HELD && row.deadline > now, MAL_E_STATE,
                "this job is over: an attempt has a new id");
    return MAL_OK;
}

mal_err mal_dp_ledger_hold(mal_dp_ledger *ledger, const mal_dp_hold *hold,
                           const mal_dp_limit *limits, size_t n_limits,
                           uint64_t now) {
    mal_prim_hash digest;
    MAL_TRY(check_hold(hold, now));
    MAL_REQUIRE(n_limits <= MAL_DP_LIMITS_MAX, MAL_E_LIMIT,
                "more than %d limits", MAL_DP_LIMITS_MAX);
    for (size_t i = 0; i < n_limits; i++)
        MAL_TRY(mal_dp_limit_check(&limits[i]));
    MAL_TRY(digest_of(&digest, hold));

    LEDGER_LOCKED(held, ledger);
    MAL_TRY(mal_db_begin(held->db));
    MAL_AUTO(mal_db_rollback_auto) mal_db *db = held->db;
    bool again;
    int64_t seq;
    MAL_TRY(find_again(held, &again, hold, &digest, now));
    if (again)
        return MAL_OK;
    MAL_TRY(insert_job(db, hold, &digest, now, &seq));
    for (size_t i = 0; i < hold->n_charges; i++)
        MAL_TRY(insert_charge(db, seq, i, &hold->charges[i]));
    MAL_TRY(check_all(held, hold, seq, limits, n_limits, now));
    return mal_db_commit(db);
}
