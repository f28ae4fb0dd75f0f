/* comb.c - s * P for a fixed, public P and a secret s: table and scan. */
#include "ring_impl.h"

#define ROWS 64 /* digits of 4 bits: s < 2^253 */
#define ROW 8   /* |digit| <= 8 */

/* An addend as eight pairs of words (the last word is idle), which the compiler
 * keeps in vector registers while it scans a row. */
typedef uint64_t pair __attribute__((vector_size(16)));
typedef union entry {
    ge_addend addend;
    pair pairs[8];
} entry;

struct mal_ring_comb {
    entry entry[ROWS][ROW]; /* entry[i][j] = (j + 1) * 16^i * P */
};

static void row_points(ge p[ROW], const ge *first) {
    p[0] = *first;
    for (int j = 1; j < ROW; j++)
        mal_ring_ge_add(&p[j], &p[j - 1], first);
}

mal_err mal_ring_comb_new(mal_ring_comb **comb, const ge *p) {
    ge point[ROW], first = *p;
    ge_affine affine[ROW];
    fe scratch[2 * ROW];
    mal_ring_comb *c = mal_calloc(1, sizeof *c);
    *comb = NULL;
    if (!c)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (int i = 0; i < ROWS; i++) {
        row_points(point, &first);
        ge_affine_all(affine, point, scratch, ROW);
        for (int j = 0; j < ROW; j++) {
            ge_addend *e = &c->entry[i][j].addend;
            fe_add(&e->sum, &affine[j].y, &affine[j].x);
            fe_carry(&e->sum);
            fe_sub(&e->diff, &affine[j].y, &affine[j].x);
            fe_carry(&e->diff);
            fe_add(&e->dxy2, &affine[j].dxy, &affine[j].dxy);
            fe_carry(&e->dxy2);
        }
        mal_ring_ge_double(&first, &point[ROW - 1]); /* 16 * first */
    }
    *comb = c;
    return MAL_OK;
}

void mal_ring_comb_free(mal_ring_comb *comb) {
    mal_free(comb);
}

void mal_ring_comb_auto(mal_ring_comb **comb) {
    mal_ring_comb_free(*comb);
    *comb = NULL;
}

/* s = sum of digit[i] * 16^i with digits in [-8, 8): borrow from the next where
 * a nibble is 8 or more.  s < 2^253, so the last stays at most 2. */
static void recode(int8_t digit[ROWS], const uint8_t s[32]) {
    int carry = 0;
    for (int i = 0; i < ROWS; i++) {
        int d = (s[i / 2] >> 4 * (i & 1) & 15) + carry;
        carry = (d + 8) >> 4;
        digit[i] = (int8_t)(d - (carry << 4));
    }
}

/* out = digit * 16^i * P, reading the whole row. */
static void scan(ge_addend *out, const entry row[ROW], int8_t digit) {
    uint64_t negative = mal_barrier((uint64_t)0 - ((uint8_t)digit >> 7));
    uint64_t size = ((uint64_t)(int64_t)digit ^ negative) - negative;
    entry found = { .addend = { fe_zero, fe_zero, fe_zero } };
    for (unsigned j = 0; j < ROW; j++) {
        const uint64_t here = mal_mask_eq(size, j + 1);
        const pair mask = { here, here };
        for (int k = 0; k < 8; k++)
            found.pairs[k] |= row[j].pairs[k] & mask;
    }
    ge_addend r = found.addend;
    uint64_t none = mal_mask_eq(size, 0); /* the identity: 1, 1, 0 */
    r.sum.v[0] |= none & 1;
    r.diff.v[0] |= none & 1;
    /* -(x, y) = (-x, y): swap sum and diff, negate dxy. */
    fe swap = r.sum;
    fe_assign_if(&r.sum, &r.diff, negative);
    fe_assign_if(&r.diff, &swap, negative);
    fe_neg_if(&r.dxy2, negative);
    *out = r;
}

void mal_ring_comb_mul(ge *out, const mal_ring_comb *comb,
                       const uint8_t s[32]) {
    int8_t digit[ROWS];
    ge_addend addend;
    ge r;
    recode(digit, s);
    mal_ring_ge_zero(&r);
    for (int i = 0; i < ROWS; i++) {
        scan(&addend, comb->entry[i], digit[i]);
        ge_add_addend(&r, &r, &addend);
    }
    *out = r;
    mal_wipe(digit, sizeof digit);
    mal_wipe(&addend, sizeof addend);
    mal_wipe(&r, sizeof r);
}
