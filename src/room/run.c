/* run.c - the data-dependent part: local stage, noise, engine, seal.
 *
 * Reached only with the cosigned intents of all owners at hand.  The first
 * message of a stage leaves on a tick that declared bounds decide (rule 29),
 * and every size is a function of plan and bounds.
 */
#include "room_impl.h"

#include <stdlib.h>
#include <string.h>

typedef struct local {
    /* cells: x[agg][cell].  payload: keys and values[key][cell][agg].  filter:
     * keys. */
    int64_t *x;
    uint8_t (*keys)[16];
    size_t n_keys;
} local;

/* --- Local stage: DuckDB over our own tables ----------------------------- */

static mal_err query_part(mal_room *room, room_job *job,
                          const mal_sql_part *part, mal_duck_batch *rows) {
    const mal_sql_physical *p = job->judged.physical;
    mal_duck_type types[MAL_SQL_AGGS_MAX + 2];
    unsigned n = 0;
    if (part->role != MAL_SQL_PART_CELLS)
        types[n++] = MAL_DUCK_ID;
    if (part->role != MAL_SQL_PART_FILTER)
        for (unsigned i = 0; i < p->n_aggs + 1; i++)
            types[n++] = MAL_DUCK_I64;
    return room_part_rows(room, job, part, types, n, rows);
}

/* DuckDB's answer is foreign: every cell, every bound is checked again. */
static mal_err place(const mal_sql_physical *p, const mal_duck_batch *rows,
                     unsigned first, size_t row, int64_t *out, size_t agg_step,
                     size_t cell_step, uint8_t *taken) {
    for (unsigned c = first; c < rows->n; c++)
        MAL_REQUIRE(!rows->columns[c].null || !rows->columns[c].null[row],
                    MAL_E_STATE, "the local stage returned a NULL");
    int64_t cell = rows->columns[first].i64[row];
    MAL_REQUIRE(cell >= 0 && (uint64_t)cell < p->n_cells && !taken[cell],
                MAL_E_STATE, "the local stage returned a cell out of place");
    taken[cell] = 1;
    for (unsigned a = 0; a < p->n_aggs; a++) {
        int64_t v = rows->columns[first + 1 + a].i64[row];
        uint64_t size = v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v;
        MAL_REQUIRE(size <= p->aggs[a].abs_max, MAL_E_STATE,
                    "the local stage returned a sum out of its bounds");
        out[a * agg_step + (size_t)cell * cell_step] = v;
    }
    return MAL_OK;
}

static mal_err local_cells(mal_room *room, room_job *job,
                           const mal_sql_part *part, local *out) {
    const mal_sql_physical *p = job->judged.physical;
    mal_duck_batch rows;
    MAL_TRY(query_part(room, job, part, &rows));
    uint8_t *taken = mal_arena_calloc(job->arena, p->n_cells, 1);
    int64_t *x =
        mal_arena_calloc(job->arena, p->n_cells * p->n_aggs, sizeof *x);
    if (!taken || !x)
        return MAL_E_MEMORY;
    for (size_t r = 0; r < rows.rows; r++)
        MAL_TRY(place(p, &rows, 0, r, x, p->n_cells, 1, taken));
    /* Two parts of one owner (a union over its own tables) add up. */
    for (size_t i = 0; out->x && i < p->n_cells * p->n_aggs; i++)
        x[i] += out->x[i];
    out->x = x;
    return MAL_OK;
}

/* Rows of one key stand together: by key, as bytes. */
static int by_key(const void *a, const void *b, void *ctx) {
    const uint8_t *keys = ctx;
    return mal_compare_vartime(keys + 16 * *(const size_t *)a,
                               keys + 16 * *(const size_t *)b, 16);
}

static mal_err order_rows(mal_arena *arena, const mal_duck_batch *rows,
                          size_t **order) {
    *order = mal_arena_calloc(arena, rows->rows + 1, sizeof **order);
    if (!*order)
        return MAL_E_MEMORY;
    for (size_t r = 0; r < rows->rows; r++) {
        MAL_REQUIRE(!rows->columns[0].null || !rows->columns[0].null[r],
                    MAL_E_STATE, "the local stage returned a NULL key");
        (*order)[r] = r;
    }
    qsort_r(*order, rows->rows, sizeof **order, by_key,
            (void *)(uintptr_t)rows->columns[0].id);
    return MAL_OK;
}

