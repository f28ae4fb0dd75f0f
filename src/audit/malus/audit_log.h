/* malus/audit_log.h - keys, signed notes, logs, proofs and witnesses.
 *
 * Every node keeps one append-only log (C2SP tlog-tiles, RFC 6962 hashing). Its
 * head is a checkpoint, a signed note; the other parties cosign it after a
 * proof that it extends the last head they saw.
 */
#ifndef MALUS_AUDIT_LOG_H
#define MALUS_AUDIT_LOG_H

#include <malus/base.h>
#include <malus/prim.h>

/* --- Keys: what an identity says about its short-lived keys -------------- */

typedef enum mal_audit_use {
    MAL_AUDIT_USE_NODE = 1, /* Ed25519: TLS, statements */
    MAL_AUDIT_USE_LOG =
        2, /* Ed25519: checkpoints (0x01), cosignatures (0x04) */
    MAL_AUDIT_USE_HPKE = 3, /* X25519: what is sealed to the party */
} mal_audit_use;

#define MAL_AUDIT_PARTY_MAX 63 /* bytes of a party's name: [a-z0-9_.-] */
#define MAL_AUDIT_SUITE_ED25519 1
#define MAL_AUDIT_SUITE_X25519 2

typedef struct mal_audit_key {
    char party[MAL_AUDIT_PARTY_MAX + 1];
    mal_audit_use use;
    uint32_t suite; /* MAL_AUDIT_SUITE_..., as the use asks for */
    uint32_t epoch;
    uint8_t pub[32];
    uint64_t not_before, not_after; /* Unix seconds, both inclusive */
} mal_audit_key;

/* An Ed25519 key pair that signs; sec is borrowed. */
typedef struct mal_audit_signer {
    uint8_t pub[32];
    const mal_key *sec;
} mal_audit_signer;

/* "malus.key/v1" as blob | party | use | suite | epoch | pub | not_before |
 * not_after | signature by the identity over all before it.  Appends to out. */
mal_err
mal_audit_key_statement_sign(mal_buf *out, const mal_audit_key *key,
                             const mal_audit_signer *identity) MAL_MUST_CHECK;
/* The same bytes around a signature made elsewhere; and back, without believing
 * anything yet.  MAL_E_INPUT unless they are the one encoding of a statement.
 */
mal_err mal_audit_key_statement_encode(mal_buf *out, const mal_audit_key *key,
                                       const uint8_t sig[64]) MAL_MUST_CHECK;
mal_err mal_audit_key_statement_decode(mal_audit_key *key, uint8_t sig[64],
                                       mal_bytes statement) MAL_MUST_CHECK;
/* Not the time: ask mal_audit_key_valid_at.  Wrong signature: MAL_E_AUTH. */
mal_err
mal_audit_key_statement_verify(mal_audit_key *key, mal_bytes statement,
                               const uint8_t identity_pub[32]) MAL_MUST_CHECK;
bool mal_audit_key_valid_at(const mal_audit_key *key, uint64_t now);

/* --- Signed notes (c2sp.org/signed-note) --------------------------------- */

#define MAL_AUDIT_NAME_MAX 255 /* of a key or an origin */
#define MAL_AUDIT_NOTE_MAX ((size_t)64 << 10)
#define MAL_AUDIT_SIGS_MAX 100
#define MAL_AUDIT_SIG_ED25519 0x01
#define MAL_AUDIT_SIG_COSIGN 0x04 /* c2sp.org/tlog-cosignature, Ed25519 */

/* A verifier key.  id = first 4 bytes of SHA-256(name, "\n", type, pub). */
typedef struct mal_audit_vkey {
    char name[MAL_AUDIT_NAME_MAX + 1]; /* no white space, no "+" */
    uint8_t type;                      /* MAL_AUDIT_SIG_... */
    uint32_t id;
    uint8_t pub[32];
} mal_audit_vkey;
mal_err mal_audit_vkey_make(mal_audit_vkey *vkey, const char *name,
                            uint8_t type, const uint8_t pub[32]) MAL_MUST_CHECK;
