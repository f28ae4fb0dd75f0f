/* refuse_log.c - what a log must not accept, sign or believe. */
#include "audit_test.h"

static const char *dir;

static mal_err open_as(mal_audit_log **log, const char *origin, uint8_t key) {
    mal_audit_signer s = signer_of(key);
    return mal_audit_log_open(log, dir, origin, &s);
}

static mal_audit_log *fresh(uint64_t n) {
    mal_audit_log *log;
    dir = mal_test_dir();
    CHECK_OK(open_as(&log, "malus/test", 5));
    for (uint64_t i = 0; i < n; i++) {
        mal_bytes entry = mal_bytes_of(&i, sizeof i);
        CHECK_OK(mal_audit_log_append(log, NULL, &entry, 1));
    }
    return log;
}

static const char *in_dir(const char *name) {
    static char path[2][4200];
    static int which;
    which ^= 1;
    snprintf(path[which], sizeof path[which], "%s/%s", dir, name);
    return path[which];
}

static void overwrite(const char *name, const char *text) {
    CHECK_OK(mal_file_write(in_dir(name), mal_bytes_str(text), 0644));
}

static void flip_byte(const char *name, size_t at) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    CHECK_OK(mal_file_read(&bytes, in_dir(name), 1 << 20));
    CHECK(at < bytes.len);
    bytes.ptr[at] ^= 1;
    CHECK_OK(mal_file_write(in_dir(name), mal_buf_view(&bytes), 0644));
}

TEST(refuses_a_second_opener) {
    mal_audit_log *log = fresh(1), *second;
    CHECK_ERR(open_as(&second, "malus/test", 5), MAL_E_STATE);
    mal_audit_log_close(log);
    CHECK_OK(open_as(&second, "malus/test", 5));
    mal_audit_log_close(second);
    CHECK_OK(mal_dir_remove(dir));
}

TEST(refuses_the_folder_of_another_log) {
    mal_audit_log *log = fresh(1);
    mal_audit_log_close(log);
    CHECK_ERR(open_as(&log, "malus/other", 5), MAL_E_STATE);
    CHECK(log == NULL);
    CHECK_OK(mal_dir_remove(dir));
}

TEST(refuses_an_origin_that_is_no_name) {
    mal_audit_log *log;
    dir = mal_test_dir();
    CHECK_ERR(open_as(&log, "two words", 5), MAL_E_INPUT);
    CHECK_ERR(open_as(&log, "", 5), MAL_E_INPUT);
    CHECK_ERR(open_as(&log, "a+b", 5), MAL_E_INPUT);
    CHECK_OK(mal_dir_remove(dir));
}

TEST(refuses_entries_too_long_and_batches_of_none) {
    mal_audit_log *log = fresh(2);
    uint8_t *big = calloc(1, MAL_AUDIT_ENTRY_MAX + 1);
    mal_bytes entries[] = { mal_bytes_of(big, 3),
                            mal_bytes_of(big, MAL_AUDIT_ENTRY_MAX + 1) };
    CHECK_ERR(mal_audit_log_append(log, NULL, entries, 2), MAL_E_LIMIT);
    CHECK_ERR(mal_audit_log_append(log, NULL, entries, 0), MAL_E_INPUT);
    CHECK_EQ(mal_audit_log_size(log), 2);
    entries[1].len = MAL_AUDIT_ENTRY_MAX;
    CHECK_OK(mal_audit_log_append(log, NULL, entries, 2));
    CHECK_EQ(mal_audit_log_size(log), 4);
    mal_audit_log_close(log);
    free(big);
    CHECK_OK(mal_dir_remove(dir));
}

TEST(refuses_to_prove_what_is_not_there) {
    mal_audit_log *log = fresh(4);
    mal_prim_hash path[MAL_AUDIT_PROOF_MAX], root;
    MAL_AUTO(mal_buf_clear) mal_buf entry = { 0 };
    size_t n;
    CHECK_ERR(mal_audit_log_prove(log, path, &n, 4, 4), MAL_E_INPUT);
    CHECK_ERR(mal_audit_log_prove(log, path, &n, 0, 5), MAL_E_INPUT);
    CHECK_ERR(mal_audit_log_prove_consistency(log, path, &n, 3, 5),
              MAL_E_INPUT);
    CHECK_ERR(mal_audit_log_prove_consistency(log, path, &n, 4, 3),
              MAL_E_INPUT);
    CHECK_ERR(mal_audit_log_root(log, &root, 5), MAL_E_INPUT);
    CHECK_ERR(mal_audit_log_read(log, &entry, 4), MAL_E_MISSING);
    mal_audit_log_close(log);
    CHECK_OK(mal_dir_remove(dir));
}

