/* unit_receipt.c - envelopes, statements, commitments, and a receipt that
 * holds. */
#include "receipt_scene.h"

TEST(an_envelope_is_signed_as_dsse_says) {
    /* The example of the DSSE protocol text. */
    MAL_AUTO(mal_buf_clear) mal_buf pae = { 0 };
    CHECK_OK(mal_audit_pae(&pae, "http://example.com/HelloWorld",
                           mal_bytes_str("hello world")));
    CHECK_STR(text_of(&pae), "DSSEv1 29 http://example.com/HelloWorld 11 "
                             "hello world");
}

TEST(several_parties_sign_one_envelope_one_after_another) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1 << 20);
    MAL_AUTO(mal_buf_clear) mal_buf none = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf one = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf two = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf again = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf pae = { 0 };
    mal_audit_signer a = signer_of(1), b = signer_of(2);
    mal_audit_dsse *dsse;
    uint8_t sig[64];
    mal_bytes payload = mal_bytes_of("a\0b", 3);
    CHECK_OK(mal_audit_dsse_sign(&none, "t", payload, NULL, 0));
    CHECK_OK(mal_audit_dsse_cosign(&one, mal_buf_view(&none), &a));
    CHECK_OK(mal_audit_pae(&pae, "t", payload));
    CHECK_OK(mal_prim_sign(sig, b.sec, mal_buf_view(&pae)));
    CHECK_OK(mal_audit_dsse_attach(&two, mal_buf_view(&one), b.pub, sig));
    CHECK_OK(mal_audit_dsse_parse(&dsse, arena, mal_buf_view(&two)));
    CHECK_EQ(dsse->n, 2);
    CHECK(mal_bytes_same_vartime(dsse->payload, payload));
    CHECK_OK(mal_audit_dsse_verify(dsse, a.pub));
    CHECK_OK(mal_audit_dsse_verify(dsse, b.pub));
    CHECK_ERR(mal_audit_dsse_verify(dsse, signer_of(3).pub), MAL_E_AUTH);
    /* signing twice replaces */
    CHECK_OK(mal_audit_dsse_cosign(&again, mal_buf_view(&two), &a));
    CHECK_STR(text_of(&again), text_of(&two));
}

TEST(a_statement_comes_back_and_has_one_text) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1 << 20);
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf again = { 0 };
    const mal_audit_field fields[] = { { "b", "two" }, { "a", "one \"1\"" } };
    mal_audit_commitment c = { .name = "plan", .hash = { { 5 } } };
    mal_audit_statement s = { .kind = "intent",
                              .subject = "job 7",
                              .party = "acme",
                              .time = 1800000000,
                              .fields = fields,
                              .n_fields = 2,
                              .commitments = &c,
                              .n_commitments = 1 };
    mal_audit_statement *back;
    memset(s.room, 1, 32);
    memset(s.contract, 2, 32);
    CHECK_OK(mal_audit_statement_encode(&text, &s));
    CHECK(strstr(text_of(&text), "\"predicateType\":\"https://malus.dev/"
                                 "attestation/intent/v1\""));
    CHECK_OK(mal_audit_statement_parse(&back, arena, mal_buf_view(&text)));
    CHECK_STR(back->kind, "intent");
    CHECK_STR(back->subject, "job 7");
    CHECK_STR(mal_audit_statement_field(back, "a"), "one \"1\"");
    CHECK(mal_audit_statement_field(back, "c") == NULL);
    CHECK(mal_audit_statement_commitment(back, "plan")->b[0] == 5);
    CHECK_OK(mal_audit_statement_encode(&again, back));
    CHECK_STR(text_of(&again), text_of(&text));
}

TEST(a_commitment_binds_name_salt_and_value) {
    uint8_t salt[32] = { 1 }, other[32] = { 2 };
    mal_prim_hash a, b;
    mal_audit_commit(&a, "plan", salt, mal_bytes_str("x"));
    mal_audit_commit(&b, "plan", salt, mal_bytes_str("x"));
    CHECK(mal_equal(a.b, b.b, 32));
    mal_audit_commit(&b, "plan", other, mal_bytes_str("x"));
    CHECK(!mal_equal(a.b, b.b, 32));
    mal_audit_commit(&b, "plan", salt, mal_bytes_str("y"));
    CHECK(!mal_equal(a.b, b.b, 32));
    mal_audit_commit(&b, "plam", salt, mal_bytes_str("x"));
    CHECK(!mal_equal(a.b, b.b, 32));
}

