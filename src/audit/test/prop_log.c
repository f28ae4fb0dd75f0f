/* prop_log.c - the log against RFC 6962 in plain recursion, and reopening it.
 */
#include "audit_test.h"

#define N 700
#define BATCH 2048

static mal_prim_hash leaves[N + 1];

static void entry_at(mal_buf *out, uint64_t i) {
    mal_buf_reset(out);
    CHECK_OK(mal_buf_put_fmt(out, "entry %llu ", (unsigned long long)i));
    for (uint64_t k = 0; k < i % 37; k++)
        CHECK_OK(mal_buf_put_u8(out, (uint8_t)(k * i)));
}

static mal_audit_log *open_log(const char *dir) {
    mal_audit_signer s = signer_of(3);
    mal_audit_log *log;
    CHECK_OK(mal_audit_log_open(&log, dir, "malus/test", &s));
    return log;
}

static void append_to(mal_audit_log *log, uint64_t upto, uint64_t batch) {
    uint64_t at = mal_audit_log_size(log);
    while (at < upto) {
        mal_buf bufs[BATCH] = { 0 };
        mal_bytes views[BATCH];
        uint64_t n = 0, first;
        for (; n < batch && at + n < upto; n++) {
            entry_at(&bufs[n], at + n);
            views[n] = mal_buf_view(&bufs[n]);
            if (at + n <= N)
                mal_prim_merkle_leaf(&leaves[at + n], views[n]);
        }
        CHECK_OK(mal_audit_log_append(log, &first, views, n));
        CHECK(first == at);
        at += n;
        for (uint64_t i = 0; i < n; i++)
            mal_buf_clear(&bufs[i]);
    }
}

static void check_head(mal_audit_log *log) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    mal_audit_note note;
    mal_audit_checkpoint cp;
    mal_prim_hash root;
    CHECK_OK(mal_audit_log_checkpoint(log, &bytes));
    CHECK_OK(mal_audit_note_parse(&note, mal_buf_view(&bytes)));
    CHECK_OK(
        mal_audit_note_verify(NULL, NULL, &note, mal_audit_log_vkey(log), 1));
    CHECK_OK(mal_audit_checkpoint_parse(&cp, note.text));
    CHECK(cp.size == mal_audit_log_size(log));
    mal_prim_merkle_root(&root, leaves, (size_t)cp.size);
    CHECK(mal_equal(root.b, cp.root.b, 32));
}

TEST(every_root_entry_and_proof_is_rfc_6962_s) {
    const char *dir = mal_test_dir();
    mal_audit_log *log = open_log(dir);
    MAL_AUTO(mal_buf_clear) mal_buf entry = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf wanted = { 0 };
    uint64_t seed = mal_test_seed();
    check_head(log); /* of the empty log */
    append_to(log, 3, 1);
    append_to(log, 255, 100);
    append_to(log, 256, 1);
    append_to(log, 257, 1);
    append_to(log, N, 290);
    check_head(log);
    for (uint64_t size = 1; size <= N; size += 1 + size / 40) {
        mal_prim_hash path[MAL_AUDIT_PROOF_MAX], root, other;
        size_t n;
        CHECK_OK(mal_audit_log_root(log, &root, size));
        mal_prim_merkle_root(&other, leaves, (size_t)size);
        CHECK(mal_equal(root.b, other.b, 32));
        for (int k = 0; k < 20; k++) {
            uint64_t i = mal_test_rand(&seed) % size;
            CHECK_OK(mal_audit_log_prove(log, path, &n, i, size));
            CHECK_OK(mal_prim_merkle_verify_inclusion(&root, size, &leaves[i],
                                                      i, path, n));
            uint64_t old = 1 + mal_test_rand(&seed) % size;
            CHECK_OK(mal_audit_log_prove_consistency(log, path, &n, old, size));
            mal_prim_merkle_root(&other, leaves, (size_t)old);
            CHECK_OK(mal_prim_merkle_verify_consistency(&other, old, &root,
                                                        size, path, n));
        }
    }
    for (uint64_t i = 0; i < N; i += 7) {
        mal_buf_reset(&entry);
        CHECK_OK(mal_audit_log_read(log, &entry, i));
        entry_at(&wanted, i);
        CHECK(mal_bytes_same_vartime(mal_buf_view(&entry),
                                     mal_buf_view(&wanted)));
    }
    mal_audit_log_close(log);
    CHECK_OK(mal_dir_remove(dir));
}

TEST(a_log_reopened_at_any_size_goes_on_and_checks) {
    const char *dir = mal_test_dir();
    mal_audit_vkey vkey;
    uint64_t size = 0;
    for (uint64_t upto = 1; upto <= 530;
         upto += upto < 250 ? 83 : 1 + upto % 9) {
        mal_audit_log *log = open_log(dir);
        append_to(log, upto, 64);
        check_head(log);
        vkey = *mal_audit_log_vkey(log);
        mal_audit_log_close(log);
        CHECK_OK(mal_audit_log_check(dir, &vkey, &size));
        CHECK(size == upto);
    }
    CHECK_OK(mal_dir_remove(dir));
}

