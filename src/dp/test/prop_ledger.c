/* Ten thousand random operations against a ledger that is an array. */
#include "ledger_case.h"

enum { OPS = 10000, SLOTS = 400, LINEAGES = 3, ANALYSTS = 3 };

typedef struct slow_job {
    bool known;
    mal_dp_state state;
    uint64_t at, deadline, nano[LINEAGES], delta[LINEAGES];
    int analyst;
    bool attached;
} slow_job;

static slow_job slow[OPS];
static const char *const versions[LINEAGES] = { "l0@1", "l1@1", "l2@1" };
static const char *const analysts[ANALYSTS] = { "ann", "bob", "cyd" };
static mal_dp_limit limits[LINEAGES * 3];

static void slow_sum(uint64_t *nano, uint64_t *delta, size_t n,
                     const mal_dp_limit *m, int lineage, int analyst,
                     uint64_t now) {
    *nano = *delta = 0;
    for (size_t i = 0; i < n; i++) {
        const slow_job *j = &slow[i];
        if (!j->known || j->state == MAL_DP_VOIDED)
            continue;
        if (m->window_s && now >= m->window_s && j->at <= now - m->window_s)
            continue;
        if (m->scope == MAL_DP_SCOPE_ANALYST && j->analyst != analyst)
            continue;
        *nano += j->nano[lineage];
        *delta += j->delta[lineage];
    }
}

static bool slow_fits(size_t n, const slow_job *job, uint64_t now) {
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        int lineage = (int)(i % LINEAGES);
        uint64_t nano, delta;
        slow_sum(&nano, &delta, n, &limits[i], lineage, job->analyst, now);
        if (job->nano[lineage] &&
            (nano + job->nano[lineage] > limits[i].epsilon_nano ||
             delta + job->delta[lineage] > limits[i].delta_64))
            return false;
    }
    return true;
}

static void make_limits(void) {
    for (int i = 0; i < LINEAGES; i++) {
        limits[i] = (mal_dp_limit){ versions[i], MAL_DP_SCOPE_TOTAL,
                                    0,           400 * MAL_DP_NANO,
                                    9000,        false };
        limits[LINEAGES + i] = (mal_dp_limit){ versions[i], MAL_DP_SCOPE_TOTAL,
                                               5000,        30 * MAL_DP_NANO,
                                               1000,        false };
        limits[2 * LINEAGES + i] =
            (mal_dp_limit){ versions[i], MAL_DP_SCOPE_ANALYST,
                            0,           150 * MAL_DP_NANO,
                            1 << 20,     false };
    }
}

typedef struct run {
    mal_dp_ledger *ledger;
    uint64_t state, now;
    size_t n; /* jobs tried so far; job i has id i */
    size_t accepted, refused;
} run;

static void id_of(uint8_t out[32], size_t i) {
    memset(out, 0, 32);
    mal_store_u64le(out, i);
}

static void try_hold(run *r) {
    slow_job job = { .known = true, .state = MAL_DP_HELD, .at = r->now };
    mal_dp_charge charges[LINEAGES];
    size_t n = 0;
    for (int l = 0; l < LINEAGES; l++) {
        if (mal_test_rand(&r->state) % 2)
            continue;
        uint64_t num = 1 + mal_test_rand(&r->state) % 5;
        uint64_t den = 1 + mal_test_rand(&r->state) % 7;
        charges[n++] = (mal_dp_charge){ versions[l], loss_of(num, den) };
        job.nano[l] = (num * MAL_DP_NANO + den - 1) / den;
        job.delta[l] = 10;
    }
    if (n == 0)
        return;
    job.analyst = (int)(mal_test_rand(&r->state) % ANALYSTS);
    job.deadline = r->now + 1 + mal_test_rand(&r->state) % 200;
    const char *peer = "retail";
    mal_dp_hold hold = { .room = "r",
                         .analyst = analysts[job.analyst],
                         .purpose = "p",
                         .charges = charges,
                         .n_charges = n,
                         .peers = &peer,
                         .n_peers = 1,
                         .deadline = job.deadline,
                         .abort_nano_max = UINT64_MAX };
    id_of(hold.job_id, r->n);
    bool fits = slow_fits(r->n, &job, r->now);
    CHECK_ERR(mal_dp_ledger_hold(r->ledger, &hold, limits,
                                 sizeof limits / sizeof *limits, r->now),
              fits ? MAL_OK : MAL_E_BUDGET);
    if (fits)
        slow[r->n] = job;
    r->accepted += fits;
    r->refused += !fits;
    r->n++;
}

