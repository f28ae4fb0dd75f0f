/* fail_vtpm.c - the n-th allocation fails, for every n: the judgement ends as
 * out of memory, or is the same. */
#include "cases.h"

static void try_all(const char *id) {
    MAL_AUTO(mal_json_auto) mal_json *list = case_list();
    MAL_AUTO(case_clear) mal_case c = { 0 };
    case_load(&c, case_find(list, id));
    case_judge(&c);
    mal_tee_code code = c.verdict.code;
    for (uint64_t n = 1;; n++) {
        MAL_AUTO(mal_arena_auto)
        mal_arena *arena = mal_arena_new(MAL_TEE_ARENA_BYTES);
        CHECK(arena && n < 100000);
        uint64_t before = mal_alloc_count();
        mal_alloc_fail_at(n);
        mal_err err = mal_tee_verify(&c.verdict, arena, &c.input);
        mal_alloc_fail_at(0);
        if (err == MAL_OK) {
            CHECK_THAT(c.verdict.code == code, "allocation %llu: %s, not %s",
                       (unsigned long long)n, mal_tee_code_name(c.verdict.code),
                       mal_tee_code_name(code));
            if (mal_alloc_count() - before < n)
                break; /* none failed */
            continue;
        }
        CHECK(err == MAL_E_MEMORY || err == MAL_E_LIMIT);
        CHECK_EQ(c.verdict.answer, MAL_TEE_REJECT);
        CHECK(!c.verdict.claims.measurement.len);
    }
}

TEST(an_snp_report_survives_each_allocation_that_fails) {
    try_all("snp-genoa");
}

TEST(a_vlek_s_report_survives_each_allocation_that_fails) {
    try_all("snp-vlek");
}

TEST(a_tpm_quote_survives_each_allocation_that_fails) {
    try_all("tpm-local");
}

TEST(a_certificate_with_evidence_survives_each_allocation_that_fails) {
    try_all("ratls-gramine");
}

TEST_MAIN
