/* child.h - inside the cage. */
#ifndef DUCK_CHILD_H
#define DUCK_CHILD_H

#include "../duck_impl.h"

#define DUCK_EXIT_CAGE 121
#define DUCK_EXIT_MEMORY 122

typedef struct child_options {
    uint64_t memory_max;
    unsigned threads, n_files;
    const char *temp_dir; /* NULL: none */
} child_options;

/* --- cage.c: what the process may do, before and after DuckDB is loaded --- */

/* Limits, no way to gain rights, an empty network. */
mal_err child_cage_begin(const child_options *options) MAL_MUST_CHECK;
/* No new file but the given ones; a watch on the parent. */
mal_err child_cage_files(const child_options *options) MAL_MUST_CHECK;
/* From here on: no socket, no process, no executable memory. */
mal_err child_cage_close(const child_options *options) MAL_MUST_CHECK;
/* Try to leave: MAL_OK if the cage held. */
mal_err child_cage_test(const char *how) MAL_MUST_CHECK;

/* --- engine.c: DuckDB ---------------------------------------------------- */

typedef struct child_engine child_engine;
/* With one thread; configure starts the others and locks. */
mal_err child_engine_open(child_engine **engine) MAL_MUST_CHECK;
mal_err child_engine_configure(child_engine *engine,
                               const child_options *options) MAL_MUST_CHECK;
mal_err child_engine_run(child_engine *engine, const char *sql) MAL_MUST_CHECK;
mal_err child_engine_put(child_engine *engine, const char *table,
                         const mal_duck_batch *batch) MAL_MUST_CHECK;
mal_err child_engine_scan(child_engine *engine, const char *sql,
                          const mal_duck_type *types, unsigned n,
                          uint64_t rows_max) MAL_MUST_CHECK;
/* The next batch into a frame; no rows: the end. */
mal_err child_engine_next(child_engine *engine, mal_buf *frame) MAL_MUST_CHECK;
void child_engine_stop(child_engine *engine);
const char *child_engine_version(void);

#endif
