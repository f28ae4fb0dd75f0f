/* refuse_dcap.c - published quotes cut, flipped, stretched and moved in time.
 *
 * MAL_FLIPS=all flips each bit; otherwise one bit of each byte, or of some.
 */
#include "cases.h"

#define DAY 86400

/* The complete ones, at a time when they are accepted or warned of. */
static const char *const whole[] = { "sgx-dcapqvl", "tdx-dcapqvl-v4",
                                     "tdx-near-v4" };
#define WHOLE (sizeof whole / sizeof whole[0])

static bool flips_all(void) {
    const char *text = getenv("MAL_FLIPS");
    return text && strcmp(text, "all") == 0;
}

static bool refused(mal_case *c) {
    case_judge(c);
    return c->verdict.answer == MAL_TEE_REJECT;
}

/* The length of the quote proper; what follows is padding. */
static size_t quote_len(const mal_case *c) {
    const uint8_t *q = c->evidence.ptr;
    size_t at = 48 + (q[0] == 3 ? 384 : 584);
    return at + 4 + mal_load_u32le(q + at);
}

TEST(refuse_quotes_cut_at_each_byte) {
    MAL_AUTO(mal_json_auto) mal_json *list = case_list();
    for (size_t i = 0; i < WHOLE; i++) {
        MAL_AUTO(case_clear) mal_case c = { 0 };
        case_load(&c, case_find(list, whole[i]));
        size_t len = quote_len(&c);
        case_judge(&c);
        CHECK(c.verdict.answer != MAL_TEE_REJECT);
        c.input.evidence.len = len;
        CHECK(!refused(&c));
        while (len--) {
            c.input.evidence.len = len;
            CHECK(refused(&c));
            CHECK_EQ(c.verdict.code, MAL_TEE_MALFORMED);
        }
    }
}

TEST(what_follows_a_quote_is_never_read) {
    MAL_AUTO(mal_json_auto) mal_json *list = case_list();
    MAL_AUTO(case_clear) mal_case c = { 0 };
    case_load(&c, case_find(list, "tdx-dcapqvl-v4"));
    size_t len = quote_len(&c);
    CHECK(len < c.evidence.len);
    memset(c.evidence.ptr + len, 0xa5, c.evidence.len - len);
    CHECK(!refused(&c));
}

/* The certificates' text is an envelope: white space and the dashes around it
 * are nobody's. What it holds is flipped in prim (vec_cert.c). */
static size_t signed_len(const mal_case *c) {
    const char *dashes = memmem(c->evidence.ptr, c->evidence.len, "-----", 5);
    CHECK(dashes);
    return (size_t)((const uint8_t *)dashes - c->evidence.ptr);
}

