/* token_test.h - judging tokens of Nitro, CCA and PSA in tests. */
#ifndef MALUS_TEE_TOKEN_TEST_H
#define MALUS_TEE_TOKEN_TEST_H

#include "mal_test.h"
#include <malus/tee.h>

#define AWS_ROOT                                                               \
    "aws-nitro-root:"                                                          \
    "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b"

/* evidence, key NULL or an endorsement; the arena holds the claims. */
static mal_tee_verdict judge(mal_arena *arena, mal_tee_kind kind,
                             mal_bytes evidence, const mal_bytes *key,
                             const char *anchor, uint64_t time) {
    mal_tee_verdict verdict;
    mal_tee_input input = { .kind = kind,
                            .evidence = evidence,
                            .endorsements = key,
                            .n_endorsements = key != NULL,
                            .time = time };
    CHECK_OK(mal_tee_anchor_parse(&input.anchor, anchor));
    CHECK_OK(mal_tee_verify(&verdict, arena, &input));
    return verdict;
}

__attribute__((unused)) static mal_tee_code
code_of(mal_tee_kind kind, mal_bytes evidence, const mal_bytes *key,
        const char *anchor, uint64_t time) {
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new(MAL_TEE_ARENA_BYTES);
    CHECK(arena);
    return judge(arena, kind, evidence, key, anchor, time).code;
}

#endif
