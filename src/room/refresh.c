/* refresh.c - the seats take a table in, and give it new shares.
 *
 *     0       what its owner shared: no question is computed on that
 *     1       its ranges and bounds kept, its unique keys checked, once
 *     e       every seat holds epoch e
 *     e, e+1  each writes the next one, durably, and says so
 *     e+1     whoever has heard both others drops e
 *
 * So the oldest of the newest epochs is held by all, wherever a crash stopped
 * one of them: nobody drops e before all have e + 1.
 */
#include "share3_impl.h"

#include <stdio.h>
#include <string.h>

typedef struct refresh {
    mal_room *room;
    mal_arena *arena;
    const mal_progress *progress;
    uint8_t id[32];
    const char *dataset;
    mal_mesh mesh;
    mal_chan *chans[MAL_POLICY_SEATS];
    mal_store_shares what;
    mal_share3 *engine;
    mal_share3_bits flat, fresh;
    uint64_t *part[2];
} refresh;

/* --- Agreeing ------------------------------------------------------------ */

static mal_err tell_all(mal_mesh *mesh, mal_bytes message) {
    for (unsigned i = 0; i < mesh->n; i++)
        if (i != mesh->me)
            MAL_TRY(mal_chan_send(mesh->chan[i], message));
    return MAL_OK;
}

mal_err room_share_epoch(mal_mesh *mesh, mal_store_shares *shares) {
    uint8_t own[72], theirs[72];
    memcpy(own, shares->upload, 32);
    memcpy(own + 32, shares->root, 32);
    mal_store_u64le(own + 64, shares->epoch);
    MAL_TRY(tell_all(mesh, mal_bytes_of(own, sizeof own)));
    for (unsigned i = 0; i < mesh->n; i++) {
        if (i == mesh->me)
            continue;
        MAL_TRY(mal_chan_recv_exact(mesh->chan[i], theirs, sizeof theirs));
        MAL_REQUIRE(mal_equal(own, theirs, 64), MAL_E_STATE,
                    "the seats hold different uploads of %s: its owner shares "
                    "it again",
                    shares->dataset);
        uint64_t epoch = mal_load_u64le(theirs + 64);
        shares->epoch = epoch < shares->epoch ? epoch : shares->epoch;
    }
    return MAL_OK;
}

/* --- The three ----------------------------------------------------------- */

static mal_err connect(refresh *r) {
    mal_room *room = r->room;
    const mal_room_peers *peers = &room->config.peers;
    uint32_t seats[MAL_POLICY_SEATS];
    char hex[65], label[80];
    MAL_TRY(mal_policy_seats(room->contract, seats));
    mal_hex_encode(hex, mal_bytes_of(r->id, 32));
    snprintf(label, sizeof label, "run/%s", hex);
    r->mesh = (mal_mesh){ .n = MAL_POLICY_SEATS, .me = MAL_POLICY_SEATS };
    for (unsigned i = 0; i < MAL_POLICY_SEATS; i++)
        if (seats[i] == room->me)
            r->mesh.me = i;
    MAL_REQUIRE(r->mesh.me < MAL_POLICY_SEATS, MAL_E_DENIED,
                "this node holds no seat");
    for (unsigned i = 0; i < MAL_POLICY_SEATS; i++) {
        if (i == r->mesh.me)
            continue;
        MAL_TRY(r->mesh.me < i
                    ? peers->dial(peers->ctx, seats[i], label,
                                  room->config.step_ms, &r->chans[i])
                    : peers->await(peers->ctx, seats[i], label,
                                   room->config.step_ms, &r->chans[i]));
        r->mesh.chan[i] = r->chans[i];
    }
    return MAL_OK;
}

static mal_err load(refresh *r) {
    for (unsigned k = 0; k < 2; k++) {
        r->part[k] = mal_calloc(r->what.words, sizeof *r->part[k]);
        if (!r->part[k])
            return MAL_E_MEMORY;
    }
    MAL_TRY(mal_store_shares_read(r->room->config.store, r->part, &r->what));
    MAL_TRY(mal_share3_bits_adopt(
        r->engine, &r->flat,
        (const uint64_t *const[2]){ r->part[0], r->part[1] },
        64 * r->what.words, 1));
    return mal_share3_bits_agree(r->engine, &r->flat);
}

/* --- Taking in ------------------------------------------------------------ */

static unsigned column_of(const room_shape *shape, const char *const *names,
                          const char *name) {
    unsigned at = 0;
    while (at < shape->n_types && strcmp(names[at], name) != 0)
        at++;
    return at;
}

