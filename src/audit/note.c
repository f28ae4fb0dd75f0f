/* note.c - signed notes, verifier keys, checkpoints [C2SP26]. */
#include "audit_impl.h"

#include <stdio.h>
#include <string.h>

#define DASH "\xe2\x80\x94 " /* U+2014 and a space */

/* --- Keys ----------------------------------------------------------------- */

mal_err mal_audit_vkey_make(mal_audit_vkey *vkey, const char *name,
                            uint8_t type, const uint8_t pub[32]) {
    mal_prim_hash hash;
    MAL_AUTO(mal_buf_clear) mal_buf material = { 0 };

    MAL_REQUIRE(audit_name_valid(mal_bytes_str(name)), MAL_E_INPUT,
                "the key name \"%s\" is empty, too long, or holds a space or "
                "\"+\"",
                name);
    MAL_REQUIRE(type == MAL_AUDIT_SIG_ED25519 || type == MAL_AUDIT_SIG_COSIGN,
                MAL_E_INPUT, "unknown signature type %u", type);
    memset(vkey, 0, sizeof *vkey);
    MAL_TRY(mal_buf_put_str(&material, name));
    MAL_TRY(mal_buf_put_u8(&material, '\n'));
    MAL_TRY(mal_buf_put_u8(&material, type));
    MAL_TRY(mal_buf_put(&material, mal_bytes_of(pub, 32)));
    mal_prim_sha256_of(&hash, mal_buf_view(&material));
    memcpy(vkey->name, name, strlen(name));
    vkey->type = type;
    vkey->id = (uint32_t)hash.b[0] << 24 | (uint32_t)hash.b[1] << 16 |
               (uint32_t)hash.b[2] << 8 | hash.b[3];
    memcpy(vkey->pub, pub, 32);
    return MAL_OK;
}

mal_err mal_audit_vkey_print(mal_buf *out, const mal_audit_vkey *vkey) {
    uint8_t key[33];
    key[0] = vkey->type;
    memcpy(key + 1, vkey->pub, 32);
    MAL_TRY(mal_buf_put_fmt(out, "%s+%08x+", vkey->name, vkey->id));
    return mal_base64_encode(out, mal_bytes_of(key, sizeof key));
}

/* Parse loosely, build the key, and accept the text only if that is exactly
 * what the key prints: then the id, its case and the base64 are checked at
 * once. */
mal_err mal_audit_vkey_parse(mal_audit_vkey *vkey, mal_bytes text) {
    MAL_AUTO(mal_buf_clear) mal_buf raw = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf again = { 0 };
    char name[MAL_AUDIT_NAME_MAX + 1];
    const uint8_t *plus = text.len ? memchr(text.ptr, '+', text.len) : NULL;
    size_t len = plus ? (size_t)(plus - text.ptr) : 0;

    MAL_REQUIRE(len > 0 && len <= MAL_AUDIT_NAME_MAX && text.len > len + 10 &&
                    memchr(text.ptr, 0, len) == NULL,
                MAL_E_INPUT, "a verifier key is name+id+key");
    memcpy(name, text.ptr, len);
    name[len] = 0;
    MAL_TRY(mal_base64_decode(
        &raw, mal_bytes_of(text.ptr + len + 10, text.len - len - 10)));
    MAL_REQUIRE(raw.len == 33, MAL_E_INPUT,
                "a verifier key must hold a type and 32 bytes");
    MAL_TRY(mal_audit_vkey_make(vkey, name, raw.ptr[0], raw.ptr + 1));
    MAL_TRY(mal_audit_vkey_print(&again, vkey));
    MAL_REQUIRE(mal_bytes_same_vartime(mal_buf_view(&again), text), MAL_E_INPUT,
                "the id of verifier key %s is wrong", name);
    return MAL_OK;
}

void mal_audit_origin(char out[MAL_AUDIT_ORIGIN_LEN + 1], const char *party,
                      const uint8_t identity_pub[32]) {
    mal_prim_hash hash;
    char hex[17];
    mal_prim_sha256_of(&hash, mal_bytes_of(identity_pub, 32));
    mal_hex_encode(hex, mal_bytes_of(hash.b, 8));
    snprintf(out, MAL_AUDIT_ORIGIN_LEN + 1, "malus/%.63s/%s", party, hex);
}

/* --- Notes ---------------------------------------------------------------- */

typedef struct sig_line {
    mal_bytes name, base64;
} sig_line;

