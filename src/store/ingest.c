/* ingest.c - from a file to a visible version, or to nothing.
 *
 *   read  -> judge -> stage        judged rows, under a key that is never
 * stored bound contributions            which of them stay FILLING: key,
 * segments, manifest, commitment; everything synced SEALED:  one transaction
 * with statement and signed envelope log it; VISIBLE
 *
 * Nothing is written under a lasting name before FILLING, which open undoes;
 * from SEALED on, open carries on.
 */
#include "source.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct ingest {
    mal_store *store;
    mal_store_report *report;
    mal_arena *arena;
    const mal_store_options *options;
    store_schema *schema;
    mal_key pseudonym; /* the room's key; random for a dry run before there is
                          one */
    mal_prim_hash pseudonym_commitment;
    store_source source;
    store_judge *judge;
    store_stage *stage;
    store_block *block;
    mal_buf dropped;
    uint64_t kept;
} ingest;

static void ingest_clear(ingest *in) {
    mal_key_clear(&in->pseudonym);
    mal_store_source_clear(&in->source);
    mal_store_judge_auto(&in->judge);
    mal_store_stage_auto(&in->stage);
    mal_store_block_auto(&in->block);
    mal_buf_clear(&in->dropped);
}

/* --- Before reading ------------------------------------------------------ */

static mal_err check_owner(const mal_kms *kms,
                           const mal_policy_contract *contract,
                           const char *name) {
    uint32_t at = mal_policy_dataset_find(contract, name);
    uint8_t identity[32];

    MAL_REQUIRE(at != MAL_POLICY_NONE, MAL_E_MISSING,
                "the contract declares no dataset %s", name);
    const mal_policy_party *owner =
        &contract->parties[contract->datasets[at].owner];
    mal_kms_identity(kms, identity);
    MAL_REQUIRE(mal_equal(identity, owner->identity, 32), MAL_E_DENIED,
                "%s belongs to %s; this node is %s", name, owner->name,
                mal_kms_party(kms));
    return MAL_OK;
}

/* A dry run may come before the owners have made the room's key: any key will
 * do to count. */
static mal_err get_pseudonym_key(ingest *in) {
    if (!mal_store_schema_has_ids(in->schema))
        return MAL_OK;
    mal_err err =
        mal_kms_pseudonym_key(in->store->kms, &in->pseudonym, in->schema->room);
    if (err == MAL_E_STATE && in->options->dry_run) {
        mal_err_forget();
        MAL_TRY(mal_key_alloc(&in->pseudonym, 32));
        mal_prim_random(in->pseudonym.ptr, 32);
        return MAL_OK;
    }
    MAL_TRY(err);
    return mal_kms_pseudonym_commitment(
        in->store->kms, &in->pseudonym_commitment, in->schema->room);
}

static mal_err prepare(ingest *in, const mal_policy_contract *contract,
                       const char *name, const char *path) {
    mal_store_report *report = in->report;

    MAL_TRY(check_owner(in->store->kms, contract, name));
    MAL_TRY(mal_store_schema_make(&in->schema, in->arena, contract, name));
    *report = (mal_store_report){ .n_columns = in->schema->n };
    report->columns =
        mal_arena_calloc(in->arena, in->schema->n, sizeof *report->columns);
    MAL_REQUIRE(report->columns, MAL_E_MEMORY, "out of memory");
    for (unsigned i = 0; i < in->schema->n; i++) {
        report->columns[i].name =
            mal_arena_strdup(in->arena, in->schema->columns[i].name);
        MAL_REQUIRE(report->columns[i].name, MAL_E_MEMORY, "out of memory");
    }
    MAL_TRY(get_pseudonym_key(in));
    MAL_TRY(mal_store_block_new(&in->block, in->schema));
    MAL_TRY(mal_store_judge_new(&in->judge, in->schema,
                                in->pseudonym.ptr ? &in->pseudonym : NULL,
                                in->options, report));
    MAL_TRY(mal_store_stage_new(&in->stage, in->store->dir, in->schema));
    return mal_store_source_open(&in->source, path, in->options);
}

/* --- Reading and choosing ------------------------------------------------ */

