/* refuse_receipt.c - receipts that are false, in as many ways as we could find.
 */
#include "receipt_scene.h"

/* Make the bent scene, verify, and demand that the first failure speaks of
 * this. */
static void fails_with(scene *s, const char *words) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1 << 26);
    mal_audit_report report;
    scene_make(s);
    CHECK_OK(scene_verify(&report, arena, s, mal_buf_view(&s->json)));
    CHECK(!report.ok);
    CHECK_THAT(strstr(first_failure(&report), words), "it says: %s",
               first_failure(&report));
    scene_clear(s);
}

TEST(refuses_an_owner_who_committed_to_another_plan) {
    scene s;
    scene_init(&s);
    s.other_plan = 1;
    fails_with(&s, "same plan");
}

TEST(refuses_an_owner_of_another_job) {
    scene s;
    scene_init(&s);
    s.other_job = 2;
    fails_with(&s, "same job");
}

TEST(refuses_an_intent_that_one_owner_did_not_cosign) {
    scene s;
    scene_init(&s);
    s.no_cosign = 1;
    fails_with(&s, "every other owner cosigned");
}

TEST(refuses_a_statement_by_a_key_that_was_not_valid_then) {
    scene s;
    scene_init(&s);
    s.late_key = 0;
    fails_with(&s, "acme signed its intent");
}

TEST(refuses_an_intent_under_another_contract) {
    scene s;
    scene_init(&s);
    s.wrong_contract = 2;
    fails_with(&s, "another contract");
}

TEST(refuses_a_result_that_was_logged_before_its_intent) {
    scene s;
    scene_init(&s);
    s.result_first = true;
    fails_with(&s, "acme");
}

TEST(refuses_statements_from_the_future) {
    scene s;
    scene_init(&s);
    s.time = NOW + 900;
    fails_with(&s, "future");
}

/* --- Edited receipts ------------------------------------------------------ */

typedef void (*edit)(mal_json *o, const scene *s);

static void edited(edit change, const char *words) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1 << 26);
    MAL_AUTO(mal_json_auto) mal_json *o = NULL;
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    mal_audit_report report;
    scene s;
    scene_init(&s);
    scene_make(&s);
    CHECK_OK(mal_json_parse(&o, mal_buf_view(&s.json), 1 << 24));
    change(o, &s);
    CHECK_OK(mal_json_dump(&text, o));
    CHECK_OK(scene_verify(&report, arena, &s, mal_buf_view(&text)));
    CHECK(!report.ok);
    CHECK_THAT(strstr(first_failure(&report), words), "it says: %s",
               first_failure(&report));
    scene_clear(&s);
}

static mal_json *mutable(const mal_json *json) {
    return (mal_json *)(uintptr_t)json; /* the test owns the whole value */
}

static mal_json *part_of(mal_json *o, size_t i) {
    return mutable(mal_json_at(mal_json_find(o, "owners"), i));
}

static void other_engine(mal_json *o, const scene *s) {
    (void)s;
    mal_json_remove(o, "engine");
    CHECK_OK(mal_json_put_str(o, "engine", "tee"));
}
TEST(refuses_another_engine_than_was_intended) {
    edited(other_engine, "same engine");
}

static void less_leakage(mal_json *o, const scene *s) {
    (void)s;
    mal_json_remove_at(mutable(mal_json_find(o, "leakage")), 0);
}
TEST(refuses_a_receipt_that_hides_a_leakage) {
    edited(less_leakage, "same leakage");
}

static void more_proved(mal_json *o, const scene *s) {
    (void)s;
    mal_json_remove_at(mutable(mal_json_find(o, "not_proved")), 0);
}
TEST(refuses_a_receipt_that_drops_a_not_proved) {
    edited(more_proved, "same leakage");
}

static void no_retail(mal_json *o, const scene *s) {
    (void)s;
    mal_json_remove_at(mutable(mal_json_find(o, "owners")), 2);
}
TEST(refuses_a_receipt_without_one_owner) {
    edited(no_retail, "retail took part");
}

