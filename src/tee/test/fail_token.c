/* fail_token.c - the n-th allocation fails while a token is judged, for every
 * n: no answer, or the answer; never another one, and nothing is lost. */
#include "token_test.h"

typedef struct sample {
    mal_tee_kind kind;
    const char *evidence, *key;
    uint64_t time;
} sample;

static void judge_starved(const mal_tee_input *input) {
    mal_err err = MAL_E_MEMORY;
    for (uint64_t n = 1; err != MAL_OK; n++) {
        MAL_AUTO(mal_arena_auto)
        mal_arena *arena = mal_arena_new(MAL_TEE_ARENA_BYTES);
        mal_tee_verdict verdict;
        uint64_t before = mal_alloc_count();
        mal_alloc_fail_at(n);
        err = mal_tee_verify(&verdict, arena, input);
        bool failed = mal_alloc_count() - before >= n;
        mal_alloc_fail_at(0);
        CHECK(err == MAL_OK || err == MAL_E_MEMORY || err == MAL_E_LIMIT);
        CHECK(failed == (err != MAL_OK) || verdict.code == MAL_TEE_OK);
        CHECK(err != MAL_OK || verdict.code == MAL_TEE_OK);
    }
}

static void starve(const sample *from) {
    MAL_AUTO(mal_buf_clear) mal_buf evidence = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf key = { 0 };
    mal_tee_input input = { .kind = from->kind, .time = from->time };
    CHECK_OK(
        mal_file_read(&evidence, mal_test_vector(from->evidence), 1 << 20));
    CHECK_OK(mal_tee_anchor_parse(&input.anchor,
                                  from->key ? "given-key" : AWS_ROOT));
    if (from->key)
        CHECK_OK(mal_file_read(&key, mal_test_vector(from->key), 1 << 20));
    mal_bytes given = mal_buf_view(&key);
    input.evidence = mal_buf_view(&evidence);
    input.endorsements = &given;
    input.n_endorsements = from->key != NULL;
    judge_starved(&input);
}

TEST(a_nitro_document_survives_each_failing_allocation) {
    starve(&(sample){ MAL_TEE_NITRO, "attestation/nitro/veracruz-doc.cose",
                      NULL, 1668034800 });
}

TEST(a_cca_token_and_a_jwk_survive_each_failing_allocation) {
    starve(&(sample){ MAL_TEE_CCA, "attestation/cca/tfm-cca-example-token.cbor",
                      "attestation/cca/coco-cpak-pub.json", 0 });
}

TEST(a_psa_token_survives_each_failing_allocation) {
    starve(&(sample){ MAL_TEE_PSA, "attestation/psa/tfm-iat.cbor",
                      "attestation/psa/tfm-key.pub.pem", 0 });
}

TEST_MAIN
