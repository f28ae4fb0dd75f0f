/* kept.c - what a node remembers of a job whose budget is spent, so that the
 * same job can go on after a node died.
 *
 *     spend   a row: the request, the acceptances, what the receipt will need
 *     stage   a key of the job's own, and files under it (stages.c)
 *     left    durable before an output leaves: from here on nothing restarts
 *     over    closed, cancelled, refused or too old: key first, files, row
 *
 * Rows are sealed as stored answers are.  The key is random, wrapped by kms and
 * destroyed with the job: files that a crash or a backup kept are then noise.
 */
#include "room_impl.h"

#include <stdio.h>
#include <string.h>

#define KEPT_SECONDS 86400 /* since the last attempt began */

static mal_err row_key(const mal_room *room, mal_key *key) {
    MAL_TRY(mal_key_alloc(key, MAL_PRIM_AEAD_KEY));
    return mal_prim_hkdf(key->ptr, key->len,
                         mal_key_view(mal_kms_node_secret(room->config.kms)),
                         mal_bytes_of(room->contract->room_id, 32),
                         mal_bytes_str("malus kept jobs v1"));
}

/* --- The job's key and files ---------------------------------------------- */

static void binding_of(mal_kms_binding *b, char name[80], const mal_room *room,
                       const room_id *job) {
    char hex[65];
    mal_hex_encode(hex, mal_bytes_of(job->b, 32));
    snprintf(name, 80, "job %s", hex);
    *b = (mal_kms_binding){ .dataset = name, .version = 1 };
    memcpy(b->room, room->contract->room_id, 32);
    memcpy(b->contract, room->contract->hash, 32);
}

mal_err room_kept_key(mal_room *room, mal_key *key, const room_id *job) {
    mal_kms_binding b;
    char name[80];
    binding_of(&b, name, room, job);
    mal_err err = mal_kms_data_key(room->config.kms, key, &b);
    if (err != MAL_E_MISSING)
        return err;
    mal_err_forget();
    return mal_kms_data_new(room->config.kms, key, &b);
}

mal_err room_kept_folder(char path[ROOM_PATH_LEN], const mal_room *room,
                         const room_id *job) {
    char hex[65];
    mal_hex_encode(hex, mal_bytes_of(job->b, 32));
    int n = snprintf(path, ROOM_PATH_LEN, "%s/%s", room->config.folder, hex);
    MAL_REQUIRE(n > 0 && n < ROOM_PATH_LEN, MAL_E_LIMIT, "a path too long");
    return MAL_OK;
}

/* Key first: what a failure leaves behind it opens no more. */
static mal_err erase(mal_room *room, const room_id *job) {
    mal_kms_binding b;
    char name[80], folder[ROOM_PATH_LEN];
    binding_of(&b, name, room, job);
    MAL_TRY(mal_kms_data_destroy(room->config.kms, &b));
    MAL_TRY(room_kept_folder(folder, room, job));
    return mal_file_exists(folder) ? mal_dir_remove(folder) : MAL_OK;
}

/* --- Rows ----------------------------------------------------------------- */

static mal_err put_row(mal_room *room, const room_kept *k, mal_bytes sealed) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, room->config.db,
                           "INSERT OR REPLACE INTO room_kept"
                           " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"));
    MAL_TRY(mal_db_bind_text(s, 1, room->id_hex));
    MAL_TRY(mal_db_bind_blob(s, 2, mal_bytes_of(k->job.b, 32)));
    MAL_TRY(mal_db_bind_int(s, 3, k->role));
    MAL_TRY(mal_db_bind_blob(s, 4, mal_bytes_of(k->request.b, 32)));
    MAL_TRY(mal_db_bind_int(s, 5, k->attempt));
    MAL_TRY(mal_db_bind_int(s, 6, k->state));
    MAL_TRY(mal_db_bind_int(s, 7, (int64_t)(mal_time_unix() + KEPT_SECONDS)));
    MAL_TRY(mal_db_bind_blob(s, 8, sealed));
    return mal_db_run(s);
}

