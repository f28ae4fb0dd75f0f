/* witness.c - cosigning heads of other parties' logs [C2SP26] tlog-witness.
 *
 * The state is one row an origin.  Reading it, checking the proof against it
 * and writing the new head happen in one IMMEDIATE transaction, and the
 * cosignature leaves only after the commit: two requests cannot roll each other
 * back.
 */
#include "audit_impl.h"

#include <malus/db.h>
#include <pthread.h>
#include <string.h>

#define ORIGINS_MAX 256
#define PROOF_LINES_MAX 63 /* of the specification */

typedef struct trusted {
    char origin[MAL_AUDIT_NAME_MAX + 1];
    mal_audit_vkey vkey;
} trusted;

struct mal_audit_witness {
    pthread_mutex_t lock;
    mal_db *db;
    mal_audit_signer signer;
    char name[MAL_AUDIT_NAME_MAX + 1];
    trusted log[ORIGINS_MAX];
    size_t n_logs;
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS seen ("
    "  origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL,"
    "  time INTEGER NOT NULL, note BLOB NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS clock ("
    "  one INTEGER PRIMARY KEY CHECK (one = 1), time INTEGER NOT NULL) STRICT;"
    "INSERT OR IGNORE INTO clock VALUES (1, 0);";

mal_err mal_audit_witness_open(mal_audit_witness **out, const char *path,
                               const char *name,
                               const mal_audit_signer *signer) {
    *out = NULL;
    MAL_REQUIRE(audit_name_valid(mal_bytes_str(name)), MAL_E_INPUT,
                "\"%s\" is no name for a witness", name);
    MAL_AUTO(mal_audit_witness_auto)
    mal_audit_witness *w = mal_calloc(1, sizeof *w);
    MAL_REQUIRE(w, MAL_E_MEMORY, "out of memory");
    pthread_mutex_init(&w->lock, NULL);
    w->signer = *signer;
    memcpy(w->name, name, strlen(name));
    MAL_TRY(mal_db_open(&w->db, path));
    MAL_TRY(mal_db_exec(w->db, schema));
    *out = w;
    w = NULL;
    return MAL_OK;
}

void mal_audit_witness_close(mal_audit_witness *witness) {
    if (!witness)
        return;
    mal_db_close(witness->db);
    pthread_mutex_destroy(&witness->lock);
    mal_free(witness);
}

void mal_audit_witness_auto(mal_audit_witness **witness) {
    mal_audit_witness_close(*witness);
    *witness = NULL;
}

static mal_err trust_locked(mal_audit_witness *w, const char *origin,
                            const mal_audit_vkey *vkey) {
    for (size_t i = 0; i < w->n_logs; i++)
        if (strcmp(w->log[i].origin, origin) == 0 &&
            strcmp(w->log[i].vkey.name, vkey->name) == 0 &&
            w->log[i].vkey.id == vkey->id)
            return MAL_OK;
    MAL_REQUIRE(w->n_logs < ORIGINS_MAX, MAL_E_LIMIT,
                "a witness of more than %d logs", ORIGINS_MAX);
    trusted *t = &w->log[w->n_logs++];
    memcpy(t->origin, origin, strlen(origin) + 1);
    t->vkey = *vkey;
    return MAL_OK;
}

mal_err mal_audit_witness_trust(mal_audit_witness *witness, const char *origin,
                                const mal_audit_vkey *vkey) {
    size_t len = strlen(origin);
    MAL_REQUIRE(len > 0 && len <= MAL_AUDIT_NAME_MAX, MAL_E_INPUT,
                "an origin is empty or too long");
    pthread_mutex_lock(&witness->lock);
    mal_err err = trust_locked(witness, origin, vkey);
    pthread_mutex_unlock(&witness->lock);
    return err;
}

/* --- State ---------------------------------------------------------------- */

static mal_err load_seen(mal_audit_witness *w, mal_audit_seen *seen,
                         mal_buf *note, const char *origin) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    bool row;
    memset(seen, 0, sizeof *seen);
    MAL_TRY(mal_db_prepare(
        &s, w->db,
        "SELECT size, root, time, note FROM seen WHERE origin = ?1"));
    MAL_TRY(mal_db_bind_text(s, 1, origin));
    MAL_TRY(mal_db_step(s, &row));
    if (!row)
        return MAL_OK;
    seen->size = (uint64_t)mal_db_col_int(s, 0);
    seen->time = (uint64_t)mal_db_col_int(s, 2);
    MAL_TRY(mal_db_col_copy(s, 1, seen->root.b, sizeof seen->root.b));
    if (note)
        MAL_TRY(mal_buf_put(note, mal_db_col_blob(s, 3)));
    return MAL_OK;
}

static mal_err save_seen(mal_audit_witness *w, const char *origin,
                         const mal_audit_seen *seen, mal_bytes note) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, w->db,
                           "INSERT INTO seen VALUES (?1, ?2, ?3, ?4, ?5) "
                           "ON CONFLICT (origin) DO UPDATE SET size = ?2, "
                           "root = ?3, time = ?4, note = ?5"));
    MAL_TRY(mal_db_bind_text(s, 1, origin));
    MAL_TRY(mal_db_bind_int(s, 2, (int64_t)seen->size));
    MAL_TRY(mal_db_bind_blob(s, 3,
                             mal_bytes_of(seen->root.b, sizeof seen->root.b)));
    MAL_TRY(mal_db_bind_int(s, 4, (int64_t)seen->time));
    MAL_TRY(mal_db_bind_blob(s, 5, note));
    return mal_db_run(s);
}

