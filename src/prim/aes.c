/* aes.c - AES-128 [FIPS197] in bulk: the choice of a way, and the plain one.
 *
 * The plain way holds four blocks in eight bit planes: bit 16*b + 4*c + r of
 * plane i is bit i of the byte in row r, column c of block b.  Each step of the
 * cipher is then a formula on words, without a table to look into:
 *
 *     SubBytes     x^254 in GF(2)[x]/(x^8+x^4+x^3+x+1), then the affine map
 *     ShiftRows    row r of each 16-bit block turns by r columns
 *     MixColumns   2a(r) + 3a(r+1) + a(r+2) + a(r+3): turns within 4-bit
 * columns
 */
#include "aes_impl.h"

#include <string.h>

#define PLANES 8
typedef struct planes {
    uint64_t p[PLANES];
} planes;

/* --- Bytes to planes and back ------------------------------------------- */

/* Transpose the 8 x 8 bits whose row i is byte i. */
static uint64_t transpose(uint64_t x) {
    uint64_t t = (x ^ (x >> 7)) & UINT64_C(0x00aa00aa00aa00aa);
    x ^= t ^ (t << 7);
    t = (x ^ (x >> 14)) & UINT64_C(0x0000cccc0000cccc);
    x ^= t ^ (t << 14);
    t = (x ^ (x >> 28)) & UINT64_C(0x00000000f0f0f0f0);
    return x ^ t ^ (t << 28);
}

static planes g_load(const uint8_t in[64]) {
    planes s = { { 0 } };
    for (unsigned k = 0; k < 8; k++) {
        uint64_t t = transpose(mal_load_u64le(in + 8 * k));
        for (unsigned i = 0; i < PLANES; i++)
            s.p[i] |= ((t >> (8 * i)) & 0xff) << (8 * k);
    }
    return s;
}

static void g_store(uint8_t out[64], const planes *s) {
    for (unsigned k = 0; k < 8; k++) {
        uint64_t t = 0;
        for (unsigned i = 0; i < PLANES; i++)
            t |= ((s->p[i] >> (8 * k)) & 0xff) << (8 * i);
        mal_store_u64le(out + 8 * k, transpose(t));
    }
}

static void g_xor(planes *a, const planes *b) {
    for (unsigned i = 0; i < PLANES; i++)
        a->p[i] ^= b->p[i];
}

static planes g_count(uint64_t low, uint64_t high) {
    uint8_t b[64];
    for (unsigned i = 0; i < 4; i++) {
        mal_store_u64le(b + 16 * i, low + i);
        mal_store_u64le(b + 16 * i + 8, high);
    }
    return g_load(b);
}

/* --- The round ----------------------------------------------------------- */

/* A polynomial of degree <= 14, modulo x^8 + x^4 + x^3 + x + 1. */
static planes reduce(uint64_t c[15]) {
    planes s;
    for (unsigned i = 14; i >= 8; i--) {
        c[i - 8] ^= c[i];
        c[i - 7] ^= c[i];
        c[i - 5] ^= c[i];
        c[i - 4] ^= c[i];
    }
    memcpy(s.p, c, sizeof s.p);
    return s;
}

static planes times(const planes *a, const planes *b) {
    uint64_t c[15] = { 0 };
    for (unsigned i = 0; i < PLANES; i++)
        for (unsigned j = 0; j < PLANES; j++)
            c[i + j] ^= a->p[i] & b->p[j];
    return reduce(c);
}

static planes square(planes a, unsigned times_n) {
    while (times_n--) {
        uint64_t c[15] = { 0 };
        for (unsigned i = 0; i < PLANES; i++)
            c[2 * i] = a.p[i];
        a = reduce(c);
    }
    return a;
}

/* [FIPS197] section 5.1.1.  254 = 240 + 12 + 2, 240 = 16 * 15, 15 = 12 + 3. */
static void sub_bytes(planes *s) {
    planes x2 = square(*s, 1), x3 = times(&x2, s);
    planes x12 = square(x3, 2), x15 = times(&x12, &x3);
    planes x240 = square(x15, 4), x252 = times(&x240, &x12);
    planes y = times(&x252, &x2);
    for (unsigned i = 0; i < PLANES; i++)
        s->p[i] = y.p[i] ^ y.p[(i + 4) % 8] ^ y.p[(i + 5) % 8] ^
                  y.p[(i + 6) % 8] ^ y.p[(i + 7) % 8] ^
                  ((0x63 >> i) & 1 ? ~UINT64_C(0) : 0);
}

#define LANES_OF(v)                                                            \
    (UINT64_C(0x0001000100010001) * (v)) /* a value per block                  \
                                          */
#define ROW(r) LANES_OF(UINT64_C(0x1111) << (r))
/* The lowest 4 * n bits of each block. */
#define LOW(n) LANES_OF((UINT64_C(1) << (4 * (n))) - 1)

static void shift_rows(planes *s) {
    for (unsigned i = 0; i < PLANES; i++) {
        uint64_t p = s->p[i], out = p & ROW(0);
        for (unsigned r = 1; r < 4; r++) {
            uint64_t row = p & ROW(r);
            out |= ((row >> (4 * r)) & LOW(4 - r)) |
                   ((row << (16 - 4 * r)) & ~LOW(4 - r));
        }
        s->p[i] = out;
    }
}

