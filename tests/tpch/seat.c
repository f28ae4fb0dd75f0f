/* seat.c - one of three processes that answer questions on shares, over TLS.
 *
 *     seat ROOM DATA-FOLDER SEAT [DELAY-MS MBIT/S]
 *
 * It loads the tables of one owner (the contract's party SEAT), says "identity
 * HEX PORT", reads three lines "HEX PORT" of all seats, its own too, says
 * "ready", to be dialled, and, once all are, reads one question a line: "T
 * SELECT .." or, malicious, "M SELECT ..".  Each answer
 * begins with "@@", as differ's; "end" is echoed.  It lives until its input
 * ends, so that its connections do.  The three open one stream a pair and
 * question, between identities that each pins: TLS 1.3, both ends shown.
 *
 * With a delay one way and a rate (0: no limit) it sends over such a line
 * (link.h) and ends each answer with "# SECONDS ROUNDS BYTES FORETOLD-ROUNDS
 * FORETOLD-BYTES", from the greeting to the opened answer; what is foretold
 * ends before the opening.  SEAT_MEMORY in the environment bounds the shares in
 * memory, in bytes; what rests may then go to a file in SEAT_SPILL. */
#include "../differential/side.h"
#include "link.h"

#include <malus/net.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEATS 3u
#define WAITING_MAX 64u

/* Streams that peers opened, until the question that they are for. */
typedef struct arrival {
    mal_chan *chan;
    unsigned peer, question;
} arrival;

typedef struct seat {
    side side;
    unsigned me;
    mal_key identity_sec, node_sec;
    mal_net *net;
    uint8_t identities[SEATS][32];
    uint16_t ports[SEATS];
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    arrival waiting[WAITING_MAX];
    unsigned n_waiting;
    bool slow;
    link_line line;
} seat;

/* --- streams -------------------------------------------------------------- */

static void on_stream(void *ctx, const uint8_t peer[32], const char *label,
                      mal_chan *chan) {
    seat *s = ctx;
    pthread_mutex_lock(&s->lock);
    unsigned from = SEATS;
    for (unsigned i = 0; i < SEATS; i++)
        if (mal_equal(s->identities[i], peer, 32))
            from = i;
    if (from < SEATS && s->n_waiting < WAITING_MAX)
        s->waiting[s->n_waiting++] =
            (arrival){ chan, from, (unsigned)strtoul(label, NULL, 10) };
    else
        mal_chan_close(&chan);
    pthread_cond_broadcast(&s->arrived);
    pthread_mutex_unlock(&s->lock);
}

static mal_chan *take(seat *s, unsigned peer, unsigned question) {
    for (unsigned i = 0; i < s->n_waiting; i++)
        if (s->waiting[i].peer == peer && s->waiting[i].question == question) {
            mal_chan *chan = s->waiting[i].chan;
            s->waiting[i] = s->waiting[--s->n_waiting];
            return chan;
        }
    return NULL;
}

/* Who has the lower seat dials. */
static mal_err meet(seat *s, mal_mesh *mesh, unsigned question) {
    *mesh = (mal_mesh){ .n = SEATS, .me = s->me };
    for (unsigned i = 0; i < SEATS; i++) {
        char label[16];
        snprintf(label, sizeof label, "%u", question);
        if (i > s->me)
            MAL_TRY(mal_net_stream(s->net, s->identities[i], "127.0.0.1",
                                   s->ports[i], label, &mesh->chan[i]));
        if (i >= s->me)
            continue;
        pthread_mutex_lock(&s->lock);
        while (!(mesh->chan[i] = take(s, i, question)))
            pthread_cond_wait(&s->arrived, &s->lock);
        pthread_mutex_unlock(&s->lock);
    }
    return MAL_OK;
}

/* --- a question ----------------------------------------------------------- */

typedef struct job {
    mal_mesh mesh;
    mal_share3 *engine;
    mal_obl *obl;
    mal_obl_table *inputs;
    unsigned n_parts;
    uint64_t began_ns;
    mal_share3_counters began;
} job;

static void job_clear(job *j) {
    for (unsigned i = 0; j->inputs && i < j->n_parts; i++)
        mal_obl_table_clear(&j->inputs[i]);
    mal_free(j->inputs);
    for (unsigned i = 0; i < SEATS; i++)
        if (j->mesh.chan[i])
            mal_chan_close(&j->mesh.chan[i]);
    mal_obl_close(&j->obl);
    mal_share3_close(&j->engine);
}