mal_err mal_audit_vkey_parse(mal_audit_vkey *vkey,
                             mal_bytes text) MAL_MUST_CHECK;
mal_err mal_audit_vkey_print(mal_buf *out,
                             const mal_audit_vkey *vkey) MAL_MUST_CHECK;

/* The name under which a party's log key signs and cosigns, and the origin of
 * its log: "malus/<party>/<16 hex digits of SHA-256(identity)>". */
#define MAL_AUDIT_ORIGIN_LEN (6 + MAL_AUDIT_PARTY_MAX + 1 + 16)
void mal_audit_origin(char out[MAL_AUDIT_ORIGIN_LEN + 1], const char *party,
                      const uint8_t identity_pub[32]);

/* Views into the note's bytes.  text ends in a newline. */
typedef struct mal_audit_note {
    mal_bytes text;
    mal_bytes sigs; /* the signature lines, each whole */
} mal_audit_note;
/* Form only: UTF-8, no control characters, 1 to 100 signature lines.  What is
 * no signature at all (not canonical base64) is MAL_E_AUTH. */
mal_err mal_audit_note_parse(mal_audit_note *note,
                             mal_bytes bytes) MAL_MUST_CHECK;
/* Which of the keys signed?  Unknown keys are ignored; one bad signature of a
 * known key rejects the whole note, as does a note that no known key signed.
 *
 * Out:     signed_by  [n], true where that key's signature verifies; may be
 * NULL. times      [n], the cosignature's time, 0 elsewhere; may be NULL. In:
 * vkeys      [n]; two with one name and id are ambiguous: MAL_E_STATE if the
 * note uses them. Errors:  MAL_E_AUTH
 */
mal_err mal_audit_note_verify(bool *signed_by, uint64_t *times,
                              const mal_audit_note *note,
                              const mal_audit_vkey *vkeys,
                              size_t n) MAL_MUST_CHECK;
/* Append one signature line for text: of type 0x01, or 0x04 if time > 0. */
mal_err mal_audit_note_sign_line(mal_buf *out, mal_bytes text, const char *name,
                                 const mal_audit_signer *signer,
                                 uint64_t time) MAL_MUST_CHECK;

/* --- Checkpoints (c2sp.org/tlog-checkpoint) ------------------------------ */

typedef struct mal_audit_checkpoint {
    char origin[MAL_AUDIT_NAME_MAX + 1];
    uint64_t size; /* < 2^63 */
    mal_prim_hash root;
} mal_audit_checkpoint;
/* The text of a note.  Strict: a 32-byte root, no leading zeros. */
mal_err mal_audit_checkpoint_parse(mal_audit_checkpoint *cp,
                                   mal_bytes text) MAL_MUST_CHECK;
mal_err mal_audit_checkpoint_print(mal_buf *out, const mal_audit_checkpoint *cp)
    MAL_MUST_CHECK;

/* --- The log (c2sp.org/tlog-tiles) --------------------------------------- */

#define MAL_AUDIT_ENTRY_MAX ((size_t)65535)
#define MAL_AUDIT_PROOF_MAX 64 /* hashes */

typedef struct mal_audit_log mal_audit_log; /* opaque; thread-safe */
/* Open or create, exclusively (a second opener gets MAL_E_STATE).  What a crash
 * left unfinished is finished or forgotten here; a folder whose tiles do not
 * give the root that was last signed is refused (MAL_E_IO). */
mal_err mal_audit_log_open(mal_audit_log **log, const char *dir,
                           const char *origin,
                           const mal_audit_signer *signer) MAL_MUST_CHECK;
void mal_audit_log_close(mal_audit_log *log);
void mal_audit_log_auto(mal_audit_log **log);
uint64_t mal_audit_log_size(mal_audit_log *log);
const mal_audit_vkey *mal_audit_log_vkey(const mal_audit_log *log);

