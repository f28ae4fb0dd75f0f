/* The bench runs, prints lines of the common shape, and fits as well as double
 * precision; on real data too, where tools/fetch_training_sets.sh put it. */
#include "mal_test.h"
#include <malus/train.h>

static double field(const char *line, const char *name) {
    char key[64];
    snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr(line, key);
    CHECK(at);
    return strtod(at + strlen(key), NULL);
}

static void check_lines(const char *text, unsigned wanted, double apart) {
    unsigned lines = 0;
    for (const char *at = text; *at; at = strchr(at, '\n') + 1, lines++) {
        printf("# %.*s\n", (int)strcspn(at, "\n"), at);
        CHECK(strncmp(at, "{\"engine\":\"train\",\"name\":\"", 26) == 0);
        const double told = field(at, "accuracy");
        CHECK(told - field(at, "accuracy_double") < apart);
        CHECK(field(at, "accuracy_double") - told < apart);
        CHECK(field(at, "rounds") > 0 && field(at, "ns_per_row") > 0);
    }
    CHECK_EQ(lines, wanted);
}

TEST(a_small_bench_prints_one_object_a_line) {
    mal_buf lines = { 0 };
    const char *text;
    unsetenv("MALUS_TRAIN_DATA");
    CHECK_OK(mal_train_bench(&lines, NULL, 400, 1, MAL_SHARE3_SEMI_HONEST));
    CHECK_OK(mal_buf_cstr(&lines, &text));
    CHECK(strstr(text, "\"linear\"") && strstr(text, "\"logistic\"") &&
          strstr(text, "\"gbdt\""));
    check_lines(text, 3, 0.05);
    mal_buf_clear(&lines);
}

TEST(real_data_is_fitted_as_well_as_in_double_precision) {
    mal_buf lines = { 0 };
    const char *text, *folder = MAL_TEST_SOURCE_ROOT "/third_party/training";
    if (access(folder, R_OK) != 0)
        SKIP("no third_party/training: run tools/fetch_training_sets.sh");
    setenv("MALUS_TRAIN_DATA", folder, 1);
    CHECK_OK(mal_train_bench(&lines, NULL, 8, 1, MAL_SHARE3_SEMI_HONEST));
    CHECK_OK(mal_buf_cstr(&lines, &text));
    CHECK(strstr(text, "\"data\":\"diabetes.csv\",\"rows\":332,"));
    CHECK(strstr(text, "\"data\":\"breast-cancer.csv\",\"rows\":427,"));
    check_lines(text, 3, 0.015); /* of 142 rows kept: two */
    mal_buf_clear(&lines);
}

/* 20 fits each with the noise that four epsilons ask for: more epsilon, and a
 * model that is nearer to the one without noise. */
TEST(noise_costs_less_accuracy_where_epsilon_is_greater) {
    mal_buf lines = { 0 };
    const char *text;
    double first = 0, last = 0;
    unsigned n = 0;
    unsetenv("MALUS_TRAIN_DATA");
    CHECK_OK(
        mal_train_bench(&lines, "linear-dp", 1000, 1, MAL_SHARE3_SEMI_HONEST));
    CHECK_OK(mal_buf_cstr(&lines, &text));
    for (const char *at = text; *at; at = strchr(at, '\n') + 1, n++) {
        CHECK(field(at, "runs") == 20 && field(at, "ridge") > 0);
        last = field(at, "accuracy_double") - field(at, "accuracy");
        first = n ? first : last;
        CHECK(field(at, "accuracy_low") <= field(at, "accuracy") &&
              field(at, "accuracy") <= field(at, "accuracy_high"));
    }
    CHECK_EQ(n, 4);
    CHECK(last < first && last < 0.2);
    mal_buf_clear(&lines);
}

TEST(only_the_named_bench_runs) {
    mal_buf lines = { 0 };
    const char *text;
    unsetenv("MALUS_TRAIN_DATA");
    CHECK_OK(mal_train_bench(&lines, "linear", 20, 1, MAL_SHARE3_SEMI_HONEST));
    CHECK_OK(mal_buf_cstr(&lines, &text));
    CHECK(strstr(text, "linear") && !strstr(text, "gbdt"));
    mal_buf_clear(&lines);
}

TEST(refuses_a_bench_of_nothing_or_of_no_such_name) {
    mal_buf lines = { 0 };
    CHECK_ERR(mal_train_bench(&lines, NULL, 0, 1, MAL_SHARE3_SEMI_HONEST),
              MAL_E_INPUT);
    CHECK_ERR(mal_train_bench(&lines, "forest", 9, 1, MAL_SHARE3_SEMI_HONEST),
              MAL_E_INPUT);
}

TEST_MAIN
