/* share3_impl.h - what the files of share3 share: keys, gates, the one place
 * where products are made, the one gate before every opening.
 *
 * Notation of [AFLNO16]: P_i holds x_i (part 0) and x_(i+1) (part 1), and the
 * keys k_i (with P_(i-1)) and k_(i+1) (with P_(i+1)), so that key[p] is known
 * to exactly those who hold part[p].
 */
#ifndef MALUS_SHARE3_IMPL_H
#define MALUS_SHARE3_IMPL_H

#include <malus/share3.h>

#include <string.h>

/* A message is 16 bytes of header and at most CHUNK words; FLIGHT of them may
 * be unread at a peer.  (8192 * 8 + 16 + 32) * 9 = 590,256 < 600 KiB, 32 bytes
 * being what net's window counts for a piece. */
#define SHARE3_CHUNK ((size_t)8192)
#define SHARE3_FLIGHT_CHUNKS 8
/* Operands, products and masks of one block lie in the first-level cache. */
#define SHARE3_BLOCK ((size_t)1024)
#define SHARE3_SCRATCH 6 /* blocks */
#define SHARE3_HEADER 16
/* Blocks given back that are kept for the next vectors. */
#define SHARE3_KEEP 16
#define SHARE3_KEEP_BYTES ((size_t)256 << 20)
/* What a key's blocks serve for. */
enum { SHARE3_TWEAK_MASK = 1, SHARE3_TWEAK_DRAW = 2 };

#define SHARE3_BROKE "a peer broke the protocol: the run is void"
#define REQUIRE_PEER(cond) MAL_REQUIRE(cond, MAL_E_PEER, SHARE3_BROKE)

/* A stream of pseudo-random blocks that two parties share. */
typedef struct share3_key {
    mal_prim_aes aes;
    uint64_t counter; /* blocks of 16 bytes given out: none serves twice */
} share3_key;

/* --- Products to be verified (record.c) ------------------------------------
 */

/* Words of one kind before they must be verified: 12 MiB, and 23 while they
 * are, which a cache can hold.  Four times as many took half the rounds of a
 * long sort and a tenth more CPU of a query; the same at all parties, as they
 * must verify at once. */
#define SHARE3_RECORD_MAX ((size_t)1 << 18)

#define SHARE3_LINE 8 /* words of a line of the cache */

static inline void *share3_align(void *memory) {
    const uintptr_t bytes = 8 * SHARE3_LINE;
    return (uint8_t *)memory + (bytes - (uintptr_t)memory % bytes) % bytes;
}

/* Part p of the operands lies with P_(me-1) too if p = 0 and P_(me+1) if p = 1;
 * e[0] is ours as the right verifier of P_(me-1), e[1] as the left verifier of
 * P_(me+1): proof_impl.h. */
typedef struct share3_record {
    size_t n, used, cap;          /* now, at most so far, and at most */
    uint64_t *x[2], *y[2], *e[2]; /* each from a line of the cache on */
    void *memory;
} share3_record;

/* Inner products over GF(2^64) to be verified with the ANDs (checked.c), in
 * their form: P says that <x_P, y_(P+1)> + <y_P, x_(P+1)> is the sum of what
 * the two others hold, c[0] as the left verifier of P_(me+1) and c[1] as the
 * right verifier of P_(me-1); parts lie as they do in shares. */
#define SHARE3_CLAIMS_MAX ((size_t)1 << 20) /* elements, of more than one */
#define SHARE3_CLAIMS_TOLD 16
typedef struct share3_claims {
    size_t n, used, cap; /* elements of each party's; written so far */
    /* Ours, then those of the party that holds part p too; the third party's
     * part p are zeros, that lie nowhere. */
    uint64_t *x[2][2], *y[2][2]; /* [p]; zeros fit behind the n */
    void *memory;
    uint64_t c[2];
    /* What we were told as the prover, and what P_(me-1) should have been. */
    uint64_t told[2][SHARE3_CLAIMS_TOLD];
    unsigned n_told;
} share3_claims;

/* Products of matrices to be verified with those of words (matrix.c): of z = A
 * x one word is sent for each row and vector, and it is one claim that
 *     sum_k (a_i x_(i+1) + a_(i+1) x_i) = e_L + e_R,
 * with e[0] and e[1] as in a record, but for a_i x_i that e[1] still holds. */