static mal_err run_job(seat *s, job *j, mal_sql_table *table,
                       const mal_sql_physical *p, unsigned question,
                       bool malicious) {
    mal_share3_options options = { .security = malicious
                                                   ? MAL_SHARE3_MALICIOUS
                                                   : MAL_SHARE3_SEMI_HONEST };
    const char *memory = getenv("SEAT_MEMORY");
    options.memory_max = memory ? strtoul(memory, NULL, 10) : 0;
    options.spill_dir = getenv("SEAT_SPILL");
    memcpy(options.session, &question, sizeof question);
    MAL_TRY(meet(s, &j->mesh, question));
    for (unsigned i = 0; s->slow && i < SEATS; i++)
        if (i != s->me)
            MAL_TRY(link_slow(&j->mesh.chan[i], &s->line));
    MAL_TRY(mal_share3_open(&j->engine, &j->mesh, &options));
    MAL_TRY(mal_obl_open(&j->obl, j->engine));
    j->began_ns = mal_time_monotonic_ns();
    j->began = mal_share3_count(j->engine);
    j->n_parts = p->n_parts;
    j->inputs = mal_calloc(p->n_parts + 1, sizeof *j->inputs);
    MAL_REQUIRE(j->inputs, MAL_E_MEMORY, "no memory for the inputs");
    for (unsigned i = 0; i < p->n_parts; i++) {
        bool mine = p->parts[i].owner == s->me;
        mal_duck_batch rows;
        if (mine) /* what others hold, this process never sees */
            MAL_TRY(side_share_part(&s->side, &rows, &p->parts[i]));
        MAL_TRY(mal_sql_share3_input(&j->inputs[i], j->obl, j->engine,
                                     &p->parts[i], p->parts[i].owner,
                                     mine ? &rows : NULL));
        MAL_TRY(mal_obl_table_rest(j->obl, &j->inputs[i]));
    }
    return mal_sql_open_share3(table, s->side.arena, p, j->obl, j->engine,
                               j->inputs);
}

static mal_err print_cost(mal_buf *out, const job *j, const mal_sql_physical *p,
                          uint64_t ns) {
    const mal_share3_counters count = mal_share3_count(j->engine);
    mal_obl_cost foretold;
    MAL_TRY(mal_sql_share3_cost(&foretold, p, mal_share3_security_of(j->engine),
                                NULL));
    return mal_buf_put_fmt(
        out, "# %.6f %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
        (double)ns / 1e9, count.rounds - j->began.rounds,
        count.bytes - j->began.bytes, foretold.rounds, foretold.bytes);
}

/* Bytes of shares: most in memory at once, and put to disk. */
static void say_held(const job *j) {
    const mal_share3_counters count = mal_share3_count(j->engine);
    if (getenv("SEAT_PEAK"))
        fprintf(stderr, "# held %" PRIu64 " parked %" PRIu64 "\n",
                count.held_max, count.parked);
}

static mal_err answer(seat *s, mal_buf *out, const char *line,
                      unsigned question) {
    const mal_sql_split_options options = { .share3 = true, .opened = true };
    MAL_AUTO(job_clear) job j = { .n_parts = 0 };
    const mal_sql_plan *plan;
    const mal_sql_physical *p;
    mal_sql_table table;
    MAL_TRY(mal_sql_plan_from_text(&plan, s->side.arena, s->side.contract,
                                   mal_bytes_str(line + 2)));
    MAL_TRY(mal_sql_split(&p, s->side.arena, plan, s->side.contract, &options));
    MAL_TRY(run_job(s, &j, &table, p, question, line[0] == 'M'));
    uint64_t ns = mal_time_monotonic_ns() - j.began_ns;
    say_held(&j);
    MAL_TRY(side_print(out, &table));
    return s->slow ? print_cost(out, &j, p, ns) : MAL_OK;
}

static void answer_all(seat *s) {
    static char line[1 << 17];
    for (unsigned question = 1; fgets(line, sizeof line, stdin); question++) {
        MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
        MAL_AUTO(mal_arena_auto)
        mal_arena *own = mal_arena_new((size_t)1 << 30);
        line[strcspn(line, "\n")] = 0;
        s->side.arena = own;
        if (strcmp(line, "end") == 0) { /* others may still read what we sent */
            printf("end\n");
            fflush(stdout);
            continue;
        }
        mal_err err = answer(s, &out, line, question);
        if (err)
            printf("@@ %s %s\n", mal_err_name(err), mal_err_message());
        else
            fwrite(out.ptr, 1, out.len, stdout);
        fflush(stdout);
    }
}

/* --- the process ---------------------------------------------------------- */

