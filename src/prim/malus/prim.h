/* malus/prim.h - hashes, AEAD, key derivation, signatures, HPKE, randomness.
 *
 * The only folder that includes libsodium's and libcrypto's headers.  Each call
 * is a published construction; its source is named beside it and its published
 * vectors are tested.  Secret inputs are handled in constant time unless a
 * comment says otherwise.
 */
#ifndef MALUS_PRIM_H
#define MALUS_PRIM_H

#include <malus/base.h>

/* Must run once before anything else here; idempotent, thread-safe. */
mal_err mal_prim_init(void) MAL_MUST_CHECK;

/* --- Hashes (FIPS 180-4), HMAC (RFC 2104), HKDF (RFC 5869) --------------- */

#define MAL_PRIM_HASH 32 /* SHA-256 */
typedef struct mal_prim_hash {
    uint8_t b[MAL_PRIM_HASH];
} mal_prim_hash;

typedef struct mal_prim_sha256 mal_prim_sha256;
mal_prim_sha256 *mal_prim_sha256_new(void); /* NULL: out of memory, recorded */
void mal_prim_sha256_free(mal_prim_sha256 *state);
void mal_prim_sha256_auto(mal_prim_sha256 **state);
void mal_prim_sha256_add(mal_prim_sha256 *state, mal_bytes bytes);
/* With its length before it (u64): so a list of messages is hashed injectively.
 */
void mal_prim_sha256_add_sized(mal_prim_sha256 *state, mal_bytes message);
/* The hash so far; the state goes on. */
void mal_prim_sha256_peek(const mal_prim_sha256 *state, mal_prim_hash *out);

void mal_prim_sha256_of(mal_prim_hash *out, mal_bytes bytes);
void mal_prim_sha384_of(uint8_t out[48], mal_bytes bytes);
void mal_prim_sha512_of(uint8_t out[64], mal_bytes bytes);
/* SHA-256 over u64le(len) || part for each part, after a domain label treated
 * as the first part: an injective encoding of the list. */
void mal_prim_hash_parts(mal_prim_hash *out, const char *label,
                         const mal_bytes *parts, size_t n);
void mal_prim_hmac256(mal_prim_hash *out, mal_bytes key, mal_bytes message);
/* RFC 5869 with SHA-256.  out_len <= 255 * 32. */
mal_err mal_prim_hkdf(uint8_t *out, size_t out_len, mal_bytes secret,
                      mal_bytes salt, mal_bytes info) MAL_MUST_CHECK;

/* SHA-256 as a random oracle for many short messages: out[i] is the first 16
 * bytes of SHA-256(prefix || in[i]), where prefix is 64 bytes: the hash of
 * label and session, then zeros.  All messages have the same length. */
#define MAL_PRIM_ORACLE_IN_MAX 55 /* bytes: what one block holds, padded */
typedef struct mal_prim_oracle {
    uint32_t state[8];
} mal_prim_oracle;
void mal_prim_oracle_init(mal_prim_oracle *oracle, const char *label,
                          mal_bytes session);
/* out [n][16], in [n][len], apart from each other. */
void mal_prim_oracle_many(void *out, const void *in, size_t len, size_t n,
                          const mal_prim_oracle *oracle);

/* --- Randomness ---------------------------------------------------------- */

/* Fresh bytes of the kernel (getrandom).  Aborts if the kernel has none. */
void mal_prim_random(void *out, size_t len);

/* A deterministic generator: AES-256-CTR keyed by a 32-byte seed, fast key
 * erasure after every refill.  For masks and noise.  A fork wipes it (its state
 * lies in MADV_WIPEONFORK memory) and every use afterwards aborts; its seed is
 * never stored, so a restored snapshot that goes through rule 15's derivation
 * cannot repeat it under another job. */
typedef struct mal_prim_drbg mal_prim_drbg;
mal_err mal_prim_drbg_new(mal_prim_drbg **drbg,
                          mal_bytes seed32) MAL_MUST_CHECK;
void mal_prim_drbg_free(mal_prim_drbg *drbg);
void mal_prim_drbg_auto(mal_prim_drbg **drbg);
void mal_prim_drbg_fill(mal_prim_drbg *drbg, void *out, size_t len);
uint64_t mal_prim_drbg_u64(mal_prim_drbg *drbg);
/* Uniform in [0, bound), bound >= 1, rejection (vartime in the draw only). */
uint64_t mal_prim_drbg_below(mal_prim_drbg *drbg, uint64_t bound);
/* The AES-256-CTR stream of key from the counter block u64be(nonce) ||
 * u64be(0), no erasure: the PRG of two parties who share a key and must expand
 * it to the same bytes.  A (key, nonce) serves once. */
mal_err mal_prim_prg(void *out, size_t len, const uint8_t key[32],
                     uint64_t nonce) MAL_MUST_CHECK;

