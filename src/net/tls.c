/* tls.c - TLS 1.3, mutual, the identity key pinned on both sides.
 *
 * No certificate authority is consulted: a peer shows its node certificate and
 * the identity certificate that issued it, the identity must be pinned, and the
 * node certificate must be the identity's and valid today
 * (mal_prim_cert_check). No tickets, no resumption, no early data: every
 * connection proves the key anew.
 */
#include "net_impl.h"

#include <malus/prim.h>

#include <openssl/err.h>
#include <poll.h>
#include <string.h>

static const uint8_t alpn[] = { 7, 'm', 'a', 'l', 'u', 's', '/', '1' };

typedef struct shake {
    mal_net *net;
    const uint8_t *expected;
    uint8_t peer[32];
    bool known;
} shake;

static int shake_slot(void) {
    static int slot = -1;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    if (slot < 0)
        slot = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    pthread_mutex_unlock(&lock);
    return slot;
}

/* Is the chain a pinned identity's?  Records the identity in s. */
static mal_err chain_check(shake *s, X509 *leaf, STACK_OF(X509) * chain) {
    MAL_REQUIRE(leaf && chain && sk_X509_num(chain) == 2, MAL_E_AUTH,
                "the peer must show a node certificate and its identity's");
    uint8_t der[2][4096], *to;
    int len[2];
    X509 *certs[2] = { leaf, sk_X509_value(chain, 1) };
    for (int i = 0; i < 2; i++) {
        len[i] = i2d_X509(certs[i], NULL);
        MAL_REQUIRE(len[i] > 0 && (size_t)len[i] <= sizeof der[i], MAL_E_AUTH,
                    "the peer's certificate is longer than 4096 bytes");
        to = der[i];
        i2d_X509(certs[i], &to);
    }
    uint8_t identity[32];
    MAL_TRY(mal_prim_cert_key(identity, mal_bytes_of(der[1], (size_t)len[1])));
    MAL_REQUIRE(net_pinned(s->net, identity), MAL_E_AUTH,
                "the peer's identity is not one that the contract pins");
    MAL_REQUIRE(!s->expected || mal_equal(identity, s->expected, 32),
                MAL_E_AUTH, "the peer is another party than the one dialled");
    MAL_TRY(mal_prim_cert_check(mal_bytes_of(der[0], (size_t)len[0]), identity,
                                mal_time_unix()));
    memcpy(s->peer, identity, 32);
    s->known = true;
    return MAL_OK;
}

static int verify(X509_STORE_CTX *store, void *unused) {
    (void)unused;
    SSL *ssl =
        X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    shake *s = SSL_get_ex_data(ssl, shake_slot());
    if (s && chain_check(s, X509_STORE_CTX_get0_cert(store),
                         X509_STORE_CTX_get0_untrusted(store)) == MAL_OK)
        return 1;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *len,
                       const unsigned char *in, unsigned in_len, void *arg) {
    (void)ssl;
    (void)arg;
    if (in_len != sizeof alpn ||
        mal_compare_vartime(in, alpn, sizeof alpn) != 0)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = alpn + 1;
    *len = alpn[0];
    return SSL_TLSEXT_ERR_OK;
}

static mal_err use_key(SSL_CTX *tls, const mal_net_config *config) {
    /* libsodium's 64-byte secret is seed || public key. */
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
                                                 config->node_sec->ptr, 32);
    bool ok =
        key && SSL_CTX_use_certificate_ASN1(tls, (int)config->cert_node.len,
                                            config->cert_node.ptr) == 1;
    ok = ok && SSL_CTX_use_PrivateKey(tls, key) == 1 &&
         SSL_CTX_check_private_key(tls) == 1;
    EVP_PKEY_free(key);
    MAL_REQUIRE(ok, MAL_E_INPUT,
                "the node certificate and the node key do not fit");
    const uint8_t *from = config->cert_identity.ptr;
    X509 *identity = d2i_X509(NULL, &from, (long)config->cert_identity.len);
    MAL_REQUIRE(identity, MAL_E_INPUT,
                "the identity certificate does not parse");
    if (SSL_CTX_add_extra_chain_cert(tls, identity) != 1) {
        X509_free(identity);
        MAL_FAIL(MAL_E_MEMORY, "out of memory in TLS");
    }
    return MAL_OK;
}

