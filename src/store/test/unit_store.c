/* unit_store.c - what an ingest makes of a file. */
#include "store_test.h"

#define HEADER "email,region,age,spend,ssn\n"

TEST(a_file_becomes_typed_columns_and_comes_back) {
    MAL_AUTO(house_clear) house h = { 0 };
    house_make(&h, CUSTOMERS, 1000);
    CHECK_OK(add(&h, HEADER "ann@x.org,north,42,12.50,123\n"
                            "bob@x.org,,18,,456\n"
                            "Ann@X.org ,ost,99,5000,123\n"));
    CHECK_EQ(h.report.version, 1);
    CHECK_EQ(h.report.rows_read, 3);
    CHECK_EQ(h.report.rows_stored, 3);
    CHECK_EQ(h.report.log_index, 0);
    CHECK_EQ(h.report.n_columns, 4); /* the secret is not stored */
    size_t rows;
    mal_duck_column email = column(&h, 0, "email", &rows);
    mal_duck_column region = column(&h, 0, "region", NULL);
    mal_duck_column age = column(&h, 0, "age", NULL);
    mal_duck_column spend = column(&h, 0, "spend", NULL);
    CHECK_EQ(rows, 3);
    CHECK(email.type == MAL_DUCK_ID && spend.type == MAL_DUCK_I64);
    CHECK(memcmp(email.id, email.id + 32, 16) == 0);
    CHECK(memcmp(email.id, email.id + 16, 16) != 0);
    CHECK_EQ(region.i64[0], 0);
    CHECK_EQ(region.null[1], 1);
    CHECK_EQ(region.i64[2], 2);
    CHECK_EQ(age.i64[0], 42 - 18);
    CHECK_EQ(age.i64[2], 81);
    CHECK(age.null == NULL);
    CHECK_EQ(spend.i64[0], 1250);
    CHECK_EQ(spend.null[1], 1);
    CHECK_EQ(spend.i64[1], 0);
    CHECK_EQ(spend.i64[2], 500000);
    CHECK_EQ(h.report.columns[0].changed, 1);
    CHECK_OK(
        mal_store_check(h.store, h.contract->room_id, "acme.customers", 0));
}

TEST(columns_are_found_by_name_in_any_order_among_others) {
    MAL_AUTO(house_clear) house h = { 0 };
    house_make(&h, CUSTOMERS, 1000);
    CHECK_OK(add(&h, "spend,Note,AGE,email,region\n"
                     "1,\"x,\"\"y\"\"\nz\",20,a@x.org,south\n"));
    CHECK_EQ(column(&h, 0, "spend", NULL).i64[0], 100);
    CHECK_EQ(column(&h, 0, "region", NULL).i64[0], 1);
}

TEST(a_pseudonym_is_the_stated_hmac) {
    MAL_AUTO(house_clear) house h = { 0 };
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    house_make(&h, CUSTOMERS, 1000);
    CHECK_OK(add(&h, HEADER " T.e+x@GMail.com,north,20,1,\n"));
    CHECK_OK(mal_kms_pseudonym_key(h.kms, &key, h.contract->room_id));
    mal_prim_hash label, mac;
    const mal_policy_column *c = &h.contract->datasets[0].columns[0];
    uint8_t epoch[4] = { 1 };
    const mal_bytes parts[] = { mal_bytes_of(h.contract->room_id, 32),
                                mal_bytes_str(c->domain ? c->domain : ""),
                                mal_bytes_str("uid2@1"),
                                mal_bytes_of(epoch, 4) };
    mal_prim_hash_parts(&label, "malus pseudonym hmac-sha256@1", parts, 4);
    uint8_t message[44];
    memcpy(message, label.b, 32);
    memcpy(message + 32, "te@gmail.com", 12);
    mal_prim_hmac256(&mac, mal_key_view(&key), mal_bytes_of(message, 44));
    CHECK(memcmp(column(&h, 0, "email", NULL).id, mac.b, 16) == 0);
}