static mal_err bound_units(mal_obl *o, mal_obl_table *t,
                           const mal_policy_dataset *d, unsigned unit) {
    MAL_AUTO(mal_obl_rank_clear) mal_obl_rank rank = { 0 };
    MAL_TRY(mal_obl_rank_sorted(o, &rank, t, &unit, 1));
    return mal_obl_bound(o, t, unit, (size_t)d->contributes_max, &rank);
}

static mal_err check_unique(mal_obl *o, mal_obl_table *t,
                            const room_shape *shape, const char *const *names,
                            const mal_policy_dataset *d, unsigned i) {
    const mal_policy_unique *u = &d->uniques[i];
    unsigned keys[MAL_OBL_KEYS_MAX];
    MAL_REQUIRE(u->n <= MAL_OBL_KEYS_MAX, MAL_E_LIMIT,
                "%u columns of %s are unique together: share3 checks %u", u->n,
                d->name, MAL_OBL_KEYS_MAX);
    for (uint32_t k = 0; k < u->n; k++) {
        keys[k] = column_of(shape, names, d->columns[u->columns[k]].name);
        if (keys[k] == shape->n_types)
            return MAL_OK; /* a secret column is in no question */
    }
    return mal_obl_unique(o, t, keys, u->n);
}

/* Rule 5, once for all questions: into r->flat goes the table as it counts. */
static mal_err judge_table(refresh *r, mal_obl *o, mal_obl_table *t,
                           const room_shape *shape, const char *const *names,
                           const mal_policy_dataset *d) {
    MAL_TRY(room_planes_table(t, &r->flat, shape));
    MAL_TRY(room_walk3_clamp(o, t));
    if (d->unit != MAL_POLICY_NONE)
        MAL_TRY(bound_units(o, t, d,
                            column_of(shape, names, d->columns[d->unit].name)));
    for (uint32_t i = 0; i < d->n_uniques; i++)
        MAL_TRY(check_unique(o, t, shape, names, d, i));
    mal_err err = mal_obl_verdict(o);
    MAL_REQUIRE(err != MAL_E_INPUT, err,
                "%s is not taken in: its keys are not unique as the contract "
                "declares, or its rows not in the order of their units; its "
                "owner mends it and shares it again",
                d->name);
    MAL_TRY(err);
    room_planes_put(&r->flat, shape, t);
    return MAL_OK;
}

static mal_err take_in(refresh *r) {
    const mal_policy_contract *c = r->room->contract;
    uint32_t at = mal_policy_dataset_find(c, r->what.dataset);
    room_shape shape;
    const char **names;
    mal_obl *o = NULL;
    mal_obl_table t = { 0 };
    MAL_REQUIRE(at != MAL_POLICY_NONE, MAL_E_MISSING,
                "the contract has no dataset %s", r->what.dataset);
    MAL_TRY(room_shape_of_dataset(&shape, &names, r->arena, &c->datasets[at]));
    MAL_REQUIRE(r->what.words == room_shape_words(&shape), MAL_E_STATE,
                "%s was shared under other bounds: share it again",
                r->what.dataset);
    mal_err err = mal_obl_open(&o, r->engine);
    if (err == MAL_OK)
        err = judge_table(r, o, &t, &shape, names, &c->datasets[at]);
    mal_obl_table_clear(&t);
    mal_obl_close(&o);
    if (err == MAL_E_INPUT) /* nothing of it stays, and the seats agree */
        MAL_TRY(mal_store_shares_drop(r->room->config.store, &r->what));
    return err;
}

static mal_err keep(refresh *r) {
    mal_store_shares next = r->what;
    mal_store_shares_writer *w;
    next.epoch++;
    MAL_TRY(mal_store_shares_begin(r->room->config.store, &w, &next));
    for (unsigned k = 0; k < 2; k++) {
        mal_err err =
            mal_store_shares_write(w, r->fresh.part[k], (size_t)next.words);
        if (err != MAL_OK) {
            mal_store_shares_abandon(&w);
            return err;
        }
    }
    return mal_store_shares_commit(&w);
}

/* Both others have the next epoch: the old ones go. */
static mal_err drop_old(refresh *r) {
    mal_store_shares *list;
    size_t n;
    MAL_TRY(mal_store_shares_list(r->room->config.store, &list, &n, r->arena));
    for (size_t i = 0; i < n; i++)
        if (mal_equal(list[i].room, r->what.room, 32) &&
            strcmp(list[i].dataset, r->what.dataset) == 0 &&
            list[i].version == r->what.version &&
            mal_equal(list[i].upload, r->what.upload, 32) &&
            list[i].epoch <= r->what.epoch)
            MAL_TRY(mal_store_shares_drop(r->room->config.store, &list[i]));
    return MAL_OK;
}

