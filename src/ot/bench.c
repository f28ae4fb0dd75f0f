/* bench.c - what the correlations cost, two parties as threads over a channel
 * in memory.
 */
#include "ot_impl.h"

#include <string.h>

typedef struct scenario {
    const char *name;
    bool vole;
    mal_ot_params params;
    uint64_t rows; /* where none are asked for */
} scenario;

/* 1.33 M is the VOLE of a PSI of 2^20 rows: 1.27 n, rounded up. */
#define VOLE_ROWS 1330000
#define COT_ROWS ((uint64_t)1 << 22)
#define BATCH ((size_t)1 << 16)

static const scenario scenarios[] = {
    { "vole-semi-honest", true, { .security = MAL_OT_SEMI_HONEST }, VOLE_ROWS },
    { "vole-malicious", true, { .security = MAL_OT_MALICIOUS }, VOLE_ROWS },
    { "vole-conservative",
      true,
      { .security = MAL_OT_MALICIOUS, .code = MAL_OT_CODE_21X24 },
      VOLE_ROWS },
    { "cot-semi-honest", false, { .security = MAL_OT_SEMI_HONEST }, COT_ROWS },
    { "cot-malicious", false, { .security = MAL_OT_MALICIOUS }, COT_ROWS },
    { "cot-fold-2",
      false,
      { .security = MAL_OT_MALICIOUS, .fold = 2 },
      COT_ROWS },
    { "cot-fold-8",
      false,
      { .security = MAL_OT_MALICIOUS, .fold = 8 },
      COT_ROWS },
};

typedef struct party {
    const scenario *what;
    mal_ot_params params;
    bool sender;
    size_t rows;
    mal_chan *chan;
    mal_ot_block *out[2];
    uint64_t cpu_ns, bytes;
} party;

static mal_err run_vole(party *p) {
    mal_ot_block delta;
    if (p->sender)
        return mal_ot_vole_send(&delta, p->out[0], p->rows, p->chan, &p->params,
                                NULL);
    return mal_ot_vole_receive(p->out[0], p->out[1], p->rows, p->chan,
                               &p->params, NULL);
}

/* Batch after batch into the same place, as a circuit eats them. */
static mal_err run_cot(party *p) {
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *cot = NULL;
    static const uint64_t choice[BATCH / 64];
    if (p->sender)
        MAL_TRY(mal_ot_cot_new_sender(&cot, p->chan, &p->params));
    else
        MAL_TRY(mal_ot_cot_new_receiver(&cot, p->chan, &p->params));
    for (size_t done = 0; done < p->rows;) {
        size_t n = p->rows - done < BATCH ? p->rows - done : BATCH;
        if (p->sender)
            MAL_TRY(mal_ot_cot_send(cot, p->out[0], n));
        else
            MAL_TRY(mal_ot_cot_receive(cot, p->out[0], choice, n));
        done += n;
    }
    return MAL_OK;
}

static mal_err party_run(void *ctx, mal_mesh *mesh) {
    party *p = (party *)ctx + mesh->me;
    p->chan = mesh->chan[1 - mesh->me];
    uint64_t from = mal_time_thread_ns();
    mal_err err = p->what->vole ? run_vole(p) : run_cot(p);
    p->cpu_ns = mal_time_thread_ns() - from;
    p->bytes = p->chan->bytes_sent;
    return err;
}

static mal_err put_line(mal_buf *lines, const party p[2], uint64_t wall_ns,
                        uint64_t cpu_ns) {
    const double wall = (double)wall_ns, rows = (double)p[0].rows;
    const double send = (double)p[0].cpu_ns, receive = (double)p[1].cpu_ns;
    return mal_buf_put_fmt(
        lines,
        "{\"engine\":\"ot\",\"name\":\"%s\",\"rows\":%zu,\"threads\":%u,"
        "\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"bytes\":%llu,"
        "\"ns_per_row\":%.1f,\"sender_cpu_seconds\":%.6f,"
        "\"receiver_cpu_seconds\":%.6f,\"sender_ns_per_row\":%.2f,"
        "\"receiver_ns_per_row\":%.2f}\n",
        p[0].what->name, p[0].rows,
        p[0].params.threads ? p[0].params.threads : 1, wall * 1e-9,
        (double)cpu_ns * 1e-9, (unsigned long long)(p[0].bytes + p[1].bytes),
        wall / rows, send * 1e-9, receive * 1e-9, send / rows, receive / rows);
}

static mal_err bench_one(mal_buf *lines, const scenario *what, uint64_t rows,
                         unsigned threads) {
    party p[2] = { 0 };
    mal_err err = MAL_OK;
    for (unsigned i = 0; i < 2; i++) {
        p[i] = (party){ .what = what,
                        .params = what->params,
                        .sender = i == 0,
                        .rows = rows ? rows : what->rows };
        p[i].params.threads = threads;
        size_t room = what->vole ? p[i].rows : BATCH;
        for (unsigned j = 0; j < 2; j++)
            p[i].out[j] = mal_ot_blocks_new(room);
        if (!p[i].out[0] || !p[i].out[1])
            err = mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    }
    uint64_t from = mal_time_monotonic_ns(), cpu = mal_time_cpu_ns();
    if (err == MAL_OK)
        err = mal_mesh_run(2, 60000, party_run, p);
    uint64_t wall = mal_time_monotonic_ns() - from;
    cpu = mal_time_cpu_ns() - cpu;
    for (unsigned i = 0; i < 4; i++)
        mal_ot_blocks_free(p[i / 2].out[i % 2]);
    MAL_TRY(err);
    return put_line(lines, p, wall, cpu);
}

mal_err mal_ot_bench(mal_buf *lines, const char *only, uint64_t rows,
                     unsigned threads) {
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        if (!only || strcmp(only, "ot") == 0 ||
            strcmp(only, scenarios[i].name) == 0)
            MAL_TRY(bench_one(lines, &scenarios[i], rows, threads));
    return MAL_OK;
}
