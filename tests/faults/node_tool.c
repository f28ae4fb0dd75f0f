/* node_tool.c - a party's node as a process of its own, without the CLI.
 *
 *     node_tool init STATE PARTY            make a party; print its identity,
 * base64 node_tool sign STATE IN OUT           add its signature to a contract
 * or bundle node_tool serve STATE PORT STEP_MS    serve until SIGTERM
 */
#include <malus/kms.h>
#include <malus/node.h>
#include <malus/room.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mal_node *node;

static void on_term(int sig) {
    (void)sig;
    mal_node_stop_request(node);
}

static mal_err open_keys(mal_kms **kms, const char *state) {
    char path[4096];
    snprintf(path, sizeof path, "%s/keys", state);
    return mal_kms_open(kms, path);
}

static mal_err init(const char *state, const char *party) {
    MAL_AUTO(mal_kms_auto) mal_kms *kms = NULL;
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    uint8_t pub[32];
    const char *s;
    MAL_TRY(mal_node_init(state, party));
    MAL_TRY(open_keys(&kms, state));
    mal_kms_identity(kms, pub);
    MAL_TRY(mal_base64_encode(&text, mal_bytes_of(pub, 32)));
    MAL_TRY(mal_buf_cstr(&text, &s));
    printf("%s\n", s);
    return MAL_OK;
}

static mal_err sign(const char *state, const char *from, const char *to) {
    MAL_AUTO(mal_kms_auto) mal_kms *kms = NULL;
    MAL_AUTO(mal_buf_clear) mal_buf in = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    MAL_TRY(open_keys(&kms, state));
    MAL_TRY(mal_file_read(&in, from, MAL_ROOM_BUNDLE_MAX));
    MAL_TRY(mal_room_bundle_sign(&out, mal_buf_view(&in), kms));
    return mal_file_write(to, mal_buf_view(&out), 0600);
}

static mal_err serve(const char *state, const char *port, const char *step_ms) {
    mal_node_config config = { .state = state,
                               .host = "127.0.0.1",
                               .port = (uint16_t)strtoul(port, NULL, 10),
                               .threads = 1,
                               .step_ms =
                                   (unsigned)strtoul(step_ms, NULL, 10) };
    MAL_TRY(mal_node_start(&node, &config));
    signal(SIGTERM, on_term);
    printf("%u\n", mal_node_port(node));
    fflush(stdout);
    mal_err err = mal_node_serve(node);
    mal_node_free(node);
    return err;
}

int main(int argc, char **argv) {
    mal_err err = mal_prim_init();
    if (err == MAL_OK && argc == 4 && strcmp(argv[1], "init") == 0)
        err = init(argv[2], argv[3]);
    else if (err == MAL_OK && argc == 5 && strcmp(argv[1], "sign") == 0)
        err = sign(argv[2], argv[3], argv[4]);
    else if (err == MAL_OK && argc == 5 && strcmp(argv[1], "serve") == 0)
        err = serve(argv[2], argv[3], argv[4]);
    else
        return 2;
    if (err != MAL_OK)
        fprintf(stderr, "node_tool: %s\n", mal_err_message());
    return err != MAL_OK;
}
