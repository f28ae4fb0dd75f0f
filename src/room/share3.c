/* share3.c - a job of engine share3: owners share their tables to the three
 * seats, which compute, add noise and seal their parts of the answer.
 *
 *     owner without a seat      parts of its planes ──▶ each seat
 *     owner with a seat         inputs them inside the engine
 *     seat                      clamp, run the plan, one bit: were all promises
 *                               kept?  plus noise, refreshed, two parts out
 *
 * What a seat holds is two of three parts of everything, and one of them alone
 * says nothing; of the answer it sees no more than that.
 */
#include "share3_impl.h"

#include <malus/share3.h>
#include <string.h>

#define SEATS MAL_POLICY_SEATS

/* --- A run --------------------------------------------------------------- */

typedef struct run3 {
    mal_room *room;
    room_job *job;
    mal_mesh mesh; /* of the seats, tapped; at an owner without one unused */
    room_tapped taps[SEATS];
    mal_chan *feed[MAL_PARTIES_MAX]; /* by party: with an owner without a seat,
                                        or with a seat */
    int seat;                        /* ours, or -1 */
    unsigned n_parts;
    room_shape *shapes; /* [n_parts] */
    uint64_t **planes;  /* [n_parts] ours, plain */
    mal_share3 *engine;
    mal_obl *obl;
    mal_share3_bits *flat; /* [n_parts] */
    mal_obl_table *tables; /* [n_parts], views of flat */
    mal_share3_words answer;
    room_stages stages;
    mal_progress progress;
    uint64_t rounds; /* that the plan will take, for whoever watches */
} run3;

static int seat_of(const room_judged *j, uint32_t party) {
    for (unsigned i = 0; i < j->n; i++)
        if (j->parties[i] == party)
            return (int)i;
    return -1;
}

static void forget_planes(run3 *r) {
    for (unsigned i = 0; i < r->n_parts; i++) {
        if (r->planes && r->planes[i])
            mal_wipe(r->planes[i], 8 * room_shape_words(&r->shapes[i]));
        if (r->planes)
            mal_free(r->planes[i]);
    }
    mal_free(r->planes);
    r->planes = NULL;
}

static void run3_clear(run3 *r) {
    if (r->engine)
        room_trace(r->room, "parked", r->room->me, "bytes",
                   mal_share3_count(r->engine).parked);
    forget_planes(r);
    for (unsigned i = 0; r->tables && i < r->n_parts; i++)
        mal_obl_table_clear(&r->tables[i]);
    for (unsigned i = 0; r->flat && i < r->n_parts; i++)
        mal_share3_bits_clear(&r->flat[i]);
    mal_share3_words_clear(&r->answer);
    mal_obl_close(&r->obl);
    mal_share3_close(&r->engine);
    for (unsigned i = 0; i < SEATS; i++)
        room_tap_clear(&r->taps[i]);
    mal_free(r->tables);
    mal_free(r->flat);
}

/* --- Our own tables ------------------------------------------------------ */

/* The dataset of a part whose shares rest at the seats, or NULL. */
static const mal_policy_dataset *rests(const run3 *r, unsigned i) {
    const mal_sql_part *part = &r->job->judged.physical->parts[i];
    const mal_policy_dataset *d =
        part->n_tables ? &r->room->contract->datasets[part->tables[0].dataset]
                       : NULL;
    return part->role == MAL_SQL_PART_ROWS && d && d->shared ? d : NULL;
}

