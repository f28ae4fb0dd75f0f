/* dev.c - a whole room on one machine: two owners, an analyst, small made-up
 * data.
 *
 * `dev up` does what three organisations would do, with the same verbs: keys,
 * contract, signatures, nodes, peers, tables.  Nothing here is a short cut into
 * a node.
 */
#include "cli_impl.h"

#include <malus/kms.h>
#include <malus/prim.h>
#include <malus/room.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PARTIES 3
#define CUSTOMERS 1500
#define VISITS 6000
#define READY_MS 20000

extern char **environ;

static const char *const parties[PARTIES] = { "acme", "retail", "agency" };
static const char *const roles[PARTIES] = { "owner", "owner", "analyst" };

/* The declarations; parties come before, with the keys they just made. */
static const char contract_text[] =
    "\n"
    "dataset acme.customers {\n"
    "  email   id normal uid2@1 domain email\n"
    "  region  dim in (\"north\", \"east\", \"south\", \"west\")\n"
    "  spend   measure decimal(2) in 0 .. 500\n"
    "  privacy unit email contributes at most 1 row\n"
    "  rows at most 2048\n"
    "}\n"
    "dataset retail.visits {\n"
    "  email   id normal uid2@1 domain email\n"
    "  region  dim in (\"north\", \"east\", \"south\", \"west\")\n"
    "  store   dim in 1 .. 6\n"
    "  basket  measure decimal(2) in 0 .. 100\n"
    "  privacy unit email contributes at most 8 rows\n"
    "  units at most 2048\n"
    "  rows at most 16384\n"
    "}\n"
    "rule totals permit count, sum, avg by agency\n"
    "  from acme.customers (dim region, measure spend),\n"
    "       retail.visits (dim region, dim store, measure basket)\n"
    "  for dpv:MarketingMeasurement\n"
    "  require group >= 20, epsilon <= 1, delta <= 1e-9, rows <= 1000\n"
    "  run clear | sum\n"
    "  to agency keep 30 days\n"
    "rule reach permit count, sum, avg by agency\n"
    "  from acme.customers (dim region), retail.visits (dim store, measure "
    "basket)\n"
    "  join acme.customers.email = retail.visits.email\n"
    "  for dpv:MarketingMeasurement\n"
    "  require group >= 20, epsilon <= 2, delta <= 1e-9, rows <= 1000\n"
    "  run psi\n"
    "  to agency keep 30 days\n"
    "budget acme.customers for all epsilon 20 in all, delta 1e-6\n"
    "budget retail.visits for all epsilon 20 in all, delta 1e-6\n"
    "collude 1\n"
    "consent all owners\n"
    "expires 2030-12-31\n";

static const char howto[] =
    "A room with three nodes runs here: acme and retail own tables, agency "
    "asks.\n\n"
    "    malus query dev \"SELECT region, count(*), sum(spend) FROM\n"
    "        (SELECT region, spend FROM acme.customers UNION ALL\n"
    "         SELECT region, basket FROM retail.visits) t\n"
    "        GROUP BY region\" --state %1$s/agency\n\n"
    "    malus query dev \"SELECT store, count(*), sum(basket)\n"
    "        FROM retail.visits v JOIN acme.customers c ON v.email = c.email\n"
    "        WHERE c.region = 'north' GROUP BY store\" --state %1$s/agency\n\n"
    "    malus query dev \"SELECT email FROM acme.customers\" "
    "--state %1$s/agency\n\n"
    "    malus explain dev \"...\" --state %1$s/agency\n"
    "    malus room show dev --state %1$s/acme\n"
    "    malus budget --state %1$s/acme\n"
    "    malus log --state %1$s/retail\n"
    "    malus job ls dev --state %1$s/agency\n\n"
    "What the parties agreed on is %1$s/dev.room, the tables are "
    "customers.csv and\nvisits.csv beside it. `malus dev down --dir %1$s` ends "
    "it.\n";

/* --- Places and processes ------------------------------------------------ */

