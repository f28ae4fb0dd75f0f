/* malus/share3.h - three parties compute on shares of words and bits.
 *
 * A word is x = x0 + x1 + x2 mod 2^64, a bit x = x0 ^ x1 ^ x2.  Party i holds
 * x_i in part[0] and x_(i+1) in part[1] [AFLNO16]: one party alone holds two
 * uniform words, two together hold the value.  Bits are kept in planes of 64
 * rows a word, so that a gate on a plane is a gate on 64 rows.
 *
 * All three parties call the same functions with the same public sizes in the
 * same order.  Linear calls are local and say nothing; every product costs one
 * message to one peer in each round.  What is revealed, and to whom, stands in
 * the names: only `open` and `open_to` reveal.  A call whose message fails
 * leaves the engine dead: every later call is MAL_E_STATE, and the job is void.
 * Our own arguments, refused, leave it as it was; peers that go on notice.
 *
 * Vectors are owned by an engine (`new`, `clear`) or are views into another
 * one.  z may be x or y where a comment does not forbid it; a z that is empty
 * ({ 0 }) is made by the call, one that exists must have the right shape.
 */
#ifndef MALUS_SHARE3_H
#define MALUS_SHARE3_H

#include <malus/base.h>
#include <malus/prim.h>

#define MAL_SHARE3_PARTIES 3
#define MAL_SHARE3_SESSION 32
#define MAL_SHARE3_ROWS_MAX ((size_t)1 << 32)
#define MAL_SHARE3_WIDTH_MAX 64
/* Unread bytes that a channel must hold before its sender may block: the engine
 * never has more under way to one peer. */
#define MAL_SHARE3_FLIGHT ((size_t)600 << 10)

typedef enum mal_share3_security {
    MAL_SHARE3_SEMI_HONEST = 1,
    MAL_SHARE3_MALICIOUS = 2,
} mal_share3_security;

typedef struct mal_share3 mal_share3; /* one party's engine of one job */

typedef struct mal_share3_options {
    uint8_t session[MAL_SHARE3_SESSION]; /* never used twice */
    mal_share3_security security;
    size_t memory_max;            /* bytes of shares held; 0: no limit */
    const char *spill_dir;        /* borrowed; NULL: nothing is parked */
    const mal_progress *progress; /* borrowed; NULL is fine */
} mal_share3_options;

typedef struct mal_share3_counters { /* what passed so far */
    uint64_t rounds; /* times that we waited for a message made of ours */
    uint64_t messages, bytes;        /* sent, to both peers; headers included */
    uint64_t products;               /* words multiplied or ANDed */
    uint64_t opened;                 /* words opened */
    uint64_t parked, held, held_max; /* bytes: to disk; in memory, and most */
} mal_share3_counters;

/* Greet both peers, agree on pairwise keys.
 *
 * Out:     s        NULL unless MAL_OK.
 * In:      mesh     n = 3; borrowed until close; its channels are private,
 *                   authenticated, and hold MAL_SHARE3_FLIGHT unread bytes.
 * Errors:  MAL_E_PEER  a peer differs in session, seat or security.
 */
mal_err mal_share3_open(mal_share3 **s, mal_mesh *mesh,
                        const mal_share3_options *options) MAL_MUST_CHECK;
void mal_share3_close(mal_share3 **s); /* vectors must be cleared before */
unsigned mal_share3_me(const mal_share3 *s);
mal_share3_security mal_share3_security_of(const mal_share3 *s);
mal_share3_counters mal_share3_count(const mal_share3 *s);

/* --- Vectors ------------------------------------------------------------- */

typedef struct mal_share3_parked mal_share3_parked; /* on disk */
typedef struct mal_share3_words {
    size_t n;
    uint64_t *part[2]; /* [n] each; NULL while parked */
    mal_share3 *owner; /* NULL: a view */
    mal_share3_parked *parked;
} mal_share3_words;