/* Append n entries at once, all or none.
 *
 * Order: entries and tiles are synced; then the (size, root) about to be
 * signed; then the checkpoint is renamed into place.  So no size ever has two
 * roots.
 *
 * Out:     first      index of entries[0]; may be NULL.
 * In:      entries    [n], each <= MAL_AUDIT_ENTRY_MAX bytes.
 * Cost:    about 8 syncs, however large the batch.
 * Errors:  MAL_E_IO   not appended, or (after the size was signed) the log asks
 *                     to be opened again: every later call is MAL_E_STATE.
 */
mal_err mal_audit_log_append(mal_audit_log *log, uint64_t *first,
                             const mal_bytes *entries, size_t n) MAL_MUST_CHECK;
/* The newest signed checkpoint, with the cosignatures published so far. */
mal_err mal_audit_log_checkpoint(mal_audit_log *log,
                                 mal_buf *note) MAL_MUST_CHECK;
/* Put cosignature lines beside our own signature in the checkpoint file, if the
 * head still is what they signed (else MAL_E_STATE).  They are not verified. */
mal_err mal_audit_log_publish(mal_audit_log *log, uint64_t size,
                              mal_bytes lines) MAL_MUST_CHECK;
mal_err mal_audit_log_read(mal_audit_log *log, mal_buf *entry,
                           uint64_t index) MAL_MUST_CHECK; /* appends */
mal_err mal_audit_log_root(mal_audit_log *log, mal_prim_hash *root,
                           uint64_t size) MAL_MUST_CHECK;
/* path has room for MAL_AUDIT_PROOF_MAX. */
mal_err mal_audit_log_prove(mal_audit_log *log, mal_prim_hash *path, size_t *n,
                            uint64_t index, uint64_t size) MAL_MUST_CHECK;
mal_err mal_audit_log_prove_consistency(mal_audit_log *log, mal_prim_hash *path,
                                        size_t *n, uint64_t size1,
                                        uint64_t size2) MAL_MUST_CHECK;
/* Does our log continue the head that a peer last cosigned (rule 21)?
 * MAL_E_STATE: we are behind it; MAL_E_AUTH: another root at that size. */
mal_err mal_audit_log_continues(mal_audit_log *log, uint64_t size,
                                const mal_prim_hash *root) MAL_MUST_CHECK;
/* Recompute every tile and the root from the entries of a folder that nobody
 * has open, and verify its checkpoint. */
mal_err mal_audit_log_check(const char *dir, const mal_audit_vkey *vkey,
                            uint64_t *size) MAL_MUST_CHECK;

/* The right edge of a growing tree, for those who only need its root. */
typedef struct mal_audit_tree {
    uint64_t size;
    mal_prim_hash stack[64]; /* roots of full subtrees, the tallest first */
} mal_audit_tree;
void mal_audit_tree_add(mal_audit_tree *tree, mal_bytes entry);
void mal_audit_tree_root(const mal_audit_tree *tree, mal_prim_hash *root);

/* A tile's path: "tile/0/x001/234.p/5"; level -1 is an entry bundle.  width 0
 * or 256: full.  Parsing is strict. */
mal_err mal_audit_tile_path(mal_buf *out, int level, uint64_t index,
                            unsigned width) MAL_MUST_CHECK;
mal_err mal_audit_tile_parse(int *level, uint64_t *index, unsigned *width,
                             mal_bytes path) MAL_MUST_CHECK;

/* --- Proofs that travel (c2sp.org/tlog-proof@v1) ------------------------- */

typedef struct mal_audit_proof {
    uint64_t index;
    size_t n;
    mal_prim_hash path[MAL_AUDIT_PROOF_MAX];
    mal_bytes checkpoint; /* the whole signed note, a view */
} mal_audit_proof;
/* Whose signatures count: the log's, and at least quorum of the witnesses'. */
typedef struct mal_audit_policy {
    mal_audit_vkey log;
    const mal_audit_vkey *witnesses;
    size_t n_witnesses, quorum;
} mal_audit_policy;
#define MAL_AUDIT_WITNESSES_MAX 64

mal_err mal_audit_proof_parse(mal_audit_proof *proof,
                              mal_bytes text) MAL_MUST_CHECK;
