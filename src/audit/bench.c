/* bench.c - what the log costs: append, durable batches, proofs, verification.
 */
#include "audit_impl.h"

#include <malus/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENTRY 256
#define BATCH 4096
#define WITNESSES 3

typedef struct bench {
    mal_buf *out;
    uint64_t wall, cpu;
    const char *dir;
    mal_audit_log *log;
    mal_audit_signer signer, witness[WITNESSES];
    mal_key sec, witness_sec[WITNESSES];
} bench;

static void start(bench *b) {
    b->wall = mal_time_monotonic_ns();
    b->cpu = mal_time_cpu_ns();
}

static mal_err report(bench *b, const char *name, uint64_t rows) {
    double seconds = (double)(mal_time_monotonic_ns() - b->wall) / 1e9;
    double cpu = (double)(mal_time_cpu_ns() - b->cpu) / 1e9;
    MAL_AUTO(mal_json_auto) mal_json *o = NULL;
    MAL_TRY(mal_json_new_object(&o));
    MAL_TRY(mal_json_put_str(o, "engine", "log"));
    MAL_TRY(mal_json_put_str(o, "name", name));
    MAL_TRY(mal_json_put_u64(o, "rows", rows));
    MAL_TRY(mal_json_put_int(o, "threads", 1));
    MAL_TRY(mal_json_put_real(o, "seconds", seconds));
    MAL_TRY(mal_json_put_real(o, "cpu_seconds", cpu));
    MAL_TRY(mal_json_put_int(o, "bytes", 0)); /* nothing is sent */
    MAL_TRY(mal_json_put_real(o, "ns_per_row", seconds * 1e9 / (double)rows));
    MAL_TRY(mal_json_dump(b->out, o));
    return mal_buf_put_str(b->out, "\n");
}

static void entry_of(uint8_t out[ENTRY], uint64_t i) {
    memset(out, (int)(i & 255), ENTRY);
    mal_store_u64le(out, i);
}

static mal_err bench_append(bench *b, uint64_t rows) {
    mal_audit_tree tree = { 0 };
    mal_prim_hash root;
    uint8_t entry[ENTRY];
    memset(entry, 7, sizeof entry);
    start(b);
    for (uint64_t i = 0; i < rows; i++) {
        mal_store_u64le(entry, i);
        mal_audit_tree_add(&tree, mal_bytes_of(entry, 32));
    }
    mal_audit_tree_root(&tree, &root);
    return report(b, "append", rows);
}

/* Every batch is acknowledged durable before the next begins. */
static mal_err bench_durable(bench *b, uint64_t rows) {
    mal_bytes *views = mal_calloc(BATCH, sizeof *views);
    uint8_t *bytes = mal_calloc(BATCH, ENTRY);
    mal_err err = MAL_OK;
    uint64_t done = 0;
    if (!views || !bytes)
        err = MAL_E_MEMORY;
    start(b);
    while (err == MAL_OK && done < rows) {
        size_t n = rows - done < BATCH ? (size_t)(rows - done) : BATCH;
        for (size_t i = 0; i < n; i++) {
            entry_of(bytes + i * ENTRY, done + i);
            views[i] = mal_bytes_of(bytes + i * ENTRY, ENTRY);
        }
        err = mal_audit_log_append(b->log, NULL, views, n);
        done += n;
    }
    mal_free(views);
    mal_free(bytes);
    MAL_TRY(err);
    return report(b, "append-durable", rows);
}

/* One entry a call: what a node does for an intent. */
static mal_err bench_single(bench *b, uint64_t rows) {
    uint8_t bytes[ENTRY];
    entry_of(bytes, 0);
    mal_bytes entry = mal_bytes_of(bytes, sizeof bytes);
    start(b);
    for (uint64_t i = 0; i < rows; i++)
        MAL_TRY(mal_audit_log_append(b->log, NULL, &entry, 1));
    return report(b, "append-single", rows);
}

static mal_err bench_prove(bench *b, uint64_t rows) {
    mal_prim_hash path[MAL_AUDIT_PROOF_MAX];
    uint64_t size = mal_audit_log_size(b->log), index = 0;
    size_t n;
    start(b);
    for (uint64_t i = 0; i < rows; i++) {
        index = (index + 0x9e3779b97f4a7c15u) % size;
        MAL_TRY(mal_audit_log_prove(b->log, path, &n, index, size));
    }
    return report(b, "prove", rows);
}

