/* mpc_impl.h - messages with a header, a place in the order, and a hash.
 *
 *     offset  0  "mpc" and the version, 1
 *             4  type, u32
 *             8  place in the stream of its sender, u32 from 0
 *            12  items in the body, u32
 *            16  the bound session: a hash of session id and all parameters
 *            48  body
 *
 * The receiver knows type, place, items and length beforehand; anything else is
 * refused with one error that does not say why.
 */
#ifndef MALUS_MPC_IMPL_H
#define MALUS_MPC_IMPL_H

#include <malus/mpc.h>

#define HEADER 48

/* The one answer to a peer that breaks the protocol. */
#define PEER_BROKE "the peer broke the protocol: the run is void"
#define REQUIRE_PEER(cond) MAL_REQUIRE(cond, MAL_E_PEER, PEER_BROKE)

typedef struct mpc_wire {
    mal_chan *chan; /* borrowed */
    mal_prim_hash session;
    mal_prim_sha256 *sent, *received;
    uint32_t places_sent, places_received;
    mal_buf out, in;
} mpc_wire;

mal_err mpc_wire_init(mpc_wire *w, mal_chan *chan,
                      const mal_prim_hash *session) MAL_MUST_CHECK;
void mpc_wire_clear(mpc_wire *w);
/* Start a message in w->out; put the body there; send it. */
mal_err mpc_wire_begin(mpc_wire *w, uint32_t type, size_t items) MAL_MUST_CHECK;
mal_err mpc_wire_send(mpc_wire *w) MAL_MUST_CHECK;
/* The next message must be exactly this; body lies in w->in. */
mal_err mpc_wire_recv(mpc_wire *w, const uint8_t **body, uint32_t type,
                      size_t items, size_t body_len) MAL_MUST_CHECK;
void mpc_wire_hashes(const mpc_wire *w, mal_prim_hash *sent,
                     mal_prim_hash *received);

#endif
