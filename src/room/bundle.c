/* bundle.c - a contract and the signatures of its owners. */
#include "room_impl.h"

#include <string.h>

#define BUNDLE_ARENA ((size_t)300 << 20)

static bool is_envelope(mal_bytes in) {
    size_t i = 0;
    while (i < in.len && (in.ptr[i] == ' ' || in.ptr[i] == '\n' ||
                          in.ptr[i] == '\r' || in.ptr[i] == '\t'))
        i++;
    return i < in.len && in.ptr[i] == '{';
}

/* A contract's text becomes an envelope of its canonical form, unsigned. */
static mal_err to_envelope(mal_buf *out, const mal_policy_contract **contract,
                           mal_arena *arena, mal_bytes in) {
    mal_policy_contract *c;
    if (is_envelope(in)) {
        mal_room_bundle bundle;
        MAL_TRY(mal_room_bundle_read(&bundle, arena, in));
        *contract = bundle.contract;
        return mal_buf_put(out, in);
    }
    MAL_TRY(mal_policy_parse(&c, arena, in));
    *contract = c;
    return mal_audit_dsse_sign(out, MAL_AUDIT_TYPE_ROOM, c->canonical, NULL, 0);
}

static mal_err party_of(uint32_t *party, const mal_policy_contract *contract,
                        const uint8_t identity[32]) {
    for (uint32_t i = 0; i < contract->n_parties; i++)
        if (mal_equal(contract->parties[i].identity, identity, 32)) {
            *party = i;
            return MAL_OK;
        }
    MAL_FAIL(MAL_E_DENIED,
             "this node's identity is not a party of room \"%s\": put its key "
             "into the contract, or sign at the right node",
             contract->name);
}

mal_err mal_room_bundle_sign(mal_buf *out, mal_bytes in, mal_kms *kms) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(BUNDLE_ARENA);
    MAL_AUTO(mal_buf_clear) mal_buf envelope = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf pae = { 0 };
    if (!arena)
        return MAL_E_MEMORY;
    const mal_policy_contract *contract;
    MAL_TRY(to_envelope(&envelope, &contract, arena, in));
    uint8_t identity[32], sig[64];
    uint32_t party;
    mal_kms_identity(kms, identity);
    MAL_TRY(party_of(&party, contract, identity));
    MAL_TRY(mal_audit_pae(&pae, MAL_AUDIT_TYPE_ROOM, contract->canonical));
    MAL_TRY(mal_kms_sign_identity(kms, sig, mal_buf_view(&pae)));
    return mal_audit_dsse_attach(out, mal_buf_view(&envelope), identity, sig);
}

mal_err mal_room_bundle_merge(mal_buf *out, mal_bytes a, mal_bytes b) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(BUNDLE_ARENA);
    if (!arena)
        return MAL_E_MEMORY;
    mal_room_bundle first, second;
    mal_audit_dsse *more;
    MAL_TRY(mal_room_bundle_read(&first, arena, a));
    MAL_TRY(mal_room_bundle_read(&second, arena, b));
    MAL_REQUIRE(mal_equal(first.contract->hash, second.contract->hash, 32),
                MAL_E_INPUT, "the two bundles hold different contracts");
    MAL_TRY(mal_audit_dsse_parse(&more, arena, b));
    MAL_AUTO(mal_buf_clear) mal_buf have = { 0 };
    MAL_TRY(mal_buf_put(&have, a));
    for (uint32_t i = 0; i < first.contract->n_parties; i++) {
        const uint8_t *pub = first.contract->parties[i].identity;
        char keyid[65];
        mal_audit_keyid(keyid, pub);
        for (size_t k = 0; k < more->n; k++) {
            if (strcmp(more->sigs[k].keyid, keyid) != 0)
                continue;
            MAL_AUTO(mal_buf_clear) mal_buf next = { 0 };
            MAL_TRY(mal_audit_dsse_attach(&next, mal_buf_view(&have), pub,
                                          more->sigs[k].sig));
            mal_buf_reset(&have);
            MAL_TRY(mal_buf_put(&have, mal_buf_view(&next)));
        }
    }
    return mal_buf_put(out, mal_buf_view(&have));
}

/* Every signature must be of a party and verify: a bundle with one that does
 * not was changed on its way. */
static mal_err check_signature(mal_room_bundle *bundle,
                               const mal_audit_dsse *dsse, size_t k) {
    const mal_policy_contract *c = bundle->contract;
    for (uint32_t i = 0; i < c->n_parties; i++) {
        char keyid[65];
        mal_audit_keyid(keyid, c->parties[i].identity);
        if (strcmp(dsse->sigs[k].keyid, keyid) != 0)
            continue;
        MAL_REQUIRE(mal_audit_dsse_verify(dsse, c->parties[i].identity) ==
                        MAL_OK,
                    MAL_E_AUTH,
                    "the signature of %s is not over this contract: a byte was "
                    "changed after it was signed",
                    c->parties[i].name);
        bundle->signed_ |= (mal_policy_set)1 << i;
        return MAL_OK;
    }
    MAL_FAIL(MAL_E_AUTH, "the bundle carries a signature of no party of it");
}

mal_err mal_room_bundle_read(mal_room_bundle *bundle, mal_arena *arena,
                             mal_bytes in) {
    *bundle = (mal_room_bundle){ 0 };
    MAL_REQUIRE(in.len <= MAL_ROOM_BUNDLE_MAX, MAL_E_LIMIT,
                "a bundle has at most %zu bytes", MAL_ROOM_BUNDLE_MAX);
    mal_policy_contract *contract;
    if (!is_envelope(in)) {
        MAL_TRY(mal_policy_parse(&contract, arena, in));
        bundle->contract = contract;
        bundle->missing = mal_policy_owners(contract);
        return MAL_OK;
    }
    mal_audit_dsse *dsse;
    MAL_TRY(mal_audit_dsse_parse(&dsse, arena, in));
    MAL_REQUIRE(strcmp(dsse->type, MAL_AUDIT_TYPE_ROOM) == 0, MAL_E_INPUT,
                "not the signatures of a room, but of %s", dsse->type);
    MAL_TRY(mal_policy_parse(&contract, arena, dsse->payload));
    MAL_REQUIRE(mal_bytes_same_vartime(contract->canonical, dsse->payload),
                MAL_E_AUTH,
                "the bundle's contract is not in canonical form: a byte was "
                "changed after it was signed");
    bundle->contract = contract;
    for (size_t k = 0; k < dsse->n; k++)
        MAL_TRY(check_signature(bundle, dsse, k));
    bundle->missing = mal_policy_owners(contract) & ~bundle->signed_;
    return MAL_OK;
}