static mal_err cosigned_proof(bench *b, mal_buf *text, mal_audit_policy *policy,
                              mal_audit_vkey *vkeys) {
    MAL_AUTO(mal_buf_clear) mal_buf note = { 0 };
    mal_audit_note parsed;
    MAL_TRY(mal_audit_log_checkpoint(b->log, &note));
    for (size_t i = 0; i < WITNESSES; i++) {
        char name[16];
        snprintf(name, sizeof name, "witness/%zu", i);
        MAL_TRY(mal_audit_vkey_make(&vkeys[i], name, MAL_AUDIT_SIG_COSIGN,
                                    b->witness[i].pub));
        MAL_AUTO(mal_buf_clear) mal_buf line = { 0 };
        MAL_TRY(mal_audit_note_parse(&parsed, mal_buf_view(&note)));
        MAL_TRY(mal_audit_note_sign_line(&line, parsed.text, name,
                                         &b->witness[i], 1));
        MAL_TRY(mal_buf_put(&note, mal_buf_view(&line)));
    }
    policy->log = *mal_audit_log_vkey(b->log);
    policy->witnesses = vkeys;
    policy->n_witnesses = policy->quorum = WITNESSES;
    return mal_audit_proof_make(text, b->log, 0, mal_buf_view(&note));
}

static mal_err bench_verify(bench *b, uint64_t rows) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf entry = { 0 };
    mal_audit_vkey vkeys[WITNESSES];
    mal_audit_policy policy;
    mal_audit_proof proof;
    MAL_TRY(cosigned_proof(b, &text, &policy, vkeys));
    MAL_TRY(mal_audit_log_read(b->log, &entry, 0));
    start(b);
    for (uint64_t i = 0; i < rows; i++) {
        MAL_TRY(mal_audit_proof_parse(&proof, mal_buf_view(&text)));
        MAL_TRY(mal_audit_proof_verify(NULL, NULL, NULL, &proof,
                                       mal_buf_view(&entry), &policy));
    }
    return report(b, "verify-3-cosignatures", rows);
}

static const struct {
    const char *name;
    mal_err (*run)(bench *b, uint64_t rows);
    uint64_t rows;
} benches[] = {
    { "append", bench_append, 1 << 20 },
    { "append-durable", bench_durable, 1 << 17 },
    { "append-single", bench_single, 64 },
    { "prove", bench_prove, 1 << 14 },
    { "verify-3-cosignatures", bench_verify, 1 << 10 },
};

static mal_err prepare(bench *b) {
    MAL_TRY(mal_prim_init());
    MAL_TRY(mal_prim_sign_keygen(b->signer.pub, &b->sec));
    b->signer.sec = &b->sec;
    for (size_t i = 0; i < WITNESSES; i++) {
        MAL_TRY(mal_prim_sign_keygen(b->witness[i].pub, &b->witness_sec[i]));
        b->witness[i].sec = &b->witness_sec[i];
    }
    MAL_TRY(mal_audit_log_open(&b->log, b->dir, "malus/bench", &b->signer));
    /* So that prove and verify have something to prove when run alone. */
    mal_bytes entry = mal_bytes_str("first");
    return mal_audit_log_append(b->log, NULL, &entry, 1);
}

static mal_err run_all(bench *b, uint64_t rows, const char *only) {
    bool any = false;
    MAL_TRY(prepare(b));
    for (size_t i = 0; i < sizeof benches / sizeof *benches; i++) {
        if (only && strcmp(only, benches[i].name) != 0)
            continue;
        any = true;
        MAL_TRY(benches[i].run(b, rows ? rows : benches[i].rows));
    }
    MAL_REQUIRE(any, MAL_E_INPUT, "log has no bench called %s", only);
    return MAL_OK;
}

mal_err mal_audit_bench(mal_buf *out, uint64_t rows, const char *only) {
    char dir[4096];
    const char *tmp = getenv("TMPDIR");
    bench b = { .out = out, .dir = dir };
    int n =
        snprintf(dir, sizeof dir, "%s/malus-bench-XXXXXX", tmp ? tmp : "/tmp");
    MAL_REQUIRE(n > 0 && (size_t)n < sizeof dir && mkdtemp(dir), MAL_E_IO,
                "cannot make a temporary folder: set TMPDIR");
    mal_err err = run_all(&b, rows, only);
    mal_audit_log_close(b.log);
    mal_key_clear(&b.sec);
    for (size_t i = 0; i < WITNESSES; i++)
        mal_key_clear(&b.witness_sec[i]);
    mal_err removed = mal_dir_remove(dir);
    MAL_TRY(err);
    return removed;
}