static void twice(mal_json *o, const scene *s) {
    (void)s;
    mal_json *list = mutable(mal_json_find(o, "owners"));
    CHECK_OK(mal_json_add(list, mal_json_at(list, 0)));
}
TEST(refuses_an_owner_who_speaks_twice) {
    edited(twice, "acme speaks");
}

static void analyst_speaks(mal_json *o, const scene *s) {
    mal_json *part = part_of(o, 0);
    (void)s;
    mal_json_remove(part, "party");
    CHECK_OK(mal_json_put_str(part, "party", "agency"));
}
TEST(refuses_an_analyst_in_the_place_of_an_owner) {
    edited(analyst_speaks, "agency speaks");
}

static void swapped_intents(mal_json *o, const scene *s) {
    mal_json *a = part_of(o, 0), *b = part_of(o, 1);
    MAL_AUTO(mal_json_auto)
    mal_json *ia = mal_json_ref(mal_json_find(a, "intent"));
    MAL_AUTO(mal_json_auto)
    mal_json *ib = mal_json_ref(mal_json_find(b, "intent"));
    (void)s;
    mal_json_remove(a, "intent");
    mal_json_remove(b, "intent");
    CHECK_OK(mal_json_put(a, "intent", ib));
    CHECK_OK(mal_json_put(b, "intent", ia));
}
TEST(refuses_the_intent_of_another_owner) {
    edited(swapped_intents, "acme signed its intent");
}

static void intent_as_result(mal_json *o, const scene *s) {
    mal_json *a = part_of(o, 0);
    MAL_AUTO(mal_json_auto)
    mal_json *i = mal_json_ref(mal_json_find(a, "intent"));
    (void)s;
    mal_json_remove(a, "result");
    CHECK_OK(mal_json_put(a, "result", i));
}
TEST(refuses_an_intent_in_the_place_of_a_result) {
    edited(intent_as_result, "acme signed its result");
}

static void result_s_proof(mal_json *o, const scene *s) {
    mal_json *a = part_of(o, 0);
    mal_json *i = mutable(mal_json_find(a, "intent"));
    const char *proof = str_of(mal_json_find(a, "result"), "proof");
    (void)s;
    mal_json_remove(i, "proof");
    CHECK_OK(mal_json_put_str(i, "proof", proof));
}
TEST(refuses_the_proof_of_another_entry) {
    edited(result_s_proof, "the intent of acme is entry");
}

static void no_keys(mal_json *o, const scene *s) {
    (void)s;
    mal_json *keys = mutable(mal_json_find(part_of(o, 1), "keys"));
    mal_json_remove_at(keys, 1);
    mal_json_remove_at(keys, 0);
}
TEST(refuses_an_owner_without_key_statements) {
    edited(no_keys, "faa signed its intent");
}

static void stolen_keys(mal_json *o, const scene *s) {
    mal_json *a = part_of(o, 0), *b = part_of(o, 1);
    MAL_AUTO(mal_json_auto)
    mal_json *keys = mal_json_ref(mal_json_find(b, "keys"));
    (void)s;
    mal_json_remove(a, "keys");
    CHECK_OK(mal_json_put(a, "keys", keys));
}
TEST(refuses_key_statements_of_another_identity) {
    edited(stolen_keys, "key 1 of acme");
}

static void other_answer(mal_json *o, const scene *s) {
    const mal_json *list = mal_json_find(o, "openings");
    (void)s;
    for (size_t i = 0; i < mal_json_len(list); i++) {
        mal_json *one = mutable(mal_json_at(list, i));
        if (strcmp(str_of(one, "name"), "answer") != 0)
            continue;
        mal_json_remove(one, "value");
        CHECK_OK(mal_json_put_base64(one, "value",
                                     mal_bytes_str("carrier,count\nAA,18\n")));
    }
}
TEST(refuses_another_answer_than_was_committed_to) {
    edited(other_answer, "opened \"answer\"");
}

