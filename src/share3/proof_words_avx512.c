/* proof_words_avx512.c - the Galois ring of proof_words.c, eight words a
 * register.
 *
 * Sums with weights of 0 and 1 go by tables of the sums of four values
 * ["four Russians", ADKF70]: weights are public, so that is constant time.
 * Elements are multiplied by three steps of [KO63], 27 products of 6 x 6 words.
 * These steps are linear: sums of products are taken before the way back.
 */
#include "proof_words.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512dq")))
#define INLINE TARGET static inline __attribute__((always_inline))

#define D SHARE3_GALOIS
#define WIDE (2 * D)
#define SHORT 6                /* words of a factor at last */
#define PARTS 27               /* of an element */
#define SPREAD (PARTS * SHORT) /* its words, when in parts */
#define PRODUCTS (PARTS * 2 * SHORT)
_Static_assert(D == SHORT << 3, "three steps");

INLINE __m512i load(const uint64_t *p) {
    return _mm512_loadu_si512(p);
}

INLINE void save(uint64_t *p, __m512i x) {
    _mm512_storeu_si512(p, x);
}

INLINE __m512i add(__m512i a, __m512i b) {
    return _mm512_add_epi64(a, b);
}

INLINE __m512i sub(__m512i a, __m512i b) {
    return _mm512_sub_epi64(a, b);
}

/* Zeros, aligned to registers. */
typedef struct scratch {
    uint64_t *at, *memory;
    size_t words;
} scratch;

static mal_err scratch_init(scratch *s, size_t words) {
    s->words = words + SHARE3_LINE;
    s->memory = mal_calloc(s->words, sizeof *s->memory);
    if (!s->memory)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    s->at = share3_align(s->memory);
    return MAL_OK;
}

static void scratch_clear(scratch *s) {
    mal_wipe(s->memory, s->words * sizeof *s->memory);
    mal_free(s->memory);
}

/* Eight rows of eight words become columns. */
INLINE void turn(__m512i out[8], const __m512i in[8]) {
    __m512i two[8];
    for (unsigned i = 0; i < 8; i += 2) {
        two[i] = _mm512_unpacklo_epi64(in[i], in[i + 1]);
        two[i + 1] = _mm512_unpackhi_epi64(in[i], in[i + 1]);
    }
    for (unsigned i = 0; i < 2; i++) {
        const __m512i a = _mm512_shuffle_i64x2(two[i], two[2 + i], 0x88),
                      b = _mm512_shuffle_i64x2(two[4 + i], two[6 + i], 0x88),
                      c = _mm512_shuffle_i64x2(two[i], two[2 + i], 0xdd),
                      d = _mm512_shuffle_i64x2(two[4 + i], two[6 + i], 0xdd);
        out[i] = _mm512_shuffle_i64x2(a, b, 0x88);
        out[2 + i] = _mm512_shuffle_i64x2(c, d, 0x88);
        out[4 + i] = _mm512_shuffle_i64x2(a, b, 0xdd);
        out[6 + i] = _mm512_shuffle_i64x2(c, d, 0xdd);
    }
}

/* Elements, each a row of words, become words side by side, and back. */
TARGET static void save_elements(uint64_t *z, const uint64_t *in, size_t n) {
    for (unsigned w = 0; w < D; w += 8) {
        __m512i row[8], column[8];
        for (unsigned i = 0; i < 8; i++)
            column[i] = load(in + 8 * (w + i));
        turn(row, column);
        for (unsigned i = 0; i < 8 && i < n; i++)
            save(z + i * D + w, row[i]);
    }
}

/* out [D][8] = the polynomials of D + n coefficients, reduced: T^48 = -(T^5 +
 * T^3 + T^2 + 1).  What that adds to coefficients from 48 on comes first. */
