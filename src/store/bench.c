/* bench.c - how long a table takes to come in, and to be read back. */
#include "store_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROWS_DEFAULT 1000000u

#define CONTRACT                                                               \
    "room \"bench\" version 1\n"                                               \
    "party acme owner ed25519:%s\n"                                            \
    "party other owner ed25519:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n" \
    "dataset acme.t {\n"                                                       \
    "  email id normal uid2@1\n"                                               \
    "  region dim in (\"north\", \"south\", \"east\", \"west\")\n"             \
    "  year dim in 1990 .. 2030\n"                                             \
    "  spend measure decimal(2) in 0 .. 5000\n"                                \
    "  visits measure in 0 .. 1000\n"                                          \
    "  score measure decimal(4) in -10 .. 10 nullable\n"                       \
    "  privacy unit email contributes at most 4 rows\n"                        \
    "  rows at most %llu\n"                                                    \
    "}\n"                                                                      \
    "dataset other.t {\n"                                                      \
    "  k id normal raw@1\n"                                                    \
    "  privacy unit k contributes at most 1 row\n"                             \
    "  rows at most 5\n"                                                       \
    "}\n"                                                                      \
    "budget acme.t epsilon 4 in all, delta 1e-6\n"                             \
    "collude 1\n"                                                              \
    "consent all owners\n"                                                     \
    "expires 2100-01-01\n"

typedef struct bench {
    char dir[64];
    char path[4][128]; /* keys, log, store, table */
    mal_kms *kms;
    mal_audit_log *log;
    mal_store *store;
    mal_arena *arena;
    mal_policy_contract *contract;
    uint64_t rows;
    unsigned threads;
} bench;

static void bench_clear(bench *b) {
    mal_store_close(b->store);
    mal_audit_log_close(b->log);
    mal_kms_close(b->kms);
    mal_arena_free(b->arena);
    if (*b->dir && mal_dir_remove(b->dir) != MAL_OK)
        mal_err_forget();
}

/* Two of three people come twice: ids repeat, as they do. */
static mal_err write_table(bench *b) {
    static const char *const regions[] = { "north", "south", "east", "west",
                                           "moon" };
    FILE *f = fopen(b->path[3], "we");

    MAL_REQUIRE(f, MAL_E_IO, "cannot write %s: %s", b->path[3],
                strerror(errno));
    fprintf(f, "email,region,year,spend,visits,score\n");
    uint64_t z = 1;
    for (uint64_t i = 0; i < b->rows; i++) {
        z = z * 6364136223846793005u + 1442695040888963407u;
        unsigned r = (unsigned)(z >> 33);
        fprintf(f, "User.%llu@example-%u.org,%s,%u,%u.%02u,%u,",
                (unsigned long long)(z >> 20) % (b->rows * 2 / 3 + 1), r % 7,
                regions[r % 41 ? r % 4 : 4], 1990 + r % 41, r % 5000, r % 100,
                r % 1000);
        if (r % 10)
            fprintf(f, "%s%u.%04u\n", r & 64 ? "-" : "", r % 10, r % 10000);
        else
            fprintf(f, "\n");
    }
    bool bad = ferror(f);
    MAL_REQUIRE(fclose(f) == 0 && !bad, MAL_E_IO, "cannot write %s",
                b->path[3]);
    return MAL_OK;
}

static mal_err make_room(bench *b) {
    MAL_AUTO(mal_buf_clear) mal_buf key = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    mal_kms_part parts[2] = { 0 };
    uint8_t identity[32];
    const char *id;

    mal_kms_identity(b->kms, identity);
    MAL_TRY(mal_base64_encode(&key, mal_bytes_of(identity, 32)));
    MAL_TRY(mal_buf_cstr(&key, &id));
    MAL_TRY(mal_buf_put_fmt(&text, CONTRACT, id, (unsigned long long)b->rows));
    MAL_TRY(mal_policy_parse(&b->contract, b->arena, mal_buf_view(&text)));
    MAL_TRY(mal_kms_pseudonym_part(b->kms, &parts[0], b->contract->room_id));
    snprintf(parts[1].party, sizeof parts[1].party, "other");
    return mal_kms_pseudonym_combine(b->kms, b->contract->room_id, parts, 2);
}

