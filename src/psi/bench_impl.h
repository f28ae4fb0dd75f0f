/* bench_impl.h - an intersection of files, as two processes run it. */
#ifndef MALUS_PSI_BENCH_IMPL_H
#define MALUS_PSI_BENCH_IMPL_H

#include "run_impl.h"

typedef struct csv_job {
    mal_psi_big_options options;
    const char *in, *out; /* out: the receiver's */
} csv_job;

/* rows lines "id,amount"; ids shift .. shift + rows - 1, scattered. */
mal_err bench_csv_make(const char *path, uint64_t rows,
                       uint64_t shift) MAL_MUST_CHECK;
/* File in; at the receiver file out, and how many lines it has. */
mal_err bench_csv_party(const csv_job *job, mal_chan *chan,
                        uint64_t *n_out) MAL_MUST_CHECK;

#endif
