/* equal.c - are two strings equal?  Shares of the answer.
 *
 * The sender holds x, the receiver y, of l bits, in leaves of four [CGS22]. For
 * each leaf one transfer of sixteen gives XOR shares r, s of [x_i = y_i]: the
 * table of what the receiver's nibble might be, masked by r.  All leaves are
 * equal iff the strings s and ~r are: the same again on a quarter of the bits,
 * until one leaf is left, 16 + 4 + 1 for 61 bits.
 *
 * A transfer is a correlation of ot over GF(16) (c = b + delta a): the receiver
 * sends e = a + y, four bits, and knows the pad of choice y, which is the hash
 * of c; the sender the pads of all v = e + choice.  r is chosen so that the
 * first entry of a table is 0 and not sent: fifteen bits.  Everything is done
 * on planes: bit i of 64 bins in one word.
 */
#include "circuit_impl.h"

#include <string.h>

#define LEAF 4u
#define CHOICES 16u
#define STRING (LEAF * EQUAL_LEAVES_MAX)
#define WORDS (EQUAL_BATCH / 64)

static unsigned leaves_of(unsigned bits) {
    return (bits + LEAF - 1) / LEAF;
}

unsigned equal_leaves(unsigned bits, unsigned *layers) {
    unsigned all = 0;
    *layers = 0;
    do {
        bits = leaves_of(bits);
        all += bits;
        ++*layers;
    } while (bits > 1);
    return all;
}

static size_t pad_words(const equal *e) {
    return leaves_of(e->bits) * WORDS * CHOICES;
}

mal_err equal_init(equal *e, transfers *by, mal_chan *chan, unsigned bits) {
    assert(bits >= 1 && bits <= EQUAL_BITS_MAX);
    *e = (equal){ .by = by, .chan = chan, .bits = bits };
    e->q = mal_calloc(EQUAL_SUB, sizeof *e->q);
    e->h = mal_calloc(EQUAL_SUB, sizeof *e->h);
    e->string = mal_calloc(STRING * WORDS, sizeof *e->string);
    e->pad = mal_calloc(pad_words(e), sizeof *e->pad);
    if (!e->q || !e->h || !e->string || !e->pad)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    return MAL_OK;
}

void equal_clear(equal *e) {
    if (e->pad)
        circuit_wipe_free(e->pad, pad_words(e) * sizeof *e->pad);
    circuit_wipe_free(e->q, EQUAL_SUB * sizeof *e->q);
    circuit_wipe_free(e->h, EQUAL_SUB * sizeof *e->h);
    circuit_wipe_free(e->string, STRING * WORDS * sizeof *e->string);
    mal_buf_clear(&e->out);
    mal_buf_clear(&e->in);
    mal_wipe(e, sizeof *e);
}

/* --- Planes --------------------------------------------------------------- */

/* Bit i of n words, packed. */
static void plane_of(uint64_t *plane, const uint64_t *t, unsigned i, size_t n) {
    for (size_t k = 0; k < n; k += 64) {
        uint64_t word = 0;
        for (size_t b = 0; b < 64; b++)
            word |= (t[k + b] >> i & 1) << b;
        plane[k / 64] = word;
    }
}

static void load_string(equal *e, const uint64_t *t, size_t n) {
    for (unsigned i = 0; i < LEAF * leaves_of(e->bits); i++) {
        uint64_t *plane = e->string + i * WORDS;
        if (i < e->bits)
            plane_of(plane, t, i, n);
        else
            memset(plane, 0, n / 8);
    }
}

/* all[x]: where the nibble is x. */
static void places_of(uint64_t all[CHOICES], const uint64_t *nibble) {
    all[0] = ~(uint64_t)0;
    for (unsigned j = 0; j < LEAF; j++) {
        const uint64_t bit = nibble[j * WORDS];
        for (unsigned x = 0; x < 1u << j; x++) {
            all[x | 1u << j] = all[x] & bit;
            all[x] &= ~bit;
        }
    }
}

