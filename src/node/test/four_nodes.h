/* four_nodes.h - three owners and an asking owner, four nodes in one process,
 * over real TLS on loopback, with small generated tables.
 */
#ifndef MAL_NODE_TEST_FOUR_H
#define MAL_NODE_TEST_FOUR_H

#include "mal_test.h"

#include <malus/json.h>
#include <malus/kms.h>
#include <malus/node.h>
#include <malus/room.h>

#include <pthread.h>

enum { EWR, JFK, LGA, FAA, PARTIES };
static const char *const party_names[PARTIES] = { "ewr", "jfk", "lga", "faa" };
#define FLIGHTS 3000
#define PLANES 200

typedef struct four {
    char dir[256];
    mal_node *node[PARTIES];
    pthread_t thread[PARTIES];
    mal_json *last; /* the last event of the last request */
} four;

static const char room_text[] =
    "room \"airports\" version 1 test\n"
    "party ewr owner ed25519:%s\n"
    "party jfk owner ed25519:%s\n"
    "party lga owner ed25519:%s\n"
    "party faa owner analyst ed25519:%s\n"
    "%s"
    "dataset faa.planes {\n"
    "  tailnum id normal raw@1 domain tail\n"
    "  year dim in 1990 .. 2013 nullable\n"
    "  secretnote secret\n"
    "  privacy unit tailnum contributes at most 1 row\n"
    "  units at most 256\n"
    "  rows at most 256\n"
    "}\n"
    "rule traffic permit count, sum, avg by faa\n"
    "  from ewr.flights (dim carrier, dim month,\n"
    "         measure distance, measure delay),\n"
    "       jfk.flights (dim carrier, dim month,\n"
    "         measure distance, measure delay),\n"
    "       lga.flights (dim carrier, dim month,\n"
    "         measure distance, measure delay)\n"
    "  for dpv:AcademicResearch\n"
    "  require epsilon <= 2, delta <= 1e-9, rows <= 1000\n"
    "  run clear | sum to faa keep 30 days\n"
    "rule fleet permit count, sum, avg by faa\n"
    "  from jfk.flights (dim carrier, dim month, measure distance),\n"
    "       faa.planes (dim year)\n"
    "  join jfk.flights.tailnum = faa.planes.tailnum\n"
    "  for dpv:AcademicResearch\n"
    "  require epsilon <= 2, delta <= 1e-9, rows <= 1000\n"
    "  run psi to faa keep 30 days\n"
    "rule no-rows forbid rows, min, max\n"
    "budget ewr.flights for all epsilon 20 in all, delta 1e-6\n"
    "budget jfk.flights for all epsilon 20 in all, delta 1e-6\n"
    "budget lga.flights for all epsilon 20 in all, delta 1e-6\n"
    "budget faa.planes for all epsilon 20 in all, delta 1e-6\n"
    "collude 1\n"
    "consent all owners\n"
    "withdraw any owner\n"
    "expires 2090-01-01\n";

static const char flights_text[] =
    "dataset %s.flights {\n"
    "  tailnum id normal raw@1 domain tail\n"
    "  carrier dim in (\"AA\", \"B6\", \"DL\", \"UA\")\n"
    "  month dim in 1 .. 12\n"
    "  distance measure in 0 .. 5000\n"
    "  delay measure in -120 .. 1500 nullable\n"
    "  privacy unit tailnum contributes at most 100 rows\n"
    "  units at most 256\n"
    "  rows at most 4096\n"
    "}\n";

/* --- Requests ------------------------------------------------------------- */

static mal_err keep_last(void *ctx, mal_bytes line) {
    four *f = ctx;
    mal_json_free(f->last);
    f->last = NULL;
    return mal_json_parse(&f->last, line, MAL_NODE_LINE_MAX);
}