static mal_err local_keys(mal_room *room, room_job *job,
                          const mal_sql_part *part, local *out,
                          uint64_t keys_max) {
    const mal_sql_physical *p = job->judged.physical;
    bool payload = part->role == MAL_SQL_PART_PAYLOAD;
    mal_duck_batch rows;
    size_t *order, width = p->n_cells * p->n_aggs, n = 0;
    MAL_TRY(query_part(room, job, part, &rows));
    MAL_TRY(order_rows(job->arena, &rows, &order));
    const uint8_t *keys = rows.columns[0].id;
    uint8_t *taken = mal_arena_calloc(job->arena, p->n_cells, 1);
    out->keys = mal_arena_calloc(job->arena, rows.rows + 1, 16);
    if (!taken || !out->keys)
        return MAL_E_MEMORY;
    for (size_t r = 0; r < rows.rows; r++)
        if (n == 0 || !mal_equal(out->keys[n - 1], keys + 16 * order[r], 16))
            memcpy(out->keys[n++], keys + 16 * order[r], 16);
    MAL_REQUIRE(n <= keys_max, MAL_E_LIMIT,
                "a table here has more keys than the contract declares");
    out->n_keys = n;
    if (!payload)
        return MAL_OK;
    out->x = mal_arena_calloc(job->arena, n * width + 1, sizeof *out->x);
    if (!out->x)
        return MAL_E_MEMORY;
    for (size_t r = 0, k = 0; r < rows.rows; r++) {
        if (!mal_equal(out->keys[k], keys + 16 * order[r], 16)) {
            k++;
            memset(taken, 0, p->n_cells);
        }
        MAL_TRY(place(p, &rows, 1, order[r], out->x + k * width, 1, p->n_aggs,
                      taken));
    }
    return MAL_OK;
}

static mal_err local_stage(mal_room *room, room_job *job, local *out) {
    const room_judged *j = &job->judged;
    for (unsigned i = 0; i < j->physical->n_parts; i++) {
        const mal_sql_part *part = &j->physical->parts[i];
        if (part->owner != room->me)
            continue;
        if (part->role == MAL_SQL_PART_CELLS)
            MAL_TRY(local_cells(room, job, part, out));
        else
            MAL_TRY(local_keys(room, job, part, out,
                               j->keys_max[part->role == MAL_SQL_PART_FILTER]));
    }
    return MAL_OK;
}

/* --- Engines ------------------------------------------------------------- */

/* Words for the recipient: y, [agg][cell], little-endian. */
static mal_err put_words(mal_buf *out, const uint64_t *y, size_t n) {
    MAL_TRY(mal_buf_reserve(out, n * 8));
    for (size_t i = 0; i < n; i++)
        MAL_TRY(mal_buf_put_u64(out, y[i]));
    return MAL_OK;
}

static mal_err engine_clear(room_job *job, const local *in,
                            const int64_t *noise, mal_buf *out) {
    size_t n = job->judged.physical->n_cells * job->judged.physical->n_aggs;
    uint64_t *y = mal_arena_calloc(job->arena, n, sizeof *y);
    if (!y)
        return MAL_E_MEMORY;
    for (size_t i = 0; i < n; i++)
        y[i] = (uint64_t)in->x[i] + (uint64_t)noise[i];
    return put_words(out, y, n);
}

