/* Drawing noise takes the same path whatever the generator's words are. */
#include "mal_leak.h"
#include <malus/dp.h>

static void secret_words(void *ctx, uint64_t *words, size_t n) {
    uint64_t *state = ctx;
    for (size_t i = 0; i < n; i++) {
        uint64_t z = (*state += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        words[i] = z ^ (z >> 31);
    }
    mal_leak_secret(words, n * sizeof *words);
}

static int64_t draw(uint64_t num, uint64_t den, unsigned k) {
    MAL_AUTO(mal_dp_noise_auto) mal_dp_noise *noise = NULL;
    uint64_t state = 42;
    int64_t x[4];
    if (mal_dp_noise_new(&noise, (mal_dp_scale){ num, den }, k) != MAL_OK)
        abort();
    mal_dp_noise_draw(noise, x, 4, (mal_dp_source){ secret_words, &state });
    return x[0] ^ x[1] ^ x[2] ^ x[3];
}

LEAK(the_whole_mechanism_does_not_branch_on_its_noise) {
    int64_t x = draw(1000, 7, 1);
    mal_leak_sink(&x);
    x = draw((uint64_t)1 << 50, 1, 1);
    mal_leak_sink(&x);
}

LEAK(a_share_does_not_branch_on_its_noise) {
    int64_t x = draw(1000, 7, 2);
    mal_leak_sink(&x);
    x = draw(3, 1, 5);
    mal_leak_sink(&x);
}

LEAK(gaussian_noise_does_not_branch_on_what_is_kept) {
    static const uint64_t deviations[] = { 1024, 123456789 };
    for (int i = 0; i < 2; i++) {
        MAL_AUTO(mal_dp_gauss_auto) mal_dp_gauss *gauss = NULL;
        uint64_t state = 42;
        int64_t x[2];
        if (mal_dp_gauss_new(&gauss, deviations[i]) != MAL_OK)
            abort();
        mal_dp_gauss_draw(gauss, x, 2, (mal_dp_source){ secret_words, &state });
        mal_leak_sink(&x[0]);
        mal_leak_sink(&x[1]);
    }
}

LEAK_CONTROL(a_branch_on_the_noise_is_seen) {
    int64_t x = draw(10, 1, 1);
    if (x > 0)
        mal_leak_sink(&x);
}

LEAK_MAIN
