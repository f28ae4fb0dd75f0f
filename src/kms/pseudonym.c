/* pseudonym.c - the key that all owners of a room make together. */
#include "kms_impl.h"

#include <stdlib.h>
#include <string.h>

#define PART_LABEL "malus.kms.part/v1"
#define KEY_LABEL "malus.kms.pseudonym/v1"
#define INFO "malus.pseudonym/v1"
#define COMMITMENT "malus.pseudonym.commitment/v1"

static mal_err path_of(kms_path path, const mal_kms *kms,
                       const uint8_t room[32], const char *suffix) {
    char hex[65];
    mal_hex_encode(hex, mal_bytes_of(room, 32));
    MAL_TRY(kms_path_make(path, kms->dir, "rooms", hex, suffix));
    return MAL_OK;
}

static mal_err put_head(mal_buf *out, const char *label,
                        const uint8_t room[32]) {
    MAL_TRY(mal_buf_put_blob_str(out, label));
    MAL_TRY(mal_buf_put(out, mal_bytes_of(room, 32)));
    return MAL_OK;
}

static mal_err put_wrapped(const mal_kms *kms, const char *label,
                           const char *suffix, const uint8_t room[32],
                           const mal_key *key) {
    MAL_AUTO(mal_buf_clear) mal_buf head = { 0 };
    kms_path path;
    MAL_TRY(path_of(path, kms, room, suffix));
    MAL_TRY(put_head(&head, label, room));
    MAL_TRY(kms_wrap_put(kms, path, mal_buf_view(&head), key));
    return MAL_OK;
}

/* MAL_E_MISSING: there is none. */
static mal_err get_wrapped(const mal_kms *kms, mal_key *key, const char *label,
                           const char *suffix, const uint8_t room[32]) {
    MAL_AUTO(mal_buf_clear) mal_buf head = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf file = { 0 };
    kms_path path;
    MAL_TRY(path_of(path, kms, room, suffix));
    MAL_TRY(kms_private_check(path, false));
    MAL_TRY(mal_file_read(&file, path, KMS_FILE_MAX));
    MAL_TRY(put_head(&head, label, room));
    MAL_REQUIRE(file.len > head.len && mal_equal(file.ptr, head.ptr, head.len),
                MAL_E_AUTH, "%s belongs to another room, or is damaged", path);
    MAL_TRY(
        kms_wrap_open(kms, key, mal_buf_view(&head),
                      mal_bytes_of(file.ptr + head.len, file.len - head.len)));
    return MAL_OK;
}

static mal_err own_part(mal_kms *kms, mal_key *part, const uint8_t room[32]) {
    mal_err err = get_wrapped(kms, part, PART_LABEL, ".part", room);
    if (err != MAL_E_MISSING)
        return err;
    MAL_TRY(mal_key_alloc(part, 32));
    mal_prim_random(part->ptr, part->len);
    MAL_TRY(put_wrapped(kms, PART_LABEL, ".part", room, part));
    return MAL_OK;
}

mal_err mal_kms_pseudonym_part(mal_kms *kms, mal_kms_part *part,
                               const uint8_t room[32]) {
    MAL_AUTO(mal_key_clear) mal_key bytes = { 0 };
    pthread_mutex_lock(&kms->file_lock);
    mal_err err = own_part(kms, &bytes, room);
    pthread_mutex_unlock(&kms->file_lock);
    MAL_TRY(err);
    *part = (mal_kms_part){ 0 };
    memcpy(part->party, kms->party, sizeof part->party);
    memcpy(part->bytes, bytes.ptr, 32);
    return MAL_OK;
}

static int by_party(const void *a, const void *b) {
    const mal_kms_part *const *x = a, *const *y = b;
    return strcmp((*x)->party, (*y)->party);
}