/* Row r of plane b is bit r % 64 of part[p][b * stride + r / 64].  Bits past n
 * in the last word of a plane have no meaning: any call may change them, none
 * reveals them. */
typedef struct mal_share3_bits {
    size_t n;
    unsigned width; /* planes, 0 .. 64 */
    size_t stride;  /* words from plane to plane: (n + 63) / 64 */
    uint64_t *part[2];
    mal_share3 *owner;
    mal_share3_parked *parked;
} mal_share3_bits;

/* Zeros.  Over memory_max: MAL_E_LIMIT. */
mal_err mal_share3_words_new(mal_share3 *s, mal_share3_words *v,
                             size_t n) MAL_MUST_CHECK;
mal_err mal_share3_bits_new(mal_share3 *s, mal_share3_bits *v, size_t n,
                            unsigned width) MAL_MUST_CHECK;
/* Wipes what it owns; a view is forgotten only.  { 0 } is fine. */
void mal_share3_words_clear(mal_share3_words *v);
void mal_share3_bits_clear(mal_share3_bits *v);
/* Between two uses a vector may lie in an encrypted file of spill_dir, where it
 * does not count: 1 MiB pieces, AES-256-GCM under a key of this process.  No
 * other call takes it, no view of it may be used.  Parking twice is fine.  What
 * rests, and is not moved, is parked when another would not fit. */
mal_err mal_share3_words_rest(mal_share3 *s,
                              mal_share3_words *v) MAL_MUST_CHECK;
mal_err mal_share3_bits_rest(mal_share3 *s, mal_share3_bits *v) MAL_MUST_CHECK;
mal_err mal_share3_words_park(mal_share3 *s,
                              mal_share3_words *v) MAL_MUST_CHECK;
mal_err mal_share3_words_unpark(mal_share3 *s,
                                mal_share3_words *v) MAL_MUST_CHECK;
mal_err mal_share3_bits_park(mal_share3 *s, mal_share3_bits *v) MAL_MUST_CHECK;
mal_err mal_share3_bits_unpark(mal_share3 *s,
                               mal_share3_bits *v) MAL_MUST_CHECK;
/* Rows to work on at once, of so many words, by the least of our limits. */
size_t mal_share3_slice(const mal_share3 *s, size_t n, size_t words_a_row);
/* Rows [from, from + n), planes [from, from + width) of v, not copied. */
mal_share3_words mal_share3_words_view(const mal_share3_words *v, size_t from,
                                       size_t n);
mal_share3_bits mal_share3_bits_planes(const mal_share3_bits *v, unsigned from,
                                       unsigned width);

/* --- In ------------------------------------------------------------------ */

/* The owner's x[n] becomes shares; the others pass NULL.  One message of n
 * words, to one peer.  Planes are laid out as in mal_share3_bits. */
mal_err mal_share3_words_input(mal_share3 *s, mal_share3_words *z,
                               unsigned owner, const uint64_t *x,
                               size_t n) MAL_MUST_CHECK;
mal_err mal_share3_bits_input(mal_share3 *s, mal_share3_bits *z, unsigned owner,
                              const uint64_t *planes, size_t n,
                              unsigned width) MAL_MUST_CHECK;
/* A value that all know; local. */
mal_err mal_share3_words_public(mal_share3 *s, mal_share3_words *z,
                                const uint64_t *x, size_t n) MAL_MUST_CHECK;
mal_err mal_share3_bits_public(mal_share3 *s, mal_share3_bits *z,
                               const uint64_t *planes, size_t n,
                               unsigned width) MAL_MUST_CHECK;
/* An owner without a seat makes three parts; party i is sent parts[i] and
 * parts[(i + 1) % 3], and adopts copies.  That both holders of a part were sent
 * the same is believed until mal_share3_agree. */
void mal_share3_split(uint64_t *const parts[3], const uint64_t *x, size_t n,
                      mal_prim_drbg *drbg);
