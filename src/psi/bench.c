/* bench.c - what an intersection costs each party, as two processes.
 *
 * Receiver and sender are children of this process, joined by a socket: bytes
 * are copied through the kernel as between machines, and time and memory are
 * each party's own.  Half of the keys are common; the answer is checked.
 */
#include "bench_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- A channel over a socket ---------------------------------------------- */

typedef struct socket_chan {
    mal_chan chan;
    int fd;
} socket_chan;

static mal_err socket_send(mal_chan *chan, mal_bytes message) {
    const int fd = ((socket_chan *)chan)->fd;
    uint8_t len[4];
    mal_store_u32le(len, (uint32_t)message.len);
    MAL_TRY(mal_fd_write(fd, mal_bytes_of(len, sizeof len)));
    return mal_fd_write(fd, message);
}

static mal_err socket_recv(mal_chan *chan, mal_buf *message, size_t len_max) {
    const int fd = ((socket_chan *)chan)->fd;
    uint8_t word[4];
    MAL_TRY(mal_fd_read(fd, word, sizeof word));
    const size_t len = mal_load_u32le(word);
    PSI_REQUIRE_PEER(len <= len_max);
    mal_buf_reset(message);
    MAL_TRY(mal_buf_reserve(message, len));
    message->len = len;
    return mal_fd_read(fd, message->ptr, len);
}

static void socket_close(mal_chan *chan) {
    close(((socket_chan *)chan)->fd);
}

static const mal_chan_ops socket_ops = { socket_send, socket_recv,
                                         socket_close };

/* --- One party ------------------------------------------------------------ */

typedef struct figures {
    mal_err err;
    uint64_t wall_ns, cpu_ns, bytes, rss_kib, hits;
} figures;

typedef struct job {
    mal_psi_params params;
    bool receiver;
    uint64_t rows;
    const char *dir; /* of files, or NULL: keys in memory */
} job;

/* The receiver has 0 .. rows - 1, the sender rows / 2 .. */
static void fill(mal_psi_key *keys, const job *j) {
    for (uint64_t i = 0; i < j->rows; i++) {
        mal_store_u64le(keys[i].b, i + (j->receiver ? 0 : j->rows / 2));
        mal_store_u64le(keys[i].b + 8, j->rows);
    }
}

static mal_err in_memory(figures *f, const job *j, mal_chan *chan,
                         const mal_psi_key *keys) {
    const mal_psi_set set = { keys, j->rows, false };
    if (!j->receiver)
        return mal_psi_send(chan, &j->params, &set, NULL);
    uint64_t *hits = mal_calloc(j->rows / 64 + 1, sizeof *hits);
    if (!hits)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_err err = mal_psi_receive(hits, chan, &j->params, &set, NULL);
    for (uint64_t i = 0; i < (j->rows + 63) / 64; i++)
        f->hits += (uint64_t)__builtin_popcountll(hits[i]);
    mal_free(hits);
    return err;
}

static mal_err in_files(figures *f, const job *j, mal_chan *chan) {
    char in[512], out[512], dir[512];
    uint8_t key[32];
    const char *me = j->receiver ? "receiver" : "sender";
    snprintf(in, sizeof in, "%s/%s.csv", j->dir, me);
    snprintf(out, sizeof out, "%s/common.csv", j->dir);
    snprintf(dir, sizeof dir, "%s/%s", j->dir, me);
    mal_prim_random(key, sizeof key);
    const csv_job c = { .options = { .params = j->params,
                                     .dir = dir,
                                     .key = { key, sizeof key },
                                     .receiver = j->receiver },
                        .in = in,
                        .out = out };
    return bench_csv_party(&c, chan, &f->hits);
}

static mal_err run_party(figures *f, const job *j, mal_chan *chan,
                         mal_psi_key *keys) {
    const uint8_t ready = 1;
    uint8_t other;
    if (keys)
        fill(keys, j);
    /* Both have their keys, or files, before the clock starts. */
    MAL_TRY(mal_chan_send(chan, mal_bytes_of(&ready, 1)));
    MAL_TRY(mal_chan_recv_exact(chan, &other, 1));
    const uint64_t wall = mal_time_monotonic_ns(), cpu = mal_time_cpu_ns();
    const uint64_t before = chan->bytes_sent;
    MAL_TRY(j->dir ? in_files(f, j, chan) : in_memory(f, j, chan, keys));
    f->wall_ns = mal_time_monotonic_ns() - wall;
    f->cpu_ns = mal_time_cpu_ns() - cpu;
    f->bytes = chan->bytes_sent - before;
    return MAL_OK;
}

static void child(int fd, int result, const job *j) {
    socket_chan chan = { .chan.ops = &socket_ops, .fd = fd };
    figures f = { 0 };
    struct rusage usage;
    mal_psi_key *keys = j->dir ? NULL : mal_calloc(j->rows, sizeof *keys);
    f.err = keys || j->dir ? run_party(&f, j, &chan.chan, keys) : MAL_E_MEMORY;
    if (f.err != MAL_OK)
        fprintf(stderr, "%s\n", mal_err_trail());
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        f.rss_kib = (uint64_t)usage.ru_maxrss;
    if (mal_fd_write(result, mal_bytes_of(&f, sizeof f)) != MAL_OK)
        _exit(1);
    _exit(0);
}

/* --- Both ----------------------------------------------------------------- */

typedef struct pair {
    int link[2], result[2][2];
    pid_t pid[2];
} pair;

static void pair_close(pair *p) {
    for (unsigned i = 0; i < 2; i++) {
        mal_fd_auto(&p->link[i]);
        mal_fd_auto(&p->result[i][0]);
        mal_fd_auto(&p->result[i][1]);
        if (p->pid[i] > 0)
            waitpid(p->pid[i], NULL, 0);
    }
}

