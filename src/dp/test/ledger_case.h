/* ledger_case.h - a small world for the ledger's tests: one owner's ledger, two
 * datasets, one other owner. */
#ifndef LEDGER_CASE_H
#define LEDGER_CASE_H

#include "mal_test.h"
#include <malus/dp.h>

#define NOW 1000000u
#define DAY 86400u

typedef struct world {
    mal_dp_ledger *ledger;
    mal_dp_charge charges[4];
    mal_dp_limit limits[4];
    const char *peers[2];
    mal_dp_hold hold;
    size_t n_limits;
} world;

static inline mal_dp_loss loss_of(uint64_t eps_num, uint64_t eps_den) {
    return (mal_dp_loss){ .mechanism = MAL_DP_LAPLACE,
                          .eps_num = eps_num,
                          .eps_den = eps_den,
                          .sensitivity = 1,
                          .delta_64 = 10,
                          .parties = 3,
                          .share_k = 2,
                          .unit = "acme.customers.email" };
}

static inline void world_open(world *w, const char *path) {
    memset(w, 0, sizeof *w);
    CHECK_OK(mal_prim_init());
    CHECK_OK(mal_dp_ledger_open(&w->ledger, path));
    CHECK_OK(
        mal_dp_ledger_register(w->ledger, "customers@1", NULL, 0, "new table"));
    CHECK_OK(
        mal_dp_ledger_register(w->ledger, "visits@1", NULL, 0, "new table"));
    w->charges[0] = (mal_dp_charge){ "customers@1", loss_of(1, 2) };
    w->charges[1] = (mal_dp_charge){ "visits@1", loss_of(1, 4) };
    w->limits[0] = (mal_dp_limit){
        "customers@1", MAL_DP_SCOPE_TOTAL, 0, 2 * MAL_DP_NANO, 1000, false
    };
    w->limits[1] = (mal_dp_limit){ "visits@1", MAL_DP_SCOPE_TOTAL,
                                   0,          2 * MAL_DP_NANO,
                                   1000,       false };
    w->n_limits = 2;
    w->peers[0] = "retail";
    w->hold = (mal_dp_hold){ .room = "reach",
                             .analyst = "agency",
                             .purpose = "measurement",
                             .charges = w->charges,
                             .n_charges = 1,
                             .peers = w->peers,
                             .n_peers = 1,
                             .deadline = NOW + 60,
                             .abort_nano_max = UINT64_MAX };
}

static inline void world_close(world *w) {
    mal_dp_ledger_close(w->ledger);
}

static inline void set_job(world *w, uint64_t id) {
    memset(w->hold.job_id, 0, sizeof w->hold.job_id);
    mal_store_u64le(w->hold.job_id, id);
}

static inline mal_err hold_at(world *w, uint64_t id, uint64_t now) {
    set_job(w, id);
    w->hold.deadline = now + 60;
    return mal_dp_ledger_hold(w->ledger, &w->hold, w->limits, w->n_limits, now);
}

static inline mal_err sign_hold(world *w, const char *peer) {
    return mal_dp_ledger_attach(w->ledger, w->hold.job_id, "hold", peer,
                                mal_bytes_str("signed"));
}

static inline mal_err spend_at(world *w, uint64_t now) {
    for (size_t i = 0; i < w->hold.n_peers; i++)
        MAL_TRY(sign_hold(w, w->peers[i]));
    return mal_dp_ledger_spend(w->ledger, w->hold.job_id, now);
}

static inline mal_err void_now(world *w, uint64_t now) {
    mal_dp_void v = { "retail", true, mal_bytes_str("signed void") };
    return mal_dp_ledger_void(w->ledger, w->hold.job_id, &v, 1, now);
}

static inline mal_dp_balance balance_at(world *w, size_t limit, uint64_t now) {
    mal_dp_balance b;
    CHECK_OK(mal_dp_ledger_balance(w->ledger, &b, &w->limits[limit],
                                   w->hold.analyst, w->hold.room,
                                   w->hold.purpose, now));
    return b;
}

static inline mal_dp_state state_of(world *w) {
    mal_dp_state s;
    CHECK_OK(mal_dp_ledger_state(w->ledger, &s, w->hold.job_id));
    return s;
}

#endif
