/* log_impl.h - an open log: log.c writes it, prove.c reads it. */
#ifndef MAL_AUDIT_LOG_IMPL_H
#define MAL_AUDIT_LOG_IMPL_H

#include "audit_impl.h"

#include <pthread.h>

struct mal_audit_log {
    pthread_mutex_t lock;
    char *dir;
    int dir_fd, lock_fd;
    bool dead; /* a signed size may not be on disk: reopen */
    mal_audit_vkey vkey;
    mal_audit_signer signer;
    audit_edge *edge, *next; /* what is signed; what an append builds */
    mal_buf note;            /* the checkpoint, with published cosignatures */
    audit_nodes *cache;      /* [AUDIT_CACHE] full tiles */
};

mal_err audit_log_path(mal_buf *out, const mal_audit_log *log, int level,
                       uint64_t index, unsigned width) MAL_MUST_CHECK;
/* The root of the first `size` entries, size <= that of the edge. */
mal_err audit_log_root_locked(mal_audit_log *log, mal_prim_hash *root,
                              uint64_t size) MAL_MUST_CHECK;

#endif
