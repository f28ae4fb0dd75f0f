/* Delta, w and what is decoded from the VOLE steer nothing.  Own keys do, as
 * README.md says: bins, peeling and rows follow from hashes of them under a
 * seed that the peer knows. */
#include "mal_leak.h"

#include "../run_impl.h"

#define N 5

LEAK(multiples_of_delta_do_not_look_at_it) {
    for (size_t w = 0; w < psi_field_ways_n; w++) {
        mal_psi_block io[N] = { { { 1, 2 } } }, a[N] = { { { 3, 4 } } };
        mal_psi_block delta = { { 5, 6 } };
        if (!psi_field_ways[w].usable())
            continue;
        mal_leak_secret(io, sizeof io);
        mal_leak_secret(a, sizeof a);
        mal_leak_secret(&delta, sizeof delta);
        psi_field_ways[w].add_multiples(io, a, N, delta);
        mal_leak_sink(io);
    }
}

LEAK(hashes_do_not_look_at_keys_or_values) {
    for (unsigned s = 0; s < 2; s++) {
        mal_psi_params q = { .receiver_max = N,
                             .sender_max = N,
                             .security =
                                 s ? MAL_PSI_SEMI_HONEST : MAL_PSI_MALICIOUS };
        _Alignas(16) mal_psi_key x[N] = { { { 1 } } };
        mal_psi_block v[N] = { { { 1, 2 } } }, out[N];
        static psi_run run;
        if (psi_run_init(&run, NULL, &q, NULL) != MAL_OK)
            abort();
        mal_leak_secret(x, sizeof x);
        mal_leak_secret(v, sizeof v);
        psi_hash_keys(&run, out, x, N);
        mal_leak_sink(out);
        psi_hash_masks(&run, out, v, x, N);
        mal_leak_sink(out);
        psi_run_clear(&run);
    }
}

LEAK(solving_and_decoding_do_not_look_at_values) {
    static mal_psi_key keys[200];
    static mal_psi_block values[200], p[2000], got[200];
    mal_psi_okvs o;
    uint8_t seed[16];
    for (uint8_t i = 0; i < 200; i++)
        keys[i].b[0] = i;
    if (mal_psi_okvs_shape(&o, 200) != MAL_OK || o.columns > 2000)
        abort();
    mal_leak_secret(values, sizeof values);
    if (mal_psi_okvs_encode(p, seed, &o, keys, values, 200, 1) != MAL_OK ||
        mal_psi_okvs_decode(got, &o, p, seed, keys, 200, 1) != MAL_OK)
        abort();
    mal_leak_sink(got);
}

LEAK_CONTROL(a_branch_on_delta_is_seen) {
    mal_psi_block delta = { { 5, 6 } };
    mal_leak_secret(&delta, sizeof delta);
    if (mal_barrier(delta.w[0]) == 5)
        mal_leak_sink(&delta);
}

LEAK_MAIN