/* One request; the last event is f->last.  True if it is "done". */
static bool ask_node(four *f, int who, mal_json *request) {
    mal_buf line = { 0 };
    const char *event;
    CHECK_OK(mal_json_dump(&line, request));
    CHECK_OK(mal_node_request(f->node[who], mal_buf_view(&line), keep_last, f));
    CHECK_OK(mal_json_get_str(f->last, "event", &event));
    mal_buf_clear(&line);
    mal_json_free(request);
    return strcmp(event, "done") == 0;
}

static mal_json *verb(const char *name) {
    mal_json *o;
    CHECK_OK(mal_json_new_object(&o));
    CHECK_OK(mal_json_put_str(o, "verb", name));
    return o;
}

__attribute__((unused)) static void check_done(four *f, int who,
                                               mal_json *request) {
    if (!ask_node(f, who, request)) {
        const char *message = "";
        if (mal_json_get_str(f->last, "message", &message) != MAL_OK)
            message = "?";
        CHECK_THAT(false, "%s: %s", party_names[who], message);
    }
}

__attribute__((unused)) static mal_json *query(const char *text,
                                               bool prenoise) {
    mal_json *q = verb("query");
    CHECK_OK(mal_json_put_str(q, "text", text));
    CHECK_OK(mal_json_put_bool(q, "prenoise", prenoise));
    return q;
}

/* --- The room ------------------------------------------------------------- */

static void state_of(const four *f, int who, char path[300]) {
    snprintf(path, 300, "%s/%s", f->dir, party_names[who]);
}

static void make_bundle(const four *f, mal_buf *bundle) {
    char text[8192], datasets[3][700], all[2200], pub64[PARTIES][80];
    mal_kms *kms[PARTIES];
    for (int i = 0; i < PARTIES; i++) {
        char path[330], state[300];
        uint8_t pub[32];
        mal_buf b64 = { 0 };
        const char *s;
        state_of(f, i, state);
        snprintf(path, sizeof path, "%s/keys", state);
        CHECK_OK(mal_kms_open(&kms[i], path));
        mal_kms_identity(kms[i], pub);
        CHECK_OK(mal_base64_encode(&b64, mal_bytes_of(pub, 32)));
        CHECK_OK(mal_buf_cstr(&b64, &s));
        snprintf(pub64[i], sizeof pub64[i], "%s", s);
        mal_buf_clear(&b64);
    }
    for (int i = 0; i < 3; i++)
        snprintf(datasets[i], sizeof datasets[i], flights_text, party_names[i]);
    snprintf(all, sizeof all, "%s%s%s", datasets[0], datasets[1], datasets[2]);
    snprintf(text, sizeof text, room_text, pub64[0], pub64[1], pub64[2],
             pub64[3], all);
    CHECK_OK(mal_buf_put_str(bundle, text));
    for (int i = 0; i < PARTIES; i++) {
        mal_buf next = { 0 };
        CHECK_OK(mal_room_bundle_sign(&next, mal_buf_view(bundle), kms[i]));
        mal_buf_clear(bundle);
        *bundle = next;
        mal_kms_close(kms[i]);
    }
}

static void *serve(void *node) {
    if (mal_node_serve(node) != MAL_OK)
        printf("# %s\n", mal_err_message());
    return NULL;
}

static void start_node(four *f, int who) {
    char state[300];
    state_of(f, who, state);
    mal_node_config config = {
        .state = state, .host = "127.0.0.1", .threads = 1, .step_ms = 20000
    };
    CHECK_OK(mal_node_start(&f->node[who], &config));
    CHECK(pthread_create(&f->thread[who], NULL, serve, f->node[who]) == 0);
}

static void stop_node(four *f, int who) {
    if (!f->node[who])
        return;
    mal_node_stop_request(f->node[who]);
    pthread_join(f->thread[who], NULL);
    mal_node_free(f->node[who]);
    f->node[who] = NULL;
}

static void tell_ports(four *f) {
    for (int i = 0; i < PARTIES; i++)
        for (int k = 0; k < PARTIES; k++) {
            if (k == i)
                continue;
            mal_json *o = verb("peer.set");
            CHECK_OK(mal_json_put_str(o, "party", party_names[k]));
            CHECK_OK(mal_json_put_str(o, "host", "127.0.0.1"));
            CHECK_OK(mal_json_put_u64(o, "port", mal_node_port(f->node[k])));
            check_done(f, i, o);
        }
}