static void unsigned_contract(mal_json *o, const scene *s) {
    MAL_AUTO(mal_buf_clear) mal_buf envelope = { 0 };
    mal_audit_signer two[] = { s->owners[0].identity, s->owners[1].identity };
    CHECK_OK(mal_audit_dsse_sign(&envelope, MAL_AUDIT_TYPE_ROOM,
                                 mal_bytes_str(contract_text), two, 2));
    mal_json_remove(o, "contract");
    CHECK_OK(mal_json_put_text(o, "contract", mal_buf_view(&envelope)));
}
TEST(refuses_a_contract_that_an_owner_did_not_sign) {
    edited(unsigned_contract, "retail, an owner, signed");
}

static void other_contract(mal_json *o, const scene *s) {
    MAL_AUTO(mal_buf_clear) mal_buf envelope = { 0 };
    mal_audit_signer all[] = { s->owners[0].identity, s->owners[1].identity,
                               s->owners[2].identity };
    CHECK_OK(mal_audit_dsse_sign(&envelope, MAL_AUDIT_TYPE_ROOM,
                                 mal_bytes_str("room \"x\" version 2\n"), all,
                                 3));
    mal_json_remove(o, "contract");
    CHECK_OK(mal_json_put_text(o, "contract", mal_buf_view(&envelope)));
}
TEST(refuses_a_contract_that_the_job_did_not_run_under) {
    edited(other_contract, "another contract");
}

TEST(refuses_any_changed_byte) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = NULL;
    uint64_t seed = mal_test_seed();
    scene s;
    scene_init(&s);
    scene_make(&s);
    unsigned unread = 0;
    for (int i = 0; i < 600; i++) {
        size_t at = mal_test_rand(&seed) % s.json.len;
        uint8_t was = s.json.ptr[at];
        uint8_t flip = (uint8_t)(1u << (mal_test_rand(&seed) % 8));
        mal_audit_report report;
        mal_arena_auto(&arena);
        arena = mal_arena_new(1 << 26);
        s.json.ptr[at] = was ^ flip;
        mal_err err = scene_verify(&report, arena, &s, mal_buf_view(&s.json));
        /* White space between members means nothing. */
        bool space = was == ' ' || was == '\n' || was == '\t';
        CHECK_THAT(err == MAL_E_INPUT || err == MAL_E_LIMIT ||
                       (err == MAL_OK && !report.ok) ||
                       (space && strchr(" \n\t\r", was ^ flip)),
                   "byte %zu, bit %u went unnoticed", at, flip);
        unread += err != MAL_OK;
        s.json.ptr[at] = was;
    }
    printf("# %u of 600 were no receipt any more\n", unread);
    scene_clear(&s);
}

TEST(refuses_what_is_no_receipt) {
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "{\"format\":\"malus.receipt/v2\"}",
        "{\"format\":\"malus.receipt/v1\"}",
        "{\"format\":\"malus.receipt/v1\",\"more\":1}",
    };
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1 << 26);
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    mal_audit_report report;
    scene s;
    scene_init(&s);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_ERR(scene_verify(&report, arena, &s, mal_bytes_str(bad[i])),
                  MAL_E_INPUT);
        CHECK_ERR(
            mal_audit_receipt_redact(&out, mal_bytes_str(bad[i]), NULL, 0),
            MAL_E_INPUT);
    }
    scene_clear(&s);
}

/* --- Envelopes, statements, key statements -------------------------------- */

TEST(refuses_an_envelope_with_a_wrong_signature_under_a_known_key) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1 << 20);
    MAL_AUTO(mal_buf_clear) mal_buf json = { 0 };
    mal_audit_signer a = signer_of(1), b = signer_of(2), both[2] = { a, b };
    mal_audit_dsse *dsse;
    uint8_t sig[64] = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    CHECK_OK(
        mal_audit_dsse_sign(&json, "t", mal_bytes_str("payload"), both, 2));
    CHECK_OK(mal_audit_dsse_parse(&dsse, arena, mal_buf_view(&json)));
    dsse->sigs[1].sig[5] ^= 1;
    CHECK_OK(mal_audit_dsse_verify(dsse, a.pub));
    CHECK_ERR(mal_audit_dsse_verify(dsse, b.pub), MAL_E_AUTH);
    memcpy(dsse->sigs[0].keyid, dsse->sigs[1].keyid, 65);
    CHECK_ERR(mal_audit_dsse_verify(dsse, a.pub), MAL_E_AUTH);
    CHECK_ERR(mal_audit_dsse_attach(&out, mal_buf_view(&json), a.pub, sig),
              MAL_E_AUTH);
    dsse->type = "u"; /* the type is signed */
    dsse->sigs[1].sig[5] ^= 1;
    CHECK_ERR(mal_audit_dsse_verify(dsse, b.pub), MAL_E_AUTH);
}