mal_err mal_audit_proof_print(mal_buf *out,
                              const mal_audit_proof *proof) MAL_MUST_CHECK;
/* The proof text for an entry of our log in the given signed checkpoint note.
 */
mal_err mal_audit_proof_make(mal_buf *out, mal_audit_log *log, uint64_t index,
                             mal_bytes checkpoint_note) MAL_MUST_CHECK;
/* Out (each may be NULL): the checkpoint, [n_witnesses] who cosigned, and when.
 */
mal_err mal_audit_proof_verify(mal_audit_checkpoint *cp, bool *cosigned,
                               uint64_t *times, const mal_audit_proof *proof,
                               mal_bytes entry,
                               const mal_audit_policy *policy) MAL_MUST_CHECK;

/* --- Witness (c2sp.org/tlog-witness) ------------------------------------- */

typedef struct mal_audit_witness mal_audit_witness; /* opaque; thread-safe */
/* path: its database file. */
mal_err mal_audit_witness_open(mal_audit_witness **witness, const char *path,
                               const char *name,
                               const mal_audit_signer *signer) MAL_MUST_CHECK;
void mal_audit_witness_close(mal_audit_witness *witness);
void mal_audit_witness_auto(mal_audit_witness **witness);
/* Believe this key for this origin, for as long as the witness is open.  The
 * state of an origin survives a change of its key. */
mal_err mal_audit_witness_trust(mal_audit_witness *witness, const char *origin,
                                const mal_audit_vkey *vkey) MAL_MUST_CHECK;

typedef struct mal_audit_seen {
    uint64_t size; /* 0: nothing was cosigned yet */
    mal_prim_hash root;
    uint64_t time; /* of our cosignature */
} mal_audit_seen;
/* Cosign a head that extends the last one we cosigned; durable before it
 * returns.
 *
 * Out:     lines      our cosignature line, appended.
 *          seen       may be NULL: the last head, also when refused as stale.
 * In:      old_size   must be what we cosigned last (0: nothing).
 *          now        Unix seconds > 0.
 * Errors:  MAL_E_MISSING  unknown origin (404).
 *          MAL_E_AUTH     not signed by the log (403).
 *          MAL_E_INPUT    malformed, or old_size > size (400).
 *          MAL_E_STATE    old_size is not what we saw last (409).
 *          MAL_E_DENIED   the proof is wrong, or another root for one size
 * (422).
 */
mal_err mal_audit_witness_cosign(mal_audit_witness *witness, mal_buf *lines,
                                 mal_audit_seen *seen, uint64_t old_size,
                                 const mal_prim_hash *proof, size_t n,
                                 mal_bytes checkpoint_note,
                                 uint64_t now) MAL_MUST_CHECK;
/* The same as a message: "old N\n", proof lines, "\n", note.  *status as
 * HTTP's; answer: cosignature lines (200), the size we know (409), else a
 * reason. Fails only where the witness itself does (MAL_E_IO, MAL_E_MEMORY). */
mal_err mal_audit_witness_answer(mal_audit_witness *witness, mal_buf *answer,
                                 int *status, mal_bytes request,
                                 uint64_t now) MAL_MUST_CHECK;
mal_err mal_audit_witness_request(mal_buf *out, uint64_t old_size,
                                  const mal_prim_hash *proof, size_t n,
                                  mal_bytes checkpoint_note) MAL_MUST_CHECK;
/* seen->size is 0 if there is none; note (may be NULL): the note we cosigned.
 */
mal_err mal_audit_witness_last(mal_audit_witness *witness, mal_audit_seen *seen,
                               mal_buf *note,
                               const char *origin) MAL_MUST_CHECK;
/* The greatest time in any cosignature given, or noted from peers (rule 21):
 * contract dates never run backwards. */
mal_err mal_audit_witness_time(mal_audit_witness *witness,
                               uint64_t *time) MAL_MUST_CHECK;
/* A verified cosignature of a peer carried this time. */
mal_err mal_audit_witness_note_time(mal_audit_witness *witness,
                                    uint64_t time) MAL_MUST_CHECK;

#endif
