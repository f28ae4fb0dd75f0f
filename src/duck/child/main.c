/* main.c - malus-duck: one request after the other, until the parent hangs up.
 *
 * Started by mal_duck_start only: descriptor 3 is the socket, 64.. are the
 * files.
 */
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct request {
    child_engine *engine;
    mal_buf in, out;
    mal_duck_column columns[MAL_DUCK_COLUMNS_MAX];
} request;

static mal_err run_create(request *r, mal_rd *rd) {
    static const char *const sql_types[] = {
        [MAL_DUCK_I64] = "BIGINT",
        [MAL_DUCK_BOOL] = "BOOLEAN",
        [MAL_DUCK_ID] = "UUID",
        [MAL_DUCK_TEXT] = "VARCHAR",
    };
    MAL_AUTO(mal_buf_clear) mal_buf sql = { 0 };
    char name[64];
    const char *text;
    uint32_t n, type;

    MAL_TRY(mal_duck_name_get(rd, name));
    MAL_TRY(mal_rd_u32(rd, &n));
    MAL_REQUIRE(n > 0 && n <= MAL_DUCK_COLUMNS_MAX, MAL_E_PEER, "columns");
    MAL_TRY(mal_buf_put_fmt(&sql, "CREATE TABLE \"%s\" (", name));
    for (uint32_t i = 0; i < n; i++) {
        MAL_TRY(mal_duck_name_get(rd, name));
        MAL_TRY(mal_rd_u32(rd, &type));
        MAL_REQUIRE(type >= MAL_DUCK_I64 && type <= MAL_DUCK_TEXT, MAL_E_PEER,
                    "a column of no known type");
        MAL_TRY(mal_buf_put_fmt(&sql, "%s\"%s\" %s", i ? ", " : "", name,
                                sql_types[type]));
    }
    MAL_TRY(mal_rd_end(rd));
    MAL_TRY(mal_buf_put_str(&sql, ")"));
    MAL_TRY(mal_buf_cstr(&sql, &text));
    return child_engine_run(r->engine, text);
}

static mal_err run_put(request *r, mal_rd *rd) {
    mal_duck_batch batch;
    char name[64];

    MAL_TRY(mal_duck_name_get(rd, name));
    MAL_TRY(mal_duck_batch_get(&batch, r->columns,
                               mal_bytes_of(rd->ptr, rd->left)));
    return child_engine_put(r->engine, name, &batch);
}

static mal_err get_text(char **text, mal_arena **arena, mal_rd *rd) {
    *arena = mal_arena_new(MAL_DUCK_SQL_MAX + 4096);
    MAL_REQUIRE(*arena, MAL_E_MEMORY, "out of memory");
    MAL_TRY(mal_rd_str(rd, text, *arena, MAL_DUCK_SQL_MAX));
    return mal_rd_end(rd);
}

static mal_err run_sql(request *r, mal_rd *rd) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = NULL;
    char *sql;

    MAL_TRY(get_text(&sql, &arena, rd));
    return child_engine_run(r->engine, sql);
}

static mal_err run_scan(request *r, mal_rd *rd) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = NULL;
    mal_duck_type types[MAL_DUCK_COLUMNS_MAX];
    uint32_t n, type;
    uint64_t rows_max;
    char *sql;

    MAL_TRY(mal_rd_u32(rd, &n));
    MAL_REQUIRE(n > 0 && n <= MAL_DUCK_COLUMNS_MAX, MAL_E_PEER, "columns");
    for (uint32_t i = 0; i < n; i++) {
        MAL_TRY(mal_rd_u32(rd, &type));
        MAL_REQUIRE(type >= MAL_DUCK_I64 && type <= MAL_DUCK_TEXT, MAL_E_PEER,
                    "a column of no known type");
        types[i] = (mal_duck_type)type;
    }
    MAL_TRY(mal_rd_u64(rd, &rows_max));
    MAL_TRY(get_text(&sql, &arena, rd));
    return child_engine_scan(r->engine, sql, types, n, rows_max);
}

static mal_err run_next(request *r, mal_rd *rd) {
    MAL_TRY(mal_rd_end(rd));
    MAL_TRY(mal_duck_frame_begin(&r->out, DUCK_BATCH));
    return child_engine_next(r->engine, &r->out);
}

static mal_err run_stop(request *r, mal_rd *rd) {
    child_engine_stop(r->engine);
    return mal_rd_end(rd);
}

