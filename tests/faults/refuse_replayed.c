/* refuse_replayed.c - messages of another time, another place, another sender.
 *
 * The asking node's way to its peers is replaced by one that writes down every
 * call, and can send old ones again, or put an old part into a new message.
 */
#include "../../src/node/node_impl.h"
#include "../../src/node/test/four_nodes.h"
#include "../../src/room/room_impl.h"

static four f;
static mal_room *room;        /* of the asking node */
static mal_room_peers real;   /* its way to its peers */
static const char *room_name; /* which of them the questions are for */

#define CALLS_MAX 256
typedef struct call {
    uint32_t party;
    char method[16];
    mal_buf request, reply;
} call;
static call calls[CALLS_MAX];
static unsigned n_calls;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* What the next question's message of that method becomes. */
typedef void (*bend)(mal_buf *request);
static const char *bent_method;
static bend bent_by;
static void (*before)(uint32_t party, const char *method, mal_bytes request);

static mal_err spy(void *ctx, uint32_t party, const char *method,
                   mal_bytes request, mal_buf *reply, unsigned timeout_ms) {
    (void)ctx;
    MAL_AUTO(mal_buf_clear) mal_buf sent = { 0 };
    MAL_TRY(mal_buf_put(&sent, request));
    if (before)
        before(party, method, request);
    if (bent_method && strcmp(method, bent_method) == 0)
        bent_by(&sent);
    mal_err err = real.call(real.ctx, party, method, mal_buf_view(&sent), reply,
                            timeout_ms);
    if (err != MAL_OK)
        return err;
    pthread_mutex_lock(&lock);
    if (n_calls < CALLS_MAX) {
        call *c = &calls[n_calls++];
        c->party = party;
        snprintf(c->method, sizeof c->method, "%s", method);
        err = mal_buf_put(&c->request, request);
        if (err == MAL_OK)
            err = mal_buf_put(&c->reply, mal_buf_view(reply));
    }
    pthread_mutex_unlock(&lock);
    return err;
}

/* The contract has its own order of parties. */
static uint32_t in_contract(int who) {
    return mal_policy_party_find(room->contract, party_names[who]);
}

static unsigned in_list(int who) {
    unsigned at = 0;
    while (room->owner_at[at] != in_contract(who))
        at++;
    return at;
}

static void forget_calls(void) {
    for (unsigned i = 0; i < n_calls; i++) {
        mal_buf_clear(&calls[i].request);
        mal_buf_clear(&calls[i].reply);
    }
    n_calls = 0;
}

static call *find(const char *method, int who) {
    uint32_t party = in_contract(who);
    for (unsigned i = 0; i < n_calls; i++)
        if (calls[i].party == party && strcmp(calls[i].method, method) == 0)
            return &calls[i];
    CHECK_THAT(false, "no call of %s was seen", method);
    return NULL;
}

static const char local_sql[] =
    "SELECT carrier, count(*), sum(distance) FROM ewr.flights"
    " GROUP BY carrier ORDER BY carrier";

static mal_json *question(void) {
    mal_json *q = verb("query");
    CHECK_OK(mal_json_put_str(q, "text", local_sql));
    CHECK_OK(mal_json_put_str(q, "room", room_name));
    CHECK_OK(mal_json_put_bool(q, "fresh", true));
    CHECK_OK(mal_json_put_u64(q, "epsilon_nano", 1000000));
    return q;
}

static uint64_t spent(void) {
    const mal_json *list;
    uint64_t v;
    mal_json *q = verb("budget");
    CHECK_OK(mal_json_put_str(q, "room", room_name));
    check_done(&f, EWR, q);
    CHECK_OK(mal_json_get_array(f.last, "budgets", &list));
    CHECK_OK(mal_json_get_u64(mal_json_at(list, 0), "spent_nano", &v));
    return v;
}

static void use_room(const char *name) {
    node_room r;
    if (room)
        room->config.peers = real;
    CHECK_OK(node_room_find(f.node[FAA], name, &r));
    room = r.room;
    room_name = name;
    real = room->config.peers;
    room->config.peers.call = spy;
}

/* The question fails at every honest owner, and the text says `words`. */
static void refused(const char *words) {
    const char *message;
    CHECK(!ask_node(&f, FAA, question()));
    CHECK_OK(mal_json_get_str(f.last, "message", &message));
    CHECK_THAT(strstr(message, words), "refused, but as: %s", message);
    bent_method = NULL;
    before = NULL;
    check_done(&f, FAA, question()); /* and the next one is answered */
}

