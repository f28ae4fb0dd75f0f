/* request.c - a question, signed by who asks (rule 6). */
#include "room_impl.h"

#include <string.h>

#define REQUEST_TYPE "application/vnd.malus.request+json"
#define REQUEST_MAX ((size_t)256 << 10)

static mal_err put_fields(mal_json *o, mal_room *room, const room_request *r) {
    const mal_policy_contract *c = room->contract;
    MAL_TRY(mal_json_put_hex(o, "room", mal_bytes_of(c->room_id, 32)));
    MAL_TRY(mal_json_put_hex(o, "contract", mal_bytes_of(c->hash, 32)));
    MAL_TRY(mal_json_put_str(o, "requester", c->parties[r->requester].name));
    MAL_TRY(mal_json_put_str(o, "text", r->text));
    MAL_TRY(mal_json_put_str(o, "purpose", r->purpose));
    MAL_TRY(mal_json_put_u64(o, "epsilon_nano", r->epsilon_nano));
    MAL_TRY(mal_json_put_str(o, "engine", mal_policy_engine_name(r->engine)));
    MAL_TRY(mal_json_put_hex(o, "physical", mal_bytes_of(r->physical.b, 32)));
    MAL_TRY(mal_json_put_hex(o, "nonce", mal_bytes_of(r->nonce, 32)));
    MAL_TRY(mal_json_put_u64(o, "expires", r->expires));
    MAL_TRY(mal_json_put_hex(o, "hpke", mal_bytes_of(r->hpke, 32)));
    return mal_json_put_bool(o, "prenoise", r->prenoise);
}

/* The message: the requester's node key statement, and the DSSE envelope. */
mal_err room_request_make(mal_room *room, mal_buf *out,
                          const room_request *draft) {
    MAL_AUTO(mal_json_auto) mal_json *o = NULL;
    MAL_AUTO(mal_buf_clear) mal_buf payload = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf envelope = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf statement = { 0 };
    MAL_TRY(mal_json_new_object(&o));
    MAL_TRY(put_fields(o, room, draft));
    MAL_TRY(mal_json_dump(&payload, o));
    mal_audit_signer signer = { .sec = mal_kms_key(room->config.kms,
                                                   MAL_KMS_NODE) };
    mal_kms_pub(room->config.kms, MAL_KMS_NODE, signer.pub);
    MAL_TRY(mal_audit_dsse_sign(&envelope, REQUEST_TYPE, mal_buf_view(&payload),
                                &signer, 1));
    mal_kms_statement own;
    MAL_TRY(mal_kms_statement_own(room->config.kms, &own, MAL_KMS_NODE));
    MAL_TRY(mal_kms_statement_encode(&statement, &own));
    MAL_TRY(mal_buf_put_blob(out, mal_buf_view(&statement)));
    return mal_buf_put_blob(out, mal_buf_view(&envelope));
}

static mal_err check_signer(mal_room *room, const room_request *r,
                            const mal_audit_dsse *dsse, mal_bytes bytes) {
    const mal_policy_party *p = &room->contract->parties[r->requester];
    mal_kms_statement statement;
    MAL_TRY(mal_kms_statement_decode(&statement, bytes));
    MAL_TRY(mal_kms_statement_verify(&statement, p->identity, p->name,
                                     MAL_KMS_NODE, mal_time_unix()));
    return mal_audit_dsse_verify(dsse, statement.pub);
}

static mal_err copy_str(char **out, mal_arena *arena, const mal_json *o,
                        const char *key) {
    const char *text;
    MAL_TRY(mal_json_get_str(o, key, &text));
    *out = mal_arena_strdup(arena, text);
    return *out ? MAL_OK : MAL_E_MEMORY;
}