TARGET static void reduce(uint64_t *out, uint64_t *wide, unsigned n) {
    static const unsigned taps[4] = { 0, 2, 3, 5 };
    uint64_t *high = wide + 8 * D;
    for (unsigned i = D - 5; i < n; i++)
        for (unsigned t = 0; t < 4; t++)
            if (i + taps[t] >= D) {
                uint64_t *h = high + 8 * (i + taps[t] - D);
                save(h, sub(load(h), load(high + 8 * i)));
            }
    for (unsigned c = 0; c < D; c++) {
        __m512i x = load(wide + 8 * c);
        for (unsigned t = 0; t < 4; t++)
            if (c >= taps[t] && c - taps[t] < n)
                x = sub(x, load(high + 8 * (c - taps[t])));
        save(out + 8 * c, x);
    }
}

/* --- Weighted sums ---------------------------------------------------------
 *
 * Group l of a block has the weight theta T^l: coefficient c of theta times the
 * polynomial of eight groups is the sum of values l with bit c - l of theta.
 * A register is eight points, or corners, of a group.
 */

#define TILE 4                   /* blocks at a time */
#define WINDOW (D + PROOF_LANES) /* coefficients, the last being zero */
#define TABLES (2 * TILE)

typedef struct weighted {
    __m512i table[16 * TABLES]; /* the sums of four groups of a block */
    uint16_t at[WINDOW][TABLES];
    uint64_t *sum; /* [points / 8][WINDOW][8] */
} weighted;

static void set_weights(weighted *w, const uint64_t *theta, size_t blocks) {
    for (unsigned k = 0; k < TABLES; k++) {
        uint64_t turned = 0; /* bit s of theta is bit 55 - s */
        for (unsigned s = 0; s < D && k / 2 < blocks; s++)
            turned |= (theta[k / 2 * PROOF_LANES] >> s & 1) << (WINDOW - 1 - s);
        for (unsigned c = 0; c < WINDOW; c++)
            w->at[c][k] =
                (uint16_t)(16 * k +
                           (turned >> (WINDOW - 1 - c + 4 * (k % 2)) & 15));
    }
}

/* What the eight groups of a block have at eight points. */
INLINE void set_tables(weighted *w, size_t block, const __m512i point[8]) {
    __m512i group[8];
    turn(group, point);
    for (unsigned h = 0; h < 2; h++) {
        __m512i *t = w->table + 16 * (2 * block + h);
#pragma GCC unroll 4
        for (unsigned q = 0; q < 4; q++)
#pragma GCC unroll 8
            for (unsigned i = 0; i < 1u << q; i++)
                t[(1u << q) + i] = add(t[i], group[4 * h + q]);
    }
}

INLINE void add_weighted(const weighted *w, size_t chunk) {
    uint64_t *sum = w->sum + chunk * WINDOW * 8;
    for (unsigned c = 0; c < WINDOW; c++) {
        const uint16_t *at = w->at[c];
        __m512i s = load(sum + 8 * c), t = w->table[at[0]];
        for (unsigned k = 1; k < TABLES; k++)
            if (k % 2)
                s = add(s, w->table[at[k]]);
            else
                t = add(t, w->table[at[k]]);
        save(sum + 8 * c, add(s, t));
    }
}

/* n elements. */
TARGET static void take_sums(uint64_t *p, const weighted *w, size_t n) {
    for (size_t i = 0; i < n; i += 8) {
        uint64_t *sum = w->sum + i * WINDOW;
        reduce(sum, sum, WINDOW - D);
        save_elements(p + i * D, sum, n - i);
    }
}

/* --- Points ----------------------------------------------------------------
 *
 * The three low variables in registers; of the others, point by point, which
 * corners are added and which taken away.
 */

#define LOW 8 /* corners of the low variables */
#define LOW_POINTS 27
_Static_assert(7 + LOW_POINTS <= 40, "points_state");

typedef struct outer {
    size_t corner[8];
    bool minus[8];
    unsigned n;
} outer;