static mal_err again(const char *method, int who) {
    MAL_AUTO(mal_buf_clear) mal_buf reply = { .max = 1 << 24 };
    const call *c = find(method, who);
    return real.call(real.ctx, c->party, method, mal_buf_view(&c->request),
                     &reply, 5000);
}

TEST(a_room_is_open_and_a_first_question_is_written_down) {
    four_open(&f);
    use_room("airports");
    check_done(&f, FAA, question());
    find("open", JFK);
    find("close", EWR);
}

TEST(a_request_whose_nonce_was_used_is_refused) {
    uint64_t old = spent();
    for (int p = EWR; p <= LGA; p++) {
        CHECK_ERR(again("open", p), MAL_E_DENIED);
        CHECK(strstr(mal_err_message(), "nonce"));
    }
    CHECK_EQ(spent(), old);
}

TEST(a_used_nonce_is_remembered_across_a_restart) {
    stop_node(&f, JFK);
    start_node(&f, JFK);
    tell_ports(&f);
    CHECK_ERR(again("open", JFK), MAL_E_DENIED);
}

TEST(the_steps_of_a_job_that_is_over_are_refused) {
    static const char *const steps[] = { "hold", "spend", "run", "close" };
    for (size_t i = 0; i < 4; i++)
        for (int p = EWR; p <= LGA; p++)
            CHECK_ERR(again(steps[i], p), MAL_E_MISSING);
}

TEST(a_request_that_another_node_carries_is_refused) {
    node_room r;
    MAL_AUTO(mal_buf_clear) mal_buf reply = { 0 };
    CHECK_OK(node_room_find(f.node[LGA], "airports", &r));
    CHECK_ERR(r.room->config.peers.call(
                  r.room->config.peers.ctx, in_contract(JFK), "open",
                  mal_buf_view(&find("open", JFK)->request), &reply, 5000),
              MAL_E_DENIED);
}

/* --- Old parts in new messages ------------------------------------------- */

/* The message of the first question, under the new request's name. */
static void all_old(mal_buf *request) {
    const call *c = find(bent_method, EWR);
    request->len = 32;
    if (mal_buf_put(request, mal_bytes_of(c->request.ptr + 32,
                                          c->request.len - 32)) != MAL_OK)
        abort();
}

/* One owner's part of it (jfk's: neither the hearer's own, nor the last). */
static void one_old(mal_buf *request) {
    mal_bytes fresh[MAL_PARTIES_MAX], old[MAL_PARTIES_MAX];
    unsigned n, n_old;
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    const call *c = find(bent_method, EWR);
    mal_rd rd = mal_rd_of(mal_bytes_of(request->ptr + 32, request->len - 32));
    mal_rd rd_old =
        mal_rd_of(mal_bytes_of(c->request.ptr + 32, c->request.len - 32));
    if (room_list_decode(fresh, &n, &rd, ROOM_MESSAGE_MAX) != MAL_OK ||
        room_list_decode(old, &n_old, &rd_old, ROOM_MESSAGE_MAX) != MAL_OK ||
        mal_buf_put(&out, mal_bytes_of(request->ptr, 32)) != MAL_OK ||
        mal_buf_put_u32(&out, PARTIES) != MAL_OK)
        abort();
    for (int i = 0; i < PARTIES; i++)
        if (mal_buf_put_blob(&out, i == (int)in_list(JFK) ? old[i]
                                                          : fresh[i]) != MAL_OK)
            abort();
    mal_buf_reset(request);
    if (mal_buf_put(request, mal_buf_view(&out)) != MAL_OK)
        abort();
}

/* A bit of jfk's signed body. */
static void one_bit(mal_buf *request) {
    mal_bytes fresh[MAL_PARTIES_MAX];
    unsigned n;
    mal_rd rd = mal_rd_of(mal_bytes_of(request->ptr + 32, request->len - 32));
    if (room_list_decode(fresh, &n, &rd, ROOM_MESSAGE_MAX) != MAL_OK)
        abort();
    request->ptr[(size_t)(fresh[in_list(JFK)].ptr - request->ptr) + 40] ^= 1;
}

static void bend_at(const char *method, bend by, const char *words) {
    bent_method = method;
    bent_by = by;
    refused(words);
}

TEST(acceptances_of_an_earlier_job_are_refused_unpaid) {
    uint64_t old = spent();
    bend_at("hold", all_old, "another request");
    bend_at("hold", one_old, "jfk answered another request");
    CHECK_EQ(spent(), old + 2 * 1000000); /* the two good questions after */
}

