/* check.c - is a physical plan that was proposed the one that we would make? */
#include "sql_impl.h"

static mal_err compare_texts(mal_bytes ours, mal_bytes theirs) {
    size_t at = 0, line = 1;
    while (at < ours.len && at < theirs.len && ours.ptr[at] == theirs.ptr[at])
        line += ours.ptr[at++] == '\n';
    MAL_REQUIRE(at == ours.len && at == theirs.len, MAL_E_DENIED,
                "the physical plan that was proposed is not what the plan "
                "splits into: line %zu differs",
                line);
    return MAL_OK;
}

mal_err mal_sql_physical_check(const mal_sql_plan *plan,
                               const mal_policy_contract *contract,
                               const mal_sql_split_options *options,
                               mal_bytes text) {
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new((size_t)256 << 20);
    const mal_sql_physical *ours;
    if (!arena)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    MAL_TRY(mal_sql_split(&ours, arena, plan, contract, options));
    return compare_texts(mal_bytes_str(ours->text), text);
}