void mal_share3_split_bits(uint64_t *const parts[3], const uint64_t *planes,
                           size_t words, mal_prim_drbg *drbg);
mal_err mal_share3_words_adopt(mal_share3 *s, mal_share3_words *z,
                               const uint64_t *const part[2],
                               size_t n) MAL_MUST_CHECK;
mal_err mal_share3_bits_adopt(mal_share3 *s, mal_share3_bits *z,
                              const uint64_t *const part[2], size_t n,
                              unsigned width) MAL_MUST_CHECK;
/* Do both holders of each part hold the same?  Hashes of 32 bytes; one round.
 * No: MAL_E_PEER at whoever sees it. */
mal_err mal_share3_words_agree(mal_share3 *s,
                               const mal_share3_words *v) MAL_MUST_CHECK;
mal_err mal_share3_bits_agree(mal_share3 *s,
                              const mal_share3_bits *v) MAL_MUST_CHECK;
/* Rows of 64-bit words to planes and back: rows [n], planes [width * stride];
 * there, bits from `width` on are zeros or the sign's.  Constant time. */
void mal_share3_planes_of(uint64_t *planes, const uint64_t *rows, size_t n,
                          unsigned width);
void mal_share3_rows_of(uint64_t *rows, const uint64_t *planes, size_t n,
                        unsigned width, bool is_signed);

/* --- Out ----------------------------------------------------------------- */

/* Verify every product since the last call; MAL_E_PEER if one was wrong.  Every
 * opening does so first.  Nothing to do when semi-honest. */
mal_err mal_share3_verify(mal_share3 *s) MAL_MUST_CHECK;
mal_err mal_share3_words_open(mal_share3 *s, uint64_t *x,
                              const mal_share3_words *v) MAL_MUST_CHECK;
mal_err mal_share3_bits_open(mal_share3 *s, uint64_t *planes,
                             const mal_share3_bits *v) MAL_MUST_CHECK;
/* To one party only; the others pass NULL. */
mal_err mal_share3_words_open_to(mal_share3 *s, uint64_t *x, unsigned to,
                                 const mal_share3_words *v) MAL_MUST_CHECK;
mal_err mal_share3_bits_open_to(mal_share3 *s, uint64_t *planes, unsigned to,
                                const mal_share3_bits *v) MAL_MUST_CHECK;
/* The same values under fresh shares. */
mal_err mal_share3_words_refresh(mal_share3 *s, mal_share3_words *z,
                                 const mal_share3_words *x) MAL_MUST_CHECK;
mal_err mal_share3_bits_refresh(mal_share3 *s, mal_share3_bits *z,
                                const mal_share3_bits *x) MAL_MUST_CHECK;

/* --- Local --------------------------------------------------------------- */

mal_err mal_share3_words_copy(mal_share3 *s, mal_share3_words *z,
                              const mal_share3_words *x) MAL_MUST_CHECK;
mal_err mal_share3_words_add(mal_share3 *s, mal_share3_words *z,
                             const mal_share3_words *x,
                             const mal_share3_words *y) MAL_MUST_CHECK;
mal_err mal_share3_words_sub(mal_share3 *s, mal_share3_words *z,
                             const mal_share3_words *x,
                             const mal_share3_words *y) MAL_MUST_CHECK;
/* z = scale * x + offset, both public. */
mal_err mal_share3_words_affine(mal_share3 *s, mal_share3_words *z,
                                const mal_share3_words *x, uint64_t scale,
                                uint64_t offset) MAL_MUST_CHECK;
mal_err mal_share3_bits_copy(mal_share3 *s, mal_share3_bits *z,
                             const mal_share3_bits *x) MAL_MUST_CHECK;
/* Widths equal, or y has one plane and serves all of x's. */
mal_err mal_share3_xor(mal_share3 *s, mal_share3_bits *z,
                       const mal_share3_bits *x,
                       const mal_share3_bits *y) MAL_MUST_CHECK;