#define SHARE3_MATRIX_WORDS ((size_t)1 << 18) /* of matrices, of results */
#define SHARE3_MATRIX_LEN ((size_t)1 << 13)   /* of all claims */
#define SHARE3_MATRIX_VECTORS 8               /* of one claim */
#define SHARE3_MATRIX_PAD 8 /* zeros that a proof writes behind vectors */
typedef struct share3_matrix {
    size_t rows, len, a; /* word a of the matrices is its first */
    size_t e, e_stride;  /* word e is the first, a row's lie together */
    unsigned vectors;
} share3_matrix;
typedef struct share3_held {
    size_t len, words, results;
} share3_held;
typedef struct share3_matrices {
    share3_held held, used; /* now, and at most so far */
    size_t n, rows;         /* claims, and their rows */
    unsigned vectors;       /* at most, of a claim */
    share3_matrix *claim;
    uint64_t *a[2], *e[2];
    uint64_t *x[2]; /* [SHARE3_MATRIX_VECTORS] side by side, or zeros */
    void *memory;
} share3_matrices;

struct mal_share3 {
    void *block; /* what was allocated; this lies in it, aligned */
    mal_mesh *mesh;
    mal_share3_options options;
    unsigned me;
    bool dead;
    share3_key key[2];
    mal_share3_counters count;
    uint64_t place;    /* of the next exchange, in every message's header */
    uint64_t shuffles; /* drawn so far */
    share3_record record[2]; /* of ANDs, of products of words */
    share3_claims claims;
    share3_matrices matrices;
    bool unagreed;   /* proved, came in; the others have not said so yet */
    uint64_t *proof; /* what a proof needs, kept for the next */
    size_t proof_words, proof_used; /* as much as any took so far */
    size_t memory;
    size_t least_memory;         /* of the three's limits; 0: none */
    uint64_t *kept[SHARE3_KEEP]; /* blocks given back, all zeros */
    unsigned n_kept;
    size_t kept_bytes;
    struct share3_spill *spill;     /* NULL until something is parked */
    struct share3_resting *resting; /* [n_resting], the first to go first */
    size_t n_resting, resting_room;
    uint64_t *out;     /* header and chunk */
    mal_buf in;        /* the message last received */
    uint64_t *scratch; /* [SHARE3_SCRATCH * SHARE3_BLOCK] */
};

/* One part of nothing is NULL: a public zero, or a part that is zero. */
typedef struct share3_ref {
    const uint64_t *part[2];
} share3_ref;

/* What a message holds; the first two are the kinds of gates. */
typedef enum share3_kind {
    SHARE3_AND = 1,
    SHARE3_MUL = 2,
    SHARE3_DOT = 3,
    SHARE3_INPUT = 4,
    SHARE3_OPEN = 5,
    SHARE3_AGREE = 6,
    SHARE3_SHUFFLE = 7,
    SHARE3_SHUFFLE_CHECK = 8,
    SHARE3_PROOF = 9,
    SHARE3_CAME = 10,
} share3_kind;

enum { SHARE3_NOT_X = 1, SHARE3_NOT_Y = 2, SHARE3_NOT_Z = 4 };

/* One gate over `words` consecutive words.
 * SHARE3_AND: z = (x ^ x2 ^ [NOT_X]) & (y ^ y2 ^ [NOT_Y]) ^ add ^ add2 ^
 * [NOT_Z] SHARE3_MUL: z = (x - x2) * (y - y2) + add + add2 */
typedef struct share3_gate {
    share3_ref x, x2, y, y2, add, add2;
    uint64_t *z[2];
    unsigned flags;
} share3_gate;

/* engine.c */
mal_err share3_enter(mal_share3 *s) MAL_MUST_CHECK; /* is it alive? */
mal_err share3_leave(mal_share3 *s, mal_err err) MAL_MUST_CHECK; /* or dead */
/* Fresh words that we and the other holder of part p both draw. */
void share3_draw(mal_share3 *s, unsigned p, uint64_t *out, size_t n);
/* Does this party's part p carry public constants?  One of x0, x1, x2 does. */
static inline bool share3_carries(const mal_share3 *s, unsigned p) {
    return (s->me + p) % 3 == 0;
}
static inline unsigned share3_next(const mal_share3 *s) {
    return (s->me + 1) % 3;
}
static inline unsigned share3_prev(const mal_share3 *s) {
    return (s->me + 2) % 3;
}
/* Before anything is opened: the one gate. */
mal_err share3_before_open(mal_share3 *s) MAL_MUST_CHECK;