static mal_err raise_clock(mal_audit_witness *w, uint64_t time) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, w->db,
                           "UPDATE clock SET time = ?1 WHERE time < ?1"));
    MAL_TRY(mal_db_bind_int(s, 1, (int64_t)time));
    return mal_db_run(s);
}

static mal_err read_clock(mal_audit_witness *w, uint64_t *time) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, w->db, "SELECT time FROM clock"));
    MAL_TRY(mal_db_one(s));
    *time = (uint64_t)mal_db_col_int(s, 0);
    return MAL_OK;
}

/* --- Cosigning ------------------------------------------------------------ */

/* One of the keys trusted for the checkpoint's own origin must have signed. */
static mal_err check_signed(const mal_audit_witness *w,
                            const mal_audit_note *note, const char *origin) {
    mal_audit_vkey keys[ORIGINS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < w->n_logs; i++)
        if (strcmp(w->log[i].origin, origin) == 0)
            keys[n++] = w->log[i].vkey;
    MAL_REQUIRE(n > 0, MAL_E_MISSING, "unknown log %s", origin);
    return mal_audit_note_verify(NULL, NULL, note, keys, n);
}

static mal_err check_extends(const mal_audit_seen *seen,
                             const mal_audit_checkpoint *cp,
                             const mal_prim_hash *proof, size_t n) {
    mal_prim_hash empty;
    if (seen->size == 0) {
        mal_prim_merkle_root(&empty, NULL, 0);
        MAL_REQUIRE(n == 0, MAL_E_DENIED,
                    "a consistency proof from size 0 must be empty");
        MAL_REQUIRE(cp->size > 0 || mal_equal(cp->root.b, empty.b, 32),
                    MAL_E_DENIED, "an empty tree with another root");
        return MAL_OK;
    }
    mal_err err = mal_prim_merkle_verify_consistency(
        &seen->root, seen->size, &cp->root, cp->size, proof, n);
    MAL_REQUIRE(err == MAL_OK, MAL_E_DENIED,
                "the consistency proof does not verify: %s", mal_err_message());
    return MAL_OK;
}

static mal_err cosign_locked(mal_audit_witness *w, mal_buf *lines,
                             mal_audit_seen *last, uint64_t old_size,
                             const mal_prim_hash *proof, size_t n,
                             mal_bytes bytes, uint64_t now) {
    MAL_AUTO(mal_buf_clear) mal_buf line = { 0 };
    mal_audit_note note;
    mal_audit_checkpoint cp;

    MAL_REQUIRE(now > 0, MAL_E_INPUT, "a cosignature needs a time");
    MAL_TRY(mal_audit_note_parse(&note, bytes));
    MAL_TRY(mal_audit_checkpoint_parse(&cp, note.text));
    MAL_TRY(check_signed(w, &note, cp.origin));
    MAL_REQUIRE(old_size <= cp.size, MAL_E_INPUT,
                "the old size is greater than the checkpoint's");

    MAL_TRY(mal_db_begin(w->db));
    MAL_AUTO(mal_db_rollback_auto) mal_db *open = w->db;
    MAL_TRY(load_seen(w, last, NULL, cp.origin));
    MAL_REQUIRE(old_size == last->size, MAL_E_STATE,
                "the last head cosigned is at %llu, not %llu",
                (unsigned long long)last->size, (unsigned long long)old_size);
    MAL_TRY(check_extends(last, &cp, proof, n));

    mal_audit_seen fresh = { .size = cp.size, .root = cp.root, .time = now };
    if (fresh.time < last->time)
        fresh.time = last->time; /* a clock set back does not unsay a time */
    MAL_TRY(save_seen(w, cp.origin, &fresh, bytes));
    MAL_TRY(raise_clock(w, fresh.time));
    MAL_TRY(mal_audit_note_sign_line(&line, note.text, w->name, &w->signer,
                                     fresh.time));
    MAL_TRY(mal_db_commit(w->db));
    *last = fresh;
    return mal_buf_put(lines, mal_buf_view(&line));
}

