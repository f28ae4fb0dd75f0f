/* stages.c - the stages that a seat of share3 keeps of a running job.
 *
 *     JOB/AT.ATTEMPT.stage    head: room, job, party, stage, attempt, session,
 *                                   shape, and the file's own key, boxed
 *                             pieces of shares: AES-256-GCM, the nonce is a
 *                                   piece's number, bound to the head
 *
 * A stage counts once it is refreshed, proved (malicious), whole on disk, and
 * both peers have said so; then the one before goes.  So the three always hold
 * one in common, and when they meet again they take the furthest.  A disk holds
 * one seat's shares, under a key that the job's end destroys.
 */
#include "share3_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SEATS MAL_POLICY_SEATS
#define MAGIC "malus stage v1"
#define HEAD_MAX ((size_t)1 << 20)
#define OFFERS_MAX 2 /* that one seat holds at a time */

struct room_stage_file {
    int fd;
    bool writing;
    mal_key key;
    mal_prim_hash head;
    uint64_t pieces;
    mal_buf plain, sealed;
};

static void file_clear(struct room_stage_file *f) {
    mal_fd_auto(&f->fd);
    mal_key_clear(&f->key);
    if (f->plain.ptr)
        mal_wipe(f->plain.ptr, f->plain.len);
    mal_buf_clear(&f->plain);
    mal_buf_clear(&f->sealed);
}

/* --- Names ---------------------------------------------------------------- */

static void name_of(char name[64], const room_stage *s) {
    snprintf(name, 64, "%u.%u.stage", s->at, s->attempt);
}

static mal_err path_of(char path[ROOM_PATH_LEN], const mal_room *room,
                       const room_id *job, const char *name) {
    char folder[ROOM_PATH_LEN];
    MAL_TRY(room_kept_folder(folder, room, job));
    int n = snprintf(path, ROOM_PATH_LEN, "%s/%s", folder, name);
    MAL_REQUIRE(n > 0 && n < ROOM_PATH_LEN, MAL_E_LIMIT, "a path too long");
    return MAL_OK;
}

/* All files of the job but one. */
static mal_err remove_but(mal_room *room, const room_id *job, const char *but) {
    char folder[ROOM_PATH_LEN], path[ROOM_PATH_LEN];
    MAL_TRY(room_kept_folder(folder, room, job));
    DIR *d = opendir(folder);
    if (!d && errno == ENOENT)
        return MAL_OK; /* the job's end took them all */
    MAL_REQUIRE(d, MAL_E_IO, "cannot read %s: %s", folder, strerror(errno));
    mal_err err = MAL_OK;
    for (struct dirent *e; (e = readdir(d)) && err == MAL_OK;) {
        if (e->d_name[0] == '.' || strcmp(e->d_name, but) == 0)
            continue;
        err = path_of(path, room, job, e->d_name);
        if (err == MAL_OK)
            err = mal_file_remove(path);
    }
    closedir(d);
    return err;
}

/* --- Heads ---------------------------------------------------------------- */

static mal_err put_head(mal_buf *out, const mal_room *room, const room_job *job,
                        const room_stage *s, mal_bytes shape) {
    MAL_TRY(mal_buf_put_blob_str(out, MAGIC));
    MAL_TRY(mal_buf_put(out, mal_bytes_of(room->contract->room_id, 32)));
    MAL_TRY(mal_buf_put(out, mal_bytes_of(job->id.b, 32)));
    MAL_TRY(mal_buf_put_u32(out, room->me));
    MAL_TRY(mal_buf_put_u32(out, s->at));
    MAL_TRY(mal_buf_put_u32(out, s->attempt));
    MAL_TRY(mal_buf_put(out, mal_bytes_of(s->session, 32)));
    return mal_buf_put_blob(out, shape);
}

