/* unit_tee.c - names, anchors, and what nobody reads. */
#include "mal_test.h"

#include <malus/tee.h>

#define ROOT "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3"

TEST(names_of_kinds_and_scopes_are_read_back) {
    mal_tee_kind kind;
    mal_tee_scope scope;
    for (unsigned i = 0; i < MAL_TEE_KINDS; i++) {
        CHECK_OK(mal_tee_kind_parse(&kind, &scope,
                                    mal_tee_kind_name((mal_tee_kind)i)));
        CHECK_EQ(kind, i);
        CHECK_EQ(scope, MAL_TEE_FULL);
    }
    CHECK_OK(mal_tee_kind_parse(&kind, &scope, "tcb-level-only"));
    CHECK_EQ(kind, MAL_TEE_ANY);
    CHECK_EQ(scope, MAL_TEE_TCB_LEVEL);
    CHECK_ERR(mal_tee_kind_parse(&kind, &scope, "sgx-v4"), MAL_E_INPUT);
    CHECK_ERR(mal_tee_kind_parse(&kind, &scope, ""), MAL_E_INPUT);
}

TEST(anchors_are_a_root_s_hash_or_a_word) {
    mal_tee_anchor anchor;
    CHECK_OK(mal_tee_anchor_parse(&anchor, "intel-sgx-root:" ROOT));
    CHECK_EQ(anchor.kind, MAL_TEE_ANCHOR_ROOT);
    CHECK_STR(anchor.name, "intel-sgx-root");
    CHECK_EQ(anchor.hash.b[0], 0x44);
    CHECK_OK(mal_tee_anchor_parse(&anchor, "given-key"));
    CHECK_EQ(anchor.kind, MAL_TEE_ANCHOR_KEY);
    CHECK_OK(mal_tee_anchor_parse(&anchor, "enrolled-ak"));
    CHECK_EQ(anchor.kind, MAL_TEE_ANCHOR_AK);
    CHECK(!anchor.has_hash);
    CHECK_OK(mal_tee_anchor_parse(&anchor, "enrolled-ak:" ROOT));
    CHECK_EQ(anchor.kind, MAL_TEE_ANCHOR_AK);
    CHECK(anchor.has_hash);
    CHECK_ERR(mal_tee_anchor_parse(&anchor, "enrolled-ak:"), MAL_E_INPUT);
    CHECK_ERR(mal_tee_anchor_parse(&anchor, ROOT), MAL_E_INPUT);
    CHECK_ERR(mal_tee_anchor_parse(&anchor, ":" ROOT), MAL_E_INPUT);
    CHECK_ERR(mal_tee_anchor_parse(&anchor, "intel:44a0"), MAL_E_INPUT);
    CHECK_ERR(mal_tee_anchor_parse(&anchor, ""), MAL_E_INPUT);
}

TEST(what_nobody_recognises_is_refused_and_vouches_for_nothing) {
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new(MAL_TEE_ARENA_BYTES);
    MAL_AUTO(mal_json_auto) mal_json *json = NULL;
    mal_tee_verdict verdict;
    mal_tee_input input = { .evidence = mal_bytes_str("hello") };
    CHECK_OK(mal_tee_verify(&verdict, arena, &input));
    CHECK_EQ(verdict.answer, MAL_TEE_REJECT);
    CHECK_EQ(verdict.code, MAL_TEE_UNSUPPORTED);
    CHECK(!verdict.authentic);
    CHECK_OK(mal_tee_verdict_json(&json, &verdict));
    CHECK(!mal_json_find(json, "claims"));
}

TEST(refuse_evidence_and_endorsements_over_their_limits) {
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new(MAL_TEE_ARENA_BYTES);
    mal_bytes many[MAL_TEE_ENDORSEMENTS_MAX + 1] = { 0 };
    mal_tee_verdict verdict;
    mal_tee_input input = { .kind = MAL_TEE_TDX_V4,
                            .evidence = { (const uint8_t *)"x",
                                          MAL_TEE_EVIDENCE_MAX + 1 } };
    CHECK_OK(mal_tee_verify(&verdict, arena, &input));
    CHECK_EQ(verdict.code, MAL_TEE_LIMIT);
    input.evidence.len = 1;
    input.endorsements = many;
    input.n_endorsements = MAL_TEE_ENDORSEMENTS_MAX + 1;
    CHECK_OK(mal_tee_verify(&verdict, arena, &input));
    CHECK_EQ(verdict.code, MAL_TEE_LIMIT);
    input.n_endorsements = 1;
    many[0].len = MAL_TEE_ENDORSEMENT_MAX + 1;
    CHECK_OK(mal_tee_verify(&verdict, arena, &input));
    CHECK_EQ(verdict.code, MAL_TEE_LIMIT);
}

TEST(refuse_reports_that_only_their_own_machine_can_check) {
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new(MAL_TEE_ARENA_BYTES);
    uint8_t report[1024] = { 0x81 };
    mal_tee_verdict verdict;
    mal_tee_input input = { .evidence = mal_bytes_of(report, sizeof report) };
    CHECK_OK(mal_tee_verify(&verdict, arena, &input));
    CHECK_EQ(verdict.code, MAL_TEE_NOT_REMOTE_EVIDENCE);
    CHECK_STR(mal_tee_kind_name(verdict.claims.kind), "tdx-report");
}

TEST_MAIN
