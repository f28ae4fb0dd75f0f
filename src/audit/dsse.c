/* dsse.c - envelopes that several parties sign [DSSE21]. */
#include "audit_impl.h"

#include <malus/json.h>
#include <string.h>

/* [DSSE21] "Signature definition": PAE(type, payload). */
mal_err mal_audit_pae(mal_buf *out, const char *type, mal_bytes payload) {
    MAL_TRY(mal_buf_put_fmt(out, "DSSEv1 %zu %s %zu ", strlen(type), type,
                            payload.len));
    return mal_buf_put(out, payload);
}

void mal_audit_keyid(char out[65], const uint8_t pub[32]) {
    mal_prim_hash hash;
    mal_prim_sha256_of(&hash, mal_bytes_of(pub, 32));
    mal_hex_encode(out, mal_bytes_of(hash.b, sizeof hash.b));
}

static mal_err add_sig(mal_json *list, const char *keyid,
                       const uint8_t sig[64]) {
    mal_json *one;
    MAL_TRY(mal_json_add_object(list, &one));
    MAL_TRY(mal_json_put_str(one, "keyid", keyid));
    return mal_json_put_base64(one, "sig", mal_bytes_of(sig, 64));
}

static mal_err print(mal_buf *out, const mal_audit_dsse *dsse) {
    MAL_AUTO(mal_json_auto) mal_json *o = NULL;
    mal_json *list;
    MAL_TRY(mal_json_new_object(&o));
    MAL_TRY(mal_json_put_base64(o, "payload", dsse->payload));
    MAL_TRY(mal_json_put_str(o, "payloadType", dsse->type));
    MAL_TRY(mal_json_put_array(o, "signatures", &list));
    for (size_t i = 0; i < dsse->n; i++)
        MAL_TRY(add_sig(list, dsse->sigs[i].keyid, dsse->sigs[i].sig));
    return mal_json_dump(out, o);
}

/* In place of an older signature under the same keyid, or at the end. */
static mal_err set_sig(mal_audit_dsse *dsse, const uint8_t pub[32],
                       const uint8_t sig[64]) {
    char keyid[65];
    size_t i = 0;
    mal_audit_keyid(keyid, pub);
    while (i < dsse->n && strcmp(dsse->sigs[i].keyid, keyid) != 0)
        i++;
    MAL_REQUIRE(i < MAL_AUDIT_DSSE_SIGS_MAX, MAL_E_LIMIT,
                "an envelope with more than %d signatures",
                MAL_AUDIT_DSSE_SIGS_MAX);
    memcpy(dsse->sigs[i].keyid, keyid, sizeof keyid);
    memcpy(dsse->sigs[i].sig, sig, 64);
    dsse->n += i == dsse->n;
    return MAL_OK;
}

static mal_err sign_one(mal_audit_dsse *dsse, const mal_audit_signer *signer) {
    MAL_AUTO(mal_buf_clear) mal_buf pae = { 0 };
    uint8_t sig[64];
    MAL_TRY(mal_audit_pae(&pae, dsse->type, dsse->payload));
    MAL_TRY(mal_prim_sign(sig, signer->sec, mal_buf_view(&pae)));
    return set_sig(dsse, signer->pub, sig);
}

mal_err mal_audit_dsse_sign(mal_buf *out, const char *type, mal_bytes payload,
                            const mal_audit_signer *signers, size_t n) {
    mal_audit_dsse dsse = { .type = type, .payload = payload };
    for (size_t i = 0; i < n; i++)
        MAL_TRY(sign_one(&dsse, &signers[i]));
    return print(out, &dsse);
}

mal_err mal_audit_dsse_cosign(mal_buf *out, mal_bytes envelope,
                              const mal_audit_signer *signer) {
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new(4 * MAL_AUDIT_DSSE_MAX);
    mal_audit_dsse *dsse;
    MAL_REQUIRE(arena, MAL_E_MEMORY, "out of memory");
    MAL_TRY(mal_audit_dsse_parse(&dsse, arena, envelope));
    MAL_TRY(sign_one(dsse, signer));
    return print(out, dsse);
}