TEST(a_key_statement_comes_back) {
    mal_audit_signer id = signer_of(1);
    mal_audit_key key = { .party = "acme",
                          .use = MAL_AUDIT_USE_HPKE,
                          .suite = MAL_AUDIT_SUITE_X25519,
                          .epoch = 3,
                          .pub = { 9 },
                          .not_before = 10,
                          .not_after = 20 };
    mal_audit_key back;
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    CHECK_OK(mal_audit_key_statement_sign(&bytes, &key, &id));
    CHECK_OK(
        mal_audit_key_statement_verify(&back, mal_buf_view(&bytes), id.pub));
    CHECK_STR(back.party, "acme");
    CHECK(back.use == key.use && back.epoch == 3 && back.pub[0] == 9);
    CHECK(mal_audit_key_valid_at(&back, 10) &&
          mal_audit_key_valid_at(&back, 20));
    CHECK(!mal_audit_key_valid_at(&back, 9) &&
          !mal_audit_key_valid_at(&back, 21));
}

TEST(a_true_receipt_holds_and_still_says_what_is_not_proved) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1 << 26);
    mal_audit_report report;
    scene s;
    scene_init(&s);
    scene_make(&s);
    uint64_t start = mal_time_monotonic_ns();
    CHECK_OK(scene_verify(&report, arena, &s, mal_buf_view(&s.json)));
    uint64_t took = mal_time_monotonic_ns() - start;
    if (!report.ok)
        print_report(&report);
    CHECK_THAT(report.ok, "%s", first_failure(&report));
    CHECK(report.not_proved.n >= 5);
    CHECK(report.n_claims >= 25);
    CHECK_STR(report.engine, "sum malicious");
    printf("# %zu claims in %llu us\n", report.n_claims,
           (unsigned long long)(took / 1000));
    CHECK(took < 50 * 1000000ull);
    scene_clear(&s);
}

TEST(a_verifier_that_knows_the_identities_says_so) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1 << 26);
    mal_audit_report report;
    uint8_t trusted[OWNERS][32];
    scene s;
    scene_init(&s);
    scene_make(&s);
    for (int i = 0; i < OWNERS; i++)
        memcpy(trusted[i], s.owners[i].identity.pub, 32);
    CHECK_OK(mal_audit_receipt_verify(
        &report, arena, mal_buf_view(&s.json), s.parties, OWNERS + 1, s.room,
        (const uint8_t(*)[32])trusted, OWNERS, NOW));
    CHECK_THAT(report.ok, "%s", first_failure(&report));
    CHECK_OK(mal_audit_receipt_verify(&report, arena, mal_buf_view(&s.json),
                                      s.parties, OWNERS + 1, s.room,
                                      (const uint8_t(*)[32])trusted, 2, NOW));
    CHECK(!report.ok);
    CHECK(strstr(first_failure(&report), "retail"));
    scene_clear(&s);
}

TEST(a_redacted_receipt_still_holds_and_no_longer_shows) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1 << 26);
    MAL_AUTO(mal_buf_clear) mal_buf some = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf all = { 0 };
    const char *names[] = { "answer", "debit" };
    mal_audit_report report;
    mal_audit_receipt *r;
    scene s;
    scene_init(&s);
    scene_make(&s);
    CHECK_OK(mal_audit_receipt_redact(&some, mal_buf_view(&s.json), names, 2));
    CHECK_OK(mal_audit_receipt_parse(&r, arena, mal_buf_view(&some)));
    CHECK_EQ(r->n_openings, 2);
    CHECK_OK(scene_verify(&report, arena, &s, mal_buf_view(&some)));
    CHECK_THAT(report.ok, "%s", first_failure(&report));
    CHECK_OK(mal_audit_receipt_redact(&all, mal_buf_view(&some), NULL, 0));
    CHECK_OK(scene_verify(&report, arena, &s, mal_buf_view(&all)));
    CHECK_THAT(report.ok, "%s", first_failure(&report));
    CHECK_OK(mal_audit_receipt_parse(&r, arena, mal_buf_view(&all)));
    CHECK_EQ(r->n_openings, 0);
    scene_clear(&s);
}

TEST(owners_with_salts_of_their_own_agree_by_their_openings_only) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1 << 26);
    MAL_AUTO(mal_buf_clear) mal_buf closed = { 0 };
    const char *names[] = { "plan" };
    mal_audit_report report;
    bool said = false;
    scene s;
    scene_init(&s);
    s.own_salts = true;
    scene_make(&s);
    CHECK_OK(scene_verify(&report, arena, &s, mal_buf_view(&s.json)));
    CHECK_THAT(report.ok, "%s", first_failure(&report));
    CHECK_OK(
        mal_audit_receipt_redact(&closed, mal_buf_view(&s.json), names, 1));
    CHECK_OK(scene_verify(&report, arena, &s, mal_buf_view(&closed)));
    CHECK_THAT(report.ok, "%s", first_failure(&report));
    for (size_t i = 0; i < report.not_proved.n; i++)
        said |= strstr(report.not_proved.line[i], "same plan") != NULL;
    CHECK(said);
    scene_clear(&s);
}

TEST_MAIN
