/* cage.c - what the child may do: limits, Landlock, seccomp.
 *
 * Two walls, so that a hole in one is not a way out.  Landlock decides which
 * files can be opened: those that the parent passed, for reading, and the
 * folder to spill into if there is one.  Seccomp is a list of allowed calls:
 * none makes a socket, a process or executable memory, and files are opened
 * read-only unless there is a folder to spill into.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER
#endif
#endif

/* Newer than Debian 12's header; the kernel says what it knows. */
#define ACCESS_FS_TRUNCATE (1ULL << 14)  /* ABI 3 */
#define ACCESS_FS_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define ACCESS_NET_TCP 3ULL              /* bind, connect: ABI 4 */
#define SCOPE_ALL 3ULL                   /* abstract sockets, signals: ABI 6 */

typedef struct landlock_rules { /* linux/landlock.h of ABI 6 */
    uint64_t fs, net, scoped;
} landlock_rules;

static mal_err limit(int what, uint64_t max) {
    struct rlimit l = { .rlim_cur = max, .rlim_max = max };
    MAL_REQUIRE(setrlimit((__rlimit_resource_t)what, &l) == 0, MAL_E_STATE,
                "setrlimit %d: %s", what, strerror(errno));
    return MAL_OK;
}

static mal_err set_limits(const child_options *o) {
    MAL_TRY(limit(RLIMIT_CORE, 0));
    MAL_TRY(limit(RLIMIT_NOFILE, 1024));
    if (!o->temp_dir)
        MAL_TRY(limit(RLIMIT_FSIZE, 0));
#ifndef ADDRESS_SANITIZER /* which reserves terabytes */
    /* DuckDB counts its buffers; this catches what it does not count: twice
     * those, the library, the batches, and a stack a thread. */
    MAL_TRY(limit(RLIMIT_AS, o->memory_max * 2 + ((uint64_t)2 << 30) +
                                 o->threads * ((uint64_t)64 << 20)));
#endif
    return MAL_OK;
}

/* End with the parent: a query may run for long without looking at the socket.
 */
static void *watch(void *arg) {
    struct pollfd p = { .fd = DUCK_FD_SOCKET, .events = POLLRDHUP };
    (void)arg;
    for (;;) {
        p.revents = 0;
        if (poll(&p, 1, -1) > 0 &&
            (p.revents & (POLLRDHUP | POLLHUP | POLLERR)))
            _exit(0);
    }
}

static mal_err start_watch(void) {
    pthread_t thread;
    pthread_attr_t attr;

    MAL_REQUIRE(pthread_attr_init(&attr) == 0 &&
                    pthread_attr_setstacksize(&attr, 512 << 10) == 0 &&
                    pthread_create(&thread, &attr, watch, NULL) == 0,
                MAL_E_STATE, "no watching thread");
    pthread_detach(thread);
    return MAL_OK;
}

/* --- Landlock ------------------------------------------------------------ */

static mal_err allow_path(int rules, int fd, uint64_t access) {
    struct landlock_path_beneath_attr rule = {
        .allowed_access = access,
        .parent_fd = fd,
    };
    MAL_REQUIRE(syscall(SYS_landlock_add_rule, rules,
                        LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0,
                MAL_E_STATE, "landlock_add_rule: %s", strerror(errno));
    return MAL_OK;
}

/* A memfd is no path: Landlock leaves it open, and has no rule for it. */
static mal_err allow_files(int rules, const child_options *o) {
    for (unsigned i = 0; i < o->n_files; i++) {
        mal_err err = allow_path(rules, DUCK_FD_FILES + (int)i,
                                 LANDLOCK_ACCESS_FS_READ_FILE);
        if (err != MAL_OK && errno != EBADFD)
            MAL_TRY(err);
    }
    return MAL_OK;
}

static mal_err allow_temp(int rules, const char *dir, uint64_t all) {
    MAL_AUTO(mal_fd_auto)
    int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    uint64_t access =
        LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
        LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
        LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
        LANDLOCK_ACCESS_FS_MAKE_DIR | ACCESS_FS_TRUNCATE;

    MAL_REQUIRE(fd >= 0, MAL_E_IO, "cannot open the folder to spill into: %s",
                strerror(errno));
    return allow_path(rules, fd, access & all);
}

static mal_err lock_land(const child_options *o) {
    landlock_rules r = { .fs = (1ULL << 13) - 1 }; /* ABI 1 */
    size_t size = sizeof r.fs;
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
                       LANDLOCK_CREATE_RULESET_VERSION);

    /* Without Landlock nothing can say which file may be opened.  If none needs
     * to be, seccomp alone forbids it. */
    if (abi < 1) {
        MAL_REQUIRE(o->n_files == 0 && !o->temp_dir, MAL_E_UNSUPPORTED,
                    "this kernel has no Landlock");
        return MAL_OK;
    }
    r.fs |= abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
    r.fs |= abi >= 3 ? ACCESS_FS_TRUNCATE : 0;
    r.fs |= abi >= 5 ? ACCESS_FS_IOCTL_DEV : 0;
    r.net = abi >= 4 ? ACCESS_NET_TCP : 0;
    r.scoped = abi >= 6 ? SCOPE_ALL : 0;
    if (abi >= 4)
        size += sizeof r.net;
    if (abi >= 6)
        size += sizeof r.scoped;
    MAL_AUTO(mal_fd_auto)
    int rules = (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
    MAL_REQUIRE(rules >= 0, MAL_E_STATE, "landlock_create_ruleset: %s",
                strerror(errno));
    MAL_TRY(allow_files(rules, o));
    if (o->temp_dir)
        MAL_TRY(allow_temp(rules, o->temp_dir, r.fs));
    MAL_REQUIRE(syscall(SYS_landlock_restrict_self, rules, 0) == 0, MAL_E_STATE,
                "landlock_restrict_self: %s", strerror(errno));
    return MAL_OK;
}

/* --- Seccomp ------------------------------------------------------------- */

static const int always[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(statx),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getcwd),
    SCMP_SYS(fadvise64),
    SCMP_SYS(fcntl),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getrandom),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getcpu),
    SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
    SCMP_SYS(getrusage),
    SCMP_SYS(getrlimit),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(membarrier),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};