static bool split_line(sig_line *sig, mal_bytes line) {
    mal_bytes rest;
    if (!audit_prefix(&rest, line, DASH) || rest.len == 0)
        return false;
    const uint8_t *space = memchr(rest.ptr, ' ', rest.len);
    if (!space)
        return false;
    size_t len = (size_t)(space - rest.ptr);
    sig->name = mal_bytes_of(rest.ptr, len);
    sig->base64 = mal_bytes_of(space + 1, rest.len - len - 1);
    return audit_name_valid(sig->name);
}

/* raw: key id (4 bytes), then the signature. */
static mal_err decode_sig(mal_buf *raw, uint32_t *id, const sig_line *sig) {
    mal_buf_reset(raw);
    mal_err err = mal_base64_decode(raw, sig->base64);
    MAL_REQUIRE(err != MAL_E_INPUT, MAL_E_AUTH,
                "a note's signature is not base64");
    MAL_TRY(err);
    MAL_REQUIRE(raw->len >= 5, MAL_E_INPUT, "a note's signature is too short");
    *id = (uint32_t)raw->ptr[0] << 24 | (uint32_t)raw->ptr[1] << 16 |
          (uint32_t)raw->ptr[2] << 8 | raw->ptr[3];
    return MAL_OK;
}

mal_err mal_audit_note_parse(mal_audit_note *note, mal_bytes bytes) {
    MAL_AUTO(mal_buf_clear) mal_buf raw = { 0 };
    size_t cut = 0, n = 0;

    MAL_REQUIRE(bytes.len <= MAL_AUDIT_NOTE_MAX, MAL_E_LIMIT,
                "a signed note is longer than %zu bytes", MAL_AUDIT_NOTE_MAX);
    MAL_REQUIRE(audit_text_valid(bytes), MAL_E_INPUT,
                "a signed note is not UTF-8 or holds control characters");
    /* The last empty line parts text and signatures. */
    for (size_t i = bytes.len; i >= 2 && cut == 0; i--)
        if (bytes.ptr[i - 2] == '\n' && bytes.ptr[i - 1] == '\n')
            cut = i;
    MAL_REQUIRE(cut > 0 && bytes.ptr[bytes.len - 1] == '\n' && bytes.len > cut,
                MAL_E_INPUT, "a signed note lacks its signatures");
    note->text = mal_bytes_of(bytes.ptr, cut - 1);
    note->sigs = mal_bytes_of(bytes.ptr + cut, bytes.len - cut);

    mal_bytes rest = note->sigs, line;
    while (audit_line(&line, &rest)) {
        sig_line sig;
        uint32_t id;
        MAL_REQUIRE(split_line(&sig, line), MAL_E_INPUT,
                    "a signature line of a note is malformed");
        MAL_TRY(decode_sig(&raw, &id, &sig));
        MAL_REQUIRE(++n <= MAL_AUDIT_SIGS_MAX, MAL_E_INPUT,
                    "a note has more than %d signatures", MAL_AUDIT_SIGS_MAX);
    }
    return MAL_OK;
}

/* [C2SP26] tlog-cosignature, "Ed25519 signed message". */
static mal_err cosigned_message(mal_buf *out, mal_bytes text, uint64_t time) {
    MAL_TRY(mal_buf_put_fmt(out, "cosignature/v1\ntime %llu\n",
                            (unsigned long long)time));
    return mal_buf_put(out, text);
}

static mal_err verify_one(uint64_t *time, const mal_audit_vkey *vkey,
                          mal_bytes sig, mal_bytes text) {
    *time = 0;
    if (vkey->type == MAL_AUDIT_SIG_ED25519) {
        MAL_REQUIRE(sig.len == 64, MAL_E_AUTH,
                    "the signature by %s has a wrong length", vkey->name);
        return mal_prim_verify(sig.ptr, vkey->pub, text);
    }
    MAL_AUTO(mal_buf_clear) mal_buf message = { 0 };
    MAL_REQUIRE(sig.len == 72, MAL_E_AUTH,
                "the cosignature by %s has a wrong length", vkey->name);
    *time = mal_load_u64be(sig.ptr);
    MAL_REQUIRE(*time <= INT64_MAX, MAL_E_AUTH,
                "the cosignature by %s names no time", vkey->name);
    MAL_TRY(cosigned_message(&message, text, *time));
    return mal_prim_verify(sig.ptr + 8, vkey->pub, mal_buf_view(&message));
}