/* The head as it must be, but for session and shape, which it tells. */
static mal_err check_head(const mal_room *room, const room_job *job,
                          room_stage *s, mal_bytes *shape, mal_bytes head) {
    mal_rd rd = mal_rd_of(head);
    mal_bytes magic;
    uint8_t own_room[32], own_job[32];
    uint32_t party, at, attempt;
    MAL_TRY(mal_rd_blob(&rd, &magic, 64));
    MAL_TRY(mal_rd_copy(&rd, own_room, 32));
    MAL_TRY(mal_rd_copy(&rd, own_job, 32));
    MAL_TRY(mal_rd_u32(&rd, &party));
    MAL_TRY(mal_rd_u32(&rd, &at));
    MAL_TRY(mal_rd_u32(&rd, &attempt));
    MAL_TRY(mal_rd_copy(&rd, s->session, 32));
    MAL_TRY(mal_rd_blob(&rd, shape, HEAD_MAX));
    MAL_TRY(mal_rd_end(&rd));
    MAL_REQUIRE(mal_bytes_same_vartime(magic, mal_bytes_str(MAGIC)), MAL_E_AUTH,
                "it is no stage of a job");
    MAL_REQUIRE(mal_equal(own_room, room->contract->room_id, 32) &&
                    mal_equal(own_job, job->id.b, 32),
                MAL_E_AUTH, "it is of another job");
    MAL_REQUIRE(party == room->me, MAL_E_AUTH, "it is of another party");
    MAL_REQUIRE(at == s->at && attempt == s->attempt, MAL_E_AUTH,
                "it is of another stage or attempt");
    return MAL_OK;
}