/* z = x ^ value, a public constant in every row. */
mal_err mal_share3_xor_public(mal_share3 *s, mal_share3_bits *z,
                              const mal_share3_bits *x,
                              uint64_t value) MAL_MUST_CHECK;
mal_err mal_share3_not(mal_share3 *s, mal_share3_bits *z,
                       const mal_share3_bits *x) MAL_MUST_CHECK;

/* --- One round ----------------------------------------------------------- */

mal_err mal_share3_mul(mal_share3 *s, mal_share3_words *z,
                       const mal_share3_words *x,
                       const mal_share3_words *y) MAL_MUST_CHECK;
/* z[j] = sum over k < len of x[j * len + k] * y[j * len + k].  Here and in
 * matmul one word is sent for each of z, and z is not x or y. */
mal_err mal_share3_dot(mal_share3 *s, mal_share3_words *z,
                       const mal_share3_words *x, const mal_share3_words *y,
                       size_t len) MAL_MUST_CHECK;
/* z[v * rows + j] = sum over k < len of a[j * len + k] * x[v * len + k]: a
 * matrix times up to 2^16 vectors, of which only z is proved word by word. */
mal_err mal_share3_matmul(mal_share3 *s, mal_share3_words *z,
                          const mal_share3_words *a, const mal_share3_words *x,
                          size_t len) MAL_MUST_CHECK;
/* Plane by plane; widths equal, or y has one plane and serves all of x's. */
mal_err mal_share3_and(mal_share3 *s, mal_share3_bits *z,
                       const mal_share3_bits *x,
                       const mal_share3_bits *y) MAL_MUST_CHECK;
mal_err mal_share3_or(mal_share3 *s, mal_share3_bits *z,
                      const mal_share3_bits *x,
                      const mal_share3_bits *y) MAL_MUST_CHECK;
/* z = c ? x : y; c has one plane. */
mal_err mal_share3_mux(mal_share3 *s, mal_share3_bits *z,
                       const mal_share3_bits *c, const mal_share3_bits *x,
                       const mal_share3_bits *y) MAL_MUST_CHECK;

/* --- Logarithmic rounds; z is not an input unless said ------------------- */

/* z has one plane: are all planes equal / zero?  The AND of all planes. */
mal_err mal_share3_eq(mal_share3 *s, mal_share3_bits *z,
                      const mal_share3_bits *x,
                      const mal_share3_bits *y) MAL_MUST_CHECK;
mal_err mal_share3_is_zero(mal_share3 *s, mal_share3_bits *z,
                           const mal_share3_bits *x) MAL_MUST_CHECK;
mal_err mal_share3_all(mal_share3 *s, mal_share3_bits *z,
                       const mal_share3_bits *x) MAL_MUST_CHECK;
/* x < y; two's complement if is_signed. */
mal_err mal_share3_lt(mal_share3 *s, mal_share3_bits *z,
                      const mal_share3_bits *x, const mal_share3_bits *y,
                      bool is_signed) MAL_MUST_CHECK;
/* Mod 2^width; widths are equal.  z may be x or y. */
mal_err mal_share3_bits_add(mal_share3 *s, mal_share3_bits *z,
                            const mal_share3_bits *x,
                            const mal_share3_bits *y) MAL_MUST_CHECK;
mal_err mal_share3_bits_sub(mal_share3 *s, mal_share3_bits *z,
                            const mal_share3_bits *x,
                            const mal_share3_bits *y) MAL_MUST_CHECK;

/* --- Conversions --------------------------------------------------------- */

/* The low `width` bits of x. */
mal_err mal_share3_to_bits(mal_share3 *s, mal_share3_bits *z,
                           const mal_share3_words *x,
                           unsigned width) MAL_MUST_CHECK;
/* The words that the planes write, extended by zeros or by the sign. */
mal_err mal_share3_to_words(mal_share3 *s, mal_share3_words *z,
                            const mal_share3_bits *x,
                            bool is_signed) MAL_MUST_CHECK;
