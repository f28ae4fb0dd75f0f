/* vec_token.c - recorded tokens of Nitro, CCA and PSA: each flip of a bit, each
 * cut, each time.
 *
 * MAL_FLIPS=all flips every bit of the larger ones too (make flips). */
#include "cases.h"
#include "token_test.h"

#define FOLDER "attestation/"

typedef struct recorded {
    mal_tee_kind kind;
    const char *evidence, *key; /* key NULL: a root is the anchor */
    uint64_t time;              /* at which it is good */
    size_t stride;              /* bits between flips in a quick run */
} recorded;

#define NOW 1795305600 /* 2026-11-22: given keys have no time */
static const recorded good[] = {
    { MAL_TEE_NITRO, "nitro/veracruz-doc.cose", NULL, 1668034800, 131 },
    { MAL_TEE_NITRO, "nitro/evervault-valid-doc.cose", NULL, 1665651600, 997 },
    { MAL_TEE_CCA, "cca/tfm-cca-example-token.cbor",
      "cca/tfm-cca-platform.pub.pem", NOW, 61 },
    { MAL_TEE_CCA, "cca/tfm-cca-token.cbor", "cca/coco-cpak-pub.json", NOW,
      199 },
    { MAL_TEE_CCA, "cca/tfm-cca-example-token-legacy.cbor",
      "cca/tfm-cca-platform.pub.pem", NOW, 997 },
    { MAL_TEE_CCA, "cca/rust-token-01.cbor", "cca/tfm-cca-platform.pub.pem",
      NOW, 997 },
    { MAL_TEE_CCA, "cca/rust-token-02.cbor",
      "cca/veraison-services-cpak.pub.pem", NOW, 199 },
    { MAL_TEE_CCA, "cca/rust-token-draft-ffm-00.cbor",
      "cca/tfm-cca-platform.pub.pem", NOW, 997 },
    { MAL_TEE_CCA, "cca/veraison-rmm-cca-token.cbor",
      "cca/tfm-cca-platform.pub.pem", NOW, 997 },
    { MAL_TEE_CCA, "cca/veraison-services-good.cbor",
      "cca/veraison-services-cpak.pub.pem", NOW, 199 },
    { MAL_TEE_PSA, "psa/veraison-psa-2_0_0-sign1.cbor",
      "psa/veraison-tfm-key.pub.pem", NOW, 1 },
    { MAL_TEE_PSA, "psa/veraison-psa-iot-1-sign1.cbor",
      "psa/veraison-tfm-key.pub.pem", NOW, 1 },
    { MAL_TEE_PSA, "psa/tfm-iat.cbor", "psa/tfm-key.pub.pem", NOW, 1 },
};
#define GOOD (sizeof good / sizeof *good)

typedef struct loaded {
    mal_buf evidence, key_file;
    mal_bytes key_bytes;
    const mal_bytes *key;
    const char *anchor;
} loaded;

static void load_file(mal_buf *out, const char *name) {
    char path[256];
    snprintf(path, sizeof path, FOLDER "%s", name);
    CHECK_OK(mal_file_read(out, mal_test_vector(path), 1 << 20));
}

static void load(loaded *out, const recorded *from) {
    *out = (loaded){ .anchor = AWS_ROOT };
    load_file(&out->evidence, from->evidence);
    if (!from->key)
        return;
    load_file(&out->key_file, from->key);
    out->key_bytes = mal_buf_view(&out->key_file);
    out->key = &out->key_bytes;
    out->anchor = "given-key";
}

static void unload(loaded *one) {
    mal_buf_clear(&one->evidence);
    mal_buf_clear(&one->key_file);
}

static mal_tee_code code_at(const loaded *one, const recorded *from,
                            uint64_t time) {
    return code_of(from->kind, mal_buf_view(&one->evidence), one->key,
                   one->anchor, time);
}

static bool is_token(const mal_json *entry) {
    const char *kind = case_str(entry, "kind");
    return strcmp(kind, "nitro") == 0 || strcmp(kind, "cca") == 0 ||
           strcmp(kind, "psa") == 0;
}

TEST(published_tokens_have_their_published_verdicts) {
    MAL_AUTO(mal_json_auto) mal_json *list = case_list();
    const mal_json *all = mal_json_find(list, "vectors");
    size_t n = 0, wrong = 0;
    for (size_t i = 0; i < mal_json_len(all); i++) {
        const mal_json *entry = mal_json_at(all, i);
        mal_case one;
        if (!is_token(entry))
            continue;
        case_load(&one, entry);
        case_judge(&one);
        const char *answer = mal_tee_answer_name(one.verdict.answer);
        const char *code = mal_tee_code_name(one.verdict.code);
        n++;
        if (strcmp(answer, case_str(entry, "verdict")) != 0 ||
            strcmp(code, case_str(entry, "code")) != 0) {
            wrong++;
            printf("# %s: %s %s (%s)\n", case_str(entry, "id"), answer, code,
                   one.verdict.detail);
        }
        case_clear(&one);
    }
    printf("# %zu published tokens\n", n);
    CHECK_EQ(wrong, 0);
    CHECK(n >= 29);
}

