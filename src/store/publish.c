/* publish.c - the last steps: sign, log, become visible; or be gone.
 *
 * The envelope is made and stored before it is logged, so that a crash between
 * the two cannot log a second, different one: open looks whether the log holds
 * those very bytes, and appends them if not.
 */
#include "store_impl.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static mal_err make_envelope(mal_store *store, mal_buf *out,
                             const store_entry *e, const char *kind,
                             const mal_prim_hash *subject,
                             const mal_audit_field *fields, size_t n) {
    MAL_AUTO(mal_buf_clear) mal_buf json = { 0 };
    mal_audit_statement s = {
        .kind = kind,
        .subject = e->dataset,
        .subject_sha256 = *subject,
        .party = mal_kms_party(store->kms),
        .time = mal_time_unix(),
        .fields = fields,
        .n_fields = n,
    };
    mal_audit_signer signer = { .sec = mal_kms_key(store->kms, MAL_KMS_NODE) };

    memcpy(s.room, e->room, 32);
    memcpy(s.contract, e->contract, 32);
    mal_kms_pub(store->kms, MAL_KMS_NODE, signer.pub);
    MAL_TRY(mal_audit_statement_encode(&json, &s));
    return mal_audit_dsse_sign(out, MAL_AUDIT_TYPE_STATEMENT,
                               mal_buf_view(&json), &signer, 1);
}

mal_err mal_store_envelope_dataset(mal_store *store, mal_buf *out,
                                   const store_entry *e, mal_bytes statement) {
    char version[16], rows_max[24], root[65];
    const mal_audit_field fields[] = {
        { "dataset", e->dataset }, { "root", root },
        { "rows_max", rows_max },  { "suite", "sha256-merkle@1" },
        { "version", version },
    };
    mal_prim_hash subject;

    snprintf(version, sizeof version, "%u", e->version);
    snprintf(rows_max, sizeof rows_max, "%llu",
             (unsigned long long)e->rows_max);
    mal_hex_encode(root, mal_bytes_of(e->root, 32));
    mal_prim_sha256_of(&subject, statement);
    return make_envelope(store, out, e, "dataset", &subject, fields,
                         sizeof fields / sizeof *fields);
}

mal_err mal_store_envelope_deletion(mal_store *store, mal_buf *out,
                                    const store_entry *e) {
    MAL_AUTO(mal_buf_clear) mal_buf statement = { 0 };
    char version[16], root[65];
    const mal_audit_field fields[] = {
        { "dataset", e->dataset },
        { "root", root },
        { "version", version },
    };
    mal_prim_hash subject;

    snprintf(version, sizeof version, "%u", e->version);
    mal_hex_encode(root, mal_bytes_of(e->root, 32));
    MAL_TRY(mal_store_entry_blob(store, &statement, e, "statement"));
    mal_prim_sha256_of(&subject, mal_buf_view(&statement));
    return make_envelope(store, out, e, "deletion", &subject, fields,
                         sizeof fields / sizeof *fields);
}

mal_err mal_store_log_once(mal_store *store, int64_t *index, mal_bytes envelope,
                           int64_t from) {
    uint64_t size = mal_audit_log_size(store->log), first = 0;

    for (uint64_t i = (uint64_t)from; i < size; i++) {
        MAL_AUTO(mal_buf_clear) mal_buf entry = { 0 };
        MAL_TRY(mal_audit_log_read(store->log, &entry, i));
        if (mal_bytes_same_vartime(mal_buf_view(&entry), envelope)) {
            *index = (int64_t)i;
            return MAL_OK;
        }
    }
    MAL_TRY(mal_audit_log_append(store->log, &first, &envelope, 1));
    *index = (int64_t)first;
    return MAL_OK;
}

mal_err mal_store_finish_add(mal_store *store, store_entry *e) {
    MAL_AUTO(mal_buf_clear) mal_buf envelope = { 0 };

    MAL_TRY(mal_store_entry_blob(store, &envelope, e, "envelope"));
    MAL_TRY(mal_store_log_once(store, &e->log_index, mal_buf_view(&envelope),
                               e->log_from));
    MAL_TRY(mal_store_entry_set(store, e, STORE_VISIBLE, e->log_index));
    e->state = STORE_VISIBLE;
    return MAL_OK;
}

static mal_err remove_files(mal_store *store, const store_entry *e) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(16 << 10);
    char *dir;

    MAL_REQUIRE(arena, MAL_E_MEMORY, "out of memory");
    MAL_TRY(mal_store_entry_dir(store, &dir, arena, e));
    if (access(dir, F_OK) == 0)
        MAL_TRY(mal_dir_remove(dir));
    return mal_dir_sync(store->dir);
}

mal_err mal_store_finish_remove(mal_store *store, const store_entry *e) {
    MAL_AUTO(mal_buf_clear) mal_buf envelope = { 0 };
    mal_kms_binding binding = mal_store_entry_binding(e);
    int64_t index;

    /* The key first: whatever happens after, nothing decrypts. */
    MAL_TRY(mal_kms_data_destroy(store->kms, &binding));
    MAL_TRY(mal_store_entry_blob(store, &envelope, e, "deletion"));
    MAL_TRY(mal_store_log_once(store, &index, mal_buf_view(&envelope),
                               e->log_from));
    MAL_TRY(remove_files(store, e));
    return mal_store_entry_set(store, e, STORE_REMOVED, index);
}

mal_err mal_store_abandon(mal_store *store, const store_entry *e) {
    mal_kms_binding binding = mal_store_entry_binding(e);

    MAL_TRY(mal_kms_data_destroy(store->kms, &binding));
    MAL_TRY(remove_files(store, e));
    return mal_store_entry_forget(store, e);
}