/* z = bit * x, with one plane; x may be NULL: z = bit.  Two rounds. */
mal_err mal_share3_inject(mal_share3 *s, mal_share3_words *z,
                          const mal_share3_bits *bit,
                          const mal_share3_words *x) MAL_MUST_CHECK;
/* z = c ? x : y.  Two rounds. */
mal_err mal_share3_words_mux(mal_share3 *s, mal_share3_words *z,
                             const mal_share3_bits *c,
                             const mal_share3_words *x,
                             const mal_share3_words *y) MAL_MUST_CHECK;

/* --- Fixed point and division -------------------------------------------- */

/* z = floor(x / 2^shift) + e with e in { -1, 0, 1 }, for signed -2^61 <= x <
 * 2^61, without any probability of more; outside, z is anything.  Three rounds,
 * 32 bytes a row.  1 <= shift <= 61.  z may be x. */
mal_err mal_share3_truncate(mal_share3 *s, mal_share3_words *z,
                            const mal_share3_words *x,
                            unsigned shift) MAL_MUST_CHECK;
/* z = floor(x / 2^shift), exactly and for all signed x: over bits and back. */
mal_err mal_share3_floor_shift(mal_share3 *s, mal_share3_words *z,
                               const mal_share3_words *x,
                               unsigned shift) MAL_MUST_CHECK;
/* q = floor(x / y), total: where y = 0, or the signed quotient does not fit,
 * q = 0 and the plane `bad` is 1 (elsewhere 0; NULL is fine).  About
 * w (log w + 2) rounds for w planes; q and bad are not inputs. */
mal_err mal_share3_divide(mal_share3 *s, mal_share3_bits *q,
                          mal_share3_bits *bad, const mal_share3_bits *x,
                          const mal_share3_bits *y,
                          bool is_signed) MAL_MUST_CHECK;

/* --- Permutations -------------------------------------------------------- */

typedef struct mal_share3_column { /* one of both is set */
    mal_share3_words *words;
    mal_share3_bits *bits;
} mal_share3_column;

/* A secret permutation of n rows, kept by the three: row i goes to
 * to[sigma(i)], where `to` is public, and sigma is fresh, uniform, and made of
 * three permutations of which each party knows two [AHIKNP22].  It may move any
 * number of columns, both ways; rows moved by sigma are never opened. */
typedef struct mal_share3_order mal_share3_order;
void mal_share3_order_free(mal_share3_order **order); /* NULL is fine */

/* Uniform: a shuffle that can be taken back.  Nothing is sent. */
mal_err mal_share3_order_random(mal_share3 *s, mal_share3_order **order,
                                size_t n) MAL_MUST_CHECK;
/* That of the words pi: row i goes to pi[i].  Opens pi after a fresh shuffle,
 * which is uniform unless pi is no permutation of [0, n): MAL_E_INPUT. */
mal_err mal_share3_order_of(mal_share3 *s, mal_share3_order **order,
                            const mal_share3_words *pi) MAL_MUST_CHECK;
/* A key, bits most significant key first; compared as its bits write it. */
typedef struct mal_share3_sort_key {
    const mal_share3_bits *bits;
    bool is_signed, descending;
} mal_share3_sort_key;
#define MAL_SHARE3_SORT_WIDTH_MAX 1024 /* bits of all keys */
/* The order that sorts rows by keys[0], then keys[1], ..; stable.
 *
 * Cost:    keys of at most 3 bits: some 10 rounds.  Else n log2(n) + 5 n opened
 *          comparisons of width + log2(n) bits, log2(width) log2(n) rounds.
 * Leaks:   n, widths.  Opened: comparisons of distinct rows after a shuffle,
 *          functions of a uniform order [HKICT12], with which rounds vary. */
mal_err mal_share3_order_sort(mal_share3 *s, mal_share3_order **order,
                              const mal_share3_sort_key *keys,
                              unsigned n_keys) MAL_MUST_CHECK;
