/* refuse_store.c - files that do not fit, segments that were touched. */
#include "store_test.h"

#include <sys/stat.h>

#define HEADER "email,region,age,spend,ssn\n"
#define STRICT ((mal_store_options){ .strict = true })

static bool says(const char *what) {
    bool found = strstr(mal_err_message(), what) != NULL;
    if (!found)
        printf("# says: %s\n", mal_err_message());
    return found;
}

static size_t versions(house *h) {
    mal_store_info *infos;
    size_t n;
    CHECK_OK(mal_store_list(h->store, &infos, &n, h->arena));
    return n;
}

/* --- Files --------------------------------------------------------------- */

TEST(a_header_that_lacks_doubles_or_breaks_a_column_is_refused) {
    MAL_AUTO(house_clear) house h = { 0 };
    house_make(&h, CUSTOMERS, 1000);
    CHECK_ERR(add(&h, "email,region,age\na@x.org,north,20\n"), MAL_E_INPUT);
    CHECK(says("no column spend"));
    CHECK_ERR(add(&h, "email,region,age,spend,SPEND\n"), MAL_E_INPUT);
    CHECK(says("two columns"));
    CHECK_ERR(add(&h, "email,region,\"age,spend\n"), MAL_E_INPUT);
    CHECK_ERR(add(&h, "email,region,age,\"spend\"x\n"), MAL_E_INPUT);
    CHECK_ERR(add(&h, ""), MAL_E_INPUT);
    CHECK(says("empty"));
    CHECK_EQ(versions(&h), 0);
}

TEST(strict_refuses_each_kind_of_bad_row_and_says_where) {
    static const struct {
        const char *row, *says;
    } cases[] = {
        { ",north,20,1,\n", "row 2 (line 3" },
        { "nobody,north,20,1,\n", "column email: \"nobody\"" },
        { "b@x.org,north,,1,\n", "column age" },
        { "b@x.org,north,20,1.005,\n", "column spend: \"1.005\"" },
        { "b@x.org,north,20,12,50,s\n", "DuckDB" }, /* a comma too many */
        { "b@x.org,north,20,5000.01,\n", "declared range" },
        { "b@x.org,north,20,-0.01,\n", "declared range" },
        { "b@x.org,north\n", "DuckDB" },
        { "b@x.org,\"north\"x,20,1,\n", "DuckDB" },
        { "b@x.org,nor\xffth,20,1,\n", "DuckDB" }, /* not UTF-8 */
    };
    MAL_AUTO(house_clear) house h = { 0 };
    house_make(&h, CUSTOMERS, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char csv[256];
        snprintf(csv, sizeof csv, HEADER "a@x.org,north,20,1,\n%s",
                 cases[i].row);
        CHECK_ERR(add_with(&h, csv, STRICT), MAL_E_INPUT);
        CHECK(says(cases[i].says));
    }
    CHECK_EQ(versions(&h), 0);
    CHECK_EQ(mal_audit_log_size(h.log), 0);
}

TEST(more_rows_than_declared_are_refused) {
    MAL_AUTO(house_clear) house h = { 0 };
    house_make(&h, CUSTOMERS, 2);
    CHECK_ERR(add(&h, HEADER "a@x.org,north,20,1,\nb@x.org,north,20,1,\n"
                             "c@x.org,north,20,1,\n"),
              MAL_E_LIMIT);
    CHECK(says("at most 2 rows"));
    /* Rows beyond a unit's bound do not count. */
    CHECK_OK(add(&h, HEADER "a@x.org,north,20,1,\na@x.org,north,20,2,\n"
                            "a@x.org,north,20,3,\n"));
    CHECK_EQ(h.report.rows_stored, 2);
}

