/* masks.c - the sender's masks, sorted and shortened; and finding one's own.
 *
 * A sorted list of n masks needs log2(n!) bits less than one in any order, and
 * tells nothing of the order that its items had (pitfall 8).  The masks that
 * begin with the same prefix_bits form a bucket; a table of bucket sizes goes
 * first, one byte each, and then of each mask the mask_bytes after its prefix.
 *
 * Both sides place masks by their leading bits, which are as good as random:
 * once into parts of some thousands, then within a part, in the first caches.
 * The receiver meets each part when the sender's list has come to it.
 */
#include "run_impl.h"

#include <string.h>

#define PART_BITS 12   /* masks of a part, on average: at most 2^12 */
#define COUNT_MAX 255u /* of a bucket: 32 on average, more with 2^-400 */

/* The top bits of a mask; none is fine. */
static inline uint64_t top_bits(uint64_t high, unsigned bits) {
    return bits ? high >> (64 - bits) : 0;
}

static unsigned log2_up(size_t v) {
    unsigned bits = 0;
    while (((size_t)1 << bits) < v)
        bits++;
    return bits;
}

static bool mask_less(const mal_psi_block *a, const mal_psi_block *b) {
    return a->w[0] < b->w[0] || (a->w[0] == b->w[0] && a->w[1] < b->w[1]);
}

/* --- Sorting: the sender -------------------------------------------------- */

/* start [parts + 1] of a list by its top bits. */
static void count_parts(uint32_t *start, const mal_psi_block *m, size_t n,
                        unsigned bits) {
    for (size_t i = 0; i < n; i++)
        start[top_bits(m[i].w[0], bits) + 1]++;
    for (size_t p = 0; p < (size_t)1 << bits; p++)
        start[p + 1] += start[p];
}

/* One part, whose masks agree in their top `done` bits: spread over about as
 * many cells as masks, then close neighbours are put right. */
static void sort_part(mal_psi_block *m, mal_psi_block *spare, uint32_t n,
                      unsigned done) {
    uint32_t place[(1 << PART_BITS) + 1] = { 0 };
    for (uint32_t i = 0; i < n; i++)
        place[top_bits(m[i].w[0] << done, PART_BITS) + 1]++;
    for (uint32_t p = 0; p < 1 << PART_BITS; p++)
        place[p + 1] += place[p];
    for (uint32_t i = 0; i < n; i++)
        spare[place[top_bits(m[i].w[0] << done, PART_BITS)]++] = m[i];
    for (uint32_t i = 0; i < n; i++) {
        const mal_psi_block x = spare[i];
        uint32_t to = i;
        for (; to > 0 && mask_less(&x, &m[to - 1]); to--)
            m[to] = m[to - 1];
        m[to] = x;
    }
}

typedef struct sorting {
    mal_psi_block *spare;
    uint32_t *start, *place;
} sorting;

static void sorting_clear(sorting *s) {
    psi_long_free(s->spare);
    mal_free(s->start);
    mal_free(s->place);
}

mal_err psi_masks_sort(mal_psi_block *m, size_t n) {
    MAL_AUTO(sorting_clear) sorting s = { 0 };
    const unsigned log_n = log2_up(n);
    const unsigned bits = log_n > PART_BITS ? log_n - PART_BITS : 0;
    const size_t parts = (size_t)1 << bits;
    s.spare = psi_long_new(n + 1, sizeof *s.spare);
    s.start = mal_calloc(parts + 1, sizeof *s.start);
    s.place = mal_calloc(parts + 1, sizeof *s.place);
    if (!s.spare || !s.start || !s.place)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    count_parts(s.start, m, n, bits);
    memcpy(s.place, s.start, parts * sizeof *s.place);
    for (size_t i = 0; i < n; i++)
        s.spare[s.place[top_bits(m[i].w[0], bits)]++] = m[i];
    /* Each part is sorted from the spare list, through its place in m. */
    for (size_t p = 0; p < parts; p++)
        sort_part(s.spare + s.start[p], m + s.start[p],
                  s.start[p + 1] - s.start[p], bits);
    memcpy(m, s.spare, n * sizeof *m);
    bool repeats = false;
    for (size_t i = 1; i < n; i++)
        repeats |= m[i].w[0] == m[i - 1].w[0] && m[i].w[1] == m[i - 1].w[1];
    MAL_REQUIRE(!repeats, MAL_E_INPUT,
                "a key occurs twice: keys must be distinct");
    return MAL_OK;
}

/* --- Sending -------------------------------------------------------------- */

static size_t masks_per_message(const psi_run *run) {
    return PSI_MESSAGE_AIM / run->mask_bytes;
}

static mal_err send_counts(psi_run *run, const mal_psi_block *m, size_t n) {
    const size_t buckets = (size_t)1 << run->prefix_bits;
    uint8_t *body;
    bool fits = true;
    MAL_TRY(psi_wire_begin(&run->wire, &body, PSI_COUNTS, buckets, buckets));
    memset(body, 0, buckets);
    for (size_t i = 0; i < n; i++) {
        uint8_t *count = &body[top_bits(m[i].w[0], run->prefix_bits)];
        fits &= *count < COUNT_MAX;
        ++*count;
    }
    MAL_REQUIRE(fits, MAL_E_STATE, "masks crowd into a bucket: run again");
    return psi_wire_send(&run->wire);
}

