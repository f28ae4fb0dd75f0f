/* zcdp.c - from epsilon and delta to rho, and from rho to a deviation.
 *
 * Noise of variance s^2 on a vector that one unit moves by at most D in L2 is
 * D^2 / (2 s^2)-zCDP [BS16]; these add up, also where a step chooses what it
 * asks by the answers of those before; rho-zCDP is (rho + 2 sqrt(rho ln(1 /
 * delta)), delta)-differentially private.  Integers alone, each rounded to the
 * side of more noise.
 */
#include "dp_impl.h"

#define LN10_NANO 2302585093u /* ceil(1e9 ln 10) */

mal_err mal_dp_rho_of(uint64_t *rho_nano, uint64_t epsilon_nano,
                      unsigned delta_digits) {
    MAL_REQUIRE(delta_digits >= 1 && delta_digits <= MAL_DP_DELTA_DIGITS_MAX &&
                    epsilon_nano > 0 && epsilon_nano <= 1000 * MAL_DP_NANO,
                MAL_E_INPUT,
                "epsilon %llu nano and delta 1e-%u: at most 1000, and 1e-1 to "
                "1e-%u",
                (unsigned long long)epsilon_nano, delta_digits,
                MAL_DP_DELTA_DIGITS_MAX);
    /* The largest rho <= epsilon with 4 rho ln(1/delta) <= (epsilon - rho)^2:
     * the left side grows with rho, the right one falls. */
    const mal_u128 log = (mal_u128)LN10_NANO * delta_digits;
    uint64_t lo = 0, hi = epsilon_nano;
    while (lo < hi) {
        uint64_t rho = lo + (hi - lo + 1) / 2, rest = epsilon_nano - rho;
        if (4 * log * rho <= (mal_u128)rest * rest)
            lo = rho;
        else
            hi = rho - 1;
    }
    MAL_REQUIRE(lo > 0, MAL_E_LIMIT,
                "epsilon %llu nano with delta 1e-%u leaves no rho of 1e-9: ask "
                "with a larger epsilon",
                (unsigned long long)epsilon_nano, delta_digits);
    *rho_nano = lo;
    return MAL_OK;
}

/* The least r with r^2 >= x. */
static uint64_t root_up(mal_u128 x) {
    uint64_t lo = 0, hi = UINT64_MAX;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if ((mal_u128)mid * mid >= x)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

/* ceil(v sqrt(num / den)), for num / den < 2^64. */
static mal_u128 times_root(uint64_t v, mal_u128 num, uint64_t den) {
    const unsigned bits = 20;
    mal_u128 x = ((num << (2 * bits)) + den - 1) / den;
    mal_u128 up = (mal_u128)v * root_up(x);
    return (up + (1u << bits) - 1) >> bits;
}

static mal_err check_moved(const mal_dp_moved *moved) {
    MAL_REQUIRE(moved->words >= 1 && moved->words <= (uint64_t)1 << 40 &&
                    moved->each >= 1 && moved->each <= (uint64_t)1 << 60,
                MAL_E_LIMIT, "%llu words moved by %llu: beyond 2^40 and 2^60",
                (unsigned long long)moved->words,
                (unsigned long long)moved->each);
    return MAL_OK;
}

mal_err mal_dp_moved_l2(uint64_t *out, const mal_dp_moved *moved) {
    MAL_TRY(check_moved(moved));
    mal_u128 l2 = times_root(moved->each, moved->words, 1);
    MAL_REQUIRE(l2 <= (mal_u128)1 << 62, MAL_E_LIMIT,
                "one unit moves an answer by more than 2^62");
    *out = (uint64_t)l2;
    return MAL_OK;
}

mal_err mal_dp_deviation_of(uint64_t *deviation, const mal_dp_moved *moved,
                            uint64_t rho_nano, unsigned share_k) {
    MAL_TRY(check_moved(moved));
    MAL_REQUIRE(rho_nano >= 1 && share_k >= 1 && share_k <= MAL_DP_SHARE_MAX,
                MAL_E_LIMIT, "a rho of %llu nano, for %u parties",
                (unsigned long long)rho_nano, share_k);
    /* k t^2 >= words each^2 / (2 rho) */
    mal_u128 t = times_root(moved->each, (mal_u128)moved->words * MAL_DP_NANO,
                            2 * rho_nano * share_k);
    MAL_REQUIRE(t <= MAL_DP_DEVIATION_MAX, MAL_E_LIMIT,
                "noise of a deviation above 2^50: take fewer steps, or ask "
                "with a larger epsilon");
    *deviation = t < MAL_DP_DEVIATION_MIN ? MAL_DP_DEVIATION_MIN : (uint64_t)t;
    return MAL_OK;
}

/* A sum of n parts is subgaussian with variance n t^2 [CKS20]. */
uint64_t mal_dp_gauss_halfwidth(uint64_t deviation, unsigned parties) {
    return (uint64_t)times_root(deviation, (mal_u128)38416 * parties, 10000) +
           1; /* 1.96^2 */
}

uint64_t mal_dp_gauss_tail(uint64_t deviation, unsigned parties) {
    /* 2 exp(-B^2 / (2 n t^2)) < 2^-64: B^2 > 2 n t^2 * 65 ln 2 = 90.11 n t^2 */
    return (uint64_t)times_root(deviation, (mal_u128)9012 * parties, 100);
}
