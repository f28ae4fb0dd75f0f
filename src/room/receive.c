/* receive.c - a seat takes its shares of an owner's table, and keeps them. */
#include "share3_impl.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define UPLOADS_MAX 8 /* under way at once */
#define UPLOAD_IDLE_S 300

struct room_upload {
    room_upload *next;
    uint32_t owner;
    room_share_head head; /* but for `sealed` */
    mal_prim_hash head_hash;
    mal_key key;
    mal_store_shares what;
    mal_store_shares_writer *writer;
    uint32_t next_piece;
    uint64_t touched_ns;
};

static void upload_free(room_upload *u) {
    mal_store_shares_abandon(&u->writer);
    mal_key_clear(&u->key);
    mal_free(u);
}

void room_uploads_clear(mal_room *room) {
    while (room->uploads) {
        room_upload *u = room->uploads;
        room->uploads = u->next;
        upload_free(u);
    }
}

/* --- The head ------------------------------------------------------------ */

/* Whose table is it?  Its owner must have signed the head. */
static mal_err read_head(mal_room *room, room_upload *u, mal_bytes message) {
    const mal_policy_contract *c = room->contract;
    mal_rd rd = mal_rd_of(message);
    mal_bytes label, body;
    MAL_TRY(mal_rd_blob(&rd, &label, 64));
    MAL_TRY(mal_rd_blob(&rd, &body, ROOM_SHARE_HEAD_MAX));
    MAL_TRY(room_share_head_decode(&u->head, body)); /* not believed yet */
    uint32_t at = mal_policy_dataset_find(c, u->head.dataset);
    MAL_REQUIRE(at != MAL_POLICY_NONE && c->datasets[at].shared, MAL_E_PEER,
                "the contract does not say that %s rests shared",
                u->head.dataset);
    u->owner = c->datasets[at].owner;
    MAL_TRY(room_open_signed(room, &body, message, "malus/share/v1", u->owner));
    MAL_TRY(room_share_head_decode(&u->head, body));
    MAL_REQUIRE((int)u->head.seat == room_seat_of(room, room->me), MAL_E_DENIED,
                "this bundle is for another seat");
    mal_prim_sha256_of(&u->head_hash, message);
    return MAL_OK;
}

static mal_err check_shape(mal_room *room, const room_share_head *h) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(16 << 20);
    const mal_policy_contract *c = room->contract;
    room_shape shape;
    const char **names;
    uint8_t hash[32];
    if (!arena)
        return MAL_E_MEMORY;
    MAL_TRY(room_shape_of_dataset(
        &shape, &names, arena,
        &c->datasets[mal_policy_dataset_find(c, h->dataset)]));
    room_shape_hash(hash, &shape);
    MAL_REQUIRE(mal_equal(hash, h->shape, 32) &&
                    h->words == room_shape_words(&shape),
                MAL_E_PEER, "shares of %s of another shape than the contract's",
                h->dataset);
    return MAL_OK;
}

static mal_err open_key(mal_room *room, room_upload *u) {
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    uint8_t aad[36];
    memcpy(aad, u->head.upload, 32);
    mal_store_u32le(aad + 32, u->head.seat);
    MAL_TRY(mal_kms_hpke_open(room->config.kms, &plain,
                              mal_bytes_str("malus share key v1"),
                              mal_bytes_of(aad, sizeof aad), u->head.sealed));
    MAL_REQUIRE(plain.len == 32, MAL_E_PEER, "a key of another size");
    mal_err err = mal_key_from(&u->key, mal_buf_view(&plain));
    mal_wipe(plain.ptr, plain.len);
    u->head.sealed = mal_bytes_of(NULL, 0);
    return err;
}

static mal_err begin(mal_room *room, room_upload *u, mal_bytes message) {
    MAL_TRY(read_head(room, u, message));
    MAL_TRY(check_shape(room, &u->head));
    MAL_TRY(open_key(room, u));
    mal_store_shares *w = &u->what;
    memcpy(w->room, room->contract->room_id, 32);
    memcpy(w->contract, room->contract->hash, 32);
    memcpy(w->dataset, u->head.dataset, sizeof w->dataset);
    memcpy(w->root, u->head.root, 32);
    memcpy(w->upload, u->head.upload, 32);
    memcpy(w->shape, u->head.shape, 32);
    w->version = u->head.version;
    w->seat = u->head.seat;
    w->words = u->head.words;
    u->next_piece = 1;
    return mal_store_shares_begin(room->config.store, &u->writer, w);
}

/* --- Pieces -------------------------------------------------------------- */

/* *whole once the last one is stored. */
static mal_err take_piece(room_upload *u, uint32_t index, mal_bytes sealed,
                          bool *whole) {
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    MAL_REQUIRE(index == u->next_piece && index <= u->head.pieces, MAL_E_PEER,
                "piece %u of a bundle, and not %u", index, u->next_piece);
    MAL_TRY(
        room_share_piece_open(&plain, &u->key, &u->head_hash, index, sealed));
    MAL_REQUIRE(plain.len % 8 == 0 && plain.len > 0, MAL_E_PEER,
                "a piece that is no words");
    size_t n = plain.len / 8;
    uint64_t *words = mal_calloc(n, sizeof *words);
    if (!words)
        return MAL_E_MEMORY;
    for (size_t i = 0; i < n; i++)
        words[i] = mal_load_u64le(plain.ptr + 8 * i);
    mal_err err = mal_store_shares_write(u->writer, words, n);
    mal_wipe(words, n * sizeof *words);
    mal_free(words);
    MAL_TRY(err);
    u->next_piece++;
    *whole = index == u->head.pieces;
    return *whole ? mal_store_shares_commit(&u->writer) : MAL_OK;
}

