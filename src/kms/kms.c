/* kms.c - a party: created, opened, asked for its keys. */
#include "kms_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LABEL "malus.kms.party/v1"
#define SLACK_S 300

/* --- Creating ------------------------------------------------------------- */

static mal_err write_party(const char *dir, const char *party,
                           const mal_key *identity, uint64_t now) {
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf cert = { 0 };
    MAL_AUTO(mal_key_clear) mal_key drawn = { 0 }; /* log seed, KEK, secret */
    kms_path path;

    MAL_TRY(mal_key_alloc(&drawn, 3 * 32));
    mal_prim_random(drawn.ptr, drawn.len);
    MAL_TRY(mal_prim_cert_identity(&cert, party, identity));
    MAL_TRY(mal_buf_put_blob_str(&out, party));
    MAL_TRY(mal_buf_put(&out, mal_bytes_of(identity->ptr, 32))); /* seed */
    MAL_TRY(mal_buf_put(&out, mal_key_view(&drawn)));
    MAL_TRY(mal_buf_put_u64(&out, now - SLACK_S));
    MAL_TRY(mal_buf_put_u64(&out, now + (uint64_t)MAL_KMS_LOG_DAYS * KMS_DAY));
    MAL_TRY(mal_buf_put_blob(&out, mal_buf_view(&cert)));
    MAL_TRY(kms_path_make(path, dir, "", "party", NULL));
    MAL_TRY(kms_file_put(path, LABEL, mal_buf_view(&out), identity));
    return MAL_OK;
}

static mal_err fill(const char *dir, const char *party, uint64_t now) {
    MAL_AUTO(mal_key_clear) mal_key identity = { 0 };
    uint8_t pub[32];
    kms_path path;
    MAL_TRY(mal_prim_sign_keygen(pub, &identity));
    MAL_TRY(kms_path_make(path, dir, "", "data", NULL));
    MAL_TRY(mal_dir_make(path, 0700));
    MAL_TRY(kms_path_make(path, dir, "", "rooms", NULL));
    MAL_TRY(mal_dir_make(path, 0700));
    MAL_TRY(kms_epoch_create(NULL, dir, party, &identity, 1, now));
    MAL_TRY(write_party(dir, party, &identity, now));
    MAL_TRY(mal_dir_sync(dir));
    return MAL_OK;
}

static mal_err make_parent(const char *dir) {
    kms_path parent;
    MAL_TRY(kms_path_make(parent, dir, "", "", NULL));
    size_t len = strlen(parent);
    while (len && parent[len - 1] == '/')
        parent[--len] = 0;
    char *slash = strrchr(parent, '/');
    if (!slash || slash == parent)
        return MAL_OK;
    *slash = 0;
    MAL_TRY(mal_dir_make(parent, 0700));
    return MAL_OK;
}

static mal_err sync_parent(const char *dir) {
    kms_path parent;
    MAL_TRY(kms_path_make(parent, dir, "", "..", NULL));
    MAL_TRY(mal_dir_sync(parent));
    return MAL_OK;
}

/* A whole folder under another name, then one rename: a crash before it leaves
 * only keys that name no party. */
mal_err mal_kms_create(const char *dir, const char *party, uint64_t now) {
    char made[4096];
    MAL_TRY(kms_party_check(party));
    MAL_TRY(mal_prim_init());
    MAL_REQUIRE(now > SLACK_S, MAL_E_INPUT,
                "the clock of this machine is unset");
    int len = snprintf(made, sizeof made, "%s.new-XXXXXX", dir);
    MAL_REQUIRE(len > 0 && (size_t)len < sizeof made, MAL_E_LIMIT,
                "the path of the key folder is too long");
    MAL_TRY(make_parent(dir));
    MAL_REQUIRE(mkdtemp(made), MAL_E_IO, "cannot make a folder beside %s: %s",
                dir, strerror(errno));
    mal_err err = fill(made, party, now);
    if (err == MAL_OK && rename(made, dir) != 0) {
        int why = errno;
        bool taken = why == ENOTEMPTY || why == EEXIST || why == ENOTDIR;
        err = mal_err_set(taken ? MAL_E_STATE : MAL_E_IO, __FILE__, __LINE__,
                          taken ? "%s exists already: keys are never replaced"
                                : "cannot name the key folder %s",
                          dir);
    }
    if (err != MAL_OK) {
        if (mal_dir_remove(made) != MAL_OK)
            err = mal_err_set(err, __FILE__, __LINE__,
                              "no keys were made in %s; remove %s", dir, made);
        return mal_err_trace(err, __FILE__, __LINE__);
    }
    MAL_TRY(sync_parent(dir));
    return MAL_OK;
}

