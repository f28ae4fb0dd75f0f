/* client.c - a client of a node's socket: a JSON object a line (docs/node.md).
 */
#include "cli_impl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_NAME "node.sock"           /* MAL_NODE_SOCKET */
#define LINE_MAX_BYTES ((size_t)64 << 20) /* MAL_NODE_LINE_MAX */

const char *cli_str(const mal_json *object, const char *key) {
    const char *text = "";
    if (mal_json_find(object, key) &&
        mal_json_get_str(object, key, &text) != MAL_OK)
        mal_err_forget();
    return text;
}

uint64_t cli_u64(const mal_json *object, const char *key) {
    uint64_t v = 0;
    if (mal_json_find(object, key) &&
        mal_json_get_u64(object, key, &v) != MAL_OK)
        mal_err_forget();
    return v;
}

double cli_real(const mal_json *object, const char *key) {
    double v = 0;
    const mal_json *value = mal_json_find(object, key);
    if (value && mal_json_as_real(value, key, &v) != MAL_OK)
        mal_err_forget();
    return v;
}

bool cli_bool(const mal_json *object, const char *key) {
    bool v = false;
    if (mal_json_find(object, key) &&
        mal_json_get_bool(object, key, &v) != MAL_OK)
        mal_err_forget();
    return v;
}

const mal_json *cli_list(const mal_json *object, const char *key) {
    return mal_json_find(object, key); /* no array has no elements */
}

mal_err cli_request(mal_json **request, const char *verb) {
    MAL_TRY(mal_json_new_object(request));
    return mal_json_put_str(*request, "verb", verb);
}

mal_err cli_put_given(mal_json *request, const char *key, const char *value) {
    return value ? mal_json_put_str(request, key, value) : MAL_OK;
}

/* --- The socket ---------------------------------------------------------- */

static mal_err dial(int *fd, const char *state) {
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int n =
        snprintf(at.sun_path, sizeof at.sun_path, "%s/%s", state, SOCKET_NAME);
    MAL_REQUIRE(n > 0 && (size_t)n < sizeof at.sun_path, MAL_E_LIMIT,
                "the path of the state folder is too long for a socket: %s",
                state);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MAL_REQUIRE(*fd >= 0, MAL_E_IO, "no socket: %s", strerror(errno));
    if (connect(*fd, (struct sockaddr *)&at, sizeof at) == 0)
        return MAL_OK;
    MAL_REQUIRE(errno != EACCES, MAL_E_DENIED,
                "%s belongs to another user of this machine", at.sun_path);
    MAL_FAIL(MAL_E_STATE,
             "no node runs at %s: start it with `malus node --state %s`", state,
             state);
}

static mal_err send_request(int fd, const mal_json *request) {
    MAL_AUTO(mal_buf_clear) mal_buf line = { .max = LINE_MAX_BYTES };
    MAL_TRY(mal_json_dump(&line, request));
    MAL_TRY(mal_buf_put_u8(&line, '\n'));
    return mal_fd_write(fd, mal_buf_view(&line));
}

/* Next line of the stream into `line`; what came after it stays in `rest`. */
static mal_err read_line(int fd, mal_buf *line, mal_buf *rest) {
    size_t seen = 0;
    mal_buf_reset(line);
    for (;;) {
        uint8_t *end = rest->len > seen
                           ? memchr(rest->ptr + seen, '\n', rest->len - seen)
                           : NULL;
        if (end) {
            size_t n = (size_t)(end - rest->ptr);
            MAL_TRY(mal_buf_put(line, mal_bytes_of(rest->ptr, n)));
            memmove(rest->ptr, end + 1, rest->len - n - 1);
            rest->len -= n + 1;
            return MAL_OK;
        }
        seen = rest->len;
        uint8_t chunk[16384];
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        MAL_REQUIRE(got > 0, MAL_E_PEER,
                    "the node ended before it answered: see its own output");
        MAL_TRY(mal_buf_put(rest, mal_bytes_of(chunk, (size_t)got)));
    }
}

static mal_err err_named(const char *name) {
    static const mal_err all[] = {
#define X(e, value, text) e,
        MAL_ERR_MAP(X)
#undef X
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] != MAL_OK && strcmp(mal_err_name(all[i]), name) == 0)
            return all[i];
    return MAL_E_PEER;
}

static mal_err follow(mal_json **done, int fd, bool progress) {
    MAL_AUTO(mal_buf_clear) mal_buf line = { .max = LINE_MAX_BYTES };
    MAL_AUTO(mal_buf_clear) mal_buf rest = { .max = LINE_MAX_BYTES + 65536 };
    for (;;) {
        MAL_AUTO(mal_json_auto) mal_json *event = NULL;
        MAL_TRY(read_line(fd, &line, &rest));
        MAL_TRY(mal_json_parse(&event, mal_buf_view(&line), LINE_MAX_BYTES));
        const char *kind = cli_str(event, "event");
        if (strcmp(kind, "progress") == 0) {
            if (progress)
                cli_bar_show(cli_str(event, "stage"), cli_u64(event, "done"),
                             cli_u64(event, "total"));
            continue;
        }
        bool ok = strcmp(kind, "done") == 0;
        MAL_REQUIRE(ok || strcmp(kind, "error") == 0, MAL_E_PEER,
                    "the node answered with an unknown event: is it another "
                    "version?");
        *done = mal_json_ref(event);
        return ok ? MAL_OK
                  : mal_err_set(err_named(cli_str(event, "code")), __FILE__,
                                __LINE__, "%s", cli_str(event, "message"));
    }
}

mal_err cli_call_at(mal_json **done, const char *state, const mal_json *request,
                    bool progress) {
    MAL_AUTO(mal_fd_auto) int fd = -1;
    *done = NULL;
    MAL_TRY(dial(&fd, state));
    MAL_TRY(send_request(fd, request));
    return follow(done, fd, progress);
}

/* The last event, without what only the socket needs, becomes the result. */
static mal_err keep(mal_cli *cli, mal_json *done) {
    for (mal_json_iter it = mal_json_begin(done); mal_json_next(&it);) {
        if (strcmp(it.key, "event") == 0 || strcmp(it.key, "code") == 0 ||
            strcmp(it.key, "message") == 0)
            continue;
        mal_json_remove(cli->result, it.key);
        MAL_TRY(mal_json_put(cli->result, it.key, it.value));
    }
    return MAL_OK;
}

mal_err cli_call(mal_cli *cli, const mal_json *request, const mal_json **done) {
    MAL_AUTO(mal_json_auto) mal_json *last = NULL;
    mal_err err = cli_call_at(&last, cli->state, request, !cli->json);
    cli_bar_clear();
    if (last) {
        mal_err kept = keep(cli, last);
        err = err == MAL_OK ? kept : err;
    }
    *done = cli->result;
    return err;
}

mal_err cli_ask(mal_cli *cli, const char *verb, const mal_json **done) {
    MAL_AUTO(mal_json_auto) mal_json *request = NULL;
    MAL_TRY(cli_request(&request, verb));
    return cli_call(cli, request, done);
}
