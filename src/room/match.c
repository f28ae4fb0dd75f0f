/* match.c - an intersection that is shown to one owner (psi, exact).
 *
 * The receiver is the first part's owner, and who asks.  It learns which of its
 * own rows match and seals them to itself; the other owner learns nothing and
 * seals nothing.  The engine is malicious, whatever the rule demands. */
#include "room_impl.h"

#define ID_BYTES 16u

/* --- The receiver's rows -------------------------------------------------- */

typedef struct match_rows {
    const mal_sql_table_column *columns;
    unsigned n; /* columns of the answer; the key stands after them */
    mal_duck_batch rows;
    uint64_t *hits; /* a bit a row */
} match_rows;

static mal_err query_rows(mal_room *room, room_job *job, match_rows *m) {
    const mal_sql_physical *p = job->judged.physical;
    mal_duck_type types[MAL_SQL_COLUMNS_MAX + 1];
    MAL_TRY(mal_sql_plan_columns(&m->columns, &m->n, job->arena, p->plan));
    for (unsigned k = 0; k < m->n; k++)
        types[k] =
            m->columns[k].kind == MAL_SQL_ID ? MAL_DUCK_ID : MAL_DUCK_I64;
    types[m->n] = MAL_DUCK_ID;
    MAL_TRY(room_part_rows(room, job, &p->parts[0], types, m->n + 1, &m->rows));
    const mal_duck_column *key = &m->rows.columns[m->n];
    for (size_t r = 0; key->null && r < m->rows.rows; r++)
        MAL_REQUIRE(!key->null[r], MAL_E_STATE,
                    "the local stage returned a NULL key");
    m->hits =
        mal_arena_calloc(job->arena, m->rows.rows / 64 + 1, sizeof *m->hits);
    return m->hits ? MAL_OK : MAL_E_MEMORY;
}

/* u32 columns, u64 rows; of each value one byte, 1 = NULL, then 16 bytes of an
 * id or 8 of a number. */
static mal_err encode(mal_buf *out, const match_rows *m) {
    uint64_t n = 0;
    for (size_t w = 0; w < m->rows.rows / 64 + 1; w++)
        n += (uint64_t)__builtin_popcountll(m->hits[w]);
    MAL_TRY(mal_buf_put_u32(out, m->n));
    MAL_TRY(mal_buf_put_u64(out, n));
    for (size_t r = 0; r < m->rows.rows; r++) {
        if (!(m->hits[r / 64] >> (r % 64) & 1))
            continue;
        for (unsigned k = 0; k < m->n; k++) {
            const mal_duck_column *c = &m->rows.columns[k];
            const bool null = c->null && c->null[r];
            MAL_TRY(mal_buf_put_u8(out, null));
            if (m->columns[k].kind == MAL_SQL_ID)
                MAL_TRY(mal_buf_put(
                    out, mal_bytes_of(c->id + ID_BYTES * r, ID_BYTES)));
            else
                MAL_TRY(mal_buf_put_u64(out, null ? 0 : (uint64_t)c->i64[r]));
        }
    }
    return MAL_OK;
}

mal_err room_match_decode(mal_sql_table *table, mal_arena *arena,
                          const mal_sql_plan *plan, mal_bytes in) {
    mal_rd rd = mal_rd_of(in);
    uint32_t columns;
    uint64_t rows;
    *table = (mal_sql_table){ 0 };
    MAL_TRY(
        mal_sql_plan_columns(&table->columns, &table->n_columns, arena, plan));
    MAL_TRY(mal_rd_u32(&rd, &columns));
    MAL_TRY(mal_rd_u64(&rd, &rows));
    MAL_REQUIRE(columns == table->n_columns && rows <= rd.left, MAL_E_PEER,
                "the rows of the answer have another form than was asked for");
    size_t n = (size_t)rows * columns;
    table->n_rows = (size_t)rows;
    table->values = mal_arena_calloc(arena, n + 1, sizeof *table->values);
    table->nulls = mal_arena_calloc(arena, n + 1, 1);
    table->ids = mal_arena_calloc(arena, n + 1, ID_BYTES);
    if (!table->values || !table->nulls || !table->ids)
        return MAL_E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        uint64_t word;
        MAL_TRY(mal_rd_u8(&rd, &table->nulls[i]));
        if (table->columns[i % columns].kind == MAL_SQL_ID) {
            MAL_TRY(mal_rd_copy(&rd, table->ids[i], ID_BYTES));
            continue;
        }
        MAL_TRY(mal_rd_u64(&rd, &word));
        table->values[i] = (int64_t)word;
    }
    return mal_rd_end(&rd);
}