TEST(a_file_that_is_not_there_no_file_or_not_ours_is_refused) {
    MAL_AUTO(house_clear) house h = { 0 };
    house_make(&h, CUSTOMERS, 1000);
    CHECK_ERR(mal_store_add(h.store, &h.report, h.arena, h.contract,
                            "acme.customers", "/no/such/file.csv", NULL),
              MAL_E_MISSING);
    CHECK_ERR(mal_store_add(h.store, &h.report, h.arena, h.contract,
                            "acme.customers", "/tmp", NULL),
              MAL_E_INPUT);
    CHECK_ERR(mal_store_add(h.store, &h.report, h.arena, h.contract,
                            "retail.visits", "/tmp/x.csv", NULL),
              MAL_E_DENIED);
    CHECK(says("belongs to retail"));
    CHECK_ERR(mal_store_add(h.store, &h.report, h.arena, h.contract,
                            "acme.nothing", "/tmp/x.csv", NULL),
              MAL_E_MISSING);
    CHECK_ERR(add_with(&h, "no parquet at all",
                       (mal_store_options){ .format = MAL_STORE_PARQUET }),
              MAL_E_INPUT);
    CHECK_ERR(add_with(&h, HEADER, (mal_store_options){ .delimiter = '\'' }),
              MAL_E_INPUT);
}

TEST(a_room_without_a_pseudonym_key_takes_a_dry_run_only) {
    MAL_AUTO(house_clear) house h = { 0 };
    house_make(&h, CUSTOMERS, 1000);
    CHECK_OK(mal_kms_pseudonym_destroy(h.kms, h.contract->room_id));
    CHECK_ERR(add(&h, HEADER "a@x.org,north,20,1,\n"), MAL_E_STATE);
    CHECK_OK(add_with(&h, HEADER "a@x.org,north,20,1,\n",
                      (mal_store_options){ .dry_run = true }));
}

static mal_err stop_after_first(void *ctx, const char *stage, uint64_t done,
                                uint64_t total) {
    (void)stage, (void)done, (void)total;
    return ++*(int *)ctx > 1 ? MAL_E_CANCEL : MAL_OK;
}

TEST(a_cancelled_ingest_leaves_nothing) {
    MAL_AUTO(house_clear) house h = { 0 };
    int calls = 0;
    mal_progress progress = { stop_after_first, &calls };
    house_make(&h, CUSTOMERS, 1000);
    CHECK_ERR(add_with(&h, HEADER "a@x.org,north,20,1,\n",
                       (mal_store_options){ .progress = &progress }),
              MAL_E_CANCEL);
    CHECK_EQ(versions(&h), 0);
    CHECK(!mal_file_exists(in_house(&h, "store/data-1")));
    CHECK_OK(add(&h, HEADER "a@x.org,north,20,1,\n"));
    CHECK_EQ(h.report.version, 1);
}

/* --- Segments ------------------------------------------------------------ */

static mal_err read_spend(house *h, uint32_t version) {
    static const char *const name = "spend";
    mal_duck_batch b;
    return mal_store_read(h->store, &b, h->arena, h->contract->room_id,
                          "acme.customers", version, &name, 1);
}

static mal_err read_name(house *h, const char *name) {
    mal_duck_batch b;
    return mal_store_read(h->store, &b, h->arena, h->contract->room_id,
                          "acme.customers", 0, &name, 1);
}

static void load(mal_buf *out, const char *path) {
    mal_buf_reset(out);
    CHECK_OK(mal_file_read(out, path, 1 << 24));
}

static void save(const char *path, const mal_buf *bytes) {
    CHECK_OK(mal_file_write(path, mal_buf_view(bytes), 0600));
}

/* Two versions of two segments each. */
static void make_versions(house *h) {
    MAL_AUTO(mal_buf_clear) mal_buf csv = { 0 };
    const char *text;
    house_make(h, CUSTOMERS, 200000);
    CHECK_OK(mal_buf_put_str(&csv, HEADER));
    for (unsigned i = 0; i < 131072; i++)
        CHECK_OK(mal_buf_put_fmt(&csv, "u%u@x.org,north,20,1,\n", i));
    CHECK_OK(mal_buf_cstr(&csv, &text));
    CHECK_OK(add(h, text));
    CHECK_OK(add(h, text));
}

