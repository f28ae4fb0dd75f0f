/* obl_parties.h - three parties as threads over memory, and tables in the plain
 * that a slow model computes on. */
#ifndef OBL_PARTIES_H
#define OBL_PARTIES_H

#include "../oblivious_impl.h"
#include "mal_test.h"

/* --- a channel that notes the sizes of what it sends ---------------------- */

typedef struct noting {
    mal_chan chan; /* first */
    mal_chan *under;
    uint64_t trace; /* of the sizes, in their order */
} noting;

static mal_err noting_send(mal_chan *chan, mal_bytes message) {
    noting *c = (noting *)chan;
    c->trace = (c->trace ^ message.len) * 0x100000001b3u;
    return mal_chan_send(c->under, message);
}

static mal_err noting_recv(mal_chan *chan, mal_buf *message, size_t len_max) {
    return mal_chan_recv(((noting *)chan)->under, message, len_max);
}

static void noting_close(mal_chan *chan) {
    mal_chan_close(&((noting *)chan)->under);
}

/* --- three parties -------------------------------------------------------- */

typedef mal_err (*obl_body)(mal_obl *o, void *ctx);

typedef struct obl_party {
    unsigned me;
    mal_share3_options options;
    obl_body body;
    void *ctx;
    noting noting[3];
    uint64_t before_rounds, before_bytes, rounds, bytes, parked;
    uint64_t trace[3]; /* of the sizes sent to each peer */
    mal_err err;
    char why[256];
} obl_party;

typedef struct obl_trio {
    obl_party p[3];
} obl_trio;

static mal_err obl_party_run(void *ctx, mal_mesh *mesh) {
    static const mal_chan_ops ops = { noting_send, noting_recv, noting_close };
    obl_party *p = &((obl_trio *)ctx)->p[mesh->me];
    mal_share3 *s = NULL;
    mal_obl *o = NULL;
    for (unsigned j = 0; j < 3; j++)
        if (j != p->me) {
            p->noting[j] = (noting){ { .ops = &ops }, mesh->chan[j], 0 };
            mesh->chan[j] = &p->noting[j].chan;
        }
    p->err = mal_share3_open(&s, mesh, &p->options);
    if (p->err == MAL_OK)
        p->err = mal_obl_open(&o, s);
    if (s) {
        p->before_rounds = mal_share3_count(s).rounds;
        p->before_bytes = mal_share3_count(s).bytes;
    }
    if (p->err == MAL_OK)
        p->err = p->body(o, p->ctx);
    if (s) {
        p->rounds = mal_share3_count(s).rounds;
        p->bytes = mal_share3_count(s).bytes;
        p->parked = mal_share3_count(s).parked;
    }
    snprintf(p->why, sizeof p->why, "%s", mal_err_message());
    for (unsigned j = 0; j < 3; j++)
        p->trace[j] = p->noting[j].trace;
    mal_mesh_close(mesh);
    mal_obl_close(&o);
    mal_share3_close(&s);
    return p->err;
}

/* Bytes of shares that each party may hold, 0: no limit; what rests may then go
 * to disk. */
__attribute__((unused)) static size_t obl_memory[3];

/* The caller looks at err of each. */
__attribute__((unused)) static void
obl_go(obl_trio *t, mal_share3_security security, obl_body body, void *ctx) {
    memset(t, 0, sizeof *t);
    for (unsigned i = 0; i < 3; i++) {
        obl_party *p = &t->p[i];
        p->me = i;
        p->err = MAL_E_STATE; /* has not run */
        memset(p->options.session, 7, 32);
        p->options.security = security;
        p->options.memory_max = obl_memory[i];
        p->options.spill_dir = obl_memory[i] ? mal_test_dir() : NULL;
        p->body = body;
        p->ctx = ctx;
    }
    mal_err err = mal_mesh_run(3, 60000, obl_party_run, t);
    (void)err;
}

/* All is well at all three; the bytes that party 0 put to disk. */
__attribute__((unused)) static uint64_t obl_run(obl_body body, void *ctx) {
    static obl_trio t;
    obl_go(&t, MAL_SHARE3_SEMI_HONEST, body, ctx);
    for (unsigned i = 0; i < 3; i++)
        CHECK_THAT(t.p[i].err == MAL_OK, "party %u: %s: %s", i,
                   mal_err_name(t.p[i].err), t.p[i].why);
    return t.p[0].parked;
}