/* Row r takes the place of row r - n. */
static uint64_t turn(uint64_t p, unsigned n) {
    uint64_t low = UINT64_C(0x1111111111111111) * ((1u << (4 - n)) - 1);
    return ((p >> n) & low) | ((p << (4 - n)) & ~low);
}

/* a(r) -> 2 (a(r) + a(r+1)) + a(r+1) + a(r+2) + a(r+3) */
static void mix_columns(planes *s) {
    planes d, out;
    for (unsigned i = 0; i < PLANES; i++) {
        uint64_t p = s->p[i], p1 = turn(p, 1);
        d.p[i] = p ^ p1;
        out.p[i] = p1 ^ turn(d.p[i], 2);
    }
    for (unsigned i = 0; i < PLANES; i++)
        s->p[i] =
            out.p[i] ^ (i ? d.p[i - 1] : 0) ^ ((0x1b >> i) & 1 ? d.p[7] : 0);
}

/* The same round key under all four blocks. */
static void add_round_key(planes *s, const uint8_t key[16]) {
    uint8_t four[64];
    for (unsigned b = 0; b < 4; b++)
        memcpy(four + 16 * b, key, 16);
    planes k = g_load(four);
    g_xor(s, &k);
}

static void g_encrypt(planes *s, const mal_prim_aes *aes) {
    add_round_key(s, aes->round[0]);
    for (unsigned r = 1; r <= 10; r++) {
        sub_bytes(s);
        shift_rows(s);
        if (r < 10)
            mix_columns(s);
        add_round_key(s, aes->round[r]);
    }
}

/* [FIPS197] section 5.2. */
static void plain_init(mal_prim_aes *aes, const uint8_t key[16]) {
    uint8_t rcon = 1, word[64] = { 0 };
    memcpy(aes->round[0], key, 16);
    for (unsigned r = 1; r <= 10; r++) {
        const uint8_t *last = aes->round[r - 1];
        for (unsigned i = 0; i < 4; i++)
            word[i] = last[12 + (i + 1) % 4]; /* RotWord */
        planes s = g_load(word);
        sub_bytes(&s);
        g_store(word, &s);
        word[0] ^= rcon;
        rcon = (uint8_t)((rcon << 1) ^ (rcon >> 7) * 0x1b);
        for (unsigned i = 0; i < 16; i++)
            aes->round[r][i] =
                last[i] ^ (i < 4 ? word[i] : aes->round[r][i - 4]);
    }
    mal_wipe(word, sizeof word);
}

typedef planes group;
#define GROUP_BLOCKS 4
#define WAY plain
#define TARGET
#include "aes_modes.h"

static bool always(void) {
    return true;
}

static const prim_aes_way plain_way = {
    .name = "plain",
    .usable = always,
    .init = plain_init,
    .ecb = plain_ecb,
    .ctr = plain_ctr,
    .ctr_xor = plain_ctr_xor,
    .mmo = plain_mmo,
    .tmmo = plain_tmmo,
};

/* --- The choice ---------------------------------------------------------- */

const prim_aes_way *const prim_aes_ways[] = {
#if defined(__x86_64__)
    &prim_aes_vaes,
    &prim_aes_ni,
#endif
    &plain_way,
};
const size_t prim_aes_ways_n = sizeof prim_aes_ways / sizeof *prim_aes_ways;

/* Every thread finds the same answer, so that a race stores it twice. */
static const prim_aes_way *way(void) {
    static const prim_aes_way *chosen;
    const prim_aes_way *w = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
    if (w)
        return w;
    size_t i = 0;
    while (!prim_aes_ways[i]->usable())
        i++;
    __atomic_store_n(&chosen, prim_aes_ways[i], __ATOMIC_RELAXED);
    return prim_aes_ways[i];
}

void mal_prim_aes_init(mal_prim_aes *aes, const uint8_t key[16]) {
    way()->init(aes, key);
}

void mal_prim_aes_clear(mal_prim_aes *aes) {
    mal_wipe(aes, sizeof *aes);
}

void mal_prim_aes_ecb(void *out, const void *in, size_t blocks,
                      const mal_prim_aes *aes) {
    way()->ecb(out, in, blocks, aes);
}

void mal_prim_aes_ctr(void *out, size_t blocks, const mal_prim_aes *aes,
                      uint64_t counter, uint64_t tweak) {
    way()->ctr(out, blocks, aes, counter, tweak);
}

void mal_prim_aes_ctr_xor(void *out, size_t blocks, const mal_prim_aes *aes,
                          uint64_t counter, uint64_t tweak) {
    way()->ctr_xor(out, blocks, aes, counter, tweak);
}

void mal_prim_aes_mmo(void *out, const void *in, size_t blocks,
                      const mal_prim_aes *fixed) {
    way()->mmo(out, in, blocks, fixed);
}

void mal_prim_aes_tmmo(void *out, const void *in, size_t blocks,
                       const mal_prim_aes *fixed, uint64_t tweak) {
    way()->tmmo(out, in, blocks, fixed, tweak);
}
