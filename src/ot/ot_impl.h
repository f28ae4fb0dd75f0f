/* ot_impl.h - shared inside ot. */
#ifndef MALUS_OT_IMPL_H
#define MALUS_OT_IMPL_H

#include <malus/ot.h>
#include <malus/prim.h>

#define KAPPA 128 /* computational security, bits */
#define BLOCK sizeof(mal_ot_block)

/* --- Ways to compute -------------------------------------------------------
 */

typedef enum ot_way {
    OT_WAY_PLAIN = 1,
    OT_WAY_CLMUL, /* carry-less multiplication on 128 bits */
    OT_WAY_WIDE,  /* AVX-512 and VPCLMULQDQ */
} ot_way;
bool ot_cpu_clmul(void);
bool ot_cpu_wide(void);
unsigned ot_ways(void); /* bit w: way w is usable here */
ot_way ot_best_way(void);

/* --- gf.c ------------------------------------------------------------------
 */

/* Sum of a[i] * b[i]. */
mal_ot_block ot_inner(const mal_ot_block *a, const mal_ot_block *b, size_t n);
mal_ot_block ot_inner_by(ot_way way, const mal_ot_block *a,
                         const mal_ot_block *b, size_t n);
/* Sum of v[i] * x^i. */
mal_ot_block ot_compose(const mal_ot_block v[128]);

static inline mal_ot_block ot_xor(mal_ot_block a, mal_ot_block b) {
    return (mal_ot_block){ { a.w[0] ^ b.w[0], a.w[1] ^ b.w[1] } };
}
static inline mal_ot_block ot_and(mal_ot_block a, uint64_t mask) {
    return (mal_ot_block){ { a.w[0] & mask, a.w[1] & mask } };
}
static inline uint64_t ot_mask_bit(mal_ot_block a, unsigned i) {
    return mal_barrier(0 - ((a.w[i / 64] >> (i % 64)) & 1));
}

/* --- keys: what is public and named after the session -----------------------
 */

/* out = the first bytes of H(label, session, a, b). */
void ot_public_key(uint8_t out[16], const char *label,
                   const uint8_t session[MAL_OT_SESSION], uint64_t a,
                   uint64_t b);

/* --- base.c: 128 base OTs [MRR21] --------------------------------------------
 */

#define OT_BASE_POINT_BYTES 32
#define OT_BASE_CHOOSE_BYTES (KAPPA * 2 * OT_BASE_POINT_BYTES)

typedef struct ot_base_chooser {
    uint8_t session[MAL_OT_SESSION];
    mal_ot_block choice;
    uint8_t scalar[KAPPA][32];
    uint8_t points[KAPPA][2][OT_BASE_POINT_BYTES];
} ot_base_chooser;
/* The chooser's message is chooser->points. */
mal_err ot_base_choose(ot_base_chooser *chooser,
                       const uint8_t session[MAL_OT_SESSION],
                       mal_ot_block choice) MAL_MUST_CHECK;
/* key[i] is the answerer's key[i][choice_i]. */
mal_err ot_base_chosen(mal_ot_block key[KAPPA], const ot_base_chooser *chooser,
                       const uint8_t point[OT_BASE_POINT_BYTES]) MAL_MUST_CHECK;
mal_err ot_base_answer(mal_ot_block (*key)[2],
                       uint8_t point[OT_BASE_POINT_BYTES],
                       const uint8_t session[MAL_OT_SESSION],
                       const uint8_t *points) MAL_MUST_CHECK;

/* --- soft.c and fold.c: the extender [Roy22] ---------------------------------
 */

#define OT_FOLD_MAX 8
#define OT_ROWS_MAX ((size_t)32768)          /* OTs in one check */
#define OT_COLUMN_BLOCKS (OT_ROWS_MAX / 128) /* of 128 rows */
/* From column to column: not a power of two, or 128 columns would meet in one
 * set of the cache. */
#define OT_COLUMN_STRIDE (OT_COLUMN_BLOCKS + 4)
#define OT_CHUNK_BLOCKS ((size_t)16)

struct mal_ot_cot {
    mal_chan *chan;
    mal_ot_params params;
    bool sender, failed;
    mal_ot_block delta; /* sender */
    unsigned k, trees;  /* trees of 2^k leaves, k * trees = KAPPA */
    /* [trees << k]; the sender's leaf x is the receiver's leaf x ^ delta_i, and
     * its leaf 0 is unknown and unused. */
    mal_prim_aes *leaf;
    mal_prim_aes hash;    /* makes the keys of the pads; public */
    mal_ot_block *column; /* [128][OT_COLUMN_STRIDE] */
    mal_buf message;
    uint64_t streamed; /* blocks taken from each leaf */
    uint64_t batches, voles;
    uint64_t served;          /* OTs so far: the next one's index */
    ot_base_chooser *chooser; /* sender, between begin and end */
};

/* An extender whose leaves are not known yet. */
mal_err ot_cot_make(mal_ot_cot **cot, mal_chan *chan,
                    const mal_ot_params *params, bool sender) MAL_MUST_CHECK;

/* The two halves of mal_ot_cot_new_sender: what else there is to do is done
 * while the peer answers. */
mal_err ot_sender_begin(mal_ot_cot **cot, mal_chan *chan,
                        const mal_ot_params *params) MAL_MUST_CHECK;
mal_err ot_sender_end(mal_ot_cot *cot) MAL_MUST_CHECK;

/* The receiver's steps of a batch of 128 * blocks OTs with choices u, which the
 * tests take one by one to cheat in between: d [trees][blocks], then the check.
 */
