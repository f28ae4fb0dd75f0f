/* epoch.c - the short-lived keys: made, loaded, renewed. */
#include "kms_impl.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL "malus.kms.node/v1"
#define SLACK_S 300 /* a peer whose clock is behind accepts a fresh key */

void kms_epoch_free(kms_epoch *epoch) {
    if (!epoch)
        return;
    mal_key_clear(&epoch->node);
    mal_key_clear(&epoch->hpke);
    mal_buf_clear(&epoch->cert);
    mal_free(epoch);
}

void kms_epoch_auto(kms_epoch **epoch) {
    kms_epoch_free(*epoch);
    *epoch = NULL;
}

static mal_err path_of(kms_path path, const char *dir, uint32_t number) {
    char name[32];
    snprintf(name, sizeof name, "node.%u", number);
    MAL_TRY(kms_path_make(path, dir, "", name, NULL));
    return MAL_OK;
}

static mal_err write_one(const char *dir, const kms_epoch *e,
                         const mal_key *identity) {
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    kms_path path;
    MAL_TRY(mal_buf_put_u32(&out, e->epoch));
    MAL_TRY(mal_buf_put_u64(&out, e->not_before));
    MAL_TRY(mal_buf_put_u64(&out, e->not_after));
    MAL_TRY(mal_buf_put(&out, mal_bytes_of(e->node.ptr, 32))); /* its seed */
    MAL_TRY(mal_buf_put(&out, mal_key_view(&e->hpke)));
    MAL_TRY(mal_buf_put_blob(&out, mal_buf_view(&e->cert)));
    MAL_TRY(path_of(path, dir, e->epoch));
    MAL_TRY(kms_file_put(path, LABEL, mal_buf_view(&out), identity));
    return MAL_OK;
}

mal_err kms_epoch_create(kms_epoch **epoch, const char *dir, const char *party,
                         const mal_key *identity, uint32_t number,
                         uint64_t now) {
    MAL_AUTO(kms_epoch_auto) kms_epoch *e = mal_calloc(1, sizeof *e);
    MAL_REQUIRE(e, MAL_E_MEMORY, "out of memory");
    MAL_REQUIRE(now > SLACK_S, MAL_E_INPUT,
                "the clock of this machine is unset");
    e->epoch = number;
    e->not_before = now - SLACK_S;
    e->not_after = now + (uint64_t)MAL_KMS_NODE_DAYS * KMS_DAY;
    MAL_TRY(mal_prim_sign_keygen(e->node_pub, &e->node));
    MAL_TRY(mal_prim_dh_keygen(e->hpke_pub, &e->hpke));
    MAL_TRY(mal_prim_cert_node(&e->cert, party, e->node_pub, identity,
                               e->not_before, e->not_after));
    MAL_TRY(write_one(dir, e, identity));
    if (epoch) {
        *epoch = e;
        e = NULL;
    }
    return MAL_OK;
}

static mal_err read_one(kms_epoch **epoch, const mal_kms *kms,
                        uint32_t number) {
    MAL_AUTO(kms_epoch_auto) kms_epoch *e = mal_calloc(1, sizeof *e);
    MAL_AUTO(mal_buf_clear) mal_buf in = { 0 };
    kms_path path;
    mal_bytes node, hpke, cert;

    MAL_REQUIRE(e, MAL_E_MEMORY, "out of memory");
    MAL_TRY(path_of(path, kms->dir, number));
    MAL_TRY(kms_file_get(&in, path, LABEL, &kms->identity));
    mal_rd rd = mal_rd_of(mal_buf_view(&in));
    MAL_TRY(mal_rd_u32(&rd, &e->epoch));
    MAL_TRY(mal_rd_u64(&rd, &e->not_before));
    MAL_TRY(mal_rd_u64(&rd, &e->not_after));
    MAL_TRY(mal_rd_raw(&rd, &node, 32));
    MAL_TRY(mal_rd_raw(&rd, &hpke, 32));
    MAL_TRY(mal_rd_blob(&rd, &cert, KMS_FILE_MAX));
    MAL_TRY(mal_rd_end(&rd));
    MAL_REQUIRE(e->epoch == number, MAL_E_AUTH,
                "%s holds the keys of epoch %u: it was renamed", path,
                e->epoch);
    MAL_TRY(mal_prim_sign_from_seed(e->node_pub, &e->node, node.ptr));
    MAL_TRY(mal_key_from(&e->hpke, hpke));
    MAL_TRY(mal_prim_dh_pub(e->hpke_pub, &e->hpke));
    MAL_TRY(mal_buf_put(&e->cert, cert));
    *epoch = e;
    e = NULL;
    return MAL_OK;
}

