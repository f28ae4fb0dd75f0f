/* source.c - a CSV or Parquet file as batches of text cells, through the cage.
 *
 * DuckDB splits and decodes; every cell arrives as text and is judged by our
 * own code (judge.c), so that CSV and Parquet, and every version of DuckDB,
 * give the same integers.  The SQL is made of generated names only: the
 * header's names are compared here, never printed.
 */
#include "source.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define HEADER_MAX 4096u /* columns of a file */

static bool is_parquet(const char *path, mal_store_format format) {
    size_t n = strlen(path);
    if (format != MAL_STORE_BY_NAME)
        return format == MAL_STORE_PARQUET;
    return n >= 8 && strcasecmp(path + n - 8, ".parquet") == 0;
}

mal_err mal_store_source_open(store_source *s, const char *path,
                              const mal_store_options *o) {
    struct stat st;

    s->parquet = is_parquet(path, o->format);
    s->delimiter = o->delimiter ? o->delimiter : ',';
    s->strict = o->strict;
    MAL_REQUIRE(s->delimiter == '\t' || s->delimiter == '|' ||
                    s->delimiter == ',' || s->delimiter == ';',
                MAL_E_INPUT, "a CSV file is delimited by , ; | or a tab");
    s->fd = open(path, O_RDONLY | O_CLOEXEC);
    MAL_REQUIRE(s->fd >= 0, MAL_E_MISSING, "cannot open %s: %s", path,
                strerror(errno));
    MAL_REQUIRE(fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode), MAL_E_INPUT,
                "%s is no regular file: write it to one first", path);
    MAL_REQUIRE(st.st_size > 0, MAL_E_INPUT, "%s is empty", path);
    s->bytes = (uint64_t)st.st_size;
    const mal_duck_options options = {
        .memory_max = o->memory_max ? o->memory_max : (uint64_t)512 << 20,
        .threads = o->threads,
        .timeout_ms = o->timeout_ms,
        .files = &s->fd,
        .n_files = 1,
    };
    return mal_duck_start(&s->duck, &options);
}

void mal_store_source_clear(store_source *s) {
    mal_duck_auto(&s->duck);
    mal_fd_auto(&s->fd);
}

/* The reader of n columns called c0, c1, ..., all text. */
static mal_err put_reader(mal_buf *sql, const store_source *s, unsigned n) {
    if (s->parquet)
        return mal_buf_put_fmt(sql, "read_parquet('%s')",
                               mal_duck_file_path(0));
    MAL_TRY(mal_buf_put_fmt(sql,
                            "read_csv('%s', auto_detect=false, header=true, "
                            "quote='\"', escape='\"', nullstr='', "
                            "delim='%c', columns={",
                            mal_duck_file_path(0), s->delimiter));
    for (unsigned i = 0; i < n; i++)
        MAL_TRY(mal_buf_put_fmt(sql, "%s'c%u':'VARCHAR'", i ? "," : "", i));
    MAL_TRY(mal_buf_put_str(sql, "}"));
    /* Malformed rows are skipped and counted, or (strict) end the ingest. */
    if (!s->strict)
        MAL_TRY(mal_buf_put_str(sql, ", store_rejects=true"));
    return mal_buf_put_str(sql, ")");
}

static bool same_name(mal_bytes a, const char *b) {
    return a.len == strlen(b) &&
           strncasecmp((const char *)a.ptr, b, a.len) == 0;
}

static mal_bytes text_of(const mal_duck_column *c, size_t row) {
    return mal_bytes_of(c->text + c->text_at[row],
                        c->text_at[row + 1] - c->text_at[row]);
}