#define OT_CHECK_BYTES ((1 + KAPPA) * BLOCK)
void ot_receive_columns(mal_ot_cot *cot, uint8_t *d, const mal_ot_block *u,
                        size_t blocks);
void ot_check_make(const mal_ot_cot *cot, mal_ot_block *out, const uint8_t *d,
                   const mal_ot_block *u, size_t blocks);

/* One chunk of `blocks` <= OT_CHUNK_BLOCKS blocks of one tree, [Roy22] figure
 * 3: sum = sum of PRG_x, and part_b = sum of those PRG_x with bit b of x set.
 */
typedef struct ot_fold {
    const mal_prim_aes *leaf; /* [1 << k] */
    unsigned k;
    bool skip_zero; /* leaf 0 is not known */
    size_t blocks;
    uint64_t counter;
    mal_ot_block *sum;  /* [blocks] */
    mal_ot_block *part; /* part_b at part + b * OT_COLUMN_STRIDE */
} ot_fold;
void ot_fold_run(ot_way way, const ot_fold *fold);
/* out[j] bit c = bit j of column c, for 128 * blocks rows. */
void ot_transpose(ot_way way, mal_ot_block *out, const mal_ot_block *column,
                  size_t blocks);

/* out[i] = H(in[i], first + i), under permutations that `keys` names. */
void ot_pads(const mal_prim_aes *keys, mal_ot_block *out,
             const mal_ot_block *in, size_t n, uint64_t first);

/* --- setup.c: from base OTs to leaves ----------------------------------------
 */

size_t ot_setup_bytes(unsigned k, mal_ot_security security);
mal_err ot_setup_owner(mal_ot_cot *cot, mal_buf *message,
                       mal_ot_block (*key)[2]) MAL_MUST_CHECK;
mal_err ot_setup_guest(mal_ot_cot *cot, mal_bytes message,
                       const mal_ot_block key[KAPPA]) MAL_MUST_CHECK;

/* --- tree.c: punctured trees
 * -------------------------------------------------- */

#define OT_DEPTH_MAX 27

/* A tree of 2^depth leaves: bit l of a leaf's index is the side that its path
 * takes at level l, level 0 first. */
typedef struct ot_tree {
    mal_prim_aes child[2];
    unsigned depth;
} ot_tree;
void ot_tree_init(ot_tree *tree, const mal_ot_cot *cot, uint64_t number,
                  unsigned depth);
/* leaf[0 .. 2^depth) from the seed; sum[l][b] = sum of all nodes that are
 * children of side b at level l; returns the sum of all leaves. */
mal_ot_block ot_tree_grow(const ot_tree *tree, mal_ot_block *leaf,
                          mal_ot_block seed, mal_ot_block (*sum)[2]);
/* The same from sum[l] of the side that bit l of hole does not take: all leaves
 * but leaf[hole], which is 0. */
mal_ot_block ot_tree_regrow(const ot_tree *tree, mal_ot_block *leaf,
                            uint64_t hole, const mal_ot_block *sum);

/* --- code.c, code_wide.c: the code of [RRT23]
 * ---------------------------------- */

typedef struct ot_shape {
    size_t n;        /* outputs */
    size_t k;        /* systematic positions; max(n, OT_SHAPE_MIN) */
    unsigned depth;  /* 2^depth positions a tree, one of them noise */
    size_t trees;    /* t */
    size_t total;    /* N = t 2^depth >= 2 k */
    size_t parity;   /* N - k, rounded up to OT_GROUP: the rest is 0 */
    unsigned weight; /* of a row of the expander */
    uint8_t key[16]; /* names the code; public and fixed for these numbers */
} ot_shape;
#define OT_SHAPE_MIN ((size_t)1 << 14)
#define OT_GROUP 4
void ot_shape_make(ot_shape *shape, size_t n, mal_ot_code code);

#define OT_TAPS 24   /* random, at distance 1 .. 24 */
#define OT_MEMORY 28 /* the tap that is always there */
/* In the field, outside of every proper subfield. */
#define OT_ALPHA UINT64_C(0x9e3779b97f4a7c15)

/* x[0 .. parity) of width blocks an element: both convolutions, in place. */
void ot_code_convolve(ot_way way, const ot_shape *shape, mal_ot_block *x,
                      unsigned width);
/* out0[i] += sum of x[index(i, .)], i < n; with width 2, out1[i] from the
 * second block of each element. */
typedef struct ot_expansion {
    ot_way way;
    const ot_shape *shape;
    mal_ot_block *out0, *out1;
    const mal_ot_block *x;
    unsigned width;
} ot_expansion;
mal_err ot_code_expand(const ot_expansion *expansion,
                       unsigned threads) MAL_MUST_CHECK;
/* One direction, for elements 0 .. parity or backwards, with its tap words. */
void ot_code_pass_wide(const ot_shape *shape, mal_ot_block *x, unsigned width,
                       bool backwards);
/* code_nib.c: x [2 k][4] of GF(16)^32; the first k become outputs. */
void ot_nib_encode(ot_way way, mal_ot_block *x, size_t k);
/* Streams of the code's seed. */
enum { OT_STREAM_FORWARDS = 1, OT_STREAM_BACKWARDS, OT_STREAM_EXPAND };
/* The tap words of steps [at, at + n): bit k - 1 of word s joins step s to step
 * s + k. */
static inline void ot_code_taps(uint32_t *out, const mal_prim_aes *aes,
                                bool backwards, size_t at, size_t n) {
    assert(at % 4 == 0 && n % 4 == 0);
    mal_prim_aes_ctr(out, n / 4, aes, at / 4,
                     backwards ? OT_STREAM_BACKWARDS : OT_STREAM_FORWARDS);
}

#endif
