/* Any text: an error with a place, or a contract that is its own canonical text
 * and can be judged, checked and printed. */
#include <malus/policy.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds)
        abort();
}

static void judge_all(const mal_policy_contract *c) {
    mal_policy_verdict v;
    for (uint32_t d = 0; d < c->n_datasets && d < 4; d++) {
        mal_policy_use use = { d, 0, MAL_POLICY_USE_GROUP };
        mal_policy_facts f = { .requester = 0,
                               .recipient = 0,
                               .engine = MAL_POLICY_ENGINE_PSI,
                               .datasets = &d,
                               .n_datasets = 1,
                               .operations = MAL_POLICY_OP_COUNT,
                               .uses = &use,
                               .n_uses = 1,
                               .release = MAL_POLICY_RELEASE_NOISED,
                               .epsilon_nano = 1000000000,
                               .delta = { 1, 1000000 },
                               .now = 1 };
        for (f.requester = 0; f.requester < c->n_parties; f.requester++)
            mal_policy_decide(&v, c, &f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new((size_t)256 << 20);
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    mal_policy_contract *c, *again;
    mal_policy_findings findings;
    if (mal_policy_parse(&c, arena, mal_bytes_of(data, size)) != MAL_OK) {
        must(mal_err_message()[0] >= '1' && mal_err_message()[0] <= '9');
        return 0;
    }
    must(mal_policy_parse(&again, arena, c->canonical) == MAL_OK);
    must(mal_bytes_same_vartime(c->canonical, again->canonical));
    must(mal_equal(c->hash, again->hash, 32));
    must(mal_policy_check(&findings, arena, c) == MAL_OK);
    must(mal_policy_print(&out, c) == MAL_OK);
    must(mal_policy_learn(&out, c, 0) == MAL_OK);
    judge_all(c);
    return 0;
}
