/* time.c - clocks, and dates in one form. */
#include "base_impl.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LAST_SECOND UINT64_C(253402300799) /* 9999-12-31T23:59:59Z */

static uint64_t clock_ns(clockid_t id) {
    struct timespec t;
    int rc = clock_gettime(id, &t);
    assert(rc == 0);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t mal_time_unix(void) {
    return clock_ns(CLOCK_REALTIME) / 1000000000u;
}

uint64_t mal_time_unix_ms(void) {
    return clock_ns(CLOCK_REALTIME) / 1000000u;
}

uint64_t mal_time_monotonic_ns(void) {
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t mal_time_cpu_ns(void) {
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t mal_time_thread_ns(void) {
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

void mal_time_format(char *out, uint64_t unix_seconds) {
    time_t t =
        (time_t)(unix_seconds < LAST_SECOND ? unix_seconds : LAST_SECOND);
    struct tm tm;
    gmtime_r(&t, &tm);
    size_t len = strftime(out, 21, "%Y-%m-%dT%H:%M:%SZ", &tm);
    assert(len == 20);
}

static bool digits(const char *text, unsigned n, unsigned *value) {
    *value = 0;
    for (unsigned i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *value = 10 * *value + (unsigned)(text[i] - '0');
    }
    return true;
}

/* text begins with YYYY-MM-DD. */
static mal_err parse_day(uint64_t *unix_seconds, const char *text) {
    unsigned year, month, day;
    bool form = digits(text, 4, &year) && text[4] == '-' &&
                digits(text + 5, 2, &month) && text[7] == '-' &&
                digits(text + 8, 2, &day);
    MAL_REQUIRE(form && year >= 1970, MAL_E_INPUT,
                "a date is written YYYY-MM-DD, from 1970-01-01 on");
    struct tm tm = { .tm_year = (int)year - 1900,
                     .tm_mon = (int)month - 1,
                     .tm_mday = (int)day };
    time_t t = timegm(&tm);
    /* timegm() reads the 31st of June as the first of July: it must not. */
    char again[21];
    mal_time_format(again, (uint64_t)t);
    MAL_REQUIRE(t >= 0 && strncmp(again, text, 10) == 0, MAL_E_INPUT,
                "%.10s: no such day", text);
    *unix_seconds = (uint64_t)t;
    return MAL_OK;
}

mal_err mal_time_parse_date(uint64_t *unix_seconds, const char *text) {
    MAL_REQUIRE(strlen(text) == 10, MAL_E_INPUT,
                "a date is written YYYY-MM-DD, from 1970-01-01 on");
    return parse_day(unix_seconds, text);
}

mal_err mal_time_parse(uint64_t *unix_seconds, const char *text) {
    unsigned hour, minute, second;
    uint64_t day;
    bool form = strlen(text) == 20 && text[10] == 'T' &&
                digits(text + 11, 2, &hour) && text[13] == ':' &&
                digits(text + 14, 2, &minute) && text[16] == ':' &&
                digits(text + 17, 2, &second) && text[19] == 'Z';
    MAL_REQUIRE(form && hour < 24 && minute < 60 && second < 60, MAL_E_INPUT,
                "a time is written YYYY-MM-DDThh:mm:ssZ");
    MAL_TRY(parse_day(&day, text));
    *unix_seconds = day + 3600 * hour + 60 * minute + second;
    return MAL_OK;
}