static const char *dir_of(mal_cli *cli) {
    const char *dir = mal_cli_get(cli, "dir");
    return dir ? dir : "malus-dev";
}

static const char *in_dir(mal_cli *cli, const char *name) {
    const char *path = mal_arena_printf(cli->arena, "%s/%s", dir_of(cli), name);
    return path ? path : "";
}

static mal_err spawn_self(pid_t *pid, char *const argv[], const char *output) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, output,
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID);
    int err = posix_spawn(pid, "/proc/self/exe", &files, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    MAL_REQUIRE(err == 0, MAL_E_IO, "cannot start %s: %s", argv[0],
                strerror(err));
    return MAL_OK;
}

static mal_err is_up(const char *state, bool *up) {
    MAL_AUTO(mal_json_auto) mal_json *request = NULL;
    MAL_AUTO(mal_json_auto) mal_json *done = NULL;
    MAL_TRY(cli_request(&request, "status"));
    *up = cli_call_at(&done, state, request, false) == MAL_OK;
    if (!*up)
        mal_err_forget();
    return MAL_OK;
}

static mal_err start_node(mal_cli *cli, unsigned i) {
    const char *state = in_dir(cli, parties[i]);
    char *output = mal_arena_printf(cli->arena, "%s/node.out", state);
    char *argv[] = { (char *)"malus",
                     (char *)"node",
                     (char *)"--state",
                     (char *)state,
                     (char *)"--listen",
                     (char *)"127.0.0.1:0",
                     NULL };
    const uint64_t end = mal_time_monotonic_ns() + (uint64_t)READY_MS * 1000000;
    pid_t pid = 0;
    bool up;
    int status;
    if (!output)
        return MAL_E_MEMORY;
    for (;; usleep(50000)) {
        MAL_TRY(is_up(state, &up));
        if (up)
            return MAL_OK;
        MAL_REQUIRE(mal_time_monotonic_ns() < end, MAL_E_TIMEOUT,
                    "the node of %s is not ready after %d s: see %s",
                    parties[i], READY_MS / 1000, output);
        if (pid == 0)
            MAL_TRY(spawn_self(&pid, argv, output));
        if (waitpid(pid, &status, WNOHANG) == 0)
            continue;
        /* The one before may hold the folder for a moment after its last
         * answer. */
        MAL_REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == MAL_CLI_STATE,
                    MAL_E_STATE, "the node of %s ended at once: see %s",
                    parties[i], output);
        pid = 0;
    }
}

static mal_err port_of(mal_cli *cli, unsigned i, uint64_t *port) {
    MAL_AUTO(mal_json_auto) mal_json *request = NULL;
    MAL_AUTO(mal_json_auto) mal_json *done = NULL;
    MAL_TRY(cli_request(&request, "status"));
    MAL_TRY(cli_call_at(&done, in_dir(cli, parties[i]), request, false));
    *port = cli_u64(done, "port");
    return MAL_OK;
}

/* --- What the parties do ------------------------------------------------- */

static mal_err make_party(mal_cli *cli, unsigned i) {
    const char *state = in_dir(cli, parties[i]);
    const char *keys = mal_arena_printf(cli->arena, "%s/keys", state);
    if (!keys)
        return MAL_E_MEMORY;
    MAL_TRY(mal_dir_make(state, 0700));
    return mal_kms_create(keys, parties[i], mal_time_unix());
}

static mal_err open_keys(mal_cli *cli, mal_kms **kms, unsigned i) {
    const char *keys =
        mal_arena_printf(cli->arena, "%s/%s/keys", dir_of(cli), parties[i]);
    return keys ? mal_kms_open(kms, keys) : MAL_E_MEMORY;
}

static mal_err put_party(mal_cli *cli, mal_buf *text, unsigned i) {
    MAL_AUTO(mal_kms_auto) mal_kms *kms = NULL;
    MAL_AUTO(mal_buf_clear) mal_buf key = { 0 };
    uint8_t identity[32];
    const char *base64;
    MAL_TRY(open_keys(cli, &kms, i));
    mal_kms_identity(kms, identity);
    MAL_TRY(mal_base64_encode(&key, mal_bytes_of(identity, 32)));
    MAL_TRY(mal_buf_cstr(&key, &base64));
    return mal_buf_put_fmt(text, "party %s %s ed25519:%s\n", parties[i],
                           roles[i], base64);
}

