/* unit_kms.c - what a party's keys do. */
#include "kms_test.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const uint8_t room[32] = { 1, 2, 3 };

TEST(a_party_is_the_same_after_reopening) {
    MAL_AUTO(party_clear) party p = { 0 };
    uint8_t id[32], node[32], hpke[32], log[32], again[32];
    party_make(&p, "acme");
    CHECK_STR(mal_kms_party(p.kms), "acme");
    mal_kms_identity(p.kms, id);
    mal_kms_pub(p.kms, MAL_KMS_NODE, node);
    mal_kms_pub(p.kms, MAL_KMS_HPKE, hpke);
    mal_kms_pub(p.kms, MAL_KMS_LOG, log);
    uint8_t first = mal_kms_node_secret(p.kms)->ptr[7];
    party_reopen(&p);
    mal_kms_identity(p.kms, again);
    CHECK(mal_equal(id, again, 32));
    mal_kms_pub(p.kms, MAL_KMS_IDENTITY, again);
    CHECK(mal_equal(id, again, 32));
    mal_kms_pub(p.kms, MAL_KMS_NODE, again);
    CHECK(mal_equal(node, again, 32));
    mal_kms_pub(p.kms, MAL_KMS_HPKE, again);
    CHECK(mal_equal(hpke, again, 32));
    mal_kms_pub(p.kms, MAL_KMS_LOG, again);
    CHECK(mal_equal(log, again, 32));
    CHECK_EQ(first, mal_kms_node_secret(p.kms)->ptr[7]);
    CHECK_EQ(mal_kms_node_secret(p.kms)->len, 32);
    CHECK(mal_kms_key(p.kms, MAL_KMS_HPKE) == NULL);
}

TEST(files_are_closed_to_everybody_else) {
    MAL_AUTO(party_clear) party p = { 0 };
    static const char *const names[] = { "", "/party", "/node.1", "/data",
                                         "/rooms" };
    party_make(&p, "acme");
    for (size_t i = 0; i < 5; i++) {
        char path[4200];
        struct stat st;
        snprintf(path, sizeof path, "%s%s", p.dir, names[i]);
        CHECK(stat(path, &st) == 0);
        CHECK_EQ(st.st_mode & 07777, S_ISDIR(st.st_mode) ? 0700 : 0600);
    }
}

TEST(statements_verify_for_party_use_and_time) {
    MAL_AUTO(party_clear) party p = { 0 };
    uint8_t id[32], pub[32];
    uint64_t now = mal_time_unix();
    party_make(&p, "acme");
    mal_kms_identity(p.kms, id);
    for (int use = MAL_KMS_NODE; use <= MAL_KMS_HPKE; use++) {
        MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
        MAL_AUTO(mal_buf_clear) mal_buf again = { 0 };
        mal_kms_statement s, t;
        CHECK_OK(mal_kms_statement_own(p.kms, &s, (mal_kms_use)use));
        CHECK_OK(mal_kms_statement_encode(&bytes, &s));
        CHECK(bytes.len <= MAL_KMS_STATEMENT_MAX);
        CHECK_OK(mal_kms_statement_decode(&t, mal_buf_view(&bytes)));
        CHECK_OK(
            mal_kms_statement_verify(&t, id, "acme", (mal_kms_use)use, now));
        mal_kms_pub(p.kms, (mal_kms_use)use, pub);
        CHECK(mal_equal(pub, t.pub, 32));
        CHECK_OK(mal_kms_statement_encode(&again, &t));
        CHECK(
            mal_bytes_same_vartime(mal_buf_view(&bytes), mal_buf_view(&again)));
    }
}

TEST(node_and_log_keys_sign_what_their_statements_name) {
    MAL_AUTO(party_clear) party p = { 0 };
    mal_kms_statement s;
    uint8_t sig[64], id[32];
    mal_bytes message = mal_bytes_str("DSSEv1 4 text 2 hi");
    party_make(&p, "acme");
    mal_kms_identity(p.kms, id);
    CHECK_OK(mal_kms_statement_own(p.kms, &s, MAL_KMS_NODE));
    CHECK_OK(mal_kms_sign(p.kms, MAL_KMS_NODE, sig, message));
    CHECK_OK(mal_prim_verify(sig, s.pub, message));
    CHECK_OK(mal_kms_statement_own(p.kms, &s, MAL_KMS_LOG));
    CHECK_OK(mal_kms_sign(p.kms, MAL_KMS_LOG, sig, message));
    CHECK_OK(mal_prim_verify(sig, s.pub, message));
    CHECK_OK(mal_kms_sign_identity(p.kms, sig, message));
    CHECK_OK(mal_prim_verify(sig, id, message));
}