static mal_err get_fields(room_request *r, mal_room *room, mal_arena *arena,
                          const mal_json *o) {
    static const char *const keys[] = {
        "room",  "contract", "requester", "text",         "purpose", "physical",
        "nonce", "expires",  "hpke",      "epsilon_nano", "engine",  "prenoise",
    };
    const mal_policy_contract *c = room->contract;
    uint8_t id[32];
    const char *name;
    MAL_TRY(mal_json_only(o, keys, sizeof keys / sizeof *keys));
    MAL_TRY(mal_json_get_hex(o, "room", id, 32));
    MAL_REQUIRE(mal_equal(id, c->room_id, 32), MAL_E_DENIED,
                "the request is for another room");
    MAL_TRY(mal_json_get_hex(o, "contract", r->contract.b, 32));
    MAL_REQUIRE(mal_equal(r->contract.b, c->hash, 32), MAL_E_DENIED,
                "the request names another version of the contract than the "
                "one that this node holds");
    MAL_TRY(mal_json_get_str(o, "requester", &name));
    r->requester = mal_policy_party_find(c, name);
    MAL_REQUIRE(r->requester != MAL_POLICY_NONE, MAL_E_DENIED,
                "the requester is no party of the room");
    MAL_TRY(copy_str(&r->text, arena, o, "text"));
    MAL_TRY(copy_str(&r->purpose, arena, o, "purpose"));
    MAL_TRY(mal_json_get_u64(o, "epsilon_nano", &r->epsilon_nano));
    MAL_TRY(mal_json_get_str(o, "engine", &name));
    r->engine = mal_policy_engine_find(name);
    MAL_TRY(mal_json_get_hex(o, "physical", r->physical.b, 32));
    MAL_TRY(mal_json_get_hex(o, "nonce", r->nonce, 32));
    MAL_TRY(mal_json_get_u64(o, "expires", &r->expires));
    MAL_TRY(mal_json_get_hex(o, "hpke", r->hpke, 32));
    return mal_json_get_bool(o, "prenoise", &r->prenoise);
}

mal_err room_request_again(mal_room *room, room_request *out, mal_arena *arena,
                           mal_bytes message) {
    mal_rd rd = mal_rd_of(message);
    mal_bytes statement, envelope;
    MAL_TRY(mal_rd_blob(&rd, &statement, MAL_KMS_STATEMENT_MAX));
    MAL_TRY(mal_rd_blob(&rd, &envelope, REQUEST_MAX));
    MAL_TRY(mal_rd_end(&rd));
    mal_audit_dsse *dsse;
    MAL_TRY(mal_audit_dsse_parse(&dsse, arena, envelope));
    MAL_REQUIRE(strcmp(dsse->type, REQUEST_TYPE) == 0, MAL_E_INPUT,
                "not a request, but %s", dsse->type);
    *out = (room_request){ .envelope = envelope, .payload = dsse->payload };
    mal_prim_hash hash;
    mal_prim_sha256_of(&hash, dsse->payload);
    memcpy(out->id.b, hash.b, 32);
    MAL_AUTO(mal_json_auto) mal_json *o = NULL;
    MAL_TRY(mal_json_parse(&o, dsse->payload, REQUEST_MAX));
    MAL_TRY(get_fields(out, room, arena, o));
    MAL_TRY(check_signer(room, out, dsse, statement));
#ifdef MAL_TEST_BUILD
    MAL_REQUIRE(!out->prenoise || room->contract->test, MAL_E_DENIED,
                "only a room marked test opens values before noise");
#else
    MAL_REQUIRE(!out->prenoise, MAL_E_DENIED,
                "this build never opens values before noise");
#endif
    return MAL_OK;
}

mal_err room_request_read(mal_room *room, room_request *out, mal_arena *arena,
                          mal_bytes message) {
    MAL_TRY(room_request_again(room, out, arena, message));
    uint64_t now = room_now(room);
    MAL_REQUIRE(out->expires > now &&
                    out->expires <= now + ROOM_REQUEST_SECONDS,
                MAL_E_DENIED,
                "the request has expired, or lives longer than %d seconds",
                ROOM_REQUEST_SECONDS);
    return MAL_OK;
}
