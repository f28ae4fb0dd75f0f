/* receipt.c - from a job's messages to one file, and from the file to a
 * verdict. */
#include "room_impl.h"

#include <stdio.h>
#include <string.h>

#define OPENINGS_MAX 512
#define RECEIPT_ARENA ((size_t)600 << 20)

/* --- Making -------------------------------------------------------------- */

static mal_err read_openings(mal_audit_receipt *r, mal_audit_opening *list,
                             mal_arena *arena, mal_bytes json) {
    MAL_AUTO(mal_json_auto) mal_json *array = NULL;
    MAL_TRY(mal_json_parse(&array, json, MAL_AUDIT_RECEIPT_MAX));
    for (size_t i = 0; i < mal_json_len(array); i++) {
        const mal_json *o = mal_json_at(array, i);
        const char *name, *value;
        MAL_REQUIRE(r->n_openings < OPENINGS_MAX, MAL_E_LIMIT,
                    "more than %d openings", OPENINGS_MAX);
        mal_audit_opening *open = &list[r->n_openings++];
        MAL_TRY(mal_json_get_str(o, "name", &name));
        MAL_TRY(mal_json_get_str(o, "value", &value));
        MAL_TRY(mal_json_get_hex(o, "salt", open->salt, 32));
        open->name = mal_arena_strdup(arena, name);
        char *copy = mal_arena_strdup(arena, value);
        if (!open->name || !copy)
            return MAL_E_MEMORY;
        open->value = mal_bytes_str(copy);
    }
    return MAL_OK;
}

static mal_err open_openings(mal_room *room, mal_audit_receipt *r,
                             mal_audit_opening *list, mal_arena *arena,
                             const mal_buf *sealed, const room_id *job) {
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 };
    mal_bytes intent, result;
    MAL_TRY(mal_kms_hpke_open(room->config.kms, &plain,
                              mal_bytes_str("malus openings v1"),
                              mal_bytes_of(job->b, 32), mal_buf_view(sealed)));
    mal_rd rd = mal_rd_of(mal_buf_view(&plain));
    MAL_TRY(mal_rd_blob(&rd, &intent, MAL_AUDIT_RECEIPT_MAX));
    MAL_TRY(mal_rd_blob(&rd, &result, MAL_AUDIT_RECEIPT_MAX));
    MAL_TRY(mal_rd_end(&rd));
    MAL_TRY(read_openings(r, list, arena, intent));
    return read_openings(r, list, arena, result);
}

static mal_err read_part(mal_room *room, mal_audit_part *part, uint32_t party,
                         const mal_buf *intent, const mal_buf *result) {
    mal_bytes body;
    part->party = room->contract->parties[party].name;
    MAL_TRY(room_open_signed(room, &body, mal_buf_view(intent),
                             "malus/intent/v1", party));
    mal_rd rd = mal_rd_of(body);
    MAL_TRY(mal_rd_blob(&rd, &part->intent, ROOM_MESSAGE_MAX));
    MAL_TRY(mal_rd_blob(&rd, &part->intent_proof, ROOM_MESSAGE_MAX));
    MAL_TRY(mal_rd_blob(&rd, &part->keys[0], MAL_KMS_STATEMENT_MAX));
    MAL_TRY(mal_rd_blob(&rd, &part->keys[1], MAL_KMS_STATEMENT_MAX));
    MAL_TRY(mal_rd_end(&rd));
    part->n_keys = 2;
    MAL_TRY(room_open_signed(room, &body, mal_buf_view(result),
                             "malus/result/v1", party));
    rd = mal_rd_of(body);
    MAL_TRY(mal_rd_blob(&rd, &part->result, ROOM_MESSAGE_MAX));
    MAL_TRY(mal_rd_blob(&rd, &part->result_proof, ROOM_MESSAGE_MAX));
    return mal_rd_end(&rd);
}

