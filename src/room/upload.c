/* upload.c - an owner shares a table once: a bundle for each seat.
 *
 * The three parts come out of one seed that is wiped, so that they need not be
 * held: each pass over a part makes them anew, and keeps the one that it wants.
 */
#include "share3_impl.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- The raw table ------------------------------------------------------- */

mal_err room_shape_of_dataset(room_shape *shape, const char ***names,
                              mal_arena *arena, const mal_policy_dataset *d) {
    mal_obl_type *types =
        mal_arena_calloc(arena, d->n_columns + 1, sizeof *types);
    *names = mal_arena_calloc(arena, d->n_columns + 1, sizeof **names);
    if (!types || !*names)
        return MAL_E_MEMORY;
    *shape =
        (room_shape){ .rows = d->rows_max ? d->rows_max : 1, .types = types };
    for (uint32_t i = 0; i < d->n_columns; i++) {
        const mal_policy_column *c = &d->columns[i];
        mal_obl_type *t = &types[shape->n_types];
        if (c->role == MAL_POLICY_SECRET)
            continue;
        (*names)[shape->n_types++] = c->name;
        t->nullable = c->nullable;
        if (c->role == MAL_POLICY_ID)
            t->opaque = 128;
        else if (c->role == MAL_POLICY_DIM)
            t->hi = c->n_codes; /* `other` */
        else
            *t = (mal_obl_type){ c->lo, c->hi, c->nullable, 0 };
    }
    return MAL_OK;
}

void room_shape_hash(uint8_t out[32], const room_shape *shape) {
    mal_prim_sha256 *h = mal_prim_sha256_new();
    mal_prim_hash hash = { { 0 } };
    uint8_t word[32];
    assert(h);
    mal_prim_sha256_add(h, mal_bytes_str("malus table shape v1"));
    mal_store_u64le(word, shape->rows);
    mal_store_u64le(word + 8, shape->n_types);
    mal_prim_sha256_add(h, mal_bytes_of(word, 16));
    for (unsigned i = 0; i < shape->n_types; i++) {
        mal_store_u64le(word, (uint64_t)shape->types[i].lo);
        mal_store_u64le(word + 8, (uint64_t)shape->types[i].hi);
        mal_store_u64le(word + 16, shape->types[i].nullable);
        mal_store_u64le(word + 24, shape->types[i].opaque);
        mal_prim_sha256_add(h, mal_bytes_of(word, 32));
    }
    mal_prim_sha256_peek(h, &hash);
    mal_prim_sha256_free(h);
    memcpy(out, hash.b, 32);
}

/* --- Bundles ------------------------------------------------------------- */

uint32_t room_share_pieces(uint64_t words) {
    return (uint32_t)(2 * ((words + ROOM_SHARE_PIECE_WORDS - 1) /
                           ROOM_SHARE_PIECE_WORDS));
}

mal_err room_share_head_encode(mal_buf *out, const room_share_head *h) {
    MAL_TRY(mal_buf_put_blob_str(out, h->dataset));
    MAL_TRY(mal_buf_put_u32(out, h->version));
    MAL_TRY(mal_buf_put(out, mal_bytes_of(h->root, 32)));
    MAL_TRY(mal_buf_put(out, mal_bytes_of(h->upload, 32)));
    MAL_TRY(mal_buf_put(out, mal_bytes_of(h->shape, 32)));
    MAL_TRY(mal_buf_put_u32(out, h->seat));
    MAL_TRY(mal_buf_put_u64(out, h->words));
    MAL_TRY(mal_buf_put_u32(out, h->pieces));
    return mal_buf_put_blob(out, h->sealed);
}

mal_err room_share_head_decode(room_share_head *h, mal_bytes in) {
    mal_rd rd = mal_rd_of(in);
    mal_bytes name;
    *h = (room_share_head){ 0 };
    MAL_TRY(mal_rd_blob(&rd, &name, MAL_STORE_NAME_MAX));
    MAL_REQUIRE(!memchr(name.ptr, 0, name.len), MAL_E_PEER,
                "a table's name with a zero in it");
    memcpy(h->dataset, name.ptr, name.len);
    MAL_TRY(mal_rd_u32(&rd, &h->version));
    MAL_TRY(mal_rd_copy(&rd, h->root, 32));
    MAL_TRY(mal_rd_copy(&rd, h->upload, 32));
    MAL_TRY(mal_rd_copy(&rd, h->shape, 32));
    MAL_TRY(mal_rd_u32(&rd, &h->seat));
    MAL_TRY(mal_rd_u64(&rd, &h->words));
    MAL_TRY(mal_rd_u32(&rd, &h->pieces));
    MAL_TRY(mal_rd_blob(&rd, &h->sealed, 256));
    MAL_TRY(mal_rd_end(&rd));
    MAL_REQUIRE(h->seat < MAL_POLICY_SEATS && h->words > 0 &&
                    h->words <= MAL_STORE_SHARES_WORDS_MAX &&
                    h->pieces == room_share_pieces(h->words),
                MAL_E_PEER, "a bundle of shares of no size that there is");
    return MAL_OK;
}

