/* psi.c - what both parties of psi do: masking keys, orders, messages. */
#include "psi_impl.h"

#include <stdlib.h>
#include <string.h>

/* --- The run -------------------------------------------------------------- */

static mal_err check_params(const mal_mpc_psi_params *params) {
    const mal_mpc_psi_params *q = params;
    MAL_REQUIRE(q->filter_max >= 1 && q->filter_max <= MAL_MPC_PSI_ROWS_MAX &&
                    q->payload_max >= 1 &&
                    q->payload_max <= MAL_MPC_PSI_ROWS_MAX,
                MAL_E_INPUT,
                "psi bounds of %u and %u keys: declare 1 to %u on each side",
                q->filter_max, q->payload_max, MAL_MPC_PSI_ROWS_MAX);
    MAL_REQUIRE(q->cells >= 1 && q->aggs >= 1 &&
                    (uint64_t)q->cells * q->aggs <= MAL_MPC_PSI_WORDS_MAX,
                MAL_E_INPUT,
                "psi over %u cells and %u aggregates: together at most %u",
                q->cells, q->aggs, MAL_MPC_PSI_WORDS_MAX);
    MAL_REQUIRE(mal_prim_point_valid(q->recipient), MAL_E_INPUT,
                "the recipient's public key is not a ristretto255 element");
    return MAL_OK;
}

static void bind_session(mal_prim_hash *out, const mal_mpc_psi_params *q) {
    uint8_t shape[16];
    mal_store_u32le(shape, q->filter_max);
    mal_store_u32le(shape + 4, q->payload_max);
    mal_store_u32le(shape + 8, q->cells);
    mal_store_u32le(shape + 12, q->aggs);
    const mal_bytes parts[] = { mal_bytes_of(q->session, MAL_MPC_SESSION),
                                mal_bytes_of(shape, sizeof shape),
                                mal_bytes_of(q->recipient, MAL_PRIM_POINT) };
    mal_prim_hash_parts(out, "malus psi v1 session", parts, 3);
}

mal_err psi_init(psi *p, mal_chan *chan, const mal_mpc_psi_params *params,
                 const mal_progress *progress) {
    mal_ring_ge point_g, point_r;
    *p = (psi){ .params = params, .progress = progress };
    MAL_TRY(check_params(params));
    MAL_TRY(mal_prim_init());
    p->words = (size_t)params->cells * params->aggs;
    p->row_len = MAL_PRIM_POINT * (2 + p->words);
    p->rows_message = MESSAGE_AIM / p->row_len;
    if (p->rows_message == 0)
        p->rows_message = 1;
    bind_session(&p->session, params);
    MAL_TRY(mpc_wire_init(&p->wire, chan, &p->session));
    MAL_TRY(mal_key_alloc(&p->k, MAL_PRIM_SCALAR));
    mal_prim_scalar_random(p->k.ptr);
    mal_ring_ge_base(&point_g);
    MAL_TRY(mal_ring_comb_new(&p->g, &point_g));
    MAL_TRY(mal_ring_ge_decode(&point_r, params->recipient));
    MAL_TRY(mal_ring_comb_new(&p->recipient, &point_r));
    p->zeros = mal_calloc(p->words, sizeof *p->zeros);
    if (!p->zeros)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    return MAL_OK;
}

void psi_clear(psi *p) {
    mpc_wire_clear(&p->wire);
    mal_key_clear(&p->k);
    mal_ring_comb_auto(&p->g);
    mal_ring_comb_auto(&p->recipient);
    mal_free((void *)p->zeros);
    p->zeros = NULL;
}

mal_err psi_stage(psi *p, const char *name, size_t n,
                  mal_err (*body)(void *, size_t), void *ctx) {
    const unsigned threads = p->params->threads ? p->params->threads : 1;
    const size_t part = (size_t)threads * 64;
    for (p->done = 0; p->done < n; p->done += part) {
        size_t left = n - p->done;
        if (name)
            MAL_TRY(mal_progress_step(p->progress, name, p->done, n));
        MAL_TRY(mal_parallel(threads, left < part ? left : part, body, ctx));
    }
    return name ? mal_progress_step(p->progress, name, n, n) : MAL_OK;
}

/* --- Keys ----------------------------------------------------------------- */

