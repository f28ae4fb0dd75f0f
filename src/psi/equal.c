/* equal.c - are two strings equal?  Shares of the answer.
 *
 * The sender holds x, the receiver y, of l bits.  Step 1 makes additive shares
 * modulo 64 of the Hamming distance: for each bit the sender offers x_i + r_i
 * and 1 - x_i + r_i by a correlated transfer, the receiver takes the one of its
 * y_i, which is (x_i ^ y_i) + r_i [BCP13, section 4].  As l <= 63 the distance
 * is 0 modulo 64 only if it is 0.  Step 2 looks the answer up: of the 64 values
 * that the receiver's share can have, one says "equal"; the sender writes that
 * table, masked, and the receiver opens one place by six transfers [NP99].
 *
 * So l + 6 transfers, 6 l + 64 bits to the receiver and its choices to the
 * sender; a tree of AND gates takes 2 (l - 1).  Pads are hashes of ot [GKWY20],
 * each with the number of its transfer.
 */
#include "circuit_impl.h"

#include <string.h>

#define TABLE_BITS 6 /* 64 values */

mal_err equal_init(equal *e, transfers *by, mal_chan *chan, unsigned bits) {
    assert(bits >= 1 && bits <= EQUAL_BITS_MAX);
    *e = (equal){ .by = by, .chan = chan, .bits = bits };
    const size_t rows = bits > TABLE_BITS ? bits : TABLE_BITS;
    e->q = mal_calloc(rows * EQUAL_SUB, sizeof *e->q);
    e->h0 = mal_calloc(EQUAL_SUB, sizeof *e->h0);
    e->h1 = mal_calloc(EQUAL_SUB, sizeof *e->h1);
    e->sum = mal_calloc(EQUAL_BATCH, 1);
    e->step = mal_calloc(bits * EQUAL_SUB, 1);
    if (!e->q || !e->h0 || !e->h1 || !e->sum || !e->step)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    return MAL_OK;
}

void equal_clear(equal *e) {
    const size_t rows = e->bits > TABLE_BITS ? e->bits : TABLE_BITS;
    circuit_wipe_free(e->q, rows * EQUAL_SUB * sizeof *e->q);
    circuit_wipe_free(e->h0, EQUAL_SUB * sizeof *e->h0);
    circuit_wipe_free(e->h1, EQUAL_SUB * sizeof *e->h1);
    circuit_wipe_free(e->sum, EQUAL_BATCH);
    circuit_wipe_free(e->step, e->bits * EQUAL_SUB);
    mal_buf_clear(&e->message);
    *e = (equal){ 0 };
}

/* --- Bits and sextets ----------------------------------------------------- */

/* Bit i of n words, packed. */
static void plane_of(uint64_t *plane, const uint64_t *t, unsigned i, size_t n) {
    for (size_t k = 0; k < n; k += 64) {
        uint64_t word = 0;
        for (size_t b = 0; b < 64; b++)
            word |= (t[k + b] >> i & 1) << b;
        plane[k / 64] = word;
    }
}

/* Eight values below 64 in six bytes. */
static void pack(uint8_t *out, const uint8_t *in, size_t n) {
    for (size_t k = 0; k < n; k += 8, out += 6) {
        uint64_t v = mal_load_u64le(in + k);
        v = (v & 0x003f003f003f003f) | (v & 0x3f003f003f003f00) >> 2;
        v = (v & 0x00000fff00000fff) | (v & 0x0fff00000fff0000) >> 4;
        v = (v & 0x0000000000ffffff) | (v & 0x00ffffff00000000) >> 8;
        mal_store_u32le(out, (uint32_t)v);
        out[4] = (uint8_t)(v >> 32);
        out[5] = (uint8_t)(v >> 40);
    }
}

static void unpack(uint8_t *out, const uint8_t *in, size_t n) {
    for (size_t k = 0; k < n; k += 8, in += 6) {
        uint64_t v =
            mal_load_u32le(in) | (uint64_t)in[4] << 32 | (uint64_t)in[5] << 40;
        v = (v & 0x0000000000ffffff) | (v & 0x0000ffffff000000) << 8;
        v = (v & 0x00000fff00000fff) | (v & 0x00fff00000fff000) << 4;
        v = (v & 0x003f003f003f003f) | (v & 0x0fc00fc00fc00fc0) << 2;
        mal_store_u64le(out + k, v);
    }
}

static size_t sub_at(size_t n, size_t at) {
    return n - at < EQUAL_SUB ? n - at : EQUAL_SUB;
}

