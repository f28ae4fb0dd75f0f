/* state.c - one folder, one party, one process. */
#include "node_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_LEN 4096

static mal_err path_in(char out[PATH_LEN], const char *state,
                       const char *name) {
    int n = snprintf(out, PATH_LEN, "%s/%s", state, name);
    MAL_REQUIRE(n > 0 && n < PATH_LEN, MAL_E_LIMIT,
                "the path of the state folder is too long");
    return MAL_OK;
}

mal_err mal_node_init(const char *state, const char *party) {
    char keys[PATH_LEN];
    MAL_TRY(mal_prim_init());
    MAL_TRY(path_in(keys, state, "keys"));
    MAL_TRY(mal_dir_make(state, 0700));
    return mal_kms_create(keys, party, mal_time_unix());
}

static mal_err lock_state(mal_node *node) {
    char path[PATH_LEN];
    MAL_TRY(path_in(path, node->state, "lock"));
    MAL_REQUIRE(mal_file_exists(node->state), MAL_E_MISSING,
                "no state folder %s: make one with `malus party init NAME "
                "--state %s`",
                node->state, node->state);
    node->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    MAL_REQUIRE(node->lock_fd >= 0, MAL_E_IO, "cannot open %s: %s", path,
                strerror(errno));
    MAL_REQUIRE(flock(node->lock_fd, LOCK_EX | LOCK_NB) == 0, MAL_E_STATE,
                "another node holds the state folder %s", node->state);
    return MAL_OK;
}

static mal_err open_audit(mal_node *node) {
    char path[PATH_LEN], origin[MAL_AUDIT_ORIGIN_LEN + 1];
    uint8_t identity[32];
    mal_kms_identity(node->kms, identity);
    mal_audit_origin(origin, mal_kms_party(node->kms), identity);
    mal_audit_signer signer = { .sec = mal_kms_key(node->kms, MAL_KMS_LOG) };
    mal_kms_pub(node->kms, MAL_KMS_LOG, signer.pub);
    MAL_TRY(path_in(path, node->state, "log"));
    MAL_TRY(mal_audit_log_open(&node->log, path, origin, &signer));
    MAL_TRY(path_in(path, node->state, "witness.db"));
    return mal_audit_witness_open(&node->witness, path, origin, &signer);
}

static mal_err open_net(mal_node *node) {
    MAL_TRY(mal_kms_cert_node(node->kms, &node->cert_node));
    MAL_TRY(mal_kms_cert_identity(node->kms, &node->cert_identity));
    /* A peer that says nothing for a step, or needs that long to shake hands,
     * has failed the step anyway. */
    unsigned step_ms = node->config.step_ms;
    unsigned silence_ms = step_ms && step_ms < 30000 ? step_ms : 30000;
    mal_net_config config = { .node_sec = mal_kms_key(node->kms, MAL_KMS_NODE),
                              .cert_node = mal_buf_view(&node->cert_node),
                              .cert_identity =
                                  mal_buf_view(&node->cert_identity),
                              .build = node->build,
                              .dial_ms =
                                  step_ms && step_ms < 10000 ? step_ms : 10000,
                              .silence_ms = silence_ms,
                              .on_stream = node_on_stream,
                              .ctx = node };
    return mal_net_open(&node->net, &config);
}

/* Rule 23: which build this is: the version, and the hash of the binary itself.
 */
static mal_err name_build(mal_node *node) {
    MAL_AUTO(mal_buf_clear) mal_buf self = { 0 };
    mal_prim_hash hash;
    char hex[65];
    MAL_TRY(mal_file_read(&self, "/proc/self/exe", (size_t)1 << 30));
    mal_prim_sha256_of(&hash, mal_buf_view(&self));
    mal_hex_encode(hex, mal_bytes_of(hash.b, 32));
    snprintf(node->build, sizeof node->build, "%s+%s", MAL_VERSION, hex);
    return MAL_OK;
}

mal_err node_state_open(mal_node *node) {
    char path[PATH_LEN];
    bool renewed;
    MAL_TRY(lock_state(node));
    MAL_TRY(name_build(node));
    MAL_TRY(path_in(path, node->state, "costs.json"));
    if (mal_file_exists(path))
        MAL_TRY(mal_file_read(&node->costs, path, 1 << 20));
    MAL_TRY(path_in(path, node->state, "keys"));
    MAL_TRY(mal_kms_open(&node->kms, path));
    MAL_TRY(mal_kms_renew(node->kms, mal_time_unix(), &renewed));
    MAL_TRY(open_audit(node));
    MAL_TRY(path_in(node->jobs, node->state, "jobs"));
    MAL_TRY(mal_dir_make(node->jobs, 0700));
    MAL_TRY(path_in(path, node->state, "ledger.db"));
    MAL_TRY(mal_dp_ledger_open(&node->ledger, path));
    MAL_TRY(path_in(path, node->state, "node.db"));
    MAL_TRY(mal_db_open(&node->db, path));
    MAL_TRY(mal_db_exec(
        node->db, "CREATE TABLE IF NOT EXISTS node_room ("
                  "  id TEXT PRIMARY KEY, bundle BLOB NOT NULL) STRICT;"
                  "CREATE TABLE IF NOT EXISTS node_peer ("
                  "  party TEXT PRIMARY KEY, host TEXT NOT NULL,"
                  "  port INTEGER NOT NULL) STRICT;"
                  "CREATE TABLE IF NOT EXISTS node_setting ("
                  "  name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;"));
    MAL_TRY(path_in(path, node->state, "store"));
    MAL_TRY(mal_store_open(&node->store, path, node->kms, node->log));
    return open_net(node);
}

void node_state_close(mal_node *node) {
    mal_net_close(node->net);
    mal_store_close(node->store);
    mal_db_close(node->db);
    mal_dp_ledger_close(node->ledger);
    mal_audit_witness_close(node->witness);
    mal_audit_log_close(node->log);
    mal_kms_close(node->kms);
    mal_buf_clear(&node->cert_node);
    mal_buf_clear(&node->cert_identity);
    mal_buf_clear(&node->costs);
    mal_fd_auto(&node->lock_fd);
}
