/* kill_log.c - a log that is appended to, and the question whether it held.
 *
 *     kill_log run DIR NONCE     append batches; a line "size root" after each
 *     kill_log check DIR ACK     ACK: what `run` printed before it was killed
 *     kill_log sweep KILLPOINT   kill `run` at every point, then check (TAP)
 *     kill_log random ROUNDS     kill `run` at random times, then check (TAP)
 *
 * Entries hold the nonce, so two attempts at one size have different roots: a
 * second root for a size that was released shows.
 */
#include <malus/audit.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char origin[] = "malus/kill";
static mal_key secret;
static mal_audit_signer signer;

static mal_err key_up(void) {
    const uint8_t seed[32] = { 9 };
    MAL_TRY(mal_prim_init());
    MAL_TRY(mal_prim_sign_from_seed(signer.pub, &secret, seed));
    signer.sec = &secret;
    return MAL_OK;
}

static mal_err append(mal_audit_log *log, const char *nonce, size_t n) {
    mal_bytes entries[256];
    assert(n <= 256);
    for (size_t i = 0; i < n; i++)
        entries[i] = mal_bytes_str(nonce);
    return mal_audit_log_append(log, NULL, entries, n);
}

/* Some single entries, and batches that fill a tile on the way. */
static mal_err run(const char *dir, const char *nonce, bool for_ever) {
    static const size_t batches[] = { 1, 254, 3, 1 };
    MAL_AUTO(mal_audit_log_auto) mal_audit_log *log = NULL;
    MAL_TRY(mal_audit_log_open(&log, dir, origin, &signer));
    for (size_t i = 0; for_ever || i < sizeof batches / sizeof *batches; i++) {
        MAL_AUTO(mal_buf_clear) mal_buf note = { 0 };
        mal_audit_note parsed;
        mal_audit_checkpoint cp;
        char hex[65], line[128];
        MAL_TRY(append(log, nonce, batches[i % 4]));
        MAL_TRY(mal_audit_log_checkpoint(log, &note));
        MAL_TRY(mal_audit_note_parse(&parsed, mal_buf_view(&note)));
        MAL_TRY(mal_audit_checkpoint_parse(&cp, parsed.text));
        mal_hex_encode(hex, mal_bytes_of(cp.root.b, 32));
        snprintf(line, sizeof line, "%llu %s\n", (unsigned long long)cp.size,
                 hex);
        MAL_TRY(mal_fd_write(STDOUT_FILENO, mal_bytes_str(line)));
    }
    return MAL_OK;
}

/* --- Checking ------------------------------------------------------------- */

static mal_err same_root(mal_audit_log *log, uint64_t size,
                         const mal_prim_hash *root) {
    mal_prim_hash now;
    MAL_TRY(mal_audit_log_root(log, &now, size));
    MAL_REQUIRE(mal_equal(now.b, root->b, 32), MAL_E_AUTH,
                "size %llu has two roots", (unsigned long long)size);
    return MAL_OK;
}

/* What the file `checkpoint` said before anybody opened the log again. */
static mal_err released_head(mal_audit_checkpoint *cp, const char *dir) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    char path[4096];
    mal_audit_note note;
    mal_audit_vkey vkey;
    snprintf(path, sizeof path, "%s/checkpoint", dir);
    cp->size = 0;
    if (!mal_file_exists(path))
        return MAL_OK;
    MAL_TRY(mal_audit_vkey_make(&vkey, origin, 1, signer.pub));
    MAL_TRY(mal_file_read(&bytes, path, 1 << 16));
    MAL_TRY(mal_audit_note_parse(&note, mal_buf_view(&bytes)));
    MAL_TRY(mal_audit_note_verify(NULL, NULL, &note, &vkey, 1));
    return mal_audit_checkpoint_parse(cp, note.text);
}

static mal_err check_acknowledged(mal_audit_log *log, const char *ack) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    const char *text;
    if (!mal_file_exists(ack))
        return MAL_OK; /* killed before it could say anything */
    MAL_TRY(mal_file_read(&bytes, ack, 1 << 24));
    MAL_TRY(mal_buf_cstr(&bytes, &text));
    for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
        mal_prim_hash root;
        char hex[65] = "";
        unsigned long long size = 0;
        if (sscanf(text, "%llu %64s", &size, hex) != 2)
            MAL_FAIL(MAL_E_INPUT, "cannot read %s", ack);
        MAL_TRY(mal_hex_decode(root.b, 32, hex));
        MAL_REQUIRE(size <= mal_audit_log_size(log), MAL_E_STATE,
                    "the log forgot size %llu", size);
        MAL_TRY(same_root(log, size, &root));
    }
    return MAL_OK;
}