/* h0 = H(q), h1 = H(q ^ delta) of the transfers from `first` on. */
static void pads(equal *e, const mal_ot_block *q, size_t n, uint64_t first) {
    const mal_ot_block delta = e->by->delta;
    mal_ot_cot_hash(e->by->cot, e->h0, q, n, first);
    for (size_t k = 0; k < n; k++)
        e->h1[k] = (mal_ot_block){ { q[k].w[0] ^ delta.w[0],
                                     q[k].w[1] ^ delta.w[1] } };
    mal_ot_cot_hash(e->by->cot, e->h1, e->h1, n, first);
}

static mal_err offer(equal *e, size_t n, uint64_t *first) {
    *first = e->by->used;
    e->by->used += n;
    return mal_ot_cot_send(e->by->cot, e->q, n);
}

static mal_err choose(equal *e, const uint64_t *choice, size_t n,
                      uint64_t *first) {
    *first = e->by->used;
    e->by->used += n;
    return mal_ot_cot_receive(e->by->cot, e->q, choice, n);
}

/* --- Step 1: shares of the distance --------------------------------------- */

/* s_x = sum of x_i - pad0; sent: pad0 - pad1 + 1 - 2 x_i. */
static mal_err distance_send_sub(equal *e, uint8_t *sum, const uint64_t *t,
                                 size_t n) {
    uint64_t first;
    MAL_TRY(offer(e, e->bits * n, &first));
    memset(sum, 0, n);
    for (unsigned i = 0; i < e->bits; i++) {
        uint8_t *step = e->step + i * n;
        pads(e, e->q + i * n, n, first + i * n);
        for (size_t k = 0; k < n; k++) {
            const uint8_t x = (uint8_t)(t[k] >> i & 1);
            const uint8_t pad0 = (uint8_t)e->h0[k].w[0];
            const uint8_t pad1 = (uint8_t)e->h1[k].w[0];
            sum[k] = (uint8_t)(sum[k] + x - pad0);
            step[k] = (uint8_t)((pad0 - pad1 + 1 - 2 * x) & 63);
        }
    }
    const size_t len = e->bits * n / 8 * 6, at = e->message.len;
    MAL_TRY(mal_buf_reserve(&e->message, len));
    pack(e->message.ptr + at, e->step, e->bits * n);
    e->message.len += len;
    return MAL_OK;
}

static mal_err distance_send(equal *e, const uint64_t *t, size_t n) {
    mal_buf_reset(&e->message);
    for (size_t at = 0; at < n; at += EQUAL_SUB)
        MAL_TRY(distance_send_sub(e, e->sum + at, t + at, sub_at(n, at)));
    return mal_chan_send(e->chan, mal_buf_view(&e->message));
}

/* s_y = sum of pad_{y_i}, and of what was sent where y_i = 1. */
static mal_err distance_pads_sub(equal *e, uint8_t *sum, const uint64_t *t,
                                 size_t n) {
    uint64_t choice[EQUAL_BITS_MAX * EQUAL_SUB / 64];
    for (unsigned i = 0; i < e->bits; i++)
        plane_of(choice + i * n / 64, t, i, n);
    uint64_t first;
    mal_err err = choose(e, choice, e->bits * n, &first);
    mal_wipe(choice, sizeof choice);
    MAL_TRY(err);
    memset(sum, 0, n);
    for (unsigned i = 0; i < e->bits; i++) {
        mal_ot_cot_hash(e->by->cot, e->h0, e->q + i * n, n, first + i * n);
        for (size_t k = 0; k < n; k++)
            sum[k] = (uint8_t)(sum[k] + (uint8_t)e->h0[k].w[0]);
    }
    return MAL_OK;
}

static void distance_steps_sub(equal *e, uint8_t *sum, const uint8_t *in,
                               const uint64_t *t, size_t n) {
    unpack(e->step, in, e->bits * n);
    for (unsigned i = 0; i < e->bits; i++) {
        const uint8_t *step = e->step + i * n;
        for (size_t k = 0; k < n; k++) {
            const uint8_t y = (uint8_t)(0 - (t[k] >> i & 1));
            sum[k] = (uint8_t)(sum[k] + (step[k] & y));
        }
    }
}

static mal_err distance_receive(equal *e, const uint64_t *t, size_t n) {
    const size_t len = e->bits * n / 8 * 6;
    for (size_t at = 0; at < n; at += EQUAL_SUB)
        MAL_TRY(distance_pads_sub(e, e->sum + at, t + at, sub_at(n, at)));
    MAL_TRY(mal_chan_recv(e->chan, &e->message, len));
    MAL_REQUIRE(e->message.len == len, MAL_E_PEER, CIRCUIT_PEER_BROKE);
    for (size_t at = 0; at < n; at += EQUAL_SUB)
        distance_steps_sub(e, e->sum + at,
                           e->message.ptr + e->bits * at / 8 * 6, t + at,
                           sub_at(n, at));
    return MAL_OK;
}

/* --- Step 2: one place of a table of 64 bits ------------------------------ */