TEST(every_recorded_token_is_accepted_at_its_time) {
    for (size_t i = 0; i < GOOD; i++) {
        loaded one;
        load(&one, &good[i]);
        mal_tee_code code = code_at(&one, &good[i], good[i].time);
        CHECK_THAT(code == MAL_TEE_OK, "%s: %s", good[i].evidence,
                   mal_tee_code_name(code));
        unload(&one);
    }
}

TEST(every_recorded_token_is_recognised) {
    for (size_t i = 0; i < GOOD; i++) {
        loaded one;
        recorded any = good[i];
        load(&one, &any);
        any.kind = MAL_TEE_ANY;
        CHECK_EQ(code_at(&one, &any, any.time), MAL_TEE_OK);
        unload(&one);
    }
}

TEST(no_kind_takes_the_token_of_another) {
    static const mal_tee_kind kinds[] = { MAL_TEE_NITRO, MAL_TEE_CCA,
                                          MAL_TEE_PSA };
    for (size_t i = 0; i < GOOD; i++)
        for (size_t k = 0; k < 3; k++) {
            loaded one;
            recorded other = good[i];
            load(&one, &other);
            other.kind = kinds[k];
            mal_tee_code code = code_at(&one, &other, other.time);
            CHECK((code == MAL_TEE_OK) == (kinds[k] == good[i].kind));
            unload(&one);
        }
}

/* The certificate of an enclave lives for three hours. */
TEST(a_nitro_document_is_judged_at_the_time_that_is_given) {
    static const uint64_t begin = 1668034317, end = 1668045120;
    loaded one;
    load(&one, &good[0]);
    CHECK_EQ(code_at(&one, &good[0], 0), MAL_TEE_NOT_YET_VALID);
    CHECK_EQ(code_at(&one, &good[0], begin - 1), MAL_TEE_NOT_YET_VALID);
    CHECK_EQ(code_at(&one, &good[0], begin), MAL_TEE_OK);
    CHECK_EQ(code_at(&one, &good[0], end), MAL_TEE_OK);
    CHECK_EQ(code_at(&one, &good[0], end + 1), MAL_TEE_EXPIRED);
    CHECK_EQ(code_at(&one, &good[0], NOW), MAL_TEE_EXPIRED);
    unload(&one);
}

static size_t flip_all(loaded *one, const recorded *from, size_t stride) {
    size_t accepted = 0;
    for (size_t bit = 0; bit < one->evidence.len * 8; bit += stride) {
        uint8_t mask = (uint8_t)(1u << (bit % 8));
        one->evidence.ptr[bit / 8] ^= mask;
        accepted += code_at(one, from, from->time) == MAL_TEE_OK;
        one->evidence.ptr[bit / 8] ^= mask;
    }
    return accepted;
}

/* Of the whole token, not of its signed regions only: nothing in it is idle. */
TEST(every_flip_of_a_bit_is_refused) {
    const char *all = getenv("MAL_FLIPS");
    for (size_t i = 0; i < GOOD; i++) {
        loaded one;
        load(&one, &good[i]);
        size_t accepted = flip_all(&one, &good[i], all ? 1 : good[i].stride);
        CHECK_THAT(accepted == 0, "%s: %zu", good[i].evidence, accepted);
        unload(&one);
    }
}

/* The DER inside a PEM text, in place. */
static void unwrap_pem(loaded *one) {
    const char *cstr;
    MAL_AUTO(mal_buf_clear) mal_buf line = { 0 };
    CHECK_OK(mal_buf_cstr(&one->key_file, &cstr));
    const char *at = strchr(cstr, '\n') + 1;
    for (; *at != '-'; at++)
        if (*at != '\n')
            CHECK_OK(mal_buf_put(&line, mal_bytes_of(at, 1)));
    mal_buf_reset(&one->key_file);
    CHECK_OK(mal_base64_decode(&one->key_file, mal_buf_view(&line)));
    one->key_bytes = mal_buf_view(&one->key_file);
}

