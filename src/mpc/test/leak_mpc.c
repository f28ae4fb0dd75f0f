/* Values and noise do not steer: whole runs of both engines with them
 * undefined. Keys and exponents go through libsodium, whose own verdict (is the
 * product the identity?) branches on what nobody can choose; they stay defined
 * here. */
#include "mal_leak.h"

#include "../psi_impl.h"

#define N 3
#define WORDS 4

/* --- sum ------------------------------------------------------------------ */

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

/* --- psi ------------------------------------------------------------------ */

typedef struct joiner {
    mal_mpc_psi_params params;
    mal_chan *p1, *p2;
    uint8_t keys[N][MAL_MPC_PSI_KEY];
    int64_t values[N * WORDS], noise1[WORDS], noise2[WORDS];
} joiner;

static void join_filter(void *arg) {
    joiner *j = arg;
    mal_mpc_psi_report report;
    const mal_mpc_psi_filter_input input = {
        (const uint8_t(*)[MAL_MPC_PSI_KEY])j->keys, N, j->noise1
    };
    mal_leak_secret(j->noise1, sizeof j->noise1);
    if (mal_mpc_psi_filter(&report, j->p1, &j->params, &input, NULL) != MAL_OK)
        abort();
}

LEAK(a_join_does_not_look_at_values_or_noise) {
    static joiner j;
    MAL_AUTO(mal_key_clear) mal_key sec = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf ciphertexts = { 0 };
    mal_mpc_psi_report report;
    mal_thread *t;
    for (uint8_t i = 0; i < N; i++)
        j.keys[i][0] = i;
    j.params.filter_max = j.params.payload_max = N + 1;
    j.params.cells = 2;
    j.params.aggs = WORDS / 2;
    if (mal_mpc_psi_recipient_keygen(j.params.recipient, &sec) != MAL_OK ||
        mal_chan_pair(&j.p1, &j.p2, 60000) != MAL_OK)
        abort();
    const mal_mpc_psi_payload_input input = {
        (const uint8_t(*)[MAL_MPC_PSI_KEY])j.keys, N, j.values, j.noise2
    };
    mal_leak_secret(j.values, sizeof j.values);
    mal_leak_secret(j.noise2, sizeof j.noise2);
    if (mal_thread_start(&t, join_filter, &j) != MAL_OK ||
        mal_mpc_psi_payload(&ciphertexts, &report, j.p2, &j.params, &input,
                            NULL) != MAL_OK)
        abort();
    mal_thread_join(&t);
    mal_chan_close(&j.p1);
    mal_chan_close(&j.p2);
}

LEAK(secret_multiples_of_the_base_point_do_not_look_at_the_scalar) {
    psi p = { 0 };
    mal_ring_ge g;
    scalar half[2] = { { 7, 9, 200 }, { 1, [31] = 9 } };
    point out[2];
    mal_ring_ge_base(&g);
    if (mal_ring_comb_new(&p.g, &g) != MAL_OK)
        abort();
    mal_leak_secret(half, sizeof half);
    psi_base_doubled(&p, out, (const scalar *)half, 2);
    mal_leak_sink(out);
    mal_ring_comb_auto(&p.g);
}

LEAK_CONTROL(a_branch_on_a_value_is_seen) {
    int64_t value = 5;
    mal_leak_secret(&value, sizeof value);
    if (mal_barrier((uint64_t)value) == 5)
        mal_leak_sink(&value);
}

LEAK_MAIN
