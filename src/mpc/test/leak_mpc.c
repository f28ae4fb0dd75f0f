/* Words and noise do not steer: a whole run with them undefined. */
#include "mal_leak.h"

#include "../mpc_impl.h"

#define N 3

typedef struct adder {
    mal_mpc_sum_input input;
    int64_t x[N], noise[N];
    uint64_t y[N];
} adder;

static mal_err add(void *ctx, mal_mesh *mesh) {
    adder *a = (adder *)ctx + mesh->me;
    mal_leak_secret(a->x, sizeof a->x);
    mal_leak_secret(a->noise, sizeof a->noise);
    MAL_TRY(mal_mpc_sum(a->y, NULL, mesh, &a->input, NULL));
    mal_leak_sink(a->y);
    return MAL_OK;
}

LEAK(a_sum_does_not_look_at_its_words) {
    static adder a[2];
    for (unsigned i = 0; i < 2; i++) {
        a[i].input.x = a[i].x;
        a[i].input.noise = a[i].noise;
        a[i].input.n = N;
    }
    if (mal_mesh_run(2, 60000, add, a) != MAL_OK)
        abort();
}

LEAK_CONTROL(a_branch_on_a_value_is_seen) {
    int64_t value = 5;
    mal_leak_secret(&value, sizeof value);
    if (mal_barrier((uint64_t)value) == 5)
        mal_leak_sink(&value);
}

LEAK_MAIN
