/* train.c - what a model's noise must cover.
 *
 * Noise enters as private inputs of the seats before anything else depends on
 * the sums that it covers (src/train): all that leaves is a function of noised
 * sums.  One unit has rows_per_unit rows, each of which moves `touched` words
 * of each of `steps` steps by at most `change`, so over all of them the words
 * have L1 sensitivity rows_per_unit * steps * touched * change.  The steps
 * choose what they sum by what was released before; the sum of their epsilons
 * is the whole, as for any adaptive composition.  With a delta the noise is
 * Gaussian: then it is their rho that adds up (dp's zcdp.c).  A minimum of rows
 * is tested on one noised count, which takes a part of epsilon.
 */
#include "room_impl.h"

#define COUNT_PART 16 /* of epsilon, for a count of rows */

static mal_err sensitivity_of(uint64_t *out, const mal_sql_physical *p) {
    const mal_train_release *r = &p->training->release;
    uint64_t all;
    bool over = __builtin_mul_overflow(r->touched, r->change, &all) ||
                __builtin_mul_overflow(all, (uint64_t)r->steps, &all) ||
                __builtin_mul_overflow(all, p->rows_per_unit, &all);
    MAL_REQUIRE(!over && all > 0 && all < (uint64_t)1 << 62, MAL_E_LIMIT,
                "one unit may move the sums of this model by more than 2^62: "
                "take fewer steps, features or rows of one unit");
    *out = all;
    return MAL_OK;
}

/* Gaussian noise: in L2, the words of all steps are moved by at most the root
 * of their number times what moves each; a unit's rows add up. */
static mal_err deviation_of(room_noise *noise, const room_judged *j,
                            uint64_t epsilon_nano) {
    const mal_sql_training *t = j->physical->training;
    const uint64_t rows = j->physical->rows_per_unit;
    mal_dp_moved moved = { (uint64_t)t->release.steps * t->release.touched,
                           t->release.change };
    MAL_REQUIRE(!__builtin_mul_overflow(moved.each, rows, &moved.each),
                MAL_E_LIMIT, "one unit may have too many rows: %llu",
                (unsigned long long)rows);
    MAL_TRY(mal_dp_moved_l2(&noise->sensitivity, &moved));
    MAL_TRY(mal_dp_rho_of(&noise->rho_nano, epsilon_nano, t->delta_digits));
    MAL_TRY(mal_dp_deviation_of(&noise->deviation, &moved, noise->rho_nano,
                                j->share_k));
    noise->halfwidth = mal_dp_gauss_halfwidth(noise->deviation, j->n);
    noise->tail = mal_dp_gauss_tail(noise->deviation, j->n);
    return MAL_OK;
}

static mal_err scale_of(room_noise *noise, uint64_t epsilon_nano, uint64_t part,
                        uint64_t of) {
    mal_err err = mal_dp_scale_of(&noise->t, noise->sensitivity,
                                  epsilon_nano * part, of * MAL_DP_NANO);
    MAL_REQUIRE(err == MAL_OK, err,
                "noise for sums that one unit moves by %llu: %s",
                (unsigned long long)noise->sensitivity, mal_err_message());
    return MAL_OK;
}

mal_err room_training_noise(room_judged *j, mal_arena *arena,
                            const room_request *r) {
    const mal_sql_physical *p = j->physical;
    const bool counted = p->training->counted;
    room_noise *noise = mal_arena_calloc(arena, 2, sizeof *noise);
    if (!noise)
        return MAL_E_MEMORY;
    MAL_REQUIRE(!counted || j->verdict.group_min <= p->training_rows,
                MAL_E_DENIED,
                "rule asks for %llu rows to train on, and at most %llu are "
                "declared",
                (unsigned long long)j->verdict.group_min,
                (unsigned long long)p->training_rows);
    noise[1].sensitivity = p->rows_per_unit;
    const unsigned part = counted ? COUNT_PART - 1 : COUNT_PART;
    if (p->training->delta_digits) {
        MAL_TRY(
            deviation_of(&noise[0], j, r->epsilon_nano / COUNT_PART * part));
    } else {
        MAL_TRY(sensitivity_of(&noise[0].sensitivity, p));
        MAL_TRY(scale_of(&noise[0], r->epsilon_nano, part, COUNT_PART));
        MAL_TRY(room_noise_bounds(&noise[0], j->n, j->share_k));
    }
    MAL_TRY(scale_of(&noise[1], r->epsilon_nano, 1, COUNT_PART));
    MAL_TRY(room_noise_bounds(&noise[1], j->n, j->share_k));
    j->noise = noise;
    return MAL_OK;
}

char *room_training_amount(mal_arena *arena, const room_judged *j,
                           uint64_t epsilon_nano) {
    const mal_sql_physical *p = j->physical;
    const room_noise *n = j->noise;
    char *text = mal_arena_printf(
        arena,
        "epsilon %llu/1000000000, add or remove one unit, %u of %u parts are "
        "the whole noise; %s: %llu rows of a unit, ",
        (unsigned long long)epsilon_nano, j->share_k, j->n, p->aggs[0].label,
        (unsigned long long)p->rows_per_unit);
    if (text && n->deviation)
        text = mal_arena_printf(
            arena,
            "%sdiscrete Gaussian, delta 1e-%u, rho %llu/1000000000, L2 "
            "sensitivity %llu, deviation of a part %llu",
            text, p->training->delta_digits, (unsigned long long)n->rho_nano,
            (unsigned long long)n->sensitivity,
            (unsigned long long)n->deviation);
    else if (text)
        text = mal_arena_printf(
            arena, "%sdiscrete Laplace, L1 sensitivity %llu, scale %llu/%llu",
            text, (unsigned long long)n->sensitivity,
            (unsigned long long)n->t.num, (unsigned long long)n->t.den);
    if (text && p->training->counted)
        text = mal_arena_printf(
            arena,
            "%s; its rows, discrete Laplace, sensitivity %llu, scale %llu/%llu",
            text, (unsigned long long)n[1].sensitivity,
            (unsigned long long)n[1].t.num, (unsigned long long)n[1].t.den);
    return text;
}