/* What the value at a point of `vars` variables is made of. */
static outer outer_of(size_t point, unsigned vars) {
    outer h = { .n = 1 };
    for (unsigned t = 0; t < vars; t++, point /= 3) {
        const bool inf = point % 3 == 2;
        for (unsigned i = 0; i < h.n && point % 3 > 0; i++) {
            h.corner[inf ? h.n + i : i] = h.corner[i];
            h.minus[inf ? h.n + i : i] = h.minus[i] != inf;
            h.corner[i] |= (size_t)1 << t;
        }
        h.n <<= inf;
    }
    return h;
}

/* Eight low corners; those of one high corner lie together. */
INLINE void gather(__m512i out[LOW], const uint64_t *in, const outer *h) {
    for (unsigned i = 0; i < LOW; i++)
        out[i] = load(in + (h->corner[0] * LOW + i) * PROOF_LANES);
    for (unsigned c = 1; c < h->n; c++)
        for (unsigned i = 0; i < LOW; i++) {
            const __m512i x = load(in + (h->corner[c] * LOW + i) * PROOF_LANES);
            out[i] = h->minus[c] ? sub(out[i], x) : add(out[i], x);
        }
}

/* One variable less: the values at 0, 1 or inf of the last. */
INLINE void choose(__m512i *out, const __m512i *in, unsigned half,
                   unsigned digit) {
    for (unsigned i = 0; i < half; i++)
        out[i] = digit == 0   ? in[i]
                 : digit == 1 ? in[half + i]
                              : sub(in[half + i], in[i]);
}

INLINE void block_points(__m512i out[LOW_POINTS], __m512i (*in)[LOW]) {
#pragma GCC unroll 3
    for (unsigned d2 = 0; d2 < 3; d2++) {
        __m512i four[4][4];
        for (unsigned k = 0; k < 4; k++)
            choose(four[k], in[k], 4, d2);
#pragma GCC unroll 3
        for (unsigned d1 = 0; d1 < 3; d1++) {
            __m512i two[4][2];
            for (unsigned k = 0; k < 4; k++)
                choose(two[k], four[k], 2, d1);
#pragma GCC unroll 3
            for (unsigned d0 = 0; d0 < 3; d0++) {
                __m512i one[4];
                for (unsigned k = 0; k < 4; k++)
                    choose(&one[k], two[k], 1, d0);
                out[9 * d2 + 3 * d1 + d0] =
                    add(_mm512_mullo_epi64(one[0], one[1]),
                        _mm512_mullo_epi64(one[2], one[3]));
            }
        }
    }
}

typedef struct points_state {
    weighted w;
    /* Up to 7 are left and LOW_POINTS come: five times eight with those that
     * fill the last eight, whose sums nobody takes. */
    __m512i value[TILE][40];
    unsigned n; /* points of value that are not yet weighed */
} points_state;

/* Eight points at a time, or what is left of them. */
INLINE void flush(points_state *p, size_t *chunk, size_t blocks, bool last) {
    unsigned done = 0;
    for (; done + 8 <= p->n || (last && done < p->n); done += 8, ++*chunk) {
        for (size_t b = 0; b < blocks; b++)
            set_tables(&p->w, b, p->value[b] + done);
        add_weighted(&p->w, *chunk);
    }
    p->n = done < p->n ? p->n - done : 0;
    for (size_t b = 0; b < blocks && done > 0; b++)
        for (unsigned i = 0; i < p->n; i++)
            p->value[b][i] = p->value[b][done + i];
}

TARGET static void points_tile(points_state *p, const uint64_t *const from[4],
                               unsigned v, size_t blocks) {
    const size_t all = share3_points(v - 3);
    size_t chunk = 0;
    p->n = 0;
    for (size_t o = 0; o < all; o++) {
        const outer h = outer_of(o, v - 3);
        for (size_t b = 0; b < blocks; b++) {
            __m512i in[4][LOW];
            for (unsigned k = 0; k < 4; k++)
                gather(in[k], from[k] + (b * PROOF_LANES << v), &h);
            block_points(p->value[b] + p->n, in);
        }
        p->n += LOW_POINTS;
        flush(p, &chunk, blocks, o + 1 == all);
    }
}