static mal_err fill_part(run3 *r, unsigned i) {
    const mal_sql_part *part = &r->job->judged.physical->parts[i];
    const room_shape *shape = &r->shapes[i];
    mal_duck_type types[MAL_SQL_COLUMNS_MAX + MAL_SQL_AGGS_MAX + 2];
    mal_duck_batch rows;
    for (unsigned c = 0; c < shape->n_types; c++)
        types[c] = shape->types[c].opaque ? MAL_DUCK_ID : MAL_DUCK_I64;
    if (shape->n_types == 0)
        types[0] = MAL_DUCK_I64;
    MAL_TRY(room_part_rows(r->room, r->job, part, types,
                           shape->n_types ? shape->n_types : 1, &rows));
    if (shape->n_types == 0)
        rows.n = 0; /* count(*) alone: the rows, and a column of no use */
    if (part->n_bounds)
        room_lie_rows(r->room, &rows, part->bounds[0].column);
    MAL_TRY(room_walk3_keys(&rows, shape, r->job));
    r->planes[i] = mal_calloc(room_shape_words(shape), sizeof **r->planes);
    if (!r->planes[i])
        return MAL_E_MEMORY;
    return room_planes_fill(r->planes[i], shape, &rows);
}

static mal_err local_stage(run3 *r) {
    r->shapes = mal_arena_calloc(r->job->arena, r->n_parts, sizeof *r->shapes);
    if (!r->shapes)
        return MAL_E_MEMORY;
    for (unsigned i = 0; i < r->n_parts; i++)
        MAL_TRY(
            room_walk3_shape(&r->shapes[i], r->job->arena, &r->job->judged, i));
    r->planes = mal_calloc(r->n_parts, sizeof *r->planes);
    if (!r->planes)
        return MAL_E_MEMORY;
    for (unsigned i = 0; i < r->n_parts; i++)
        if (r->job->judged.physical->parts[i].owner == r->room->me &&
            !rests(r, i))
            MAL_TRY(fill_part(r, i));
    return MAL_OK;
}

/* --- Streams ------------------------------------------------------------- */

/* Owners of parts that hold no seat, in order of index. */
static mal_policy_set feeders(const run3 *r) {
    const room_judged *j = &r->job->judged;
    mal_policy_set set = 0;
    if (r->job->attempt) /* the seats kept what was shared */
        return 0;
    for (unsigned i = 0; i < j->physical->n_parts; i++)
        if (seat_of(j, j->physical->parts[i].owner) < 0 && !rests(r, i))
            set |= (mal_policy_set)1 << j->physical->parts[i].owner;
    return set;
}

static mal_err connect_seat(run3 *r) {
    MAL_TRY(room_connect_mesh(r->room, r->job, &r->mesh));
    for (unsigned i = 0; i < SEATS; i++)
        if (i != r->mesh.me) {
            MAL_TRY(room_tap(&r->taps[i],
                             room_lie_chan(r->room, r->mesh.chan[i], i)));
            r->mesh.chan[i] = &r->taps[i].chan;
        }
    mal_policy_set set = feeders(r);
    unsigned slot = SEATS;
    for (uint32_t p = 0; p < MAL_PARTIES_MAX; p++)
        if (set >> p & 1)
            MAL_TRY(room_job_connect(r->room, r->job, slot++, p, false,
                                     &r->feed[p]));
    return MAL_OK;
}

static mal_err connect_feeder(run3 *r) {
    const room_judged *j = &r->job->judged;
    for (unsigned i = 0; i < SEATS; i++)
        MAL_TRY(room_job_connect(r->room, r->job, i, j->parties[i], true,
                                 &r->feed[j->parties[i]]));
    return MAL_OK;
}

/* An owner without a seat: its part is done once its shares have left. */
static mal_err feed(run3 *r) {
    const room_judged *j = &r->job->judged;
    mal_progress progress = { room_job_step, r->job };
    mal_chan *seats[SEATS];
    MAL_TRY(connect_feeder(r));
    for (unsigned i = 0; i < SEATS; i++)
        seats[i] = r->feed[j->parties[i]];
    for (unsigned i = 0; i < r->n_parts; i++) {
        if (r->planes[i])
            MAL_TRY(room_planes_send(seats, r->planes[i],
                                     room_shape_words(&r->shapes[i]),
                                     &progress));
    }
    return MAL_OK;
}

/* --- The engine ---------------------------------------------------------- */