/* A job past its deadline is spent the moment anybody looks. */
static bool late(run *r, slow_job *j) {
    if (j->state != MAL_DP_HELD || j->deadline > r->now)
        return false;
    j->state = MAL_DP_EXPIRED;
    j->at = j->at > r->now ? j->at : r->now;
    return true;
}

static void try_settle(run *r, bool spend) {
    size_t i = r->n - 1 - mal_test_rand(&r->state) % (r->n < 20 ? r->n : 20);
    slow_job *j = &slow[i];
    uint8_t id[32];
    id_of(id, i);
    mal_dp_void v = { "retail", true, mal_bytes_str("void") };
    mal_dp_state goal = spend ? MAL_DP_SPENT : MAL_DP_VOIDED;
    mal_err wanted = MAL_E_MISSING;
    if (j->known) {
        bool first = j->state == MAL_DP_HELD && j->deadline > r->now;
        wanted = j->state == goal                   ? MAL_OK
                 : late(r, j)                       ? MAL_E_STATE
                 : first && (!spend || j->attached) ? MAL_OK
                                                    : MAL_E_STATE;
        if (wanted == MAL_OK && first) {
            j->state = goal;
            j->at = j->at > r->now ? j->at : r->now;
        }
    }
    mal_err got = spend ? mal_dp_ledger_spend(r->ledger, id, r->now)
                        : mal_dp_ledger_void(r->ledger, id, &v, 1, r->now);
    CHECK_ERR(got, wanted);
}

static void try_attach(run *r) {
    size_t i = r->n - 1 - mal_test_rand(&r->state) % (r->n < 20 ? r->n : 20);
    uint8_t id[32];
    id_of(id, i);
    CHECK_ERR(mal_dp_ledger_attach(r->ledger, id, "hold", "retail",
                                   mal_bytes_str("signed")),
              slow[i].known ? MAL_OK : MAL_E_MISSING);
    slow[i].attached = true;
}

static void check_balances(run *r) {
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        mal_dp_balance b;
        uint64_t nano, delta;
        int analyst = (int)(mal_test_rand(&r->state) % ANALYSTS);
        slow_sum(&nano, &delta, r->n, &limits[i], (int)(i % LINEAGES), analyst,
                 r->now);
        CHECK_OK(mal_dp_ledger_balance(r->ledger, &b, &limits[i],
                                       analysts[analyst], "r", "p", r->now));
        CHECK_EQ(b.held_nano + b.spent_nano, nano);
        CHECK_EQ(b.delta_64, delta);
        CHECK_EQ(b.left_nano, limits[i].epsilon_nano > nano
                                  ? limits[i].epsilon_nano - nano
                                  : 0);
    }
}

static void expire(run *r) {
    size_t n, wanted = 0;
    for (size_t i = 0; i < r->n; i++) {
        slow_job *j = &slow[i];
        if (!j->known || j->state != MAL_DP_HELD || j->deadline > r->now)
            continue;
        j->state = MAL_DP_EXPIRED;
        j->at = j->at > j->deadline ? j->at : j->deadline;
        wanted++;
    }
    CHECK_OK(mal_dp_ledger_expire(r->ledger, r->now, &n));
    CHECK_EQ(n, wanted);
}

TEST(ten_thousand_random_operations_agree_with_an_array) {
    run r = { .state = mal_test_seed(), .now = NOW };
    memset(slow, 0, sizeof slow);
    make_limits();
    CHECK_OK(mal_prim_init());
    CHECK_OK(mal_dp_ledger_open(&r.ledger, ":memory:"));
    for (int l = 0; l < LINEAGES; l++)
        CHECK_OK(mal_dp_ledger_register(r.ledger, versions[l], NULL, 0, "new"));
    for (int op = 0; op < OPS; op++) {
        switch (r.n ? mal_test_rand(&r.state) % 16 : 0) {
        case 0:
        case 1:
        case 2:
        case 3:
            try_hold(&r);
            break;
        case 4:
        case 5:
        case 6:
        case 7:
            try_attach(&r);
            break;
        case 8:
        case 9:
        case 10:
            try_settle(&r, true);
            break;
        case 11:
            try_settle(&r, false);
            break;
        case 12:
            check_balances(&r);
            break;
        case 13:
            expire(&r);
            break;
        default:
            r.now += mal_test_rand(&r.state) % 40;
        }
    }
    check_balances(&r);
    printf("# %zu holds accepted, %zu refused\n", r.accepted, r.refused);
    CHECK(r.accepted > 100 && r.refused > 100);
    mal_dp_ledger_close(r.ledger);
}

TEST_MAIN
