/* cost.c - what a plan costs, from declared bounds (rule 8) and the figures
 * that `malus bench` measured on this machine.
 *
 * The model is a sum of products: rows x ns a row, words x ns a word.  Defaults
 * are of the order of docs/measurements.md's, rounded up; a node that finds the
 * bench's own lines in its state folder takes those instead.
 */
#include "room_impl.h"

#include <string.h>

#define BENCH_WORDS 32 /* of a row in the bench "circuit-wide" */

/* Nanoseconds; two parties' work does not overlap in the worst case. */
void room_costs_default(room_costs *costs) {
    *costs = (room_costs){ .load_row_ns = 60,
                           .scan_row_ns = 20,
                           .start_ns = 120e6,
                           .sum_word_ns = 12,
                           .psi_start_ns = 50e6,
                           .psi_key_ns = 5e3,
                           .psi_word_ns = 100,
                           .match_key_ns = 500,
                           .and_word_ns = 5,
                           .mul_ns = 9,
                           .byte_ns = 1,
                           .round_ns = 60e3,
                           .permute_ns = 20,
                           .step_ns = 30e6 };
}

static void take(room_costs *c, const char *name, double ns) {
    if (strcmp(name, "read") == 0)
        c->load_row_ns = ns;
    else if (strcmp(name, "sum-3-parties") == 0)
        c->sum_word_ns = ns / 3;
    else if (strcmp(name, "and64") == 0)
        c->and_word_ns = ns;
    else if (strcmp(name, "mul64") == 0)
        c->mul_ns = ns;
    else if (strcmp(name, "shuffle64") == 0)
        c->permute_ns = ns / 3; /* three permutations of a word */
    else if (strcmp(name, "circuit") == 0)
        c->psi_key_ns = ns / 2;
    else if (strcmp(name, "circuit-wide") == 0 && ns > 2 * c->psi_key_ns)
        c->psi_word_ns = (ns - 2 * c->psi_key_ns) / BENCH_WORDS;
}

static mal_err read_line(room_costs *costs, mal_bytes line) {
    MAL_AUTO(mal_json_auto) mal_json *o = NULL;
    const char *name;
    const mal_json *ns;
    double value;
    MAL_TRY(mal_json_parse(&o, line, 4096));
    MAL_TRY(mal_json_get_str(o, "name", &name));
    MAL_TRY(mal_json_get(o, "ns_per_row", &ns));
    MAL_TRY(mal_json_as_real(ns, "ns_per_row", &value));
    MAL_REQUIRE(value > 0 && value < 1e15, MAL_E_INPUT,
                "a bench line's ns_per_row is out of range");
    take(costs, name, value);
    return MAL_OK;
}

mal_err room_costs_read(room_costs *costs, mal_bytes lines) {
    while (lines.len > 0) {
        const uint8_t *end = memchr(lines.ptr, '\n', lines.len);
        size_t n = end ? (size_t)(end - lines.ptr) : lines.len;
        if (n > 0)
            MAL_TRY(read_line(costs, mal_bytes_of(lines.ptr, n)));
        n += end != NULL;
        lines = mal_bytes_of(lines.ptr + n, lines.len - n);
    }
    return MAL_OK;
}

mal_err room_cost_of(mal_room_cost *cost, mal_room *room,
                     const room_judged *j) {
    const room_costs *c = &room->costs;
    const mal_sql_physical *p = j->physical;
    double words = (double)p->n_cells * p->n_aggs, rows = 0;
    *cost = (mal_room_cost){ .rounds = 10 }; /* five steps, there and back */
    for (uint32_t i = 0; i < j->facts.n_datasets; i++)
        rows += (double)room->contract->datasets[j->facts.datasets[i]].rows_max;
    double ns =
        c->start_ns + 5 * c->step_ns + rows * (c->load_row_ns + c->scan_row_ns);
    if (j->engine == MAL_POLICY_ENGINE_SUM) {
        ns += words * c->sum_word_ns * j->n;
        cost->bytes = (uint64_t)(80.0 * j->n * (j->n - 1));
        cost->rounds += 1;
    } else if (room_exact(j)) {
        const mal_psi_params params = { .receiver_max = j->keys_max[0],
                                        .sender_max = j->keys_max[1] };
        uint64_t rounds;
        ns += c->psi_start_ns +
              (double)(j->keys_max[0] + j->keys_max[1]) * c->match_key_ns;
        MAL_TRY(mal_psi_cost(&cost->bytes, &rounds, &params));
        cost->rounds += (unsigned)rounds;
    } else if (j->engine == MAL_POLICY_ENGINE_PSI) {
        double payload = (double)j->keys_max[0],
               filter = (double)j->keys_max[1];
        ns += c->psi_start_ns + (payload + filter) * c->psi_key_ns +
              payload * words * c->psi_word_ns;
        const mal_psi_circuit_params params = {
            .filter_max = (uint32_t)j->keys_max[1],
            .payload_max = (uint32_t)j->keys_max[0],
            .words = (uint32_t)(p->n_cells * p->n_aggs),
        };
        uint64_t rounds;
        MAL_TRY(mal_psi_circuit_cost(&cost->bytes, &rounds, &params));
        cost->rounds += (unsigned)rounds;
    }
    if (j->engine == MAL_POLICY_ENGINE_SHARE3) {
        room_cost3 seat;
        MAL_TRY(room_walk3_cost(&seat, j, c));
        ns += seat.ns;
        cost->bytes = 3 * seat.bytes;
        cost->rounds += (unsigned)seat.rounds;
    }
    cost->seconds = ns / 1e9;
    return MAL_OK;
}