TEST(bad_rows_are_dropped_and_counted_by_reason) {
    MAL_AUTO(house_clear) house h = { 0 };
    house_make(&h, CUSTOMERS, 1000);
    CHECK_OK(add(&h, HEADER "a@x.org,north,20,1,\n"       /* kept */
                            ",north,20,1,\n"              /* no unit */
                            "nonsense,north,20,1,\n"      /* no identifier */
                            "b@x.org,north,,1,\n"         /* age not nullable */
                            "c@x.org,north,20,1.005,\n"   /* too fine */
                            "d@x.org,north,20,abc,\n"     /* no number */
                            "e@x.org,nowhere,17,9999,\n"  /* other, clamped */
                            "f@x.org,north,20,-1,\n"      /* clamped */
                            "g@x.org,north\n"             /* short */
                            "h@x.org,north,20,1,s,t\n")); /* long */
    CHECK_EQ(h.report.rows_read, 10);
    CHECK_EQ(h.report.rows_stored, 3);
    CHECK_EQ(h.report.rows_dropped[MAL_STORE_DROP_UNIT], 1);
    CHECK_EQ(h.report.rows_dropped[MAL_STORE_DROP_ID], 1);
    CHECK_EQ(h.report.rows_dropped[MAL_STORE_DROP_NULL], 1);
    CHECK_EQ(h.report.rows_dropped[MAL_STORE_DROP_NUMBER], 2);
    CHECK_EQ(h.report.rows_dropped[MAL_STORE_DROP_SHAPE], 2);
    CHECK_EQ(h.report.columns[1].other, 1);
    CHECK_EQ(h.report.columns[2].other, 1);
    CHECK_EQ(h.report.columns[3].clamped, 2);
    mal_duck_column spend = column(&h, 0, "spend", NULL);
    CHECK_EQ(spend.i64[1], 500000);
    CHECK_EQ(spend.i64[2], 0);
    CHECK_EQ(column(&h, 0, "region", NULL).i64[1], 3);
    CHECK_EQ(column(&h, 0, "age", NULL).i64[1], 82);
}

#define DATA MAL_TEST_SOURCE_ROOT "/src/store/test/data/"

static mal_err add_file(house *h, const char *path) {
    mal_err err = mal_store_add(h->store, &h->report, h->arena, h->contract,
                                "acme.customers", path, NULL);
    if (err == MAL_E_MISSING && strstr(mal_err_message(), "no malus-duck"))
        SKIP("malus-duck is not built: run tools/fetch_duckdb.sh");
    return err;
}

TEST(parquet_gives_what_csv_gives) {
    MAL_AUTO(house_clear) house h = { 0 };
    size_t rows;
    house_make(&h, CUSTOMERS, 1000);
    CHECK_OK(add_file(&h, DATA "good.parquet"));
    mal_duck_column spend = column(&h, 0, "spend", &rows);
    mal_duck_column region = column(&h, 0, "region", NULL);
    mal_duck_column age = column(&h, 0, "age", NULL);
    CHECK_EQ(rows, 40);
    for (size_t i = 0; i < rows; i++) {
        CHECK_EQ(spend.i64[i], i * 125);
        CHECK_EQ(age.i64[i], i);
        CHECK_EQ(region.null[i], i % 3 == 2);
        CHECK_EQ(region.i64[i], i % 3 == 1);
    }
    CHECK_OK(
        mal_store_check(h.store, h.contract->room_id, "acme.customers", 0));
}

TEST(parquet_doubles_and_lists_are_refused_with_advice) {
    MAL_AUTO(house_clear) house h = { 0 };
    house_make(&h, CUSTOMERS, 1000);
    CHECK_ERR(add_file(&h, DATA "double.parquet"), MAL_E_INPUT);
    CHECK(strstr(mal_err_message(), "DECIMAL(p, s)"));
    CHECK_ERR(add_file(&h, DATA "list.parquet"), MAL_E_INPUT);
    CHECK(strstr(mal_err_message(), "column region is VARCHAR[]"));
}

TEST(crlf_a_byte_order_mark_and_other_delimiters_are_read) {
    MAL_AUTO(house_clear) house h = { 0 };
    house_make(&h, CUSTOMERS, 1000);
    CHECK_OK(add(&h, "\xef\xbb\xbf"
                     "email,region,age,spend\r\n"
                     "a@x.org,north,20,1\r\nb@x.org,south,30,2\r\n"));
    CHECK_EQ(h.report.rows_stored, 2);
    CHECK_EQ(column(&h, 0, "spend", NULL).i64[1], 200);
    CHECK_OK(add_with(&h, "email;region;age;spend\na@x.org;north;20;1.5",
                      (mal_store_options){ .delimiter = ';' }));
    CHECK_EQ(column(&h, 0, "spend", NULL).i64[0], 150);
    CHECK_OK(add_with(&h, "email\tregion\tage\tspend\na@x.org\tnorth\t20\t1",
                      (mal_store_options){ .delimiter = '\t' }));
    CHECK_EQ(column(&h, 0, "region", NULL).i64[0], 0);
}