TARGET static mal_err points(uint64_t *z, const share3_record *r,
                             const uint64_t *theta, unsigned v, size_t blocks) {
    points_state p;
    scratch memory = { 0 };
    if (v < 3)
        return share3_proof_words_plain.points(z, r, theta, v, blocks);
    memset(&p, 0, sizeof p);
    MAL_TRY(scratch_init(&memory, (share3_points(v) + 7) * WINDOW));
    p.w.sum = memory.at;
    for (size_t b = 0; b < blocks; b += TILE) {
        const size_t at = b * PROOF_LANES << v,
                     n = share3_least(TILE, blocks - b);
        const uint64_t *const from[4] = { r->x[0] + at, r->y[1] + at,
                                          r->x[1] + at, r->y[0] + at };
        set_weights(&p.w, theta + b * PROOF_LANES, n);
        points_tile(&p, from, v, n);
    }
    take_sums(z, &p.w, share3_points(v));
    scratch_clear(&memory);
    mal_wipe(&p, sizeof p);
    return MAL_OK;
}

/* A register is eight corners. */
TARGET static void claim(uint64_t *at, const uint64_t *in,
                         const uint64_t *theta, unsigned v, size_t blocks) {
    const size_t corners = (size_t)1 << v;
    _Alignas(64) uint64_t sum[PROOF_CORNERS_MAX * WINDOW] = { 0 };
    weighted w = { .sum = sum };
    if (v < 3) {
        share3_proof_words_plain.claim(at, in, theta, v, blocks);
        return;
    }
    for (size_t b = 0; b < blocks; b += TILE) {
        const size_t n = share3_least(TILE, blocks - b);
        set_weights(&w, theta + b * PROOF_LANES, n);
        for (size_t j = 0; j < corners; j += 8) {
            for (size_t k = 0; k < n; k++) {
                __m512i word[8];
                for (unsigned i = 0; i < 8; i++)
                    word[i] = load(in + (((b + k) << v) + j + i) * PROOF_LANES);
                set_tables(&w, k, word);
            }
            add_weighted(&w, j / 8);
        }
    }
    take_sums(at, &w, corners);
    mal_wipe(sum, sizeof sum);
    mal_wipe(&w, sizeof w);
}

/* --- Values at a challenge -------------------------------------------------
 */

#define SOME 12 /* coefficients at a time, of two blocks */

INLINE void evaluate_some(uint64_t *first, uint64_t *second, const uint64_t *in,
                          const uint64_t *other, const uint64_t *corner,
                          size_t corners) {
    __m512i sum[2][SOME];
#pragma GCC unroll 12
    for (unsigned c = 0; c < SOME; c++)
        sum[0][c] = sum[1][c] = _mm512_setzero_si512();
    for (size_t j = 0; j < corners; j++) {
        const __m512i x = load(in + j * PROOF_LANES),
                      y = load(other + j * PROOF_LANES);
#pragma GCC unroll 12
        for (unsigned c = 0; c < SOME; c++) {
            const __m512i w = _mm512_set1_epi64((long long)corner[j * D + c]);
            sum[0][c] = add(sum[0][c], _mm512_mullo_epi64(x, w));
            sum[1][c] = add(sum[1][c], _mm512_mullo_epi64(y, w));
        }
    }
#pragma GCC unroll 12
    for (unsigned c = 0; c < SOME; c++) {
        save(first + 8 * c, sum[0][c]);
        save(second + 8 * c, sum[1][c]);
    }
}

