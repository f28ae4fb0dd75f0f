/* cot.c - correlated OT by SoftSpokenOT [Roy22].
 *
 * Tree i of 2^k leaves stands for k bits of delta, delta_i.  Over the streams
 * of its leaves, a bit per OT and leaf:
 *
 *     receiver    u_i = sum of PRG_x,  v_i = sum of x PRG_x      (all x)
 *     sender      w_i = sum of (x + delta_i) PRG_x = v_i + delta_i u_i
 *
 * The receiver sends d_i = u_i + u for its choice bits u, the sender adds
 * delta_i d_i, and w_i = v_i + delta_i u holds for one u in all trees.  Bit b
 * of delta_i, v_i, w_i is column i * k + b; a transpose gives one row per OT.
 *
 * Malicious mode: the receiver commits by d, then hashes u and each column of v
 * with a linear hash that the hash of d names, and the sender compares with its
 * w.  The last 128 rows of a batch are random choices and serve as the one-time
 * pad of the hash of u.
 */
#include "ot_impl.h"

#include <string.h>

/* --- One batch: rows = 128 * blocks
 * -------------------------------------------
 */

typedef struct batch {
    size_t taken;  /* OTs that the caller gets */
    size_t blocks; /* of 128 rows, with the pad of the check */
    size_t bytes;  /* of the message */
} batch;

static batch batch_of(const mal_ot_cot *cot, size_t wanted) {
    bool check = cot->params.security == MAL_OT_MALICIOUS;
    size_t most = OT_ROWS_MAX - (check ? KAPPA : 0);
    batch b = { .taken = wanted < most ? wanted : most };
    b.blocks = (b.taken + 127) / 128 + check;
    b.bytes = cot->trees * b.blocks * BLOCK + (check ? OT_CHECK_BYTES : 0);
    return b;
}

static mal_ot_block *column_of(const mal_ot_cot *cot, unsigned c) {
    return cot->column + c * OT_COLUMN_STRIDE;
}

/* Columns i * k .. and the sum, of blocks [at, at + OT_CHUNK_BLOCKS). */
static void tree_chunk(mal_ot_cot *cot, unsigned i, mal_ot_block *sum,
                       size_t at, size_t blocks) {
    ot_fold f = { .leaf = cot->leaf + ((size_t)i << cot->k),
                  .k = cot->k,
                  .skip_zero = cot->sender,
                  .blocks = blocks,
                  .counter = cot->streamed + at,
                  .sum = sum,
                  .part = column_of(cot, i * cot->k) + at };
    ot_fold_run(ot_best_way(), &f);
}

static void xor_blocks(mal_ot_block *to, const mal_ot_block *from,
                       uint64_t mask, size_t n) {
    for (size_t j = 0; j < n; j++)
        to[j] = ot_xor(to[j], ot_and(from[j], mask));
}

static void batch_done(mal_ot_cot *cot, const batch *b) {
    cot->streamed +=
        (b->blocks + OT_CHUNK_BLOCKS - 1) / OT_CHUNK_BLOCKS * OT_CHUNK_BLOCKS;
    cot->batches++;
}

/* --- The check
 * ---------------------------------------------------------------- */

/* chi[0 .. blocks - 1) from the message so far, and 1 for the last block. */
static void challenge(const mal_ot_cot *cot, mal_ot_block *chi,
                      const uint8_t *d, size_t blocks) {
    uint8_t number[8];
    mal_prim_hash h;
    mal_prim_aes aes;
    mal_store_u64le(number, cot->batches);
    const mal_bytes parts[] = {
        mal_bytes_of(cot->params.session, MAL_OT_SESSION),
        mal_bytes_of(number, 8),
        mal_bytes_of(d, cot->trees * blocks * BLOCK),
    };
    mal_prim_hash_parts(&h, "malus ot cot check", parts, 3);
    mal_prim_aes_init(&aes, h.b);
    mal_prim_aes_ctr(chi, blocks - 1, &aes, 0, 0);
    chi[blocks - 1] = (mal_ot_block){ { 1, 0 } };
}

