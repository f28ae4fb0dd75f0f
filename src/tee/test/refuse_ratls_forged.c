/* refuse_ratls_forged.c - certificates with evidence of our own vendor's: each
 * way in which certificate, claims and quote do not belong together has its
 * code.  Everything that is not said is good. */
#include "dcap_forge.h"

#define EVIDENCE_OID "2.23.133.5.4.9"
enum { COAT = 10, OTHER_COAT = 11 };

typedef struct ratls {
    forge quote;
    /* the certificate */
    int signed_by, key;
    window life;
    const char *oid;
    bool pem, twice;
    /* the claims */
    unsigned alg;
    bool no_hash, hash_of_other, short_hash, no_map, same_claim_twice, more;
    const char *said_nonce;
    /* the evidence */
    unsigned tag; /* 0: none */
    unsigned items;
    bool tail, quote_is_text, indefinite, unbound, long_binding;
    /* judging */
    const char *nonce;
    bool no_collateral;
    mal_tee_verdict verdict;
} ratls;

static void ratls_init(ratls *r, unsigned version) {
    *r = (ratls){ .signed_by = COAT,
                  .key = COAT,
                  .life = { NOW - 5 * DAY, NOW + 5 * DAY },
                  .oid = EVIDENCE_OID,
                  .alg = 1,
                  .tag = 60000,
                  .items = 2 };
    forge_init(&r->quote, version);
}

/* --- CBOR --------------------------------------------------------------------
 */

static void put_head(mal_buf *out, unsigned major, size_t n) {
    uint8_t first = (uint8_t)(major << 5);
    if (n < 24) {
        CHECK_OK(mal_buf_put_u8(out, (uint8_t)(first | n)));
    } else if (n < 256) {
        CHECK_OK(mal_buf_put_u8(out, first | 24));
        CHECK_OK(mal_buf_put_u8(out, (uint8_t)n));
    } else {
        CHECK_OK(mal_buf_put_u8(out, first | 25));
        CHECK_OK(mal_buf_put_u8(out, (uint8_t)(n >> 8)));
        CHECK_OK(mal_buf_put_u8(out, (uint8_t)n));
    }
}

static void put_string(mal_buf *out, unsigned major, mal_bytes bytes) {
    put_head(out, major, bytes.len);
    CHECK_OK(mal_buf_put(out, bytes));
}
#define BYTES 2
#define TEXT 3
#define ARRAY 4
#define MAP 5
#define TAG 6

static void put_key_hash(mal_buf *out, const ratls *r) {
    MAL_AUTO(mal_buf_clear) mal_buf claim = { 0 };
    uint8_t hash[64], *spki = NULL;
    int which = r->hash_of_other ? OTHER_COAT : r->key;
    int len = i2d_PUBKEY(mal_vendor_key((unsigned)which), &spki);
    CHECK(len > 0);
    mal_bytes der = mal_bytes_of(spki, (size_t)len);
    if (r->alg == 8)
        mal_prim_sha512_of(hash, der);
    else if (r->alg == 7)
        mal_prim_sha384_of(hash, der);
    else
        mal_prim_sha256_of((mal_prim_hash *)hash, der);
    OPENSSL_free(spki);
    put_head(&claim, ARRAY, 2);
    put_head(&claim, 0, r->alg);
    put_string(&claim, BYTES,
               mal_bytes_of(hash, (r->alg == 8   ? 64u
                                   : r->alg == 7 ? 48u
                                                 : 32u) -
                                      r->short_hash));
    put_string(out, TEXT, mal_bytes_str("pubkey-hash"));
    put_string(out, BYTES, mal_buf_view(&claim));
}

static void make_claims(mal_buf *out, const ratls *r) {
    put_head(out, r->no_map ? ARRAY : MAP,
             (size_t)(!r->no_hash + r->same_claim_twice + r->more +
                      (r->said_nonce != NULL)) *
                 (r->no_map ? 2 : 1));
    if (!r->no_hash)
        put_key_hash(out, r);
    if (r->same_claim_twice)
        put_key_hash(out, r);
    if (r->more) {
        put_string(out, TEXT, mal_bytes_str("key_0"));
        put_string(out, BYTES, mal_bytes_str("value_0"));
    }
    if (r->said_nonce) {
        put_string(out, TEXT, mal_bytes_str("nonce"));
        put_string(out, BYTES, mal_bytes_str(r->said_nonce));
    }
}