/* Misbehave on demand; compiled into test builds only. */
static mal_err run_provoke(request *r, mal_rd *rd) {
#ifdef MAL_TEST_BUILD
    MAL_AUTO(mal_arena_auto) mal_arena *arena = NULL;
    char *how;

    (void)r;
    MAL_TRY(get_text(&how, &arena, rd));
    if (strcmp(how, "crash") == 0)
        raise(SIGSEGV);
    else if (strcmp(how, "exit") == 0)
        _exit(3);
    else if (strcmp(how, "hang") == 0)
        for (;;)
            pause();
    else if (strcmp(how, "garbage") == 0)
        return mal_fd_write(DUCK_FD_SOCKET, mal_bytes_str("0123456789abcdef"));
    else
        return child_cage_test(how);
    return MAL_OK;
#else
    (void)r, (void)rd;
    MAL_FAIL(MAL_E_UNSUPPORTED, "not a test build");
#endif
}

static mal_err (*const handlers[DUCK_KINDS])(request *, mal_rd *) = {
    [DUCK_CREATE] = run_create,   [DUCK_PUT] = run_put,
    [DUCK_RUN] = run_sql,         [DUCK_SCAN] = run_scan,
    [DUCK_NEXT] = run_next,       [DUCK_STOP] = run_stop,
    [DUCK_PROVOKE] = run_provoke,
};

static mal_err put_error(mal_buf *out, mal_err err) {
    const char *text = mal_err_message();
    size_t n = strnlen(text, DUCK_ERROR_MAX);

    mal_buf_reset(out);
    MAL_TRY(mal_duck_frame_begin(out, DUCK_ERROR));
    MAL_TRY(mal_buf_put_u32(out, err));
    return mal_buf_put(out, mal_bytes_of(text, n));
}

static mal_err serve_one(request *r) {
    uint8_t header[DUCK_HEADER];
    duck_kind kind;
    size_t len;

    MAL_TRY(mal_fd_read(DUCK_FD_SOCKET, header, sizeof header));
    MAL_TRY(mal_duck_frame_header(&kind, &len, header));
    MAL_REQUIRE(handlers[kind], MAL_E_PEER, "no such request");
    mal_buf_reset(&r->in);
    MAL_TRY(mal_buf_reserve(&r->in, len));
    r->in.len = len;
    MAL_TRY(mal_fd_read(DUCK_FD_SOCKET, r->in.ptr, len));

    mal_rd rd = mal_rd_of(mal_buf_view(&r->in));
    mal_buf_reset(&r->out);
    mal_err err = handlers[kind](r, &rd);
    if (err != MAL_OK)
        MAL_TRY(put_error(&r->out, err));
    else if (r->out.len == 0)
        MAL_TRY(mal_duck_frame_begin(&r->out, DUCK_OK));
    mal_duck_frame_end(&r->out);
    return mal_fd_write(DUCK_FD_SOCKET, mal_buf_view(&r->out));
}

static mal_err hello(mal_buf *out) {
    MAL_TRY(mal_duck_frame_begin(out, DUCK_HELLO));
    MAL_TRY(mal_buf_put_str(out, child_engine_version()));
    mal_duck_frame_end(out);
    return mal_fd_write(DUCK_FD_SOCKET, mal_buf_view(out));
}

static int fail(const char *what, int code) {
    fprintf(stderr, "malus-duck: %s: %s\n", what, mal_err_trail());
    return code;
}

int main(int argc, char **argv) {
    static request r;
    child_options options = { 0 };

    if (argc != 5)
        return fail("started by Malus, not by hand", 2);
    options.memory_max = strtoull(argv[1], NULL, 10);
    options.threads = (unsigned)strtoul(argv[2], NULL, 10);
    options.n_files = (unsigned)strtoul(argv[3], NULL, 10);
    options.temp_dir = strcmp(argv[4], "-") == 0 ? NULL : argv[4];
    if (options.n_files > MAL_DUCK_FILES_MAX)
        return fail("too many files", 2);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    mal_buf_init(&r.in, DUCK_FRAME_MAX);
    mal_buf_init(&r.out, DUCK_FRAME_MAX);
    if (child_cage_begin(&options) != MAL_OK)
        return fail("cage", DUCK_EXIT_CAGE);
    if (child_engine_open(&r.engine) != MAL_OK)
        return fail("DuckDB", 3);
    if (child_cage_files(&options) != MAL_OK)
        return fail("cage", DUCK_EXIT_CAGE);
    if (child_engine_configure(r.engine, &options) != MAL_OK)
        return fail("DuckDB", 3);
    if (child_cage_close(&options) != MAL_OK)
        return fail("cage", DUCK_EXIT_CAGE);
    if (hello(&r.out) != MAL_OK)
        return fail("hello", 4);
    while (serve_one(&r) == MAL_OK)
        continue;
    /* The parent hung up, or broke the protocol: either way it is over. */
    _exit(0);
}