/* The receiver's hashes, [Roy22] figure 8: of u, then of each column of v. */
void ot_check_make(const mal_ot_cot *cot, mal_ot_block *out, const uint8_t *d,
                   const mal_ot_block *u, size_t blocks) {
    mal_ot_block chi[OT_COLUMN_BLOCKS];
    challenge(cot, chi, d, blocks);
    out[0] = ot_inner(chi, u, blocks);
    for (unsigned c = 0; c < KAPPA; c++)
        out[1 + c] = ot_inner(chi, column_of(cot, c), blocks);
}

/* hash(w_c) = hash(v_c) + delta_c hash(u) for every column c. */
static mal_err check_verify(const mal_ot_cot *cot, const uint8_t *d,
                            size_t blocks) {
    mal_ot_block chi[OT_COLUMN_BLOCKS], sent[1 + KAPPA], wrong = { { 0 } };
    memcpy(sent, d + cot->trees * blocks * BLOCK, sizeof sent);
    challenge(cot, chi, d, blocks);
    for (unsigned c = 0; c < KAPPA; c++) {
        mal_ot_block w = ot_inner(chi, column_of(cot, c), blocks);
        w = ot_xor(w, ot_xor(sent[1 + c],
                             ot_and(sent[0], ot_mask_bit(cot->delta, c))));
        wrong.w[0] |= w.w[0];
        wrong.w[1] |= w.w[1];
    }
    uint64_t bad = mal_mask_nonzero(wrong.w[0] | wrong.w[1]);
    mal_declassify(&bad, sizeof bad);
    MAL_REQUIRE(!bad, MAL_E_PEER, "the peer's correlated OTs do not agree");
    return MAL_OK;
}

/* --- The receiver
 * -------------------------------------------------------------- */

/* The batch's choices: the caller's bits from `first` on, then random ones. */
static void choices(mal_ot_block *u, const uint64_t *choice, size_t first,
                    const batch *b) {
    uint64_t *words = (uint64_t *)u;
    size_t full = b->taken / 64, left = b->taken % 64;
    assert(first % 64 == 0);
    mal_prim_random(u, b->blocks * BLOCK);
    memcpy(words, choice + first / 64, full * 8);
    if (left) {
        uint64_t mask = (UINT64_C(1) << left) - 1;
        words[full] =
            (words[full] & ~mask) | (choice[first / 64 + full] & mask);
    }
}

/* In rows order, chunk by chunk: d_0, d_1, .. of the chunk. */
void ot_receive_columns(mal_ot_cot *cot, uint8_t *d, const mal_ot_block *u,
                        size_t blocks) {
    for (size_t at = 0; at < blocks; at += OT_CHUNK_BLOCKS) {
        size_t n =
            blocks - at < OT_CHUNK_BLOCKS ? blocks - at : OT_CHUNK_BLOCKS;
        for (unsigned i = 0; i < cot->trees; i++, d += n * BLOCK) {
            mal_ot_block sum[OT_CHUNK_BLOCKS];
            tree_chunk(cot, i, sum, at, n);
            xor_blocks(sum, u + at, UINT64_MAX, n);
            memcpy(d, sum, n * BLOCK);
        }
    }
}

static mal_err rows_out(const mal_ot_cot *cot, mal_ot_block *out,
                        const batch *b) {
    size_t whole = b->taken / 128, left = b->taken % 128;
    mal_ot_block last[128];
    ot_way way = ot_best_way();
    ot_transpose(way, out, cot->column, whole);
    if (left) {
        ot_transpose(way, last, cot->column + whole, 1);
        memcpy(out + 128 * whole, last, left * BLOCK);
        mal_wipe(last, sizeof last);
    }
    return MAL_OK;
}