/* place[j]: the values of 0 .. 63 whose bit j is set. */
static const uint64_t place[TABLE_BITS] = {
    0xaaaaaaaaaaaaaaaa, 0xcccccccccccccccc, 0xf0f0f0f0f0f0f0f0,
    0xff00ff00ff00ff00, 0xffff0000ffff0000, 0xffffffff00000000
};

/* The table with a one at `at`, without a shift that depends on it. */
static uint64_t one_at(uint8_t at) {
    uint64_t table = ~(uint64_t)0;
    for (unsigned j = 0; j < TABLE_BITS; j++)
        table &= place[j] ^ ((uint64_t)(at >> j & 1) - 1);
    return table;
}

static uint64_t bit_at(uint64_t table, uint8_t at) {
    table &= one_at(at);
    for (unsigned width = 32; width; width /= 2)
        table |= table >> width;
    return table & 1;
}

static mal_err table_send_sub(equal *e, uint64_t *share, const uint8_t *sum,
                              size_t n) {
    uint64_t table[EQUAL_SUB];
    uint64_t first;
    MAL_TRY(offer(e, TABLE_BITS * n, &first));
    mal_prim_random(share, n / 8);
    for (size_t k = 0; k < n; k++) /* s_y = -s_x says equal */
        table[k] = one_at((uint8_t)(0 - sum[k]) & 63) ^
                   (0 - (share[k / 64] >> (k % 64) & 1));
    for (unsigned j = 0; j < TABLE_BITS; j++) {
        pads(e, e->q + j * n, n, first + j * n);
        for (size_t k = 0; k < n; k++)
            table[k] ^= mal_select(place[j], e->h1[k].w[0], e->h0[k].w[0]);
    }
    for (size_t k = 0; k < n; k++)
        MAL_TRY(mal_buf_put_u64(&e->message, table[k]));
    mal_wipe(table, sizeof table);
    return MAL_OK;
}

static mal_err table_send(equal *e, uint64_t *share, size_t n) {
    mal_buf_reset(&e->message);
    for (size_t at = 0; at < n; at += EQUAL_SUB)
        MAL_TRY(table_send_sub(e, share + at / 64, e->sum + at, sub_at(n, at)));
    return mal_chan_send(e->chan, mal_buf_view(&e->message));
}

/* key[k] = the pads of the places that s_y names. */
static mal_err table_pads_sub(equal *e, uint64_t *key, const uint8_t *sum,
                              size_t n) {
    uint64_t choice[TABLE_BITS * EQUAL_SUB / 64] = { 0 };
    for (unsigned j = 0; j < TABLE_BITS; j++)
        for (size_t k = 0; k < n; k++)
            choice[(j * n + k) / 64] |= (uint64_t)(sum[k] >> j & 1) << (k % 64);
    uint64_t first;
    mal_err err = choose(e, choice, TABLE_BITS * n, &first);
    mal_wipe(choice, sizeof choice);
    MAL_TRY(err);
    memset(key, 0, n * sizeof *key);
    for (unsigned j = 0; j < TABLE_BITS; j++) {
        mal_ot_cot_hash(e->by->cot, e->h0, e->q + j * n, n, first + j * n);
        for (size_t k = 0; k < n; k++)
            key[k] ^= e->h0[k].w[0];
    }
    return MAL_OK;
}

static mal_err table_receive(equal *e, uint64_t *share, uint64_t *key,
                             size_t n) {
    for (size_t at = 0; at < n; at += EQUAL_SUB)
        MAL_TRY(table_pads_sub(e, key + at, e->sum + at, sub_at(n, at)));
    MAL_TRY(mal_chan_recv(e->chan, &e->message, 8 * n));
    MAL_REQUIRE(e->message.len == 8 * n, MAL_E_PEER, CIRCUIT_PEER_BROKE);
    memset(share, 0, n / 8);
    for (size_t k = 0; k < n; k++)
        share[k / 64] |= bit_at(mal_load_u64le(e->message.ptr + 8 * k) ^ key[k],
                                e->sum[k] & 63)
                         << (k % 64);
    return MAL_OK;
}

/* --- Both ----------------------------------------------------------------- */

mal_err equal_send(equal *e, uint64_t *share, const uint64_t *t, size_t n) {
    assert(n <= EQUAL_BATCH && n % 64 == 0);
    MAL_TRY(distance_send(e, t, n));
    return table_send(e, share, n);
}

mal_err equal_receive(equal *e, uint64_t *share, const uint64_t *t, size_t n) {
    assert(n <= EQUAL_BATCH && n % 64 == 0);
    MAL_TRY(distance_receive(e, t, n));
    uint64_t *key = mal_calloc(n, sizeof *key);
    if (!key)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_err err = table_receive(e, share, key, n);
    circuit_wipe_free(key, n * sizeof *key);
    return err;
}