TEST(a_named_text_is_null_too) {
    MAL_AUTO(house_clear) house h = { 0 };
    house_make(&h, CUSTOMERS, 1000);
    CHECK_OK(add_with(&h,
                      HEADER "a@x.org,NA,20,NA,\nNA,north,20,1,\n"
                             "b@x.org,NAN,20,1,\n",
                      (mal_store_options){ .null_text = "NA" }));
    CHECK_EQ(h.report.rows_stored, 2);
    CHECK_EQ(h.report.rows_dropped[MAL_STORE_DROP_UNIT], 1);
    CHECK_EQ(h.report.columns[1].null, 1);
    CHECK_EQ(h.report.columns[1].other, 1);
    CHECK_EQ(column(&h, 0, "spend", NULL).null[0], 1);
}

/* The kept rows of a table of over-contributors, as a multiset of spends. */
static uint64_t kept_sum(house *h, const char *csv) {
    size_t rows;
    uint64_t sum = 0;
    CHECK_OK(add(h, csv));
    mal_duck_column c = column(h, 0, "spend", &rows);
    for (size_t i = 0; i < rows; i++)
        sum += (uint64_t)c.i64[i] * (uint64_t)c.i64[i];
    return sum;
}

TEST(over_contribution_is_cut_by_a_keyed_hash_and_not_by_order) {
    MAL_AUTO(house_clear) house h = { 0 };
    house_make(&h, CUSTOMERS, 1000);
    const char *forth = HEADER "a@x.org,north,20,1,\na@x.org,north,20,2,\n"
                               "a@x.org,north,20,4,\nb@x.org,north,20,8,\n"
                               "a@x.org,north,20,16,\na@x.org,south,20,32,\n";
    const char *back = HEADER "a@x.org,south,20,32,\na@x.org,north,20,16,\n"
                              "b@x.org,north,20,8,\na@x.org,north,20,4,\n"
                              "a@x.org,north,20,2,\na@x.org,north,20,1,\n";
    uint64_t one = kept_sum(&h, forth);
    CHECK_EQ(h.report.rows_stored, 3);
    CHECK_EQ(h.report.rows_dropped[MAL_STORE_DROP_CONTRIBUTION], 3);
    CHECK(one == kept_sum(&h, back));
    CHECK_EQ(h.report.version, 2);
}

TEST(at_most_one_row_makes_the_privacy_unit_unique) {
    MAL_AUTO(house_clear) house h = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf csv = { 0 };
    const char *text;
    size_t rows;
    house_make(&h,
               "  tail id normal raw@1\n"
               "  year dim in 1950 .. 2020\n"
               "  privacy unit tail contributes at most 1 row\n",
               5000);
    CHECK_OK(mal_buf_put_str(&csv, "tail,year\n"));
    for (unsigned i = 0; i < 3000; i++)
        CHECK_OK(
            mal_buf_put_fmt(&csv, "N%u,%u\n", i * 7919 % 1000, 1950 + i % 71));
    CHECK_OK(mal_buf_cstr(&csv, &text));
    CHECK_OK(add(&h, text));
    CHECK_EQ(h.report.rows_dropped[MAL_STORE_DROP_CONTRIBUTION], 2000);
    mal_duck_column tail = column(&h, 0, "tail", &rows);
    CHECK_EQ(rows, 1000);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < i; j++)
            CHECK(memcmp(tail.id + i * 16, tail.id + j * 16, 16) != 0);
}

TEST(a_dry_run_counts_and_writes_nothing) {
    MAL_AUTO(house_clear) house h = { 0 };
    size_t n;
    mal_store_info *infos;
    house_make(&h, CUSTOMERS, 1000);
    CHECK_OK(add_with(&h,
                      HEADER "a@x.org,north,20,1,\nA@x.org,x,20,7777,\n"
                             "a@x.org,south,20,3,\nz,north,20,1,\n",
                      (mal_store_options){ .dry_run = true }));
    CHECK_EQ(h.report.version, 0);
    CHECK_EQ(h.report.rows_stored, 2);
    CHECK_EQ(h.report.rows_dropped[MAL_STORE_DROP_CONTRIBUTION], 1);
    CHECK_EQ(h.report.rows_dropped[MAL_STORE_DROP_ID], 1);
    CHECK_EQ(h.report.columns[0].changed, 1);
    CHECK_EQ(h.report.columns[1].other, 1);
    CHECK_EQ(h.report.columns[3].clamped, 1);
    CHECK_OK(mal_store_list(h.store, &infos, &n, h.arena));
    CHECK_EQ(n, 0);
    CHECK_EQ(mal_audit_log_size(h.log), 0);
}