TEST(refuses_envelopes_and_statements_that_are_malformed) {
    static const char *const bad[] = {
        "{}",
        "{\"payload\":\"?\",\"payloadType\":\"t\",\"signatures\":[]}",
        "{\"payload\":\"\",\"payloadType\":1,\"signatures\":[]}",
        "{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":{}}",
        "{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":[{}]}",
        "{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":[],\"x\":0}",
        "{\"_type\":\"https://in-toto.io/Statement/v1\"}",
    };
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1 << 20);
    mal_audit_dsse *dsse;
    mal_audit_statement *s;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_ERR(mal_audit_dsse_parse(&dsse, arena, mal_bytes_str(bad[i])),
                  MAL_E_INPUT);
        CHECK_ERR(mal_audit_statement_parse(&s, arena, mal_bytes_str(bad[i])),
                  MAL_E_INPUT);
    }
}

TEST(refuses_names_that_are_no_words) {
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    mal_audit_field field = { "Job Id", "x" };
    mal_audit_statement s = { .kind = "intent",
                              .subject = "s",
                              .party = "acme",
                              .fields = &field,
                              .n_fields = 1 };
    CHECK_ERR(mal_audit_statement_encode(&out, &s), MAL_E_INPUT);
    field.name = "job";
    CHECK_OK(mal_audit_statement_encode(&out, &s));
    s.party = "";
    CHECK_ERR(mal_audit_statement_encode(&out, &s), MAL_E_INPUT);
    s.party = "acme";
    s.kind = "a/b";
    CHECK_ERR(mal_audit_statement_encode(&out, &s), MAL_E_INPUT);
}

TEST(refuses_key_statements_that_were_changed_or_make_no_sense) {
    mal_audit_signer id = signer_of(1), other = signer_of(2);
    mal_audit_key key = { .party = "acme",
                          .use = MAL_AUDIT_USE_NODE,
                          .suite = MAL_AUDIT_SUITE_ED25519,
                          .not_after = 20 },
                  back;
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    CHECK_OK(mal_audit_key_statement_sign(&bytes, &key, &id));
    CHECK_ERR(
        mal_audit_key_statement_verify(&back, mal_buf_view(&bytes), other.pub),
        MAL_E_AUTH);
    for (size_t i = 0; i < bytes.len; i++) {
        bytes.ptr[i] ^= 1;
        CHECK(mal_audit_key_statement_verify(&back, mal_buf_view(&bytes),
                                             id.pub) != MAL_OK);
        CHECK(back.party[0] == 0);
        bytes.ptr[i] ^= 1;
        CHECK(mal_audit_key_statement_verify(&back, mal_bytes_of(bytes.ptr, i),
                                             id.pub) != MAL_OK);
    }
    CHECK_OK(mal_buf_put_u8(&bytes, 0));
    CHECK_ERR(
        mal_audit_key_statement_verify(&back, mal_buf_view(&bytes), id.pub),
        MAL_E_INPUT);
    key.suite = MAL_AUDIT_SUITE_X25519;
    CHECK_ERR(mal_audit_key_statement_sign(&bytes, &key, &id), MAL_E_INPUT);
    key.suite = MAL_AUDIT_SUITE_ED25519;
    key.not_before = 21;
    CHECK_ERR(mal_audit_key_statement_sign(&bytes, &key, &id), MAL_E_INPUT);
    key.not_before = 0;
    snprintf(key.party, sizeof key.party, "a b");
    CHECK_ERR(mal_audit_key_statement_sign(&bytes, &key, &id), MAL_E_INPUT);
}

TEST_MAIN
