/* judged.c - what follows from a judged plan alone. */
#include "room_impl.h"

mal_share3_security room_security(const room_judged *j) {
    return j->facts.mode == MAL_POLICY_MODE_MALICIOUS ? MAL_SHARE3_MALICIOUS
                                                      : MAL_SHARE3_SEMI_HONEST;
}

bool room_exact(const room_judged *j) {
    return j->physical && j->physical->shape == MAL_SQL_MATCH;
}

/* Rounded up into 2^-64: 10^-digits, and a tail for each word of noise. */
uint64_t room_delta_64(const mal_sql_physical *p) {
    uint64_t own = room_noise_words(p);
    mal_u128 one = (mal_u128)1 << 64;
    unsigned digits = p->training ? p->training->delta_digits : 0;
    if (digits == 0)
        return own;
    while (digits--)
        one = (one + 9) / 10;
    return (uint64_t)one + own;
}

/* The same in 1e-19: 2^-64 < 10^-19.  Beside each word of noise a cell counts
 * once more, for the count that a minimum group may add. */
uint64_t room_delta_19(const mal_sql_physical *p) {
    unsigned digits = p->training ? p->training->delta_digits : 0;
    uint64_t own = digits ? 1 : 0;
    while (digits && digits++ < 19)
        own *= 10;
    return own + room_noise_words(p) + p->n_cells;
}

uint64_t room_noise_words(const mal_sql_physical *p) {
    return p->training ? p->training->release.words + p->training->counted
                       : p->n_cells * p->n_aggs + (p->shrink.at != 0);
}

/* How long the local stage may take, from declared bounds alone. */
uint64_t room_tick_ns(const mal_room *room, const room_judged *j) {
    uint64_t rows = 0;
    for (uint32_t i = 0; i < j->facts.n_datasets; i++)
        rows += room->contract->datasets[j->facts.datasets[i]].rows_max;
    return 1000000000u + rows * 4000u;
}
