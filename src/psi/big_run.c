/* big_run.c - the buckets of a large set, one intersection each.
 *
 *     both       HELLO  32 fresh random bytes, a bit for each bucket: the
 *                       receiver's say which have no verdict yet
 *     each such bucket, under the session hash of (session, both random
 *     strings, bucket): mal_psi_receive and mal_psi_send
 *
 * The receiver writes a verdict, hits.N, whole; from then on the bucket is
 * done. The sender notes that it begins before it sends anything that depends
 * on its keys, so that a receiver cannot have a bucket again and again.
 */
#include "big_impl.h"

#include <string.h>

enum { BIG_HELLO = 100 };
#define VERDICT_MAX ((size_t)1 << 30)

typedef struct bucket_run {
    mal_psi_key *keys;
    uint64_t *rows, *hits;
    size_t n;
} bucket_run;

static void bucket_clear(bucket_run *r) {
    if (r->keys)
        mal_wipe(r->keys, r->n * sizeof *r->keys);
    mal_free(r->keys);
    mal_free(r->rows);
    mal_free(r->hits);
}

static mal_err verdict_ad(uint8_t ad[MAL_PRIM_HASH + 4], const mal_psi_big *b,
                          uint32_t bucket) {
    memcpy(ad, b->shape.b, MAL_PRIM_HASH);
    mal_store_u32le(ad + MAL_PRIM_HASH, bucket);
    return MAL_OK;
}

/* The rows that are common, whole or not at all. */
static mal_err write_verdict(mal_psi_big *b, uint32_t bucket,
                             const bucket_run *r) {
    MAL_AUTO(mal_buf_clear) mal_buf plain = { 0 }, boxed = { 0 };
    uint8_t ad[MAL_PRIM_HASH + 4];
    char path[4096];
    MAL_TRY(verdict_ad(ad, b, bucket));
    MAL_TRY(big_path(path, sizeof path, b, "hits", bucket));
    for (size_t i = 0; i < r->n; i++)
        if (r->hits[i / 64] >> (i % 64) & 1)
            MAL_TRY(mal_buf_put_u64(&plain, r->rows[i]));
    MAL_TRY(mal_prim_box(&boxed, mal_key_view(&b->key),
                         mal_bytes_of(ad, sizeof ad), mal_buf_view(&plain)));
    return mal_file_write(path, mal_buf_view(&boxed), 0600);
}

static mal_err run_bucket(mal_psi_big *b, mal_chan *chan, uint32_t bucket,
                          const mal_prim_hash *session,
                          const mal_progress *progress) {
    MAL_AUTO(bucket_clear) bucket_run r = { 0 };
    uint8_t word[4];
    mal_psi_params q = b->options.params;
    mal_prim_hash own;
    mal_store_u32le(word, bucket);
    const mal_bytes parts[] = { mal_bytes_of(session->b, MAL_PRIM_HASH),
                                mal_bytes_of(word, sizeof word) };
    mal_prim_hash_parts(&own, "malus psi big bucket", parts, 2);
    memcpy(q.session, own.b, MAL_PSI_SESSION);
    q.receiver_max = b->receiver_max;
    q.sender_max = b->sender_max;
    MAL_TRY(big_load(b, bucket, &r.keys, &r.rows, &r.n));
    const mal_psi_set set = { r.keys, r.n, true };
    if (!b->options.receiver) {
        MAL_REQUIRE(b->runs[bucket] < MAL_PSI_BIG_RUNS_MAX, MAL_E_DENIED,
                    "bucket %u was begun %u times already", bucket,
                    MAL_PSI_BIG_RUNS_MAX);
        b->runs[bucket]++;
        MAL_TRY(big_save(b));
        return mal_psi_send(chan, &q, &set, progress);
    }
    r.hits = mal_calloc(r.n / 64 + 1, sizeof *r.hits);
    if (!r.hits)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    MAL_TRY(mal_psi_receive(r.hits, chan, &q, &set, progress));
    return write_verdict(b, bucket, &r);
}

static bool has_verdict(const mal_psi_big *b, uint32_t bucket) {
    char path[4096];
    return big_path(path, sizeof path, b, "hits", bucket) == MAL_OK &&
           mal_file_exists(path);
}

/* Own random bytes and bits out, the peer's in; wanted [buckets / 8] becomes
 * the receiver's bits. */