/* Parquet's types that become text without loss. */
static mal_err check_type(mal_bytes type, const char *name) {
    static const char *const good[] = {
        "VARCHAR", "BIGINT",  "INTEGER",  "SMALLINT",  "TINYINT",
        "HUGEINT", "UBIGINT", "UINTEGER", "USMALLINT", "UTINYINT",
        "BOOLEAN", "DATE",    "UUID",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (same_name(type, good[i]))
            return MAL_OK;
    if (type.len > 8 && strncasecmp((const char *)type.ptr, "DECIMAL(", 8) == 0)
        return MAL_OK;
    if (same_name(type, "DOUBLE") || same_name(type, "FLOAT"))
        MAL_FAIL(MAL_E_INPUT,
                 "column %s is %.*s: binary fractions have no exact decimal "
                 "value; write it as DECIMAL(p, s) or as text",
                 name, (int)type.len, (const char *)type.ptr);
    MAL_FAIL(MAL_E_INPUT,
             "column %s is %.40s: only integers, decimals, text, booleans, "
             "dates and UUIDs are read; convert it first",
             name, (const char *)type.ptr);
}

/* Where the schema's columns stand in the file. */
static mal_err map_columns(store_source *s, const store_schema *schema,
                           const mal_bytes *names, unsigned n,
                           const mal_duck_column *types) {
    for (unsigned c = 0; c < schema->n; c++) {
        const char *name = schema->columns[c].name;
        unsigned found = 0;
        for (unsigned i = 0; i < n; i++) {
            if (!same_name(names[i], name))
                continue;
            MAL_REQUIRE(found++ == 0, MAL_E_INPUT,
                        "the file has two columns called %s", name);
            s->at[c] = i;
            if (types)
                MAL_TRY(check_type(text_of(types, i), name));
        }
        MAL_REQUIRE(found == 1, MAL_E_INPUT,
                    "the file has no column %s, which the contract declares "
                    "for %s",
                    name, schema->dataset);
    }
    return MAL_OK;
}

/* The first line of a CSV file as one cell: no guessing of what it might be. */
static mal_err read_header_csv(store_source *s, const store_schema *schema,
                               mal_arena *arena, unsigned *n) {
    static const char format[] =
        "SELECT l FROM read_csv('%s', auto_detect=false, header=false, "
        "quote='', escape='', nullstr='\x02', delim='\x01', "
        "ignore_errors=true, columns={'l':'VARCHAR'}) LIMIT 1";
    const mal_duck_type type = MAL_DUCK_TEXT;
    char sql[sizeof format + 64];
    mal_duck_batch line;

    snprintf(sql, sizeof sql, format, mal_duck_file_path(0));
    MAL_TRY(mal_duck_query(s->duck, &line, arena, sql, &type, 1, 1));
    MAL_REQUIRE(line.rows == 1, MAL_E_INPUT,
                "the file has no header: its first line names the columns");
    mal_bytes *names = mal_arena_calloc(arena, HEADER_MAX, sizeof *names);
    MAL_REQUIRE(names, MAL_E_MEMORY, "out of memory");
    MAL_TRY(mal_store_header_split(names, n, HEADER_MAX, arena,
                                   text_of(&line.columns[0], 0), s->delimiter));
    return map_columns(s, schema, names, *n, NULL);
}

static mal_err read_header_parquet(store_source *s, const store_schema *schema,
                                   mal_arena *arena, unsigned *n) {
    const mal_duck_type types[2] = { MAL_DUCK_TEXT, MAL_DUCK_TEXT };
    char sql[160];
    mal_duck_batch header;

    snprintf(sql, sizeof sql,
             "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM "
             "read_parquet('%s'))",
             mal_duck_file_path(0));
    MAL_TRY(mal_duck_query(s->duck, &header, arena, sql, types, 2, HEADER_MAX));
    *n = (unsigned)header.rows;
    mal_bytes *names = mal_arena_calloc(arena, *n + 1, sizeof *names);
    MAL_REQUIRE(names, MAL_E_MEMORY, "out of memory");
    for (unsigned i = 0; i < *n; i++)
        names[i] = text_of(&header.columns[0], i);
    return map_columns(s, schema, names, *n, &header.columns[1]);
}

/* Parquet columns have the file's names; they are reached by position. */
static mal_err put_select(mal_buf *sql, store_source *s,
                          const store_schema *schema, unsigned n) {
    MAL_TRY(mal_buf_put_str(sql, "SELECT "));
    for (unsigned c = 0; c < schema->n; c++)
        MAL_TRY(mal_buf_put_fmt(sql, "%sCAST(c%u AS VARCHAR)", c ? ", " : "",
                                s->at[c]));
    MAL_TRY(mal_buf_put_str(sql, " FROM "));
    MAL_TRY(put_reader(sql, s, n));
    if (!s->parquet)
        return MAL_OK;
    MAL_TRY(mal_buf_put_str(sql, " AS t("));
    for (unsigned i = 0; i < n; i++)
        MAL_TRY(mal_buf_put_fmt(sql, "%sc%u", i ? "," : "", i));
    return mal_buf_put_str(sql, ")");
}

mal_err mal_store_source_begin(store_source *s, const store_schema *schema) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(16 << 20);
    MAL_AUTO(mal_buf_clear) mal_buf sql = { 0 };
    mal_duck_type types[MAL_STORE_COLUMNS_MAX];
    const char *text;
    unsigned n;

    MAL_REQUIRE(arena, MAL_E_MEMORY, "out of memory");
    if (s->parquet)
        MAL_TRY(read_header_parquet(s, schema, arena, &n));
    else
        MAL_TRY(read_header_csv(s, schema, arena, &n));
    MAL_TRY(put_select(&sql, s, schema, n));
    MAL_TRY(mal_buf_cstr(&sql, &text));
    for (unsigned i = 0; i < schema->n; i++)
        types[i] = MAL_DUCK_TEXT;
    return mal_duck_scan_begin(s->duck, text, types, schema->n, UINT64_MAX);
}

mal_err mal_store_source_next(store_source *s, mal_duck_batch *cells) {
    return mal_duck_scan_next(s->duck, cells);
}

mal_err mal_store_source_end(store_source *s, uint64_t *malformed) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1 << 20);
    const mal_duck_type type = MAL_DUCK_I64;
    mal_duck_batch b;

    *malformed = 0;
    MAL_TRY(mal_duck_scan_end(s->duck));
    if (s->parquet || s->strict)
        return MAL_OK;
    MAL_REQUIRE(arena, MAL_E_MEMORY, "out of memory");
    MAL_TRY(mal_duck_query(s->duck, &b, arena,
                           "SELECT count(DISTINCT line) FROM reject_errors",
                           &type, 1, 1));
    MAL_REQUIRE(b.rows == 1 && b.columns[0].i64[0] >= 0, MAL_E_PEER,
                "DuckDB counts no malformed rows");
    *malformed = (uint64_t)b.columns[0].i64[0];
    return MAL_OK;
}
