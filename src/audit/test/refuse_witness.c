/* refuse_witness.c - a witness never unsays what it cosigned. */
#include "audit_test.h"

#include <signal.h>
#include <sys/wait.h>

typedef struct scene {
    const char *dir;
    char state[4200], log_dir[4200];
    mal_audit_log *log;
    mal_audit_witness *w;
} scene;

static void open_witness(scene *s) {
    mal_audit_signer key = signer_of(11);
    CHECK_OK(mal_audit_witness_open(&s->w, s->state, "w", &key));
    CHECK_OK(
        mal_audit_witness_trust(s->w, "malus/l", mal_audit_log_vkey(s->log)));
}

static void set_up(scene *s) {
    mal_audit_signer key = signer_of(10);
    s->dir = mal_test_dir();
    snprintf(s->state, sizeof s->state, "%s/witness.db", s->dir);
    snprintf(s->log_dir, sizeof s->log_dir, "%s/log", s->dir);
    CHECK_OK(mal_audit_log_open(&s->log, s->log_dir, "malus/l", &key));
    open_witness(s);
}

static void tear_down(scene *s) {
    mal_audit_witness_close(s->w);
    mal_audit_log_close(s->log);
    CHECK_OK(mal_dir_remove(s->dir));
}

static void grow(scene *s, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        mal_bytes e = mal_bytes_of(&i, sizeof i);
        CHECK_OK(mal_audit_log_append(s->log, NULL, &e, 1));
    }
}

static mal_err cosign(scene *s, uint64_t old, uint64_t now) {
    MAL_AUTO(mal_buf_clear) mal_buf note = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf lines = { 0 };
    mal_prim_hash path[MAL_AUDIT_PROOF_MAX];
    size_t n;
    uint64_t size = mal_audit_log_size(s->log);
    CHECK_OK(mal_audit_log_checkpoint(s->log, &note));
    if (mal_audit_log_prove_consistency(s->log, path, &n, old, size) != MAL_OK)
        n = 0;
    return mal_audit_witness_cosign(s->w, &lines, NULL, old, path, n,
                                    mal_buf_view(&note), now);
}

TEST(follows_a_log_and_remembers_it_across_a_restart) {
    scene s;
    mal_audit_seen seen;
    MAL_AUTO(mal_buf_clear) mal_buf note = { 0 };
    uint64_t time;
    set_up(&s);
    grow(&s, 3);
    CHECK_OK(cosign(&s, 0, 100));
    grow(&s, 4);
    CHECK_OK(cosign(&s, 3, 200));
    CHECK_OK(cosign(&s, 7, 150)); /* again, with a clock set back */
    mal_audit_witness_close(s.w);
    open_witness(&s);
    CHECK_OK(mal_audit_witness_last(s.w, &seen, &note, "malus/l"));
    CHECK_EQ(seen.size, 7);
    CHECK_EQ(seen.time, 200);
    CHECK(strncmp(text_of(&note), "malus/l\n7\n", 10) == 0);
    CHECK_OK(mal_audit_witness_time(s.w, &time));
    CHECK_EQ(time, 200);
    CHECK_OK(mal_audit_witness_note_time(s.w, 500));
    CHECK_OK(mal_audit_witness_note_time(s.w, 400));
    CHECK_OK(mal_audit_witness_time(s.w, &time));
    CHECK_EQ(time, 500);
    CHECK_OK(mal_audit_witness_last(s.w, &seen, NULL, "malus/unseen"));
    CHECK_EQ(seen.size, 0);
    tear_down(&s);
}

TEST(refuses_a_stale_old_size_and_says_what_it_knows) {
    scene s;
    MAL_AUTO(mal_buf_clear) mal_buf note = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf lines = { 0 };
    mal_audit_seen seen;
    set_up(&s);
    grow(&s, 2);
    CHECK_OK(cosign(&s, 0, 1));
    CHECK_OK(mal_audit_log_checkpoint(s.log, &note));
    CHECK_ERR(mal_audit_witness_cosign(s.w, &lines, &seen, 0, NULL, 0,
                                       mal_buf_view(&note), 2),
              MAL_E_STATE);
    CHECK_EQ(seen.size, 2);
    CHECK_EQ(lines.len, 0);
    tear_down(&s);
}

