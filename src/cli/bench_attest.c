/* bench_attest.c - what it takes to judge evidence of hardware.
 *
 * From bytes to verdict, with nothing kept between two judgements: certificates
 * and collateral are read and checked anew each time. */
#include "cli_impl.h"
#include "evidence.h"

#include <malus/prim.h>
#include <string.h>

#define LIST_MAX ((size_t)16 << 20)

/* Judge it once, in memory of its own. */
static mal_err judge(const cli_evidence *in, bool *authentic) {
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new(MAL_TEE_ARENA_BYTES);
    mal_tee_input input = in->tee;
    mal_tee_verdict verdict;
    if (!arena)
        return MAL_E_MEMORY;
    input.endorsements = in->endorsements;
    MAL_TRY(mal_tee_verify(&verdict, arena, &input));
    *authentic = verdict.authentic;
    return MAL_OK;
}

static mal_err put_line(mal_buf *lines, const cli_evidence *in, uint64_t rows,
                        uint64_t wall, uint64_t cpu) {
    size_t bytes = in->tee.evidence.len;
    for (size_t i = 0; i < in->tee.n_endorsements; i++)
        bytes += in->endorsements[i].len;
    return mal_buf_put_fmt(
        lines,
        "{\"engine\":\"attest\",\"name\":\"%s\",\"rows\":%llu,\"threads\":1,"
        "\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"bytes\":%zu,"
        "\"ns_per_row\":%.1f}\n",
        mal_tee_kind_name(in->tee.kind), (unsigned long long)rows,
        (double)wall * 1e-9, (double)cpu * 1e-9, bytes,
        (double)wall / (double)rows);
}

static mal_err measure(mal_buf *lines, const cli_evidence *in, uint64_t rows) {
    bool authentic;
    uint64_t wall = mal_time_monotonic_ns(), cpu = mal_time_cpu_ns();
    for (uint64_t i = 0; i < rows; i++)
        MAL_TRY(judge(in, &authentic));
    return put_line(lines, in, rows, mal_time_monotonic_ns() - wall,
                    mal_time_cpu_ns() - cpu);
}

/* Nothing of a forgery or of another kind is measured; done says that this
 * one was. */
static mal_err try_case(mal_buf *lines, const mal_json *row, const char *list,
                        uint64_t rows, bool *done) {
    MAL_AUTO(cli_evidence_auto) cli_evidence in = { 0 };
    MAL_TRY(cli_evidence_case(&in, row, list));
    MAL_TRY(judge(&in, done));
    return *done ? measure(lines, &in, rows) : MAL_OK;
}

mal_err cli_bench_attest(mal_buf *lines, const char *list, uint64_t rows,
                         const char *only) {
    MAL_AUTO(mal_buf_clear) mal_buf file = { 0 };
    MAL_AUTO(mal_json_auto) mal_json *json = NULL;
    const mal_json *cases;
    bool done[MAL_TEE_KINDS] = { false };
    MAL_TRY(mal_prim_init());
    MAL_TRY(mal_file_read(&file, list, LIST_MAX));
    MAL_TRY(mal_json_parse(&json, mal_buf_view(&file), LIST_MAX));
    MAL_TRY(mal_json_get_array(json, "vectors", &cases));
    for (size_t i = 0; i < mal_json_len(cases); i++) {
        const mal_json *row = mal_json_at(cases, i);
        const char *name = cli_str(row, "kind");
        mal_tee_scope scope;
        mal_tee_kind kind;
        MAL_TRY(mal_tee_kind_parse(&kind, &scope, name));
        if (!done[kind] && scope == MAL_TEE_FULL &&
            (!only || strcmp(only, name) == 0))
            MAL_TRY(try_case(lines, row, list, rows, &done[kind]));
    }
    return MAL_OK;
}