TEST(a_log_of_three_levels_is_read_through_its_tiles) {
    const char *dir = mal_test_dir();
    mal_audit_log *log = open_log(dir);
    append_to(log, 65536 + 300, BATCH);
    uint64_t size = mal_audit_log_size(log);
    mal_audit_tree tree = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf entry = { 0 };
    mal_prim_hash root, head, path[MAL_AUDIT_PROOF_MAX], leaf;
    size_t n;
    for (uint64_t i = 0; i < size; i++) {
        entry_at(&entry, i);
        mal_audit_tree_add(&tree, mal_buf_view(&entry));
    }
    mal_audit_tree_root(&tree, &root);
    CHECK_OK(mal_audit_log_root(log, &head, size));
    CHECK(mal_equal(root.b, head.b, 32));
    for (uint64_t i = 0; i < size; i += 997) {
        entry_at(&entry, i);
        mal_prim_merkle_leaf(&leaf, mal_buf_view(&entry));
        CHECK_OK(mal_audit_log_prove(log, path, &n, i, size));
        CHECK_OK(
            mal_prim_merkle_verify_inclusion(&root, size, &leaf, i, path, n));
        CHECK_OK(mal_audit_log_root(log, &head, i + 1));
        CHECK_OK(mal_audit_log_prove_consistency(log, path, &n, i + 1, size));
        CHECK_OK(mal_prim_merkle_verify_consistency(&head, i + 1, &root, size,
                                                    path, n));
    }
    mal_audit_vkey vkey = *mal_audit_log_vkey(log);
    mal_audit_log_close(log);
    CHECK_OK(mal_audit_log_check(dir, &vkey, &size));
    CHECK_OK(mal_dir_remove(dir));
}

TEST(published_cosignatures_stay_with_the_head_until_it_grows) {
    const char *dir = mal_test_dir();
    mal_audit_log *log = open_log(dir);
    MAL_AUTO(mal_buf_clear) mal_buf note = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf line = { 0 };
    mal_audit_note parsed;
    mal_audit_signer s = signer_of(4);
    append_to(log, 5, 5);
    CHECK_OK(mal_audit_log_checkpoint(log, &note));
    CHECK_OK(mal_audit_note_parse(&parsed, mal_buf_view(&note)));
    CHECK_OK(mal_audit_note_sign_line(&line, parsed.text, "w", &s, 9));
    CHECK_OK(mal_audit_log_publish(log, 5, mal_buf_view(&line)));
    CHECK_ERR(mal_audit_log_publish(log, 4, mal_buf_view(&line)), MAL_E_STATE);
    CHECK_ERR(mal_audit_log_publish(log, 5, mal_bytes_str("nonsense\n")),
              MAL_E_INPUT);
    mal_audit_log_close(log);
    log = open_log(dir);
    mal_buf_reset(&note);
    CHECK_OK(mal_audit_log_checkpoint(log, &note));
    CHECK(strstr(text_of(&note), "\xe2\x80\x94 w "));
    append_to(log, 6, 1);
    mal_buf_reset(&note);
    CHECK_OK(mal_audit_log_checkpoint(log, &note));
    CHECK(!strstr(text_of(&note), "\xe2\x80\x94 w "));
    mal_audit_log_close(log);
    CHECK_OK(mal_dir_remove(dir));
}

TEST(partial_tiles_go_when_their_tile_is_full) {
    const char *dir = mal_test_dir();
    mal_audit_log *log = open_log(dir);
    char partial[4200], full[4200];
    append_to(log, 255, 51);
    snprintf(partial, sizeof partial, "%s/tile/0/000.p/255", dir);
    snprintf(full, sizeof full, "%s/tile/0/000", dir);
    CHECK(mal_file_exists(partial) && !mal_file_exists(full));
    append_to(log, 256, 1);
    CHECK(!mal_file_exists(partial) && mal_file_exists(full));
    snprintf(partial, sizeof partial, "%s/tile/1/000.p/1", dir);
    CHECK(mal_file_exists(partial));
    mal_audit_log_close(log);
    CHECK_OK(mal_dir_remove(dir));
}

/* Writers and readers at once: every entry is where its index says, and every
 * proof fits a root of its size. */
static mal_err work_in_parallel(void *ctx, size_t who) {
    mal_audit_log *log = ctx;
    for (uint32_t i = 0; i < 40; i++) {
        uint32_t value[2] = { (uint32_t)who, i };
        mal_bytes entry = mal_bytes_of(value, sizeof value);
        MAL_AUTO(mal_buf_clear) mal_buf back = { 0 };
        mal_prim_hash path[MAL_AUDIT_PROOF_MAX], root, leaf;
        uint64_t at;
        size_t n;
        MAL_TRY(mal_audit_log_append(log, &at, &entry, 1));
        MAL_TRY(mal_audit_log_read(log, &back, at));
        assert(mal_bytes_same_vartime(mal_buf_view(&back), entry));
        uint64_t size = mal_audit_log_size(log);
        MAL_TRY(mal_audit_log_root(log, &root, size));
        MAL_TRY(mal_audit_log_prove(log, path, &n, at, size));
        mal_prim_merkle_leaf(&leaf, entry);
        MAL_TRY(
            mal_prim_merkle_verify_inclusion(&root, size, &leaf, at, path, n));
    }
    return MAL_OK;
}

TEST(several_threads_append_to_one_log) {
    const char *dir = mal_test_dir();
    mal_audit_log *log = open_log(dir);
    CHECK_OK(mal_parallel(4, 8, work_in_parallel, log));
    CHECK_EQ(mal_audit_log_size(log), 320);
    mal_audit_vkey vkey = *mal_audit_log_vkey(log);
    mal_audit_log_close(log);
    CHECK_OK(mal_audit_log_check(dir, &vkey, NULL));
    CHECK_OK(mal_dir_remove(dir));
}

TEST_MAIN