TARGET static void evaluate(uint64_t *z, const uint64_t *in,
                            const uint64_t *corner, unsigned v, size_t blocks) {
    _Alignas(64) uint64_t out[2][8 * D];
    for (size_t b = 0; b < blocks; b += 2) {
        const uint64_t *one = in + (b * PROOF_LANES << v),
                       *two = b + 1 < blocks ? one + (PROOF_LANES << v) : one;
        for (unsigned c = 0; c < D; c += SOME)
            evaluate_some(out[0] + 8 * c, out[1] + 8 * c, one, two, corner + c,
                          (size_t)1 << v);
        save_elements(z + b * PROOF_LANES * D, out[0], 8);
        if (b + 1 < blocks)
            save_elements(z + (b + 1) * PROOF_LANES * D, out[1], 8);
    }
    mal_wipe(out, sizeof out);
}

/* --- Products of elements --------------------------------------------------
 */

/* An element is A(T^2) + T B(T^2), of which a step makes A, B, A + B: words
 * that differ by their place modulo 8 become one word of each part. */
INLINE void spread(uint64_t *out, const __m512i in[8]) {
    __m512i part[PARTS];
#pragma GCC unroll 8
    for (unsigned i = 0; i < 8; i++)
        part[9 * (i & 1) + 3 * (i >> 1 & 1) + (i >> 2)] = in[i];
#pragma GCC unroll 27
    for (unsigned i = 0; i < PARTS; i++) {
        if (i % 3 == 2 && i / 3 % 3 < 2 && i / 9 < 2)
            part[i] = add(part[i - 1], part[i - 2]);
        else if (i / 3 % 3 == 2 && i / 9 < 2)
            part[i] = add(part[i - 3], part[i - 6]);
        else if (i / 9 == 2)
            part[i] = add(part[i - 9], part[i - 18]);
        save(out + i * 8 * SHORT, part[i]);
    }
}

/* Up to eight elements to [PARTS][SHORT][8]. */
TARGET static void load_parts(uint64_t *out, const uint64_t *a, size_t n) {
    for (unsigned w = 0; w < SHORT; w++) {
        __m512i row[8], column[8];
        for (unsigned i = 0; i < 8; i++) {
            row[i] = i < n ? load(a + i * D + 8 * w) : _mm512_setzero_si512();
            __builtin_prefetch(a + (8 + i) * D + 8 * w);
        }
        turn(column, row);
        spread(out + 8 * w, column);
    }
}

/* The same of eight elements whose words lie side by side. */
TARGET static void to_parts(uint64_t *out, const uint64_t *element) {
    for (unsigned w = 0; w < SHORT; w++) {
        __m512i column[8];
        for (unsigned i = 0; i < 8; i++)
            column[i] = load(element + 8 * (8 * w + i));
        spread(out + 8 * w, column);
    }
}

/* Of three products, those of A, B and A + B, the last to be that of T. */
INLINE void untie(__m512i *x, unsigned step) {
    x[2 * step] = sub(x[2 * step], add(x[0], x[step]));
}

/* Of nine products the coefficients of two steps: out [7]. */
INLINE void join(__m512i *out, const uint64_t *in) {
    static const unsigned power[3] = { 0, 2, 1 };
    __m512i x[9];
#pragma GCC unroll 9
    for (unsigned i = 0; i < 9; i++)
        x[i] = load(in + i * 16 * SHORT);
#pragma GCC unroll 3
    for (unsigned i = 0; i < 9; i += 3)
        untie(x + i, 1);
#pragma GCC unroll 3
    for (unsigned i = 0; i < 3; i++)
        untie(x + i, 3);
#pragma GCC unroll 7
    for (unsigned i = 0; i < 7; i++)
        out[i] = _mm512_setzero_si512();
#pragma GCC unroll 9
    for (unsigned i = 0; i < 9; i++) {
        __m512i *to = &out[power[i / 3] + 2 * power[i % 3]];
        *to = add(*to, x[i]);
    }
}

/* Products of parts, [PARTS][2 SHORT][8], to eight elements side by side; what
 * word w of them gives lies from coefficient 8 w to 8 w + 14. */