static size_t sub_at(size_t n, size_t at) {
    return n - at < EQUAL_SUB ? n - at : EQUAL_SUB;
}

/* --- The sender ----------------------------------------------------------- */

/* pad[v] of n bins: the hash of b + delta v. */
static mal_err leaf_pads(equal *e, uint64_t *pad, size_t n) {
    for (size_t at = 0; at < n; at += EQUAL_SUB) {
        const size_t m = sub_at(n, at);
        const uint64_t first = mal_ot_nib_count(e->by->nib);
        MAL_TRY(mal_ot_nib_next(e->by->nib, e->q, m));
        for (unsigned v = 0; v < CHOICES; v++) {
            const mal_ot_block d = e->times[v];
            for (size_t k = 0; k < m; k++)
                e->h[k] = (mal_ot_block){ { e->q[k].w[0] ^ d.w[0],
                                            e->q[k].w[1] ^ d.w[1] } };
            mal_ot_nib_hash(e->by->nib, e->h, e->h, m, first);
            planes_of_blocks(pad + v * WORDS + at / 64, e->h, 63, m);
        }
    }
    return MAL_OK;
}

/* One word of a leaf: its table into out[15][words], the share returned. */
static uint64_t leaf_table(const uint64_t *nibble, const uint64_t *pad,
                           const uint8_t *moved, uint8_t *out, size_t words) {
    uint64_t p[CHOICES], is[CHOICES];
    for (unsigned v = 0; v < CHOICES; v++)
        p[v] = pad[v * WORDS];
    for (unsigned j = 0; j < LEAF; j++) { /* p[x] becomes the pad of x + e */
        const uint64_t bit = mal_load_u64le(moved + 8 * j * words);
        for (unsigned v = 0; v < CHOICES; v++) {
            if (v >> j & 1)
                continue;
            const uint64_t d = (p[v] ^ p[v | 1u << j]) & bit;
            p[v] ^= d;
            p[v | 1u << j] ^= d;
        }
    }
    places_of(is, nibble);
    const uint64_t r = p[0] ^ is[0];
    for (unsigned x = 1; x < CHOICES; x++)
        mal_store_u64le(out + 8 * (x - 1) * words, p[x] ^ is[x] ^ r);
    return r;
}

static mal_err layer_send(equal *e, unsigned leaves, size_t n) {
    const size_t words = n / 64, entry = 8 * words;
    for (unsigned i = 0; i < leaves; i++)
        MAL_TRY(leaf_pads(e, e->pad + i * CHOICES * WORDS, n));
    MAL_TRY(mal_chan_recv(e->chan, &e->in, leaves * LEAF * entry));
    MAL_REQUIRE(e->in.len == leaves * LEAF * entry, MAL_E_PEER,
                CIRCUIT_PEER_BROKE);
    mal_buf_reset(&e->out);
    MAL_TRY(mal_buf_reserve(&e->out, leaves * (CHOICES - 1) * entry));
    e->out.len = leaves * (CHOICES - 1) * entry;
    for (unsigned i = 0; i < leaves; i++) /* string i is read before written */
        for (size_t w = 0; w < words; w++)
            e->string[i * WORDS + w] = ~leaf_table(
                e->string + LEAF * i * WORDS + w,
                e->pad + i * CHOICES * WORDS + w,
                e->in.ptr + LEAF * i * entry + 8 * w,
                e->out.ptr + (CHOICES - 1) * i * entry + 8 * w, words);
    return mal_chan_send(e->chan, mal_buf_view(&e->out));
}

/* --- The receiver --------------------------------------------------------- */

