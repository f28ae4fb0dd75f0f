/* prop_decimal.c - text to scaled integers, against printing and a slow model.
 */
#include "store_test.h"

static store_number parse(int64_t *v, const char *text, unsigned scale) {
    return mal_store_decimal_parse(v, mal_bytes_str(text), scale);
}

static void gives(const char *text, unsigned scale, int64_t want) {
    int64_t v;
    store_number how = parse(&v, text, scale);
    CHECK_THAT(how == STORE_NUMBER_OK && v == want, "%s at %u: %d %lld", text,
               scale, how, (long long)v);
}

static void is(const char *text, unsigned scale, store_number want) {
    int64_t v;
    store_number how = parse(&v, text, scale);
    CHECK_THAT(how == want, "\"%s\" at %u: %d, not %d", text, scale, how, want);
}

TEST(decimals_are_read_exactly) {
    gives("0", 0, 0);
    gives("-0", 2, 0);
    gives("+7", 0, 7);
    gives("12.5", 2, 1250);
    gives(".5", 1, 5);
    gives("5.", 1, 50);
    gives("0.1", 9, 100000000);
    gives("2013.0", 0, 2013);
    gives("2013.000000000000000000000000000", 0, 2013);
    gives("0000000000000000000000000000012", 0, 12);
    gives("1e3", 0, 1000);
    gives("1.5E-1", 2, 15);
    gives("100e-2", 0, 1);
    gives("9223372036854775807", 0, INT64_MAX);
    gives("-9223372036854775808", 0, INT64_MIN);
    gives("9223372036854775.807", 3, INT64_MAX);
    gives("0e999999999", 9, 0);
    gives("0.000", 0, 0);
}

TEST(what_is_no_decimal_or_too_fine_is_refused) {
    static const char *const bad[] = {
        "",     "-",  "+",     ".",     "-.",       "e5",  "1e",  "1e+",
        "1e5x", " 1", "1 ",    "1,0",   "0x10",     "NaN", "inf", "NA",
        "--1",  "1-", "1.2.3", "1e5.0", "\xd9\xa1", "1\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        is(bad[i], 2, STORE_NUMBER_BAD);
    is("1.005", 2, STORE_NUMBER_BAD);
    is("1e-3", 2, STORE_NUMBER_BAD);
    is("0.1", 0, STORE_NUMBER_BAD);
    is("1e-999999999", 2, STORE_NUMBER_BAD);
    is("0.00000000000000000000000000000000000000000001", 9, STORE_NUMBER_BAD);
}

TEST(what_no_int64_holds_is_low_or_high) {
    is("9223372036854775808", 0, STORE_NUMBER_HIGH);
    is("-9223372036854775809", 0, STORE_NUMBER_LOW);
    is("92233720368547758.08", 2, STORE_NUMBER_HIGH);
    is("99999999999999999999999999999999999999", 0, STORE_NUMBER_HIGH);
    is("-99999999999999999999999999999999999999", 2, STORE_NUMBER_LOW);
    is("1e19", 0, STORE_NUMBER_HIGH);
    is("1e999999999", 0, STORE_NUMBER_HIGH);
    is("-1e18", 1, STORE_NUMBER_LOW);
}

TEST(every_printed_decimal_reads_back) {
    uint64_t seed = mal_test_seed();
    for (int i = 0; i < 200000; i++) {
        uint64_t magnitude =
            mal_test_rand(&seed) >> (mal_test_rand(&seed) % 64);
        bool negative = mal_test_rand(&seed) & 1;
        unsigned digits = (unsigned)(mal_test_rand(&seed) % 10);
        uint64_t unit = 1;
        char text[64];
        for (unsigned d = 0; d < digits; d++)
            unit *= 10;
        magnitude &= INT64_MAX;
        snprintf(text, sizeof text, "%s%llu%s%0*llu%s", negative ? "-" : "",
                 (unsigned long long)(magnitude / unit), digits ? "." : "",
                 (int)digits, (unsigned long long)(magnitude % unit),
                 digits && i % 3 == 0 ? "00" : "");
        if (!digits) /* "%0*llu" of width 0 still prints a digit */
            snprintf(text, sizeof text, "%s%llu", negative ? "-" : "",
                     (unsigned long long)magnitude);
        gives(text, digits,
              negative ? -(int64_t)magnitude : (int64_t)magnitude);
    }
}

TEST_MAIN
