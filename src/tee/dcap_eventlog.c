/* dcap_eventlog.c - a log of measurements, replayed [TcgPfp] [TdxCcel].
 *
 * Each event extends one register: r = SHA-384(r || digest).  The log is true
 * if all four of its results are the quote's.  Index 0 is the measurement of
 * the build (MRTD), 1 to 4 are RTMR0 to RTMR3.  A log lies in a buffer of
 * firmware's size, filled up with ones or zeros: reading stops where it ends.
 */
#include "dcap_impl.h"

#include <string.h>

#define NO_ACTION 3u
#define SHA384 0x000cu
#define DIGEST_MAX 64
#define ALGORITHMS_MAX 8
#define EVENTS_MAX 65536
#define EVENT_DATA_MAX ((size_t)256 << 10)
#define INDEX_MAX 4
#define SIGNATURE "Spec ID Event03" /* 16 bytes with its NUL */
#define FIRST_DATA 32               /* where the first event's data begin */
#define PADDING 0xffffffffu

typedef struct algorithms {
    size_t n;
    struct {
        uint16_t id, size;
    } of[ALGORITHMS_MAX];
} algorithms;

bool dcap_eventlog_recognise(mal_bytes bytes) {
    mal_bytes name;
    return tee_cut(&name, bytes, FIRST_DATA, sizeof SIGNATURE) &&
           mal_bytes_same_vartime(name,
                                  mal_bytes_of(SIGNATURE, sizeof SIGNATURE));
}

/* The first event, of the old form, tells the algorithms and their sizes. */
static mal_err rd_first(mal_rd *rd, algorithms *algs) {
    uint32_t type, size, n;
    mal_bytes skip, data;
    MAL_TRY(mal_rd_u32(rd, &n));
    MAL_TRY(mal_rd_u32(rd, &type));
    MAL_TRY(mal_rd_raw(rd, &skip, 20));
    MAL_TRY(mal_rd_u32(rd, &size));
    MAL_REQUIRE(type == NO_ACTION, MAL_E_INPUT, "a log of another form");
    MAL_TRY(mal_rd_raw(rd, &data, size));
    mal_rd in = mal_rd_of(data);
    MAL_TRY(mal_rd_raw(&in, &skip, sizeof SIGNATURE + 8));
    MAL_TRY(mal_rd_u32(&in, &n));
    MAL_REQUIRE(n >= 1 && n <= ALGORITHMS_MAX, MAL_E_INPUT,
                "a log of %u algorithms", n);
    for (algs->n = 0; algs->n < n; algs->n++) {
        MAL_TRY(mal_rd_u16(&in, &algs->of[algs->n].id));
        MAL_TRY(mal_rd_u16(&in, &algs->of[algs->n].size));
        MAL_REQUIRE(algs->of[algs->n].size <= DIGEST_MAX &&
                        (algs->of[algs->n].id != SHA384 ||
                         algs->of[algs->n].size == DCAP_RTMR),
                    MAL_E_INPUT, "a log with a digest of a strange size");
    }
    return MAL_OK;
}

static mal_err size_of(const algorithms *algs, uint16_t id, size_t *size) {
    for (size_t i = 0; i < algs->n; i++)
        if (algs->of[i].id == id) {
            *size = algs->of[i].size;
            return MAL_OK;
        }
    MAL_FAIL(MAL_E_INPUT, "a digest of an algorithm that the log lacks");
}

/* One event's digests; its SHA-384 must be there, once. */
static mal_err rd_digests(mal_rd *rd, const algorithms *algs,
                          mal_bytes *digest) {
    uint32_t n;
    *digest = mal_bytes_of(NULL, 0);
    MAL_TRY(mal_rd_u32(rd, &n));
    MAL_REQUIRE(n <= ALGORITHMS_MAX, MAL_E_INPUT, "an event of %u digests", n);
    while (n--) {
        uint16_t id;
        size_t size;
        mal_bytes value;
        MAL_TRY(mal_rd_u16(rd, &id));
        MAL_TRY(size_of(algs, id, &size));
        MAL_TRY(mal_rd_raw(rd, &value, size));
        MAL_REQUIRE(id != SHA384 || !digest->len, MAL_E_INPUT,
                    "an event with two digests of one algorithm");
        if (id == SHA384)
            *digest = value;
    }
    MAL_REQUIRE(digest->len, MAL_E_INPUT, "an event without SHA-384");
    return MAL_OK;
}

static void extend(uint8_t r[DCAP_RTMR], mal_bytes digest) {
    uint8_t both[2 * DCAP_RTMR];
    memcpy(both, r, DCAP_RTMR);
    memcpy(both + DCAP_RTMR, digest.ptr, DCAP_RTMR);
    mal_prim_sha384_of(r, mal_bytes_of(both, sizeof both));
}

static bool at_end(const mal_rd *rd) {
    if (rd->left < 4)
        return true;
    return mal_load_u32le(rd->ptr) == PADDING ||
           tee_is_zero(mal_bytes_of(rd->ptr, rd->left));
}

static mal_err rd_event(mal_rd *rd, const algorithms *algs,
                        uint8_t rtmr[DCAP_RTMRS][DCAP_RTMR]) {
    uint32_t index, type, size;
    mal_bytes digest, data;
    MAL_TRY(mal_rd_u32(rd, &index));
    MAL_TRY(mal_rd_u32(rd, &type));
    MAL_TRY(rd_digests(rd, algs, &digest));
    MAL_TRY(mal_rd_u32(rd, &size));
    MAL_REQUIRE(index <= INDEX_MAX && size <= EVENT_DATA_MAX, MAL_E_INPUT,
                "an event of register %u with %u bytes", index, size);
    MAL_TRY(mal_rd_raw(rd, &data, size));
    if (type != NO_ACTION && index > 0)
        extend(rtmr[index - 1], digest);
    return MAL_OK;
}

mal_err dcap_eventlog_replay(uint8_t rtmr[DCAP_RTMRS][DCAP_RTMR],
                             size_t *events, mal_bytes log) {
    mal_rd rd = mal_rd_of(log);
    algorithms algs;
    memset(rtmr, 0, DCAP_RTMRS * DCAP_RTMR);
    *events = 1;
    MAL_REQUIRE(dcap_eventlog_recognise(log), MAL_E_INPUT, "not an event log");
    MAL_TRY(rd_first(&rd, &algs));
    for (; !at_end(&rd); ++*events) {
        MAL_REQUIRE(*events < EVENTS_MAX, MAL_E_LIMIT,
                    "a log of more than %d events", EVENTS_MAX);
        MAL_TRY(rd_event(&rd, &algs, rtmr));
    }
    return MAL_OK;
}

mal_tee_code dcap_eventlog_check(dcap *d) {
    uint8_t rtmr[DCAP_RTMRS][DCAP_RTMR];
    size_t events;
    TEE_REQUIRE(d->c, d->quote.tdx, MAL_TEE_COLLATERAL_KIND,
                "an event log beside a quote of SGX");
    TEE_TRY(tee_of_err(d->c, dcap_eventlog_replay(rtmr, &events, d->event_log),
                       MAL_TEE_MALFORMED, "event log"));
    for (unsigned i = 0; i < DCAP_RTMRS; i++)
        TEE_REQUIRE(d->c,
                    mal_bytes_same_vartime(mal_bytes_of(rtmr[i], DCAP_RTMR),
                                           dcap_rtmr(&d->quote, i)),
                    MAL_TEE_EVENTLOG_MISMATCH,
                    "the event log does not lead to RTMR%u", i);
    tee_fact_number(d->c, "event_log_events", events);
    return MAL_TEE_OK;
}