/* Words of 64 bits, most significant byte first, at any address. */
static inline uint64_t load_be(const uint8_t *in) {
    uint64_t v;
    memcpy(&v, in, sizeof v);
    return __builtin_bswap64(v);
}
static inline void store_be(uint8_t *out, uint64_t v) {
    v = __builtin_bswap64(v);
    memcpy(out, &v, sizeof v);
}

/* 16 bytes from after the prefix on, most significant first: those that are not
 * sent are overwritten by the next mask. */
static inline void put_mask(uint8_t *out, const mal_psi_block *m,
                            unsigned prefix_bits) {
    const mal_u128 v = ((mal_u128)m->w[0] << 64 | m->w[1]) << prefix_bits;
    store_be(out, (uint64_t)(v >> 64));
    store_be(out + 8, (uint64_t)v);
}

mal_err psi_masks_send(psi_run *run, const mal_psi_block *m, size_t n) {
    const unsigned bytes = run->mask_bytes, prefix = run->prefix_bits;
    const size_t most = masks_per_message(run);
    MAL_TRY(send_counts(run, m, n));
    for (size_t at = 0; at < n; at += most) {
        const size_t len = n - at < most ? n - at : most;
        uint8_t *body;
        MAL_TRY(psi_wire_begin(&run->wire, &body, PSI_MASKS, len,
                               len * bytes + sizeof *m));
        for (size_t i = 0; i < len; i++)
            put_mask(body + i * bytes, &m[at + i], prefix);
        run->wire.out.len -= sizeof *m; /* the room for the last one's rest */
        MAL_TRY(psi_wire_send(&run->wire));
    }
    return MAL_OK;
}

/* --- Matching: the receiver ----------------------------------------------- */

/* 24 bytes: blocks would be aligned to 16. */
typedef struct entry {
    uint64_t w[2];
    uint32_t index;
} entry;

/* The own masks in parts, and one part as columns, in order of buckets. */
typedef struct matcher {
    const psi_run *run;
    unsigned part_bits;   /* the top bits of the prefix */
    unsigned bucket_bits; /* the others */
    entry *entries;       /* [n] by part */
    uint32_t *start;      /* [parts + 1] */
    uint64_t *high, *low; /* [part_max] after the prefix, cut to mask_bytes */
    uint32_t *index;      /* [part_max] */
    uint32_t *bucket;     /* [buckets of a part + 1] start of each */
    uint64_t low_mask;    /* the bits of `low` that are sent */
    size_t part;          /* in the columns; SIZE_MAX: none */
    uint64_t *hits;
    size_t n_real;
} matcher;

static void matcher_clear(matcher *k) {
    psi_long_free(k->entries);
    mal_free(k->start);
    mal_free(k->high);
    mal_free(k->low);
    mal_free(k->index);
    mal_free(k->bucket);
}

static bool matcher_place(matcher *k, const psi_own_masks *own) {
    const size_t parts = (size_t)1 << k->part_bits;
    uint32_t *place = mal_calloc(parts + 1, sizeof *place);
    k->entries = psi_long_new(own->n + 1, sizeof *k->entries);
    k->start = mal_calloc(parts + 1, sizeof *k->start);
    const bool whole = place && k->entries && k->start;
    if (whole) {
        count_parts(k->start, own->mask, own->n, k->part_bits);
        memcpy(place, k->start, parts * sizeof *place);
        for (size_t i = 0; i < own->n; i++)
            k->entries[place[top_bits(own->mask[i].w[0], k->part_bits)]++] =
                (entry){ { own->mask[i].w[0], own->mask[i].w[1] },
                         own->index[i] };
    }
    mal_free(place);
    return whole;
}

static mal_err matcher_init(matcher *k, const psi_run *run, uint64_t *hits,
                            const psi_own_masks *own) {
    const unsigned bits = run->prefix_bits;
    uint32_t most = 0;
    *k = (matcher){ .run = run, .hits = hits, .n_real = own->n_real };
    k->part_bits = bits > 8 ? bits - 8 : 0;
    k->bucket_bits = bits - k->part_bits;
    k->part = SIZE_MAX;
    k->low_mask =
        run->mask_bytes == 8 ? 0 : UINT64_MAX << (8 * (16 - run->mask_bytes));
    if (!matcher_place(k, own))
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (size_t p = 0; p < (size_t)1 << k->part_bits; p++)
        most = k->start[p + 1] - k->start[p] > most
                   ? k->start[p + 1] - k->start[p]
                   : most;
    k->high = mal_calloc((size_t)most + 1, sizeof *k->high);
    k->low = mal_calloc((size_t)most + 1, sizeof *k->low);
    k->index = mal_calloc((size_t)most + 1, sizeof *k->index);
    k->bucket =
        mal_calloc(((size_t)1 << k->bucket_bits) + 2, sizeof *k->bucket);
    if (!k->high || !k->low || !k->index || !k->bucket)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    return MAL_OK;
}

