/* fuzz_token.c - any bytes as a token of each kind: judged, and never good. */
#include <malus/tee.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(mal_tee_kind kind, mal_bytes evidence, mal_bytes key) {
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new(MAL_TEE_ARENA_BYTES);
    bool root = kind == MAL_TEE_NITRO;
    mal_tee_verdict verdict;
    const mal_tee_input input = {
        .kind = kind,
        .evidence = evidence,
        .endorsements = &key,
        .n_endorsements = 1,
        .anchor.kind = root ? MAL_TEE_ANCHOR_ROOT : MAL_TEE_ANCHOR_KEY,
        .time = 1767312000,
    };
    mal_err err = mal_tee_verify(&verdict, arena, &input);
    assert(err == MAL_OK);
    assert(verdict.answer == MAL_TEE_REJECT && !verdict.authentic);
}

/* A key whose private half nobody has kept: the generator of P-256. */
static const uint8_t generator[] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
    0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03,
    0x42, 0x00, 0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8,
    0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d,
    0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f,
    0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c,
    0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb,
    0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
};

/* The bytes are the evidence; then, with a fixed token, the key. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t token[] = { 0xd2, 0x84, 0x43, 0xa1, 0x01, 0x26,
                                     0xa0, 0x41, 0x00, 0x41, 0x00 };
    mal_bytes bytes = mal_bytes_of(data, size);
    mal_bytes key = mal_bytes_of(generator, sizeof generator);
    judge(MAL_TEE_NITRO, bytes, key);
    judge(MAL_TEE_CCA, bytes, key);
    judge(MAL_TEE_PSA, bytes, key);
    judge(MAL_TEE_PSA, mal_bytes_of(token, sizeof token), bytes);
    return 0;
}
