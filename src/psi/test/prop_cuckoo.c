/* Bins: enough of them, three different ones a key, and a place for every key.
 */
#include "../circuit_impl.h"
#include "mal_test.h"

#include <math.h>

static void fill(mal_ot_block *tags, size_t n, uint64_t *seed) {
    for (size_t i = 0; i < n; i++)
        tags[i] =
            (mal_ot_block){ { mal_test_rand(seed), mal_test_rand(seed) } };
}

TEST(a_key_has_three_different_bins_all_over_the_table) {
    uint64_t seed = mal_test_seed();
    static const uint32_t sizes[] = { 512, 640, 100032, 5570560 };
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        uint32_t low = UINT32_MAX, high = 0;
        for (int n = 0; n < 20000; n++) {
            mal_ot_block tag;
            uint32_t bin[CUCKOO_HASHES];
            fill(&tag, 1, &seed);
            cuckoo_bins_of(bin, tag, sizes[s]);
            CHECK(bin[0] != bin[1] && bin[0] != bin[2] && bin[1] != bin[2]);
            for (unsigned j = 0; j < CUCKOO_HASHES; j++) {
                CHECK(bin[j] < sizes[s]);
                CHECK_EQ(cuckoo_hash_of(tag, bin[j], sizes[s]), j);
                low = bin[j] < low ? bin[j] : low;
                high = bin[j] > high ? bin[j] : high;
            }
        }
        CHECK(low < sizes[s] / 1000 + 1 &&
              high > sizes[s] - sizes[s] / 1000 - 2);
    }
}

/* Each bin is as likely as any other: chi squared with 511 degrees. */
TEST(bins_are_uniform) {
    uint64_t seed = mal_test_seed();
    for (unsigned j = 0; j < CUCKOO_HASHES; j++) {
        static uint32_t count[512];
        memset(count, 0, sizeof count);
        for (int n = 0; n < 1 << 18; n++) {
            mal_ot_block tag;
            uint32_t bin[CUCKOO_HASHES];
            fill(&tag, 1, &seed);
            cuckoo_bins_of(bin, tag, 512);
            count[bin[j]]++;
        }
        double chi = 0;
        for (int b = 0; b < 512; b++)
            chi += (count[b] - 512.0) * (count[b] - 512.0) / 512.0;
        CHECK_THAT(chi < 511 + 8 * sqrt(2 * 511), "chi squared %f", chi);
    }
}

/* The expression of cuckoo.c's essay: dense parts, and four keys in three bins.
 */
TEST(the_number_of_bins_leaves_2_to_the_minus_40) {
    for (uint32_t n = 1; n <= MAL_PSI_CIRCUIT_ROWS_MAX;
         n = n < 600 ? n + 1 : n * 9 / 8) {
        const double m = cuckoo_bins(n), log_n = log2((double)n);
        CHECK_EQ((uint32_t)m % 64, 0);
        CHECK_THAT(240 * m / n - log_n - 256 >= 40 - 1e-9, "n %u, m %f", n, m);
        CHECK_THAT(log2(9.0) + 4 * log_n - 9 * log2(m) < -40, "n %u, m %f", n,
                   m);
        CHECK(m <= 513 || m < 1.33 * n + 64);
    }
}

TEST(every_key_gets_one_of_its_bins_alone) {
    uint64_t seed = mal_test_seed();
    static const size_t sizes[] = { 0, 1, 2, 100, 380, 5000, 200000 };
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const size_t n = sizes[s];
        const uint32_t bins = cuckoo_bins(n ? (uint32_t)n : 1);
        mal_ot_block *tags = calloc(n + 1, sizeof *tags);
        uint32_t *table = calloc(bins, sizeof *table);
        uint8_t *seen = calloc(n + 1, 1);
        fill(tags, n, &seed);
        CHECK_OK(cuckoo_build(table, bins, tags, n));
        for (uint32_t b = 0; b < bins; b++) {
            uint32_t at[CUCKOO_HASHES];
            if (table[b] == CUCKOO_EMPTY)
                continue;
            CHECK(table[b] < n && !seen[table[b]]);
            seen[table[b]] = 1;
            cuckoo_bins_of(at, tags[table[b]], bins);
            CHECK(at[0] == b || at[1] == b || at[2] == b);
        }
        for (size_t i = 0; i < n; i++)
            CHECK(seen[i]);
        free(tags);
        free(table);
        free(seen);
    }
}

/* Random graphs: no failure in many builds near the smallest tables, which a
 * bound that is off by ten powers of two would show. */
TEST(thousands_of_tables_have_a_place_for_every_key) {
    uint64_t seed = mal_test_seed();
    static const size_t sizes[] = { 256, 380, 1024, 4096 };
    for (size_t s = 0; s < 4; s++) {
        const size_t n = sizes[s];
        const uint32_t bins = cuckoo_bins((uint32_t)n);
        mal_ot_block *tags = calloc(n, sizeof *tags);
        uint32_t *table = calloc(bins, sizeof *table);
        for (size_t run = 0; run < ((size_t)1 << 22) / n; run++) {
            fill(tags, n, &seed);
            CHECK_OK(cuckoo_build(table, bins, tags, n));
        }
        free(tags);
        free(table);
    }
}

TEST(too_many_keys_for_the_bins_end_with_an_error) {
    uint64_t seed = mal_test_seed();
    enum { BINS = 128 };
    mal_ot_block tags[BINS + 1];
    uint32_t table[BINS];
    fill(tags, BINS + 1, &seed);
    CHECK_ERR(cuckoo_build(table, BINS, tags, BINS + 1), MAL_E_STATE);
}

TEST(repeats_are_found_wherever_they_stand) {
    uint64_t seed = mal_test_seed();
    mal_ot_block tags[300];
    bool repeats;
    for (size_t n = 0; n < 300; n += 13) {
        fill(tags, 300, &seed);
        CHECK_OK(cuckoo_repeats_vartime(&repeats, tags, n));
        CHECK(!repeats);
        if (n < 2)
            continue;
        size_t a = mal_test_rand(&seed) % n, b = mal_test_rand(&seed) % n;
        b = a == b ? (b + 1) % n : b;
        tags[a].w[0] = tags[b].w[0]; /* half of it: not yet */
        CHECK_OK(cuckoo_repeats_vartime(&repeats, tags, n));
        CHECK(!repeats);
        tags[a] = tags[b];
        CHECK_OK(cuckoo_repeats_vartime(&repeats, tags, n));
        CHECK(repeats);
    }
}

TEST_MAIN
