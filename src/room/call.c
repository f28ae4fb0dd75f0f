/* call.c - calls to other parties, all at once. */
#include "room_impl.h"

#include <stdio.h>
#include <string.h>

/* Our own node is a party like any other: it answers itself. */
mal_err room_call(mal_room *room, uint32_t party, const char *method,
                  mal_bytes request, mal_buf *reply, unsigned timeout_ms) {
    if (party == room->me)
        return room->answer(room, room->me, method, request, reply);
    room_trace(room, method, party, "sent", request.len);
    MAL_TRY(room->config.peers.call(room->config.peers.ctx, party, method,
                                    request, reply, timeout_ms));
    room_trace(room, method, party, "received", reply->len);
    return MAL_OK;
}

typedef struct all {
    room_calls *calls;
    unsigned n;
    atomic_bool ended;
} all;

/* Who computes waits for the others: when one of them has failed, the rest are
 * told at once, rather than left to their time limits. */
static void end_run(all *a, size_t failed) {
    room_calls *c = a->calls;
    MAL_AUTO(mal_buf_clear) mal_buf reply = { 0 };
    if (strcmp(c->method, "run") != 0 || c->each || c->request.len < 32 ||
        atomic_exchange(&a->ended, true))
        return;
    for (unsigned i = 0; i < a->n; i++)
        if (i != failed && room_call(c->room, c->parties[i], "abort",
                                     mal_bytes_of(c->request.ptr, 32), &reply,
                                     room_soon(c->room)) != MAL_OK)
            mal_err_forget(); /* it is gone, and waits for nobody */
}

static mal_err call_one(void *ctx, size_t i) {
    all *a = ctx;
    room_calls *c = a->calls;
    mal_bytes request = c->each ? mal_buf_view(&c->each[i]) : c->request;
    c->errs[i] = room_call(c->room, c->parties[i], c->method, request,
                           &c->replies[i], c->timeout_ms);
    if (c->errs[i] != MAL_OK) {
        snprintf(c->texts[i], sizeof c->texts[i], "%s", mal_err_message());
        end_run(a, i);
    }
    return MAL_OK; /* the others are to be heard as well */
}

/* Which failure to tell: one that explains itself before one that only says
 * that a peer failed, and that before "cancelled". */
static int weight(mal_err err) {
    if (err == MAL_OK || err == MAL_E_CANCEL)
        return err == MAL_OK ? 0 : 1;
    return err == MAL_E_PEER || err == MAL_E_TIMEOUT ? 2 : 3;
}

static unsigned worst(const room_calls *c, unsigned n) {
    unsigned at = n;
    for (unsigned i = 0; i < n; i++) {
        if (weight(c->errs[i]) > (at < n ? weight(c->errs[at]) : 0))
            at = i;
    }
    return at;
}

/* "ewr, jfk: lga holds another plan; lga: ewr holds another plan": who says the
 * same stands together, the many before the few, so that a liar among honest
 * parties is not the one who is heard. */
static void tell(const room_calls *c, unsigned n, mal_err class, char *out,
                 size_t max) {
    const mal_policy_party *parties = c->room->contract->parties;
    bool told[MAL_PARTIES_MAX] = { false };
    size_t len = 0;
    for (;;) {
        unsigned best = n, most = 0;
        for (unsigned i = 0; i < n; i++) {
            unsigned same = 0;
            for (unsigned k = 0; k < n; k++)
                same += c->errs[k] == class &&
                        strcmp(c->texts[k], c->texts[i]) == 0;
            if (!told[i] && c->errs[i] == class && same > most) {
                best = i;
                most = same;
            }
        }
        if (best == n || len >= max)
            return;
        const char *before = len ? "; " : "";
        for (unsigned i = best; i < n && len < max; i++) {
            if (c->errs[i] != class || strcmp(c->texts[i], c->texts[best]) != 0)
                continue;
            told[i] = true;
            len += (size_t)snprintf(out + len, max - len, "%s%s", before,
                                    parties[c->parties[i]].name);
            before = ", ";
        }
        if (len < max)
            len +=
                (size_t)snprintf(out + len, max - len, ": %s", c->texts[best]);
    }
}

mal_err room_call_all(room_calls *calls, unsigned n) {
    char text[800];
    all a = { .calls = calls, .n = n };
    MAL_TRY(mal_parallel(n, n, call_one, &a));
    unsigned at = worst(calls, n);
    if (at == n)
        return MAL_OK;
    tell(calls, n, calls->errs[at], text, sizeof text);
    MAL_FAIL(calls->errs[at], "%s", text);
}
