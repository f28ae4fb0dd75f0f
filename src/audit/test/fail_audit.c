/* fail_audit.c - the n-th allocation fails, for every n. */
#include "receipt_scene.h"

/* Run work with each of its allocations failing in turn. */
static void every_failure(mal_err (*work)(void *ctx), void *ctx) {
    uint64_t before = mal_alloc_count();
    CHECK_OK(work(ctx));
    uint64_t n = mal_alloc_count() - before;
    CHECK(n > 5);
    for (uint64_t i = 1; i <= n; i++) {
        mal_alloc_fail_at(i);
        mal_err err = work(ctx);
        mal_alloc_fail_at(0);
        CHECK_THAT(err == MAL_E_MEMORY || err == MAL_OK, "allocation %llu: %s",
                   (unsigned long long)i, mal_err_trail());
    }
    printf("# %llu allocations\n", (unsigned long long)n);
}

/* A report that was cut short must not say yes. */
static mal_err verify(void *ctx) {
    scene *s = ctx;
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1 << 26);
    mal_audit_report report;
    MAL_REQUIRE(arena, MAL_E_MEMORY, "out of memory");
    MAL_TRY(scene_verify(&report, arena, s, mal_buf_view(&s->json)));
    MAL_REQUIRE(report.ok, MAL_E_MEMORY, "not verified");
    return MAL_OK;
}

static mal_err redact(void *ctx) {
    scene *s = ctx;
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    const char *names[] = { "answer" };
    return mal_audit_receipt_redact(&out, mal_buf_view(&s->json), names, 1);
}

TEST(a_receipt_is_never_verified_by_a_failed_allocation) {
    scene s;
    scene_init(&s);
    scene_make(&s);
    every_failure(verify, &s);
    every_failure(redact, &s);
    scene_clear(&s);
}

typedef struct place {
    const char *dir;
    mal_audit_signer signer;
    uint64_t acknowledged;
} place;

/* Whatever was acknowledged is there when the log is opened the next time. */
static mal_err append(void *ctx) {
    place *p = ctx;
    MAL_AUTO(mal_audit_log_auto) mal_audit_log *log = NULL;
    mal_bytes entries[] = { mal_bytes_str("one"), mal_bytes_str("two") };
    uint64_t first;
    MAL_TRY(mal_audit_log_open(&log, p->dir, "malus/test", &p->signer));
    assert(mal_audit_log_size(log) >= p->acknowledged);
    MAL_TRY(mal_audit_log_append(log, &first, entries, 2));
    assert(first >= p->acknowledged);
    p->acknowledged = first + 2;
    return MAL_OK;
}

TEST(a_log_survives_each_failed_allocation) {
    place p = { .dir = mal_test_dir(), .signer = signer_of(9) };
    mal_audit_vkey vkey;
    uint64_t size;
    every_failure(append, &p);
    CHECK_OK(mal_audit_vkey_make(&vkey, "malus/test", 1, p.signer.pub));
    CHECK_OK(mal_audit_log_check(p.dir, &vkey, &size));
    CHECK(size >= p.acknowledged);
    CHECK_OK(mal_dir_remove(p.dir));
}

static mal_err cosign(void *ctx) {
    place *p = ctx;
    MAL_AUTO(mal_audit_witness_auto) mal_audit_witness *w = NULL;
    MAL_AUTO(mal_audit_log_auto) mal_audit_log *log = NULL;
    MAL_AUTO(mal_buf_clear) mal_buf note = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf line = { 0 };
    mal_audit_seen seen;
    char path[4300];
    snprintf(path, sizeof path, "%s/log", p->dir);
    MAL_TRY(mal_audit_log_open(&log, path, "malus/test", &p->signer));
    MAL_TRY(mal_audit_log_checkpoint(log, &note));
    snprintf(path, sizeof path, "%s/witness.db", p->dir);
    MAL_TRY(mal_audit_witness_open(&w, path, "w", &p->signer));
    MAL_TRY(mal_audit_witness_trust(w, "malus/test", mal_audit_log_vkey(log)));
    MAL_TRY(mal_audit_witness_last(w, &seen, NULL, "malus/test"));
    return mal_audit_witness_cosign(w, &line, NULL, seen.size, NULL, 0,
                                    mal_buf_view(&note), 7);
}

TEST(a_witness_survives_each_failed_allocation) {
    place p = { .dir = mal_test_dir(), .signer = signer_of(9) };
    every_failure(cosign, &p);
    CHECK_OK(mal_dir_remove(p.dir));
}

TEST_MAIN