mal_err room_receipt_make(mal_room *room, mal_buf *receipt,
                          const room_judged *judged, const mal_buf *intents,
                          const mal_buf *results, const mal_buf *openings,
                          const room_id *job) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(RECEIPT_ARENA);
    mal_audit_receipt *r = arena ? mal_arena_alloc(arena, sizeof *r) : NULL;
    mal_audit_opening *list =
        arena ? mal_arena_calloc(arena, OPENINGS_MAX, sizeof *list) : NULL;
    if (!r || !list)
        return MAL_E_MEMORY;
    room_disclosed d;
    MAL_TRY(room_disclose(&d, arena, room, judged));
    r->contract_signatures = mal_buf_view(&room->bundle);
    r->engine = mal_policy_engine_name(judged->engine);
    r->leakage = d.leakage;
    r->trust = d.trust;
    r->not_proved = d.not_proved;
    r->openings = list;
    const room_members *m = &judged->members;
    MAL_REQUIRE(m->n <= MAL_AUDIT_OWNERS_MAX, MAL_E_LIMIT,
                "a receipt holds at most %d owners", MAL_AUDIT_OWNERS_MAX);
    for (unsigned i = 0; i < m->n; i++) {
        MAL_TRY(read_part(room, &r->parts[r->n_parts++], m->at[i], &intents[i],
                          &results[i]));
        MAL_TRY(open_openings(room, r, list, arena, &openings[i], job));
    }
    return mal_audit_receipt_write(receipt, r);
}

/* --- Verifying ----------------------------------------------------------- */

typedef struct reading {
    mal_arena *arena;
    mal_audit_receipt *receipt;
    const mal_policy_contract *contract;
    mal_audit_report report;
    /* The answer, where the openings allow to recompute it. */
    mal_sql_table table;
    bool recomputed;
    const char *question, *requester;
    uint64_t epsilon_nano;
} reading;

static const mal_audit_opening *opened(const reading *r, const char *name,
                                       size_t *from) {
    for (size_t i = *from; i < r->receipt->n_openings; i++)
        if (strcmp(r->receipt->openings[i].name, name) == 0) {
            *from = i + 1;
            return &r->receipt->openings[i];
        }
    return NULL;
}

static mal_err verify_claims(reading *r, mal_bytes receipt) {
    mal_bytes text;
    mal_policy_contract *c;
    MAL_TRY(mal_audit_receipt_parse(&r->receipt, r->arena, receipt));
    MAL_TRY(mal_audit_receipt_contract(&text, r->arena, r->receipt));
    MAL_TRY(mal_policy_parse(&c, r->arena, text));
    MAL_REQUIRE(mal_bytes_same_vartime(c->canonical, text), MAL_E_AUTH,
                "the contract in the receipt is not in canonical form");
    r->contract = c;
    mal_audit_party *parties =
        mal_arena_calloc(r->arena, c->n_parties, sizeof *parties);
    if (!parties)
        return MAL_E_MEMORY;
    mal_policy_set members =
        mal_policy_members(c, mal_policy_engine_find(r->receipt->engine));
    for (uint32_t i = 0; i < c->n_parties; i++) {
        parties[i].seat = members >> i & 1;
        parties[i].name = c->parties[i].name;
        parties[i].owner = c->parties[i].roles & MAL_POLICY_OWNER;
        memcpy(parties[i].identity_pub, c->parties[i].identity, 32);
    }
    return mal_audit_receipt_verify(&r->report, r->arena, receipt, parties,
                                    c->n_parties, c->room_id, NULL, 0,
                                    mal_time_unix());
}

static mal_err read_question(reading *r, bool *prenoise) {
    size_t at = 0;
    const mal_audit_opening *o = opened(r, MAL_AUDIT_C_REQUEST, &at);
    if (!o)
        return MAL_OK;
    MAL_AUTO(mal_json_auto) mal_json *json = NULL;
    const char *text;
    MAL_TRY(mal_json_parse(&json, o->value, MAL_AUDIT_RECEIPT_MAX));
    MAL_TRY(mal_json_get_str(json, "text", &text));
    r->question = mal_arena_strdup(r->arena, text);
    MAL_TRY(mal_json_get_str(json, "requester", &text));
    r->requester = mal_arena_strdup(r->arena, text);
    MAL_TRY(mal_json_get_bool(json, "prenoise", prenoise));
    MAL_TRY(mal_json_get_u64(json, "epsilon_nano", &r->epsilon_nano));
    return r->question && r->requester ? MAL_OK : MAL_E_MEMORY;
}

