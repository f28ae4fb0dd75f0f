/* bench.c - what the engines cost, parties as threads over channels in memory.
 */
#include <malus/mpc.h>

#include <string.h>

#define SUM_PARTIES 3
#define PSI_CELLS 16
#define PSI_AGGS 2
#define PSI_WORDS (PSI_CELLS * PSI_AGGS)

typedef struct watch {
    uint64_t wall, cpu;
} watch;

static watch watch_start(void) {
    return (watch){ mal_time_monotonic_ns(), mal_time_cpu_ns() };
}

static mal_err put_line(mal_buf *lines, const char *engine, const char *name,
                        uint64_t rows, unsigned threads, watch start,
                        uint64_t bytes) {
    const double wall = (double)(mal_time_monotonic_ns() - start.wall);
    const double cpu = (double)(mal_time_cpu_ns() - start.cpu);
    return mal_buf_put_fmt(
        lines,
        "{\"engine\":\"%s\",\"name\":\"%s\",\"rows\":%llu,\"threads\":%u,"
        "\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"bytes\":%llu,"
        "\"ns_per_row\":%.1f}\n",
        engine, name, (unsigned long long)rows, threads, wall * 1e-9,
        cpu * 1e-9, (unsigned long long)bytes, wall / (double)rows);
}

static bool wanted(const char *only, const char *engine, const char *name) {
    return !only || strcmp(only, engine) == 0 || strcmp(only, name) == 0;
}

/* --- sum ------------------------------------------------------------------ */

typedef struct sum_party {
    mal_mesh mesh;
    mal_mpc_sum_input input;
    uint64_t *y;
    mal_err err;
    uint64_t bytes;
} sum_party;

static void close_mesh(sum_party *p) {
    for (unsigned j = 0; j < SUM_PARTIES; j++) {
        if (p->mesh.chan[j])
            p->bytes += p->mesh.chan[j]->bytes_sent;
        mal_chan_close(&p->mesh.chan[j]);
    }
}

static void sum_thread(void *arg) {
    sum_party *p = arg;
    p->err = mal_mpc_sum(p->y, NULL, &p->mesh, &p->input, NULL);
    close_mesh(p);
}

static mal_err connect_parties(sum_party p[SUM_PARTIES]) {
    for (unsigned i = 0; i < SUM_PARTIES; i++) {
        p[i].mesh.n = SUM_PARTIES;
        p[i].mesh.me = i;
        for (unsigned j = 0; j < i; j++)
            MAL_TRY(
                mal_chan_pair(&p[i].mesh.chan[j], &p[j].mesh.chan[i], 60000));
    }
    return MAL_OK;
}

static mal_err sum_parties_run(sum_party p[SUM_PARTIES]) {
    mal_thread *thread[SUM_PARTIES] = { 0 };
    mal_err err = MAL_OK;
    for (unsigned i = 0; i < SUM_PARTIES && err == MAL_OK; i++)
        err = mal_thread_start(&thread[i], sum_thread, &p[i]);
    for (unsigned i = 0; i < SUM_PARTIES; i++) {
        if (!thread[i])
            close_mesh(&p[i]);
        mal_thread_join(&thread[i]);
        if (err == MAL_OK)
            err = p[i].err;
    }
    return err;
}

static mal_err bench_sum(mal_buf *lines, uint64_t rows) {
    sum_party p[SUM_PARTIES] = { 0 };
    int64_t *x = mal_calloc(rows, sizeof *x);
    uint64_t *y = mal_calloc(rows, SUM_PARTIES * sizeof *y);
    mal_err err = x && y ? connect_parties(p)
                         : mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (unsigned i = 0; i < SUM_PARTIES; i++) {
        p[i].input.x = p[i].input.noise = x;
        p[i].input.n = rows;
        p[i].y = y + i * rows;
    }
    watch start = watch_start();
    uint64_t bytes = 0;
    if (err == MAL_OK)
        err = sum_parties_run(p);
    for (unsigned i = 0; i < SUM_PARTIES; i++) {
        close_mesh(&p[i]);
        bytes += p[i].bytes;
    }
    if (err == MAL_OK)
        err = put_line(lines, "sum", "sum-3-parties", rows, 1, start, bytes);
    mal_free(x);
    mal_free(y);
    return err;
}

/* --- psi ------------------------------------------------------------------ */

typedef struct psi_parties {
    mal_mpc_psi_params params;
    mal_chan *p1, *p2;
    mal_mpc_psi_filter_input filter;
    mal_mpc_psi_payload_input payload;
    mal_mpc_psi_report report1, report2;
    mal_err err1;
    uint64_t bytes;
    mal_buf ciphertexts;
    mal_key sec;
    uint8_t (*v)[MAL_MPC_PSI_KEY], (*w)[MAL_MPC_PSI_KEY];
    int64_t *values;
} psi_parties;