/* A counting sort by bucket.  Counts lie two cells on, so that each cell is the
 * place of its bucket while that is filled, and its end afterwards. */
static void matcher_open(matcher *k, size_t part) {
    const entry *e = k->entries + k->start[part];
    const uint32_t n = k->start[part + 1] - k->start[part];
    const uint32_t buckets = 1u << k->bucket_bits;
    const unsigned prefix = k->run->prefix_bits;
    memset(k->bucket, 0, (buckets + 2) * sizeof *k->bucket);
    for (uint32_t i = 0; i < n; i++)
        k->bucket[(top_bits(e[i].w[0], prefix) & (buckets - 1)) + 2]++;
    for (uint32_t b = 0; b < buckets; b++)
        k->bucket[b + 2] += k->bucket[b + 1];
    for (uint32_t i = 0; i < n; i++) {
        const mal_u128 v = ((mal_u128)e[i].w[0] << 64 | e[i].w[1]) << prefix;
        const uint32_t to =
            k->bucket[(top_bits(e[i].w[0], prefix) & (buckets - 1)) + 1]++;
        k->high[to] = (uint64_t)(v >> 64);
        k->low[to] = (uint64_t)v & k->low_mask;
        k->index[to] = e[i].index;
    }
    k->part = part;
}

/* Is `wanted` among them?  No early exit, so that it goes by vectors. */
static inline bool any_equal(const uint64_t *high, uint32_t n,
                             uint64_t wanted) {
    uint64_t any = 0;
    for (uint32_t i = 0; i < n; i++)
        any |= (uint64_t)(high[i] == wanted);
    return any;
}

static inline void match_bucket(matcher *k, size_t bucket, const uint8_t *body,
                                uint32_t n_masks) {
    const unsigned bytes = k->run->mask_bytes;
    const uint32_t from = k->bucket[bucket];
    const uint32_t n = k->bucket[bucket + 1] - from;
    for (uint32_t j = 0; j < n_masks; j++, body += bytes) {
        const uint64_t high = load_be(body);
        if (!any_equal(k->high + from, n, high))
            continue;
        /* The last 8 bytes overlap those of `high`, and shift them out. */
        const uint64_t low =
            k->low_mask ? load_be(body + bytes - 8) << (8 * (16 - bytes)) : 0;
        for (uint32_t i = from; i < from + n; i++)
            if (k->high[i] == high && k->low[i] == low &&
                k->index[i] < k->n_real)
                k->hits[k->index[i] / 64] |= UINT64_C(1) << (k->index[i] % 64);
    }
}

/* A cursor over the sender's masks, message by message. */
typedef struct incoming {
    const uint8_t *body;
    size_t left;    /* masks in this message */
    size_t to_come; /* masks in later ones */
} incoming;

static mal_err next_message(psi_run *run, incoming *in) {
    const size_t most = masks_per_message(run);
    in->left = in->to_come < most ? in->to_come : most;
    in->to_come -= in->left;
    return psi_wire_recv(&run->wire, &in->body, PSI_MASKS, in->left,
                         in->left * run->mask_bytes);
}

static mal_err match_all(psi_run *run, matcher *k, const uint8_t *counts) {
    const size_t buckets = (size_t)1 << run->prefix_bits;
    incoming in = { .to_come = run->params->sender_max };
    for (size_t b = 0; b < buckets; b++) {
        const size_t part = b >> k->bucket_bits;
        if (part != k->part)
            matcher_open(k, part);
        for (uint32_t left = counts[b]; left;) {
            if (!in.left)
                MAL_TRY(next_message(run, &in));
            const uint32_t now = left < in.left ? left : (uint32_t)in.left;
            match_bucket(k, b & (((size_t)1 << k->bucket_bits) - 1), in.body,
                         now);
            in.body += (size_t)now * run->mask_bytes;
            in.left -= now;
            left -= now;
        }
    }
    assert(in.left == 0 && in.to_come == 0);
    return MAL_OK;
}

static mal_err recv_counts(psi_run *run, uint8_t *counts, size_t buckets) {
    const uint8_t *body;
    uint64_t sum = 0;
    MAL_TRY(psi_wire_recv(&run->wire, &body, PSI_COUNTS, buckets, buckets));
    memcpy(counts, body, buckets);
    for (size_t b = 0; b < buckets; b++)
        sum += counts[b];
    PSI_REQUIRE_PEER(sum == run->params->sender_max);
    return MAL_OK;
}

mal_err psi_masks_match(psi_run *run, uint64_t *hits,
                        const psi_own_masks *own) {
    MAL_AUTO(matcher_clear) matcher k = { 0 };
    const size_t buckets = (size_t)1 << run->prefix_bits;
    MAL_TRY(matcher_init(&k, run, hits, own));
    uint8_t *counts = mal_calloc(buckets, 1);
    if (!counts)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_err err = recv_counts(run, counts, buckets);
    if (err == MAL_OK)
        err = match_all(run, &k, counts);
    mal_free(counts);
    return err;
}