#define SEGMENT "store/data-1/segment-00000000"
#define SECOND "store/data-1/segment-00000001"
#define OTHER "store/data-2/segment-00000000"

TEST(altered_cut_swapped_and_missing_segments_are_refused) {
    MAL_AUTO(house_clear) house h = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf one = { 0 }, two = { 0 }, bad = { 0 };
    make_versions(&h);
    CHECK_OK(read_spend(&h, 1));
    load(&one, in_house(&h, SEGMENT));
    load(&two, in_house(&h, SECOND));
    for (size_t i = 0; i < 64; i++) { /* any bit of any column */
        size_t at = one.len / 64 * i + i;
        one.ptr[at] ^= (uint8_t)(1 << (i % 8));
        save(in_house(&h, SEGMENT), &one);
        CHECK_ERR(
            mal_store_check(h.store, h.contract->room_id, "acme.customers", 1),
            MAL_E_AUTH);
        one.ptr[at] ^= (uint8_t)(1 << (i % 8));
    }
    one.len--; /* cut */
    save(in_house(&h, SEGMENT), &one);
    CHECK_ERR(read_spend(&h, 1), MAL_E_AUTH);
    one.len++;
    save(in_house(&h, SEGMENT), &two); /* one segment in the other's place */
    CHECK_ERR(read_spend(&h, 1), MAL_E_AUTH);
    load(&bad, in_house(&h, OTHER)); /* another version's */
    save(in_house(&h, SEGMENT), &bad);
    CHECK_ERR(read_spend(&h, 1), MAL_E_AUTH);
    CHECK_OK(mal_file_remove(in_house(&h, SEGMENT)));
    CHECK_ERR(read_spend(&h, 1), MAL_E_AUTH);
    save(in_house(&h, SEGMENT), &one);
    CHECK_OK(read_spend(&h, 1));
    CHECK_OK(
        mal_store_check(h.store, h.contract->room_id, "acme.customers", 1));
}

TEST(a_column_in_another_columns_place_is_refused) {
    MAL_AUTO(house_clear) house h = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf file = { 0 };
    make_versions(&h);
    load(&file, in_house(&h, SEGMENT));
    /* email (16 bytes a row), then region, age, spend (8 bytes each). */
    size_t id = 65536 / 8 + 65536 * 16 + 16, word = 65536 / 8 + 65536 * 8 + 16;
    CHECK_EQ(file.len, id + 3 * word);
    memcpy(file.ptr + id + 2 * word, file.ptr + id + word, word);
    save(in_house(&h, SEGMENT), &file);
    CHECK_OK(read_name(&h, "age"));
    CHECK_ERR(read_spend(&h, 1), MAL_E_AUTH);
}

TEST(a_manifest_altered_swapped_or_missing_is_refused) {
    MAL_AUTO(house_clear) house h = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf one = { 0 }, two = { 0 };
    house_make(&h, CUSTOMERS, 1000);
    CHECK_OK(add(&h, HEADER "a@x.org,north,20,1,\n"));
    CHECK_OK(add(&h, HEADER "a@x.org,north,20,1,\nb@x.org,south,20,2,\n"));
    load(&one, in_house(&h, "store/data-1/manifest"));
    load(&two, in_house(&h, "store/data-2/manifest"));
    for (size_t i = 0; i < one.len; i++) {
        one.ptr[i] ^= 0x10;
        save(in_house(&h, "store/data-1/manifest"), &one);
        CHECK_ERR(read_spend(&h, 1), MAL_E_AUTH);
        one.ptr[i] ^= 0x10;
    }
    save(in_house(&h, "store/data-1/manifest"), &two);
    CHECK_ERR(read_spend(&h, 1), MAL_E_AUTH);
    CHECK_OK(mal_file_remove(in_house(&h, "store/data-1/manifest")));
    CHECK_ERR(read_spend(&h, 1), MAL_E_AUTH);
}