static mal_err receive_batch(mal_ot_cot *cot, mal_ot_block *t,
                             const uint64_t *choice, size_t first,
                             const batch *b) {
    mal_ot_block u[OT_COLUMN_BLOCKS], hashes[1 + KAPPA];
    mal_buf_reset(&cot->message);
    MAL_TRY(mal_buf_reserve(&cot->message, b->bytes));
    uint8_t *d = cot->message.ptr;
    choices(u, choice, first, b);
    ot_receive_columns(cot, d, u, b->blocks);
    if (cot->params.security == MAL_OT_MALICIOUS) {
        ot_check_make(cot, hashes, d, u, b->blocks);
        memcpy(d + cot->trees * b->blocks * BLOCK, hashes, OT_CHECK_BYTES);
    }
    cot->message.len = b->bytes;
    mal_wipe(u, sizeof u);
    MAL_TRY(rows_out(cot, t, b));
    batch_done(cot, b);
    return mal_chan_send(cot->chan, mal_buf_view(&cot->message));
}

/* --- The sender
 * ----------------------------------------------------------------- */

static void send_columns(mal_ot_cot *cot, const uint8_t *d, size_t blocks) {
    for (size_t at = 0; at < blocks; at += OT_CHUNK_BLOCKS) {
        size_t n =
            blocks - at < OT_CHUNK_BLOCKS ? blocks - at : OT_CHUNK_BLOCKS;
        for (unsigned i = 0; i < cot->trees; i++, d += n * BLOCK) {
            mal_ot_block sum[OT_CHUNK_BLOCKS];
            tree_chunk(cot, i, sum, at, n);
            memcpy(sum, d, n * BLOCK);
            for (unsigned c = i * cot->k; c < (i + 1) * cot->k; c++)
                xor_blocks(column_of(cot, c) + at, sum,
                           ot_mask_bit(cot->delta, c), n);
        }
    }
}

static mal_err send_batch(mal_ot_cot *cot, mal_ot_block *q, const batch *b) {
    MAL_TRY(mal_chan_recv(cot->chan, &cot->message, b->bytes));
    MAL_REQUIRE(cot->message.len == b->bytes, MAL_E_PEER,
                "%zu bytes of correlated OTs, not %zu", cot->message.len,
                b->bytes);
    send_columns(cot, cot->message.ptr, b->blocks);
    if (cot->params.security == MAL_OT_MALICIOUS)
        MAL_TRY(check_verify(cot, cot->message.ptr, b->blocks));
    MAL_TRY(rows_out(cot, q, b));
    batch_done(cot, b);
    return MAL_OK;
}

/* --- Both
 * ------------------------------------------------------------------------ */

static mal_err run(mal_ot_cot *cot, mal_ot_block *out, const uint64_t *choice,
                   size_t n) {
    for (size_t done = 0; done < n;) {
        batch b = batch_of(cot, n - done);
        if (cot->sender)
            MAL_TRY(send_batch(cot, out + done, &b));
        else
            MAL_TRY(receive_batch(cot, out + done, choice, done, &b));
        done += b.taken;
    }
    return MAL_OK;
}

/* After a failure nothing of the object may serve: what the peer could make
 * fail, it could learn from. */
static mal_err run_or_end(mal_ot_cot *cot, mal_ot_block *out,
                          const uint64_t *choice, size_t n) {
    MAL_REQUIRE(!cot->failed, MAL_E_STATE, "an earlier batch failed");
    cot->failed = true;
    mal_err err = run(cot, out, choice, n);
    if (err != MAL_OK) {
        memset(out, 0, n * BLOCK);
        return mal_err_trace(err, __FILE__, __LINE__);
    }
    cot->failed = false;
    cot->served += n;
    return MAL_OK;
}

uint64_t mal_ot_cot_count(const mal_ot_cot *cot) {
    return cot->served;
}

mal_err mal_ot_cot_send(mal_ot_cot *cot, mal_ot_block *q, size_t n) {
    assert(cot->sender);
    return run_or_end(cot, q, NULL, n);
}

mal_err mal_ot_cot_receive(mal_ot_cot *cot, mal_ot_block *t,
                           const uint64_t *choice, size_t n) {
    assert(!cot->sender);
    return run_or_end(cot, t, choice, n);
}