/* "node.17" is 17; anything else 0. */
static uint32_t number_of(const char *name) {
    char *end;
    if (strncmp(name, "node.", 5) != 0 || name[5] < '1' || name[5] > '9')
        return 0;
    unsigned long n = strtoul(name + 5, &end, 10);
    return *end == 0 && n <= UINT32_MAX ? (uint32_t)n : 0;
}

static int by_number(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static mal_err list(uint32_t numbers[KMS_EPOCHS_MAX], unsigned *n,
                    const char *dir) {
    DIR *folder = opendir(dir);
    *n = 0;
    MAL_REQUIRE(folder, MAL_E_IO, "cannot list %s: %s", dir, strerror(errno));
    for (struct dirent *e; (e = readdir(folder));) {
        uint32_t number = number_of(e->d_name);
        if (number && *n < KMS_EPOCHS_MAX)
            numbers[(*n)++] = number;
    }
    closedir(folder);
    MAL_REQUIRE(*n >= 1, MAL_E_MISSING,
                "%s holds no node key: restore it from a backup", dir);
    MAL_REQUIRE(*n < KMS_EPOCHS_MAX, MAL_E_LIMIT,
                "%s holds %d node keys or more: remove expired ones", dir,
                KMS_EPOCHS_MAX);
    qsort(numbers, *n, sizeof numbers[0], by_number);
    return MAL_OK;
}

mal_err kms_epochs_load(mal_kms *kms) {
    uint32_t numbers[KMS_EPOCHS_MAX];
    unsigned n;
    MAL_TRY(list(numbers, &n, kms->dir));
    for (unsigned i = 0; i < n; i++) {
        MAL_TRY(read_one(&kms->epochs[i], kms, numbers[i]));
        kms->n_epochs++;
    }
    return MAL_OK;
}

const kms_epoch *kms_epoch_present(mal_kms *kms) {
    pthread_rwlock_rdlock(&kms->lock);
    const kms_epoch *present = kms->epochs[kms->n_epochs - 1];
    pthread_rwlock_unlock(&kms->lock);
    return present;
}

/* Expired keys leave the disk now, and memory when kms is closed: a caller may
 * still hold a pointer. */
static mal_err erase_expired(mal_kms *kms, uint64_t now) {
    for (unsigned i = 0; i + 1 < kms->n_epochs; i++) {
        kms_path path;
        if (kms->epochs[i]->not_after >= now)
            continue;
        MAL_TRY(path_of(path, kms->dir, kms->epochs[i]->epoch));
        MAL_TRY(kms_file_erase(path));
    }
    return MAL_OK;
}

static mal_err renew(mal_kms *kms, uint64_t now, bool *renewed) {
    const kms_epoch *last = kms->epochs[kms->n_epochs - 1];
    uint64_t life = last->not_after - last->not_before;
    bool due = now >= last->not_after || last->not_after - now < life / 3;

    *renewed = false;
    if (due) {
        MAL_REQUIRE(kms->n_epochs < KMS_EPOCHS_MAX, MAL_E_LIMIT,
                    "%d node keys in one run: restart the node",
                    KMS_EPOCHS_MAX);
        MAL_TRY(kms_epoch_create(&kms->epochs[kms->n_epochs], kms->dir,
                                 kms->party, &kms->identity, last->epoch + 1,
                                 now));
        kms->n_epochs++;
        *renewed = true;
    }
    MAL_TRY(erase_expired(kms, now));
    return MAL_OK;
}

mal_err mal_kms_renew(mal_kms *kms, uint64_t now, bool *renewed) {
    pthread_rwlock_wrlock(&kms->lock);
    mal_err err = renew(kms, now, renewed);
    pthread_rwlock_unlock(&kms->lock);
    MAL_TRY(err);
    return MAL_OK;
}

mal_err mal_kms_hpke_open(mal_kms *kms, mal_buf *out, mal_bytes info,
                          mal_bytes aad, mal_bytes sealed) {
    mal_err err = MAL_E_AUTH;
    pthread_rwlock_rdlock(&kms->lock);
    /* Which epoch a message was sealed to is not written on it: newest first.
     */
    for (unsigned i = kms->n_epochs; i-- > 0 && err == MAL_E_AUTH;)
        err = mal_prim_hpke_open(out, &kms->epochs[i]->hpke, info, aad, sealed);
    pthread_rwlock_unlock(&kms->lock);
    MAL_TRY(err);
    return MAL_OK;
}