static void piece_nonce(uint8_t nonce[12], uint32_t index) {
    memset(nonce, 0, 12);
    mal_store_u32le(nonce, index);
}

mal_err room_share_piece_seal(mal_buf *out, const mal_key *key,
                              const mal_prim_hash *head, uint32_t index,
                              mal_bytes plain) {
    uint8_t nonce[12];
    piece_nonce(nonce, index);
    return mal_prim_gcm_seal(out, mal_key_view(key), nonce,
                             mal_bytes_of(head->b, 32), plain);
}

mal_err room_share_piece_open(mal_buf *out, const mal_key *key,
                              const mal_prim_hash *head, uint32_t index,
                              mal_bytes sealed) {
    uint8_t nonce[12];
    piece_nonce(nonce, index);
    return mal_prim_gcm_open(out, mal_key_view(key), nonce,
                             mal_bytes_of(head->b, 32), sealed);
}

/* --- Making them --------------------------------------------------------- */

typedef struct sharing {
    mal_room *room;
    mal_arena *arena;
    const mal_progress *progress;
    const char *dir; /* NULL: by calls */
    room_share_head head;
    uint32_t party; /* of the seat at work */
    int fd;
    mal_key seed, key; /* of the parts; of this seat's pieces */
    mal_prim_hash head_hash;
    uint64_t *planes;
    uint64_t *parts[3];
} sharing;

static void sharing_clear(sharing *s) {
    mal_fd_auto(&s->fd);
    mal_key_clear(&s->seed);
    mal_key_clear(&s->key);
    if (s->planes)
        mal_wipe(s->planes, 8 * s->head.words);
    mal_free(s->planes);
    for (unsigned i = 0; i < 3; i++) {
        if (s->parts[i])
            mal_wipe(s->parts[i], 8 * ROOM_SHARE_PIECE_WORDS);
        mal_free(s->parts[i]);
    }
}

static mal_err random_key(mal_key *key) {
    mal_key_clear(key);
    MAL_TRY(mal_key_alloc(key, 32));
    mal_prim_random(key->ptr, 32);
    return MAL_OK;
}

/* A bundle's message, to the file or to the seat's node. */
static mal_err emit(sharing *s, uint32_t index, mal_bytes message) {
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf reply = { 0 };
    MAL_TRY(
        mal_progress_step(s->progress, "sharing",
                          (uint64_t)s->head.seat * (s->head.pieces + 1) + index,
                          MAL_POLICY_SEATS * (s->head.pieces + 1ull)));
    if (s->dir) {
        MAL_TRY(mal_buf_put_blob(&out, message));
        return mal_fd_write(s->fd, mal_buf_view(&out));
    }
    MAL_TRY(mal_buf_put(&out, mal_bytes_of(s->head.upload, 32)));
    MAL_TRY(mal_buf_put_u32(&out, index));
    MAL_TRY(mal_buf_put(&out, message));
    return room_call(s->room, s->party, "share", mal_buf_view(&out), &reply,
                     s->room->config.step_ms);
}

/* The seat's sealing key, by its identity's word. */
static mal_err sealing_key(sharing *s, uint8_t pub[32]) {
    const mal_policy_party *p = &s->room->contract->parties[s->party];
    MAL_AUTO(mal_buf_clear) mal_buf reply = { 0 };
    mal_kms_statement statement;
    MAL_TRY(room_call(s->room, s->party, "sealing", mal_bytes_of(NULL, 0),
                      &reply, s->room->config.step_ms));
    MAL_TRY(mal_kms_statement_decode(&statement, mal_buf_view(&reply)));
    MAL_TRY(mal_kms_statement_verify(&statement, p->identity, p->name,
                                     MAL_KMS_HPKE, mal_time_unix()));
    memcpy(pub, statement.pub, 32);
    return MAL_OK;
}