mal_err mal_audit_dsse_attach(mal_buf *out, mal_bytes envelope,
                              const uint8_t pub[32], const uint8_t sig[64]) {
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new(4 * MAL_AUDIT_DSSE_MAX);
    MAL_AUTO(mal_buf_clear) mal_buf pae = { 0 };
    mal_audit_dsse *dsse;
    MAL_REQUIRE(arena, MAL_E_MEMORY, "out of memory");
    MAL_TRY(mal_audit_dsse_parse(&dsse, arena, envelope));
    MAL_TRY(mal_audit_pae(&pae, dsse->type, dsse->payload));
    MAL_TRY(mal_prim_verify(sig, pub, mal_buf_view(&pae)));
    MAL_TRY(set_sig(dsse, pub, sig));
    return print(out, dsse);
}

/* --- Reading -------------------------------------------------------------- */

static mal_err read_sigs(mal_audit_dsse *dsse, const mal_json *list) {
    static const char *const known[] = { "keyid", "sig" };
    MAL_REQUIRE(mal_json_len(list) <= MAL_AUDIT_DSSE_SIGS_MAX, MAL_E_LIMIT,
                "an envelope with more than %d signatures",
                MAL_AUDIT_DSSE_SIGS_MAX);
    for (size_t i = 0; i < mal_json_len(list); i++) {
        MAL_AUTO(mal_buf_clear) mal_buf sig = { 0 };
        const mal_json *one = mal_json_at(list, i);
        const char *keyid;
        uint8_t raw[32];
        MAL_TRY(mal_json_only(one, known, 2));
        MAL_TRY(mal_json_get_str(one, "keyid", &keyid));
        MAL_TRY(mal_json_get_hex(one, "keyid", raw, sizeof raw));
        MAL_TRY(mal_json_get_base64(one, "sig", &sig));
        MAL_REQUIRE(sig.len == 64, MAL_E_INPUT,
                    "an envelope's signature must have 64 bytes");
        memcpy(dsse->sigs[i].keyid, keyid, 65);
        memcpy(dsse->sigs[i].sig, sig.ptr, 64);
        dsse->n = i + 1;
    }
    return MAL_OK;
}

mal_err mal_audit_dsse_parse(mal_audit_dsse **out, mal_arena *arena,
                             mal_bytes envelope) {
    static const char *const known[] = { "payload", "payloadType",
                                         "signatures" };
    MAL_AUTO(mal_json_auto) mal_json *o = NULL;
    MAL_AUTO(mal_buf_clear) mal_buf payload = { 0 };
    const mal_json *list;
    const char *type;

    mal_audit_dsse *dsse = mal_arena_alloc(arena, sizeof *dsse);
    MAL_REQUIRE(dsse, MAL_E_MEMORY, "out of memory for an envelope");
    MAL_TRY(mal_json_parse(&o, envelope, MAL_AUDIT_DSSE_MAX));
    MAL_TRY(mal_json_only(o, known, 3));
    MAL_TRY(mal_json_get_str(o, "payloadType", &type));
    MAL_TRY(mal_json_get_base64(o, "payload", &payload));
    MAL_TRY(mal_json_get_array(o, "signatures", &list));
    dsse->type = mal_arena_strdup(arena, type);
    uint8_t *copy = mal_arena_alloc(arena, payload.len + 1);
    MAL_REQUIRE(dsse->type && copy, MAL_E_MEMORY,
                "out of memory for an envelope");
    if (payload.len)
        memcpy(copy, payload.ptr, payload.len);
    dsse->payload = mal_bytes_of(copy, payload.len);
    MAL_TRY(read_sigs(dsse, list));
    *out = dsse;
    return MAL_OK;
}

mal_err mal_audit_dsse_verify(const mal_audit_dsse *dsse,
                              const uint8_t pub[32]) {
    MAL_AUTO(mal_buf_clear) mal_buf pae = { 0 };
    char keyid[65];
    bool found = false;

    mal_audit_keyid(keyid, pub);
    MAL_TRY(mal_audit_pae(&pae, dsse->type, dsse->payload));
    for (size_t i = 0; i < dsse->n; i++) {
        if (strcmp(dsse->sigs[i].keyid, keyid) != 0)
            continue;
        MAL_TRY(mal_prim_verify(dsse->sigs[i].sig, pub, mal_buf_view(&pae)));
        found = true;
    }
    MAL_REQUIRE(found, MAL_E_AUTH, "the key %.16s... has not signed it", keyid);
    return MAL_OK;
}