TEST(certificates_chain_to_the_identity) {
    MAL_AUTO(party_clear) party p = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf node = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf identity = { 0 };
    uint8_t id[32], pub[32], key[32];
    party_make(&p, "acme");
    mal_kms_identity(p.kms, id);
    CHECK_OK(mal_kms_cert_node(p.kms, &node));
    CHECK_OK(mal_kms_cert_identity(p.kms, &identity));
    CHECK_OK(mal_prim_cert_check(mal_buf_view(&node), id, mal_time_unix()));
    CHECK_OK(mal_prim_cert_key(pub, mal_buf_view(&node)));
    mal_kms_pub(p.kms, MAL_KMS_NODE, key);
    CHECK(mal_equal(pub, key, 32));
    CHECK_OK(mal_prim_cert_key(pub, mal_buf_view(&identity)));
    CHECK(mal_equal(pub, id, 32));
}

TEST(renewal_comes_when_due_and_old_seals_open_until_expiry) {
    MAL_AUTO(party_clear) party p = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf sealed = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    mal_bytes none = mal_bytes_of(NULL, 0);
    uint8_t pub[32], id[32];
    uint64_t now = mal_time_unix();
    bool renewed;
    mal_kms_statement s;
    party_make(&p, "acme");
    mal_kms_identity(p.kms, id);
    mal_kms_pub(p.kms, MAL_KMS_HPKE, pub);
    CHECK_OK(mal_prim_hpke_seal(&sealed, pub, none, none, mal_bytes_str("x")));
    const mal_key *old = mal_kms_key(p.kms, MAL_KMS_NODE);

    CHECK_OK(mal_kms_renew(p.kms, now + 19 * KMS_DAY, &renewed));
    CHECK(!renewed);
    CHECK_OK(mal_kms_renew(p.kms, now + 21 * KMS_DAY, &renewed));
    CHECK(renewed);
    CHECK(mal_kms_key(p.kms, MAL_KMS_NODE) != old && old->len == 64);
    CHECK_OK(mal_kms_statement_own(p.kms, &s, MAL_KMS_NODE));
    CHECK_EQ(s.epoch, 2);
    CHECK_OK(mal_kms_statement_verify(&s, id, "acme", MAL_KMS_NODE,
                                      now + 50 * KMS_DAY));
    party_reopen(&p);
    CHECK_OK(
        mal_kms_hpke_open(p.kms, &plain, none, none, mal_buf_view(&sealed)));

    CHECK_OK(mal_kms_renew(p.kms, now + 31 * KMS_DAY, &renewed));
    CHECK(!renewed); /* but the first epoch is erased */
    party_reopen(&p);
    CHECK_ERR(
        mal_kms_hpke_open(p.kms, &plain, none, none, mal_buf_view(&sealed)),
        MAL_E_AUTH);
    CHECK_OK(mal_kms_statement_own(p.kms, &s, MAL_KMS_HPKE));
    CHECK_EQ(s.epoch, 2);
}

TEST(dataset_keys_come_back_and_follow_an_amendment) {
    MAL_AUTO(party_clear) party p = { 0 };
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    MAL_AUTO(mal_key_clear) mal_key back = { 0 };
    mal_kms_binding b = { .dataset = "acme.customers",
                          .version = 3,
                          .contract = { 9 } };
    const uint8_t next[32] = { 10 };
    memcpy(b.room, room, 32);
    party_make(&p, "acme");
    CHECK_OK(mal_kms_data_new(p.kms, &key, &b));
    CHECK_EQ(key.len, 32);
    party_reopen(&p);
    CHECK_OK(mal_kms_data_key(p.kms, &back, &b));
    CHECK(mal_equal(key.ptr, back.ptr, 32));
    CHECK_OK(mal_kms_data_rewrap(p.kms, &b, next));
    CHECK_OK(mal_kms_data_rewrap(p.kms, &b, next)); /* again is fine */
    CHECK_ERR(mal_kms_data_key(p.kms, &back, &b), MAL_E_AUTH);
    memcpy(b.contract, next, 32);
    CHECK_OK(mal_kms_data_key(p.kms, &back, &b));
    CHECK(mal_equal(key.ptr, back.ptr, 32));
    CHECK_OK(mal_kms_data_destroy(p.kms, &b));
    CHECK_OK(mal_kms_data_destroy(p.kms, &b));
    CHECK_ERR(mal_kms_data_key(p.kms, &back, &b), MAL_E_MISSING);
}