/* --- AES-128 in bulk (FIPS 197), for engines that draw gigabytes ---------- */

/* An expanded key; clear after use. */
typedef struct mal_prim_aes {
    _Alignas(64) uint8_t round[11][16];
} mal_prim_aes;
void mal_prim_aes_init(mal_prim_aes *aes, const uint8_t key[16]);
void mal_prim_aes_clear(mal_prim_aes *aes);
/* out[i] = AES_k(u64le(counter + i) || u64le(tweak)), i < blocks: the PRG of
 * two who share a key.  A (key, tweak, counter) serves once; counters wrap at
 * 2^64. n blocks under one key differ from random by at most n^2 / 2^129. */
void mal_prim_aes_ctr(void *out, size_t blocks, const mal_prim_aes *aes,
                      uint64_t counter, uint64_t tweak);
/* out ^= the same stream. */
void mal_prim_aes_ctr_xor(void *out, size_t blocks, const mal_prim_aes *aes,
                          uint64_t counter, uint64_t tweak);
/* out[i] = AES_k(in[i]).  Here and below out == in is fine. */
void mal_prim_aes_ecb(void *out, const void *in, size_t blocks,
                      const mal_prim_aes *aes);
/* [GKWY20] section 7.2, MMO: out[i] = pi(in[i]) ^ in[i] for a fixed and public
 * key: correlation robust in the ideal permutation model. */
void mal_prim_aes_mmo(void *out, const void *in, size_t blocks,
                      const mal_prim_aes *fixed);
/* [GKWY20] section 7.4, TMMO: out[i] = pi(pi(x) ^ t) ^ pi(x) for x = in[i] and
 * the tweak t = u64le(tweak + i) || 0: tweakable, circular correlation robust.
 */
void mal_prim_aes_tmmo(void *out, const void *in, size_t blocks,
                       const mal_prim_aes *fixed, uint64_t tweak);

/* --- AEAD: AES-256-GCM (SP 800-38D), XChaCha20-Poly1305 ------------------- */

#define MAL_PRIM_AEAD_KEY 32
#define MAL_PRIM_AEAD_TAG 16
/* nonce: 12 bytes, never twice under one key.  out = ciphertext || tag. */
mal_err mal_prim_gcm_seal(mal_buf *out, mal_bytes key, const uint8_t nonce[12],
                          mal_bytes ad, mal_bytes plain) MAL_MUST_CHECK;
/* A wrong tag is MAL_E_AUTH and leaves out as it was. */
mal_err mal_prim_gcm_open(mal_buf *out, mal_bytes key, const uint8_t nonce[12],
                          mal_bytes ad, mal_bytes sealed) MAL_MUST_CHECK;
/* Key wrapping and small records: random 24-byte nonce || ciphertext || tag. */
mal_err mal_prim_box(mal_buf *out, mal_bytes key, mal_bytes ad,
                     mal_bytes plain) MAL_MUST_CHECK;
mal_err mal_prim_unbox(mal_buf *out, mal_bytes key, mal_bytes ad,
                       mal_bytes boxed) MAL_MUST_CHECK;

/* --- Ed25519 (RFC 8032), X25519 (RFC 7748) -------------------------------- */

#define MAL_PRIM_SIGN_PUB 32
#define MAL_PRIM_SIGN_SEC 64 /* seed || public, as libsodium */
#define MAL_PRIM_SIG 64
mal_err mal_prim_sign_keygen(uint8_t pub[32], mal_key *sec) MAL_MUST_CHECK;
mal_err mal_prim_sign_from_seed(uint8_t pub[32], mal_key *sec,
                                const uint8_t seed[32]) MAL_MUST_CHECK;
mal_err mal_prim_sign(uint8_t sig[64], const mal_key *sec,
                      mal_bytes message) MAL_MUST_CHECK;
/* MAL_E_AUTH unless it verifies (strict: canonical S, no small order). */
mal_err mal_prim_verify(const uint8_t sig[64], const uint8_t pub[32],
                        mal_bytes message) MAL_MUST_CHECK;
mal_err mal_prim_dh_keygen(uint8_t pub[32], mal_key *sec) MAL_MUST_CHECK;
mal_err mal_prim_dh_pub(uint8_t pub[32], const mal_key *sec) MAL_MUST_CHECK;
/* Refuses an all-zero result (MAL_E_AUTH). */
mal_err mal_prim_dh(uint8_t shared[32], const mal_key *sec,
                    const uint8_t pub[32]) MAL_MUST_CHECK;

/* --- ristretto255 (RFC 9496) ---------------------------------------------- */

#define MAL_PRIM_POINT 32
#define MAL_PRIM_SCALAR 32
/* hash_to_ristretto255 of RFC 9380, appendix B, with expand_message_xmd SHA-512
 * and the given domain separation tag (1 to 255 bytes). */
mal_err mal_prim_point_hash(uint8_t out[32], mal_bytes dst,
                            mal_bytes message) MAL_MUST_CHECK;