/* As words: pi[i] is the place to which row i goes.  3 rounds. */
mal_err mal_share3_order_words(mal_share3 *s, mal_share3_words *pi,
                               const mal_share3_order *order) MAL_MUST_CHECK;
/* Move rows of all columns, in place; inverse: back.  So pi2[pi[i]] is pi2
 * moved back by pi's order.  3 rounds; 4 bytes are sent in all for each byte of
 * a row; malicious, 5 rounds, 6 bytes a byte, 12 a byte of words. */
mal_err mal_share3_order_apply(mal_share3 *s, const mal_share3_order *order,
                               const mal_share3_column *columns,
                               unsigned n_columns, bool inverse) MAL_MUST_CHECK;
/* Order and apply, once: a fresh uniform one, pi. */
mal_err mal_share3_shuffle(mal_share3 *s, const mal_share3_column *columns,
                           unsigned n_columns) MAL_MUST_CHECK;
mal_err mal_share3_permute(mal_share3 *s, const mal_share3_column *columns,
                           unsigned n_columns, const mal_share3_words *pi,
                           bool inverse) MAL_MUST_CHECK;

/* --- What a call costs --------------------------------------------------- */

typedef enum mal_share3_call {
    MAL_SHARE3_CALL_INPUT, /* words, or planes: n rows of width bits */
    MAL_SHARE3_CALL_BITS_INPUT,
    MAL_SHARE3_CALL_OPEN, /* to all */
    MAL_SHARE3_CALL_BITS_OPEN,
    MAL_SHARE3_CALL_AGREE,
    MAL_SHARE3_CALL_MUL, /* also dot (n: words sent) and words_refresh */
    MAL_SHARE3_CALL_AND, /* also or, mux, bits_refresh */
    MAL_SHARE3_CALL_EQ,  /* also is_zero, all */
    MAL_SHARE3_CALL_LT,
    MAL_SHARE3_CALL_BITS_ADD, /* also bits_sub */
    MAL_SHARE3_CALL_TO_BITS,
    MAL_SHARE3_CALL_TO_WORDS,
    MAL_SHARE3_CALL_INJECT_ONE, /* x = NULL */
    MAL_SHARE3_CALL_INJECT,     /* also words_mux */
    MAL_SHARE3_CALL_TRUNCATE,
    MAL_SHARE3_CALL_FLOOR_SHIFT, /* width: the shift */
    MAL_SHARE3_CALL_DIVIDE,
    MAL_SHARE3_CALL_DIVIDE_SIGNED,
    MAL_SHARE3_CALLS,
} mal_share3_call;

/* What party i counts, bytes less spared[i]; the last fields: to be proved. */
typedef struct mal_share3_cost {
    uint64_t rounds, messages, bytes, products, spared[MAL_SHARE3_PARTIES];
    bool malicious, unagreed;
    unsigned told;
    uint64_t pending[2], claims, matrices[3];
} mal_share3_cost;
/* Add the cost of a call over n rows of width planes to *cost. */
void mal_share3_cost_add(mal_share3_cost *cost, mal_share3_call call, size_t n,
                         unsigned width);
/* Of moving rows; of a sort by more than 3 planes but for its shuffle, an
 * estimate (20 % of bytes, 30 % of rounds); of mal_share3_verify. */
void mal_share3_cost_move(mal_share3_cost *cost, size_t n, unsigned words,
                          unsigned planes);
void mal_share3_cost_matmul(mal_share3_cost *cost, size_t rows, size_t len,
                            size_t vectors);
void mal_share3_cost_rank(mal_share3_cost *cost, size_t n, unsigned width);
void mal_share3_cost_verify(mal_share3_cost *cost);

/* A JSON object a line.  only: a name, or NULL for all. */
mal_err mal_share3_bench(mal_buf *lines, const char *only, uint64_t rows,
                         unsigned threads,
                         mal_share3_security security) MAL_MUST_CHECK;

#endif