TEST(owners_agree_on_one_pseudonym_key_in_any_order) {
    MAL_AUTO(party_clear) party a = { 0 };
    MAL_AUTO(party_clear) party b = { 0 };
    MAL_AUTO(mal_key_clear) mal_key ka = { 0 };
    MAL_AUTO(mal_key_clear) mal_key kb = { 0 };
    mal_kms_part parts[2], swapped[2], again;
    mal_prim_hash ca, cb;
    const uint8_t other[32] = { 4 };
    party_make(&a, "acme");
    party_make(&b, "retail");
    CHECK_OK(mal_kms_pseudonym_part(a.kms, &parts[0], room));
    CHECK_OK(mal_kms_pseudonym_part(b.kms, &parts[1], room));
    party_reopen(&a);
    CHECK_OK(mal_kms_pseudonym_part(a.kms, &again, room));
    CHECK(mal_equal(again.bytes, parts[0].bytes, 32));
    CHECK_ERR(mal_kms_pseudonym_key(a.kms, &ka, room), MAL_E_STATE);
    swapped[0] = parts[1];
    swapped[1] = parts[0];
    CHECK_OK(mal_kms_pseudonym_combine(a.kms, room, parts, 2));
    CHECK_OK(mal_kms_pseudonym_combine(b.kms, room, swapped, 2));
    CHECK_OK(mal_kms_pseudonym_combine(b.kms, room, parts, 2)); /* again */
    CHECK_OK(mal_kms_pseudonym_key(a.kms, &ka, room));
    CHECK_OK(mal_kms_pseudonym_key(b.kms, &kb, room));
    CHECK(mal_equal(ka.ptr, kb.ptr, 32));
    CHECK_OK(mal_kms_pseudonym_commitment(a.kms, &ca, room));
    CHECK_OK(mal_kms_pseudonym_commitment(b.kms, &cb, room));
    CHECK(mal_equal(ca.b, cb.b, 32) && !mal_equal(ca.b, ka.ptr, 32));
    CHECK_ERR(mal_kms_pseudonym_commitment(b.kms, &cb, other), MAL_E_STATE);
    CHECK_OK(mal_kms_pseudonym_destroy(a.kms, room));
    CHECK_OK(mal_kms_pseudonym_destroy(a.kms, room));
    CHECK_ERR(mal_kms_pseudonym_key(a.kms, &ka, room), MAL_E_STATE);
}

/* A child is killed at a random moment: the folder is absent, or a party. */
TEST(a_create_that_is_killed_is_whole_or_absent) {
    MAL_AUTO(party_clear) party p = { 0 };
    uint64_t seed = mal_test_seed();
    int absent = 0, whole = 0;
    party_folder(&p);
    for (int i = 0; i < 40; i++) {
        char dir[4200];
        int status;
        snprintf(dir, sizeof dir, "%s/k%d", p.root, i);
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0)
            _exit(mal_kms_create(dir, "acme", 1000000) != MAL_OK);
        usleep((useconds_t)(mal_test_rand(&seed) % 12000));
        kill(pid, SIGKILL);
        CHECK(waitpid(pid, &status, 0) == pid);
        if (!mal_file_exists(dir)) {
            absent++;
            continue;
        }
        CHECK_OK(mal_kms_open(&p.kms, dir));
        mal_kms_close(p.kms);
        p.kms = NULL;
        whole++;
    }
    printf("# %d absent, %d whole\n", absent, whole);
}

/* The same for destroying: afterwards the key is there, or it is not. */
TEST(a_destruction_that_is_killed_is_done_by_the_next_open) {
    MAL_AUTO(party_clear) party p = { 0 };
    uint64_t seed = mal_test_seed() + 1;
    int there = 0, gone = 0;
    party_make(&p, "acme");
    for (uint32_t i = 1; i <= 40; i++) {
        MAL_AUTO(mal_key_clear) mal_key key = { 0 };
        mal_kms_binding b = { .dataset = "d", .version = i };
        int status;
        CHECK_OK(mal_kms_data_new(p.kms, &key, &b));
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0)
            _exit(mal_kms_data_destroy(p.kms, &b) != MAL_OK);
        usleep((useconds_t)(mal_test_rand(&seed) % 3000));
        kill(pid, SIGKILL);
        CHECK(waitpid(pid, &status, 0) == pid);
        party_reopen(&p);
        mal_err err = mal_kms_data_key(p.kms, &key, &b);
        CHECK(err == MAL_OK || err == MAL_E_MISSING);
        *(err == MAL_OK ? &there : &gone) += 1;
    }
    printf("# %d there, %d gone\n", there, gone);
}

TEST_MAIN