/* Of n bins of a leaf: e = a + y into out, and the pad that c is. */
static mal_err leaf_choose(equal *e, const uint64_t *nibble, uint64_t *pad,
                           uint8_t *out, size_t n) {
    uint64_t plane[EQUAL_SUB / 64];
    for (size_t at = 0; at < n; at += EQUAL_SUB) {
        const size_t m = sub_at(n, at);
        const uint64_t first = mal_ot_nib_count(e->by->nib);
        MAL_TRY(mal_ot_nib_next(e->by->nib, e->q, m));
        for (unsigned j = 0; j < LEAF; j++) {
            planes_of_blocks(plane, e->q, 60 + j, m);
            for (size_t w = 0; w < m / 64; w++)
                mal_store_u64le(out + j * n / 8 + at / 8 + 8 * w,
                                plane[w] ^ nibble[j * WORDS + at / 64 + w]);
        }
        mal_ot_nib_hash(e->by->nib, e->h, e->q, m, first);
        planes_of_blocks(pad + at / 64, e->h, 63, m);
    }
    mal_wipe(plane, sizeof plane);
    return MAL_OK;
}

/* One word: the entry of the own nibble, without its pad. */
static uint64_t leaf_look(const uint64_t *nibble, uint64_t pad,
                          const uint8_t *table, size_t words) {
    uint64_t is[CHOICES];
    places_of(is, nibble);
    for (unsigned x = 1; x < CHOICES; x++)
        pad ^= mal_load_u64le(table + 8 * (x - 1) * words) & is[x];
    return pad;
}

static mal_err layer_receive(equal *e, unsigned leaves, size_t n) {
    const size_t words = n / 64, entry = 8 * words;
    mal_buf_reset(&e->out);
    MAL_TRY(mal_buf_reserve(&e->out, leaves * LEAF * entry));
    e->out.len = leaves * LEAF * entry;
    for (unsigned i = 0; i < leaves; i++)
        MAL_TRY(leaf_choose(e, e->string + LEAF * i * WORDS, e->pad + i * WORDS,
                            e->out.ptr + LEAF * i * entry, n));
    MAL_TRY(mal_chan_send(e->chan, mal_buf_view(&e->out)));
    MAL_TRY(mal_chan_recv(e->chan, &e->in, leaves * (CHOICES - 1) * entry));
    MAL_REQUIRE(e->in.len == leaves * (CHOICES - 1) * entry, MAL_E_PEER,
                CIRCUIT_PEER_BROKE);
    for (unsigned i = 0; i < leaves; i++)
        for (size_t w = 0; w < words; w++)
            e->string[i * WORDS + w] = leaf_look(
                e->string + LEAF * i * WORDS + w, e->pad[i * WORDS + w],
                e->in.ptr + (CHOICES - 1) * i * entry + 8 * w, words);
    return MAL_OK;
}

/* --- Both ----------------------------------------------------------------- */

/* The shares of a layer are the string of the next; what a last leaf lacks is
 * equal. */
static mal_err layers(equal *e, size_t n,
                      mal_err (*layer)(equal *, unsigned, size_t)) {
    for (unsigned bits = e->bits;;) {
        const unsigned leaves = leaves_of(bits);
        MAL_TRY(layer(e, leaves, n));
        if (leaves == 1)
            return MAL_OK;
        for (unsigned i = leaves; i < LEAF * leaves_of(leaves); i++)
            memset(e->string + i * WORDS, 0, n / 8);
        bits = leaves;
    }
}

mal_err equal_send(equal *e, uint64_t *share, const uint64_t *t, size_t n) {
    assert(n <= EQUAL_BATCH && n % 64 == 0);
    for (unsigned v = 0; v < CHOICES; v++)
        e->times[v] = mal_ot_nib_times(e->by->delta, v);
    load_string(e, t, n);
    MAL_TRY(layers(e, n, layer_send));
    for (size_t w = 0; w < n / 64; w++)
        share[w] = ~e->string[w];
    return MAL_OK;
}

mal_err equal_receive(equal *e, uint64_t *share, const uint64_t *t, size_t n) {
    assert(n <= EQUAL_BATCH && n % 64 == 0);
    load_string(e, t, n);
    MAL_TRY(layers(e, n, layer_receive));
    memcpy(share, e->string, n / 8);
    return MAL_OK;
}
