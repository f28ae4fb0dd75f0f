/* parent.h - what process.c and duck.c share: the node's end of one child. */
#ifndef DUCK_PARENT_H
#define DUCK_PARENT_H

#include "duck_impl.h"

#include <sys/types.h>

#define PATH_MAX_DUCK 4096
#define DUCK_EXIT_EXEC 127   /* not started */
#define DUCK_EXIT_CAGE 121   /* no cage */
#define DUCK_EXIT_MEMORY 122 /* allocation failed outside DuckDB */

struct mal_duck {
    pid_t pid;     /* 0: gone */
    int socket;    /* -1: closed */
    bool kill_now; /* do not wait for it to end by itself */
    bool scanning; /* between scan_begin and scan_end */
    bool asked;    /* a NEXT was sent and its answer is due */
    unsigned timeout_ms;
    uint64_t cpu_ns; /* of a child that is gone */
    char version[64];
    mal_buf in, out;

    mal_buf front; /* the batch that the caller looks at */
    unsigned n;    /* columns of the scan */
    mal_duck_type types[MAL_DUCK_COLUMNS_MAX];
    mal_duck_column columns[MAL_DUCK_COLUMNS_MAX];
    uint64_t rows, rows_max;
};

int mal_duck_bury(mal_duck *duck);
mal_err mal_duck_distrust(mal_duck *duck, mal_err err) MAL_MUST_CHECK;
/* Completes duck->out's frame and sends it. */
mal_err mal_duck_send(mal_duck *duck, mal_buf *frame) MAL_MUST_CHECK;
/* One frame into duck->in. */
mal_err mal_duck_recv(mal_duck *duck, duck_kind *kind) MAL_MUST_CHECK;

#endif