TEST(refuse_quotes_with_a_bit_flipped_anywhere) {
    MAL_AUTO(mal_json_auto) mal_json *list = case_list();
    for (size_t i = 0; i < WHOLE; i++) {
        MAL_AUTO(case_clear) mal_case c = { 0 };
        case_load(&c, case_find(list, whole[i]));
        c.input.scope = MAL_TEE_SIGNATURES;
        c.input.n_endorsements = 0;
        CHECK(!refused(&c));
        size_t bits = signed_len(&c) * 8;
        for (size_t bit = i; bit < bits; bit += flips_all() ? 1 : 41) {
            c.evidence.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
            CHECK_THAT(refused(&c), "bit %zu of %s", bit, whole[i]);
            c.evidence.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

/* Is the flip one of a letter's case in hexadecimal, the same byte? */
static bool is_hex_case(const mal_buf *file, size_t bit) {
    uint8_t c = file->ptr[bit / 8] & 0xdf;
    return bit % 8 == 5 && c >= 'A' && c <= 'F';
}

/* Where the value of a member of the gathered collateral begins and ends. */
static void member(const mal_buf *file, const char *key, size_t *begin,
                   size_t *end) {
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\"", key);
    const uint8_t *at = memmem(file->ptr, file->len, quoted, strlen(quoted));
    CHECK(at);
    at = memchr(at + strlen(quoted), '"', 8);
    CHECK(at);
    *begin = (size_t)(at - file->ptr) + 1;
    for (*end = *begin; file->ptr[*end] != '"'; ++*end)
        *end += file->ptr[*end] == '\\';
}

static void flip_member(mal_case *c, const char *key, size_t step, bool hex) {
    mal_buf *file = &c->files[0];
    size_t begin, end;
    member(file, key, &begin, &end);
    for (size_t bit = begin * 8; bit < end * 8; bit += step) {
        if (hex && is_hex_case(file, bit))
            continue;
        file->ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK_THAT(refused(c), "bit %zu of %s", bit, key);
        file->ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

TEST(refuse_collateral_with_a_bit_flipped_anywhere) {
    MAL_AUTO(mal_json_auto) mal_json *list = case_list();
    for (size_t i = 0; i < WHOLE; i++) {
        MAL_AUTO(case_clear) mal_case c = { 0 };
        size_t step = flips_all() ? 1 : 331;
        case_load(&c, case_find(list, whole[i]));
        flip_member(&c, "tcb_info", step, false);
        flip_member(&c, "tcb_info_signature", step / 16 + 1, true);
        flip_member(&c, "qe_identity", step, false);
        flip_member(&c, "qe_identity_signature", step / 16 + 1, true);
        flip_member(&c, "root_ca_crl", step, true);
        flip_member(&c, "pck_crl", step, true);
        CHECK(!refused(&c));
    }
}

TEST(refuse_each_part_of_the_collateral_when_it_is_missing) {
    static const char *const parts[] = { "tcb_info\"", "qe_identity\"",
                                         "root_ca_crl\"", "pck_crl\"",
                                         "tcb_info_issuer_chain\"" };
    MAL_AUTO(mal_json_auto) mal_json *list = case_list();
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        MAL_AUTO(case_clear) mal_case c = { 0 };
        case_load(&c, case_find(list, "tdx-dcapqvl-v4"));
        uint8_t *at =
            memmem(c.files[0].ptr, c.files[0].len, parts[i], strlen(parts[i]));
        CHECK(at);
        *at = 'X';    /* another name */
        if (i == 4) { /* the signer's certificate comes with both */
            at = memmem(c.files[0].ptr, c.files[0].len,
                        "qe_identity_issuer_chain", 24);
            *at = 'X';
        }
        CHECK(refused(&c));
        CHECK_STR(mal_tee_code_name(c.verdict.code), "collateral-missing");
    }
}

TEST(a_quote_without_collateral_is_not_enough) {
    MAL_AUTO(mal_json_auto) mal_json *list = case_list();
    for (size_t i = 0; i < WHOLE; i++) {
        MAL_AUTO(case_clear) mal_case c = { 0 };
        case_load(&c, case_find(list, whole[i]));
        c.input.n_endorsements = 0;
        CHECK(refused(&c));
        CHECK_STR(mal_tee_code_name(c.verdict.code), "collateral-missing");
        CHECK(!c.verdict.authentic);
    }
}

TEST(each_quote_is_judged_before_inside_and_after_its_window) {
    MAL_AUTO(mal_json_auto) mal_json *list = case_list();
    for (size_t i = 0; i < WHOLE; i++) {
        MAL_AUTO(case_clear) mal_case c = { 0 };
        case_load(&c, case_find(list, whole[i]));
        CHECK(!refused(&c));
        uint64_t from = c.verdict.claims.not_before;
        uint64_t to = c.verdict.claims.not_after;
        CHECK(from && to - from <= 31 * DAY && c.input.time - from < 31 * DAY);
        c.input.time = from;
        CHECK(!refused(&c));
        c.input.time = to;
        CHECK(!refused(&c));
        c.input.time = from - 1;
        CHECK(refused(&c));
        CHECK_EQ(c.verdict.code, MAL_TEE_NOT_YET_VALID);
        c.input.time = to + 1;
        CHECK(refused(&c));
        CHECK_EQ(c.verdict.code, MAL_TEE_EXPIRED);
    }
}

TEST(refuse_another_anchor_and_keys_as_anchors) {
    MAL_AUTO(mal_json_auto) mal_json *list = case_list();
    MAL_AUTO(case_clear) mal_case c = { 0 };
    case_load(&c, case_find(list, "tdx-dcapqvl-v4"));
    c.input.anchor.hash.b[31] ^= 1;
    CHECK(refused(&c));
    CHECK_EQ(c.verdict.code, MAL_TEE_BAD_CHAIN);
    c.input.anchor.hash.b[31] ^= 1;
    c.input.anchor.kind = MAL_TEE_ANCHOR_KEY;
    CHECK(refused(&c));
    CHECK_EQ(c.verdict.code, MAL_TEE_BAD_CHAIN);
}

/* Each quote beside each other's collateral, at a time when that is good. */
TEST(refuse_quotes_beside_the_collateral_of_others) {
    MAL_AUTO(mal_json_auto) mal_json *list = case_list();
    for (size_t i = 0; i < WHOLE; i++)
        for (size_t j = 0; j < WHOLE; j++) {
            MAL_AUTO(case_clear) mal_case c = { 0 };
            MAL_AUTO(case_clear) mal_case other = { 0 };
            case_load(&c, case_find(list, whole[i]));
            case_load(&other, case_find(list, whole[j]));
            c.input.endorsements = other.endorsements;
            c.input.time = other.input.time;
            if (i == j) {
                CHECK(!refused(&c));
                continue;
            }
            CHECK(refused(&c));
            CHECK_STR(mal_tee_code_name(c.verdict.code),
                      i && j ? "fmspc-mismatch" : "collateral-kind");
        }
}

TEST(a_nonce_must_be_what_the_report_says) {
    MAL_AUTO(mal_json_auto) mal_json *list = case_list();
    MAL_AUTO(case_clear) mal_case c = { 0 };
    uint8_t nonce[65] = { 0 };
    case_load(&c, case_find(list, "tdx-dcapqvl-v4"));
    case_judge(&c);
    memcpy(nonce, c.verdict.claims.report_data.ptr, 64);
    c.input.has_nonce = true;
    c.input.nonce = mal_bytes_of(nonce, 64);
    CHECK(!refused(&c));
    nonce[63] ^= 1;
    CHECK(refused(&c));
    CHECK_EQ(c.verdict.code, MAL_TEE_NONCE);
    nonce[63] ^= 1;
    c.input.nonce.len = 65;
    CHECK(refused(&c));
    CHECK_EQ(c.verdict.code, MAL_TEE_NONCE);
}

TEST(refuse_the_same_collateral_twice_and_what_is_none) {
    MAL_AUTO(mal_json_auto) mal_json *list = case_list();
    MAL_AUTO(case_clear) mal_case c = { 0 };
    case_load(&c, case_find(list, "tdx-dcapqvl-v4"));
    c.endorsements[1] = c.endorsements[0];
    c.input.n_endorsements = 2;
    CHECK(refused(&c));
    CHECK_EQ(c.verdict.code, MAL_TEE_MALFORMED);
    static const char *const none[] = {
        "", "{", "{}", "[]", "0", "hello", "{\"tcbInfo\":1,\"signature\":2}"
    };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        c.endorsements[1] = mal_bytes_str(none[i]);
        CHECK(refused(&c));
        CHECK_EQ(c.verdict.code, MAL_TEE_MALFORMED);
    }
}

/* The complete log of a quote, without the padding behind it. */
static void load_log(mal_case *c, const mal_json *list) {
    case_load(c, case_find(list, "tdx-rtmr-replay"));
    while (c->files[0].ptr[c->files[0].len - 1] == 0xff)
        c->files[0].len--;
    c->endorsements[0] = mal_buf_view(&c->files[0]);
    CHECK(!refused(c));
}

TEST(refuse_an_event_log_that_is_cut) {
    MAL_AUTO(mal_json_auto) mal_json *list = case_list();
    MAL_AUTO(case_clear) mal_case c = { 0 };
    load_log(&c, list);
    for (size_t len = 0; len < c.files[0].len; len += 1 + len % 37) {
        c.endorsements[0].len = len;
        CHECK(refused(&c));
    }
}

/* Digest of SHA-384 alone, as this log has it: index, type, count, algorithm.
 */
TEST(refuse_an_event_log_with_any_digest_flipped) {
    MAL_AUTO(mal_json_auto) mal_json *list = case_list();
    MAL_AUTO(case_clear) mal_case c = { 0 };
    load_log(&c, list);
    uint8_t *log = c.files[0].ptr;
    size_t at = 32 + mal_load_u32le(log + 28), events = 0;
    while (at + 66 <= c.files[0].len) {
        CHECK_EQ(mal_load_u32le(log + at + 8), 1);
        if (mal_load_u32le(log + at + 4) != 3) {
            log[at + 14 + events] ^= 1;
            CHECK(refused(&c));
            CHECK_EQ(c.verdict.code, MAL_TEE_EVENTLOG_MISMATCH);
            log[at + 14 + events] ^= 1;
            events = (events + 1) % 48;
        }
        at += 66 + mal_load_u32le(log + at + 62);
    }
    CHECK(events > 30);
    CHECK(!refused(&c));
}

TEST(the_same_evidence_gives_the_same_text) {
    MAL_AUTO(mal_json_auto) mal_json *list = case_list();
    MAL_AUTO(mal_buf_clear) mal_buf first = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf second = { 0 };
    MAL_AUTO(case_clear) mal_case c = { 0 };
    case_load(&c, case_find(list, "sgx-dcapqvl"));
    for (unsigned i = 0; i < 2; i++) {
        MAL_AUTO(mal_json_auto) mal_json *json = NULL;
        case_judge(&c);
        CHECK_OK(mal_tee_verdict_json(&json, &c.verdict));
        CHECK_OK(mal_json_dump(i ? &second : &first, json));
    }
    CHECK(mal_bytes_same_vartime(mal_buf_view(&first), mal_buf_view(&second)));
    CHECK(mal_arena_used(c.arena) < 64 << 10);
}

TEST_MAIN