static mal_err configure(SSL_CTX *tls, mal_net *net) {
    bool ok =
        SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) == 1 &&
        SSL_CTX_set_max_proto_version(tls, TLS1_3_VERSION) == 1 &&
        SSL_CTX_set1_groups_list(tls, "X25519") == 1 &&
        SSL_CTX_set1_sigalgs_list(tls, "ed25519") == 1 &&
        SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256:"
                                      "TLS_AES_256_GCM_SHA384:"
                                      "TLS_CHACHA20_POLY1305_SHA256") == 1 &&
        SSL_CTX_set_num_tickets(tls, 0) == 1 &&
        SSL_CTX_set_alpn_protos(tls, alpn, sizeof alpn) == 0;
    MAL_REQUIRE(ok, MAL_E_UNSUPPORTED,
                "this OpenSSL lacks TLS 1.3 with X25519 and Ed25519");
    SSL_CTX_set_alpn_select_cb(tls, choose_alpn, NULL);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(tls, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_max_early_data(tls, 0);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       NULL);
    SSL_CTX_set_cert_verify_callback(tls, verify, NULL);
    return use_key(tls, &net->config);
}

mal_err net_tls_new(SSL_CTX **out, mal_net *net) {
    SSL_CTX *tls = SSL_CTX_new(TLS_method());
    MAL_REQUIRE(tls, MAL_E_MEMORY, "out of memory in TLS");
    mal_err err = configure(tls, net);
    if (err != MAL_OK) {
        SSL_CTX_free(tls);
        return err;
    }
    *out = tls;
    return MAL_OK;
}

static mal_err shake_hands(SSL *ssl, int fd, bool dialler, shake *s,
                           uint64_t deadline_ns) {
    for (;;) {
        ERR_clear_error();
        int r = dialler ? SSL_connect(ssl) : SSL_accept(ssl);
        if (r == 1)
            break;
        int why = SSL_get_error(ssl, r);
        if (why == SSL_ERROR_WANT_READ)
            MAL_TRY(net_wait_fd(s->net, fd, POLLIN, deadline_ns));
        else if (why == SSL_ERROR_WANT_WRITE)
            MAL_TRY(net_wait_fd(s->net, fd, POLLOUT, deadline_ns));
        else
            MAL_FAIL(s->known || !ERR_peek_error() ? MAL_E_PEER : MAL_E_AUTH,
                     "the TLS handshake with the peer failed (its identity is "
                     "not pinned, or it does not accept ours)");
    }
    const unsigned char *proto;
    unsigned proto_len;
    SSL_get0_alpn_selected(ssl, &proto, &proto_len);
    MAL_REQUIRE(s->known && proto_len == sizeof alpn - 1, MAL_E_AUTH,
                "the peer speaks another protocol than malus/1");
    return MAL_OK;
}

mal_err net_tls_shake(SSL **out, uint8_t peer[32], mal_net *net, int fd,
                      bool dialler, const uint8_t *expected,
                      uint64_t deadline_ns) {
    shake s = { .net = net, .expected = expected };
    pthread_mutex_lock(&net->lock);
    SSL *ssl =
        SSL_new(net->tls); /* counts the context, which may be replaced */
    pthread_mutex_unlock(&net->lock);
    MAL_REQUIRE(ssl, MAL_E_MEMORY, "out of memory in TLS");
    mal_err err = MAL_OK;
    if (SSL_set_ex_data(ssl, shake_slot(), &s) != 1 || SSL_set_fd(ssl, fd) != 1)
        err = mal_err_set(MAL_E_MEMORY, __FILE__, __LINE__,
                          "out of memory in TLS");
    if (err == MAL_OK)
        err = shake_hands(ssl, fd, dialler, &s, deadline_ns);
    if (err != MAL_OK) {
        SSL_free(ssl);
        return mal_err_trace(err, __FILE__, __LINE__);
    }
    SSL_set_ex_data(ssl, shake_slot(), NULL);
    memcpy(peer, s.peer, 32);
    *out = ssl;
    return MAL_OK;
}
