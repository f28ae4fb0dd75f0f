/* circuit_impl.h - what the files of the circuit share.
 *
 * Symbols follow [PSTY19] and [RS21] section 6: P (payload) holds the cuckoo
 * table of its keys y, one a bin; F (filter) holds for each bin b a target t_b
 * that the OPPRF gives to P if the bin's key is one of F's.  P is the sender
 * and F the receiver of every oblivious transfer.
 */
#ifndef MALUS_CIRCUIT_IMPL_H
#define MALUS_CIRCUIT_IMPL_H

#include <malus/ot.h>
#include <malus/psi.h>

/* The one answer to a peer that breaks the protocol. */
#define CIRCUIT_PEER_BROKE "the peer broke the protocol: the run is void"

/* 16 / CIRCUIT_FOLD bytes a transfer: 8 would save a third of all bytes for 2.4
 * times the CPU, 2 a fifth of the CPU for 1.7 times the bytes. */
#define CIRCUIT_FOLD 4

#define CUCKOO_HASHES 3
#define CUCKOO_EMPTY UINT32_MAX

/* --- cuckoo.c ------------------------------------------------------------- */

/* Bins for up to n_max keys, a multiple of 64; the failure bound is there. */
uint32_t cuckoo_bins(uint32_t n_max);
/* The three bins of a key, all different; tag is the key's hash. */
void cuckoo_bins_of(uint32_t bin[CUCKOO_HASHES], mal_ot_block tag,
                    uint32_t bins);
/* Which of its hash functions put the key into that bin? */
unsigned cuckoo_hash_of(mal_ot_block tag, uint32_t bin, uint32_t bins);
/* table[bin] = the row that lies there, or CUCKOO_EMPTY.  Tags are distinct.
 * MAL_E_STATE: no place was found; probability below 2^-40. */
mal_err cuckoo_build(uint32_t *table, uint32_t bins, const mal_ot_block *tags,
                     size_t n) MAL_MUST_CHECK;
/* Does a tag occur twice?  Time depends on the tags. */
mal_err cuckoo_repeats_vartime(bool *repeats, const mal_ot_block *tags,
                               size_t n) MAL_MUST_CHECK;

/* --- Transfers ------------------------------------------------------------ */

/* One extender, shared by those who use it in turn, and what equality makes of
 * it. */
typedef struct transfers {
    mal_ot_cot *cot;
    mal_ot_nib *nib;    /* NULL: nothing is compared this way */
    mal_ot_block delta; /* at the sender */
} transfers;

/* --- planes.c ------------------------------------------------------------- */

/* Bit i of the upper word of n blocks, a multiple of 64; the best way, and each
 * of them for the tests. */
void planes_of_blocks(uint64_t *plane, const mal_ot_block *v, unsigned i,
                      size_t n);
typedef struct planes_way {
    const char *name;
    bool (*usable)(void);
    void (*of_blocks)(uint64_t *plane, const mal_ot_block *v, unsigned i,
                      size_t n);
} planes_way;
extern const planes_way planes_ways[];
extern const size_t planes_ways_n;

/* --- equal.c -------------------------------------------------------------- */

/* Equality of strings of `bits` bits in batches, to XOR shares of one bit. */
#define EQUAL_BITS_MAX 63
#define EQUAL_SUB 1024                       /* bins worked on at once */
#define EQUAL_BATCH ((size_t)64 * EQUAL_SUB) /* bins between two answers */
#define EQUAL_LEAVES_MAX 16u

typedef struct equal {
    transfers *by;          /* borrowed */
    mal_chan *chan;         /* borrowed */
    unsigned bits;          /* 1 .. EQUAL_BITS_MAX */
    mal_ot_block times[16]; /* sender: delta v */
    mal_ot_block *q, *h;    /* [EQUAL_SUB] */
    uint64_t *string; /* [4 * LEAVES_MAX][words]: the bits still to compare */
    uint64_t
        *pad; /* sender [LEAVES_MAX][16][words], receiver [LEAVES_MAX][words] */
    mal_buf out, in;
} equal;

/* Leaves of all layers, for the cost, and how many layers. */
unsigned equal_leaves(unsigned bits, unsigned *layers);
mal_err equal_init(equal *e, transfers *by, mal_chan *chan,
                   unsigned bits) MAL_MUST_CHECK;
void equal_clear(equal *e);
/* share[k] of the sender ^ share[k] of the receiver = [t_k = t'_k], packed;
 * n <= EQUAL_BATCH, a multiple of 64; bits of t above `bits` do not count. */
mal_err equal_send(equal *e, uint64_t *share, const uint64_t *t,
                   size_t n) MAL_MUST_CHECK;