/* A test build joins only rooms marked test, any other none of those. */
#ifdef MAL_TEST_BUILD
#define DEV_MARK " test"
#else
#define DEV_MARK ""
#endif

static mal_err make_room(mal_cli *cli, mal_buf *bundle) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    MAL_TRY(mal_buf_put_str(&text, "room \"dev\" version 1" DEV_MARK "\n"));
    for (unsigned i = 0; i < PARTIES; i++)
        MAL_TRY(put_party(cli, &text, i));
    MAL_TRY(mal_buf_put_str(&text, contract_text));
    MAL_TRY(mal_file_write(in_dir(cli, "dev.room"), mal_buf_view(&text), 0644));
    MAL_TRY(mal_buf_put(bundle, mal_buf_view(&text)));
    for (unsigned i = 0; i < PARTIES; i++) {
        MAL_AUTO(mal_kms_auto) mal_kms *kms = NULL;
        MAL_AUTO(mal_buf_clear) mal_buf more = { 0 };
        if (strcmp(roles[i], "owner") != 0)
            continue;
        MAL_TRY(open_keys(cli, &kms, i));
        MAL_TRY(mal_room_bundle_sign(&more, mal_buf_view(bundle), kms));
        mal_buf_reset(bundle);
        MAL_TRY(mal_buf_put(bundle, mal_buf_view(&more)));
    }
    return mal_file_write(in_dir(cli, "dev.room.signed"), mal_buf_view(bundle),
                          0644);
}

/* splitmix64: the same tables every time; for made-up data only. */
static uint64_t draw(uint64_t *state, uint64_t below) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % below;
}

static mal_err make_tables(mal_cli *cli) {
    static const char *const regions[] = { "north", "east", "south", "west" };
    MAL_AUTO(mal_buf_clear) mal_buf c = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf v = { 0 };
    uint64_t seed = 2026;
    MAL_TRY(mal_buf_put_str(&c, "email,region,spend\n"));
    MAL_TRY(mal_buf_put_str(&v, "email,region,store,basket\n"));
    for (unsigned i = 0; i < CUSTOMERS; i++)
        MAL_TRY(mal_buf_put_fmt(&c, "p%u@example.com,%s,%llu.%02llu\n", i,
                                regions[i % 4],
                                (unsigned long long)draw(&seed, 500),
                                (unsigned long long)draw(&seed, 100)));
    /* Every other visitor is a customer; some visit more often than others. */
    for (unsigned i = 0; i < VISITS; i++) {
        unsigned who = (unsigned)draw(&seed, 1600);
        MAL_TRY(mal_buf_put_fmt(&v, "p%u@example.com,%s,%llu,%llu.%02llu\n",
                                who + 750, regions[who % 4],
                                (unsigned long long)draw(&seed, 6) + 1,
                                (unsigned long long)draw(&seed, 100),
                                (unsigned long long)draw(&seed, 100)));
    }
    MAL_TRY(
        mal_file_write(in_dir(cli, "customers.csv"), mal_buf_view(&c), 0600));
    return mal_file_write(in_dir(cli, "visits.csv"), mal_buf_view(&v), 0600);
}

static mal_err tell_peers(mal_cli *cli, unsigned i) {
    for (unsigned k = 0; k < PARTIES; k++) {
        MAL_AUTO(mal_json_auto) mal_json *request = NULL;
        MAL_AUTO(mal_json_auto) mal_json *done = NULL;
        uint64_t port;
        if (k == i)
            continue;
        MAL_TRY(port_of(cli, k, &port));
        MAL_TRY(cli_request(&request, "peer.set"));
        MAL_TRY(mal_json_put_str(request, "party", parties[k]));
        MAL_TRY(mal_json_put_str(request, "host", "127.0.0.1"));
        MAL_TRY(mal_json_put_u64(request, "port", port));
        MAL_TRY(cli_call_at(&done, in_dir(cli, parties[i]), request, false));
    }
    return MAL_OK;
}

