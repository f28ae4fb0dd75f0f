/* ledger.c - the tables, the lineages, and what a job is. */
#include "ledger_impl.h"

#define SCHEMA_VERSION 1

/* Amounts are integers; the exact loss lies beside them as its canonical bytes.
 * The triggers say once more what the code must never do: forget a charge, or
 * take a job back from where it has come to. */
static const char SCHEMA[] =
    "CREATE TABLE version (name TEXT PRIMARY KEY, origin BLOB NOT NULL)"
    "  STRICT, WITHOUT ROWID;"
    "CREATE TABLE descent (version TEXT NOT NULL REFERENCES version(name),"
    "  lineage TEXT NOT NULL, PRIMARY KEY (version, lineage)) STRICT, WITHOUT "
    "ROWID;"
    "CREATE TABLE job (seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE"
    "  CHECK (length(id) = 32), digest BLOB NOT NULL,"
    "  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 4), room TEXT NOT "
    "NULL,"
    "  analyst TEXT NOT NULL, purpose TEXT NOT NULL, at INTEGER NOT NULL,"
    "  deadline INTEGER NOT NULL, aborted_by TEXT NOT NULL DEFAULT '') STRICT;"
    "CREATE TABLE charge (job INTEGER NOT NULL REFERENCES job(seq),"
    "  n INTEGER NOT NULL, lineage TEXT NOT NULL,"
    "  epsilon_nano INTEGER NOT NULL CHECK (epsilon_nano >= 0),"
    "  delta_64 INTEGER NOT NULL CHECK (delta_64 >= 0),"
    "  exact INTEGER NOT NULL CHECK (exact IN (0, 1)), record BLOB NOT NULL,"
    "  PRIMARY KEY (lineage, job, n)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX charge_of_job ON charge (job);"
    "CREATE TABLE peer (job INTEGER NOT NULL REFERENCES job(seq),"
    "  name TEXT NOT NULL, PRIMARY KEY (job, name)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE blob (job INTEGER NOT NULL REFERENCES job(seq),"
    "  kind TEXT NOT NULL, peer TEXT NOT NULL, bytes BLOB NOT NULL,"
    "  PRIMARY KEY (job, kind, peer)) STRICT;"
    "CREATE TRIGGER job_stays BEFORE DELETE ON job"
    "  BEGIN SELECT RAISE(ABORT, 'a job is never forgotten'); END;"
    "CREATE TRIGGER job_moves_once BEFORE UPDATE OF state ON job"
    "  WHEN OLD.state <> 1 OR NEW.state = 1"
    "  BEGIN SELECT RAISE(ABORT, 'a job that is over stays over'); END;"
    "CREATE TRIGGER job_keeps_time BEFORE UPDATE OF at ON job"
    "  WHEN NEW.at < OLD.at"
    "  BEGIN SELECT RAISE(ABORT, 'a spend never moves back in time'); END;"
    "CREATE TRIGGER charge_stays BEFORE DELETE ON charge"
    "  BEGIN SELECT RAISE(ABORT, 'a charge is never forgotten'); END;"
    "CREATE TRIGGER charge_is_fixed BEFORE UPDATE ON charge"
    "  BEGIN SELECT RAISE(ABORT, 'a charge is never changed'); END;"
    "CREATE TRIGGER descent_stays BEFORE DELETE ON descent"
    "  BEGIN SELECT RAISE(ABORT, 'a lineage is never forgotten'); END;";

static mal_err prepare_schema(mal_db *db, const char *path) {
    int64_t version;
    MAL_TRY(mal_db_begin(db));
    MAL_AUTO(mal_db_rollback_auto) mal_db *open = db;
    MAL_TRY(mal_db_version(open, &version));
    if (version == 0) {
        MAL_TRY(mal_db_exec(db, SCHEMA));
        MAL_TRY(mal_db_set_version(db, SCHEMA_VERSION));
        return mal_db_commit(db);
    }
    MAL_REQUIRE(version == SCHEMA_VERSION, MAL_E_IO,
                "%s is a ledger of version %lld, and this program reads %d: "
                "use the program that wrote it",
                path, (long long)version, SCHEMA_VERSION);
    return MAL_OK;
}

