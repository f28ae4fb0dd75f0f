/* kms_impl.h - what the files of kms share: the handle, the folder, sealed
 * files.
 *
 * The folder of a party:
 *
 *     party          name, identity seed, log seed, KEK, node secret,
 * certificate node.EPOCH     one epoch's node seed, HPKE key, validity,
 * certificate data/HEX.key   a wrapped dataset key; HEX names room, dataset,
 * version rooms/HEX.part our part of a room's pseudonym key, wrapped
 *     rooms/HEX.key  the pseudonym key, wrapped
 *     *.dead         on its way to being overwritten and unlinked
 *     *.tmp-XXXXXX   a write that a crash cut short
 */
#ifndef MALUS_KMS_IMPL_H
#define MALUS_KMS_IMPL_H

#include <malus/kms.h>
#include <pthread.h>

#define KMS_EPOCHS_MAX 64
#define KMS_FILE_MAX 16384
#define KMS_DAY 86400

typedef struct kms_epoch {
    uint32_t epoch;
    uint64_t not_before, not_after;
    mal_key node, hpke;
    uint8_t node_pub[32], hpke_pub[32];
    mal_buf cert;
} kms_epoch;

struct mal_kms {
    char dir[4096];
    char party[MAL_KMS_PARTY_MAX + 1];
    mal_key identity, log, kek, secret;
    uint8_t identity_pub[32], log_pub[32];
    uint64_t log_from, log_until;
    mal_buf cert;              /* the identity's */
    pthread_rwlock_t lock;     /* over epochs */
    pthread_mutex_t file_lock; /* over what data/ and rooms/ hold */
    unsigned n_epochs;
    kms_epoch *epochs[KMS_EPOCHS_MAX]; /* ascending; only ever appended to */
};

/* Names: the syntax of MAL_KMS_PARTY_MAX.  MAL_E_INPUT. */
mal_err kms_party_check(const char *party) MAL_MUST_CHECK;

/* folder.c ----------------------------------------------------------------- */

typedef char kms_path[4352];
/* dir/sub/stem.suffix; sub may be "" and suffix NULL.  MAL_E_LIMIT. */
mal_err kms_path_make(kms_path out, const char *dir, const char *sub,
                      const char *stem, const char *suffix) MAL_MUST_CHECK;
/* Ours, and closed to group and others.  MAL_E_DENIED, MAL_E_MISSING. */
mal_err kms_private_check(const char *path, bool is_dir) MAL_MUST_CHECK;
/* A private file: label || payload || HMAC under a key of the identity.  It
 * keeps files of two parties apart and finds damage; secrecy is the folder's.
 */
mal_err kms_file_put(const char *path, const char *label, mal_bytes payload,
                     const mal_key *identity) MAL_MUST_CHECK;
mal_err kms_file_get(mal_buf *payload, const char *path, const char *label,
                     const mal_key *identity) MAL_MUST_CHECK;
/* The same without checking the tag; for the file that holds the identity. */
mal_err kms_file_peek(mal_buf *payload, const char *path,
                      const char *label) MAL_MUST_CHECK;
/* Out of sight, overwritten, unlinked; each step durable.  Absent is fine. */
mal_err kms_file_erase(const char *path) MAL_MUST_CHECK;
/* Overwrite an open file's bytes, durably. */
mal_err kms_fd_erase(int fd) MAL_MUST_CHECK;
/* Finish what a crash left in dir: erase *.dead, and old *.tmp-*. */
mal_err kms_folder_sweep(const char *dir) MAL_MUST_CHECK;

/* epoch.c ------------------------------------------------------------------ */

void kms_epoch_free(kms_epoch *epoch);
void kms_epoch_auto(kms_epoch **epoch);
/* Draw the keys of one epoch and write its file into dir. */
mal_err kms_epoch_create(kms_epoch **epoch, const char *dir, const char *party,
                         const mal_key *identity, uint32_t number,
                         uint64_t now) MAL_MUST_CHECK;
/* All epochs in the folder, ascending.  MAL_E_MISSING if there is none. */
mal_err kms_epochs_load(mal_kms *kms) MAL_MUST_CHECK;
/* The present one; it lives as long as kms. */
const kms_epoch *kms_epoch_present(mal_kms *kms);

/* statement.c -------------------------------------------------------------- */

uint32_t kms_suite_of(mal_kms_use use);
mal_err kms_statement_sign(mal_kms_statement *statement,
                           const mal_key *identity) MAL_MUST_CHECK;

/* wrap.c ------------------------------------------------------------------- */

/* A wrapped 32-byte key as a file: head || box(KEK, ad = head, key). */
mal_err kms_wrap_put(const mal_kms *kms, const char *path, mal_bytes head,
                     const mal_key *key) MAL_MUST_CHECK;
mal_err kms_wrap_open(const mal_kms *kms, mal_key *key, mal_bytes head,
                      mal_bytes box) MAL_MUST_CHECK;

#endif
