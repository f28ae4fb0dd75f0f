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

/* Nanoseconds; two parties' work does not overlap in the worst case.  share3's
 * are those of one of three parties, who share two cores, as in the bench; what
 * proofs cost is spread over the products that they prove. */
void room_costs_default(room_costs *costs) {
    const mal_obl_rates semi_honest = {
        .and_word_ns = 8,
        .mul_ns = 12,
        .byte_ns = 2.5,
        .round_ns = 60e3,
        .permute_ns = 60,
        .compare_word_ns = 30,
    };
    mal_obl_rates malicious = semi_honest;
    malicious.and_word_ns = 45;
    malicious.mul_ns = 220;
    malicious.permute_ns = 200;
    malicious.compare_word_ns = 80;
    *costs = (room_costs){ .load_row_ns = 60,
                           .scan_row_ns = 20,
                           .start_ns = 120e6,
                           .sum_word_ns = 12,
                           .psi_start_ns = 50e6,
                           .psi_key_ns = 5e3,
                           .psi_word_ns = 100,
                           .match_key_ns = 500,
                           .share3 = { semi_honest, malicious },
                           .step_ns = 60e6 };
}

typedef struct measured {
    const char *name;
    bool malicious;
    double rows, ns; /* of a row, wall */
} measured;

/* Units as the dry engine counts them: a move by what is sent, a sort by the
 * products of its comparisons. */
static bool take_share3(mal_obl_rates *r, const measured *m) {
    mal_share3_cost c = { .malicious = m->malicious };
    const double ns = m->ns * m->rows;
    if (m->rows < 2 || m->rows > (double)MAL_SHARE3_ROWS_MAX)
        return false;
    if (strcmp(m->name, "and64") == 0) {
        r->and_word_ns = m->ns;
    } else if (strcmp(m->name, "mul64") == 0) {
        r->mul_ns = m->ns;
    } else if (strcmp(m->name, "shuffle64") == 0) {
        mal_share3_cost_move(&c, (size_t)m->rows, 1, 0);
        r->permute_ns = ns * 16 / (double)c.bytes;
    } else if (strcmp(m->name, "sort64") == 0) {
        mal_share3_cost_rank(&c, (size_t)m->rows, 64);
        r->compare_word_ns = ns / (double)c.products;
    } else {
        return false;
    }
    return true;
}

/* Of both securities: the line is the same. */
static bool take_net(room_costs *c, const measured *m) {
    for (unsigned i = 0; i < 2; i++)
        if (strcmp(m->name, "tls-loopback") ==
            0) /* 64 KiB; two sent, three do */
            c->share3[i].byte_ns = m->ns / 65536 * 3 / 2;
        else if (strcmp(m->name, "tls-round") == 0) /* there and back */
            c->share3[i].round_ns = m->ns / 2;
        else
            return false;
    return true;
}

static void take(room_costs *c, const measured *m) {
    const char *name = m->name;
    bool taken = true;
    if (strcmp(name, "read") == 0)
        c->load_row_ns = m->ns;
    else if (strcmp(name, "sum-3-parties") == 0)
        c->sum_word_ns = m->ns / 3;
    else if (strcmp(name, "circuit") == 0)
        c->psi_key_ns = m->ns / 2;
    else if (strcmp(name, "circuit-wide") == 0 && m->ns > 2 * c->psi_key_ns)
        c->psi_word_ns = (m->ns - 2 * c->psi_key_ns) / BENCH_WORDS;
    else
        taken = take_share3(&c->share3[m->malicious], m) || take_net(c, m);
    c->measured |= taken;
}

static mal_err read_real(const mal_json *o, const char *name, double *value) {
    const mal_json *v;
    MAL_TRY(mal_json_get(o, name, &v));
    MAL_TRY(mal_json_as_real(v, name, value));
    MAL_REQUIRE(*value >= 1e-3 && *value < 1e15, MAL_E_INPUT,
                "a bench line's %s is out of range", name);
    return MAL_OK;
}

static mal_err read_line(room_costs *costs, mal_bytes line) {
    MAL_AUTO(mal_json_auto) mal_json *o = NULL;
    measured m = { 0 };
    const char *security = "";
    MAL_TRY(mal_json_parse(&o, line, 4096));
    MAL_TRY(mal_json_get_str(o, "name", &m.name));
    MAL_TRY(read_real(o, "ns_per_row", &m.ns));
    MAL_TRY(read_real(o, "rows", &m.rows));
    if (mal_json_find(o, "security"))
        MAL_TRY(mal_json_get_str(o, "security", &security));
    m.malicious = strcmp(security, "malicious") == 0;
    take(costs, &m);
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
    double ns = c->start_ns + rows * (c->load_row_ns + c->scan_row_ns);
    const double tick = (double)room_tick_ns(room, j);
    ns = 5 * c->step_ns + (ns > tick ? ns : tick);
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
