/* circuit_opprf.c - one target a bin, for who holds a right key.
 *
 * An item is (y, j): a key and which of its hash functions put it into a bin,
 * since P may ask for a key in one of its three bins only.
 *
 * OPRF [RR22] Fig. 4, P is the receiver:
 *   P: D = encode({ (y, j) -> H(y, j) });  VOLE: (a, c) to P, (delta, b) to F,
 *      c = b + delta a;  sends A = a + D.  F_P(y, j) = decode(c, (y, j)).
 *   F: K = b + delta A = c + delta D.
 *      F_F(x, j) = decode(K, (x, j)) + delta H(x, j): equal where (x, j) is one
 *      of P's; else delta (decode(D) + H) is added, unknown to P.
 *   Both hash what they got with its item.
 *
 * OPPRF [PSTY19] section 3.1: F sends a second store, { (x, j) -> t_b ^ F(x, j)
 * } for the bin b = h_j(x); P decodes and takes F(y, j) off.  Only the low word
 * of the store is sent: t has at most 63 bits.  Both are filled up with random
 * items to the declared bounds.
 */
#include "circuit_impl.h"
#include "run_impl.h"

#define STORE_PART ((size_t)1 << 15) /* columns of one message */

static mal_ot_block item_of(mal_ot_block tag, unsigned j) {
    tag.w[0] ^= j;
    return tag;
}

static const mal_psi_key *keys_of(const mal_ot_block *items) {
    return (const mal_psi_key *)(const void *)items;
}

/* out[i] ^= what; and the hash of an output with its item: the low word of
 * H(H(out) ^ item), a random oracle cut to 64 bits as far as P can ask. */
static void finish(const circuit *c, mal_ot_block *out,
                   const mal_ot_block *items, size_t n) {
    mal_prim_aes_mmo(out, out, n, &c->hash);
    for (size_t i = 0; i < n; i++) {
        out[i].w[0] ^= items[i].w[0];
        out[i].w[1] ^= items[i].w[1];
    }
    mal_prim_aes_mmo(out, out, n, &c->hash);
}

/* --- Stores on the wire --------------------------------------------------- */

/* Seed, then columns of `width` bytes: 16, or the low 8. */
static mal_err send_store(circuit *c, const uint8_t seed[16],
                          const mal_ot_block *p, size_t n, size_t width) {
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    MAL_TRY(mal_chan_send(c->chan, mal_bytes_of(seed, 16)));
    for (size_t at = 0; at < n; at += STORE_PART) {
        const size_t len = n - at < STORE_PART ? n - at : STORE_PART;
        mal_buf_reset(&out);
        MAL_TRY(mal_buf_reserve(&out, len * width));
        for (size_t i = 0; i < len; i++) {
            mal_store_u64le(out.ptr + i * width, p[at + i].w[0]);
            if (width == 16)
                mal_store_u64le(out.ptr + i * width + 8, p[at + i].w[1]);
        }
        out.len = len * width;
        MAL_TRY(mal_chan_send(c->chan, mal_buf_view(&out)));
    }
    return MAL_OK;
}

static mal_err receive_store(circuit *c, uint8_t seed[16], mal_ot_block *p,
                             size_t n, size_t width) {
    MAL_AUTO(mal_buf_clear) mal_buf in = { 0 };
    MAL_TRY(mal_chan_recv_exact(c->chan, seed, 16));
    for (size_t at = 0; at < n; at += STORE_PART) {
        const size_t len = n - at < STORE_PART ? n - at : STORE_PART;
        MAL_TRY(mal_chan_recv(c->chan, &in, len * width));
        MAL_REQUIRE(in.len == len * width, MAL_E_PEER, CIRCUIT_PEER_BROKE);
        for (size_t i = 0; i < len; i++) {
            p[at + i].w[0] = mal_load_u64le(in.ptr + i * width);
            p[at + i].w[1] =
                width == 16 ? mal_load_u64le(in.ptr + i * width + 8) : 0;
        }
    }
    return MAL_OK;
}