typedef struct masking {
    psi *p;
    point *out;
    const uint32_t *order;
    const uint8_t (*keys)[MAL_MPC_PSI_KEY];
    size_t n;
} masking;

/* H of a key, or of fresh random bytes that no key can equal: its message is
 * the bound session, a tag that says which, 16 bytes.  Both take the same
 * steps. */
static mal_err mask_one(void *ctx, size_t i_item) {
    const masking *m = ctx;
    const size_t at = m->p->done + i_item;
    uint8_t message[MAL_PRIM_HASH + 1 + MAL_MPC_PSI_KEY];
    uint8_t *item = message + MAL_PRIM_HASH + 1;
    point hashed;
    const bool real = m->order[at] < m->n;
    memcpy(message, m->p->session.b, MAL_PRIM_HASH);
    message[MAL_PRIM_HASH] = real ? 0 : 1;
    mal_prim_random(item, MAL_MPC_PSI_KEY);
    if (real)
        memcpy(item, m->keys[m->order[at]], MAL_MPC_PSI_KEY);
    mal_err err = mal_prim_point_hash(hashed, mal_bytes_str("malus psi v1"),
                                      mal_bytes_of(message, sizeof message));
    if (err == MAL_OK)
        err = mal_prim_point_mul(m->out[at], m->p->k.ptr, hashed);
    mal_wipe(message, sizeof message);
    mal_wipe(hashed, sizeof hashed);
    return err;
}

/* Fisher-Yates: order is a uniformly random permutation of 0 .. n - 1. */
static mal_err random_order(uint32_t *order, size_t n) {
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = NULL;
    uint8_t seed[32];
    mal_prim_random(seed, sizeof seed);
    mal_err err = mal_prim_drbg_new(&drbg, mal_bytes_of(seed, sizeof seed));
    mal_wipe(seed, sizeof seed);
    MAL_TRY(err);
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = n; i > 1; i--) {
        size_t j = mal_prim_drbg_below(drbg, i);
        uint32_t t = order[i - 1];
        order[i - 1] = order[j];
        order[j] = t;
    }
    return MAL_OK;
}

static mal_err mask_keys(psi *p, uint32_t *order, masking *m, size_t n_max) {
    bool repeats;
    MAL_TRY(random_order(order, n_max));
    m->order = order;
    MAL_TRY(psi_stage(p, "psi: masking keys", n_max, mask_one, m));
    /* On masked keys, dummies included: the time does not depend on n. */
    MAL_TRY(psi_repeats(&repeats, (const point *)m->out, n_max));
    MAL_REQUIRE(!repeats, MAL_E_INPUT,
                "a key occurs twice: aggregate by key first");
    return MAL_OK;
}

mal_err psi_mask_keys(psi *p, point *out, uint32_t *order,
                      const uint8_t (*keys)[MAL_MPC_PSI_KEY], size_t n,
                      size_t n_max) {
    masking m = { .p = p, .out = out, .keys = keys, .n = n };
    MAL_REQUIRE(n <= n_max, MAL_E_INPUT,
                "%zu keys where the declared bound is %zu", n, n_max);
    uint32_t *own = order ? order : mal_calloc(n_max, sizeof *own);
    if (!own)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_err err = mask_keys(p, own, &m, n_max);
    if (!order) {
        mal_wipe(own, n_max * sizeof *own);
        mal_free(own);
    }
    return err;
}

typedef struct remasking {
    psi *p;
    point *points;
} remasking;

static mal_err remask_one(void *ctx, size_t i_point) {
    const remasking *r = ctx;
    uint8_t *at = r->points[r->p->done + i_point];
    /* Refuses what is not canonical, and the identity. */
    REQUIRE_PEER(mal_prim_point_mul(at, r->p->k.ptr, at) == MAL_OK);
    return MAL_OK;
}

mal_err psi_remask(psi *p, point *points, size_t n) {
    remasking r = { p, points };
    return psi_stage(p, "psi: masking the peer's keys", n, remask_one, &r);
}