TEST(every_flip_of_a_bit_of_a_given_key_is_refused) {
    const recorded *last = &good[GOOD - 1];
    loaded one;
    load(&one, last);
    unwrap_pem(&one);
    CHECK_EQ(code_at(&one, last, NOW), MAL_TEE_OK);
    for (size_t bit = 0; bit < one.key_file.len * 8; bit++) {
        uint8_t mask = (uint8_t)(1u << (bit % 8));
        one.key_file.ptr[bit / 8] ^= mask;
        mal_tee_code code = code_at(&one, last, NOW);
        one.key_file.ptr[bit / 8] ^= mask;
        CHECK_THAT(code == MAL_TEE_COLLATERAL_MISSING ||
                       code == MAL_TEE_BAD_SIGNATURE,
                   "bit %zu: %s", bit, mal_tee_code_name(code));
    }
    unload(&one);
}

TEST(every_cut_is_malformed) {
    for (size_t i = 0; i < GOOD; i++) {
        loaded one;
        load(&one, &good[i]);
        for (size_t len = 0; len < one.evidence.len; len++)
            CHECK_EQ(code_of(good[i].kind, mal_bytes_of(one.evidence.ptr, len),
                             one.key, one.anchor, good[i].time),
                     MAL_TEE_MALFORMED);
        unload(&one);
    }
}

TEST(a_byte_more_is_malformed) {
    for (size_t i = 0; i < GOOD; i++) {
        loaded one;
        load(&one, &good[i]);
        CHECK_OK(mal_buf_put_u8(&one.evidence, 0));
        CHECK_EQ(code_at(&one, &good[i], good[i].time), MAL_TEE_MALFORMED);
        unload(&one);
    }
}

static mal_tee_code code_for_nonce(const recorded *from, const char *hex) {
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new(MAL_TEE_ARENA_BYTES);
    uint8_t nonce[64];
    size_t len = strlen(hex) / 2;
    mal_tee_verdict verdict;
    loaded one;
    CHECK_OK(mal_hex_decode(nonce, len, hex));
    load(&one, from);
    mal_tee_input input = { .kind = from->kind,
                            .evidence = mal_buf_view(&one.evidence),
                            .endorsements = one.key,
                            .n_endorsements = one.key != NULL,
                            .time = from->time,
                            .nonce = mal_bytes_of(nonce, len),
                            .has_nonce = true };
    CHECK_OK(mal_tee_anchor_parse(&input.anchor, one.anchor));
    CHECK_OK(mal_tee_verify(&verdict, arena, &input));
    unload(&one);
    return verdict.code;
}

#define TFM_NONCE                                                              \
    "07060504030201000f0e0d0c0b0a09081716151413121110"                         \
    "1f1e1d1c1b1a1918"
#define NITRO_NONCE                                                            \
    "c678c86135de539d183acff58886d98d"                                         \
    "fb9823041af9f934bf909ac0f8d96245"
TEST(a_nonce_that_is_asked_for_is_there) {
    const recorded *nitro = &good[0], *psa = &good[GOOD - 1];
    CHECK_EQ(code_for_nonce(psa, TFM_NONCE), MAL_TEE_OK);
    CHECK_EQ(code_for_nonce(psa, TFM_NONCE "00"), MAL_TEE_NONCE);
    CHECK_EQ(code_for_nonce(psa, "07060504"), MAL_TEE_NONCE);
    CHECK_EQ(code_for_nonce(psa, ""), MAL_TEE_NONCE);
    CHECK_EQ(code_for_nonce(nitro, NITRO_NONCE), MAL_TEE_OK);
    CHECK_EQ(code_for_nonce(nitro, TFM_NONCE), MAL_TEE_NONCE);
    for (size_t i = 2; i < GOOD; i++) /* all bytes are 0x01: nobody's */
        CHECK_EQ(code_for_nonce(&good[i], "0101010101010101"), MAL_TEE_NONCE);
}

TEST(claims_are_those_of_the_token) {
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new(MAL_TEE_ARENA_BYTES);
    loaded one;
    load(&one, &good[0]);
    mal_tee_verdict verdict =
        judge(arena, MAL_TEE_NITRO, mal_buf_view(&one.evidence), NULL, AWS_ROOT,
              good[0].time);
    CHECK(verdict.authentic && !verdict.claims.debug);
    CHECK_EQ(verdict.claims.measurement.len, 48);
    CHECK_EQ(verdict.claims.measurement.ptr[0], 0x22);
    CHECK_EQ(verdict.claims.report_data.len, 32);
    CHECK_EQ(verdict.claims.not_before, 1668034317);
    CHECK_EQ(verdict.claims.not_after, 1668045120);
    CHECK(mal_tee_fact_find(&verdict.claims, "pcr-4"));
    CHECK(!mal_tee_fact_find(&verdict.claims, "pcr-8"));
    CHECK_EQ(mal_tee_fact_find(&verdict.claims, "timestamp-ms")->number,
             1668034320696);
    unload(&one);
}

TEST_MAIN
