/* refuse_kms.c - what a party's keys do not do. */
#include "kms_test.h"

#include <sys/stat.h>

static const uint8_t room[32] = { 1, 2, 3 };

static void path_in(char out[4500], const party *p, const char *name) {
    snprintf(out, 4500, "%s/%s", p->dir, name);
}

TEST(refuse_to_create_over_keys) {
    MAL_AUTO(party_clear) party p = { 0 };
    uint8_t before[32], after[32];
    party_make(&p, "acme");
    mal_kms_identity(p.kms, before);
    CHECK_ERR(mal_kms_create(p.dir, "acme", mal_time_unix()), MAL_E_STATE);
    CHECK_ERR(mal_kms_create(p.dir, "other", mal_time_unix()), MAL_E_STATE);
    party_reopen(&p);
    mal_kms_identity(p.kms, after);
    CHECK(mal_equal(before, after, 32));
}

TEST(refuse_names_outside_of_the_syntax) {
    static const char *const names[] = {
        "",
        "Acme",
        "1acme",
        "-acme",
        "ac me",
        "a/b",
        "a\nb",
        "a.b",
        "\xc3\xa4",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    MAL_AUTO(party_clear) party p = { 0 };
    party_folder(&p);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        CHECK_ERR(mal_kms_create(p.dir, names[i], 1000000), MAL_E_INPUT);
    CHECK(!mal_file_exists(p.dir));
}

TEST(refuse_to_open_what_is_not_there) {
    MAL_AUTO(party_clear) party p = { 0 };
    party_folder(&p);
    CHECK_ERR(mal_kms_open(&p.kms, p.dir), MAL_E_MISSING);
    CHECK(p.kms == NULL);
}

TEST(refuse_folders_and_files_that_others_may_read) {
    static const char *const names[] = { "", "party", "node.1", "data",
                                         "rooms" };
    static const mode_t open_modes[] = { 0740, 0704, 0710, 0770 };
    MAL_AUTO(party_clear) party p = { 0 };
    party_make(&p, "acme");
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < 4; k++) {
            mal_kms *kms;
            char path[4500];
            struct stat st;
            path_in(path, &p, names[i]);
            CHECK(stat(path, &st) == 0 && chmod(path, open_modes[k]) == 0);
            CHECK_ERR(mal_kms_open(&kms, p.dir), MAL_E_DENIED);
            CHECK(chmod(path, st.st_mode & 07777) == 0);
        }
    party_reopen(&p);
}

TEST(refuse_key_files_behind_links) {
    MAL_AUTO(party_clear) party p = { 0 };
    char path[4500], moved[4500];
    mal_kms *kms;
    party_make(&p, "acme");
    path_in(path, &p, "party");
    path_in(moved, &p, "elsewhere");
    CHECK(rename(path, moved) == 0 && symlink(moved, path) == 0);
    CHECK_ERR(mal_kms_open(&kms, p.dir), MAL_E_DENIED);
}

TEST(refuse_each_flipped_byte_of_the_key_files) {
    static const char *const names[] = { "party", "node.1" };
    MAL_AUTO(party_clear) party p = { 0 };
    party_make(&p, "acme");
    for (size_t i = 0; i < 2; i++) {
        MAL_AUTO(mal_buf_clear) mal_buf file = { 0 };
        char path[4500];
        path_in(path, &p, names[i]);
        CHECK_OK(mal_file_read(&file, path, 1 << 16));
        for (size_t at = 0; at < file.len; at += 1 + file.len / 40) {
            mal_kms *kms;
            flip(path, at);
            CHECK_ERR(mal_kms_open(&kms, p.dir), MAL_E_AUTH);
            flip(path, at);
        }
        CHECK_OK(
            mal_file_write(path, mal_bytes_of(file.ptr, file.len / 2), 0600));
        mal_kms *kms;
        CHECK_ERR(mal_kms_open(&kms, p.dir), MAL_E_AUTH);
        CHECK_OK(mal_file_write(path, mal_buf_view(&file), 0600));
    }
    party_reopen(&p);
}