static mal_err load_shares(run3 *r, unsigned i, mal_store_shares *shares) {
    uint64_t *part[2] = { mal_calloc(shares->words, 8),
                          mal_calloc(shares->words, 8) };
    mal_err err = part[0] && part[1] ? MAL_OK : MAL_E_MEMORY;
    if (err == MAL_OK)
        err = mal_store_shares_read(r->room->config.store, part, shares);
    if (err == MAL_OK)
        err = mal_share3_bits_adopt(
            r->engine, &r->flat[i],
            (const uint64_t *const[2]){ part[0], part[1] }, 64 * shares->words,
            1);
    for (unsigned k = 0; k < 2; k++) {
        if (part[k])
            mal_wipe(part[k], 8 * shares->words);
        mal_free(part[k]);
    }
    return err;
}

/* Of our disk, the epoch that all seats hold; two of us compare each part. */
static mal_err take_resting(run3 *r, unsigned i, const mal_policy_dataset *d) {
    const mal_sql_part *part = &r->job->judged.physical->parts[i];
    const mal_sql_part_table *t = &part->tables[0];
    const room_dataset_ref *ref = room_pinned(r->room, r->job, t->dataset);
    room_shape raw;
    const char **names;
    mal_store_shares shares;
    unsigned pick[MAL_OBL_COLUMNS_MAX];
    MAL_REQUIRE(ref && part->n_tables == 1 && t->n_columns == part->n_out &&
                    part->n_out <= MAL_OBL_COLUMNS_MAX,
                MAL_E_STATE, "a part that is not the bare table %s", d->name);
    MAL_TRY(room_shape_of_dataset(&raw, &names, r->job->arena, d));
    MAL_TRY(room_share_find(r->room, &shares, r->job->arena, d->name,
                            ref->version, ref->root.b));
    MAL_TRY(room_share_epoch(&r->mesh, &shares));
    MAL_REQUIRE(shares.words == room_shape_words(&raw), MAL_E_STATE,
                "%s was shared under other bounds: share it again", d->name);
    MAL_REQUIRE(shares.epoch > 0, MAL_E_STATE,
                "%s was shared and not yet taken in: a seat refreshes it",
                d->name);
    MAL_TRY(load_shares(r, i, &shares));
    MAL_TRY(mal_share3_bits_agree(r->engine, &r->flat[i]));
    for (unsigned k = 0; k < part->n_out; k++) {
        const char *want = d->columns[t->columns[k]].name;
        for (pick[k] = 0; strcmp(names[pick[k]], want) != 0; pick[k]++)
            assert(pick[k] + 1 < raw.n_types);
    }
    MAL_TRY(
        room_planes_pick(&r->tables[i], &r->flat[i], &raw, pick, part->n_out));
    for (unsigned k = 0; k < part->n_out; k++) {
        const mal_obl_type *a = &r->tables[i].columns[k].type,
                           *b = &r->shapes[i].types[k];
        MAL_REQUIRE(a->lo == b->lo && a->hi == b->hi &&
                        a->nullable == b->nullable && a->opaque == b->opaque,
                    MAL_E_STATE, "%s lies here with another range of %s",
                    d->name, names[pick[k]]);
    }
    r->tables[i].bounded = true; /* and clamped, when the seats took it in */
    return MAL_OK;
}

static mal_err take_part(run3 *r, unsigned i) {
    const room_judged *j = &r->job->judged;
    const mal_sql_part *part = &j->physical->parts[i];
    size_t words = room_shape_words(&r->shapes[i]);
    int from = seat_of(j, part->owner);
    const mal_policy_dataset *resting = rests(r, i);
    if (resting)
        return take_resting(r, i, resting);
    if (from >= 0)
        MAL_TRY(room_planes_input(r->engine, &r->flat[i], (unsigned)from,
                                  r->planes[i], words));
    else
        MAL_TRY(room_planes_receive(r->engine, &r->flat[i],
                                    r->feed[part->owner], words));
    MAL_TRY(room_planes_table(&r->tables[i], &r->flat[i], &r->shapes[i]));
    return room_walk3_clamp(r->obl, &r->tables[i]);
}

