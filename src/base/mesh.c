/* mesh.c - the parties of one run as threads of one process.
 *
 * A party that ends closes its channels, so that whoever still waits for it is
 * told so and ends as well: a failure of one is a failure of all, and nobody
 * waits out the time limit.  Which failure was first is not known by its time
 * but by its class: those that only lost a peer have MAL_E_PEER.
 */
#include "base_impl.h"

#include <string.h>

typedef struct party {
    mal_mesh mesh;
    mal_err (*body)(void *ctx, mal_mesh *mesh);
    void *ctx;
    mal_thread *thread; /* none for the last party, and where none started */
    mal_err err;
    char message[1024], trail[4096];
} party;

void mal_mesh_close(mal_mesh *mesh) {
    for (unsigned j = 0; j < MAL_PARTIES_MAX; j++)
        mal_chan_close(&mesh->chan[j]);
}

static mal_err connect_all(party *p, unsigned n, unsigned timeout_ms) {
    for (unsigned i = 0; i < n; i++) {
        p[i].mesh.n = n;
        p[i].mesh.me = i;
        for (unsigned j = 0; j < i; j++)
            MAL_TRY(mal_chan_pair(&p[i].mesh.chan[j], &p[j].mesh.chan[i],
                                  timeout_ms));
    }
    return MAL_OK;
}

static void play(void *at) {
    party *p = at;
    mal_err_forget();
    p->err = p->body(p->ctx, &p->mesh);
    strncpy(p->message, mal_err_message(), sizeof p->message - 1);
    strncpy(p->trail, mal_err_trail(), sizeof p->trail - 1);
    mal_mesh_close(&p->mesh);
}

/* Where a thread does not start, those before it lose their peers, and end. */
static mal_err play_all(party *p, unsigned n) {
    mal_err err = MAL_OK;
    for (unsigned i = 0; i + 1 < n && err == MAL_OK; i++)
        err = mal_thread_start(&p[i].thread, play, &p[i]);
    if (err == MAL_OK)
        play(&p[n - 1]);
    for (unsigned i = 0; i < n; i++)
        if (!p[i].thread)
            mal_mesh_close(&p[i].mesh);
    for (unsigned i = 0; i < n; i++)
        mal_thread_join(&p[i].thread);
    return err;
}

/* The first that failed of itself, else the first that failed. */
static mal_err first_failure(const party *p, unsigned n) {
    const party *first = NULL;
    for (unsigned i = 0; i < n; i++)
        if (p[i].err != MAL_OK &&
            (!first || (first->err == MAL_E_PEER && p[i].err != MAL_E_PEER)))
            first = &p[i];
    if (!first)
        return MAL_OK;
    mal_err_adopt(first->message, first->trail);
    return mal_err_trace(first->err, __FILE__, __LINE__);
}

mal_err mal_mesh_run(unsigned n, unsigned timeout_ms,
                     mal_err (*body)(void *ctx, mal_mesh *mesh), void *ctx) {
    MAL_REQUIRE(n >= 1 && n <= MAL_PARTIES_MAX, MAL_E_LIMIT,
                "%u parties: 1 to %d may run", n, MAL_PARTIES_MAX);
    party *p = mal_calloc(n, sizeof *p);
    if (!p)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    for (unsigned i = 0; i < n; i++) {
        p[i].body = body;
        p[i].ctx = ctx;
    }
    mal_err err = connect_all(p, n, timeout_ms);
    if (err == MAL_OK)
        err = play_all(p, n);
    for (unsigned i = 0; i < n; i++)
        mal_mesh_close(&p[i].mesh);
    if (err == MAL_OK)
        err = first_failure(p, n);
    mal_free(p);
    return err;
}