mal_err mal_dp_ledger_open(mal_dp_ledger **ledger, const char *path) {
    mal_dp_ledger *out = mal_calloc(1, sizeof *out);
    if (!out)
        return MAL_E_MEMORY;
    pthread_mutex_init(&out->lock, NULL);
    mal_err err = mal_db_open(&out->db, path);
    if (err == MAL_OK)
        err = prepare_schema(out->db, path);
    if (err != MAL_OK) {
        mal_dp_ledger_close(out);
        return mal_err_trace(err, __FILE__, __LINE__);
    }
    *ledger = out;
    return MAL_OK;
}

void mal_dp_ledger_close(mal_dp_ledger *ledger) {
    if (!ledger)
        return;
    mal_db_close(ledger->db);
    pthread_mutex_destroy(&ledger->lock);
    mal_free(ledger);
}

mal_err mal_dp_name_check(const char *what, const char *name) {
    MAL_REQUIRE(name && name[0] &&
                    strnlen(name, MAL_DP_NAME_MAX + 1) <= MAL_DP_NAME_MAX,
                MAL_E_INPUT, "the %s must be named, in 1 to %d bytes", what,
                MAL_DP_NAME_MAX);
    return MAL_OK;
}

/* --- Lineages ------------------------------------------------------------ */

static mal_err origin_of(mal_prim_hash *out, const char *const *from,
                         size_t n_from, const char *disjoint) {
    mal_buf text = { 0 };
    mal_err err = mal_buf_put_u32(&text, (uint32_t)n_from);
    for (size_t i = 0; i < n_from && err == MAL_OK; i++)
        err = mal_buf_put_blob_str(&text, from[i]);
    if (err == MAL_OK && disjoint)
        err = mal_buf_put_blob_str(&text, disjoint);
    mal_prim_sha256_of(out, mal_buf_view(&text));
    mal_buf_clear(&text);
    return err;
}

static mal_err insert_version(mal_db *db, const char *version,
                              const mal_prim_hash *origin) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, db, "INSERT INTO version VALUES (?1, ?2)"));
    MAL_TRY(mal_db_bind_text(s, 1, version));
    MAL_TRY(mal_db_bind_blob(s, 2, mal_bytes_of(origin->b, sizeof origin->b)));
    return mal_db_run(s);
}

static mal_err insert_root(mal_db *db, const char *version) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, db, "INSERT INTO descent VALUES (?1, ?1)"));
    MAL_TRY(mal_db_bind_text(s, 1, version));
    return mal_db_run(s);
}

static mal_err inherit(mal_db *db, const char *version, const char *from) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, db,
                           "INSERT OR IGNORE INTO descent SELECT ?1, lineage "
                           "FROM descent WHERE version = ?2 AND ?1 <> ?2"));
    MAL_TRY(mal_db_bind_text(s, 1, version));
    MAL_TRY(mal_db_bind_text(s, 2, from));
    MAL_TRY(mal_db_run(s));
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *known = NULL;
    MAL_TRY(mal_db_prepare(
        &known, db, "SELECT 1 FROM descent WHERE version = ?1 AND ?1 <> ?2"));
    MAL_TRY(mal_db_bind_text(known, 1, from));
    MAL_TRY(mal_db_bind_text(known, 2, version));
    bool row;
    MAL_TRY(mal_db_step(known, &row));
    MAL_REQUIRE(row, MAL_E_MISSING,
                "%s is said to come from %s, which the ledger does not know",
                version, from);
    return MAL_OK;
}