/* Rule 15: each seat's noise is one more private input of its own. */
static mal_err add_noise(run3 *r, const int64_t *noise) {
    for (unsigned i = 0; i < SEATS; i++) {
        mal_share3_words z = { 0 };
        mal_err err = mal_share3_words_input(
            r->engine, &z, i,
            (int)i == r->seat ? (const uint64_t *)noise : NULL, r->answer.n);
        if (err == MAL_OK)
            err = mal_share3_words_add(r->engine, &r->answer, &r->answer, &z);
        mal_share3_words_clear(&z);
        MAL_TRY(err);
    }
    return MAL_OK;
}

/* Both of our parts, so that the recipient has each one from two seats; behind
 * the mark that this job begins nowhere again. */
static mal_err put_parts(run3 *r, mal_buf *out) {
    mal_share3_words fresh = { 0 };
    mal_err err = mal_share3_words_refresh(r->engine, &fresh, &r->answer);
    if (err == MAL_OK)
        err = mal_share3_verify(r->engine);
    if (err == MAL_OK)
        err = room_stages_leave(&r->stages);
    if (err == MAL_OK)
        err = mal_buf_reserve(out, 16 * fresh.n);
    for (unsigned k = 0; k < 2; k++)
        for (size_t i = 0; i < fresh.n && err == MAL_OK; i++)
            err = mal_buf_put_u64(out, fresh.part[k][i]);
    mal_share3_words_clear(&fresh);
    return err;
}

/* In rooms marked test: the exact answer, the same at all three. */
static mal_err open_rows(run3 *r, mal_buf *out) {
    mal_sql_table table;
    MAL_TRY(mal_sql_open_share3(&table, r->job->arena, r->job->judged.physical,
                                r->obl, r->engine, r->tables));
    return room_rows_encode(out, &table);
}

/* Its noise is in the sums that it was fitted to. */
static mal_err fit_model(run3 *r, const int64_t *noise, mal_buf *out) {
    MAL_TRY(mal_sql_train_share3(&r->answer, r->obl, r->engine,
                                 r->job->judged.physical, r->tables, noise));
    MAL_TRY(mal_obl_verdict(r->obl));
    return put_parts(r, out);
}

/* How far the job is: rounds, of those that a run without parties counted. */
static mal_err step(void *ctx, const char *stage, uint64_t done,
                    uint64_t total) {
    run3 *r = ctx;
    MAL_TRY(room_job_step(r->job, stage, done, total));
    uint64_t rounds = r->obl ? mal_obl_cost_so_far(r->obl).rounds : 0;
    r->job->total = r->rounds;
    r->job->done = rounds < r->rounds ? rounds : r->rounds;
    return MAL_OK;
}

static mal_err open_engine(run3 *r) {
    const room_judged *j = &r->job->judged;
    mal_share3_options options = { .security = room_security(j),
                                   .memory_max = room_share_memory(r->room),
                                   .spill_dir = r->room->config.folder,
                                   .progress = &r->progress };
    r->stages.room = r->room;
    r->stages.job = r->job;
    r->stages.mesh = &r->mesh;
    room_stages_init(&r->stages);
    if (r->job->attempt)
        MAL_TRY(room_stages_agree(&r->stages));
    memcpy(options.session, r->stages.session, sizeof options.session);
    MAL_TRY(mal_share3_open(&r->engine, &r->mesh, &options));
    MAL_TRY(mal_obl_open(&r->obl, r->engine));
    r->stages.engine = r->engine;
    r->stages.obl = r->obl;
    mal_obl_stages_set(r->obl, &r->stages.hooks);
    r->flat = mal_calloc(r->n_parts, sizeof *r->flat);
    r->tables = mal_calloc(r->n_parts, sizeof *r->tables);
    return r->flat && r->tables ? MAL_OK : MAL_E_MEMORY;
}

