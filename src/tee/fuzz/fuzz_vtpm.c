/* fuzz_vtpm.c - envelopes of attesters around a vTPM's quote, judged whole. */
#include <malus/tee.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte is the kind.  The anchor is the hash 0, which no root has. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const mal_tee_kind kinds[] = { MAL_TEE_TPM2, MAL_TEE_AZ_SNP_VTPM,
                                          MAL_TEE_AZ_TDX_VTPM, MAL_TEE_RATLS };
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new(MAL_TEE_ARENA_BYTES);
    mal_tee_verdict verdict;
    if (size == 0)
        return 0;
    mal_tee_input in = { .kind = kinds[data[0] % 4],
                         .evidence = mal_bytes_of(data + 1, size - 1),
                         .time = 1750000000 };
    if (mal_tee_verify(&verdict, arena, &in) == MAL_OK)
        assert(verdict.answer == MAL_TEE_REJECT && !verdict.authentic);
    return 0;
}