mal_err equal_receive(equal *e, uint64_t *share, const uint64_t *t,
                      size_t n) MAL_MUST_CHECK;

/* --- circuit_mux.c -------------------------------------------------------- */

/* Sum over bins of bit * row, to additive shares modulo 2^64. */
#define MUX_SUB 1024   /* bins of one message */
#define MUX_CHUNK 64   /* words of a row in one message */
#define MUX_BLOCKS 512 /* blocks of pads at once */

typedef struct mux {
    transfers *by;               /* borrowed */
    mal_chan *chan;              /* borrowed */
    const mal_prim_aes *hash;    /* borrowed */
    size_t words;                /* of a row */
    uint64_t *sum;               /* [words] this party's share so far */
    uint64_t *each;              /* or [n][words], of each bin of a batch */
    mal_ot_block *seed0, *seed1; /* [EQUAL_BATCH] */
    mal_ot_block *h0, *h1;
    mal_buf message;
} mux;

typedef struct mux_rows {
    const int64_t *values; /* [rows][words] */
    const uint32_t *table; /* [bins]: which row, or CUCKOO_EMPTY; NULL: bin */
    const int64_t *zeros;  /* [words] */
} mux_rows;

mal_err mux_init(mux *m, transfers *by, mal_chan *chan,
                 const mal_prim_aes *hash, size_t words) MAL_MUST_CHECK;
void mux_clear(mux *m);
/* n bins, a multiple of 64; bit = this party's XOR shares, packed. */
mal_err mux_send(mux *m, const uint64_t *bit, const mux_rows *rows,
                 size_t n) MAL_MUST_CHECK;
mal_err mux_receive(mux *m, const uint64_t *bit, size_t n) MAL_MUST_CHECK;

/* --- circuit.c ------------------------------------------------------------ */

/* A channel that hashes what passes, or only passes it on. */
typedef struct circuit_watch {
    mal_chan chan; /* first */
    mal_chan *inner;
    mal_prim_sha256 *sent, *received; /* NULL: not hashed */
} circuit_watch;

/* One party's run. */
typedef struct circuit {
    const mal_psi_circuit_params *params;
    const mal_progress *progress;
    bool payload; /* P, else F */
    circuit_watch watch;
    mal_chan *chan;              /* &watch.chan */
    mal_prim_hash session;       /* bound: session id and all parameters */
    mal_prim_aes tag_hash, hash; /* of keys; of transfers: public */
    uint32_t bins;
    unsigned bits;      /* l: of t */
    mal_ot_block *tags; /* [n] hashes of own keys */
    size_t n;
    uint32_t *table; /* P: [bins] */
    uint64_t *t;     /* [bins] P: what the OPPRF gave; F: the targets */
    uint64_t *share; /* [EQUAL_BATCH / 64] of the bits of a batch */
    int64_t *zeros;  /* [words] */
    transfers by;
    equal equal;
    mux mux;
    /* Tables only, else 0: words of a filter's row; F: its rows, [n][words];
     * [bins][words] F: masks r; P: what the OPPRF gave, row - r or random. */
    size_t side_words;
    const int64_t *side_values;
    uint64_t *side;
} circuit;

/* In order: init; open, after which `tags`, and at P `table`, are there; the
 * OPPRF; transfers; batches; done.  clear whatever came of it. */
mal_err circuit_init(circuit *c, mal_chan *chan,
                     const mal_psi_circuit_params *params,
                     const mal_progress *progress, bool hash) MAL_MUST_CHECK;
void circuit_clear(circuit *c);
mal_err circuit_open(circuit *c, const uint8_t (*keys)[MAL_PSI_CIRCUIT_KEY],
                     size_t n) MAL_MUST_CHECK;
mal_err circuit_transfers_init(circuit *c, size_t words) MAL_MUST_CHECK;
mal_err circuit_done(circuit *c) MAL_MUST_CHECK;
void circuit_hashes(const circuit *c, mal_psi_circuit_report *report);

/* --- circuit_part.c ------------------------------------------------------- */

/* Wiped and freed; NULL is fine. */
void circuit_wipe_free(void *block, size_t len);
/* Fresh random blocks of 16 bytes, many. */
void circuit_random(void *out, size_t blocks);
/* The session of one part of the run; parameters of its transfers. */
void circuit_part_session(uint8_t out[32], const circuit *c, const char *part);
mal_ot_params circuit_transfers(const circuit *c, const char *part);

/* --- circuit_opprf.c ------------------------------------------------------ */

/* F: t[b] random.  P: t[b] = F's where bin b's key is one of F's, else random.
 * So for the words of `side`. */
mal_err opprf_filter(circuit *c) MAL_MUST_CHECK;
mal_err opprf_payload(circuit *c) MAL_MUST_CHECK;

#endif
