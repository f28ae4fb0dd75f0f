/* fail_kms.c - the n-th allocation fails, for every n. */
#include "kms_test.h"

static party it;
static const uint8_t room[32] = { 7 };

static mal_err open_it(void) {
    MAL_AUTO(mal_kms_auto) mal_kms *kms = NULL;
    MAL_TRY(mal_kms_open(&kms, it.dir));
    return MAL_OK;
}

static mal_err create_it(void) {
    static int n;
    char dir[4200];
    snprintf(dir, sizeof dir, "%s/made%d", it.root, n++);
    mal_err err = mal_kms_create(dir, "acme", mal_time_unix());
    CHECK(mal_file_exists(dir) == (err == MAL_OK));
    return err;
}

static mal_err state_it(void) {
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    mal_kms_statement s;
    uint8_t pub[32];
    mal_kms_identity(it.kms, pub);
    MAL_TRY(mal_kms_statement_own(it.kms, &s, MAL_KMS_NODE));
    MAL_TRY(mal_kms_statement_encode(&out, &s));
    MAL_TRY(mal_kms_statement_verify(&s, pub, "acme", MAL_KMS_NODE,
                                     mal_time_unix()));
    return MAL_OK;
}

static mal_err wrap_it(void) {
    static uint32_t version;
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    mal_kms_binding b = { .dataset = "d", .version = ++version };
    MAL_TRY(mal_kms_data_new(it.kms, &key, &b));
    MAL_TRY(mal_kms_data_key(it.kms, &key, &b));
    MAL_TRY(mal_kms_data_rewrap(it.kms, &b, room));
    MAL_TRY(mal_kms_data_destroy(it.kms, &b));
    return MAL_OK;
}

static mal_err pseudonym_it(void) {
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    mal_kms_part part;
    MAL_TRY(mal_kms_pseudonym_part(it.kms, &part, room));
    MAL_TRY(mal_kms_pseudonym_combine(it.kms, room, &part, 1));
    MAL_TRY(mal_kms_pseudonym_key(it.kms, &key, room));
    return MAL_OK;
}

static mal_err renew_it(void) {
    static uint64_t days;
    bool renewed;
    days += 40;
    MAL_TRY(mal_kms_renew(it.kms, mal_time_unix() + days * KMS_DAY, &renewed));
    CHECK(renewed);
    return MAL_OK;
}

static void fail_each(mal_err (*body)(void)) {
    for (uint64_t n = 1;; n++) {
        mal_alloc_fail_at(n);
        mal_err err = body();
        mal_alloc_fail_at(0);
        if (err == MAL_OK)
            return;
        CHECK_THAT(err == MAL_E_MEMORY, "%llu: %s", (unsigned long long)n,
                   mal_err_trail());
        CHECK(n < 1000);
    }
}

TEST(each_failing_allocation_is_reported_and_harmless) {
    party_make(&it, "acme");
    fail_each(create_it);
    fail_each(open_it);
    fail_each(state_it);
    fail_each(wrap_it);
    fail_each(pseudonym_it);
    fail_each(renew_it);
    party_reopen(&it);
    party_clear(&it);
}

TEST_MAIN
