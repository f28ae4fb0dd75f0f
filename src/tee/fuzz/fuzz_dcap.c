/* fuzz_dcap.c - a quote and its collateral, both foreign: nothing is accepted
 * under a root that nobody has.
 *
 * Input: u16 length of the quote, the quote, then an endorsement.
 */
#include <malus/tee.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    size_t len = (size_t)data[0] | (size_t)data[1] << 8;
    len = len < size - 2 ? len : size - 2;
    mal_bytes endorsement = mal_bytes_of(data + 2 + len, size - 2 - len);
    mal_arena *arena = mal_arena_new(MAL_TEE_ARENA_BYTES);
    if (!arena)
        return 0;
    for (unsigned scope = MAL_TEE_FULL; scope <= MAL_TEE_EVENT_LOG; scope++) {
        mal_tee_verdict verdict;
        mal_tee_input input = { .scope = (mal_tee_scope)scope,
                                .evidence = mal_bytes_of(data + 2, len),
                                .endorsements = &endorsement,
                                .n_endorsements = endorsement.len > 0,
                                .time = 1750000000 };
        if (mal_tee_verify(&verdict, arena, &input) == MAL_OK)
            assert(verdict.answer == MAL_TEE_REJECT && !verdict.authentic);
    }
    mal_arena_free(arena);
    return 0;
}
