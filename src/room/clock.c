/* clock.c - the time, as a room counts it: now, and how long to wait. */
#include "room_impl.h"

/* Our clock, or the greatest time in any cosignature that we gave or saw, if
 * that is later (rule 21): dates never run backwards. */
uint64_t room_now(mal_room *room) {
    uint64_t now = mal_time_unix(), seen = 0;
    if (mal_audit_witness_time(room->config.witness, &seen) != MAL_OK)
        mal_err_forget();
    return seen > now ? seen : now;
}

/* For what need not succeed: a step, but 5 s at most. */
unsigned room_soon(const mal_room *room) {
    return room->config.step_ms < 5000 ? room->config.step_ms : 5000;
}
