/* parts3.c - an answer of share3 at its recipient: three parts, each from two
 * seats.
 *
 * One seat that lies about a part contradicts another that is honest, and then
 * nothing is opened: whose part was wrong, two words cannot tell.
 */
#include "room_impl.h"

mal_err room_parts3_add(int64_t *cells, size_t n, const mal_bytes seats[3]) {
    for (unsigned i = 0; i < 3; i++)
        MAL_REQUIRE(seats[i].len == 16 * n, MAL_E_PEER,
                    "a seat sealed an output of another size");
    for (unsigned i = 0; i < 3; i++)
        MAL_REQUIRE(
            mal_equal(seats[i].ptr + 8 * n, seats[(i + 1) % 3].ptr, 8 * n),
            MAL_E_PEER,
            "two seats sealed different parts of one answer: one of "
            "them did not follow the protocol");
    for (size_t w = 0; w < n; w++) {
        uint64_t x = (uint64_t)cells[w];
        for (unsigned i = 0; i < 3; i++)
            x += mal_load_u64le(seats[i].ptr + 8 * w);
        cells[w] = (int64_t)x;
    }
    return MAL_OK;
}
