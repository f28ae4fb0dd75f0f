/* raw.h - a peer that holds a pinned party's keys and says what it likes. */
#ifndef MAL_NET_TEST_RAW_H
#define MAL_NET_TEST_RAW_H

#include "party.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

typedef struct raw {
    SSL_CTX *tls;
    SSL *ssl;
    int fd;
} raw;

typedef struct raw_options {
    bool tls12, no_certificate, no_chain;
    const char *alpn; /* wire form; NULL: malus/1; "": none */
} raw_options;

static int tcp(uint16_t port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct timeval limit = { 10, 0 };
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    CHECK(connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    return fd;
}

static int believe(X509_STORE_CTX *store, void *unused) {
    (void)store;
    (void)unused;
    return 1;
}

static void raw_use_keys(SSL_CTX *tls, const party *me, bool chain) {
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
                                                 me->node_sec.ptr, 32);
    CHECK(SSL_CTX_use_certificate_ASN1(tls, (int)me->cert_node.len,
                                       me->cert_node.ptr) == 1);
    CHECK(SSL_CTX_use_PrivateKey(tls, key) == 1);
    EVP_PKEY_free(key);
    const uint8_t *from = me->cert_identity.ptr;
    if (chain)
        CHECK(SSL_CTX_add_extra_chain_cert(
                  tls, d2i_X509(NULL, &from, (long)me->cert_identity.len)) ==
              1);
}

/* What SSL_connect answers; the handshake may be refused after that. */
__attribute__((unused)) static int
raw_connect(raw *r, const party *me, uint16_t port, raw_options options) {
    const char *alpn = options.alpn ? options.alpn : "\7malus/1";
    r->tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(r->tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(r->tls, believe, NULL);
    if (options.tls12)
        SSL_CTX_set_max_proto_version(r->tls, TLS1_2_VERSION);
    if (*alpn)
        SSL_CTX_set_alpn_protos(r->tls, (const uint8_t *)alpn,
                                (unsigned)strlen(alpn));
    if (!options.no_certificate)
        raw_use_keys(r->tls, me, !options.no_chain);
    r->fd = tcp(port);
    r->ssl = SSL_new(r->tls);
    SSL_set_fd(r->ssl, r->fd);
    return SSL_connect(r->ssl);
}

__attribute__((unused)) static void raw_free(raw *r) {
    SSL_free(r->ssl);
    SSL_CTX_free(r->tls);
    close(r->fd);
}

__attribute__((unused)) static void raw_send(raw *r, const void *data,
                                             size_t len) {
    if (len) /* a peer that hung up already is seen by raw_closed_after */
        SSL_write(r->ssl, data, (int)len);
}

/* Any fields, fitting or not; len bytes of payload follow. */
__attribute__((unused)) static void raw_frame(raw *r, uint32_t stream,
                                              unsigned type,
                                              const void *payload, size_t len) {
    static uint8_t frame[MAL_NET_HEADER + 65536];
    mal_store_u32le(frame, stream);
    frame[4] = (uint8_t)type;
    frame[5] = 0;
    frame[6] = (uint8_t)len;
    frame[7] = (uint8_t)(len >> 8);
    if (payload)
        memcpy(frame + MAL_NET_HEADER, payload, len);
    else
        memset(frame + MAL_NET_HEADER, 0, len);
    raw_send(r, frame, MAL_NET_HEADER + len);
}

/* Milliseconds until the other side hangs up; what it says is thrown away. */
__attribute__((unused)) static uint64_t raw_closed_after(raw *r) {
    uint64_t start = mal_time_monotonic_ns();
    uint8_t junk[4096];
    while (SSL_read(r->ssl, junk, sizeof junk) > 0)
        ;
    return (mal_time_monotonic_ns() - start) / 1000000;
}

#endif