/* Further 128 bits of an output of the OPRF: H(out ^ (block + 1)). */
static void widen(const circuit *c, mal_ot_block *h, const mal_ot_block *out,
                  uint64_t block, size_t n) {
    for (size_t i = 0; i < n; i++)
        h[i] = (mal_ot_block){ { out[i].w[0] ^ (block + 1), out[i].w[1] } };
    mal_prim_aes_mmo(h, h, n, &c->hash);
}

/* --- P -------------------------------------------------------------------- */

typedef struct asked {
    mal_psi_okvs store, hint;
    mal_ot_block *items, *out; /* [n_max] */
    mal_ot_block *d, *a, *c;   /* [store.columns] */
    mal_ot_block *p;           /* [hint.columns] */
    uint8_t seed[16], hint_seed[16];
} asked;

static void asked_clear(asked *k) {
    mal_ot_blocks_free(k->items);
    mal_ot_blocks_free(k->out);
    mal_ot_blocks_free(k->d);
    mal_ot_blocks_free(k->a);
    mal_ot_blocks_free(k->c);
    mal_ot_blocks_free(k->p);
}

/* Row i of the caller's asks in its bin; what is left over asks at random. */
static void ask_items(const circuit *c, mal_ot_block *items) {
    circuit_random(items + c->n, c->params->payload_max - c->n);
    for (uint32_t bin = 0; bin < c->bins; bin++) {
        const uint32_t row = c->table[bin];
        if (row != CUCKOO_EMPTY)
            items[row] = item_of(c->tags[row],
                                 cuckoo_hash_of(c->tags[row], bin, c->bins));
    }
}

static mal_err oprf_payload(circuit *c, asked *k) {
    const size_t n = c->params->payload_max;
    mal_prim_aes_mmo(k->out, k->items, n, &c->hash); /* H(y, j) */
    MAL_TRY(mal_psi_okvs_encode(k->d, k->seed, &k->store, keys_of(k->items),
                                k->out, n, c->params->threads));
    const mal_ot_params params = circuit_transfers(c, "oprf");
    MAL_TRY(mal_ot_vole_receive(k->a, k->c, k->store.columns, c->chan, &params,
                                c->progress));
    for (size_t i = 0; i < k->store.columns; i++) {
        k->a[i].w[0] ^= k->d[i].w[0];
        k->a[i].w[1] ^= k->d[i].w[1];
    }
    MAL_TRY(send_store(c, k->seed, k->a, k->store.columns, 16));
    MAL_TRY(mal_psi_okvs_decode(k->out, &k->store, k->c, k->seed,
                                keys_of(k->items), n, c->params->threads));
    finish(c, k->out, k->items, n);
    return MAL_OK;
}

static mal_err hint_payload(circuit *c, asked *k) {
    const size_t n = c->params->payload_max;
    MAL_TRY(receive_store(c, k->hint_seed, k->p, k->hint.columns, 8));
    mal_ot_block *opened = mal_ot_blocks_new(n);
    if (!opened)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_err err = mal_psi_okvs_decode(opened, &k->hint, k->p, k->hint_seed,
                                      keys_of(k->items), n, c->params->threads);
    circuit_random(c->t, c->bins / 2); /* of empty bins */
    for (uint32_t bin = 0; err == MAL_OK && bin < c->bins; bin++) {
        const uint32_t row = c->table[bin];
        if (row != CUCKOO_EMPTY)
            c->t[bin] = k->out[row].w[0] ^ opened[row].w[0];
    }
    mal_ot_blocks_free(opened);
    return err;
}

/* Words 2 block and 2 block + 1 of the rows, into side; random if none. */
static void take_words(circuit *c, const mal_ot_block *value, uint64_t block) {
    const size_t width = c->side_words - 2 * block < 2 ? 1 : 2;
    for (uint32_t bin = 0; bin < c->bins; bin++) {
        uint64_t *side = c->side + bin * c->side_words + 2 * block;
        const uint32_t row = c->table[bin];
        for (size_t w = 0; row != CUCKOO_EMPTY && w < width; w++)
            side[w] = value[row].w[w];
    }
}

