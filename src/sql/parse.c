/* parse.c - PostgreSQL's own grammar, kept at arm's length.
 *
 * libpg_query walks its trees by recursion, so it runs on a thread whose stack
 * holds the deepest tree that MAL_SQL_TOKENS_MAX tokens can make.  While it
 * parses it points the process's stderr at a pipe of its own; one lock keeps
 * two parses from restoring each other's. */
#include "bind_impl.h"

#include <pg_query.h>
#include <pthread.h>
#include <string.h>

#define STACK_BYTES ((size_t)256 << 20) /* reserved, not touched */

typedef struct parse_job {
    const char *text;
    PgQueryProtobufParseResult parsed;
    PgQueryScanResult scanned;
    PgQuery__ParseResult *result;
    size_t n_tokens;
    bool ran;
} parse_job;

static void *parse_on_thread(void *arg) {
    parse_job *job = arg;
    job->scanned = pg_query_scan(job->text);
    if (!job->scanned.error) {
        PgQuery__ScanResult *scan = pg_query__scan_result__unpack(
            NULL, job->scanned.pbuf.len, (uint8_t *)job->scanned.pbuf.data);
        job->n_tokens = scan ? scan->n_tokens : SIZE_MAX;
        pg_query__scan_result__free_unpacked(scan, NULL);
        if (job->n_tokens <= MAL_SQL_TOKENS_MAX) {
            job->parsed = pg_query_parse_protobuf(job->text);
            job->ran = true;
        }
    }
    if (job->ran && !job->parsed.error)
        job->result = pg_query__parse_result__unpack(
            NULL, job->parsed.parse_tree.len,
            (uint8_t *)job->parsed.parse_tree.data);
    return NULL; /* the thread's end frees libpg_query's memory */
}

static void *free_on_thread(void *arg) {
    pg_query__parse_result__free_unpacked(arg, NULL);
    return NULL;
}

static mal_err on_thread(void *(*run)(void *), void *arg) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_attr_t attr;
    pthread_t thread;
    MAL_REQUIRE(pthread_attr_init(&attr) == 0, MAL_E_MEMORY,
                "no memory for a parser thread");
    int failed = pthread_attr_setstacksize(&attr, STACK_BYTES);
    pthread_mutex_lock(&lock);
    if (!failed)
        failed = pthread_create(&thread, &attr, run, arg);
    if (!failed)
        failed = pthread_join(thread, NULL);
    pthread_mutex_unlock(&lock);
    pthread_attr_destroy(&attr);
    MAL_REQUIRE(!failed, MAL_E_MEMORY, "cannot start a parser thread");
    return MAL_OK;
}

/* libpg_query counts characters from 1; the text is UTF-8. */
static int byte_of(mal_bytes text, int character) {
    size_t at = 0;
    for (int c = 1; c < character && at < text.len; c++) {
        at++;
        while (at < text.len && (text.ptr[at] & 0xc0) == 0x80)
            at++;
    }
    return (int)at;
}

static mal_err judge(const sql_cx *cx, parse_job *job, sql_tree *tree) {
    PgQueryError *error =
        job->scanned.error ? job->scanned.error : job->parsed.error;
    if (error)
        SQL_FAIL(cx, byte_of(cx->text, error->cursorpos), MAL_E_INPUT, "%s",
                 error->message ? error->message : "syntax error");
    SQL_NEED(job->ran, cx, 0, MAL_E_LIMIT,
             "more than %u words and signs: shorten the query",
             MAL_SQL_TOKENS_MAX);
    MAL_REQUIRE(job->result, MAL_E_MEMORY, "no memory for the parse tree");
    tree->result = job->result;
    SQL_NEED(job->result->n_stmts == 1, cx, 0, MAL_E_INPUT,
             "one SELECT at a time: %zu statements", job->result->n_stmts);
    const pg_node *stmt = job->result->stmts[0]->stmt;
    SQL_NEED(stmt && stmt->node_case == PG_QUERY__NODE__NODE_SELECT_STMT, cx,
             job->result->stmts[0]->stmt_location, MAL_E_UNSUPPORTED,
             "only SELECT is a question");
    tree->select = stmt->select_stmt;
    return MAL_OK;
}

/* Non-empty, without NULs, UTF-8: names and literals inherit it. */
static mal_err check_text(const sql_cx *cx) {
    mal_bytes t = cx->text;
    MAL_REQUIRE(t.len <= MAL_SQL_TEXT_MAX, MAL_E_LIMIT,
                "a query of %zu bytes; at most %zu", t.len, MAL_SQL_TEXT_MAX);
    MAL_REQUIRE(t.len > 0, MAL_E_INPUT, "the query is empty");
    for (size_t i = 0, n; i < t.len; i += n) {
        n = sql_utf8_at(t.ptr + i, t.len - i);
        SQL_NEED(n > 0, cx, (int)i, MAL_E_INPUT, "the query is not UTF-8");
        SQL_NEED(t.ptr[i], cx, (int)i, MAL_E_INPUT, "a NUL byte in the query");
    }
    return MAL_OK;
}

mal_err sql_tree_parse(sql_tree *tree, const sql_cx *cx) {
    *tree = (sql_tree){ 0 };
    MAL_TRY(check_text(cx));
    parse_job job = { .text = mal_arena_strndup(cx->arena,
                                                (const char *)cx->text.ptr,
                                                cx->text.len) };
    MAL_REQUIRE(job.text, MAL_E_MEMORY, "no memory for the query");
    MAL_TRY(on_thread(parse_on_thread, &job));
    mal_err err = judge(cx, &job, tree);
    if (job.ran)
        pg_query_free_protobuf_parse_result(job.parsed);
    pg_query_free_scan_result(job.scanned);
    return err;
}

void sql_tree_clear(sql_tree *tree) {
    if (tree->result && on_thread(free_on_thread, tree->result) != MAL_OK)
        mal_err_forget(); /* the tree leaks rather than overflow our stack */
    *tree = (sql_tree){ 0 };
}