/* The same where products are verified, if share3 does. */
__attribute__((unused)) static void obl_run_malicious(obl_body body,
                                                      void *ctx) {
    static obl_trio t;
    obl_go(&t, MAL_SHARE3_MALICIOUS, body, ctx);
    if (t.p[0].err == MAL_E_UNSUPPORTED)
        SKIP("share3 has no security malicious");
    for (unsigned i = 0; i < 3; i++)
        CHECK_THAT(t.p[i].err == MAL_OK, "party %u: %s: %s", i,
                   mal_err_name(t.p[i].err), t.p[i].why);
}

/* --- plain tables --------------------------------------------------------- */

#define PLAIN_ROWS 1024
#define PLAIN_COLUMNS 10

typedef struct plain_column {
    mal_obl_type type;
    int64_t v[PLAIN_ROWS];
    uint8_t null[PLAIN_ROWS];
} plain_column;

typedef struct plain {
    size_t n;
    unsigned n_columns;
    plain_column c[PLAIN_COLUMNS];
    uint8_t valid[PLAIN_ROWS];
} plain;

__attribute__((unused)) static int64_t rand_in(uint64_t *seed, int64_t lo,
                                               int64_t hi) {
    const uint64_t span = (uint64_t)hi - (uint64_t)lo + 1;
    const uint64_t r = mal_test_rand(seed);
    return (int64_t)((uint64_t)lo + (span ? r % span : r));
}

/* Values with duplicates and the edges of the range; a fifth NULL, of any
 * value. */
__attribute__((unused)) static void plain_fill(plain *t, uint64_t *seed) {
    for (unsigned i = 0; i < t->n_columns; i++) {
        plain_column *c = &t->c[i];
        for (size_t r = 0; r < t->n; r++) {
            const uint64_t how = mal_test_rand(seed) % 8;
            c->v[r] = how == 0        ? c->type.lo
                      : how == 1      ? c->type.hi
                      : how == 2 && r ? c->v[r - 1]
                                      : rand_in(seed, c->type.lo, c->type.hi);
            c->null[r] = c->type.nullable && mal_test_rand(seed) % 5 == 0;
        }
    }
    for (size_t r = 0; r < t->n; r++)
        t->valid[r] = mal_test_rand(seed) % 4 != 0;
}

/* Owners take turns. */
__attribute__((unused)) static mal_err plain_share(mal_obl *o, table *t,
                                                   const plain *p) {
    MAL_TRY(mal_obl_table_new(o, t, p->n, p->n_columns, 0));
    for (unsigned i = 0; i < p->n_columns; i++) {
        const plain_column *c = &p->c[i];
        const bool mine = o->s && o->me == i % 3;
        MAL_TRY(mal_obl_column_input(o, &t->columns[i], &c->type, i % 3,
                                     mine ? c->v : NULL, mine ? c->null : NULL,
                                     p->n));
    }
    uint64_t plane[PLAIN_ROWS / 64] = { 0 };
    for (size_t r = 0; r < p->n; r++)
        plane[r / 64] |= (uint64_t)p->valid[r] << (r & 63);
    mal_share3_bits_clear(&t->valid);
    return obl_input(o, &t->valid, 1, plane, p->n, 1);
}

/* What party 0 sees; the others look into a place of their own. */
__attribute__((unused)) static mal_err plain_open(mal_obl *o, plain *p,
                                                  table *t) {
    plain *mine = o->s && o->me == 0 ? p : mal_calloc(1, sizeof *mine);
    if (!mine)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    assert(t->n <= PLAIN_ROWS && t->n_columns <= PLAIN_COLUMNS);
    mine->n = t->n;
    mine->n_columns = t->n_columns;
    mal_err err = mal_obl_valid_open(o, mine->valid, t);
    for (unsigned i = 0; i < t->n_columns && err == MAL_OK; i++) {
        plain_column *c = &mine->c[i];
        c->type = t->columns[i].type;
        err = mal_obl_column_open(o, c->v, c->null, t, i);
    }
    if (mine != p)
        mal_free(mine);
    return err;
}

#endif