static mal_err words_payload(circuit *c, asked *k) {
    const size_t n = c->params->payload_max;
    const uint64_t blocks = (c->side_words + 1) / 2;
    mal_ot_block *opened = mal_ot_blocks_new(n), *h = mal_ot_blocks_new(n);
    mal_err err =
        opened && h ? MAL_OK : mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    if (err == MAL_OK) /* of empty bins; an even number of words */
        circuit_random(c->side, c->bins * c->side_words / 2);
    for (uint64_t block = 0; err == MAL_OK && block < blocks; block++) {
        err = receive_store(c, k->hint_seed, k->p, k->hint.columns, 16);
        if (err == MAL_OK)
            err = mal_psi_okvs_decode(opened, &k->hint, k->p, k->hint_seed,
                                      keys_of(k->items), n, c->params->threads);
        widen(c, h, k->out, block, n);
        for (size_t i = 0; i < n; i++) {
            opened[i].w[0] ^= h[i].w[0];
            opened[i].w[1] ^= h[i].w[1];
        }
        take_words(c, opened, block);
    }
    mal_ot_blocks_free(opened);
    mal_ot_blocks_free(h);
    return err;
}

mal_err opprf_payload(circuit *c) {
    const size_t n = c->params->payload_max;
    asked k = { 0 };
    MAL_TRY(mal_psi_okvs_shape(&k.store, n));
    MAL_TRY(mal_psi_okvs_shape(&k.hint, (uint64_t)CUCKOO_HASHES *
                                            c->params->filter_max));
    k.items = mal_ot_blocks_new(n);
    k.out = mal_ot_blocks_new(n);
    k.d = mal_ot_blocks_new(k.store.columns);
    k.a = mal_ot_blocks_new(k.store.columns);
    k.c = mal_ot_blocks_new(k.store.columns);
    k.p = mal_ot_blocks_new(k.hint.columns);
    mal_err err = MAL_OK;
    if (!k.items || !k.out || !k.d || !k.a || !k.c || !k.p)
        err = mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    if (err == MAL_OK) {
        ask_items(c, k.items);
        err = oprf_payload(c, &k);
    }
    if (err == MAL_OK && c->side_words > 0)
        err = words_payload(c, &k);
    if (err == MAL_OK)
        err = hint_payload(c, &k);
    asked_clear(&k);
    return err;
}

/* --- F -------------------------------------------------------------------- */

typedef struct programmed {
    mal_psi_okvs store, hint;
    size_t n;                  /* items: three for each of n_max keys */
    mal_ot_block *items, *out; /* [n] */
    mal_ot_block *a, *k;       /* [store.columns]; k: [either.columns] */
    uint8_t seed[16], hint_seed[16];
    mal_ot_block delta;
} programmed;

static size_t most_columns(const programmed *g) {
    return g->store.columns > g->hint.columns ? g->store.columns
                                              : g->hint.columns;
}

static void programmed_clear(programmed *g) {
    mal_ot_blocks_free(g->items);
    mal_ot_blocks_free(g->out);
    mal_ot_blocks_free(g->a);
    mal_ot_blocks_free(g->k);
    mal_wipe(&g->delta, sizeof g->delta);
}

static void program_items(const circuit *c, mal_ot_block *items, size_t n) {
    for (size_t i = 0; i < c->n; i++)
        for (unsigned j = 0; j < CUCKOO_HASHES; j++)
            items[CUCKOO_HASHES * i + j] = item_of(c->tags[i], j);
    circuit_random(items + CUCKOO_HASHES * c->n, n - CUCKOO_HASHES * c->n);
}

static mal_err oprf_filter(circuit *c, programmed *g) {
    const mal_ot_params params = circuit_transfers(c, "oprf");
    MAL_TRY(mal_ot_vole_send(&g->delta, g->k, g->store.columns, c->chan,
                             &params, c->progress));
    MAL_TRY(receive_store(c, g->seed, g->a, g->store.columns, 16));
    psi_add_multiples(g->k, g->a, g->store.columns, g->delta); /* K */
    return mal_psi_okvs_decode(g->out, &g->store, g->k, g->seed,
                               keys_of(g->items), g->n, c->params->threads);
}