static mal_err engine_sum(room_job *job, mal_mesh *mesh, const local *in,
                          const int64_t *noise, room_done *done, mal_buf *out) {
    size_t n = job->judged.physical->n_cells * job->judged.physical->n_aggs;
    uint64_t *y = mal_arena_calloc(job->arena, n, sizeof *y);
    if (!y)
        return MAL_E_MEMORY;
    mal_mpc_sum_input input = { .x = in->x, .noise = noise, .n = n };
    mal_mpc_sum_report report;
    mal_progress progress = { room_job_step, job };
    room_session_of(input.session, job);
    MAL_TRY(mal_mpc_sum(y, &report, mesh, &input, &progress));
    for (unsigned i = 0; i < mesh->n; i++)
        memcpy(done->pairs[i].b, report.pair[i].b, 32);
    return put_words(out, y, n);
}

/* psi's words are [cell][agg], a row's as the local stage made them. */
static mal_err psi_noise(mal_arena *arena, const mal_sql_physical *p,
                         const int64_t *in, int64_t **out) {
    int64_t *to = mal_arena_calloc(arena, p->n_cells * p->n_aggs, sizeof *to);
    if (!to)
        return MAL_E_MEMORY;
    for (unsigned a = 0; a < p->n_aggs; a++)
        for (uint64_t c = 0; c < p->n_cells; c++)
            to[c * p->n_aggs + a] = in[a * p->n_cells + c];
    *out = to;
    return MAL_OK;
}

static mal_err psi_words(mal_arena *arena, const mal_sql_physical *p,
                         const uint64_t *in, mal_buf *out) {
    uint64_t *to = mal_arena_calloc(arena, p->n_cells * p->n_aggs, sizeof *to);
    if (!to)
        return MAL_E_MEMORY;
    for (unsigned a = 0; a < p->n_aggs; a++)
        for (uint64_t c = 0; c < p->n_cells; c++)
            to[a * p->n_cells + c] = in[c * p->n_aggs + a];
    return put_words(out, to, p->n_cells * p->n_aggs);
}

static mal_err psi_party(mal_room *room, room_job *job, mal_chan *peer,
                         const local *in, const int64_t *noise, uint64_t *y,
                         mal_psi_circuit_report *report) {
    const room_judged *j = &job->judged;
    const mal_sql_physical *p = j->physical;
    mal_psi_circuit_params params = { .filter_max = (uint32_t)j->keys_max[1],
                                      .payload_max = (uint32_t)j->keys_max[0],
                                      .words =
                                          (uint32_t)(p->n_cells * p->n_aggs),
                                      .threads = room->config.threads };
    mal_progress progress = { room_job_step, job };
    room_session_of(params.session, job);
    if (p->parts[0].owner == room->me) {
        const mal_psi_circuit_payload_input input = { .keys = (void *)in->keys,
                                                      .n = in->n_keys,
                                                      .values = in->x,
                                                      .noise = noise };
        return mal_psi_circuit_payload(y, report, peer, &params, &input,
                                       &progress);
    }
    const mal_psi_circuit_filter_input input = { .keys = (void *)in->keys,
                                                 .n = in->n_keys,
                                                 .noise = noise };
    return mal_psi_circuit_filter(y, report, peer, &params, &input, &progress);
}

static mal_err engine_psi(mal_room *room, room_job *job, mal_mesh *mesh,
                          const local *in, const int64_t *noise,
                          room_done *done, mal_buf *out) {
    const mal_sql_physical *p = job->judged.physical;
    mal_psi_circuit_report report;
    int64_t *turned;
    uint64_t *y =
        mal_arena_calloc(job->arena, p->n_cells * p->n_aggs, sizeof *y);
    if (!y)
        return MAL_E_MEMORY;
    MAL_TRY(psi_noise(job->arena, p, noise, &turned));
    MAL_TRY(
        psi_party(room, job, mesh->chan[1 - mesh->me], in, turned, y, &report));
    MAL_TRY(psi_words(job->arena, p, y, out));
    mal_prim_hash pair;
    mal_bytes both[2] = { mal_bytes_of(report.filter_to_payload.b, 32),
                          mal_bytes_of(report.payload_to_filter.b, 32) };
    mal_prim_hash_parts(&pair, "malus psi transcript v2", both, 2);
    memcpy(done->pairs[1 - mesh->me].b, pair.b, 32);
    return MAL_OK;
}

