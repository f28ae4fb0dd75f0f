/* cost.c - what the calls of a dry engine would cost each party. */
#include "oblivious_impl.h"

mal_obl_cost mal_obl_cost_so_far(const mal_obl *o) {
    mal_obl_cost cost = { 0 };
    if (o->s) {
        const mal_share3_counters c = mal_share3_count(o->s);
        cost.rounds = c.rounds;
        cost.bytes = c.bytes;
        return cost;
    }
    cost = o->cost;
    for (unsigned i = 0; i < MAL_SHARE3_PARTIES; i++)
        cost.bytes = o->sent[i] > cost.bytes ? o->sent[i] : cost.bytes;
    return cost;
}

static void pay_time(mal_obl *o, uint64_t rounds, uint64_t bytes, double ns) {
    o->cost.rounds += rounds;
    o->cost.ns += ns + (double)rounds * o->rates.round_ns +
                  (double)bytes * o->rates.byte_ns;
}

/* How many bytes is an exchange of so many words? */
static uint64_t exchange(uint64_t n) {
    mal_share3_cost c = { 0 };
    mal_share3_cost_add(&c, MAL_SHARE3_CALL_OPEN, n, 64);
    return c.bytes;
}

static bool on_words(mal_share3_call call) {
    return call == MAL_SHARE3_CALL_MUL || call == MAL_SHARE3_CALL_INJECT ||
           call == MAL_SHARE3_CALL_INJECT_ONE;
}

/* What was added to the meter since it was `before`. */
static mal_share3_cost since(const mal_obl *o, const mal_share3_cost *before) {
    return (mal_share3_cost){
        .rounds = o->meter.rounds - before->rounds,
        .bytes = o->meter.bytes - before->bytes,
        .products = o->meter.products - before->products,
    };
}

/* By each party, of which some were spared a part. */
static void pay_bytes(mal_obl *o, const mal_share3_cost *before) {
    for (unsigned i = 0; i < MAL_SHARE3_PARTIES; i++)
        o->sent[i] += (o->meter.bytes - o->meter.spared[i]) -
                      (before->bytes - before->spared[i]);
}

void obl_pay(mal_obl *o, mal_share3_call call, size_t n, unsigned width) {
    const mal_share3_cost before = o->meter;
    mal_share3_cost_add(&o->meter, call, n, width);
    const mal_share3_cost c = since(o, &before);
    pay_bytes(o, &before);
    pay_time(o, c.rounds, c.bytes,
             (double)c.products *
                 (on_words(call) ? o->rates.mul_ns : o->rates.and_word_ns));
}

void mal_obl_pay(mal_obl *o, double (*add)(mal_share3_cost *, const void *ctx),
                 const void *ctx) {
    const mal_share3_cost before = o->meter;
    const double ns = add(&o->meter, ctx);
    const mal_share3_cost c = since(o, &before);
    pay_bytes(o, &before);
    pay_time(o, c.rounds, c.bytes, ns);
}

/* Sums of len products: one message each, or one a product to be proved. */
void obl_pay_dot(mal_obl *o, size_t n, size_t len) {
    obl_pay(o, MAL_SHARE3_CALL_MUL, o->meter.malicious ? n : n / len, 64);
}

void obl_pay_input(mal_obl *o, unsigned owner, size_t n, unsigned width) {
    const uint64_t bytes = exchange(width * obl_stride(n));
    o->sent[owner] += bytes;
    pay_time(o, 1, bytes, 0);
}

/* --- orders --------------------------------------------------------------- */

unsigned obl_pay_turn(mal_obl *o) {
    return o->orders++ % MAL_SHARE3_PARTIES;
}

/* One party, in turn, sends rows twice, the others once; if malicious, all do
 * alike. */
void obl_pay_move(mal_obl *o, unsigned turn, size_t n, unsigned columns,
                  unsigned planes) {
    const mal_share3_cost before = o->meter;
    mal_share3_cost_move(&o->meter, n, columns, planes);
    const mal_share3_cost c = since(o, &before);
    for (unsigned i = 0; i < MAL_SHARE3_PARTIES; i++)
        o->sent[i] += i == turn || o->meter.malicious ? c.bytes : c.bytes / 2;
    pay_time(o, c.rounds, c.bytes, (double)c.bytes / 16 * o->rates.permute_ns);
}

/* Keys of 1 to 3 planes: one-hot planes, their counts, an order of words. */
static void pay_digit(mal_obl *o, unsigned turn, size_t n, unsigned width) {
    const unsigned values = (1u << width) - 1;
    for (unsigned k = 0; k < width; k++)
        obl_pay(o, MAL_SHARE3_CALL_AND, n, 1u << k);
    obl_pay(o, MAL_SHARE3_CALL_INJECT_ONE, 64 * obl_stride(n) * values, 1);
    obl_pay_dot(o, n * values, values);
    if (o->meter.malicious) {
        const unsigned log_n = obl_log2_up(n);
        obl_pay(o, MAL_SHARE3_CALL_TO_BITS, n, log_n ? log_n : 1);
        obl_pay_move(o, turn, n, 0, log_n ? log_n : 1);
        obl_pay(o, MAL_SHARE3_CALL_BITS_OPEN, n, log_n ? log_n : 1);
        return;
    }
    obl_pay_move(o, turn, n, 1, 0);
    obl_pay(o, MAL_SHARE3_CALL_OPEN, n, 64);
}

/* An estimate: which rows are compared follows from a uniform order, hence from
 * nothing that is secret, and differs from run to run. */
static void pay_comparisons(mal_obl *o, unsigned turn, size_t n,
                            unsigned width) {
    const unsigned log_n = obl_log2_up(n);
    obl_pay_move(o, turn, n, 0, width + (log_n ? log_n : 1));
    const mal_share3_cost before = o->meter;
    mal_share3_cost_rank(&o->meter, n, width);
    const mal_share3_cost c = since(o, &before);
    for (unsigned i = 0; i < MAL_SHARE3_PARTIES; i++)
        o->sent[i] += c.bytes;
    pay_time(o, c.rounds, c.bytes,
             (double)c.products * o->rates.compare_word_ns);
}

void obl_pay_sort(mal_obl *o, unsigned turn, size_t n, unsigned width) {
    if (n < 2)
        return;
    if (width <= 3)
        pay_digit(o, turn, n, width);
    else
        pay_comparisons(o, turn, n, width);
}