mal_err psi_shuffle(point *points, size_t n) {
    uint32_t *order = mal_calloc(n, sizeof *order);
    point *copy = mal_calloc(n, sizeof *copy);
    mal_err err = order && copy
                      ? random_order(order, n)
                      : mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    if (err == MAL_OK) {
        memcpy(copy, points, n * sizeof *copy);
        for (size_t i = 0; i < n; i++)
            memcpy(points[i], copy[order[i]], sizeof *points);
        mal_wipe(order, n * sizeof *order);
    }
    mal_free(order);
    mal_free(copy);
    return err;
}

/* --- Sets of masked points: public to who holds them ---------------------- */

static int compare_points(const void *a, const void *b) {
    return mal_compare_vartime(a, b, MAL_PRIM_POINT);
}

void psi_sort(point *points, size_t n) {
    qsort(points, n, sizeof *points, compare_points);
}

bool psi_sorted_has(const point *points, size_t n, const point wanted) {
    return bsearch(wanted, points, n, sizeof *points, compare_points) != NULL;
}

mal_err psi_repeats(bool *repeats, const point *points, size_t n) {
    point *copy = mal_calloc(n, sizeof *copy);
    if (!copy)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    memcpy(copy, points, n * sizeof *copy);
    psi_sort(copy, n);
    *repeats = false;
    for (size_t i = 1; i < n; i++)
        *repeats |= compare_points(copy[i - 1], copy[i]) == 0;
    mal_free(copy);
    return MAL_OK;
}

/* --- Messages of points --------------------------------------------------- */

#define POINTS_MESSAGE (MESSAGE_AIM / MAL_PRIM_POINT)

mal_err psi_send_points(psi *p, uint32_t type, const point *points, size_t n) {
    for (size_t at = 0; at < n; at += POINTS_MESSAGE) {
        size_t len = n - at < POINTS_MESSAGE ? n - at : POINTS_MESSAGE;
        MAL_TRY(mpc_wire_begin(&p->wire, type, len));
        MAL_TRY(mal_buf_put(&p->wire.out,
                            mal_bytes_of(points + at, len * sizeof *points)));
        MAL_TRY(mpc_wire_send(&p->wire));
    }
    return MAL_OK;
}

mal_err psi_recv_points(psi *p, uint32_t type, point *points, size_t n) {
    const uint8_t *body;
    for (size_t at = 0; at < n; at += POINTS_MESSAGE) {
        size_t len = n - at < POINTS_MESSAGE ? n - at : POINTS_MESSAGE;
        MAL_TRY(
            mpc_wire_recv(&p->wire, &body, type, len, len * sizeof *points));
        memcpy(points + at, body, len * sizeof *points);
    }
    return MAL_OK;
}

mal_err psi_decode_peer(mal_ring_ge *out, const point bytes) {
    static const point identity;
    REQUIRE_PEER(mal_ring_ge_decode(out, bytes) == MAL_OK &&
                 !mal_equal(bytes, identity, sizeof identity));
    return MAL_OK;
}

/* --- Secret multiples of fixed points ------------------------------------- */

void psi_base_doubled(const psi *p, point *out, const scalar *half, size_t n) {
    enum { BATCH = 64 };
    mal_ring_ge at[BATCH];
    mal_ring_fe scratch[BATCH];
    for (size_t first = 0; first < n; first += BATCH) {
        size_t len = n - first < BATCH ? n - first : BATCH;
        for (size_t i = 0; i < len; i++)
            mal_ring_comb_mul(&at[i], p->g, half[first + i]);
        mal_ring_ge_encode_doubled(out + first, at, scratch, len);
    }
    mal_wipe(at, sizeof at); /* projective coordinates tell of the scalar */
}

/* (b, c) + (noise G + s R, s G). */
void psi_add_recipient_layer(const psi *p, mal_ring_ge *b, mal_ring_ge *c,
                             int64_t noise) {
    mal_ring_ge t;
    scalar s, e;
    mal_prim_scalar_random(s);
    mal_prim_scalar_from_i64(e, noise);
    mal_ring_comb_mul(&t, p->g, e);
    mal_ring_ge_add(b, b, &t);
    mal_ring_comb_mul(&t, p->recipient, s);
    mal_ring_ge_add(b, b, &t);
    mal_ring_comb_mul(&t, p->g, s);
    mal_ring_ge_add(c, c, &t);
    mal_wipe(s, sizeof s);
    mal_wipe(e, sizeof e);
    mal_wipe(&t, sizeof t);
}
