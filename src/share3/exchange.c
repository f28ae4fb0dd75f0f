/* exchange.c - a round: words to one peer, words from another, in chunks.
 *
 * A chunk is sent as soon as it is made; before a party sends chunk c it has
 * received chunk c - FLIGHT, and before a round ends all of it.  No deadlock:
 * the three run one public schedule of chunks.  Of the three take one that is
 * least far.  Its next send cannot block: its receiver is at least as far, has
 * thus received all but the last FLIGHT chunks before this one, and the channel
 * holds more.  Its next receive is of a chunk that its sender, at least as far,
 * has sent.  Of two rounds at once, one each way, both are sent first, no more
 * than FLIGHT chunks to either peer: the same holds.
 */
#include "share3_impl.h"

static void write_header(uint8_t out[SHARE3_HEADER], const mal_share3 *s,
                         unsigned kind, size_t chunk) {
    mal_store_u32le(out, kind);
    mal_store_u32le(out + 4, (uint32_t)chunk);
    mal_store_u64le(out + 8, s->place);
}

static mal_err send_words(mal_share3 *s, unsigned to, unsigned kind,
                          size_t chunk, size_t n) {
    assert(n <= SHARE3_CHUNK);
    write_header((uint8_t *)s->out, s, kind, chunk);
    const size_t len = SHARE3_HEADER + 8 * n;
    MAL_TRY(mal_chan_send(s->mesh->chan[to], mal_bytes_of(s->out, len)));
    s->count.bytes += len;
    s->count.messages++;
    return MAL_OK;
}

static mal_err recv_words(mal_share3 *s, unsigned from, unsigned kind,
                          size_t chunk, size_t n, const uint64_t **words) {
    uint8_t wanted[SHARE3_HEADER];
    const size_t len = SHARE3_HEADER + 8 * n;
    write_header(wanted, s, kind, chunk);
    MAL_TRY(mal_chan_recv(s->mesh->chan[from], &s->in, len));
    REQUIRE_PEER(s->in.len == len &&
                 mal_equal(s->in.ptr, wanted, SHARE3_HEADER));
    *words = (const uint64_t *)(const void *)(s->in.ptr + SHARE3_HEADER);
    return MAL_OK;
}

static mal_err send_chunk(mal_share3 *s, const share3_round *r, size_t chunk) {
    const size_t from = chunk * SHARE3_CHUNK;
    const size_t n = share3_least(SHARE3_CHUNK, r->total - from);
    r->make(r->ctx, s->out + SHARE3_HEADER / 8, from, n);
    MAL_TRY(send_words(s, r->to, r->kind, chunk, n));
    return mal_progress_step(s->options.progress, "share3", from + n, r->total);
}

static mal_err recv_chunk(mal_share3 *s, const share3_round *r, size_t chunk) {
    const size_t from = chunk * SHARE3_CHUNK;
    const size_t n = share3_least(SHARE3_CHUNK, r->total - from);
    const uint64_t *in;
    MAL_TRY(recv_words(s, r->from, r->kind, chunk, n, &in));
    r->take(r->ctx, in, from, n);
    return MAL_OK;
}

static mal_err run_round(mal_share3 *s, const share3_round *r) {
    const size_t chunks = (r->total + SHARE3_CHUNK - 1) / SHARE3_CHUNK;
    size_t got = 0;
    for (size_t c = 0; r->make && c < chunks; c++) {
        if (r->take && c >= SHARE3_FLIGHT_CHUNKS)
            MAL_TRY(recv_chunk(s, r, got++));
        MAL_TRY(send_chunk(s, r, c));
    }
    while (r->take && got < chunks)
        MAL_TRY(recv_chunk(s, r, got++));
    return MAL_OK;
}

/* Both rounds' chunks are sent before any is awaited: FLIGHT at most of each.
 */
static mal_err send_all(mal_share3 *s, const share3_round *r) {
    for (size_t c = 0; r->make && c * SHARE3_CHUNK < r->total; c++)
        MAL_TRY(send_chunk(s, r, c));
    s->place += r->total > 0;
    return MAL_OK;
}

