/* server.c - the Unix socket: a JSON object a line, a thread a client. */
#include "node_impl.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define TICK_MS 1000
/* A client that does not read holds up no ending. */
#define LAST_WORDS_MS 5000

struct node_session {
    struct node_session *next;
    mal_node *node;
    int fd;
};
typedef struct node_session session;

static mal_err read_line(int fd, mal_buf *line, mal_buf *rest, bool *end) {
    mal_buf_reset(line);
    *end = false;
    for (;;) {
        uint8_t *at = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
        if (at) {
            size_t n = (size_t)(at - rest->ptr);
            MAL_TRY(mal_buf_put(line, mal_bytes_of(rest->ptr, n)));
            memmove(rest->ptr, at + 1, rest->len - n - 1);
            rest->len -= n + 1;
            return MAL_OK;
        }
        uint8_t chunk[16384];
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        *end = got <= 0;
        if (*end)
            return MAL_OK;
        MAL_TRY(mal_buf_put(rest, mal_bytes_of(chunk, (size_t)got)));
    }
}

static mal_err emit(void *ctx, mal_bytes line) {
    const session *s = ctx;
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    MAL_TRY(mal_buf_put(&out, line));
    MAL_TRY(mal_buf_put_u8(&out, '\n'));
    for (size_t done = 0; done < out.len;) {
        ssize_t n = send(s->fd, out.ptr + done, out.len - done, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        MAL_REQUIRE(n > 0, MAL_E_CANCEL, "the client went away");
        done += (size_t)n;
    }
    return MAL_OK;
}

/* After this the node may be gone: the last thing that a session touches of it
 * is its lock. */
static void leave(session *s) {
    mal_node *node = s->node;
    pthread_mutex_lock(&node->lock);
    for (session **at = &node->sessions; *at; at = &(*at)->next)
        if (*at == s) {
            *at = s->next;
            break;
        }
    close(s->fd);
    mal_free(s);
    node->clients--;
    pthread_cond_broadcast(&node->changed);
    pthread_mutex_unlock(&node->lock);
}

static void *serve(void *arg) {
    session *s = arg;
    mal_buf line = { .max = MAL_NODE_LINE_MAX };
    mal_buf rest = { .max = MAL_NODE_LINE_MAX };
    bool end = false;
    while (!atomic_load(&s->node->stopping) &&
           read_line(s->fd, &line, &rest, &end) == MAL_OK && !end)
        if (mal_node_request(s->node, mal_buf_view(&line), emit, s) != MAL_OK)
            break;
    mal_buf_clear(&line);
    mal_buf_clear(&rest);
    leave(s);
    return NULL;
}

static void shut(mal_node *node, int how) {
    for (session *s = node->sessions; s; s = s->next)
        shutdown(s->fd, how);
}

/* Nothing more is read from clients; what is under way is answered, and then
 * nobody but us holds the node. */
void node_server_close(mal_node *node) {
    const uint64_t end =
        mal_time_monotonic_ns() + LAST_WORDS_MS * UINT64_C(1000000);
    mal_fd_auto(&node->socket_fd);
    pthread_mutex_lock(&node->lock);
    shut(node, SHUT_RD);
    while (node->clients > 0) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        t.tv_sec += 1;
        pthread_cond_timedwait(&node->changed, &node->lock, &t);
        if (mal_time_monotonic_ns() >= end)
            shut(node, SHUT_RDWR);
    }
    pthread_mutex_unlock(&node->lock);
}

static void admit(mal_node *node, int fd) {
    session *s = mal_calloc(1, sizeof *s);
    pthread_t thread;
    pthread_attr_t attr;
    pthread_mutex_lock(&node->lock);
    bool room = s && node->clients < NODE_CLIENTS_MAX;
    if (room) {
        *s = (session){ .next = node->sessions, .node = node, .fd = fd };
        node->sessions = s;
        node->clients++;
    }
    pthread_mutex_unlock(&node->lock);
    if (!room) {
        mal_free(s);
        close(fd);
        return;
    }
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attr, serve, s) != 0)
        leave(s);
    pthread_attr_destroy(&attr);
}

/* The state folder may have a longer path than a socket's address holds: bind
 * through the folder's descriptor. */
mal_err node_server_open(mal_node *node) {
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", node->state, MAL_NODE_SOCKET);
    MAL_REQUIRE(strlen(path) < sizeof at.sun_path, MAL_E_LIMIT,
                "the path of the state folder is too long for a socket (%zu "
                "bytes at most): %s",
                sizeof at.sun_path - sizeof MAL_NODE_SOCKET - 1, node->state);
    memcpy(at.sun_path, path, strlen(path) + 1);
    unlink(path); /* ours: we hold the lock of the folder */
    node->socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    mode_t old = umask(0177);
    bool ok = node->socket_fd >= 0 &&
              bind(node->socket_fd, (struct sockaddr *)&at, sizeof at) == 0 &&
              listen(node->socket_fd, 64) == 0;
    umask(old);
    MAL_REQUIRE(ok, MAL_E_IO, "cannot listen on %s: %s", path, strerror(errno));
    return MAL_OK;
}

mal_err mal_node_serve(mal_node *node) {
    signal(SIGPIPE, SIG_IGN);
    uint64_t last = 0;
    for (;;) {
        struct pollfd p[2] = { { .fd = node->socket_fd, .events = POLLIN },
                               { .fd = node->stop_fd, .events = POLLIN } };
        if (poll(p, 2, TICK_MS) < 0 && errno != EINTR)
            MAL_FAIL(MAL_E_IO, "poll: %s", strerror(errno));
        if (p[1].revents & POLLIN)
            return MAL_OK;
        if (mal_time_monotonic_ns() - last >= TICK_MS * UINT64_C(1000000)) {
            node_tick(node);
            last = mal_time_monotonic_ns();
        }
        if (!(p[0].revents & POLLIN))
            continue;
        int fd = accept4(node->socket_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            admit(node, fd);
    }
}