static mal_err check(const char *dir, const char *ack) {
    mal_audit_checkpoint cp;
    mal_audit_vkey vkey;
    MAL_TRY(released_head(&cp, dir));
    MAL_AUTO(mal_audit_log_auto) mal_audit_log *log = NULL;
    MAL_TRY(mal_audit_log_open(&log, dir, origin, &signer));
    if (cp.size > 0)
        MAL_TRY(same_root(log, cp.size, &cp.root));
    MAL_TRY(check_acknowledged(log, ack));
    MAL_TRY(append(log, "after", 7)); /* it goes on */
    MAL_TRY(mal_audit_vkey_make(&vkey, origin, 1, signer.pub));
    return mal_audit_log_check(dir, &vkey, NULL);
}

/* --- Killing -------------------------------------------------------------- */

static char self[4096], dir[4096], ack[4096];

static pid_t spawn(char *const *args) {
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    int fd = open(ack, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDOUT_FILENO);
    execv(args[0], args);
    _exit(126);
}

static int status_of(pid_t pid) {
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* One run under killpoint, killed at point n; the same folder again later. */
static int killed_at(char *killpoint, unsigned n) {
    char at[16], nonce[32];
    char devnull[] = "/dev/null", dash_n[] = "-n", dash_o[] = "-o",
         dashes[] = "--", verb[] = "run";
    snprintf(at, sizeof at, "%u", n);
    snprintf(nonce, sizeof nonce, "nonce %u", n);
    char *args[] = { killpoint, dash_n, at,  dash_o, devnull, dashes,
                     self,      verb,   dir, nonce,  NULL };
    return status_of(spawn(args));
}

static int bad(const char *what, unsigned n) {
    printf("not ok 1 - the_log_holds_wherever_it_is_killed\n# %s at %u: %s\n",
           what, n, mal_err_message());
    fprintf(stderr, "%s\n", mal_err_trail());
    return 1;
}

static int sweep(char *killpoint) {
    unsigned n = 0;
    int status;
    printf("1..1\n");
    do {
        n++;
        if (mal_dir_remove(dir) != MAL_OK || mal_file_remove(ack) != MAL_OK)
            return bad("cannot clean", n);
        status = killed_at(killpoint, n);
        if (status != 137 && status != 0)
            return bad("killpoint failed", n);
        /* And killed again on the way up: recovery must be as good. */
        if (n % 3 == 0 && killed_at(killpoint, 1 + n % 11) == 125)
            return bad("killpoint failed", n);
        if (check(dir, ack) != MAL_OK)
            return bad("the check", n);
    } while (status == 137);
    printf("ok 1 - the_log_holds_wherever_it_is_killed\n# %u points\n", n - 1);
    return 0;
}

static int randomly(unsigned rounds) {
    uint64_t seed = mal_time_monotonic_ns();
    const char *given = getenv("MAL_SEED");
    if (given)
        seed = strtoull(given, NULL, 0);
    printf("1..1\n# MAL_SEED=%llu\n", (unsigned long long)seed);
    for (unsigned n = 1; n <= rounds; n++) {
        char nonce[32], verb[] = "forever";
        snprintf(nonce, sizeof nonce, "round %u", n);
        char *args[] = { self, verb, dir, nonce, NULL };
        pid_t pid = spawn(args);
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        usleep((useconds_t)(seed >> 33) % 20000);
        kill(pid, SIGKILL);
        status_of(pid);
        if (check(dir, ack) != MAL_OK)
            return bad("the check", n);
        if (n % 20 == 0 &&
            (mal_dir_remove(dir) != MAL_OK || mal_file_remove(ack) != MAL_OK))
            return bad("cannot clean", n);
    }
    printf("ok 1 - the_log_holds_through_%u_kills_at_random\n", rounds);
    return 0;
}

int main(int argc, char **argv) {
    char tmp[] = "/tmp/malus-kill-XXXXXX";
    mal_err err = key_up();
    if (argc < 3 || err != MAL_OK)
        return 2;
    if (argc == 4 && strcmp(argv[1], "run") == 0)
        return run(argv[2], argv[3], false) != MAL_OK;
    if (argc == 4 && strcmp(argv[1], "forever") == 0)
        return run(argv[2], argv[3], true) != MAL_OK;
    if (argc == 4 && strcmp(argv[1], "check") == 0) {
        err = check(argv[2], argv[3]);
        if (err != MAL_OK)
            fprintf(stderr, "%s\n", mal_err_trail());
        return err != MAL_OK;
    }
    if (!mkdtemp(tmp) || readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        return 2;
    snprintf(dir, sizeof dir, "%s/log", tmp);
    snprintf(ack, sizeof ack, "%s/ack", tmp);
    int failed = strcmp(argv[1], "sweep") == 0
                     ? sweep(argv[2])
                     : randomly((unsigned)strtoul(argv[2], NULL, 10));
    if (mal_dir_remove(tmp) != MAL_OK)
        return 2;
    return failed;
}