/* Stage 1: what was shared, from its owners or as it was kept. */
static mal_err take_inputs(run3 *r) {
    const mal_obl_stages *hooks = &r->stages.hooks;
    mal_obl_table *list[MAL_POLICY_DATASETS_MAX];
    if (hooks->from == 1)
        return hooks->load(hooks->ctx, r->tables, r->n_parts);
    if (hooks->from > 1)
        return MAL_OK;
    MAL_REQUIRE(r->n_parts <= MAL_POLICY_DATASETS_MAX, MAL_E_LIMIT,
                "a plan of %u parts", r->n_parts);
    for (unsigned i = 0; i < r->n_parts; i++) {
        MAL_TRY(take_part(r, i));
        MAL_TRY(mal_obl_table_rest(r->obl, &r->tables[i]));
        mal_share3_bits_clear(&r->flat[i]);
        list[i] = &r->tables[i];
    }
    forget_planes(r);
    return hooks->done(hooks->ctx, 1, list, r->n_parts);
}

static mal_err compute(run3 *r, const int64_t *noise, mal_buf *out) {
    const room_judged *j = &r->job->judged;
    room_cost3 cost;
    r->progress = (mal_progress){ step, r };
    MAL_TRY(room_walk3_cost(&cost, j, &r->room->costs));
    r->rounds = cost.rounds;
    MAL_TRY(open_engine(r));
    MAL_TRY(take_inputs(r));
    if (room_opened(j))
        return open_rows(r, out);
    if (j->physical->training)
        return fit_model(r, noise, out);
    room_sizing sizing = { .obl = r->obl,
                           .engine = r->engine,
                           .seat = (unsigned)r->seat };
    if (j->physical->shrink.at) {
        sizing.noise = noise[j->physical->n_cells * j->physical->n_aggs];
        sizing.shift = j->noise[j->physical->n_aggs].tail;
    }
    const mal_sql_sizer sizer = { .size = room_shrink_size, .ctx = &sizing };
    MAL_TRY(room_walk3_run(r->obl, &r->answer, j->physical, r->tables, &sizer));
    MAL_REQUIRE(r->answer.n == j->physical->n_cells * j->physical->n_aggs,
                MAL_E_STATE, "the plan gave another number of cells");
    MAL_TRY(mal_obl_verdict(r->obl));
    MAL_TRY(add_noise(r, noise));
    return put_parts(r, out);
}

static mal_err run_seat(run3 *r, room_done *done, mal_buf *out) {
    const int64_t *noise;
    int64_t *drawn;
    MAL_TRY(room_draw_noise(r->room, r->job, &drawn));
    noise = drawn;
    MAL_TRY(connect_seat(r));
    MAL_TRY(compute(r, noise, out));
    done->n_pairs = SEATS;
    for (unsigned i = 0; i < SEATS; i++)
        if ((int)i != r->seat)
            room_tap_pair(&done->pairs[i], &r->taps[i], r->seat < (int)i,
                          "malus share3 transcript v1");
    return MAL_OK;
}

mal_err room_share3_run(mal_room *room, room_job *job, room_done *done,
                        mal_buf *out) {
    uint64_t start = mal_time_monotonic_ns();
    run3 *r = mal_arena_calloc(job->arena, 1, sizeof *r);
    if (!r)
        return MAL_E_MEMORY;
    r->room = room;
    r->job = job;
    r->seat = seat_of(&job->judged, room->me);
    r->n_parts = job->judged.physical->n_parts;
    mal_err err = MAL_OK;
    if (job->attempt == 0) {
        room_job_stage(room, job, "local stage");
        err = local_stage(r);
        job->own_error = err != MAL_OK && err != MAL_E_CANCEL;
    }
    if (err == MAL_OK && (r->seat >= 0 || feeders(r) >> room->me & 1)) {
        room_job_stage(room, job, "waiting for the tick");
        if (job->attempt == 0)
            err = room_wait_tick(room, job, start, done);
        room_job_stage(room, job, r->seat >= 0 ? "engine" : "sharing");
        if (err == MAL_OK)
            err = r->seat >= 0 ? run_seat(r, done, out) : feed(r);
    }
    run3_clear(r);
    room_disconnect(job, done);
    return err;
}