TARGET static void unite(uint64_t *out, const uint64_t *in) {
    _Alignas(64) uint64_t wide[8 * WIDE];
    __m512i sum[16];
    for (unsigned i = 0; i < 16; i++)
        sum[i] = _mm512_setzero_si512();
    for (unsigned w = 0; w < 2 * SHORT; w++) {
        __m512i x[21];
#pragma GCC unroll 3
        for (unsigned i = 0; i < 3; i++)
            join(x + 7 * i, in + (9 * i * 2 * SHORT + w) * 8);
#pragma GCC unroll 7
        for (unsigned i = 0; i < 7; i++) {
            untie(x + i, 7);
            sum[2 * i] = add(sum[2 * i], x[i]);
            sum[2 * i + 1] = add(sum[2 * i + 1], x[14 + i]);
            sum[2 * i + 2] = add(sum[2 * i + 2], x[7 + i]);
        }
#pragma GCC unroll 8
        for (unsigned i = 0; i < 8; i++) {
            save(wide + 8 * (8 * w + i), sum[i]);
            sum[i] = sum[8 + i];
            sum[8 + i] = _mm512_setzero_si512();
        }
    }
    reduce(out, wide, D);
    mal_wipe(wide, sizeof wide);
}

/* sum += a b, factors of six words. */
INLINE void add_short(__m512i sum[2 * SHORT], const __m512i a[SHORT],
                      const __m512i b[SHORT]) {
#pragma GCC unroll 6
    for (unsigned i = 0; i < SHORT; i++)
#pragma GCC unroll 6
        for (unsigned k = 0; k < SHORT; k++)
            sum[i + k] = add(sum[i + k], _mm512_mullo_epi64(a[i], b[k]));
}

INLINE void load_short(__m512i x[SHORT], const uint64_t *in) {
#pragma GCC unroll 6
    for (unsigned i = 0; i < SHORT; i++)
        x[i] = load(in + 8 * i);
}

INLINE void each_short(__m512i x[SHORT], const uint64_t *in) {
#pragma GCC unroll 6
    for (unsigned i = 0; i < SHORT; i++)
        x[i] = _mm512_set1_epi64((long long)in[8 * i]);
}

/* out [PRODUCTS][8]: the sum over j < n of eight elements a[j] times an element
 * that is the same for all, number j of coef; both in parts. */
TARGET static void mix(uint64_t *out, const uint64_t *a, const uint64_t *coef,
                       size_t n) {
    for (unsigned part = 0; part < PARTS; part++) {
        __m512i sum[2 * SHORT], x[SHORT], y[SHORT];
#pragma GCC unroll 12
        for (unsigned i = 0; i < 2 * SHORT; i++)
            sum[i] = _mm512_setzero_si512();
        for (size_t j = 0; j < n; j++) {
            load_short(x, a + (j * SPREAD + part * SHORT) * 8);
            each_short(y, coef + part * SHORT * 8 + j);
            add_short(sum, x, y);
        }
#pragma GCC unroll 12
        for (unsigned i = 0; i < 2 * SHORT; i++)
            save(out + 8 * (part * 2 * SHORT + i), sum[i]);
    }
}

typedef struct weighing {
    _Alignas(64) uint64_t element[8 * D], weight[8 * SPREAD], a[8 * SPREAD],
        product[8 * PRODUCTS], wide[8 * WINDOW], shifted[8][WINDOW];
} weighing;

/* The weights of eight blocks, or fewer. */
TARGET static void set_thetas(weighing *w, const uint64_t *theta, size_t n) {
    for (size_t b = 0; b < 8; b++)
        for (unsigned i = 0; i < D; i++)
            w->element[8 * i + b] = b < n ? theta[b * PROOF_LANES] >> i & 1 : 0;
    to_parts(w->weight, w->element);
}