/* 2^16 OTs share a permutation: many pads under one would all be targets of one
 * search (docs/security/ot.md, section 2). */
#define HASH_PERIOD ((uint64_t)1 << 16)

void mal_ot_cot_hash(const mal_ot_cot *cot, mal_ot_block *out,
                     const mal_ot_block *in, size_t n, uint64_t first) {
    ot_pads(&cot->hash, out, in, n, first);
}

void ot_pads(const mal_prim_aes *keys, mal_ot_block *out,
             const mal_ot_block *in, size_t n, uint64_t first) {
    mal_prim_aes pi;
    for (size_t done = 0; done < n;) {
        uint64_t at = first + done;
        uint64_t left = HASH_PERIOD - at % HASH_PERIOD;
        size_t m = n - done < left ? n - done : (size_t)left;
        uint8_t key[16] = { 0 };
        mal_store_u64le(key, at / HASH_PERIOD);
        mal_prim_aes_ecb(key, key, 1, keys);
        mal_prim_aes_init(&pi, key);
        mal_prim_aes_tmmo(out + done, in + done, m, &pi, at);
        done += m;
    }
}

mal_ot_block mal_ot_cot_delta(const mal_ot_cot *cot) {
    assert(cot->sender);
    return cot->delta;
}

/* --- Set up
 * ----------------------------------------------------------------------- */

mal_err ot_cot_make(mal_ot_cot **cot, mal_chan *chan,
                    const mal_ot_params *params, bool sender) {
    unsigned k = params->fold ? params->fold : 4;
    uint8_t key[16];
    *cot = NULL;
    MAL_REQUIRE(params->security == MAL_OT_SEMI_HONEST ||
                    params->security == MAL_OT_MALICIOUS,
                MAL_E_INPUT, "no such security: %u", params->security);
    MAL_REQUIRE(k == 1 || k == 2 || k == 4 || k == 8, MAL_E_INPUT,
                "a fold is 1, 2, 4 or 8, not %u", k);
    MAL_REQUIRE(params->code <= MAL_OT_CODE_21X24, MAL_E_INPUT,
                "no such code: %u", params->code);
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *c = mal_calloc(1, sizeof *c);
    MAL_REQUIRE(c, MAL_E_MEMORY, "out of memory");
    c->chan = chan;
    c->params = *params;
    c->params.delta = NULL;
    if (!c->params.code)
        c->params.code = MAL_OT_CODE_7X24;
    c->sender = sender;
    c->k = k;
    c->trees = KAPPA / k;
    size_t leaves = (size_t)c->trees << k;
    c->leaf = (mal_prim_aes *)mal_ot_blocks_new(leaves * sizeof(mal_prim_aes) /
                                                BLOCK);
    c->column = mal_ot_blocks_new(KAPPA * OT_COLUMN_STRIDE);
    MAL_REQUIRE(c->leaf && c->column, MAL_E_MEMORY, "out of memory");
    ot_public_key(key, "malus ot hash", params->session, 0, 0);
    mal_prim_aes_init(&c->hash, key);
    *cot = c;
    c = NULL;
    return MAL_OK;
}

/* Base OT i opens the sums beside the path: its choice is not delta's bit.
 * Level l of tree i is OT i * k + l and takes bit i * k + k - 1 - l. */
static mal_ot_block inverted(const mal_ot_cot *c) {
    mal_ot_block out = { { 0 } };
    for (unsigned j = 0; j < KAPPA; j++) {
        unsigned bit = j / c->k * c->k + c->k - 1 - j % c->k;
        out.w[j / 64] |= (~ot_mask_bit(c->delta, bit) & 1) << (j % 64);
    }
    return out;
}

