/* killpoint.c - run a command and SIGKILL it at its n-th write, sync or rename.
 *
 *     killpoint [-n N] [-o FILE] [-l] [-a] -- COMMAND [ARG...]
 *
 * Points are the system calls that change files: write, pwrite64, writev,
 * pwritev (to regular files only), fsync, fdatasync, syncfs, msync, ftruncate,
 * rename, link, unlink, mkdir, rmdir in all processes that COMMAND starts.  At
 * the N-th point, before the call takes effect, every traced process is killed.
 *
 *     -n N     0 (the default) never kills: it only counts
 *     -o FILE  write the number of points seen there (else to stderr)
 *     -l       name each point on stderr
 *     -a       count between the moments that we get SIGUSR1 and SIGUSR2 only
 *
 * Exit status: 137 if it killed; else that of COMMAND (128 + signal if one
 * ended it); 125 if the trace itself failed.  A seccomp filter stops at the
 * listed calls only, so everything else runs at full speed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/ptrace.h>
#include <unistd.h>

static const struct {
    int nr;
    bool to_fd; /* the first argument must be a regular file */
    const char *name;
} points[] = {
    { __NR_write, true, "write" },
    { __NR_pwrite64, true, "pwrite64" },
    { __NR_writev, true, "writev" },
    { __NR_pwritev, true, "pwritev" },
    { __NR_pwritev2, true, "pwritev2" },
    { __NR_fsync, false, "fsync" },
    { __NR_fdatasync, false, "fdatasync" },
    { __NR_syncfs, false, "syncfs" },
    { __NR_msync, false, "msync" },
    { __NR_ftruncate, false, "ftruncate" },
    { __NR_renameat, false, "renameat" },
    { __NR_renameat2, false, "renameat2" },
    { __NR_linkat, false, "linkat" },
    { __NR_unlinkat, false, "unlinkat" },
    { __NR_mkdirat, false, "mkdirat" },
#ifdef __NR_rename /* architectures that keep the old calls */
    { __NR_rename, false, "rename" },
    { __NR_link, false, "link" },
    { __NR_unlink, false, "unlink" },
    { __NR_mkdir, false, "mkdir" },
    { __NR_rmdir, false, "rmdir" },
#endif
};
#define POINTS (sizeof points / sizeof *points)

#define LIVE_MAX 4096
static pid_t first, live[LIVE_MAX]; /* live: every process ever seen */
static size_t n_live;
static unsigned long seen, kill_at;
static bool list;
static volatile sig_atomic_t armed = 1;

static void die(const char *what) {
    fprintf(stderr, "killpoint: %s: %s\n", what, strerror(errno));
    exit(125);
}

static void forward(int sig) {
    if (first > 0)
        kill(first, sig);
}

static void arm(int sig) {
    armed = sig == SIGUSR1;
}

static void remember(pid_t pid) {
    for (size_t i = 0; i < n_live; i++)
        if (live[i] == pid)
            return;
    if (n_live < LIVE_MAX)
        live[n_live++] = pid;
}

static void forget(pid_t pid) {
    for (size_t i = 0; i < n_live; i++)
        if (live[i] == pid)
            live[i] = live[--n_live];
}

/* In the child: trace the listed calls, allow the others. */
static void install_filter(void) {
    struct sock_filter code[POINTS + 3];
    size_t n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                             offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < POINTS; i++)
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                 (uint32_t)points[i].nr,
                                                 (uint8_t)(POINTS - i), 0);
    code[n++] =
        (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[n++] =
        (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    struct sock_fprog program = { .len = (unsigned short)n, .filter = code };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        die("seccomp");
}

static void start(char **command) {
    first = fork();
    if (first < 0)
        die("fork");
    if (first == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
            die("ptrace");
        raise(SIGSTOP); /* until the options are set */
        install_filter();
        execvp(command[0], command);
        die(command[0]);
    }
    int status;
    if (waitpid(first, &status, 0) != first || !WIFSTOPPED(status))
        die("the command did not start");
    if (ptrace(PTRACE_SETOPTIONS, first, 0,
               PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK |
                   PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                   PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) != 0)
        die("ptrace options");
    remember(first);
    ptrace(PTRACE_CONT, first, 0, 0);
}

static bool regular(pid_t pid, uint64_t fd) {
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, (int)fd);
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Is the stopped call a point?  Then count it. */
static void at_call(pid_t pid) {
    struct __ptrace_syscall_info info = { 0 };
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0)
        return;
    for (size_t i = 0; i < POINTS; i++) {
        if (points[i].nr != (int)info.seccomp.nr)
            continue;
        if (points[i].to_fd && !regular(pid, info.seccomp.args[0]))
            return;
        seen++;
        if (list)
            fprintf(stderr, "killpoint: %lu %s (process %d)\n", seen,
                    points[i].name, (int)pid);
        return;
    }
}

/* PTRACE_O_EXITKILL would do it, but late: the caller looks at the files as
 * soon as we are gone. */
static int kill_all(void) {
    for (size_t i = 0; i < n_live; i++)
        kill(live[i], SIGKILL);
    for (int status;;) {
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0)
            return 137;
        if (WIFSTOPPED(status))
            kill(pid, SIGKILL);
    }
}

static int trace(void) {
    int result = 125;
    for (int status;;) {
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0)
            return errno == ECHILD ? result : 125;
        if (!WIFSTOPPED(status)) {
            forget(pid);
            if (pid == first)
                result = WIFEXITED(status) ? WEXITSTATUS(status)
                                           : 128 + WTERMSIG(status);
            continue;
        }
        remember(pid);
        int sig = WSTOPSIG(status), event = status >> 16;
        if (event == PTRACE_EVENT_SECCOMP && armed)
            at_call(pid);
        if (kill_at > 0 && seen >= kill_at) {
            return kill_all();
        }
        /* Stops of the trace itself are not the command's business. */
        if (event || sig == SIGTRAP || sig == SIGSTOP)
            sig = 0;
        ptrace(PTRACE_CONT, pid, 0, sig);
    }
}

int main(int argc, char **argv) {
    const char *out = NULL;
    for (int c; (c = getopt(argc, argv, "+n:o:la")) != -1;) {
        if (c == 'n')
            kill_at = strtoul(optarg, NULL, 10);
        else if (c == 'o')
            out = optarg;
        else if (c == 'l')
            list = true;
        else if (c == 'a')
            armed = 0;
        else
            return 125;
    }
    if (optind >= argc) {
        fprintf(stderr,
                "usage: killpoint [-n N] [-o FILE] [-l] [-a] -- COMMAND\n");
        return 125;
    }
    start(argv + optind);
    signal(SIGTERM, forward);
    signal(SIGINT, forward);
    signal(SIGUSR1, arm);
    signal(SIGUSR2, arm);
    int result = trace();
    FILE *to = out ? fopen(out, "w") : stderr;
    if (!to)
        die(out);
    fprintf(to, out ? "%lu\n" : "killpoint: %lu points\n", seen);
    if (out)
        fclose(to);
    return result;
}
