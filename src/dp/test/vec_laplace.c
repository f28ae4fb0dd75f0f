/* The published tables, to 40 digits: exponentials, geometric and Laplace laws,
 * half-widths. */
#include "fixed_case.h"

#define TRUE(cond, what) CHECK_THAT(cond, "%s: %s", what, #cond)

TEST(exponentials_agree_with_forty_digits) {
    mal_json *json = read_json("dp/bernoulli_exp_geometric.json");
    const mal_json *rows;
    CHECK_OK(mal_json_get_array(json, "bernoulli_exp", &rows));
    for (size_t i = 0; i < mal_json_len(rows); i++) {
        const char *gamma, *p;
        mal_dp_iv ours, theirs;
        CHECK_OK(mal_json_get_str(mal_json_at(rows, i), "gamma", &gamma));
        CHECK_OK(mal_json_get_str(mal_json_at(rows, i), "p", &p));
        mal_dp_scale g = scale_text(gamma);
        mal_dp_iv_exp_neg(&ours, g.num, g.den, L);
        decimal(&theirs, p);
        TRUE(meets(&ours, &theirs), gamma);
    }
    mal_json_free(json);
}

TEST(geometric_laws_agree_with_forty_digits) {
    mal_json *json = read_json("dp/bernoulli_exp_geometric.json");
    const mal_json *rows, *pmf;
    size_t n = 0;
    CHECK_OK(mal_json_get_array(json, "geometric", &rows));
    for (size_t i = 0; i < mal_json_len(rows); i++) {
        const char *rate, *p;
        CHECK_OK(mal_json_get_str(mal_json_at(rows, i), "rate", &rate));
        CHECK_OK(mal_json_get_array(mal_json_at(rows, i), "pmf", &pmf));
        mal_dp_scale r = scale_text(rate), t = { r.den, r.num };
        for (size_t j = 0; j < mal_json_len(pmf); j++, n++) {
            uint64_t x;
            mal_dp_iv ours, theirs;
            CHECK_OK(mal_json_get_u64(mal_json_at(pmf, j), "x", &x));
            CHECK_OK(mal_json_get_str(mal_json_at(pmf, j), "pmf", &p));
            geometric_pmf(&ours, t, x);
            decimal(&theirs, p);
            TRUE(meets(&ours, &theirs), rate);
        }
    }
    printf("# %zu values\n", n);
    mal_json_free(json);
}

TEST(laplace_laws_agree_with_forty_digits) {
    mal_json *json = read_json("dp/discrete_laplace_pmf.json");
    const mal_json *cases, *pmf;
    size_t n = 0;
    CHECK_OK(mal_json_get_array(json, "cases", &cases));
    for (size_t i = 0; i < mal_json_len(cases); i++) {
        const char *scale, *p;
        CHECK_OK(mal_json_get_str(mal_json_at(cases, i), "scale", &scale));
        CHECK_OK(mal_json_get_array(mal_json_at(cases, i), "pmf", &pmf));
        for (size_t j = 0; j < mal_json_len(pmf); j++, n++) {
            uint64_t x;
            mal_dp_iv ours, theirs;
            CHECK_OK(mal_json_get_u64(mal_json_at(pmf, j), "x", &x));
            CHECK_OK(mal_json_get_str(mal_json_at(pmf, j), "pmf", &p));
            laplace_pmf(&ours, scale_text(scale), x);
            decimal(&theirs, p);
            TRUE(meets(&ours, &theirs), scale);
        }
    }
    printf("# %zu values\n", n);
    mal_json_free(json);
}

/* The product of the digits' odds is the law: (1 - q) q^x = product over digits
 * of p_i or 1 - p_i, times 1 - Q; with the thresholds that the sampler compares
 * with. */
TEST(the_tables_thresholds_multiply_to_the_law) {
    const mal_dp_scale scales[] = {
        { 1, 10 }, { 1, 1 }, { 7, 3 }, { 1000000, 1 }
    };
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        MAL_AUTO(mal_dp_noise_auto) mal_dp_noise *z = NULL;
        CHECK_OK(mal_dp_noise_new(&z, scales[i], 1));
        for (uint64_t x = 0; x < 40; x += 3) {
            mal_dp_iv all, want;
            mal_dp_iv_one(&all, L);
            for (unsigned d = 0; d < z->levels; d++) {
                mal_dp_iv p = { 0 };
                p.lo[L - 1] = z->digit[d].lo;
                p.hi[L - 1] = z->digit[d].hi;
                memset(p.hi, 0xff, (L - 1) * sizeof *p.hi);
                if (!(x >> d & 1))
                    one_minus(&p, &p);
                mal_dp_iv_mul(&all, &all, &p, L);
            }
            if (z->levels < 7 && x >> z->levels)
                continue;
            geometric_pmf(&want, scales[i], x);
            /* All but the tail's 1 - Q > 1 - 2^-64: widen down by it. */
            mal_dp_iv low = all;
            mal_dp_iv_scale(&low, UINT64_MAX - 1, UINT64_MAX, L);
            memcpy(all.lo, low.lo, sizeof all.lo);
            CHECK(meets(&want, &all));
        }
    }
}

TEST(half_widths_of_one_mechanism_are_the_smallest_possible) {
    mal_json *json = read_json("dp/accuracy.json");
    const mal_json *rows;
    size_t n = 0;
    CHECK_OK(mal_json_get_array(json, "rows", &rows));
    for (size_t i = 0; i < mal_json_len(rows); i++) {
        const mal_json *row = mal_json_at(rows, i);
        const char *mechanism, *scale, *alpha;
        uint64_t a, h;
        CHECK_OK(mal_json_get_str(row, "mechanism", &mechanism));
        CHECK_OK(mal_json_get_str(row, "alpha", &alpha));
        if (strcmp(mechanism, "discrete_laplace") != 0 ||
            strcmp(alpha, "1/20") != 0)
            continue;
        CHECK_OK(mal_json_get_str(row, "scale", &scale));
        CHECK_OK(
            mal_json_get_u64(row, "smallest_a_with_P_abs_ge_a_le_alpha", &a));
        CHECK_OK(mal_dp_halfwidth(&h, scale_text(scale), 1, 1));
        CHECK_EQ(h, a - 1);
        CHECK_OK(mal_dp_halfwidth(&h, scale_text(scale), 5, 5));
        CHECK_EQ(h, a - 1);
        n++;
    }
    printf("# %zu scales\n", n);
    CHECK(n >= 3);
    mal_json_free(json);
}

TEST_MAIN