TEST(refuse_the_node_keys_of_another_party_or_epoch) {
    MAL_AUTO(party_clear) party a = { 0 };
    MAL_AUTO(party_clear) party b = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf file = { 0 };
    char from[4500], to[4500];
    mal_kms *kms;
    party_make(&a, "acme");
    party_make(&b, "retail");
    path_in(from, &a, "node.1");
    path_in(to, &b, "node.1");
    CHECK_OK(mal_file_read(&file, from, 1 << 16));
    CHECK_OK(mal_file_write(to, mal_buf_view(&file), 0600));
    CHECK_ERR(mal_kms_open(&kms, b.dir), MAL_E_AUTH);
    path_in(to, &a, "node.2");
    CHECK(rename(from, to) == 0);
    CHECK_ERR(mal_kms_open(&kms, a.dir), MAL_E_AUTH);
    CHECK(unlink(to) == 0);
    CHECK_ERR(mal_kms_open(&kms, a.dir), MAL_E_MISSING);
}

TEST(refuse_statements_of_others_for_others_and_out_of_time) {
    MAL_AUTO(party_clear) party a = { 0 };
    MAL_AUTO(party_clear) party b = { 0 };
    mal_kms_statement s, t;
    uint8_t id[32], other[32];
    party_make(&a, "acme");
    party_make(&b, "retail");
    mal_kms_identity(a.kms, id);
    mal_kms_identity(b.kms, other);
    CHECK_OK(mal_kms_statement_own(a.kms, &s, MAL_KMS_NODE));
    uint64_t now = mal_time_unix();
    CHECK_OK(mal_kms_statement_verify(&s, id, "acme", MAL_KMS_NODE, now));
    CHECK_ERR(mal_kms_statement_verify(&s, other, "acme", MAL_KMS_NODE, now),
              MAL_E_AUTH);
    CHECK_ERR(mal_kms_statement_verify(&s, id, "retail", MAL_KMS_NODE, now),
              MAL_E_AUTH);
    CHECK_ERR(mal_kms_statement_verify(&s, id, "acme", MAL_KMS_LOG, now),
              MAL_E_AUTH);
    CHECK_ERR(mal_kms_statement_verify(&s, id, "acme", MAL_KMS_HPKE, now),
              MAL_E_AUTH);
    CHECK_ERR(
        mal_kms_statement_verify(&s, id, "acme", MAL_KMS_NODE, s.not_after + 1),
        MAL_E_AUTH);
    CHECK_ERR(mal_kms_statement_verify(&s, id, "acme", MAL_KMS_NODE,
                                       s.not_before - 1),
              MAL_E_AUTH);
    t = s;
    t.not_after++; /* a longer life than was signed */
    CHECK_ERR(mal_kms_statement_verify(&t, id, "acme", MAL_KMS_NODE, now),
              MAL_E_AUTH);
    t = s;
    t.pub[0] ^= 1;
    CHECK_ERR(mal_kms_statement_verify(&t, id, "acme", MAL_KMS_NODE, now),
              MAL_E_AUTH);
    t = s;
    t.use = MAL_KMS_LOG; /* the same suite, another use */
    CHECK_ERR(mal_kms_statement_verify(&t, id, "acme", MAL_KMS_LOG, now),
              MAL_E_AUTH);
}

TEST(refuse_each_changed_byte_of_a_statement) {
    MAL_AUTO(party_clear) party p = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    mal_kms_statement s;
    uint8_t id[32];
    party_make(&p, "acme");
    mal_kms_identity(p.kms, id);
    CHECK_OK(mal_kms_statement_own(p.kms, &s, MAL_KMS_HPKE));
    CHECK_OK(mal_kms_statement_encode(&bytes, &s));
    uint64_t now = mal_time_unix();
    for (size_t i = 0; i < bytes.len; i++) {
        bytes.ptr[i] ^= 1;
        mal_err err = mal_kms_statement_decode(&s, mal_buf_view(&bytes));
        CHECK(err == MAL_OK || err == MAL_E_INPUT || err == MAL_E_LIMIT);
        if (err == MAL_OK)
            CHECK_ERR(
                mal_kms_statement_verify(&s, id, "acme", MAL_KMS_HPKE, now),
                MAL_E_AUTH);
        bytes.ptr[i] ^= 1;
        CHECK(mal_kms_statement_decode(&s, mal_bytes_of(bytes.ptr, i)) !=
              MAL_OK);
    }
    CHECK_OK(mal_buf_put_u8(&bytes, 0));
    CHECK_ERR(mal_kms_statement_decode(&s, mal_buf_view(&bytes)), MAL_E_INPUT);
}