/* record.c: when malicious, a record with room for *n more words of this kind,
 * or for less, and *n says so; verifies first if it is full.  NULL otherwise.
 */
mal_err share3_record_room(mal_share3 *s, share3_kind kind,
                           share3_record **record, size_t *n) MAL_MUST_CHECK;
/* Room for n more elements of each party's claims, two words of what is told:
 * verifies first if there is none. */
mal_err share3_claims_room(mal_share3 *s, share3_claims **claims,
                           size_t n) MAL_MUST_CHECK;
/* Verifies products of words: there is no more room. */
mal_err share3_record_words(mal_share3 *s) MAL_MUST_CHECK;
void share3_record_clear(mal_share3 *s);

/* matrices.c: how many rows, and columns, of a product of so many, are claimed
 * at once; *full: only when what is held has been verified. */
typedef struct share3_shape {
    size_t rows, len, vectors;
} share3_shape;
share3_shape share3_matrix_step(const share3_held *held, bool *full,
                                const share3_shape *left);
/* What a step adds to what is held. */
share3_held share3_matrix_holds(const share3_shape *step);
mal_err share3_matrices_grow(share3_matrices *m) MAL_MUST_CHECK;
void share3_matrices_add(share3_matrices *m, const share3_held *more);
void share3_matrices_forget(share3_matrices *m); /* proved */
void share3_matrices_clear(share3_matrices *m);

/* io.c: open x_k's sum, over bits, to the two that hold part k of words. */
mal_err share3_open_part(mal_share3 *s, uint64_t *planes, unsigned k,
                         const mal_share3_bits *v) MAL_MUST_CHECK;

/* exchange.c: one round. */
typedef struct share3_round {
    share3_kind kind;
    unsigned to, from; /* peers */
    size_t total;      /* words */
    /* Words [from, from + n), asked for in order; NULL: nothing is sent. */
    void (*make)(void *ctx, uint64_t *out, size_t from, size_t n);
    /* NULL: nothing is received. */
    void (*take)(void *ctx, const uint64_t *in, size_t from, size_t n);
    void *ctx;
} share3_round;
mal_err share3_exchange(mal_share3 *s, const share3_round *r) MAL_MUST_CHECK;
/* Two rounds of which neither needs what the other brings, to and from
 * different peers: one round, if both are short. */
mal_err share3_exchange_pair(mal_share3 *s, const share3_round *a,
                             const share3_round *b) MAL_MUST_CHECK;
static inline bool share3_both_short(uint64_t a, uint64_t b) {
    const uint64_t most = SHARE3_CHUNK * SHARE3_FLIGHT_CHUNKS;
    return a <= most && b <= most;
}
/* n words to one peer, as many from another or the same one. */
typedef struct share3_swap {
    share3_kind kind;
    unsigned to, from;
    const uint64_t *out;
    uint64_t *in;
    size_t n;
} share3_swap;
mal_err share3_swap_words(mal_share3 *s, const share3_swap *w) MAL_MUST_CHECK;
mal_err share3_swap_pair(mal_share3 *s, const share3_swap *a,
                         const share3_swap *b) MAL_MUST_CHECK;
/* To the next party, or the previous one, a word that the one on the other side
 * must say to us as well. */
mal_err share3_same_word(mal_share3 *s, share3_kind kind, uint64_t word,
                         bool forward) MAL_MUST_CHECK;
/* Both ways at once. */
mal_err share3_same_word_of_both(mal_share3 *s, share3_kind kind,
                                 uint64_t word) MAL_MUST_CHECK;
/* Before P_(me+1) is told any random word: P_(me-1) has what P_(me+1) sent it
 * so far.  P_(me+1) may have kept it back, to choose it by that word. */
