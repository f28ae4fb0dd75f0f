/* process.c - start, watch, talk to and bury the caged child. */
#include "parent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Where the helper may lie, relative to the running executable's folder: beside
 * it, where a package puts it, and where the build does. */
static const char *const places[] = {
    "malus-duck",
    "../libexec/malus/malus-duck",
    "../lib/malus/malus-duck",
    "../duck/malus-duck",
    "../src/duck/malus-duck",
    "../../src/duck/malus-duck",
};

static mal_err find_helper(char path[PATH_MAX_DUCK]) {
    const char *given = getenv("MAL_DUCK_PATH");
    char self[PATH_MAX_DUCK - 64];

    if (given && *given) {
        snprintf(path, PATH_MAX_DUCK, "%s", given);
        MAL_REQUIRE(access(path, X_OK) == 0, MAL_E_MISSING,
                    "MAL_DUCK_PATH names %s, which cannot be run", path);
        return MAL_OK;
    }
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    MAL_REQUIRE(n > 0, MAL_E_MISSING, "/proc is needed to find malus-duck");
    self[n] = 0;
    *strrchr(self, '/') = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(path, PATH_MAX_DUCK, "%s/%s", self, places[i]);
        if (access(path, X_OK) == 0)
            return MAL_OK;
    }
    MAL_FAIL(MAL_E_MISSING,
             "no malus-duck beside %s: run tools/fetch_duckdb.sh, configure "
             "and build again, or set MAL_DUCK_PATH",
             self);
}

/* Between fork and exec: only async-signal-safe calls.  The descriptors are
 * first lifted above every target number, then put where the child wants them.
 */
static void become_helper(const char *path, char *const argv[], int socket,
                          const mal_duck_options *options) {
    static char *const env[] = { "LC_ALL=C", "TZ=UTC", NULL };
    int high[MAL_DUCK_FILES_MAX];
    int lifted = fcntl(socket, F_DUPFD, DUCK_FD_FILES + 32);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    bool ok = lifted >= 0 && null >= 0;

    for (unsigned i = 0; i < options->n_files; i++) {
        high[i] = fcntl(options->files[i], F_DUPFD, DUCK_FD_FILES + 32);
        ok &= high[i] >= 0;
    }
    ok = ok && dup2(null, 0) == 0 && dup2(null, 1) == 1;
    if (!getenv("MAL_DUCK_STDERR"))
        ok = ok && dup2(null, 2) == 2;
    ok = ok && dup2(lifted, DUCK_FD_SOCKET) == DUCK_FD_SOCKET;
    ok = ok && close_range(DUCK_FD_SOCKET + 1, DUCK_FD_FILES - 1, 0) == 0;
    for (unsigned i = 0; i < options->n_files; i++)
        ok = ok && dup2(high[i], DUCK_FD_FILES + (int)i) >= 0;
    ok = ok && close_range(DUCK_FD_FILES + options->n_files, ~0u, 0) == 0;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (ok)
        execve(path, argv, env);
    _exit(DUCK_EXIT_EXEC);
}

static mal_err spawn(mal_duck *duck, const char *path,
                     const mal_duck_options *options) {
    char memory[32], threads[16], files[16];
    char *const argv[] = {
        "malus-duck",
        memory,
        threads,
        files,
        options->temp_dir ? (char *)options->temp_dir : "-",
        NULL,
    };
    int pair[2];

    snprintf(memory, sizeof memory, "%llu",
             (unsigned long long)options->memory_max);
    snprintf(threads, sizeof threads, "%u", options->threads);
    snprintf(files, sizeof files, "%u", options->n_files);
    MAL_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0,
                MAL_E_IO, "no socket pair for DuckDB's process: %s",
                strerror(errno));
    for (int i = 0; i < 2; i++) {
        int bytes = 4 << 20; /* the kernel takes what it allows */
        (void)setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    }
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    pid_t pid = fork();
    if (pid == 0)
        become_helper(path, argv, pair[1], options);
    int why = errno;
    close(pair[1]);
    duck->socket = pair[0];
    MAL_REQUIRE(pid > 0, MAL_E_IO, "cannot fork DuckDB's process: %s",
                strerror(why));
    duck->pid = pid;
    return MAL_OK;
}