/* Element l times T^l, by where it is read from. */
TARGET static void load_shifted(weighing *w, const uint64_t *z) {
    for (unsigned l = 0; l < 8; l++)
        memcpy(w->shifted[l] + l, z + l * D, D * sizeof *z);
    for (unsigned i = 0; i < WINDOW; i += 8) {
        __m512i row[8], column[8];
        for (unsigned l = 0; l < 8; l++)
            row[l] = load(w->shifted[l] + i);
        turn(column, row);
        for (unsigned k = 0; k < 8; k++)
            save(w->wide + 8 * (i + k), column[k]);
    }
    reduce(w->element, w->wide, WINDOW - D);
}

TARGET static void weigh(uint64_t *z, const uint64_t *theta, size_t blocks) {
    weighing w;
    memset(w.shifted, 0, sizeof w.shifted);
    for (size_t b = 0; b < blocks; b++, z += 8 * D) {
        if (b % 8 == 0)
            set_thetas(&w, theta + b * PROOF_LANES, blocks - b);
        load_shifted(&w, z);
        to_parts(w.a, w.element);
        mix(w.product, w.a, w.weight + b % 8, 1);
        unite(w.element, w.product);
        save_elements(z, w.element, 8);
    }
    mal_wipe(&w, sizeof w);
}

/* --- Folds -----------------------------------------------------------------
 */

#define FOLD_VARS 3 /* more go the plain way */
#define FOLD_CORNERS 8
#define FOLD_LEAST 3 /* fewer numbers too */

TARGET static void fold(uint64_t *z, const uint64_t *a, const uint64_t *corner,
                        unsigned v, size_t m) {
    _Alignas(64) uint64_t in[FOLD_CORNERS * SPREAD * 8], coef[SPREAD * 8],
        product[PRODUCTS * 8], element[D * 8];
    const size_t corners = (size_t)1 << v;
    if (v > FOLD_VARS || m < FOLD_LEAST) {
        share3_proof_words_plain.fold(z, a, corner, v, m);
        return;
    }
    load_parts(coef, corner, corners);
    for (size_t i = 0; i < m; i += 8) {
        for (size_t j = 0; j < corners; j++)
            load_parts(in + j * SPREAD * 8, a + (j * m + i) * D, m - i);
        mix(product, in, coef, corners);
        unite(element, product);
        save_elements(z + i * D, element, m - i);
    }
    mal_wipe(in, sizeof in);
    mal_wipe(product, sizeof product);
    mal_wipe(element, sizeof element);
}

/* Times eight numbers at once, and as many corners of them as a cache holds. */
#define SIDE 4
#define SIDE_CORNERS 16
#define SUM 16 /* words of a sum: 2 SHORT, and zeros */

typedef struct folding {
    unsigned side;
    size_t corners, points;
    outer from[27]; /* what a point is made of */
    uint64_t *in;   /* [2][side][corners][SPREAD][8] */
    uint64_t *sum;  /* [PARTS][points][SUM] */
} folding;

static uint64_t *in_of(const folding *f, unsigned k, unsigned s) {
    return f->in + (k * f->side + s) * f->corners * 8 * SPREAD;
}

static uint64_t *sum_of(const folding *f, unsigned part, size_t i) {
    return f->sum + (part * f->points + i) * SUM;
}

/* A part's value at a point. */
INLINE void point_short(__m512i x[SHORT], const uint64_t *in, const outer *h) {
    load_short(x, in + h->corner[0] * 8 * SPREAD);
    for (unsigned c = 1; c < h->n; c++) {
        const uint64_t *from = in + h->corner[c] * 8 * SPREAD;
#pragma GCC unroll 6
        for (unsigned i = 0; i < SHORT; i++)
            x[i] = h->minus[c] ? sub(x[i], load(from + 8 * i))
                               : add(x[i], load(from + 8 * i));
    }
}