/* An epoch beyond the common one was written by a refresh that broke off. */
static mal_err drop_ahead(refresh *r, uint64_t newest) {
    mal_store_shares ahead = r->what;
    for (ahead.epoch = r->what.epoch + 1; ahead.epoch <= newest; ahead.epoch++)
        MAL_TRY(mal_store_shares_drop(r->room->config.store, &ahead));
    return MAL_OK;
}

static mal_err run(refresh *r) {
    static const uint8_t written[8] = "written";
    uint8_t heard[8];
    /* What rests here serves rooms of any promise: a seat that bent it now
     * would be believed by every job later. */
    mal_share3_options options = { .security = MAL_SHARE3_MALICIOUS,
                                   .progress = r->progress };
    MAL_TRY(room_share_find(r->room, &r->what, r->arena, r->dataset, 0, NULL));
    MAL_TRY(connect(r));
    uint64_t newest = r->what.epoch;
    MAL_TRY(room_share_epoch(&r->mesh, &r->what));
    MAL_TRY(drop_ahead(r, newest));
    memcpy(options.session, r->id, 32);
    MAL_TRY(mal_share3_open(&r->engine, &r->mesh, &options));
    MAL_TRY(load(r));
    room_lie_refresh(r->room, &r->flat);
    if (r->what.epoch == 0)
        MAL_TRY(take_in(r));
    MAL_TRY(mal_share3_bits_refresh(r->engine, &r->fresh, &r->flat));
    MAL_TRY(mal_share3_verify(r->engine));
    MAL_TRY(keep(r));
    MAL_TRY(tell_all(&r->mesh, mal_bytes_of(written, sizeof written)));
    for (unsigned i = 0; i < MAL_POLICY_SEATS; i++)
        if (i != r->mesh.me) {
            MAL_TRY(mal_chan_recv_exact(r->mesh.chan[i], heard, sizeof heard));
            MAL_REQUIRE(mal_equal(heard, written, sizeof written), MAL_E_PEER,
                        "a seat says something else than that it is done");
        }
    return drop_old(r);
}

static mal_err run_refresh(mal_room *room, const uint8_t id[32],
                           const char *dataset, uint64_t *epoch,
                           const mal_progress *progress) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(16 << 20);
    refresh r = {
        .room = room, .arena = arena, .progress = progress, .dataset = dataset
    };
    if (!arena)
        return MAL_E_MEMORY;
    memcpy(r.id, id, 32);
    mal_err err = run(&r);
    mal_share3_bits_clear(&r.flat);
    mal_share3_bits_clear(&r.fresh);
    mal_share3_close(&r.engine);
    for (unsigned i = 0; i < MAL_POLICY_SEATS; i++)
        mal_chan_close(&r.chans[i]);
    for (unsigned k = 0; k < 2; k++) {
        if (r.part[k])
            mal_wipe(r.part[k], 8 * r.what.words);
        mal_free(r.part[k]);
    }
    *epoch = r.what.epoch + 1;
    return err;
}

mal_err room_serve_refresh(mal_room *room, uint32_t caller, mal_bytes in,
                           mal_buf *out) {
    char dataset[MAL_STORE_NAME_MAX + 1] = { 0 };
    uint64_t epoch;
    (void)out;
    MAL_REQUIRE(room_has_seat(room, caller), MAL_E_DENIED,
                "only a seat refreshes shares");
    MAL_REQUIRE(in.len > 32 && in.len <= 32 + MAL_STORE_NAME_MAX, MAL_E_PEER,
                "no request to refresh");
    memcpy(dataset, in.ptr + 32, in.len - 32);
    return run_refresh(room, in.ptr, dataset, &epoch, NULL);
}

/* --- Whoever begins ------------------------------------------------------ */

typedef struct begun {
    mal_room *room;
    const char *dataset;
    const mal_progress *progress;
    uint32_t seats[MAL_POLICY_SEATS];
    uint8_t id[32];
    mal_bytes message;
    uint64_t epoch;
    mal_err errs[MAL_POLICY_SEATS];
    char texts[MAL_POLICY_SEATS][256];
} begun;

static mal_err one(void *ctx, size_t i) {
    begun *b = ctx;
    MAL_AUTO(mal_buf_clear) mal_buf reply = { 0 };
    b->errs[i] =
        b->seats[i] == b->room->me
            ? run_refresh(b->room, b->id, b->dataset, &b->epoch, b->progress)
            : room_call(b->room, b->seats[i], "refresh", b->message, &reply,
                        10 * b->room->config.step_ms);
    if (b->errs[i] != MAL_OK)
        snprintf(b->texts[i], sizeof b->texts[i], "%s", mal_err_message());
    return MAL_OK; /* the others are to be heard as well */
}

