/* party.h - a party with keys, certificates and an endpoint, for the tests. */
#ifndef MAL_NET_TEST_PARTY_H
#define MAL_NET_TEST_PARTY_H

#include "mal_test.h"

#include <malus/net.h>
#include <malus/prim.h>

#include <dirent.h>

typedef struct party {
    uint8_t identity[32], node[32];
    mal_key identity_sec, node_sec;
    mal_buf cert_node, cert_identity;
    mal_net *net;
    uint16_t port;
} party;

static void party_make(party *p, uint64_t not_before, uint64_t not_after) {
    *p = (party){ 0 };
    CHECK_OK(mal_prim_init());
    CHECK_OK(mal_prim_sign_keygen(p->identity, &p->identity_sec));
    CHECK_OK(mal_prim_sign_keygen(p->node, &p->node_sec));
    CHECK_OK(mal_prim_cert_identity(&p->cert_identity, "p", &p->identity_sec));
    CHECK_OK(mal_prim_cert_node(&p->cert_node, "p", p->node, &p->identity_sec,
                                not_before, not_after));
}

static void party_open(party *p, mal_net_config config) {
    config.node_sec = &p->node_sec;
    config.cert_node = mal_buf_view(&p->cert_node);
    config.cert_identity = mal_buf_view(&p->cert_identity);
    CHECK_OK(mal_net_open(&p->net, &config));
    CHECK_OK(mal_net_listen(p->net, "127.0.0.1", 0, &p->port));
}

__attribute__((unused)) static void party_new(party *p, mal_net_config config) {
    party_make(p, mal_time_unix() - 60, mal_time_unix() + 3600);
    party_open(p, config);
}

static void party_free(party *p) {
    mal_net_close(p->net);
    mal_key_clear(&p->identity_sec);
    mal_key_clear(&p->node_sec);
    mal_buf_clear(&p->cert_node);
    mal_buf_clear(&p->cert_identity);
}

__attribute__((unused)) static void parties_know(party *a, party *b) {
    CHECK_OK(mal_net_allow(a->net, b->identity));
    CHECK_OK(mal_net_allow(b->net, a->identity));
}

static mal_err party_stream(party *from, party *to, const char *label,
                            mal_chan **chan) {
    return mal_net_stream(from->net, to->identity, "127.0.0.1", to->port, label,
                          chan);
}

/* Open descriptors and threads of this process: neither may leak. */
__attribute__((unused)) static unsigned count_in(const char *folder) {
    DIR *d = opendir(folder);
    unsigned n = 0;
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

#endif