/* --- The engine ----------------------------------------------------------- */

static void params_of(mal_psi_params *out, mal_room *room,
                      const room_job *job) {
    const room_judged *j = &job->judged;
    *out = (mal_psi_params){ .receiver_max = j->keys_max[0],
                             .sender_max = j->keys_max[1],
                             .security = MAL_PSI_MALICIOUS,
                             .threads = room->config.threads };
    room_session_of(out->session, job);
}

static mal_err receive(mal_room *room, room_job *job, const match_rows *m,
                       mal_chan *chan) {
    mal_psi_params params;
    mal_progress progress = { room_job_step, job };
    const mal_psi_set set = {
        .keys = (const mal_psi_key *)(const void *)m->rows.columns[m->n].id,
        .n = m->rows.rows,
        .merge = true
    };
    params_of(&params, room, job);
    return mal_psi_receive(m->hits, chan, &params, &set, &progress);
}

static mal_err send(mal_room *room, room_job *job, const mal_duck_batch *rows,
                    mal_chan *chan) {
    mal_psi_params params;
    mal_progress progress = { room_job_step, job };
    const mal_psi_set set = {
        .keys = (const mal_psi_key *)(const void *)rows->columns[0].id,
        .n = rows->rows
    };
    params_of(&params, room, job);
    return mal_psi_send(chan, &params, &set, &progress);
}

/* --- All of it ------------------------------------------------------------ */

static mal_err local_stage(mal_room *room, room_job *job, bool receiver,
                           match_rows *m) {
    const mal_duck_type id = MAL_DUCK_ID;
    const mal_sql_part *parts = job->judged.physical->parts;
    if (receiver)
        return query_rows(room, job, m);
    MAL_TRY(room_part_rows(room, job, &parts[1], &id, 1, &m->rows));
    MAL_REQUIRE(m->rows.rows <= job->judged.keys_max[1], MAL_E_LIMIT,
                "a table here has more keys than the contract declares");
    return MAL_OK;
}

mal_err room_match_run(mal_room *room, room_job *job, room_done *done,
                       mal_buf *out) {
    const uint64_t start = mal_time_monotonic_ns();
    const bool receiver = job->judged.parties[0] == room->me;
    match_rows m = { 0 };
    mal_mesh mesh = { 0 };
    room_tapped tap = { 0 };
    room_job_stage(room, job, "local stage");
    mal_err err = local_stage(room, job, receiver, &m);
    job->own_error = err != MAL_OK && err != MAL_E_CANCEL;
    MAL_TRY(err);
    room_job_stage(room, job, "waiting for the tick");
    MAL_TRY(room_wait_tick(room, job, start, done));
    room_job_stage(room, job, "engine");
    err = room_connect_mesh(room, job, &mesh);
    if (err == MAL_OK)
        err = room_tap(&tap, mesh.chan[1 - mesh.me]);
    if (err == MAL_OK)
        err = receiver ? receive(room, job, &m, &tap.chan)
                       : send(room, job, &m.rows, &tap.chan);
    if (err == MAL_OK)
        room_tap_pair(&done->pairs[1 - mesh.me], &tap, receiver,
                      "malus psi match transcript v1");
    room_tap_clear(&tap);
    room_disconnect(job, done);
    done->n_pairs = job->judged.n;
    MAL_TRY(err);
    return receiver ? encode(out, &m) : MAL_OK;
}