/* sum, clear and share3: the answer is the sum of what those who computed
 * committed to as their outputs, so whoever has the openings can add it up
 * again.  A seat of share3 committed to two parts: its own stands first. */
static mal_err recompute(reading *r) {
    const mal_sql_plan *plan;
    const mal_sql_physical *p;
    mal_sql_split_options options = { false };
    size_t at = 0, outputs = 0;
    bool share3 = strcmp(r->receipt->engine, "share3") == 0;
    if (!r->question || (strcmp(r->receipt->engine, "sum") != 0 &&
                         strcmp(r->receipt->engine, "clear") != 0 && !share3))
        return MAL_OK;
    size_t parts = share3 ? 2 : 1;
    MAL_TRY(mal_sql_plan_from_text(&plan, r->arena, r->contract,
                                   mal_bytes_str(r->question)));
    mal_err err = mal_sql_split(&p, r->arena, plan, r->contract, &options);
    if (err != MAL_OK && share3) { /* of rows: a join on shares, a model */
        options.share3 = true;
        err = mal_sql_split(&p, r->arena, plan, r->contract, &options);
    }
    if (err != MAL_OK) {
        mal_err_forget(); /* a plan of rows: there is nothing to add up */
        return MAL_OK;
    }
    const mal_audit_opening *physical = opened(r, "physical", &at);
    if (physical &&
        !mal_bytes_same_vartime(physical->value, mal_bytes_str(p->text))) {
        options.group_count = true;
        MAL_TRY(mal_sql_split(&p, r->arena, plan, r->contract, &options));
    }
    size_t n = p->n_cells * p->n_aggs;
    int64_t *cells = mal_arena_calloc(r->arena, n, sizeof *cells);
    uint8_t *words = mal_arena_alloc(r->arena, parts * n * 8);
    if (!cells || !words)
        return MAL_E_MEMORY;
    at = 0;
    for (const mal_audit_opening *o; (o = opened(r, "output", &at));) {
        if (o->value.len == 0)
            continue;
        char *hex = mal_arena_strndup(r->arena, (const char *)o->value.ptr,
                                      o->value.len);
        if (!hex)
            return MAL_E_MEMORY;
        if (mal_hex_decode(words, parts * n * 8, hex) != MAL_OK)
            return MAL_OK; /* a long output: only its hash is here */
        outputs++;
        for (size_t i = 0; i < n; i++)
            cells[i] =
                (int64_t)((uint64_t)cells[i] + mal_load_u64le(words + 8 * i));
    }
    if (outputs != (share3 ? MAL_POLICY_SEATS : p->n_parts))
        return MAL_OK;
    mal_sql_finish_options finish = { 0 };
    MAL_TRY(mal_sql_finish(&r->table, r->arena, p, cells, NULL, &finish));
    r->recomputed = true;
    return MAL_OK;
}

static mal_err print_lines(mal_buf *out, const char *title,
                           const mal_audit_lines *lines) {
    MAL_TRY(mal_buf_put_fmt(out, "\n%s\n", title));
    for (size_t i = 0; i < lines->n; i++)
        MAL_TRY(mal_buf_put_fmt(out, "  - %s\n", lines->line[i]));
    return MAL_OK;
}

