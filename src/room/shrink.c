/* shrink.c - rule 20: a table on shares may shrink to a noised count of its
 * rows, where the contract grants that (`reveals noised count`) and it pays.
 *
 *     n~ = count + z + s      z discrete Laplace of a part of the epsilon that
 *                             the answer costs, drawn by the seats as they draw
 *                             the answer's; s = |z|'s bound but for 2^-64
 *
 * So n~ is less than the count with 2^-64 at most, which is in delta; then a
 * promise is broken, and the job ends.  Where: the one place of the plan that
 * saves most, by built-in figures, so that all nodes choose alike.
 */
#include "share3_impl.h"

#define NANO 1000000000u
#define PART 8u /* of epsilon: 1 / PART pays for the count */
/* What costs less than this part of all is not worth a release. */
#define WORTH 0.9

bool room_shrink_granted(const mal_policy_contract *c, uint32_t requester) {
    for (uint32_t i = 0; i < c->n_rules; i++) {
        const mal_policy_rule *r = &c->rules[i];
        if (r->effect != MAL_POLICY_FORBID && r->by >> requester & 1 &&
            r->reveals & MAL_POLICY_REVEALS_NOISED_COUNT)
            return true;
    }
    return false;
}

void room_shrink_epsilon(uint64_t *num, uint64_t *den,
                         const mal_sql_physical *p, uint64_t epsilon_nano,
                         bool count) {
    const uint64_t parts = p->shrink.at ? PART : 1;
    *num = count || !p->shrink.at ? epsilon_nano : epsilon_nano * (PART - 1);
    *den = NANO * parts;
}

mal_err room_shrink_noise(room_noise *noise, const room_judged *j,
                          const mal_sql_physical *p, uint64_t epsilon_nano) {
    uint64_t num, den;
    noise->sensitivity = p->shrink.rows_per_unit;
    room_shrink_epsilon(&num, &den, p, epsilon_nano, true);
    mal_err err = mal_dp_scale_of(&noise->t, noise->sensitivity, num, den);
    MAL_REQUIRE(err == MAL_OK, err, "noise for a count of rows: %s",
                mal_err_message());
    return room_noise_bounds(noise, j->n, j->share_k);
}

/* --- Where ---------------------------------------------------------------- */

/* Does the count's noise leave anything to be saved?  A quarter of the rows,
 * which is assumed, and twice the bound of the noise. */
static bool small(const room_noise *noise, const mal_sql_shrink *s) {
    return noise->tail < s->rows_max / 8;
}

mal_err room_shrink_choose(unsigned *at, const room_judged *j, mal_arena *arena,
                           const mal_policy_contract *c,
                           const mal_sql_split_options *options,
                           uint64_t epsilon_nano) {
    mal_obl_cost cost;
    const unsigned places = j->physical->n_places;
    *at = 0;
    if (epsilon_nano == 0)
        return MAL_OK;
    MAL_TRY(mal_sql_share3_cost(&cost, j->physical, room_security(j), NULL));
    double best = cost.ns * WORTH;
    for (unsigned k = 1; k <= places; k++) {
        mal_sql_split_options there = *options;
        const mal_sql_physical *p;
        room_noise noise;
        there.shrink = k;
        MAL_TRY(mal_sql_split(&p, arena, j->plan, c, &there));
        if (room_shrink_noise(&noise, j, p, epsilon_nano) != MAL_OK) {
            mal_err_forget(); /* a unit may be in more rows than have noise */
            continue;
        }
        MAL_TRY(mal_sql_share3_cost(&cost, p, room_security(j), NULL));
        if (!small(&noise, &p->shrink) || cost.ns >= best)
            continue;
        best = cost.ns;
        *at = k;
    }
    return MAL_OK;
}

/* --- At a seat ------------------------------------------------------------ */

static mal_err add_noise(const room_sizing *s, mal_share3_words *count) {
    for (unsigned i = 0; i < MAL_POLICY_SEATS; i++) {
        mal_share3_words z = { 0 };
        const uint64_t own = (uint64_t)s->noise;
        mal_err err = mal_share3_words_input(s->engine, &z, i,
                                             i == s->seat ? &own : NULL, 1);
        if (err == MAL_OK)
            err = mal_share3_words_add(s->engine, count, count, &z);
        mal_share3_words_clear(&z);
        MAL_TRY(err);
    }
    return MAL_OK;
}

mal_err room_shrink_size(void *ctx, uint64_t *rows, uint64_t rows_max,
                         mal_share3_words *count) {
    const room_sizing *s = ctx;
    const mal_obl_stages *stages = mal_obl_stages_of(s->obl);
    uint64_t noised;
    /* One job shows one size: from here on it does not go on after a crash. */
    if (stages)
        MAL_TRY(stages->opens(stages->ctx));
    /* The noise covers what a unit adds if the bounds were kept. */
    MAL_TRY(mal_obl_verdict(s->obl));
    MAL_TRY(add_noise(s, count));
    MAL_TRY(mal_share3_words_open(s->engine, &noised, count));
    int64_t n = (int64_t)(noised + s->shift);
    *rows = n < 1 ? 1 : (uint64_t)n < rows_max ? (uint64_t)n : rows_max;
    return MAL_OK;
}