static mal_err recv_all(mal_share3 *s, const share3_round *r) {
    for (size_t c = 0; r->take && c * SHARE3_CHUNK < r->total; c++)
        MAL_TRY(recv_chunk(s, r, c));
    s->place += r->total > 0;
    return MAL_OK;
}

static mal_err run_pair(mal_share3 *s, const share3_round *a,
                        const share3_round *b) {
    const uint64_t place = s->place;
    MAL_TRY(send_all(s, a));
    MAL_TRY(send_all(s, b));
    s->place = place;
    MAL_TRY(recv_all(s, a));
    return recv_all(s, b);
}

mal_err share3_exchange_pair(mal_share3 *s, const share3_round *a,
                             const share3_round *b) {
    assert(a->to != b->to && a->from != b->from);
    if (!share3_both_short(a->total, b->total)) {
        MAL_TRY(share3_exchange(s, a));
        return share3_exchange(s, b);
    }
    MAL_TRY(share3_enter(s));
    MAL_TRY(share3_leave(s, run_pair(s, a, b)));
    s->count.rounds += a->total + b->total > 0;
    return MAL_OK;
}

mal_err share3_exchange(mal_share3 *s, const share3_round *r) {
    MAL_TRY(share3_enter(s));
    if (r->total == 0)
        return MAL_OK;
    MAL_TRY(share3_leave(s, run_round(s, r)));
    s->place++;
    s->count.rounds++;
    return MAL_OK;
}

static void make_swap(void *ctx, uint64_t *out, size_t from, size_t n) {
    memcpy(out, ((const share3_swap *)ctx)->out + from, n * sizeof *out);
}

static void take_swap(void *ctx, const uint64_t *in, size_t from, size_t n) {
    memcpy(((const share3_swap *)ctx)->in + from, in, n * sizeof *in);
}

static share3_round round_of(const share3_swap *w) {
    return (share3_round){
        .kind = w->kind,
        .to = w->to,
        .from = w->from,
        .total = w->n,
        .make = make_swap,
        .take = take_swap,
        .ctx = (void *)(uintptr_t)w,
    };
}

mal_err share3_swap_words(mal_share3 *s, const share3_swap *w) {
    const share3_round r = round_of(w);
    return share3_exchange(s, &r);
}

mal_err share3_swap_pair(mal_share3 *s, const share3_swap *a,
                         const share3_swap *b) {
    const share3_round first = round_of(a), second = round_of(b);
    return share3_exchange_pair(s, &first, &second);
}

static mal_err require_same(mal_share3 *s, bool same) {
    if (!same)
        mal_err_set(MAL_E_PEER, __FILE__, __LINE__, SHARE3_BROKE);
    return share3_leave(s, same ? MAL_OK : MAL_E_PEER);
}

mal_err share3_same_word_of_both(mal_share3 *s, share3_kind kind,
                                 uint64_t word) {
    const unsigned prev = share3_prev(s), next = share3_next(s);
    uint64_t theirs[2];
    const share3_swap back = { kind, prev, next, &word, &theirs[0], 1 },
                      forth = { kind, next, prev, &word, &theirs[1], 1 };
    MAL_TRY(share3_swap_pair(s, &back, &forth));
    return require_same(s, theirs[0] == word && theirs[1] == word);
}

mal_err share3_same_word(mal_share3 *s, share3_kind kind, uint64_t word,
                         bool forward) {
    const unsigned peer[2] = { share3_prev(s), share3_next(s) };
    uint64_t theirs;
    const share3_swap w = { kind,  peer[forward], peer[!forward],
                            &word, &theirs,       1 };
    MAL_TRY(share3_swap_words(s, &w));
    return require_same(s, theirs == word);
}

#define CAME UINT64_C(0x656d6163206c6c61) /* "all came" */

mal_err share3_wait_all_came(mal_share3 *s) {
    return share3_same_word(s, SHARE3_CAME, CAME, true);
}