/* *known: it is registered, with this origin. */
static mal_err find_version(mal_db *db, bool *known, const char *version,
                            const mal_prim_hash *origin) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(
        mal_db_prepare(&s, db, "SELECT origin FROM version WHERE name = ?1"));
    MAL_TRY(mal_db_bind_text(s, 1, version));
    MAL_TRY(mal_db_step(s, known));
    if (!*known)
        return MAL_OK;
    mal_bytes ours = mal_bytes_of(origin->b, sizeof origin->b);
    MAL_REQUIRE(
        mal_bytes_same_vartime(mal_db_col_blob(s, 0), ours), MAL_E_STATE,
        "%s is registered with another origin: a version's lineage never "
        "changes",
        version);
    return MAL_OK;
}

mal_err mal_dp_ledger_register(mal_dp_ledger *ledger, const char *version,
                               const char *const *from, size_t n_from,
                               const char *disjoint) {
    MAL_TRY(mal_dp_name_check("dataset version", version));
    MAL_REQUIRE(
        (n_from == 0) != (disjoint == NULL), MAL_E_INPUT,
        "%s: say which versions it comes from, or why its units are new",
        version);
    MAL_REQUIRE(n_from <= MAL_DP_CHARGES_MAX, MAL_E_LIMIT,
                "more than %d origins", MAL_DP_CHARGES_MAX);
    for (size_t i = 0; i < n_from; i++)
        MAL_TRY(mal_dp_name_check("origin", from[i]));
    if (disjoint)
        MAL_TRY(mal_dp_name_check("reason", disjoint));
    mal_prim_hash origin;
    MAL_TRY(origin_of(&origin, from, n_from, disjoint));

    LEDGER_LOCKED(held, ledger);
    MAL_TRY(mal_db_begin(held->db));
    MAL_AUTO(mal_db_rollback_auto) mal_db *db = held->db;
    bool known;
    MAL_TRY(find_version(db, &known, version, &origin));
    if (known)
        return MAL_OK;
    MAL_TRY(insert_version(db, version, &origin));
    if (disjoint)
        MAL_TRY(insert_root(db, version));
    for (size_t i = 0; i < n_from; i++)
        MAL_TRY(inherit(db, version, from[i]));
    return mal_db_commit(db);
}

/* --- Jobs ---------------------------------------------------------------- */

mal_err mal_dp_job_read(mal_dp_ledger *ledger, mal_dp_row *row,
                        const uint8_t job_id[32]) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(
        &s, ledger->db,
        "SELECT state, deadline, digest FROM job WHERE id = ?1"));
    MAL_TRY(mal_db_bind_blob(s, 1, mal_bytes_of(job_id, MAL_DP_JOB_ID)));
    bool found;
    MAL_TRY(mal_db_step(s, &found));
    MAL_REQUIRE(found, MAL_E_MISSING, "the ledger holds nothing for this job");
    row->state = (mal_dp_state)mal_db_col_int(s, 0);
    row->deadline = (uint64_t)mal_db_col_int(s, 1);
    return mal_db_col_copy(s, 2, row->digest, sizeof row->digest);
}

mal_err mal_dp_ledger_state(mal_dp_ledger *ledger, mal_dp_state *state,
                            const uint8_t job_id[32]) {
    mal_dp_row row;
    LEDGER_LOCKED(held, ledger);
    MAL_TRY(mal_dp_job_read(held, &row, job_id));
    *state = row.state;
    return MAL_OK;
}

static mal_err blob_read(mal_dp_ledger *ledger, mal_db_stmt **s, bool *row,
                         const uint8_t job_id[32], const char *kind,
                         const char *peer) {
    MAL_TRY(
        mal_db_prepare(s, ledger->db,
                       "SELECT b.bytes FROM blob b JOIN job j ON b.job = j.seq "
                       "WHERE j.id = ?1 AND b.kind = ?2 AND b.peer = ?3"));
    MAL_TRY(mal_db_bind_blob(*s, 1, mal_bytes_of(job_id, MAL_DP_JOB_ID)));
    MAL_TRY(mal_db_bind_text(*s, 2, kind));
    MAL_TRY(mal_db_bind_text(*s, 3, peer));
    return mal_db_step(*s, row);
}

