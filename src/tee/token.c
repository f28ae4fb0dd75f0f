/* token.c - which claims a token must hold, and whose token it is. */
#include "token.h"

static mal_tee_code refuse(tee_ctx *c, const tee_token_rule *rule,
                           const char *what, const char *why) {
    return tee_fail(c, MAL_TEE_MALFORMED, "%s: the claim %s %s", what,
                    rule->name, why);
}

static mal_tee_code check_rule(tee_ctx *c, const tee_cbor *claims,
                               const tee_token_rule *rule, const char *what) {
    tee_cbor value;
    bool found = rule->key ? tee_cbor_find(&value, claims, rule->key)
                           : tee_cbor_find_text(&value, claims, rule->name);
    if (!found || (rule->optional && tee_cbor_is_null(&value)))
        return rule->optional ? MAL_TEE_OK
                              : refuse(c, rule, what, "is missing");
    if (value.major != rule->major)
        return refuse(c, rule, what, "is of another type");
    if (value.n < rule->min || value.n > rule->max ||
        (rule->step && (value.n - rule->min) % rule->step))
        return refuse(c, rule, what, "is out of its range");
    return MAL_TEE_OK;
}

mal_tee_code tee_token_check(tee_ctx *c, const tee_cbor *claims,
                             const tee_token_rule *rules, size_t n,
                             const char *what) {
    for (size_t i = 0; i < n; i++)
        TEE_TRY(check_rule(c, claims, &rules[i], what));
    return MAL_TEE_OK;
}

mal_bytes tee_token_bytes(const tee_cbor *claims, int64_t key) {
    tee_cbor value;
    if (!tee_cbor_find(&value, claims, key) ||
        (value.major != TEE_CBOR_BYTES && value.major != TEE_CBOR_TEXT))
        return mal_bytes_of(NULL, 0);
    return value.body;
}

void tee_token_note(tee_ctx *c, const char *name, size_t i, mal_bytes value) {
    const char *full = mal_arena_printf(c->arena, "%s-%zu", name, i);
    if (full)
        tee_fact_bytes(c, full, value);
    else
        c->err = MAL_E_LIMIT;
}

/* --- Whose it is ---------------------------------------------------------- */

/* Of the three only Nitro's documents come without a tag, and only they name
 * their claims by text. */
static bool names_module(const tee_cbor *message) {
    mal_rd rd = mal_rd_of(message->body);
    tee_cbor part = { 0 }, claims, id;
    for (int i = 0; i < 3; i++)
        if (tee_cbor_read(&rd, &part) != MAL_OK)
            return false;
    return tee_cbor_parse_map(&claims, part.body) == MAL_OK &&
           tee_cbor_find_text(&id, &claims, "module_id");
}

mal_tee_kind tee_token_recognise(mal_bytes evidence) {
    mal_rd rd = mal_rd_of(evidence);
    tee_cbor root, inner;
    if (tee_cbor_read(&rd, &root) != MAL_OK)
        return MAL_TEE_ANY;
    if (root.major == TEE_CBOR_ARRAY)
        return names_module(&root) ? MAL_TEE_NITRO : MAL_TEE_ANY;
    if (root.major != TEE_CBOR_TAG ||
        tee_cbor_parse(&inner, root.body) != MAL_OK)
        return MAL_TEE_ANY;
    if (root.n == TEE_TAG_CCA || root.n == TEE_TAG_CMW)
        return MAL_TEE_CCA;
    if (root.n != TEE_TAG_MAC0 && root.n != TEE_TAG_SIGN1)
        return MAL_TEE_ANY;
    return names_module(&inner) ? MAL_TEE_NITRO : MAL_TEE_PSA;
}
