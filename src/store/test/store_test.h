/* store_test.h - an owner with keys, a log, a room and a store. */
#ifndef MALUS_STORE_TEST_H
#define MALUS_STORE_TEST_H

#include "mal_test.h"
#include "../store_impl.h"

/* email, region, age, spend and a secret; at most 2 rows a person. */
#define CUSTOMERS                                                              \
    "  email id normal uid2@1\n"                                               \
    "  region dim in (\"north\", \"south\", \"ost\") nullable\n"               \
    "  age dim in 18 .. 99\n"                                                  \
    "  spend measure decimal(2) in 0 .. 5000 nullable\n"                       \
    "  ssn secret\n"                                                           \
    "  privacy unit email contributes at most 2 rows\n"

typedef struct house {
    char root[4096];
    mal_kms *kms;
    mal_audit_log *log;
    mal_store *store;
    mal_arena *arena;
    mal_policy_contract *contract;
    mal_store_report report;
} house;

__attribute__((unused)) static const char *in_house(const house *h,
                                                    const char *name) {
    static char path[4][8192];
    static int turn;
    char *out = path[turn++ % 4];
    snprintf(out, sizeof path[0], "%s/%s", h->root, name);
    return out;
}

__attribute__((unused)) static void house_clear(house *h) {
    mal_store_close(h->store);
    mal_audit_log_close(h->log);
    mal_kms_close(h->kms);
    mal_arena_free(h->arena);
    if (*h->root && mal_dir_remove(h->root) != MAL_OK)
        printf("# %s stays\n", h->root);
}

/* A contract whose dataset acme.customers has the given body. */
__attribute__((unused)) static mal_policy_contract *
contract_of(house *h, const char *columns, unsigned rows_max,
            const mal_policy_contract *parent) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 }, key = { 0 };
    uint8_t identity[32];
    mal_policy_contract *contract;
    char hash[65], room[65];
    const char *id;

    mal_kms_identity(h->kms, identity);
    CHECK_OK(mal_base64_encode(&key, mal_bytes_of(identity, 32)));
    CHECK_OK(mal_buf_cstr(&key, &id));
    if (parent) {
        mal_hex_encode(hash, mal_bytes_of(parent->hash, 32));
        mal_hex_encode(room, mal_bytes_of(parent->room_id, 32));
        CHECK_OK(mal_buf_put_fmt(&text,
                                 "room \"r\" version %u\nparent sha256:%s\n"
                                 "room-id sha256:%s\n",
                                 parent->version + 1, hash, room));
    } else {
        CHECK_OK(mal_buf_put_str(&text, "room \"r\" version 1\n"));
    }
    CHECK_OK(mal_buf_put_fmt(
        &text,
        "party acme owner ed25519:%s\n"
        "party retail owner "
        "ed25519:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n"
        "dataset acme.customers {\n%s  rows at most %u\n}\n"
        "dataset retail.visits {\n  k id normal raw@1\n"
        "  privacy unit k contributes at most 1 row\n  rows at most 5\n}\n"
        "budget acme.customers epsilon 4 in all, delta 1e-6\n"
        "collude 1\nconsent all owners\nexpires 2027-06-30\n",
        id, columns, rows_max));
    CHECK_OK(mal_policy_parse(&contract, h->arena, mal_buf_view(&text)));
    return contract;
}

__attribute__((unused)) static void house_open(house *h) {
    mal_audit_signer signer = { .sec = mal_kms_key(h->kms, MAL_KMS_LOG) };
    mal_kms_pub(h->kms, MAL_KMS_LOG, signer.pub);
    /* A killed process may have left the lock to a helper that it was starting:
     * for a moment. */
    mal_err err = MAL_E_STATE;
    for (int i = 0; err == MAL_E_STATE && i < 100; i++) {
        if (i)
            usleep(20000);
        err = mal_audit_log_open(&h->log, in_house(h, "log"), "malus/acme/x",
                                 &signer);
    }
    CHECK_OK(err);
    CHECK_OK(mal_store_open(&h->store, in_house(h, "store"), h->kms, h->log));
}

