/* logistic.c - descent over all rows, with a sigmoid of 64 pieces. */
#include "train_impl.h"

/* --- The sigmoid -----------------------------------------------------------
 * With u = x + 8 in [0, 16), piece k = floor(4 u) and knots t_k = k / 4:
 *     p = slope_k u + base_k,   slope_k = 4 (v_(k+1) - v_k),
 *     base_k = v_k - k (v_(k+1) - v_k),   v_k = round(2^22 sigma(k / 4 - 8)).
 * All are whole numbers over 2^22, as 4 (v_(k+1) - v_k) and k (..) are: the
 * chords meet at the knots exactly.  Below, p = 0; above, 1. */
#define KNOT_BITS 22
#define REACH (UINT64_C(8) << VALUE)

/* round(2^22 / (1 + e^(-k/4))), k = 0 .. 32; the rest by sigma(-x) = 1 -
 * sigma(x).  prop_train.c computes them anew. */
static const uint32_t knots[PIECES / 2 + 1] = {
    2097152, 2357939, 2610784, 2848682, 3066282, 3260232, 3429156,
    3573349, 3694331, 3794379, 3876132, 3942282, 3995385, 4037744,
    4071360, 4097930, 4118864, 4135317, 4148221, 4158327, 4166232,
    4172409, 4177233, 4180997, 4183933, 4186223, 4188008, 4189399,
    4190483, 4191327, 4191985, 4192498, 4192897,
};

static int64_t knot(unsigned k) { /* k = 0 .. 64 */
    const unsigned half = PIECES / 2;
    return k >= half ? (int64_t)knots[k - half]
                     : (INT64_C(1) << KNOT_BITS) - (int64_t)knots[half - k];
}

/* Plane b of what the table says, into words `half` of z's planes: the xor of
 * the pieces whose value has bit b.  Local. */
static void look_up(mal_share3_bits *z, unsigned half,
                    const mal_share3_bits *piece,
                    const uint64_t value[PIECES]) {
    const size_t words = piece->stride;
    for (unsigned p = 0; p < 2; p++)
        for (unsigned b = 0; b < TABLE_BITS; b++) {
            uint64_t *to = z->part[p] + b * z->stride + half * words;
            for (unsigned k = 0; k < PIECES; k++)
                for (size_t i = 0; (value[k] >> b & 1) && i < words; i++)
                    to[i] ^= piece->part[p][k * words + i];
        }
}

/* Slopes in rows 0 .., bases in rows 64 stride .. of z. */
static mal_err choose(mal_share3 *s, mal_share3_words *z,
                      const mal_share3_bits *piece,
                      const mal_share3_bits *above) {
    uint64_t slope[PIECES], base[PIECES];
    TRAIN_AUTO_BITS chosen = { 0 };
    const size_t words = piece->stride;
    MAL_TRY(mal_share3_bits_new(s, &chosen, 128 * words, TABLE_BITS));
    for (unsigned k = 0; k < PIECES; k++) {
        const int64_t rise = knot(k + 1) - knot(k);
        slope[k] = (uint64_t)(4 * rise);
        base[k] = (uint64_t)(knot(k) - (int64_t)k * rise);
    }
    look_up(&chosen, 0, piece, slope);
    look_up(&chosen, 1, piece, base);
    for (unsigned p = 0; p < 2; p++)
        for (size_t i = 0; i < words; i++)
            chosen.part[p][KNOT_BITS * chosen.stride + words + i] ^=
                above->part[p][i];
    return mal_share3_to_words(s, z, &chosen, true);
}

static mal_err sigmoid_batch(mal_share3 *s, mal_share3_words *p,
                             const mal_share3_words *x) {
    TRAIN_AUTO_WORDS u = { 0 };
    TRAIN_AUTO_WORDS table = { 0 };
    TRAIN_AUTO_BITS b = { 0 };
    TRAIN_AUTO_BITS in_reach = { 0 };
    TRAIN_AUTO_BITS above = { 0 };
    TRAIN_AUTO_BITS piece = { 0 };
    const size_t n = x->n;
    MAL_TRY(mal_share3_words_affine(s, &u, x, 1, REACH));
    MAL_TRY(mal_share3_to_bits(s, &b, &u, 64));
    const mal_share3_bits over = mal_share3_bits_planes(&b, OVER, 64 - OVER);
    const mal_share3_bits below = mal_share3_bits_planes(&b, 63, 1);
    MAL_TRY(mal_share3_is_zero(s, &in_reach, &over));
    /* Of in reach, below and above exactly one holds. */
    MAL_TRY(mal_share3_xor(s, &above, &in_reach, &below));
    MAL_TRY(mal_share3_not(s, &above, &above));
    MAL_TRY(mal_share3_bits_new(s, &piece, n, PIECES));
    mal_share3_bits all = mal_share3_bits_planes(&piece, 0, 1);
    const mal_share3_bits k = mal_share3_bits_planes(&b, FIRST, PIECE_BITS);
    MAL_TRY(mal_share3_bits_copy(s, &all, &in_reach));
    MAL_TRY(train_minterms(s, &piece, &k));
    MAL_TRY(choose(s, &table, &piece, &above));
    const mal_share3_words slope = mal_share3_words_view(&table, 0, n);
    mal_share3_words base = mal_share3_words_view(&table, piece.stride * 64, n);
    /* Out of reach the slope is 0, whatever u.  In reach the product is below
     * 2^24 * 2^22. */
    MAL_TRY(mal_share3_mul(s, p, &slope, &u));
    MAL_TRY(mal_share3_words_affine(s, &base, &base, ONE, 0));
    MAL_TRY(mal_share3_words_add(s, p, p, &base));
    return mal_share3_truncate(s, p, p, KNOT_BITS);
}