static void make_evidence(mal_buf *out, const ratls *r, mal_bytes claims) {
    if (r->tag)
        put_head(out, TAG, r->tag);
    if (r->indefinite)
        CHECK_OK(mal_buf_put_u8(out, 0x9f));
    else
        put_head(out, ARRAY, r->items);
    put_string(out, r->quote_is_text ? TEXT : BYTES,
               mal_buf_view(&r->quote.quote));
    if (r->items > 1)
        put_string(out, BYTES, claims);
    if (r->items > 2)
        put_string(out, BYTES, claims);
    if (r->indefinite)
        CHECK_OK(mal_buf_put_u8(out, 0xff));
    if (r->tail)
        CHECK_OK(mal_buf_put_u8(out, 0));
}

/* --- Making and judging
 * --------------------------------------------------------
 */

static void bind_claims(ratls *r, mal_bytes claims) {
    uint8_t *data = r->quote.body + (r->quote.version > 3 ? 520 : 320);
    mal_prim_hash hash;
    mal_prim_sha256_of(&hash, claims);
    memset(data, 0, 64);
    memcpy(data, hash.b, 32);
    data[0] ^= r->unbound;
    data[63] = r->long_binding;
}

static void make_cert(mal_buf *out, const ratls *r, mal_bytes evidence) {
    MAL_AUTO(mal_buf_clear) mal_buf der = { 0 };
    mal_vendor_cert c = { .cn = "RATLS",
                          .issuer_cn = "RATLS",
                          .key = mal_vendor_key((unsigned)r->key),
                          .issuer_key = mal_vendor_key((unsigned)r->signed_by),
                          .from = r->life.from,
                          .to = r->life.to,
                          .serial = 1,
                          .oid = r->oid,
                          .extension = evidence };
    mal_vendor_issue(&der, &c);
    for (int i = 0; i < 1 + r->twice; i++)
        if (r->pem || r->twice)
            mal_vendor_pem(out, mal_buf_view(&der));
        else
            CHECK_OK(mal_buf_put(out, mal_buf_view(&der)));
}

static void make_all(ratls *r, mal_buf *cert, mal_prim_hash *anchor) {
    MAL_AUTO(mal_buf_clear) mal_buf root = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf chain = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf claims = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf evidence = { 0 };
    make_claims(&claims, r);
    bind_claims(r, mal_buf_view(&claims));
    put_root(&root, &r->quote, anchor);
    make_chain(&chain, &r->quote, &root);
    make_quote(&r->quote, &chain);
    make_collateral(&r->quote, &root);
    make_evidence(&evidence, r, mal_buf_view(&claims));
    make_cert(cert, r, mal_buf_view(&evidence));
}

static const char *ratls_judge(ratls *r) {
    MAL_AUTO(mal_buf_clear) mal_buf cert = { 0 };
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new(MAL_TEE_ARENA_BYTES);
    mal_tee_input input = { .kind = MAL_TEE_RATLS, .time = NOW };
    make_all(r, &cert, &input.anchor.hash);
    mal_bytes collateral = mal_buf_view(&r->quote.collateral);
    input.evidence = mal_buf_view(&cert);
    input.endorsements = &collateral;
    input.n_endorsements = !r->no_collateral;
    if (r->nonce) {
        input.nonce = mal_bytes_str(r->nonce);
        input.has_nonce = true;
    }
    CHECK_OK(mal_tee_verify(&r->verdict, arena, &input));
    mal_buf_clear(&r->quote.quote);
    mal_buf_clear(&r->quote.collateral);
    return mal_tee_code_name(r->verdict.code);
}

#define JUDGED(sentence, version, code, ...)                                   \
    TEST(sentence) {                                                           \
        static ratls r_;                                                       \
        ratls *r = &r_;                                                        \
        ratls_init(r, version);                                                \
        __VA_ARGS__                                                            \
        const char *found = ratls_judge(r);                                    \
        CHECK_THAT(strcmp(found, code) == 0, "%s, not %s: %s", found, code,    \
                   r->verdict.detail);                                         \
    }

static const window old = { NOW - 10 * DAY, NOW - DAY };
static const window young = { NOW + DAY, NOW + 10 * DAY };

/* --- Good ones ---------------------------------------------------------------
 */