static room_upload **find_upload(mal_room *room, const uint8_t id[32]) {
    room_upload **at = &room->uploads;
    while (*at && !mal_equal((*at)->head.upload, id, 32))
        at = &(*at)->next;
    return at;
}

static mal_err new_upload(mal_room *room, uint32_t caller, mal_bytes message) {
    unsigned n = 0;
    uint64_t now = mal_time_monotonic_ns();
    for (room_upload **at = &room->uploads; *at;) {
        room_upload *u = *at;
        if (u->owner != caller &&
            now - u->touched_ns < UPLOAD_IDLE_S * 1000000000ull) {
            n++;
            at = &u->next;
            continue;
        }
        *at = u->next; /* an owner shares one table at a time */
        upload_free(u);
    }
    MAL_REQUIRE(n < UPLOADS_MAX, MAL_E_LIMIT,
                "%u tables are being shared to this seat already", n);
    room_upload *u = mal_calloc(1, sizeof *u);
    if (!u)
        return MAL_E_MEMORY;
    mal_err err = begin(room, u, message);
    if (err == MAL_OK && u->owner != caller)
        err = mal_err_set(MAL_E_DENIED, __FILE__, __LINE__,
                          "only its owner shares %s", u->head.dataset);
    if (err != MAL_OK) {
        upload_free(u);
        return err;
    }
    u->touched_ns = now;
    u->next = room->uploads;
    room->uploads = u;
    return MAL_OK;
}

static mal_err next_piece(mal_room *room, uint32_t caller, const uint8_t id[32],
                          uint32_t index, mal_bytes message) {
    bool whole = false;
    room_upload **at = find_upload(room, id), *u = *at;
    MAL_REQUIRE(u && u->owner == caller, MAL_E_MISSING,
                "no such upload is under way here");
    mal_err err = take_piece(u, index, message, &whole);
    u->touched_ns = mal_time_monotonic_ns();
    if (err != MAL_OK || whole) {
        *at = u->next;
        upload_free(u);
    }
    return err;
}

mal_err room_serve_share(mal_room *room, uint32_t caller, mal_bytes in,
                         mal_buf *out) {
    mal_rd rd = mal_rd_of(in);
    uint8_t id[32];
    uint32_t index;
    mal_bytes message;
    (void)out;
    MAL_REQUIRE(!room->withdrawn, MAL_E_STATE,
                "an owner withdrew from the room");
    MAL_TRY(mal_rd_copy(&rd, id, 32));
    MAL_TRY(mal_rd_u32(&rd, &index));
    MAL_TRY(mal_rd_raw(&rd, &message, rd.left));
    pthread_mutex_lock(&room->uploads_lock);
    mal_err err = index == 0 ? new_upload(room, caller, message)
                             : next_piece(room, caller, id, index, message);
    pthread_mutex_unlock(&room->uploads_lock);
    return err;
}

/* --- From a file --------------------------------------------------------- */

static mal_err read_message(int fd, mal_buf *out) {
    uint8_t head[4];
    MAL_TRY(mal_fd_read(fd, head, 4));
    size_t len = mal_load_u32le(head);
    MAL_REQUIRE(len <= 8 * ROOM_SHARE_PIECE_WORDS + 64, MAL_E_INPUT,
                "this is no bundle of shares");
    mal_buf_reset(out);
    MAL_TRY(mal_buf_reserve(out, len));
    MAL_TRY(mal_fd_read(fd, out->ptr, len));
    out->len = len;
    return MAL_OK;
}

static mal_err take_file(mal_room *room, room_upload *u, int fd) {
    MAL_AUTO(mal_buf_clear) mal_buf message = { 0 };
    bool whole = false;
    MAL_TRY(read_message(fd, &message));
    MAL_TRY(begin(room, u, mal_buf_view(&message)));
    for (uint32_t i = 1; !whole; i++) {
        MAL_TRY(read_message(fd, &message));
        MAL_TRY(take_piece(u, i, mal_buf_view(&message), &whole));
    }
    return MAL_OK;
}

mal_err mal_room_share_take(mal_room *room, const char *path,
                            mal_store_shares *taken) {
    MAL_AUTO(mal_fd_auto) int fd = open(path, O_RDONLY | O_CLOEXEC);
    MAL_REQUIRE(fd >= 0, MAL_E_MISSING, "cannot read %s", path);
    room_upload *u = mal_calloc(1, sizeof *u);
    if (!u)
        return MAL_E_MEMORY;
    mal_err err = take_file(room, u, fd);
    *taken = u->what;
    upload_free(u);
    return err == MAL_OK ? room_share_take_in(room, taken->dataset) : err;
}

/* --- The key that owners seal to ------------------------------------------ */

/* To whom others seal: our HPKE key, by our identity's word. */
mal_err room_serve_sealing(mal_room *room, uint32_t caller, mal_bytes in,
                           mal_buf *out) {
    mal_kms_statement s;
    (void)caller;
    (void)in;
    MAL_TRY(mal_kms_statement_own(room->config.kms, &s, MAL_KMS_HPKE));
    return mal_kms_statement_encode(out, &s);
}
