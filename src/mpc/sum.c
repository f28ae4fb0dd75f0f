/* sum.c - masked sums: [BIK17] section 4 without drop-out. */
#include "mpc_impl.h"

#include <string.h>

#define CONTRIBUTION 1 /* message type: 32 random bytes */
#define BLOCK 8192     /* words of mask made at once: 64 KiB */

typedef struct run {
    mal_mesh *mesh;
    const mal_mpc_sum_input *input;
    mal_prim_hash session;
    mpc_wire peer[MAL_PARTIES_MAX];
    uint8_t mine[MAL_PARTIES_MAX][32]; /* what this party gives to each seed */
    uint64_t *mask;                    /* [BLOCK] */
} run;

static void run_clear(run *r) {
    for (unsigned j = 0; j < MAL_PARTIES_MAX; j++)
        mpc_wire_clear(&r->peer[j]);
    if (r->mask)
        mal_wipe(r->mask, BLOCK * sizeof *r->mask);
    mal_free(r->mask);
    mal_wipe(r->mine, sizeof r->mine);
}

static mal_err check_input(const mal_mesh *mesh, const mal_mpc_sum_input *in) {
    MAL_REQUIRE(mesh->n >= 2 && mesh->n <= MAL_PARTIES_MAX &&
                    mesh->me < mesh->n,
                MAL_E_INPUT, "a sum of %u parties: take 2 to %u", mesh->n,
                MAL_PARTIES_MAX);
    MAL_REQUIRE(in->n >= 1 && in->n <= MAL_MPC_SUM_WORDS_MAX, MAL_E_INPUT,
                "a sum of %zu words: take 1 to %zu", in->n,
                MAL_MPC_SUM_WORDS_MAX);
    for (unsigned j = 0; j < mesh->n; j++)
        MAL_REQUIRE(j == mesh->me || mesh->chan[j], MAL_E_INPUT,
                    "party %u of the sum has no channel", j);
    return MAL_OK;
}

static void bind_session(mal_prim_hash *out, const mal_mesh *mesh,
                         const mal_mpc_sum_input *in) {
    uint8_t parties[8], words[8];
    mal_store_u64le(parties, mesh->n);
    mal_store_u64le(words, in->n);
    const mal_bytes parts[] = { mal_bytes_of(in->session, MAL_MPC_SESSION),
                                mal_bytes_of(parties, 8),
                                mal_bytes_of(words, 8) };
    mal_prim_hash_parts(out, "malus sum v1", parts, 3);
}

/* Round 1: send each peer fresh 32 bytes over the private channel. */
static mal_err send_contributions(run *r) {
    for (unsigned j = 0; j < r->mesh->n; j++) {
        if (j == r->mesh->me)
            continue;
        mal_prim_random(r->mine[j], 32);
        MAL_TRY(mpc_wire_init(&r->peer[j], r->mesh->chan[j], &r->session));
        MAL_TRY(mpc_wire_begin(&r->peer[j], CONTRIBUTION, 1));
        MAL_TRY(mal_buf_put(&r->peer[j].out, mal_bytes_of(r->mine[j], 32)));
        MAL_TRY(mpc_wire_send(&r->peer[j]));
    }
    return MAL_OK;
}

/* s_ij = HKDF(the earlier party's bytes, the later's; the session; the pair).
 */
static mal_err derive_seed(uint8_t seed[32], const run *r, unsigned j,
                           const uint8_t theirs[32]) {
    const unsigned me = r->mesh->me, low = j < me ? j : me, high = j ^ me ^ low;
    uint8_t secret[64], info[24] = "malus sum pair";
    memcpy(secret, me == low ? r->mine[j] : theirs, 32);
    memcpy(secret + 32, me == low ? theirs : r->mine[j], 32);
    mal_store_u32le(info + 16, low);
    mal_store_u32le(info + 20, high);
    mal_err err =
        mal_prim_hkdf(seed, 32, mal_bytes_of(secret, 64),
                      mal_bytes_of(r->session.b, 32), mal_bytes_of(info, 24));
    mal_wipe(secret, sizeof secret);
    return err;
}