static mal_err emit_head(sharing *s) {
    MAL_AUTO(mal_buf_clear) mal_buf sealed = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf body = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf message = { 0 };
    uint8_t pub[32], aad[36];
    MAL_TRY(sealing_key(s, pub));
    MAL_TRY(random_key(&s->key));
    memcpy(aad, s->head.upload, 32);
    mal_store_u32le(aad + 32, s->head.seat);
    MAL_TRY(mal_prim_hpke_seal(
        &sealed, pub, mal_bytes_str("malus share key v1"),
        mal_bytes_of(aad, sizeof aad), mal_key_view(&s->key)));
    s->head.sealed = mal_buf_view(&sealed);
    MAL_TRY(room_share_head_encode(&body, &s->head));
    MAL_TRY(
        room_sign(s->room, &message, "malus/share/v1", mal_buf_view(&body)));
    mal_prim_sha256_of(&s->head_hash, mal_buf_view(&message));
    return emit(s, 0, mal_buf_view(&message));
}

static mal_err emit_piece(sharing *s, uint32_t index, const uint64_t *words,
                          size_t n) {
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf sealed = { 0 };
    MAL_TRY(mal_buf_reserve(&plain, 8 * n));
    for (size_t i = 0; i < n; i++)
        mal_store_u64le(plain.ptr + 8 * i, words[i]);
    plain.len = 8 * n;
    MAL_TRY(room_share_piece_seal(&sealed, &s->key, &s->head_hash, index,
                                  mal_buf_view(&plain)));
    return emit(s, index, mal_buf_view(&sealed));
}

/* All pieces of part `part`; the seed makes the same parts in every pass. */
static mal_err emit_part(sharing *s, unsigned part, uint32_t *index) {
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = NULL;
    MAL_TRY(mal_prim_drbg_new(&drbg, mal_key_view(&s->seed)));
    for (uint64_t at = 0; at < s->head.words; at += ROOM_SHARE_PIECE_WORDS) {
        uint64_t left = s->head.words - at;
        size_t n = left < ROOM_SHARE_PIECE_WORDS ? (size_t)left
                                                 : ROOM_SHARE_PIECE_WORDS;
        mal_share3_split_bits(s->parts, s->planes + at, n, drbg);
        MAL_TRY(emit_piece(s, (*index)++, s->parts[part], n));
    }
    return MAL_OK;
}

static mal_err open_bundle(sharing *s) {
    char *path =
        mal_arena_printf(s->arena, "%s/%s.%s.shares", s->dir, s->head.dataset,
                         s->room->contract->parties[s->party].name);
    if (!path)
        return MAL_E_MEMORY;
    mal_fd_auto(&s->fd);
    s->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    MAL_REQUIRE(s->fd >= 0, MAL_E_IO, "cannot write %s", path);
    return MAL_OK;
}

static mal_err share_to(sharing *s, unsigned seat, uint32_t party) {
    uint32_t index = 1;
    s->head.seat = seat;
    s->party = party;
    if (s->dir)
        MAL_TRY(open_bundle(s));
    MAL_TRY(emit_head(s));
    for (unsigned k = 0; k < 2; k++) /* seat i holds parts i and i + 1 */
        MAL_TRY(emit_part(s, (seat + k) % 3, &index));
    assert(index == s->head.pieces + 1);
    if (s->dir)
        MAL_REQUIRE(fsync(s->fd) == 0, MAL_E_IO, "cannot sync a bundle");
    return MAL_OK;
}

/* --- Reading the table --------------------------------------------------- */

/* Rows of one unit stand together, in the order of its planes read as a number:
 * the seats can then see, obliviously, that none has more rows than allowed. */
static mal_err order_rows(mal_room *room, mal_duck_batch *rows,
                          const mal_policy_dataset *d, const char *const *names,
                          mal_arena *arena) {
    unsigned unit = 0;
    if (d->unit == MAL_POLICY_NONE)
        return MAL_OK;
    while (unit < rows->n && strcmp(names[unit], d->columns[d->unit].name) != 0)
        unit++;
    room_lie_rows(room, rows, unit);
    return room_rows_order(rows, unit, arena);
}

