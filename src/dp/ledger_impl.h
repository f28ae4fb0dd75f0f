/* ledger_impl.h - what the ledger's files share. */
#ifndef MALUS_DP_LEDGER_IMPL_H
#define MALUS_DP_LEDGER_IMPL_H

#include <malus/db.h>
#include <malus/dp.h>
#include <pthread.h>
#include <string.h>

#pragma GCC poison float double

struct mal_dp_ledger {
    mal_db *db;
    pthread_mutex_t lock; /* one connection, one transaction */
};

/* Who holds the lock declares the unlocking. */
static inline void mal_dp_unlock_auto(mal_dp_ledger **ledger) {
    if (*ledger)
        pthread_mutex_unlock(&(*ledger)->lock);
}
#define LEDGER_LOCKED(name, ledger)                                            \
    pthread_mutex_lock(&(ledger)->lock);                                       \
    MAL_AUTO(mal_dp_unlock_auto) mal_dp_ledger *name = (ledger)

#define LEDGER_NUMBER_MAX ((uint64_t)1 << 62) /* of times and amounts */

mal_err mal_dp_name_check(const char *what, const char *name) MAL_MUST_CHECK;

typedef struct mal_dp_row {
    mal_dp_state state;
    uint64_t deadline;
    uint8_t digest[32];
} mal_dp_row;
/* MAL_E_MISSING: no such job. */
mal_err mal_dp_job_read(mal_dp_ledger *ledger, mal_dp_row *row,
                        const uint8_t job_id[32]) MAL_MUST_CHECK;
/* Inside a transaction: insert a blob, or find the same one. */
mal_err mal_dp_blob_put(mal_dp_ledger *ledger, const uint8_t job_id[32],
                        const char *kind, const char *peer,
                        mal_bytes blob) MAL_MUST_CHECK;

mal_err mal_dp_limit_check(const mal_dp_limit *limit) MAL_MUST_CHECK;
const char *mal_dp_scope_name(mal_dp_scope scope);

typedef struct mal_dp_sum {
    uint64_t held, spent, delta, exact;
} mal_dp_sum;
typedef struct mal_dp_whose {
    const char *analyst, *room, *purpose;
} mal_dp_whose;
/* What counts against `limit` in this lineage. */
mal_err mal_dp_sum_read(mal_dp_ledger *ledger, mal_dp_sum *sum,
                        const char *lineage, const mal_dp_limit *limit,
                        mal_dp_whose whose, uint64_t now) MAL_MUST_CHECK;

#endif