static mal_err print_text(mal_buf *out, const reading *r) {
    const mal_audit_report *rep = &r->report;
    size_t failed = 0;
    for (size_t i = 0; i < rep->n_claims; i++)
        failed += !rep->claims[i].ok;
    MAL_TRY(mal_buf_put_fmt(out, "room      \"%s\" version %u, %s\n",
                            r->contract->name, r->contract->version,
                            rep->room));
    MAL_TRY(mal_buf_put_fmt(out, "contract  sha256:%s\njob       %s\n",
                            rep->contract_sha256, rep->job));
    MAL_TRY(mal_buf_put_fmt(out, "engine    %s\n", rep->engine));
    if (r->question)
        MAL_TRY(mal_buf_put_fmt(
            out,
            "question  %s\n          asked by %s, epsilon "
            "%llu.%09llu\n",
            r->question, r->requester,
            (unsigned long long)(r->epsilon_nano / 1000000000u),
            (unsigned long long)(r->epsilon_nano % 1000000000u)));
    MAL_TRY(mal_buf_put_str(out, "\nChecked\n"));
    for (size_t i = 0; i < rep->n_claims; i++)
        MAL_TRY(mal_buf_put_fmt(out, "  %s %s\n",
                                rep->claims[i].ok ? "ok  " : "FAIL",
                                rep->claims[i].text));
    MAL_TRY(
        print_lines(out, "Learned beyond the answer", &r->receipt->leakage));
    MAL_TRY(print_lines(out, "Who must be believed", &r->receipt->trust));
    MAL_TRY(print_lines(out, "Not proved", &rep->not_proved));
    if (r->recomputed) {
        MAL_TRY(mal_buf_put_str(out, "\nThe answer, added up again from the "
                                     "owners' committed outputs\n"));
        MAL_TRY(mal_sql_table_print(out, &r->table));
    }
    return failed ? mal_buf_put_fmt(out, "\nINVALID: %zu of %zu claims fail\n",
                                    failed, rep->n_claims)
                  : mal_buf_put_fmt(out, "\nvalid: all %zu claims hold\n",
                                    rep->n_claims);
}

static mal_err put_lines(mal_json *o, const char *key,
                         const mal_audit_lines *lines) {
    mal_json *list;
    MAL_TRY(mal_json_put_array(o, key, &list));
    for (size_t i = 0; i < lines->n; i++)
        MAL_TRY(mal_json_add_str(list, lines->line[i]));
    return MAL_OK;
}

static mal_err print_json(mal_buf *out, const reading *r) {
    const mal_audit_report *rep = &r->report;
    MAL_AUTO(mal_json_auto) mal_json *o = NULL;
    mal_json *list, *one;
    MAL_TRY(mal_json_new_object(&o));
    MAL_TRY(mal_json_put_bool(o, "valid", rep->ok));
    MAL_TRY(mal_json_put_str(o, "room", rep->room));
    MAL_TRY(mal_json_put_str(o, "contract", rep->contract_sha256));
    MAL_TRY(mal_json_put_str(o, "job", rep->job));
    MAL_TRY(mal_json_put_str(o, "engine", rep->engine));
    if (r->question)
        MAL_TRY(mal_json_put_str(o, "question", r->question));
    MAL_TRY(mal_json_put_array(o, "claims", &list));
    for (size_t i = 0; i < rep->n_claims; i++) {
        MAL_TRY(mal_json_add_object(list, &one));
        MAL_TRY(mal_json_put_bool(one, "ok", rep->claims[i].ok));
        MAL_TRY(mal_json_put_str(one, "text", rep->claims[i].text));
    }
    MAL_TRY(put_lines(o, "leakage", &r->receipt->leakage));
    MAL_TRY(put_lines(o, "trust", &r->receipt->trust));
    MAL_TRY(put_lines(o, "not_proved", &rep->not_proved));
    if (r->recomputed) {
        MAL_AUTO(mal_buf_clear) mal_buf table = { 0 };
        MAL_AUTO(mal_json_auto) mal_json *answer = NULL;
        MAL_TRY(mal_sql_table_json(&table, &r->table));
        MAL_TRY(mal_json_parse(&answer, mal_buf_view(&table),
                               MAL_AUDIT_RECEIPT_MAX));
        MAL_TRY(mal_json_put(o, "answer", answer));
    }
    return mal_json_dump_pretty(out, o);
}

mal_err mal_room_receipt_verify(mal_buf *report, mal_bytes receipt, bool json) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(RECEIPT_ARENA);
    reading *r = arena ? mal_arena_alloc(arena, sizeof *r) : NULL;
    if (!r)
        return MAL_E_MEMORY;
    bool prenoise = false;
    r->arena = arena;
    MAL_TRY(verify_claims(r, receipt));
    if (r->report.ok) {
        MAL_TRY(read_question(r, &prenoise));
        MAL_TRY(recompute(r));
    }
    MAL_TRY(json ? print_json(report, r) : print_text(report, r));
    MAL_REQUIRE(r->report.ok, MAL_E_AUTH,
                "the receipt does not hold: see the claims that fail");
    return MAL_OK;
}
