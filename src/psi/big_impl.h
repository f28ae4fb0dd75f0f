/* big_impl.h - sets larger than memory: buckets in sealed files. */
#ifndef MALUS_PSI_BIG_IMPL_H
#define MALUS_PSI_BIG_IMPL_H

#include "run_impl.h"

/* A key and the place it had in the list. */
typedef struct big_record {
    mal_psi_key key;
    uint64_t row;
} big_record;

#define BIG_CHUNK 4096u /* records sealed at once: 96 KiB */

struct mal_psi_big {
    mal_psi_big_options options;
    char *dir;
    mal_key key;         /* the caller's; seals verdicts */
    mal_prim_hash shape; /* hash of session and parameters: of this job? */
    uint32_t buckets;
    uint64_t receiver_max, sender_max; /* of a bucket */
    uint8_t salt[32];                  /* of the key that seals the buckets */
    uint8_t file_key[32];
    mal_prim_aes route; /* keyed by the session: public */
    bool filled;
    uint64_t rows;
    uint64_t *chunks;   /* [buckets] chunks in the file of each */
    uint8_t *runs;      /* [buckets] times it was begun */
    uint32_t *waiting;  /* [buckets] records in its buffer */
    big_record *buffer; /* [buckets][BIG_CHUNK] while being filled */
    int *fd;            /* [buckets], or -1 */
    mal_buf sealed;
};

/* "dir/name.bucket" */
mal_err big_path(char *path, size_t len, const mal_psi_big *big,
                 const char *name, uint64_t bucket) MAL_MUST_CHECK;
/* All records of a bucket: list and rows are of the caller, mal_free. */
mal_err big_load(mal_psi_big *big, uint32_t bucket, mal_psi_key **keys,
                 uint64_t **rows, size_t *n) MAL_MUST_CHECK;
/* The state that must survive: written whole, or not at all. */
mal_err big_save(mal_psi_big *big) MAL_MUST_CHECK;

#endif