/* What an entry is sealed to: another job's, or the other role's, is no good.
 */
static void ad_of(uint8_t ad[33], const room_kept *k) {
    memcpy(ad, k->job.b, 32);
    ad[32] = (uint8_t)k->role;
}

mal_err room_kept_save(mal_room *room, const room_kept *k) {
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf plain = { .max = ROOM_OUTPUT_MAX };
    MAL_AUTO(mal_buf_clear) mal_buf sealed = { .max = ROOM_OUTPUT_MAX };
    uint8_t ad[33];
    if (!room->config.folder)
        return MAL_OK;
    ad_of(ad, k);
    MAL_TRY(row_key(room, &key));
    MAL_TRY(mal_buf_put_u32(&plain, k->caller));
    MAL_TRY(mal_buf_put(&plain, mal_bytes_of(k->hash.b, 32)));
    MAL_TRY(mal_buf_put_blob(&plain, k->message));
    MAL_TRY(mal_buf_put_blob(&plain, k->openings));
    MAL_TRY(mal_buf_put_u32(&plain, k->n));
    for (unsigned i = 0; i < k->n; i++)
        MAL_TRY(mal_buf_put_blob(&plain, k->list[i]));
    MAL_TRY(mal_prim_box(&sealed, mal_key_view(&key), mal_bytes_of(ad, 33),
                         mal_buf_view(&plain)));
    pthread_mutex_lock(&room->db_lock);
    mal_err err = put_row(room, k, mal_buf_view(&sealed));
    pthread_mutex_unlock(&room->db_lock);
    return err;
}

static mal_err read_row(room_kept *k, mal_arena *arena, mal_bytes plain) {
    char *copy = mal_arena_alloc(arena, plain.len + 1);
    if (!copy)
        return MAL_E_MEMORY;
    memcpy(copy, plain.ptr, plain.len);
    mal_rd rd = mal_rd_of(mal_bytes_of(copy, plain.len));
    MAL_TRY(mal_rd_u32(&rd, &k->caller));
    MAL_TRY(mal_rd_copy(&rd, k->hash.b, 32));
    MAL_TRY(mal_rd_blob(&rd, &k->message, ROOM_MESSAGE_MAX));
    MAL_TRY(mal_rd_blob(&rd, &k->openings, ROOM_MESSAGE_MAX));
    MAL_TRY(mal_rd_u32(&rd, &k->n));
    MAL_REQUIRE(k->n <= MAL_PARTIES_MAX, MAL_E_AUTH, "not a kept job");
    for (unsigned i = 0; i < k->n; i++)
        MAL_TRY(mal_rd_blob(&rd, &k->list[i], ROOM_MESSAGE_MAX));
    return mal_rd_end(&rd);
}

static mal_err open_row(mal_room *room, room_kept *k, mal_arena *arena,
                        mal_bytes sealed) {
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf plain = { .max = ROOM_OUTPUT_MAX };
    uint8_t ad[33];
    ad_of(ad, k);
    MAL_TRY(row_key(room, &key));
    MAL_TRY(mal_prim_unbox(&plain, mal_key_view(&key), mal_bytes_of(ad, 33),
                           sealed));
    return read_row(k, arena, mal_buf_view(&plain));
}