mal_err mal_dp_blob_put(mal_dp_ledger *ledger, const uint8_t job_id[32],
                        const char *kind, const char *peer, mal_bytes blob) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *old = NULL;
    bool row;
    MAL_TRY(blob_read(ledger, &old, &row, job_id, kind, peer));
    if (row) {
        MAL_REQUIRE(
            mal_bytes_same_vartime(mal_db_col_blob(old, 0), blob), MAL_E_STATE,
            "%s has given another \"%s\" for this job before", peer, kind);
        return MAL_OK;
    }
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, ledger->db,
                           "INSERT INTO blob SELECT seq, ?2, ?3, ?4 FROM job "
                           "WHERE id = ?1"));
    MAL_TRY(mal_db_bind_blob(s, 1, mal_bytes_of(job_id, MAL_DP_JOB_ID)));
    MAL_TRY(mal_db_bind_text(s, 2, kind));
    MAL_TRY(mal_db_bind_text(s, 3, peer));
    MAL_TRY(mal_db_bind_blob(s, 4, blob));
    return mal_db_run(s);
}

static mal_err is_peer(mal_dp_ledger *ledger, const uint8_t job_id[32],
                       const char *peer) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    bool row;
    MAL_TRY(mal_db_prepare(&s, ledger->db,
                           "SELECT 1 FROM peer p JOIN job j ON p.job = j.seq "
                           "WHERE j.id = ?1 AND p.name = ?2"));
    MAL_TRY(mal_db_bind_blob(s, 1, mal_bytes_of(job_id, MAL_DP_JOB_ID)));
    MAL_TRY(mal_db_bind_text(s, 2, peer));
    MAL_TRY(mal_db_step(s, &row));
    MAL_REQUIRE(row, MAL_E_DENIED,
                "%s is not an owner whose hold this job awaits", peer);
    return MAL_OK;
}

mal_err mal_dp_ledger_attach(mal_dp_ledger *ledger, const uint8_t job_id[32],
                             const char *kind, const char *peer,
                             mal_bytes blob) {
    MAL_TRY(mal_dp_name_check("kind", kind));
    MAL_TRY(mal_dp_name_check("peer", peer));
    MAL_REQUIRE(blob.len >= 1 && blob.len <= MAL_DP_BLOB_MAX, MAL_E_LIMIT,
                "a signature of %zu bytes: between 1 and %zu", blob.len,
                (size_t)MAL_DP_BLOB_MAX);
    MAL_REQUIRE(strcmp(kind, "void") != 0, MAL_E_INPUT,
                "a void is recorded by giving it to mal_dp_ledger_void");
    mal_dp_row row;
    LEDGER_LOCKED(held, ledger);
    MAL_TRY(mal_db_begin(held->db));
    MAL_AUTO(mal_db_rollback_auto) mal_db *db = held->db;
    MAL_TRY(mal_dp_job_read(held, &row, job_id));
    if (strcmp(kind, "hold") == 0)
        MAL_TRY(is_peer(held, job_id, peer));
    MAL_TRY(mal_dp_blob_put(held, job_id, kind, peer, blob));
    return mal_db_commit(db);
}

mal_err mal_dp_ledger_attached(mal_dp_ledger *ledger, mal_buf *blob,
                               const uint8_t job_id[32], const char *kind,
                               const char *peer) {
    LEDGER_LOCKED(held, ledger);
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    bool row;
    MAL_TRY(blob_read(held, &s, &row, job_id, kind, peer));
    MAL_REQUIRE(row, MAL_E_MISSING, "no \"%s\" of %s is kept with this job",
                kind, peer);
    return mal_buf_put(blob, mal_db_col_blob(s, 0));
}
