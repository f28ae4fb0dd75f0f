/* wrap.c - dataset keys, wrapped under the KEK and bound to what they are for.
 */
#include "kms_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LABEL "malus.kms.data/v1"

mal_err kms_wrap_put(const mal_kms *kms, const char *path, mal_bytes head,
                     const mal_key *key) {
    MAL_AUTO(mal_buf_clear) mal_buf file = { 0 };
    MAL_TRY(mal_buf_put(&file, head));
    MAL_TRY(
        mal_prim_box(&file, mal_key_view(&kms->kek), head, mal_key_view(key)));
    MAL_TRY(mal_file_write(path, mal_buf_view(&file), 0600));
    return MAL_OK;
}

mal_err kms_wrap_open(const mal_kms *kms, mal_key *key, mal_bytes head,
                      mal_bytes box) {
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    MAL_TRY(mal_prim_unbox(&plain, mal_key_view(&kms->kek), head, box));
    MAL_REQUIRE(plain.len == 32, MAL_E_AUTH, "a wrapped key has 32 bytes");
    MAL_TRY(mal_key_from(key, mal_buf_view(&plain)));
    return MAL_OK;
}

static mal_err check(const mal_kms_binding *b) {
    size_t len = b->dataset ? strnlen(b->dataset, MAL_KMS_DATASET_MAX + 1) : 0;
    MAL_REQUIRE(len >= 1 && len <= MAL_KMS_DATASET_MAX, MAL_E_INPUT,
                "a dataset's name has 1 to %d bytes", MAL_KMS_DATASET_MAX);
    return MAL_OK;
}

/* data/HEX.key, HEX over what never changes: room, dataset, version. */
static mal_err path_of(kms_path path, const mal_kms *kms,
                       const mal_kms_binding *b) {
    uint8_t version[4];
    char hex[2 * MAL_PRIM_HASH + 1];
    mal_prim_hash name;
    MAL_TRY(check(b));
    mal_store_u32le(version, b->version);
    const mal_bytes parts[] = { mal_bytes_of(b->room, 32),
                                mal_bytes_str(b->dataset),
                                mal_bytes_of(version, 4) };
    mal_prim_hash_parts(&name, LABEL, parts, 3);
    mal_hex_encode(hex, mal_bytes_of(name.b, sizeof name.b));
    MAL_TRY(kms_path_make(path, kms->dir, "data", hex, ".key"));
    return MAL_OK;
}

/* The associated data, in full; it opens the file, too. */
static mal_err put_head(mal_buf *out, const mal_kms_binding *b) {
    MAL_TRY(mal_buf_put_blob_str(out, LABEL));
    MAL_TRY(mal_buf_put(out, mal_bytes_of(b->room, 32)));
    MAL_TRY(mal_buf_put_blob_str(out, b->dataset));
    MAL_TRY(mal_buf_put_u32(out, b->version));
    MAL_TRY(mal_buf_put(out, mal_bytes_of(b->contract, 32)));
    return MAL_OK;
}

static mal_err unwrap(const mal_kms *kms, mal_key *key, const char *path,
                      const mal_kms_binding *b) {
    MAL_AUTO(mal_buf_clear) mal_buf file = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf head = { 0 };
    if (!mal_file_exists(path))
        MAL_FAIL(MAL_E_MISSING,
                 "no key of %s, version %u: it was never made, or destroyed",
                 b->dataset, b->version);
    MAL_TRY(kms_private_check(path, false));
    MAL_TRY(mal_file_read(&file, path, KMS_FILE_MAX));
    MAL_TRY(put_head(&head, b));
    MAL_REQUIRE(file.len > head.len && mal_equal(file.ptr, head.ptr, head.len),
                MAL_E_AUTH,
                "the key of %s, version %u, is bound to another contract",
                b->dataset, b->version);
    MAL_TRY(
        kms_wrap_open(kms, key, mal_buf_view(&head),
                      mal_bytes_of(file.ptr + head.len, file.len - head.len)));
    return MAL_OK;
}

static mal_err wrap(const mal_kms *kms, const char *path,
                    const mal_kms_binding *b, const mal_key *key) {
    MAL_AUTO(mal_buf_clear) mal_buf head = { 0 };
    MAL_TRY(put_head(&head, b));
    MAL_TRY(kms_wrap_put(kms, path, mal_buf_view(&head), key));
    return MAL_OK;
}

static mal_err make(mal_kms *kms, mal_key *key, const mal_kms_binding *b) {
    MAL_AUTO(mal_key_clear) mal_key fresh = { 0 };
    kms_path path;
    MAL_TRY(path_of(path, kms, b));
    MAL_REQUIRE(!mal_file_exists(path), MAL_E_STATE,
                "%s, version %u, has a key already: take the next version",
                b->dataset, b->version);
    MAL_TRY(mal_key_alloc(&fresh, 32));
    mal_prim_random(fresh.ptr, fresh.len);
    MAL_TRY(wrap(kms, path, b, &fresh));
    mal_key_clear(key);
    *key = fresh;
    fresh = (mal_key){ 0 };
    return MAL_OK;
}

mal_err mal_kms_data_new(mal_kms *kms, mal_key *key,
                         const mal_kms_binding *binding) {
    pthread_mutex_lock(&kms->file_lock);
    mal_err err = make(kms, key, binding);
    pthread_mutex_unlock(&kms->file_lock);
    MAL_TRY(err);
    return MAL_OK;
}

mal_err mal_kms_data_key(mal_kms *kms, mal_key *key,
                         const mal_kms_binding *binding) {
    kms_path path;
    MAL_TRY(path_of(path, kms, binding));
    MAL_TRY(unwrap(kms, key, path, binding));
    return MAL_OK;
}

/* The rename gives the name to the new wrapping; the old one's bytes are
 * reached through the descriptor, and overwritten. */
static mal_err rewrap(mal_kms *kms, const mal_kms_binding *b,
                      const uint8_t contract[32]) {
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    mal_kms_binding next = *b;
    kms_path path;
    memcpy(next.contract, contract, 32);
    MAL_TRY(path_of(path, kms, b));
    mal_err err = unwrap(kms, &key, path, &next);
    if (err != MAL_E_AUTH)
        return err; /* done already, or failed */
    MAL_TRY(unwrap(kms, &key, path, b));
    MAL_AUTO(mal_fd_auto) int old = open(path, O_WRONLY | O_CLOEXEC);
    MAL_REQUIRE(old >= 0, MAL_E_IO, "cannot open %s: %s", path,
                strerror(errno));
    MAL_TRY(wrap(kms, path, &next, &key));
    MAL_TRY(kms_fd_erase(old));
    return MAL_OK;
}

mal_err mal_kms_data_rewrap(mal_kms *kms, const mal_kms_binding *binding,
                            const uint8_t contract[32]) {
    pthread_mutex_lock(&kms->file_lock);
    mal_err err = rewrap(kms, binding, contract);
    pthread_mutex_unlock(&kms->file_lock);
    MAL_TRY(err);
    return MAL_OK;
}

mal_err mal_kms_data_destroy(mal_kms *kms, const mal_kms_binding *binding) {
    kms_path path;
    MAL_TRY(path_of(path, kms, binding));
    pthread_mutex_lock(&kms->file_lock);
    mal_err err = kms_file_erase(path);
    pthread_mutex_unlock(&kms->file_lock);
    MAL_TRY(err);
    return MAL_OK;
}
