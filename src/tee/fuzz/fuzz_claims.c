/* fuzz_claims.c - any bytes as a token, and every signature is good: what lies
 * behind signatures is foreign, too.
 *
 * The linker puts the two functions below in the place of the real ones. */
#include <malus/json.h>
#include <malus/prim_cert.h>
#include <malus/tee.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
mal_err __wrap_mal_pubkey_verify(const mal_pubkey *key, mal_sig_alg alg,
                                 mal_bytes message, mal_bytes sig);
mal_cert_code __wrap_mal_cert_verify_path(const mal_cert_path *path,
                                          mal_cert_window *window);

mal_err __wrap_mal_pubkey_verify(const mal_pubkey *key, mal_sig_alg alg,
                                 mal_bytes message, mal_bytes sig) {
    (void)alg;
    (void)message;
    (void)sig;
    return key ? MAL_OK : MAL_E_AUTH;
}

mal_cert_code __wrap_mal_cert_verify_path(const mal_cert_path *path,
                                          mal_cert_window *window) {
    if (window)
        *window = (mal_cert_window){ 0, path->time };
    return MAL_CERT_OK;
}

/* A JSON Web Key: the generator of P-256. */
static const char generator[] =
    "{\"kty\":\"EC\",\"crv\":\"P-256\","
    "\"x\":\"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY\","
    "\"y\":\"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU\"}";

/* Whatever was vouched for can be told. */
static void judge(mal_tee_kind kind, mal_bytes evidence) {
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new(MAL_TEE_ARENA_BYTES);
    MAL_AUTO(mal_json_auto) mal_json *json = NULL;
    bool root = kind == MAL_TEE_NITRO;
    mal_bytes key = mal_bytes_str(generator);
    mal_tee_verdict verdict;
    const mal_tee_input input = {
        .kind = kind,
        .evidence = evidence,
        .endorsements = &key,
        .n_endorsements = 1,
        .anchor.kind = root ? MAL_TEE_ANCHOR_ROOT : MAL_TEE_ANCHOR_KEY,
        .time = 1767312000,
    };
    mal_err err = mal_tee_verify(&verdict, arena, &input);
    assert(err == MAL_OK);
    err = mal_tee_verdict_json(&json, &verdict);
    assert(err == MAL_OK);
    assert(verdict.answer == MAL_TEE_REJECT || verdict.authentic);
    assert(verdict.code != MAL_TEE_BAD_SIGNATURE &&
           verdict.code != MAL_TEE_COLLATERAL_MISSING);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mal_bytes bytes = mal_bytes_of(data, size);
    judge(MAL_TEE_NITRO, bytes);
    judge(MAL_TEE_CCA, bytes);
    judge(MAL_TEE_PSA, bytes);
    return 0;
}