TEST(refuse_to_state_an_identity_or_nonsense) {
    MAL_AUTO(party_clear) party p = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    mal_kms_statement good, s;
    party_make(&p, "acme");
    CHECK_ERR(mal_kms_statement_own(p.kms, &s, MAL_KMS_IDENTITY), MAL_E_INPUT);
    CHECK_OK(mal_kms_statement_own(p.kms, &good, MAL_KMS_NODE));
    s = good;
    s.suite = MAL_KMS_SUITE_X25519;
    CHECK_ERR(mal_kms_statement_encode(&out, &s), MAL_E_INPUT);
    s = good;
    s.epoch = 0;
    CHECK_ERR(mal_kms_statement_encode(&out, &s), MAL_E_INPUT);
    s = good;
    s.not_after = s.not_before;
    CHECK_ERR(mal_kms_statement_encode(&out, &s), MAL_E_INPUT);
    s = good;
    s.party[0] = 'A';
    CHECK_ERR(mal_kms_statement_encode(&out, &s), MAL_E_INPUT);
    CHECK_EQ(out.len, 0);
}

/* Else a contract of the right bytes would certify a stranger's key. */
TEST(refuse_to_sign_a_key_statement_as_a_message) {
    MAL_AUTO(party_clear) party p = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    mal_kms_statement s;
    uint8_t sig[64];
    party_make(&p, "acme");
    CHECK_OK(mal_kms_statement_own(p.kms, &s, MAL_KMS_NODE));
    CHECK_OK(mal_kms_statement_encode(&bytes, &s));
    CHECK_ERR(mal_kms_sign_identity(p.kms, sig,
                                    mal_bytes_of(bytes.ptr, bytes.len - 64)),
              MAL_E_DENIED);
    static const uint8_t der[] = { 0x30, 0x82, 1, 0, 0xa0, 3, 2, 1, 2 };
    CHECK_ERR(mal_kms_sign_identity(p.kms, sig, mal_bytes_of(der, sizeof der)),
              MAL_E_DENIED);
    CHECK_ERR(mal_kms_sign_identity(p.kms, sig, mal_bytes_str("DSSEv2 4")),
              MAL_E_DENIED);
    CHECK_ERR(mal_kms_sign_identity(p.kms, sig, mal_bytes_of(NULL, 0)),
              MAL_E_DENIED);
    CHECK_ERR(mal_kms_sign(p.kms, MAL_KMS_HPKE, sig, mal_bytes_str("m")),
              MAL_E_INPUT);
    CHECK_ERR(mal_kms_sign(p.kms, MAL_KMS_IDENTITY, sig, mal_bytes_str("m")),
              MAL_E_INPUT);
}

TEST(refuse_a_dataset_key_under_any_other_binding) {
    MAL_AUTO(party_clear) party p = { 0 };
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    mal_kms_binding b = { .dataset = "acme.customers", .version = 3 };
    mal_kms_binding c = b;
    memcpy(b.room, room, 32);
    party_make(&p, "acme");
    CHECK_OK(mal_kms_data_new(p.kms, &key, &b));
    CHECK_ERR(mal_kms_data_new(p.kms, &key, &b), MAL_E_STATE);
    CHECK_ERR(mal_kms_data_key(p.kms, &key, &c), MAL_E_MISSING); /* room 0 */
    c = b;
    c.version = 4;
    CHECK_ERR(mal_kms_data_key(p.kms, &key, &c), MAL_E_MISSING);
    c = b;
    c.dataset = "acme.customer";
    CHECK_ERR(mal_kms_data_key(p.kms, &key, &c), MAL_E_MISSING);
    c = b;
    c.contract[31] = 1;
    CHECK_ERR(mal_kms_data_key(p.kms, &key, &c), MAL_E_AUTH);
    CHECK_ERR(mal_kms_data_rewrap(p.kms, &c, room), MAL_E_AUTH);
    c.dataset = "";
    CHECK_ERR(mal_kms_data_key(p.kms, &key, &c), MAL_E_INPUT);
    CHECK_OK(mal_kms_data_key(p.kms, &key, &b));
}

/* The only file in data/. */
static void only_file(char out[4500], const party *p) {
    char command[4500];
    snprintf(command, sizeof command, "ls %s/data", p->dir);
    FILE *ls = popen(command, "r");
    char name[256];
    CHECK(ls && fscanf(ls, "%255s", name) == 1);
    pclose(ls);
    snprintf(out, 4500, "%s/data/%s", p->dir, name);
}