mal_err mal_audit_witness_cosign(mal_audit_witness *witness, mal_buf *lines,
                                 mal_audit_seen *seen, uint64_t old_size,
                                 const mal_prim_hash *proof, size_t n,
                                 mal_bytes checkpoint_note, uint64_t now) {
    mal_audit_seen last = { 0 };
    pthread_mutex_lock(&witness->lock);
    mal_err err = cosign_locked(witness, lines, &last, old_size, proof, n,
                                checkpoint_note, now);
    pthread_mutex_unlock(&witness->lock);
    if (seen)
        *seen = last;
    return err;
}

mal_err mal_audit_witness_last(mal_audit_witness *witness, mal_audit_seen *seen,
                               mal_buf *note, const char *origin) {
    pthread_mutex_lock(&witness->lock);
    mal_err err = load_seen(witness, seen, note, origin);
    pthread_mutex_unlock(&witness->lock);
    return err;
}

mal_err mal_audit_witness_time(mal_audit_witness *witness, uint64_t *time) {
    pthread_mutex_lock(&witness->lock);
    mal_err err = read_clock(witness, time);
    pthread_mutex_unlock(&witness->lock);
    return err;
}

mal_err mal_audit_witness_note_time(mal_audit_witness *witness, uint64_t time) {
    MAL_REQUIRE(time <= INT64_MAX, MAL_E_INPUT, "no such time");
    pthread_mutex_lock(&witness->lock);
    mal_err err = raise_clock(witness, time);
    pthread_mutex_unlock(&witness->lock);
    return err;
}

/* --- As a message --------------------------------------------------------- */

typedef struct request {
    uint64_t old_size;
    mal_prim_hash proof[PROOF_LINES_MAX];
    size_t n;
    mal_bytes note;
} request;

static mal_err parse_request(request *r, mal_bytes text) {
    mal_bytes line, number;
    bool more;
    r->n = 0;
    MAL_REQUIRE(audit_line(&line, &text) && audit_prefix(&number, line, "old "),
                MAL_E_INPUT, "a request must start with \"old\" and a size");
    MAL_TRY(audit_decimal(&r->old_size, number));
    while ((more = audit_line(&line, &text)) && line.len > 0) {
        MAL_REQUIRE(r->n < PROOF_LINES_MAX, MAL_E_INPUT,
                    "more than %d proof lines", PROOF_LINES_MAX);
        MAL_TRY(audit_hash_read(&r->proof[r->n++], line));
    }
    MAL_REQUIRE(more, MAL_E_INPUT, "a request lacks its checkpoint");
    r->note = text;
    return MAL_OK;
}

mal_err mal_audit_witness_request(mal_buf *out, uint64_t old_size,
                                  const mal_prim_hash *proof, size_t n,
                                  mal_bytes checkpoint_note) {
    MAL_REQUIRE(n <= PROOF_LINES_MAX, MAL_E_LIMIT, "a proof is too long");
    MAL_TRY(mal_buf_put_fmt(out, "old %llu\n", (unsigned long long)old_size));
    for (size_t i = 0; i < n; i++)
        MAL_TRY(audit_hash_put(out, &proof[i]));
    MAL_TRY(mal_buf_put_str(out, "\n"));
    return mal_buf_put(out, checkpoint_note);
}

static int status_of(mal_err err) {
    switch ((unsigned)err) {
    case MAL_OK:
        return 200;
    case MAL_E_INPUT:
    case MAL_E_LIMIT:
        return 400;
    case MAL_E_AUTH:
        return 403;
    case MAL_E_MISSING:
        return 404;
    case MAL_E_STATE:
        return 409;
    case MAL_E_DENIED:
        return 422;
    default:
        return 500;
    }
}

mal_err mal_audit_witness_answer(mal_audit_witness *witness, mal_buf *answer,
                                 int *status, mal_bytes text, uint64_t now) {
    request r;
    mal_audit_seen seen = { 0 };
    mal_err err = parse_request(&r, text);
    if (err == MAL_OK)
        err = mal_audit_witness_cosign(witness, answer, &seen, r.old_size,
                                       r.proof, r.n, r.note, now);
    *status = status_of(err);
    if (*status == 500)
        return err;
    if (*status == 409)
        return mal_buf_put_fmt(answer, "%llu\n", (unsigned long long)seen.size);
    if (*status != 200)
        return mal_buf_put_fmt(answer, "%s\n", mal_err_message());
    return MAL_OK;
}