static mal_err read_table(sharing *s, const mal_policy_dataset *d) {
    room_shape shape;
    const char **names;
    mal_store_info info;
    mal_duck_batch rows;
    mal_room *room = s->room;
    MAL_TRY(room_shape_of_dataset(&shape, &names, s->arena, d));
    MAL_TRY(mal_store_find(room->config.store, &info, s->arena,
                           room->contract->room_id, d->name, 0));
    MAL_TRY(mal_store_fits(room->config.store, room->contract, d->name,
                           info.version));
    MAL_TRY(mal_store_read(room->config.store, &rows, s->arena,
                           room->contract->room_id, d->name, info.version,
                           names, shape.n_types));
    MAL_TRY(order_rows(room, &rows, d, names, s->arena));
    s->head.version = info.version;
    memcpy(s->head.root, info.root, 32);
    room_shape_hash(s->head.shape, &shape);
    s->head.words = room_shape_words(&shape);
    s->head.pieces = room_share_pieces(s->head.words);
    s->planes = mal_calloc(s->head.words, sizeof *s->planes);
    if (!s->planes)
        return MAL_E_MEMORY;
    return room_planes_fill(s->planes, &shape, &rows);
}

static mal_err share_all(sharing *s, const mal_policy_dataset *d) {
    uint32_t seats[MAL_POLICY_SEATS];
    MAL_TRY(mal_policy_seats(s->room->contract, seats));
    MAL_TRY(read_table(s, d));
    MAL_TRY(random_key(&s->seed));
    mal_prim_random(s->head.upload, 32);
    for (unsigned i = 0; i < 3; i++) {
        s->parts[i] = mal_calloc(ROOM_SHARE_PIECE_WORDS, 8);
        if (!s->parts[i])
            return MAL_E_MEMORY;
    }
    for (unsigned i = 0; i < MAL_POLICY_SEATS; i++)
        MAL_TRY(share_to(s, i, seats[i]));
    if (s->dir)
        return MAL_OK; /* the last seat to receive its bundle sees to it */
    MAL_AUTO(mal_buf_clear) mal_buf reply = { 0 };
    return room_call(s->room, seats[0], "take-in",
                     mal_bytes_str(s->head.dataset), &reply,
                     20 * s->room->config.step_ms);
}

mal_err mal_room_share(mal_room *room, const char *dataset, const char *dir,
                       const mal_progress *progress) {
    const mal_policy_contract *c = room->contract;
    uint32_t at = mal_policy_dataset_find(c, dataset);
    MAL_REQUIRE(at != MAL_POLICY_NONE, MAL_E_MISSING,
                "there is no dataset %s in this room", dataset);
    MAL_REQUIRE(c->datasets[at].owner == room->me, MAL_E_DENIED,
                "%s belongs to %s", dataset,
                c->parties[c->datasets[at].owner].name);
    MAL_REQUIRE(c->datasets[at].shared, MAL_E_DENIED,
                "the contract does not say that %s rests shared", dataset);
    MAL_REQUIRE(!room->withdrawn, MAL_E_STATE,
                "an owner withdrew from the room");
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(ROOM_ARENA_MAX);
    if (!arena)
        return MAL_E_MEMORY;
    sharing s = {
        .room = room, .arena = arena, .progress = progress, .dir = dir, .fd = -1
    };
    snprintf(s.head.dataset, sizeof s.head.dataset, "%s", dataset);
    mal_err err = share_all(&s, &c->datasets[at]);
    sharing_clear(&s);
    return err;
}

/* --- Erasing ------------------------------------------------------------- */

bool mal_room_shared(const mal_room *room, const char *dataset) {
    uint32_t at = mal_policy_dataset_find(room->contract, dataset);
    return at != MAL_POLICY_NONE && room->contract->datasets[at].shared &&
           room->contract->datasets[at].owner == room->me;
}

mal_err mal_room_unshare(mal_room *room, const char *dataset, uint32_t version,
                         mal_policy_set *missed) {
    uint32_t seats[MAL_POLICY_SEATS];
    MAL_AUTO(mal_buf_clear) mal_buf message = { 0 };
    *missed = 0;
    if (!mal_room_shared(room, dataset))
        return MAL_OK;
    MAL_TRY(mal_policy_seats(room->contract, seats));
    MAL_TRY(mal_buf_put_u32(&message, version));
    MAL_TRY(mal_buf_put_str(&message, dataset));
    for (unsigned i = 0; i < MAL_POLICY_SEATS; i++) {
        MAL_AUTO(mal_buf_clear) mal_buf reply = { 0 };
        if (room_call(room, seats[i], "unshare", mal_buf_view(&message), &reply,
                      room_soon(room)) != MAL_OK) {
            *missed |= (mal_policy_set)1 << seats[i];
            mal_err_forget();
        }
    }
    return MAL_OK;
}