static mal_err read_all(ingest *in) {
    mal_duck_batch cells;
    uint64_t malformed;

    MAL_TRY(mal_store_source_begin(&in->source, in->schema));
    for (;;) {
        MAL_TRY(mal_store_source_next(&in->source, &cells));
        if (cells.rows == 0)
            break;
        MAL_TRY(mal_store_judge_rows(in->judge, in->block, &cells));
        MAL_TRY(mal_store_stage_add(in->stage, in->block));
        MAL_TRY(mal_progress_step(in->options->progress, "read",
                                  in->report->rows_read, 0));
        /* Far beyond the bound, no choice of rows can bring it back. */
        if (in->schema->unit == STORE_NONE)
            MAL_REQUIRE(mal_store_stage_rows(in->stage) <= in->schema->rows_max,
                        MAL_E_LIMIT,
                        "%s declares at most %llu rows, and the file has more",
                        in->schema->dataset,
                        (unsigned long long)in->schema->rows_max);
    }
    MAL_TRY(mal_store_source_end(&in->source, &malformed));
    in->report->rows_dropped[MAL_STORE_DROP_SHAPE] = malformed;
    in->report->rows_read += malformed;
    in->report->cpu_ns = mal_duck_cpu_ns(in->source.duck);
    mal_duck_auto(&in->source.duck);
    return MAL_OK;
}

static mal_err choose(ingest *in) {
    uint8_t key[MAL_PRIM_HASH] = { 0 };
    uint64_t dropped = 0;

    if (in->schema->unit != STORE_NONE) {
        MAL_TRY(mal_prim_hkdf(key, sizeof key, mal_key_view(&in->pseudonym),
                              mal_bytes_of(in->schema->room, 32),
                              mal_bytes_str("malus store sample v1")));
        mal_err err = mal_store_sample(&in->dropped, &dropped, in->stage,
                                       in->schema, key, in->options->progress);
        mal_wipe(key, sizeof key);
        MAL_TRY(err);
    }
    in->report->rows_dropped[MAL_STORE_DROP_CONTRIBUTION] = dropped;
    in->kept = mal_store_stage_rows(in->stage) - dropped;
    in->report->rows_stored = in->kept;
    MAL_REQUIRE(in->kept <= in->schema->rows_max, MAL_E_LIMIT,
                "%s declares at most %llu rows, and %llu would be stored; "
                "split the file or amend the contract",
                in->schema->dataset, (unsigned long long)in->schema->rows_max,
                (unsigned long long)in->kept);
    return MAL_OK;
}

/* --- Writing ------------------------------------------------------------- */

typedef struct writer {
    ingest *in;
    const char *dir;
    store_keys keys;
    store_place place;
    store_commit *commit;
    store_block *out; /* the segment being filled */
    uint32_t segment;
} writer;

static void writer_clear(writer *w) {
    mal_store_keys_clear(&w->keys);
    mal_store_commit_auto(&w->commit);
    mal_store_block_auto(&w->out);
}

static mal_err flush(writer *w) {
    if (w->out->rows == 0)
        return MAL_OK;
    MAL_TRY(mal_store_commit_add(w->commit, w->out));
    MAL_TRY(mal_store_segment_write(w->dir, &w->keys, &w->place, w->segment,
                                    w->out, w->in->schema->columns));
    w->segment++;
    w->out->rows = 0;
    return mal_progress_step(w->in->options->progress, "write", w->segment,
                             w->place.segments);
}

static bool is_dropped(const mal_buf *dropped, uint64_t row) {
    return dropped->len && (dropped->ptr[row / 8] >> (row % 8)) & 1;
}

/* The kept rows of one staged block, in runs. */
static mal_err write_block(writer *w, uint64_t first) {
    const store_block *b = w->in->block;

    for (size_t from = 0; from < b->rows;) {
        size_t room = MAL_STORE_SEGMENT_ROWS - w->out->rows, n = 0;
        if (is_dropped(&w->in->dropped, first + from)) {
            from++;
            continue;
        }
        while (from + n < b->rows && n < room &&
               !is_dropped(&w->in->dropped, first + from + n))
            n++;
        mal_store_block_copy(w->out, b, from, n);
        from += n;
        if (w->out->rows == MAL_STORE_SEGMENT_ROWS)
            MAL_TRY(flush(w));
    }
    return MAL_OK;
}

static mal_err write_rows(writer *w) {
    ingest *in = w->in;
    uint64_t first = 0;

    for (size_t i = 0; i < mal_store_stage_blocks(in->stage); i++) {
        MAL_TRY(mal_store_stage_read(in->stage, in->block, i));
        MAL_TRY(write_block(w, first));
        first += in->block->rows;
    }
    MAL_TRY(flush(w));
    assert(w->segment == w->place.segments);
    return MAL_OK;
}

static mal_err write_manifest(writer *w) {
    const store_manifest m = {
        .rows = w->in->kept,
        .unit = w->in->schema->unit,
        .rows_max = w->in->schema->rows_max,
        .contributes_max = w->in->schema->contributes_max,
        .units_max = w->in->schema->units_max,
        .n = w->in->schema->n,
        .columns = w->in->schema->columns,
    };
    return mal_store_manifest_write(w->dir, &w->keys, &w->place, &m);
}