/* The known key of a name and id: its index, or n if unknown. */
static mal_err find_key(size_t *found, mal_bytes name, uint32_t id,
                        const mal_audit_vkey *vkeys, size_t n) {
    *found = n;
    for (size_t i = 0; i < n; i++) {
        if (vkeys[i].id != id || !audit_bytes_equal_str(name, vkeys[i].name))
            continue;
        MAL_REQUIRE(*found == n, MAL_E_STATE,
                    "two known keys share the name %s and an id",
                    vkeys[i].name);
        *found = i;
    }
    return MAL_OK;
}

mal_err mal_audit_note_verify(bool *signed_by, uint64_t *times,
                              const mal_audit_note *note,
                              const mal_audit_vkey *vkeys, size_t n) {
    MAL_AUTO(mal_buf_clear) mal_buf raw = { 0 };
    mal_bytes rest = note->sigs, line;
    bool any = false;

    for (size_t i = 0; i < n && signed_by; i++)
        signed_by[i] = false;
    for (size_t i = 0; i < n && times; i++)
        times[i] = 0;
    while (audit_line(&line, &rest)) {
        sig_line sig;
        uint32_t id;
        uint64_t time;
        size_t k;
        MAL_REQUIRE(split_line(&sig, line), MAL_E_INPUT,
                    "a signature line of a note is malformed");
        MAL_TRY(decode_sig(&raw, &id, &sig));
        MAL_TRY(find_key(&k, sig.name, id, vkeys, n));
        if (k == n)
            continue;
        MAL_TRY(verify_one(&time, &vkeys[k],
                           mal_bytes_of(raw.ptr + 4, raw.len - 4), note->text));
        any = true;
        if (signed_by)
            signed_by[k] = true;
        if (times)
            times[k] = time;
    }
    MAL_REQUIRE(any, MAL_E_AUTH, "no known key signed the note");
    return MAL_OK;
}

mal_err mal_audit_note_sign_line(mal_buf *out, mal_bytes text, const char *name,
                                 const mal_audit_signer *signer,
                                 uint64_t time) {
    MAL_AUTO(mal_buf_clear) mal_buf message = { 0 };
    mal_audit_vkey vkey;
    uint8_t raw[4 + 8 + 64];
    uint8_t *at = raw;

    MAL_REQUIRE(time <= INT64_MAX, MAL_E_INPUT, "no such time");
    MAL_TRY(mal_audit_vkey_make(
        &vkey, name, time ? MAL_AUDIT_SIG_COSIGN : MAL_AUDIT_SIG_ED25519,
        signer->pub));
    for (int i = 3; i >= 0; i--)
        *at++ = (uint8_t)(vkey.id >> (8 * i));
    if (time) {
        mal_store_u64be(at, time);
        at += 8;
        MAL_TRY(cosigned_message(&message, text, time));
        text = mal_buf_view(&message);
    }
    MAL_TRY(mal_prim_sign(at, signer->sec, text));
    at += 64;
    MAL_TRY(mal_buf_put_fmt(out, DASH "%s ", name));
    MAL_TRY(mal_base64_encode(out, mal_bytes_of(raw, (size_t)(at - raw))));
    return mal_buf_put_str(out, "\n");
}

/* --- Checkpoints ---------------------------------------------------------- */

mal_err mal_audit_checkpoint_parse(mal_audit_checkpoint *cp, mal_bytes text) {
    mal_bytes origin, size, root, line;

    memset(cp, 0, sizeof *cp);
    MAL_REQUIRE(audit_text_valid(text) && audit_line(&origin, &text) &&
                    audit_line(&size, &text) && audit_line(&root, &text),
                MAL_E_INPUT, "a checkpoint needs three lines");
    MAL_REQUIRE(origin.len > 0 && origin.len <= MAL_AUDIT_NAME_MAX, MAL_E_INPUT,
                "a checkpoint's origin is empty or too long");
    memcpy(cp->origin, origin.ptr, origin.len);
    MAL_TRY(audit_decimal(&cp->size, size));
    MAL_TRY(audit_hash_read(&cp->root, root));
    while (audit_line(&line, &text)) /* extensions: opaque, but not empty */
        MAL_REQUIRE(line.len > 0, MAL_E_INPUT,
                    "a checkpoint holds an empty line");
    MAL_REQUIRE(text.len == 0, MAL_E_INPUT,
                "a checkpoint's last line lacks its newline");
    return MAL_OK;
}

mal_err mal_audit_checkpoint_print(mal_buf *out,
                                   const mal_audit_checkpoint *cp) {
    MAL_TRY(mal_buf_put_fmt(out, "%s\n%llu\n", cp->origin,
                            (unsigned long long)cp->size));
    return audit_hash_put(out, &cp->root);
}