TEST(versions_are_counted_listed_and_read_apart) {
    MAL_AUTO(house_clear) house h = { 0 };
    size_t n;
    mal_store_info *infos;
    house_make(&h, CUSTOMERS, 1000);
    CHECK_OK(add(&h, HEADER "a@x.org,north,20,1,\n"));
    CHECK_OK(add(&h, HEADER "a@x.org,north,20,2,\nb@x.org,north,20,3,\n"));
    house_reopen(&h);
    CHECK_OK(mal_store_list(h.store, &infos, &n, h.arena));
    CHECK_EQ(n, 2);
    CHECK_EQ(infos[0].rows, 1);
    CHECK_EQ(infos[1].rows, 2);
    CHECK_EQ(infos[1].rows_max, 1000);
    CHECK_EQ(infos[1].log_index, 1);
    CHECK_STR(infos[1].dataset, "acme.customers");
    CHECK_EQ(column(&h, 1, "spend", NULL).i64[0], 100);
    CHECK_EQ(column(&h, 2, "spend", NULL).i64[0], 200);
    CHECK(memcmp(infos[0].root, infos[1].root, 32) != 0);
}

TEST(the_statement_tells_bounds_and_a_root_and_is_logged_signed) {
    MAL_AUTO(house_clear) house h = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 }, entry = { 0 };
    mal_store_statement_view v;
    mal_audit_dsse *dsse;
    mal_audit_statement *s;
    mal_prim_hash hash;
    uint8_t node[32];
    house_make(&h, CUSTOMERS, 1000);
    CHECK_OK(add(&h, HEADER "a@x.org,north,20,1,\n"));
    CHECK_OK(mal_store_statement(h.store, &bytes, h.contract->room_id,
                                 "acme.customers", 0));
    CHECK_OK(mal_store_statement_decode(&v, h.arena, mal_buf_view(&bytes)));
    CHECK_STR(v.dataset, "acme.customers");
    CHECK_EQ(v.version, 1);
    CHECK_EQ(v.rows_max, 1000);
    CHECK_EQ(v.contributes_max, 2);
    CHECK_STR(v.unit, "email");
    CHECK_EQ(v.n_columns, 4);
    CHECK_STR(v.columns[0].profile, "uid2@1");
    CHECK_EQ(v.columns[1].hi, 3);
    CHECK_EQ(v.columns[3].hi, 500000);
    CHECK_STR(v.commitments[0].suite, "sha256-merkle@1");
    CHECK(memcmp(v.commitments[0].root, h.report.root, 32) == 0);
    CHECK(memcmp(v.contract_hash, h.contract->hash, 32) == 0);

    CHECK_OK(mal_audit_log_read(h.log, &entry, 0));
    CHECK_OK(mal_audit_dsse_parse(&dsse, h.arena, mal_buf_view(&entry)));
    mal_kms_pub(h.kms, MAL_KMS_NODE, node);
    CHECK_OK(mal_audit_dsse_verify(dsse, node));
    CHECK_OK(mal_audit_statement_parse(&s, h.arena, dsse->payload));
    CHECK_STR(s->kind, "dataset");
    mal_prim_sha256_of(&hash, mal_buf_view(&bytes));
    CHECK(memcmp(s->subject_sha256.b, hash.b, 32) == 0);
    CHECK_STR(mal_audit_statement_field(s, "rows_max"), "1000");
}

TEST(the_commitment_hides_the_number_of_rows_and_is_salted) {
    MAL_AUTO(house_clear) house h = { 0 };
    house_make(&h, CUSTOMERS, 1000);
    uint8_t first[32];
    CHECK_OK(add(&h, HEADER "a@x.org,north,20,1,\n"));
    memcpy(first, h.report.root, 32);
    CHECK_OK(add(&h, HEADER "a@x.org,north,20,1,\n"));
    CHECK(memcmp(first, h.report.root, 32) != 0);
    CHECK_OK(
        mal_store_check(h.store, h.contract->room_id, "acme.customers", 1));
    CHECK_OK(
        mal_store_check(h.store, h.contract->room_id, "acme.customers", 2));
}