__attribute__((unused)) static void house_reopen(house *h) {
    mal_store_close(h->store);
    mal_audit_log_close(h->log);
    mal_kms_close(h->kms);
    h->store = NULL;
    h->log = NULL;
    h->kms = NULL;
    CHECK_OK(mal_kms_open(&h->kms, in_house(h, "keys")));
    house_open(h);
}

__attribute__((unused)) static void house_make(house *h, const char *columns,
                                               unsigned rows_max) {
    mal_kms_part parts[2] = { 0 };

    CHECK_OK(mal_prim_init());
    if (!*h->root)
        snprintf(h->root, sizeof h->root, "%s", mal_test_dir());
    h->arena = mal_arena_new((size_t)1 << 30);
    CHECK_OK(mal_kms_create(in_house(h, "keys"), "acme", mal_time_unix()));
    CHECK_OK(mal_kms_open(&h->kms, in_house(h, "keys")));
    h->contract = contract_of(h, columns, rows_max, NULL);
    CHECK_OK(mal_kms_pseudonym_part(h->kms, &parts[0], h->contract->room_id));
    snprintf(parts[1].party, sizeof parts[1].party, "retail");
    memset(parts[1].bytes, 7, 32);
    CHECK_OK(mal_kms_pseudonym_combine(h->kms, h->contract->room_id, parts, 2));
    house_open(h);
}

__attribute__((unused)) static const char *write_csv(house *h,
                                                     const char *text) {
    const char *path = in_house(h, "in.csv");
    CHECK_OK(mal_file_write(path, mal_bytes_str(text), 0600));
    return path;
}

__attribute__((unused)) static mal_err add_with(house *h, const char *csv,
                                                mal_store_options options) {
    mal_err err = mal_store_add(h->store, &h->report, h->arena, h->contract,
                                "acme.customers", write_csv(h, csv), &options);
    if (err == MAL_E_MISSING && strstr(mal_err_message(), "no malus-duck"))
        SKIP("malus-duck is not built: run tools/fetch_duckdb.sh");
    return err;
}

__attribute__((unused)) static mal_err add(house *h, const char *csv) {
    return add_with(h, csv, (mal_store_options){ 0 });
}

/* One column of the newest version. */
__attribute__((unused)) static mal_duck_column
column(house *h, uint32_t version, const char *name, size_t *rows) {
    mal_duck_batch b;
    CHECK_OK(mal_store_read(h->store, &b, h->arena, h->contract->room_id,
                            "acme.customers", version, &name, 1));
    if (rows)
        *rows = b.rows;
    return b.columns[0];
}

/* Every visible version is whole and logged where it says; every log entry is
 * of a visible version, of a removed one, or a deletion. */
__attribute__((unused)) static void house_check(house *h, size_t rows) {
    mal_store_info *infos;
    size_t n, logged[2] = { 0 };

    CHECK_OK(mal_store_list(h->store, &infos, &n, h->arena));
    for (size_t i = 0; i < n; i++) {
        CHECK_EQ(infos[i].rows, rows);
        CHECK_OK(mal_store_check(h->store, h->contract->room_id,
                                 "acme.customers", infos[i].version));
    }
    for (uint64_t i = 0; i < mal_audit_log_size(h->log); i++) {
        MAL_AUTO(mal_buf_clear) mal_buf entry = { 0 };
        mal_audit_dsse *dsse;
        mal_audit_statement *s;
        CHECK_OK(mal_audit_log_read(h->log, &entry, i));
        CHECK_OK(mal_audit_dsse_parse(&dsse, h->arena, mal_buf_view(&entry)));
        CHECK_OK(mal_audit_statement_parse(&s, h->arena, dsse->payload));
        logged[strcmp(s->kind, "deletion") == 0]++;
    }
    CHECK_EQ(logged[0] - logged[1], n);
}

#endif