/* A checkpoint of any size and root, signed by the log's own key. */
static void forge(mal_buf *note, uint64_t size, uint8_t fill) {
    mal_audit_checkpoint cp = { .origin = "malus/l", .size = size };
    mal_audit_signer key = signer_of(10);
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    memset(cp.root.b, fill, 32);
    CHECK_OK(mal_audit_checkpoint_print(&text, &cp));
    CHECK_OK(mal_buf_put(note, mal_buf_view(&text)));
    CHECK_OK(mal_buf_put_str(note, "\n"));
    CHECK_OK(mal_audit_note_sign_line(note, mal_buf_view(&text), "malus/l",
                                      &key, 0));
}

static mal_err cosign_note(scene *s, const mal_buf *note, uint64_t old,
                           const mal_prim_hash *path, size_t n) {
    MAL_AUTO(mal_buf_clear) mal_buf lines = { 0 };
    return mal_audit_witness_cosign(s->w, &lines, NULL, old, path, n,
                                    mal_buf_view(note), 1);
}

TEST(refuses_forks_rollbacks_and_wrong_proofs_of_the_log_itself) {
    scene s;
    mal_prim_hash junk[2] = { { { 1 } }, { { 2 } } };
    mal_audit_seen seen;
    set_up(&s);
    grow(&s, 4);
    CHECK_OK(cosign(&s, 0, 1));
    MAL_AUTO(mal_buf_clear) mal_buf fork = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf back = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf ahead = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf empty = { 0 };
    forge(&fork, 4, 9);
    forge(&back, 3, 9);
    forge(&ahead, 6, 9);
    forge(&empty, 0, 9);
    CHECK_ERR(cosign_note(&s, &fork, 4, NULL, 0), MAL_E_DENIED);
    CHECK_ERR(cosign_note(&s, &back, 4, NULL, 0), MAL_E_INPUT);
    CHECK_ERR(cosign_note(&s, &back, 3, NULL, 0), MAL_E_STATE);
    CHECK_ERR(cosign_note(&s, &ahead, 4, NULL, 0), MAL_E_DENIED);
    CHECK_ERR(cosign_note(&s, &ahead, 4, junk, 2), MAL_E_DENIED);
    CHECK_ERR(cosign_note(&s, &empty, 0, NULL, 0), MAL_E_STATE);
    CHECK_OK(mal_audit_witness_last(s.w, &seen, NULL, "malus/l"));
    CHECK_EQ(seen.size, 4);
    tear_down(&s);
}

TEST(refuses_an_empty_tree_with_a_root_and_a_proof_from_nothing) {
    scene s;
    mal_prim_hash junk = { { 1 } };
    set_up(&s);
    MAL_AUTO(mal_buf_clear) mal_buf empty = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf note = { 0 };
    forge(&empty, 0, 9);
    forge(&note, 5, 9);
    CHECK_ERR(cosign_note(&s, &empty, 0, NULL, 0), MAL_E_DENIED);
    CHECK_ERR(cosign_note(&s, &note, 0, &junk, 1), MAL_E_DENIED);
    CHECK_OK(cosign(&s, 0, 1)); /* the true empty log */
    tear_down(&s);
}