mal_err ot_sender_begin(mal_ot_cot **cot, mal_chan *chan,
                        const mal_ot_params *params) {
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *c = NULL;
    *cot = NULL;
    MAL_TRY(ot_cot_make(&c, chan, params, true));
    if (params->delta)
        c->delta = *params->delta;
    else
        mal_prim_random(&c->delta, BLOCK);
    c->chooser = (ot_base_chooser *)(void *)mal_ot_blocks_new(
        (sizeof(ot_base_chooser) + BLOCK - 1) / BLOCK);
    MAL_REQUIRE(c->chooser, MAL_E_MEMORY, "out of memory");
    MAL_TRY(ot_base_choose(c->chooser, c->params.session, inverted(c)));
    MAL_TRY(mal_chan_send(
        chan, mal_bytes_of(c->chooser->points, OT_BASE_CHOOSE_BYTES)));
    *cot = c;
    c = NULL;
    return MAL_OK;
}

mal_err ot_sender_end(mal_ot_cot *c) {
    mal_ot_block key[KAPPA];
    size_t want =
        OT_BASE_POINT_BYTES + ot_setup_bytes(c->k, c->params.security);
    MAL_TRY(mal_chan_recv(c->chan, &c->message, want));
    MAL_REQUIRE(c->message.len == want, MAL_E_PEER,
                "%zu bytes of setup, not %zu", c->message.len, want);
    MAL_TRY(ot_base_chosen(key, c->chooser, c->message.ptr));
    mal_err err =
        ot_setup_guest(c,
                       mal_bytes_of(c->message.ptr + OT_BASE_POINT_BYTES,
                                    want - OT_BASE_POINT_BYTES),
                       key);
    mal_wipe(key, sizeof key);
    mal_ot_blocks_free((mal_ot_block *)(void *)c->chooser);
    c->chooser = NULL;
    return err;
}

static mal_err receiver_setup(mal_ot_cot *c) {
    mal_ot_block key[KAPPA][2];
    uint8_t point[OT_BASE_POINT_BYTES];
    MAL_AUTO(mal_buf_clear) mal_buf points = { 0 };
    MAL_TRY(mal_chan_recv(c->chan, &points, OT_BASE_CHOOSE_BYTES));
    MAL_REQUIRE(points.len == OT_BASE_CHOOSE_BYTES, MAL_E_PEER,
                "%zu bytes of base OTs, not %u", points.len,
                (unsigned)OT_BASE_CHOOSE_BYTES);
    MAL_TRY(ot_base_answer(key, point, c->params.session, points.ptr));
    mal_err err = mal_buf_put(&c->message, mal_bytes_of(point, sizeof point));
    if (err == MAL_OK)
        err = ot_setup_owner(c, &c->message, key);
    mal_wipe(key, sizeof key);
    MAL_TRY(err);
    return mal_chan_send(c->chan, mal_buf_view(&c->message));
}

mal_err mal_ot_cot_new_sender(mal_ot_cot **cot, mal_chan *chan,
                              const mal_ot_params *params) {
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *c = NULL;
    *cot = NULL;
    MAL_TRY(ot_sender_begin(&c, chan, params));
    MAL_TRY(ot_sender_end(c));
    *cot = c;
    c = NULL;
    return MAL_OK;
}

mal_err mal_ot_cot_new_receiver(mal_ot_cot **cot, mal_chan *chan,
                                const mal_ot_params *params) {
    MAL_AUTO(mal_ot_cot_auto) mal_ot_cot *c = NULL;
    *cot = NULL;
    MAL_TRY(ot_cot_make(&c, chan, params, false));
    MAL_TRY(receiver_setup(c));
    *cot = c;
    c = NULL;
    return MAL_OK;
}

void mal_ot_cot_free(mal_ot_cot *cot) {
    if (!cot)
        return;
    mal_ot_blocks_free((mal_ot_block *)(void *)cot->leaf);
    mal_ot_blocks_free(cot->column);
    mal_ot_blocks_free((mal_ot_block *)(void *)cot->chooser);
    mal_buf_clear(&cot->message);
    mal_wipe(cot, sizeof *cot);
    mal_free(cot);
}

void mal_ot_cot_auto(mal_ot_cot **cot) {
    mal_ot_cot_free(*cot);
    *cot = NULL;
}