static mal_err enter(mal_cli *cli, unsigned i, mal_bytes bundle) {
    MAL_AUTO(mal_json_auto) mal_json *request = NULL;
    MAL_AUTO(mal_json_auto) mal_json *done = NULL;
    MAL_TRY(cli_request(&request, "room.open"));
    MAL_TRY(mal_json_put_text(request, "bundle", bundle));
    return cli_call_at(&done, in_dir(cli, parties[i]), request, false);
}

static mal_err bring(mal_cli *cli, unsigned i, const char *dataset,
                     const char *file) {
    MAL_AUTO(mal_json_auto) mal_json *request = NULL;
    MAL_AUTO(mal_json_auto) mal_json *done = NULL;
    char *path = realpath(in_dir(cli, file), NULL);
    MAL_REQUIRE(path, MAL_E_IO, "cannot find %s", in_dir(cli, file));
    mal_err err = cli_request(&request, "data.add");
    if (err == MAL_OK)
        err = mal_json_put_str(request, "path", path);
    free(path);
    MAL_TRY(err);
    MAL_TRY(mal_json_put_str(request, "dataset", dataset));
    return cli_call_at(&done, in_dir(cli, parties[i]), request, !cli->json);
}

/* --- Verbs --------------------------------------------------------------- */

static mal_err say(mal_cli *cli, const char *what) {
    if (!cli->json)
        fprintf(stderr, "%sdev%s %s\n", cli_style_on(stderr, CLI_FAINT),
                cli_style_off(stderr), what);
    return MAL_OK;
}

static mal_err set_up(mal_cli *cli, mal_buf *bundle) {
    MAL_TRY(say(cli, "three parties make their keys"));
    for (unsigned i = 0; i < PARTIES; i++)
        MAL_TRY(make_party(cli, i));
    MAL_TRY(say(cli, "acme and retail sign one contract"));
    MAL_TRY(make_room(cli, bundle));
    return make_tables(cli);
}

static mal_err put_howto(mal_cli *cli, const char *path) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    const char *cstr;
    MAL_TRY(mal_buf_put_fmt(&text, howto, dir_of(cli)));
    MAL_TRY(mal_buf_cstr(&text, &cstr));
    mal_cli_say(cli, "%s", cstr);
    MAL_TRY(mal_json_put_str(cli->result, "dir", dir_of(cli)));
    MAL_TRY(mal_json_put_str(cli->result, "howto", cstr));
    return mal_file_write(path, mal_buf_view(&text), 0644);
}

static mal_err up(mal_cli *cli) {
    MAL_AUTO(mal_buf_clear) mal_buf bundle = { 0 };
    const char *ready = in_dir(cli, "HOWTO");
    bool again = mal_file_exists(ready);
    MAL_TRY(mal_prim_init());
    if (!again) {
        MAL_REQUIRE(!mal_file_exists(in_dir(cli, "acme")), MAL_E_STATE,
                    "%s holds half a room: `malus dev down --rm` removes it",
                    dir_of(cli));
        MAL_TRY(mal_dir_make(dir_of(cli), 0700));
        MAL_TRY(set_up(cli, &bundle));
    }
    MAL_TRY(say(cli, "each starts its node"));
    for (unsigned i = 0; i < PARTIES; i++)
        MAL_TRY(start_node(cli, i));
    for (unsigned i = 0; i < PARTIES; i++)
        MAL_TRY(tell_peers(cli, i));
    if (!again) {
        MAL_TRY(say(cli, "they enter the room; the owners bring their tables"));
        for (unsigned i = 0; i < PARTIES; i++)
            MAL_TRY(enter(cli, i, mal_buf_view(&bundle)));
        MAL_TRY(bring(cli, 0, "acme.customers", "customers.csv"));
        MAL_TRY(bring(cli, 1, "retail.visits", "visits.csv"));
        cli_bar_clear();
    }
    mal_cli_say(cli, "\n");
    return put_howto(cli, ready);
}