static const int when_spilling[] = {
    SCMP_SYS(pwrite64),  SCMP_SYS(ftruncate),  SCMP_SYS(fallocate),
    SCMP_SYS(unlink),    SCMP_SYS(unlinkat),   SCMP_SYS(mkdir),
    SCMP_SYS(rmdir),     SCMP_SYS(getdents64), SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
};

static int allow(scmp_filter_ctx f, const int *calls, size_t n) {
    int bad = 0;
    for (size_t i = 0; i < n; i++)
        bad |= seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);
    return bad;
}

/* Calls that are allowed with some arguments only. */
static int allow_some(scmp_filter_ctx f, const child_options *o) {
    const scmp_datum_t write_flags = O_ACCMODE | O_CREAT | O_TRUNC;
    const scmp_datum_t me = (scmp_datum_t)getpid();
    int bad = 0;

    if (o->temp_dir)
        bad |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(openat), 0);
    else if (o->n_files)
        bad |= seccomp_rule_add(
            f, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
            SCMP_A2(SCMP_CMP_MASKED_EQ, write_flags, O_RDONLY));
    bad |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    bad |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    /* Threads, not processes; clone3 hides its flags: glibc falls back. */
    bad |= seccomp_rule_add(
        f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
        SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    bad |= seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    /* abort() and thread priorities touch nobody but ourselves. */
    bad |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                            SCMP_A0(SCMP_CMP_EQ, me));
    bad |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
                            SCMP_A2(SCMP_CMP_EQ, 0));
    bad |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                            SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
    return bad;
}

static mal_err filter_calls(const child_options *o) {
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));

    MAL_REQUIRE(f, MAL_E_MEMORY, "seccomp: out of memory");
    int bad = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
    /* A binary tree costs a few comparisons a call instead of dozens. */
    (void)seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    bad |= allow(f, always, sizeof always / sizeof *always);
    if (o->temp_dir)
        bad |= allow(f, when_spilling,
                     sizeof when_spilling / sizeof *when_spilling);
    bad |= allow_some(f, o);
    int loaded = bad ? -1 : seccomp_load(f);
    seccomp_release(f);
    MAL_REQUIRE(loaded == 0, MAL_E_STATE, "seccomp: cannot load the filter");
    return MAL_OK;
}

mal_err child_cage_begin(const child_options *options) {
    MAL_REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0,
                MAL_E_STATE, "prctl: %s", strerror(errno));
    /* An empty network where that is permitted.  Not load-bearing: seccomp
     * allows no socket.  No user namespace: it could cost the right to open the
     * given files again. */
    (void)unshare(CLONE_NEWNET | CLONE_NEWIPC);
    return set_limits(options);
}

/* Landlock holds for this thread and those that it starts: there must be no
 * other yet. */
mal_err child_cage_files(const child_options *options) {
    struct stat tasks;

    MAL_REQUIRE(stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink == 3,
                MAL_E_STATE, "DuckDB has already started threads");
    MAL_TRY(lock_land(options));
    return start_watch();
}

mal_err child_cage_close(const child_options *options) {
    return filter_calls(options);
}

/* --- The cage's own test ------------------------------------------------- */

mal_err child_cage_test(const char *how) {
    static char program[] = "/bin/true";
    char *const argv[] = { program, NULL };
    long out = 0;

    if (strcmp(how, "socket") == 0)
        out = socket(AF_INET, SOCK_STREAM, 0);
    else if (strcmp(how, "unix") == 0)
        out = socket(AF_UNIX, SOCK_STREAM, 0);
    else if (strcmp(how, "open") == 0)
        out = open("/etc/passwd", O_RDONLY);
    else if (strcmp(how, "write") == 0)
        out = open("/tmp/malus-duck-was-here", O_WRONLY | O_CREAT, 0600);
    else if (strcmp(how, "fork") == 0)
        out = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    else if (strcmp(how, "exec") == 0)
        out = execv(program, argv);
    else if (strcmp(how, "kill") == 0)
        out = kill(getppid(), 0);
    else if (strcmp(how, "ptrace") == 0)
        out = syscall(SYS_ptrace, 16, getppid(), 0, 0); /* PTRACE_ATTACH */
    else if (strcmp(how, "memfd") == 0)
        out = syscall(SYS_memfd_create, "x", 0);
    else if (strcmp(how, "jit") == 0)
        out = mmap(NULL, 4096, PROT_WRITE | PROT_EXEC,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
                  ? -1
                  : 0;
    else
        MAL_FAIL(MAL_E_INPUT, "no such provocation");
    if (strcmp(how, "fork") == 0 && out == 0)
        _exit(0);
    MAL_REQUIRE(out == -1, MAL_E_STATE, "the cage let '%s' through", how);
    return MAL_OK;
}