/* Deterministic tables, equal to what expect_* below computes. */
typedef struct flight {
    int tail, carrier, month, distance, delay; /* delay -999: NULL */
} flight;
static flight flights[3][FLIGHTS];
static int plane_year[PLANES];
static const char *const carriers[] = { "AA", "B6", "DL", "UA", "ZZ" };

static void write_tables(const four *f) {
    uint64_t seed = 42;
    char path[400];
    FILE *out;
    for (int o = 0; o < 3; o++) {
        snprintf(path, sizeof path, "%s/%s.csv", f->dir, party_names[o]);
        out = fopen(path, "w");
        CHECK(out);
        fprintf(out, "tailnum,carrier,month,distance,delay\n");
        for (int i = 0; i < FLIGHTS; i++) {
            flight *x = &flights[o][i];
            /* Some have no plane. */
            x->tail = (int)(mal_test_rand(&seed) % 230);
            x->carrier = (int)(mal_test_rand(&seed) % 5);
            x->month = 1 + (int)(mal_test_rand(&seed) % 12);
            x->distance = (int)(mal_test_rand(&seed) % 5001);
            x->delay = (int)(mal_test_rand(&seed) % 200) - 20;
            if (mal_test_rand(&seed) % 10 == 0)
                x->delay = -999;
            fprintf(out, "N%d,%s,%d,%d,", x->tail, carriers[x->carrier],
                    x->month, x->distance);
            if (x->delay != -999)
                fprintf(out, "%d", x->delay);
            fprintf(out, "\n");
        }
        fclose(out);
    }
    snprintf(path, sizeof path, "%s/faa.csv", f->dir);
    out = fopen(path, "w");
    CHECK(out);
    fprintf(out, "tailnum,year,secretnote\n");
    for (int i = 0; i < PLANES; i++) {
        plane_year[i] = 1990 + (int)(mal_test_rand(&seed) % 24);
        fprintf(out, "N%d,%d,classified\n", i, plane_year[i]);
    }
    fclose(out);
}

static void add_data(four *f) {
    for (int i = 0; i < PARTIES; i++) {
        char path[400];
        uint64_t stored;
        mal_json *o = verb("data.add");
        snprintf(path, sizeof path, "%s/%s.csv", f->dir, party_names[i]);
        CHECK_OK(
            mal_json_put_str(o, "dataset", i == FAA ? "planes" : "flights"));
        CHECK_OK(mal_json_put_str(o, "path", path));
        check_done(f, i, o);
        CHECK_OK(mal_json_get_u64(f->last, "rows_stored", &stored));
        CHECK_EQ(stored, i == FAA ? PLANES : FLIGHTS);
    }
}

static void four_open(four *f) {
    *f = (four){ 0 };
    mal_buf bundle = { 0 };
    snprintf(f->dir, sizeof f->dir, "%.200s", mal_test_dir());
    for (int i = 0; i < PARTIES; i++) {
        char state[300];
        state_of(f, i, state);
        CHECK_OK(mal_node_init(state, party_names[i]));
    }
    make_bundle(f, &bundle);
    for (int i = 0; i < PARTIES; i++)
        start_node(f, i);
    tell_ports(f);
    for (int i = 0; i < PARTIES; i++) {
        mal_json *o = verb("room.open");
        CHECK_OK(mal_json_put_text(o, "bundle", mal_buf_view(&bundle)));
        check_done(f, i, o);
    }
    mal_buf_clear(&bundle);
    write_tables(f);
    add_data(f);
}

static void four_close(four *f) {
    for (int i = 0; i < PARTIES; i++)
        stop_node(f, i);
    mal_json_free(f->last);
    CHECK_OK(mal_dir_remove(f->dir));
}

#endif