mal_err share3_wait_all_came(mal_share3 *s) MAL_MUST_CHECK;
static inline size_t share3_least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* product.c: all gates in one round. */
mal_err share3_gates(mal_share3 *s, share3_kind kind, const share3_gate *gates,
                     size_t n_gates, size_t words) MAL_MUST_CHECK;
/* out += F(k_i) - F(k_(i+1)), for the blocks of the keys from `block` on; and
 * with both masks kept in f, of products that are to be verified. */
void share3_mask(mal_share3 *s, share3_kind kind, uint64_t *out, uint64_t block,
                 size_t n);
void share3_mask_kept(mal_share3 *s, share3_kind kind, uint64_t *out,
                      uint64_t *const f[2], uint64_t block, size_t n);
/* So many words were masked, so many products made. */
void share3_masks_used(mal_share3 *s, size_t masks, size_t products);

/* vector.c */
static inline size_t share3_stride(size_t n) {
    return n / 64 + (n % 64 != 0);
}
void share3_kept_clear(mal_share3 *s);
/* Rows [from, from + n) of v, from a word on, for what takes planes one by one:
 * they are stride words apart, and no more than share3_stride(n) are its own.
 */
static inline mal_share3_bits share3_rows_view(const mal_share3_bits *v,
                                               size_t from, size_t n) {
    mal_share3_bits z = { .n = n, .width = v->width, .stride = v->stride };
    for (unsigned p = 0; p < 2; p++)
        z.part[p] = v->part[p] + from / 64;
    return z;
}

/* vector.c: a vector that nobody uses for a while. */
typedef struct share3_resting {
    uint64_t **part; /* of the vector: where it is found again */
    mal_share3_parked **parked;
    size_t n; /* words of one part */
} share3_resting;

/* spill.c: a block's bytes to disk and back. */
typedef struct share3_spill share3_spill;
mal_err share3_park(mal_share3 *s, mal_share3_parked **out, const void *block,
                    size_t bytes) MAL_MUST_CHECK;
mal_err share3_unpark(mal_share3 *s, const mal_share3_parked *p,
                      void *block) MAL_MUST_CHECK;
void share3_unpark_free(mal_share3 *s, mal_share3_parked **p);
void share3_spill_close(mal_share3 *s);

/* z is empty: make it; else it must have this shape. */
mal_err share3_words_want(mal_share3 *s, mal_share3_words *z,
                          size_t n) MAL_MUST_CHECK;
mal_err share3_bits_want(mal_share3 *s, mal_share3_bits *z, size_t n,
                         unsigned width) MAL_MUST_CHECK;
/* Rows are equal, and widths, or y has one plane. */
mal_err share3_bits_fit(const mal_share3_bits *x,
                        const mal_share3_bits *y) MAL_MUST_CHECK;
static inline share3_ref share3_plane(const mal_share3_bits *v, unsigned b) {
    return (share3_ref){ { v->part[0] + b * v->stride,
                           v->part[1] + b * v->stride } };
}
static inline void share3_gate_to(share3_gate *g, const mal_share3_bits *z,
                                  unsigned b) {
    g->z[0] = z->part[0] + b * z->stride;
    g->z[1] = z->part[1] + b * z->stride;
}
static inline share3_ref share3_ref_of(const mal_share3_words *v) {
    return (share3_ref){ { v->part[0], v->part[1] } };
}

/* transpose.c: words[i] = bit i of the plane. */
void share3_spread(uint64_t *words, const uint64_t *plane, size_t n);

/* convert.c: the majority of the three parts of a plane, each a shared bit. */
share3_gate share3_majority(const mal_share3 *s, share3_ref x);
/* z [width * n]: the planes as words 0 and 1, one after the other. */
mal_err share3_inject_planes(mal_share3 *s, mal_share3_words *z,
                             const mal_share3_bits *bits) MAL_MUST_CHECK;

/* adder.c: z = x + y or x - y over planes given one by one; z may be x or y.
 * carry: NULL, or one plane: the carry out, for x - y the bit x >= y. */
mal_err share3_add_planes(mal_share3 *s, mal_share3_bits *z,
                          mal_share3_bits *carry, const share3_ref *x,
                          const share3_ref *y, bool subtract) MAL_MUST_CHECK;

#endif