static mal_err greet(mal_psi_big *b, psi_wire *w, mal_prim_hash *session,
                     uint8_t *wanted) {
    const size_t bits = (b->buckets + 7) / 8, len = 32 + bits;
    uint8_t nonce[2][32], *body;
    const uint8_t *got;
    const unsigned me = b->options.receiver ? 0 : 1;
    mal_prim_random(nonce[me], 32);
    for (uint32_t i = 0; b->options.receiver && i < b->buckets; i++)
        wanted[i / 8] |= (uint8_t)(!has_verdict(b, i) << (i % 8));
    MAL_TRY(psi_wire_begin(w, &body, BIG_HELLO, b->buckets, len));
    memcpy(body, nonce[me], 32);
    memcpy(body + 32, wanted, bits);
    MAL_TRY(psi_wire_send(w));
    MAL_TRY(psi_wire_recv(w, &got, BIG_HELLO, b->buckets, len));
    memcpy(nonce[1 - me], got, 32);
    if (!b->options.receiver)
        memcpy(wanted, got + 32, bits);
    const mal_bytes parts[] = { mal_bytes_of(b->shape.b, MAL_PRIM_HASH),
                                mal_bytes_of(nonce[0], 32),
                                mal_bytes_of(nonce[1], 32) };
    mal_prim_hash_parts(session, "malus psi big run", parts, 3);
    return MAL_OK;
}

static mal_err run_all(mal_psi_big *b, psi_wire *w, uint8_t *wanted,
                       const mal_progress *progress) {
    mal_prim_hash session;
    MAL_TRY(greet(b, w, &session, wanted));
    for (uint32_t i = 0; i < b->buckets; i++) {
        if (!(wanted[i / 8] >> (i % 8) & 1))
            continue;
        MAL_TRY(mal_progress_step(progress, "psi: buckets", i, b->buckets));
        MAL_TRY(run_bucket(b, w->chan, i, &session, NULL));
    }
    return mal_progress_step(progress, "psi: buckets", b->buckets, b->buckets);
}

mal_err mal_psi_big_run(mal_psi_big *b, mal_chan *chan,
                        const mal_progress *progress) {
    psi_wire w = { .chan = chan, .session = b->shape };
    MAL_REQUIRE(b->filled, MAL_E_STATE, "the keys of this job are not sealed");
    uint8_t *wanted = mal_calloc(b->buckets / 8 + 1, 1);
    if (!wanted)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_buf_init(&w.out, MAL_CHAN_MESSAGE_MAX);
    mal_buf_init(&w.in, MAL_CHAN_MESSAGE_MAX);
    mal_err err = run_all(b, &w, wanted, progress);
    mal_buf_clear(&w.out);
    mal_buf_clear(&w.in);
    mal_free(wanted);
    return err;
}

static mal_err read_verdict(mal_psi_big *b, uint64_t *hits, uint32_t bucket) {
    MAL_AUTO(mal_buf_clear) mal_buf boxed = { 0 }, plain = { 0 };
    uint8_t ad[MAL_PRIM_HASH + 4];
    char path[4096];
    MAL_TRY(verdict_ad(ad, b, bucket));
    MAL_TRY(big_path(path, sizeof path, b, "hits", bucket));
    MAL_REQUIRE(mal_file_exists(path), MAL_E_STATE,
                "bucket %u has no verdict yet: run again", bucket);
    MAL_TRY(mal_file_read(&boxed, path, VERDICT_MAX));
    MAL_TRY(mal_prim_unbox(&plain, mal_key_view(&b->key),
                           mal_bytes_of(ad, sizeof ad), mal_buf_view(&boxed)));
    mal_rd rd = mal_rd_of(mal_buf_view(&plain));
    while (rd.left) {
        uint64_t row;
        MAL_TRY(mal_rd_u64(&rd, &row));
        MAL_REQUIRE(row < b->rows, MAL_E_AUTH, "a verdict names row %llu",
                    (unsigned long long)row);
        hits[row / 64] |= UINT64_C(1) << (row % 64);
    }
    return MAL_OK;
}

mal_err mal_psi_big_hits(mal_psi_big *b, uint64_t *hits) {
    MAL_REQUIRE(b->options.receiver, MAL_E_STATE, "the sender has no verdicts");
    if (b->rows)
        memset(hits, 0, (b->rows + 63) / 64 * sizeof *hits);
    for (uint32_t i = 0; i < b->buckets; i++)
        MAL_TRY(read_verdict(b, hits, i));
    return MAL_OK;
}
