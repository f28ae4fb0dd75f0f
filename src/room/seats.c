/* seats.c - whose nodes take part in a job, and who holds a seat. */
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

int room_seat_of(const mal_room *room, uint32_t party) {
    uint32_t seats[MAL_POLICY_SEATS];
    if (mal_policy_seats(room->contract, seats) != MAL_OK) {
        mal_err_forget();
        return -1;
    }
    for (unsigned i = 0; i < MAL_POLICY_SEATS; i++)
        if (seats[i] == party)
            return (int)i;
    return -1;
}

bool room_has_seat(const mal_room *room, uint32_t party) {
    return room_seat_of(room, party) >= 0;
}