static mal_err set_up(bench *b) {
    static const char *const names[] = { "keys", "log", "store", "t.csv" };
    const char *tmp = getenv("TMPDIR");
    mal_audit_signer signer;

    snprintf(b->dir, sizeof b->dir, "%.40s/malus-bench-XXXXXX",
             tmp ? tmp : "/tmp");
    MAL_REQUIRE(mkdtemp(b->dir), MAL_E_IO, "cannot make %s: %s", b->dir,
                strerror(errno));
    for (int i = 0; i < 4; i++)
        snprintf(b->path[i], sizeof b->path[i], "%s/%s", b->dir, names[i]);
    b->arena = mal_arena_new((size_t)4 << 30);
    MAL_REQUIRE(b->arena, MAL_E_MEMORY, "out of memory");
    MAL_TRY(mal_prim_init());
    MAL_TRY(mal_kms_create(b->path[0], "acme", mal_time_unix()));
    MAL_TRY(mal_kms_open(&b->kms, b->path[0]));
    MAL_TRY(make_room(b));
    signer.sec = mal_kms_key(b->kms, MAL_KMS_LOG);
    mal_kms_pub(b->kms, MAL_KMS_LOG, signer.pub);
    MAL_TRY(mal_audit_log_open(&b->log, b->path[1], "malus/bench", &signer));
    MAL_TRY(mal_store_open(&b->store, b->path[2], b->kms, b->log));
    return write_table(b);
}

static mal_err put_line(mal_buf *out, const bench *b, const char *name,
                        uint64_t ns, uint64_t cpu_ns) {
    return mal_buf_put_fmt(
        out,
        "{\"engine\":\"ingest\",\"name\":\"%s\",\"rows\":%llu,\"threads\":%u,"
        "\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"bytes\":0,"
        "\"ns_per_row\":%.1f}\n",
        name, (unsigned long long)b->rows, b->threads, (double)ns / 1e9,
        (double)cpu_ns / 1e9, (double)ns / (double)b->rows);
}

static mal_err run_add(bench *b, mal_buf *out) {
    const mal_store_options options = { .threads = b->threads };
    mal_store_report report;
    uint64_t start = mal_time_monotonic_ns();

    MAL_TRY(mal_store_add(b->store, &report, b->arena, b->contract, "acme.t",
                          b->path[3], &options));
    return put_line(out, b, "csv", mal_time_monotonic_ns() - start,
                    report.cpu_ns);
}

static mal_err run_read(bench *b, mal_buf *out) {
    static const char *const names[] = { "email", "region", "year",
                                         "spend", "visits", "score" };
    uint64_t start = mal_time_monotonic_ns(), cpu = mal_time_cpu_ns();
    mal_duck_batch table;

    MAL_TRY(mal_store_read(b->store, &table, b->arena, b->contract->room_id,
                           "acme.t", 0, names, 6));
    return put_line(out, b, "read", mal_time_monotonic_ns() - start,
                    mal_time_cpu_ns() - cpu);
}

static mal_err run_check(bench *b, mal_buf *out) {
    uint64_t start = mal_time_monotonic_ns(), cpu = mal_time_cpu_ns();

    MAL_TRY(mal_store_check(b->store, b->contract->room_id, "acme.t", 0));
    return put_line(out, b, "check", mal_time_monotonic_ns() - start,
                    mal_time_cpu_ns() - cpu);
}

mal_err mal_store_bench(mal_buf *out, uint64_t rows, unsigned threads,
                        const char *only) {
    MAL_AUTO(bench_clear)
    bench b = { .rows = rows ? rows : ROWS_DEFAULT,
                .threads = threads ? threads : 1 };
    MAL_AUTO(mal_buf_clear) mal_buf unwanted = { 0 };

    MAL_TRY(set_up(&b));
    /* The others need a table: it is added whether asked for or not. */
    MAL_TRY(run_add(&b, !only || strcmp(only, "csv") == 0 ? out : &unwanted));
    if (!only || strcmp(only, "read") == 0)
        MAL_TRY(run_read(&b, out));
    if (!only || strcmp(only, "check") == 0)
        MAL_TRY(run_check(&b, out));
    return MAL_OK;
}