/* out = decode(K, item) + delta H(item), hashed. */
static void oprf_evaluate(const circuit *c, programmed *g) {
    enum { BATCH = 256 };
    mal_ot_block h[BATCH];
    for (size_t at = 0; at < g->n; at += BATCH) {
        const size_t len = g->n - at < BATCH ? g->n - at : BATCH;
        mal_prim_aes_mmo(h, g->items + at, len, &c->hash);
        psi_add_multiples(g->out + at, h, len, g->delta);
        finish(c, g->out + at, g->items + at, len);
    }
    mal_wipe(h, sizeof h);
}

/* values = t_b ^ F; of items that nobody has, random already. */
static mal_err hint_filter(circuit *c, programmed *g) {
    for (size_t i = 0; i < c->n; i++) {
        uint32_t bin[CUCKOO_HASHES];
        cuckoo_bins_of(bin, c->tags[i], c->bins);
        for (unsigned j = 0; j < CUCKOO_HASHES; j++)
            g->out[CUCKOO_HASHES * i + j].w[0] ^= c->t[bin[j]];
    }
    MAL_TRY(mal_psi_okvs_encode(g->k, g->hint_seed, &g->hint, keys_of(g->items),
                                g->out, g->n, c->params->threads));
    return send_store(c, g->hint_seed, g->k, g->hint.columns, 8);
}

/* value ^= (z - r_b) for the words of the block; a last one that is missing
 * stays random. */
static void give_words(const circuit *c, mal_ot_block *value, uint64_t block) {
    const size_t width = c->side_words - 2 * block < 2 ? 1 : 2;
    for (size_t i = 0; i < c->n; i++) {
        const int64_t *z = c->side_values + i * c->side_words + 2 * block;
        uint32_t bin[CUCKOO_HASHES];
        cuckoo_bins_of(bin, c->tags[i], c->bins);
        for (unsigned j = 0; j < CUCKOO_HASHES; j++) {
            const uint64_t *r = c->side + bin[j] * c->side_words + 2 * block;
            for (size_t w = 0; w < width; w++)
                value[CUCKOO_HASHES * i + j].w[w] ^= (uint64_t)z[w] - r[w];
        }
    }
}

static mal_err words_filter(circuit *c, programmed *g) {
    const uint64_t blocks = (c->side_words + 1) / 2;
    mal_ot_block *value = mal_ot_blocks_new(g->n);
    mal_err err =
        value ? MAL_OK : mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    circuit_random(c->side, c->bins * c->side_words / 2); /* r */
    for (uint64_t block = 0; err == MAL_OK && block < blocks; block++) {
        widen(c, value, g->out, block, g->n);
        give_words(c, value, block);
        err =
            mal_psi_okvs_encode(g->k, g->hint_seed, &g->hint, keys_of(g->items),
                                value, g->n, c->params->threads);
        if (err == MAL_OK)
            err = send_store(c, g->hint_seed, g->k, g->hint.columns, 16);
    }
    mal_ot_blocks_free(value);
    return err;
}

mal_err opprf_filter(circuit *c) {
    programmed g = { .n = (size_t)CUCKOO_HASHES * c->params->filter_max };
    MAL_TRY(mal_psi_okvs_shape(&g.store, c->params->payload_max));
    MAL_TRY(mal_psi_okvs_shape(&g.hint, g.n));
    g.items = mal_ot_blocks_new(g.n);
    g.out = mal_ot_blocks_new(g.n);
    g.a = mal_ot_blocks_new(g.store.columns);
    g.k = mal_ot_blocks_new(most_columns(&g));
    mal_err err = MAL_OK;
    if (!g.items || !g.out || !g.a || !g.k)
        err = mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    if (err == MAL_OK) {
        circuit_random(c->t, c->bins / 2);
        program_items(c, g.items, g.n);
        err = oprf_filter(c, &g);
    }
    if (err == MAL_OK) {
        oprf_evaluate(c, &g);
        if (c->side_words > 0)
            err = words_filter(c, &g);
    }
    if (err == MAL_OK)
        err = hint_filter(c, &g);
    programmed_clear(&g);
    return err;
}
