/* noise.c - how wide an answer's noise is, and this party's part of it. */
#include "room_impl.h"

mal_err room_noise_bounds(room_noise *noise, unsigned n, unsigned share_k) {
    MAL_TRY(mal_dp_halfwidth(&noise->halfwidth, noise->t, n, share_k));
    return mal_dp_tail(&noise->tail, noise->t, n, share_k);
}

static mal_err noise_drbg(mal_room *room, const room_job *job,
                          mal_prim_drbg **drbg) {
    mal_bytes roots[ROOM_DATASETS_MAX];
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    for (unsigned i = 0; i < job->accept.n_datasets; i++)
        roots[i] = mal_bytes_of(job->accept.datasets[i].root.b, 32);
    MAL_TRY(mal_dp_noise_key(
        &key, mal_key_view(mal_kms_node_secret(room->config.kms)),
        mal_bytes_of(job->id.b, 32), mal_bytes_of(job->judged.plan_hash.b, 32),
        roots, job->accept.n_datasets));
    return mal_prim_drbg_new(drbg, mal_key_view(&key));
}

mal_err room_noise_draw(int64_t *out, size_t n, const room_noise *noise,
                        unsigned share_k, mal_prim_drbg *drbg) {
    return mal_dp_laplace_share(out, n, noise->t.num, noise->t.den, share_k,
                                drbg);
}

static mal_err draw_training(int64_t *out, const room_judged *j,
                             mal_prim_drbg *drbg) {
    const mal_sql_training *t = j->physical->training;
    const room_noise *n = j->noise;
    if (n->deviation)
        MAL_TRY(mal_dp_gauss_share(out, t->release.words, n->deviation, drbg));
    else
        MAL_TRY(room_noise_draw(out, t->release.words, n, j->share_k, drbg));
    if (!t->counted)
        return MAL_OK;
    return room_noise_draw(out + t->release.words, 1, &j->noise[1], j->share_k,
                           drbg);
}

/* Our part of every cell's noise, [agg][cell]; rule 15 keys it. */
mal_err room_draw_noise(mal_room *room, room_job *job, int64_t **out) {
    const room_judged *j = &job->judged;
    const mal_sql_physical *p = j->physical;
    int64_t *noise =
        mal_arena_calloc(job->arena, room_noise_words(p), sizeof *noise);
    if (!noise)
        return MAL_E_MEMORY;
    *out = noise;
#ifdef MAL_TEST_BUILD
    if (job->request.prenoise && room->contract->test)
        return MAL_OK;
#endif
    MAL_AUTO(mal_prim_drbg_auto) mal_prim_drbg *drbg = NULL;
    MAL_TRY(noise_drbg(room, job, &drbg));
    if (p->training)
        return draw_training(noise, j, drbg);
    for (unsigned a = 0; a < p->n_aggs; a++)
        MAL_TRY(room_noise_draw(noise + a * p->n_cells, p->n_cells,
                                &j->noise[a], j->share_k, drbg));
    if (p->shrink.at)
        MAL_TRY(room_noise_draw(noise + p->n_aggs * p->n_cells, 1,
                                &j->noise[p->n_aggs], j->share_k, drbg));
    return MAL_OK;
}
