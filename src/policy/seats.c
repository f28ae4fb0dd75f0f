/* seats.c - which three parties compute a job of share3. */
#include "policy_impl.h"

#include <string.h>

const char *mal_policy_organisation(const mal_policy_contract *contract,
                                    uint32_t party) {
    const mal_policy_party *p = &contract->parties[party];
    return p->organisation ? p->organisation : p->name;
}

mal_policy_set mal_policy_members(const mal_policy_contract *contract,
                                  mal_policy_engine engine) {
    uint32_t seats[MAL_POLICY_SEATS];
    mal_policy_set members = mal_policy_owners(contract);
    if (engine != MAL_POLICY_ENGINE_SHARE3)
        return members;
    if (mal_policy_seats(contract, seats) != MAL_OK) {
        mal_err_forget();
        return members;
    }
    for (unsigned i = 0; i < MAL_POLICY_SEATS; i++)
        members |= (mal_policy_set)1 << seats[i];
    return members;
}

/* The parties with that role, in order; how many there are. */
static unsigned with_role(const mal_policy_contract *c, uint32_t role,
                          uint32_t seats[MAL_POLICY_SEATS]) {
    unsigned n = 0;
    for (uint32_t i = 0; i < c->n_parties; i++) {
        if (!(c->parties[i].roles & role))
            continue;
        if (n < MAL_POLICY_SEATS)
            seats[n] = i;
        n++;
    }
    return n;
}

mal_err mal_policy_seats(const mal_policy_contract *contract,
                         uint32_t seats[MAL_POLICY_SEATS]) {
    const mal_policy_contract *c = contract;
    unsigned n = with_role(c, MAL_POLICY_COMPUTE, seats);
    MAL_REQUIRE(n == 0 || n == MAL_POLICY_SEATS, MAL_E_UNSUPPORTED,
                "share3 has three seats, and %u %s named to compute", n,
                n == 1 ? "party is" : "parties are");
    if (n == 0) {
        n = with_role(c, MAL_POLICY_OWNER, seats);
        MAL_REQUIRE(n == MAL_POLICY_SEATS, MAL_E_UNSUPPORTED,
                    "share3 has three seats: no party is named to compute, and "
                    "there %s %u owner%s, not three",
                    n == 1 ? "is" : "are", n, n == 1 ? "" : "s");
    }
    for (unsigned i = 0; i < MAL_POLICY_SEATS; i++)
        for (unsigned k = 0; k < i; k++)
            MAL_REQUIRE(
                strcmp(mal_policy_organisation(c, seats[i]),
                       mal_policy_organisation(c, seats[k])) != 0,
                MAL_E_UNSUPPORTED,
                "%s and %s would be seats of share3 of one organisation, %s",
                c->parties[seats[k]].name, c->parties[seats[i]].name,
                mal_policy_organisation(c, seats[i]));
    return MAL_OK;
}