TEST(refuse_a_wrapped_key_that_was_altered_or_moved) {
    MAL_AUTO(party_clear) party p = { 0 };
    MAL_AUTO(party_clear) party q = { 0 };
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf file = { 0 };
    mal_kms_binding b = { .dataset = "acme.customers", .version = 3 };
    char path[4500], foreign[4500];
    party_make(&p, "acme");
    party_make(&q, "acme");
    CHECK_OK(mal_kms_data_new(p.kms, &key, &b));
    only_file(path, &p);
    CHECK_OK(mal_file_read(&file, path, 1 << 16));
    for (size_t i = 0; i < file.len; i++) {
        flip(path, i);
        CHECK_ERR(mal_kms_data_key(p.kms, &key, &b), MAL_E_AUTH);
        flip(path, i);
    }
    CHECK_OK(mal_kms_data_key(p.kms, &key, &b));
    /* another party's folder does not open it: another KEK */
    CHECK_OK(mal_kms_data_new(q.kms, &key, &b));
    only_file(foreign, &q);
    CHECK_OK(mal_file_write(foreign, mal_buf_view(&file), 0600));
    CHECK_ERR(mal_kms_data_key(q.kms, &key, &b), MAL_E_AUTH);
    CHECK(chmod(path, 0640) == 0);
    CHECK_ERR(mal_kms_data_key(p.kms, &key, &b), MAL_E_DENIED);
}

TEST(refuse_to_combine_without_us_twice_or_to_another_key) {
    MAL_AUTO(party_clear) party p = { 0 };
    mal_kms_part parts[3] = { 0 };
    party_make(&p, "acme");
    snprintf(parts[1].party, sizeof parts[1].party, "retail");
    CHECK_ERR(mal_kms_pseudonym_combine(p.kms, room, parts + 1, 1),
              MAL_E_INPUT); /* ours was not drawn */
    CHECK_OK(mal_kms_pseudonym_part(p.kms, &parts[0], room));
    CHECK_ERR(mal_kms_pseudonym_combine(p.kms, room, parts + 1, 1),
              MAL_E_INPUT);
    CHECK_ERR(mal_kms_pseudonym_combine(p.kms, room, parts, 0), MAL_E_INPUT);
    parts[0].bytes[0] ^= 1;
    CHECK_ERR(mal_kms_pseudonym_combine(p.kms, room, parts, 2), MAL_E_INPUT);
    parts[0].bytes[0] ^= 1;
    parts[2] = parts[1];
    parts[2].bytes[0] ^= 1;
    CHECK_ERR(mal_kms_pseudonym_combine(p.kms, room, parts, 3), MAL_E_INPUT);
    parts[2].party[0] = 0;
    CHECK_ERR(mal_kms_pseudonym_combine(p.kms, room, parts, 3), MAL_E_INPUT);
    CHECK_OK(mal_kms_pseudonym_combine(p.kms, room, parts, 2));
    parts[1].bytes[5] ^= 1;
    CHECK_ERR(mal_kms_pseudonym_combine(p.kms, room, parts, 2), MAL_E_STATE);
}

TEST(refuse_to_open_what_was_sealed_to_another) {
    MAL_AUTO(party_clear) party p = { 0 };
    MAL_AUTO(party_clear) party q = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf sealed = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    mal_bytes none = mal_bytes_of(NULL, 0), info = mal_bytes_str("job");
    uint8_t pub[32];
    party_make(&p, "acme");
    party_make(&q, "retail");
    mal_kms_pub(p.kms, MAL_KMS_HPKE, pub);
    CHECK_OK(mal_prim_hpke_seal(&sealed, pub, info, none, mal_bytes_str("x")));
    mal_bytes all = mal_buf_view(&sealed);
    CHECK_ERR(mal_kms_hpke_open(q.kms, &plain, info, none, all), MAL_E_AUTH);
    CHECK_ERR(mal_kms_hpke_open(p.kms, &plain, none, none, all), MAL_E_AUTH);
    CHECK_ERR(mal_kms_hpke_open(p.kms, &plain, info, info, all), MAL_E_AUTH);
    CHECK_EQ(plain.len, 0);
    CHECK_OK(mal_kms_hpke_open(p.kms, &plain, info, none, all));
}

TEST_MAIN