static mal_err load(mal_room *room, room_kept *k, mal_arena *arena,
                    const char *prefix) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    bool row;
    MAL_TRY(mal_db_prepare(&s, room->config.db,
                           "SELECT job, request, attempt, state, sealed"
                           " FROM room_kept WHERE room = ?1 AND role = ?2"
                           " AND expires > ?3 AND lower(hex(job)) LIKE ?4"));
    MAL_AUTO(mal_buf_clear) mal_buf like = { 0 };
    const char *text;
    MAL_TRY(mal_buf_put_fmt(&like, "%s%%", prefix));
    MAL_TRY(mal_buf_cstr(&like, &text));
    MAL_TRY(mal_db_bind_text(s, 1, room->id_hex));
    MAL_TRY(mal_db_bind_int(s, 2, k->role));
    MAL_TRY(mal_db_bind_int(s, 3, (int64_t)mal_time_unix()));
    MAL_TRY(mal_db_bind_text(s, 4, text));
    MAL_TRY(mal_db_step(s, &row));
    MAL_REQUIRE(row, MAL_E_MISSING,
                "nothing of job %.12s is kept here: ask anew", prefix);
    mal_bytes job = mal_db_col_blob(s, 0), request = mal_db_col_blob(s, 1);
    MAL_REQUIRE(job.len == 32 && request.len == 32, MAL_E_AUTH,
                "not a kept job");
    memcpy(k->job.b, job.ptr, 32);
    memcpy(k->request.b, request.ptr, 32);
    k->attempt = (uint32_t)mal_db_col_int(s, 2);
    k->state = (room_kept_state)mal_db_col_int(s, 3);
    MAL_TRY(open_row(room, k, arena, mal_db_col_blob(s, 4)));
    MAL_TRY(mal_db_step(s, &row));
    MAL_REQUIRE(!row, MAL_E_INPUT, "several jobs begin with %s", prefix);
    return MAL_OK;
}

mal_err room_kept_load(mal_room *room, room_kept *k, mal_arena *arena,
                       const char *prefix) {
    MAL_REQUIRE(*prefix && strspn(prefix, "0123456789abcdef") == strlen(prefix),
                MAL_E_INPUT, "a job is named by its hexadecimal digits");
    pthread_mutex_lock(&room->db_lock);
    mal_err err = load(room, k, arena, prefix);
    pthread_mutex_unlock(&room->db_lock);
    return err;
}

static mal_err update(mal_room *room, const room_id *job, room_kept_role role,
                      const char *sql, int64_t value) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, room->config.db, sql));
    MAL_TRY(mal_db_bind_text(s, 1, room->id_hex));
    MAL_TRY(mal_db_bind_blob(s, 2, mal_bytes_of(job->b, 32)));
    MAL_TRY(mal_db_bind_int(s, 3, role));
    MAL_TRY(mal_db_bind_int(s, 4, value));
    return mal_db_run(s);
}

static mal_err change(mal_room *room, const room_id *job, room_kept_role role,
                      const char *sql, int64_t value) {
    pthread_mutex_lock(&room->db_lock);
    mal_err err = update(room, job, role, sql, value);
    pthread_mutex_unlock(&room->db_lock);
    return err;
}

mal_err room_kept_attempt(mal_room *room, const room_id *job,
                          room_kept_role role, uint32_t attempt) {
    return change(room, job, role,
                  "UPDATE room_kept SET attempt = ?4, expires ="
                  " max(expires, unixepoch() + 86400)"
                  " WHERE room = ?1 AND job = ?2 AND role = ?3",
                  attempt);
}

mal_err room_kept_mark(mal_room *room, const room_id *job,
                       room_kept_state state) {
    return change(room, job, ROOM_KEPT_MEMBER,
                  "UPDATE room_kept SET state = max(state, ?4)"
                  " WHERE room = ?1 AND job = ?2 AND role = ?3",
                  state);
}

mal_err room_kept_end(mal_room *room, const room_id *job) {
    if (!room->config.folder)
        return MAL_OK;
    MAL_TRY(room_kept_mark(room, job, ROOM_KEPT_OVER));
    return erase(room, job);
}

/* What the data themselves refuse is refused again: nothing to go on with. */
void room_kept_failed(mal_room *room, room_job *job, mal_err err) {
    if (job->judged.engine != MAL_POLICY_ENGINE_SHARE3 ||
        job->phase < ROOM_SPENT)
        return;
    if ((job->over || err == MAL_E_INPUT) &&
        room_kept_end(room, &job->id) != MAL_OK)
        mal_err_forget(); /* the sweep tries again */
}