/* y += PRG(s) for a later party, y -= PRG(s) for an earlier one. */
static mal_err add_masks(uint64_t *y, run *r, unsigned j,
                         const uint8_t seed[32], const mal_progress *progress) {
    const bool later = j > r->mesh->me;
    const size_t n = r->input->n;
    for (size_t at = 0; at < n; at += BLOCK) {
        size_t len = n - at < BLOCK ? n - at : BLOCK;
        MAL_TRY(mal_progress_step(progress, "sum", (uint64_t)j * n + at,
                                  r->mesh->n * (uint64_t)n));
        MAL_TRY(mal_prim_prg(r->mask, len * sizeof *r->mask, seed, at / BLOCK));
        for (size_t i = 0; i < len; i++)
            y[at + i] += later ? r->mask[i] : (uint64_t)0 - r->mask[i];
    }
    return MAL_OK;
}

static mal_err mask_with_peer(uint64_t *y, run *r, unsigned j,
                              const mal_progress *progress) {
    const uint8_t *theirs;
    uint8_t seed[32];
    MAL_TRY(mpc_wire_recv(&r->peer[j], &theirs, CONTRIBUTION, 1, 32));
    /* Our own bytes sent back would cancel nothing, but prove a broken peer. */
    REQUIRE_PEER(!mal_equal(theirs, r->mine[j], 32));
    mal_err err = derive_seed(seed, r, j, theirs);
    if (err == MAL_OK)
        err = add_masks(y, r, j, seed, progress);
    mal_wipe(seed, sizeof seed);
    return err;
}

static void report_pair(mal_prim_hash *out, const run *r, unsigned j) {
    mal_prim_hash sent, received;
    mpc_wire_hashes(&r->peer[j], &sent, &received);
    const bool low = r->mesh->me < j;
    const mal_bytes parts[] = { mal_bytes_of(low ? sent.b : received.b, 32),
                                mal_bytes_of(low ? received.b : sent.b, 32) };
    mal_prim_hash_parts(out, "malus mpc pair", parts, 2);
}

/* y_i = x_i + noise_i + sum_{j > i} PRG(s_ij) - sum_{j < i} PRG(s_ij). */
static mal_err sum_run(uint64_t *y, mal_mpc_sum_report *report, run *r,
                       const mal_progress *progress) {
    const mal_mpc_sum_input *in = r->input;
    r->mask = mal_calloc(BLOCK, sizeof *r->mask);
    if (!r->mask)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    bind_session(&r->session, r->mesh, in);
    MAL_TRY(send_contributions(r));
    for (size_t i = 0; i < in->n; i++)
        y[i] = (uint64_t)in->x[i] + (in->noise ? (uint64_t)in->noise[i] : 0);
    for (unsigned j = 0; j < r->mesh->n; j++) {
        if (j == r->mesh->me)
            continue;
        MAL_TRY(mask_with_peer(y, r, j, progress));
        if (report)
            report_pair(&report->pair[j], r, j);
    }
    return mal_progress_step(progress, "sum", r->mesh->n * (uint64_t)in->n,
                             r->mesh->n * (uint64_t)in->n);
}

mal_err mal_mpc_sum(uint64_t *y, mal_mpc_sum_report *report, mal_mesh *mesh,
                    const mal_mpc_sum_input *input,
                    const mal_progress *progress) {
    if (report)
        *report = (mal_mpc_sum_report){ 0 };
    MAL_TRY(mal_prim_init());
    MAL_TRY(check_input(mesh, input));
    run r = { .mesh = mesh, .input = input };
    mal_err err = sum_run(y, report, &r, progress);
    run_clear(&r);
    if (err != MAL_OK) {
        mal_wipe(y, input->n * sizeof *y); /* it may lack masks */
        if (report)
            *report = (mal_mpc_sum_report){ 0 };
        return mal_err_trace(err, __FILE__, __LINE__);
    }
    return MAL_OK;
}

mal_err mal_mpc_sum_open(int64_t *sum, const uint64_t *const *y,
                         unsigned parties, size_t n) {
    MAL_REQUIRE(parties >= 1 && parties <= MAL_PARTIES_MAX && n >= 1 &&
                    n <= MAL_MPC_SUM_WORDS_MAX,
                MAL_E_INPUT, "%u vectors of %zu words cannot be a sum", parties,
                n);
    for (size_t i = 0; i < n; i++) {
        uint64_t total = 0;
        for (unsigned j = 0; j < parties; j++)
            total += y[j][i];
        sum[i] = (int64_t)total;
    }
    return MAL_OK;
}