TEST(holds_of_an_earlier_job_are_refused_unpaid) {
    uint64_t old = spent();
    bend_at("spend", all_old, "for another job");
    bend_at("spend", one_old, "jfk holds its budget for another job");
    /* Whoever asks spends beside its owners' back: it hears its own list. */
    CHECK(spent() <= old + 4 * 1000000);
}

TEST(intents_of_an_earlier_job_are_refused_before_anything_runs) {
    bend_at("run", all_old, "another intent");
    bend_at("run", one_old, "jfk logged another intent");
}

TEST(reports_of_an_earlier_job_are_refused) {
    bend_at("close", all_old, "another job");
    bend_at("close", one_old, "jfk reports of another job");
}

TEST(a_flipped_bit_of_a_signed_part_is_refused) {
    static const char *const steps[] = { "hold", "spend", "run", "close" };
    for (size_t i = 0; i < 4; i++)
        bend_at(steps[i], one_bit, "");
}

/* --- Others' calls into a live job --------------------------------------- */

static mal_err intruder[4];
static void intrude(uint32_t party, const char *method, mal_bytes request) {
    node_room r;
    mal_buf reply = { .max = 1 << 24 };
    if (party != in_contract(EWR) || strcmp(method, "hold") != 0)
        return;
    if (node_room_find(f.node[LGA], "airports", &r) != MAL_OK)
        return;
    const mal_room_peers *p = &r.room->config.peers;
    intruder[0] = p->call(p->ctx, party, "hold", request, &reply, 5000);
    intruder[1] = p->call(p->ctx, party, "void", mal_bytes_of(request.ptr, 32),
                          &reply, 5000);
    intruder[2] = p->call(p->ctx, party, "abort", mal_bytes_of(request.ptr, 32),
                          &reply, 5000);
    /* A step too early, by the right node. */
    intruder[3] = real.call(real.ctx, party, "spend", request, &reply, 5000);
    mal_buf_clear(&reply);
}

TEST(a_live_job_hears_nobody_but_its_asking_node_in_order) {
    before = intrude;
    check_done(&f, FAA, question());
    before = NULL;
    CHECK_EQ(intruder[0], MAL_E_DENIED);
    CHECK(intruder[1] != MAL_OK);
    CHECK_EQ(intruder[3], MAL_E_STATE);
}

/* --- Another room of the same parties ------------------------------------ */

static void open_second_room(void) {
    const char *canonical;
    MAL_AUTO(mal_buf_clear) mal_buf bundle = { 0 };
    mal_json *show = verb("room.show");
    CHECK_OK(mal_json_put_str(show, "room", "airports"));
    check_done(&f, FAA, show);
    CHECK_OK(mal_json_get_str(f.last, "canonical", &canonical));
    const char *at = strstr(canonical, "\"airports\"");
    CHECK(at);
    CHECK_OK(mal_buf_put(&bundle,
                         mal_bytes_of(canonical, (size_t)(at - canonical))));
    CHECK_OK(mal_buf_put_str(&bundle, "\"seaports\""));
    CHECK_OK(mal_buf_put_str(&bundle, at + strlen("\"airports\"")));
    for (int i = 0; i < PARTIES; i++) {
        mal_buf next = { 0 };
        CHECK_OK(
            mal_room_bundle_sign(&next, mal_buf_view(&bundle), f.node[i]->kms));
        mal_buf_clear(&bundle);
        bundle = next;
    }
    for (int i = 0; i < PARTIES; i++) {
        mal_json *o = verb("room.open");
        CHECK_OK(mal_json_put_text(o, "bundle", mal_buf_view(&bundle)));
        check_done(&f, i, o);
    }
    char path[400];
    snprintf(path, sizeof path, "%s/ewr.csv", f.dir);
    mal_json *o = verb("data.add");
    CHECK_OK(mal_json_put_str(o, "room", "seaports"));
    CHECK_OK(mal_json_put_str(o, "dataset", "flights"));
    CHECK_OK(mal_json_put_str(o, "path", path));
    check_done(&f, EWR, o);
}

TEST(messages_of_another_room_are_refused) {
    static const char *const steps[] = { "hold", "spend", "run", "close" };
    open_second_room();
    use_room("seaports"); /* `calls` are still those of the first room */
    check_done(&f, FAA, question());
    CHECK(again("open", JFK) != MAL_OK); /* for another room */
    for (size_t i = 0; i < 4; i++) {
        bend_at(steps[i], all_old, "");
        bend_at(steps[i], one_old, "");
    }
}

TEST(the_nodes_stop_and_leave_nothing) {
    room->config.peers = real;
    forget_calls();
    four_close(&f);
}

TEST_MAIN