/* key = HKDF(secret = party || part for each owner, by name; salt = room). */
static mal_err derive(mal_key *key, const uint8_t room[32],
                      const mal_kms_part *parts, size_t n) {
    const mal_kms_part *sorted[MAL_PARTIES_MAX];
    MAL_AUTO(mal_buf_clear) mal_buf secret = { 0 };

    MAL_REQUIRE(n >= 1 && n <= MAL_PARTIES_MAX, MAL_E_INPUT,
                "a pseudonym key is made of 1 to %d parts", MAL_PARTIES_MAX);
    for (size_t i = 0; i < n; i++) {
        MAL_TRY(kms_party_check(parts[i].party));
        sorted[i] = &parts[i];
    }
    qsort(sorted, n, sizeof sorted[0], by_party);
    /* Reserved at once, so that growing leaves no copy on the heap. */
    MAL_TRY(mal_buf_reserve(&secret, n * (4 + MAL_KMS_PARTY_MAX + 32)));
    for (size_t i = 0; i < n; i++) {
        MAL_REQUIRE(i == 0 || strcmp(sorted[i - 1]->party, sorted[i]->party),
                    MAL_E_INPUT, "two parts of one owner, %s",
                    sorted[i]->party);
        MAL_TRY(mal_buf_put_blob_str(&secret, sorted[i]->party));
        MAL_TRY(mal_buf_put(&secret, mal_bytes_of(sorted[i]->bytes, 32)));
    }
    MAL_TRY(mal_key_alloc(key, 32));
    MAL_TRY(mal_prim_hkdf(key->ptr, key->len, mal_buf_view(&secret),
                          mal_bytes_of(room, 32), mal_bytes_str(INFO)));
    return MAL_OK;
}

static mal_err check_own(const mal_kms *kms, const uint8_t room[32],
                         const mal_kms_part *parts, size_t n) {
    MAL_AUTO(mal_key_clear) mal_key own = { 0 };
    mal_err err = get_wrapped(kms, &own, PART_LABEL, ".part", room);
    MAL_REQUIRE(err != MAL_E_MISSING, MAL_E_INPUT,
                "our own part of the pseudonym key was not drawn yet");
    MAL_TRY(err);
    for (size_t i = 0; i < n; i++)
        if (strcmp(parts[i].party, kms->party) == 0 &&
            mal_equal(parts[i].bytes, own.ptr, 32))
            return MAL_OK;
    MAL_FAIL(MAL_E_INPUT, "our own part is not among those to combine");
}

static mal_err combine(mal_kms *kms, const uint8_t room[32],
                       const mal_kms_part *parts, size_t n) {
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    MAL_AUTO(mal_key_clear) mal_key old = { 0 };
    MAL_TRY(derive(&key, room, parts, n));
    MAL_TRY(check_own(kms, room, parts, n));
    mal_err err = get_wrapped(kms, &old, KEY_LABEL, ".key", room);
    if (err == MAL_E_MISSING) {
        MAL_TRY(put_wrapped(kms, KEY_LABEL, ".key", room, &key));
        return MAL_OK;
    }
    MAL_TRY(err);
    MAL_REQUIRE(mal_equal(old.ptr, key.ptr, 32), MAL_E_STATE,
                "the room has another pseudonym key already: data was ingested "
                "under it");
    return MAL_OK;
}

mal_err mal_kms_pseudonym_combine(mal_kms *kms, const uint8_t room[32],
                                  const mal_kms_part *parts, size_t n) {
    pthread_mutex_lock(&kms->file_lock);
    mal_err err = combine(kms, room, parts, n);
    pthread_mutex_unlock(&kms->file_lock);
    MAL_TRY(err);
    return MAL_OK;
}

mal_err mal_kms_pseudonym_key(mal_kms *kms, mal_key *key,
                              const uint8_t room[32]) {
    mal_err err = get_wrapped(kms, key, KEY_LABEL, ".key", room);
    MAL_REQUIRE(err != MAL_E_MISSING, MAL_E_STATE,
                "the owners of the room have not exchanged their parts of the "
                "pseudonym key: all have to sign and be reachable");
    MAL_TRY(err);
    return MAL_OK;
}

mal_err mal_kms_pseudonym_commitment(mal_kms *kms, mal_prim_hash *out,
                                     const uint8_t room[32]) {
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    MAL_TRY(mal_kms_pseudonym_key(kms, &key, room));
    const mal_bytes parts[] = { mal_bytes_of(room, 32), mal_key_view(&key) };
    mal_prim_hash_parts(out, COMMITMENT, parts, 2);
    return MAL_OK;
}

mal_err mal_kms_pseudonym_destroy(mal_kms *kms, const uint8_t room[32]) {
    kms_path key, part;
    MAL_TRY(path_of(key, kms, room, ".key"));
    MAL_TRY(path_of(part, kms, room, ".part"));
    pthread_mutex_lock(&kms->file_lock);
    mal_err err = kms_file_erase(key);
    if (err == MAL_OK)
        err = kms_file_erase(part);
    pthread_mutex_unlock(&kms->file_lock);
    MAL_TRY(err);
    return MAL_OK;
}
