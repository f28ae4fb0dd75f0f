/* seats.c - whose nodes take part in a job. */
#include "room_impl.h"

void room_members_of(room_members *members, mal_policy_set set) {
    *members = (room_members){ .set = set };
    for (uint32_t i = 0; i < MAL_PARTIES_MAX; i++)
        if (set >> i & 1)
            members->at[members->n++] = i;
}

/* Owners, and the seats if some rule runs share3: whose logs are cosigned, and
 * who may be asked to take part. */
mal_policy_set room_everybody(const mal_policy_contract *c) {
    mal_policy_set set = mal_policy_owners(c);
    for (uint32_t i = 0; i < c->n_rules; i++)
        for (uint32_t k = 0; k < c->rules[i].n_run; k++)
            if (c->rules[i].effect != MAL_POLICY_FORBID)
                set |= mal_policy_members(c, c->rules[i].run[k].engine);
    return set;
}