/* total[k] += the sum of the eight words of sum[k]. */
INLINE void add_across(uint64_t *total, const __m512i sum[8]) {
    __m512i column[8], all = load(total);
    turn(column, sum);
#pragma GCC unroll 8
    for (unsigned l = 0; l < 8; l++)
        all = add(all, column[l]);
    save(total, all);
}

TARGET static void add_parts(const folding *f, unsigned part) {
    for (size_t i = 0; i < f->points; i++) {
        uint64_t *total = sum_of(f, part, i);
        __m512i sum[SUM], x[SHORT], y[SHORT];
#pragma GCC unroll 16
        for (unsigned k = 0; k < SUM; k++)
            sum[k] = _mm512_setzero_si512();
        for (unsigned s = 0; s < f->side; s++) {
            point_short(x, in_of(f, 0, s) + part * 8 * SHORT, &f->from[i]);
            point_short(y, in_of(f, 1, s) + part * 8 * SHORT, &f->from[i]);
            add_short(sum, x, y);
        }
        add_across(total, sum);
        add_across(total + 8, sum + 8);
    }
}

/* Those past m are zeros. */
TARGET static void fold_all(const folding *f, const uint64_t *a,
                            const uint64_t *b, size_t m) {
    for (size_t from = 0; from < m; from += 8 * f->side) {
        for (unsigned s = 0; s < f->side; s++)
            for (size_t j = 0; j < f->corners; j++) {
                const size_t at = share3_least(from + 8 * s, m),
                             to = j * 8 * SPREAD;
                load_parts(in_of(f, 0, s) + to, a + (j * m + at) * D, m - at);
                load_parts(in_of(f, 1, s) + to, b + (j * m + at) * D, m - at);
            }
        for (unsigned part = 0; part < PARTS; part++)
            add_parts(f, part);
    }
}

/* Eight points go the way back. */
TARGET static void fold_take(uint64_t *p, const folding *f) {
    _Alignas(64) uint64_t all[PRODUCTS * 8] = { 0 }, element[D * 8];
    for (size_t i = 0; i < f->points; i++) {
        for (unsigned part = 0; part < PARTS; part++)
            for (unsigned k = 0; k < 2 * SHORT; k++)
                all[8 * (part * 2 * SHORT + k) + i % 8] = sum_of(f, part, i)[k];
        if (i % 8 == 7 || i + 1 == f->points) {
            unite(element, all);
            save_elements(p + (i - i % 8) * D, element, i % 8 + 1);
        }
    }
    mal_wipe(all, sizeof all);
    mal_wipe(element, sizeof element);
}

TARGET static mal_err fold_points(uint64_t *p, const uint64_t *a,
                                  const uint64_t *b, unsigned v, size_t m) {
    if (v > FOLD_VARS || m < FOLD_LEAST)
        return share3_proof_words_plain.fold_points(p, a, b, v, m);
    const size_t side = share3_least(SIDE, (size_t)SIDE_CORNERS >> v);
    folding f = { .side = (unsigned)share3_least((m + 7) / 8, side),
                  .corners = (size_t)1 << v,
                  .points = share3_points(v) };
    const size_t in = 2 * f.side * f.corners * 8 * SPREAD,
                 sum = PARTS * f.points * SUM;
    scratch memory = { 0 };
    MAL_TRY(scratch_init(&memory, in + sum));
    f.in = memory.at;
    f.sum = f.in + in;
    for (size_t i = 0; i < f.points; i++)
        f.from[i] = outer_of(i, v);
    fold_all(&f, a, b, m);
    fold_take(p, &f);
    scratch_clear(&memory);
    return MAL_OK;
}

static bool usable(void) {
    return __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512dq");
}

const proof_words_kernels share3_proof_words_avx512 = {
    "avx512", usable, points, evaluate, weigh, claim, fold_points, fold,
};

#else
static bool usable(void) {
    return false;
}
const proof_words_kernels share3_proof_words_avx512 = { .name = "avx512",
                                                        .usable = usable };
#endif