static uint64_t cpu_of(pid_t pid) {
    clockid_t clock;
    struct timespec t;
    if (pid <= 0 || clock_getcpuclockid(pid, &clock) != 0 ||
        clock_gettime(clock, &t) != 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t mal_duck_cpu_ns(const mal_duck *duck) {
    uint64_t now = cpu_of(duck->pid);
    return now ? now : duck->cpu_ns;
}

/* Kill, reap, and close: whatever happened, nothing is left behind.  Returns
 * the wait status of a child that had ended by itself, else -1. */
int mal_duck_bury(mal_duck *duck) {
    int status = -1;

    if (duck->socket >= 0)
        close(duck->socket);
    duck->socket = -1;
    if (duck->pid > 0) {
        duck->cpu_ns = mal_duck_cpu_ns(duck);
        /* A child that is going may need a moment to be gone. */
        for (int i = 0; i < 50; i++) {
            pid_t got = waitpid(duck->pid, &status, WNOHANG);
            if (got == duck->pid || duck->kill_now)
                break;
            status = -1;
            struct timespec ms = { .tv_nsec = 1000000 };
            nanosleep(&ms, NULL);
        }
        if (status == -1) {
            kill(duck->pid, SIGKILL);
            while (waitpid(duck->pid, NULL, 0) < 0 && errno == EINTR)
                continue;
        }
    }
    duck->pid = 0;
    duck->scanning = duck->asked = false;
    return status;
}

/* The child hung up: say why, as far as its exit tells. */
static mal_err mourn(mal_duck *duck) {
    bool born = duck->version[0] != 0;
    int status = mal_duck_bury(duck);

    if (status >= 0 && WIFSIGNALED(status))
        MAL_FAIL(MAL_E_STATE,
                 "DuckDB's process was ended by signal %d (%s); the job fails, "
                 "the node goes on",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    int code = status >= 0 ? WEXITSTATUS(status) : -1;
    if (code == DUCK_EXIT_CAGE)
        MAL_FAIL(MAL_E_UNSUPPORTED,
                 "this kernel cannot cage DuckDB: seccomp and Landlock (Linux "
                 "5.13) are needed");
    if (code == DUCK_EXIT_MEMORY)
        MAL_FAIL(MAL_E_LIMIT, "DuckDB's process ran out of its memory limit");
    MAL_REQUIRE(born, MAL_E_MISSING,
                "malus-duck does not start (exit %d): is libduckdb.so where "
                "tools/fetch_duckdb.sh puts it?  MAL_DUCK_STDERR=1 shows more",
                code);
    MAL_FAIL(MAL_E_STATE, "DuckDB's process ended by itself (exit %d)", code);
}

static mal_err wait_for(mal_duck *duck, short events, uint64_t deadline) {
    for (;;) {
        struct pollfd p = { .fd = duck->socket, .events = events };
        uint64_t now = mal_time_monotonic_ns();
        int left = now >= deadline ? 0 : (int)((deadline - now) / 1000000 + 1);
        int n = poll(&p, 1, left);
        if (n > 0)
            return MAL_OK;
        if (n == 0 && left == 0) {
            duck->kill_now = true;
            (void)mal_duck_bury(duck);
            MAL_FAIL(MAL_E_TIMEOUT,
                     "DuckDB did not answer within %u ms and was stopped",
                     duck->timeout_ms);
        }
    }
}

static uint64_t deadline_of(const mal_duck *duck) {
    return mal_time_monotonic_ns() + (uint64_t)duck->timeout_ms * 1000000u;
}

mal_err mal_duck_send(mal_duck *duck, mal_buf *frame) {
    uint64_t deadline = deadline_of(duck);

    MAL_REQUIRE(mal_duck_alive(duck), MAL_E_STATE,
                "DuckDB's process is gone; start another");
    mal_duck_frame_end(frame);
    for (size_t at = 0; at < frame->len;) {
        ssize_t n =
            send(duck->socket, frame->ptr + at, frame->len - at, MSG_NOSIGNAL);
        if (n > 0)
            at += (size_t)n;
        else if (n < 0 && errno == EAGAIN)
            MAL_TRY(wait_for(duck, POLLOUT, deadline));
        else if (n < 0 && errno != EINTR)
            return mourn(duck);
    }
    return MAL_OK;
}

static mal_err receive(mal_duck *duck, uint8_t *out, size_t len,
                       uint64_t deadline) {
    for (size_t at = 0; at < len;) {
        ssize_t n = recv(duck->socket, out + at, len - at, 0);
        if (n > 0)
            at += (size_t)n;
        else if (n < 0 && errno == EAGAIN)
            MAL_TRY(wait_for(duck, POLLIN, deadline));
        else if (n == 0 || errno != EINTR)
            return mourn(duck);
    }
    return MAL_OK;
}

/* What breaks the protocol is not spoken to again. */
mal_err mal_duck_distrust(mal_duck *duck, mal_err err) {
    if (err == MAL_E_PEER) {
        duck->kill_now = true;
        (void)mal_duck_bury(duck);
    }
    return err;
}

mal_err mal_duck_recv(mal_duck *duck, duck_kind *kind) {
    uint64_t deadline = deadline_of(duck);
    uint8_t header[DUCK_HEADER];
    size_t len = 0;

    MAL_REQUIRE(mal_duck_alive(duck), MAL_E_STATE,
                "DuckDB's process is gone; start another");
    MAL_TRY(receive(duck, header, sizeof header, deadline));
    MAL_TRY(mal_duck_distrust(duck, mal_duck_frame_header(kind, &len, header)));
    mal_buf_reset(&duck->in);
    if (mal_buf_reserve(&duck->in, len) != MAL_OK) {
        duck->kill_now = true; /* half a frame is left in the socket */
        (void)mal_duck_bury(duck);
        MAL_FAIL(MAL_E_MEMORY, "no memory for a batch of %zu bytes", len);
    }
    duck->in.len = len;
    return receive(duck, duck->in.ptr, len, deadline);
}

static mal_err check_options(mal_duck_options *o) {
    o->memory_max = o->memory_max ? o->memory_max : (uint64_t)1 << 30;
    o->threads = o->threads ? o->threads : 1;
    o->timeout_ms = o->timeout_ms ? o->timeout_ms : 60000;
    MAL_REQUIRE(o->memory_max >= (uint64_t)32 << 20 &&
                    o->memory_max <= (uint64_t)1 << 46,
                MAL_E_INPUT, "DuckDB needs between 32 MiB and 64 TiB");
    MAL_REQUIRE(o->threads <= 64, MAL_E_INPUT, "at most 64 threads of DuckDB");
    MAL_REQUIRE(o->n_files <= MAL_DUCK_FILES_MAX, MAL_E_INPUT,
                "at most %u files in one cage", MAL_DUCK_FILES_MAX);
    MAL_REQUIRE(!o->temp_dir ||
                    (o->temp_dir[0] == '/' && !strpbrk(o->temp_dir, "'\n")),
                MAL_E_INPUT, "the folder to spill into is an absolute path");
    return MAL_OK;
}

mal_err mal_duck_start(mal_duck **out, const mal_duck_options *given) {
    MAL_AUTO(mal_duck_auto) mal_duck *duck = NULL;
    mal_duck_options options = given ? *given : (mal_duck_options){ 0 };
    char path[PATH_MAX_DUCK];
    duck_kind kind;

    *out = NULL;
    MAL_TRY(check_options(&options));
    MAL_TRY(find_helper(path));
    MAL_REQUIRE(duck = mal_calloc(1, sizeof *duck), MAL_E_MEMORY,
                "out of memory");
    duck->socket = -1;
    duck->timeout_ms = options.timeout_ms;
    mal_buf_init(&duck->in, DUCK_FRAME_MAX);
    mal_buf_init(&duck->out, DUCK_FRAME_MAX);
    mal_buf_init(&duck->front, DUCK_FRAME_MAX);
    MAL_TRY(spawn(duck, path, &options));
    MAL_TRY(mal_duck_recv(duck, &kind));
    MAL_REQUIRE(kind == DUCK_HELLO && duck->in.len > 0 &&
                    duck->in.len < sizeof duck->version,
                MAL_E_PEER, "malus-duck does not say hello");
    memcpy(duck->version, duck->in.ptr, duck->in.len);
    *out = duck;
    duck = NULL;
    return MAL_OK;
}

void mal_duck_stop(mal_duck *duck) {
    if (!duck)
        return;
    duck->kill_now = true;
    (void)mal_duck_bury(duck);
    mal_buf_clear(&duck->in);
    mal_buf_clear(&duck->out);
    mal_buf_clear(&duck->front);
    mal_free(duck);
}

void mal_duck_auto(mal_duck **duck) {
    mal_duck_stop(*duck);
    *duck = NULL;
}

bool mal_duck_alive(const mal_duck *duck) {
    return duck->pid > 0;
}

const char *mal_duck_version(const mal_duck *duck) {
    return duck->version;
}

const char *mal_duck_file_path(unsigned i) {
    static const char *const paths[MAL_DUCK_FILES_MAX] = {
        "/proc/self/fd/64", "/proc/self/fd/65", "/proc/self/fd/66",
        "/proc/self/fd/67", "/proc/self/fd/68", "/proc/self/fd/69",
        "/proc/self/fd/70", "/proc/self/fd/71",
    };
    _Static_assert(DUCK_FD_FILES == 64, "the names above");
    assert(i < MAL_DUCK_FILES_MAX);
    return paths[i];
}