TEST(another_datasets_key_and_associated_data_open_nothing) {
    MAL_AUTO(house_clear) house h = { 0 };
    MAL_AUTO(mal_store_keys_clear) store_keys keys = { 0 }, other = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    store_manifest m;
    store_place place;
    store_entry e;
    mal_key wrong = { 0 };
    char *dir;
    house_make(&h, CUSTOMERS, 1000);
    CHECK_OK(add(&h, HEADER "a@x.org,north,20,1,\n"));
    CHECK_OK(mal_store_entry_find(h.store, &e, h.contract->room_id,
                                  "acme.customers", 0));
    CHECK_OK(mal_store_entry_dir(h.store, &dir, h.arena, &e));
    CHECK_OK(mal_store_entry_open(h.store, &keys, &m, &place, h.arena, &e));
    CHECK_OK(mal_store_segment_read(&plain, dir, &keys, &place, &m, 0, 3));

    CHECK_OK(mal_key_alloc(&wrong, 32));
    CHECK_OK(mal_store_keys_derive(&other, &wrong));
    mal_key_clear(&wrong);
    CHECK_ERR(mal_store_segment_read(&plain, dir, &other, &place, &m, 0, 3),
              MAL_E_AUTH);
    uint8_t room[32] = { 1 };
    store_place bent = place;
    bent.room = room;
    CHECK_ERR(mal_store_segment_read(&plain, dir, &keys, &bent, &m, 0, 3),
              MAL_E_AUTH);
    bent = place;
    bent.dataset = "acme.customer";
    CHECK_ERR(mal_store_segment_read(&plain, dir, &keys, &bent, &m, 0, 3),
              MAL_E_AUTH);
    bent = place;
    bent.version = 2;
    CHECK_ERR(mal_store_segment_read(&plain, dir, &keys, &bent, &m, 0, 3),
              MAL_E_AUTH);
    bent = place;
    bent.segments = 2;
    CHECK_ERR(mal_store_segment_read(&plain, dir, &keys, &bent, &m, 0, 3),
              MAL_E_AUTH);
    m.columns[3].name = "spent";
    CHECK_ERR(mal_store_segment_read(&plain, dir, &keys, &place, &m, 0, 3),
              MAL_E_AUTH);
}

TEST(what_is_not_there_is_missing) {
    MAL_AUTO(house_clear) house h = { 0 };
    uint8_t room[32] = { 9 };
    mal_store_info info;
    house_make(&h, CUSTOMERS, 1000);
    CHECK_ERR(read_spend(&h, 0), MAL_E_MISSING);
    CHECK_OK(add(&h, HEADER "a@x.org,north,20,1,\n"));
    CHECK_ERR(read_spend(&h, 2), MAL_E_MISSING);
    CHECK_ERR(read_name(&h, "ssn"), MAL_E_MISSING);
    CHECK_ERR(
        mal_store_find(h.store, &info, h.arena, room, "acme.customers", 0),
        MAL_E_MISSING);
    CHECK_ERR(
        mal_store_remove(h.store, h.contract->room_id, "acme.customers", 7),
        MAL_E_MISSING);
}