static mal_err run_engine(mal_room *room, room_job *job, mal_mesh *mesh,
                          const local *in, const int64_t *noise,
                          room_done *done, mal_buf *out) {
    switch (job->judged.engine) {
    case MAL_POLICY_ENGINE_CLEAR:
        return engine_clear(job, in, noise, out);
    case MAL_POLICY_ENGINE_SUM:
        return engine_sum(job, mesh, in, noise, done, out);
    case MAL_POLICY_ENGINE_PSI:
        return engine_psi(room, job, mesh, in, noise, done, out);
    default:
        MAL_FAIL(MAL_E_UNSUPPORTED, "no engine for this plan");
    }
}

/* --- All of it ----------------------------------------------------------- */

static mal_err compute(mal_room *room, room_job *job, room_done *done,
                       mal_buf *out) {
    uint64_t start = mal_time_monotonic_ns();
    local in = { 0 };
    int64_t *noise;
    room_job_stage(room, job, "local stage");
    mal_err err = local_stage(room, job, &in);
    job->own_error = err != MAL_OK && err != MAL_E_CANCEL;
    MAL_TRY(err);
    MAL_TRY(room_draw_noise(room, job, &noise));
    room_job_stage(room, job, "waiting for the tick");
    MAL_TRY(room_wait_tick(room, job, start, done));
    mal_mesh mesh = { 0 };
    room_job_stage(room, job, "engine");
    err = room_connect_mesh(room, job, &mesh);
    if (err == MAL_OK)
        err = run_engine(room, job, &mesh, &in, noise, done, out);
    room_disconnect(job, done);
    done->n_pairs = job->judged.n;
    return err;
}

/* What the result commits to, and the receipt opens: short parts whole, so that
 * a stranger can add them up; "sha256:..." of long ones, and of rows, which a
 * receipt is not to show. */
static mal_err keep_output(room_job *job, mal_bytes out) {
    const size_t whole_max = (size_t)256 << 10;
    char *hex = mal_arena_alloc(job->arena, 2 * whole_max + 80);
    if (!hex)
        return MAL_E_MEMORY;
    mal_prim_hash hash;
    if (out.len > whole_max || (room_exact(&job->judged) && out.len > 0)) {
        mal_prim_sha256_of(&hash, out);
        memcpy(hex, "sha256:", 7);
        mal_hex_encode(hex + 7, mal_bytes_of(hash.b, 32));
    } else {
        mal_hex_encode(hex, out);
    }
    job->output = hex;
    return MAL_OK;
}

/* Every owner seals an output, so that an envelope tells nothing; who computed
 * nothing seals nothing. */
mal_err room_run(mal_room *room, room_job *job, mal_buf *sealed,
                 room_done *done) {
    MAL_AUTO(mal_buf_clear) mal_buf out = { .max = ROOM_OUTPUT_MAX };
    MAL_AUTO(mal_buf_clear) mal_buf aad = { 0 };
    bool computes = false;
    for (unsigned i = 0; i < job->judged.n; i++)
        computes |= job->judged.parties[i] == room->me;
    if (job->judged.engine == MAL_POLICY_ENGINE_SHARE3)
        MAL_TRY(room_share3_run(room, job, done, &out));
    else if (computes && room_exact(&job->judged))
        MAL_TRY(room_match_run(room, job, done, &out));
    else if (computes)
        MAL_TRY(compute(room, job, done, &out));
    room_lie_done(room, done);
    MAL_TRY(mal_buf_put(&aad, mal_bytes_of(job->id.b, 32)));
    MAL_TRY(mal_buf_put_u32(&aad, room->me));
    room_job_stage(room, job, "sealing");
    MAL_TRY(keep_output(job, mal_buf_view(&out)));
    MAL_TRY(mal_prim_hpke_seal(sealed, job->request.hpke,
                               mal_bytes_str("malus output v1"),
                               mal_buf_view(&aad), mal_buf_view(&out)));
    mal_prim_hash hash;
    mal_prim_sha256_of(&hash, mal_buf_view(sealed));
    memcpy(done->output.b, hash.b, 32);
    return MAL_OK;
}