static mal_err listen_as(seat *s) {
    MAL_AUTO(mal_buf_clear) mal_buf node = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf identity = { 0 };
    uint8_t node_pub[32], own[32];
    char hex[65];
    uint64_t now = mal_time_unix();
    uint16_t port;
    MAL_TRY(mal_prim_init());
    MAL_TRY(mal_prim_sign_keygen(own, &s->identity_sec));
    MAL_TRY(mal_prim_sign_keygen(node_pub, &s->node_sec));
    MAL_TRY(mal_prim_cert_identity(&identity, "seat", &s->identity_sec));
    MAL_TRY(mal_prim_cert_node(&node, "seat", node_pub, &s->identity_sec,
                               now - 60, now + 3600));
    const mal_net_config config = { .node_sec = &s->node_sec,
                                    .cert_node = mal_buf_view(&node),
                                    .cert_identity = mal_buf_view(&identity),
                                    .on_stream = on_stream,
                                    .ctx = s };
    MAL_TRY(mal_net_open(&s->net, &config));
    MAL_TRY(mal_net_listen(s->net, "127.0.0.1", 0, &port));
    mal_hex_encode(hex, mal_bytes_of(own, 32));
    printf("identity %s %u\n", hex, port);
    fflush(stdout);
    return MAL_OK;
}

static mal_err learn_peers(seat *s) {
    for (unsigned i = 0; i < SEATS; i++) {
        char line[256], hex[65];
        unsigned port;
        MAL_REQUIRE(fgets(line, sizeof line, stdin) &&
                        sscanf(line, "%64s %u", hex, &port) == 2,
                    MAL_E_INPUT, "a seat is HEX PORT");
        pthread_mutex_lock(&s->lock);
        mal_err err = mal_hex_decode(s->identities[i], 32, hex);
        pthread_mutex_unlock(&s->lock);
        MAL_TRY(err);
        s->ports[i] = (uint16_t)port;
        if (i != s->me)
            MAL_TRY(mal_net_allow(s->net, s->identities[i]));
    }
    return MAL_OK;
}

static mal_err run(seat *s, const char *room, const char *folder) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    MAL_AUTO(mal_arena_auto)
    mal_arena *arena = mal_arena_new((size_t)256 << 20);
    mal_policy_contract *contract;
    s->side.arena = arena;
    MAL_TRY(mal_file_read(&text, room, 1 << 20));
    MAL_TRY(mal_policy_parse(&contract, arena, mal_buf_view(&text)));
    MAL_REQUIRE(contract->test, MAL_E_DENIED,
                "only a room marked `test` has its answers opened");
    s->side.contract = contract;
    MAL_TRY(mal_duck_start(&s->side.duck, NULL));
    for (unsigned i = 0; i < contract->n_datasets; i++)
        if (contract->datasets[i].owner == s->me)
            MAL_TRY(side_load(&s->side, folder, i));
    MAL_TRY(listen_as(s));
    MAL_TRY(learn_peers(s));
    printf("ready\n"); /* to be dialled: nobody asks before all are */
    fflush(stdout);
    answer_all(s);
    return MAL_OK;
}

/* What the test of a bound compares: of this process alone, since it began. */
static void say_peak(void) {
    char line[256];
    FILE *status =
        getenv("SEAT_PEAK") ? fopen("/proc/self/status", "re") : NULL;
    while (status && fgets(line, sizeof line, status))
        if (strncmp(line, "VmHWM:", 6) == 0)
            fprintf(stderr, "# peak %lu KiB\n", strtoul(line + 6, NULL, 10));
    if (status)
        fclose(status);
}

int main(int argc, char **argv) {
    mal_heap_settle();
    static seat s = { .lock = PTHREAD_MUTEX_INITIALIZER,
                      .arrived = PTHREAD_COND_INITIALIZER,
                      .line = { .lock = PTHREAD_MUTEX_INITIALIZER } };
    if (argc != 4 && argc != 6) {
        fprintf(stderr, "seat ROOM DATA-FOLDER SEAT [DELAY-MS MBIT/S] "
                        "< peers and questions\n");
        return 2;
    }
    s.slow = argc == 6;
    if (s.slow) {
        s.line.delay_ns = strtoull(argv[4], NULL, 10) * 1000000;
        s.line.mbit_per_s = strtoull(argv[5], NULL, 10);
    }
    s.me = (unsigned)strtoul(argv[3], NULL, 10);
    mal_err err = s.me < SEATS ? run(&s, argv[1], argv[2]) : MAL_E_INPUT;
    if (err)
        fprintf(stderr, "seat %u: %s\n", s.me, mal_err_trail());
    mal_net_close(s.net);
    mal_key_clear(&s.identity_sec);
    mal_key_clear(&s.node_sec);
    mal_duck_stop(s.side.duck);
    say_peak();
    return err != MAL_OK;
}