mal_err mal_train_sigmoid(mal_share3 *s, mal_share3_words *p,
                          const mal_share3_words *x) {
    const size_t batch = SIGMOID_BATCH;
    if (!p->owner && !p->part[0])
        MAL_TRY(mal_share3_words_new(s, p, x->n));
    MAL_REQUIRE(p->n == x->n, MAL_E_INPUT, "%zu rows for %zu", p->n, x->n);
    for (size_t at = 0; at < x->n; at += batch) {
        const size_t n = x->n - at < batch ? x->n - at : batch;
        const mal_share3_words xn = mal_share3_words_view(x, at, n);
        mal_share3_words pn = mal_share3_words_view(p, at, n);
        MAL_TRY(sigmoid_batch(s, &pn, &xn));
    }
    return MAL_OK;
}

/* --- Descent ---------------------------------------------------------------
 */

static mal_err release_of(mal_train_release *release, unsigned d,
                          unsigned steps) {
    *release = (mal_train_release){
        .words = (size_t)steps * d,
        .steps = steps,
        .touched = d,
        /* |x_j| <= 1; |p - y| <= 1 and the unit of a truncation. */
        .change = ONE * (ONE + 1),
    };
    return MAL_OK;
}

mal_err mal_train_logistic_release(mal_train_release *release,
                                   unsigned features, unsigned steps) {
    MAL_REQUIRE(features >= 1 && features <= MAL_TRAIN_FEATURES_MAX,
                MAL_E_INPUT, "%u features: take 1 to %d", features,
                MAL_TRAIN_FEATURES_MAX);
    MAL_REQUIRE(steps >= 1 && steps <= MAL_TRAIN_STEPS_MAX, MAL_E_INPUT,
                "%u steps: take 1 to %d", steps, MAL_TRAIN_STEPS_MAX);
    return release_of(release, features + 1, steps);
}

/* The sum over rows of (sigmoid(x.w) - y) x, in 2^-40.  A row that is not valid
 * has x = 0. */
static mal_err gradient_at(mal_share3 *s, mal_share3_words *gradient,
                           const train_matrix *m, const mal_share3_words *w) {
    TRAIN_AUTO_WORDS z = { 0 };
    TRAIN_AUTO_WORDS p = { 0 };
    MAL_TRY(mal_share3_words_new(s, &z, m->n));
    MAL_TRY(mal_share3_matmul(s, &z, &m->row, w, m->d));
    MAL_TRY(mal_share3_truncate(s, &z, &z, WEIGHT));
    MAL_TRY(mal_train_sigmoid(s, &p, &z));
    MAL_TRY(train_less(s, &p, &m->label));
    return mal_share3_matmul(s, gradient, &m->column, &p, m->n);
}

/* The objective times N: its Hessian is at most d N / 4 + lambda N. */
static mal_err descend(mal_share3 *s, mal_share3_words *w,
                       const train_matrix *m, const mal_train_options *o) {
    MAL_AUTO(train_descent_clear) train_descent t = { 0 };
    TRAIN_AUTO_WORDS gradient = { 0 };
    TRAIN_AUTO_WORDS ridged = { 0 };
    const double n = (double)m->n;
    const double mu = (double)o->ridge_nano * 1e-9 * n;
    const uint64_t ridge = (uint64_t)(mu * (1 << (2 * VALUE - WEIGHT)) + 0.5);
    MAL_TRY(train_descent_begin(s, &t, m->d, m->d * n / 4 + mu, mu, 2 * VALUE));
    MAL_TRY(mal_share3_words_new(s, &gradient, m->d));
    for (unsigned i = 0; i < o->steps; i++) {
        MAL_TRY(gradient_at(s, &gradient, m, &t.at));
        if (o->noised)
            MAL_TRY(train_noise_add(s, &gradient, o->noise + (size_t)i * m->d));
        MAL_TRY(mal_share3_words_affine(s, &ridged, &t.at, ridge, 0));
        MAL_TRY(mal_share3_words_add(s, &gradient, &gradient, &ridged));
        MAL_TRY(train_descent_step(s, &t, &gradient));
    }
    return mal_share3_words_copy(s, w, &t.w);
}

mal_err mal_train_logistic(mal_share3 *s, mal_share3_words *w,
                           const mal_train_data *data,
                           const mal_train_options *options) {
    MAL_AUTO(train_matrix_clear) train_matrix m = { 0 };
    MAL_TRY(train_check(data, options, MAL_TRAIN_RIDGE_MAX));
    MAL_TRY(train_matrix_make(s, &m, data, 0));
    MAL_TRY(train_matrix_rows(s, &m));
    return descend(s, w, &m, options);
}