TEST(refuses_to_open_over_damage) {
    const struct {
        const char *file;
        size_t at;
    } damage[] = {
        { "tile/0/000.p/5", 0 },
        { "tile/0/000.p/5", 159 },
        { "tile/entries/000.p/5", 2 },
        { "tile/entries/000.p/5", 1 },
        { "signed", 12 },
        { "signed", 20 },
    };
    for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
        mal_audit_log *log = fresh(5);
        mal_audit_log_close(log);
        flip_byte(damage[i].file, damage[i].at);
        mal_err err = open_as(&log, "malus/test", 5);
        CHECK_THAT(err == MAL_E_IO || err == MAL_E_STATE, "damage %zu: %s", i,
                   mal_err_name(err));
        CHECK_OK(mal_dir_remove(dir));
    }
}

TEST(refuses_a_folder_of_which_part_was_put_back) {
    mal_audit_log *log = fresh(3);
    MAL_AUTO(mal_buf_clear) mal_buf old = { 0 };
    mal_bytes entry = mal_bytes_str("x");
    CHECK_OK(mal_file_read(&old, in_dir("signed"), 1 << 16));
    CHECK_OK(mal_audit_log_append(log, NULL, &entry, 1));
    mal_audit_log_close(log);
    CHECK_OK(mal_file_write(in_dir("signed"), mal_buf_view(&old), 0644));
    CHECK_ERR(open_as(&log, "malus/test", 5), MAL_E_IO);
    CHECK_OK(mal_file_remove(in_dir("signed")));
    CHECK_ERR(open_as(&log, "malus/test", 5), MAL_E_IO);
    CHECK_OK(mal_dir_remove(dir));
}

TEST(makes_a_lost_or_torn_checkpoint_again) {
    mal_audit_log *log = fresh(3);
    MAL_AUTO(mal_buf_clear) mal_buf was = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf now = { 0 };
    CHECK_OK(mal_audit_log_checkpoint(log, &was));
    mal_audit_log_close(log);
    overwrite("checkpoint", "torn");
    CHECK_OK(open_as(&log, "malus/test", 5));
    CHECK_OK(mal_audit_log_checkpoint(log, &now));
    CHECK_STR(text_of(&now), text_of(&was));
    mal_audit_log_close(log);
    CHECK_OK(mal_dir_remove(dir));
}

TEST(notices_that_it_is_behind_or_beside_what_a_peer_cosigned) {
    mal_audit_log *log = fresh(4);
    mal_prim_hash root, other = { { 1 } };
    CHECK_OK(mal_audit_log_root(log, &root, 3));
    CHECK_OK(mal_audit_log_continues(log, 3, &root));
    CHECK_ERR(mal_audit_log_continues(log, 5, &root), MAL_E_STATE);
    CHECK_ERR(mal_audit_log_continues(log, 3, &other), MAL_E_AUTH);
    mal_audit_log_close(log);
    CHECK_OK(mal_dir_remove(dir));
}

TEST(the_check_finds_what_does_not_follow_from_the_entries) {
    const char *const files[] = { "tile/0/000", "tile/1/000.p/1",
                                  "tile/0/001.p/4", "tile/entries/000",
                                  "tile/entries/001.p/4" };
    mal_bytes entries[260];
    for (int i = 0; i < 260; i++)
        entries[i] = mal_bytes_str("entry");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        mal_audit_log *log = fresh(0);
        CHECK_OK(mal_audit_log_append(log, NULL, entries, 260));
        mal_audit_vkey vkey = *mal_audit_log_vkey(log), wrong;
        mal_audit_log_close(log);
        CHECK_OK(mal_audit_log_check(dir, &vkey, NULL));
        CHECK_OK(
            mal_audit_vkey_make(&wrong, "malus/test", 1, signer_of(6).pub));
        CHECK_ERR(mal_audit_log_check(dir, &wrong, NULL), MAL_E_AUTH);
        flip_byte(files[i], 3);
        CHECK_ERR(mal_audit_log_check(dir, &vkey, NULL), MAL_E_AUTH);
        CHECK_OK(mal_dir_remove(dir));
    }
}

