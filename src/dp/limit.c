/* limit.c - one line of a budget: is it well formed, and what is it called? */
#include "ledger_impl.h"

mal_err mal_dp_limit_check(const mal_dp_limit *limit) {
    MAL_TRY(mal_dp_name_check("limit's dataset version", limit->version));
    MAL_REQUIRE(limit->scope >= MAL_DP_SCOPE_TOTAL &&
                    limit->scope <= MAL_DP_SCOPE_PURPOSE,
                MAL_E_INPUT, "a limit of unknown scope %d", (int)limit->scope);
    MAL_REQUIRE(limit->epsilon_nano < LEDGER_NUMBER_MAX &&
                    limit->window_s < LEDGER_NUMBER_MAX,
                MAL_E_INPUT, "the limit on %s is beyond 2^62", limit->version);
    return MAL_OK;
}

const char *mal_dp_scope_name(mal_dp_scope scope) {
    static const char *const names[] = { "?", "total", "analyst", "room",
                                         "purpose" };
    return names[scope];
}