bool mal_prim_point_valid(
    const uint8_t p[32]); /* canonical, not the identity */
/* out = s * p.  MAL_E_INPUT: p is not canonical, or the result is the identity.
 */
mal_err mal_prim_point_mul(uint8_t out[32], const uint8_t s[32],
                           const uint8_t p[32]) MAL_MUST_CHECK;
/* out = s * B; the identity for s = 0. */
mal_err mal_prim_point_mul_base(uint8_t out[32],
                                const uint8_t s[32]) MAL_MUST_CHECK;
/* The identity is an element here, as operand and as result. */
mal_err mal_prim_point_add(uint8_t out[32], const uint8_t a[32],
                           const uint8_t b[32]) MAL_MUST_CHECK;
mal_err mal_prim_point_sub(uint8_t out[32], const uint8_t a[32],
                           const uint8_t b[32]) MAL_MUST_CHECK;
void mal_prim_scalar_random(uint8_t out[32]); /* in [1, l) */
void mal_prim_scalar_from_i64(uint8_t out[32], int64_t v);
void mal_prim_scalar_add(uint8_t out[32], const uint8_t a[32],
                         const uint8_t b[32]);
void mal_prim_scalar_mul(uint8_t out[32], const uint8_t a[32],
                         const uint8_t b[32]);
mal_err mal_prim_scalar_invert(uint8_t out[32],
                               const uint8_t a[32]) MAL_MUST_CHECK;

/* --- HPKE (RFC 9180): DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
 *     ChaCha20-Poly1305 (0x0020, 0x0001, 0x0003) -----------------------------
 */

/* Base mode, single shot.  out = enc (32) || ciphertext || tag.  Sealing to a
 * key of small order is MAL_E_AUTH, and so is everything that does not open. */
mal_err mal_prim_hpke_seal(mal_buf *out, const uint8_t pub[32], mal_bytes info,
                           mal_bytes aad, mal_bytes plain) MAL_MUST_CHECK;
mal_err mal_prim_hpke_open(mal_buf *out, const mal_key *sec, mal_bytes info,
                           mal_bytes aad, mal_bytes sealed) MAL_MUST_CHECK;

/* --- Merkle trees (RFC 6962, section 2.1) -------------------------------- */

void mal_prim_merkle_leaf(mal_prim_hash *out, mal_bytes entry); /* H(0 || e) */
void mal_prim_merkle_node(mal_prim_hash *out, const mal_prim_hash *left,
                          const mal_prim_hash *right); /* H(1 || l || r) */
/* The root of n leaf hashes; n = 0 is SHA-256 of nothing. */
void mal_prim_merkle_root(mal_prim_hash *out, const mal_prim_hash *leaves,
                          size_t n);
/* Proof paths hold at most 64 hashes.  Wrong: MAL_E_AUTH. */
#define MAL_PRIM_MERKLE_PATH_MAX 64
mal_err mal_prim_merkle_verify_inclusion(
    const mal_prim_hash *root, uint64_t size, const mal_prim_hash *leaf,
    uint64_t index, const mal_prim_hash *path, size_t n) MAL_MUST_CHECK;
/* size1 = 0 is refused. */
mal_err mal_prim_merkle_verify_consistency(
    const mal_prim_hash *root1, uint64_t size1, const mal_prim_hash *root2,
    uint64_t size2, const mal_prim_hash *path, size_t n) MAL_MUST_CHECK;
/* Paths over leaves in memory (datasets; the log reads tiles instead). */
mal_err mal_prim_merkle_prove(mal_prim_hash *path, size_t *n,
                              const mal_prim_hash *leaves, size_t size,
                              size_t index) MAL_MUST_CHECK;

/* --- X.509, for TLS: an identity's self-signed certificate and the node
 *     certificates that it issues (all Ed25519) ------------------------------
 */

/* The identity's own certificate, DER, valid 10 years; subject CN = name. */
mal_err mal_prim_cert_identity(mal_buf *der, const char *name,
                               const mal_key *identity_sec) MAL_MUST_CHECK;
/* A node certificate for node_pub, issued by the identity; not a CA.  Times in
 * unix seconds. */
mal_err mal_prim_cert_node(mal_buf *der, const char *name,
                           const uint8_t node_pub[32],
                           const mal_key *identity_sec, uint64_t not_before,
                           uint64_t not_after) MAL_MUST_CHECK;
/* The raw Ed25519 public key of a certificate (DER).  MAL_E_INPUT otherwise. */
mal_err mal_prim_cert_key(uint8_t pub[32], mal_bytes der) MAL_MUST_CHECK;
/* Is `node` a node certificate issued by the identity `pub`, valid at `now`? */
mal_err mal_prim_cert_check(mal_bytes node, const uint8_t identity_pub[32],
                            uint64_t now) MAL_MUST_CHECK;

#endif