TEST(an_empty_table_is_a_version_too) {
    MAL_AUTO(house_clear) house h = { 0 };
    size_t rows = 1;
    house_make(&h, CUSTOMERS, 1000);
    CHECK_OK(add(&h, HEADER));
    (void)column(&h, 0, "spend", &rows);
    CHECK_EQ(rows, 0);
    CHECK_OK(
        mal_store_check(h.store, h.contract->room_id, "acme.customers", 0));
}

TEST(many_segments_are_written_and_read_in_order) {
    enum { N = 150000 };
    MAL_AUTO(house_clear) house h = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf csv = { 0 };
    house_make(&h, CUSTOMERS, 200000);
    CHECK_OK(mal_buf_put_str(&csv, HEADER));
    for (unsigned i = 0; i < N; i++)
        CHECK_OK(mal_buf_put_fmt(&csv, "u%u@x.org,south,%u,%u.%02u,s\n", i,
                                 18 + i % 82, i % 5000, i % 100));
    const char *text;
    CHECK_OK(mal_buf_cstr(&csv, &text));
    CHECK_OK(add_with(&h, text, (mal_store_options){ .threads = 2 }));
    size_t rows;
    mal_duck_column spend = column(&h, 0, "spend", &rows);
    mal_duck_column age = column(&h, 0, "age", NULL);
    CHECK_EQ(rows, N);
    for (unsigned i = 0; i < N; i++)
        CHECK(spend.i64[i] == (int64_t)(i % 5000) * 100 + i % 100 &&
              age.i64[i] == i % 82);
    CHECK_OK(
        mal_store_check(h.store, h.contract->room_id, "acme.customers", 0));
}

TEST(an_amended_contract_rewraps_the_key_and_nothing_else) {
    MAL_AUTO(house_clear) house h = { 0 };
    mal_store_info info;
    house_make(&h, CUSTOMERS, 1000);
    CHECK_OK(add(&h, HEADER "a@x.org,north,20,1,\n"));
    mal_policy_contract *next = contract_of(&h, CUSTOMERS, 2000, h.contract);
    CHECK_OK(mal_store_rewrap(h.store, next));
    CHECK_OK(mal_store_rewrap(h.store, next));
    house_reopen(&h);
    CHECK_OK(mal_store_find(h.store, &info, h.arena, next->room_id,
                            "acme.customers", 0));
    CHECK(memcmp(info.contract_hash, next->hash, 32) == 0);
    CHECK_EQ(info.rows_max, 1000);
    CHECK_EQ(column(&h, 0, "spend", NULL).i64[0], 100);
}

TEST(a_removed_dataset_is_gone_and_its_deletion_logged) {
    MAL_AUTO(house_clear) house h = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf entry = { 0 };
    mal_audit_dsse *dsse;
    mal_audit_statement *s;
    mal_store_info info;
    house_make(&h, CUSTOMERS, 1000);
    CHECK_OK(add(&h, HEADER "a@x.org,north,20,1,\n"));
    CHECK_OK(add(&h, HEADER "a@x.org,north,20,1,\n"));
    CHECK_OK(
        mal_store_remove(h.store, h.contract->room_id, "acme.customers", 1));
    CHECK_ERR(mal_store_find(h.store, &info, h.arena, h.contract->room_id,
                             "acme.customers", 1),
              MAL_E_MISSING);
    CHECK_OK(mal_store_find(h.store, &info, h.arena, h.contract->room_id,
                            "acme.customers", 0));
    CHECK_EQ(info.version, 2);
    CHECK_EQ(mal_audit_log_size(h.log), 3);
    CHECK_OK(mal_audit_log_read(h.log, &entry, 2));
    CHECK_OK(mal_audit_dsse_parse(&dsse, h.arena, mal_buf_view(&entry)));
    CHECK_OK(mal_audit_statement_parse(&s, h.arena, dsse->payload));
    CHECK_STR(s->kind, "deletion");
    CHECK_STR(mal_audit_statement_field(s, "version"), "1");
    CHECK(!mal_file_exists(in_house(&h, "store/data-1/manifest")));
    CHECK_OK(
        mal_store_remove(h.store, h.contract->room_id, "acme.customers", 0));
    CHECK_OK(add(&h, HEADER "a@x.org,north,20,1,\n"));
    CHECK_EQ(h.report.version, 3); /* a number is never given again */
}

TEST_MAIN