mal_err room_kept_forget(mal_room *room, const room_id *job,
                         room_kept_role role) {
    if (!room->config.folder)
        return MAL_OK;
    if (role == ROOM_KEPT_MEMBER)
        MAL_TRY(erase(room, job));
    return change(room, job, role,
                  "DELETE FROM room_kept WHERE room = ?1 AND job = ?2"
                  " AND role = ?3 AND ?4 = 0",
                  0);
}

/* --- What is over --------------------------------------------------------- */

#define FOUND_MAX 256

typedef struct found {
    room_id job, request;
    room_kept_role role;
    room_kept_state state;
    bool old;
} found;

static mal_err list_rows(mal_room *room, found *list, size_t *n) {
    MAL_AUTO(mal_db_stmt_auto) mal_db_stmt *s = NULL;
    MAL_TRY(mal_db_prepare(&s, room->config.db,
                           "SELECT job, request, role, state, expires"
                           " FROM room_kept WHERE room = ?1"
                           " ORDER BY expires LIMIT 256"));
    MAL_TRY(mal_db_bind_text(s, 1, room->id_hex));
    for (*n = 0; *n < FOUND_MAX;) {
        bool row;
        MAL_TRY(mal_db_step(s, &row));
        if (!row)
            return MAL_OK;
        mal_bytes job = mal_db_col_blob(s, 0), request = mal_db_col_blob(s, 1);
        if (job.len != 32 || request.len != 32)
            continue;
        found *f = &list[(*n)++];
        memcpy(f->job.b, job.ptr, 32);
        memcpy(f->request.b, request.ptr, 32);
        f->role = (room_kept_role)mal_db_col_int(s, 2);
        f->state = (room_kept_state)mal_db_col_int(s, 3);
        f->old = mal_db_col_int(s, 4) <= (int64_t)mal_time_unix();
    }
    return MAL_OK;
}

/* End the member's rows that `which` names; forget what is too old. */
static mal_err clean(mal_room *room, bool (*which)(const found *f, void *ctx),
                     void *ctx) {
    found *list;
    size_t n = 0;
    if (!room->config.folder)
        return MAL_OK;
    list = mal_calloc(FOUND_MAX, sizeof *list);
    if (!list)
        return MAL_E_MEMORY;
    pthread_mutex_lock(&room->db_lock);
    mal_err err = list_rows(room, list, &n);
    pthread_mutex_unlock(&room->db_lock);
    for (size_t i = 0; i < n && err == MAL_OK; i++) {
        const found *f = &list[i];
        if (f->old)
            err = room_kept_forget(room, &f->job, f->role);
        else if (f->role == ROOM_KEPT_MEMBER && which(f, ctx))
            err = room_kept_end(room, &f->job);
    }
    mal_free(list);
    return err;
}

typedef struct meant {
    mal_room *room;
    uint32_t caller;
    uint8_t request[32];
} meant;

/* Only by who asked it. */
static bool of_request(const found *f, void *ctx) {
    const meant *m = ctx;
    room_kept k = { .role = ROOM_KEPT_MEMBER };
    char hex[65];
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(64 << 20);
    if (!arena || !mal_equal(f->request.b, m->request, 32))
        return false;
    mal_hex_encode(hex, mal_bytes_of(f->job.b, 32));
    if (room_kept_load(m->room, &k, arena, hex) == MAL_OK)
        return k.caller == m->caller;
    mal_err_forget();
    return false;
}

/* A crash may have come between a mark and the files. */
static bool not_live(const found *f, void *ctx) {
    mal_room *room = ctx;
    return !room_job_live(room, f->request.b) &&
           (f->state != ROOM_KEPT_LIVE || room->withdrawn);
}

mal_err room_kept_end_request(mal_room *room, uint32_t caller,
                              const uint8_t request[32]) {
    meant m = { .room = room, .caller = caller };
    memcpy(m.request, request, 32);
    return clean(room, of_request, &m);
}

mal_err room_kept_sweep(mal_room *room) {
    return clean(room, not_live, room);
}
