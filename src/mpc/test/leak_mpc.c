/* Words and noise do not steer: a whole run with them undefined. */
#include "mal_leak.h"

#include "../mpc_impl.h"

#define N 3

typedef struct adder {
    mal_mesh mesh;
    mal_mpc_sum_input input;
    int64_t x[N], noise[N];
    uint64_t y[N];
} adder;

static void add(void *arg) {
    adder *a = arg;
    mal_leak_secret(a->x, sizeof a->x);
    mal_leak_secret(a->noise, sizeof a->noise);
    if (mal_mpc_sum(a->y, NULL, &a->mesh, &a->input, NULL) != MAL_OK)
        abort();
    mal_leak_sink(a->y);
}

LEAK(a_sum_does_not_look_at_its_words) {
    static adder a[2];
    mal_thread *t;
    if (mal_chan_pair(&a[0].mesh.chan[1], &a[1].mesh.chan[0], 60000) != MAL_OK)
        abort();
    for (unsigned i = 0; i < 2; i++) {
        a[i].mesh.n = 2;
        a[i].mesh.me = i;
        a[i].input.x = a[i].x;
        a[i].input.noise = a[i].noise;
        a[i].input.n = N;
    }
    if (mal_thread_start(&t, add, &a[0]) != MAL_OK)
        abort();
    add(&a[1]);
    mal_thread_join(&t);
    mal_chan_close(&a[0].mesh.chan[1]);
    mal_chan_close(&a[1].mesh.chan[0]);
}

LEAK_CONTROL(a_branch_on_a_value_is_seen) {
    int64_t value = 5;
    mal_leak_secret(&value, sizeof value);
    if (mal_barrier((uint64_t)value) == 5)
        mal_leak_sink(&value);
}

LEAK_MAIN