static mal_err stop_node(mal_cli *cli, unsigned i, bool *was) {
    MAL_AUTO(mal_json_auto) mal_json *request = NULL;
    MAL_AUTO(mal_json_auto) mal_json *done = NULL;
    const char *state = in_dir(cli, parties[i]);
    bool up;
    MAL_TRY(is_up(state, was));
    if (!*was)
        return MAL_OK;
    MAL_TRY(cli_request(&request, "stop"));
    MAL_TRY(cli_call_at(&done, state, request, false));
    for (unsigned tries = 0; tries < 400; tries++) {
        MAL_TRY(is_up(state, &up));
        if (!up)
            return MAL_OK;
        usleep(50000);
    }
    MAL_FAIL(MAL_E_TIMEOUT, "the node of %s does not end", parties[i]);
}

static mal_err down(mal_cli *cli) {
    mal_json *list;
    MAL_TRY(mal_json_put_array(cli->result, "stopped", &list));
    for (unsigned i = 0; i < PARTIES; i++) {
        bool was;
        MAL_TRY(stop_node(cli, i, &was));
        mal_cli_say(cli, "%-8s %s\n", parties[i],
                    was ? "stopped" : "was not running");
        if (was)
            MAL_TRY(mal_json_add_str(list, parties[i]));
    }
    if (!mal_cli_get(cli, "rm"))
        return MAL_OK;
    MAL_REQUIRE(mal_file_exists(in_dir(cli, "acme")), MAL_E_MISSING,
                "%s is no folder of `malus dev`", dir_of(cli));
    return mal_dir_remove(dir_of(cli));
}

static mal_err ls(mal_cli *cli) {
    mal_json *list, *one;
    MAL_TRY(mal_json_put_array(cli->result, "nodes", &list));
    for (unsigned i = 0; i < PARTIES; i++) {
        bool up;
        uint64_t port = 0;
        MAL_TRY(is_up(in_dir(cli, parties[i]), &up));
        if (up)
            MAL_TRY(port_of(cli, i, &port));
        MAL_TRY(mal_json_add_object(list, &one));
        MAL_TRY(mal_json_put_str(one, "party", parties[i]));
        MAL_TRY(mal_json_put_bool(one, "running", up));
        MAL_TRY(mal_json_put_u64(one, "port", port));
        MAL_TRY(mal_json_put_str(one, "state", in_dir(cli, parties[i])));
        mal_cli_say(cli, "%-8s %-8s %-12s %s\n", parties[i], roles[i],
                    up ? mal_arena_printf(cli->arena, "port %llu",
                                          (unsigned long long)port)
                       : "not running",
                    in_dir(cli, parties[i]));
    }
    return MAL_OK;
}

static const mal_cli_option up_options[] = {
    { "dir", "DIR", "Where it lives; else malus-dev, here" },
    { NULL, NULL, NULL },
};
static const mal_cli_option down_options[] = {
    { "dir", "DIR", "Where it lives; else malus-dev, here" },
    { "rm", NULL, "Also remove the folder, with keys, tables and receipts" },
    { NULL, NULL, NULL },
};

const mal_cli_verb cli_dev_verbs[] = {
    { .name = "dev up",
      .operands = "",
      .summary = "Run a whole room here: two owners and an analyst",
      .text = "Makes keys, a contract and two small tables of made-up people "
              "under DIR, starts\nthree nodes and brings the tables in. "
              "DIR/HOWTO says how to play. Run again, it\nstarts what is not "
              "running.",
      .options = up_options,
      .run = up },
    { .name = "dev down",
      .operands = "",
      .summary = "End the nodes of `dev up`",
      .text = "",
      .options = down_options,
      .run = down },
    { .name = "dev ls",
      .operands = "",
      .summary = "Show which nodes of `dev up` are running",
      .text = "",
      .options = up_options,
      .run = ls },
    { .name = NULL },
};