static mal_err read_exact(int fd, mal_buf *out, size_t len) {
    MAL_TRY(mal_buf_reserve(out, len));
    for (size_t done = 0; done < len;) {
        ssize_t n = read(fd, out->ptr + out->len + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        MAL_REQUIRE(n >= 0, MAL_E_IO, "cannot read it: %s", strerror(errno));
        MAL_REQUIRE(n > 0, MAL_E_AUTH, "it was cut short");
        done += (size_t)n;
    }
    out->len += len;
    return MAL_OK;
}

/* A blob as MAL puts it: u32 length, bytes. */
static mal_err read_blob(int fd, mal_buf *out) {
    MAL_AUTO(mal_buf_clear) mal_buf len = { 0 };
    MAL_TRY(read_exact(fd, &len, 4));
    uint32_t n = mal_load_u32le(len.ptr);
    MAL_REQUIRE(n <= HEAD_MAX, MAL_E_AUTH, "it is no stage of a job");
    return read_exact(fd, out, n);
}

static mal_err open_head(struct room_stage_file *f, mal_room *room,
                         const room_job *job, room_stage *s, mal_buf *head) {
    MAL_AUTO(mal_key_clear) mal_key job_key = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf boxed = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf key = { 0 };
    mal_bytes shape;
    MAL_TRY(read_blob(f->fd, head));
    MAL_TRY(read_blob(f->fd, &boxed));
    MAL_TRY(check_head(room, job, s, &shape, mal_buf_view(head)));
    mal_prim_sha256_of(&f->head, mal_buf_view(head));
    MAL_TRY(room_kept_key(room, &job_key, &job->id));
    mal_err err =
        mal_prim_unbox(&key, mal_key_view(&job_key),
                       mal_bytes_of(f->head.b, 32), mal_buf_view(&boxed));
    MAL_REQUIRE(err == MAL_OK && key.len == MAL_PRIM_AEAD_KEY, MAL_E_AUTH,
                "it was altered, or its key is gone");
    MAL_TRY(mal_key_alloc(&f->key, MAL_PRIM_AEAD_KEY));
    memcpy(f->key.ptr, key.ptr, key.len);
    mal_wipe(key.ptr, key.len);
    return MAL_OK;
}

static mal_err open_named(struct room_stage_file *f, mal_room *room,
                          const room_job *job, room_stage *s, mal_buf *head) {
    char path[ROOM_PATH_LEN], name[64], why[300];
    name_of(name, s);
    MAL_TRY(path_of(path, room, &job->id, name));
    f->fd = open(path, O_RDONLY | O_CLOEXEC);
    MAL_REQUIRE(f->fd >= 0, MAL_E_IO, "cannot open stage %s: %s", name,
                strerror(errno));
    mal_err err = open_head(f, room, job, s, head);
    if (err == MAL_OK)
        return MAL_OK;
    snprintf(why, sizeof why, "%s", mal_err_message());
    return mal_err_set(err, __FILE__, __LINE__,
                       "stage %s of this job is refused: %s", name, why);
}

/* --- Pieces --------------------------------------------------------------- */

static void nonce_of(uint8_t nonce[12], uint64_t piece) {
    memset(nonce, 0, 12);
    mal_store_u64le(nonce + 4, piece);
}

static mal_err put_piece(void *ctx, const uint64_t *words, size_t n) {
    room_stages *r = ctx;
    struct room_stage_file *f = r->file;
    uint8_t nonce[12];
    nonce_of(nonce, f->pieces++);
    mal_buf_reset(&f->sealed);
    MAL_TRY(mal_prim_gcm_seal(&f->sealed, mal_key_view(&f->key), nonce,
                              mal_bytes_of(f->head.b, 32),
                              mal_bytes_of(words, 8 * n)));
    return mal_fd_write(f->fd, mal_buf_view(&f->sealed));
}

static mal_err take_piece(void *ctx, uint64_t *words, size_t n) {
    room_stages *r = ctx;
    struct room_stage_file *f = r->file;
    uint8_t nonce[12];
    nonce_of(nonce, f->pieces++);
    mal_buf_reset(&f->sealed);
    mal_buf_reset(&f->plain);
    MAL_TRY(read_exact(f->fd, &f->sealed, 8 * n + MAL_PRIM_AEAD_TAG));
    mal_err err = mal_prim_gcm_open(&f->plain, mal_key_view(&f->key), nonce,
                                    mal_bytes_of(f->head.b, 32),
                                    mal_buf_view(&f->sealed));
    MAL_REQUIRE(err == MAL_OK && f->plain.len == 8 * n, MAL_E_AUTH,
                "stage %u of this job is refused: it was altered", r->from.at);
    memcpy(words, f->plain.ptr, 8 * n);
    mal_wipe(f->plain.ptr, f->plain.len);
    return MAL_OK;
}

/* --- Keeping -------------------------------------------------------------- */

/* All three stand here: each says so, and hears it of both others. */
mal_err room_stages_meet(room_stages *r, const char *what, uint32_t at) {
    uint8_t own[16] = { 0 }, theirs[16];
    memcpy(own, what, strnlen(what, 8));
    mal_store_u32le(own + 8, at);
    mal_store_u32le(own + 12, r->job->attempt);
    for (unsigned i = 0; i < SEATS; i++)
        if (i != r->mesh->me)
            MAL_TRY(mal_chan_send(r->mesh->chan[i], mal_bytes_of(own, 16)));
    for (unsigned i = 0; i < SEATS; i++) {
        if (i == r->mesh->me)
            continue;
        MAL_TRY(mal_chan_recv_exact(r->mesh->chan[i], theirs, 16));
        MAL_REQUIRE(mal_equal(own, theirs, 16), MAL_E_PEER,
                    "a seat stands at another place of the plan");
    }
    return MAL_OK;
}

static mal_err begin_file(room_stages *r, const room_stage *s, mal_bytes shape,
                          const char *path) {
    struct room_stage_file *f = r->file;
    MAL_AUTO(mal_key_clear) mal_key job_key = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf head = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf boxed = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    MAL_TRY(put_head(&head, r->room, r->job, s, shape));
    MAL_REQUIRE(head.len <= HEAD_MAX, MAL_E_LIMIT, "a stage of %zu bytes head",
                head.len);
    mal_prim_sha256_of(&f->head, mal_buf_view(&head));
    MAL_TRY(mal_key_alloc(&f->key, MAL_PRIM_AEAD_KEY));
    mal_prim_random(f->key.ptr, f->key.len);
    MAL_TRY(room_kept_key(r->room, &job_key, &r->job->id));
    MAL_TRY(mal_prim_box(&boxed, mal_key_view(&job_key),
                         mal_bytes_of(f->head.b, 32), mal_key_view(&f->key)));
    MAL_TRY(mal_buf_put_blob(&out, mal_buf_view(&head)));
    MAL_TRY(mal_buf_put_blob(&out, mal_buf_view(&boxed)));
    f->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    MAL_REQUIRE(f->fd >= 0, MAL_E_IO, "cannot keep a stage: %s: %s", path,
                strerror(errno));
    return mal_fd_write(f->fd, mal_buf_view(&out));
}

static mal_err write_file(room_stages *r, const room_stage *s,
                          mal_obl_table *const *tables, unsigned n,
                          const char *path) {
    const mal_obl_pieces pieces = { .ctx = r, .put = put_piece };
    MAL_AUTO(mal_buf_clear) mal_buf shape = { 0 };
    MAL_TRY(mal_obl_state_shape(&shape, r->obl, tables, n));
    MAL_TRY(begin_file(r, s, mal_buf_view(&shape), path));
    MAL_TRY(mal_obl_state_put(r->obl, tables, n, &pieces));
    /* "Verified": what a lie bent is never gone on from. */
    MAL_TRY(mal_share3_verify(r->engine));
    MAL_REQUIRE(fsync(r->file->fd) == 0, MAL_E_IO, "cannot keep a stage: %s",
                strerror(errno));
    return MAL_OK;
}

static mal_err keep(room_stages *r, const room_stage *s,
                    mal_obl_table *const *tables, unsigned n) {
    char folder[ROOM_PATH_LEN], path[ROOM_PATH_LEN], temporary[ROOM_PATH_LEN],
        name[64];
    name_of(name, s);
    MAL_TRY(room_kept_folder(folder, r->room, &r->job->id));
    MAL_TRY(mal_dir_make(folder, 0700));
    MAL_TRY(path_of(path, r->room, &r->job->id, name));
    MAL_TRY(path_of(temporary, r->room, &r->job->id, "new"));
    MAL_TRY(write_file(r, s, tables, n, temporary));
    MAL_REQUIRE(rename(temporary, path) == 0, MAL_E_IO,
                "cannot keep a stage: %s", strerror(errno));
    MAL_TRY(mal_dir_sync(folder));
    MAL_TRY(mal_dir_sync(r->room->config.folder));
    MAL_TRY(room_stages_meet(r, "kept", s->at));
    return remove_but(r->room, &r->job->id, name);
}

static mal_err stage_done(void *ctx, unsigned at, mal_obl_table *const *tables,
                          unsigned n) {
    room_stages *r = ctx;
    struct room_stage_file file = { .fd = -1 };
    room_stage s = { .at = at, .attempt = r->job->attempt };
    char says[48];
    if (!r->room->config.folder || r->left)
        return MAL_OK; /* it is not gone on with */
    memcpy(s.session, r->session, 32);
    r->file = &file;
    mal_err err = keep(r, &s, tables, n);
    r->file = NULL;
    file_clear(&file);
    MAL_TRY(err);
    snprintf(says, sizeof says, "engine, stage %u kept", at);
    room_job_rename(r->room, r->job, says);
    room_trace(r->room, "stage", r->room->me, "kept", at);
    return room_pause(r->room, r->job, at);
}

/* --- Beginning again ------------------------------------------------------ */

/* What lies here, each head checked. */
static mal_err list_own(room_stages *r, room_stage *list, unsigned *n) {
    char folder[ROOM_PATH_LEN];
    MAL_TRY(room_kept_folder(folder, r->room, &r->job->id));
    DIR *d = opendir(folder);
    MAL_REQUIRE(d, MAL_E_MISSING,
                "no stage of this job was kept here: ask anew");
    mal_err err = MAL_OK;
    for (struct dirent *e; (e = readdir(d)) && err == MAL_OK;) {
        struct room_stage_file file = { .fd = -1 };
        MAL_AUTO(mal_buf_clear) mal_buf head = { 0 };
        room_stage s = { 0 };
        char name[64];
        if (sscanf(e->d_name, "%u.%u.", &s.at, &s.attempt) != 2)
            continue;
        name_of(name, &s);
        if (strcmp(name, e->d_name) != 0)
            continue;
        err = *n < OFFERS_MAX ? open_named(&file, r->room, r->job, &s, &head)
                              : mal_err_set(MAL_E_AUTH, __FILE__, __LINE__,
                                            "more stages of this job lie here "
                                            "than were kept");
        file_clear(&file);
        if (err == MAL_OK)
            list[(*n)++] = s;
    }
    closedir(d);
    return err;
}

#define OFFER (4 + OFFERS_MAX * 40 + 32)

static void write_offer(uint8_t out[OFFER], const room_stage *list, unsigned n,
                        uint32_t attempt) {
    memset(out, 0, OFFER);
    mal_store_u32le(out, attempt);
    for (unsigned i = 0; i < n; i++) {
        uint8_t *at = out + 4 + 40 * i;
        mal_store_u32le(at, list[i].at);
        mal_store_u32le(at + 4, list[i].attempt);
        memcpy(at + 8, list[i].session, 32);
    }
    mal_prim_random(out + OFFER - 32, 32);
}

static bool offered(const uint8_t offer[OFFER], const room_stage *s) {
    for (unsigned i = 0; i < OFFERS_MAX; i++) {
        const uint8_t *at = offer + 4 + 40 * i;
        if (mal_load_u32le(at) == s->at &&
            mal_load_u32le(at + 4) == s->attempt &&
            mal_equal(at + 8, s->session, 32))
            return true;
    }
    return false;
}

static bool further(const room_stage *a, const room_stage *b) {
    return a->at > b->at || (a->at == b->at && a->attempt > b->attempt);
}

static mal_err exchange(room_stages *r, uint8_t offers[SEATS][OFFER]) {
    const unsigned me = r->mesh->me;
    for (unsigned i = 0; i < SEATS; i++)
        if (i != me)
            MAL_TRY(mal_chan_send(r->mesh->chan[i],
                                  mal_bytes_of(offers[me], OFFER)));
    for (unsigned i = 0; i < SEATS; i++) {
        if (i == me)
            continue;
        MAL_TRY(mal_chan_recv_exact(r->mesh->chan[i], offers[i], OFFER));
        MAL_REQUIRE(mal_load_u32le(offers[i]) == r->job->attempt, MAL_E_PEER,
                    "a seat is at another attempt");
    }
    return MAL_OK;
}

/* The furthest that all three hold, of one run; a session that none of us
 * chose: no key and no counter of it was ever used. */
mal_err room_stages_agree(room_stages *r) {
    uint8_t offers[SEATS][OFFER];
    room_stage own[OFFERS_MAX] = { 0 };
    mal_prim_hash session;
    unsigned n = 0;
    char name[64];
    MAL_TRY(list_own(r, own, &n));
    write_offer(offers[r->mesh->me], own, n, r->job->attempt);
    MAL_TRY(exchange(r, offers));
    for (unsigned i = 0; i < n; i++) {
        bool all = true;
        for (unsigned k = 0; k < SEATS; k++)
            all &= offered(offers[k], &own[i]);
        if (all && further(&own[i], &r->from))
            r->from = own[i];
    }
    MAL_REQUIRE(r->from.at > 0, MAL_E_STATE,
                "the seats hold no stage of this job in common: ask anew");
    mal_bytes parts[1 + SEATS] = { mal_bytes_of(r->session, 32) };
    for (unsigned i = 0; i < SEATS; i++)
        parts[1 + i] = mal_bytes_of(offers[i], OFFER);
    mal_prim_hash_parts(&session, "malus engine session again v1", parts,
                        1 + SEATS);
    memcpy(r->session, session.b, 32);
    r->hooks.from = r->job->stage_from = r->from.at;
    name_of(name, &r->from);
    room_trace(r->room, "stage", r->room->me, "from", r->from.at);
    return remove_but(r->room, &r->job->id, name);
}

static mal_err load(room_stages *r, mal_obl_table *tables, unsigned n) {
    const mal_obl_pieces pieces = { .ctx = r, .take = take_piece };
    MAL_AUTO(mal_buf_clear) mal_buf head = { 0 };
    mal_bytes shape;
    uint8_t more;
    room_stage s = r->from;
    MAL_TRY(open_named(r->file, r->room, r->job, &s, &head));
    MAL_TRY(check_head(r->room, r->job, &s, &shape, mal_buf_view(&head)));
    MAL_TRY(mal_obl_state_take(r->obl, tables, n, shape, &pieces));
    mal_err err = read(r->file->fd, &more, 1) == 0
                      ? mal_share3_verify(r->engine)
                      : mal_err_set(MAL_E_AUTH, __FILE__, __LINE__,
                                    "stage %u of this job is refused: it was "
                                    "altered",
                                    s.at);
    for (unsigned i = 0; i < n && err != MAL_OK; i++)
        mal_obl_table_clear(&tables[i]);
    return err;
}

static mal_err stage_load(void *ctx, mal_obl_table *tables, unsigned n) {
    room_stages *r = ctx;
    struct room_stage_file file = { .fd = -1 };
    r->file = &file;
    mal_err err = load(r, tables, n);
    r->file = NULL;
    file_clear(&file);
    return err;
}

/* --- The point of no return ----------------------------------------------- */

/* Durable at all three before any of us shows a part of the answer: who has one
 * part of it met two honest marks, or one, and a job that is marked anywhere
 * begins nowhere again. */
static mal_err stage_opens(void *ctx) {
    room_stages *r = ctx;
    if (!r->room->config.folder || r->left)
        return MAL_OK; /* once is enough */
    MAL_TRY(room_kept_mark(r->room, &r->job->id, ROOM_KEPT_LEFT));
    r->job->over = r->left = true;
    MAL_TRY(room_stages_meet(r, "leaving", 0));
    room_trace(r->room, "stage", r->room->me, "left", 0);
    return room_pause(r->room, r->job, 0);
}

mal_err room_stages_leave(room_stages *r) {
    return stage_opens(r);
}

void room_stages_init(room_stages *r) {
    r->hooks = (mal_obl_stages){
        .ctx = r, .done = stage_done, .load = stage_load, .opens = stage_opens
    };
    room_session_of(r->session, r->job);
}