mal_err mal_room_share_refresh(mal_room *room, const char *dataset,
                               uint64_t *epoch, const mal_progress *progress) {
    begun b = { .room = room, .dataset = dataset, .progress = progress };
    MAL_AUTO(mal_buf_clear) mal_buf message = { 0 };
    MAL_TRY(mal_policy_seats(room->contract, b.seats));
    MAL_REQUIRE(room_has_seat(room, room->me), MAL_E_DENIED,
                "shares are refreshed at a seat, and this node holds none");
    MAL_REQUIRE(strlen(dataset) <= MAL_STORE_NAME_MAX, MAL_E_INPUT,
                "a name too long");
    mal_prim_random(b.id, 32);
    MAL_TRY(mal_buf_put(&message, mal_bytes_of(b.id, 32)));
    MAL_TRY(mal_buf_put_str(&message, dataset));
    b.message = mal_buf_view(&message);
    MAL_TRY(mal_parallel(MAL_POLICY_SEATS, MAL_POLICY_SEATS, one, &b));
    for (unsigned i = 0; i < MAL_POLICY_SEATS; i++)
        MAL_REQUIRE(b.errs[i] == MAL_OK, b.errs[i], "%s: %s",
                    room->contract->parties[b.seats[i]].name, b.texts[i]);
    *epoch = b.epoch;
    return MAL_OK;
}

/* --- The last seat to receive a table has it taken in --------------------- */

/* Do we hold the upload whose id and dataset a seat names? */
mal_err room_serve_holds(mal_room *room, uint32_t caller, mal_bytes in,
                         mal_buf *out) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(16 << 20);
    char dataset[MAL_STORE_NAME_MAX + 1] = { 0 };
    mal_store_shares what;
    MAL_REQUIRE(room_has_seat(room, caller), MAL_E_DENIED,
                "only a seat asks what a seat holds");
    MAL_REQUIRE(in.len > 32 && in.len <= 32 + MAL_STORE_NAME_MAX, MAL_E_PEER,
                "no question about shares");
    if (!arena)
        return MAL_E_MEMORY;
    memcpy(dataset, in.ptr + 32, in.len - 32);
    mal_err err = room_share_find(room, &what, arena, dataset, 0, NULL);
    if (err != MAL_OK && err != MAL_E_MISSING)
        return err;
    if (err == MAL_E_MISSING)
        mal_err_forget();
    return mal_buf_put_u8(out,
                          err == MAL_OK && mal_equal(what.upload, in.ptr, 32));
}

static mal_err all_hold(mal_room *room, const mal_store_shares *what,
                        bool *all) {
    MAL_AUTO(mal_buf_clear) mal_buf message = { 0 };
    uint32_t seats[MAL_POLICY_SEATS];
    MAL_TRY(mal_policy_seats(room->contract, seats));
    MAL_TRY(mal_buf_put(&message, mal_bytes_of(what->upload, 32)));
    MAL_TRY(mal_buf_put_str(&message, what->dataset));
    *all = true;
    for (unsigned i = 0; i < MAL_POLICY_SEATS && *all; i++) {
        MAL_AUTO(mal_buf_clear) mal_buf reply = { 0 };
        if (room_call(room, seats[i], "holds", mal_buf_view(&message), &reply,
                      room_soon(room)) != MAL_OK)
            mal_err_forget(); /* then later, by hand */
        *all = reply.len == 1 && reply.ptr[0] == 1;
    }
    return MAL_OK;
}

mal_err room_share_take_in(mal_room *room, const char *dataset) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(16 << 20);
    mal_store_shares what;
    bool all = false;
    uint64_t epoch;
    if (!arena)
        return MAL_E_MEMORY;
    MAL_TRY(room_share_find(room, &what, arena, dataset, 0, NULL));
    if (what.epoch == 0)
        MAL_TRY(all_hold(room, &what, &all));
    return all ? mal_room_share_refresh(room, dataset, &epoch, NULL) : MAL_OK;
}

/* Its owner asks, once all three hold it. */
mal_err room_serve_take_in(mal_room *room, uint32_t caller, mal_bytes in,
                           mal_buf *out) {
    char dataset[MAL_STORE_NAME_MAX + 1] = { 0 };
    (void)out;
    MAL_REQUIRE(in.len > 0 && in.len <= MAL_STORE_NAME_MAX, MAL_E_PEER,
                "no table to take in");
    memcpy(dataset, in.ptr, in.len);
    uint32_t at = mal_policy_dataset_find(room->contract, dataset);
    MAL_REQUIRE(at != MAL_POLICY_NONE &&
                    room->contract->datasets[at].owner == caller,
                MAL_E_DENIED, "only its owner has a table taken in");
    return room_share_take_in(room, dataset);
}