static mal_err start(pair *p, unsigned i, const job *j) {
    MAL_REQUIRE(pipe(p->result[i]) == 0, MAL_E_IO, "no pipe: %s",
                strerror(errno));
    p->pid[i] = fork();
    MAL_REQUIRE(p->pid[i] >= 0, MAL_E_IO, "no child: %s", strerror(errno));
    if (p->pid[i] == 0) {
        mal_fd_auto(&p->link[1 - i]);
        child(p->link[i], p->result[i][1], j);
    }
    mal_fd_auto(&p->result[i][1]);
    p->result[i][1] = -1;
    return MAL_OK;
}

static mal_err run_both(figures f[2], job *j) {
    MAL_AUTO(pair_close)
    pair p = { .link = { -1, -1 }, .result = { { -1, -1 }, { -1, -1 } } };
    const uint64_t common = j->rows - j->rows / 2;
    MAL_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, p.link) == 0, MAL_E_IO,
                "no sockets: %s", strerror(errno));
    for (unsigned i = 0; i < 2; i++) {
        j->receiver = i == 0;
        MAL_TRY(start(&p, i, j));
    }
    for (unsigned i = 0; i < 2; i++)
        mal_fd_auto(&p.link[i]);
    for (unsigned i = 0; i < 2; i++) {
        MAL_TRY(mal_fd_read(p.result[i][0], &f[i], sizeof f[i]));
        MAL_REQUIRE(f[i].err == MAL_OK, f[i].err,
                    "a party of the bench failed");
    }
    MAL_REQUIRE(f[0].hits == common, MAL_E_STATE,
                "the bench found %llu common keys of %llu",
                (unsigned long long)f[0].hits, (unsigned long long)common);
    return MAL_OK;
}

static mal_err put_line(mal_buf *lines, const char *name, const job *j,
                        const figures f[2]) {
    uint64_t told = 0, rounds;
    if (!j->dir) /* buckets have bounds of their own */
        MAL_TRY(mal_psi_cost(&told, &rounds, &j->params));
    const double wall = (double)f[0].wall_ns, rows = (double)j->rows;
    const uint64_t bytes = f[0].bytes + f[1].bytes;
    return mal_buf_put_fmt(
        lines,
        "{\"engine\":\"psi\",\"name\":\"%s\",\"rows\":%llu,\"threads\":%u,"
        "\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"bytes\":%llu,"
        "\"ns_per_row\":%.1f,\"cpu_receiver\":%.6f,\"cpu_sender\":%.6f,"
        "\"bytes_per_row\":%.2f,\"bytes_foretold\":%llu,\"rss_receiver\":%llu,"
        "\"rss_sender\":%llu}\n",
        name, (unsigned long long)j->rows, j->params.threads, wall * 1e-9,
        (double)(f[0].cpu_ns + f[1].cpu_ns) * 1e-9, (unsigned long long)bytes,
        wall / rows, (double)f[0].cpu_ns * 1e-9, (double)f[1].cpu_ns * 1e-9,
        (double)bytes / rows, (unsigned long long)told,
        (unsigned long long)f[0].rss_kib * 1024,
        (unsigned long long)f[1].rss_kib * 1024);
}

static mal_err measure(mal_buf *lines, const char *name, job *j,
                       mal_psi_security security) {
    figures f[2] = { { 0 } };
    j->params.security = security;
    mal_prim_random(j->params.session, sizeof j->params.session);
    MAL_TRY(run_both(f, j));
    return put_line(lines, name, j, f);
}

/* The files are made, and removed again, outside the clock. */
static mal_err measure_files(mal_buf *lines, job *j) {
    char base[256], path[512];
    const char *tmp = getenv("TMPDIR");
    snprintf(base, sizeof base, "%s/malus-bench-XXXXXX", tmp ? tmp : "/tmp");
    MAL_REQUIRE(mkdtemp(base), MAL_E_IO, "no folder for the bench: %s",
                strerror(errno));
    snprintf(path, sizeof path, "%s/receiver.csv", base);
    mal_err err = bench_csv_make(path, j->rows, 0);
    snprintf(path, sizeof path, "%s/sender.csv", base);
    if (err == MAL_OK)
        err = bench_csv_make(path, j->rows, j->rows / 2);
    j->dir = base;
    if (err == MAL_OK)
        err = measure(lines, "csv", j, MAL_PSI_MALICIOUS);
    mal_err gone = mal_dir_remove(base);
    return err == MAL_OK ? gone : err;
}

static bool wanted(const char *only, const char *name) {
    return !only || strcmp(only, name) == 0;
}

mal_err mal_psi_bench(mal_buf *lines, const char *only, uint64_t rows,
                      unsigned threads) {
    job j = { .rows = rows };
    j.params.receiver_max = j.params.sender_max = rows;
    j.params.threads = threads ? threads : 1;
    const bool files = only && strcmp(only, "csv") == 0;
    MAL_REQUIRE(rows >= 1 && (files || rows <= MAL_PSI_SET_MAX), MAL_E_INPUT,
                "a bench of %llu rows: take 1 to %llu",
                (unsigned long long)rows, (unsigned long long)MAL_PSI_SET_MAX);
    MAL_TRY(mal_prim_init());
    if (wanted(only, "semi-honest"))
        MAL_TRY(measure(lines, "semi-honest", &j, MAL_PSI_SEMI_HONEST));
    if (wanted(only, "malicious"))
        MAL_TRY(measure(lines, "malicious", &j, MAL_PSI_MALICIOUS));
    return files ? measure_files(lines, &j) : MAL_OK;
}