static mal_err begin_files(writer *w, const store_entry *e) {
    MAL_AUTO(mal_key_clear) mal_key data = { 0 };
    ingest *in = w->in;
    mal_kms_binding binding = mal_store_entry_binding(e);
    char *dir;

    MAL_TRY(mal_store_entry_dir(in->store, &dir, in->arena, e));
    w->dir = dir;
    w->place = (store_place){
        .room = e->room,
        .dataset = e->dataset,
        .version = e->version,
        .segments = mal_store_segments(in->kept),
    };
    MAL_TRY(mal_dir_make(dir, 0700));
    MAL_TRY(mal_kms_data_new(in->store->kms, &data, &binding));
    MAL_TRY(mal_store_keys_derive(&w->keys, &data));
    MAL_TRY(mal_store_block_new(&w->out, in->schema));
    return mal_store_commit_new(&w->commit, in->schema->columns, in->schema->n,
                                in->schema->rows_max, &w->keys.salt);
}

static uint64_t bytes_on_disk(const char *dir, uint32_t segments) {
    uint64_t sum = 0;
    struct stat st;
    char path[4096];

    for (uint32_t i = 0; i <= segments; i++) {
        if (i < segments)
            snprintf(path, sizeof path, "%s/segment-%08x", dir, i);
        else
            snprintf(path, sizeof path, "%s/manifest", dir);
        if (stat(path, &st) == 0)
            sum += (uint64_t)st.st_size;
    }
    return sum;
}

/* Everything of a FILLING entry, and the transaction that seals it. */
static mal_err fill(ingest *in, store_entry *e) {
    MAL_AUTO(writer_clear) writer w = { .in = in };
    MAL_AUTO(mal_buf_clear) mal_buf statement = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf envelope = { 0 };
    mal_prim_hash root;

    MAL_TRY(begin_files(&w, e));
    MAL_TRY(write_rows(&w));
    MAL_TRY(write_manifest(&w));
    MAL_TRY(mal_dir_sync(w.dir));
    MAL_TRY(mal_dir_sync(in->store->dir));
    MAL_TRY(mal_store_commit_root(&root, w.commit));
    memcpy(e->root, root.b, 32);
    memcpy(in->report->root, root.b, 32);
    e->bytes = bytes_on_disk(w.dir, w.segment);
    e->log_from = (int64_t)mal_audit_log_size(in->store->log);
    MAL_TRY(mal_store_statement_encode(&statement, in->schema, e->version,
                                       &in->pseudonym_commitment, &root));
    MAL_TRY(mal_store_envelope_dataset(in->store, &envelope, e,
                                       mal_buf_view(&statement)));
    return mal_store_entry_seal(in->store, e, mal_buf_view(&statement),
                                mal_buf_view(&envelope));
}

static mal_err write_version(ingest *in) {
    store_entry e;

    MAL_REQUIRE(in->store->log, MAL_E_STATE,
                "an ingest is logged: open the store with its log");
    MAL_TRY(mal_store_entry_add(in->store, &e, in->schema));
    mal_err err = fill(in, &e);
    if (err != MAL_OK) {
        /* Leave no trace now; if even that fails, open does it. */
        char why[512];
        snprintf(why, sizeof why, "%s", mal_err_message());
        if (mal_store_abandon(in->store, &e) != MAL_OK)
            mal_err_forget();
        MAL_FAIL(err, "%s", why);
    }
    MAL_TRY(mal_store_finish_add(in->store, &e));
    in->report->version = e.version;
    in->report->log_index = (uint64_t)e.log_index;
    in->report->bytes = e.bytes;
    return MAL_OK;
}

static mal_err run(ingest *in, const mal_policy_contract *contract,
                   const char *name, const char *path) {
    MAL_TRY(prepare(in, contract, name, path));
    MAL_TRY(read_all(in));
    MAL_TRY(choose(in));
    if (in->options->dry_run)
        return MAL_OK;
    pthread_mutex_lock(&in->store->changing);
    mal_err err = write_version(in);
    pthread_mutex_unlock(&in->store->changing);
    return err;
}

mal_err mal_store_add(mal_store *store, mal_store_report *report,
                      mal_arena *arena, const mal_policy_contract *contract,
                      const char *name, const char *path,
                      const mal_store_options *options) {
    static const mal_store_options none = { 0 };
    uint64_t cpu = mal_time_cpu_ns();
    MAL_AUTO(ingest_clear)
    ingest in = {
        .store = store,
        .report = report,
        .arena = arena,
        .options = options ? options : &none,
        .source = { .fd = -1 },
    };

    *report = (mal_store_report){ 0 };
    MAL_TRY(run(&in, contract, name, path));
    report->cpu_ns += mal_time_cpu_ns() - cpu;
    return MAL_OK;
}