TEST(after_removal_a_kept_copy_of_the_files_opens_nothing) {
    MAL_AUTO(house_clear) house h = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf segment = { 0 }, manifest = { 0 };
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    store_entry e;
    house_make(&h, CUSTOMERS, 1000);
    CHECK_OK(add(&h, HEADER "a@x.org,north,20,1,\n"));
    CHECK_OK(mal_store_entry_find(h.store, &e, h.contract->room_id,
                                  "acme.customers", 0));
    load(&segment, in_house(&h, SEGMENT));
    load(&manifest, in_house(&h, "store/data-1/manifest"));
    CHECK_OK(
        mal_store_remove(h.store, h.contract->room_id, "acme.customers", 1));
    CHECK_OK(mal_dir_make(in_house(&h, "store/data-1"), 0700));
    save(in_house(&h, SEGMENT), &segment);
    save(in_house(&h, "store/data-1/manifest"), &manifest);
    CHECK_ERR(read_spend(&h, 1), MAL_E_MISSING);
    mal_kms_binding binding = mal_store_entry_binding(&e);
    CHECK_ERR(mal_kms_data_key(h.kms, &key, &binding), MAL_E_MISSING);
}

TEST(a_second_process_and_a_catalogue_of_the_future_are_refused) {
    MAL_AUTO(house_clear) house h = { 0 };
    MAL_AUTO(mal_store_auto) mal_store *second = NULL;
    house_make(&h, CUSTOMERS, 1000);
    CHECK_ERR(mal_store_open(&second, in_house(&h, "store"), h.kms, h.log),
              MAL_E_STATE);
    CHECK_OK(mal_db_set_version(h.store->db, 2));
    mal_store_close(h.store);
    h.store = NULL;
    CHECK_ERR(mal_store_open(&second, in_house(&h, "store"), h.kms, h.log),
              MAL_E_UNSUPPORTED);
}

TEST(every_altered_statement_is_refused_or_another) {
    MAL_AUTO(house_clear) house h = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf good = { 0 };
    mal_store_statement_view v;
    house_make(&h, CUSTOMERS, 1000);
    CHECK_OK(add(&h, HEADER "a@x.org,north,20,1,\n"));
    CHECK_OK(mal_store_statement(h.store, &good, h.contract->room_id,
                                 "acme.customers", 0));
    for (size_t n = 0; n < good.len; n++)
        CHECK_ERR(
            mal_store_statement_decode(&v, h.arena, mal_bytes_of(good.ptr, n)),
            MAL_E_INPUT);
    CHECK_OK(mal_buf_put_u8(&good, 0));
    CHECK_ERR(mal_store_statement_decode(&v, h.arena, mal_buf_view(&good)),
              MAL_E_INPUT);
}

TEST(a_contract_that_this_build_cannot_ingest_is_refused_by_name) {
    MAL_AUTO(house_clear) house h = { 0 };
    house_make(&h,
               "  email id normal meta@1\n"
               "  privacy unit email contributes at most 2 rows\n",
               1000);
    CHECK_ERR(add(&h, "email\na@x.org\n"), MAL_E_UNSUPPORTED);
    CHECK(says("meta@1"));
}

/* --- Failing allocations ------------------------------------------------- */

TEST(the_nth_failing_allocation_leaves_no_dataset_and_no_key) {
    MAL_AUTO(house_clear) house h = { 0 };
    const char *csv = HEADER "a@x.org,north,20,1,\n";
    mal_store_options options = { .timeout_ms = 5000 };
    house_make(&h, CUSTOMERS, 1000);
    CHECK_OK(add(&h, csv));
    /* Steps of a prime, so that the whole takes seconds. */
    for (uint64_t n = 1;; n += n < 40 ? 1 : 7) {
        size_t before = versions(&h);
        const char *path = write_csv(&h, csv);
        uint64_t start = mal_alloc_count();
        mal_alloc_fail_at(n);
        mal_err err = mal_store_add(h.store, &h.report, h.arena, h.contract,
                                    "acme.customers", path, &options);
        mal_alloc_fail_at(0);
        if (err == MAL_OK && n > mal_alloc_count() - start)
            break;
        if (err != MAL_OK) {
            /* What could not be finished or undone at once is at open. */
            house_reopen(&h);
            size_t after = versions(&h);
            CHECK(after == before || after == before + 1);
        }
        CHECK_OK(read_spend(&h, 0));
        CHECK(n < 3000);
    }
}

TEST_MAIN