TEST(refuses_proof_texts_that_are_not_to_the_letter) {
    static const char *const bad[] = {
        "",
        "c2sp.org/tlog-proof@v2\nindex 0\n\nx\n",
        "c2sp.org/tlog-proof@v1\n",
        "c2sp.org/tlog-proof@v1\nindex\n\nx\n",
        "c2sp.org/tlog-proof@v1\nindex 01\n\nx\n",
        "c2sp.org/tlog-proof@v1\nindex -1\n\nx\n",
        "c2sp.org/tlog-proof@v1\nindex 9223372036854775808\n\nx\n",
        "c2sp.org/tlog-proof@v1\nindex 0\nshort\n\nx\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n",
        "c2sp.org/tlog-proof@v1\nextra ?\nindex 0\n\nx\n",
        "c2sp.org/tlog-proof@v1\r\nindex 0\n\nx\n",
    };
    mal_audit_proof proof;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_THAT(mal_audit_proof_parse(&proof, mal_bytes_str(bad[i])) ==
                       MAL_E_INPUT,
                   "taken: %s", bad[i]);
    CHECK_OK(mal_audit_proof_parse(
        &proof, mal_bytes_str("c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n"
                              "\nx\n")));
}

TEST(refuses_a_proof_with_too_few_witnesses_or_of_another_entry) {
    mal_audit_log *log = fresh(6);
    MAL_AUTO(mal_buf_clear) mal_buf note = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf line = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf entry = { 0 };
    mal_audit_signer a = signer_of(7), b = signer_of(8);
    mal_audit_vkey witnesses[2];
    mal_audit_note parsed;
    mal_audit_proof proof;
    bool by[2];
    CHECK_OK(mal_audit_vkey_make(&witnesses[0], "a", 4, a.pub));
    CHECK_OK(mal_audit_vkey_make(&witnesses[1], "b", 4, b.pub));
    CHECK_OK(mal_audit_log_checkpoint(log, &note));
    CHECK_OK(mal_audit_note_parse(&parsed, mal_buf_view(&note)));
    CHECK_OK(mal_audit_note_sign_line(&line, parsed.text, "a", &a, 77));
    CHECK_OK(mal_buf_put(&note, mal_buf_view(&line)));
    CHECK_OK(mal_audit_proof_make(&text, log, 2, mal_buf_view(&note)));
    CHECK_OK(mal_audit_proof_parse(&proof, mal_buf_view(&text)));
    CHECK_OK(mal_audit_log_read(log, &entry, 2));
    mal_audit_policy policy = { .log = *mal_audit_log_vkey(log),
                                .witnesses = witnesses,
                                .n_witnesses = 2,
                                .quorum = 1 };
    mal_bytes e = mal_buf_view(&entry);
    uint64_t times[2];
    CHECK_OK(mal_audit_proof_verify(NULL, by, times, &proof, e, &policy));
    CHECK(by[0] && !by[1] && times[0] == 77 && times[1] == 0);
    policy.quorum = 2;
    CHECK_ERR(mal_audit_proof_verify(NULL, by, NULL, &proof, e, &policy),
              MAL_E_AUTH);
    policy.quorum = 1;
    CHECK_ERR(mal_audit_proof_verify(NULL, by, NULL, &proof,
                                     mal_bytes_str("other"), &policy),
              MAL_E_AUTH);
    proof.index = 3;
    CHECK_ERR(mal_audit_proof_verify(NULL, by, NULL, &proof, e, &policy),
              MAL_E_AUTH);
    proof.index = 2;
    proof.n--;
    CHECK_ERR(mal_audit_proof_verify(NULL, by, NULL, &proof, e, &policy),
              MAL_E_AUTH);
    proof.n++;
    snprintf(policy.log.name, sizeof policy.log.name, "malus/other");
    CHECK_ERR(mal_audit_proof_verify(NULL, by, NULL, &proof, e, &policy),
              MAL_E_AUTH);
    mal_audit_log_close(log);
    CHECK_OK(mal_dir_remove(dir));
}

TEST_MAIN
