/* train_parties.h - three parties as threads over memory, and a fit of a set in
 * the clear whose columns party i % 3 inputs. */
#ifndef TRAIN_PARTIES_H
#define TRAIN_PARTIES_H

#include "../plain.h"
#include "../train_impl.h"
#include "mal_test.h"

#include <math.h>

typedef mal_err (*trio_body)(mal_share3 *s, void *ctx);

/* Notes the sizes of what it sends. */
typedef struct noting {
    mal_chan chan; /* first */
    mal_chan *under;
    uint64_t trace;
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

typedef struct party {
    mal_share3_options options;
    trio_body body;
    void *ctx;
    uint64_t fail_at;
    noting noting[3];
    mal_share3_counters count;
    mal_err err;
    char why[256];
} party;

static mal_err party_run(void *ctx, mal_mesh *mesh) {
    static const mal_chan_ops ops = { noting_send, noting_recv, noting_close };
    party *p = (party *)ctx + mesh->me;
    mal_share3 *s = NULL;
    for (unsigned j = 0; j < 3; j++)
        if (j != mesh->me) {
            p->noting[j] = (noting){ { .ops = &ops }, mesh->chan[j], 0 };
            mesh->chan[j] = &p->noting[j].chan;
        }
    if (p->fail_at && mesh->me == 2) /* the last to start */
        mal_alloc_fail_at(p->fail_at);
    p->err = mal_share3_open(&s, mesh, &p->options);
    if (p->err == MAL_OK)
        p->err = p->body(s, p->ctx);
    if (s)
        p->count = mal_share3_count(s);
    snprintf(p->why, sizeof p->why, "%s", mal_err_message());
    mal_mesh_close(mesh);
    mal_share3_close(&s);
    return p->err;
}

static unsigned trio_timeout_ms = 20000;
static mal_share3_security trio_security = MAL_SHARE3_SEMI_HONEST;

/* The caller looks at err of each.  fail_at: this allocation after the channels
 * are there; 0: none. */
static void trio_go(party p[3], trio_body body, void *ctx, uint64_t fail_at) {
    memset(p, 0, 3 * sizeof *p);
    for (unsigned i = 0; i < 3; i++) {
        memset(p[i].options.session, 7, 32);
        p[i].options.security = trio_security;
        p[i].body = body;
        p[i].ctx = ctx;
        p[i].fail_at = fail_at;
        p[i].err = MAL_E_STATE; /* has not run */
    }
    mal_err err = mal_mesh_run(3, trio_timeout_ms, party_run, p);
    (void)err;
}

__attribute__((unused)) static void trio_run(party p[3], trio_body body,
                                             void *ctx) {
    trio_go(p, body, ctx, 0);
    for (unsigned i = 0; i < 3; i++)
        CHECK_THAT(p[i].err == MAL_OK, "party %u: %s: %s", i,
                   mal_err_name(p[i].err), p[i].why);
}

/* --- a fit ---------------------------------------------------------------- */

typedef struct fit {
    const train_set *set;
    const uint64_t *valid; /* [rows / 64], or NULL */
    mal_train_options options[3];
    bool logistic;
    uint64_t overflow; /* added to the words of the first column's row 0 */
    mal_share3_counters before[3]; /* the fit: inputs */
    uint64_t model[3][MAL_TRAIN_FEATURES_MAX + 1];
    double w[MAL_TRAIN_FEATURES_MAX + 1];
} fit;

static mal_err fit_input(mal_share3 *s, fit *f, mal_share3_words *c,
                         uint64_t *words) {
    for (unsigned j = 0; j <= f->set->features; j++) {
        train_set_words(words, f->set, j);
        if (j == 0)
            words[0] += f->overflow;
        MAL_TRY(mal_share3_words_input(s, &c[j], j % 3,
                                       mal_share3_me(s) == j % 3 ? words : NULL,
                                       f->set->rows));
    }
    return MAL_OK;
}

static mal_err fit_columns(mal_share3 *s, fit *f, mal_share3_words *c,
                           uint64_t *words) {
    TRAIN_AUTO_WORDS w = { 0 };
    TRAIN_AUTO_BITS valid = { 0 };
    const unsigned d = f->set->features + 1, me = mal_share3_me(s);
    MAL_TRY(fit_input(s, f, c, words));
    if (f->valid)
        MAL_TRY(mal_share3_bits_input(s, &valid, 0, me ? NULL : f->valid,
                                      f->set->rows, 1));
    const mal_train_data data = {
        .rows = f->set->rows,
        .features = d - 1,
        .columns = c,
        .label = &c[d - 1],
        .valid = f->valid ? &valid : NULL,
    };
    f->before[me] = mal_share3_count(s);
    MAL_TRY((f->logistic ? mal_train_logistic
                         : mal_train_linear)(s, &w, &data, &f->options[me]));
    return mal_share3_words_open(s, f->model[me], &w);
}

static mal_err fit_body(mal_share3 *s, void *ctx) {
    fit *f = ctx;
    const unsigned d = f->set->features + 1;
    mal_share3_words *c = calloc(d, sizeof *c);
    uint64_t *words = calloc(f->set->rows, sizeof *words);
    if (!c || !words)
        abort();
    const mal_err err = fit_columns(s, f, c, words);
    for (unsigned j = 0; j < d; j++)
        mal_share3_words_clear(&c[j]);
    free(c);
    free(words);
    return err;
}

/* All three fit; f->w is what they open. */
__attribute__((unused)) static void fit_go(party p[3], fit *f, unsigned steps,
                                           uint64_t ridge_nano) {
    for (unsigned i = 0; i < 3; i++) {
        f->options[i].steps = steps;
        f->options[i].ridge_nano = ridge_nano;
    }
    trio_run(p, fit_body, f);
    for (unsigned j = 0; j <= f->set->features; j++) {
        CHECK(f->model[0][j] == f->model[1][j]);
        CHECK(f->model[0][j] == f->model[2][j]);
        f->w[j] =
            ldexp((double)(int64_t)f->model[0][j], -MAL_TRAIN_WEIGHT_BITS);
    }
}

__attribute__((unused)) static double plain_accuracy(const double *w,
                                                     const train_set *set) {
    double score[2000];
    assert(set->rows <= 2000);
    train_plain_scores(score, w, set);
    return train_plain_score_accuracy(score, set);
}
__attribute__((unused)) static double plain_r2(const double *w,
                                               const train_set *set) {
    double score[2000];
    assert(set->rows <= 2000);
    train_plain_scores(score, w, set);
    return train_plain_score_r2(score, set);
}

__attribute__((unused)) static double fit_distance(const fit *f,
                                                   const double *w) {
    double most = 0;
    for (unsigned j = 0; j <= f->set->features; j++)
        most = fmax(most, fabs(f->w[j] - w[j]));
    return most;
}

#endif
