/* cost.c - what a plan costs, from declared bounds (rule 8) and the figures
 * that `malus bench` measured on this machine; docs/measurements.md has the
 * defaults.
 */
#include "room_impl.h"

#include <string.h>

/* Nanoseconds of CPU and bytes on the wire; two parties' work does not overlap
 * in the worst case. */
void room_costs_default(room_costs *costs) {
    *costs = (room_costs){ .load_row_ns = 60,
                           .scan_row_ns = 20,
                           .start_ns = 120e6,
                           .sum_word_ns = 12,
                           .psi_key_ns = 250e3,
                           .psi_cell_ns = 60e3,
                           .open_cell_ns = 3e6,
                           .step_ns = 30e6 };
}

mal_err room_cost_of(mal_room_cost *cost, mal_room *room,
                     const room_judged *j) {
    const room_costs *c = &room->costs;
    const mal_sql_physical *p = j->physical;
    double words = (double)p->n_cells * p->n_aggs, rows = 0;
    *cost = (mal_room_cost){ .rounds = 10 };
    for (uint32_t i = 0; i < j->facts.n_datasets; i++)
        rows += (double)room->contract->datasets[j->facts.datasets[i]].rows_max;
    double ns =
        c->start_ns + 5 * c->step_ns + rows * (c->load_row_ns + c->scan_row_ns);
    if (j->engine == MAL_POLICY_ENGINE_SUM) {
        ns += words * c->sum_word_ns * j->n;
        cost->bytes = (uint64_t)(80.0 * j->n * (j->n - 1));
        cost->rounds += 1;
    } else if (j->engine == MAL_POLICY_ENGINE_PSI) {
        double payload = (double)j->keys_max[0],
               filter = (double)j->keys_max[1];
        ns += (payload + filter) * c->psi_key_ns +
              payload * words * c->psi_cell_ns + words * c->open_cell_ns;
        cost->bytes =
            (uint64_t)(64 * filter + payload * (32 + 64 * words) + 160 * words);
        cost->rounds += 3;
    }
    cost->seconds = ns / 1e9;
    return MAL_OK;
}