static void psi_clear_parties(psi_parties *q) {
    mal_chan_close(&q->p1);
    mal_chan_close(&q->p2);
    mal_buf_clear(&q->ciphertexts);
    mal_key_clear(&q->sec);
    mal_free(q->v);
    mal_free(q->w);
    mal_free(q->values);
}

/* Half of the keys match; each has one cell. */
static mal_err psi_fill(psi_parties *q, uint64_t rows, unsigned threads) {
    q->params.filter_max = q->params.payload_max = (uint32_t)rows;
    q->params.cells = PSI_CELLS;
    q->params.aggs = PSI_AGGS;
    q->params.threads = threads;
    q->v = mal_calloc(rows, sizeof *q->v);
    q->w = mal_calloc(rows, sizeof *q->w);
    q->values = mal_calloc(rows, PSI_WORDS * sizeof *q->values);
    if (!q->v || !q->w || !q->values)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (uint64_t i = 0; i < rows; i++) {
        mal_store_u64le(q->v[i], i);
        mal_store_u64le(q->w[i], i + rows / 2);
        int64_t *cell = q->values + i * PSI_WORDS + i % PSI_CELLS * PSI_AGGS;
        cell[0] = 1;
        cell[1] = (int64_t)(i * 977 % 5000);
    }
    q->filter.keys = (const uint8_t(*)[MAL_MPC_PSI_KEY])q->v;
    q->payload.keys = (const uint8_t(*)[MAL_MPC_PSI_KEY])q->w;
    q->filter.n = q->payload.n = rows;
    q->payload.values = q->values;
    MAL_TRY(mal_mpc_psi_recipient_keygen(q->params.recipient, &q->sec));
    return mal_chan_pair(&q->p1, &q->p2, 600000);
}

static void psi_filter_thread(void *arg) {
    psi_parties *q = arg;
    q->err1 =
        mal_mpc_psi_filter(&q->report1, q->p1, &q->params, &q->filter, NULL);
    q->bytes = q->p1->bytes_sent + q->p1->bytes_received;
    mal_chan_close(&q->p1);
}

static mal_err psi_both(psi_parties *q) {
    mal_thread *thread;
    MAL_TRY(mal_thread_start(&thread, psi_filter_thread, q));
    mal_err err = mal_mpc_psi_payload(&q->ciphertexts, &q->report2, q->p2,
                                      &q->params, &q->payload, NULL);
    mal_chan_close(&q->p2);
    mal_thread_join(&thread);
    return err == MAL_OK ? q->err1 : err;
}

static mal_err psi_measure(mal_buf *lines, psi_parties *q, const char *only,
                           uint64_t rows, unsigned threads) {
    const mal_mpc_psi_open_options options = { (uint64_t)1 << 36, threads };
    int64_t answer[PSI_WORDS];
    MAL_TRY(psi_fill(q, rows, threads));
    watch start = watch_start();
    MAL_TRY(psi_both(q));
    if (wanted(only, "psi", "ddh"))
        MAL_TRY(put_line(lines, "psi", "ddh", rows, threads, start, q->bytes));
    start = watch_start();
    MAL_TRY(mal_mpc_psi_open(answer, &q->sec, mal_buf_view(&q->ciphertexts),
                             &options, NULL));
    if (wanted(only, "psi", "ddh-open"))
        MAL_TRY(put_line(lines, "psi", "ddh-open", PSI_WORDS, threads, start,
                         q->ciphertexts.len));
    return MAL_OK;
}

static mal_err bench_psi(mal_buf *lines, const char *only, uint64_t rows,
                         unsigned threads) {
    psi_parties q = { 0 };
    mal_err err = psi_measure(lines, &q, only, rows, threads);
    psi_clear_parties(&q);
    return err;
}

mal_err mal_mpc_bench(mal_buf *lines, const char *only, uint64_t rows,
                      unsigned threads) {
    MAL_REQUIRE(rows >= 1 && rows <= MAL_MPC_PSI_ROWS_MAX, MAL_E_INPUT,
                "a bench of %llu rows: take 1 to %u", (unsigned long long)rows,
                MAL_MPC_PSI_ROWS_MAX);
    MAL_TRY(mal_prim_init());
    if (wanted(only, "sum", "sum-3-parties"))
        MAL_TRY(bench_sum(lines, rows));
    if (wanted(only, "psi", "ddh") || wanted(only, "psi", "ddh-open"))
        MAL_TRY(bench_psi(lines, only, rows, threads ? threads : 1));
    return MAL_OK;
}