/* --- Opening -------------------------------------------------------------- */

static mal_err parse_party(mal_kms *kms, mal_bytes payload) {
    mal_rd rd = mal_rd_of(payload);
    mal_bytes party, identity, log, kek, secret, cert;
    MAL_TRY(mal_rd_blob(&rd, &party, MAL_KMS_PARTY_MAX));
    memcpy(kms->party, party.ptr, party.len);
    MAL_TRY(kms_party_check(kms->party));
    MAL_TRY(mal_rd_raw(&rd, &identity, 32));
    MAL_TRY(mal_rd_raw(&rd, &log, 32));
    MAL_TRY(mal_rd_raw(&rd, &kek, 32));
    MAL_TRY(mal_rd_raw(&rd, &secret, 32));
    MAL_TRY(mal_rd_u64(&rd, &kms->log_from));
    MAL_TRY(mal_rd_u64(&rd, &kms->log_until));
    MAL_TRY(mal_rd_blob(&rd, &cert, KMS_FILE_MAX));
    MAL_TRY(mal_rd_end(&rd));
    MAL_TRY(mal_prim_sign_from_seed(kms->identity_pub, &kms->identity,
                                    identity.ptr));
    MAL_TRY(mal_prim_sign_from_seed(kms->log_pub, &kms->log, log.ptr));
    MAL_TRY(mal_key_from(&kms->kek, kek));
    MAL_TRY(mal_key_from(&kms->secret, secret));
    MAL_TRY(mal_buf_put(&kms->cert, cert));
    return MAL_OK;
}

/* The identity lies in the file whose tag it makes: read, then check. */
static mal_err load_party(mal_kms *kms) {
    MAL_AUTO(mal_buf_clear) mal_buf payload = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf again = { 0 };
    kms_path path;
    MAL_TRY(kms_path_make(path, kms->dir, "", "party", NULL));
    MAL_TRY(kms_file_peek(&payload, path, LABEL));
    mal_err err = parse_party(kms, mal_buf_view(&payload));
    MAL_REQUIRE(err != MAL_E_INPUT, MAL_E_AUTH,
                "%s is damaged: restore it from a backup", path);
    MAL_TRY(err);
    MAL_TRY(kms_file_get(&again, path, LABEL, &kms->identity));
    return MAL_OK;
}

static mal_err check_and_sweep(const mal_kms *kms, const char *sub) {
    kms_path path;
    MAL_TRY(kms_path_make(path, kms->dir, "", sub, NULL));
    MAL_TRY(kms_private_check(path, true));
    MAL_TRY(kms_folder_sweep(path));
    return MAL_OK;
}

mal_err mal_kms_open(mal_kms **kms, const char *dir) {
    MAL_AUTO(mal_kms_auto) mal_kms *k = NULL;
    *kms = NULL;
    MAL_REQUIRE(strlen(dir) < sizeof k->dir, MAL_E_LIMIT,
                "the path of the key folder is too long");
    MAL_TRY(mal_prim_init());
    k = mal_calloc(1, sizeof *k);
    MAL_REQUIRE(k, MAL_E_MEMORY, "out of memory");
    pthread_rwlock_init(&k->lock, NULL);
    pthread_mutex_init(&k->file_lock, NULL);
    memcpy(k->dir, dir, strlen(dir) + 1);
    MAL_TRY(kms_private_check(dir, true));
    MAL_TRY(load_party(k));
    MAL_TRY(kms_folder_sweep(dir));
    MAL_TRY(check_and_sweep(k, "data"));
    MAL_TRY(check_and_sweep(k, "rooms"));
    MAL_TRY(kms_epochs_load(k));
    *kms = k;
    k = NULL;
    return MAL_OK;
}