TEST(refuses_unknown_logs_and_signatures_of_others) {
    scene s;
    mal_audit_signer other = signer_of(12);
    mal_audit_log *stranger;
    char path[4300];
    set_up(&s);
    snprintf(path, sizeof path, "%s/other", s.dir);
    CHECK_OK(mal_audit_log_open(&stranger, path, "malus/other", &other));
    MAL_AUTO(mal_buf_clear) mal_buf note = { 0 };
    CHECK_OK(mal_audit_log_checkpoint(stranger, &note));
    CHECK_ERR(cosign_note(&s, &note, 0, NULL, 0), MAL_E_MISSING);
    mal_audit_log_close(stranger);
    /* the right origin, another key */
    snprintf(path, sizeof path, "%s/third", s.dir);
    CHECK_OK(mal_audit_log_open(&stranger, path, "malus/l", &other));
    mal_buf_reset(&note);
    CHECK_OK(mal_audit_log_checkpoint(stranger, &note));
    CHECK_ERR(cosign_note(&s, &note, 0, NULL, 0), MAL_E_AUTH);
    mal_audit_log_close(stranger);
    /* the right key, a changed text */
    mal_buf_reset(&note);
    CHECK_OK(mal_audit_log_checkpoint(s.log, &note));
    note.ptr[8] ^= 1; /* size 0 becomes 1 */
    CHECK_ERR(cosign_note(&s, &note, 0, NULL, 0), MAL_E_AUTH);
    tear_down(&s);
}

TEST(refuses_requests_that_are_not_to_the_letter) {
    static const char *const bad[] = {
        "",
        "old\n\nx\n\n",
        "old x\n\nx\n",
        "old 01\n\nx\n",
        "old 0\n",
        "old 0\nAAAA\n\nx\n",
        "new 0\n\nx\n",
        "old 0\n\n",
        "old 0\n\nx",
        "old 99999999999999999999\n\nx\n",
    };
    scene s;
    set_up(&s);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        MAL_AUTO(mal_buf_clear) mal_buf answer = { 0 };
        int status;
        CHECK_OK(mal_audit_witness_answer(s.w, &answer, &status,
                                          mal_bytes_str(bad[i]), 1));
        CHECK_THAT(status == 400, "%d for %s", status, bad[i]);
    }
    tear_down(&s);
}

/* Ask for ever; tell the parent each size that was cosigned. */
static void ask_for_ever(scene *s, int out) {
    mal_audit_seen seen;
    if (mal_audit_witness_last(s->w, &seen, NULL, "malus/l") != MAL_OK)
        _exit(1);
    for (;;) {
        uint64_t old = seen.size;
        mal_bytes e = mal_bytes_str("e");
        if (mal_audit_log_append(s->log, NULL, &e, 1) != MAL_OK ||
            cosign(s, old, 1) != MAL_OK)
            _exit(1);
        seen.size = mal_audit_log_size(s->log);
        if (write(out, &seen.size, sizeof seen.size) != sizeof seen.size)
            _exit(1);
    }
}

TEST(what_was_cosigned_is_remembered_through_kill_9) {
    scene s;
    uint64_t seed = mal_test_seed();
    set_up(&s);
    for (int round = 0; round < 30; round++) {
        int ends[2];
        CHECK(pipe(ends) == 0);
        mal_audit_witness_close(s.w);
        mal_audit_log_close(s.log);
        pid_t child = fork();
        if (child == 0) {
            mal_audit_signer key = signer_of(10);
            if (mal_audit_log_open(&s.log, s.log_dir, "malus/l", &key) !=
                MAL_OK)
                _exit(1);
            open_witness(&s);
            ask_for_ever(&s, ends[1]);
        }
        close(ends[1]);
        usleep(3000 + (useconds_t)(mal_test_rand(&seed) % 30000));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        uint64_t last = 0, size;
        while (read(ends[0], &size, sizeof size) == sizeof size)
            last = size;
        close(ends[0]);
        mal_audit_signer key = signer_of(10);
        CHECK_OK(mal_audit_log_open(&s.log, s.log_dir, "malus/l", &key));
        open_witness(&s);
        mal_audit_seen seen;
        CHECK_OK(mal_audit_witness_last(s.w, &seen, NULL, "malus/l"));
        CHECK(seen.size >= last);
        if (seen.size)
            CHECK_OK(mal_audit_log_continues(s.log, seen.size, &seen.root));
    }
    tear_down(&s);
}

TEST_MAIN
