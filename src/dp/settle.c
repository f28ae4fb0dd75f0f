/* settle.c - how a hold ends: spent, voided by all, or expired as spent. */
#include "ledger_impl.h"

static mal_err set_state(mal_db *db, const uint8_t job_id[32],
                         mal_dp_state state, uint64_t at) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, db,
                           "UPDATE job SET state = ?2, at = max(at, ?3) "
                           "WHERE id = ?1"));
    MAL_TRY(mal_db_bind_blob(s, 1, mal_bytes_of(job_id, MAL_DP_JOB_ID)));
    MAL_TRY(mal_db_bind_int(s, 2, state));
    MAL_TRY(mal_db_bind_int(s, 3, (int64_t)at));
    return mal_db_run(s);
}

/* A peer whose "hold" (or here, whichever kind) is not with the job. */
static mal_err check_attached(mal_db *db, const uint8_t job_id[32],
                              const char *kind, mal_err otherwise) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    bool missing;
    MAL_TRY(mal_db_prepare(
        &s, db,
        "SELECT p.name FROM peer p JOIN job j ON p.job = j.seq "
        "WHERE j.id = ?1 AND NOT EXISTS (SELECT 1 FROM blob b "
        "WHERE b.job = j.seq AND b.kind = ?2 AND b.peer = p.name)"));
    MAL_TRY(mal_db_bind_blob(s, 1, mal_bytes_of(job_id, MAL_DP_JOB_ID)));
    MAL_TRY(mal_db_bind_text(s, 2, kind));
    MAL_TRY(mal_db_step(s, &missing));
    MAL_REQUIRE(!missing, otherwise, "the \"%s\" that %s must sign is missing",
                kind, mal_db_col_text(s, 0));
    return MAL_OK;
}

/* Past its deadline a hold is spent: make that durable, then refuse. */
static mal_err end_late(mal_db *db, const uint8_t job_id[32], uint64_t now) {
    MAL_TRY(set_state(db, job_id, MAL_DP_EXPIRED, now));
    MAL_TRY(mal_db_commit(db));
    MAL_FAIL(MAL_E_STATE,
             "the hold's deadline has passed, and it counts as spent: "
             "try again as a new job");
}

static mal_err check_now(uint64_t now) {
    MAL_REQUIRE(now < LEDGER_NUMBER_MAX, MAL_E_INPUT, "a time beyond 2^62");
    return MAL_OK;
}

mal_err mal_dp_ledger_spend(mal_dp_ledger *ledger, const uint8_t job_id[32],
                            uint64_t now) {
    mal_dp_row row;
    MAL_TRY(check_now(now));
    LEDGER_LOCKED(held, ledger);
    MAL_TRY(mal_db_begin(held->db));
    MAL_AUTO(mal_db_rollback_auto) mal_db *db = held->db;
    MAL_TRY(mal_dp_job_read(held, &row, job_id));
    if (row.state == MAL_DP_SPENT)
        return MAL_OK;
    MAL_REQUIRE(row.state == MAL_DP_HELD, MAL_E_STATE,
                "this job is over: try again as a new job");
    if (row.deadline <= now)
        return end_late(db, job_id, now);
    MAL_TRY(check_attached(db, job_id, "hold", MAL_E_STATE));
    MAL_TRY(set_state(db, job_id, MAL_DP_SPENT, now));
    return mal_db_commit(db);
}

mal_err mal_dp_ledger_void(mal_dp_ledger *ledger, const uint8_t job_id[32],
                           const mal_dp_void *voids, size_t n, uint64_t now) {
    mal_dp_row row;
    MAL_TRY(check_now(now));
    MAL_REQUIRE(n <= MAL_PARTIES_MAX, MAL_E_LIMIT, "more than %d voids",
                MAL_PARTIES_MAX);
    for (size_t i = 0; i < n; i++) {
        MAL_TRY(mal_dp_name_check("owner", voids[i].peer));
        MAL_REQUIRE(voids[i].verified && voids[i].blob.len >= 1 &&
                        voids[i].blob.len <= MAL_DP_BLOB_MAX,
                    MAL_E_DENIED, "the void of %s is not verified",
                    voids[i].peer);
    }
    LEDGER_LOCKED(held, ledger);
    MAL_TRY(mal_db_begin(held->db));
    MAL_AUTO(mal_db_rollback_auto) mal_db *db = held->db;
    MAL_TRY(mal_dp_job_read(held, &row, job_id));
    if (row.state == MAL_DP_VOIDED)
        return MAL_OK;
    MAL_REQUIRE(row.state == MAL_DP_HELD, MAL_E_STATE,
                "this job is spent, and what is spent never comes back");
    if (row.deadline <= now)
        return end_late(db, job_id, now);
    for (size_t i = 0; i < n; i++)
        MAL_TRY(mal_dp_blob_put(held, job_id, "void", voids[i].peer,
                                voids[i].blob));
    MAL_TRY(check_attached(db, job_id, "void", MAL_E_DENIED));
    MAL_TRY(set_state(db, job_id, MAL_DP_VOIDED, now));
    return mal_db_commit(db);
}

mal_err mal_dp_ledger_expire(mal_dp_ledger *ledger, uint64_t now, size_t *n) {
    MAL_TRY(check_now(now));
    LEDGER_LOCKED(held, ledger);
    MAL_TRY(mal_db_begin(held->db));
    MAL_AUTO(mal_db_rollback_auto) mal_db *db = held->db;
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, db,
                           "UPDATE job SET state = 4, at = max(at, deadline) "
                           "WHERE state = 1 AND deadline <= ?1"));
    MAL_TRY(mal_db_bind_int(s, 1, (int64_t)now));
    MAL_TRY(mal_db_run(s));
    *n = (size_t)mal_db_changes(db);
    return mal_db_commit(db);
}

mal_err mal_dp_ledger_abort(mal_dp_ledger *ledger, const uint8_t job_id[32],
                            const char *peer) {
    mal_dp_row row;
    MAL_TRY(mal_dp_name_check("peer", peer));
    LEDGER_LOCKED(held, ledger);
    MAL_TRY(mal_db_begin(held->db));
    MAL_AUTO(mal_db_rollback_auto) mal_db *db = held->db;
    MAL_TRY(mal_dp_job_read(held, &row, job_id));
    MAL_REQUIRE(row.state == MAL_DP_SPENT || row.state == MAL_DP_EXPIRED,
                MAL_E_STATE,
                "only a spent job can have been broken off at a cost");
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, db,
                           "UPDATE job SET aborted_by = ?2 WHERE id = ?1 "
                           "AND aborted_by IN ('', ?2)"));
    MAL_TRY(mal_db_bind_blob(s, 1, mal_bytes_of(job_id, MAL_DP_JOB_ID)));
    MAL_TRY(mal_db_bind_text(s, 2, peer));
    MAL_TRY(mal_db_run(s));
    MAL_REQUIRE(mal_db_changes(db) == 1, MAL_E_STATE,
                "another peer's abort of this job is on record");
    return mal_db_commit(db);
}