void mal_kms_close(mal_kms *kms) {
    if (!kms)
        return;
    for (unsigned i = 0; i < kms->n_epochs; i++)
        kms_epoch_free(kms->epochs[i]);
    mal_key_clear(&kms->identity);
    mal_key_clear(&kms->log);
    mal_key_clear(&kms->kek);
    mal_key_clear(&kms->secret);
    mal_buf_clear(&kms->cert);
    pthread_rwlock_destroy(&kms->lock);
    pthread_mutex_destroy(&kms->file_lock);
    mal_free(kms);
}

void mal_kms_auto(mal_kms **kms) {
    mal_kms_close(*kms);
    *kms = NULL;
}

/* --- Asking --------------------------------------------------------------- */

const char *mal_kms_party(const mal_kms *kms) {
    return kms->party;
}

void mal_kms_identity(const mal_kms *kms, uint8_t pub[32]) {
    memcpy(pub, kms->identity_pub, 32);
}

const mal_key *mal_kms_node_secret(const mal_kms *kms) {
    return &kms->secret;
}

const mal_key *mal_kms_key(mal_kms *kms, mal_kms_use use) {
    switch (use) {
    case MAL_KMS_IDENTITY:
        return &kms->identity;
    case MAL_KMS_LOG:
        return &kms->log;
    case MAL_KMS_NODE:
        return &kms_epoch_present(kms)->node;
    case MAL_KMS_HPKE:
        break;
    }
    return NULL;
}

void mal_kms_pub(mal_kms *kms, mal_kms_use use, uint8_t pub[32]) {
    const kms_epoch *e = kms_epoch_present(kms);
    const uint8_t *from = use == MAL_KMS_IDENTITY ? kms->identity_pub
                          : use == MAL_KMS_LOG    ? kms->log_pub
                          : use == MAL_KMS_NODE   ? e->node_pub
                                                  : e->hpke_pub;
    memcpy(pub, from, 32);
}

mal_err mal_kms_sign(mal_kms *kms, mal_kms_use use, uint8_t sig[64],
                     mal_bytes message) {
    MAL_REQUIRE(use == MAL_KMS_NODE || use == MAL_KMS_LOG, MAL_E_INPUT,
                "only node and log keys sign statements");
    MAL_TRY(mal_prim_sign(sig, mal_kms_key(kms, use), message));
    return MAL_OK;
}

/* What the identity signs besides begins otherwise: a key statement with the
 * length of its label, a certificate with the tag of a DER sequence. */
mal_err mal_kms_sign_identity(mal_kms *kms, uint8_t sig[64],
                              mal_bytes message) {
    static const char dsse[] = "DSSEv1 ";
    const size_t n = sizeof dsse - 1;
    MAL_REQUIRE(message.len > n &&
                    mal_compare_vartime(message.ptr, dsse, n) == 0,
                MAL_E_DENIED,
                "the identity signs DSSE envelopes only; key statements and "
                "certificates are made in kms, for keys of its own");
    MAL_TRY(mal_prim_sign(sig, &kms->identity, message));
    return MAL_OK;
}

mal_err mal_kms_cert_node(mal_kms *kms, mal_buf *der) {
    MAL_TRY(mal_buf_put(der, mal_buf_view(&kms_epoch_present(kms)->cert)));
    return MAL_OK;
}

mal_err mal_kms_cert_identity(mal_kms *kms, mal_buf *der) {
    MAL_TRY(mal_buf_put(der, mal_buf_view(&kms->cert)));
    return MAL_OK;
}

mal_err mal_kms_statement_own(mal_kms *kms, mal_kms_statement *statement,
                              mal_kms_use use) {
    const kms_epoch *e = kms_epoch_present(kms);
    mal_kms_statement s = { .use = use, .suite = kms_suite_of(use) };

    memcpy(s.party, kms->party, sizeof s.party);
    if (use == MAL_KMS_LOG) {
        s.epoch = 1;
        s.not_before = kms->log_from;
        s.not_after = kms->log_until;
    } else {
        s.epoch = e->epoch;
        s.not_before = e->not_before;
        s.not_after = e->not_after;
    }
    mal_kms_pub(kms, use, s.pub);
    MAL_TRY(kms_statement_sign(&s, &kms->identity));
    *statement = s;
    return MAL_OK;
}