JUDGED(a_certificate_with_an_sgx_quote_is_accepted, 3, "ok", )
JUDGED(a_certificate_with_a_tdx_v4_quote_is_accepted, 4, "ok", )
JUDGED(a_certificate_with_a_tdx_v5_quote_is_accepted, 5, "ok", )
JUDGED(a_certificate_as_pem_is_accepted, 3, "ok", r->pem = true;)
JUDGED(a_key_bound_by_sha384_is_accepted, 3, "ok", r->alg = 7;)
JUDGED(a_key_bound_by_sha512_is_accepted, 3, "ok", r->alg = 8;)
JUDGED(other_claims_are_idle, 3, "ok", r->more = true;)
JUDGED(the_claims_nonce_is_the_nonce, 3, "ok", r->said_nonce = "fresh";
       r->nonce = "fresh";)
JUDGED(a_platform_behind_is_warned_of, 3, "tcb", r->quote.svn[7] = 2;)

/* --- Bindings ----------------------------------------------------------------
 */

JUDGED(refuse_claims_about_another_key, 3, "binding", r->hash_of_other = true;)
JUDGED(refuse_a_hash_that_is_cut, 3, "binding", r->short_hash = true;)
JUDGED(refuse_a_quote_about_other_claims, 3, "binding", r->unbound = true;)
JUDGED(refuse_a_tdx_quote_about_other_claims, 5, "binding", r->unbound = true;)
JUDGED(refuse_report_data_with_more_than_the_hash, 4, "binding",
       r->long_binding = true;)
JUDGED(refuse_another_nonce, 3, "nonce", r->said_nonce = "stale";
       r->nonce = "fresh";)
JUDGED(refuse_a_certificate_that_says_no_nonce, 3, "nonce", r->nonce = "fresh";)
JUDGED(refuse_a_key_bound_by_another_hash, 3, "unsupported", r->alg = 2;)
JUDGED(refuse_a_certificate_that_another_key_signed, 3, "bad-signature",
       r->signed_by = OTHER_COAT;)
JUDGED(refuse_a_quote_by_a_stranger, 3, "bad-signature",
       r->quote.quote_key = STRANGER;)
JUDGED(refuse_a_processor_that_a_stranger_certified, 3, "bad-chain",
       r->quote.pck_by = STRANGER;)
JUDGED(refuse_without_collateral, 3, "collateral-missing",
       r->no_collateral = true;)

/* --- Form --------------------------------------------------------------------
 */

JUDGED(refuse_a_certificate_without_evidence, 3, "malformed",
       r->oid = "2.23.133.5.4.8";)
JUDGED(refuse_two_certificates, 3, "limit", r->twice = true;)
JUDGED(refuse_a_report_for_a_quote, 3, "not-remote-evidence", r->tag = 60001;)
JUDGED(refuse_a_tag_that_nobody_knows, 3, "unsupported", r->tag = 60003;)
JUDGED(refuse_evidence_without_a_tag, 3, "malformed", r->tag = 0;)
JUDGED(refuse_a_quote_without_claims, 3, "malformed", r->items = 1;)
JUDGED(refuse_a_quote_with_two_claims, 3, "malformed", r->items = 3;)
JUDGED(refuse_a_quote_as_text, 3, "malformed", r->quote_is_text = true;)
JUDGED(refuse_an_array_of_no_length, 3, "malformed", r->indefinite = true;)
JUDGED(refuse_a_byte_behind_the_evidence, 3, "malformed", r->tail = true;)
JUDGED(refuse_claims_without_the_key, 3, "malformed", r->no_hash = true;
       r->more = true;)
JUDGED(refuse_claims_that_are_no_map, 3, "malformed", r->no_map = true;)
JUDGED(refuse_a_claim_twice, 3, "malformed", r->same_claim_twice = true;)

/* --- Time and debugging
 * --------------------------------------------------------
 */

JUDGED(refuse_an_old_certificate, 3, "expired", r->life = old;)
JUDGED(refuse_a_certificate_of_tomorrow, 3, "not-yet-valid", r->life = young;)
JUDGED(refuse_a_quote_under_an_old_chain, 3, "expired",
       r->quote.pck_life = old;)
JUDGED(refuse_an_enclave_under_debug, 3, "debug", r->quote.body[48] = 2;)
JUDGED(refuse_a_td_under_debug, 4, "debug", r->quote.body[120] = 1;)
JUDGED(old_debugging_is_debugging, 3, "debug", r->quote.body[48] = 2;
       r->life = old; r->quote.pck_life = old;)
JUDGED(debugging_without_collateral_is_debugging, 3, "debug",
       r->quote.body[48] = 2;
       r->no_collateral = true;)

TEST_MAIN
