/* malus/ring.h - the group ristretto255, opened up for speed.
 *
 * prim gives ristretto255 as opaque 32-byte strings, through libsodium: each
 * sum pays two decodings and an encoding.  Engines that add millions of points
 * need the points themselves: here are extended coordinates over the field of
 * 2^255 - 19, encodings one by one or in batches, a fixed-base multiplication
 * for secret scalars, and small discrete logarithms.
 *
 * Functions marked _vartime are for public data.  Everything else is constant
 * time in the coordinates and scalars it is given.
 */
#ifndef MALUS_RING_H
#define MALUS_RING_H

#include <malus/base.h>

/* An element of GF(2^255 - 19): sum of v[i] * 2^(51 i), each v[i] < 2^52
 * between calls. */
typedef struct mal_ring_fe {
    uint64_t v[5];
} mal_ring_fe;

/* A point (X/Z, Y/Z) of -x^2 + y^2 = 1 + d x^2 y^2 with T = XY/Z.  It stands
 * for its coset modulo the points of order dividing 4: that is the ristretto255
 * element.  All zero is not a point; mal_ring_ge_zero makes the identity. */
typedef struct mal_ring_ge {
    mal_ring_fe x, y, z, t;
} mal_ring_ge;

/* --- Points --------------------------------------------------------------- */

void mal_ring_ge_zero(mal_ring_ge *out);
void mal_ring_ge_base(mal_ring_ge *out);
/* out may be an input in all of these. */
void mal_ring_ge_add(mal_ring_ge *out, const mal_ring_ge *a,
                     const mal_ring_ge *b);
void mal_ring_ge_sub(mal_ring_ge *out, const mal_ring_ge *a,
                     const mal_ring_ge *b);
void mal_ring_ge_double(mal_ring_ge *out, const mal_ring_ge *a);
void mal_ring_ge_neg(mal_ring_ge *out, const mal_ring_ge *a);
/* All ones if both stand for the same element, else 0.  [RFC9496] 4.3.3 */
uint64_t mal_ring_ge_mask_eq(const mal_ring_ge *a, const mal_ring_ge *b);

/* Decode one element.
 *
 * Out:     out   the identity unless MAL_OK.
 * In:      bytes any 32 bytes; foreign.
 * Leaks:   whether they are canonical.
 * Errors:  MAL_E_INPUT  they are not the encoding of an element.
 * Source:  [RFC9496] 4.3.1
 */
mal_err mal_ring_ge_decode(mal_ring_ge *out,
                           const uint8_t bytes[32]) MAL_MUST_CHECK;
/* The canonical 32 bytes.  Source: [RFC9496] 4.3.2 */
void mal_ring_ge_encode(uint8_t out[32], const mal_ring_ge *a);

/* Encode 2 * a[i] for each i, with one inversion for all instead of an inverse
 * square root for each: whoever can halve its scalars beforehand saves a third.
 *
 * In-out:  scratch  [n] field elements; wiped.
 * Source:  [Ham15] section 7 as in curve25519-dalek's batch form.
 */
void mal_ring_ge_encode_doubled(uint8_t (*out)[32], const mal_ring_ge *a,
                                mal_ring_fe *scratch, size_t n);

/* out = s * a for a public scalar s < 2^255, little-endian. */
void mal_ring_ge_mul_vartime(mal_ring_ge *out, const uint8_t s[32],
                             const mal_ring_ge *a);

/* --- Many multiples of one point ------------------------------------------ */

/* Multiples j * 16^i * P for i < 64, j in 1..8.  P is public. */
typedef struct mal_ring_comb mal_ring_comb;
mal_err mal_ring_comb_new(mal_ring_comb **comb,
                          const mal_ring_ge *p) MAL_MUST_CHECK;
void mal_ring_comb_free(mal_ring_comb *comb);
void mal_ring_comb_auto(mal_ring_comb **comb);

/* out = s * P for a secret scalar.
 *
 * In:      s     little-endian, below 2^253.
 * Cost:    64 mixed additions and 64 scans of 8 table entries.
 * Leaks:   nothing of s: every entry of a row is read, signs are masks.
 * Source:  [BDL12] section 4, without the doublings.
 */
void mal_ring_comb_mul(mal_ring_ge *out, const mal_ring_comb *comb,
                       const uint8_t s[32]);

/* --- Small discrete logarithms -------------------------------------------- */

#define MAL_RING_DLOG_BOUND_MAX ((uint64_t)1 << 40)
#define MAL_RING_DLOG_POINTS_MAX ((size_t)1 << 16)

/* Find m[i] with m[i] * base = points[i] and |m[i]| < bound, for all i at once.
 *
 * Out:     m        zeroed unless MAL_OK.
 * In:      points   [n], 1 <= n <= MAL_RING_DLOG_POINTS_MAX
 *          bound    1 .. MAL_RING_DLOG_BOUND_MAX
 * Cost:    O(sqrt(n * bound)) additions; at most 104 MiB.
 * Leaks:   the time depends on the points.
 * Errors:  MAL_E_INPUT  a logarithm is not within the bound.
 * Source:  [Sha71]; signs, shared tables and batched inversions as in [BL12].
 */
mal_err mal_ring_dlog_vartime(int64_t *m, const mal_ring_ge *points, size_t n,
                              uint64_t bound, unsigned threads,
                              const mal_progress *progress) MAL_MUST_CHECK;

#endif
