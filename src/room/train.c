/* train.c - what a model's noise must cover, and each seat's part of it.
 *
 * Noise enters as private inputs of the seats before anything else depends on
 * the sums that it covers (src/train): all that leaves is a function of noised
 * sums.  One unit has rows_per_unit rows, each of which moves `touched` words
 * of each of `steps` steps by at most `change`, so over all of them the words
 * have L1 sensitivity rows_per_unit * steps * touched * change.  The steps
 * choose what they sum by what was released before; the sum of their epsilons
 * is the whole, as for any adaptive composition.  A minimum of rows is tested
 * on one noised count, which takes a part of epsilon.
 */
#include "room_impl.h"

#include <string.h>

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
    MAL_TRY(sensitivity_of(&noise[0].sensitivity, p));
    noise[1].sensitivity = p->rows_per_unit;
    MAL_TRY(scale_of(&noise[0], r->epsilon_nano,
                     counted ? COUNT_PART - 1 : COUNT_PART, COUNT_PART));
    MAL_TRY(scale_of(&noise[1], r->epsilon_nano, 1, COUNT_PART));
    for (unsigned i = 0; i < 2; i++)
        MAL_TRY(room_noise_bounds(&noise[i], j->n, j->share_k));
    j->noise = noise;
    return MAL_OK;
}

uint64_t room_noise_words(const mal_sql_physical *p) {
    return p->training ? p->training->release.words + p->training->counted
                       : p->n_cells * p->n_aggs;
}

mal_err room_training_draw(int64_t *out, const room_judged *j,
                           mal_prim_drbg *drbg) {
    const mal_sql_training *t = j->physical->training;
    MAL_TRY(
        room_noise_draw(out, t->release.words, &j->noise[0], j->share_k, drbg));
    if (!t->counted)
        return MAL_OK;
    return room_noise_draw(out + t->release.words, 1, &j->noise[1], j->share_k,
                           drbg);
}
